//! Balancing under way as a snapshot: the method's state, the last weights, the log, the rotations.

use torso_balance::Balancer;
use torso_core::snapshot::{Snapshot, SnapshotError};

use super::{Balancing, Rotations};

impl Balancing {
    /// What the next step depends on, and what was seen so far.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.put("weights", &[self.weights.len()], self.weights.clone());
        let state = self.balancer.state();
        snapshot.describe("parts", &state.len());
        for (at, part) in state.into_iter().enumerate() {
            snapshot.put(format!("state {at}"), &[part.len()], part);
        }
        let turned = self.rotations.iter().flat_map(Rotations::matrices);
        let mut n_turned = 0;
        for (at, matrix) in turned.enumerate() {
            snapshot.put(format!("rotation {at}"), &[matrix.len()], matrix.to_vec());
            n_turned = at + 1;
        }
        snapshot.describe("rotations", &n_turned);
        snapshot.nest("log", self.log.snapshot());
        snapshot
    }

    /// Takes up what was kept; the network has `width` numbers in its representation.
    pub(crate) fn resume(&mut self, kept: &Snapshot, width: usize) -> Result<(), SnapshotError> {
        let n_tasks = self.weights.len();
        self.weights.copy_from_slice(kept.shaped("weights", &[n_tasks])?);
        let n_parts: usize = kept.described("parts")?;
        let part = |at| Ok(kept.array::<f64>(&format!("state {at}"))?.1.to_vec());
        let parts: Vec<Vec<f64>> = (0..n_parts).map(part).collect::<Result<_, SnapshotError>>()?;
        if self.balancer.state().len() != n_parts {
            let why = "it is the state of another method".to_string();
            return Err(SnapshotError::Description { name: "parts".to_string(), why });
        }
        self.balancer.resume(&parts);
        let n_turned: usize = kept.described("rotations")?;
        if let (Balancer::Weighting(method), true) = (&self.balancer, n_turned == n_tasks) {
            let matrix = |at| {
                let name = format!("rotation {at}");
                Ok(kept.shaped::<f64>(&name, &[width * width])?.to_vec())
            };
            let matrices = (0..n_turned).map(matrix).collect::<Result<_, SnapshotError>>()?;
            self.rotations = Some(Rotations::resumed(matrices, width, method.rotation_rate()));
        }
        self.log.resume(&kept.nested("log")?)
    }
}
