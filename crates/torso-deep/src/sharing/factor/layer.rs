//! A dense layer whose weights are made of shared factors: `relu(X D (sum_k S_kt L_k) U + b_t)`.
//!
//! Tasks that are columns blend their weight, `sum_k S_kt L_k`, and take one product with it. Rows
//! of groups mix the products `X D L_k` by their group's `S_kt`.

use faer::Mat;
use torso_tape::{Activation, Init, ParamId, Params, Var};

use super::decompose::{Factors, Form};
use super::of_range;
use crate::encoder::LayerShape;
use crate::layout::{Layout, LayoutError};
use crate::network::Forward;

/// A factored layer among a network's parameters.
pub(super) struct FactoredLayer {
    down: Option<Unbiased>,
    parts: Parts,
    /// `U [r2, outputs]`, with the bias of zeros that groups need behind it.
    up: Option<Unbiased>,
}

/// What the tasks mix.
enum Parts {
    /// For tasks that are columns.
    Blended {
        /// `[K * r1, r2]`.
        parts: ParamId,
        /// `[1, K]` for each task.
        mixing: Vec<ParamId>,
        /// `[1, outputs]` for each task.
        biases: Vec<ParamId>,
    },
    /// For tasks that are groups of rows.
    Gated {
        /// `[r1, r2]` each.
        parts: Vec<Unbiased>,
        /// `[T, K]`.
        mixing: ParamId,
        /// `[T, outputs]`.
        bias: ParamId,
    },
}

/// A linear map without a bias: `zero` stays 0.
#[derive(Clone, Copy)]
struct Unbiased {
    weight: ParamId,
    zero: ParamId,
}

impl Unbiased {
    fn declare(
        layout: &mut Layout,
        name: &str,
        shape: [usize; 2],
        init: Init,
    ) -> Result<Self, LayoutError> {
        let weight = layout.add(name, shape, init)?;
        let zero = layout.add(&format!("{name}.zero"), [1, shape[1]], Init::Zeros)?;
        layout.params.range_mut(zero).decays = false;
        layout.params.range_mut(zero).lr_factor = 0.0;
        Ok(Self { weight, zero })
    }

    fn record(self, forward: &mut Forward, input: Var) -> Var {
        let (params, identity) = (forward.params, Activation::Identity);
        forward.tape.linear(params, input, self.weight, self.zero, identity)
    }
}

/// How the factors start, where they do not come from weights: the weights that they make have the
/// variance with which those of the layer start, `1 / (3 inputs)`.
struct Inits {
    down: Init,
    parts: Init,
    mixing: Init,
    up: Init,
}

impl Inits {
    fn new(shape: LayerShape, sizes: &Sizes) -> Self {
        let normal = |variance: f64| Init::Normal { sd: variance.sqrt() };
        let (n_inputs, n_parts) = (shape.weight()[0] as f64, sizes.n_parts as f64);
        let (n_rows, n_columns) = (sizes.rows as f64, sizes.columns as f64);
        let has_up = sizes.has_up;
        Self {
            down: normal(1.0 / n_inputs),
            parts: normal(if has_up { 1.0 } else { 1.0 / 3.0 } / n_rows),
            mixing: normal(1.0 / n_parts),
            up: normal(1.0 / (3.0 * n_columns)),
        }
    }
}

/// The sizes of the factors.
struct Sizes {
    /// Rows and columns of a part.
    rows: usize,
    columns: usize,
    n_parts: usize,
    has_up: bool,
}

impl Sizes {
    fn new(form: Form, shape: LayerShape, ranks: &[usize]) -> Self {
        let [mut rows, mut columns] = shape.weight();
        if form.has_down() {
            rows = ranks[0];
        }
        if form.has_up() {
            columns = ranks[1];
        }
        Self { rows, columns, n_parts: ranks[ranks.len() - 1], has_up: form.has_up() }
    }
}

impl FactoredLayer {
    /// Adds the factors of a layer of these ranks; biases start as those of a layer called `draws`.
    pub(super) fn declare(
        layout: &mut Layout,
        form: Form,
        (name, draws): (&str, &str),
        shape: LayerShape,
        ranks: &[usize],
    ) -> Result<Self, LayoutError> {
        let sizes = Sizes::new(form, shape, ranks);
        let inits = Inits::new(shape, &sizes);
        let Sizes { rows, columns, n_parts, .. } = sizes;
        let [n_inputs, n_outputs] = shape.weight();
        let of = |part: &str| format!("{name}.{part}");
        let down = form
            .has_down()
            .then(|| Unbiased::declare(layout, &of("down"), [n_inputs, rows], inits.down))
            .transpose()?;
        let up = form
            .has_up()
            .then(|| Unbiased::declare(layout, &of("up"), [columns, n_outputs], inits.up))
            .transpose()?;
        let outputs = layout.context.outputs;
        let tasks = &outputs.names;
        let parts = if outputs.grouped {
            let part = |k: usize| {
                Unbiased::declare(layout, &of(&format!("part.{k}")), [rows, columns], inits.parts)
            };
            let parts = (0..n_parts).map(part).collect::<Result<_, _>>()?;
            let mixing = layout.add(&of("mixing"), [tasks.len(), n_parts], inits.mixing)?;
            let bias = layout.add(&of("bias"), [tasks.len(), n_outputs], Init::Zeros)?;
            let start = layout.params.draws(&format!("{draws}.bias"), n_outputs, shape.init());
            let own = layout.params.get_mut(bias).chunks_exact_mut(n_outputs);
            own.for_each(|own| own.copy_from_slice(&start));
            layout.params.range_mut(bias).decays = false;
            layout.params.range_mut(mixing).decays = false;
            Parts::Gated { parts, mixing, bias }
        } else {
            let all = n_parts.checked_mul(rows).ok_or(LayoutError::TooLarge)?;
            let parts = layout.add(&of("parts"), [all, columns], inits.parts)?;
            let (mut mixing, mut biases) = (Vec::new(), Vec::new());
            for task in tasks {
                let own = of(task);
                mixing.push(layout.add(&format!("{own}.mixing"), [1, n_parts], inits.mixing)?);
                biases.push(layout.add_as(&own, draws, "bias", [1, n_outputs], shape.init())?);
            }
            for id in mixing.iter().chain(&biases) {
                layout.params.range_mut(*id).decays = false;
            }
            Parts::Blended { parts, mixing, biases }
        };
        Ok(Self { down, parts, up })
    }

    /// Records the layer on all lanes, with its activation.
    pub(super) fn record(&self, forward: &mut Forward, lanes: &mut [Var]) {
        let mut last: Option<(Var, Var)> = None;
        for (lane, h) in lanes.iter_mut().enumerate() {
            let projected = match (self.down, last) {
                (None, _) => *h,
                // Lanes that still read one value project it once.
                (Some(_), Some((from, projected))) if from == *h => projected,
                (Some(down), _) => down.record(forward, *h),
            };
            last = Some((*h, projected));
            *h = self.record_lane(forward, lane, projected);
        }
    }

    fn record_lane(&self, forward: &mut Forward, lane: usize, input: Var) -> Var {
        let params = forward.params;
        let relu = Activation::Relu;
        match &self.parts {
            Parts::Blended { parts, mixing, biases } => {
                let weight = forward.tape.blend(params, *parts, mixing[lane]);
                let bias = biases[lane];
                let Some(up) = self.up else {
                    return forward.tape.product(params, input, weight, Some((bias, relu)));
                };
                let h = forward.tape.product(params, input, weight, None);
                forward.tape.linear(params, h, up.weight, bias, relu)
            }
            Parts::Gated { parts, mixing, bias } => {
                let groups = forward.groups;
                let products: Vec<Var> =
                    parts.iter().map(|part| part.record(forward, input)).collect();
                let gates = forward.tape.embedding(params, *mixing, groups);
                let h = forward.tape.gate(gates, &products);
                let h = self.up.map_or(h, |up| up.record(forward, h));
                let bias = forward.tape.embedding(params, *bias, groups);
                let h = forward.tape.add(h, bias);
                forward.tape.activate(h, relu)
            }
        }
    }

    /// The ranks, one for each mode.
    pub(super) fn ranks(&self, params: &Params<f32>) -> Vec<usize> {
        let down = self.down.map(|down| params.range(down.weight).shape()[1]);
        let up = self.up.map(|up| params.range(up.weight).shape()[0]);
        let n_parts = match &self.parts {
            Parts::Blended { mixing, .. } => params.range(mixing[0]).shape()[1],
            Parts::Gated { parts, .. } => parts.len(),
        };
        down.into_iter().chain(up).chain([n_parts]).collect()
    }

    /// The factors as they are.
    pub(super) fn factors(&self, params: &Params<f32>) -> Factors {
        let (parts, mixing) = match &self.parts {
            Parts::Blended { parts, mixing, .. } => {
                let all = of_range(params, *parts);
                let n_parts = params.range(mixing[0]).shape()[1];
                let n_rows = all.nrows() / n_parts;
                let part = |k: usize| all.as_ref().subrows(k * n_rows, n_rows).to_owned();
                let mixing: Vec<Mat<f64>> = mixing.iter().map(|&id| of_range(params, id)).collect();
                (
                    (0..n_parts).map(part).collect(),
                    Mat::from_fn(n_parts, mixing.len(), |k, t| mixing[t][(0, k)]),
                )
            }
            Parts::Gated { parts, mixing, .. } => (
                parts.iter().map(|part| of_range(params, part.weight)).collect(),
                of_range(params, *mixing).transpose().to_owned(),
            ),
        };
        let of = |map: Unbiased| of_range(params, map.weight);
        Factors { down: self.down.map(of), parts, mixing, up: self.up.map(of) }
    }
}

/// The values of a layer's ranges by name; `columns` are the tasks, if they are no groups.
pub(super) fn values(
    factors: &Factors,
    name: &str,
    columns: Option<&Vec<String>>,
) -> Vec<(String, Vec<f32>)> {
    let of = |part: &str| format!("{name}.{part}");
    let mut values = Vec::new();
    for (part, m) in [("down", &factors.down), ("up", &factors.up)] {
        values.extend(m.as_ref().map(|m| (of(part), row_major(m))));
    }
    let parts = factors.parts.iter().map(row_major);
    let mixing = factors.mixing.transpose().to_owned();
    if let Some(tasks) = columns {
        values.push((of("parts"), parts.flatten().collect()));
        let of_task = row_major(&mixing);
        let of_task = of_task.chunks_exact(factors.parts.len());
        values.extend(
            tasks.iter().zip(of_task).map(|(task, s)| (of(&format!("{task}.mixing")), s.to_vec())),
        );
    } else {
        values.extend(parts.enumerate().map(|(k, part)| (of(&format!("part.{k}")), part)));
        values.push((of("mixing"), row_major(&mixing)));
    }
    values
}

#[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
fn row_major(m: &Mat<f64>) -> Vec<f32> {
    (0..m.nrows()).flat_map(|i| (0..m.ncols()).map(move |j| m[(i, j)] as f32)).collect()
}
