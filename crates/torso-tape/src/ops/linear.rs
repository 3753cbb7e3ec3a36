//! A linear layer with its activation: `Y = act(X W + b)`.
//!
//! `X` is `[B, in]`, `W` `[in, out]`, `b` `[1, out]`, `Y` `[B, out]`.
//!
//! # Pullback
//! With the stack `S [B, c, out]` times `act'(Y)`: `dW = X' S` is one product of `[in, B]` and
//! `[B, c out]`, and `dX = S W'` one of `[B c, out]` and `[out, in]`, without a copy, whatever `c`.

use super::{Op, Pullback};
use crate::matmul::{Factor, Product};
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::sink::Owner;
use crate::stack::{Half, Part};
use crate::tape::{Node, Tape, Var};
use crate::vector;

/// What follows a linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `tanh(x)`.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct LinearOp {
    pub(crate) input: Var,
    pub(crate) weight: ParamId,
    pub(crate) bias: ParamId,
    activation: Activation,
}

pub(crate) fn record<T: Scalar>(
    tape: &mut Tape<T>,
    params: &Params<T>,
    input: Var,
    [weight, bias]: [ParamId; 2],
    activation: Activation,
) -> Var {
    let [n_rows, n_inputs] = tape.shape(input);
    let [fan_in, width] = params.range(weight).shape();
    assert_eq!(fan_in, n_inputs, "the weight has a row for each input");
    assert_eq!(params.range(bias).shape(), [1, width], "the bias has a column for each output");
    let (below, node, work) = tape.next();
    node.op = Op::Linear(LinearOp { input, weight, bias, activation });
    (node.shape, node.trainable) = ([n_rows, width], true);
    node.value.resize(n_rows * width, T::ZERO);
    work.matmul(
        [n_rows, n_inputs, width],
        Product { data: &mut node.value, row_stride: width, add: false },
        Factor::rows(&below[input.index()].value, n_inputs),
        Factor::rows(params.get(weight), width),
    );
    activate(&mut node.value, params.get(bias), activation);
    tape.push()
}

/// `values <- act(values + bias)`, row by row.
pub(super) fn activate<T: Scalar>(values: &mut [T], bias: &[T], activation: Activation) {
    vector::run(
        #[inline(always)]
        || {
            let rows = values.chunks_exact_mut(bias.len());
            match activation {
                Activation::Identity => rows.for_each(|row| map(row, bias, |x| x)),
                Activation::Relu => rows.for_each(|row| map(row, bias, |x| x.max(T::ZERO))),
                Activation::Tanh => rows.for_each(|row| map(row, bias, T::tanh)),
                Activation::Sigmoid => rows.for_each(|row| map(row, bias, sigmoid)),
            }
        },
    );
}

#[inline(always)]
fn map<T: Scalar>(row: &mut [T], bias: &[T], act: impl Fn(T) -> T) {
    row.iter_mut().zip(bias).for_each(|(x, &b)| *x = act(*x + b));
}

/// The logistic function.
#[inline(always)]
pub(crate) fn sigmoid<T: Scalar>(x: T) -> T {
    T::ONE / (T::ONE + (-x).exponential())
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, op: LinearOp) {
    if node.stack.half != Half::Input {
        let layers = node.stack.layers();
        slope(&mut node.stack.data, &node.value, node.shape[1], layers, op.activation);
        if !walk.sink.block(op.weight).is_factored {
            let parts = walk.parts(node);
            weight_gradient(walk, node, op, &parts);
            bias_gradient(walk, node, op.bias, &parts);
            walk.done(parts);
        }
    }
    if node.stack.half != Half::Parameters {
        input_gradient(walk, node, op);
    }
}

/// `stack <- stack * act'`, the slope told from the layer's output.
pub(super) fn slope<T: Scalar>(
    stack: &mut [T],
    value: &[T],
    width: usize,
    layers: usize,
    activation: Activation,
) {
    if activation == Activation::Identity {
        return;
    }
    vector::run(
        #[inline(always)]
        || {
            for (stack, value) in
                stack.chunks_exact_mut(layers * width).zip(value.chunks_exact(width))
            {
                for layer in stack.chunks_exact_mut(width) {
                    let pairs = layer.iter_mut().zip(value);
                    match activation {
                        Activation::Identity => {}
                        Activation::Relu => {
                            pairs.for_each(|(s, &y)| *s = if y > T::ZERO { *s } else { T::ZERO });
                        }
                        Activation::Tanh => pairs.for_each(|(s, &y)| *s *= T::ONE - y * y),
                        Activation::Sigmoid => pairs.for_each(|(s, &y)| *s *= y * (T::ONE - y)),
                    }
                }
            }
        },
    );
}

fn weight_gradient<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &Node<T>,
    op: LinearOp,
    parts: &[Part],
) {
    let input = &walk.below[op.input.index()];
    let [n_rows, n_inputs] = input.shape;
    let (width, layers) = (node.shape[1], node.stack.layers());
    let block = walk.sink.block(op.weight);
    let block_width = block.layers() * width;
    if block.owner != Owner::Shared || is_whole(walk, node, op.weight, parts) {
        let (data, add) = walk.sink.set_all(op.weight);
        walk.work.matmul(
            [n_inputs, n_rows, block_width],
            Product { data, row_stride: block_width, add },
            Factor::rows(&input.value, n_inputs).transposed(),
            Factor::rows(&node.stack.data, layers * width),
        );
        return;
    }
    walk.sink.add_some(op.weight);
    for Part { loss, layer, rows, columns } in parts {
        let into = walk.sink.block(op.weight).layer(*loss) * width + columns.start;
        let (data, _) = walk.sink.set_all(op.weight);
        let from = (rows.start * layers + layer) * width + columns.start;
        walk.work.matmul(
            [n_inputs, rows.len(), columns.len()],
            Product { data: &mut data[into..], row_stride: block_width, add: true },
            Factor::rows(&input.value[rows.start * n_inputs..], n_inputs).transposed(),
            Factor::rows(&node.stack.data[from..], layers * width),
        );
    }
}

/// Whether a stack's layers are those of a block, in order and over all rows.
fn is_whole<T: Scalar>(walk: &Pullback<T>, node: &Node<T>, param: ParamId, parts: &[Part]) -> bool {
    let block = walk.sink.block(param);
    let fits = |(at, part): (usize, &Part)| {
        part.layer == at && block.layer(part.loss) == at && part.rows.len() == node.shape[0]
    };
    !node.stack.by_columns
        && parts.len() == block.layers()
        && parts.len() == node.stack.layers()
        && parts.iter().enumerate().all(fits)
}

/// The bias's gradient: the stack summed over rows.
pub(super) fn bias_gradient<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &Node<T>,
    bias: ParamId,
    parts: &[Part],
) {
    let (width, layers) = (node.shape[1], node.stack.layers());
    walk.sink.add_some(bias);
    for Part { loss, layer, rows, columns } in parts {
        let into = walk.sink.block(bias).layer(*loss) * width;
        let (data, _) = walk.sink.set_all(bias);
        let sum = &mut data[into..][columns.clone()];
        let stack = &node.stack.data[layer * width..];
        vector::run(
            #[inline(always)]
            || {
                for row in rows.clone() {
                    let row = &stack[row * layers * width..][columns.clone()];
                    vector::add_scaled(sum, row, T::ONE);
                }
            },
        );
    }
}

fn input_gradient<T: Scalar>(walk: &mut Pullback<T>, node: &Node<T>, op: LinearOp) {
    let input = &mut walk.below[op.input.index()];
    if !input.trainable {
        return;
    }
    let [n_rows, n_inputs] = input.shape;
    let width = node.shape[1];
    let input_layers = input.stack.layers();
    let weight = Factor::rows(walk.params.get(op.weight), width).transposed();
    let (channels, len) = (&node.stack.channels, input.stack_len());
    if !node.stack.by_columns && input.stack.channels == *channels && !input.stack.by_columns {
        let add = input.stack.set_all(len);
        walk.work.matmul(
            [n_rows * input_layers, width, n_inputs],
            Product { data: &mut input.stack.data, row_stride: n_inputs, add },
            Factor::rows(&node.stack.data, width),
            weight,
        );
        return;
    }
    let layers = node.stack.layers();
    let whole = input.stack.channels == *channels;
    let add = if whole {
        input.stack.set_all(len)
    } else {
        input.stack.add_some(len);
        true
    };
    for &channel in channels {
        let into = input.stack.layer(channel) * n_inputs;
        let columns = if node.stack.by_columns {
            let Op::Loss(loss) = walk.above[channel as usize - walk.at - 1].op else {
                unreachable!("channels are losses")
            };
            loss.columns[0]..loss.columns[1]
        } else {
            0..width
        };
        let from = node.stack.layer(channel) * width + columns.start;
        walk.work.matmul(
            [n_rows, columns.len(), n_inputs],
            Product {
                data: &mut input.stack.data[into..],
                row_stride: input_layers * n_inputs,
                add,
            },
            Factor::rows(&node.stack.data[from..], layers * width),
            Factor { data: &weight.data[columns.start..], ..weight },
        );
    }
}
