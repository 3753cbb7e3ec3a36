//! All groups as one task: what is gained by more rows alone, without knowing the group.

use serde_json::Map;
use torso_core::data::Layout;
use torso_core::estimator::{Estimator, FitError, Model, Problem, Trace};
use torso_core::features::Design;
use torso_core::snapshot::Snapshot;

use super::NetworkModel;
use crate::network::Inputs;
use crate::settings::NetworkSettings;
use crate::sharing;
use crate::supervision::Supervision;
use crate::trainer::Recipe;

/// One network with one head for all groups. The mean over rows is learned, not over tasks.
#[derive(Debug, Clone)]
pub struct Pooled {
    settings: NetworkSettings,
}

impl Pooled {
    /// Pooling with these settings.
    pub fn new(settings: NetworkSettings) -> Self {
        Self { settings }
    }
}

impl Estimator for Pooled {
    fn id(&self) -> String {
        "pooled".to_string()
    }

    fn fit(&self, problem: &Problem) -> Result<Box<dyn Model>, FitError> {
        if problem.data.layout() != Layout::Groups {
            return Err(FitError::Unsuitable {
                method: self.id(),
                why: "needs tasks that share a target: groups of rows".to_string(),
            });
        }
        let recipe = Recipe {
            sharing: &sharing::hard::METHOD,
            own: Map::new(),
            balance: &torso_balance::scalarizer::equal::METHOD,
            balance_settings: Map::new(),
            settings: self.settings.clone(),
        };
        let supervision = Supervision::pooled(problem.data, problem.train);
        let inputs = Inputs::new(problem.design);
        let model = NetworkModel::fit(problem, &inputs, &supervision, &recipe, "pooled")?;
        Ok(Box::new(PooledModel(model)))
    }
}

pub(super) struct PooledModel(pub(super) NetworkModel);

impl Model for PooledModel {
    fn predict(&self, design: &Design, _: usize, rows: &[u32]) -> Vec<f64> {
        self.0.predict(design, 0, rows)
    }

    fn trace(&self) -> &Trace {
        &self.0.trace
    }

    fn snapshot(&self) -> Snapshot {
        self.0.kept("pooled")
    }

    fn n_parameters(&self) -> usize {
        self.0.n_parameters()
    }
}
