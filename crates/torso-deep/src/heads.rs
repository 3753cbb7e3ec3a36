//! Heads: from the representation to each task's prediction, and the losses on it.

use std::ops::Range;

use rand::RngExt;
use torso_core::data::TaskKind;
use torso_core::seed::Seed;
use torso_tape::{Activation, Groups, Init, LossKind, LossSpec, ParamId, Params, Role, Tape, Var};

use crate::settings::{GroupHead, NetworkSettings, RegressionLoss};
use crate::supervision::{Outputs, Supervision};

/// The heads of a network.
pub(crate) enum Heads {
    /// A head for each target, side by side in one product.
    Stacked { weight: ParamId, bias: ParamId, columns: Vec<Range<usize>> },
    /// A head for each target, which reads the representation through a rotation of its own.
    Rotated { heads: Vec<RotatedHead>, rotations: Vec<ParamId>, columns: Vec<Range<usize>> },
    /// A head for each group of rows, alone or beside a common one.
    Grouped { common: Option<(ParamId, ParamId)>, weight: ParamId, bias: ParamId, n_groups: usize },
}

/// What one target's head reads: `(Z R + 0) W + b`.
pub(crate) struct RotatedHead {
    zero: ParamId,
    weight: ParamId,
    bias: ParamId,
}

/// The rows of one step, with their labels.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<u32>,
    /// Labels of each target, `[n_targets][rows]`.
    pub(crate) targets: Vec<Vec<f32>>,
    /// The group of each row; empty where there are none.
    pub(crate) groups: Vec<u32>,
    pub(crate) weights: Vec<f32>,
}

impl Batch {
    /// Takes some rows and their labels, reusing what is allocated.
    pub(crate) fn fill(&mut self, supervision: &Supervision, rows: &[u32]) {
        self.rows.clear();
        self.rows.extend_from_slice(rows);
        supervision.sort(&mut self.rows);
        self.targets.resize_with(supervision.targets.len(), Vec::new);
        for (column, target) in self.targets.iter_mut().zip(&supervision.targets) {
            column.clear();
            column.extend(self.rows.iter().map(|&row| target.values[row as usize]));
        }
        self.groups.clear();
        if let Some(group_of_row) = &supervision.group_of_row {
            self.groups.extend(self.rows.iter().map(|&row| group_of_row[row as usize]));
        }
        supervision.gather_weights(&self.rows, &mut self.weights);
    }
}

impl Heads {
    /// Adds heads that read a representation of `width` numbers.
    pub(crate) fn declare(
        params: &mut Params<f32>,
        width: usize,
        outputs: &Outputs,
        settings: &NetworkSettings,
        rotates: bool,
        seed: Seed,
    ) -> Self {
        if outputs.grouped {
            Self::grouped(params, width, outputs, settings, seed)
        } else if rotates {
            Self::rotated(params, width, outputs, seed)
        } else {
            Self::stacked(params, width, outputs, seed)
        }
    }

    fn stacked(params: &mut Params<f32>, width: usize, outputs: &Outputs, seed: Seed) -> Self {
        let columns = outputs.columns();
        let end = columns.last().map_or(0, |columns| columns.end);
        let weight = params.add("heads.weight", [width, end], Init::Zeros);
        let bias = params.add("heads.bias", [1, end], Init::Zeros);
        params.range_mut(bias).decays = false;
        for (name, columns) in outputs.names.iter().zip(&columns) {
            draw(params.get_mut(weight), width, end, columns.clone(), name, seed);
        }
        Self::Stacked { weight, bias, columns }
    }

    fn rotated(params: &mut Params<f32>, width: usize, outputs: &Outputs, seed: Seed) -> Self {
        let (mut heads, mut rotations) = (Vec::new(), Vec::new());
        for (kind, name) in outputs.kinds.iter().zip(&outputs.names) {
            let columns = kind.width();
            let rotation = params.add(format!("rotation.{name}"), [width, width], Init::Zeros);
            params.get_mut(rotation).iter_mut().step_by(width + 1).for_each(|one| *one = 1.0);
            let zero = params.add(format!("rotation-zero.{name}"), [1, width], Init::Zeros);
            let weight = params.add(format!("head.{name}.weight"), [width, columns], Init::Zeros);
            let bias = params.add(format!("head.{name}.bias"), [1, columns], Init::Zeros);
            draw(params.get_mut(weight), width, columns, 0..columns, name, seed);
            for fixed in [rotation, zero, bias] {
                params.range_mut(fixed).decays = false;
            }
            for fixed in [rotation, zero] {
                params.range_mut(fixed).lr_factor = 0.0;
            }
            heads.push(RotatedHead { zero, weight, bias });
            rotations.push(rotation);
        }
        Self::Rotated { heads, rotations, columns: outputs.columns() }
    }

    fn grouped(
        params: &mut Params<f32>,
        width: usize,
        outputs: &Outputs,
        settings: &NetworkSettings,
        seed: Seed,
    ) -> Self {
        let n_groups = outputs.names.len();
        let columns = outputs.kind_of(0).width();
        let weight = params.add("heads.weight", [n_groups * width, columns], Init::Zeros);
        let bias = params.add("heads.bias", [n_groups, columns], Init::Zeros);
        params.range_mut(bias).decays = false;
        let common = match settings.head {
            GroupHead::Separate => {
                for (group, name) in outputs.names.iter().enumerate() {
                    let rows = group * width * columns..(group + 1) * width * columns;
                    let own = &mut params.get_mut(weight)[rows];
                    draw(own, width, columns, 0..columns, name, seed);
                }
                None
            }
            GroupHead::Deviation => {
                let common = params.add("head.weight", [width, columns], Init::Zeros);
                draw(params.get_mut(common), width, columns, 0..columns, "common", seed);
                let common_bias = params.add("head.bias", [1, columns], Init::Zeros);
                params.range_mut(common_bias).decays = false;
                for deviation in [weight, bias] {
                    params.range_mut(deviation).l2 = settings.deviation;
                    params.range_mut(deviation).decays = false;
                }
                Some((common, common_bias))
            }
        };
        Self::Grouped { common, weight, bias, n_groups }
    }

    /// Records the predictions from `representation [B, width]`; `groups` as in the batch. Gives
    /// with them the representation as each task reads it, where tasks read it rotated.
    pub(crate) fn record(
        &self,
        tape: &mut Tape<f32>,
        params: &Params<f32>,
        representation: Var,
        groups: &[u32],
    ) -> (Var, Vec<Var>) {
        let output = match self {
            Self::Stacked { weight, bias, .. } => {
                tape.linear(params, representation, *weight, *bias, Activation::Identity)
            }
            Self::Rotated { heads, rotations, .. } => {
                let identity = Activation::Identity;
                let turn = |(head, &rotation): (&RotatedHead, &ParamId)| {
                    tape.linear(params, representation, rotation, head.zero, identity)
                };
                let rotated: Vec<Var> = heads.iter().zip(rotations).map(turn).collect();
                let outputs = heads.iter().zip(&rotated);
                let outputs: Vec<Var> = outputs
                    .map(|(head, &z)| tape.linear(params, z, head.weight, head.bias, identity))
                    .collect();
                let (first, rest) = outputs.split_first().expect("a network has a target");
                let all = rest.iter().fold(*first, |left, right| tape.concat(left, *right));
                return (all, rotated);
            }
            Self::Grouped { common, weight, bias, .. } => {
                let own = tape.grouped_linear(params, representation, *weight, *bias, groups);
                match common {
                    None => own,
                    Some((w, b)) => {
                        let common =
                            tape.linear(params, representation, *w, *b, Activation::Identity);
                        tape.add(common, own)
                    }
                }
            }
        };
        (output, Vec::new())
    }

    /// Records the losses of a batch on its predictions, one for each task.
    pub(crate) fn losses(
        &self,
        tape: &mut Tape<f32>,
        output: Var,
        batch: &Batch,
        supervision: &Supervision,
        regression: RegressionLoss,
    ) {
        for (t, target) in supervision.targets.iter().enumerate() {
            let columns = match self {
                Self::Stacked { columns, .. } | Self::Rotated { columns, .. } => columns[t].clone(),
                Self::Grouped { .. } => 0..target.kind.width(),
            };
            let groups = match self {
                Self::Stacked { .. } | Self::Rotated { .. } => None,
                Self::Grouped { n_groups, .. } => {
                    Some(Groups { of_row: &batch.groups, n: *n_groups })
                }
            };
            let spec = LossSpec {
                kind: loss_kind(&target.kind, regression),
                targets: &batch.targets[t],
                row_weights: &batch.weights,
                class_weights: &[],
                groups,
                role: Role::Task,
            };
            tape.loss(output, columns, &spec);
        }
    }

    /// The columns of task `t` in the output.
    pub(crate) fn columns(&self, t: usize, width: usize) -> Range<usize> {
        match self {
            Self::Stacked { columns, .. } | Self::Rotated { columns, .. } => columns[t].clone(),
            Self::Grouped { .. } => 0..width,
        }
    }

    /// The rotations through which heads read the representation; none where they read it as it is.
    pub(crate) fn rotations(&self) -> &[ParamId] {
        match self {
            Self::Rotated { rotations, .. } => rotations,
            _ => &[],
        }
    }
}

fn loss_kind(kind: &TaskKind, regression: RegressionLoss) -> LossKind {
    match (kind, regression) {
        (TaskKind::Regression, RegressionLoss::Squared) => LossKind::Squared,
        (TaskKind::Regression, RegressionLoss::Huber) => LossKind::Huber { delta: 1.0 },
        (TaskKind::Binary { .. }, _) => LossKind::BinaryCrossEntropy,
        (TaskKind::Multiclass { .. }, _) => LossKind::SoftmaxCrossEntropy,
    }
}

/// Starts the columns of one task's head, keyed by the task: other tasks change no draw of it.
fn draw(
    weights: &mut [f32],
    rows: usize,
    stride: usize,
    columns: Range<usize>,
    task: &str,
    seed: Seed,
) {
    let bound = 1.0 / (rows as f32).sqrt();
    let mut stream = seed.stream("init", &format!("head.{task}.weight"), 0);
    for row in 0..rows {
        for column in columns.clone() {
            weights[row * stride + column] = stream.random_range(-bound..bound);
        }
    }
}
