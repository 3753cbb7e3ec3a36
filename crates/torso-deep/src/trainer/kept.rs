//! A training under way as a snapshot, taken after an epoch and taken up before the next.

use serde_json::Value;
use torso_core::estimator::{FitError, Trace};
use torso_core::snapshot::{Snapshot, SnapshotError};

use super::stage::optimizer;
use super::{Best, Training};
use crate::sharing::Stage;

impl Training<'_> {
    /// All that the epochs to come, and the trace, depend on.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.describe("step", &self.step);
        snapshot.describe("stage start", &self.stage_start);
        snapshot.describe("plan", &self.network.blueprint().plan);
        snapshot.nest("sharing", self.network.sharing().0.snapshot());
        let values = self.network.params.values();
        snapshot.put("params", &[values.len()], values.to_vec());
        snapshot.put("order", &[self.order.len()], self.order.clone());
        snapshot.nest("optimizer", self.optimizer.snapshot());
        snapshot.nest("balancing", self.balancing.snapshot());
        if let Some(best) = &self.best {
            snapshot.put("best score", &[1], vec![best.score]);
            snapshot.put("best params", &[best.values.len()], best.values.clone());
        }
        snapshot.nest("trace", self.trace.snapshot());
        snapshot
    }

    /// The same of a training that failed, so that a later session does not try again.
    pub(super) fn failure(&mut self, error: &FitError) -> Snapshot {
        let mut snapshot = self.snapshot();
        if let FitError::Diverged { task, epoch } = error {
            snapshot.describe("diverged", &(task, epoch));
        }
        snapshot
    }

    /// Takes up a training of the same problem and recipe; fails as it did, if it did.
    pub(super) fn resume(&mut self, kept: &Snapshot) -> Result<(), FitError> {
        if kept.about.contains_key("diverged") {
            let (task, epoch) = kept.described("diverged")?;
            return Err(FitError::Diverged { task, epoch });
        }
        Ok(self.take_up(kept)?)
    }

    fn take_up(&mut self, kept: &Snapshot) -> Result<(), SnapshotError> {
        let plan: Value = kept.described("plan")?;
        if !plan.is_null() {
            let stage = Stage { plan, values: Vec::new() };
            self.network = self.network.next_stage(stage, self.problem.seed).map_err(|error| {
                SnapshotError::Description { name: "plan".to_string(), why: error.to_string() }
            })?;
            self.optimizer = optimizer(self.settings, &self.network);
            self.gradient = vec![0.0; self.network.params.len()];
        }
        self.network.sharing().0.resume(&kept.nested("sharing")?)?;
        self.stage_start = kept.described("stage start")?;
        let n_params = self.network.params.len();
        self.step = kept.described("step")?;
        let values = kept.shaped::<f32>("params", &[n_params])?;
        self.network.params.values_mut().copy_from_slice(values);
        let n_rows = self.order.len();
        self.order.copy_from_slice(kept.shaped("order", &[n_rows])?);
        self.optimizer.resume(&kept.nested("optimizer")?)?;
        let width = *self.settings.hidden.last().expect("checked settings have a hidden layer");
        self.balancing.resume(&kept.nested("balancing")?, width)?;
        if let Ok(score) = kept.shaped("best score", &[1]) {
            let values = Vec::from(kept.shaped("best params", &[n_params])?);
            self.best = Some(Best { score: score[0], values });
        }
        self.trace = Trace::from_snapshot(&kept.nested("trace")?)?;
        Ok(())
    }
}
