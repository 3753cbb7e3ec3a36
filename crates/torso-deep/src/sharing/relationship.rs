//! Deep relationship networks: a trunk for all tasks, and layers of their own under a prior that
//! learns how the tasks relate.
//!
//! # Formula
//! `h_t = g(f(x; theta); theta_t)`: the last `own-layers` hidden layers, and the heads, are each
//! task's own. `min sum_t w_t L_t + strength / (2 n) sum_l vec(W_l)' (S_l1 x S_l2 x S_l3)^-1 vec(W_l)`,
//! where the `L_t` are means over labels and `n` is the mean number of a task's training labels, over
//! the weights `W_l [inputs, outputs, tasks]` of those layers and, if all are of one shape, of the
//! heads. That is a tensor-normal prior `W_l ~ TN(0, S_l1, S_l2, S_l3)`: how the inputs, the
//! outputs and the tasks of a layer correlate. `S_l3` is renewed after each epoch, and with
//! `covariances=all` the two others too, by one sweep of flip-flop (`flip_flop.rs`). All start as
//! identities: for the first epoch the prior is weight decay.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `strength` | 4 | at least 0 | ours; the paper has 1, the authors' code 1 beside mean losses |
//! | `own-layers` | 1 | at least 0, at most the hidden layers | ours; the authors' code has 0, only classifiers |
//! | `ridge` | 0.5 | at least 0.000001 | ours; the authors' code has 0.00001 on other scales |
//! | `covariances` | `tasks` | `tasks`, `all` | the authors' code; the paper has all |
//!
//! # Cost
//! A pass through the trunk, and `T` through the own layers. For a tensor of `D = D1 D2 T` weights a
//! step adds `D T`, and an epoch as much and `T^3`; with `covariances=all` a step adds
//! `D (D1 + D2 + T)`, and an epoch three times that and the cubes of all three. Along an axis of more
//! than 512 the covariance stays the identity.
//!
//! # Claims
//! Tasks that are opposed help each other as those that agree do: the prior draws on the sign.
//! With identities it is weight decay.
//!
//! # Differences
//! - The objective of the paper, with the signs that a prior has, has no lower bound: weights and
//!   covariances can shrink together. Here every covariance has a mean variance of 1.
//! - The ridge is much larger than theirs. One tensor is one sample, and all tasks' own layers start
//!   alike: without a ridge the covariance of tasks would say that they are one, and the prior would
//!   keep them so.
//! - The paper learns the covariances of inputs and outputs, too: `covariances=all`. A tensor is one
//!   sample; where it is a matrix (heads of one output) that cannot tell a covariance of inputs from one
//!   of tasks, and elsewhere the others take up much of what the tasks have in common: with planted
//!   opposed tasks all three gain less than that of the tasks alone.
//! - The authors' code looks at the classifiers alone, every 100 steps.
//! - What does not depend on the weights, the logarithms of determinants, is left out of the value.
//!
//! # References
//! Long, Cao, Wang, Yu, *Learning Multiple Tasks with Multilinear Relationship Networks* (2017).
//! Long and Wang, *Learning Multiple Tasks with Deep Relationship Networks* (2015).

use std::ops::Range;

use faer::Mat;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::snapshot::{Snapshot, SnapshotError};
use torso_tape::Params;

use super::weight_tensor::{INPUT, OUTPUT, TASK, WeightTensor};
use super::{Reading, Sharing, SharingMethod, View, Widths};
use crate::encoder::Trunk;
use crate::heads::Heads;
use crate::layout::{Layout, LayoutError, TaskLayer};
use crate::network::Forward;

mod flip_flop;
mod settings;

use flip_flop::TensorNormal;
use settings::{Settings, head_width};

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "relationship",
        family: Family::Sharing,
        title: "deep relationship networks",
        section: "6.1",
        formula: "h_t = g(f(x; theta); theta_t); + strength / (2 n) sum_l vec(W_l)' (S_l1 x S_l2 \
                  x S_l3)^-1 vec(W_l), W_l [inputs, outputs, tasks]",
        parameters: &[
            Parameter {
                name: "strength",
                default: "4",
                range: "at least 0",
                about: "weight of the prior, beside the sum of a task's losses (ours)",
            },
            Parameter {
                name: "own-layers",
                default: "1",
                range: "at least 0, at most the hidden layers",
                about: "the last hidden layers, which each task has for itself (ours)",
            },
            Parameter {
                name: "ridge",
                default: "0.5",
                range: "at least 0.000001",
                about: "added to every covariance, whose mean variance is 1 (ours)",
            },
            Parameter {
                name: "covariances",
                default: "tasks",
                range: "tasks or all",
                about: "which covariances are learned (the authors' code; the paper: all)",
            },
        ],
        cost: "a pass through the trunk, and one for each task through its own layers; cubes of \
               their widths after each epoch",
        cite: Cite {
            authors: "Long, Cao, Wang, Yu",
            title: "Learning Multiple Tasks with Multilinear Relationship Networks",
            venue: "NIPS",
            year: 2017,
        },
    },
    has_trunk: false,
    tuned: &[("strength", 30.0)],
    check: |context| Settings::new(context).map(|_| ()),
    declare,
};

struct Relationship {
    trunk: Trunk,
    layers: Vec<TaskLayer>,
    /// One for each of the layers, and one for the heads if they are of one shape.
    priors: Vec<TensorNormal>,
    settings: Settings,
    width: usize,
    grouped: bool,
    n_lanes: usize,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let settings = Settings::new(&layout.context)?;
    let shapes = layout.encoder.layers.clone();
    let first = shapes.len().saturating_sub(settings.own_layers);
    let (common, own) = shapes.split_at(first);
    let trunk = Trunk::declare(layout, "trunk", common, 0)?;
    let (mut layers, mut priors) = (Vec::new(), Vec::new());
    let n_tasks = layout.context.n_tasks();
    for (l, &shape) in own.iter().enumerate() {
        let (name, draws) = (format!("own.{}", first + l), format!("trunk.{}", first + l));
        layers.push(TaskLayer::declare(layout, &name, &draws, shape)?);
        let [inputs, outputs] = shape.weight();
        priors.push(TensorNormal::identity([inputs, outputs, n_tasks]));
    }
    let width = layout.encoder.width();
    let heads = head_width(&layout.context);
    priors.extend(heads.map(|outputs| TensorNormal::identity([width, outputs, n_tasks])));
    Ok(Box::new(Relationship {
        trunk,
        layers,
        priors,
        settings,
        width,
        grouped: layout.context.outputs.grouped,
        n_lanes: layout.context.n_lanes(),
    }))
}

impl Relationship {
    /// The weights under each prior, and where they lie.
    fn weights(
        &self,
        params: &Params<f32>,
        heads: &Heads,
    ) -> Vec<(WeightTensor, Vec<Range<usize>>)> {
        let layers = self.layers.iter().map(|layer| layer.weights(params));
        let spans = layers.chain(heads.weights(params));
        let gather = |(spans, prior): (Vec<Range<usize>>, &TensorNormal)| {
            let n_outputs = prior.sizes()[OUTPUT];
            (WeightTensor::gather(params.values(), &spans, n_outputs), spans)
        };
        spans.zip(&self.priors).map(gather).collect()
    }
}

impl Sharing for Relationship {
    fn widths(&self) -> Widths {
        Widths::of_lanes(self.grouped, self.width, self.n_lanes)
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        let input = forward.input;
        let common = self.trunk.record(forward, input).representation;
        let lane = |lane| {
            self.layers.iter().fold(common, |below, layer| {
                let h = layer.record(forward, lane, below);
                forward.dropout(h)
            })
        };
        Reading::of_lanes(self.grouped, (0..self.n_lanes).map(lane).collect())
    }

    fn penalize(&self, view: &View, gradient: &mut [f32]) -> f64 {
        let strength = self.settings.strength / view.n_labels;
        if strength <= 0.0 {
            return 0.0;
        }
        let mut penalty = 0.0;
        for ((weights, spans), prior) in
            self.weights(view.params, view.heads).iter().zip(&self.priors)
        {
            let slope = prior.precision_times(weights);
            penalty += strength / 2.0 * slope.dot(weights);
            slope.add_to(gradient, spans, strength);
        }
        penalty
    }

    /// Products with the precision of each learned factor.
    fn penalty_cost(&self, _view: &View) -> u64 {
        let cost = |prior: &TensorNormal| {
            let sizes = prior.sizes();
            let all: usize = sizes.iter().product();
            let axes = self.settings.covariances.axes().iter();
            axes.map(|&axis| all * sizes[axis]).sum::<usize>() as u64
        };
        self.priors.iter().map(cost).sum()
    }

    fn epoch_done(&mut self, params: &mut Params<f32>, heads: &Heads) {
        let weights = self.weights(params, heads);
        for ((weights, _), prior) in weights.iter().zip(&mut self.priors) {
            // The losses tell that a training has diverged.
            if weights.is_finite() {
                prior.learn(self.settings.covariances.axes(), weights, self.settings.ridge);
            }
        }
    }

    /// The covariance of tasks that the prior would go on with: of the weights that were kept, which
    /// need not be the last.
    fn findings(&self, view: &View, _forward: &mut Forward) -> Vec<Finding> {
        let names = &view.context.outputs.names;
        let first = view.context.settings.hidden.len() - self.layers.len();
        let weights = self.weights(view.params, view.heads);
        let priors = weights.into_iter().zip(&self.priors).enumerate();
        let finding = |(l, ((weights, _), prior)): (usize, ((WeightTensor, _), &TensorNormal))| {
            let mut prior = prior.clone();
            prior.learn(&[TASK], &weights, self.settings.ridge);
            let place = match self.layers.get(l) {
                Some(_) => format!("layer {}", first + l + 1),
                None => "heads".to_string(),
            };
            Some(Finding::Matrix {
                name: format!("correlation of the tasks' weights, {place}"),
                rows: names.clone(),
                columns: names.clone(),
                values: correlations(&prior.covariance(TASK)?.to_owned()),
            })
        };
        priors.filter_map(finding).collect()
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (l, prior) in self.priors.iter().enumerate() {
            for axis in [INPUT, OUTPUT, TASK] {
                if let Some(covariance) = prior.covariance(axis) {
                    let n = covariance.nrows();
                    let entries = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
                    let values: Vec<f64> = entries.map(|at| covariance[at]).collect();
                    snapshot.put(array(l, axis), &[n, n], values);
                }
            }
        }
        snapshot
    }

    fn resume(&mut self, kept: &Snapshot) -> Result<(), SnapshotError> {
        for (l, prior) in self.priors.iter_mut().enumerate() {
            for axis in [INPUT, OUTPUT, TASK] {
                let (name, n) = (array(l, axis), prior.sizes()[axis]);
                if kept.names().any(|kept| kept == name) {
                    let values = kept.shaped::<f64>(&name, &[n, n])?;
                    if values.iter().any(|value| !value.is_finite()) {
                        let why = "a covariance is finite".to_string();
                        return Err(SnapshotError::Description { name, why });
                    }
                    prior.set(axis, Mat::from_fn(n, n, |i, j| values[i * n + j]));
                }
            }
        }
        Ok(())
    }
}

/// What a covariance is called in a snapshot.
fn array(prior: usize, axis: usize) -> String {
    format!("covariance {prior} {axis}")
}

/// The correlations of a covariance, row by row.
fn correlations(covariance: &Mat<f64>) -> Vec<f64> {
    let n = covariance.nrows();
    let scale = |i: usize| covariance[(i, i)].sqrt();
    let entries = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
    entries.map(|(i, j)| covariance[(i, j)] / (scale(i) * scale(j))).collect()
}

#[cfg(test)]
mod tests;
