//! `min over a > 0 of 1/2 a' G a - sum_i weights_i psi(a_i)` with `psi'(a) = a^(-1/alpha)`: the
//! bargaining problems of several tasks.
//!
//! # Method
//! Newton's, damped by backtracking, after a change of variables that makes `a = 1` the answer for
//! orthogonal rows of any length. Convex, so that what it converges to is the minimizer.

use crate::gramian::{Gramian, dot};

/// Why no minimizer was found: there is none, or rounding is in its way.
#[derive(Debug, Clone, PartialEq)]
pub struct BarrierFailure {
    /// The largest `|a_i^(1/alpha) (G a)_i / weights_i - 1|` of the best iterate. Below 1, every
    /// `(G a)_i` is above 0.
    pub residual: f64,
    /// The best iterate.
    pub nearest: Vec<f64>,
}

/// What counts as solved, for the relative residual.
const TOLERANCE: f64 = 1e-11;
const MAX_STEPS: usize = 200;

/// The minimizer: the solution of `(G a)_i = weights_i a_i^(-1/alpha)` with `a > 0`, to a relative
/// residual below `1e-11` beyond rounding.
///
/// It exists and is unique where 0 is not in the convex hull of the rows of `J`; close to that
/// border rounding decides.
pub fn minimize_barrier(
    gramian: &Gramian,
    weights: &[f64],
    alpha: f64,
) -> Result<Vec<f64>, BarrierFailure> {
    let power = alpha.recip();
    // a = s b, with s such that the diagonal of S G S is the weight c of its barrier.
    let scale = gramian.diagonal().zip(weights).map(|(g, q)| (q / g).powf((1.0 + power).recip()));
    let scale: Vec<f64> = scale.collect();
    let scaled = gramian.scaled(&scale);
    let problem = Scaled { weights: scaled.diagonal().collect(), gramian: scaled, power };
    let (residual, b) = problem.minimize();
    let a = b.iter().zip(&scale).map(|(b, s)| b * s).collect();
    if residual < TOLERANCE { Ok(a) } else { Err(BarrierFailure { residual, nearest: a }) }
}

/// The problem in `b`: `(C b)_i = c_i b_i^-p` with `C_ii = c_i`.
struct Scaled {
    gramian: Gramian,
    weights: Vec<f64>,
    power: f64,
}

impl Scaled {
    /// The best iterate, after its residual.
    fn minimize(&self) -> (f64, Vec<f64>) {
        let n = self.weights.len();
        let mut b = vec![1.0; n];
        let mut best = (self.residual(&b), b.clone());
        for _ in 0..MAX_STEPS {
            let Some(step) = self.newton_step(&b) else { break };
            let length = self.length(&b, &step);
            b.iter_mut().zip(&step).for_each(|(b, step)| *b += length * step);
            let residual = self.residual(&b);
            let better = residual < best.0;
            if better {
                best = (residual, b.clone());
            }
            if best.0 < 1e-15 || (best.0 < TOLERANCE && !better) {
                break;
            }
        }
        best
    }

    fn objective(&self, b: &[f64]) -> f64 {
        let psi = |b: f64| {
            if (self.power - 1.0).abs() < 1e-12 {
                b.ln()
            } else {
                b.powf(1.0 - self.power) / (1.0 - self.power)
            }
        };
        let barrier: f64 = self.weights.iter().zip(b).map(|(c, b)| c * psi(*b)).sum();
        0.5 * self.gramian.squared_norm(b) - barrier
    }

    fn slope(&self, b: &[f64]) -> Vec<f64> {
        let product = self.gramian.times(b);
        let barrier = self.weights.iter().zip(b).map(|(c, b)| c * b.powf(-self.power));
        product.iter().zip(barrier).map(|(product, barrier)| product - barrier).collect()
    }

    /// The largest `|b_i^p (C b)_i / c_i - 1|`, less what rounding alone can make of it.
    fn residual(&self, b: &[f64]) -> f64 {
        let mut largest = 0.0;
        for (i, (c, own)) in self.weights.iter().zip(b).enumerate() {
            let row = self.gramian.row(i);
            let barrier = c * own.powf(-self.power);
            let size: f64 = row.iter().zip(b).map(|(g, b)| (g * b).abs()).sum();
            let rounding = (8.0 * f64::EPSILON * size / barrier).min(1e-7);
            let residual = ((dot(row, b) / barrier - 1.0).abs() - rounding).max(0.0);
            // `max` would pass a NaN over.
            if residual > largest || barrier.is_nan() {
                largest = residual;
            }
        }
        largest
    }

    /// `-H^-1 slope`.
    fn newton_step(&self, b: &[f64]) -> Option<Vec<f64>> {
        let n = b.len();
        let mut hessian = self.gramian.data().to_vec();
        for (i, (c, b)) in self.weights.iter().zip(b).enumerate() {
            hessian[i * n + i] += self.power * c * b.powf(-self.power - 1.0);
        }
        let slope: Vec<f64> = self.slope(b).iter().map(|slope| -slope).collect();
        Gramian::new(n, hessian).solve(&slope).filter(|step| step.iter().all(|s| s.is_finite()))
    }

    /// How far to go: inside the positive numbers, and down; the whole step where it is small, or
    /// where the objective is too flat to tell.
    fn length(&self, b: &[f64], step: &[f64]) -> f64 {
        let relative = b.iter().zip(step).map(|(b, step)| step / b);
        let (lowest, highest) =
            relative.fold((0.0f64, 0.0f64), |(low, high), r| (low.min(r), high.max(r)));
        let mut length = if lowest < -0.9 { -0.9 / lowest } else { 1.0 };
        let slope = -dot(step, &self.slope(b));
        let here = self.objective(b);
        if lowest.abs().max(highest) < 0.1 || slope < 1e-12 * here.abs() {
            return length;
        }
        for _ in 0..60 {
            let there: Vec<f64> = b.iter().zip(step).map(|(b, step)| b + length * step).collect();
            if self.objective(&there) <= here - 1e-4 * length * slope {
                break;
            }
            length *= 0.5;
        }
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::seed::{Seed, normal};

    #[test]
    fn the_bargaining_equation_holds() {
        let mut stream = Seed(8).stream("test", "", 0);
        for n in [1, 2, 5, 20, 100] {
            // Rows of any length for Nash's problem; others feel them, and rounding with them.
            for (alpha, spread) in [(0.3, 0.5), (1.0, 4.0), (2.0, 0.5), (10.0, 0.5)] {
                let rows: Vec<f64> = (0..n * (n + 3)).map(|_| normal(&mut stream)).collect();
                let stretch: Vec<f64> =
                    (0..n).map(|_| 10f64.powf(spread * normal(&mut stream))).collect();
                let gramian = Gramian::of_rows(n, &rows).scaled(&stretch);
                let a = minimize_barrier(&gramian, &vec![1.0; n], alpha);
                let a = a.unwrap_or_else(|e| panic!("n {n}, alpha {alpha}: {e:?}"));
                for i in 0..n {
                    let size: f64 = gramian.row(i).iter().zip(&a).map(|(g, a)| (g * a).abs()).sum();
                    let error = gramian.times(&a)[i] - a[i].powf(-alpha.recip());
                    let allowed = 1e-10 * a[i].powf(-alpha.recip()) + 1e-14 * size;
                    assert!(a[i] > 0.0 && error.abs() < allowed, "n {n}, alpha {alpha}: {error:e}");
                }
            }
        }
    }

    #[test]
    fn closed_forms() {
        let orthogonal = Gramian::new(2, vec![4.0, 0.0, 0.0, 1e-20]);
        let a = minimize_barrier(&orthogonal, &[1.0, 1.0], 1.0).unwrap();
        assert!((a[0] - 0.5).abs() < 1e-15 && (a[1] / 1e10 - 1.0).abs() < 1e-12);
        let a = minimize_barrier(&orthogonal, &[3.0, 1.0], 2.0).unwrap();
        assert!((4.0 * a[0] - 3.0 * a[0].powf(-0.5)).abs() < 1e-11);
    }

    #[test]
    fn a_hull_that_holds_zero_has_no_solution() {
        let opposed = Gramian::of_rows(2, &[1.0, -1.0]);
        let failure = minimize_barrier(&opposed, &[1.0, 1.0], 1.0).unwrap_err();
        assert!(failure.residual > 0.9 && failure.nearest.iter().all(|a| a.is_finite()));
    }
}
