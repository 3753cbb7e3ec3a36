//! The whole command on real and generated tables.
#![expect(
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "tests may fail anywhere, and their tables are small"
)]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

fn torso(directory: &Path, arguments: &[&str]) -> std::process::Output {
    Command::cargo_bin("torso").unwrap().current_dir(directory).args(arguments).output().unwrap()
}

#[track_caller]
fn json(directory: &Path, arguments: &[&str]) -> Value {
    let output = torso(directory, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const QUICK: [&str; 9] =
    ["compare", "--json", "--seeds", "2", "--trials", "1", "--epochs", "20", "--threads"];

fn quick(directory: &Path, more: &[&str]) -> Value {
    let arguments: Vec<&str> = QUICK.iter().chain(more).copied().collect();
    let mut said = json(directory, &arguments);
    said["seconds"] = Value::Null;
    said
}

#[test]
fn threads_change_no_bit() {
    let directory = tempfile::tempdir().unwrap();
    let one = quick(directory.path(), &["1"]);
    assert_eq!(one, quick(directory.path(), &["2"]));
    assert_eq!(one, quick(directory.path(), &["2"]), "a second run");
    assert_ne!(one, quick(directory.path(), &["2", "--seed", "99"]));
}

#[test]
fn an_arm_more_changes_no_other_arm() {
    let directory = tempfile::tempdir().unwrap();
    let few = quick(directory.path(), &["2", "--arms", "hard+equal"]);
    let many = quick(directory.path(), &["2", "--arms", "hard+uncertainty,hard+equal"]);
    let score = |said: &Value, arm: &str| {
        let arms = said["arms"].as_array().unwrap();
        let arm = arms.iter().find(|a| a["name"] == arm).unwrap();
        let tasks = arm["tasks"].as_array().unwrap();
        tasks.iter().map(|task| task["score"].clone()).collect::<Vec<_>>()
    };
    for arm in ["apart", "hard+equal"] {
        assert_eq!(score(&few, arm), score(&many, arm));
    }
}

#[test]
fn labels_of_test_rows_change_nothing_that_is_learned() {
    let directory = tempfile::tempdir().unwrap();
    let table = |test_label: i32| {
        let mut table = String::from("x,y,part\n");
        for i in 0..80 {
            let (label, part) = if i % 4 == 0 { (test_label, "test") } else { (i % 9, "train") };
            table.push_str(&format!("{}.25,{label}.5,{part}\n", i % 9));
        }
        table
    };
    // Predictions are not printed, so two test labels are compared: if the model is the same,
    // the mean squared errors around 0 and 100 differ by what algebra says.
    let mse = |label: i32| {
        fs::write(directory.path().join("t.csv"), table(label)).unwrap();
        let more = ["2", "t.csv", "--targets", "y", "--split", "column:part", "--arms", "hard"];
        let said = quick(directory.path(), &more);
        said["arms"][0]["tasks"][0]["score"].as_f64().unwrap().powi(2)
    };
    // mse(l) = mean((p - l)^2) is a parabola in l with second difference 2 h^2.
    let second_difference = mse(0) - 2.0 * mse(50) + mse(100);
    let relative = (second_difference / (2.0 * 50.0 * 50.0) - 1.0).abs();
    assert!(relative < 1e-6, "the model depends on test labels: {relative}");
}

#[test]
fn the_form_of_the_json_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let said = quick(directory.path(), &["2"]);
    assert_eq!(said["schema"], "torso.compare/1");
    assert_eq!(said["data"]["rows"], 344);
    assert_eq!(said["tasks"][1]["labels"], 333);
    for (field, of) in [
        ("name", &said["arms"][1]),
        ("family", &said["arms"][1]),
        ("mean_rank", &said["arms"][1]),
        ("mean", &said["arms"][1]["delta_m"]),
        ("loss_gain", &said["arms"][1]["overall"]),
        ("verdict", &said["arms"][1]["overall"]),
        ("gain_percent", &said["arms"][1]["tasks"][0]),
        ("p_holm", &said["arms"][1]["tasks"][0]["test"]),
        ("df", &said["arms"][1]["tasks"][0]["test"]),
    ] {
        assert!(of.get(field).is_some_and(|value| !value.is_null()), "{field} in {of}");
    }
    assert_eq!(said["arms"][0]["tasks"][0]["verdict"], "baseline");
    assert_eq!(said["arms"][1]["tasks"][0]["verdict"], "too few repeats");
}

#[test]
fn reports_are_written_replaced_and_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let run = ["compare", "--seeds", "2", "--trials", "1", "--epochs", "5", "--out", "run"];
    for _ in 0..2 {
        let output = torso(path, &run);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let first = fs::read(path.join("run/report.html")).unwrap();
    assert!(torso(path, &["report", "run", "-o", "again.html"]).status.success());
    assert_eq!(first, fs::read(path.join("again.html")).unwrap());
}

#[test]
fn a_requirement_that_is_not_met_fails() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "compare",
        "--json",
        "--seeds",
        "5",
        "--trials",
        "1",
        "--epochs",
        "3",
        "--arms",
        "hard",
        "--require",
        "species:helps",
        "--require",
        "species:harms",
    ];
    let output = torso(directory.path(), &arguments);
    assert_eq!(output.status.code(), Some(1), "both cannot be true");
}

#[test]
fn groups_of_rows_are_tasks() {
    let directory = tempfile::tempdir().unwrap();
    let mut table = String::from("school,x,score\n");
    for i in 0..120 {
        table.push_str(&format!("s{},{},{}\n", i % 4, i % 11, (i * 7) % 23));
    }
    fs::write(directory.path().join("t.csv"), table).unwrap();
    let said = quick(directory.path(), &["2", "t.csv", "--group", "school", "--target", "score"]);
    assert_eq!(said["tasks"].as_array().unwrap().len(), 4);
    let arms = said["arms"].as_array().unwrap();
    assert!(arms.iter().any(|arm| arm["name"] == "pooled"));
    assert!(arms.iter().all(|arm| arm["explained_variance"].is_number()));
}

#[test]
fn splits_by_time_by_group_and_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut table = String::from("day,clinic,x,y,z\n");
    let mut splits = String::from("row,rep,part\n");
    for i in 0..100 {
        table.push_str(&format!(
            "2026-01-{:02},c{},{},{},{}\n",
            i % 28 + 1,
            i % 12,
            i % 7,
            i % 5,
            i % 3
        ));
        for rep in 0..2 {
            let part = if (i + rep) % 4 == 0 { "test" } else { "train" };
            splits.push_str(&format!("{i},{rep},{part}\n"));
        }
    }
    fs::write(directory.path().join("t.csv"), table).unwrap();
    fs::write(directory.path().join("s.csv"), splits).unwrap();
    for (rule, folds) in
        [(["--split", "time:day"], 1), (["--split", "group:clinic"], 5), (["--splits", "s.csv"], 1)]
    {
        let more = ["2", "t.csv", "--targets", "y,z", "--ignore", "day,clinic"];
        let more: Vec<&str> = more.iter().chain(&rule).copied().collect();
        assert_eq!(quick(directory.path(), &more)["folds"], folds, "{rule:?}");
    }
}

#[test]
fn list_prints_every_method() {
    let directory = tempfile::tempdir().unwrap();
    let said = json(directory.path(), &["list", "--json"]);
    assert_eq!(said["schema"], "torso.list/1");
    let names: Vec<&str> =
        said["methods"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert!(["hard", "equal", "tuned", "uncertainty", "mlp"].iter().all(|n| names.contains(n)));
}

/// Real data, where it is there.
#[expect(clippy::print_stdout, reason = "a test says that it is skipped")]
fn real(file: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TORSO_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join(file);
    if !path.exists() {
        println!("skipped: {file} is not there");
        return None;
    }
    Some(path.canonicalize().unwrap())
}

#[test]
fn thousands_of_missing_labels_cost_no_row() {
    for (file, rows, targets) in [("mulan_mtr/osales.csv.gz", 639, 12), ("rf1/rf1.csv.gz", 9125, 8)]
    {
        let Some(path) = real(file) else { continue };
        let directory = tempfile::tempdir().unwrap();
        let names = targets_of(&path);
        assert_eq!(names.len(), targets);
        let arguments = [
            "compare",
            path.to_str().unwrap(),
            "--targets",
            &names.join(","),
            "--json",
            "--seeds",
            "1",
            "--folds",
            "2",
            "--trials",
            "1",
            "--epochs",
            "1",
            "--arms",
            "hard",
        ];
        let output = torso(directory.path(), &arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert!(stderr.contains("% missing"), "the labels used are printed: {stderr}");
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["data"]["rows"], rows);
    }
}

/// The columns called `y_*`.
fn targets_of(path: &Path) -> Vec<String> {
    let table = torso_data::Table::read(path, &torso_data::ReadOptions::default()).unwrap();
    table.header().iter().filter(|name| name.starts_with("y_")).cloned().collect()
}
