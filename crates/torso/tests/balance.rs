//! `torso balance` and `torso explain`, as another program would call them.
#![expect(clippy::unwrap_used, reason = "tests may fail anywhere")]

use assert_cmd::Command;
use serde_json::{Value, json};

fn torso(arguments: &[&str], stdin: &str) -> (i32, Value, String) {
    let output =
        Command::cargo_bin("torso").unwrap().args(arguments).write_stdin(stdin).output().unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), json, String::from_utf8(output.stderr).unwrap())
}

fn balance(method: &str, more: &[&str], stdin: &Value) -> Value {
    let arguments = [&["balance", method, "--json"], more].concat();
    let (code, json, stderr) = torso(&arguments, &stdin.to_string());
    assert_eq!((code, stderr.as_str()), (0, ""), "{json}");
    json
}

#[track_caller]
fn assert_close(found: &Value, expected: &[f64]) {
    let found: Vec<f64> = serde_json::from_value(found.clone()).unwrap();
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() < 1e-7, "found {found:?}, expected {expected:?}");
    }
}

#[test]
fn golden_rows() {
    let jacobian = json!({"jacobian": [[-4, 1, 1], [6, 1, 1]]});
    let answer = balance("upgrad", &[], &jacobian);
    assert_eq!(answer["schema"], "torso.balance/1");
    assert_eq!(answer["status"], "solved");
    assert_close(&answer["weights"], &[10.0 / 9.0, 15.0 / 19.0]);
    assert_close(&answer["direction"], &[0.292_397_66, 1.900_584_80, 1.900_584_80]);
    let answer = balance("cagrad", &["--set", "rescale=1"], &jacobian);
    assert_close(&answer["weights"], &[0.563_299_316_185_545_3, 0.4]);
    let answer = balance("mgda", &[], &json!({"gramian": [[18, -22], [-22, 38]]}));
    assert_close(&answer["weights"], &[0.6, 0.4]);
    assert_eq!(answer["direction"], Value::Null);
    let answer = balance("uncertainty", &[], &json!({"losses": [3, 5]}));
    assert_close(&answer["weights"], &[0.5, 0.5]);
    let answer = balance("graddrop", &[], &jacobian);
    assert_eq!(answer["weights"], Value::Null);
}

#[test]
fn steps_carry_the_state_on() {
    let gramian =
        |diagonal: [f64; 3]| json!([[diagonal[0], 0, 0], [0, diagonal[1], 0], [0, 0, diagonal[2]]]);
    let step = |diagonal| json!({"gramian": gramian([1.0; 3]), "cross": gramian(diagonal)});
    let steps = json!({"steps": [step([1.0, 0.25, 0.0]), step([1.0; 3])]});
    let settings = ["lr=10", "iterations=1", "normalize=false"].map(|setting| ["--set", setting]);
    let answers = balance("sdmgrad", settings.as_flattened(), &steps);
    assert_close(&answers[0]["weights"], &[1.0 / 13.0, 1.0 / 13.0, 11.0 / 13.0]);
    assert_close(&answers[1]["weights"], &[6.0 / 13.0, 6.0 / 13.0, 1.0 / 13.0]);
    // A ratio of losses needs two epochs; each step is one here.
    let steps = json!({"steps": [{"losses": [1, 1]}, {"losses": [1, 4]}, {"losses": [9, 9]}]});
    let answers = balance("dwa", &[], &steps);
    let (a, b) = (0.5f64.exp(), 2f64.exp());
    assert_close(&answers[2]["weights"], &[2.0 * a / (a + b), 2.0 * b / (a + b)]);
}

#[test]
fn a_task_without_a_loss_is_left_out() {
    let both = json!({"jacobian": [[1, 2], [9, 9], [3, 0]], "losses": [1, null, 1]});
    let answer = balance("mgda", &[], &both);
    assert_close(&answer["weights"], &[0.75, 0.0, 0.25]);
}

#[test]
fn bad_input_is_told_with_its_place() {
    let cases: [(&str, &[&str], &str, i32, &str); 16] = [
        ("upgrda", &[], "{}", 2, "did you mean `upgrad`?"),
        ("upgrad", &[], "", 3, "nothing to read"),
        ("upgrad", &[], "{", 3, "not JSON"),
        ("upgrad", &[], "{}", 3, "expected `jacobian`, `gramian` or `losses`"),
        ("upgrad", &[], r#"{"steps": []}"#, 3, "`steps` is empty"),
        ("upgrad", &[], r#"{"jacobain": [[1]]}"#, 3, "unknown field `jacobain`"),
        (
            "upgrad",
            &[],
            r#"{"jacobian": [[1, 2], [3]]}"#,
            3,
            "expected 2 numbers in row 2, found 1",
        ),
        ("upgrad", &[], r#"{"jacobian": [[1, "a"]]}"#, 3, "invalid type"),
        ("upgrad", &[], r#"{"jacobian": []}"#, 3, "at least one task"),
        ("upgrad", &[], r#"{"gramian": [[1, 2], [3, 1]]}"#, 3, "`gramian` symmetric"),
        ("upgrad", &[], r#"{"gramian": [[-1]]}"#, 3, "squares on its diagonal"),
        ("upgrad", &[], r#"{"losses": [1, 2]}"#, 3, "expected `jacobian` or `gramian`"),
        ("graddrop", &[], r#"{"gramian": [[1]]}"#, 3, "expected `jacobian`"),
        ("upgrad", &[], r#"{"jacobian": [[1]], "losses": [1, 2]}"#, 3, "`losses` with 1 numbers"),
        ("upgrad", &["--set", "regularize=-1"], r#"{"jacobian": [[1]]}"#, 2, "found -1"),
        (
            "upgrad",
            &["--set", "preference=1,2"],
            r#"{"jacobian": [[1]]}"#,
            2,
            "for each of 1 tasks",
        ),
    ];
    for (method, more, stdin, code, words) in cases {
        let arguments = [&["balance", method], more, &["--json"]].concat();
        let (found, json, stderr) = torso(&arguments, stdin);
        assert_eq!(found, code, "{method} {stdin}: {stderr}");
        assert!(stderr.contains(words), "{method} {stdin}: {stderr}");
        assert!(stderr.contains("hint: "), "{stderr}");
        assert_eq!(json["schema"], "torso.error/1");
    }
    let second = r#"{"steps": [{"losses": [1]}, {"losses": [1, 2]}]}"#;
    let (_, json, _) = torso(&["balance", "equal", "--json"], second);
    assert_eq!(json["where"], "stdin, step 2");
}

#[test]
fn every_method_explains_itself() {
    let (_, list, _) = torso(&["list", "--json"], "");
    for method in list["methods"].as_array().unwrap() {
        let id = method["name"].as_str().unwrap();
        let (code, json, _) = torso(&["explain", id, "--json"], "");
        assert_eq!((code, json["name"].as_str()), (0, Some(id)));
        assert!(json["formula"].as_str().is_some_and(|formula| !formula.is_empty()));
        let (code, _, _) = torso(&["explain", id], "");
        assert_eq!(code, 0);
    }
    let (code, json, _) = torso(&["explain", "pcgrda", "--json"], "");
    assert_eq!((code, json["hint"].as_str()), (2, Some("did you mean `pcgrad`?")));
}

#[test]
fn cheaper_task_gradients_have_a_measured_error_wherever_they_are_allowed() {
    for entry in torso_balance::methods() {
        let (_, json, _) = torso(&["explain", entry.method.id, "--json"], "");
        let kinds = json["task_gradients"].as_array().unwrap().len();
        let expected = if entry.sees == torso_balance::Sees::Gramian { 3 } else { 0 };
        assert_eq!(kinds, expected, "{}", entry.method.id);
    }
}
