//! What one training step of an architecture costs.

use std::time::Duration;

use serde_json::{Map, Value};
use torso_core::data::{Labels, Layout, Task, TaskData, TaskKind};
use torso_core::estimator::{Batch as BatchSize, Budget, FitError, Problem};
use torso_core::features::{Design, Feature, FeatureValues, Features};
use torso_core::journal::NoJournal;
use torso_core::seed::{Seed, normal};

use super::{Recipe, Training};
use crate::network::Inputs;
use crate::settings::NetworkSettings;
use crate::sharing::SharingMethod;
use crate::supervision::Supervision;

/// The work: a perceptron for regressions on normal draws.
#[derive(Debug, Clone)]
pub struct CostShape {
    /// Features.
    pub n_inputs: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Tasks.
    pub n_tasks: usize,
    /// Rows in a step.
    pub batch: usize,
}

/// What a step took.
#[derive(Debug, Clone, Copy)]
pub struct StepCost {
    /// Numbers that are learned.
    pub n_parameters: usize,
    /// Multiply-adds of matrix products and sums of values, forward and back, and of a penalty.
    pub multiply_adds: u64,
    /// Time by the clock that was given.
    pub time: Duration,
}

/// Takes training steps with equal weights, a few of them unmeasured before, and gives the cost of
/// one.
///
/// # Errors
/// If the architecture does not take the settings or the tasks.
pub fn step_cost(
    (sharing, own): (&'static SharingMethod, Map<String, Value>),
    shape: &CostShape,
    n_steps: u32,
    clock: &dyn Fn() -> Duration,
) -> Result<StepCost, FitError> {
    let (data, design) = regressions(shape);
    let rows: Vec<u32> = (0..data.n_rows()).map(torso_core::data::row_index).collect();
    let problem = Problem {
        data: &data,
        design: &design,
        train: &rows,
        validation: &rows,
        seed: Seed(0),
        budget: Budget { trials: 1, epochs: 1, batch: BatchSize::Full },
        journal: &NoJournal,
    };
    let recipe = Recipe {
        sharing,
        own,
        balance: &torso_balance::scalarizer::equal::METHOD,
        balance_settings: Map::new(),
        settings: NetworkSettings {
            hidden: shape.hidden.clone(),
            conflict_steps: 0,
            ..NetworkSettings::default()
        },
    };
    let tasks: Vec<usize> = (0..shape.n_tasks).collect();
    let supervision = Supervision::columns(&data, &tasks, &rows);
    let inputs = Inputs::new(&design);
    let mut training = Training::start(&problem, &inputs, &supervision, &recipe, 0)?;
    training.batch.fill(&supervision, &rows);
    for _ in 0..3 {
        training.descend(0);
    }
    let (counted, start) = (training.tape.multiply_adds(), clock());
    for _ in 0..n_steps {
        training.descend(0);
    }
    let steps = n_steps.max(1);
    Ok(StepCost {
        n_parameters: training.network.params.len(),
        multiply_adds: (training.tape.multiply_adds() - counted) / u64::from(steps)
            + training.network.penalty_cost(),
        time: clock().saturating_sub(start) / steps,
    })
}

/// Normal draws for features and labels.
fn regressions(shape: &CostShape) -> (TaskData, Design) {
    let mut stream = Seed(1).stream("cost", "", 0);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
    let task = |t| Task {
        name: format!("y{t}"),
        kind: TaskKind::Regression,
        labels: Labels::from_column(&draw(shape.batch)),
    };
    let tasks = (0..shape.n_tasks).map(task).collect();
    let design = draw(shape.batch * shape.n_inputs);
    let names = (0..shape.n_inputs).map(|j| format!("x{j}")).collect();
    let values = FeatureValues::Numeric(vec![0.0; shape.batch]);
    let features =
        Features { columns: vec![Feature { name: "x".to_string(), values }], image: None };
    let data = TaskData::new("cost", "", features, tasks, Layout::Columns)
        .expect("draws are finite labels");
    (data, Design::new(names, shape.batch, design))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sharing;

    #[test]
    fn products_of_hard_sharing_are_counted() {
        let shape = CostShape { n_inputs: 6, hidden: vec![8, 4], n_tasks: 3, batch: 16 };
        let hard = (&sharing::hard::METHOD, Map::new());
        let cost = step_cost(hard, &shape, 2, &|| Duration::ZERO).unwrap();
        // Forward, weights and inputs of every layer, but for the features.
        let once = 16 * (6 * 8 + 8 * 4 + 4 * 3);
        assert_eq!(cost.multiply_adds, 3 * once - 16 * 6 * 8);
        assert_eq!(cost.n_parameters, 7 * 8 + 9 * 4 + 5 * 3);
    }
}
