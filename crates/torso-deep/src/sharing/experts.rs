//! Experts and gates: what the mixtures of experts are made of.
//!
//! # Formula
//! `E_e(x) [B, k]` are stacks of the encoder's layers, each from draws of its own, so that no two
//! experts start alike. A gate is `g_t(x) = softmax(x W_t + b_t) [B, E]`, and task `t` reads
//! `sum_e g_t(x)_e E_e(x)`. Of tasks that are groups, each row has the gate of its own group.
//!
//! A gate starts at 0: every task reads the mean of its experts, and whatever the gates differ by
//! was learned. It reads the features as they are: of images, all pixels in a line.

use torso_core::finding::Finding;
use torso_tape::{Activation, Init, ParamId, Var};

use super::View;
use super::task_linear::TaskLinear;
use crate::encoder::{LayerShape, Trunk};
use crate::layout::{Layout, LayoutError, TaskLayer};
use crate::network::Forward;

pub(crate) mod extraction;

/// The most experts of a kind.
pub(crate) const MOST: usize = 256;

/// Experts that all tasks share.
pub(crate) struct Bank {
    experts: Vec<Trunk>,
}

impl Bank {
    /// Adds `n` experts of some layers, called `expert.{e}.{l}`; `first` is the number of the first
    /// layer in the encoder.
    pub(crate) fn declare(
        layout: &mut Layout,
        n: usize,
        shapes: &[LayerShape],
        first: usize,
    ) -> Result<Self, LayoutError> {
        let expert = |e| Trunk::declare(layout, &format!("expert.{e}"), shapes, first);
        Ok(Self { experts: (0..n).map(expert).collect::<Result<_, _>>()? })
    }

    /// Records all experts on `input`.
    pub(crate) fn record(&self, forward: &mut Forward, input: Var) -> Vec<Var> {
        (0..self.experts.len()).map(|e| self.record_one(forward, e, input)).collect()
    }

    /// Records one expert on `input`.
    pub(crate) fn record_one(&self, forward: &mut Forward, e: usize, input: Var) -> Var {
        self.experts[e].record(forward, input).representation
    }
}

/// Experts that every task has for itself.
pub(crate) struct OwnExperts {
    experts: Vec<Vec<TaskLayer>>,
}

impl OwnExperts {
    /// Adds `n` experts for each task, called `own.{e}.{l}`. A task's first one starts as the
    /// network of the task alone does.
    pub(crate) fn declare(
        layout: &mut Layout,
        n: usize,
        shapes: &[LayerShape],
        first: usize,
    ) -> Result<Self, LayoutError> {
        let mut expert = |e: usize| {
            let layers = shapes.iter().enumerate().map(|(l, &shape)| {
                let name = format!("own.{e}.{}", first + l);
                let draws = if e == 0 { format!("trunk.{}", first + l) } else { name.clone() };
                TaskLayer::declare(layout, &name, &draws, shape)
            });
            layers.collect::<Result<Vec<_>, _>>()
        };
        Ok(Self { experts: (0..n).map(&mut expert).collect::<Result<_, _>>()? })
    }

    /// Records the experts of a lane on `input`.
    pub(crate) fn record(&self, forward: &mut Forward, lane: usize, input: Var) -> Vec<Var> {
        let mut expert = |layers: &Vec<TaskLayer>| {
            layers.iter().fold(input, |below, layer| {
                let h = layer.record(forward, lane, below);
                forward.dropout(h)
            })
        };
        self.experts.iter().map(&mut expert).collect()
    }
}

/// A gate for each task.
pub(crate) struct TaskGates(TaskLinear);

impl TaskGates {
    /// Adds gates from `n_inputs` numbers over `n` experts.
    pub(crate) fn declare(
        layout: &mut Layout,
        name: &str,
        n_inputs: usize,
        n: usize,
    ) -> Result<Self, LayoutError> {
        Ok(Self(TaskLinear::declare(layout, name, [n_inputs, n], Init::Zeros)?))
    }

    /// Records the gates of a lane, `[B, n]`.
    pub(crate) fn record(&self, forward: &mut Forward, lane: usize, input: Var) -> Var {
        let logits = self.0.record(forward, lane, input);
        forward.tape.softmax(logits)
    }
}

/// A gate that belongs to no task.
pub(crate) struct Gate {
    weight: ParamId,
    bias: ParamId,
}

impl Gate {
    /// Adds a gate from `n_inputs` numbers over `n` experts.
    pub(crate) fn declare(
        layout: &mut Layout,
        name: &str,
        n_inputs: usize,
        n: usize,
    ) -> Result<Self, LayoutError> {
        let weight = layout.add(&format!("{name}.weight"), [n_inputs, n], Init::Zeros)?;
        let bias = layout.add(&format!("{name}.bias"), [1, n], Init::Zeros)?;
        layout.params.range_mut(bias).decays = false;
        Ok(Self { weight, bias })
    }

    /// Records the gate, `[B, n]`.
    pub(crate) fn record(&self, forward: &mut Forward, input: Var) -> Var {
        let (params, identity) = (forward.params, Activation::Identity);
        let logits = forward.tape.linear(params, input, self.weight, self.bias, identity);
        forward.tape.softmax(logits)
    }
}

/// A number of experts that is given as a setting.
pub(crate) fn check_count(name: &str, least: usize, found: usize) -> Result<(), LayoutError> {
    if (least..=MOST).contains(&found) {
        return Ok(());
    }
    Err(LayoutError::out_of_range(name, &format!("from {least} to {MOST}"), found))
}

/// How much each task uses each expert: the mean of the recorded gates of each lane.
pub(crate) fn expert_use(
    view: &View,
    forward: &Forward,
    name: String,
    experts: Vec<String>,
    gates: &[Var],
) -> Finding {
    let tasks = &view.context.outputs.names;
    let values = task_means(forward, gates, tasks.len(), view.context.outputs.grouped);
    Finding::Matrix { name, rows: tasks.clone(), columns: experts, values }
}

/// The mean of each task's value over rows, `[tasks, width]`: of columns over all rows of the
/// task's lane, of groups over their own rows; 0 for a group without any.
pub(crate) fn task_means(
    forward: &Forward,
    lanes: &[Var],
    n_tasks: usize,
    grouped: bool,
) -> Vec<f64> {
    let [_, width] = forward.tape.shape(lanes[0]);
    let (mut sums, mut counts) = (vec![0.0; n_tasks * width], vec![0.0_f64; n_tasks]);
    for (lane, &value) in lanes.iter().enumerate() {
        for (row, value) in forward.tape.value(value).chunks_exact(width).enumerate() {
            let task = if grouped { forward.groups[row] as usize } else { lane };
            let sums = &mut sums[task * width..][..width];
            sums.iter_mut().zip(value).for_each(|(sum, v)| *sum += f64::from(*v));
            counts[task] += 1.0;
        }
    }
    for (sums, n) in sums.chunks_exact_mut(width).zip(counts) {
        for sum in sums {
            *sum /= n.max(1.0);
        }
    }
    sums
}

/// Numbered labels: `expert 1`, `expert 2`, ...
pub(crate) fn numbered(kind: &str, n: usize) -> impl Iterator<Item = String> {
    (1..=n).map(move |at| format!("{kind} {at}"))
}
