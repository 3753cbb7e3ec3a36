//! A network as a snapshot: its blueprint as the description, its parameters as arrays.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use torso_core::data::TaskKind;
use torso_core::seed::Seed;
use torso_core::snapshot::{Snapshot, SnapshotError};

use super::{Blueprint, Network};
use crate::settings::NetworkSettings;
use crate::sharing;
use crate::supervision::Outputs;

/// The blueprint in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    sharing: String,
    n_inputs: usize,
    outputs: Outputs,
    rotates: bool,
    settings: NetworkSettings,
}

impl Network {
    /// All that predictions depend on.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let Blueprint { sharing, n_inputs, outputs, rotates, settings } = self.blueprint.clone();
        let sharing = sharing.method.id.to_string();
        let mut snapshot = Snapshot::default();
        let description = Description { sharing, n_inputs, outputs, rotates, settings };
        snapshot.describe("network", &description);
        for range in self.params.ranges() {
            let values = self.params.values()[range.span()].to_vec();
            snapshot.put(range.name(), &range.shape(), values);
        }
        snapshot
    }

    /// The network of a snapshot.
    pub(crate) fn restore(snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        let description: Description = snapshot.described("network")?;
        let wrong = |why: String| SnapshotError::Description { name: "network".into(), why };
        let sharing = sharing::find(&description.sharing)
            .ok_or_else(|| wrong(format!("no sharing architecture `{}`", description.sharing)))?;
        description.settings.check().map_err(|error| wrong(error.to_string()))?;
        let blueprint = Blueprint {
            sharing,
            n_inputs: description.n_inputs,
            outputs: description.outputs,
            rotates: description.rotates,
            settings: description.settings,
        };
        check_size(&blueprint, snapshot)?;
        let mut network = Self::new(blueprint, Seed(0));
        for at in 0..network.params.ranges().len() {
            let range = &network.params.ranges()[at];
            let values = snapshot.shaped::<f32>(range.name(), &range.shape())?;
            let span = range.span();
            network.params.values_mut()[span].copy_from_slice(values);
        }
        Ok(network)
    }
}

/// Refuses blueprints of more parameters than the snapshot holds, before any are made.
fn check_size(blueprint: &Blueprint, snapshot: &Snapshot) -> Result<(), SnapshotError> {
    let wrong = |why: &str| SnapshotError::Description { name: "network".into(), why: why.into() };
    let Outputs { names, kinds, grouped } = &blueprint.outputs;
    if kinds.is_empty() || names.is_empty() || (!grouped && kinds.len() != names.len()) {
        return Err(wrong("a head has no task"));
    }
    if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
        return Err(wrong("two tasks have one name"));
    }
    let layers = std::iter::once(&blueprint.n_inputs).chain(&blueprint.settings.hidden);
    let layers: Vec<u128> = layers.map(|&width| width as u128).collect();
    let representation = *layers.last().expect("there are the inputs at least");
    let head = |kind: &TaskKind| representation * kind.width() as u128;
    let heads = match (grouped, blueprint.rotates) {
        (true, _) => names.len() as u128 * head(&kinds[0]),
        (false, false) => kinds.iter().map(head).sum(),
        (false, true) => {
            kinds.iter().map(|kind| head(kind) + representation * representation).sum()
        }
    };
    let least = layers.windows(2).map(|pair| pair[0] * pair[1]).sum::<u128>() + heads;
    let held = snapshot.names().filter_map(|name| snapshot.array::<f32>(name).ok());
    let held: u128 = held.map(|(_, values)| values.len() as u128).sum();
    if least > held { Err(wrong("it has fewer parameters than its layers need")) } else { Ok(()) }
}
