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
use crate::{BalanceError, BalanceMethod, Balancer, LossForm, Setup, StepView};

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
    let Parameters { init, lr } = setup.parameters(METHOD.method.id)?;
    let refuse = |name, allowed, found| BalanceError::OutOfRange {
        method: METHOD.method.id,
        name,
        allowed,
        found,
    };
    if !init.is_finite() {
        return Err(refuse("init", "finite", init));
    }
    if !(lr > 0.0 && lr.is_finite()) {
        return Err(refuse("lr", "above 0", lr));
    }
    Ok(Balancer::Scalarizer(Box::new(Uncertainty::new(setup.forms, init, lr))))
}

struct Uncertainty {
    lr: f64,
    tasks: Vec<LogVariance>,
}

/// One task's log variance `s` with its Adam state.
struct LogVariance {
    scale: f64,
    s: f64,
    first: f64,
    second: f64,
    steps: i32,
}

impl Uncertainty {
    fn new(forms: &[LossForm], init: f64, lr: f64) -> Self {
        let task = |form: &LossForm| {
            let scale = match form {
                LossForm::Squared => 0.5,
                LossForm::CrossEntropy => 1.0,
            };
            LogVariance { scale, s: init, first: 0.0, second: 0.0, steps: 0 }
        };
        Self { lr, tasks: forms.iter().map(task).collect() }
    }
}

impl Scalarizer for Uncertainty {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) {
        for (t, task) in self.tasks.iter_mut().enumerate() {
            weights[t] = task.scale * (-task.s).exp();
            if view.observed[t] {
                task.descend(0.5 - weights[t] * view.losses[t], self.lr);
            }
        }
    }
}

impl LogVariance {
    /// One step of Adam (Kingma and Ba 2015, with its defaults).
    fn descend(&mut self, gradient: f64, lr: f64) {
        let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
        self.steps = self.steps.saturating_add(1);
        self.first = beta1 * self.first + (1.0 - beta1) * gradient;
        self.second = beta2 * self.second + (1.0 - beta2) * gradient * gradient;
        let first = self.first / (1.0 - f64::powi(beta1, self.steps));
        let second = self.second / (1.0 - f64::powi(beta2, self.steps));
        self.s = (self.s - lr * first / (second.sqrt() + epsilon)).max(FLOOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(losses: &[f64], forms: &[LossForm]) -> Vec<f64> {
        let mut method = Uncertainty::new(forms, 0.0, 0.05);
        let mut weights = vec![0.0; losses.len()];
        let observed = vec![true; losses.len()];
        for step in 0..20_000 {
            let view = StepView { losses, observed: &observed, step, epoch: 0 };
            method.weigh(&view, &mut weights);
        }
        method.tasks.iter().map(|task| task.s.exp()).collect()
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
        let view = StepView { losses: &losses, observed: &[true, true], step: 0, epoch: 0 };
        method.weigh(&view, &mut weights);
        for (t, c) in [0.5, 1.0].into_iter().enumerate() {
            let step = 1e-6;
            let up = objective(losses[t] + step, 0.3, c);
            let down = objective(losses[t] - step, 0.3, c);
            assert!((weights[t] - (up - down) / (2.0 * step)).abs() < 1e-8);
        }
    }

    #[test]
    fn a_task_without_labels_keeps_its_state() {
        let mut method = Uncertainty::new(&[LossForm::Squared; 2], 0.0, 0.1);
        let view = StepView { losses: &[2.0, 0.0], observed: &[true, false], step: 0, epoch: 0 };
        method.weigh(&view, &mut [0.0; 2]);
        assert!(method.tasks[0].s > 0.0);
        assert!(method.tasks[1].s.abs() < f64::EPSILON && method.tasks[1].steps == 0);
    }
}
