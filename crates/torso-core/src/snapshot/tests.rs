use super::*;
use serde_json::json;

fn example() -> Snapshot {
    let mut inner = Snapshot::default();
    inner.describe("layers", &[3, 4]);
    inner.put("w", &[2, 1], vec![0.5_f32, -1.0]);
    let mut snapshot = Snapshot::default();
    snapshot.describe("name", &"a task");
    snapshot.describe("lr", &0.1_f64);
    snapshot.put("losses", &[3], vec![f64::NAN, f64::INFINITY, 0.1]);
    snapshot.put("order", &[2], vec![7_u32, u32::MAX]);
    snapshot.nest("network", inner);
    snapshot
}

#[test]
fn a_file_holds_every_bit() {
    let bytes = example().to_bytes();
    assert_eq!(bytes, example().to_bytes(), "the same snapshot, the same bytes");
    let read = Snapshot::from_bytes(&bytes).unwrap();
    assert_eq!(read.about, example().about);
    let (shape, losses) = read.array::<f64>("losses").unwrap();
    assert_eq!(shape, [3]);
    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(losses), bits(&[f64::NAN, f64::INFINITY, 0.1]));
    assert_eq!(read.shaped::<u32>("order", &[2]).unwrap(), [7, u32::MAX]);
    let network = read.nested("network").unwrap();
    assert_eq!(network.shaped::<f32>("w", &[2, 1]).unwrap(), [0.5, -1.0]);
    assert_eq!(network.described::<Vec<usize>>("layers").unwrap(), [3, 4]);
    assert_eq!(read.described::<f64>("lr").unwrap().to_bits(), 0.1_f64.to_bits());
}

#[test]
fn what_does_not_fit_is_said() {
    let snapshot = example();
    let missing = SnapshotError::Missing { name: "bias".into() };
    assert_eq!(snapshot.array::<f32>("bias").unwrap_err(), missing);
    assert!(matches!(snapshot.array::<f32>("losses"), Err(SnapshotError::Elements { .. })));
    assert!(matches!(snapshot.shaped::<f64>("losses", &[1, 3]), Err(SnapshotError::Shape { .. })));
    assert!(matches!(snapshot.described::<bool>("name"), Err(SnapshotError::Description { .. })));
    assert!(matches!(snapshot.nested("heads"), Err(SnapshotError::Missing { .. })));
}

/// Every prefix, and every change of one byte, is an error or reads as the very same snapshot.
#[test]
fn damaged_files_are_refused() {
    let whole = example();
    let bytes = whole.to_bytes();
    for length in 0..bytes.len() {
        assert!(Snapshot::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    for at in 0..bytes.len() {
        for change in [1_u8, 0x20, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= change;
            if let Ok(read) = Snapshot::from_bytes(&damaged) {
                assert_eq!(read.to_bytes(), bytes, "byte {at}");
            }
        }
    }
    let plain = safetensors::serialize(whole.arrays.iter(), None).unwrap();
    assert!(matches!(Snapshot::from_bytes(&plain), Err(SnapshotError::Foreign { .. })));
    assert!(Snapshot::from_bytes(b"PK\x03\x04 a zip file").is_err());
    let huge = [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat();
    assert!(Snapshot::from_bytes(&huge).is_err());
}

#[test]
fn descriptions_are_any_json() {
    let mut snapshot = Snapshot::default();
    snapshot.describe("nested", &json!({"a": [1, null, "x"], "b": {"c": 1e300}}));
    let read = Snapshot::from_bytes(&snapshot.to_bytes()).unwrap();
    assert_eq!(read, snapshot);
}
