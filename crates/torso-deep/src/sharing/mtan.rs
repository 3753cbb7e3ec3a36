//! Multi-task attention: tasks read a shared trunk through masks of their own, layer by layer.
//!
//! # Formula
//! With the shared layers `p^(j) = relu(p^(j-1) W_j + b_j) [B, k_j]`, `p^(0) = x`, task `t` has in
//! each layer a mask and what it lets through, `a_t^(j), h_t^(j) [B, k_j]`:
//! `z = relu(norm([p^(j-1); relu(h_t^(j-1) F + b)] G + b)) [B, r]`,
//! `a_t^(j) = sigmoid(norm(z H + b))`, `h_t^(j) = a_t^(j) * p^(j)`. The first layer has no
//! `h_t^(0)`; the head reads `h_t` of the last. `r = max(4, k_j / reduction)`, and `F` gives `r`
//! numbers too.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `reduction` | 16 | at least 1 | the bottleneck of squeeze-and-excitation networks |
//!
//! # Cost
//! One pass through the encoder, and masks for each task that is a column: about `3 / reduction` of
//! a layer's parameters and products. With the default, three tasks stay below two encoders.
//!
//! # Claims
//! Tasks choose among shared features without layers of their own. With all masks at 1 it is hard
//! sharing. The paper trains it with dynamic weight averaging: `mtan+dwa`.
//!
//! # Differences
//! Layer normalization stands where the paper has batch normalization, so that a row's prediction
//! depends on no other row; of tasks that are groups its gain and bias are common. The paper's
//! masks are 1x1 convolutions without a bottleneck, a ninth of its 3x3 layers; a dense layer has no
//! such smaller map, so that masks go through a bottleneck. One dense layer is one block. Only dense
//! layers are masked: layers in front of the first dense one are a common trunk.
//!
//! # References
//! Liu, Johns, Davison, *End-to-End Multi-Task Learning with Attention* (2019). Hu, Shen, Sun,
//! *Squeeze-and-Excitation Networks* (2018).

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_tape::Var;

use super::experts::task_means;
use super::{Reading, Sharing, SharingMethod, View, Widths};
use crate::encoder::{Layer, LayerShape, Trunk};
use crate::layout::{Context, Layout, LayoutError};
use crate::network::Forward;

mod attention;

use attention::Attention;

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "mtan",
        family: Family::Sharing,
        title: "multi-task attention",
        section: "A.22",
        formula: "h_t^(j) = sigmoid(H_t relu(G_t [p^(j-1); F_t h_t^(j-1)])) * p^(j)",
        parameters: &[Parameter {
            name: "reduction",
            default: "16",
            range: "at least 1",
            about: "how much narrower than its layer a mask's bottleneck is (squeeze-and-excitation)",
        }],
        cost: "one pass through the encoder, and masks of a fifth of it for each task",
        cite: Cite {
            authors: "Liu, Johns, Davison",
            title: "End-to-End Multi-Task Learning with Attention",
            venue: "CVPR",
            year: 2019,
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
    reduction: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { reduction: 16 }
    }
}

impl Settings {
    fn new(context: &Context) -> Result<Self, LayoutError> {
        let settings: Self = context.own()?;
        if settings.reduction == 0 {
            return Err(LayoutError::out_of_range("reduction", "at least 1", 0));
        }
        Ok(settings)
    }
}

struct Mtan {
    /// Layers in front of the first dense one.
    stem: Trunk,
    /// A shared layer with the tasks' attention to it.
    blocks: Vec<(Layer, Attention)>,
    width: usize,
    grouped: bool,
    n_lanes: usize,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let Settings { reduction } = Settings::new(&layout.context)?;
    let encoder = layout.encoder.clone();
    let is_stem = |shape: &&LayerShape| !matches!(shape, LayerShape::Dense { .. });
    let first = encoder.layers.iter().take_while(is_stem).count();
    if first == encoder.layers.len() {
        return Err(LayoutError::Unsuitable { why: "needs a dense layer to mask".to_string() });
    }
    let stem = Trunk::declare(layout, "trunk", &encoder.layers[..first], 0)?;
    let mut blocks = Vec::new();
    for (l, &shape) in encoder.layers.iter().enumerate().skip(first) {
        let name = format!("trunk.{l}");
        let layer = Layer::declare(layout, &name, &name, shape)?;
        let below = (l > first).then(|| shape.n_inputs());
        blocks.push((layer, Attention::declare(layout, l, shape, below, reduction)?));
    }
    Ok(Box::new(Mtan {
        stem,
        blocks,
        width: encoder.width(),
        grouped: layout.context.outputs.grouped,
        n_lanes: layout.context.n_lanes(),
    }))
}

impl Mtan {
    /// Records all blocks: what the last one lets through to each lane, and the masks of each
    /// block, `[blocks][lanes]`.
    fn blocks(&self, forward: &mut Forward) -> (Vec<Var>, Vec<Vec<Var>>) {
        let input = forward.input;
        let mut shared = self.stem.record(forward, input).representation;
        let mut through: Vec<Option<Var>> = vec![None; self.n_lanes];
        let mut masks = Vec::with_capacity(self.blocks.len());
        for (layer, attention) in &self.blocks {
            let h = layer.record(forward, shared);
            let next = forward.dropout(h);
            let mut own = Vec::with_capacity(self.n_lanes);
            for (lane, through) in through.iter_mut().enumerate() {
                let mask = attention.record(forward, lane, shared, *through);
                *through = Some(forward.tape.multiply(mask, next));
                own.push(mask);
            }
            masks.push(own);
            shared = next;
        }
        (through.into_iter().flatten().collect(), masks)
    }
}

impl Sharing for Mtan {
    fn widths(&self) -> Widths {
        Widths::of_lanes(self.grouped, self.width, self.n_lanes)
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        Reading::of_lanes(self.grouped, self.blocks(forward).0)
    }

    fn findings(&self, view: &View, forward: &mut Forward) -> Vec<Finding> {
        let tasks = &view.context.outputs.names;
        let (_, masks) = self.blocks(forward);
        let of_layer = |lanes: &Vec<Var>| task_means(forward, lanes, tasks.len(), self.grouped);
        let means: Vec<Vec<f64>> = masks.iter().map(of_layer).collect();
        let mean = |t: usize, units: &Vec<f64>| -> f64 {
            let own = &units[t * units.len() / tasks.len()..][..units.len() / tasks.len()];
            own.iter().sum::<f64>() / own.len() as f64
        };
        let strengths =
            (0..tasks.len()).flat_map(|t| means.iter().map(move |units| mean(t, units))).collect();
        let last = means.last().expect("there is a block");
        vec![
            Finding::Matrix {
                name: "mean attention mask".to_string(),
                rows: tasks.clone(),
                columns: super::experts::numbered("dense layer", means.len()).collect(),
                values: strengths,
            },
            Finding::Matrix {
                name: "correlation of the tasks' masks, last layer".to_string(),
                rows: tasks.clone(),
                columns: tasks.clone(),
                values: correlations(last, tasks.len()),
            },
        ]
    }
}

/// The correlation over units between the mean masks of each two tasks; 0 where a mask is constant.
fn correlations(means: &[f64], n_tasks: usize) -> Vec<f64> {
    let units = means.len() / n_tasks;
    let centered: Vec<Vec<f64>> = means
        .chunks_exact(units)
        .map(|own| {
            let mean = own.iter().sum::<f64>() / units as f64;
            own.iter().map(|v| v - mean).collect()
        })
        .collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let pairs = centered.iter().flat_map(|a| centered.iter().map(move |b| (a, b)));
    let correlation = |(a, b): (&Vec<f64>, &Vec<f64>)| {
        let norms = (dot(a, a) * dot(b, b)).sqrt();
        if norms > 0.0 { dot(a, b) / norms } else { 0.0 }
    };
    pairs.map(correlation).collect()
}

#[cfg(test)]
mod tests;
