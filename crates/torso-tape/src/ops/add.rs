//! The sum of two values of one shape.

use super::{Op, Pullback};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};
use crate::vector;

pub(crate) fn record<T: Scalar>(tape: &mut Tape<T>, a: Var, b: Var) -> Var {
    assert_eq!(tape.shape(a), tape.shape(b), "values of one shape");
    let (below, node, _) = tape.next();
    let (left, right) = (&below[a.index()], &below[b.index()]);
    (node.op, node.shape) = (Op::Add { a, b }, left.shape);
    node.trainable = left.trainable || right.trainable;
    node.value.clear();
    node.value.extend_from_slice(&left.value);
    vector::run(
        #[inline(always)]
        || vector::add_scaled(&mut node.value, &right.value, T::ONE),
    );
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, inputs: [Var; 2]) {
    for input in inputs {
        walk.pass_on(
            node,
            input,
            #[inline(always)]
            |_, from, into| {
                vector::add_scaled(into, from, T::ONE);
            },
        );
    }
}
