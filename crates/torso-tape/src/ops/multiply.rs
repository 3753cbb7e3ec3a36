//! The product of two values of one shape, number by number: attention masks.

use super::{Op, Pullback};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};
use crate::vector;

pub(crate) fn record<T: Scalar>(tape: &mut Tape<T>, a: Var, b: Var) -> Var {
    assert_eq!(tape.shape(a), tape.shape(b), "values of one shape");
    let (below, node, work) = tape.next();
    let (left, right) = (&below[a.index()], &below[b.index()]);
    (node.op, node.shape) = (Op::Multiply { a, b }, left.shape);
    node.trainable = left.trainable || right.trainable;
    work.multiply_adds += left.value.len() as u64;
    node.value.resize(left.value.len(), T::ZERO);
    vector::run(
        #[inline(always)]
        || {
            let pairs = left.value.iter().zip(&right.value);
            node.value.iter_mut().zip(pairs).for_each(|(y, (&a, &b))| *y = a * b);
        },
    );
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, [a, b]: [Var; 2]) {
    let width = node.shape[1];
    walk.work.multiply_adds += 2 * node.stack.data.len() as u64;
    for (input, other) in [(a, b), (b, a)] {
        // Set aside, so that the other factor can be read while this one's stack is written.
        let factor = std::mem::take(&mut walk.below[other.index()].value);
        walk.pass_on(
            node,
            input,
            #[inline(always)]
            |row, from, into| {
                vector::add_products(into, from, &factor[row * width..][..width]);
            },
        );
        walk.below[other.index()].value = factor;
    }
}
