//! Heads: from the representation to each task's prediction, and the losses on it.

use std::ops::Range;

use rand::RngExt;
use torso_core::data::TaskKind;
use torso_core::seed::Seed;
use torso_tape::{Activation, Groups, Init, LossKind, LossSpec, ParamId, Params, Role, Tape, Var};

use crate::layout::{Layout, LayoutError, slices};
use crate::network::{Forward, Output};
use crate::settings::{GroupHead, RegressionLoss};
use crate::sharing::{Reading, Widths};
use crate::supervision::Supervision;

/// The heads of a network.
pub(crate) enum Heads {
    /// A head for each target, side by side in one product.
    Stacked { weight: ParamId, bias: ParamId, columns: Vec<Range<usize>> },
    /// A head for each target, which reads a value of its own.
    Each(Vec<Head>),
    /// A head for each target, which reads the representation through a rotation of its own.
    Rotated { heads: Vec<RotatedHead>, rotations: Vec<ParamId>, columns: Vec<Range<usize>> },
    /// A head for each group of rows, alone or beside a common one.
    Grouped {
        common: Option<(ParamId, ParamId)>,
        weight: ParamId,
        bias: ParamId,
        n_groups: usize,
        /// Numbers of the target.
        width: usize,
    },
}

/// One target's head: `X W + b`.
pub(crate) struct Head {
    weight: ParamId,
    bias: ParamId,
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
    /// Adds heads that read values of these widths.
    pub(crate) fn declare(
        layout: &mut Layout,
        widths: &Widths,
        rotates: bool,
        seed: Seed,
    ) -> Result<Self, LayoutError> {
        let outputs = layout.context.outputs;
        match widths {
            Widths::Common(width) if outputs.grouped => Self::grouped(layout, *width, seed),
            Widths::Common(width) if rotates => Self::rotated(layout, *width, seed),
            Widths::Common(width) => Self::stacked(layout, *width, seed),
            Widths::Each(widths) => Self::each(layout, widths, seed),
        }
    }

    fn stacked(layout: &mut Layout, width: usize, seed: Seed) -> Result<Self, LayoutError> {
        let outputs = layout.context.outputs;
        let columns = outputs.columns();
        let end = columns.last().map_or(0, |columns| columns.end);
        let weight = layout.add("heads.weight", [width, end], Init::Zeros)?;
        let bias = layout.add("heads.bias", [1, end], Init::Zeros)?;
        layout.params.range_mut(bias).decays = false;
        for (name, columns) in outputs.names.iter().zip(&columns) {
            draw(layout.params.get_mut(weight), width, end, columns.clone(), name, seed);
        }
        Ok(Self::Stacked { weight, bias, columns })
    }

    fn each(layout: &mut Layout, widths: &[usize], seed: Seed) -> Result<Self, LayoutError> {
        let outputs = layout.context.outputs;
        let tasks = outputs.kinds.iter().zip(&outputs.names).zip(widths);
        let head = |((kind, name), &width): ((&TaskKind, &String), &usize)| {
            let columns = kind.width();
            let weight =
                layout.add(&format!("head.{name}.weight"), [width, columns], Init::Zeros)?;
            let bias = layout.add(&format!("head.{name}.bias"), [1, columns], Init::Zeros)?;
            layout.params.range_mut(bias).decays = false;
            draw(layout.params.get_mut(weight), width, columns, 0..columns, name, seed);
            Ok(Head { weight, bias })
        };
        Ok(Self::Each(tasks.map(head).collect::<Result<_, LayoutError>>()?))
    }

    fn rotated(layout: &mut Layout, width: usize, seed: Seed) -> Result<Self, LayoutError> {
        let outputs = layout.context.outputs;
        let (mut heads, mut rotations) = (Vec::new(), Vec::new());
        for (kind, name) in outputs.kinds.iter().zip(&outputs.names) {
            let columns = kind.width();
            let rotation = layout.add(&format!("rotation.{name}"), [width, width], Init::Zeros)?;
            let diagonal = layout.params.get_mut(rotation).iter_mut().step_by(width + 1);
            diagonal.for_each(|one| *one = 1.0);
            let zero = layout.add(&format!("rotation-zero.{name}"), [1, width], Init::Zeros)?;
            let weight =
                layout.add(&format!("head.{name}.weight"), [width, columns], Init::Zeros)?;
            let bias = layout.add(&format!("head.{name}.bias"), [1, columns], Init::Zeros)?;
            draw(layout.params.get_mut(weight), width, columns, 0..columns, name, seed);
            for fixed in [rotation, zero, bias] {
                layout.params.range_mut(fixed).decays = false;
            }
            for fixed in [rotation, zero] {
                layout.params.range_mut(fixed).lr_factor = 0.0;
            }
            heads.push(RotatedHead { zero, weight, bias });
            rotations.push(rotation);
        }
        Ok(Self::Rotated { heads, rotations, columns: outputs.columns() })
    }

    fn grouped(layout: &mut Layout, width: usize, seed: Seed) -> Result<Self, LayoutError> {
        let (outputs, settings) = (layout.context.outputs, layout.context.settings);
        let n_groups = outputs.names.len();
        let columns = outputs.kind_of(0).width();
        let rows = n_groups.checked_mul(width).ok_or(LayoutError::TooLarge)?;
        let weight = layout.add("heads.weight", [rows, columns], Init::Zeros)?;
        let bias = layout.add("heads.bias", [n_groups, columns], Init::Zeros)?;
        layout.params.range_mut(bias).decays = false;
        let common = match settings.head {
            GroupHead::Separate => {
                for (group, name) in outputs.names.iter().enumerate() {
                    let rows = group * width * columns..(group + 1) * width * columns;
                    let own = &mut layout.params.get_mut(weight)[rows];
                    draw(own, width, columns, 0..columns, name, seed);
                }
                None
            }
            GroupHead::Deviation => {
                let common = layout.add("head.weight", [width, columns], Init::Zeros)?;
                let own = layout.params.get_mut(common);
                draw(own, width, columns, 0..columns, "common", seed);
                let common_bias = layout.add("head.bias", [1, columns], Init::Zeros)?;
                layout.params.range_mut(common_bias).decays = false;
                for deviation in [weight, bias] {
                    layout.params.range_mut(deviation).l2 = settings.deviation;
                    layout.params.range_mut(deviation).decays = false;
                }
                Some((common, common_bias))
            }
        };
        Ok(Self::Grouped { common, weight, bias, n_groups, width: columns })
    }

    /// Where each task's own weight lies among all parameters, if all are of one shape.
    pub(crate) fn weights(&self, params: &Params<f32>) -> Option<Vec<Range<usize>>> {
        match self {
            Self::Each(heads) => {
                let shapes = heads.iter().map(|head| params.range(head.weight).shape());
                let alike = shapes.clone().all(|shape| Some(shape) == shapes.clone().next());
                let spans = heads.iter().map(|head| params.range(head.weight).span());
                alike.then(|| spans.collect())
            }
            Self::Grouped { weight, n_groups, .. } => {
                Some(slices(params.range(*weight).span(), *n_groups))
            }
            Self::Stacked { .. } | Self::Rotated { .. } => None,
        }
    }

    /// The weights that what the heads read is multiplied by: a row for each number read, of groups
    /// one group below the other.
    pub(crate) fn weights_of_reading(&self) -> Vec<ParamId> {
        match self {
            Self::Stacked { weight, .. } => vec![*weight],
            Self::Each(heads) => heads.iter().map(|head| head.weight).collect(),
            Self::Rotated { heads, .. } => heads.iter().map(|head| head.weight).collect(),
            Self::Grouped { common, weight, .. } => {
                common.iter().map(|(weight, _)| *weight).chain([*weight]).collect()
            }
        }
    }

    /// Records each target's output from what the heads read; notes there the representation as
    /// each task reads it, where tasks read it rotated.
    pub(crate) fn record(&self, forward: &mut Forward, reading: &mut Reading) -> Vec<Output> {
        let params = forward.params;
        let tape = &mut *forward.tape;
        let identity = Activation::Identity;
        let common = match reading {
            Reading::Trunk(cuts) => cuts.representation,
            Reading::Common(value) => *value,
            Reading::Each(values) => values[0],
        };
        match (self, reading) {
            (Self::Stacked { weight, bias, columns }, _) => {
                let value = tape.linear(params, common, *weight, *bias, identity);
                columns.iter().map(|columns| Output { value, columns: columns.clone() }).collect()
            }
            (Self::Each(heads), Reading::Each(values)) => {
                let outputs = heads.iter().zip(values);
                let output = |(head, value): (&Head, &mut Var)| {
                    let value = tape.linear(params, *value, head.weight, head.bias, identity);
                    Output { value, columns: 0..tape.shape(value)[1] }
                };
                outputs.map(output).collect()
            }
            (Self::Rotated { heads, rotations, columns }, Reading::Trunk(cuts)) => {
                let turn = |(head, &rotation): (&RotatedHead, &ParamId)| {
                    tape.linear(params, common, rotation, head.zero, identity)
                };
                cuts.rotated = heads.iter().zip(rotations).map(turn).collect();
                let outputs = heads.iter().zip(&cuts.rotated);
                let outputs: Vec<Var> = outputs
                    .map(|(head, &z)| tape.linear(params, z, head.weight, head.bias, identity))
                    .collect();
                let (first, rest) = outputs.split_first().expect("a network has a target");
                let value = rest.iter().fold(*first, |left, right| tape.concat(left, *right));
                columns.iter().map(|columns| Output { value, columns: columns.clone() }).collect()
            }
            (Self::Grouped { common: shared, weight, bias, width, .. }, _) => {
                let own = tape.grouped_linear(params, common, *weight, *bias, forward.groups);
                let value = match shared {
                    None => own,
                    Some((w, b)) => {
                        let shared = tape.linear(params, common, *w, *b, identity);
                        tape.add(shared, own)
                    }
                };
                vec![Output { value, columns: 0..*width }]
            }
            (Self::Each(_) | Self::Rotated { .. }, _) => {
                unreachable!("heads are declared for what the architecture gives")
            }
        }
    }

    /// Records the losses of a batch on its predictions, one for each task.
    pub(crate) fn losses(
        &self,
        tape: &mut Tape<f32>,
        outputs: &[Output],
        batch: &Batch,
        supervision: &Supervision,
        regression: RegressionLoss,
    ) {
        for (t, (target, output)) in supervision.targets.iter().zip(outputs).enumerate() {
            let groups = match self {
                Self::Grouped { n_groups, .. } => {
                    Some(Groups { of_row: &batch.groups, n: *n_groups })
                }
                _ => None,
            };
            let spec = LossSpec {
                kind: loss_kind(&target.kind, regression),
                targets: &batch.targets[t],
                row_weights: &batch.weights,
                class_weights: &[],
                groups,
                role: Role::Task,
            };
            tape.loss(output.value, output.columns.clone(), &spec);
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
