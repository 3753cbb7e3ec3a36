//! Models as snapshots, and back.

use torso_core::estimator::{Model, Trace};
use torso_core::snapshot::{Snapshot, SnapshotError};

use super::NetworkModel;
use super::apart::ApartModel;
use super::pooled::PooledModel;
use crate::network::Network;
use crate::supervision::Scale;

/// The model of a snapshot that an arm's model made.
pub fn restore(snapshot: &Snapshot) -> Result<Box<dyn Model>, SnapshotError> {
    let kind: String = snapshot.described("model")?;
    match kind.as_str() {
        "joint" => Ok(Box::new(NetworkModel::restore(snapshot)?)),
        "pooled" => Ok(Box::new(PooledModel(NetworkModel::restore(snapshot)?))),
        "apart" => {
            let n_tasks: u32 = snapshot.described("tasks")?;
            let of_task = |task| NetworkModel::restore(&snapshot.nested(&format!("task {task}"))?);
            let models = (0..n_tasks).map(of_task).collect::<Result<_, SnapshotError>>()?;
            Ok(Box::new(ApartModel { models, trace: Trace::default() }))
        }
        _ => Err(SnapshotError::Description {
            name: "model".to_string(),
            why: format!("no kind of network is called `{kind}`"),
        }),
    }
}

impl NetworkModel {
    pub(super) fn kept(&self, kind: &str) -> Snapshot {
        let mut snapshot = self.network.snapshot();
        snapshot.describe("model", &kind);
        let numbers = |scale: &Scale| [scale.mean, scale.sd, scale.constant_loss];
        let scales: Vec<f64> = self.scales.iter().flat_map(numbers).collect();
        snapshot.put("scales", &[self.scales.len(), 3], scales);
        snapshot
    }

    pub(super) fn restore(snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        let network = Network::restore(snapshot)?;
        let scales = snapshot.shaped::<f64>("scales", &[network.n_losses(), 3])?;
        let scale = |s: &[f64]| Scale { mean: s[0], sd: s[1], constant_loss: s[2] };
        let scales = scales.chunks_exact(3).map(scale).collect();
        Ok(Self { network, scales, trace: Trace::default() })
    }
}

#[cfg(test)]
mod tests;
