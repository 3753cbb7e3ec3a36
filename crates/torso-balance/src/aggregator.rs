//! Methods that see the tasks' gradients themselves and give a direction.

use crate::{BalanceMethod, Rows, State, Status, StepView};

pub mod db_mtl;
pub mod excess_mtl;
pub mod graddrop;
pub mod moco;
pub mod trimmed_mean;

/// Every aggregator, by id.
pub(crate) const METHODS: &[&BalanceMethod] = &[
    &db_mtl::METHOD,
    &excess_mtl::METHOD,
    &graddrop::METHOD,
    &moco::METHOD,
    &trimmed_mean::METHOD,
];

/// Makes one direction of the tasks' gradients; the step descends along it.
pub trait Aggregator: State + Send {
    /// Writes the direction, `[width]`, from `jacobian [n, width]`.
    fn aggregate(&mut self, jacobian: Rows, view: &StepView, direction: &mut [f64]) -> Status;
}

/// A row for each task, `[n_tasks, width]`, of zeros at first; the first step tells the width.
struct TaskRows {
    n_tasks: usize,
    /// Row-major, empty before the first step.
    data: Vec<f64>,
}

impl TaskRows {
    fn new(n_tasks: usize) -> Self {
        Self { n_tasks, data: Vec::new() }
    }

    /// Makes room for rows of this width; all steps have the same.
    fn make_room(&mut self, width: usize) {
        if self.data.is_empty() {
            self.data = vec![0.0; self.n_tasks * width];
        }
        assert_eq!(self.data.len(), self.n_tasks * width, "every step has the first one's width");
    }

    fn row(&self, task: usize) -> &[f64] {
        let width = self.data.len() / self.n_tasks;
        &self.data[task * width..][..width]
    }

    fn row_mut(&mut self, task: usize) -> &mut [f64] {
        let width = self.data.len() / self.n_tasks;
        &mut self.data[task * width..][..width]
    }
}

/// A step size that falls with the steps: `first / (step + 1)^decay`.
fn decayed(first: f64, decay: f64, view: &StepView) -> f64 {
    first * (view.step as f64 + 1.0).powf(-decay)
}

/// Adds `factor * row` to `direction`.
fn add(direction: &mut [f64], factor: f64, row: &[f64]) {
    direction.iter_mut().zip(row).for_each(|(d, g)| *d += factor * g);
}

/// `a . b`.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The Euclidean length.
fn norm(row: &[f64]) -> f64 {
    dot(row, row).sqrt()
}

/// Aggregators at work in the tests.
#[cfg(test)]
pub(crate) mod testing {
    use serde_json::{Map, Value};
    use torso_core::seed::Seed;

    use super::*;
    pub(super) use crate::weighting::testing::{J2, assert_close, random_jacobian};
    use crate::{BalanceError, Balancer, LossForm, Setup};

    /// An aggregator at work, or why it was refused; settings as JSON.
    pub(super) fn start(
        entry: &BalanceMethod,
        n: usize,
        settings: &str,
    ) -> Result<Box<dyn Aggregator>, BalanceError> {
        let settings: Map<String, Value> = serde_json::from_str(settings).unwrap();
        let forms = vec![LossForm::Squared; n];
        let setup = Setup { forms: &forms, settings: &settings, trial: 0, seed: Seed(1) };
        (entry.build)(&setup).map(|balancer| match balancer {
            Balancer::Aggregator(method) => method,
            _ => panic!("`{}` is no aggregator", entry.method.id),
        })
    }

    /// An aggregator at work.
    pub(super) fn build(entry: &BalanceMethod, n: usize, settings: &str) -> Box<dyn Aggregator> {
        start(entry, n, settings).unwrap_or_else(|error| panic!("{error}"))
    }

    /// One step on the gradients and losses of some tasks.
    pub(super) fn step(
        method: &mut dyn Aggregator,
        tasks: &[usize],
        jacobian: &[f64],
        losses: &[f64],
        step: usize,
    ) -> (Vec<f64>, Status) {
        let rows = Rows::new(tasks.len(), jacobian);
        let view = StepView { tasks, losses, cross: &[], step, epoch: 0 };
        let mut direction = vec![f64::NAN; rows.width()];
        let status = method.aggregate(rows, &view, &mut direction);
        (direction, status)
    }

    /// The direction of a first step on `jacobian [n, width]` with losses of 1, and the status.
    pub(super) fn aggregate(
        entry: &BalanceMethod,
        n: usize,
        jacobian: &[f64],
        settings: &str,
    ) -> (Vec<f64>, Status) {
        let tasks: Vec<usize> = (0..n).collect();
        step(build(entry, n, settings).as_mut(), &tasks, jacobian, &vec![1.0; n], 0)
    }

    /// The numbers that the next step depends on.
    pub(super) fn state(method: &mut dyn Aggregator) -> Vec<Vec<f64>> {
        let mut state = Vec::new();
        method.visit(&mut |part| state.push(part.clone()));
        state
    }
}
