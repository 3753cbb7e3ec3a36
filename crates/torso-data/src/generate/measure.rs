//! How near an answer is to the truth that a generator planted.

use std::collections::BTreeMap;

/// How far two partitions of the same items agree: 1 if they are equal (whatever the numbers of
/// the groups), 0 on average if one is by chance, below 0 if they agree less than that.
///
/// With `n_ij` items in group `i` of `a` and `j` of `b`, `n_i.` and `n_.j` the groups' sizes, and
/// `C` the number of pairs: `(sum C(n_ij) - E) / ((sum C(n_i.) + sum C(n_.j)) / 2 - E)`, where
/// `E = sum C(n_i.) sum C(n_.j) / C(n)` (Hubert and Arabie 1985). Two partitions that are both
/// one group, or both single items, are equal.
///
/// # Panics
/// If the partitions are not of equally many items.
pub fn adjusted_rand_index(a: &[usize], b: &[usize]) -> f64 {
    assert_eq!(a.len(), b.len(), "partitions of the same items");
    let both = pairs_within(a.iter().zip(b));
    let (of_a, of_b) = (pairs_within(a), pairs_within(b));
    let all = pairs(a.len());
    let by_chance = if all > 0.0 { of_a * of_b / all } else { 0.0 };
    let most = f64::midpoint(of_a, of_b);
    if most > by_chance { (both - by_chance) / (most - by_chance) } else { 1.0 }
}

/// Pairs of items that lie in the same group.
fn pairs_within<T: Ord>(groups: impl IntoIterator<Item = T>) -> f64 {
    let mut sizes = BTreeMap::new();
    for group in groups {
        *sizes.entry(group).or_insert(0) += 1;
    }
    sizes.into_values().map(pairs).sum()
}

fn pairs(n: usize) -> f64 {
    n as f64 * (n as f64 - 1.0) / 2.0
}

/// How well the coefficients that are not zero were found, from 0 to 1: the harmonic mean of the
/// share of found ones that are true, and that of true ones that were found. 1 if there are
/// neither.
///
/// # Panics
/// If there are not as many coefficients in `found` as in `truth`.
pub fn support_f1(found: &[f64], truth: &[f64]) -> f64 {
    assert_eq!(found.len(), truth.len(), "coefficients of the same model");
    let count = |weights: &[f64]| weights.iter().filter(|w| **w != 0.0).count();
    let both = found.iter().zip(truth).filter(|(f, t)| **f != 0.0 && **t != 0.0).count();
    let all = count(found) + count(truth);
    if all > 0 { 2.0 * both as f64 / all as f64 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusted_rand_index_is_that_of_the_formula() {
        let near = |a: &[usize], b: &[usize], expected: f64| {
            let found = adjusted_rand_index(a, b);
            assert!((found - expected).abs() < 1e-12, "{a:?} {b:?}: {found}, not {expected}");
        };
        near(&[0, 0, 1, 1], &[7, 7, 3, 3], 1.0);
        // One pair in common of 2 and 1, of 6 in all: (1 - 1/3) / (3/2 - 1/3).
        near(&[0, 0, 1, 1], &[0, 0, 1, 2], 4.0 / 7.0);
        // None in common of 2 and 2: (0 - 2/3) / (2 - 2/3).
        near(&[0, 0, 1, 1], &[0, 1, 0, 1], -0.5);
        near(&[0, 0, 0, 0], &[0, 1, 0, 1], 0.0);
        near(&[0, 0, 0], &[4, 4, 4], 1.0);
        near(&[0, 1, 2], &[2, 0, 1], 1.0);
        near(&[0, 1, 2], &[0, 0, 0], 0.0);
        near(&[0], &[1], 1.0);
        near(&[], &[], 1.0);
    }

    #[test]
    fn a_partition_by_chance_agrees_with_none_on_average() {
        let truth: Vec<usize> = (0..30).map(|item| item % 3).collect();
        let indexes = (0..500).map(|seed| {
            let mut other = truth.clone();
            let mut stream = torso_core::seed::Seed(seed).stream("partition", "", 0);
            torso_core::seed::shuffle(&mut other, &mut stream);
            adjusted_rand_index(&truth, &other)
        });
        let mean = indexes.sum::<f64>() / 500.0;
        assert!(mean.abs() < 0.01, "{mean}");
    }

    #[test]
    fn support_f1_is_the_harmonic_mean_of_precision_and_recall() {
        let truth = [1.0, -2.0, 0.0, 0.0, 3.0];
        // Two of three found, one of three false.
        let f1 = support_f1(&[0.1, 0.0, -1.0, 0.0, 5.0], &truth);
        assert!((f1 - 2.0 / 3.0).abs() < 1e-12);
        // All of three found, and two more: precision 3/5, recall 1.
        let f1 = support_f1(&[1.0; 5], &truth);
        assert!((f1 - 2.0 * 0.6 / 1.6).abs() < 1e-12);
        assert!((support_f1(&truth, &truth) - 1.0).abs() < 1e-12);
        assert!(support_f1(&[0.0; 5], &truth).abs() < 1e-12);
        assert!((support_f1(&[0.0, -0.0], &[0.0; 2]) - 1.0).abs() < 1e-12);
    }
}
