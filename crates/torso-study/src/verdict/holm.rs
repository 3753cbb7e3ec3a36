//! Holm's correction: the chance that any of several calls is false stays below the level.
//!
//! The j-th smallest of m values of p is multiplied by m - j + 1, is never less than the one
//! before it, and never above 1. Valid whatever the dependence between the tests.
//!
//! # References
//! S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
//! Statistics 6, 1979.

/// The corrected p of each test, in the order given.
pub(super) fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut corrected = vec![1.0; p.len()];
    let mut floor = 0.0f64;
    for (before, &test) in order.iter().enumerate() {
        floor = floor.max(p[test] * (p.len() - before) as f64).min(1.0);
        corrected[test] = floor;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(found.iter().zip(expected).all(close), "{found:?}, expected {expected:?}");
    }

    #[test]
    fn four_tests_by_hand() {
        // .005 * 4 = .02, .01 * 3 = .03, .03 * 2 = .06, .04 * 1 is raised to .06.
        assert_close(&holm(&[0.01, 0.04, 0.03, 0.005]), &[0.03, 0.06, 0.06, 0.02]);
    }

    #[test]
    fn one_test_is_left_as_it_is_and_nothing_exceeds_1() {
        assert_close(&holm(&[0.2]), &[0.2]);
        assert_close(&holm(&[0.6, 0.5, 1.0]), &[1.0, 1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn equal_values_stay_equal() {
        assert_close(&holm(&[0.01, 0.01, 0.2]), &[0.03, 0.03, 0.2]);
    }
}
