//! Fully-adaptive sharing: a thin common network that splits into branches, from the top down.
//!
//! # Formula
//! 1. A wide common network is trained until it stalls. Of each layer the share `thin` of units that
//!    spans the others best is kept (`somp`).
//! 2. At the highest layer: train until it stalls. Tell from the losses of the training rows how
//!    often two tasks find the same rows difficult (`affinity`); deal the branches above (at first
//!    the tasks) to `d` groups at the least cost
//!    `(d - 1) + alpha mean_g (1 - mean_{k in g} min_{l in g} B_kl)`.
//! 3. If `d > 1`, the layer becomes `d` copies of itself, one for each group: outputs stay as they
//!    are, to the bit. Go on with the next layer down, whose `d` branches are dealt in their turn;
//!    else, or at the lowest layer, the tree is complete and trained to the end.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `thin` | 0.5 | above 0 up to 1 | ours; the paper has 32 or 64 units of a layer's up to 4096 |
//! | `init` | somp | somp, random | the paper's |
//! | `alpha` | 12 | at least 0 | ours; the paper's code takes it by hand |
//! | `pretrain` | 10 | at least 1 | ours: epochs without gain; the paper's code counts iterations |
//! | `tree` | none | branches of each task, layer by layer | ours: a tree known before |
//!
//! # Cost
//! As hard sharing of the same width at first, then one pass through each branch of each layer. A
//! stage needs one pass of all training rows, and eigenvectors of `[branches, branches]`.
//!
//! # Claims
//! Tasks that find the same rows difficult share features; those that do not soon have layers of
//! their own. `alpha` 0 never splits; an endless one gives every task its own layers.
//!
//! # Differences
//! Concurrence is told from all training rows when a stage ends, not from decayed averages over
//! batches; where a task has no label it has no say. The cost of a branch, `L0 2^p` below `p`
//! poolings in the paper, is 1: only dense layers branch here, and what is below them stays one
//! common trunk. Spectral clustering starts k-means from given branches, not at random. The greedy
//! choice is never taken back, as in the paper.
//!
//! # References
//! Lu, Kumar, Zhai, Cheng, Javidi, Feris, *Fully-adaptive Feature Sharing in Multi-Task Networks
//! with Applications in Person Attribute Classification* (2017).

use faer::Mat;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_tape::Params;

use super::{Moment, Reading, Sharing, SharingMethod, Stage, View, Widths};
use crate::encoder::{LayerShape, Trunk};
use crate::layout::{Layout, LayoutError};
use crate::network::Forward;

mod affinity;
mod branches;
mod plan;
mod somp;
#[cfg(test)]
mod tests;
mod tree;

use branches::Branches;
use plan::{Plan, Settings};

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "fully-adaptive",
        family: Family::Sharing,
        title: "fully-adaptive feature sharing",
        section: "6.2",
        formula: "split each layer, from the top, by the tasks' joint difficulty of rows",
        parameters: &[
            Parameter {
                name: "thin",
                default: "0.5",
                range: "above 0 up to 1",
                about: "share of each layer's units that the common network starts with (ours)",
            },
            Parameter {
                name: "init",
                default: "somp",
                range: "somp, random",
                about: "units kept of a wide network that is trained first (the paper's), or draws",
            },
            Parameter {
                name: "alpha",
                default: "12",
                range: "at least 0",
                about: "what unlike tasks in one branch cost, in units of a branch (ours)",
            },
            Parameter {
                name: "pretrain",
                default: "10",
                range: "at least 1",
                about: "epochs without gain that end a stage (ours)",
            },
            Parameter {
                name: "tree",
                default: "none",
                range: "for each layer the branch of each task",
                about: "branches that are given, not learned; the thin network starts from draws",
            },
        ],
        cost: "a pass through each branch",
        cite: Cite {
            authors: "Lu, Kumar, Zhai, Cheng, Javidi, Feris",
            title: "Fully-adaptive Feature Sharing in Multi-Task Networks with Applications in \
                    Person Attribute Classification",
            venue: "CVPR",
            year: 2017,
        },
    },
    has_trunk: false,
    tuned: &[("alpha", 30.0)],
    check: |context| Settings::new(context).map(|_| ()),
    declare,
};

struct FullyAdaptive {
    settings: Settings,
    /// Epochs without gain that end a stage: no more than end the training.
    pretrain: usize,
    plan: Plan,
    trunk: Trunk,
    layers: Vec<Branches>,
    width: usize,
    grouped: bool,
    n_tasks: usize,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let settings = Settings::new(&layout.context)?;
    let encoder = layout.encoder.clone();
    let is_dense = |shape: &LayerShape| matches!(shape, LayerShape::Dense { .. });
    let first = encoder.layers.iter().take_while(|shape| !is_dense(shape)).count();
    let (below, wide) = encoder.layers.split_at(first);
    let n_tasks = layout.context.n_tasks();
    let plan = if layout.plan.is_null() {
        settings.start(wide.len(), n_tasks)?
    } else {
        layout.plan::<Plan>()?
    };
    plan.check(wide.len(), n_tasks)?;
    let shapes = if plan.is_thin { settings.thinned(wide) } else { wide.to_vec() };
    let trunk = Trunk::declare(layout, "trunk", below, 0)?;
    let layers = shapes.iter().enumerate().map(|(l, &shape)| {
        let n_branches = plan.tree.n_branches(l);
        Branches::declare(layout, first + l, shape, n_branches)
    });
    Ok(Box::new(FullyAdaptive {
        layers: layers.collect::<Result<_, _>>()?,
        pretrain: settings.pretrain.min(layout.context.settings.patience),
        settings,
        plan,
        trunk,
        width: shapes.last().map_or(encoder.width(), |shape| shape.n_outputs()),
        grouped: layout.context.outputs.grouped,
        n_tasks,
    }))
}

impl Sharing for FullyAdaptive {
    fn widths(&self) -> Widths {
        let n_lanes = if self.grouped { 1 } else { self.n_tasks };
        Widths::of_lanes(self.grouped, self.width, n_lanes)
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        let input = forward.input;
        let mut values = vec![self.trunk.record(forward, input).representation];
        for (l, layer) in self.layers.iter().enumerate() {
            let tree = &self.plan.tree;
            values = layer.record(forward, &values, (tree, l));
            for h in &mut values {
                *h = forward.dropout(*h);
            }
        }
        if self.grouped {
            return Reading::Common(values[0]);
        }
        let highest = self.plan.tree.branches(self.layers.len() - 1);
        Reading::Each(highest.iter().map(|&branch| values[branch]).collect())
    }

    fn wants_row_losses(&self, moment: Moment) -> bool {
        self.plan.is_thin && self.plan.active.is_some() && moment.ends_stage(self.pretrain)
    }

    fn next_stage(
        &mut self,
        view: &View,
        moment: Moment,
        row_losses: &[Vec<f32>],
    ) -> Option<Stage> {
        let is_finite = view.params.values().iter().all(|value| value.is_finite());
        if !moment.ends_stage(self.pretrain) || !is_finite {
            return None;
        }
        let (plan, values) = if self.plan.is_thin {
            let layer = self.plan.active?;
            let plan = self.split(layer, row_losses);
            let n_branches = plan.tree.n_branches(layer);
            (plan, self.layers[layer].copied(view.params, n_branches))
        } else {
            (Plan { is_thin: true, ..self.plan.clone() }, self.thinned(view))
        };
        Some(Stage { plan: serde_json::to_value(plan).expect("a tree and numbers"), values })
    }

    fn findings(&self, view: &View, _: &mut Forward) -> Vec<Finding> {
        let tasks = &view.context.outputs.names;
        let branches = |l: usize| Finding::Groups {
            name: format!("branches, layer {}", self.trunk.n_layers() + l + 1),
            items: tasks.clone(),
            groups: self.plan.tree.branches(l).to_vec(),
        };
        let mut findings: Vec<Finding> = (0..self.layers.len()).map(branches).collect();
        if !self.plan.affinity.is_empty() {
            findings.push(Finding::Matrix {
                name: "share of rows on which two tasks agree whether they are difficult".into(),
                rows: tasks.clone(),
                columns: tasks.clone(),
                values: self.plan.affinity.clone(),
            });
        }
        findings
    }
}

impl FullyAdaptive {
    /// The plan after the active layer was looked at.
    fn split(&self, layer: usize, row_losses: &[Vec<f32>]) -> Plan {
        let of_tasks = affinity::of_tasks(row_losses);
        let of_branches = affinity::of_branches(&of_tasks, &self.plan.tree.above(layer));
        let groups = affinity::partition(&of_branches, self.settings.alpha);
        let tree = self.plan.tree.split(layer, &groups);
        let active = if tree.n_branches(layer) > 1 { layer.checked_sub(1) } else { None };
        let n = self.n_tasks;
        let digits = |at: usize| (of_tasks[(at / n, at % n)] * 1e3).round() / 1e3;
        let affinity = if self.plan.affinity.is_empty() {
            (0..n * n).map(digits).collect()
        } else {
            self.plan.affinity.clone()
        };
        Plan { is_thin: true, tree, active, affinity }
    }

    /// The values of the thin network: of each layer the units kept, as they are.
    fn thinned(&self, view: &View) -> Vec<(String, Vec<f32>)> {
        let wide: Vec<LayerShape> = self.layers.iter().map(Branches::shape).collect();
        let thin = self.settings.thinned(&wide);
        let mut below: Vec<usize> = (0..wide.first().map_or(0, |shape| shape.n_inputs())).collect();
        let mut values = Vec::new();
        for (layer, shape) in self.layers.iter().zip(&thin) {
            let kept = somp::choose(&layer.weight(view.params), shape.n_outputs());
            values.extend(layer.some_units(view.params, &below, &kept));
            below = kept;
        }
        let n_units = self.width;
        for id in view.heads.weights_of_reading() {
            // Groups have their rows one group below the other.
            let [n_rows, width] = view.params.range(id).shape();
            let rows = (0..n_rows).filter(|row| below.binary_search(&(row % n_units)).is_ok());
            let all = view.params.get(id);
            let kept = rows.flat_map(|row| all[row * width..][..width].iter().copied());
            values.push((view.params.range(id).name().to_string(), kept.collect()));
        }
        values
    }
}

/// A weight of the network as a matrix in f64.
fn matrix(params: &Params<f32>, id: torso_tape::ParamId) -> Mat<f64> {
    let [rows, columns] = params.range(id).shape();
    let values = params.get(id);
    Mat::from_fn(rows, columns, |i, j| f64::from(values[i * columns + j]))
}
