//! FairGrad: the tasks share their gains by a measure of fairness, `alpha`.
//!
//! # Formula
//! `(G w)_t = w_t^(-1/alpha)` with `w > 0`, for `G = J J' [n, n]`: the unique minimizer of
//! `1/2 w' G w - sum_t psi(w_t)`, `psi'(w) = w^(-1/alpha)`; `d = J' w`. It maximizes the sum of the
//! gains' alpha-fair utilities `(g_t . d)^(1 - alpha) / (1 - alpha)` over the ball of its norm.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `alpha` | 1 | above 0 | the authors' code, LibMTL; the authors ran 2 on QM9 |
//!
//! Near 0 it is the mean gradient's direction, 1 is Nash-MTL, and the larger it is, the more the
//! tasks' gains are alike.
//!
//! # Cost
//! One quadratic program, and about ten Newton steps of `n^3 / 3` operations.
//!
//! # Claims
//! `J d > 0`; with `alpha = 1` the scale of a task's loss does not matter.
//!
//! # Differs from
//! The authors' code, LibMTL and TorchJD minimize the squared residual of the equation, from equal
//! weights and within bounds: that is not convex and may end elsewhere. Here the convex problem
//! above is solved to rounding. `alpha = 0`, the mean itself, is left to `equal`. Where there is no
//! solution, the same is done as for Nash-MTL, and said. Weights are gains to the power `-alpha`:
//! from `alpha = 20` on, with gradients whose lengths differ by orders of magnitude, they may be
//! too far apart for the solver, and below 0.5 for rounding; then the status says so.
//!
//! # References
//! Ban, Ji, *Fair Resource Allocation in Multi-Task Learning* (2024).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::Gramian;

use super::Weighting;
use super::nash_mtl::bargain;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "fairgrad",
        family: Family::Balance,
        title: "alpha-fair shares of the gain",
        section: "A.14",
        formula: "G w = w^(-1/alpha), w > 0; d = sum_t w_t g_t",
        parameters: &[Parameter {
            name: "alpha",
            default: "1",
            range: "above 0",
            about: "how alike the tasks' gains are to be; 1 is Nash-MTL (the authors' code, LibMTL)",
        }],
        cost: "n gradients, a quadratic program, and about ten Newton steps in n unknowns",
        cite: Cite {
            authors: "Ban, Ji",
            title: "Fair Resource Allocation in Multi-Task Learning",
            venue: "ICML",
            year: 2024,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::NonConflicting, Claim::ScaleInvariant, Claim::Permutes],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    alpha: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { alpha } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "alpha", alpha, Allowed::Positive)?;
    Ok(Balancer::Weighting(Box::new(FairGrad { alpha })))
}

struct FairGrad {
    alpha: f64,
}

impl State for FairGrad {}

impl Weighting for FairGrad {
    fn weigh(&mut self, gramian: &Gramian, _view: &StepView, weights: &mut [f64]) -> Status {
        bargain(gramian, self.alpha, weights)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, assert_close, direction, random_jacobian, weigh};
    use super::super::{mgda, nash_mtl};
    use super::*;
    use torso_core::seed::Seed;

    fn with(alpha: f64) -> String {
        format!(r#"{{"alpha": {alpha}}}"#)
    }

    #[test]
    fn the_equation_holds_for_every_alpha() {
        let mut stream = Seed(61).stream("test", "", 0);
        for n in [1, 2, 5, 20, 100] {
            let jacobian = random_jacobian(n, 160, 160, 0.02, &mut stream);
            // Gradients of training are rarely this long; rows of length 1 or so.
            let jacobian: Vec<f64> = jacobian.iter().map(|g| g / 160.0).collect();
            for alpha in [0.3, 0.5, 1.0, 2.0, 5.0, 20.0] {
                let (w, status) = weigh(&METHOD, n, &jacobian, &with(alpha));
                assert_eq!(status, Status::Solved, "n {n}, alpha {alpha}");
                let product = Gramian::of_rows(n, &jacobian).times(&w);
                for (w, product) in w.iter().zip(&product) {
                    let residual = (product * w.powf(1.0 / alpha) - 1.0).abs();
                    assert!(residual < 1e-10, "n {n}, alpha {alpha}: {residual:e}");
                }
            }
        }
    }

    #[test]
    fn orthogonal_rows_have_a_closed_form() {
        // |g|^2 w = w^(-1/alpha), so that w = |g|^(-2 alpha / (alpha + 1)).
        let jacobian = [3.0, 0.0, 4.0, 0.0, 0.1, 0.0];
        for alpha in [0.5, 1.0, 4.0] {
            let (w, _) = weigh(&METHOD, 2, &jacobian, &with(alpha));
            let power = -2.0 * alpha / (alpha + 1.0);
            for (w, norm) in w.iter().zip([5f64, 0.1]) {
                assert!((w / norm.powf(power) - 1.0).abs() < 1e-11);
            }
        }
    }

    #[test]
    fn one_is_the_bargaining_solution() {
        let mut stream = Seed(62).stream("test", "", 0);
        for n in [2, 6, 30] {
            let jacobian = random_jacobian(n, 50, 50, 0.0, &mut stream);
            assert_eq!(
                weigh(&METHOD, n, &jacobian, "{}"),
                weigh(&nash_mtl::METHOD, n, &jacobian, "{}")
            );
        }
    }

    #[test]
    fn a_larger_alpha_makes_gains_more_alike() {
        let mut stream = Seed(63).stream("test", "", 0);
        let jacobian = random_jacobian(5, 12, 12, 0.3, &mut stream);
        let gramian = Gramian::of_rows(5, &jacobian);
        let mut last = 0.0;
        for alpha in [0.25, 0.5, 1.0, 2.0, 4.0, 16.0, 100.0] {
            let gains = gramian.times(&weigh(&METHOD, 5, &jacobian, &with(alpha)).0);
            let least = gains.iter().copied().fold(f64::INFINITY, f64::min);
            let fairness = least / gains.iter().copied().fold(0.0, f64::max);
            assert!(fairness > last, "alpha {alpha}: {fairness} after {last}");
            last = fairness;
        }
        // In the end the least gain is as large as can be: the min-norm point's direction.
        let unit = |w: &[f64]| {
            let d = direction(&jacobian, w);
            let norm = d.iter().map(|d| d * d).sum::<f64>().sqrt();
            d.iter().map(|d| d / norm).collect::<Vec<f64>>()
        };
        let (far, status) = weigh(&METHOD, 5, &jacobian, &with(200.0));
        assert_eq!(status, Status::Solved);
        let (mgda, _) = weigh(&mgda::METHOD, 5, &jacobian, "{}");
        assert_close(&unit(&far), &unit(&mgda), 0.02);
    }

    #[test]
    fn golden() {
        for (alpha, w, d) in [
            (1.0, [0.591_461_152_2, 0.407_071_482_9], [0.076_584_288_4, 0.998_532_635_1]),
            (2.0, [0.471_362_922_3, 0.319_454_228_2], [0.031_273_679_8, 0.790_817_150_5]),
        ] {
            let (found, status) = weigh(&METHOD, 2, &J2, &with(alpha));
            assert_eq!(status, Status::Solved);
            assert_close(&found, &w, 1e-10);
            assert_close(&direction(&J2, &found), &[d[0], d[1], d[1]], 2e-10);
        }
    }

    #[test]
    fn where_rounding_is_in_the_way_it_is_told_and_no_task_is_harmed() {
        let mut stream = Seed(65).stream("test", "", 0);
        let mut told = 0;
        for _ in 0..40 {
            let jacobian = random_jacobian(20, 15, 15, 0.0, &mut stream);
            let stretch = |at: usize| 10f64.powf((at / 15 % 5) as f64 - 2.0);
            let jacobian: Vec<f64> =
                jacobian.iter().enumerate().map(|(at, g)| g * stretch(at)).collect();
            let (w, status) = weigh(&METHOD, 20, &jacobian, &with(0.3));
            if let Status::NotConverged { residual } = status {
                told += 1;
                assert!(residual < 0.5);
                assert!(Gramian::of_rows(20, &jacobian).times(&w).iter().all(|gain| *gain > 0.0));
            }
        }
        assert!(told > 0);
    }

    #[test]
    fn every_alpha_and_scale_is_finite() {
        let mut stream = Seed(64).stream("test", "", 0);
        let jacobian = random_jacobian(3, 6, 6, 0.0, &mut stream);
        for alpha in [1e-3, 0.1, 1.0, 10.0, 1e6] {
            for scale in [0.0, 1e-10, 1.0, 1e15] {
                let scaled: Vec<f64> = jacobian.iter().map(|g| g * scale).collect();
                let (w, status) = weigh(&METHOD, 3, &scaled, &with(alpha));
                assert!(w.iter().all(|w| w.is_finite()), "alpha {alpha} at {scale}: {w:?}");
                assert!(scale > 0.0 || status != Status::Solved);
            }
        }
    }
}
