//! Run directories: what is refused, what goes on, and how a run ends before its time.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A table of two tasks, a regression and two classes.
fn table(n: usize) -> String {
    let row = |i: usize| {
        format!("{}.5,{},{},{}\n", i % 7, (i * i) % 11, (i * 3) % 13, ["no", "yes"][i % 2])
    };
    format!("width,height,price,sold\n{}", (0..n).map(row).collect::<String>())
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("table.csv"), table(80)).unwrap();
    folder
}

fn torso(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torso"));
    command.current_dir(folder).args(arguments.split(' '));
    command
}

#[track_caller]
fn succeeds(folder: &Path, arguments: &str) -> Output {
    let output = torso(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Runs, expects the exit code and each of the words on stderr, and no panic.
#[track_caller]
fn fails(folder: &Path, arguments: &str, code: i32, words: &[&str]) {
    let output = torso(folder, arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
    }
}

const SMALL: &str = "--targets price,sold --trials 1 --epochs 3";

fn train(more: &str) -> String {
    format!("train table.csv {SMALL} {more}").trim_end().to_string()
}

fn compare(more: &str) -> String {
    format!("compare table.csv {SMALL} --seeds 2 --folds 2 {more}").trim_end().to_string()
}

#[test]
fn a_directory_of_somebody_else_is_left_alone() {
    let folder = folder();
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/thesis.txt"), "years of work").unwrap();
    for command in [train("--out mine"), compare("--out mine")] {
        fails(folder.path(), &command, 1, &["`mine` holds files of somebody else", "--out"]);
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("mine")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing was added");
    fails(folder.path(), "train --resume mine", 2, &["`mine` holds no run", "hint: "]);
    fails(folder.path(), "train --resume nowhere", 2, &["`nowhere` holds no run"]);
    fails(folder.path(), &train("--out table.csv"), 1, &["table.csv"]);
}

#[test]
fn a_finished_run_is_said_again_and_replaced_when_asked_for() {
    let folder = folder();
    let path = folder.path();
    for (command, begin) in [("train", train("--out run")), ("compare", compare("--out runs"))] {
        let directory = path.join(if command == "train" { "run" } else { "runs" });
        succeeds(path, &begin);
        let record = fs::read(directory.join("run.json")).unwrap();
        let resume = format!("{command} --json --resume {}", directory.display());
        let again = succeeds(path, &resume);
        assert!(serde_json::from_slice::<serde_json::Value>(&again.stdout).is_ok());
        assert_eq!(fs::read(directory.join("run.json")).unwrap(), record, "it was not run again");
        succeeds(path, &begin);
        assert_ne!(fs::read(directory.join("run.json")).unwrap(), record, "it was run again");
    }
    let wrong = "compare --resume run";
    fails(path, wrong, 2, &["holds a run of `torso train`", "torso train --resume run"]);
    fails(path, "train --resume run --epochs 9", 2, &["--resume goes on with the options"]);
    fails(path, "train --resume run --out other", 2, &["cannot be used with"]);
    fs::write(path.join("runs/report.html"), "my own page").unwrap();
    fails(path, &compare("--out runs"), 1, &["report.html", "left alone"]);
    assert_eq!(fs::read_to_string(path.join("runs/report.html")).unwrap(), "my own page");
}

/// Starts a training that takes long, and waits for its first checkpoint.
fn begun(folder: &Path, more: &str) -> Child {
    let arguments = format!(
        "train table.csv --targets price,sold --trials 1 --epochs 1000000 --set patience=1000000 \
         --set hidden=8 --checkpoint-every 0 --out run {more}"
    );
    let child = torso(folder, arguments.trim_end())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while fs::read_dir(folder.join("run/checkpoint")).map_or(0, Iterator::count) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_was_learned_and_says_how_to_go_on() {
    let folder = folder();
    let child = begun(folder.path(), "");
    fails(folder.path(), &train("--out run"), 1, &["another torso is at work in `run`"]);
    let interrupt = |id: u32| Command::new("kill").args(["-INT", &id.to_string()]).status();
    assert!(interrupt(child.id()).unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("go on with: torso train --resume run"), "{stderr}");
    assert!(!folder.path().join("run/model.safetensors").exists());

    // What can go on is not thrown away, and goes on with the table it began with only.
    fails(folder.path(), &train("--out run"), 1, &["not finished", "--resume run"]);
    fs::write(folder.path().join("table.csv"), table(81)).unwrap();
    fails(folder.path(), "train --resume run", 3, &["not the one that the run began with"]);
    fs::write(folder.path().join("table.csv"), table(80)).unwrap();
    let epochs_before = lines(folder.path());
    succeeds(folder.path(), "train --resume run --time-limit 300ms");
    assert!(lines(folder.path()) > epochs_before, "it went on");
    assert!(folder.path().join("run/model.safetensors").exists());
}

#[test]
fn scores_on_the_table_that_was_learned_from_come_with_a_warning() {
    let folder = folder();
    succeeds(folder.path(), &train("--out run"));
    let warns = |table: &str| {
        let output = succeeds(folder.path(), &format!("evaluate run {table}"));
        String::from_utf8(output.stderr).unwrap().contains("these scores are too good")
    };
    assert!(warns("table.csv"));
    fs::write(folder.path().join("new.csv"), table(30)).unwrap();
    assert!(!warns("new.csv"));
}

fn lines(folder: &Path) -> usize {
    fs::read_to_string(folder.join("run/metrics.jsonl")).unwrap().lines().count()
}

#[test]
fn a_time_limit_ends_with_what_is_learned_and_more_time_goes_on() {
    let folder = folder();
    let long = "train table.csv --targets price,sold --trials 3 --epochs 1000000 \
                --set patience=1000000 --out run --time-limit 300ms --json";
    let said =
        |output: &Output| serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
    let first = said(&succeeds(folder.path(), long));
    assert_eq!(first["status"], "limit reached");
    let second = said(&succeeds(folder.path(), "train --resume run --time-limit 300ms --json"));
    assert!(second["epochs"].as_u64() > first["epochs"].as_u64(), "{first} {second}");

    let long = "compare table.csv --targets price,sold --trials 1 --epochs 300 --seeds 1000 \
                --folds 2 --set patience=300 --arms hard --out runs --time-limit 2s --json";
    let first = said(&succeeds(folder.path(), long));
    let repeats = first["seeds"].as_u64().unwrap();
    assert!((1..1000).contains(&repeats), "{repeats}");
    let second = said(&succeeds(folder.path(), "compare --resume runs --time-limit 2s --json"));
    assert!(second["seeds"].as_u64().unwrap() > repeats, "finished fits are kept");
    fails(folder.path(), &compare("--time-limit 5"), 2, &["expected a time such as 90s"]);
    fails(folder.path(), &compare("--time-limit 0s"), 130, &["stopped after 0 of 2 repeats"]);
}
