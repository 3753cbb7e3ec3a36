//! A network: parameters, a sharing architecture over them, and heads.

use torso_core::data::{TaskKind, row_index};
use torso_core::features::Design;
use torso_core::seed::{Seed, Stream};
use torso_tape::{ParamId, Params, Tape, Var};

use crate::balancing::Rotations;
use crate::heads::{Batch, Heads};
use crate::settings::NetworkSettings;
use crate::sharing::{Sharing, SharingMethod};
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

/// What a network is made of.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) sharing: &'static SharingMethod,
    /// Columns of the design.
    pub(crate) n_inputs: usize,
    pub(crate) outputs: Outputs,
    /// Whether tasks read the representation through rotations of their own.
    pub(crate) rotates: bool,
    pub(crate) settings: NetworkSettings,
}

/// A network with its parameters.
pub(crate) struct Network {
    pub(crate) params: Params<f32>,
    sharing: Box<dyn Sharing>,
    heads: Heads,
    blueprint: Blueprint,
}

impl Network {
    /// A network at its initial parameters.
    pub(crate) fn new(blueprint: Blueprint, seed: Seed) -> Self {
        let Blueprint { n_inputs, outputs, rotates, settings, .. } = &blueprint;
        let mut params = Params::new(seed);
        let sharing = (blueprint.sharing.declare)(&mut params, *n_inputs, settings);
        let width = *settings.hidden.last().expect("checked settings have a hidden layer");
        let heads = Heads::declare(&mut params, width, outputs, settings, *rotates, seed);
        Self { params, sharing, heads, blueprint }
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

    /// Records the pass of a batch, with the loss of every task; gives the values at which a walk
    /// back can be cut.
    pub(crate) fn record(
        &self,
        tape: &mut Tape<f32>,
        inputs: &Inputs,
        batch: &Batch,
        supervision: &Supervision,
        mode: &mut Mode,
    ) -> Cuts {
        let (cuts, output) = self.output(tape, inputs, &batch.rows, &batch.groups, mode);
        self.heads.losses(tape, output, batch, supervision, self.blueprint.settings.loss);
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

    fn output(
        &self,
        tape: &mut Tape<f32>,
        inputs: &Inputs,
        rows: &[u32],
        groups: &[u32],
        mode: &mut Mode,
    ) -> (Cuts, Var) {
        tape.clear();
        let input = tape.input_rows(&inputs.values, inputs.n_columns, rows);
        let mut cuts = self.sharing.record(tape, &self.params, input, mode);
        let output;
        (output, cuts.rotated) = self.heads.record(tape, &self.params, cuts.representation, groups);
        (cuts, output)
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
        let columns = self.heads.columns(t, kind.width());
        let mut predictions = Vec::with_capacity(rows.len() * kind.width());
        self.each_output(design, t, rows, |output| {
            finish(&output[columns.clone()], kind, scale, &mut predictions);
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
        let columns = self.blueprint.outputs.columns();
        self.each_output(design, 0, rows, |output| {
            let tasks = kinds.iter().zip(scales).zip(&columns).zip(&mut predictions);
            for (((kind, scale), columns), predictions) in tasks {
                finish(&output[columns.clone()], kind, *scale, predictions);
            }
        });
        predictions
    }

    /// Calls `with` on the heads' output for every row; `group` names the head of groups.
    fn each_output(
        &self,
        design: &Design,
        group: usize,
        rows: &[u32],
        mut with: impl FnMut(&[f32]),
    ) {
        let mut tape = Tape::new();
        for rows in rows.chunks(PREDICTION_ROWS) {
            let inputs = Inputs::of_rows(design, rows);
            let rows: Vec<u32> = (0..rows.len()).map(row_index).collect();
            let groups = match self.heads {
                Heads::Grouped { .. } => vec![row_index(group); rows.len()],
                _ => Vec::new(),
            };
            let (_, output) =
                self.output(&mut tape, &inputs, &rows, &groups, &mut Mode::Evaluation);
            let [_, width] = tape.shape(output);
            tape.value(output).chunks_exact(width).for_each(&mut with);
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
}

#[expect(clippy::cast_possible_truncation, reason = "standardized features need no more")]
impl Inputs {
    /// All rows.
    pub(crate) fn new(design: &Design) -> Self {
        let values = design.values().iter().map(|v| *v as f32).collect();
        Self { values, n_columns: design.n_columns() }
    }

    /// Some rows, in their order.
    fn of_rows(design: &Design, rows: &[u32]) -> Self {
        let n_columns = design.n_columns();
        let row = |row: &u32| &design.values()[*row as usize * n_columns..][..n_columns];
        let values = rows.iter().flat_map(row).map(|v| *v as f32).collect();
        Self { values, n_columns }
    }
}
