//! Models as snapshots, and back.

use torso_core::data::TaskKind;
use torso_core::estimator::{Model, Trace};
use torso_core::snapshot::{Snapshot, SnapshotError};

use super::NetworkModel;
use super::apart::ApartModel;
use super::pooled::PooledModel;
use crate::network::Network;
use crate::supervision::Scale;

/// The model of a snapshot that an arm's model made, for a design of `n_inputs` columns and tasks of
/// these kinds.
pub fn restore(
    snapshot: &Snapshot,
    n_inputs: usize,
    kinds: &[TaskKind],
) -> Result<Box<dyn Model>, SnapshotError> {
    let kind: String = snapshot.described("model")?;
    match kind.as_str() {
        "joint" => {
            let model = NetworkModel::restore(snapshot, n_inputs)?;
            model.check(kinds)?;
            Ok(Box::new(model))
        }
        "pooled" => {
            let model = NetworkModel::restore(snapshot, n_inputs)?;
            kinds.iter().try_for_each(|kind| model.check(std::slice::from_ref(kind)))?;
            Ok(Box::new(PooledModel(model)))
        }
        "apart" => {
            let of_task = |(task, kind): (usize, &TaskKind)| {
                let kept = snapshot.nested(&format!("task {task}"))?;
                let model = NetworkModel::restore(&kept, n_inputs)?;
                model.check(std::slice::from_ref(kind))?;
                Ok(model)
            };
            let models = kinds.iter().enumerate().map(of_task);
            let models = models.collect::<Result<_, SnapshotError>>()?;
            Ok(Box::new(ApartModel { models, trace: Trace::default() }))
        }
        _ => Err(wrong("model", format!("no kind of network is called `{kind}`"))),
    }
}

fn wrong(name: &str, why: String) -> SnapshotError {
    SnapshotError::Description { name: name.to_string(), why }
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

    fn restore(snapshot: &Snapshot, n_inputs: usize) -> Result<Self, SnapshotError> {
        let network = Network::restore(snapshot)?;
        let found = network.blueprint().n_inputs;
        if found != n_inputs {
            let why = format!("it reads {found} columns where the features become {n_inputs}");
            return Err(wrong("network", why));
        }
        let scales = snapshot.shaped::<f64>("scales", &[network.n_losses(), 3])?;
        let scale = |s: &[f64]| Scale { mean: s[0], sd: s[1], constant_loss: s[2] };
        let scales = scales.chunks_exact(3).map(scale).collect();
        Ok(Self { network, scales, trace: Trace::default() })
    }

    /// Refuses a network that puts out something else than tasks of these kinds.
    fn check(&self, kinds: &[TaskKind]) -> Result<(), SnapshotError> {
        let outputs = &self.network.blueprint().outputs;
        let fits = outputs.names.len() == kinds.len()
            && kinds.iter().enumerate().all(|(t, kind)| outputs.kind_of(t) == kind);
        if fits {
            return Ok(());
        }
        Err(wrong("network", "it puts out something else than the model's tasks".to_string()))
    }
}

#[cfg(test)]
mod tests;
