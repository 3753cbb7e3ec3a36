//! Half the squared cluster norm: a weak ridge on a few directions, a strong one on all others.
//!
//! `1/2 min_S tr(W S^-1 W')` over `S` with eigenvalues from `1 / outside` to `1 / inside` and the
//! trace that `dimensions` of them at `1 / inside` and the rest at `1 / outside` have: the convex
//! hull of all choices of so many directions, in which coefficients pay `inside/2 |.|^2`, and
//! `outside/2 |.|^2` elsewhere. It depends on the singular values `s_i` of `W` alone, `1/2 sum_i
//! s_i^2 / x_i`, so `S` may be a covariance of tasks or of features; the `x_i` come from
//! water-filling. The proximal map with a step `h` takes `s_i` to `s_i x_i / (x_i + h)`, where `x`
//! minimizes `sum_i s_i^2 / (x_i + h)`: water-filling once more, with all bounds raised by `h`.
//!
//! # References
//! Jacob, Bach, Vert, *Clustered multi-task learning: a convex formulation* (2008); `McDonald`,
//! Pontil, Stamos, *New perspectives on k-support and cluster norms* (2016), for the proximal map.

use faer::{Mat, MatRef};
use torso_math::{Spectrum, singular_values, water_fill};

use super::Penalty;

/// Half the squared cluster norm.
#[derive(Debug, Clone, Copy)]
pub struct ClusterNorm {
    /// The strength in the directions that are chosen, above 0.
    pub inside: f64,
    /// The strength in all others, at least `inside`.
    pub outside: f64,
    /// How many directions are chosen.
    pub dimensions: usize,
}

impl ClusterNorm {
    /// The `x_i + shift` for singular values of a matrix.
    fn capacities(&self, values: &[f64], shift: f64) -> Vec<f64> {
        let (low, high) = (1.0 / self.outside, 1.0 / self.inside);
        let (n, chosen) = (values.len() as f64, self.dimensions.min(values.len()) as f64);
        let sum = n * (low + shift) + chosen * (high - low);
        // Capacities depend on the ratios of energies alone, and squares of these do not overflow.
        let largest = values.first().copied().unwrap_or(0.0).max(f64::MIN_POSITIVE);
        let energies: Vec<f64> = values.iter().map(|s| (s / largest).powi(2)).collect();
        water_fill(&energies, low + shift, high + shift, sum)
    }

    /// The eigenvalues `x_i` of the best `S`, for the descending singular values of `W`. Directions
    /// that no coefficient uses share what is left.
    pub fn variances(&self, values: &[f64]) -> Vec<f64> {
        self.capacities(values, 0.0)
    }
}

impl Penalty for ClusterNorm {
    fn value(&self, w: MatRef<'_, f64>) -> f64 {
        let values = singular_values(w);
        let variances = self.variances(&values);
        0.5 * values.iter().zip(variances).map(|(s, x)| s * s / x).sum::<f64>()
    }

    fn shrink(&self, w: &mut Mat<f64>, step: f64) {
        let spectrum = Spectrum::of(w.as_ref());
        let low = 1.0 / self.outside;
        let shrunk = |(s, y): (&f64, f64)| s * ((y - step).max(low) / y);
        let capacities = self.capacities(&spectrum.values, step);
        let values: Vec<f64> = spectrum.values.iter().zip(capacities).map(shrunk).collect();
        *w = spectrum.rebuild(&values);
    }

    fn dual(&self, _: MatRef<'_, f64>) -> Option<f64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use torso_core::seed::{Seed, normal};

    use super::*;
    use crate::penalty::SquaredTrace;
    use crate::tasks::inner;

    fn draw(seed: u64, d: usize, n_tasks: usize) -> Mat<f64> {
        let mut stream = Seed(seed).stream("w", "", 0);
        Mat::from_fn(d, n_tasks, |_, _| normal(&mut stream))
    }

    const NORM: ClusterNorm = ClusterNorm { inside: 0.3, outside: 4.0, dimensions: 2 };

    /// `value(V) >= value(U) + <(W - U) / h, V - U>` for all V: the optimality of the map.
    #[test]
    fn the_proximal_map_leaves_a_subgradient() {
        for seed in 0..50 {
            let (d, n_tasks) = if seed % 2 == 0 { (5, 8) } else { (9, 4) };
            let w = draw(seed, d, n_tasks);
            let step = [0.01, 0.4, 7.0][(seed % 3) as usize];
            let mut u = w.clone();
            NORM.shrink(&mut u, step);
            let slope = faer::Scale(1.0 / step) * (&w - &u);
            let at = NORM.value(u.as_ref());
            for other in 0..20 {
                for size in [1e-3, 0.1, 3.0] {
                    let v = &u + faer::Scale(size) * draw(1000 + other, d, n_tasks);
                    let bound = at + inner(slope.as_ref(), (&v - &u).as_ref());
                    assert!(
                        NORM.value(v.as_ref()) >= bound - 1e-12 * bound.abs(),
                        "{seed} {other}"
                    );
                }
            }
        }
    }

    #[test]
    fn its_limits_are_ridge_and_the_squared_trace_norm() {
        let w = draw(7, 6, 5);
        let ridge = |strength: f64| 0.5 * strength * w.squared_norm_l2();
        let value = |inside, outside, dimensions| {
            ClusterNorm { inside, outside, dimensions }.value(w.as_ref())
        };
        assert!((value(2.0, 2.0, 3) / ridge(2.0) - 1.0).abs() < 1e-14);
        assert!((value(2.0, 9.0, 0) / ridge(9.0) - 1.0).abs() < 1e-14);
        assert!((value(2.0, 9.0, 5) / ridge(2.0) - 1.0).abs() < 1e-14);
        // Variances between almost 0 and 1 / 2, of the sum 1 / 2.
        let trace = SquaredTrace(2.0).value(w.as_ref());
        assert!((value(2.0, 1e12, 1) / trace - 1.0).abs() < 1e-6);
    }

    #[test]
    fn matrices_of_any_size_stay_finite() {
        for size in [0.0, 1e-300, 1e150] {
            let mut w = faer::Scale(size) * draw(3, 4, 6);
            NORM.shrink(&mut w, 0.5);
            assert!(w.norm_max().is_finite());
        }
        let mut none = Mat::zeros(0, 3);
        NORM.shrink(&mut none, 0.5);
        assert!(NORM.value(none.as_ref()).abs() < 1e-300);
    }
}
