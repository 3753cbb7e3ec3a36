//! The projection onto the probability simplex.

/// Projects `values` onto `{w >= 0, sum w = 1}`, nearest in the Euclidean sense: a shift and a
/// cut at 0, the shift found by sorting (Held, Wolfe, Crowder 1974).
///
/// # Panics
/// If there are no values.
pub fn project_onto_simplex(values: &mut [f64]) {
    assert!(!values.is_empty(), "a simplex has at least one corner");
    // Relative to the largest: beside huge numbers the 1 that they are to sum to would be lost.
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for value in values.iter_mut() {
        *value -= largest;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut sum, mut shift) = (0.0, 0.0);
    for (at, value) in sorted.iter().enumerate() {
        sum += value;
        let candidate = (sum - 1.0) / (at + 1) as f64;
        if value - candidate > 0.0 {
            shift = candidate;
        }
    }
    for value in values {
        *value = (*value - shift).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::seed::{Seed, normal};

    /// The shift by bisection.
    fn reference(values: &[f64]) -> Vec<f64> {
        let total = |shift: f64| values.iter().map(|v| (v - shift).max(0.0)).sum::<f64>();
        let (mut low, mut high) = (-1e6, 1e6);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if total(middle) > 1.0 { low = middle } else { high = middle }
        }
        values.iter().map(|v| (v - low).max(0.0)).collect()
    }

    #[test]
    fn it_agrees_with_bisection() {
        let mut stream = Seed(1).stream("test", "", 0);
        for n in 1..60 {
            let mut values: Vec<f64> = (0..n).map(|_| 3.0 * normal(&mut stream)).collect();
            let expected = reference(&values);
            project_onto_simplex(&mut values);
            for (found, expected) in values.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-9);
            }
            assert!((values.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn the_size_of_the_values_does_not_matter() {
        let mut values = [-1e30, -2e30];
        project_onto_simplex(&mut values);
        assert_eq!(values[..], [1.0, 0.0]);
        let mut values = [1e18, 1e18];
        project_onto_simplex(&mut values);
        assert_eq!(values[..], [0.5, 0.5]);
    }
}
