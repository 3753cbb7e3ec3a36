//! One layer of all tasks, whose units are dealt to subspaces.

use std::ops::Range;

use faer::MatRef;
use torso_tape::{Init, ParamId, Params, Var};

use super::Settings;
use super::overlap::{add_product, products, square};
use crate::encoder::{Layer, LayerShape};
use crate::layout::{Layout, LayoutError};
use crate::network::Forward;
use crate::sharing::lanes::{Start, mixture};

/// A layer of all tasks in parts, and the mixtures behind it.
pub(super) struct Parted {
    /// `[tasks][parts]`.
    parts: Vec<Vec<Layer>>,
    /// What each part reads of all, `[tasks * parts, 1]`, `[tasks][parts]`.
    alphas: Vec<Vec<ParamId>>,
    /// Where parts differ in width by a unit.
    uneven: Option<Uneven>,
}

/// What brings parts to one width: constant matrices, of a larger part to a smaller one and back.
struct Uneven {
    /// `[large, small]`.
    cut: Vec<f32>,
    /// `[small, large]`.
    pad: Vec<f32>,
    small: usize,
}

impl Parted {
    /// Adds layer `l`: every task's parts start as the columns of `trunk.{l}`.
    pub(super) fn declare(
        layout: &mut Layout,
        l: usize,
        shape: LayerShape,
        settings: &Settings,
    ) -> Result<Self, LayoutError> {
        let widths = widths(shape, settings.subspaces);
        let tasks = &layout.context.outputs.names;
        let (n_parts, n_sources) = (widths.len(), tasks.len() * widths.len());
        let (mut parts, mut alphas) = (Vec::new(), Vec::new());
        for (t, task) in tasks.iter().enumerate() {
            let (mut own, mut alpha) = (Vec::new(), Vec::new());
            for (k, &width) in widths.iter().enumerate() {
                own.push(part(layout, &format!("sluice.{l}.{k}.{task}"), shape, width)?);
                let start =
                    Start { main: t * n_parts + k, weight: settings.own, rate: settings.rate };
                let name = format!("alpha.{l}.{k}.{task}");
                alpha.push(mixture(layout, &name, [n_sources, 1], start)?);
            }
            parts.push(own);
            alphas.push(alpha);
        }
        draw(layout.params, &format!("trunk.{l}"), shape, &parts);
        let (large, small) = (widths[0], widths[n_parts - 1]);
        let uneven = (large > small).then(|| Uneven {
            cut: diagonal([large, small]),
            pad: diagonal([small, large]),
            small,
        });
        Ok(Self { parts, alphas, uneven })
    }

    pub(super) fn n_tasks(&self) -> usize {
        self.parts.len()
    }

    /// Records the layer of every task on what its lane holds, and the mixtures behind it; gives
    /// what the lanes hold then.
    pub(super) fn record(&self, forward: &mut Forward, lanes: &[Var]) -> Vec<Var> {
        let mut sources = Vec::with_capacity(lanes.len() * self.parts[0].len());
        for (parts, &lane) in self.parts.iter().zip(lanes) {
            for part in parts {
                let h = part.record(forward, lane);
                sources.push(forward.dropout(h));
            }
        }
        let mut tops: Vec<Var> = Vec::with_capacity(lanes.len());
        for (k, part) in self.parts[0].iter().enumerate() {
            let width = part.shape.n_outputs();
            let read = match &self.uneven {
                None => &sources,
                Some(uneven) => &uneven.all(forward, &sources, width),
            };
            for (t, alphas) in self.alphas.iter().enumerate() {
                let own = forward.tape.mix(forward.params, read, alphas[k]);
                if k == 0 {
                    tops.push(own);
                } else {
                    tops[t] = forward.tape.concat(tops[t], own);
                }
            }
        }
        tops
    }

    /// `c sum |W_tj' W_tk|_F^2` over tasks and pairs of parts; adds its gradient.
    #[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
    pub(super) fn penalize(&self, params: &Params<f32>, c: f64, gradient: &mut [f32]) -> f64 {
        let scale = 2.0 * c as f32;
        let pair = |[left, right]: [&Layer; 2]| {
            let [g, h] = [left, right].map(|part| weight(part, params));
            let m = products(g, h);
            let spans = [left, right].map(|part| params.range(part.weight).span());
            let [of_left, of_right] = spans;
            add_product(&mut gradient[of_left], h, m.transpose(), scale);
            add_product(&mut gradient[of_right], g, m.as_ref(), scale);
            c * square(&m)
        };
        self.pairs().map(pair).sum()
    }

    /// Multiply-adds of the penalty: a product and two for its gradient.
    pub(super) fn penalty_cost(&self) -> u64 {
        let cost = |[left, right]: [&Layer; 2]| {
            let [rows, columns] = left.shape.weight();
            3 * (rows * columns * right.shape.weight()[1]) as u64
        };
        self.pairs().map(cost).sum()
    }

    /// `|W_tj' W_tk|_F` over all pairs of parts, the mean over tasks.
    pub(super) fn overlap(&self, params: &Params<f32>) -> f64 {
        let of_task = |parts: &Vec<Layer>| {
            let products = pairs(parts)
                .map(|pair| pair.map(|part| weight(part, params)))
                .map(|[left, right]| products(left, right));
            products.map(|m| square(&m)).sum::<f64>().sqrt()
        };
        self.parts.iter().map(of_task).sum::<f64>() / self.parts.len() as f64
    }

    /// `alpha`, row-major.
    pub(super) fn alpha(&self, params: &Params<f32>) -> Vec<f64> {
        let rows = self.alphas.iter().flatten();
        rows.flat_map(|&own| params.get(own).iter().map(|a| f64::from(*a))).collect()
    }

    /// The parts by name: those of the tasks, numbered where there are several.
    pub(super) fn names(&self, tasks: &[String]) -> Vec<String> {
        let n_parts = self.parts[0].len();
        let name = |(task, k): (&String, usize)| {
            if n_parts == 1 { task.clone() } else { format!("{task}.{}", k + 1) }
        };
        tasks.iter().flat_map(|task| (0..n_parts).map(move |k| (task, k))).map(name).collect()
    }

    fn pairs(&self) -> impl Iterator<Item = [&Layer; 2]> {
        self.parts.iter().flat_map(|parts| pairs(parts))
    }
}

impl Uneven {
    /// The parts, each brought to `width`.
    fn all(&self, forward: &mut Forward, parts: &[Var], width: usize) -> Vec<Var> {
        let change = if width == self.small { &self.cut } else { &self.pad };
        let change = forward.tape.input(change, width);
        let fit = |&part: &Var| match forward.tape.shape(part) {
            [_, own] if own == width => part,
            _ => forward.tape.product(forward.params, part, change, None),
        };
        parts.iter().map(fit).collect()
    }
}

/// The widths of a layer's parts, the first ones a unit wider where it must be. What is no dense
/// layer, such as a convolution, is one part.
fn widths(shape: LayerShape, subspaces: usize) -> Vec<usize> {
    let width = shape.n_outputs();
    if shape.weight() != [shape.n_inputs(), width] {
        return vec![width];
    }
    let n_parts = subspaces.min(width);
    (0..n_parts).map(|k| width / n_parts + usize::from(k < width % n_parts)).collect()
}

/// Adds one part of a layer, which starts at 0.
fn part(
    layout: &mut Layout,
    name: &str,
    shape: LayerShape,
    width: usize,
) -> Result<Layer, LayoutError> {
    let fan_in = shape.n_inputs();
    let shape =
        if width == shape.n_outputs() { shape } else { LayerShape::Dense { fan_in, width } };
    let [rows, columns] = shape.weight();
    let weight = layout.add(&format!("{name}.weight"), [rows, columns], Init::Zeros)?;
    let bias = layout.add(&format!("{name}.bias"), [1, columns], Init::Zeros)?;
    layout.params.range_mut(bias).decays = false;
    Ok(Layer { weight, bias, shape })
}

/// Starts the parts of every task as the columns of one layer called `draws`.
fn draw(params: &mut Params<f32>, draws: &str, shape: LayerShape, parts: &[Vec<Layer>]) {
    let [rows, columns] = shape.weight();
    let weight = params.draws(&format!("{draws}.weight"), rows * columns, shape.init());
    let bias = params.draws(&format!("{draws}.bias"), columns, shape.init());
    for parts in parts {
        let mut start = 0;
        for part in parts {
            let end = start + part.shape.weight()[1];
            copy_columns(params.get_mut(part.weight), &weight, start..end, columns);
            copy_columns(params.get_mut(part.bias), &bias, start..end, columns);
            start = end;
        }
    }
}

/// Some columns of a matrix that has `n_columns`.
fn copy_columns(into: &mut [f32], from: &[f32], columns: Range<usize>, n_columns: usize) {
    let rows = into.chunks_exact_mut(columns.len()).zip(from.chunks_exact(n_columns));
    rows.for_each(|(into, from)| into.copy_from_slice(&from[columns.clone()]));
}

/// A part's weight.
fn weight<'a>(part: &Layer, params: &'a Params<f32>) -> MatRef<'a, f32> {
    let [rows, columns] = part.shape.weight();
    MatRef::from_row_major_slice(params.get(part.weight), rows, columns)
}

/// All pairs of a task's parts.
fn pairs(parts: &[Layer]) -> impl Iterator<Item = [&Layer; 2]> {
    let after = move |at: usize| parts[at + 1..].iter().map(move |right| [&parts[at], right]);
    (0..parts.len()).flat_map(after)
}

/// 1 on the diagonal of a matrix, else 0.
fn diagonal([rows, columns]: [usize; 2]) -> Vec<f32> {
    let mut values = vec![0.0; rows * columns];
    values.iter_mut().step_by(columns + 1).take(rows.min(columns)).for_each(|one| *one = 1.0);
    values
}
