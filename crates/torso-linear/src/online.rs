//! Learners that see one example at a time: predict, compare, learn from mistakes.
//!
//! A round brings `x [d]` of a task `i`; the prediction is the sign of `w_i' x`. Margins of 0 count
//! as mistakes. What a mistake changes is up to the learner ([`OnlineLearner::correct`]):
//!
//! | learner | what it knows of tasks |
//! |---|---|
//! | [`FirstOrder`] | an interaction matrix ([`Interaction`]) |
//! | [`SecondOrder`] | that, and the directions of its mistakes so far |
//! | [`PNorm`] | that coefficients lie in few directions |
//! | [`Learned`] | nothing at first: it learns the interaction matrix, too |
//!
//! [`passes`] makes a batch method of any of them.

mod first_order;
mod interaction;
mod learned;
mod p_norm;
mod passes;
mod second_order;

use faer::MatRef;

pub use first_order::FirstOrder;
pub use interaction::Interaction;
pub use learned::{Learned, RelationRule};
pub use p_norm::PNorm;
pub use passes::{Order, Passes, passes};
pub use second_order::SecondOrder;

/// A linear classifier of several tasks that learns from its mistakes.
pub trait OnlineLearner {
    /// The coefficients now, `[n_features, n_tasks]`.
    fn weights(&self) -> MatRef<'_, f64>;

    /// Learns from a mistake: `x [n_features]` of `task`, whose label `y` is -1 or 1. A `weight`
    /// of 2 makes the step twice as long.
    fn correct(&mut self, x: &[f64], task: usize, y: f64, weight: f64);

    /// One round with an example that counts `weight` times: whether the prediction was a mistake,
    /// which was learned from.
    fn partial_fit_weighted(&mut self, x: &[f64], task: usize, y: f64, weight: f64) -> bool {
        let is_mistake = y * self.margin(x, task) <= 0.0;
        if is_mistake {
            self.correct(x, task, y, weight);
        }
        is_mistake
    }

    /// One round: whether the prediction for `x` was a mistake, which was learned from.
    fn partial_fit(&mut self, x: &[f64], task: usize, y: f64) -> bool {
        self.partial_fit_weighted(x, task, y, 1.0)
    }

    /// `w_i' x`: its sign is the prediction for `x [n_features]` of a task.
    fn margin(&self, x: &[f64], task: usize) -> f64 {
        self.weights().col(task).iter().zip(x).map(|(w, x)| w * x).sum()
    }
}
