//! `torso init` writes a config that works at once, and no file is lost.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::fs;
use std::path::{Path, PathBuf};
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

/// Runs what must succeed, and gives its stdout.
#[track_caller]
fn done(folder: &Path, arguments: &str) -> String {
    let (code, stdout, stderr) = torso(folder, arguments);
    assert_eq!(code, Some(0), "torso {arguments}: {stderr}");
    stdout
}

/// Runs what must fail without a trace, and gives its stderr.
#[track_caller]
fn fails(folder: &Path, arguments: &str, code: i32) -> String {
    let names = || {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        names
    };
    let before = names();
    let (found, _, stderr) = torso(folder, arguments);
    assert_eq!(found, Some(code), "torso {arguments}: {stderr}");
    assert!(stderr.contains("\nhint: "), "{stderr}");
    assert_eq!(before, names());
    stderr
}

fn penguins() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../torso-data/data/penguins.csv");
    fs::copy(table, folder.path().join("penguins.csv")).unwrap();
    folder
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

/// A short comparison.
const SHORT: &str = "--seeds 1 --trials 1 --epochs 1 --train-rows 300 --json";

#[test]
fn the_config_of_the_penguins_says_types_targets_and_reasons() {
    let folder = penguins();
    let said = done(folder.path(), "init penguins.csv");
    assert!(said.contains("species  a text with 3 classes, the first column\n"), "{said}");
    assert!(said.ends_with("next: torso check torso.toml, torso compare torso.toml\n"), "{said}");
    let text = read(folder.path(), "torso.toml");
    assert!(text.starts_with("#:schema https://"), "{text}");
    let mut at = 0;
    for line in [
        "path = \"penguins.csv\"",
        "#   sex      a text with 2 classes, one of the last columns",
        "targets = [\"species\", \"island\", \"sex\"]",
        "#   bill_length_mm     feature  number     342 of 344 cells are numbers, 2 are missing (`NA`)",
        "# seeds = 10 # repeats of a comparison; below 5 there is no verdict",
        "# lr = 0.003",
    ] {
        let found = text[at..].find(&format!("\n{line}\n"));
        at += found.unwrap_or_else(|| panic!("`{line}` is not below in:\n{text}"));
    }
}

#[test]
fn the_config_works_at_once_with_every_comment_taken_for_a_setting() {
    let folder = penguins();
    done(folder.path(), "init penguins.csv");
    done(folder.path(), "check torso.toml");
    let compared: Value =
        serde_json::from_str(&done(folder.path(), &format!("compare torso.toml {SHORT}"))).unwrap();
    assert_eq!(compared["tasks"].as_array().unwrap().len(), 3);

    // What stands there as a comment is right as well, and is the default.
    let is_setting = |line: &&str| line.contains(" = ") && !line.contains("COLUMN\"");
    let text = read(folder.path(), "torso.toml");
    let taken: Vec<String> = text
        .lines()
        .map(|line| match line.strip_prefix("# ").filter(is_setting) {
            Some(setting)
                if !setting.starts_with("target") && !setting.starts_with("train-rows") =>
            {
                setting.to_string()
            }
            _ => line.to_string(),
        })
        .collect();
    assert!(taken.iter().any(|line| line.starts_with("uncertainty.lr")), "{taken:?}");
    fs::write(folder.path().join("taken.toml"), taken.join("\n")).unwrap();
    let result = |config: &str, more: &str| {
        let said =
            done(folder.path(), &format!("compare {config} --seeds 2 --epochs 2 --json{more}"));
        let mut result: Value = serde_json::from_str(&said).unwrap();
        result["seconds"] = Value::Null;
        result
    };
    let arms = " --arms hard+equal,hard+tuned,hard+uncertainty --set uncertainty.lr=0.1";
    assert_eq!(result("taken.toml", ""), result("torso.toml", arms));
}

#[test]
fn an_edited_file_is_never_lost() {
    let folder = penguins();
    done(folder.path(), "init penguins.csv");
    let text = read(folder.path(), "torso.toml");
    // Once more is fine as long as nothing would change.
    done(folder.path(), "init penguins.csv");
    let edited = format!("{text}# mine\n");
    fs::write(folder.path().join("torso.toml"), &edited).unwrap();
    let stderr = fails(folder.path(), "init penguins.csv", 1);
    assert!(
        stderr.contains("error: `torso.toml` is there already, with something else"),
        "{stderr}"
    );
    assert!(stderr.contains("hint: name another file with -o, or move this one away"), "{stderr}");
    assert_eq!(read(folder.path(), "torso.toml"), edited);
    let said = done(folder.path(), "init penguins.csv -o other.toml --json");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["schema"], &said["file"]), (&json!("torso.init/1"), &json!("other.toml")));
    assert_eq!(said["targets"][2]["column"], "sex");
    fs::create_dir(folder.path().join("folder")).unwrap();
    fails(folder.path(), "init penguins.csv -o folder", 1);
    fails(folder.path(), "init penguins.csv -o missing/torso.toml", 1);
}

#[test]
fn what_is_asked_for_is_written() {
    let folder = penguins();
    let asked = "--targets body_mass_g,year --ignore sex --kind year=class --missing -9";
    let more = "--weight bill_depth_mm"; // two weights are missing
    let stderr = fails(folder.path(), &format!("init penguins.csv {asked} {more}"), 3);
    assert!(stderr.contains("column `bill_depth_mm`"), "{stderr}");
    done(folder.path(), &format!("init penguins.csv {asked} -o two.toml"));
    assert!(read(folder.path(), "two.toml").contains("\nmissing = [\"-9\"]\n"));
    let checked = done(folder.path(), "check two.toml --json");
    let checked: Value = serde_json::from_str(&checked).unwrap();
    let kinds: Vec<&Value> =
        checked["tasks"].as_array().unwrap().iter().map(|t| &t["kind"]).collect();
    assert_eq!(kinds, ["regression", "multiclass"]);
    assert_eq!(checked["columns"][6]["role"], "ignored");

    done(folder.path(), "init penguins.csv --group island --target body_mass_g -o groups.toml");
    let text = read(folder.path(), "groups.toml");
    assert!(text.contains("\ngroup = \"island\"\ntarget = \"body_mass_g\"\n"), "{text}");
    let compared = done(folder.path(), &format!("compare groups.toml {SHORT}"));
    assert_eq!(serde_json::from_str::<Value>(&compared).unwrap()["tasks"][0]["name"], "Biscoe");
}

#[test]
fn the_table_is_found_from_the_config() {
    let folder = penguins();
    for place in ["below", "below/deep"] {
        fs::create_dir(folder.path().join(place)).unwrap();
        fs::copy(folder.path().join("penguins.csv"), folder.path().join(place).join("p.csv"))
            .unwrap();
    }
    done(folder.path(), "init below/deep/p.csv -o below/one.toml");
    assert!(read(folder.path(), "below/one.toml").contains("\npath = \"deep/p.csv\"\n"));
    done(folder.path(), "init penguins.csv -o below/two.toml");
    for config in ["below/one.toml", "below/two.toml"] {
        done(folder.path(), &format!("check {config}"));
    }
    done(&folder.path().join("below/deep"), "init ../p.csv");
    done(&folder.path().join("below"), "check deep/torso.toml");
    done(folder.path(), "check below/deep/torso.toml");
}

#[test]
fn hostile_names_stay_names() {
    let folder = tempfile::tempdir().unwrap();
    let names =
        ["\"a\"\"b\"", "\"two\nlines\"", "# no comment", "[x]", "back\\slash", "\u{202e}right"];
    let row = |i: usize| {
        let cells = (0..names.len()).map(|c| ((i * (c + 3) + i * i) % 7).to_string());
        cells.collect::<Vec<_>>().join(",")
    };
    let rows: Vec<String> = (0..60).map(row).collect();
    let table = format!("{}\n{}\n", names.join(","), rows.join("\n"));
    fs::write(folder.path().join("hostile.csv"), table).unwrap();
    done(folder.path(), "init hostile.csv");
    done(folder.path(), &format!("compare torso.toml {SHORT}"));
    let text = read(folder.path(), "torso.toml");
    assert!(!text.lines().any(|line| line.starts_with('#') && line.contains('\u{202e}')), "{text}");
}

#[test]
fn without_a_table_the_penguins_are_described() {
    let folder = tempfile::tempdir().unwrap();
    done(folder.path(), "init");
    done(folder.path(), "check torso.toml");
    let text = read(folder.path(), "torso.toml");
    assert!(text.contains("\ntargets = [\"species\", \"sex\", \"body_mass_g\"]\n"), "{text}");
}

#[test]
fn tables_that_cannot_be_described_are_errors() {
    let folder = penguins();
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    file("few.csv", "a,b\n1,x\n2,y\n");
    let stderr = fails(folder.path(), "init few.csv", 2);
    assert!(stderr.contains("no column looks like a target"), "{stderr}");
    assert!(stderr.contains("name some with --targets; the columns are a, b"), "{stderr}");
    file("empty.csv", "");
    fails(folder.path(), "init empty.csv", 3);
    let stderr = fails(folder.path(), "init penguin.csv", 3);
    assert!(stderr.contains("did you mean `penguins.csv`?"), "{stderr}");
    file("torso.toml", "");
    let stderr = fails(folder.path(), "init torso.toml", 2);
    assert!(stderr.contains("hint: `torso check torso.toml` looks at a config"), "{stderr}");
    let stderr = fails(folder.path(), "init penguins.csv --targets specis -o new.toml", 3);
    assert!(stderr.contains("did you mean `species`?"), "{stderr}");
}

/// Every table of the shared data works at once, but for those of sentences alone.
#[test]
fn real_tables_work_at_once() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("TORSO_DATA").map_or(shared, PathBuf::from);
    if !data.is_dir() {
        eprintln!("skipped: no {}", data.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (table, n_tasks) in [
        ("school/school.csv.gz", 1),
        ("mulan_ml/emotions.csv.gz", 6),
        ("mulan_mtr/scpf.csv", 3),
        ("mulan_mtr/osales.csv.gz", 12),
        ("census_kdd/census_20k.csv.gz", 2),
        ("student/student_mat.csv", 3),
        ("airquality/airquality.csv.gz", 2),
        ("ett/ETTh1.csv.gz", 2),
        ("sick/sick.csv.gz", 2),
    ] {
        let config = format!("{}.toml", table.replace('/', "-"));
        done(folder.path(), &format!("init {} -o {config}", data.join(table).display()));
        done(folder.path(), &format!("check {config}"));
        let compared = done(folder.path(), &format!("compare {config} --arms hard+equal {SHORT}"));
        let compared: Value = serde_json::from_str(&compared).unwrap();
        assert_eq!(compared["tasks"].as_array().unwrap().len(), n_tasks, "{table}");
    }
}
