//! A weight made of parts: `W = sum_k c_k L_k`, and the layer that takes it.
//!
//! `L` is `[K * rows, out]`, block below block, `c` `[1, K]` or `[K, 1]`; `W` is `[rows, out]`. The
//! layer computes `X W`, with `X` `[B, rows]`, or `act(X W + b)`.
//!
//! A weight's stack has a layer for each loss, as every node's; but its rows are no rows of the
//! batch. So tasks that are groups of rows cannot share a blended weight: they mix the products
//! `X L_k` behind a [gate](super::gate) instead.

use super::linear::{self, Activation};
use super::{Op, Pullback};
use crate::matmul::{Factor, Product};
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};
use crate::vector;

/// Numbers of a weight that are summed before the next ones.
const CHUNK: usize = 1024;

/// The layer that takes a recorded weight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProductOp {
    pub(crate) input: Var,
    pub(crate) weight: Var,
    pub(crate) bias: Option<ParamId>,
    activation: Activation,
}

pub(crate) fn record_weight<T: Scalar>(
    tape: &mut Tape<T>,
    params: &Params<T>,
    parts: ParamId,
    coefficients: ParamId,
) -> Var {
    let n_parts = params.get(coefficients).len();
    let [rows, width] = params.range(parts).shape();
    assert!(n_parts > 0 && rows.is_multiple_of(n_parts), "a coefficient for each part");
    let (_, node, work) = tape.next();
    node.op = Op::Blend { parts, coefficients };
    (node.shape, node.trainable) = ([rows / n_parts, width], true);
    work.multiply_adds += (rows * width) as u64;
    node.value.resize(rows / n_parts * width, T::ZERO);
    let (l, c) = (params.get(parts), params.get(coefficients));
    vector::run(
        #[inline(always)]
        || {
            let len = node.value.len();
            // Some numbers at a time, so that their sums stay in the nearest cache.
            for (at, w) in node.value.chunks_mut(CHUNK).enumerate() {
                w.fill(T::ZERO);
                for (part, &c) in l.chunks_exact(len).zip(c) {
                    vector::add_scaled(w, &part[at * CHUNK..], c);
                }
            }
        },
    );
    tape.push()
}

pub(crate) fn record_product<T: Scalar>(
    tape: &mut Tape<T>,
    params: &Params<T>,
    [input, weight]: [Var; 2],
    bias: Option<(ParamId, Activation)>,
) -> Var {
    let ([n_rows, n_inputs], [fan_in, width]) = (tape.shape(input), tape.shape(weight));
    assert_eq!(fan_in, n_inputs, "the weight has a row for each input");
    let (below, node, work) = tape.next();
    let (id, activation) = bias.map_or((None, Activation::Identity), |(id, act)| (Some(id), act));
    node.op = Op::Product(ProductOp { input, weight, bias: id, activation });
    (node.shape, node.trainable) = ([n_rows, width], true);
    node.value.resize(n_rows * width, T::ZERO);
    work.matmul(
        [n_rows, n_inputs, width],
        Product { data: &mut node.value, row_stride: width, add: false },
        Factor::rows(&below[input.index()].value, n_inputs),
        Factor::rows(&below[weight.index()].value, width),
    );
    if let Some((bias, activation)) = bias {
        assert_eq!(params.range(bias).shape(), [1, width], "the bias has a column for each output");
        linear::activate(&mut node.value, params.get(bias), activation);
    }
    tape.push()
}

/// From the weight's stack to its parts and coefficients.
pub(crate) fn pull_back_weight<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &mut Node<T>,
    [parts, coefficients]: [ParamId; 2],
) {
    let ([rows, width], layers) = (node.shape, node.stack.layers());
    walk.sink.add_some(parts);
    walk.sink.add_some(coefficients);
    let n = rows * width;
    let spans = walk.parts(node);
    walk.work.multiply_adds += 2 * (walk.params.get(parts).len() * spans.len()) as u64;
    for part in &spans {
        assert_eq!(part.rows, 0..rows, "groups of rows share no blended weight");
        let s = |row: usize| &node.stack.data[(row * layers + part.layer) * width..][..width];
        let (l, c) = (walk.params.get(parts), walk.params.get(coefficients));
        let block = walk.sink.block(parts);
        let (block_layers, layer) = (block.layers(), block.layer(part.loss));
        let (data, _) = walk.sink.set_all(parts);
        vector::run(
            #[inline(always)]
            || {
                for row in 0..rows {
                    for (k, &c) in c.iter().enumerate() {
                        let into = ((k * rows + row) * block_layers + layer) * width;
                        vector::add_scaled(&mut data[into..][..width], s(row), c);
                    }
                }
            },
        );
        let [_, columns] = walk.params.range(coefficients).shape();
        let block = walk.sink.block(coefficients);
        let (block_layers, layer) = (block.layers(), block.layer(part.loss));
        let (data, _) = walk.sink.set_all(coefficients);
        vector::run(
            #[inline(always)]
            || {
                for row in 0..rows {
                    for (k, own) in l.chunks_exact(n).enumerate() {
                        let (at, column) = (k / columns, k % columns);
                        data[(at * block_layers + layer) * columns + column] +=
                            vector::dot(s(row), &own[row * width..][..width]);
                    }
                }
            },
        );
    }
    walk.done(spans);
}

/// From a product's stack to its two factors and its bias.
pub(crate) fn pull_back_product<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &mut Node<T>,
    op: ProductOp,
) {
    let ProductOp { input, weight, bias, activation } = op;
    let ([n_rows, width], layers) = (node.shape, node.stack.layers());
    if let Some(bias) = bias {
        linear::slope(&mut node.stack.data, &node.value, width, layers, activation);
        let parts = walk.parts(node);
        linear::bias_gradient(walk, node, bias, &parts);
        walk.done(parts);
    }
    let fan_in = walk.below[weight.index()].shape[0];
    for &channel in &node.stack.channels {
        let s = &node.stack.data[node.stack.layer(channel) * width..];
        if walk.below[input.index()].trainable {
            let w = std::mem::take(&mut walk.below[weight.index()].value);
            let x = &mut walk.below[input.index()];
            let (into, x_layers, len) =
                (x.stack.layer(channel) * fan_in, x.stack.layers(), x.stack_len());
            x.stack.add_some(len);
            walk.work.matmul(
                [n_rows, width, fan_in],
                Product {
                    data: &mut x.stack.data[into..],
                    row_stride: x_layers * fan_in,
                    add: true,
                },
                Factor::rows(s, layers * width),
                Factor::rows(&w, width).transposed(),
            );
            walk.below[weight.index()].value = w;
        }
        let x = std::mem::take(&mut walk.below[input.index()].value);
        let w = &mut walk.below[weight.index()];
        if w.trainable {
            let (into, w_layers, len) =
                (w.stack.layer(channel) * width, w.stack.layers(), w.stack_len());
            w.stack.add_some(len);
            walk.work.matmul(
                [fan_in, n_rows, width],
                Product {
                    data: &mut w.stack.data[into..],
                    row_stride: w_layers * width,
                    add: true,
                },
                Factor::rows(&x, fan_in).transposed(),
                Factor::rows(s, layers * width),
            );
        }
        walk.below[input.index()].value = x;
    }
}
