use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::Map;
use torso_core::data::{TaskData, TaskKind};
use torso_core::estimator::{Batch, Budget, Epoch, Estimator, FitError, Model, Problem};
use torso_core::features::Design;
use torso_core::journal::{Journal, NoJournal, Signal};
use torso_core::seed::Seed;
use torso_core::snapshot::Snapshot;

use super::restore;
use crate::arms::tests::{columns, groups, rows, small};
use crate::arms::{Apart, Joint, Pooled};
use crate::settings::{NetworkSettings, TaskGradients};
use crate::sharing;

/// Keeps files in memory; stops at every `every`-th epoch, or says that the time is up.
#[derive(Debug)]
struct Memory {
    files: RefCell<BTreeMap<String, Vec<u8>>>,
    epochs: Cell<usize>,
    every: usize,
    then: Signal,
}

impl Memory {
    fn new(every: usize, then: Signal) -> Self {
        Self { files: RefCell::default(), epochs: Cell::new(0), every, then }
    }

    fn keep(&self, part: &str, state: &Snapshot) {
        self.files.borrow_mut().insert(part.to_string(), state.to_bytes());
    }
}

impl Journal for Memory {
    fn recall(&self, part: &str) -> Option<Snapshot> {
        Some(Snapshot::from_bytes(self.files.borrow().get(part)?).unwrap())
    }

    fn epoch_done(
        &self,
        part: &str,
        _: usize,
        _: &Epoch,
        state: &mut dyn FnMut() -> Snapshot,
    ) -> Signal {
        self.epochs.set(self.epochs.get() + 1);
        if self.epochs.get().is_multiple_of(self.every) {
            self.keep(part, &state());
            return self.then;
        }
        Signal::Continue
    }

    fn part_done(&self, part: &str, state: &mut dyn FnMut() -> Snapshot) {
        self.keep(part, &state());
    }
}

fn fit(
    estimator: &dyn Estimator,
    (data, design): &(TaskData, Design),
    batch: Batch,
    journal: &dyn Journal,
) -> Result<Box<dyn Model>, FitError> {
    let (train, validation) = (rows(|row| row % 5 > 0), rows(|row| row % 5 == 0));
    estimator.fit(&Problem {
        data,
        design,
        train: &train,
        validation: &validation,
        seed: Seed(1),
        budget: Budget { trials: 2, epochs: 12, batch },
        journal,
    })
}

fn joint(balance: &str, settings: NetworkSettings) -> Joint {
    let balance = torso_balance::find(balance).unwrap();
    Joint::new((&sharing::hard::METHOD, Map::new()), (balance, Map::new()), settings)
}

fn all_arms() -> Vec<(Box<dyn Estimator>, (TaskData, Design))> {
    let dropout = || NetworkSettings { dropout: 0.2, ..small() };
    let steps = NetworkSettings { task_gradients: TaskGradients::Steps, ..small() };
    let mut arms: Vec<(Box<dyn Estimator>, (TaskData, Design))> = vec![
        (Box::new(Apart::new(dropout())), columns()),
        (Box::new(Pooled::new(dropout())), groups()),
        (Box::new(joint("uncertainty", dropout())), groups()),
        (Box::new(joint("nash-mtl", steps)), columns()),
    ];
    for entry in sharing::methods() {
        let sharing = || (*entry, sharing::contract::needed(entry.method.id));
        for data in [columns(), groups()] {
            let equal = (&torso_balance::scalarizer::equal::METHOD, Map::new());
            let joint = Joint::new(sharing(), equal, dropout());
            if joint.check(&data.0).is_ok() {
                arms.push((Box::new(joint), data));
            }
        }
    }
    for method in torso_balance::methods() {
        arms.push((Box::new(joint(method.method.id, dropout())), columns()));
    }
    arms
}

fn kinds(data: &TaskData) -> Vec<TaskKind> {
    data.tasks().iter().map(|task| task.kind.clone()).collect()
}

#[test]
fn a_fit_stopped_at_any_epoch_goes_on_to_the_same_bits() {
    for (estimator, data) in all_arms() {
        for batch in [Batch::Rows(32), Batch::Full] {
            let whole = fit(&*estimator, &data, batch, &NoJournal).unwrap();
            let memory = Memory::new(5, Signal::Stop);
            let mut sessions = 1;
            let resumed = loop {
                match fit(&*estimator, &data, batch, &memory) {
                    Ok(model) => break model,
                    Err(FitError::Stopped) => sessions += 1,
                    Err(error) => panic!("{}: {error}", estimator.id()),
                }
            };
            assert!(sessions > 3, "{}: {sessions} sessions", estimator.id());
            let bytes = |model: &dyn Model| model.snapshot().to_bytes();
            assert_eq!(bytes(&*whole), bytes(&*resumed), "{}", estimator.id());
            // NaN differs from itself, its text does not.
            let trace = |model: &dyn Model| format!("{:?}", model.trace());
            assert_eq!(trace(&*whole), trace(&*resumed), "{}", estimator.id());
        }
    }
}

#[test]
fn a_trial_that_diverged_is_not_tried_again() {
    let data = columns();
    let estimator = joint("equal", NetworkSettings { lr: 1e30, ..small() });
    let memory = Memory::new(1000, Signal::Stop);
    let failed = || fit(&estimator, &data, Batch::Full, &memory).err().map(|e| e.to_string());
    let first = failed();
    assert!(first.as_ref().is_some_and(|error| error.contains("not finite")), "{first:?}");
    let epochs = memory.epochs.get();
    assert_eq!(failed(), first);
    assert_eq!(memory.epochs.get(), epochs, "nothing was learned anew");
}

#[test]
fn a_model_is_read_back_to_the_bit() {
    for (estimator, data) in all_arms() {
        let model = fit(&*estimator, &data, Batch::Rows(32), &NoJournal).unwrap();
        let snapshot = Snapshot::from_bytes(&model.snapshot().to_bytes()).unwrap();
        let kinds = kinds(&data.0);
        let restored = restore(&snapshot, data.1.n_columns(), &kinds).unwrap();
        let n_tasks = data.0.n_tasks();
        let all = restored.predict_all(&data.1, n_tasks, &[0, 7, 99]);
        for (task, of_all) in all.iter().enumerate() {
            let predictions = model.predict(&data.1, task, &[0, 7, 99]);
            assert_eq!(predictions, restored.predict(&data.1, task, &[0, 7, 99]));
            assert_eq!(&predictions, of_all, "{}", estimator.id());
        }
    }
}

#[test]
fn a_fit_whose_time_is_up_keeps_its_best() {
    let data = columns();
    let estimator = joint("equal", small());
    let memory = Memory::new(3, Signal::Finish);
    let model = fit(&estimator, &data, Batch::Full, &memory).unwrap();
    let trace = model.trace();
    assert_eq!(trace.epochs.len(), 3);
    assert_eq!(trace.status, torso_core::estimator::FitStatus::LimitReached);
    assert!(!memory.files.borrow().contains_key("joint, trial 1"), "no time for another trial");
}

#[test]
fn what_is_no_model_is_refused() {
    let data = columns();
    let model = fit(&joint("equal", small()), &data, Batch::Full, &NoJournal).unwrap();
    let good = model.snapshot();
    let refused = |change: &dyn Fn(&mut Snapshot)| {
        let mut changed = good.clone();
        change(&mut changed);
        restore(&changed, 2, &kinds(&data.0)).err().expect("it is no model").to_string()
    };
    assert!(restore(&good, 3, &kinds(&data.0)).is_err(), "two columns are read");
    assert!(restore(&good, 2, &kinds(&data.0)[..2]).is_err(), "three tasks are put out");
    let mut swapped = kinds(&data.0);
    swapped.swap(0, 1);
    assert!(restore(&good, 2, &swapped).is_err());
    assert_eq!(refused(&|s| drop(s.about.remove("model"))), "`model` is missing");
    assert!(refused(&|s| s.describe("model", &"forest")).contains("`forest`"));
    assert!(refused(&|s| s.put("heads.bias", &[0], Vec::<f32>::new())).contains("heads.bias"));
    let hidden = |widths: &[usize]| {
        let widths = widths.to_vec();
        refused(&move |s| {
            s.about["network"]["settings"]["hidden"] = serde_json::json!(widths);
        })
    };
    // Refused before 17 GB are asked for.
    assert!(hidden(&[65_536, 65_536]).contains("fewer parameters"));
    for (heads, names) in [("rotates", vec!["a", "b", "c"]), ("grouped", vec!["a"; 100])] {
        let names: Vec<String> = (0..).zip(names).map(|(at, name)| format!("{name}{at}")).collect();
        let wide = |s: &mut Snapshot| {
            s.put("more", &[1, 400_000], vec![0.0f32; 400_000]);
            let network = &mut s.about["network"];
            network["settings"]["hidden"] = serde_json::json!([65_536]);
            network["outputs"]["names"] = serde_json::json!(names);
            match heads {
                "rotates" => network["rotates"] = true.into(),
                _ => network["outputs"]["grouped"] = true.into(),
            }
        };
        assert!(refused(&wide).contains("fewer parameters"), "{heads}");
    }
    assert!(hidden(&[]).contains("hidden"));
    assert!(hidden(&[17]).contains("trunk") || hidden(&[17]).contains("fewer"));
    let twice = |s: &mut Snapshot| {
        s.about["network"]["rotates"] = true.into();
        s.about["network"]["outputs"]["names"] = serde_json::json!(["a", "b", "a"]);
    };
    assert!(refused(&twice).contains("two tasks have one name"));
    let soft = |s: &mut Snapshot| s.about["network"]["sharing"] = "soft".into();
    assert!(refused(&soft).contains("no sharing architecture `soft`"));
}
