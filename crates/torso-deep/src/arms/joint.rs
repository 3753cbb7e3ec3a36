//! All tasks in one network: a sharing architecture with a balancing method.

use serde_json::{Map, Value};
use torso_balance::{BalanceMethod, Sees, Setup};
use torso_core::data::{Layout, TaskData};
use torso_core::estimator::{Estimator, FitError, Model, Problem};
use torso_core::seed::Seed;

use super::NetworkModel;
use crate::balancing::{Balancing, form};
use crate::encoder::Encoder;
use crate::layout::Context;
use crate::network::Inputs;
use crate::settings::{NetworkSettings, TaskGradients};
use crate::sharing::SharingMethod;
use crate::supervision::{Outputs, Supervision};
use crate::trainer::{Recipe, refusal};

/// One network for all tasks.
pub struct Joint {
    recipe: Recipe,
}

impl Joint {
    /// The arm `SHARING+BALANCE`.
    pub fn new(
        (sharing, own): (&'static SharingMethod, Map<String, Value>),
        (balance, balance_settings): (&'static BalanceMethod, Map<String, Value>),
        settings: NetworkSettings,
    ) -> Self {
        Self { recipe: Recipe { sharing, own, balance, balance_settings, settings } }
    }

    /// Refuses balancing that looks at a trunk where the architecture has none.
    fn check_trunk(&self) -> Result<(), FitError> {
        let Recipe { sharing, balance, settings, .. } = &self.recipe;
        let method = balance.method.id.to_string();
        let why = match (balance.sees, settings.task_gradients) {
            _ if sharing.has_trunk => return Ok(()),
            (Sees::LastLayerGramian | Sees::Rotated, _) => {
                format!("looks at a trunk that all tasks read, and `{}` has none", self.id())
            }
            (_, TaskGradients::Representation) => {
                "needs task-gradients=exact where the tasks read no common trunk".to_string()
            }
            _ => return Ok(()),
        };
        Err(FitError::Unsuitable { method, why })
    }
}

impl Estimator for Joint {
    fn id(&self) -> String {
        format!("{}+{}", self.recipe.sharing.method.id, self.recipe.balance.method.id)
    }

    fn check(&self, data: &TaskData) -> Result<(), FitError> {
        if self.recipe.balance.sees == Sees::Rotated && data.layout() == Layout::Groups {
            return Err(FitError::Unsuitable {
                method: self.recipe.balance.method.id.to_string(),
                why: "rotates what heads side by side read: it needs tasks as columns".to_string(),
            });
        }
        self.check_trunk()?;
        let outputs = Outputs::of(data);
        let Recipe { sharing, own, settings, .. } = &self.recipe;
        let image = data.features().image.map(|i| [i.height, i.width, i.channels]);
        let settings =
            &NetworkSettings { encoder: Some(Encoder::kind(settings, image)), ..settings.clone() };
        (sharing.check)(&Context { outputs: &outputs, settings, own })
            .map_err(|error| refusal(sharing, error))?;
        let forms: Vec<_> = data.tasks().iter().map(|task| form(&task.kind)).collect();
        let setup = Setup {
            forms: &forms,
            settings: &self.recipe.balance_settings,
            trial: 0,
            seed: Seed(0),
        };
        Balancing::start(self.recipe.balance, &setup, &self.recipe.settings).map(|_| ())
    }

    fn fit(&self, problem: &Problem) -> Result<Box<dyn Model>, FitError> {
        self.check(problem.data)?;
        let supervision = match problem.data.layout() {
            Layout::Columns => {
                let tasks: Vec<usize> = (0..problem.data.n_tasks()).collect();
                Supervision::columns(problem.data, &tasks, problem.train)
            }
            Layout::Groups => Supervision::groups(problem.data, problem.train),
        };
        let inputs = Inputs::new(problem.design);
        let model = NetworkModel::fit(problem, &inputs, &supervision, &self.recipe, "joint")?;
        Ok(Box::new(model))
    }
}
