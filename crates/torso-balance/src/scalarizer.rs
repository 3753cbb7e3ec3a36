//! Methods that see losses and give weights.

use torso_core::method::Method;

use crate::setup::{Allowed, check};
use crate::{BalanceError, BalanceMethod, Setup, State, Status, StepView};

pub mod cosmos;
pub mod dwa;
pub mod equal;
pub mod famo;
pub mod gls;
pub mod imtl_l;
pub mod log_sum;
pub mod pbi;
pub mod rlw;
pub mod stch;
pub mod tchebycheff;
pub mod tuned;
pub mod uncertainty;

/// Every scalarizer, by id.
pub(crate) const METHODS: &[&BalanceMethod] = &[
    &cosmos::METHOD,
    &dwa::METHOD,
    &equal::METHOD,
    &famo::METHOD,
    &gls::METHOD,
    &imtl_l::METHOD,
    &log_sum::METHOD,
    &pbi::METHOD,
    &rlw::METHOD,
    &stch::METHOD,
    &tchebycheff::METHOD,
    &tuned::METHOD,
    &uncertainty::METHOD,
];

/// Weighs the tasks' losses: the step descends `sum_i weights[i] * losses[i]`.
///
/// Any smooth scalarization `f(losses)` is of this form, with `weights = df/dlosses`.
pub trait Scalarizer: State + Send {
    /// Writes the weight of each task in view, `[n]`, and updates the method's own state.
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status;

    /// Learns from the losses on the same batch after the step; called only for methods that ask
    /// for it with [`Sees::LossesAfter`](crate::Sees::LossesAfter).
    fn after_step(&mut self, _before: &StepView, _losses_after: &[f64]) {}
}

/// Weights that never change, one for each task.
struct Fixed(Vec<f64>);

impl State for Fixed {}

impl Scalarizer for Fixed {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        weights.iter_mut().zip(view.tasks).for_each(|(weight, &task)| *weight = self.0[task]);
        Status::Solved
    }
}

/// The numbers given for the tasks, one for each, not rescaled; `default` for all if none are.
fn of_tasks(
    setup: &Setup,
    method: &Method,
    name: &'static str,
    given: Option<Vec<f64>>,
    default: f64,
    allowed: Allowed,
) -> Result<Vec<f64>, BalanceError> {
    let given = given.unwrap_or_else(|| vec![default; setup.n_tasks()]);
    if given.len() != setup.n_tasks() {
        let (allowed, found) = ("with one number for each task", given.len() as f64);
        return Err(BalanceError::OutOfRange { method: method.id, name, allowed, found });
    }
    given.iter().try_for_each(|&found| check(method, name, found, allowed))?;
    Ok(given)
}

/// Turns values into shares: their exponentials, scaled to sum 1.
fn softmax(values: &mut [f64]) {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for value in values.iter_mut() {
        *value = (*value - largest).exp();
    }
    let sum: f64 = values.iter().sum();
    for value in values.iter_mut() {
        *value /= sum;
    }
}

/// `a . b`.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Whether a loss has a logarithm, and a reciprocal that does not overflow.
fn has_logarithm(loss: f64) -> bool {
    loss > 1e-300 && loss.is_finite()
}

/// What a method that takes logarithms says of its answer.
fn of_logarithms(losses: &[f64]) -> Status {
    if losses.iter().all(|&loss| has_logarithm(loss)) {
        return Status::Solved;
    }
    Status::NoSolution {
        why: "a loss at or below 0 has no logarithm",
        instead: "its task was left out of the step",
    }
}

/// A first step, slopes by differences, and a problem with a concave front.
#[cfg(test)]
mod testing {
    use serde_json::{Map, Value};
    use torso_core::seed::Seed;

    use super::Scalarizer;
    pub(super) use crate::weighting::testing::assert_close;
    use crate::{BalanceError, BalanceMethod, Balancer, LossForm, Setup, Status, StepView};

    /// A scalarizer at work, or why it was refused; settings as JSON.
    pub(super) fn start(
        entry: &BalanceMethod,
        n: usize,
        settings: &str,
    ) -> Result<Box<dyn Scalarizer>, BalanceError> {
        let settings: Map<String, Value> = serde_json::from_str(settings).unwrap();
        let forms = vec![LossForm::Squared; n];
        let setup = Setup { forms: &forms, settings: &settings, trial: 0, seed: Seed(1) };
        (entry.build)(&setup).map(|balancer| match balancer {
            Balancer::Scalarizer(method) => method,
            _ => panic!("`{}` is no scalarizer", entry.method.id),
        })
    }

    /// A scalarizer at work.
    pub(super) fn build(entry: &BalanceMethod, n: usize, settings: &str) -> Box<dyn Scalarizer> {
        start(entry, n, settings).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What the refusal of settings says.
    pub(super) fn refusal(entry: &BalanceMethod, n: usize, settings: &str) -> String {
        match start(entry, n, settings) {
            Ok(_) => panic!("`{}` took {settings}", entry.method.id),
            Err(error) => error.to_string(),
        }
    }

    /// One step on the losses of all tasks.
    pub(super) fn at_epoch(
        method: &mut dyn Scalarizer,
        losses: &[f64],
        epoch: usize,
    ) -> (Vec<f64>, Status) {
        let tasks: Vec<usize> = (0..losses.len()).collect();
        let view = StepView { tasks: &tasks, losses, cross: &[], step: 0, epoch };
        let mut weights = vec![f64::NAN; losses.len()];
        let status = method.weigh(&view, &mut weights);
        (weights, status)
    }

    /// The first step of a new method.
    pub(super) fn weigh(
        entry: &BalanceMethod,
        losses: &[f64],
        settings: &str,
    ) -> (Vec<f64>, Status) {
        at_epoch(build(entry, losses.len(), settings).as_mut(), losses, 0)
    }

    /// The slopes of `f` by each loss, by central differences.
    pub(super) fn slopes(f: impl Fn(&[f64]) -> f64, losses: &[f64]) -> Vec<f64> {
        let moved = |t: usize, by: f64| {
            let mut losses = losses.to_vec();
            losses[t] += by;
            f(&losses)
        };
        let slope = |t: usize| {
            let step = 1e-5 * losses[t].abs();
            (moved(t, step) - moved(t, -step)) / (2.0 * step)
        };
        (0..losses.len()).map(slope).collect()
    }

    /// Two losses of one number with a concave front, `x` from -1 to 1, and their slopes
    /// (Fonseca and Fleming 1995).
    pub(super) fn concave(x: f64) -> ([f64; 2], [f64; 2]) {
        let bells = [1.0, -1.0].map(|center| (-(x - center) * (x - center)).exp());
        (bells.map(|bell| 1.0 - bell), [2.0 * (x - 1.0) * bells[0], 2.0 * (x + 1.0) * bells[1]])
    }

    /// The losses where descent on [`concave`] ends, from `x`, with steps that shrink.
    pub(super) fn descend(method: &mut dyn Scalarizer, mut x: f64) -> [f64; 2] {
        for step in 0..20_000 {
            let (losses, slopes) = concave(x);
            let (weights, _) = at_epoch(method, &losses, 0);
            let slope = weights[0] * slopes[0] + weights[1] * slopes[1];
            x -= 0.1 / (1.0 + f64::from(step) / 50.0) * slope;
        }
        concave(x).0
    }
}
