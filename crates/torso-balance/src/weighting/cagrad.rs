//! CAGrad: near the mean gradient, the direction whose least gain of a task is largest.
//!
//! # Formula
//! `d = argmax min_t g_t . d` over `|d - g0| <= c |g0|`, for the mean `g0` of the rows of
//! `J [n, width]`. For a gain `mu`, the nearest direction with `J d >= mu` is `g0 + J' z(mu)`,
//! with the multipliers `z >= 0 [n]` of a quadratic program. Its distance `r(mu) = |J' z|` grows
//! with `mu` and is convex, with the slope `sum z / r`: Newton's steps from above lead to the `mu`
//! with `r(mu) = c |g0|`. The weights are `1/n + z`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `c` | 0.5 | at least 0 | LibMTL; the paper: 0.4 (NYUv2), 0.2 (Cityscapes), and c < 1 |
//! | `rescale` | 0 | 0, 1, 2 | the paper; its code and LibMTL: 1 |
//!
//! `rescale` divides by `1 + c^2` (1) or by `1 + c` (2).
//!
//! # Cost
//! A few quadratic programs in n unknowns, each started from the last one's active set: about
//! `n^3` operations.
//!
//! # Claims
//! With `c = 0` it is the mean, with a large `c` it has the direction of MGDA. A task may get worse
//! unless `c >= 1`.
//!
//! # Differs from
//! The paper minimizes the dual `g_w . g0 + c |g0| |g_w|` over the simplex, its code by SLSQP,
//! TorchJD by a cone solver after adding 1e-4; `w = z / sum z` is the dual's solution. Here the
//! primal is solved, to rounding. Where 0 lies in the convex hull of the gradients, no `mu > 0` can
//! be had, and if the ball holds a direction that harms no task, `mu = 0` is the best: the dual's
//! formula then divides by `|g_w| = 0`. Every direction of the ball with `J d >= 0` is optimal;
//! taken is the one nearest to the mean. TorchJD takes `d = 0`, which is optimal for `c >= 1` only.
//!
//! # References
//! Liu, Liu, Jin, Stone, Liu, *Conflict-Averse Gradient Descent for Multi-task Learning* (2021).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::{Gramian, NonnegativeQp, QpFailure};

use super::Weighting;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "cagrad",
        family: Family::Balance,
        title: "conflict-averse gradient descent",
        section: "A.5",
        formula: "d = argmax min_t g_t . d over |d - g0| <= c |g0|, g0 = mean of g_t",
        parameters: &[
            Parameter {
                name: "c",
                default: "0.5",
                range: "at least 0",
                about: "how far from the mean, beside its norm (LibMTL; the paper: 0.4 on NYUv2, \
                        0.2 on Cityscapes)",
            },
            Parameter {
                name: "rescale",
                default: "0",
                range: "0, 1, 2",
                about: "divides by 1, 1 + c^2 or 1 + c (the paper; its code and LibMTL: 1)",
            },
        ],
        cost: "n gradients, and a few quadratic programs in n unknowns",
        cite: Cite {
            authors: "Liu, Liu, Jin, Stone, Liu",
            title: "Conflict-Averse Gradient Descent for Multi-task Learning",
            venue: "NeurIPS",
            year: 2021,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    c: f64,
    rescale: u8,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { c: 0.5, rescale: 0 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { c, rescale } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "c", c, Allowed::NotNegative)?;
    let divisor = match rescale {
        0 => 1.0,
        1 => 1.0 + c * c,
        2 => 1.0 + c,
        _ => {
            let (method, found) = (METHOD.method.id, f64::from(rescale));
            let (name, allowed) = ("rescale", "as 0, 1 or 2");
            return Err(BalanceError::OutOfRange { method, name, allowed, found });
        }
    };
    Ok(Balancer::Weighting(Box::new(CaGrad { c, divisor })))
}

struct CaGrad {
    c: f64,
    divisor: f64,
}

impl State for CaGrad {}

impl Weighting for CaGrad {
    fn weigh(&mut self, gramian: &Gramian, _view: &StepView, weights: &mut [f64]) -> Status {
        let n = gramian.n();
        let reach = gramian.times(&vec![1.0 / n as f64; n]);
        let square = reach.iter().sum::<f64>() / n as f64;
        weights.fill(0.0);
        let status = if square > ROUNDING * gramian.trace() / n as f64 {
            Program::new(gramian, reach, self.c * square.sqrt()).solve(weights)
        } else if square == 0.0 {
            // The ball is one point.
            Status::Solved
        } else {
            Status::NoSolution {
                why: "the mean of the gradients is zero but for rounding",
                instead: "the mean was used",
            }
        };
        for z in weights.iter_mut() {
            *z = (1.0 / n as f64 + *z) / self.divisor;
        }
        status
    }
}

/// What rounding may make of a squared norm, beside the squares of its terms.
const ROUNDING: f64 = 1e-14;
/// The distance from the radius, beside it, at which the search ends.
const TOLERANCE: f64 = 1e-14;
/// The one from which on the answer is said not to be exact.
const EXACT: f64 = 1e-9;
const MAX_STEPS: usize = 100;

/// `max mu` such that `J d >= mu` for a `d` no farther from `g0` than the radius.
struct Program {
    qp: NonnegativeQp,
    /// The norms of the gradients.
    norms: Vec<f64>,
    /// `J g0`.
    reach: Vec<f64>,
    radius: f64,
    /// A gain that `g0` has.
    low: f64,
    /// A gain that no direction exceeds.
    high: f64,
}

impl Program {
    fn new(gramian: &Gramian, reach: Vec<f64>, radius: f64) -> Self {
        let low = reach.iter().copied().fold(f64::INFINITY, f64::min);
        let norms: Vec<f64> = gramian.diagonal().map(f64::sqrt).collect();
        // What each task could gain if it were alone.
        let alone = reach.iter().zip(&norms).map(|(reach, norm)| reach + radius * norm);
        let high = alone.fold(f64::INFINITY, f64::min);
        Self { qp: NonnegativeQp::new(gramian), norms, reach, radius, low, high }
    }

    /// Writes the multipliers of the best gain.
    fn solve(&mut self, z: &mut [f64]) -> Status {
        let mut mu = self.high;
        let mut residual = f64::NAN;
        let mut hull_holds_zero = false;
        for _ in 0..MAX_STEPS {
            let next = match self.distance(mu, z) {
                Ok(distance) => {
                    let excess = distance - self.radius;
                    residual = excess.abs() / self.radius;
                    let no_more = hull_holds_zero && mu >= 0.0 && excess <= 0.0;
                    if no_more || excess.abs() <= TOLERANCE * self.radius {
                        return Status::Solved;
                    }
                    *(if excess > 0.0 { &mut self.high } else { &mut self.low }) = mu;
                    self.between(mu - excess * distance / z.iter().sum::<f64>())
                }
                Err(QpFailure::Unbounded) if mu > 0.0 => {
                    hull_holds_zero = true;
                    self.high = 0.0;
                    0.0
                }
                Err(QpFailure::Unbounded) => {
                    residual = f64::NAN;
                    self.high = mu;
                    self.between(f64::NAN)
                }
                Err(QpFailure::NotConverged) => {
                    return Status::NotConverged { residual: f64::NAN };
                }
            };
            if next.total_cmp(&mu).is_eq() {
                break;
            }
            mu = next;
        }
        if residual < EXACT { Status::Solved } else { Status::NotConverged { residual } }
    }

    /// A Newton step's end, or the middle where it leaves the bracket.
    fn between(&self, newton: f64) -> f64 {
        if newton > self.low && newton < self.high { newton } else { 0.5 * (self.low + self.high) }
    }

    /// Writes `z(mu)`; gives `r(mu)`. Unbounded where no direction has the gain.
    fn distance(&mut self, mu: f64, z: &mut [f64]) -> Result<f64, QpFailure> {
        let missing: Vec<f64> = self.reach.iter().map(|reach| mu - reach).collect();
        if let Err(failure) = self.qp.solve(&missing, z) {
            self.qp.reset();
            z.fill(0.0);
            return Err(failure);
        }
        // z' G z, as (G z)_i is what is missing wherever z_i > 0.
        let square: f64 = z.iter().zip(&missing).map(|(z, missing)| z * missing).sum();
        let terms: f64 = z.iter().zip(&self.norms).map(|(z, norm)| z * norm).sum();
        // Scaled to sum 1, `z` is then a point of the hull that only rounding tells from 0.
        if mu > 0.0 && square < ROUNDING * terms * terms {
            self.qp.reset();
            return Err(QpFailure::Unbounded);
        }
        Ok(square.max(0.0).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::super::mgda;
    use super::super::testing::{J2, assert_close, direction, random_jacobian, weigh};
    use super::*;
    use torso_core::seed::{Seed, normal};
    use torso_math::{DualCone, min_norm, project_onto_simplex};

    const J3C: [f64; 12] = [3.0, 0.0, 0.2, 0.0, -2.5, 1.0, 0.0, 0.3, -1.0, -1.5, 2.0, 0.1];

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn norm(v: &[f64]) -> f64 {
        dot(v, v).sqrt()
    }

    /// The mean gradient.
    fn mean(n: usize, jacobian: &[f64]) -> Vec<f64> {
        direction(jacobian, &vec![1.0 / n as f64; n])
    }

    /// The objective of the paper's dual at `w` on the simplex: no gain exceeds it.
    fn dual(jacobian: &[f64], c: f64, w: &[f64]) -> f64 {
        let (g0, g_w) = (mean(w.len(), jacobian), direction(jacobian, w));
        dot(&g_w, &g0) + c * norm(&g0) * norm(&g_w)
    }

    /// The largest of: how far `d` leaves the ball, and the duality gap; relative.
    fn optimality(n: usize, jacobian: &[f64], c: f64, weights: &[f64]) -> f64 {
        let gramian = Gramian::of_rows(n, jacobian);
        let z: Vec<f64> = weights.iter().map(|w| w - 1.0 / n as f64).collect();
        let (g0, d) = (mean(n, jacobian), direction(jacobian, weights));
        let away: Vec<f64> = d.iter().zip(&g0).map(|(d, g)| d - g).collect();
        let outside = norm(&away) / (c * norm(&g0)) - 1.0;
        let rows = jacobian.chunks(jacobian.len() / n);
        let least = rows.map(|row| dot(row, &d)).fold(f64::INFINITY, f64::min);
        // Any point of the simplex bounds the gain: the dual's own, or one that makes g_w = 0.
        let sum: f64 = z.iter().sum();
        let own: Vec<f64> = z.iter().map(|z| z / sum).collect();
        let bound = dual(jacobian, c, &min_norm(&gramian).unwrap());
        let bound = if sum > 0.0 { bound.min(dual(jacobian, c, &own)) } else { bound };
        let size = norm(&g0) * gramian.diagonal().fold(0.0, f64::max).sqrt();
        outside.max((bound - least).abs() / size)
    }

    #[test]
    fn no_direction_is_better_for_every_size_and_rank() {
        let mut stream = Seed(41).stream("test", "", 0);
        for (n, ranks) in [
            (2, vec![1, 2]),
            (5, (1..6).collect()),
            (20, (1..21).collect()),
            (100, vec![1, 30, 60, 90, 99, 100]),
        ] {
            for rank in ranks {
                for (lean, c) in [(0.0, 0.4), (0.3, 0.5), (1.0, 0.2), (0.0, 3.0), (2.0, 0.9)] {
                    let jacobian = random_jacobian(n, 120, rank, lean, &mut stream);
                    let (w, status) = weigh(&METHOD, n, &jacobian, &format!(r#"{{"c": {c}}}"#));
                    assert_eq!(status, Status::Solved, "n {n}, rank {rank}, c {c}");
                    let found = optimality(n, &jacobian, c, &w);
                    assert!(found < 1e-8, "n {n}, rank {rank}, lean {lean}, c {c}: {found:e}");
                }
            }
        }
    }

    #[test]
    fn it_agrees_with_projected_gradients_on_the_dual() {
        let mut stream = Seed(42).stream("test", "", 0);
        for n in [2, 3, 5] {
            for c in [0.2, 0.5, 0.9] {
                let jacobian = random_jacobian(n, 9, 9, 0.2, &mut stream);
                let gramian = Gramian::of_rows(n, &jacobian);
                let mean = vec![1.0 / n as f64; n];
                let (reach, radius) =
                    (gramian.times(&mean), c * gramian.squared_norm(&mean).sqrt());
                let (mut w, mut step) = (mean.clone(), 1.0 / gramian.trace());
                for _ in 0..50_000 {
                    let (product, norm) = (gramian.times(&w), gramian.squared_norm(&w).sqrt());
                    let mut next: Vec<f64> = (0..n)
                        .map(|i| w[i] - step * (reach[i] + radius * product[i] / norm))
                        .collect();
                    project_onto_simplex(&mut next);
                    if dual(&jacobian, c, &next) > dual(&jacobian, c, &w) {
                        step *= 0.5;
                        continue;
                    }
                    w = next;
                }
                let scale = radius / gramian.squared_norm(&w).sqrt();
                let expected: Vec<f64> = w.iter().map(|w| 1.0 / n as f64 + scale * w).collect();
                let (found, _) = weigh(&METHOD, n, &jacobian, &format!(r#"{{"c": {c}}}"#));
                assert_close(&found, &expected, 1e-6);
            }
        }
    }

    #[test]
    fn the_ends_of_c_are_the_mean_and_the_min_norm_point() {
        let mut stream = Seed(43).stream("test", "", 0);
        let jacobian = random_jacobian(6, 20, 20, 0.3, &mut stream);
        assert_close(&weigh(&METHOD, 6, &jacobian, r#"{"c": 0}"#).0, &[1.0 / 6.0; 6], 1e-16);
        let unit = |w: &[f64]| {
            let d = direction(&jacobian, w);
            d.iter().map(|g| g / norm(&d)).collect::<Vec<f64>>()
        };
        let (far, _) = weigh(&METHOD, 6, &jacobian, r#"{"c": 1e6}"#);
        let (mgda, _) = weigh(&mgda::METHOD, 6, &jacobian, "{}");
        assert_close(&unit(&far), &unit(&mgda), 1e-5);
    }

    #[test]
    fn with_zero_in_the_hull_no_gain_is_the_best() {
        // Three directions of the plane that surround 0: every gain above 0 is out of reach.
        let jacobian = [1.0, 0.0, -0.5, 0.8, -0.5, -1.1];
        let gramian = Gramian::of_rows(3, &jacobian);
        let (w, status) = weigh(&METHOD, 3, &jacobian, r#"{"c": 2}"#);
        assert_eq!(status, Status::Solved);
        let projected = DualCone::new(&gramian).project(&[1.0 / 3.0; 3], 0.0).unwrap();
        assert_close(&direction(&jacobian, &w), &direction(&jacobian, &projected), 1e-12);
        // A ball that holds no such direction: the gain is below 0, the ball's border is met.
        let (w, status) = weigh(&METHOD, 3, &jacobian, r#"{"c": 0.3}"#);
        assert_eq!(status, Status::Solved);
        assert!(gramian.times(&w).iter().copied().fold(f64::INFINITY, f64::min) < -1e-3);
        assert!(optimality(3, &jacobian, 0.3, &w) < 1e-12);
    }

    #[test]
    fn a_mean_of_zero_is_kept() {
        let (w, status) = weigh(&METHOD, 2, &[1.0, 2.0, -1.0, -2.0], "{}");
        assert_eq!((w, status), (vec![0.5; 2], Status::Solved));
        let v: Vec<f64> = (0..5).map(|_| normal(&mut Seed(44).stream("test", "", 0))).collect();
        let jacobian: Vec<f64> =
            [0.1, 0.2, -0.3].iter().flat_map(|f| v.iter().map(move |v| f * v)).collect();
        let (w, _) = weigh(&METHOD, 3, &jacobian, "{}");
        assert_close(&direction(&jacobian, &w), &[0.0; 5], 1e-14);
    }

    #[test]
    fn golden() {
        for (settings, expected) in [
            (r#"{"c": 0.4}"#, [0.663_299_316_185_545_3, 0.5]),
            (r#"{"c": 0.5}"#, [0.704_124_145_231_931_6, 0.5]),
            (r#"{"c": 0.4, "rescale": 1}"#, [0.571_809_755_332_366_6, 0.431_034_482_758_620_7]),
            (r#"{"c": 0.5, "rescale": 1}"#, [0.563_299_316_185_545_3, 0.4]),
            (r#"{"c": 0.5, "rescale": 2}"#, [0.704_124_145_231_931_6 / 1.5, 0.5 / 1.5]),
        ] {
            assert_close(&weigh(&METHOD, 2, &J2, settings).0, &expected, 1e-13);
        }
        // Two multipliers above 0.
        for (c, expected, simplex) in [
            (0.4, [0.596_230_556, 0.582_995_514, 1.0 / 3.0], [0.512_910_739_8, 0.487_089_260_2]),
            (0.5, [0.665_217_261, 0.659_885_006, 1.0 / 3.0], [0.504_049_184_9, 0.495_950_815_1]),
        ] {
            let (w, _) = weigh(&METHOD, 3, &J3C, &format!(r#"{{"c": {c}}}"#));
            assert_close(&w, &expected, 1e-8);
            let z = [w[0] - 1.0 / 3.0, w[1] - 1.0 / 3.0];
            assert_close(&z.map(|z1| z1 / (z[0] + z[1])), &simplex, 1e-7);
        }
    }

    #[test]
    fn an_unknown_rescaling_is_refused() {
        let settings = serde_json::from_str(r#"{"rescale": 3}"#).unwrap();
        let forms = [crate::LossForm::Squared; 2];
        let Err(error) =
            build(&Setup { forms: &forms, settings: &settings, trial: 0, seed: Seed(1) })
        else {
            panic!("3 was taken");
        };
        assert_eq!(error.to_string(), "`cagrad` expects `rescale` as 0, 1 or 2, found 3");
    }
}
