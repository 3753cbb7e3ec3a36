use serde_json::{Map, Value};
use torso_core::seed::Seed;

use crate::arms::tests::{columns, groups};
use crate::network::{Blueprint, Inputs, Network};
use crate::settings::NetworkSettings;
use crate::sharing::contract::network;
use crate::sharing::{SharingMethod, hard};
use crate::supervision::{Outputs, Scale};
use torso_core::finding::Finding;

#[test]
fn open_masks_leave_the_shared_trunk() {
    // Of groups, so that the heads are the same in both.
    let (data, design) = groups();
    let hard = network(&hard::METHOD, &data, Map::new());
    let mut mtan = network(&super::METHOD, &data, Map::new());
    for range in hard.params.ranges() {
        let id = mtan.params.find(range.name()).unwrap();
        mtan.params.get_mut(id).copy_from_slice(&hard.params.values()[range.span()]);
    }
    let scale = Scale { mean: 0.0, sd: 1.0, constant_loss: 1.0 };
    let rows: Vec<u32> = (0..120).collect();
    let predict = |network: &Network| -> Vec<f64> {
        (0..4).flat_map(|t| network.predict(&design, t, scale, &rows)).collect()
    };
    assert_ne!(predict(&mtan), predict(&hard));
    for l in 0..2 {
        // sigmoid(40) is 1 in single precision.
        for (part, value) in [("gain", 0.0), ("bias", 40.0)] {
            let id = mtan.params.find(&format!("excite-norm.{l}.{part}")).unwrap();
            mtan.params.get_mut(id).fill(value);
        }
    }
    assert_eq!(predict(&mtan), predict(&hard));
    let of_rows: Vec<u32> = rows.iter().map(|row| row % 4).collect();
    let findings = mtan.findings(&Inputs::new(&design), &rows, &of_rows);
    let Finding::Matrix { values, .. } = &findings[0] else { panic!("a matrix") };
    assert_eq!(*values, [1.0; 8]);
}

#[test]
fn three_tasks_stay_below_two_trunks() {
    let size = |entry: &'static SharingMethod| -> usize {
        let blueprint = Blueprint {
            sharing: entry,
            own: Map::new(),
            plan: Value::Null,
            n_inputs: 32,
            image: None,
            outputs: Outputs::of(&columns().0),
            rotates: false,
            settings: NetworkSettings::default(),
        };
        let network = Network::new(blueprint, Seed(1), usize::MAX).unwrap();
        let ranges = network.params.ranges().iter();
        ranges.filter(|range| !range.name().starts_with("head")).map(|r| r.span().len()).sum()
    };
    let (mtan, hard) = (size(&super::METHOD), size(&hard::METHOD));
    assert_eq!((mtan, hard), (11_012, 6_272));
    assert!(mtan < 2 * hard);
}

#[test]
fn masks_are_told_task_by_task_and_layer_by_layer() {
    let (data, design) = columns();
    let network = network(&super::METHOD, &data, Map::new());
    let rows: Vec<u32> = (0..120).collect();
    let findings = network.findings(&Inputs::new(&design), &rows, &[]);
    let [Finding::Matrix { values, .. }, Finding::Matrix { values: likeness, .. }] = &findings[..]
    else {
        panic!("two matrices")
    };
    assert_eq!(values.len(), 6);
    assert!(values.iter().all(|mean| *mean > 0.0 && *mean < 1.0), "{values:?}");
    assert!((0..3).all(|t| (likeness[t * 4] - 1.0).abs() < 1e-12), "{likeness:?}");
    assert!(likeness.iter().all(|r| r.abs() <= 1.0 + 1e-12), "{likeness:?}");
}
