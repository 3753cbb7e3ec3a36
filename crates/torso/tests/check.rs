//! `torso check` says what a comparison would meet, and ends well unless nothing could be learned.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

fn torso(folder: &Path, arguments: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torso"));
    command.current_dir(folder).args(arguments.split(' '));
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn json_of(folder: &Path, arguments: &str) -> Value {
    let (code, stdout, stderr) = torso(folder, &format!("{arguments} --json"));
    assert_eq!(code, Some(0), "torso {arguments}: {stderr}");
    let value: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(value["schema"], "torso.check/1");
    value
}

/// 200 rows: `code` tells `sold`, `euro` is `price` in another unit, `always` says nothing, and the
/// last 20 rows repeat the first.
fn leaky() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "width,code,euro,always,note,price,sold\n".to_string();
    for row in (0..180).chain(0..20) {
        let width = (row * 37 + row * row) % 101;
        let price = (row * 71 + row * row * 13) % 997;
        let sold = if (row * row + row / 7) % 3 == 0 { "yes" } else { "no" };
        let code = format!("{sold}{}", row % 5);
        let note = if row == 7 { "late" } else { "" };
        let price_cell = if row % 4 == 0 { String::new() } else { price.to_string() };
        let euro = f64::from(price) * 0.92 + 3.0;
        let _ = writeln!(text, "{width},{code},{euro},eur,{note},{price_cell},{sold}");
    }
    fs::write(folder.path().join("table.csv"), text).unwrap();
    folder
}

#[test]
fn leaks_copies_and_features_without_a_word_are_found() {
    let folder = leaky();
    let found = json_of(folder.path(), "check table.csv --targets price,sold");
    let warnings = found["warnings"].as_array().unwrap();
    let of = |kind: &str| warnings.iter().filter(|w| w["kind"] == kind).collect::<Vec<_>>();
    let leaks: Vec<[&str; 3]> = of("leak")
        .iter()
        .map(|leak| [&leak["feature"], &leak["task"], &leak["evidence"]["shows"]])
        .map(|words| words.map(|word| word.as_str().unwrap()))
        .collect();
    assert_eq!(leaks, [["code", "sold", "values"], ["euro", "price", "order"]]);
    // Of 180 distinct rows, 135 have a price.
    assert_eq!((&of("leak")[0]["rows"], &of("leak")[1]["rows"]), (&json!(180), &json!(135)));
    assert_eq!(of("repeated-rows")[0]["rows"], 20);
    assert_eq!(found["duplicates"]["contradicting"], 0);
    assert!(found["duplicates"]["across"].as_u64().unwrap() > 20, "{}", found["duplicates"]);
    assert_eq!(of("constant-features")[0]["features"], json!(["always"]));
    assert_eq!(of("empty-features")[0]["features"], json!(["note"]));
    assert_eq!(warnings.len(), 5, "{warnings:?}");

    let (code, text, _) = torso(folder.path(), "check table.csv --targets price,sold");
    assert_eq!(code, Some(0));
    for warning in warnings {
        let line = format!("\nwarning: {}\n", warning["text"].as_str().unwrap());
        assert!(text.contains(&line), "{line} is not in {text}");
    }
}

#[test]
fn tasks_and_their_overlap_are_told() {
    let folder = leaky();
    let found = json_of(folder.path(), "check table.csv --targets price,sold");
    let (price, sold) = (&found["tasks"][0], &found["tasks"][1]);
    assert_eq!((&price["kind"], &price["metric"]), (&json!("regression"), &json!("rmse")));
    assert_eq!((&price["labels"], &price["missing"]), (&json!(150), &json!(0.25)));
    assert_eq!(sold["classes"].as_array().unwrap().len(), 2);
    assert_eq!(found["overlap"]["matrix"], json!([[150, 150], [150, 200]]));
    let (_, text, _) = torso(folder.path(), "check table.csv --targets price,sold");
    assert!(text.contains("overlap: 150 of 200 labeled rows have a label of every task"), "{text}");
    assert!(text.contains("  price  regression  rmse    150     25.0%    mean "), "{text}");
}

#[test]
fn a_split_that_keeps_copies_together_has_none_across() {
    let folder = leaky();
    // The first and the last twenty rows have the same width and code.
    let found = json_of(folder.path(), "check table.csv --targets price,sold --split group:width");
    assert_eq!(found["duplicates"]["repeated"], 20);
    assert_eq!(found["duplicates"]["across"], 0);
}

#[test]
fn without_targets_the_suggested_ones_are_checked() {
    let folder = leaky();
    let found = json_of(folder.path(), "check table.csv");
    assert_eq!(found["suggested"], true);
    assert_eq!(found["tasks"][0]["name"], "price");
    let found = json_of(folder.path(), "check");
    assert_eq!((&found["suggested"], &found["data"]["rows"]), (&json!(false), &json!(344)));
}

#[test]
fn groups_are_checked_as_one_target() {
    let folder = leaky();
    let found = json_of(folder.path(), "check table.csv --group sold --target price --folds 3");
    assert_eq!(found["overlap"], Value::Null);
    let warnings = found["warnings"].as_array().unwrap();
    let leak = warnings.iter().find(|w| w["kind"] == "leak").unwrap();
    assert_eq!((&leak["feature"], &leak["task"]), (&json!("euro"), &Value::Null));
}

#[test]
fn what_cannot_be_learned_is_an_error_with_its_exit_code() {
    let folder = leaky();
    let fails = |arguments: &str, code: i32, words: &[&str]| {
        let (found, stdout, stderr) = torso(folder.path(), &format!("check {arguments} --json"));
        assert_eq!(found, Some(code), "torso check {arguments}: {stderr}");
        for word in words {
            assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
        }
        assert!(stderr.contains("\nhint: "), "{stderr}");
        assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["schema"], "torso.error/1");
    };
    fs::write(folder.path().join("bad.toml"), "[split]\nseeds = 0").unwrap();
    fails("bad.toml", 2, &["at: bad.toml, line 2, column 9"]);
    fails("bad.toml --config bad.toml", 2, &["two files with options are named"]);
    fails("missing.toml", 2, &["cannot read this config"]);
    fails("table.csv --targets prise", 3, &["did you mean `price`?"]);
    fails("table.csv --targets always", 3, &["column `always`"]);
    fails("table.csv --targets sold --folds 150", 3, &["use fewer --folds"]);
    fails("table.csv --targets sold --split group:cod", 3, &["did you mean `code`?"]);
    fails("table.csv --targets sold --arms pooled", 2, &["groups of rows"]);
    fails("table.csv --targets sold --method hrad", 2, &["did you mean `hard"]);
    fails("table.csv --targets sold,price --arms hard+upgrad --set upgrad.eps=-1", 2, &["eps"]);
    fs::write(folder.path().join("ragged.csv"), "a,b\n1,2\n3\n").unwrap();
    fails("ragged.csv", 3, &["line 3"]);
}
