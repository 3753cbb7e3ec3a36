//! Nothing is lost: a run killed at any moment goes on to the files of one that was never stopped.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::RngExt;
use torso::core::seed::Seed;

/// Moments at which the process is killed.
const MOMENTS: u64 = 25;

/// The files that must be the same, and whether they hold a wall time.
const TRAIN_FILES: [&str; 4] = ["model.safetensors", "metrics.jsonl", "run.json", "run.toml"];
const COMPARE_FILES: [&str; 2] = ["run.json", "run.toml"];

#[test]
fn train_goes_on_after_a_kill_at_any_moment() {
    let arguments = [
        "train",
        "--method",
        "hard+uncertainty",
        "--trials",
        "3",
        "--epochs",
        "60",
        "--set",
        "dropout=0.1",
        "--set",
        "patience=1000",
        "--checkpoint-every",
        "0",
    ];
    kill_and_resume(&arguments, &TRAIN_FILES);
}

#[test]
fn compare_goes_on_after_a_kill_at_any_moment() {
    let arguments = [
        "compare",
        "--arms",
        "hard+equal,hard+upgrad",
        "--seeds",
        "4",
        "--folds",
        "2",
        "--trials",
        "1",
        "--epochs",
        "60",
        "--set",
        "patience=1000",
    ];
    kill_and_resume(&arguments, &COMPARE_FILES);
}

fn kill_and_resume(arguments: &[&str], files: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("run");
    assert!(start(arguments, &whole).wait().unwrap().success());
    let (expected, total) = (contents(&whole, files), progress(&whole));

    let mut midway: u64 = 0;
    for moment in 0..MOMENTS {
        // The same name in another folder: a record names its directory.
        let parent = folder.path().join(format!("moment {moment}"));
        let run = parent.join("run");
        std::fs::create_dir(&parent).unwrap();
        let mut stream = Seed(7).stream("kill", "", moment);
        let mut kill = |process: Child, at: f64| {
            let share = at + stream.random_range(0.0..1.0) / MOMENTS as f64;
            let jitter = Duration::from_micros(stream.random_range(0..3000));
            kill_after(process, &run, total * share, jitter);
        };
        let at = moment as f64 / MOMENTS as f64;
        kill(start(arguments, &run), at);
        let has_begun = run.join("run.toml").exists();
        midway += u64::from(has_begun && !run.join("run.json").exists());
        if has_begun && moment % 3 == 0 {
            kill(resume(arguments[0], &run), f64::midpoint(at, 1.0)); // once more
        }
        let mut last = if run.join("run.toml").exists() {
            resume(arguments[0], &run)
        } else {
            start(arguments, &run) // killed before there was anything to go on from
        };
        assert!(last.wait().unwrap().success(), "killed at {at:.2} of the way");
        for ((name, found), expected) in files.iter().zip(contents(&run, files)).zip(&expected) {
            assert!(found == *expected, "{name} differs after a kill at {at:.2} of the way");
        }
        let left: Vec<_> = names(&run).filter(|name| name.contains("partial")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
    assert!(midway >= MOMENTS - 5, "only {midway} of {MOMENTS} kills hit a run midway");
}

/// How far a run is, in bytes of metrics and finished fits; times do for a measure of nothing on a
/// machine that does other work.
fn progress(run: &Path) -> f64 {
    let bytes = std::fs::metadata(run.join("metrics.jsonl")).map_or(0, |file| file.len());
    let fits = names(&run.join("fits")).filter(|name| !name.contains("partial")).count();
    (bytes + 1000 * fits as u64) as f64
}

fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}

fn start(arguments: &[&str], run: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torso"));
    command.args(arguments).arg("--out").arg("run");
    spawn(command.current_dir(run.parent().unwrap()))
}

fn resume(command: &str, run: &Path) -> Child {
    let mut resumed = Command::new(env!("CARGO_BIN_EXE_torso"));
    resumed.args([command, "--resume", "run"]);
    spawn(resumed.current_dir(run.parent().unwrap()))
}

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills a process some time after its run has come so far; one that is done needs no kill.
fn kill_after(mut process: Child, run: &Path, far: f64, jitter: Duration) {
    while progress(run) < far && process.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(jitter);
    process.kill().unwrap(); // SIGKILL: nothing can be tidied up
    process.wait().unwrap();
}

/// The files' bytes; a record without its wall time.
fn contents(run: &Path, files: &[&str]) -> Vec<Vec<u8>> {
    let content = |name: &&str| {
        let bytes = std::fs::read(run.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        if *name != "run.json" {
            return bytes;
        }
        let mut record: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        record["seconds"] = 0.into();
        record["comparison"]["seconds"] = 0.into();
        record.to_string().into_bytes()
    };
    files.iter().map(content).collect()
}
