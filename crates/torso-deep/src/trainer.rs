//! The training loop: batches, balanced steps, early stopping, the best weights restored.

use serde_json::{Map, Value};
use torso_balance::{BalanceMethod, Sees, Setup};
use torso_core::estimator::{Batch as BatchSize, Epoch, FitError, Problem, Trace};
use torso_core::seed::shuffle;
use torso_tape::{Optimizer, OptimizerConfig, Tape, clip_norm};

use crate::balancing::{Balancing, Pass, form};
use crate::heads::Batch;
use crate::network::{Cuts, Inputs, Mode, Network};
use crate::settings::NetworkSettings;
use crate::sharing::SharingMethod;
use crate::supervision::Supervision;

/// What is trained: an architecture, a balancing method and their settings.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) sharing: &'static SharingMethod,
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
}

/// Trains one network, in one tuning trial.
pub(crate) fn train(
    problem: &Problem,
    inputs: &Inputs,
    supervision: &Supervision,
    recipe: &Recipe,
    trial: usize,
) -> Result<Trained, FitError> {
    let mut training = Training::start(problem, inputs, supervision, recipe, trial)?;
    let mut best: Option<(f64, Vec<f32>)> = None;
    let mut trace = Trace::default();
    for epoch in 0..problem.budget.epochs {
        let train = training.epoch(epoch)?;
        let (validation, score) = training.validate();
        let weights = training.balancing.weights().to_vec();
        let cosine = training.balancing.take_cosine();
        trace.epochs.push(Epoch { train, validation, weights, cosine });
        if best.as_ref().is_none_or(|(lowest, _)| score < *lowest) {
            let kept = best.map_or_else(Vec::new, |(_, kept)| kept);
            best = Some((score, training.snapshot(kept)));
            trace.best_epoch = epoch;
        } else if epoch - trace.best_epoch >= recipe.settings.patience {
            break;
        }
    }
    let (validation, values) = best.ok_or_else(|| FitError::Unsuitable {
        method: recipe.sharing.method.id.to_string(),
        why: "needs at least 1 epoch".to_string(),
    })?;
    trace.balance = training.balancing.trace();
    let mut network = training.network;
    network.params.values_mut().copy_from_slice(&values);
    Ok(Trained { network, trace, validation })
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
    n_losses: usize,
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
        let rotates = recipe.balance.sees == Sees::Rotated;
        let network = Network::new(
            recipe.sharing,
            inputs.n_columns,
            supervision,
            settings,
            rotates,
            problem.seed,
        );
        let n_losses = supervision.n_losses();
        let forms: Vec<_> = (0..n_losses).map(|t| form(&supervision.target_of(t).kind)).collect();
        let setup =
            Setup { forms: &forms, settings: &recipe.balance_settings, trial, seed: problem.seed };
        let balancing = Balancing::start(recipe.balance, &setup, settings)?;
        let optimizer = Optimizer::new(
            &OptimizerConfig::AdamW {
                beta1: 0.9,
                beta2: 0.999,
                eps: 1e-8,
                weight_decay: settings.weight_decay,
            },
            &network.params,
        );
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
            n_losses,
        })
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
            if self.batch_size < n_rows || epoch == 0 {
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
        self.balancing.step(&pass, &mut self.tape, &cuts, &mut self.gradient);
        clip_norm(&mut self.gradient, self.settings.clip * (self.n_losses as f64).sqrt());
        self.optimizer.step(&mut self.network.params, &self.gradient, self.settings.lr);
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
    fn record(&mut self) -> Cuts {
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

    /// The parameters, copied into `kept`.
    fn snapshot(&self, mut kept: Vec<f32>) -> Vec<f32> {
        kept.clear();
        kept.extend_from_slice(self.network.params.values());
        kept
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
