//! `SDMGrad`: min-norm weights by double sampling, drawn towards a preferred direction.
//!
//! # Formula
//! With `A = J1 J2' [n, n]` of two independent batches, divided by `(mean_t sqrt(A_tt))^2` (of
//! diagonal numbers above 0), some steps of `w <- proj(w - lr (A (w + lambda p)))` onto the
//! simplex, with momentum, from the weights of the last step on; the first are equal, `sum p = 1`.
//! The weights are `(w + lambda p) / (1 + lambda)`, and `d` is made of the gradients of a third
//! batch.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | 0.3 | at least 0 | the official experiments and LibMTL |
//! | `lr` | 5 | above 0 | LibMTL; TorchJD: 10 |
//! | `momentum` | 0.5 | at least 0 and below 1 | the official code; started anew in each step |
//! | `iterations` | 20 | 1, 2, 3, ... | the official experiments |
//! | `preference` | equal | a number of at least 0 for each task, not all 0 | the paper |
//! | `normalize` | true | true, false | the official code |
//!
//! # Cost
//! Three batches of gradients a step, `iterations * n^2` operations, `n_tasks` numbers of state.
//!
//! # Claims
//! The order of tasks does not matter; proportional to the gradients.
//!
//! # Differs from
//! Other codes add 1e-8 to the divisor. Here nothing is added; where no diagonal number tells the
//! scale, the weights are kept, with a status. Where a task has no label, the others share their
//! sum among them, and its own weight waits.
//!
//! # References
//! Xiao, Ban, Ji, *Direction-oriented Multi-objective Learning: Simple and Provable Stochastic
//! Algorithms* (2023).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::{Gramian, project_onto_simplex};

use super::modo::{Shares, times};
use super::{Weighting, of_view};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "sdmgrad",
        family: Family::Balance,
        title: "direction-oriented min-norm weights by double sampling",
        section: "A.13",
        formula: "w <- proj(w - lr A (w + lambda p)), A = J1 J2' / (mean_t sqrt(A_tt))^2; \
                  d = J' (w + lambda p) / (1 + lambda)",
        parameters: &[
            Parameter {
                name: "lambda",
                default: "0.3",
                range: "at least 0",
                about: "pull towards the preferred direction (the official experiments)",
            },
            Parameter {
                name: "lr",
                default: "5",
                range: "above 0",
                about: "learning rate of the weights (LibMTL; TorchJD: 10)",
            },
            Parameter {
                name: "momentum",
                default: "0.5",
                range: "at least 0 and below 1",
                about: "of the steps on the weights, started anew each time (the official code)",
            },
            Parameter {
                name: "iterations",
                default: "20",
                range: "1, 2, 3, ...",
                about: "steps on the weights for each step (the official experiments)",
            },
            Parameter {
                name: "preference",
                default: "null",
                range: "a number of at least 0 for each task",
                about: "the preferred direction; the mean if not given (the paper)",
            },
            Parameter {
                name: "normalize",
                default: "true",
                range: "true or false",
                about: "divides by the squared mean norm of a gradient (the official code)",
            },
        ],
        cost: "n gradients of three batches",
        cite: Cite {
            authors: "Xiao, Ban, Ji",
            title: "Direction-oriented Multi-objective Learning: Simple and Provable Stochastic \
                    Algorithms",
            venue: "NeurIPS",
            year: 2023,
        },
    },
    sees: Sees::IndependentBatches,
    heads: Heads::Own,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    lambda: f64,
    lr: f64,
    momentum: f64,
    iterations: usize,
    preference: Option<Vec<f64>>,
    normalize: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        let (lambda, lr, momentum, iterations) = (0.3, 5.0, 0.5, 20);
        Self { lambda, lr, momentum, iterations, preference: None, normalize: true }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let parameters: Parameters = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "lambda", parameters.lambda, Allowed::NotNegative)?;
    check(&METHOD.method, "lr", parameters.lr, Allowed::Positive)?;
    check(&METHOD.method, "momentum", parameters.momentum, Allowed::BelowOne)?;
    check(&METHOD.method, "iterations", parameters.iterations as f64, Allowed::Count)?;
    let preference = setup.preference(&METHOD.method, parameters.preference.clone())?;
    let shares = Shares::new(setup.n_tasks());
    Ok(Balancer::Weighting(Box::new(SdmGrad { parameters, preference, shares })))
}

struct SdmGrad {
    parameters: Parameters,
    preference: Vec<f64>,
    shares: Shares,
}

impl State for SdmGrad {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        self.shares.visit(visitor);
    }
}

impl Weighting for SdmGrad {
    fn weigh(&mut self, _gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let lambda = self.parameters.lambda;
        let preferred = of_view(&self.preference, view);
        let mix = |w: &[f64]| -> Vec<f64> {
            w.iter().zip(&preferred).map(|(w, p)| w + lambda * p).collect()
        };
        let mut w = self.shares.of_view(view);
        let scale = if self.parameters.normalize { scale(view) } else { Some(1.0) };
        if let Some(scale) = scale {
            self.descend(&mut w, |w| {
                times(view.cross, &mix(w)).iter().map(|slope| slope / scale).collect()
            });
            self.shares.put(view, &w);
        }
        let sum = 1.0 + lambda * preferred.iter().sum::<f64>();
        weights.iter_mut().zip(mix(&w)).for_each(|(weight, mixed)| *weight = mixed / sum);
        if scale.is_none() {
            return Status::NoSolution {
                why: "the gradients of the two batches do not agree for any task",
                instead: "the weights of the step before were kept",
            };
        }
        Status::Solved
    }
}

impl SdmGrad {
    /// Projected steps with momentum along the slopes at `w`.
    fn descend(&self, w: &mut [f64], slopes: impl Fn(&[f64]) -> Vec<f64>) {
        let mut velocity = vec![0.0; w.len()];
        for _ in 0..self.parameters.iterations {
            let slopes = slopes(w);
            for ((w, velocity), slope) in w.iter_mut().zip(&mut velocity).zip(slopes) {
                *velocity = self.parameters.momentum * *velocity + slope;
                *w -= self.parameters.lr * *velocity;
            }
            project_onto_simplex(w);
        }
    }
}

/// The squared mean norm of a gradient, as far as two batches agree on it; 1 if all are zero, none
/// if they agree on nothing that is more than rounding beside the rest.
fn scale(view: &StepView) -> Option<f64> {
    let n = view.n();
    let largest = view.cross.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if largest <= 0.0 {
        return Some(1.0);
    }
    let norms = (0..n).map(|t| view.cross[t * n + t].max(0.0).sqrt());
    let mean = norms.sum::<f64>() / n as f64;
    (mean * mean > f64::EPSILON * largest).then_some(mean * mean)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, build, random_jacobian};
    use super::*;
    use torso_core::seed::Seed;

    /// One step on the products of two batches.
    fn step(method: &mut dyn Weighting, cross: &[f64]) -> (Vec<f64>, Status) {
        let n = cross.len().isqrt();
        let (tasks, losses): (Vec<usize>, Vec<f64>) = (0..n).map(|t| (t, 1.0)).unzip();
        let view = StepView { tasks: &tasks, losses: &losses, cross, step: 0, epoch: 0 };
        let mut w = vec![f64::NAN; n];
        let status = method.weigh(&Gramian::new(n, vec![0.0; n * n]), &view, &mut w);
        (w, status)
    }

    #[test]
    fn its_fixed_point_is_optimal() {
        // min over the simplex of (w + lambda p)' A (w + lambda p): slopes are equal where w > 0.
        let mut stream = Seed(81).stream("test", "", 0);
        for n in [2, 5, 20] {
            let jacobian = random_jacobian(n, 40, 40, 0.3, &mut stream);
            let gramian = Gramian::of_rows(n, &jacobian);
            let mut method = build(&METHOD, n, r#"{"lr": 0.02, "iterations": 20000}"#);
            let (mixed, status) = step(method.as_mut(), gramian.data());
            assert_eq!(status, Status::Solved);
            let w: Vec<f64> = mixed.iter().map(|m| 1.3 * m - 0.3 / n as f64).collect();
            let slopes = gramian.times(&mixed);
            let least = slopes.iter().copied().fold(f64::INFINITY, f64::min);
            assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for (w, slope) in w.iter().zip(&slopes) {
                assert!(*w > -1e-12);
                assert!(*w < 1e-9 || slope - least < 1e-7 * gramian.trace(), "{n}: {slopes:?}");
            }
        }
    }

    #[test]
    fn golden() {
        for normalize in [true, false] {
            let settings = format!(r#"{{"lr": 10, "iterations": 1, "normalize": {normalize}}}"#);
            let mut method = build(&METHOD, 3, &settings);
            let first = [1.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 0.0];
            let (w, status) = step(method.as_mut(), &first);
            assert_eq!(status, Status::Solved);
            assert_close(&w, &[1.0 / 13.0, 1.0 / 13.0, 11.0 / 13.0], 1e-15);
            let second = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
            let (w, _) = step(method.as_mut(), &second);
            assert_close(&w, &[6.0 / 13.0, 6.0 / 13.0, 1.0 / 13.0], 1e-15);
        }
    }

    #[test]
    fn momentum_counts_from_the_second_iteration_on() {
        // A = I / 4 of scale 1/4, so I; no pull. From (1/2, 1/2), p = (1, 0), lambda = 0.2, lr 0.1:
        // slopes (.7, .5) -> (.49, .51); slopes (.69, .51) + .5 (.7, .5) -> (.386, .434), + .09.
        let settings = r#"{"lr": 0.1, "iterations": 2, "lambda": 0.2, "preference": [1, 0]}"#;
        let mut method = build(&METHOD, 2, settings);
        let (w, _) = step(method.as_mut(), &[0.25, 0.0, 0.0, 0.25]);
        assert_close(&w, &[(0.476 + 0.2) / 1.2, 0.524 / 1.2], 1e-15);
    }

    #[test]
    fn batches_that_agree_on_nothing_leave_the_weights_as_they_are() {
        let mut method = build(&METHOD, 2, "{}");
        let (w, status) = step(method.as_mut(), &[-1.0, 0.5, 0.5, -2.0]);
        assert!(matches!(status, Status::NoSolution { .. }));
        assert_close(&w, &[0.5, 0.5], 1e-15);
        assert_eq!(step(method.as_mut(), &[0.0; 4]).1, Status::Solved);
    }
}
