//! A network as a snapshot: its blueprint as the description, its parameters as arrays.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
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
    #[serde(default)]
    own: Map<String, Value>,
    #[serde(default)]
    plan: Value,
    n_inputs: usize,
    #[serde(default)]
    image: Option<[usize; 3]>,
    outputs: Outputs,
    rotates: bool,
    settings: NetworkSettings,
}

impl Network {
    /// All that predictions depend on.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let Blueprint { sharing, own, plan, n_inputs, image, outputs, rotates, settings } =
            self.blueprint.clone();
        let sharing = sharing.method.id.to_string();
        let mut snapshot = Snapshot::default();
        let description =
            Description { sharing, own, plan, n_inputs, image, outputs, rotates, settings };
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
            own: description.own,
            plan: description.plan,
            n_inputs: description.n_inputs,
            image: description.image,
            outputs: description.outputs,
            rotates: description.rotates,
            settings: description.settings,
        };
        check_outputs(&blueprint.outputs).map_err(|why| wrong(why.to_string()))?;
        (blueprint.sharing.check)(&blueprint.context())
            .map_err(|error| wrong(error.to_string()))?;
        let held = snapshot.names().filter_map(|name| snapshot.array::<f32>(name).ok());
        // A little more, so that an array that is missing or too short is named.
        let room = held.map(|(_, values)| values.len()).sum::<usize>() + (1 << 12);
        let mut network =
            Self::new(blueprint, Seed(0), room).map_err(|error| wrong(error.to_string()))?;
        for at in 0..network.params.ranges().len() {
            let range = &network.params.ranges()[at];
            let values = snapshot.shaped::<f32>(range.name(), &range.shape())?;
            let span = range.span();
            network.params.values_mut()[span].copy_from_slice(values);
        }
        Ok(network)
    }
}

/// Refuses outputs without a task, and names that are not unique.
fn check_outputs(outputs: &Outputs) -> Result<(), &'static str> {
    let Outputs { names, kinds, grouped } = outputs;
    if kinds.is_empty() || names.is_empty() || (!grouped && kinds.len() != names.len()) {
        return Err("a head has no task");
    }
    if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
        return Err("two tasks have one name");
    }
    Ok(())
}
