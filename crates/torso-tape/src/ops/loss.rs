//! Losses of tasks on some columns of a value: means over observed labels.
//!
//! With row weights `w_i` and class weights `v_k`, the loss of a task is
//! `sum_i w_i v_{y_i} l_i / sum_i w_i v_{y_i}` over the rows `i` whose label is observed; a loss
//! without any label is 0 and has no gradient. The slopes are computed in the forward pass, so a
//! walk back only scales them.

use std::ops::Range;

use super::linear::sigmoid;
use super::{Op, Pullback};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};

/// The loss of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LossKind {
    /// `(z - y)^2`.
    Squared,
    /// `r^2` up to `|r| = delta`, then `2 delta |r| - delta^2`: it equals the squared error near
    /// 0 (Huber 1964; PyTorch's is half of it).
    Huber {
        /// From where it is linear; above 0.
        delta: f64,
    },
    /// `log(1 + exp(z)) - y z`, for a label `y` of 0 or 1 and one logit.
    BinaryCrossEntropy,
    /// `log sum exp(z) - z_y`, for a class `y` and a logit for each class.
    SoftmaxCrossEntropy,
}

/// What a loss is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Role {
    /// A task: it is weighed, has a row in the Jacobian, and makes parameters shared.
    Task,
    /// A penalty, a prior or an adversary: its gradient, times the factor, is added after
    /// balancing, and makes nothing shared.
    Extra {
        /// The factor.
        weight: f64,
    },
}

/// Tasks that are groups of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Groups<'a> {
    /// The group of each row; rows of unknown groups (`n` and above) have no loss.
    pub of_row: &'a [u32],
    /// The number of groups, each with a loss of its own.
    pub n: usize,
}

/// A loss to be recorded.
#[derive(Debug, Clone, Copy)]
pub struct LossSpec<'a, T> {
    /// The loss of one row.
    pub kind: LossKind,
    /// A label for each row, `NaN` where it is missing; a class is its number.
    pub targets: &'a [T],
    /// A weight for each row, at least 0; empty where all weigh the same.
    pub row_weights: &'a [T],
    /// A weight for each class, at least 0; empty where all weigh the same.
    pub class_weights: &'a [T],
    /// The groups of the rows, if each has a loss of its own.
    pub groups: Option<Groups<'a>>,
    /// What it is for.
    pub role: Role,
}

impl<'a, T> LossSpec<'a, T> {
    /// The loss of a task without weights or groups.
    pub fn new(kind: LossKind, targets: &'a [T]) -> Self {
        Self { kind, targets, row_weights: &[], class_weights: &[], groups: None, role: Role::Task }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct LossOp {
    pub(crate) input: Var,
    pub(crate) columns: [usize; 2],
    /// The number of its first loss among the tasks'.
    pub(crate) first: usize,
    pub(crate) n_losses: usize,
    /// The number of groups, if there are any; the node's codes are the groups of the rows.
    pub(crate) n_groups: Option<usize>,
    pub(crate) role: Role,
}

pub(crate) fn record<T: Scalar>(
    tape: &mut Tape<T>,
    input: Var,
    columns: Range<usize>,
    spec: &LossSpec<T>,
) -> usize {
    let [n_rows, input_width] = tape.shape(input);
    check(spec, n_rows, input_width, &columns);
    let first = tape.losses.len();
    let n_losses = spec.groups.map_or(1, |groups| groups.n);
    let mut sums = std::mem::take(&mut tape.scratch.sums);
    sums.clear();
    sums.resize(n_losses, Sum::default());

    let (below, node, _) = tape.next();
    node.op = Op::Loss(LossOp {
        input,
        columns: [columns.start, columns.end],
        first,
        n_losses,
        n_groups: spec.groups.map(|groups| groups.n),
        role: spec.role,
    });
    (node.shape, node.trainable) = ([n_rows, columns.len()], below[input.index()].trainable);
    node.codes.clear();
    node.codes.extend_from_slice(spec.groups.map_or(&[], |groups| groups.of_row));
    node.saved.clear();
    node.saved.resize(n_rows * columns.len(), T::ZERO);
    let outputs = below[input.index()].value.chunks_exact(input_width);
    let slopes = node.saved.chunks_exact_mut(columns.len());
    for (row, (output, slope)) in outputs.zip(slopes).enumerate() {
        let loss = spec.loss_of(row);
        let (label, weight) = (spec.targets[row], spec.weight_of(row));
        if loss < n_losses && weight > T::ZERO {
            let value = spec.kind.value_and_slope(&output[columns.clone()], label, slope);
            scale(slope, weight);
            sums[loss].add(value, weight);
        }
    }
    for (row, slope) in node.saved.chunks_exact_mut(columns.len()).enumerate() {
        if let Some(sum) = sums.get(spec.loss_of(row)).filter(|sum| sum.weight > 0.0) {
            let share = T::from_f64(1.0 / sum.weight);
            scale(slope, share);
        }
    }
    if spec.role == Role::Task {
        tape.losses.extend(sums.iter().map(|sum| T::from_f64(sum.mean())));
        tape.observed.extend(sums.iter().map(|sum| sum.observed));
    }
    tape.scratch.sums = sums;
    tape.push();
    first
}

fn check<T: Scalar>(spec: &LossSpec<T>, n_rows: usize, width: usize, columns: &Range<usize>) {
    assert!(!columns.is_empty() && columns.end <= width, "a loss reads columns that are there");
    assert_eq!(spec.targets.len(), n_rows, "a label or NaN for each row");
    for weights in [spec.row_weights.len(), spec.groups.map_or(0, |groups| groups.of_row.len())] {
        assert!(weights == 0 || weights == n_rows, "a weight and a group for each row, or none");
    }
    let single = !matches!(spec.kind, LossKind::SoftmaxCrossEntropy);
    assert!(!single || columns.len() == 1, "one column for a number or a logit");
}

/// The sums behind one loss.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    value: f64,
    weight: f64,
    observed: u32,
}

impl Sum {
    fn add<T: Scalar>(&mut self, value: T, weight: T) {
        self.value += value.double() * weight.double();
        self.weight += weight.double();
        self.observed += 1;
    }

    fn mean(&self) -> f64 {
        if self.weight > 0.0 { self.value / self.weight } else { 0.0 }
    }
}

impl<T: Scalar> LossSpec<'_, T> {
    /// The number of the loss that a row belongs to.
    fn loss_of(&self, row: usize) -> usize {
        self.groups.map_or(0, |groups| groups.of_row[row] as usize)
    }

    /// The weight of a row with its class; 0 where the label is missing.
    fn weight_of(&self, row: usize) -> T {
        let label = self.targets[row];
        if label.is_nan() {
            return T::ZERO;
        }
        let of_row = self.row_weights.get(row).copied().unwrap_or(T::ONE);
        if self.class_weights.is_empty() {
            return of_row;
        }
        of_row * self.class_weights[class(label)]
    }
}

impl LossKind {
    /// The loss of one row, and its slope along each column.
    #[inline]
    fn value_and_slope<T: Scalar>(self, output: &[T], label: T, slope: &mut [T]) -> T {
        let z = output[0];
        match self {
            Self::Squared => {
                let error = z - label;
                slope[0] = error + error;
                error * error
            }
            Self::Huber { delta } => {
                let (error, delta) = (z - label, T::from_f64(delta));
                if error.abs() <= delta {
                    slope[0] = error + error;
                    return error * error;
                }
                let signed = if error > T::ZERO { delta } else { -delta };
                slope[0] = signed + signed;
                slope[0] * error - delta * delta
            }
            Self::BinaryCrossEntropy => {
                slope[0] = sigmoid(z) - label;
                z.max(T::ZERO) - label * z + (-z.abs()).exp().ln_1p()
            }
            Self::SoftmaxCrossEntropy => softmax(output, class(label), slope),
        }
    }
}

fn scale<T: Scalar>(values: &mut [T], factor: T) {
    for value in values {
        *value *= factor;
    }
}

fn softmax<T: Scalar>(output: &[T], class: usize, slope: &mut [T]) -> T {
    let largest = output.iter().copied().fold(output[0], T::max);
    slope.iter_mut().zip(output).for_each(|(p, &z)| *p = (z - largest).exponential());
    let total: T = slope.iter().copied().sum();
    scale(slope, T::ONE / total);
    slope[class] -= T::ONE;
    total.ln() - (output[class] - largest)
}

/// The class that a label stands for.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "class labels are small whole numbers; others fail the bounds of their tables"
)]
fn class<T: Scalar>(label: T) -> usize {
    label.double() as usize
}

/// Scales the slopes by the loss's weight, or gives each loss its own layer.
pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, op: LossOp) {
    let weights = walk.weights;
    let weight = |row: usize| match (weights, op.role) {
        (None, _) => T::ONE,
        (Some(_), Role::Extra { weight }) => T::from_f64(weight),
        (Some(weights), Role::Task) => match op.n_groups {
            None => weights[op.first],
            Some(n) if (node.codes[row] as usize) < n => {
                weights[op.first + node.codes[row] as usize]
            }
            Some(_) => T::ZERO,
        },
    };
    let input = &mut walk.below[op.input.index()];
    if !input.trainable {
        return;
    }
    let channel = node.stack.channels[0];
    let (width, layers, len) = (input.shape[1], input.stack.layers(), input.stack_len());
    let layer = input.stack.layer(channel);
    let stack = input.stack.add_some(len);
    let [first, end] = op.columns;
    for (row, slopes) in node.saved.chunks_exact(end - first).enumerate() {
        let weight = weight(row);
        let into = &mut stack[(row * layers + layer) * width + first..];
        into.iter_mut().zip(slopes).for_each(|(into, &slope)| *into += weight * slope);
    }
}

#[cfg(test)]
mod tests;
