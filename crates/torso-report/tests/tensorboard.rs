//! TensorBoard reads what is written for it, to the bit. `tests/readers/setup.sh` installs it.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use torso_core::estimator::Epoch;
use torso_report::EventWriter;

/// Tag to steps, each with its value in single precision.
type Run = BTreeMap<String, Vec<(u64, u32)>>;

/// The Python with TensorBoard; none, with a line that says so, where nobody installed it.
fn python() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var_os("TORSO_READERS")
        .map_or_else(|| here.join("../../target/readers"), PathBuf::from);
    let python = folder.join("bin/python");
    if python.exists() {
        return Some(python);
    }
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "no TensorBoard: run tests/readers/setup.sh"
    );
    eprintln!("skipped: no TensorBoard in {}; see tests/readers/setup.sh", folder.display());
    None
}

/// What each of TensorBoard's readers finds, by run.
fn read(python: &Path, folder: &Path) -> BTreeMap<String, BTreeMap<String, Run>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/read_events.py");
    let output = Command::new(python).arg(script).arg(folder).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn both_find(python: &Path, folder: &Path, expected: &BTreeMap<String, Run>) {
    let found = read(python, folder);
    for reader in ["accumulator", "server"] {
        assert_eq!(&found[reader], expected, "{reader}");
    }
}

/// An epoch whose values are no round numbers in single precision.
fn epoch(session: u32, number: usize) -> Epoch {
    let x = f64::from(session) + 1.0 / (number as f64 + 3.0);
    Epoch { train: vec![x, -x], validation: vec![x * 1e-7, x * 1e20], weights: vec![], cosine: x }
}

fn write(writer: &mut EventWriter, session: u32, numbers: std::ops::Range<usize>) {
    for number in numbers {
        writer.epoch(number, &tasks(), &epoch(session, number)).unwrap();
    }
}

fn tasks() -> [String; 2] {
    ["price".to_string(), "größe / 大小 <b>".to_string()]
}

/// What is to be found of epochs, each as (session, number).
fn expected(epochs: &[(u32, usize)]) -> Run {
    let mut run = Run::new();
    for &(session, number) in epochs {
        let epoch = epoch(session, number);
        let mut add = |tag: String, value: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "what the format holds")]
            let point = (number as u64 + 1, (value as f32).to_bits());
            run.entry(tag).or_default().push(point);
        };
        for (at, task) in tasks().iter().enumerate() {
            add(format!("train/{task}"), epoch.train[at]);
            add(format!("validation/{task}"), epoch.validation[at]);
        }
        add("cosine".to_string(), epoch.cosine);
    }
    run
}

#[test]
fn scalars_are_read_to_the_bit() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str| folder.path().join("events").join(name);
    // More epochs than a reader keeps unless asked, in two trials.
    write(&mut EventWriter::create(&run("trial-0"), 0).unwrap(), 0, 0..1500);
    write(&mut EventWriter::create(&run("trial-1"), 0).unwrap(), 1, 0..1);
    let epochs: Vec<(u32, usize)> = (0..1500).map(|number| (0, number)).collect();
    let runs = BTreeMap::from([
        ("events/trial-0".to_string(), expected(&epochs)),
        ("events/trial-1".to_string(), expected(&[(1, 0)])),
    ]);
    both_find(&python, folder.path(), &runs);
}

#[test]
fn what_a_resumed_training_writes_again_replaces_what_was_there() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    // Six epochs, of which a checkpoint knows three; then five, of which it knows all but one.
    write(&mut EventWriter::create(folder.path(), 0).unwrap(), 0, 0..6);
    write(&mut EventWriter::create(folder.path(), 3).unwrap(), 1, 3..5);
    write(&mut EventWriter::create(folder.path(), 4).unwrap(), 2, 4..7);
    let epochs = [(0, 0), (0, 1), (0, 2), (1, 3), (2, 4), (2, 5), (2, 6)];
    both_find(&python, folder.path(), &BTreeMap::from([(".".to_string(), expected(&epochs))]));
}

#[test]
fn a_file_that_a_kill_tore_is_read_up_to_there() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    write(&mut EventWriter::create(folder.path(), 0).unwrap(), 0, 0..4);
    let torn = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&torn).unwrap();
    fs::write(&torn, &bytes[..bytes.len() - 5]).unwrap();
    write(&mut EventWriter::create(folder.path(), 2).unwrap(), 1, 2..4);
    let epochs = [(0, 0), (0, 1), (1, 2), (1, 3)];
    both_find(&python, folder.path(), &BTreeMap::from([(".".to_string(), expected(&epochs))]));
}

#[test]
fn awkward_values_are_no_trouble() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(folder.path(), 0).unwrap();
    let tasks = ["a".to_string(), "b".repeat(10_000)];
    let first = Epoch {
        train: vec![f64::INFINITY, 1e300], // beyond single precision
        validation: vec![f64::NAN, -0.0],
        weights: vec![1e-45, f64::NEG_INFINITY], // the least that single precision holds
        cosine: f64::NAN,
    };
    writer.epoch(0, &tasks, &first).unwrap();
    let nothing = Epoch { cosine: f64::NAN, ..Epoch::default() };
    writer.epoch(1, &tasks, &nothing).unwrap();
    let bits = |value: f32| vec![(1, value.to_bits())];
    let run = Run::from([
        ("train/a".to_string(), bits(f32::INFINITY)),
        (format!("train/{}", tasks[1]), bits(f32::INFINITY)),
        (format!("validation/{}", tasks[1]), bits(-0.0)),
        ("weight/a".to_string(), bits(1e-45)),
        (format!("weight/{}", tasks[1]), bits(f32::NEG_INFINITY)),
    ]);
    both_find(&python, folder.path(), &BTreeMap::from([(".".to_string(), run)]));
}

#[test]
fn files_of_a_folder_are_named_in_the_order_of_their_sessions() {
    let folder = tempfile::tempdir().unwrap();
    // A clock that was ahead, and several sessions within a second.
    let ahead = folder.path().join("events.out.tfevents.9000000000.torso");
    fs::write(&ahead, b"").unwrap();
    fs::write(folder.path().join("events.out.tfevents.notes"), b"").unwrap();
    for session in 0..3 {
        write(&mut EventWriter::create(folder.path(), 0).unwrap(), session, 0..1);
    }
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = ["9000000000.torso", "9000000001.torso", "9000000002.torso", "9000000003.torso"];
    for (name, expected) in names.iter().zip(expected) {
        assert_eq!(name, &format!("events.out.tfevents.{expected}"));
    }
    assert_eq!(names.len(), 5);
}
