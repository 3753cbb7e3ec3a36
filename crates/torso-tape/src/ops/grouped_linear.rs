//! A linear layer for each group of rows: `y = x W_g + b_g` for the group `g` of the row.
//!
//! `W` is `[groups * in, out]`, `b` `[groups, out]`. Rows of a group that lie side by side are one
//! product; other orders are right, but slow.

use super::{Op, Pullback, Runs};
use crate::matmul::{Factor, Product};
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::stack::Part;
use crate::tape::{Node, Tape, Var};

#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupedLinearOp {
    pub(crate) input: Var,
    pub(crate) weight: ParamId,
    pub(crate) bias: ParamId,
}

pub(crate) fn record<T: Scalar>(
    tape: &mut Tape<T>,
    params: &Params<T>,
    input: Var,
    [weight, bias]: [ParamId; 2],
    groups: &[u32],
) -> Var {
    let [n_rows, n_inputs] = tape.shape(input);
    let [n_groups, width] = params.range(bias).shape();
    assert_eq!(groups.len(), n_rows, "a group for each row");
    assert_eq!(params.range(weight).shape(), [n_groups * n_inputs, width], "a weight a group");
    let (below, node, work) = tape.next();
    node.op = Op::GroupedLinear(GroupedLinearOp { input, weight, bias });
    (node.shape, node.trainable) = ([n_rows, width], true);
    node.codes.clear();
    node.codes.extend_from_slice(groups);
    node.value.resize(n_rows * width, T::ZERO);
    for (group, rows) in (Runs { codes: groups, at: 0 }) {
        let own_bias = &params.get(bias)[group * width..][..width];
        let value = &mut node.value[rows.start * width..rows.end * width];
        value.chunks_exact_mut(width).for_each(|row| row.copy_from_slice(own_bias));
        work.matmul(
            [rows.len(), n_inputs, width],
            Product { data: value, row_stride: width, add: true },
            Factor::rows(&below[input.index()].value[rows.start * n_inputs..], n_inputs),
            Factor::rows(&params.get(weight)[group * n_inputs * width..], width),
        );
    }
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &mut Node<T>,
    op: GroupedLinearOp,
) {
    let parts = walk.parts(node);
    walk.sink.add_some(op.weight);
    walk.sink.add_some(op.bias);
    for part in &parts {
        let runs = Runs { codes: &node.codes[part.rows.clone()], at: 0 };
        for (group, rows) in runs {
            let rows = part.rows.start + rows.start..part.rows.start + rows.end;
            parameter_gradient(walk, node, op, group, &Part { rows, ..part.clone() });
        }
    }
    walk.done(parts);
    input_gradient(walk, node, op);
}

/// The gradient of one group's weight and bias from some of its rows.
fn parameter_gradient<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &Node<T>,
    op: GroupedLinearOp,
    group: usize,
    part: &Part,
) {
    let input = &walk.below[op.input.index()];
    let n_inputs = input.shape[1];
    let (width, stride) = (node.shape[1], node.stack.layers() * node.shape[1]);
    let stack = &node.stack.data[part.rows.start * stride + part.layer * width..];
    let layers = walk.sink.block(op.weight).layers();
    let layer = walk.sink.block(op.weight).layer(part.loss);
    let (data, _) = walk.sink.set_all(op.weight);
    walk.work.matmul(
        [n_inputs, part.rows.len(), width],
        Product {
            data: &mut data[(group * n_inputs * layers + layer) * width..],
            row_stride: layers * width,
            add: true,
        },
        Factor::rows(&input.value[part.rows.start * n_inputs..], n_inputs).transposed(),
        Factor::rows(stack, stride),
    );
    let layers = walk.sink.block(op.bias).layers();
    let layer = walk.sink.block(op.bias).layer(part.loss);
    let (data, _) = walk.sink.set_all(op.bias);
    let sum = &mut data[(group * layers + layer) * width..][..width];
    for row in 0..part.rows.len() {
        sum.iter_mut().zip(&stack[row * stride..]).for_each(|(sum, s)| *sum += *s);
    }
}

fn input_gradient<T: Scalar>(walk: &mut Pullback<T>, node: &Node<T>, op: GroupedLinearOp) {
    let input = &mut walk.below[op.input.index()];
    if !input.trainable {
        return;
    }
    let n_inputs = input.shape[1];
    let (width, layers, input_layers) = (node.shape[1], node.stack.layers(), input.stack.layers());
    let len = input.stack_len();
    input.stack.add_some(len);
    for &channel in &node.stack.channels {
        let (layer, input_layer) = (node.stack.layer(channel), input.stack.layer(channel));
        for (group, rows) in (Runs { codes: &node.codes, at: 0 }) {
            walk.work.matmul(
                [rows.len(), width, n_inputs],
                Product {
                    data: &mut input.stack.data
                        [(rows.start * input_layers + input_layer) * n_inputs..],
                    row_stride: input_layers * n_inputs,
                    add: true,
                },
                Factor::rows(
                    &node.stack.data[(rows.start * layers + layer) * width..],
                    layers * width,
                ),
                Factor::rows(&walk.params.get(op.weight)[group * n_inputs * width..], width)
                    .transposed(),
            );
        }
    }
}
