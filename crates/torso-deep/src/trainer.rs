//! The training loop: batches, balanced steps, early stopping, the best weights restored.

use serde_json::{Map, Value};
use torso_balance::{BalanceMethod, Sees, Setup};
use torso_core::estimator::{Batch as BatchSize, Epoch, FitError, FitStatus, Problem, Trace};
use torso_core::journal::Signal;
use torso_core::seed::shuffle;
use torso_tape::{Optimizer, Tape, clip_norm};

use crate::balancing::{Balancing, Pass, form};
use crate::heads::Batch;
use crate::network::{Blueprint, Cuts, Inputs, Mode, Network};
use crate::settings::NetworkSettings;
use crate::sharing::{Moment, SharingMethod};
use crate::supervision::Supervision;

mod cost;
mod kept;
mod stage;

pub use cost::{CostShape, StepCost, step_cost};
use stage::optimizer;
pub(crate) use stage::refusal;

/// What is trained: an architecture, a balancing method and their settings.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) sharing: &'static SharingMethod,
    /// The architecture's own settings.
    pub(crate) own: Map<String, Value>,
    pub(crate) balance: &'static BalanceMethod,
    pub(crate) balance_settings: Map<String, Value>,
    pub(crate) settings: NetworkSettings,
}

/// A trained network.
pub(crate) struct Trained {
    pub(crate) network: Network,
    pub(crate) trace: Trace,
    /// The best mean of the tasks' validation losses, each in units of its constant loss.
    pub(crate) validation: f64,
    /// Whether the journal ended it before its time.
    pub(crate) is_cut: bool,
}

/// Trains one network, in one tuning trial; `part` is its name in the journal.
pub(crate) fn train(
    problem: &Problem,
    inputs: &Inputs,
    supervision: &Supervision,
    recipe: &Recipe,
    (trial, part): (usize, &str),
) -> Result<Trained, FitError> {
    let mut training = Training::start(problem, inputs, supervision, recipe, trial)?;
    if let Some(kept) = problem.journal.recall(part) {
        training.resume(&kept)?;
    }
    let mut is_cut = false;
    while !is_cut && training.goes_on()? {
        let number = training.trace.epochs.len();
        if let Err(error) = training.next_epoch() {
            problem.journal.part_done(part, &mut || training.failure(&error));
            return Err(error);
        }
        let epoch = training.trace.epochs[number].clone();
        match problem.journal.epoch_done(part, number, &epoch, &mut || training.snapshot()) {
            Signal::Continue => {}
            Signal::Finish => is_cut = true,
            Signal::Stop => return Err(FitError::Stopped),
        }
    }
    if !is_cut {
        problem.journal.part_done(part, &mut || training.snapshot());
    }
    training.finish(is_cut).ok_or_else(|| FitError::Unsuitable {
        method: recipe.sharing.method.id.to_string(),
        why: "needs at least 1 epoch".to_string(),
    })
}

/// A training under way.
struct Training<'a> {
    problem: &'a Problem<'a>,
    inputs: &'a Inputs,
    supervision: &'a Supervision,
    settings: &'a NetworkSettings,
    network: Network,
    balancing: Balancing,
    optimizer: Optimizer<f32>,
    tape: Tape<f32>,
    gradient: Vec<f32>,
    order: Vec<u32>,
    batch_size: usize,
    batch: Batch,
    validation: Batch,
    step: usize,
    /// The first epoch of the architecture's present stage.
    stage_start: usize,
    n_losses: usize,
    trace: Trace,
    best: Option<Best>,
}

/// The parameters with the lowest validation loss so far.
struct Best {
    score: f64,
    values: Vec<f32>,
}

impl<'a> Training<'a> {
    fn start(
        problem: &'a Problem,
        inputs: &'a Inputs,
        supervision: &'a Supervision,
        recipe: &'a Recipe,
        trial: usize,
    ) -> Result<Self, FitError> {
        let settings = &recipe.settings;
        let blueprint = Blueprint {
            sharing: recipe.sharing,
            own: recipe.own.clone(),
            plan: Value::Null,
            n_inputs: inputs.n_columns,
            image: inputs.image,
            outputs: supervision.outputs(),
            rotates: recipe.balance.sees == Sees::Rotated,
            settings: settings.clone(),
        };
        let mut network = Network::new(blueprint, problem.seed, usize::MAX)
            .map_err(|error| refusal(recipe.sharing, error))?;
        network.n_labels = supervision.mean_labels(problem.train);
        let n_losses = supervision.n_losses();
        let forms: Vec<_> = (0..n_losses).map(|t| form(&supervision.target_of(t).kind)).collect();
        let setup =
            Setup { forms: &forms, settings: &recipe.balance_settings, trial, seed: problem.seed };
        let balancing = Balancing::start(recipe.balance, &setup, settings)?;
        let optimizer = optimizer(settings, &network);
        let order = supervision.usable(problem.train);
        let mut validation = Batch::default();
        validation.fill(supervision, &supervision.usable(problem.validation));
        Ok(Self {
            problem,
            inputs,
            supervision,
            settings,
            balancing,
            optimizer,
            tape: Tape::new(),
            gradient: vec![0.0; network.params.len()],
            network,
            batch_size: batch_size(problem.budget.batch, order.len()),
            order,
            batch: Batch::default(),
            validation,
            step: 0,
            stage_start: 0,
            n_losses,
            trace: Trace::default(),
            best: None,
        })
    }

    /// Learns for an epoch, and keeps its parameters if they are the best so far.
    fn next_epoch(&mut self) -> Result<(), FitError> {
        let number = self.trace.epochs.len();
        let train = self.epoch(number)?;
        self.network.epoch_done();
        let (validation, score) = self.validate();
        let weights = self.balancing.weights().to_vec();
        let cosine = self.balancing.take_cosine();
        self.trace.epochs.push(Epoch { train, validation, weights, cosine });
        if self.best.as_ref().is_none_or(|best| score < best.score) {
            let best = self.best.get_or_insert_with(|| Best { score, values: Vec::new() });
            best.score = score;
            best.values.clear();
            best.values.extend_from_slice(self.network.params.values());
            self.trace.best_epoch = number;
        }
        Ok(())
    }

    /// Whether another epoch is to follow; begins the architecture's next stage where one is due.
    fn goes_on(&mut self) -> Result<bool, FitError> {
        let n_epochs = self.trace.epochs.len();
        let epochs_left = self.problem.budget.epochs.saturating_sub(n_epochs);
        if epochs_left == 0 || n_epochs == self.stage_start {
            return Ok(epochs_left > 0);
        }
        let moment = Moment {
            stage_epochs: n_epochs - self.stage_start,
            stalled: n_epochs - 1 - self.trace.best_epoch,
            epochs_left,
        };
        Ok(self.begin_stage(moment)? || !self.is_over())
    }

    /// Whether validation rows have shown no gain for as long as the patience lasts.
    fn is_over(&self) -> bool {
        let last = self.trace.epochs.len().saturating_sub(1);
        last - self.trace.best_epoch >= self.settings.patience && !self.trace.epochs.is_empty()
    }

    /// The network at its best; nothing before the first epoch.
    fn finish(mut self, is_cut: bool) -> Option<Trained> {
        let best = self.best.take()?;
        let is_over = self.is_over();
        let mut trace = self.trace;
        trace.balance = self.balancing.trace();
        trace.status =
            if is_cut || !is_over { FitStatus::LimitReached } else { FitStatus::StoppedEarly };
        let mut network = self.network;
        network.params.values_mut().copy_from_slice(&best.values);
        let Batch { rows, groups, .. } = &self.validation;
        trace.findings = network.findings(self.inputs, rows, groups);
        Some(Trained { network, trace, validation: best.score, is_cut })
    }

    /// One pass over the training rows; gives each task's training loss in units of its constant
    /// loss, `NaN` where it has no label.
    fn epoch(&mut self, epoch: usize) -> Result<Vec<f64>, FitError> {
        let n_rows = self.order.len();
        if self.batch_size < n_rows {
            let mut stream = self.problem.seed.stream("batches", "", epoch as u64);
            shuffle(&mut self.order, &mut stream);
        }
        let mut sums = vec![0.0; self.n_losses];
        let mut counts = vec![0.0; self.n_losses];
        for start in (0..n_rows).step_by(self.batch_size) {
            let rows = &self.order[start..n_rows.min(start + self.batch_size)];
            // A full batch is the same in every epoch.
            if self.batch_size < n_rows || self.batch.rows.is_empty() {
                self.batch.fill(self.supervision, rows);
            }
            let losses = self.descend(epoch);
            for (t, (loss, observed)) in losses.into_iter().enumerate() {
                sums[t] += loss * observed;
                counts[t] += observed;
            }
        }
        if let Some(t) = sums.iter().position(|sum| !sum.is_finite()) {
            let task = self.supervision.names[t].clone();
            return Err(FitError::Diverged { task, epoch: epoch + 1 });
        }
        let constant = |t: usize| self.supervision.target_of(t).scale.constant_loss;
        Ok((0..sums.len()).map(|t| sums[t] / counts[t] / constant(t)).collect())
    }

    /// One balanced step down the losses of the batch; gives each task's loss before it, with the
    /// number of its labels.
    fn descend(&mut self, epoch: usize) -> Vec<(f64, f64)> {
        let cuts = self.record();
        let losses = self.tape.losses().iter().zip(self.tape.observed());
        let losses = losses.map(|(loss, n)| (f64::from(*loss), f64::from(*n))).collect();
        let pass = Pass {
            network: &self.network,
            inputs: self.inputs,
            supervision: self.supervision,
            training_rows: &self.order,
            batch: &self.batch,
            seed: self.problem.seed,
            step: self.step,
            epoch,
        };
        self.balancing.step(&pass, &mut self.tape, cuts.as_ref(), &mut self.gradient);
        clip_norm(&mut self.gradient, self.settings.clip * (self.n_losses as f64).sqrt());
        self.network.penalty(&mut self.gradient);
        self.optimizer.step(&mut self.network.params, &self.gradient, self.settings.lr);
        self.network.after_step(self.settings.lr);
        if let Some(rotations) = self.balancing.rotations() {
            self.network.turn(rotations);
        }
        if self.balancing.sees_losses_after() {
            self.record();
            self.balancing.after_step(self.tape.losses());
        }
        self.step += 1;
        losses
    }

    /// Records the pass of the step's batch; the same pass again draws the same dropout.
    fn record(&mut self) -> Option<Cuts> {
        let mut dropout = self.problem.seed.stream("dropout", "", self.step as u64);
        let mut mode = Mode::Training(&mut dropout);
        self.network.record(&mut self.tape, self.inputs, &self.batch, self.supervision, &mut mode)
    }

    /// The validation loss of each task in units of its constant loss, and their mean.
    fn validate(&mut self) -> (Vec<f64>, f64) {
        self.network.record(
            &mut self.tape,
            self.inputs,
            &self.validation,
            self.supervision,
            &mut Mode::Evaluation,
        );
        let observed = self.tape.observed().iter();
        let losses = self.tape.losses().iter().zip(observed).enumerate().map(|(t, (loss, n))| {
            let constant = self.supervision.target_of(t).scale.constant_loss;
            if *n > 0 { f64::from(*loss) / constant } else { f64::NAN }
        });
        let losses: Vec<f64> = losses.collect();
        let known: Vec<f64> = losses.iter().copied().filter(|loss| !loss.is_nan()).collect();
        (losses, known.iter().sum::<f64>() / known.len() as f64)
    }
}

/// Rows in a step. `Auto` makes about 16 steps of an epoch, of 32 to 256 rows each.
fn batch_size(batch: BatchSize, n_rows: usize) -> usize {
    let rows = match batch {
        BatchSize::Rows(rows) => rows,
        BatchSize::Full => n_rows,
        BatchSize::Auto => (n_rows / 16).next_power_of_two().clamp(32, 256),
    };
    rows.clamp(1, n_rows.max(1))
}
