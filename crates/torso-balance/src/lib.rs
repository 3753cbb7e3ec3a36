//! Losses or gradients of several tasks in, one direction out.
//!
//! A balancing method is told apart by what it must see, and the trainer matches once on that:
//! a [`Scalarizer`] sees the losses and gives each a weight, at the cost of one backward pass.
//! There is no tensor engine here: plain `f64`.
//!
//! A new method is one file with a `METHOD`, and a line in [`methods`].

use serde_json::{Map, Value};
use torso_core::method::Method;
use torso_core::seed::Seed;

pub mod scalarizer;

pub use scalarizer::Scalarizer;

/// A balancing method at work, with its state.
pub enum Balancer {
    /// Weighs losses.
    Scalarizer(Box<dyn Scalarizer>),
}

/// A balancing method: its description, and how to start it.
pub struct BalanceMethod {
    /// The description.
    pub method: Method,
    /// Starts it for one training.
    pub build: fn(&Setup) -> Result<Balancer, BalanceError>,
}

/// The form of a task's loss, for methods that treat likelihoods apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossForm {
    /// Squared error: a Gaussian likelihood.
    Squared,
    /// Cross-entropy: a softmax likelihood.
    CrossEntropy,
}

/// What a method is started with.
pub struct Setup<'a> {
    /// The loss of each task, `[n_tasks]`.
    pub forms: &'a [LossForm],
    /// The method's own parameters.
    pub settings: &'a Map<String, Value>,
    /// The tuning trial, from 0. The first takes defaults; later ones may draw.
    pub trial: usize,
    /// Keys every draw.
    pub seed: Seed,
}

impl Setup<'_> {
    /// The parameters of the method `id`, with unknown keys refused.
    pub(crate) fn parameters<P: serde::de::DeserializeOwned>(
        &self,
        id: &'static str,
    ) -> Result<P, BalanceError> {
        serde_json::from_value(Value::Object(self.settings.clone()))
            .map_err(|source| BalanceError::Settings { method: id, source })
    }
}

/// What a method sees of a step.
#[derive(Debug, Clone, Copy)]
pub struct StepView<'a> {
    /// The loss of each task in this batch; 0 where it has no label.
    pub losses: &'a [f64],
    /// Whether each task has a label in this batch.
    pub observed: &'a [bool],
    /// The step, from 0.
    pub step: usize,
    /// The epoch, from 0.
    pub epoch: usize,
}

static METHODS: [&BalanceMethod; 3] =
    [&scalarizer::equal::METHOD, &scalarizer::tuned::METHOD, &scalarizer::uncertainty::METHOD];

/// Every balancing method, by id.
pub fn methods() -> &'static [&'static BalanceMethod] {
    &METHODS
}

/// The method called `id`.
pub fn find(id: &str) -> Option<&'static BalanceMethod> {
    methods().iter().copied().find(|entry| entry.method.id == id)
}

/// Why a method could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BalanceError {
    /// A parameter is unknown, or has the wrong form.
    #[error("settings of `{method}`: {source}")]
    Settings {
        /// The method.
        method: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A parameter lies outside its range.
    #[error("`{method}` expects `{name}` {allowed}, found {found}")]
    OutOfRange {
        /// The method.
        method: &'static str,
        /// The parameter.
        name: &'static str,
        /// What is allowed.
        allowed: &'static str,
        /// What was given.
        found: f64,
    },
}

#[cfg(test)]
mod contract;
