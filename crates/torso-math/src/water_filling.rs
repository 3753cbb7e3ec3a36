//! Spectral water-filling: `min_x sum_i e_i / x_i` over `low <= x_i <= high` and `sum x = sum`.
//!
//! With energies `e_i = sigma_i^2` the answer is `x_i = clip(nu sigma_i, low, high)` for the level
//! `nu` with the right sum: capacity goes where energy is, in proportion to its root. The sorted
//! `sigma` splits into a head at `high`, a middle and a tail at `low`. Two binary searches over the
//! breakpoints `high / sigma_i` and `low / sigma_i` find where, and the middle shares what the
//! others leave over, in proportion: exact, and without `nu`.
//!
//! Zero energies gain nothing from capacity. They stay at `low`, unless every other one is at
//! `high` and the sum wants more: then they share the rest evenly. So if all energies are zero, all
//! get `sum / n`.
//!
//! # Cost
//! `O(n log n)`.
//!
//! # References
//! L. Jacob, F. Bach, J.-P. Vert, "Clustered Multi-Task Learning: A Convex Formulation", NIPS 2008,
//! section 4: the inner minimum over the spectrum of the tasks' covariance.

/// The `x` that minimizes `sum energies_i / x_i` with `low <= x_i <= high` and the given sum, where
/// `0 / 0` counts as 0.
///
/// # Panics
/// If an energy is negative or not finite, if not `0 <= low <= high` with a finite `high`, or if no
/// `x` has that sum: it must lie in `[n low, n high]`, up to rounding.
pub fn water_fill(energies: &[f64], low: f64, high: f64, sum: f64) -> Vec<f64> {
    let n = energies.len();
    assert!(energies.iter().all(|e| *e >= 0.0 && e.is_finite()), "energies are finite and >= 0");
    assert!(0.0 <= low && low <= high && high.is_finite(), "no box from {low} to {high}");
    let slack = 1e-12 * n as f64 * high;
    assert!(
        sum >= n as f64 * low - slack && sum <= n as f64 * high + slack,
        "{n} numbers from {low} to {high} do not sum to {sum}"
    );
    let roots: Vec<f64> = energies.iter().map(|e| e.sqrt()).collect();
    let mut sorted: Vec<f64> = roots.iter().copied().filter(|root| *root > 0.0).collect();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let zeros = n - sorted.len();
    // What is left for all that have energy while the others are at `low`.
    let budget = sum - zeros as f64 * low;
    let idle = if zeros > 0 && budget > sorted.len() as f64 * high {
        ((sum - sorted.len() as f64 * high) / zeros as f64).clamp(low, high)
    } else {
        low
    };
    let split = Split::of(&sorted, low, high, budget);
    roots
        .iter()
        .map(|root| if *root > 0.0 { split.share(*root, low, high) } else { idle })
        .collect()
}

/// Which numbers of a descending list are at `high`, which at `low`, and the rate of the rest.
struct Split {
    /// From here up, all are at `high`.
    full: f64,
    /// From here down, all are at `low`.
    empty: f64,
    /// The largest number of the middle, and what it gets.
    reference: (f64, f64),
}

impl Split {
    fn of(sorted: &[f64], low: f64, high: f64, budget: f64) -> Self {
        // The sum where number `at` gets `share`; from there on in `sorted`, sums grow.
        let sum_where = |at: &f64, share: f64| -> f64 {
            sorted.iter().map(|root| proportional(*root, (*at, share)).clamp(low, high)).sum()
        };
        let head = sorted.partition_point(|at| sum_where(at, high) <= budget);
        let tail = sorted.partition_point(|at| sum_where(at, low) <= budget).max(head);
        let middle = &sorted[head..tail];
        let first = middle.first().copied().unwrap_or(1.0);
        let weight: f64 = middle.iter().map(|root| root / first).sum();
        let rest = budget - head as f64 * high - (sorted.len() - tail) as f64 * low;
        Self {
            full: if head > 0 { sorted[head - 1] } else { f64::INFINITY },
            empty: sorted.get(tail).copied().unwrap_or(0.0),
            reference: (first, if middle.is_empty() { low } else { rest / weight }),
        }
    }

    fn share(&self, root: f64, low: f64, high: f64) -> f64 {
        if root >= self.full {
            high
        } else if root <= self.empty {
            low
        } else {
            proportional(root, self.reference).clamp(low, high)
        }
    }
}

/// What `root` gets where the `reference` gets its share.
fn proportional(root: f64, (reference, share): (f64, f64)) -> f64 {
    // The bound keeps 0 times an overflown ratio from being no number.
    share * (root / reference).min(f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_vectors::{for_1000_vectors, max_abs};

    /// The violation of the optimality conditions: slopes `e / x^2` are one number `mu` strictly
    /// between the ends, at most `mu` at `low`, at least `mu` at `high`. Taken as roots
    /// `sigma_i / x_i` and beside their size.
    fn kkt_residual(roots: &[f64], x: &[f64], low: f64, high: f64) -> f64 {
        let slopes: Vec<f64> = roots.iter().zip(x).map(|(root, x)| root / x).collect();
        let size = max_abs(&slopes).max(f64::MIN_POSITIVE);
        let may_grow = (0..x.len()).filter(|at| x[*at] < high).map(|at| slopes[at]);
        let may_fall = (0..x.len()).filter(|at| x[*at] > low).map(|at| slopes[at]);
        let (most, least) = (may_grow.fold(0.0, f64::max), may_fall.fold(f64::INFINITY, f64::min));
        ((most - least) / size).max(0.0)
    }

    #[test]
    fn the_optimality_conditions_hold() {
        for_1000_vectors(|v, strength| {
            let (n, size) = (v.len() as f64, max_abs(v));
            let roots: Vec<f64> = v.iter().map(|x| (x / size).abs()).collect();
            let energies: Vec<f64> = roots.iter().map(|root| root * root).collect();
            let (low, high) = (0.01 * size, 0.01 * size + strength);
            let share = (strength / size).fract().clamp(0.01, 0.99);
            let sum = n * (low + share * (high - low));
            let x = water_fill(&energies, low, high, sum);
            assert!(x.iter().all(|x| (low..=high).contains(x)));
            assert!((x.iter().sum::<f64>() - sum).abs() <= 1e-12 * n * high);
            let residual = kkt_residual(&roots, &x, low, high);
            assert!(residual < 1e-10, "{residual}");
        });
    }

    #[test]
    fn it_agrees_with_bisection() {
        let roots = [3.0, 1.0, 0.4, 0.4, 0.05];
        let energies = roots.map(|root: f64| root * root);
        for sum in [0.6, 1.0, 1.7, 3.3, 4.5] {
            let cut = |nu: f64| roots.map(|root| (nu * root).clamp(0.1, 1.0));
            let (mut below, mut above) = (0.0, 100.0);
            for _ in 0..200 {
                let middle = 0.5 * (below + above);
                let total: f64 = cut(middle).iter().sum();
                if total < sum { below = middle } else { above = middle }
            }
            for (x, expected) in water_fill(&energies, 0.1, 1.0, sum).iter().zip(cut(above)) {
                assert!((x - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn zero_energies_get_what_is_left_evenly() {
        assert_eq!(water_fill(&[0.0; 4], 0.0, 1.0, 2.0), [0.5; 4]);
        assert_eq!(water_fill(&[4.0, 0.0, 0.0], 0.1, 1.0, 2.0), [1.0, 0.5, 0.5]);
        let x = water_fill(&[4.0, 1.0, 0.0], 0.1, 1.0, 1.0);
        assert!((x[0] - 0.6).abs() < 1e-15 && (x[1] - 0.3).abs() < 1e-15);
        assert_eq!(x[2..], [0.1], "nothing beyond the lower end while others can use it");
        assert_eq!(water_fill(&[4.0, 1.0, 0.0], 0.0, 3.0, 3.0), [2.0, 1.0, 0.0]);
    }

    #[test]
    fn hostile_energies_are_filled_as_they_should() {
        assert!(water_fill(&[], 0.1, 1.0, 0.0).is_empty());
        assert_eq!(water_fill(&[7.0], 0.1, 1.0, 0.4), [0.4], "one number has no choice");
        assert_eq!(water_fill(&[1.0, 9.0], 0.5, 0.5, 1.0), [0.5, 0.5]);
        assert_eq!(water_fill(&[1.0, 9.0], 0.0, 1.0, 0.0), [0.0, 0.0]);
        assert_eq!(water_fill(&[1.0, 9.0], 0.0, 1.0, 2.0), [1.0, 1.0]);
        assert_eq!(water_fill(&[1e300, 1e300], 0.1, 1.0, 1.0), [0.5, 0.5]);
        assert_eq!(water_fill(&[1e300, 1e-300], 0.0, 1.0, 1.5), [1.0, 0.5]);
        assert_eq!(water_fill(&[1e300, 1e-300], 0.1, 2.0, 1.0), [0.9, 0.1]);
        let x = water_fill(&[f64::MAX, 5e-324], 0.0, 1.0, 0.5);
        assert_eq!(x[..1], [0.5]);
        assert!(x[1] > 0.0 && x[1] < 1e-300, "the whole range: {x:?}");
        let x = water_fill(&[4.0, 1.0], 0.0, 1e300, 3e299);
        assert!((x[0] / 2e299 - 1.0).abs() < 1e-15 && (x[1] / 1e299 - 1.0).abs() < 1e-15);
    }

    #[test]
    #[should_panic(expected = "2 numbers from 0.1 to 1 do not sum to 0.1")]
    fn a_sum_out_of_reach_is_refused() {
        water_fill(&[1.0, 1.0], 0.1, 1.0, 0.1);
    }
}
