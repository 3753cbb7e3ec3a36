//! The neural arms of a comparison, as estimators.
//!
//! | arm | what learns |
//! |---|---|
//! | [`Apart`] | a network for each task: the baseline |
//! | [`Pooled`] | one network with one head, for tasks that share a target |
//! | [`Joint`] | one network for all tasks: `SHARING+BALANCE` |

mod apart;
mod joint;
mod pooled;

pub use apart::Apart;
pub use joint::Joint;
pub use pooled::Pooled;

use torso_core::data::TaskKind;
use torso_core::estimator::{FitError, Model, Problem, Trace};
use torso_core::features::Design;

use crate::network::{Inputs, Network};
use crate::settings::NetworkSettings;
use crate::supervision::{Scale, Supervision};
use crate::trainer::{Recipe, train};
use crate::tuning::{best_of, trial_settings};

/// One trained network as a model of some tasks.
struct NetworkModel {
    network: Network,
    outputs: Vec<(TaskKind, Scale)>,
    trace: Trace,
}

impl NetworkModel {
    /// Tunes and trains a network on `supervision`.
    fn fit(
        problem: &Problem,
        inputs: &Inputs,
        supervision: &Supervision,
        recipe: &Recipe,
    ) -> Result<Self, FitError> {
        let at = |trial| Recipe {
            settings: trial_settings(&recipe.settings, problem.seed, trial),
            ..recipe.clone()
        };
        let mut trained = best_of(problem.budget.trials, |trial| {
            train(problem, inputs, supervision, &at(trial), trial)
        })?;
        trained.trace.settings = named(&at(trained.trace.best_trial).settings);
        let output = |t: usize| {
            let target = supervision.target_of(t);
            (target.kind.clone(), target.scale)
        };
        let outputs = (0..supervision.n_losses()).map(output).collect();
        Ok(Self { network: trained.network, outputs, trace: trained.trace })
    }

    fn predict(&self, design: &Design, t: usize, rows: &[u32]) -> Vec<f64> {
        let (kind, scale) = &self.outputs[t];
        self.network.predict(design, t, kind, *scale, rows)
    }
}

impl Model for NetworkModel {
    fn predict(&self, design: &Design, task: usize, rows: &[u32]) -> Vec<f64> {
        Self::predict(self, design, task, rows)
    }

    fn trace(&self) -> &Trace {
        &self.trace
    }
}

/// The settings that trials change, by name.
fn named(settings: &NetworkSettings) -> Vec<(String, f64)> {
    [
        ("lr", settings.lr),
        ("weight-decay", settings.weight_decay),
        ("dropout", settings.dropout),
        ("deviation", settings.deviation),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .to_vec()
}

#[cfg(test)]
pub(crate) mod tests;
