//! Soft sharing by trace norms: a network for each task, whose layers span few directions together.
//!
//! # Formula
//! `h_t = f(x; theta_t)`; `min sum_t w_t L_t + strength sum_l R(W_l)`, where
//! `W_l [inputs, outputs, tasks]` stacks the weights of layer `l` and `R` sums the trace norms (the
//! sums of singular values) of some of its unfoldings:
//! - `laf`: the tasks against all else, `[tasks, inputs outputs]`. The tasks' layers are mixtures of
//!   few.
//! - `tucker`: each of the three axes against all else.
//! - `tt`: the first axis against the rest, and the first two against the third.
//!
//! A step of the optimizer down the losses is followed by the proximal operator of each norm in turn:
//! every singular value `s` of an unfolding becomes `max(s - lr strength sqrt(P / n), 0)`, for `P`
//! weights of a task in the layer and `n` labels of a task.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `strength` | 8 | at least 0 | ours; the paper chooses it on held-out data |
//! | `unfolding` | `laf` | `laf`, `tucker`, `tt` | ours, the cheapest; the paper compares all three |
//!
//! # Cost
//! `T` passes through the encoder and `T` times its parameters. A step adds, for each layer of `P`
//! weights a task, `T^2 P + T^3` for `laf`; `tucker` adds `T P (inputs + outputs)` and the cubes of
//! both widths; `tt` adds those of the inputs alone.
//!
//! # Claims
//! The pull is towards a common *subspace*, not a common point: tasks with opposed weights help each
//! other, which the distance to the mean ([`super::soft_l2`]) cannot use. With strength 0 it is the
//! tasks alone, to the bit.
//!
//! # Differences
//! - Biases are not penalized. One strength for all layers and unfoldings. All networks start alike.
//! - The paper descends along the subgradient `U V'` of `|U diag(s) V'|_*`, which never makes a
//!   singular value 0. The operators of `tucker` and `tt` in turn are not that of their sum, which has no
//!   closed form.
//! - As `AdamW` takes weight decay, the penalty is taken apart from the gradient: what a step of Adam
//!   moves does not depend on the size of the loss, but grows with the root of `P`; and the more labels
//!   there are, the less is a penalty needed. So one default serves small tables and images.
//! - Like any pull to zero, it can help small tables also where the tasks have nothing in common.
//!
//! # References
//! Yang and Hospedales, *Trace Norm Regularised Deep Multi-Task Learning* (2017).

use std::ops::Range;

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::{SymmetricEigen, singular_values};
use torso_tape::Params;

use super::weight_tensor::{INPUT, OUTPUT, TASK, WeightTensor, product};
use super::{Reading, Sharing, SharingMethod, View, Widths};
use crate::encoder::LayerShape;
use crate::layout::{Context, Layout, LayoutError, TaskLayer};
use crate::network::Forward;

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "soft-trace",
        family: Family::Sharing,
        title: "soft parameter sharing by trace norms",
        section: "3.2",
        formula: "h_t = f(x; theta_t); + strength sum_l |W_l|_*, W_l [tasks, inputs outputs]",
        parameters: &[
            Parameter {
                name: "strength",
                default: "8",
                range: "at least 0",
                about: "after a step singular values fall by lr strength sqrt(P / n), P weights of a task, \
                        n labels (ours)",
            },
            Parameter {
                name: "unfolding",
                default: "laf",
                range: "laf, tucker or tt",
                about: "which unfoldings of the stacked weights have low rank (ours)",
            },
        ],
        cost: "a pass through the encoder for each task; an eigendecomposition for each unfolding",
        cite: Cite {
            authors: "Yang, Hospedales",
            title: "Trace Norm Regularised Deep Multi-Task Learning",
            venue: "ICLR workshop",
            year: 2017,
        },
    },
    has_trunk: false,
    tuned: &[("strength", 3.0)],
    check: |context| Settings::new(context).map(|_| ()),
    declare,
};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    strength: f64,
    unfolding: Unfolding,
}

/// Which unfoldings are penalized.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Unfolding {
    /// Last-axis flattening.
    Laf,
    /// Tucker.
    Tucker,
    /// Tensor train.
    Tt,
}

impl Unfolding {
    /// The axes that stand against all else.
    fn axes(self) -> &'static [usize] {
        match self {
            Self::Laf => &[TASK],
            Self::Tucker => &[INPUT, OUTPUT, TASK],
            Self::Tt => &[INPUT, TASK],
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { strength: 8.0, unfolding: Unfolding::Laf }
    }
}

impl Settings {
    fn new(context: &Context) -> Result<Self, LayoutError> {
        let settings: Self = context.own()?;
        if !(settings.strength >= 0.0 && settings.strength.is_finite()) {
            return Err(LayoutError::out_of_range("strength", "at least 0", settings.strength));
        }
        Ok(settings)
    }
}

struct SoftTrace {
    layers: Vec<TaskLayer>,
    shapes: Vec<LayerShape>,
    settings: Settings,
    grouped: bool,
    n_lanes: usize,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let settings = Settings::new(&layout.context)?;
    let shapes = layout.encoder.layers.clone();
    let layers = shapes.iter().enumerate().map(|(l, &shape)| {
        TaskLayer::declare(layout, &format!("soft.{l}"), &format!("trunk.{l}"), shape)
    });
    Ok(Box::new(SoftTrace {
        layers: layers.collect::<Result<_, _>>()?,
        shapes,
        settings,
        grouped: layout.context.outputs.grouped,
        n_lanes: layout.context.n_lanes(),
    }))
}

impl SoftTrace {
    /// The tasks' weights of each layer, with where they lie.
    fn weights(&self, params: &Params<f32>) -> Vec<(Vec<Range<usize>>, WeightTensor)> {
        let gather = |(layer, shape): (&TaskLayer, &LayerShape)| {
            let spans = layer.weights(params);
            let weights = WeightTensor::gather(params.values(), &spans, shape.weight()[1]);
            (spans, weights)
        };
        self.layers.iter().zip(&self.shapes).map(gather).collect()
    }
}

impl Sharing for SoftTrace {
    fn widths(&self) -> Widths {
        let width = self.shapes.last().map_or(0, |shape| shape.n_outputs());
        Widths::of_lanes(self.grouped, width, self.n_lanes)
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        let lane = |lane| {
            self.layers.iter().fold(forward.input, |below, layer| {
                let h = layer.record(forward, lane, below);
                forward.dropout(h)
            })
        };
        Reading::of_lanes(self.grouped, (0..self.n_lanes).map(lane).collect())
    }

    fn after_step(&self, params: &mut Params<f32>, n_labels: f64, lr: f64) {
        let Settings { strength, unfolding } = self.settings;
        if strength <= 0.0 {
            return;
        }
        for (spans, mut weights) in self.weights(params) {
            // The losses tell that a training has diverged.
            if weights.is_finite() {
                let by = lr * strength * (spans[0].len() as f64 / n_labels).sqrt();
                for &axis in unfolding.axes() {
                    weights = lowered(&weights, axis, by);
                }
                weights.write_to(params.values_mut(), &spans);
            }
        }
    }

    /// Products of the slices across each axis, and their mixture.
    fn penalty_cost(&self, view: &View) -> u64 {
        let sizes = |(layer, shape): (&TaskLayer, &LayerShape)| {
            let [n_inputs, n_outputs] = shape.weight();
            [n_inputs, n_outputs, layer.weights(view.params).len()]
        };
        let cost = |sizes: [usize; 3]| {
            let all: usize = sizes.iter().product();
            let axes = self.settings.unfolding.axes().iter();
            axes.map(|&axis| 2 * all * sizes[axis].min(all / sizes[axis])).sum::<usize>() as u64
        };
        self.layers.iter().zip(&self.shapes).map(sizes).map(cost).sum()
    }

    fn findings(&self, view: &View, _forward: &mut Forward) -> Vec<Finding> {
        let layer = |(l, (_, weights)): (usize, (_, WeightTensor))| {
            let values = singular_values(weights.unfold(TASK).as_ref());
            let rank = effective_rank(&values);
            Finding::Bars {
                name: format!(
                    "singular values of the tasks' weights, layer {}: effective rank {rank:.1}",
                    l + 1
                ),
                items: (1..=values.len()).map(|k| k.to_string()).collect(),
                values,
            }
        };
        self.weights(view.params).into_iter().enumerate().map(layer).collect()
    }
}

/// The weights with every singular value `s` of an unfolding lowered to `max(s - by, 0)`: with
/// `A = U diag(s) V'` a product of `A` and a function of the smaller one of `A A'` and `A'A`.
fn lowered(weights: &WeightTensor, axis: usize, by: f64) -> WeightTensor {
    let factor = |square: f64| {
        let value = square.max(0.0).sqrt();
        if value > by { 1.0 - by / value } else { 0.0 }
    };
    if weights.is_tall(axis) {
        let a = weights.unfold(axis);
        let eigen = SymmetricEigen::of(product(a.transpose(), a.as_ref()).as_ref());
        return weights.fold(axis, product(a.as_ref(), eigen.map(factor).as_ref()).as_ref());
    }
    let eigen = SymmetricEigen::of(weights.products(axis, weights).as_ref());
    weights.times(axis, eigen.map(factor).as_ref())
}

/// `exp(H)` of the entropy `H` of singular values over their sum: how many directions are in use.
fn effective_rank(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let shares = values.iter().map(|value| value / sum).filter(|share| *share > 0.0);
    shares.map(|share| -share * share.ln()).sum::<f64>().exp()
}

#[cfg(test)]
mod tests;
