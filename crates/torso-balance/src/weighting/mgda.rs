//! MGDA: the point of smallest norm in the convex hull of the tasks' gradients.
//!
//! # Formula
//! `w = argmin w' G w` over the simplex `{w >= 0, sum w = 1}`, `d = J' w`, for `G = J J' [n, n]`.
//! Every task gains at least `|d|^2`; `d = 0` where no direction improves every task.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `solver` | `exact` | `exact`, `frank-wolfe` | the definition; the paper and TorchJD: the latter |
//! | `epsilon` | 1e-3 | above 0 | TorchJD; Frank-Wolfe ends at a step below it |
//! | `max-iterations` | 100 | at least 1 | TorchJD; of Frank-Wolfe |
//! | `normalize` | `none` | `none`, `l2`, `loss`, `loss+` | the paper; the rest is in its code |
//!
//! With `normalize`, each gradient is divided by its norm (`l2`), its loss (`loss`) or both
//! (`loss+`) before.
//!
//! # Cost
//! One quadratic program in n unknowns, about `n^3` operations; `n^2` for each step of Frank-Wolfe.
//!
//! # Claims
//! `J d >= |d|^2`; no step where 0 lies in the convex hull of the gradients.
//!
//! # Differs from
//! The paper solves by Frank-Wolfe, whose steps become small long before the point is reached; the
//! default here is an active-set method, exact to rounding. With `normalize`, `d` is the min-norm
//! point of the normalized gradients and the weights are those of the original ones, as in LibMTL:
//! the authors' code gives the weights found for the normalized gradients to the original ones,
//! and `d` then may harm a task.
//!
//! # References
//! Désidéri, *Multiple-gradient descent algorithm (MGDA) for multiobjective optimization* (2012).
//! Sener, Koltun, *Multi-Task Learning as Multi-Objective Optimization* (2018).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::{Gramian, min_norm};

use super::Weighting;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "mgda",
        family: Family::Balance,
        title: "multiple-gradient descent",
        section: "A.2",
        formula: "d = argmin |v| over v in the convex hull of the g_t",
        parameters: &[
            Parameter {
                name: "solver",
                default: "\"exact\"",
                range: "exact, frank-wolfe",
                about: "how the point is found (the definition; the paper, TorchJD: frank-wolfe)",
            },
            Parameter {
                name: "epsilon",
                default: "0.001",
                range: "above 0",
                about: "the step at which frank-wolfe ends (TorchJD)",
            },
            Parameter {
                name: "max-iterations",
                default: "100",
                range: "a whole number of at least 1",
                about: "the most steps of frank-wolfe (TorchJD)",
            },
            Parameter {
                name: "normalize",
                default: "\"none\"",
                range: "none, l2, loss, loss+",
                about: "what gradients are divided by before: nothing (the paper), their norm, \
                        their loss, or both (the authors' code)",
            },
        ],
        cost: "n gradients, and a quadratic program in n unknowns",
        cite: Cite {
            authors: "Sener, Koltun",
            title: "Multi-Task Learning as Multi-Objective Optimization",
            venue: "NeurIPS",
            year: 2018,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::NonConflicting, Claim::Permutes, Claim::Homogeneous, Claim::ParetoStationary],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Parameters {
    solver: Solver,
    epsilon: f64,
    max_iterations: usize,
    normalize: Normalize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            solver: Solver::Exact,
            epsilon: 1e-3,
            max_iterations: 100,
            normalize: Normalize::None,
        }
    }
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Solver {
    Exact,
    FrankWolfe,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
enum Normalize {
    #[serde(rename = "none")]
    None,
    #[serde(rename = "l2")]
    Norm,
    #[serde(rename = "loss")]
    Loss,
    #[serde(rename = "loss+")]
    NormAndLoss,
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let parameters: Parameters = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "epsilon", parameters.epsilon, Allowed::Positive)?;
    let most = parameters.max_iterations as f64;
    check(&METHOD.method, "max-iterations", most, Allowed::Count)?;
    Ok(Balancer::Weighting(Box::new(Mgda(parameters))))
}

struct Mgda(Parameters);

impl State for Mgda {}

impl Weighting for Mgda {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        if self.0.normalize == Normalize::None {
            return self.solve(gramian, weights);
        }
        let factors = self.factors(gramian, view);
        if factors.iter().any(|factor| !factor.is_finite() || *factor < 0.0) {
            self.solve(gramian, weights);
            return Status::NoSolution {
                why: "a loss that gradients are to be divided by is not above 0",
                instead: "no gradient was normalized",
            };
        }
        let status = self.solve(&gramian.scaled(&factors), weights);
        weights.iter_mut().zip(&factors).for_each(|(weight, factor)| *weight *= factor);
        status
    }
}

impl Mgda {
    /// The factor that normalizes each gradient; 0 for a gradient that is 0.
    fn factors(&self, gramian: &Gramian, view: &StepView) -> Vec<f64> {
        let norms = gramian.inverse_norms().into_iter();
        match self.0.normalize {
            Normalize::None => vec![1.0; view.n()],
            Normalize::Norm => norms.collect(),
            Normalize::Loss => view.losses.iter().map(|loss| loss.recip()).collect(),
            Normalize::NormAndLoss => norms.zip(view.losses).map(|(n, loss)| n / loss).collect(),
        }
    }

    fn solve(&self, gramian: &Gramian, weights: &mut [f64]) -> Status {
        if self.0.solver == Solver::FrankWolfe {
            return self.frank_wolfe(gramian, weights);
        }
        if let Ok(w) = min_norm(gramian) {
            weights.copy_from_slice(&w);
            return Status::Solved;
        }
        weights.fill(1.0 / gramian.n() as f64);
        Status::NoSolution {
            why: "the gradients' products are not finite",
            instead: "equal weights were used",
        }
    }

    /// Steps towards the gradient that gains least, each as long as is best.
    fn frank_wolfe(&self, gramian: &Gramian, w: &mut [f64]) -> Status {
        let n = gramian.n();
        w.fill(1.0 / n as f64);
        let mut gap = 0.0;
        for _ in 0..self.0.max_iterations {
            let reach = gramian.times(w);
            let square: f64 = reach.iter().zip(w.iter()).map(|(reach, w)| reach * w).sum();
            let t = (0..n).min_by(|a, b| reach[*a].total_cmp(&reach[*b])).unwrap_or(0);
            gap = square - reach[t];
            if gap <= 0.0 {
                return Status::Solved;
            }
            let beyond = (gramian.at(t, t) - reach[t]).max(0.0);
            let step = gap / (gap + beyond);
            for w in w.iter_mut() {
                *w *= 1.0 - step;
            }
            w[t] += step;
            if step < self.0.epsilon {
                return Status::Solved;
            }
        }
        Status::NotConverged { residual: gap / (gramian.trace() / n as f64) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, assert_close, build, direction, random_jacobian, weigh};
    use super::*;
    use torso_core::seed::Seed;

    const FRANK_WOLFE: &str = r#"{"solver": "frank-wolfe"}"#;
    const J3: [f64; 12] = [1.0, -2.0, 0.5, 3.0, -2.0, 1.5, 1.0, -1.0, 0.5, 1.0, -3.0, 2.0];
    const J3C: [f64; 12] = [3.0, 0.0, 0.2, 0.0, -2.5, 1.0, 0.0, 0.3, -1.0, -1.5, 2.0, 0.1];

    #[test]
    fn every_task_gains_at_least_the_squared_norm() {
        let mut stream = Seed(31).stream("test", "", 0);
        for (n, ranks) in [(2, 1..3), (5, 1..6), (20, 1..21), (100, 96..101)] {
            for rank in ranks {
                let jacobian = random_jacobian(n, 120, rank, 0.3, &mut stream);
                let (w, status) = weigh(&METHOD, n, &jacobian, "{}");
                assert_eq!(status, Status::Solved);
                let gramian = Gramian::of_rows(n, &jacobian);
                let square = gramian.squared_norm(&w);
                let largest = gramian.diagonal().fold(0.0, f64::max);
                for (reach, w) in gramian.times(&w).iter().zip(&w) {
                    let slack = (reach - square) / largest;
                    assert!(slack > -1e-12, "n {n}, rank {rank}: {slack:e}");
                    assert!(*w == 0.0 || slack < 1e-12, "n {n}, rank {rank}: {slack:e}");
                }
            }
        }
    }

    #[test]
    fn two_tasks_have_a_closed_form() {
        let mut stream = Seed(32).stream("test", "", 0);
        for _ in 0..20 {
            let jacobian = random_jacobian(2, 3, 3, 0.5, &mut stream);
            let gramian = Gramian::of_rows(2, &jacobian);
            let (a, b, c) = (gramian.at(0, 0), gramian.at(0, 1), gramian.at(1, 1));
            let first = ((c - b) / (a + c - 2.0 * b)).clamp(0.0, 1.0);
            for settings in ["{}", FRANK_WOLFE] {
                let (w, _) = weigh(&METHOD, 2, &jacobian, settings);
                assert_close(&w, &[first, 1.0 - first], 1e-12);
            }
        }
    }

    #[test]
    fn frank_wolfe_comes_near_the_exact_point() {
        let mut stream = Seed(33).stream("test", "", 0);
        let settings = r#"{"solver": "frank-wolfe", "epsilon": 1e-12, "max-iterations": 100000}"#;
        for n in [3, 4, 6] {
            let jacobian = random_jacobian(n, 20, 20, 0.5, &mut stream);
            let gramian = Gramian::of_rows(n, &jacobian);
            let exact = gramian.squared_norm(&weigh(&METHOD, n, &jacobian, "{}").0);
            let near = gramian.squared_norm(&weigh(&METHOD, n, &jacobian, settings).0);
            assert!(near >= exact * (1.0 - 1e-12) && near < exact * (1.0 + 1e-3));
        }
    }

    #[test]
    fn golden() {
        let (w, status) = weigh(&METHOD, 2, &J2, "{}");
        assert_eq!(status, Status::Solved);
        assert_close(&w, &[0.6, 0.4], 1e-14);
        assert_close(&direction(&J2, &w), &[0.0, 1.0, 1.0], 1e-13);
        assert_close(&weigh(&METHOD, 2, &J2, FRANK_WOLFE).0, &[0.6, 0.4], 1e-14);

        let (w, _) = weigh(&METHOD, 3, &J3, "{}");
        assert_close(&w, &[0.311_676_91, 0.513_608_43, 0.174_714_66], 1e-8);
        let (w, _) = weigh(&METHOD, 3, &J3, FRANK_WOLFE);
        assert_close(&w, &[0.310_887_741_459, 0.512_758_334_443, 0.176_353_924_098], 1e-11);

        let (w, _) = weigh(&METHOD, 3, &J3C, "{}");
        assert_close(&w, &[0.430_697_529, 0.451_130_166, 0.118_172_304], 1e-9);
        let (w, _) = weigh(&METHOD, 3, &J3C, FRANK_WOLFE);
        assert_close(&w, &[0.429_584_285_418, 0.448_460_351_399, 0.121_955_363_183], 1e-11);
    }

    #[test]
    fn a_limit_that_is_met_is_told_with_the_gap() {
        let settings = r#"{"solver": "frank-wolfe", "max-iterations": 1, "epsilon": 1e-9}"#;
        let (_, status) = weigh(&METHOD, 3, &J3, settings);
        let Status::NotConverged { residual } = status else { panic!("{status}") };
        assert!(residual > 1e-3 && residual < 10.0, "{residual}");
        let (_, status) = weigh(&METHOD, 3, &[0.0; 9], settings);
        assert_eq!(status, Status::Solved);
    }

    #[test]
    fn normalized_gradients_are_those_of_the_scaled_tasks() {
        let losses = [0.5, 2.0, 4.0];
        let norm = |t: usize| J3[4 * t..][..4].iter().map(|g| g * g).sum::<f64>().sqrt();
        for (normalize, divisor) in [
            ("l2", [norm(0), norm(1), norm(2)]),
            ("loss", losses),
            ("loss+", [norm(0) * 0.5, norm(1) * 2.0, norm(2) * 4.0]),
        ] {
            let scaled: Vec<f64> =
                J3.iter().enumerate().map(|(at, g)| g / divisor[at / 4]).collect();
            let expected = direction(&scaled, &weigh(&METHOD, 3, &scaled, "{}").0);
            let settings = format!(r#"{{"normalize": "{normalize}"}}"#);
            let view =
                StepView { tasks: &[0, 1, 2], losses: &losses, cross: &[], step: 0, epoch: 0 };
            let mut w = vec![0.0; 3];
            let status =
                build(&METHOD, 3, &settings).weigh(&Gramian::of_rows(3, &J3), &view, &mut w);
            assert_eq!(status, Status::Solved);
            assert_close(&direction(&J3, &w), &expected, 1e-12);
        }
    }

    #[test]
    fn a_loss_of_zero_divides_nothing_and_is_told() {
        let view = StepView { tasks: &[0, 1], losses: &[0.0, 1.0], cross: &[], step: 0, epoch: 0 };
        for normalize in ["loss", "loss+"] {
            let settings = format!(r#"{{"normalize": "{normalize}"}}"#);
            let mut w = vec![f64::NAN; 2];
            let gramian = Gramian::of_rows(2, &J2);
            let status = build(&METHOD, 2, &settings).weigh(&gramian, &view, &mut w);
            assert!(matches!(status, Status::NoSolution { .. }));
            assert_close(&w, &[0.6, 0.4], 1e-14);
        }
    }
}
