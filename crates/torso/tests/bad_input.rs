//! Bad input gets a clear error with a hint and the right exit code, and nothing is written over.
#![expect(
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "tests may fail anywhere, and their tables are small"
)]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

/// Runs `torso compare` in a directory of its own that holds `table` as `table.csv`.
struct Case {
    directory: TempDir,
}

impl Case {
    fn new(table: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("table.csv"), table).unwrap();
        Self { directory }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs, expects the exit code, and gives stderr. The run must leave no file behind.
    #[track_caller]
    fn fails(&self, arguments: &[&str], code: i32) -> String {
        let mut before: Vec<_> = names(self.path());
        let output = Command::cargo_bin("torso")
            .unwrap()
            .current_dir(self.path())
            .arg("compare")
            .args(arguments)
            .args(["--seeds", "2", "--epochs", "2", "--trials", "1"])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains("error: "), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        let mut after: Vec<_> = names(self.path());
        before.sort();
        after.sort();
        assert_eq!(before, after, "a failed run left files behind");
        stderr
    }

    /// As [`Self::fails`], for bad data: exit code 3, a hint, and all of `words` in the message.
    #[track_caller]
    fn refuses(&self, arguments: &[&str], words: &[&str]) {
        let arguments: Vec<&str> = ["table.csv"].iter().chain(arguments).copied().collect();
        let stderr = self.fails(&arguments, 3);
        assert!(stderr.contains("hint: "), "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
        }
    }
}

fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

/// A good table of `n` rows: two features, a regression and a binary target.
fn good(n: usize) -> String {
    let row = |i: usize| {
        format!("{}.5,{},{},{}\n", i % 7, (i * i) % 11, (i * 3) % 13, ["no", "yes"][i % 2])
    };
    format!("width,height,price,sold\n{}", (0..n).map(row).collect::<String>())
}

const TARGETS: [&str; 2] = ["--targets", "price,sold"];

#[test]
fn no_such_file() {
    let case = Case::new(b"");
    let stderr = case.fails(&["tabel.csv", "--targets", "price"], 3);
    assert!(stderr.contains("tabel.csv") && stderr.contains("hint: "), "{stderr}");
}

#[test]
fn no_such_column_names_the_nearest() {
    Case::new(good(60).as_bytes()).refuses(&["--targets", "prize"], &["`prize`", "`price`"]);
}

#[test]
fn a_target_with_one_value() {
    let table = good(60).replace(",no", ",yes");
    Case::new(table.as_bytes()).refuses(&TARGETS, &["`sold`"]);
}

#[test]
fn a_task_without_a_label_in_a_split() {
    // Three labels cannot be in the training, validation and test part of five folds.
    let mut table = String::from("width,price,rare\n");
    for i in 0..60 {
        let rare = if i < 3 { i.to_string() } else { String::new() };
        table.push_str(&format!("{},{},{rare}\n", i % 7, i % 13));
    }
    Case::new(table.as_bytes()).refuses(&["--targets", "price,rare"], &["`rare`", "3 labels"]);
}

#[test]
fn all_features_missing() {
    let mut table = String::from("width,price\n");
    (0..60).for_each(|i| table.push_str(&format!(",{i}\n")));
    Case::new(table.as_bytes()).refuses(&["--targets", "price"], &["feature"]);
}

#[test]
fn text_in_a_numeric_target() {
    let table = good(60).replacen("0.5,0,0,no", "0.5,0,cheap,no", 1);
    Case::new(table.as_bytes()).refuses(&TARGETS, &["`price`", "cheap", "line 2"]);
}

#[test]
fn duplicate_column_names() {
    let table = good(60).replace("width,height", "width,width");
    Case::new(table.as_bytes()).refuses(&TARGETS, &["`width`"]);
}

#[test]
fn ragged_rows() {
    let table = good(60).replacen('\n', "\n1,2,3\n", 1);
    Case::new(table.as_bytes()).refuses(&TARGETS, &["line 2", "3", "4"]);
}

#[test]
fn an_empty_file() {
    Case::new(b"").refuses(&TARGETS, &["empty"]);
}

#[test]
fn invalid_utf8() {
    let mut table = good(60).into_bytes();
    let at = table.iter().position(|b| *b == b'\n').unwrap() + 1;
    table[at] = 0xff;
    Case::new(&table).refuses(&TARGETS, &["UTF-8", "line 2"]);
}

#[test]
fn infinite_values() {
    let table = good(60).replacen("0.5,0,0,no", "0.5,0,inf,no", 1);
    Case::new(table.as_bytes()).refuses(&TARGETS, &["`price`", "inf", "line 2"]);
}

#[test]
fn fewer_rows_than_the_split_needs() {
    Case::new(good(8).as_bytes()).refuses(&TARGETS, &["8", "10"]);
}

#[test]
fn a_report_path_that_cannot_be_written() {
    let case = Case::new(good(60).as_bytes());
    let arguments = ["table.csv", "--targets", "price", "--report", "no/such/report.html"];
    let stderr = case.fails(&arguments, 1);
    assert!(stderr.contains("no/such/report.html") && stderr.contains("hint: "), "{stderr}");
}

#[test]
fn a_foreign_report_is_left_alone() {
    let case = Case::new(good(60).as_bytes());
    let foreign = "<html>my thesis</html>";
    fs::write(case.path().join("thesis.html"), foreign).unwrap();
    let stderr = case.fails(&["table.csv", "--targets", "price", "--report", "thesis.html"], 1);
    assert!(stderr.contains("thesis.html"), "{stderr}");
    assert_eq!(fs::read_to_string(case.path().join("thesis.html")).unwrap(), foreign);
}

#[test]
fn usage_errors_exit_with_2_and_a_hint() {
    let case = Case::new(good(60).as_bytes());
    let with = |more: &[&str]| {
        let arguments: Vec<&str> =
            ["table.csv", "--targets", "price"].iter().chain(more).copied().collect();
        case.fails(&arguments, 2)
    };
    assert!(with(&["--arms", "hard+equel"]).contains("`hard+equal`"));
    assert!(with(&["--set", "lr=-1"]).contains("`lr` above 0"));
    assert!(with(&["--require", "price:great"]).contains("helps"));
    assert!(with(&["--arms", "pooled"]).contains("--group"));
    assert!(case.fails(&["table.csv"], 2).contains("--targets"));
}

#[test]
fn errors_are_json_too() {
    let case = Case::new(good(60).as_bytes());
    let output = Command::cargo_bin("torso")
        .unwrap()
        .current_dir(case.path())
        .args(["compare", "table.csv", "--targets", "prize", "--json"])
        .output()
        .unwrap();
    let error: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(error["schema"], "torso.error/1");
    assert_eq!(error["kind"], "data");
    assert!(error["hint"].as_str().unwrap().contains("price"), "{error}");
}
