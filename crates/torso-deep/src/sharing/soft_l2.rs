//! Soft sharing by distance: a network for each task, whose layers are pulled towards their mean.
//!
//! # Formula
//! `h_t = f(x; theta_t)`; `min sum_t w_t L_t + strength / 2 sum_l sum_t |theta_tl - mean_l|^2`, with
//! `theta_tl` the weight and bias of layer `l` of task `t` and `mean_l` their mean over the `T`
//! tasks. It equals `strength / (2 T) sum_l sum_{s<t} |theta_sl - theta_tl|^2`. The gradient is
//! `strength (theta_tl - mean_l)`: the mean's own part cancels.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `strength` | 0.01 | at least 0 | ours; the paper chooses it on held-out data |
//!
//! # Cost
//! `T` passes through the encoder and `T` times its parameters; the penalty adds a pass over them.
//!
//! # Claims
//! With strength 0 it is the tasks alone, to the bit. With a large one it comes near hard sharing: the
//! distance of predictions falls as 1 / strength, as far as the optimizer goes along. From about 100
//! on the pull fills the gradient that `AdamW` scales its steps by, and the common part is learned
//! slowly. In between it lends a task of few rows the layers of the others without forcing them on it.
//! Heads feel no pull: with small layers and large heads distances cost less, which weight decay
//! and early stopping keep within bounds.
//!
//! # Differences
//! The paper pulls a target task towards a source task that was learned before, on the layers whose
//! inputs the two share. Here all tasks are learned together, and all are pulled alike.
//!
//! # References
//! Duong, Cohn, Bird, Cook, *Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a
//! Neural Network Parser* (2015). Evgeniou and Pontil, *Regularized Multi-Task Learning* (2004) is
//! its linear form.

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_tape::Params;

use super::{Reading, Sharing, SharingMethod, View, Widths};
use crate::layout::{Context, Layout, LayoutError, TaskLayer};
use crate::network::Forward;

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "soft-l2",
        family: Family::Sharing,
        title: "soft parameter sharing by distance",
        section: "3.2",
        formula: "h_t = f(x; theta_t); + strength / 2 sum_t |theta_t - mean|^2",
        parameters: &[Parameter {
            name: "strength",
            default: "0.01",
            range: "at least 0",
            about: "pull of every layer towards the tasks' mean (ours)",
        }],
        cost: "a pass through the encoder for each task",
        cite: Cite {
            authors: "Duong, Cohn, Bird, Cook",
            title: "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a Neural \
                    Network Parser",
            venue: "ACL",
            year: 2015,
        },
    },
    has_trunk: false,
    tuned: &[("strength", 30.0)],
    check: |context| Settings::new(context).map(|_| ()),
    declare,
};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    strength: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { strength: 0.01 }
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

struct SoftL2 {
    layers: Vec<TaskLayer>,
    width: usize,
    strength: f64,
    grouped: bool,
    n_lanes: usize,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let Settings { strength } = Settings::new(&layout.context)?;
    let encoder = layout.encoder.clone();
    let shapes = encoder.layers.iter().enumerate();
    let layers = shapes.map(|(l, &shape)| {
        TaskLayer::declare(layout, &format!("soft.{l}"), &format!("trunk.{l}"), shape)
    });
    Ok(Box::new(SoftL2 {
        layers: layers.collect::<Result<_, _>>()?,
        width: encoder.width(),
        strength,
        grouped: layout.context.outputs.grouped,
        n_lanes: layout.context.n_lanes(),
    }))
}

impl Sharing for SoftL2 {
    fn widths(&self) -> Widths {
        Widths::of_lanes(self.grouped, self.width, self.n_lanes)
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

    #[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
    fn penalize(&self, view: &View, gradient: &mut [f32]) -> f64 {
        let values = view.params.values();
        let mut penalty = 0.0;
        for layer in &self.layers {
            for spans in [layer.weights(view.params), layer.biases(view.params)] {
                // In f64, so that weights that are equal are not pulled apart by rounding.
                let mut mean = vec![0.0; spans[0].len()];
                for span in &spans {
                    let own = mean.iter_mut().zip(&values[span.clone()]);
                    own.for_each(|(sum, value)| *sum += f64::from(*value));
                }
                for sum in &mut mean {
                    *sum /= spans.len() as f64;
                }
                for span in spans {
                    let own = gradient[span.clone()].iter_mut().zip(&values[span]).zip(&mean);
                    for ((gradient, value), mean) in own {
                        let away = f64::from(*value) - mean;
                        penalty += self.strength / 2.0 * away * away;
                        *gradient += (self.strength * away) as f32;
                    }
                }
            }
        }
        penalty
    }

    fn findings(&self, view: &View, _forward: &mut Forward) -> Vec<Finding> {
        let layer = |(l, layer): (usize, &TaskLayer)| Finding::Matrix {
            name: format!("distance of the tasks' weights, layer {}", l + 1),
            rows: view.context.outputs.names.clone(),
            columns: view.context.outputs.names.clone(),
            values: distances(layer, view.params),
        };
        self.layers.iter().enumerate().map(layer).collect()
    }
}

/// The distances between the tasks' weights of one layer, in units of the weights' mean norm.
fn distances(layer: &TaskLayer, params: &Params<f32>) -> Vec<f64> {
    let weights = layer.weights(params);
    let of = |span: &std::ops::Range<usize>| &params.values()[span.clone()];
    let square = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
    };
    let norm = |span| of(span).iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let unit = weights.iter().map(norm).sum::<f64>() / weights.len() as f64;
    let pairs = weights.iter().flat_map(|a| weights.iter().map(move |b| (a, b)));
    pairs.map(|(a, b)| square(of(a), of(b)).sqrt() / unit.max(f64::MIN_POSITIVE)).collect()
}

#[cfg(test)]
pub(super) mod tests;
