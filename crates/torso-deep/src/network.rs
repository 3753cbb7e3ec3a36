//! A network: parameters, a sharing architecture over them, and heads.

use std::ops::Range;

use serde_json::{Map, Value};
use torso_core::data::{TaskKind, row_index};
use torso_core::features::Design;
use torso_core::finding::Finding;
use torso_core::seed::{Seed, Stream};
use torso_tape::{ParamId, Params, Tape, Var};

use crate::balancing::Rotations;
use crate::encoder::Encoder;
use crate::heads::{Batch, Heads};
use crate::layout::{Context, Layout, LayoutError};
use crate::settings::NetworkSettings;
use crate::sharing::{Reading, Sharing, SharingMethod, Stage, View};
use crate::supervision::{Outputs, Scale, Supervision};

mod kept;

/// Rows that are predicted at once: bounds the memory of a prediction.
const PREDICTION_ROWS: usize = 4096;

/// Whether a pass is part of the training; if so, the stream of its random draws.
pub(crate) enum Mode<'a> {
    /// Dropout draws from this stream.
    Training(&'a mut Stream),
    /// Nothing is random.
    Evaluation,
}

/// Values that all tasks read, where a walk back can be cut in two.
#[derive(Debug, Clone)]
pub(crate) struct Cuts {
    /// What the last shared layer reads.
    pub(crate) last_layer: Var,
    /// What the heads read.
    pub(crate) representation: Var,
    /// What each head reads, where it reads the representation rotated.
    pub(crate) rotated: Vec<Var>,
}

/// A pass of a network under way.
pub(crate) struct Forward<'a, 'm> {
    pub(crate) tape: &'a mut Tape<f32>,
    pub(crate) params: &'a Params<f32>,
    /// The features `[B, n_inputs]`.
    pub(crate) input: Var,
    /// The group of each row, where the tasks are groups; else empty.
    pub(crate) groups: &'a [u32],
    pub(crate) mode: &'a mut Mode<'m>,
    pub(crate) settings: &'a NetworkSettings,
}

impl Forward<'_, '_> {
    /// The value with dropout, if the pass is part of the training.
    pub(crate) fn dropout(&mut self, value: Var) -> Var {
        match self.mode {
            Mode::Training(stream) if self.settings.dropout > 0.0 => {
                self.tape.dropout(value, self.settings.dropout, stream)
            }
            _ => value,
        }
    }
}

/// What a network is made of.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) sharing: &'static SharingMethod,
    /// The architecture's own settings.
    pub(crate) own: Map<String, Value>,
    /// What an earlier stage found the architecture to be; null in the first.
    pub(crate) plan: Value,
    /// Columns of the design.
    pub(crate) n_inputs: usize,
    /// Height, width and channels, where the columns are the pixels of an image.
    pub(crate) image: Option<[usize; 3]>,
    pub(crate) outputs: Outputs,
    /// Whether tasks read the representation through rotations of their own.
    pub(crate) rotates: bool,
    pub(crate) settings: NetworkSettings,
}

impl Blueprint {
    pub(crate) fn context(&self) -> Context<'_> {
        Context { outputs: &self.outputs, settings: &self.settings, own: &self.own }
    }
}

/// A network with its parameters.
pub(crate) struct Network {
    pub(crate) params: Params<f32>,
    sharing: Box<dyn Sharing>,
    heads: Heads,
    blueprint: Blueprint,
    /// The mean number of training labels of a task; 1 before a training.
    pub(crate) n_labels: f64,
}

impl Network {
    /// A network at its initial parameters, of which there is room for so many.
    pub(crate) fn new(blueprint: Blueprint, seed: Seed, room: usize) -> Result<Self, LayoutError> {
        let mut params = Params::new(seed);
        let mut layout = Layout {
            params: &mut params,
            context: blueprint.context(),
            encoder: Encoder::new(&blueprint.settings, blueprint.n_inputs, blueprint.image)?,
            plan: &blueprint.plan,
            room,
        };
        let sharing = (blueprint.sharing.declare)(&mut layout)?;
        let heads = Heads::declare(&mut layout, &sharing.widths(), blueprint.rotates, seed)?;
        Ok(Self { params, sharing, heads, blueprint, n_labels: 1.0 })
    }

    /// The network of the next stage: ranges keep their values where their name and shape stay.
    pub(crate) fn next_stage(&self, stage: Stage, seed: Seed) -> Result<Self, LayoutError> {
        let blueprint = Blueprint { plan: stage.plan, ..self.blueprint.clone() };
        let mut next = Self::new(blueprint, seed, usize::MAX)?;
        next.n_labels = self.n_labels;
        for at in 0..next.params.ranges().len() {
            let range = &next.params.ranges()[at];
            let (span, given) = (range.span(), stage.values.iter().find(|v| v.0 == range.name()));
            let kept = self
                .params
                .find(range.name())
                .filter(|&id| self.params.range(id).shape() == range.shape());
            match (given, kept) {
                (Some((_, values)), _) => {
                    next.params.values_mut()[span].copy_from_slice(values);
                }
                (None, Some(id)) => {
                    next.params.values_mut()[span].copy_from_slice(self.params.get(id));
                }
                (None, None) => {}
            }
        }
        Ok(next)
    }

    /// What it is made of.
    pub(crate) fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// Whether the tasks are groups of rows.
    pub(crate) fn is_grouped(&self) -> bool {
        self.blueprint.outputs.grouped
    }

    /// The number of losses: one for each task.
    pub(crate) fn n_losses(&self) -> usize {
        self.blueprint.outputs.names.len()
    }

    /// The network as its architecture looks at it.
    pub(crate) fn view(&self) -> View<'_> {
        let context = self.blueprint.context();
        View { params: &self.params, heads: &self.heads, context, n_labels: self.n_labels }
    }

    /// The architecture, and what it looks at.
    pub(crate) fn sharing(&mut self) -> (&mut dyn Sharing, View<'_>) {
        let context = self.blueprint.context();
        let n_labels = self.n_labels;
        let view = View { params: &self.params, heads: &self.heads, context, n_labels };
        (&mut *self.sharing, view)
    }

    /// The architecture's penalty; adds its gradient.
    pub(crate) fn penalty(&self, gradient: &mut [f32]) -> f64 {
        self.sharing.penalize(&self.view(), gradient)
    }

    /// Lets the architecture move its parameters after a step of the optimizer.
    pub(crate) fn after_step(&mut self, lr: f64) {
        self.sharing.after_step(&mut self.params, self.n_labels, lr);
    }

    /// Multiply-adds of [`Self::penalty`] and [`Self::after_step`].
    pub(crate) fn penalty_cost(&self) -> u64 {
        self.sharing.penalty_cost(&self.view())
    }

    /// Tells the architecture that an epoch is over.
    pub(crate) fn epoch_done(&mut self) {
        self.sharing.epoch_done(&mut self.params, &self.heads);
    }

    /// What was learned about sharing, told from passes of `rows`.
    pub(crate) fn findings(&self, inputs: &Inputs, rows: &[u32], groups: &[u32]) -> Vec<Finding> {
        let mut tape = Tape::new();
        let input = tape.input_rows(&inputs.values, inputs.n_columns, rows);
        let mut forward = Forward {
            tape: &mut tape,
            params: &self.params,
            input,
            groups,
            mode: &mut Mode::Evaluation,
            settings: &self.blueprint.settings,
        };
        self.sharing.findings(&self.view(), &mut forward)
    }

    /// Records the pass of a batch, with the loss of every task; gives the values at which a walk
    /// back can be cut, if there are any.
    pub(crate) fn record(
        &self,
        tape: &mut Tape<f32>,
        inputs: &Inputs,
        batch: &Batch,
        supervision: &Supervision,
        mode: &mut Mode,
    ) -> Option<Cuts> {
        let (cuts, outputs) = self.outputs(tape, inputs, &batch.rows, &batch.groups, mode);
        self.heads.losses(tape, &outputs, batch, supervision, self.blueprint.settings.loss);
        cuts
    }

    /// The rotations through which heads read the representation.
    pub(crate) fn rotations(&self) -> &[ParamId] {
        self.heads.rotations()
    }

    /// Writes rotations that a balancing method turned.
    pub(crate) fn turn(&mut self, rotations: &Rotations) {
        rotations.write(&mut self.params, self.heads.rotations());
    }

    /// Records a pass; gives the cuts, and what each target's head puts out.
    fn outputs(
        &self,
        tape: &mut Tape<f32>,
        inputs: &Inputs,
        rows: &[u32],
        groups: &[u32],
        mode: &mut Mode,
    ) -> (Option<Cuts>, Vec<Output>) {
        tape.clear();
        let input = tape.input_rows(&inputs.values, inputs.n_columns, rows);
        let (params, settings) = (&self.params, &self.blueprint.settings);
        let mut forward = Forward { tape, params, input, groups, mode, settings };
        let mut reading = self.sharing.record(&mut forward);
        let outputs = self.heads.record(&mut forward, &mut reading);
        match reading {
            Reading::Trunk(cuts) => (Some(cuts), outputs),
            Reading::Common(_) | Reading::Each(_) => (None, outputs),
        }
    }

    /// Appends the loss of every row of the batch for every task, `NaN` without a label; of groups
    /// the loss that each group's head has on every row.
    pub(crate) fn row_losses(
        &self,
        inputs: &Inputs,
        batch: &Batch,
        supervision: &Supervision,
        losses: &mut [Vec<f32>],
    ) {
        let mut tape = Tape::new();
        let mode = &mut Mode::Evaluation;
        if !self.is_grouped() {
            let (_, outputs) = self.outputs(&mut tape, inputs, &batch.rows, &[], mode);
            let targets = supervision.targets.iter().zip(&batch.targets);
            for ((losses, output), (target, labels)) in losses.iter_mut().zip(&outputs).zip(targets)
            {
                let rows = output.rows(&tape).zip(labels);
                losses.extend(rows.map(|(output, &y)| row_loss(&target.kind, output, y)));
            }
            return;
        }
        let kind = &supervision.targets[0].kind;
        for (group, losses) in losses.iter_mut().enumerate() {
            let groups = vec![row_index(group); batch.rows.len()];
            let (_, outputs) = self.outputs(&mut tape, inputs, &batch.rows, &groups, mode);
            let rows = outputs[0].rows(&tape).zip(&batch.targets[0]);
            losses.extend(rows.map(|(output, &y)| row_loss(kind, output, y)));
        }
    }

    /// Predictions of the network's task `t` in the unit of its labels, `[rows, kind's width]`.
    pub(crate) fn predict(
        &self,
        design: &Design,
        t: usize,
        scale: Scale,
        rows: &[u32],
    ) -> Vec<f64> {
        let kind = self.blueprint.outputs.kind_of(t);
        let mut predictions = Vec::with_capacity(rows.len() * kind.width());
        let of = if self.is_grouped() { 0 } else { t };
        self.each_pass(design, t, rows, |tape, outputs| {
            outputs[of].rows(tape).for_each(|output| finish(output, kind, scale, &mut predictions));
        });
        predictions
    }

    /// Predictions of all tasks that are columns, by one pass; `scales` has one entry for each.
    pub(crate) fn predict_all(
        &self,
        design: &Design,
        scales: &[Scale],
        rows: &[u32],
    ) -> Vec<Vec<f64>> {
        let kinds = &self.blueprint.outputs.kinds;
        let width = |kind: &TaskKind| Vec::with_capacity(rows.len() * kind.width());
        let mut predictions: Vec<Vec<f64>> = kinds.iter().map(width).collect();
        self.each_pass(design, 0, rows, |tape, outputs| {
            let tasks = kinds.iter().zip(scales).zip(outputs).zip(&mut predictions);
            for (((kind, scale), output), predictions) in tasks {
                output.rows(tape).for_each(|output| finish(output, kind, *scale, predictions));
            }
        });
        predictions
    }

    /// Calls `with` on the outputs of some rows after the other; `group` names the head of groups.
    fn each_pass(
        &self,
        design: &Design,
        group: usize,
        rows: &[u32],
        mut with: impl FnMut(&Tape<f32>, &[Output]),
    ) {
        let mut tape = Tape::new();
        for rows in rows.chunks(PREDICTION_ROWS) {
            let inputs = Inputs::of_rows(design, rows);
            let rows: Vec<u32> = (0..rows.len()).map(row_index).collect();
            let groups =
                if self.is_grouped() { vec![row_index(group); rows.len()] } else { Vec::new() };
            let (_, outputs) =
                self.outputs(&mut tape, &inputs, &rows, &groups, &mut Mode::Evaluation);
            with(&tape, &outputs);
        }
    }
}

/// What one target's head puts out: some columns of a value.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) value: Var,
    pub(crate) columns: Range<usize>,
}

impl Output {
    /// The columns of every row.
    fn rows<'a>(&'a self, tape: &'a Tape<f32>) -> impl Iterator<Item = &'a [f32]> {
        let [_, width] = tape.shape(self.value);
        tape.value(self.value).chunks_exact(width).map(|row| &row[self.columns.clone()])
    }
}

/// The loss of one row, as the training has it without weights; `NaN` without a label.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "classes are counts")]
fn row_loss(kind: &TaskKind, output: &[f32], label: f32) -> f32 {
    match kind {
        TaskKind::Regression => (output[0] - label).powi(2),
        TaskKind::Binary { .. } => {
            let z = output[0];
            z.max(0.0) + (-z.abs()).exp().ln_1p() - label * z
        }
        TaskKind::Multiclass { .. } if label.is_nan() => f32::NAN,
        TaskKind::Multiclass { .. } => {
            let largest = output.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f32 = output.iter().map(|z| (z - largest).exp()).sum();
            total.ln() + largest - output[label as usize]
        }
    }
}

/// From a head's output to a prediction: unscaled, or probabilities.
fn finish(output: &[f32], kind: &TaskKind, scale: Scale, into: &mut Vec<f64>) {
    match kind {
        TaskKind::Regression => into.push(f64::from(output[0]) * scale.sd + scale.mean),
        TaskKind::Binary { .. } => into.push(1.0 / (1.0 + (-f64::from(output[0])).exp())),
        TaskKind::Multiclass { .. } => {
            let largest = output.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let start = into.len();
            into.extend(output.iter().map(|&logit| f64::from(logit - largest).exp()));
            let total: f64 = into[start..].iter().sum();
            into[start..].iter_mut().for_each(|p| *p /= total);
        }
    }
}

/// Features as the network reads them, `[n_rows, n_columns]`.
pub(crate) struct Inputs {
    values: Vec<f32>,
    pub(crate) n_columns: usize,
    /// Height, width and channels, where the columns are the pixels of an image.
    pub(crate) image: Option<[usize; 3]>,
}

#[expect(clippy::cast_possible_truncation, reason = "standardized features need no more")]
impl Inputs {
    /// All rows.
    pub(crate) fn new(design: &Design) -> Self {
        let values = design.values().iter().map(|v| *v as f32).collect();
        let image = design.image().map(|i| [i.height, i.width, i.channels]);
        Self { values, n_columns: design.n_columns(), image }
    }

    /// Some rows, in their order.
    fn of_rows(design: &Design, rows: &[u32]) -> Self {
        let n_columns = design.n_columns();
        let row = |row: &u32| &design.values()[*row as usize * n_columns..][..n_columns];
        let values = rows.iter().flat_map(row).map(|v| *v as f32).collect();
        Self { values, n_columns, image: None }
    }
}
