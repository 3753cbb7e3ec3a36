//! Each task alone: the baseline that every other arm is measured against.

use serde_json::Map;
use torso_core::estimator::{Epoch, Estimator, FitError, FitStatus, Model, Problem, Trace};
use torso_core::features::Design;
use torso_core::snapshot::Snapshot;

use super::NetworkModel;
use crate::network::Inputs;
use crate::settings::NetworkSettings;
use crate::sharing;
use crate::supervision::Supervision;
use crate::trainer::Recipe;

/// A network for each task, tuned and stopped for that task alone.
///
/// The networks have the size of the joint ones, so the joint arms have fewer parameters, not
/// more; and their trunks start from the same draws.
#[derive(Debug, Clone)]
pub struct Apart {
    settings: NetworkSettings,
}

impl Apart {
    /// The baseline with these settings.
    pub fn new(settings: NetworkSettings) -> Self {
        Self { settings }
    }
}

impl Estimator for Apart {
    fn id(&self) -> String {
        "apart".to_string()
    }

    fn fit(&self, problem: &Problem) -> Result<Box<dyn Model>, FitError> {
        let inputs = Inputs::new(problem.design);
        let recipe = Recipe {
            sharing: &sharing::hard::METHOD,
            own: Map::new(),
            balance: &torso_balance::scalarizer::equal::METHOD,
            balance_settings: Map::new(),
            settings: self.settings.clone(),
        };
        let fit = |task: usize| {
            let supervision = Supervision::columns(problem.data, &[task], problem.train);
            let part = format!("task {task}");
            NetworkModel::fit(problem, &inputs, &supervision, &recipe, &part)
        };
        let models: Vec<NetworkModel> =
            (0..problem.data.n_tasks()).map(fit).collect::<Result<_, _>>()?;
        let trace = merge(&models);
        Ok(Box::new(ApartModel { models, trace }))
    }
}

pub(super) struct ApartModel {
    pub(super) models: Vec<NetworkModel>,
    pub(super) trace: Trace,
}

impl Model for ApartModel {
    fn predict(&self, design: &Design, task: usize, rows: &[u32]) -> Vec<f64> {
        self.models[task].predict(design, 0, rows)
    }

    fn trace(&self) -> &Trace {
        &self.trace
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.describe("model", &"apart");
        for (task, model) in self.models.iter().enumerate() {
            snapshot.nest(&format!("task {task}"), model.kept("joint"));
        }
        snapshot
    }

    fn n_parameters(&self) -> usize {
        self.models.iter().map(Model::n_parameters).sum()
    }
}

/// One trace for all: a task that stopped has `NaN` from then on; the best epoch is the mean.
fn merge(models: &[NetworkModel]) -> Trace {
    let traces = || models.iter().map(|model| &model.trace);
    let length = traces().map(|trace| trace.epochs.len()).max().unwrap_or(0);
    let at = |epoch: usize, of: fn(&Epoch) -> &[f64]| {
        traces().map(|t| t.epochs.get(epoch).map_or(f64::NAN, |e| of(e)[0])).collect()
    };
    let epoch = |e| Epoch {
        train: at(e, |epoch| &epoch.train),
        validation: at(e, |epoch| &epoch.validation),
        weights: vec![1.0; models.len()],
        cosine: f64::NAN,
    };
    Trace {
        epochs: (0..length).map(epoch).collect(),
        best_epoch: traces().map(|trace| trace.best_epoch).sum::<usize>() / models.len().max(1),
        status: if traces().any(|trace| trace.status == FitStatus::LimitReached) {
            FitStatus::LimitReached
        } else {
            FitStatus::StoppedEarly
        },
        ..Trace::default()
    }
}
