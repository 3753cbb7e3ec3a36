//! A network: parameters, a sharing architecture over them, and heads.

use torso_core::data::{TaskKind, row_index};
use torso_core::features::Design;
use torso_core::seed::{Seed, Stream};
use torso_tape::{ParamId, Params, Tape, Var};

use crate::balancing::Rotations;
use crate::heads::{Batch, Heads};
use crate::settings::NetworkSettings;
use crate::sharing::{Sharing, SharingMethod};
use crate::supervision::{Scale, Supervision};

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

/// A network with its parameters.
pub(crate) struct Network {
    pub(crate) params: Params<f32>,
    sharing: Box<dyn Sharing>,
    heads: Heads,
    settings: NetworkSettings,
}

impl Network {
    /// A network at its initial parameters; tasks read the representation through rotations of
    /// their own if it `rotates`.
    pub(crate) fn new(
        sharing: &SharingMethod,
        n_inputs: usize,
        supervision: &Supervision,
        settings: &NetworkSettings,
        rotates: bool,
        seed: Seed,
    ) -> Self {
        let mut params = Params::new(seed);
        let trunk = (sharing.declare)(&mut params, n_inputs, settings);
        let width = *settings.hidden.last().expect("checked settings have a hidden layer");
        let heads = Heads::declare(&mut params, width, supervision, settings, rotates, seed);
        Self { params, sharing: trunk, heads, settings: settings.clone() }
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
        self.heads.losses(tape, output, batch, supervision, self.settings.loss);
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
        kind: &TaskKind,
        scale: Scale,
        rows: &[u32],
    ) -> Vec<f64> {
        let columns = self.heads.columns(t, kind.width());
        let mut tape = Tape::new();
        let mut predictions = Vec::with_capacity(rows.len() * kind.width());
        for rows in rows.chunks(PREDICTION_ROWS) {
            let inputs = Inputs::of_rows(design, rows);
            let rows: Vec<u32> = (0..rows.len()).map(row_index).collect();
            let groups = match self.heads {
                Heads::Grouped { .. } => vec![row_index(t); rows.len()],
                _ => Vec::new(),
            };
            let (_, output) =
                self.output(&mut tape, &inputs, &rows, &groups, &mut Mode::Evaluation);
            let [_, width] = tape.shape(output);
            for row in tape.value(output).chunks_exact(width) {
                finish(&row[columns.clone()], kind, scale, &mut predictions);
            }
        }
        predictions
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
