//! Cross-stitch networks: a network for each task, whose layers read learned mixtures of all.
//!
//! # Formula
//! `h_t = relu(x~_t W_t + b_t)` `[B, width]` in every layer, and behind each
//! `x~_t[b, c] = sum_s a_ts[c] h_s[b, c]`, with a coefficient for each pair of tasks and channel `c`
//! (units of a dense layer, filters of a convolution), or one for the whole layer;
//! `min sum_t w_t L_t`. The heads read `x~_t` of the last layer.
//!
//! A training has two stages, as in the paper: first each network learns alone, then the stitches
//! are put in and everything learns together.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `units` | channel | channel, layer | paper: channel for images' pixels, layer where that was unstable |
//! | `own` | 0.9 | 0 to 1 | paper: 0.9 for the own network, 0.1 for the other one; with more tasks the 0.1 is divided among them |
//! | `rate` | 10 | at least 0 | ours: a factor on the coefficients' learning rate; the paper has 100 to 1000 under plain gradient descent, where Adam needs 1 to 10 |
//! | `pretrain` | true | true, false | paper: networks of single tasks are stitched together |
//! | `pretrain-patience` | 10 | at least 1 | ours: epochs without a gain that end the first stage |
//!
//! The first stage takes at most half of the epochs. Coefficients are free: neither convex nor
//! decaying, as in the paper.
//!
//! # Cost
//! `T` passes through the encoder, `T` times its parameters, and `T^2 width` products and
//! coefficients (or `T^2` coefficients) for each layer. Of tasks that are groups, every row goes
//! through the networks of all groups.
//!
//! # Claims
//! With `a = I` it is the single networks, to the bit. The paper: a task of few rows gains most.
//! `a` tells what a task reads of another one, which need not be how related they are.
//!
//! # Differences
//! The paper stitches after the pooling layers and the dense layers of `AlexNet`; here a stitch is
//! behind every layer of the encoder, after dropout. The paper's third equation has the gradient of
//! `a_AB` with tasks exchanged; here it follows from the first. `LibMTL` starts all coefficients at 1.
//!
//! # References
//! Misra, Shrivastava, Gupta, Hebert, *Cross-stitch Networks for Multi-task Learning* (2016).

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_tape::{ParamId, Params};

use super::lanes::{Lanes, Start, mixture};
use super::{Moment, Reading, Sharing, SharingMethod, Stage, View, Widths};
use crate::encoder::{Layer, LayerShape};
use crate::layout::{Context, Layout, LayoutError};
use crate::network::Forward;

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "cross-stitch",
        family: Family::Sharing,
        title: "cross-stitch networks",
        section: "6.3",
        formula: "x~_t = sum_s a_ts h_s behind every layer, channel by channel",
        parameters: &[
            Parameter {
                name: "units",
                default: "channel",
                range: "channel, layer",
                about: "what has coefficients of its own (paper: channel)",
            },
            Parameter {
                name: "own",
                default: "0.9",
                range: "0 to 1",
                about: "start of a task's coefficient for its own network; the others share the \
                        rest (paper)",
            },
            Parameter {
                name: "rate",
                default: "10",
                range: "at least 0",
                about: "factor on the learning rate of coefficients (ours, for Adam; paper: 100 \
                        to 1000 under plain gradient descent)",
            },
            Parameter {
                name: "pretrain",
                default: "true",
                range: "true, false",
                about: "whether the networks learn alone before they are stitched (paper)",
            },
            Parameter {
                name: "pretrain-patience",
                default: "10",
                range: "at least 1",
                about: "epochs without a gain that end the learning alone (ours)",
            },
        ],
        cost: "a pass through the encoder for each task, and T^2 products for each unit",
        cite: Cite {
            authors: "Misra, Shrivastava, Gupta, Hebert",
            title: "Cross-stitch Networks for Multi-task Learning",
            venue: "CVPR",
            year: 2016,
        },
    },
    has_trunk: false,
    tuned: &[],
    check: |context| Settings::new(context).map(|_| ()),
    declare,
};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    units: Units,
    own: f64,
    rate: f64,
    pretrain: bool,
    pretrain_patience: usize,
}

/// What has coefficients of its own.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Units {
    /// Every unit of a dense layer, every filter of a convolution.
    Channel,
    /// A layer.
    Layer,
}

impl Default for Settings {
    fn default() -> Self {
        Self { units: Units::Channel, own: 0.9, rate: 10.0, pretrain: true, pretrain_patience: 10 }
    }
}

impl Settings {
    fn new(context: &Context) -> Result<Self, LayoutError> {
        let settings: Self = context.own()?;
        if !(0.0..=1.0).contains(&settings.own) {
            return Err(LayoutError::out_of_range("own", "from 0 to 1", settings.own));
        }
        if !(settings.rate >= 0.0 && settings.rate.is_finite()) {
            return Err(LayoutError::out_of_range("rate", "at least 0", settings.rate));
        }
        if settings.pretrain_patience == 0 {
            return Err(LayoutError::out_of_range("pretrain-patience", "at least 1", 0));
        }
        Ok(settings)
    }
}

/// The stage that follows the first: the plan of a training whose networks learn alone at first.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Plan {
    Stitched,
}

struct CrossStitch {
    lanes: Lanes,
    /// `[layers][tasks]`.
    layers: Vec<Vec<Layer>>,
    /// The coefficients `[tasks, channels or 1]` behind each layer, `[layers][tasks]`; none while
    /// the networks learn alone.
    stitches: Option<Vec<Vec<ParamId>>>,
    /// Epochs without a gain that end the learning alone.
    patience: usize,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let settings = Settings::new(&layout.context)?;
    let stitched = match layout.plan::<Option<Plan>>()? {
        None => !settings.pretrain,
        Some(Plan::Stitched) => true,
    };
    let encoder = layout.encoder.clone();
    let tasks = &layout.context.outputs.names;
    let mut layers = Vec::with_capacity(encoder.layers.len());
    for (l, &shape) in encoder.layers.iter().enumerate() {
        let draws = format!("trunk.{l}");
        let own = |task| Layer::declare(layout, &format!("net.{l}.{task}"), &draws, shape);
        layers.push(tasks.iter().map(own).collect::<Result<_, _>>()?);
    }
    let stitches = encoder.layers.iter().enumerate();
    let stitches = stitches.map(|(l, &shape)| stitch(layout, l, shape, &settings));
    Ok(Box::new(CrossStitch {
        layers,
        stitches: if stitched { Some(stitches.collect::<Result<_, _>>()?) } else { None },
        lanes: Lanes::new(&layout.context, encoder.width()),
        // A longer patience than the training's own would never end the stage.
        patience: settings.pretrain_patience.min(layout.context.settings.patience),
    }))
}

/// Adds every task's coefficients behind a layer.
fn stitch(
    layout: &mut Layout,
    l: usize,
    shape: LayerShape,
    settings: &Settings,
) -> Result<Vec<ParamId>, LayoutError> {
    let columns = match settings.units {
        Units::Channel => shape.n_channels(),
        Units::Layer => 1,
    };
    let tasks = &layout.context.outputs.names;
    let of_task = |(t, task): (usize, &String)| {
        let start = Start { main: t, weight: settings.own, rate: settings.rate };
        mixture(layout, &format!("stitch.{l}.{task}"), [tasks.len(), columns], start)
    };
    tasks.iter().enumerate().map(of_task).collect()
}

impl Sharing for CrossStitch {
    fn widths(&self) -> Widths {
        self.lanes.widths()
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        let mut lanes = vec![forward.input; self.layers[0].len()];
        for (l, layers) in self.layers.iter().enumerate() {
            for (lane, layer) in lanes.iter_mut().zip(layers) {
                let h = layer.record(forward, *lane);
                *lane = forward.dropout(h);
            }
            if let Some(stitches) = &self.stitches {
                let (tape, params) = (&mut *forward.tape, forward.params);
                lanes = stitches[l].iter().map(|&own| tape.mix(params, &lanes, own)).collect();
            }
        }
        self.lanes.reading(forward, lanes)
    }

    fn next_stage(&mut self, _: &View, moment: Moment, _: &[Vec<f32>]) -> Option<Stage> {
        let is_due = self.stitches.is_none() && moment.ends_stage(self.patience);
        is_due.then(|| Stage { plan: "stitched".into(), values: Vec::new() })
    }

    fn findings(&self, view: &View, _forward: &mut Forward) -> Vec<Finding> {
        let Some(stitches) = &self.stitches else { return Vec::new() };
        let tasks = &view.context.outputs.names;
        let matrix = |(l, stitches): (usize, &Vec<ParamId>)| Finding::Matrix {
            name: format!("mean stitch, layer {}: what a task (row) reads of another", l + 1),
            rows: tasks.clone(),
            columns: tasks.clone(),
            values: stitches.iter().flat_map(|&own| means(own, view.params)).collect(),
        };
        let mut findings: Vec<Finding> = stitches.iter().enumerate().map(matrix).collect();
        findings.push(Finding::Bars {
            name: "share of the other tasks in a layer".to_string(),
            items: (1..=stitches.len()).map(|l| format!("layer {l}")).collect(),
            values: stitches.iter().map(|layer| others(layer, view.params)).collect(),
        });
        findings
    }
}

/// The mean coefficient of every source over its channels.
fn means(own: ParamId, params: &Params<f32>) -> impl Iterator<Item = f64> {
    let [_, columns] = params.range(own).shape();
    let mean = move |row: &[f32]| row.iter().map(|a| f64::from(*a)).sum::<f64>() / columns as f64;
    params.get(own).chunks_exact(columns).map(mean)
}

/// `aD / (aS + aD)` of a layer, over tasks and channels: `aD` sums the sizes of coefficients for
/// other networks, `aS` those for the own one.
fn others(stitches: &[ParamId], params: &Params<f32>) -> f64 {
    let (mut all, mut same) = (0.0, 0.0);
    for (t, &own) in stitches.iter().enumerate() {
        let columns = params.range(own).shape()[1];
        for (s, row) in params.get(own).chunks_exact(columns).enumerate() {
            let size: f64 = row.iter().map(|a| f64::from(a.abs())).sum();
            all += size;
            same += if s == t { size } else { 0.0 };
        }
    }
    if all > 0.0 { 1.0 - same / all } else { 0.0 }
}

#[cfg(test)]
mod tests;
