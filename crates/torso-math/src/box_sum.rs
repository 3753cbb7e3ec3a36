//! The projection onto a box with a given sum: `argmin_x |x - v|^2` over `0 <= x_i <= u` and
//! `sum x = r`, also known as the continuous quadratic knapsack.
//!
//! The answer is `x_i = clip(v_i - t, 0, u)` for the shift `t` with the right sum. As `t` falls,
//! numbers leave 0 and reach `u` in the order of their sizes, at the breakpoints `v_i` and
//! `v_i - u`. So the sorted `v` splits into a head at `u`, a middle and a tail at 0. Two binary
//! searches over the breakpoints find where, and the middle shares what the head leaves over:
//! exact, and without `t`, which beside huge numbers would not hold a small sum.
//!
//! # Cost
//! `O(n log n)`.
//!
//! # References
//! K. C. Kiwiel, "On Linear-Time Algorithms for the Continuous Quadratic Knapsack Problem", 2007
//! (breakpoints; there by medians). Clustered learning needs it for the eigenvalues of its
//! relaxation: L. Jacob, F. Bach, J.-P. Vert, "Clustered Multi-Task Learning", NIPS 2008.

/// Projects `v` onto `{x : 0 <= x_i <= upper, sum x = sum}`, nearest in the Euclidean sense.
///
/// # Panics
/// If `upper` is not a finite number from 0 up, or no `x` has that sum: it must lie in
/// `[0, n upper]`, up to rounding.
pub fn project_onto_box_sum(v: &mut [f64], upper: f64, sum: f64) {
    assert!(upper >= 0.0 && upper.is_finite(), "the upper end {upper} is not a finite number >= 0");
    let room = v.len() as f64 * upper;
    assert!(
        sum >= 0.0 && sum <= room * (1.0 + 1e-12),
        "{} numbers from 0 to {upper} do not sum to {sum}",
        v.len()
    );
    let mut sorted = v.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    // The sum where number `at` is `height`; from there on in `sorted`, sums grow.
    let sum_where = |at: &f64, height: f64| -> f64 {
        sorted.iter().map(|x| (x - at + height).clamp(0.0, upper)).sum()
    };
    let head = sorted.partition_point(|at| sum_where(at, upper) <= sum);
    let tail = sorted.partition_point(|at| sum_where(at, 0.0) <= sum).max(head);
    let middle = &sorted[head..tail];
    // Numbers of the middle are told by their distance to its first.
    let first = middle.first().copied().unwrap_or(0.0);
    let distances: f64 = middle.iter().map(|x| x - first).sum();
    let height = (sum - head as f64 * upper - distances) / middle.len() as f64;
    let (last_full, first_empty) = (head.checked_sub(1).map(|at| sorted[at]), sorted.get(tail));
    for x in v {
        *x = if last_full.is_some_and(|full| *x >= full) {
            upper
        } else if first_empty.is_some_and(|empty| *x <= *empty) {
            0.0
        } else {
            (*x - first + height).clamp(0.0, upper)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_vectors::{for_1000_vectors, max_abs};

    /// The shift by bisection.
    fn reference(v: &[f64], upper: f64, sum: f64) -> Vec<f64> {
        let cut = |t: f64| -> Vec<f64> { v.iter().map(|x| (x - t).clamp(0.0, upper)).collect() };
        let reach = max_abs(v) + upper;
        let (mut low, mut high) = (-reach, reach);
        for _ in 0..200 {
            let middle = 0.5 * low + 0.5 * high;
            if cut(middle).iter().sum::<f64>() > sum { low = middle } else { high = middle }
        }
        cut(high)
    }

    fn projected(v: &[f64], upper: f64, sum: f64) -> Vec<f64> {
        let mut x = v.to_vec();
        project_onto_box_sum(&mut x, upper, sum);
        x
    }

    #[test]
    fn it_agrees_with_bisection_and_is_feasible() {
        for_1000_vectors(|v, strength| {
            let (n, size) = (v.len() as f64, max_abs(v));
            // Boxes from a tenth to ten times the spread; sums from nearly empty to nearly full.
            let upper = strength;
            let share = (strength / size).fract().clamp(0.01, 0.99);
            let sum = share * n * upper;
            let x = projected(v, upper, sum);
            for (x, expected) in x.iter().zip(reference(v, upper, sum)) {
                assert!((x - expected).abs() <= 1e-12 * (size + upper));
                assert!((0.0..=upper).contains(x));
            }
            assert!((x.iter().sum::<f64>() - sum).abs() <= 1e-13 * n * upper);
        });
    }

    #[test]
    fn no_feasible_point_is_nearer() {
        // The optimality condition of a projection: (v - x)' (y - x) <= 0 for every feasible y,
        // and the corners of the feasible set that differ most are pairs that trade a little.
        for_1000_vectors(|v, strength| {
            let (size, upper) = (max_abs(v), strength);
            let x = projected(v, upper, 0.37 * v.len() as f64 * upper);
            for i in 0..v.len() {
                for j in 0..v.len() {
                    if x[i] > 0.0 && x[j] < upper {
                        assert!((v[j] - x[j]) - (v[i] - x[i]) <= 1e-12 * (size + upper));
                    }
                }
            }
        });
    }

    #[test]
    fn hostile_vectors_are_projected_as_they_should() {
        assert!(projected(&[], 1.0, 0.0).is_empty());
        assert_eq!(projected(&[-5.0], 2.0, 1.5), [1.5], "one number has no choice");
        assert_eq!(projected(&[0.0; 4], 1.0, 3.0), [0.75; 4], "ties share evenly");
        assert_eq!(projected(&[1.0, 2.0, 3.0], 1.0, 0.0), [0.0; 3]);
        assert_eq!(projected(&[1.0, 2.0, 3.0], 1.0, 3.0), [1.0; 3]);
        assert_eq!(projected(&[1.0, 2.0, 3.0], 0.0, 0.0), [0.0; 3]);
        assert_eq!(projected(&[1e30, 0.0, 0.0], 1.0, 2.0), [1.0, 0.5, 0.5], "a huge number");
        assert_eq!(projected(&[-1e300, 1e300], 1.0, 1.5), [0.5, 1.0]);
        let x = projected(&[1e-300, 3e-300], 4e-300, 4e-300);
        assert!((x[0] / 1e-300 - 1.0).abs() < 1e-15 && (x[1] / 3e-300 - 1.0).abs() < 1e-15);
        assert_eq!(projected(&[f64::MAX, -f64::MAX], 1e-300, 1e-300), [1e-300, 0.0]);
        assert_eq!(projected(&[0.3; 10], 0.1, 10.0 * 0.1), [0.1; 10]);
    }

    #[test]
    #[should_panic(expected = "2 numbers from 0 to 1 do not sum to 2.5")]
    fn a_sum_out_of_reach_is_refused() {
        project_onto_box_sum(&mut [0.0, 0.0], 1.0, 2.5);
    }
}
