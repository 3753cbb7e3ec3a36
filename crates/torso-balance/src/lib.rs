//! Losses or gradients of several tasks in, one direction out.
//!
//! A balancing method is told apart by what it must see, and the trainer matches once on that:
//!
//! | kind | sees | gives | cost |
//! |---|---|---|---|
//! | [`Scalarizer`] | losses | a weight for each task | 1 backward pass |
//! | [`Weighting`] | the Gramian `J J'` of the tasks' gradients | a weight for each task | K rows of the Jacobian |
//! | [`Aggregator`] | the Jacobian `J` itself | a direction | K rows of the Jacobian |
//!
//! There is no tensor engine here: plain `f64`. A new method is one file with a `METHOD`, and a
//! line in the list of its kind.

use std::sync::LazyLock;

use torso_core::method::Method;

mod adam;
pub mod aggregator;
pub mod scalarizer;
mod setup;
mod view;
pub mod weighting;

pub use aggregator::Aggregator;
pub use scalarizer::Scalarizer;
pub use setup::{BalanceError, LossForm, Setup};
pub use torso_math::Gramian;
pub use view::{Rows, Status, StepView};
pub use weighting::Weighting;

/// A balancing method at work, with its state.
pub enum Balancer {
    /// Weighs losses.
    Scalarizer(Box<dyn Scalarizer>),
    /// Weighs gradients by their scalar products.
    Weighting(Box<dyn Weighting>),
    /// Makes a direction of gradients.
    Aggregator(Box<dyn Aggregator>),
}

/// The state of a method: named by position, visited in the same order each time.
///
/// Saving copies what is visited out, resuming copies it in; a vector may change its length.
pub trait State {
    /// Visits every number that the next step depends on. Nothing for a method without state.
    fn visit(&mut self, _visitor: &mut dyn FnMut(&mut Vec<f64>)) {}
}

impl Balancer {
    /// The state of the method, to be saved.
    pub fn state(&mut self) -> Vec<Vec<f64>> {
        let mut state = Vec::new();
        self.visit(&mut |part| state.push(part.clone()));
        state
    }

    /// Takes a saved state up: the next step is the one that would have followed, to the bit.
    ///
    /// # Panics
    /// If it is not the state of this method.
    pub fn resume(&mut self, state: &[Vec<f64>]) {
        let mut parts = state.iter();
        self.visit(&mut |part| {
            part.clone_from(parts.next().expect("a part for each of the state"));
        });
        assert!(parts.next().is_none(), "the state has parts of another method");
    }

    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        match self {
            Self::Scalarizer(method) => method.visit(visitor),
            Self::Weighting(method) => method.visit(visitor),
            Self::Aggregator(method) => method.visit(visitor),
        }
    }
}

/// A balancing method: its description, what it must see and promises, and how to start it.
pub struct BalanceMethod {
    /// The description.
    pub method: Method,
    /// What it must see.
    pub sees: Sees,
    /// What a head's own parameters follow by default.
    pub heads: Heads,
    /// What it promises; the contract suite checks each promise.
    pub claims: &'static [Claim],
    /// Starts it for one training.
    pub build: fn(&Setup) -> Result<Balancer, BalanceError>,
}

/// What a method must see of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// The losses.
    Losses,
    /// The losses, and those on the same batch after the step.
    LossesAfter,
    /// The Gramian of the gradients of the shared parameters.
    Gramian,
    /// The Gramian of the gradients of the last shared layer alone.
    LastLayerGramian,
    /// The Gramian of the gradients of a representation that every task reads through a rotation of
    /// its own, which the trainer turns.
    Rotated,
    /// The Gramian, and the products of the gradients of two further, independent batches.
    IndependentBatches,
    /// The Jacobian of the shared parameters.
    Jacobian,
}

impl Sees {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Losses => "losses",
            Self::LossesAfter => "losses before and after the step",
            Self::Gramian => "the Gramian of the task gradients",
            Self::LastLayerGramian => "the norms of the task gradients at the last shared layer",
            Self::Rotated => "the Gramian of the gradients of a rotated representation",
            Self::IndependentBatches => "the Gramian, and products of two independent batches",
            Self::Jacobian => "the task gradients themselves",
        }
    }
}

/// What the parameters that one task alone reaches follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heads {
    /// The gradient of the weighted loss.
    Weighted,
    /// The gradient of the task's own loss.
    Own,
}

/// A promise about the direction `d`, for gradients `J` and losses `L`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// `J d >= 0`: to first order no task gets worse.
    NonConflicting,
    /// Scaling each task's loss (and gradient) by a factor of its own keeps the direction of `d`.
    ScaleInvariant,
    /// Permuting the tasks permutes the weights.
    Permutes,
    /// `J -> c J` scales `d` by `c`.
    Homogeneous,
    /// `d = 0` where 0 lies in the convex hull of the gradients.
    ParetoStationary,
}

impl Claim {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::NonConflicting => "no task gets worse, to first order",
            Self::ScaleInvariant => "the scale of a task's loss does not matter",
            Self::Permutes => "the order of the tasks does not matter",
            Self::Homogeneous => "the step is proportional to the gradients",
            Self::ParetoStationary => "no step where no direction improves every task",
        }
    }
}

/// Every balancing method, by id.
pub fn methods() -> &'static [&'static BalanceMethod] {
    static METHODS: LazyLock<Vec<&'static BalanceMethod>> = LazyLock::new(|| {
        let kinds = [scalarizer::METHODS, weighting::METHODS, aggregator::METHODS];
        let mut methods: Vec<_> = kinds.concat();
        methods.sort_by_key(|entry| entry.method.id);
        methods
    });
    &METHODS
}

/// The method called `id`.
pub fn find(id: &str) -> Option<&'static BalanceMethod> {
    methods().iter().copied().find(|entry| entry.method.id == id)
}

#[cfg(test)]
mod contract;
