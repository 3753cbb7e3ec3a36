//! `torso predict` and `torso evaluate`: what they write, and what they refuse.
#![expect(clippy::unwrap_used, reason = "tests may fail anywhere")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;
use torso_core::data::Task;
use torso_core::estimator::{Batch, Budget};
use torso_core::journal::NoJournal;
use torso_core::split::{SplitOptions, SplitRule};
use torso_data::{PreprocessOptions, ReadOptions, Roles, Table, Targets, task_data};
use torso_study::arm::{ArmSettings, parse_all};
use torso_study::saved::{MODEL_SCHEMA, ModelCard, SavedLayout, SavedModel, TaskCard};
use torso_study::train::{TrainOptions, train};

/// The bytes of a model that was trained for a few epochs.
fn trained(table: &str, roles: &Roles) -> Vec<u8> {
    let table = Table::from_bytes("t.csv", table.as_bytes(), &ReadOptions::default()).unwrap();
    let data = task_data(&table, roles).unwrap().data;
    let ids = ["hard+equal".to_string()];
    let arms = parse_all(&ids, data.layout(), &ArmSettings::default()).unwrap();
    let options = TrainOptions {
        rule: SplitRule::Random,
        split: SplitOptions::default(),
        all_rows: false,
        budget: Budget { trials: 1, epochs: 20, batch: Batch::Auto },
        preprocess: PreprocessOptions::default(),
    };
    let trained = train(&data, arms.last().unwrap(), &options, &NoJournal).unwrap();
    let layout = match &roles.targets {
        Targets::Columns(_) => SavedLayout::Columns,
        Targets::Groups { group, target } => {
            SavedLayout::Groups { group: group.clone(), target: target.clone() }
        }
    };
    let card = |task: &Task| TaskCard { name: task.name.clone(), kind: task.kind.clone() };
    let card = ModelCard {
        schema: MODEL_SCHEMA.to_string(),
        torso: "0.0.0".to_string(),
        method: "hard+equal".to_string(),
        layout,
        tasks: data.tasks().iter().map(card).collect(),
        preprocessor: trained.preprocessor,
        missing: vec!["unknown".to_string()],
        data: "t".to_string(),
        blake3: String::new(),
    };
    SavedModel { card, model: trained.model }.to_bytes()
}

/// A table with two numbers, a category of two, and targets of every kind.
fn columns(n: usize) -> String {
    let mut text = String::from("id,width,height,color,price,sold,grade\n");
    for i in 0..n {
        let (width, height) = (i % 7, (i * i) % 11);
        let color = ["red", "blue"][i % 2];
        let (sold, grade) = (["no", "yes"][(width + height) % 2], ["a,1", "b\"2", "c"][width % 3]);
        let grade = format!("\"{}\"", grade.replace('"', "\"\""));
        let price = width * 3 + height;
        writeln!(text, "r{i},{width}.5,{height},{color},{price},{sold},{grade}").unwrap();
    }
    text
}

fn columns_model() -> &'static [u8] {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    MODEL.get_or_init(|| {
        let roles = Roles {
            features: Some(["width", "height", "color"].map(String::from).to_vec()),
            ..Roles::columns(["price", "sold", "grade"])
        };
        trained(&columns(120), &roles)
    })
}

/// A table of schools with one target.
fn groups(n: usize) -> String {
    let row = |i: usize| format!("{}.5,{},{}\n", i % 7, ["A", "B", "C"][i % 3], (i * 3) % 13);
    format!("x,school,score\n{}", (0..n).map(row).collect::<String>())
}

fn groups_model() -> &'static [u8] {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    MODEL.get_or_init(|| trained(&groups(90), &Roles::groups("school", "score")))
}

/// A directory with a model in `run` and a table.
struct Case {
    directory: TempDir,
}

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Case {
    fn new(model: &[u8], table: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("run")).unwrap();
        fs::write(directory.path().join("run/model.safetensors"), model).unwrap();
        fs::write(directory.path().join("table.csv"), table).unwrap();
        Self { directory }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap()
    }

    fn ran(&self, command: &str, arguments: &[&str], stdin: &[u8]) -> Ran {
        let output = Command::cargo_bin("torso")
            .unwrap()
            .current_dir(self.path())
            .arg(command)
            .args(arguments)
            .write_stdin(stdin)
            .output()
            .unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs to the end and gives stdout.
    #[track_caller]
    fn runs(&self, command: &str, arguments: &[&str]) -> String {
        let ran = self.ran(command, arguments, b"");
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
    }

    /// Expects an exit code, a hint, and all of `words`; and that no file is left behind.
    #[track_caller]
    fn fails(&self, command: &str, arguments: &[&str], code: i32, words: &[&str]) {
        let before = self.files();
        let Ran { code: found, stderr, .. } = self.ran(command, arguments, b"");
        assert_eq!(found, Some(code), "{stderr}");
        assert!(stderr.contains("error: ") && !stderr.contains("panicked"), "{stderr}");
        for word in words.iter().chain(&["hint: "]) {
            assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
        }
        assert_eq!(self.files(), before, "a failed run left files behind, or changed some");
    }

    /// Both commands refuse the table or the model.
    #[track_caller]
    fn both_fail(&self, words: &[&str]) {
        self.fails("predict", &["run", "table.csv", "-o", "out.csv"], 3, words);
        self.fails("predict", &["run", "table.csv"], 3, words);
        self.fails("evaluate", &["run", "table.csv"], 3, words);
    }

    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.path()).unwrap().map(Result::unwrap);
        let file = |entry: fs::DirEntry| {
            let content = fs::read(entry.path()).unwrap_or_default();
            (entry.file_name().to_string_lossy().into_owned(), content)
        };
        let mut files: Vec<_> = entries.map(file).collect();
        files.sort();
        files
    }
}

fn table(text: &str) -> Table {
    Table::from_bytes("p.csv", text.as_bytes(), &ReadOptions::default()).unwrap()
}

#[test]
fn predictions_come_row_by_row_with_the_columns_that_are_kept() {
    let case = Case::new(columns_model(), columns(50));
    let out = table(&case.runs("predict", &["run", "table.csv", "--keep", "id,color"]));
    let names = [
        "id",
        "color",
        "price",
        "sold",
        "sold=no",
        "sold=yes",
        "grade",
        "grade=a,1",
        "grade=b\"2",
        "grade=c",
    ];
    assert_eq!(out.header(), names);
    assert_eq!(out.n_rows(), 50);
    assert!((0..50).all(|row| out.cell(row, 0) == format!("r{row}")));
    assert!(out.cells(6).all(|class| ["a,1", "b\"2", "c"].contains(&class)));
    let plain = table(&case.runs("predict", &["run/model.safetensors", "table.csv"]));
    assert_eq!(plain.header(), &names[2..], "a file will do, and nothing is kept unasked");
}

#[test]
fn labels_are_not_needed_and_columns_may_stand_in_any_order() {
    let case = Case::new(columns_model(), columns(40));
    let expected = case.runs("predict", &["run", "table.csv"]);
    let whole = table(&columns(40));
    let mut other = String::from("color;extra;height;width\n");
    for row in 0..40 {
        let cell = |column| whole.cell(row, column);
        writeln!(other, "{};\"a;\n\";{};{}", cell(3), cell(2), cell(1)).unwrap();
    }
    fs::write(case.path().join("other.csv"), other).unwrap();
    assert_eq!(case.runs("predict", &["run", "other.csv"]), expected);
}

#[test]
fn a_table_may_come_from_stdin_or_compressed() {
    let case = Case::new(columns_model(), columns(40));
    let expected = case.runs("predict", &["run", "table.csv"]);
    assert_eq!(case.ran("predict", &["run", "-"], columns(40).as_bytes()).stdout, expected);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(columns(40).as_bytes()).unwrap();
    fs::write(case.path().join("table.csv.gz"), packed.finish().unwrap()).unwrap();
    assert_eq!(case.runs("predict", &["run", "table.csv.gz"]), expected);
    let ran = case.ran("predict", &["run", "-"], b"width,height\n1,2\n");
    assert!(ran.stderr.contains("stdin: ") || ran.stderr.contains("at: stdin"), "{}", ran.stderr);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let case = Case::new(columns_model(), columns(20_000));
    let one = case.runs("predict", &["run", "table.csv", "--threads", "1", "--keep", "id"]);
    for threads in ["2", "7"] {
        let more =
            case.runs("predict", &["run", "table.csv", "--threads", threads, "--keep", "id"]);
        assert!(one == more, "{threads}");
    }
    let scores =
        |threads| case.runs("evaluate", &["run", "table.csv", "--threads", threads, "--json"]);
    assert_eq!(scores("1"), scores("3"));
}

#[test]
fn json_lines_say_the_same_as_csv() {
    let case = Case::new(columns_model(), columns(30));
    let csv = table(&case.runs("predict", &["run", "table.csv", "--keep", "id"]));
    let said = case.runs("predict", &["run", "table.csv", "--keep", "id", "-o", "out.jsonl"]);
    assert_eq!(said, "predictions: out.jsonl (30 rows)\n");
    let lines = case.read("out.jsonl");
    assert_eq!(lines.lines().count(), 30);
    for (row, line) in lines.lines().enumerate() {
        let object: Value = serde_json::from_str(line).unwrap();
        for (column, name) in csv.header().iter().enumerate() {
            let cell = csv.cell(row, column);
            match &object[name] {
                Value::String(text) => assert_eq!(text, cell),
                number => assert_eq!(number.as_f64(), cell.parse().ok(), "{name}"),
            }
        }
        assert_eq!(object.as_object().unwrap().len(), csv.header().len());
    }
    let on_stdout =
        case.runs("predict", &["run", "table.csv", "--keep", "id", "--format", "jsonl"]);
    assert_eq!(on_stdout, lines);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_says_the_same_as_csv() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    let case = Case::new(columns_model(), columns(30));
    let csv = table(&case.runs("predict", &["run", "table.csv", "--keep", "id"]));
    case.runs("predict", &["run", "table.csv", "--keep", "id", "-o", "out.parquet"]);
    let file = fs::File::open(case.path().join("out.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 30);
    for (row, cells) in rows.iter().enumerate() {
        for (column, (name, cell)) in cells.get_column_iter().enumerate() {
            assert_eq!(*name, csv.header()[column]);
            match cell {
                Field::Str(text) => assert_eq!(text, csv.cell(row, column)),
                Field::Double(number) => {
                    assert_eq!(Some(*number), csv.cell(row, column).parse().ok(), "{name}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn without_the_feature_parquet_is_refused() {
    let case = Case::new(columns_model(), columns(30));
    for arguments in [&["-o", "out.parquet"][..], &["--format", "parquet", "-o", "out"]] {
        let arguments = [&["run", "table.csv"], arguments].concat();
        let output = Command::cargo_bin("torso")
            .unwrap()
            .current_dir(case.path())
            .arg("predict")
            .args(&arguments)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("--features parquet"), "{stderr}");
    }
}

#[test]
fn a_summary_says_what_was_not_known() {
    let mut text = columns(10);
    text.push_str("x,1,2,green,,,\ny,unknown,2,green,,,\nz,1,2,,,,\n");
    let case = Case::new(columns_model(), text);
    let arguments = ["run", "table.csv", "-o", "out.csv", "--json"];
    let ran = case.ran("predict", &arguments, b"");
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(summary["schema"], "torso.predict/1");
    assert_eq!(summary["rows"], 13);
    let unseen = serde_json::json!([{ "column": "color", "cells": 2, "example": "green" }]);
    assert_eq!(summary["unseen_levels"], unseen);
    assert!(ran.stderr.contains("note: `color`: 2 cells"), "{}", ran.stderr);
    assert_eq!(case.read("out.csv").lines().count(), 14);
}

#[test]
fn rows_of_unknown_groups_stay_and_are_counted() {
    let case = Case::new(groups_model(), "school,x\nA,1\nZ,1\n,1\nB,2\n");
    let ran = case.ran("predict", &["run", "table.csv", "--keep", "school"], b"");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "school,score");
    assert_eq!((lines[2], lines[3]), ("Z,", ","));
    assert!(lines[1].len() > 2 && lines[4].len() > 2);
    assert!(ran.stderr.contains("note: 2 rows without a `school`"), "{}", ran.stderr);
    let jsonl = case.runs("predict", &["run", "table.csv", "--format", "jsonl"]);
    assert_eq!(jsonl.lines().nth(1), Some("{\"score\":null}"));
}

#[test]
fn what_is_there_is_not_written_over() {
    let case = Case::new(columns_model(), columns(5));
    fs::write(case.path().join("thesis.csv"), "mine").unwrap();
    let arguments = ["run", "table.csv", "-o", "thesis.csv"];
    case.fails("predict", &arguments, 1, &["thesis.csv", "--overwrite"]);
    case.runs("predict", &["run", "table.csv", "-o", "thesis.csv", "--overwrite"]);
    assert_eq!(case.read("thesis.csv").lines().count(), 6);
    case.fails("predict", &["run", "table.csv", "-o", "run"], 1, &["directory"]);
    case.fails("predict", &["run", "table.csv", "-o", "no/such/out.csv"], 1, &["no/such"]);
}

#[test]
fn an_error_in_the_last_row_leaves_no_file() {
    let case = Case::new(columns_model(), format!("{}r,1,cheap,red,,,\n", columns(9000)));
    let words = ["line 9002", "`height`", "`cheap`", "--missing cheap"];
    case.fails("predict", &["run", "table.csv", "-o", "out.csv"], 3, &words);
    case.runs("predict", &["run", "table.csv", "-o", "out.csv", "--missing", "cheap"]);
}

#[test]
fn usage_errors_have_hints() {
    let case = Case::new(columns_model(), columns(5));
    let fails = |more: &[&str], words: &[&str]| {
        let arguments: Vec<&str> = ["run", "table.csv"].iter().chain(more).copied().collect();
        case.fails("predict", &arguments, 2, words);
    };
    fails(&["--json"], &["-o"]);
    fails(&["--keep", "id,id"], &["`id`", "twice"]);
    fails(&["--keep", "price"], &["`price`", "predictions"]);
    case.fails("predict", &["run", "table.csv", "--keep", "idd"], 3, &["`idd`", "`id`"]);
    for bad in
        [&["--threads", "0"][..], &["--format", "xml"], &["--overwrite"], &["--delimiter", "ab"]]
    {
        let arguments: Vec<&str> = ["run", "table.csv"].iter().chain(bad).copied().collect();
        assert_eq!(case.ran("predict", &arguments, b"").code, Some(2), "{bad:?}");
    }
}

#[test]
fn columns_that_are_missing_are_all_named() {
    let table = columns(5).replace("width,height", "Width,tallness");
    Case::new(columns_model(), table).both_fail(&["`width`, `height`", "`Width` to `width`"]);
    Case::new(groups_model(), "x,score\n1,2\n").both_fail(&["`school`"]);
}

#[test]
fn tables_that_are_no_tables_are_refused() {
    let bad = |table: &[u8], words: &[&str]| Case::new(columns_model(), table).both_fail(words);
    let with = |row: &str| format!("{}{row}\n{}", columns(3), &columns(2)[39..]);
    bad(b"", &["empty"]);
    bad(b"\n\r\n\n", &["empty"]);
    bad(&columns(0).into_bytes(), &["rows below the header"]);
    bad(columns(2).replace("color", "width").as_bytes(), &["`width`", "positions 2 and 4"]);
    bad(with("1,2,3").as_bytes(), &["line 5", "`7` fields", "found 3"]);
    bad(with("1,2,3,4,5,6,7,8").as_bytes(), &["line 5", "`7` fields", "found 8"]);
    bad(with("r,inf,2,red,,,").as_bytes(), &["line 5", "`width`", "inf"]);
    bad(with("r,\"1,5\",2,red,,,").as_bytes(), &["line 5", "`width`", "decimal point"]);
    bad(&[columns(2).as_bytes(), b"r,1,2,\xff,,,\n"].concat(), &["line 4", "UTF-8", "0xFF"]);
    bad(b"\xff\xfew\0i\0", &["UTF-16"]);
    bad(format!("{}r,1,2,\"red,,,\n", columns(2)).as_bytes(), &["line 4"]);
    bad(format!("{}r,1,2,\"red,,,\n{}", columns(2), columns(2)).as_bytes(), &["line 4", "quote"]);
    bad(&[0x1f, 0x8b, 8, 0], &["gzip"]);
    let mut huge = columns(2).into_bytes();
    huge.extend(std::iter::repeat_n(b'x', 40 << 20));
    bad(&huge, &["line 4", "32 MiB"]);
}

#[test]
fn tables_that_are_not_there_are_told() {
    let case = Case::new(columns_model(), columns(2));
    fs::write(case.path().join("packed.csv.gz"), "a,b\n").unwrap();
    for command in ["predict", "evaluate"] {
        case.fails(command, &["run", "tabel.csv"], 3, &["tabel.csv", "`table.csv`"]);
        case.fails(command, &["run", "run"], 3, &["directory"]);
        case.fails(command, &["run", "packed.csv.gz"], 3, &["gzip", "rename"]);
    }
}

#[test]
fn files_that_are_no_models_are_refused() {
    let model = columns_model();
    let mut changed = model.to_vec();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    for bytes in
        [b"".as_slice(), b"species,sex\n", &model[..model.len() / 2], &model[..8], &changed]
    {
        let case = Case::new(bytes, columns(2));
        case.both_fail(&["model.safetensors"]);
    }
    let huge_header = [&[0xff; 8][..], b"{}"].concat();
    Case::new(&huge_header, columns(2)).both_fail(&["model.safetensors"]);
    let case = Case::new(model, columns(2));
    fs::create_dir(case.path().join("empty")).unwrap();
    case.fails("predict", &["empty", "table.csv"], 3, &["torso train --out"]);
    case.fails("evaluate", &["nowhere", "table.csv"], 3, &["nowhere"]);
}

#[test]
fn errors_are_json_too() {
    let case = Case::new(columns_model(), "width,height\n1,2\n");
    for arguments in
        [&["predict", "run", "table.csv", "-o", "o.csv"][..], &["evaluate", "run", "table.csv"]]
    {
        let ran = case.ran(arguments[0], &[&arguments[1..], &["--json"]].concat(), b"");
        let error: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((&error["schema"], &error["kind"]), (&"torso.error/1".into(), &"data".into()));
    }
}

#[test]
fn scores_are_those_of_the_predictions() {
    let case = Case::new(columns_model(), columns(200));
    let scores: Value =
        serde_json::from_str(&case.runs("evaluate", &["run", "table.csv", "--json"])).unwrap();
    let predicted = table(&case.runs("predict", &["run", "table.csv"]));
    let labels = table(&columns(200));
    let column = |of: &Table, name: &str| -> Vec<String> {
        of.cells(of.column(name).unwrap()).map(String::from).collect()
    };
    assert_eq!(scores["schema"], "torso.evaluate/1");
    assert_eq!(scores["data"]["rows"], 200);
    for (task, kind, metric) in [
        ("price", "regression", "rmse"),
        ("sold", "binary", "error"),
        ("grade", "multiclass", "error"),
    ] {
        let found = scores["tasks"].as_array().unwrap().iter().find(|t| t["name"] == task).unwrap();
        assert_eq!((&found["kind"], &found["metric"]), (&kind.into(), &metric.into()));
        assert_eq!(found["n"], 200);
        let pairs = column(&predicted, task).into_iter().zip(column(&labels, task));
        let expected = if metric == "rmse" {
            let number = |text: String| text.parse::<f64>().unwrap();
            let squares = pairs.map(|(p, y)| (number(p) - number(y)).powi(2));
            (squares.sum::<f64>() / 200.0).sqrt()
        } else {
            pairs.filter(|(p, y)| p != y).count() as f64 / 200.0
        };
        let score = &found["score"];
        let of = |key: &str| score[key].as_f64().unwrap();
        assert!((of("mean") - expected).abs() < 1e-9, "{task}: {score} and {expected}");
        assert!(of("low") <= of("mean") && of("mean") <= of("high"));
        assert_eq!(found["auc"].is_null(), task != "sold");
    }
    let text = case.runs("evaluate", &["run", "table.csv"]);
    assert!(text.contains("price") && text.contains("rmse") && text.contains(" to "), "{text}");
}

#[test]
fn scores_are_told_where_labels_are() {
    let mut text = columns(30).replace(",price,", ",cost,");
    text.push_str("x,1,2,red,1,,\ny,1,2,red,2,yes,\n");
    let case = Case::new(columns_model(), text);
    let scores: Value =
        serde_json::from_str(&case.runs("evaluate", &["run", "table.csv", "--json"])).unwrap();
    let n = |task: usize| scores["tasks"][task]["n"].as_u64();
    assert_eq!((n(0), n(1), n(2)), (Some(0), Some(31), Some(30)));
    assert!(scores["tasks"][0]["score"].is_null());
    case.runs("evaluate", &["run", "table.csv"]);

    let case = Case::new(groups_model(), groups(60) + "1,Z,5\n1,A,\n");
    let ran = case.ran("evaluate", &["run", "table.csv", "--json"], b"");
    let scores: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(scores["unknown_groups"], 1);
    assert_eq!(scores["overall"]["n"], 60);
    assert_eq!(scores["tasks"].as_array().unwrap().len(), 3);
    assert!(case.runs("evaluate", &["run", "table.csv"]).contains("all groups"));
}

#[test]
fn labels_that_cannot_be_scored_are_refused() {
    let bad = |table: String, words: &[&str]| {
        Case::new(columns_model(), table).fails("evaluate", &["run", "table.csv"], 3, words);
    };
    let more = "x,1,2,red,1,maybe,c\ny,1,2,red,1,never,c\nz,1,2,red,1,maybe,c\n";
    bad(columns(3) + more, &["line 5", "`sold`", "`maybe`, `never`", "`no`, `yes`"]);
    bad(columns(3) + "x,1,2,red,cheap,,\n", &["line 5", "`price`", "`cheap`"]);
    bad(columns(3) + "x,1,2,red,-inf,,\n", &["line 5", "`price`", "finite"]);
    bad("width,height,color\n1,2,red\n".into(), &["`price`, `sold`, `grade`", "torso predict"]);
    bad("width,height,color,price\n1,2,red,NA\n".into(), &["only missing"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let case = Case::new(columns_model(), columns(60_000));
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("torso"))
        .current_dir(case.path())
        .args(["predict", "run", "table.csv"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
