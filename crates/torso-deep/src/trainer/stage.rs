//! Stages of a training: architectures that grow, or that start from what single tasks learned.

use torso_core::estimator::FitError;
use torso_tape::{Optimizer, OptimizerConfig};

use super::Training;
use crate::heads::Batch;
use crate::layout::LayoutError;
use crate::network::Network;
use crate::settings::NetworkSettings;
use crate::sharing::{Moment, SharingMethod};

/// Rows whose losses are told at once.
const ROWS: usize = 4096;

impl Training<'_> {
    /// Lays the network out anew if its architecture says so now; whether it did. The next stage
    /// begins from the best epoch of this one; the optimizer and the choice of the best begin again.
    pub(super) fn begin_stage(&mut self, moment: Moment) -> Result<bool, FitError> {
        let last = self.network.params.values().to_vec();
        if let Some(best) = &self.best {
            self.network.params.values_mut().copy_from_slice(&best.values);
        }
        let has_begun = self.begin_stage_from_best(moment)?;
        if !has_begun {
            self.network.params.values_mut().copy_from_slice(&last);
        }
        Ok(has_begun)
    }

    fn begin_stage_from_best(&mut self, moment: Moment) -> Result<bool, FitError> {
        let row_losses = if self.network.sharing().0.wants_row_losses(moment) {
            self.row_losses()
        } else {
            Vec::new()
        };
        let (sharing, view) = self.network.sharing();
        let Some(stage) = sharing.next_stage(&view, moment, &row_losses) else {
            return Ok(false);
        };
        let entry = self.network.blueprint().sharing;
        let next = self.network.next_stage(stage, self.problem.seed);
        self.network = next.map_err(|error| refusal(entry, error))?;
        self.optimizer = optimizer(self.settings, &self.network);
        self.gradient = vec![0.0; self.network.params.len()];
        self.stage_start = self.trace.epochs.len();
        self.best = None;
        Ok(true)
    }

    /// The loss of every training row for every task, `[tasks][rows]`, `NaN` without a label; of
    /// groups the loss that each group's head has on every row.
    fn row_losses(&self) -> Vec<Vec<f32>> {
        let mut losses = vec![Vec::with_capacity(self.order.len()); self.n_losses];
        let mut rows = self.order.clone();
        rows.sort_unstable();
        let mut batch = Batch::default();
        for rows in rows.chunks(ROWS) {
            batch.fill(self.supervision, rows);
            self.network.row_losses(self.inputs, &batch, self.supervision, &mut losses);
        }
        losses
    }
}

/// A fresh optimizer for a network.
pub(super) fn optimizer(settings: &NetworkSettings, network: &Network) -> Optimizer<f32> {
    let config = OptimizerConfig::AdamW {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weight_decay: settings.weight_decay,
    };
    Optimizer::new(&config, &network.params)
}

/// Why an architecture cannot be used, in the words of a fit.
pub(crate) fn refusal(entry: &SharingMethod, error: LayoutError) -> FitError {
    let method = entry.method.id.to_string();
    match error {
        LayoutError::Unsuitable { why } => FitError::Unsuitable { method, why },
        error => FitError::Settings { method, message: error.to_string() },
    }
}
