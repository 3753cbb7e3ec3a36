//! Dependencies between Torso's crates point one way, as `ARCHITECTURE.md` says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What each crate may depend on; dependencies for tests and benches included.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("torso-core", &[]),
    ("torso-data", &["torso-core"]),
    ("torso-tape", &["torso-core"]),
    ("torso-math", &["torso-core"]),
    ("torso-balance", &["torso-core", "torso-math"]),
    ("torso-deep", &["torso-core", "torso-math", "torso-tape", "torso-balance"]),
    ("torso-linear", &["torso-core", "torso-math", "torso-data"]),
    ("torso-study", &["torso-core", "torso-data", "torso-deep", "torso-balance", "torso-linear"]),
    ("torso-report", &["torso-core"]),
    (
        "torso",
        &[
            "torso-core",
            "torso-balance",
            "torso-data",
            "torso-deep",
            "torso-linear",
            "torso-study",
            "torso-report",
        ],
    ),
];

#[test]
fn dependencies_point_one_way() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("{name} is not on the map"));
        let dependencies: BTreeSet<&str> = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|dependency| dependency["name"].as_str().unwrap())
            .filter(|dependency| dependency.starts_with("torso"))
            .collect();
        for dependency in dependencies {
            assert!(allowed.contains(&dependency), "{name} must not depend on {dependency}");
        }
    }
}
