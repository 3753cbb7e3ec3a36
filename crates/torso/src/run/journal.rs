//! The journal of `train`: checkpoints, metrics for programs and for TensorBoard, a progress line.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use torso_core::estimator::{Epoch, Trace};
use torso_core::journal::{Journal, Signal};
use torso_core::snapshot::Snapshot;
use torso_report::{EventWriter, MetricsLog};

use super::directory::RunDirectory;
use super::limits::Limits;
use super::{Kept, slug};
use crate::error::CliError;
use crate::progress::EpochWatch;

/// Keeps a training's progress in its run directory.
#[derive(Debug)]
pub(crate) struct DiskJournal {
    checkpoint: Kept,
    /// The least time between two checkpoints of a part.
    every: Duration,
    last: Cell<Instant>,
    limits: Limits,
    metrics: RefCell<Metrics>,
    watch: EpochWatch,
    failure: RefCell<Option<CliError>>,
}

impl DiskJournal {
    pub(crate) fn open(
        run: &RunDirectory,
        tasks: &[String],
        every: Duration,
        limits: Limits,
        watch: EpochWatch,
    ) -> Result<Self, CliError> {
        Ok(Self {
            checkpoint: Kept::open(run.file("checkpoint"))?,
            every,
            last: Cell::new(Instant::now()),
            limits,
            metrics: RefCell::new(Metrics::new(run.path(), tasks)),
            watch,
            failure: RefCell::new(None),
        })
    }

    /// Why something could not be written, if that happened: it ends the training.
    pub(crate) fn failure(self) -> Option<CliError> {
        self.watch.finish();
        self.failure.into_inner()
    }

    fn keep(&self, part: &str, state: &Snapshot) {
        self.last.set(Instant::now());
        if let Err(error) = self.checkpoint.write(part, state) {
            self.failure.borrow_mut().get_or_insert(error);
        }
    }
}

impl Journal for DiskJournal {
    fn recall(&self, part: &str) -> Option<Snapshot> {
        let kept = self.checkpoint.read(part);
        let n_epochs = kept.as_ref().map_or(0, n_epochs);
        self.metrics.borrow_mut().begin(n_epochs);
        self.watch.begin(part, n_epochs);
        kept
    }

    fn epoch_done(
        &self,
        part: &str,
        number: usize,
        epoch: &Epoch,
        state: &mut dyn FnMut() -> Snapshot,
    ) -> Signal {
        self.watch.epoch(number, epoch);
        if let Err(error) = self.metrics.borrow_mut().write(part, number, epoch) {
            self.failure.borrow_mut().get_or_insert(error);
        }
        if self.failure.borrow().is_some() {
            return Signal::Stop;
        }
        let signal = self.limits.signal();
        if signal != Signal::Continue || self.last.get().elapsed() >= self.every {
            self.keep(part, &state());
        }
        signal
    }

    fn part_done(&self, part: &str, state: &mut dyn FnMut() -> Snapshot) {
        self.keep(part, &state());
    }

    fn signal(&self) -> Signal {
        self.limits.signal()
    }
}

fn n_epochs(kept: &Snapshot) -> usize {
    let trace = kept.nested("trace").and_then(|trace| Trace::from_snapshot(&trace));
    trace.map_or(0, |trace| trace.epochs.len())
}

/// What programs read of a training: a line in `metrics.jsonl` and scalars in `events/` per epoch.
#[derive(Debug)]
struct Metrics {
    directory: PathBuf,
    tasks: Vec<String>,
    /// Lines that earlier sessions wrote of what need not be learned again.
    n_known: usize,
    log: Option<MetricsLog>,
    /// The epochs of the present part that are known, and its events.
    begun: usize,
    events: Option<EventWriter>,
}

impl Metrics {
    fn new(directory: &Path, tasks: &[String]) -> Self {
        let (directory, tasks) = (directory.to_path_buf(), tasks.to_vec());
        Self { directory, tasks, n_known: 0, log: None, begun: 0, events: None }
    }

    /// A part begins, of which `n_epochs` are known from earlier sessions.
    fn begin(&mut self, n_epochs: usize) {
        self.n_known += n_epochs;
        self.begun = n_epochs;
        self.events = None;
    }

    fn write(&mut self, part: &str, number: usize, epoch: &Epoch) -> Result<(), CliError> {
        let path = self.directory.join("metrics.jsonl");
        let cannot = |error: std::io::Error| CliError::cannot_write(&path, &error);
        if self.log.is_none() {
            self.log = Some(MetricsLog::resume(&path, self.n_known).map_err(cannot)?);
        }
        if self.events.is_none() {
            let folder = self.directory.join("events").join(slug(part));
            self.events = Some(EventWriter::create(&folder, self.begun as u64).map_err(cannot)?);
        }
        if let (Some(log), Some(events)) = (&mut self.log, &mut self.events) {
            let tasks = names(&self.tasks, part);
            log.write(part, number, tasks, epoch).map_err(cannot)?;
            events.epoch(number, tasks, epoch).map_err(cannot)?;
        }
        Ok(())
    }
}

/// The tasks that a part learns: one alone, or all.
fn names<'a>(tasks: &'a [String], part: &str) -> &'a [String] {
    let alone = part.strip_prefix("task ").and_then(|rest| rest.split(',').next());
    match alone.and_then(|number| number.parse::<usize>().ok()) {
        Some(task) if task < tasks.len() => &tasks[task..=task],
        _ => tasks,
    }
}
