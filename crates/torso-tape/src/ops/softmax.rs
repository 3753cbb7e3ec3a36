//! The softmax of each row: `y_j = exp(x_j) / sum_k exp(x_k)`.

use super::{Op, Pullback};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};
use crate::vector;

pub(crate) fn record<T: Scalar>(tape: &mut Tape<T>, input: Var) -> Var {
    let (below, node, _) = tape.next();
    let input_node = &below[input.index()];
    node.op = Op::Softmax { input };
    (node.shape, node.trainable) = (input_node.shape, input_node.trainable);
    node.value.clear();
    node.value.extend_from_slice(&input_node.value);
    vector::run(
        #[inline(always)]
        || {
            for row in node.value.chunks_exact_mut(node.shape[1].max(1)) {
                let largest = row.iter().copied().fold(T::neg_infinity(), T::max);
                for x in row.iter_mut() {
                    *x = (*x - largest).exponential();
                }
                let total = vector::sum(row);
                for x in row {
                    *x /= total;
                }
            }
        },
    );
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, input: Var) {
    let width = node.shape[1];
    walk.pass_on(
        node,
        input,
        #[inline(always)]
        |row, from, into| {
            let y = &node.value[row * width..][..width];
            let mean = vector::dot(from, y);
            for ((into, &s), &y) in into.iter_mut().zip(from).zip(y) {
                *into += y * (s - mean);
            }
        },
    );
}
