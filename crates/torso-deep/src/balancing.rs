//! A balancing method in the training loop: from a recorded pass to one gradient.
//!
//! The method says what it must see, the settings say how exactly: that decides how far the walk
//! back keeps a gradient for each task. Weights that a method gives then combine them; below a
//! *cut* (see [`torso_tape::Tape::jacobian_above`]) one walk serves all tasks.

use torso_balance::{BalanceMethod, Balancer, Heads, LossForm, Sees, Setup, StepView};
use torso_core::data::TaskKind;
use torso_core::estimator::{BalanceTrace, FitError};
use torso_core::seed::Seed;
use torso_tape::{HeadGradient, Jacobian, Tape};

use crate::heads::Batch;
use crate::network::{Cuts, Inputs, Network};
use crate::settings::{HeadsFollow, NetworkSettings, TaskGradients};
use crate::supervision::Supervision;

mod kept;
mod log;
mod rotations;
mod sample;
mod walk;

use log::Log;
pub(crate) use rotations::Rotations;
use sample::Sample;

/// What a step may look at besides the recorded pass.
pub(crate) struct Pass<'a> {
    pub(crate) network: &'a Network,
    pub(crate) inputs: &'a Inputs,
    pub(crate) supervision: &'a Supervision,
    /// All rows to learn from.
    pub(crate) training_rows: &'a [u32],
    /// The rows of this step.
    pub(crate) batch: &'a Batch,
    pub(crate) seed: Seed,
    pub(crate) step: usize,
    pub(crate) epoch: usize,
}

/// A balancing method at work on one network.
pub(crate) struct Balancing {
    balancer: Balancer,
    sees: Sees,
    heads: HeadGradient,
    gradients: TaskGradients,
    gradient_steps: usize,
    equal_norm: bool,
    jacobian: Jacobian<f32>,
    sample: Sample,
    /// Made in the first step of a method that asks for them.
    rotations: Option<Rotations>,
    log: Log,
    /// The weight of every task's loss; a task without a label in a step keeps its last one.
    weights: Vec<f64>,
    seen: Seen,
}

/// The tasks with labels in a step, and what the method sees of them.
#[derive(Default)]
struct Seen {
    tasks: Vec<usize>,
    losses: Vec<f64>,
    cross: Vec<f64>,
    step: usize,
    epoch: usize,
}

impl Seen {
    fn view(&self) -> StepView<'_> {
        StepView {
            tasks: &self.tasks,
            losses: &self.losses,
            cross: &self.cross,
            step: self.step,
            epoch: self.epoch,
        }
    }
}

impl Balancing {
    /// Starts a method for the tasks of `supervision`.
    pub(crate) fn start(
        entry: &'static BalanceMethod,
        setup: &Setup,
        settings: &NetworkSettings,
    ) -> Result<Self, FitError> {
        let method = || entry.method.id.to_string();
        let balancer = (entry.build)(setup)
            .map_err(|error| FitError::Settings { method: method(), message: error.to_string() })?;
        let sees_the_gramian_or_less =
            matches!(entry.sees, Sees::Gramian | Sees::Losses | Sees::LossesAfter);
        if settings.task_gradients != TaskGradients::Exact && !sees_the_gramian_or_less {
            let why = "sees more than the Gramian: it needs task-gradients=exact".to_string();
            return Err(FitError::Unsuitable { method: method(), why });
        }
        if settings.equal_norm && matches!(entry.sees, Sees::LastLayerGramian | Sees::Rotated) {
            let why = "does not see the gradients that equal-norm is told from".to_string();
            return Err(FitError::Unsuitable { method: method(), why });
        }
        let heads = match settings.heads.unwrap_or(entry.heads.into()) {
            HeadsFollow::Weighted => HeadGradient::Weighted,
            HeadsFollow::Own => HeadGradient::Own,
        };
        let n_tasks = setup.n_tasks();
        Ok(Self {
            balancer,
            sees: entry.sees,
            heads,
            gradients: settings.task_gradients,
            gradient_steps: settings.gradient_steps,
            equal_norm: settings.equal_norm,
            jacobian: Jacobian::new(),
            sample: Sample::new(settings.gradient_rows),
            rotations: None,
            log: Log::new(n_tasks, settings.conflict_steps),
            weights: vec![1.0; n_tasks],
            seen: Seen::default(),
        })
    }

    /// The weight of every task's loss; `NaN` where the method gives a direction instead.
    pub(crate) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The rotations that the network is to take over, if the method turns any.
    pub(crate) fn rotations(&self) -> Option<&Rotations> {
        self.rotations.as_ref()
    }

    /// What the method did so far.
    pub(crate) fn trace(&self) -> BalanceTrace {
        self.log.trace()
    }

    /// The mean cosine between gradients of two tasks in the epoch, or in the last one that saw any;
    /// `NaN` before.
    pub(crate) fn take_cosine(&mut self) -> f64 {
        self.log.take_cosine()
    }

    /// Makes the gradient of a recorded pass.
    pub(crate) fn step(
        &mut self,
        pass: &Pass,
        tape: &mut Tape<f32>,
        cuts: Option<&Cuts>,
        gradient: &mut [f32],
    ) {
        self.look(pass, tape);
        if matches!(self.balancer, Balancer::Aggregator(_)) {
            self.aggregate(pass, tape, gradient);
            return;
        }
        let (walk, gramian) = self.gramian(pass, tape, cuts);
        let mut own = vec![0.0; self.seen.tasks.len()];
        let view = self.seen.view();
        let status = match (&mut self.balancer, &gramian) {
            (Balancer::Scalarizer(method), _) => Some(method.weigh(&view, &mut own)),
            (Balancer::Weighting(method), Some(gramian)) => {
                Some(method.weigh(gramian, &view, &mut own))
            }
            _ => None,
        };
        if let Some(status) = status {
            self.log.note(status);
            self.seen.tasks.iter().zip(&own).for_each(|(&task, w)| self.weights[task] = *w);
        }
        self.combine(walk, pass, tape, cuts, gradient);
        if let (true, Some(gramian)) = (self.equal_norm, &gramian) {
            self.equalize(gramian, gramian.squared_norm(&own).sqrt(), gradient);
        }
    }

    /// Whether the method wants [`Self::after_step`].
    pub(crate) fn sees_losses_after(&self) -> bool {
        self.sees == Sees::LossesAfter
    }

    /// Shows the method the losses of the same batch after the step.
    pub(crate) fn after_step(&mut self, losses: &[f32]) {
        if let Balancer::Scalarizer(method) = &mut self.balancer {
            let after: Vec<f64> = self.seen.tasks.iter().map(|&t| f64::from(losses[t])).collect();
            method.after_step(&self.seen.view(), &after);
        }
    }

    /// Notes the tasks with labels and their losses.
    fn look(&mut self, pass: &Pass, tape: &Tape<f32>) {
        let observed = tape.observed().iter().enumerate().filter(|(_, n)| **n > 0);
        self.seen.tasks.clear();
        self.seen.tasks.extend(observed.map(|(task, _)| task));
        self.seen.losses.clear();
        let losses = self.seen.tasks.iter().map(|&task| f64::from(tape.losses()[task]));
        self.seen.losses.extend(losses);
        (self.seen.step, self.seen.epoch) = (pass.step, pass.epoch);
    }
}

/// The form of the loss of a task of this kind.
pub(crate) fn form(kind: &TaskKind) -> LossForm {
    match kind {
        TaskKind::Regression => LossForm::Squared,
        TaskKind::Binary { .. } | TaskKind::Multiclass { .. } => LossForm::CrossEntropy,
    }
}

impl From<Heads> for HeadsFollow {
    fn from(heads: Heads) -> Self {
        match heads {
            Heads::Weighted => Self::Weighted,
            Heads::Own => Self::Own,
        }
    }
}

#[cfg(test)]
mod tests;
