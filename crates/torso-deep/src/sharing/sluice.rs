//! Sluice networks: a network for each task, whose layers read mixtures of parts of all, and whose
//! heads read mixtures of layers.
//!
//! # Formula
//! Every layer of task `t` has `S` subspaces, each a part of its units:
//! `h_tk = relu(z_t W_tk + b_tk)` `[B, width / S]`. Behind it `h~_tk = sum_sj alpha_(tk),(sj) h_sj`,
//! with `alpha` `[T S, T S]`, and `z_t = [h~_t1, ..., h~_tS]` is what the next layer reads. The head
//! reads `sum_l beta_tl z_tl`. `min sum_t w_t L_t + c sum_(l, t, j < k) |W_tj' W_tk|_F^2`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `subspaces` | 2 | at least 1 | paper: 2 |
//! | `orthogonality` | 0.1 | at least 0 | code: `c` = 0.1 |
//! | `own` | 0.95 | 0 to 1 | code, "imbalanced": a part starts with 0.95 of itself (0.9 without subspaces); the other parts share the rest |
//! | `last` | 0.9 | 0 to 1 | code, "imbalanced": the head's share of the last layer; the others share the rest |
//! | `rate` | 1 | at least 0 | paper: mixtures learn as everything else |
//!
//! A width that `S` does not divide gives the first parts a unit more; where parts of different
//! widths meet, the larger one loses its last unit and the smaller one gains a zero. A layer of
//! fewer than `S` units has a part for each. A convolution is one part. Heads mix the layers that
//! are as wide as the last one.
//!
//! # Cost
//! `T` passes through the encoder, `T` times its parameters, and `T^2 S width` products for each
//! layer. Of tasks that are groups, every row goes through the networks of all groups. The penalty
//! costs `3 width^2 fan_in / 4` products for each layer, task and step.
//!
//! # Claims
//! `alpha = I` and `beta` on the last layer is the tasks alone, to the bit without subspaces; with
//! one `alpha` for all, every task reads the same, as with hard sharing; `beta` on the first layer
//! is low supervision. `alpha` tells which parts tasks share, `beta` at which layer a task is solved.
//!
//! # Differences
//! From the equations, not the paper's code, whose reshapes deal units out to tasks and subspaces
//! in turn. Its start for two subspaces (0.95 in every second column of `alpha`, so that rows sum to
//! 2 and parts change places) belongs to these; here a part starts as itself, and rows sum to 1. No
//! noise is added to the features.
//!
//! # References
//! Ruder, Bingel, Augenstein, Søgaard, *Latent Multi-task Architecture Learning* (2019), first
//! *Sluice networks: Learning what to share between loosely related tasks* (2017).

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_tape::ParamId;

use super::lanes::{Lanes, Start, mixture};
use super::{Reading, Sharing, SharingMethod, View, Widths};
use crate::layout::{Context, Layout, LayoutError};
use crate::network::Forward;

mod overlap;
mod parted;

use parted::Parted;

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "sluice",
        family: Family::Sharing,
        title: "sluice networks",
        section: "6.8",
        formula: "h~_tk = sum_sj alpha_(tk),(sj) h_sj, head reads sum_l beta_tl h~_tl; + c sum \
                  |W_t1' W_t2|_F^2",
        parameters: &[
            Parameter {
                name: "subspaces",
                default: "2",
                range: "at least 1",
                about: "parts of every layer that are mixed on their own (paper)",
            },
            Parameter {
                name: "orthogonality",
                default: "0.1",
                range: "at least 0",
                about: "penalty on what the weights of a layer's parts have in common (code)",
            },
            Parameter {
                name: "own",
                default: "0.95",
                range: "0 to 1",
                about: "start of a part's coefficient for itself; the others share the rest (code)",
            },
            Parameter {
                name: "last",
                default: "0.9",
                range: "0 to 1",
                about: "start of a head's coefficient for the last layer; the others share the \
                        rest (code)",
            },
            Parameter {
                name: "rate",
                default: "1",
                range: "at least 0",
                about: "factor on the learning rate of all coefficients (paper)",
            },
        ],
        cost: "a pass through the encoder for each task, and T^2 S products for each unit",
        cite: Cite {
            authors: "Ruder, Bingel, Augenstein, Søgaard",
            title: "Latent Multi-task Architecture Learning",
            venue: "AAAI",
            year: 2019,
        },
    },
    has_trunk: false,
    tuned: &[("orthogonality", 30.0)],
    check: |context| Settings::new(context).map(|_| ()),
    declare,
};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    subspaces: usize,
    orthogonality: f64,
    own: f64,
    last: f64,
    rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { subspaces: 2, orthogonality: 0.1, own: 0.95, last: 0.9, rate: 1.0 }
    }
}

impl Settings {
    fn new(context: &Context) -> Result<Self, LayoutError> {
        let settings: Self = context.own()?;
        if settings.subspaces == 0 {
            return Err(LayoutError::out_of_range("subspaces", "at least 1", 0));
        }
        for (name, value) in [("own", settings.own), ("last", settings.last)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(LayoutError::out_of_range(name, "from 0 to 1", value));
            }
        }
        for (name, value) in [("orthogonality", settings.orthogonality), ("rate", settings.rate)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(LayoutError::out_of_range(name, "at least 0", value));
            }
        }
        Ok(settings)
    }
}

struct Sluice {
    lanes: Lanes,
    layers: Vec<Parted>,
    /// The layers that heads mix, from 0: those as wide as the last one.
    mixed: Vec<usize>,
    /// The coefficients `[mixed layers, 1]` of every task; empty if heads read one layer.
    betas: Vec<ParamId>,
    orthogonality: f64,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let settings = Settings::new(&layout.context)?;
    let encoder = layout.encoder.clone();
    let (shapes, width) = (&encoder.layers, encoder.width());
    let mut layers = Vec::with_capacity(shapes.len());
    for (l, &shape) in shapes.iter().enumerate() {
        layers.push(Parted::declare(layout, l, shape, &settings)?);
    }
    let mixed: Vec<usize> = (0..shapes.len()).filter(|&l| shapes[l].n_outputs() == width).collect();
    let mut betas = Vec::new();
    if mixed.len() > 1 {
        let start = Start { main: mixed.len() - 1, weight: settings.last, rate: settings.rate };
        for task in &layout.context.outputs.names {
            betas.push(mixture(layout, &format!("beta.{task}"), [mixed.len(), 1], start)?);
        }
    }
    let lanes = Lanes::new(&layout.context, width);
    Ok(Box::new(Sluice { lanes, layers, mixed, betas, orthogonality: settings.orthogonality }))
}

impl Sharing for Sluice {
    fn widths(&self) -> Widths {
        self.lanes.widths()
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        let n_tasks = self.layers[0].n_tasks();
        let mut lanes = vec![forward.input; n_tasks];
        let mut read = vec![Vec::with_capacity(self.mixed.len()); n_tasks];
        for (l, layer) in self.layers.iter().enumerate() {
            lanes = layer.record(forward, &lanes);
            if self.mixed.contains(&l) && !self.betas.is_empty() {
                read.iter_mut().zip(&lanes).for_each(|(read, &lane)| read.push(lane));
            }
        }
        for ((lane, read), &beta) in lanes.iter_mut().zip(&read).zip(&self.betas) {
            *lane = forward.tape.mix(forward.params, read, beta);
        }
        self.lanes.reading(forward, lanes)
    }

    fn penalize(&self, view: &View, gradient: &mut [f32]) -> f64 {
        if self.orthogonality == 0.0 {
            return 0.0;
        }
        let layer = |layer: &Parted| layer.penalize(view.params, self.orthogonality, gradient);
        self.layers.iter().map(layer).sum()
    }

    fn penalty_cost(&self, _view: &View) -> u64 {
        if self.orthogonality == 0.0 {
            0
        } else {
            self.layers.iter().map(Parted::penalty_cost).sum()
        }
    }

    fn findings(&self, view: &View, _forward: &mut Forward) -> Vec<Finding> {
        let tasks = &view.context.outputs.names;
        let alpha = |(l, layer): (usize, &Parted)| {
            let parts = layer.names(tasks);
            Finding::Matrix {
                name: format!("alpha, layer {}: what a part (row) reads of another", l + 1),
                rows: parts.clone(),
                columns: parts,
                values: layer.alpha(view.params),
            }
        };
        let mut findings: Vec<Finding> = self.layers.iter().enumerate().map(alpha).collect();
        if !self.betas.is_empty() {
            let of_task = |&beta| view.params.get(beta).iter().map(|b| f64::from(*b));
            findings.push(Finding::Matrix {
                name: "beta: what a task reads of each layer".to_string(),
                rows: tasks.clone(),
                columns: self.mixed.iter().map(|l| format!("layer {}", l + 1)).collect(),
                values: self.betas.iter().flat_map(of_task).collect(),
            });
        }
        findings.push(Finding::Bars {
            name: "overlap of a layer's parts, |W1' W2|, mean over tasks".to_string(),
            items: (1..=self.layers.len()).map(|l| format!("layer {l}")).collect(),
            values: self.layers.iter().map(|layer| layer.overlap(view.params)).collect(),
        });
        findings
    }
}

#[cfg(test)]
mod tests;
