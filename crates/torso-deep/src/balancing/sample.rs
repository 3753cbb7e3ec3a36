//! Further passes within a step: on some of the batch's rows, or on independent batches.

use rand::RngExt;
use torso_tape::{Jacobian, Tape};

use super::Pass;
use crate::heads::Batch;
use crate::network::Mode;

/// A tape of its own, so that the step's recorded pass is kept.
pub(crate) struct Sample {
    n_rows: usize,
    tape: Tape<f32>,
    batch: Batch,
    jacobians: [Jacobian<f32>; 2],
}

impl Sample {
    /// Samples `n_rows` rows of a batch.
    pub(crate) fn new(n_rows: usize) -> Self {
        Self {
            n_rows,
            tape: Tape::new(),
            batch: Batch::default(),
            jacobians: [Jacobian::new(), Jacobian::new()],
        }
    }

    /// The Gramian `[K, K]` of the tasks' gradients on some of the batch's rows.
    pub(crate) fn gramian(&mut self, pass: &Pass, gramian: &mut Vec<f64>) {
        self.record(pass, "gradient-rows", &pass.batch.rows, self.n_rows);
        self.tape.task_gradients(&pass.network.params, &mut self.jacobians[0]);
        self.tape.gramian(&self.jacobians[0], gramian);
    }

    /// The products `J1 J2'` `[K, K]` of two batches drawn anew from all training rows.
    pub(crate) fn cross(&mut self, pass: &Pass) -> Vec<f64> {
        let n_rows = pass.batch.rows.len();
        for (at, purpose) in ["first-batch", "second-batch"].into_iter().enumerate() {
            self.record(pass, purpose, pass.training_rows, n_rows);
            self.tape.jacobian(&pass.network.params, &mut self.jacobians[at]);
        }
        let mut products = Vec::new();
        self.jacobians[0].products(&self.jacobians[1], &mut products);
        products
    }

    /// Records the pass of some of `rows`.
    fn record(&mut self, pass: &Pass, purpose: &str, rows: &[u32], n: usize) {
        let mut stream = pass.seed.stream(purpose, "", pass.step as u64);
        let mut drawn = rows.to_vec();
        let n = n.min(rows.len());
        for first in 0..n {
            drawn.swap(first, stream.random_range(first..rows.len()));
        }
        self.batch.fill(pass.supervision, &drawn[..n]);
        pass.network.record(
            &mut self.tape,
            pass.inputs,
            &self.batch,
            pass.supervision,
            &mut Mode::Training(&mut stream),
        );
    }
}
