//! What the tensor factorizations have in common: from single-task networks to shared factors.
//!
//! The first stage trains a network for each task. When it stalls, the tasks' weights of each layer
//! are stacked and [decomposed](decompose), and from then on the factors learn. Layers that are not
//! dense stay one common trunk. The heads are the tasks' own.

use faer::Mat;
use torso_core::finding::Finding;
use torso_math::singular_values;
use torso_tape::{ParamId, Params};

use super::{Moment, Reading, Sharing, Stage, View, Widths};
use crate::encoder::{LayerShape, Trunk};
use crate::layout::{Layout, LayoutError, TaskLayer};
use crate::network::Forward;

pub(crate) mod decompose;
mod layer;
mod plan;
#[cfg(test)]
mod tests;

pub(super) use decompose::Form;
use decompose::{Cut, Factors, flat};
use layer::FactoredLayer;
pub(super) use plan::{PARAMETERS, check};
use plan::{Plan, Settings, Start, limits};

struct Factored {
    form: Form,
    cut: Cut,
    /// Epochs without gain that end the first stage: no more than end the training.
    pretrain: usize,
    trunk: Trunk,
    layers: Layers,
    width: usize,
    grouped: bool,
    n_lanes: usize,
}

enum Layers {
    /// A network for each task.
    Single(Vec<TaskLayer>),
    /// Shared factors.
    Factored(Vec<FactoredLayer>),
}

/// Lays out the stage that the plan tells.
pub(super) fn declare(layout: &mut Layout, form: Form) -> Result<Box<dyn Sharing>, LayoutError> {
    let settings = Settings::new(&layout.context, form)?;
    let encoder = layout.encoder.clone();
    let is_dense = |shape: &LayerShape| matches!(shape, LayerShape::Dense { .. });
    let first = encoder.layers.iter().take_while(|shape| !is_dense(shape)).count();
    let (below, shapes) = encoder.layers.split_at(first);
    let n_tasks = layout.context.n_tasks();
    let trunk = Trunk::declare(layout, "trunk", below, 0)?;
    let plan = match (&settings.ranks, settings.init) {
        _ if !layout.plan.is_null() => Some(layout.plan::<Plan>()?),
        (Some(ranks), Start::Random) => {
            let capped = |shape: &LayerShape| {
                let limits = limits(form, *shape, n_tasks);
                ranks.iter().zip(limits).map(|(rank, limit)| (*rank).min(limit)).collect()
            };
            Some(Plan { ranks: shapes.iter().map(capped).collect() })
        }
        _ => None,
    };
    let named = |(l, shape): (usize, &LayerShape)| {
        (format!("factor.{}", first + l), format!("trunk.{}", first + l), *shape)
    };
    let mut named = shapes.iter().enumerate().map(named);
    let layers = if let Some(plan) = plan {
        plan.check(form, shapes, n_tasks)?;
        let layers = named.zip(&plan.ranks).map(|((name, draws, shape), ranks)| {
            FactoredLayer::declare(layout, form, (&name, &draws), shape, ranks)
        });
        Layers::Factored(layers.collect::<Result<_, _>>()?)
    } else {
        let layer = |(name, draws, shape): (String, String, LayerShape)| {
            TaskLayer::declare(layout, &name, &draws, shape)
        };
        Layers::Single(named.by_ref().map(layer).collect::<Result<_, _>>()?)
    };
    Ok(Box::new(Factored {
        form,
        cut: settings.ranks.map_or(Cut::Error(settings.eps), Cut::Ranks),
        pretrain: settings.pretrain.min(layout.context.settings.patience),
        trunk,
        layers,
        width: encoder.width(),
        grouped: layout.context.outputs.grouped,
        n_lanes: layout.context.n_lanes(),
    }))
}

impl Sharing for Factored {
    fn widths(&self) -> Widths {
        Widths::of_lanes(self.grouped, self.width, self.n_lanes)
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        let input = forward.input;
        let below = self.trunk.record(forward, input).representation;
        let mut lanes = vec![below; self.n_lanes];
        for l in 0..self.n_layers() {
            match &self.layers {
                Layers::Single(layers) => {
                    for (lane, h) in lanes.iter_mut().enumerate() {
                        *h = layers[l].record(forward, lane, *h);
                    }
                }
                Layers::Factored(layers) => layers[l].record(forward, &mut lanes),
            }
            for h in &mut lanes {
                *h = forward.dropout(*h);
            }
        }
        Reading::of_lanes(self.grouped, lanes)
    }

    fn next_stage(&mut self, view: &View, moment: Moment, _: &[Vec<f32>]) -> Option<Stage> {
        let Layers::Single(_) = self.layers else { return None };
        if !moment.ends_stage(self.pretrain) || view.params.values().iter().any(|v| !v.is_finite())
        {
            return None;
        }
        let factors: Vec<Factors> = (0..self.n_layers())
            .map(|l| Factors::of(&self.weights(view.params, l), self.form, &self.cut))
            .collect();
        let plan = Plan { ranks: factors.iter().map(Factors::ranks).collect() };
        let first = self.trunk.n_layers();
        let named = factors.iter().enumerate().flat_map(|(l, factors)| {
            let name = format!("factor.{}", first + l);
            let tasks = &view.context.outputs.names;
            layer::values(factors, &name, (!self.grouped).then_some(tasks))
        });
        let values = named.collect();
        Some(Stage { plan: serde_json::to_value(plan).expect("a list of numbers"), values })
    }

    fn findings(&self, view: &View, _: &mut Forward) -> Vec<Finding> {
        let tasks = &view.context.outputs.names;
        let (mut findings, mut strengths, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
        for l in 0..self.n_layers() {
            let layer = format!("layer {}", self.trunk.n_layers() + l + 1);
            let unfolded = flat(&self.weights(view.params, l));
            let cosines = cosines(&unfolded);
            strengths.push(mean_beside_diagonal(&cosines, tasks.len()));
            if let Layers::Factored(layers) = &self.layers {
                for (mode, rank) in self.form.modes().iter().zip(layers[l].ranks(view.params)) {
                    ranks.push((format!("{layer}, {mode}"), rank as f64));
                }
            }
            ranks.push((format!("{layer}, tasks, effective"), effective_rank(&unfolded)));
            findings.push(Finding::Matrix {
                name: format!("cosines of the tasks' weights, {layer}"),
                rows: tasks.clone(),
                columns: tasks.clone(),
                values: cosines,
            });
        }
        let first = self.trunk.n_layers();
        findings.push(Finding::Matrix {
            name: "sharing strength".to_string(),
            rows: (0..strengths.len()).map(|l| format!("layer {}", first + l + 1)).collect(),
            columns: vec!["mean cosine of two tasks".to_string()],
            values: strengths,
        });
        let (items, values) = ranks.into_iter().unzip();
        findings.push(Finding::Bars { name: "ranks".to_string(), items, values });
        findings
    }
}

impl Factored {
    fn n_layers(&self) -> usize {
        match &self.layers {
            Layers::Single(layers) => layers.len(),
            Layers::Factored(layers) => layers.len(),
        }
    }

    /// The weights of the tasks in a layer.
    fn weights(&self, params: &Params<f32>, l: usize) -> Vec<Mat<f64>> {
        match &self.layers {
            Layers::Single(layers) => {
                let spans = layers[l].weights(params);
                let n_rows = layers[l].shape().weight()[0];
                spans.into_iter().map(|span| matrix(&params.values()[span], n_rows)).collect()
            }
            Layers::Factored(layers) => {
                let factors = layers[l].factors(params);
                (0..factors.mixing.ncols()).map(|task| factors.weight(task)).collect()
            }
        }
    }
}

/// A row-major range as a matrix.
fn matrix(values: &[f32], n_rows: usize) -> Mat<f64> {
    let columns = values.len() / n_rows;
    Mat::from_fn(n_rows, columns, |i, j| f64::from(values[i * columns + j]))
}

/// The values of a range, row-major.
fn of_range(params: &Params<f32>, id: ParamId) -> Mat<f64> {
    matrix(params.get(id), params.range(id).shape()[0])
}

/// The cosines between columns, row-major; 0 beside a column of zeros.
fn cosines(columns: &Mat<f64>) -> Vec<f64> {
    let products = columns.transpose() * columns;
    let n = products.nrows();
    let cosine = |s: usize, t: usize| {
        let unit = (products[(s, s)] * products[(t, t)]).sqrt();
        if unit > 0.0 { products[(s, t)] / unit } else { 0.0 }
    };
    (0..n * n).map(|at| cosine(at / n, at % n)).collect()
}

/// The mean of a symmetric matrix beside its diagonal; 1 for a single task.
fn mean_beside_diagonal(values: &[f64], n: usize) -> f64 {
    let beside = values.iter().enumerate().filter(|(at, _)| at / n != at % n).map(|(_, v)| v);
    if n > 1 { beside.sum::<f64>() / (n * (n - 1)) as f64 } else { 1.0 }
}

/// `exp` of the entropy of the singular values' shares; 0 of zeros.
fn effective_rank(m: &Mat<f64>) -> f64 {
    let values = singular_values(m.as_ref());
    let total: f64 = values.iter().sum();
    let shares = values.iter().map(|s| s / total).filter(|p| *p > 0.0);
    if total > 0.0 { shares.map(|p| -p * p.ln()).sum::<f64>().exp() } else { 0.0 }
}
