//! What a method sees of a step, and what it says of its answer.

use std::fmt;

use torso_math::Gramian;

/// One step, as far as every method may see it.
///
/// Only the tasks with a label in the batch are in it: a method never meets a task without one,
/// and whatever it keeps for such a task it finds by the task's number.
#[derive(Debug, Clone, Copy)]
pub struct StepView<'a> {
    /// The numbers of the tasks in this step, ascending, `[n]`; all else is in this order.
    pub tasks: &'a [usize],
    /// The loss of each, `[n]`.
    pub losses: &'a [f64],
    /// `J1 J2'` of the gradients of two independent batches, `[n, n]`, row-major; empty unless the
    /// method asks for it. Not symmetric.
    pub cross: &'a [f64],
    /// The step, from 0.
    pub step: usize,
    /// The epoch, from 0.
    pub epoch: usize,
}

impl StepView<'_> {
    /// The number of tasks in this step.
    pub fn n(&self) -> usize {
        self.tasks.len()
    }
}

/// The Jacobian of the shared parameters, `[n, width]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows<'a> {
    /// Row-major.
    data: &'a [f64],
    n: usize,
}

impl<'a> Rows<'a> {
    /// Takes `n` rows of one width.
    ///
    /// # Panics
    /// If the rows have no common width.
    pub fn new(n: usize, data: &'a [f64]) -> Self {
        assert!(n > 0 && data.len().is_multiple_of(n), "rows of one width");
        Self { data, n }
    }

    /// The number of rows.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The number of shared parameters.
    pub fn width(&self) -> usize {
        self.data.len() / self.n
    }

    /// The gradient of one task.
    pub fn row(&self, i: usize) -> &'a [f64] {
        let width = self.width();
        &self.data[i * width..][..width]
    }

    /// Every gradient.
    pub fn iter(&self) -> impl Iterator<Item = &'a [f64]> {
        let rows = *self;
        (0..self.n).map(move |i| rows.row(i))
    }

    /// `J J'`.
    pub fn gramian(&self) -> Gramian {
        Gramian::of_rows(self.n, self.data)
    }

    /// Writes `J' w`, `[width]`.
    pub fn combine(&self, w: &[f64], direction: &mut [f64]) {
        direction.fill(0.0);
        for (row, w) in self.iter().zip(w) {
            direction.iter_mut().zip(row).for_each(|(d, g)| *d += w * g);
        }
    }
}

/// What a method says of its answer. Nothing is replaced in silence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Status {
    /// The answer is the method's own.
    Solved,
    /// The method has no answer here, and something else was done.
    NoSolution {
        /// Why there is none.
        why: &'static str,
        /// What was done.
        instead: &'static str,
    },
    /// A solver ended above its tolerance; its last iterate was taken.
    NotConverged {
        /// How far it got.
        residual: f64,
    },
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Solved => write!(f, "solved"),
            Self::NoSolution { why, instead } => write!(f, "no solution: {why}; {instead}"),
            Self::NotConverged { residual } => write!(f, "not converged: residual {residual:e}"),
        }
    }
}
