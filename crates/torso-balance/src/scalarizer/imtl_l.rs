//! The loss balance of impartial multi-task learning: a scale is learned that brings every loss
//! to 1.
//!
//! # Formula
//! `min over s of sum_t exp(s_t) L_t - s_t`, `s [T]`; the weights are `w_t = exp(s_t)`. `s`
//! descends the same objective by Adam: `d/ds_t = exp(s_t) L_t - 1`, with root
//! `exp(s_t) = 1 / L_t`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `init` | 0 | any | LibMTL, TorchJD |
//! | `lr` | 0.01 | above 0 | ours, as for uncertainty weighting |
//!
//! # Cost
//! One backward pass, `4 T` numbers of state.
//!
//! # Claims
//! The order of the tasks does not matter. The scale of a loss does not matter once `s` has
//! settled, but before that it does: invariance is not claimed.
//!
//! # Differs from
//! In the paper and LibMTL the model's optimizer learns `s`; here `s` has one of its own, so that
//! the trunk's schedule does not slow it down. A loss at or below 0 has no best scale, for the
//! objective has no minimum: its scale is kept, with a status. `s` stays below 80, where `exp(s)`
//! comes near the largest number of single precision. With squared errors this is twice
//! uncertainty weighting with `s` of opposite sign.
//!
//! # References
//! Liu, Li, Kuang, Xue, Chen, Yang, Liao, Zhang, *Towards Impartial Multi-task Learning* (2021).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::Scalarizer;
use crate::adam::Adam;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "imtl-l",
        family: Family::Balance,
        title: "impartial loss balance",
        section: "A.6",
        formula: "min over s of sum_t exp(s_t) L_t - s_t; w_t = exp(s_t)",
        parameters: &[
            Parameter {
                name: "init",
                default: "0",
                range: "any number up to 80",
                about: "first value of every log scale (LibMTL, TorchJD)",
            },
            Parameter {
                name: "lr",
                default: "0.01",
                range: "above 0",
                about: "learning rate of the log scales, by Adam (ours)",
            },
        ],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Liu, Li, Kuang, Xue, Chen, Yang, Liao, Zhang",
            title: "Towards Impartial Multi-task Learning",
            venue: "ICLR",
            year: 2021,
        },
    },
    sees: Sees::Losses,
    heads: Heads::Weighted,
    claims: &[Claim::Permutes],
    build,
};

/// The highest log scale.
const CEILING: f64 = 80.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    init: f64,
    #[serde(default = "default_lr")]
    lr: f64,
}

fn default_lr() -> f64 {
    0.01
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { init, lr } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "init", init, Allowed::Finite)?;
    if init > CEILING {
        let (method, name, allowed) = (METHOD.method.id, "init", "of at most 80");
        return Err(BalanceError::OutOfRange { method, name, allowed, found: init });
    }
    check(&METHOD.method, "lr", lr, Allowed::Positive)?;
    let n = setup.n_tasks();
    Ok(Balancer::Scalarizer(Box::new(ImtlL { s: vec![init; n], adam: Adam::new(n, lr) })))
}

struct ImtlL {
    /// Log scales.
    s: Vec<f64>,
    adam: Adam,
}

impl State for ImtlL {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.s);
        self.adam.visit(visitor);
    }
}

impl Scalarizer for ImtlL {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        let mut status = Status::Solved;
        for ((weight, &loss), &task) in weights.iter_mut().zip(view.losses).zip(view.tasks) {
            let s = &mut self.s[task];
            *weight = s.exp();
            if loss > 0.0 {
                *s = (*s + self.adam.step(task, *weight * loss - 1.0)).min(CEILING);
            } else {
                status = Status::NoSolution {
                    why: "a loss at or below 0 has no best scale",
                    instead: "its scale was kept",
                };
            }
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, at_epoch, build, refusal, slopes, weigh};
    use super::*;

    #[test]
    fn weights_are_the_slopes_of_the_objective() {
        let losses = [0.8, 1.3];
        let (weights, status) = weigh(&METHOD, &losses, r#"{"init": 0.3}"#);
        assert_eq!(status, Status::Solved);
        let f = |losses: &[f64]| losses.iter().map(|l| 0.3_f64.exp() * l - 0.3).sum();
        assert_close(&weights, &slopes(f, &losses), 1e-9);
        assert_eq!(weigh(&METHOD, &losses, "{}").0, [1.0, 1.0]);
    }

    #[test]
    fn a_weighted_loss_settles_at_one_whatever_its_scale() {
        let losses = [1e-10, 0.01, 1.0, 100.0, 1e6];
        let mut method = build(&METHOD, 5, r#"{"lr": 0.05}"#);
        let mut weights = Vec::new();
        for _ in 0..40_000 {
            weights = at_epoch(method.as_mut(), &losses, 0).0;
        }
        let weighted: Vec<f64> = weights.iter().zip(losses).map(|(w, l)| w * l).collect();
        assert_close(&weighted, &[1.0; 5], 1e-3);
    }

    #[test]
    fn it_is_uncertainty_weighting_of_squared_errors_doubled() {
        // s of the one is minus s of the other, and Adam does not feel the factor of 2.
        let mut method = build(&METHOD, 2, "{}");
        let mut uncertain = build(&super::super::uncertainty::METHOD, 2, "{}");
        for step in 0..200 {
            let losses = [0.3 + 0.1 * f64::from(step % 3), 5.0];
            let (weights, _) = at_epoch(method.as_mut(), &losses, 0);
            let halves = at_epoch(uncertain.as_mut(), &losses, 0).0;
            assert_close(&weights, &[2.0 * halves[0], 2.0 * halves[1]], 1e-6);
        }
    }

    #[test]
    fn a_loss_without_a_best_scale_keeps_it() {
        let mut method = build(&METHOD, 2, "{}");
        for bad in [0.0, -3.0, f64::NAN] {
            for _ in 0..5 {
                let (weights, status) = at_epoch(method.as_mut(), &[bad, 2.0], 0);
                assert!(matches!(status, Status::NoSolution { .. }));
                assert!((weights[0] - 1.0).abs() < 1e-15 && weights[1] <= 1.0);
            }
        }
        assert!(at_epoch(method.as_mut(), &[1.0, 2.0], 0).0[1] < 0.9);
        assert!(refusal(&METHOD, 2, r#"{"init": 81}"#).contains("found 81"));
    }
}
