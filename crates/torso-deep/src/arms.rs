//! The neural arms of a comparison, as estimators.
//!
//! | arm | what learns |
//! |---|---|
//! | [`Apart`] | a network for each task: the baseline |
//! | [`Pooled`] | one network with one head, for tasks that share a target |
//! | [`Joint`] | one network for all tasks: `SHARING+BALANCE` |

mod apart;
mod joint;
mod kept;
mod pooled;

pub use apart::Apart;
pub use joint::Joint;
pub use pooled::Pooled;

pub use kept::restore;

use torso_core::estimator::{FitError, Model, Problem, Trace};
use torso_core::features::Design;
use torso_core::snapshot::Snapshot;

use crate::network::{Inputs, Network};
use crate::supervision::{Scale, Supervision};
use crate::trainer::{Recipe, train};
use crate::tuning::{best_of, own_number, trial_recipe};

/// One trained network as a model of some tasks.
struct NetworkModel {
    network: Network,
    /// The scale of each task's labels, `[n_losses]`.
    scales: Vec<Scale>,
    trace: Trace,
}

impl NetworkModel {
    /// Tunes and trains a network on `supervision`; `part` is its name in the journal.
    fn fit(
        problem: &Problem,
        inputs: &Inputs,
        supervision: &Supervision,
        recipe: &Recipe,
        part: &str,
    ) -> Result<Self, FitError> {
        let at = |trial| trial_recipe(recipe, problem.seed, trial);
        let mut trained = best_of(problem.budget.trials, |trial| {
            let part = format!("{part}, trial {trial}");
            train(problem, inputs, supervision, &at(trial), (trial, &part))
        })?;
        trained.trace.settings = named(&at(trained.trace.best_trial));
        let scale = |t: usize| supervision.target_of(t).scale;
        let scales = (0..supervision.n_losses()).map(scale).collect();
        Ok(Self { network: trained.network, scales, trace: trained.trace })
    }

    fn predict(&self, design: &Design, t: usize, rows: &[u32]) -> Vec<f64> {
        self.network.predict(design, t, self.scales[t], rows)
    }
}

impl Model for NetworkModel {
    fn predict(&self, design: &Design, task: usize, rows: &[u32]) -> Vec<f64> {
        Self::predict(self, design, task, rows)
    }

    fn predict_all(&self, design: &Design, n_tasks: usize, rows: &[u32]) -> Vec<Vec<f64>> {
        if self.network.is_grouped() {
            return (0..n_tasks).map(|task| self.predict(design, task, rows)).collect();
        }
        self.network.predict_all(design, &self.scales, rows)
    }

    fn trace(&self) -> &Trace {
        &self.trace
    }

    fn snapshot(&self) -> Snapshot {
        self.kept("joint")
    }

    fn n_parameters(&self) -> usize {
        self.network.params.len()
    }
}

/// The settings that trials change, by name.
fn named(recipe: &Recipe) -> Vec<(String, f64)> {
    let settings = &recipe.settings;
    let shared = [
        ("lr", settings.lr),
        ("weight-decay", settings.weight_decay),
        ("dropout", settings.dropout),
        ("deviation", settings.deviation),
    ]
    .map(|(name, value)| (name.to_string(), value));
    let own = recipe.sharing.tuned.iter().map(|(name, _)| (*name).to_string());
    let own = own.map(|name| (name.clone(), own_number(recipe, &name)));
    shared.into_iter().chain(own).collect()
}

#[cfg(test)]
pub(crate) mod tests;
