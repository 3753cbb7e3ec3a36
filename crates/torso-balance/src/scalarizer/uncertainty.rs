//! Uncertainty weighting: each task's noise is learned, and noisy tasks count less.
//!
//! # Formula
//! With `s_t = log sigma_t^2` and `c_t = 1/2` for squared errors, `1` for cross-entropies, the
//! joint likelihood is `sum_t c_t exp(-s_t) L_t + s_t / 2`. The weights are
//! `w_t = c_t exp(-s_t)`; `s` descends the same objective by Adam:
//! `d/ds_t = -c_t exp(-s_t) L_t + 1/2`, whose root is `sigma_t^2 = 2 c_t L_t`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `init` | 0 | any | TorchJD; LibMTL starts at -0.5 |
//! | `lr` | 0.01 | above 0 | ours: with standardized targets `s` must cross a few units in a few hundred steps |
//!
//! # Cost
//! One backward pass, `T` numbers of state.
//!
//! # Differs from
//! LibMTL uses `c_t = 1/2` for every task. Here `s` has an optimizer of its own, so that the
//! trunk's schedule does not slow it down. `s` is held above -12: a loss that reaches 0 would
//! drive it to minus infinity.
//!
//! # References
//! Kendall, Gal, Cipolla, *Multi-Task Learning Using Uncertainty to Weigh Losses for Scene
//! Geometry and Semantics* (2018).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::Scalarizer;
use crate::adam::Adam;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, LossForm, Sees, Setup, State, Status,
    StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "uncertainty",
        family: Family::Balance,
        title: "uncertainty weighting",
        section: "6.6",
        formula: "min over s of sum_t c_t exp(-s_t) L_t + s_t / 2; w_t = c_t exp(-s_t); \
                  c_t = 1/2 for squared errors, 1 for cross-entropies",
        parameters: &[
            Parameter {
                name: "init",
                default: "0",
                range: "any number",
                about: "first value of every log variance (TorchJD; LibMTL: -0.5)",
            },
            Parameter {
                name: "lr",
                default: "0.01",
                range: "above 0",
                about: "learning rate of the log variances, by Adam (ours)",
            },
        ],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Kendall, Gal, Cipolla",
            title: "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry \
                    and Semantics",
            venue: "CVPR",
            year: 2018,
        },
    },
    sees: Sees::Losses,
    heads: Heads::Weighted,
    claims: &[Claim::Permutes],
    build,
};

/// The lowest log variance.
const FLOOR: f64 = -12.0;

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
    check(&METHOD.method, "lr", lr, Allowed::Positive)?;
    Ok(Balancer::Scalarizer(Box::new(Uncertainty::new(setup.forms, init, lr))))
}

struct Uncertainty {
    /// `c`, from the form of each loss.
    scales: Vec<f64>,
    /// Log variances.
    s: Vec<f64>,
    adam: Adam,
}

impl Uncertainty {
    fn new(forms: &[LossForm], init: f64, lr: f64) -> Self {
        let scale = |form: &LossForm| match form {
            LossForm::Squared => 0.5,
            LossForm::CrossEntropy => 1.0,
        };
        let n = forms.len();
        Self { scales: forms.iter().map(scale).collect(), s: vec![init; n], adam: Adam::new(n, lr) }
    }
}

impl State for Uncertainty {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.s);
        self.adam.visit(visitor);
    }
}

impl Scalarizer for Uncertainty {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        for ((weight, loss), &task) in weights.iter_mut().zip(view.losses).zip(view.tasks) {
            let s = &mut self.s[task];
            *weight = self.scales[task] * (-*s).exp();
            *s = (*s + self.adam.step(task, 0.5 - *weight * loss)).max(FLOOR);
        }
        Status::Solved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(losses: &[f64], forms: &[LossForm]) -> Vec<f64> {
        let mut method = Uncertainty::new(forms, 0.0, 0.05);
        let mut weights = vec![0.0; losses.len()];
        let tasks: Vec<usize> = (0..losses.len()).collect();
        for step in 0..20_000 {
            let view = StepView { tasks: &tasks, losses, cross: &[], step, epoch: 0 };
            method.weigh(&view, &mut weights);
        }
        method.s.iter().map(|s| s.exp()).collect()
    }

    #[test]
    fn the_variance_settles_at_the_loss() {
        let forms = [LossForm::Squared, LossForm::Squared, LossForm::CrossEntropy];
        let variance = settle(&[0.01, 100.0, 0.7], &forms);
        for (found, expected) in variance.iter().zip([0.01, 100.0, 1.4]) {
            assert!((found / expected - 1.0).abs() < 1e-3, "{found} for {expected}");
        }
    }

    #[test]
    fn weights_are_the_derivative_of_the_objective_by_each_loss() {
        let objective = |l: f64, s: f64, c: f64| c * (-s).exp() * l + s / 2.0;
        let mut method = Uncertainty::new(&[LossForm::Squared, LossForm::CrossEntropy], 0.3, 0.01);
        let losses = [0.8, 1.3];
        let mut weights = [0.0; 2];
        let view = StepView { tasks: &[0, 1], losses: &losses, cross: &[], step: 0, epoch: 0 };
        method.weigh(&view, &mut weights);
        for (t, c) in [0.5, 1.0].into_iter().enumerate() {
            let step = 1e-6;
            let up = objective(losses[t] + step, 0.3, c);
            let down = objective(losses[t] - step, 0.3, c);
            assert!((weights[t] - (up - down) / (2.0 * step)).abs() < 1e-8);
        }
    }
}
