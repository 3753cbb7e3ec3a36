//! A comparison that was stopped goes on to the outcome of one that was not.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use torso_core::data::Layout;
use torso_core::estimator::{Batch, Budget};
use torso_core::journal::Signal;
use torso_core::snapshot::Snapshot;
use torso_core::split::{SplitOptions, SplitRule};
use torso_data::{PreprocessOptions, Table, task_data};
use torso_study::arm::{ArmSettings, parse_all};
use torso_study::compare::{CompareError, CompareOptions, Compared, compare};
use torso_study::runner::{FitStore, NoStore};

/// Keeps fits as bytes; after `most` of them in a session it gives another signal.
struct Memory {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    kept: AtomicUsize,
    most: usize,
    then: Signal,
}

impl Memory {
    fn new(most: usize, then: Signal) -> Self {
        Self { files: Mutex::default(), kept: AtomicUsize::new(0), most, then }
    }
}

impl FitStore for Memory {
    fn recall(&self, fit: &str) -> Option<Snapshot> {
        Some(Snapshot::from_bytes(self.files.lock().unwrap().get(fit)?).unwrap())
    }

    fn keep(&self, fit: &str, state: &Snapshot) {
        self.files.lock().unwrap().insert(fit.to_string(), state.to_bytes());
        self.kept.fetch_add(1, Ordering::Relaxed);
    }

    fn signal(&self) -> Signal {
        let done = self.kept.load(Ordering::Relaxed) >= self.most;
        if done { self.then } else { Signal::Continue }
    }
}

fn run(store: &dyn FitStore, threads: usize) -> Result<Compared, CompareError> {
    let data = task_data(&Table::penguins(), &Table::penguins_roles()).unwrap().data;
    let ids = ["hard+equal", "l21"].map(String::from);
    let settings = ArmSettings::parse(&[("lambda".to_string(), 1.into())]).unwrap();
    let arms = parse_all(&ids, Layout::Columns, &settings).unwrap();
    let options = CompareOptions {
        rule: SplitRule::Random,
        split: SplitOptions { repeats: 5, folds: 2, ..SplitOptions::default() },
        budget: Budget { trials: 1, epochs: 6, batch: Batch::Auto },
        preprocess: PreprocessOptions::default(),
        threads,
    };
    compare(&data, &arms, &options, store, &|_| ())
}

/// Everything but the time, as text: `NaN` differs from itself, its text does not.
fn said(compared: &Compared) -> String {
    let mut comparison = compared.comparison.clone();
    comparison.seconds = 0.0;
    let Compared { curves, balance, findings, notes, .. } = compared;
    format!("{comparison:?} {curves:?} {balance:?} {findings:?} {notes:?}")
}

#[test]
fn a_stopped_comparison_goes_on_to_the_same_outcome() {
    let whole = said(&run(&NoStore, 1).unwrap());
    for threads in [1, 2] {
        let mut memory = Memory::new(4, Signal::Stop);
        let mut sessions = 1;
        let resumed = loop {
            match run(&memory, threads) {
                Ok(compared) => break compared,
                Err(CompareError::Stopped { of: 5, .. }) => sessions += 1,
                Err(error) => panic!("{error}"),
            }
            memory.kept = AtomicUsize::new(0);
        };
        assert!(sessions > 3, "{sessions} sessions");
        assert_eq!(said(&resumed), whole);
        let again = run(&memory, threads).unwrap();
        assert_eq!(said(&again), whole, "a finished run says the same again");
    }
}

#[test]
fn when_the_time_is_up_whole_repeats_are_compared() {
    let compared = run(&Memory::new(14, Signal::Finish), 1).unwrap();
    assert_eq!(compared.comparison.seeds, 2, "6 fits a repeat, 14 in all");
    assert!(compared.notes[0].contains("2 of 5 repeats"), "{:?}", compared.notes);
    let none = run(&Memory::new(2, Signal::Finish), 1);
    assert!(matches!(none, Err(CompareError::Stopped { repeats: 0, of: 5 })));
}
