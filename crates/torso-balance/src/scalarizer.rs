//! Methods that see losses and give weights.

use crate::StepView;

pub mod equal;
pub mod tuned;
pub mod uncertainty;

/// Weighs the tasks' losses: the step descends `sum_t weights[t] * losses[t]`.
///
/// Any smooth scalarization `f(losses)` is of this form, with `weights = df/dlosses`.
pub trait Scalarizer: Send {
    /// Writes the weight of each task, `[n_tasks]`, and updates the method's own state.
    ///
    /// The weight of a task without a label in the batch has no effect; the state that belongs to
    /// such a task must not change.
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]);
}

/// Weights that never change.
struct Fixed(Vec<f64>);

impl Scalarizer for Fixed {
    fn weigh(&mut self, _: &StepView, weights: &mut [f64]) {
        weights.copy_from_slice(&self.0);
    }
}
