use serde_json::{Value, json};
use torso_core::seed::Seed;

use crate::arms::tests::{columns, groups};
use crate::layout::LayoutError;
use crate::network::{Blueprint, Network};
use crate::settings::NetworkSettings;
use crate::supervision::Outputs;

fn laid_out(own: Value, hidden: &[usize], grouped: bool) -> Result<Network, LayoutError> {
    let data = if grouped { groups().0 } else { columns().0 };
    let blueprint = Blueprint {
        sharing: &super::METHOD,
        own: serde_json::from_value(own).unwrap(),
        plan: Value::Null,
        n_inputs: 2,
        image: None,
        outputs: Outputs::of(&data),
        rotates: false,
        settings: NetworkSettings { hidden: hidden.to_vec(), ..NetworkSettings::default() },
    };
    Network::new(blueprint, Seed(1), usize::MAX)
}

fn shape(network: &Network, name: &str) -> Option<[usize; 2]> {
    network.params.find(name).map(|id| network.params.range(id).shape())
}

#[test]
fn a_shared_gate_is_over_all_experts_and_the_last_level_has_none() {
    let own = json!({ "shared": 2, "own": 3, "levels": 2 });
    // Three tasks that are columns: 3 * 3 own and 2 shared; of groups a row passes its own group's.
    for (grouped, all) in [(false, 11), (true, 5)] {
        let network = laid_out(own.clone(), &[12, 8, 6], grouped).unwrap();
        assert_eq!(shape(&network, "shared-gate.0.weight"), Some([2, all]));
        let gates = network.params.ranges().iter().map(torso_tape::ParamRange::name);
        assert_eq!(gates.filter(|name| name.starts_with("shared-gate")).count(), 2);
    }
    // The first level has two of the three layers.
    let network = laid_out(own, &[12, 8, 6], false).unwrap();
    assert_eq!(shape(&network, "gate.0.a.weight"), Some([2, 5]));
    assert_eq!(shape(&network, "expert.1.1.weight"), Some([12, 8]));
    assert_eq!(shape(&network, "gate.2.a.weight"), Some([8, 5]));
    assert_eq!(shape(&network, "own.2.2.c.weight"), Some([8, 6]));
}

#[test]
fn there_are_at_most_as_many_levels_as_layers() {
    assert!(laid_out(json!({}), &[12], false).is_ok());
    let error = laid_out(json!({ "levels": 3 }), &[12, 8], false).err().unwrap();
    assert_eq!(error.to_string(), "expected `levels` at most 2, the encoder's layers, found 3");
    let error = laid_out(json!({ "shared": 0, "own": 0 }), &[12], false).err().unwrap();
    assert_eq!(error.to_string(), "expected `own` from 1 to 256, found 0");
}
