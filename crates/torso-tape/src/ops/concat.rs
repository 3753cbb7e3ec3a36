//! Two values side by side.

use super::{Op, Pullback};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};
use crate::vector;

pub(crate) fn record<T: Scalar>(tape: &mut Tape<T>, a: Var, b: Var) -> Var {
    let ([n_rows, left], [other_rows, right]) = (tape.shape(a), tape.shape(b));
    assert_eq!(n_rows, other_rows, "values of the same rows");
    let (below, node, _) = tape.next();
    let (a_node, b_node) = (&below[a.index()], &below[b.index()]);
    (node.op, node.shape) = (Op::Concat { a, b }, [n_rows, left + right]);
    node.trainable = a_node.trainable || b_node.trainable;
    node.value.clear();
    for row in 0..n_rows {
        node.value.extend_from_slice(&a_node.value[row * left..][..left]);
        node.value.extend_from_slice(&b_node.value[row * right..][..right]);
    }
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, inputs: [Var; 2]) {
    let mut first = 0;
    for input in inputs {
        let width = walk.below[input.index()].shape[1];
        walk.pass_on(
            node,
            input,
            #[inline(always)]
            |_, from, into| {
                vector::add_scaled(into, &from[first..], T::ONE);
            },
        );
        first += width;
    }
}
