//! Linear methods from the command line: trained, kept, compared, and told as coefficients.
#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;
use torso_data::{ReadOptions, Table};

fn torso(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::cargo_bin("torso").unwrap();
    command.current_dir(folder).args(arguments.split(' ')).output().unwrap()
}

#[track_caller]
fn succeeds(folder: &Path, arguments: &str) -> Output {
    let output = torso(folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[track_caller]
fn json(folder: &Path, arguments: &str) -> Value {
    let mut said: Value = serde_json::from_slice(&succeeds(folder, arguments).stdout).unwrap();
    said["seconds"] = Value::Null;
    said
}

/// The penguins: classes, two classes and a number, with missing cells in features and labels.
fn penguins() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../torso-data/data/penguins.csv");
    fs::copy(table, folder.path().join("birds.csv")).unwrap();
    folder
}

/// A table of coefficients: the names of columns, and a row of numbers by name.
struct Coefficients {
    columns: Vec<String>,
    rows: Vec<(String, Vec<f64>)>,
}

impl Coefficients {
    fn read(path: &Path) -> Self {
        let table = Table::read(path, &ReadOptions::default()).unwrap();
        let number = |row, column| table.cell(row, column).parse::<f64>().unwrap();
        let width = table.header().len();
        let row = |row| {
            let numbers = (1..width).map(|column| number(row, column)).collect();
            (table.cell(row, 0).to_string(), numbers)
        };
        assert_eq!(table.header()[0], "feature");
        Self { columns: table.header()[1..].to_vec(), rows: (0..table.n_rows()).map(row).collect() }
    }

    fn column(&self, name: &str) -> usize {
        self.columns.iter().position(|column| column == name).unwrap()
    }

    /// The intercept, and the other rows.
    fn parts(&self) -> (&[f64], &[(String, Vec<f64>)]) {
        let ((name, intercepts), rows) = self.rows.split_last().unwrap();
        assert_eq!(name, "(intercept)");
        (intercepts, rows)
    }
}

const BIRDS: &str = "birds.csv --targets species,sex,body_mass_g";

#[test]
fn a_prediction_by_hand_from_the_coefficients_is_the_models() {
    let folder = penguins();
    let path = folder.path();
    for units in ["", " --no-standardize", " --no-intercept"] {
        let _ = fs::remove_file(path.join("p.csv"));
        let train = format!("train {BIRDS} --method l21 --set lambda=2{units} --coef coef.csv");
        succeeds(path, &train);
        succeeds(path, "predict run birds.csv -o p.csv");
        let coefficients = Coefficients::read(&path.join("coef.csv"));
        let (intercepts, rows) = coefficients.parts();
        let birds = Table::read(&path.join("birds.csv"), &ReadOptions::default()).unwrap();
        let predicted = Table::read(&path.join("p.csv"), &ReadOptions::default()).unwrap();
        let cell = |table: &Table, row, name: &str| {
            table.cell(row, table.column(name).unwrap()).to_string()
        };
        // What a column of the design is of a row of the table; none where a cell is missing.
        let input = |row, feature: &str| -> Option<f64> {
            if let Some(name) = feature.strip_suffix(" (missing)") {
                let cell = cell(&birds, row, name);
                return Some(f64::from(u8::from(cell.parse::<f64>().is_err())));
            }
            match feature.split_once('=') {
                Some((name, level)) => Some(f64::from(u8::from(cell(&birds, row, name) == level))),
                None => cell(&birds, row, feature).parse().ok(),
            }
        };
        let score = |row, column: usize| -> Option<f64> {
            let term = |(name, w): &(String, Vec<f64>)| Some(w[column] * input(row, name)?);
            let sum: Option<f64> = rows.iter().map(term).sum();
            Some(intercepts[column] + sum?)
        };
        let number = |row, name: &str| cell(&predicted, row, name).parse::<f64>().unwrap();
        let sigmoid = |f: f64| 1.0 / (1.0 + (-f).exp());
        let mut compared = 0;
        for row in 0..birds.n_rows() {
            let Some(mass) = score(row, coefficients.column("body_mass_g")) else { continue };
            let male = sigmoid(score(row, coefficients.column("sex")).unwrap());
            assert!((mass / number(row, "body_mass_g") - 1.0).abs() < 1e-9, "{units} {row}");
            assert!((male - number(row, "sex=male")).abs() < 1e-9, "{units} {row}");
            let of_class = |class: &str| {
                let column = coefficients.column(&format!("species: {class}"));
                sigmoid(score(row, column).unwrap())
            };
            let classes = ["Adelie", "Chinstrap", "Gentoo"];
            let sum: f64 = classes.into_iter().map(of_class).sum();
            for class in classes {
                let share = of_class(class) / sum;
                assert!((share - number(row, &format!("species={class}"))).abs() < 1e-9);
            }
            compared += 1;
        }
        assert_eq!(compared, 342, "two rows have missing cells");
    }
}

/// 60 rows of two numbers, a constant and two targets in units that differ by far.
fn small() -> (String, Vec<[f64; 3]>, Vec<[f64; 2]>) {
    let (mut text, mut x, mut y) = (String::from("a,b,one,u,v\n"), Vec::new(), Vec::new());
    for i in 0..60 {
        let row = [f64::from(i * i % 13) / 4.0, 100.0 + f64::from(i * 7 % 11), 1.0];
        let noise = f64::from(i * 31 % 17) - 8.0;
        let labels = [2.0 * row[0] - 0.1 * row[1] + 5.0 + noise / 8.0, 1e3 * row[1] + 50.0 * noise];
        writeln!(text, "{},{},{},{},{}", row[0], row[1], row[2], labels[0], labels[1]).unwrap();
        x.push(row);
        y.push(labels);
    }
    (text, x, y)
}

/// Solves a system by elimination: small, and not what the product does.
fn solved(mut a: [[f64; 3]; 3], mut b: [f64; 3]) -> [f64; 3] {
    for k in 0..3 {
        for i in k + 1..3 {
            let factor = a[i][k] / a[k][k];
            let pivot = a[k];
            a[i].iter_mut().zip(pivot).for_each(|(a, p)| *a -= factor * p);
            b[i] -= factor * b[k];
        }
    }
    for k in (0..3).rev() {
        let known: f64 = (k + 1..3).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / a[k][k];
    }
    b
}

#[test]
fn ridge_of_the_plain_table_is_the_closed_form() {
    const LAMBDA: f64 = 2.5;
    let folder = tempfile::tempdir().unwrap();
    let (text, x, y) = small();
    fs::write(folder.path().join("t.csv"), text).unwrap();
    // A table of the name is there already, and is one of ours.
    fs::write(folder.path().join("coef.csv"), "feature,w\n(intercept),1\n").unwrap();
    let train = "train t.csv --targets u,v --method ridge --set lambda=2.5 --all-rows \
                 --no-standardize --no-intercept --coef coef.csv --json";
    let said = json(folder.path(), train);
    assert_eq!(said["status"], "converged");
    let coefficients = Coefficients::read(&folder.path().join("coef.csv"));
    assert_eq!(coefficients.columns, ["u", "v"]);
    let (intercepts, rows) = coefficients.parts();
    assert_eq!(rows.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b", "one"]);
    assert!(intercepts.iter().all(|b| b.abs() < f64::MIN_POSITIVE));
    let mut objective = 0.0;
    for task in 0..2 {
        // (X'X + lambda I) w = X'y
        let mut gram = [[0.0; 3]; 3];
        let mut moments = [0.0; 3];
        for (x, y) in x.iter().zip(&y) {
            for i in 0..3 {
                moments[i] += x[i] * y[task];
                (0..3).for_each(|j| gram[i][j] += x[i] * x[j]);
            }
        }
        (0..3).for_each(|i| gram[i][i] += LAMBDA);
        let w = solved(gram, moments);
        for (i, w) in w.iter().enumerate() {
            assert!((rows[i].1[task] / w - 1.0).abs() < 1e-8, "{} and {w}", rows[i].1[task]);
        }
        let residual = |(x, y): (&[f64; 3], &[f64; 2])| {
            (y[task] - x.iter().zip(&w).map(|(x, w)| x * w).sum::<f64>()).powi(2)
        };
        objective += 0.5 * x.iter().zip(&y).map(residual).sum::<f64>();
        objective += 0.5 * LAMBDA * w.iter().map(|w| w * w).sum::<f64>();
    }
    let said = said["objective"].as_f64().unwrap();
    assert!((said / objective - 1.0).abs() < 1e-8, "{said} and {objective}");
}

#[test]
fn a_training_without_epochs_is_told_as_one() {
    let folder = penguins();
    let path = folder.path();
    let said = json(
        path,
        &format!("train {BIRDS} --method l21 --set points=5 --set tolerance=1e-4 --json"),
    );
    assert_eq!((&said["status"], &said["epochs"]), (&"converged".into(), &0.into()));
    assert!(said["best_epoch"].is_null() && said["iterations"].as_u64().unwrap() > 0);
    assert!(said["residual"].as_f64().unwrap() < 1e-3);
    let record: Value =
        serde_json::from_str(&fs::read_to_string(path.join("run/run.json")).unwrap()).unwrap();
    assert_eq!(record["chosen"][0][0], "lambda");
    assert_eq!(record["certificate"]["objective"], said["objective"]);
    let kinds: Vec<&str> = record["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"path"), "{kinds:?}");
    let options = record["options"].as_array().unwrap();
    let has = |name: &str| options.iter().any(|option| option[0] == name);
    assert!(has("points") && has("intercept") && !has("hidden") && !has("epochs"));
    assert!(!path.join("run/metrics.jsonl").exists() && !path.join("run/checkpoint").exists());
    // A finished run is said again, and gives its coefficients later.
    let again = succeeds(path, "train --resume run --coef later.csv");
    assert!(String::from_utf8(again.stdout).unwrap().contains("coef: later.csv"));
    assert_eq!(Coefficients::read(&path.join("later.csv")).columns.len(), 5);
    // What a run notes is a config of the same training.
    fs::copy(path.join("run/model.safetensors"), path.join("first")).unwrap();
    succeeds(path, "train --config run/run.toml --out again");
    let read = |name: &str| fs::read(path.join(name)).unwrap();
    assert!(read("first") == read("again/model.safetensors"));
}

#[test]
fn a_time_limit_leaves_nothing_to_go_on_with() {
    let folder = penguins();
    succeeds(
        folder.path(),
        &format!("train {BIRDS} --method ridge --set points=3 --time-limit 1ms"),
    );
    assert!(!folder.path().join("run/checkpoint").exists());
    let before = fs::read(folder.path().join("run/run.json")).unwrap();
    succeeds(folder.path(), "train --resume run");
    assert!(fs::read(folder.path().join("run/run.json")).unwrap() == before);
}

#[test]
fn threads_and_a_second_run_change_no_bit_of_a_comparison() {
    let folder = penguins();
    let compare = format!(
        "compare {BIRDS} --arms ridge,l21 --seeds 2 --folds 2 --trials 1 --epochs 2 \
         --set points=4 --set l21.lambda=2 --set tolerance=1e-4 --json"
    );
    let one = json(folder.path(), &format!("{compare} --threads 1 --out one"));
    assert_eq!(json(folder.path(), &format!("{compare} --threads 2 --out two")), one);
    let families: Vec<&str> =
        one["arms"].as_array().unwrap().iter().map(|arm| arm["family"].as_str().unwrap()).collect();
    assert_eq!(families, ["baseline", "linear", "linear"]);
    let record = |run: &str| -> Value {
        let text = fs::read_to_string(folder.path().join(run).join("run.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let findings = record("one")["findings"].clone();
    assert_eq!(findings, record("two")["findings"]);
    let arms: Vec<&str> =
        findings.as_array().unwrap().iter().map(|of| of["arm"].as_str().unwrap()).collect();
    assert_eq!(arms, ["ridge", "l21"]);
    assert!(record("one")["curves"].as_array().unwrap().iter().all(|c| c["arm"] == "apart"));

    // From some of the fits, as a run that was stopped leaves them.
    fs::remove_file(folder.path().join("two/run.json")).unwrap();
    for fit in ["apart_repeat-1_fold-2", "l21_repeat-1_fold-1", "ridge_repeat-2_fold-1"] {
        fs::remove_file(folder.path().join(format!("two/fits/{fit}.safetensors"))).unwrap();
    }
    assert_eq!(json(folder.path(), "compare --resume two --json"), one);
    assert_eq!(findings, record("two")["findings"]);
}

/// Groups of rows with slopes that differ; the model never sees the last.
fn groups(names: &[&str]) -> String {
    let mut text = String::from("x,school,score\n");
    for i in 0..30 * names.len() {
        let (x, group) = ((i * i % 23) as f64 / 7.0, i % names.len());
        let score = x * (1.0 + group as f64) + (i % 5) as f64 / 10.0;
        writeln!(text, "{x},{},{score}", names[group]).unwrap();
    }
    text
}

#[test]
fn rows_of_other_groups_are_predicted_by_the_mean_of_the_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("t.csv"), groups(&["A", "B", "C"])).unwrap();
    fs::write(path.join("new.csv"), "x,school,score\n1,A,1\n1,B,2\n1,C,3\n1,D,2\n1,,2\n3,D,6\n")
        .unwrap();
    let train = "train t.csv --group school --target score --method";
    succeeds(path, &format!("{train} mean-regularized --set rho1=0.1 --set rho2=1"));
    let output = succeeds(path, "predict run new.csv");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let predictions: Vec<f64> = stdout.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    let mean = predictions[..3].iter().sum::<f64>() / 3.0;
    assert!((predictions[3] - mean).abs() < 1e-9, "{predictions:?}");
    assert!((predictions[4] - mean).abs() < 1e-9, "no group is another group");
    let note = "note: 3 rows without a `school` that the model knows, such as `D`: predicted with \
                the mean of its tasks";
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.matches("note: ").count(), 1, "{stderr}");
    assert!(stderr.contains(note), "{stderr}");
    let scores = json(path, "evaluate run new.csv --json");
    assert_eq!((&scores["overall"]["n"], &scores["others"]["n"]), (&6.into(), &3.into()));
    assert_eq!(scores["unknown_groups"], 3);
    // Ridge has no such mean.
    succeeds(path, &format!("{train} ridge --set lambda=1"));
    let output = succeeds(path, "predict run new.csv");
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().nth(4), Some("\"\""));
    assert!(String::from_utf8(output.stderr).unwrap().contains("not predicted"));
    let scores = json(path, "evaluate run new.csv --json");
    assert!(scores["overall"]["n"] == 3 && scores["others"].is_null());
}

#[test]
fn every_linear_method_is_listed_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let listed = json(folder.path(), "list linear --json");
    let listed: Vec<&str> =
        listed["methods"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    let known: Vec<&str> =
        torso_linear::methods::methods().iter().map(|entry| entry.method.id).collect();
    assert!(known.iter().all(|id| listed.contains(id)), "{listed:?}");
    for id in known {
        let text = String::from_utf8(succeeds(folder.path(), &format!("explain {id}")).stdout);
        assert!(text.unwrap().contains("huber-delta"), "{id}");
    }
}
