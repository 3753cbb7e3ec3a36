//! What the tests of architectures with lanes have in common, and of tasks at chosen layers.

use serde_json::{Map, Value};
use torso_core::data::{Labels, Layout, Task, TaskData};
use torso_core::estimator::{Batch as BatchSize, Budget, Estimator, Problem, Trace};
use torso_core::features::{Design, Feature, FeatureValues, Features};
use torso_core::journal::NoJournal;
use torso_core::seed::Seed;
use torso_tape::Tape;

use crate::arms::tests::{columns, rows, small};
use crate::arms::{Apart, Joint};
use crate::heads::Batch;
use crate::layout::LayoutError;
use crate::network::{Blueprint, Inputs, Mode, Network};
use crate::settings::NetworkSettings;
use crate::sharing::find;
use crate::supervision::{Outputs, Supervision};

fn own(settings: &Value) -> Map<String, Value> {
    settings.as_object().unwrap().clone()
}

pub(crate) fn joint(id: &str, settings: &Value, hidden: &[usize]) -> Joint {
    let balance = torso_balance::find("equal").unwrap();
    Joint::new((find(id).unwrap(), own(settings)), (balance, Map::new()), network_settings(hidden))
}

/// The tasks alone.
pub(crate) fn alone(hidden: &[usize]) -> Apart {
    Apart::new(network_settings(hidden))
}

/// A clip that never bites, for it sees the gradients of all tasks.
fn network_settings(hidden: &[usize]) -> NetworkSettings {
    NetworkSettings { hidden: hidden.to_vec(), clip: 1e9, ..small() }
}

fn with_tasks(tasks: Vec<Task>) -> TaskData {
    let values = FeatureValues::Numeric(vec![0.0; tasks[0].labels.rows().len()]);
    let features = Features { columns: vec![Feature { name: "x".into(), values }], image: None };
    TaskData::new("t", "", features, tasks, Layout::Columns).unwrap()
}

/// Two tasks without a missing label.
pub(crate) fn complete() -> (TaskData, Design) {
    let (data, design) = columns();
    (with_tasks(data.tasks()[1..].to_vec()), design)
}

/// Two tasks with the same labels.
pub(crate) fn twins() -> (TaskData, Design) {
    let (data, design) = columns();
    let task = &data.tasks()[1];
    let twin = |name: &str| Task {
        name: name.into(),
        kind: task.kind.clone(),
        labels: Labels::from_column(task.labels.values()),
    };
    (with_tasks(vec![twin("left"), twin("right")]), design)
}

/// Predictions of all tasks after some epochs, and the trace.
pub(crate) fn learned(
    estimator: &dyn Estimator,
    (data, design): &(TaskData, Design),
    epochs: usize,
) -> (Vec<Vec<f64>>, Trace) {
    let (train, validation) = (rows(|row| row % 5 > 0), rows(|row| row % 5 == 0));
    let problem = Problem {
        data,
        design,
        train: &train,
        validation: &validation,
        seed: Seed(1),
        budget: Budget { trials: 1, epochs, batch: BatchSize::Rows(32) },
        journal: &NoJournal,
    };
    let model = estimator.fit(&problem).unwrap();
    let predict = |task| model.predict(design, task, &rows(|row| row < 40));
    ((0..data.n_tasks()).map(predict).collect(), model.trace().clone())
}

/// The same after three epochs that all gain, of the architecture and of the tasks alone.
pub(crate) fn beside_alone(id: &str, settings: &Value, hidden: &[usize]) -> [Vec<Vec<f64>>; 2] {
    let data = complete();
    let (together, trace) = learned(&joint(id, settings, hidden), &data, 3);
    let (alone, apart) = learned(&alone(hidden), &data, 3);
    assert_eq!((trace.best_epoch, apart.best_epoch), (2, 2), "the last epoch is the best");
    [together, alone]
}

/// The largest difference.
pub(crate) fn distance([a, b]: &[Vec<Vec<f64>>; 2]) -> f64 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// A network at its start, in the stage of a plan.
pub(crate) fn network(
    id: &str,
    settings: &Value,
    hidden: &[usize],
    data: &TaskData,
    plan: &Value,
) -> Result<Network, LayoutError> {
    let blueprint = Blueprint {
        sharing: find(id).unwrap(),
        own: own(settings),
        plan: plan.clone(),
        n_inputs: 2,
        image: None,
        outputs: Outputs::of(data),
        rotates: false,
        settings: network_settings(hidden),
    };
    Network::new(blueprint, Seed(1), usize::MAX)
}

/// The losses on all rows, and the gradient of their weighted sum.
pub(crate) fn losses(
    network: &Network,
    (data, design): &(TaskData, Design),
    weights: &[f32],
) -> (Vec<f32>, Vec<f32>) {
    let all = rows(|_| true);
    let tasks: Vec<usize> = (0..data.n_tasks()).collect();
    let supervision = Supervision::columns(data, &tasks, &all);
    let mut batch = Batch::default();
    batch.fill(&supervision, &all);
    let mut tape = Tape::new();
    let inputs = Inputs::new(design);
    network.record(&mut tape, &inputs, &batch, &supervision, &mut Mode::Evaluation);
    let mut gradient = vec![0.0; network.params.len()];
    tape.backward(&network.params, weights, &mut gradient);
    (tape.losses().to_vec(), gradient)
}

/// The values, or a gradient's numbers, of a range.
pub(crate) fn of<'a>(network: &Network, values: &'a [f32], name: &str) -> &'a [f32] {
    let id = network.params.find(name).unwrap_or_else(|| panic!("no range {name}"));
    &values[network.params.range(id).span()]
}

/// Writes a range.
pub(crate) fn set(network: &mut Network, name: &str, values: &[f32]) {
    let id = network.params.find(name).unwrap_or_else(|| panic!("no range {name}"));
    network.params.get_mut(id).copy_from_slice(values);
}

/// Writes the range `from` into the range `into`.
pub(crate) fn copy(network: &mut Network, from: &str, into: &str) {
    let values = of(network, network.params.values(), from).to_vec();
    set(network, into, &values);
}

/// Gives the head of `right` the values of that of `left`.
pub(crate) fn same_heads(network: &mut Network) {
    copy(network, "head.left.weight", "head.right.weight");
    copy(network, "head.left.bias", "head.right.bias");
}

/// Asserts that some coefficients have the gradient that differences show.
pub(crate) fn check_gradient(network: &mut Network, data: &(TaskData, Design), names: &[&str]) {
    let weights = vec![1.0; data.0.n_tasks()];
    let (_, gradient) = losses(network, data, &weights);
    for name in names {
        let span = network.params.range(network.params.find(name).unwrap()).span();
        for at in span {
            let start = network.params.values()[at];
            let mut at_step = |step: f32| {
                network.params.values_mut()[at] = start + step;
                losses(network, data, &weights).0.iter().map(|loss| f64::from(*loss)).sum::<f64>()
            };
            let step = 0.02;
            let slope = (at_step(step) - at_step(-step)) / f64::from(2.0 * step);
            network.params.values_mut()[at] = start;
            let off = (slope - f64::from(gradient[at])).abs();
            assert!(off < 3e-4 + 0.01 * slope.abs(), "{name}: {slope}, {}", gradient[at]);
        }
    }
}
