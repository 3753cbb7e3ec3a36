//! The product of two values of one shape, number by number: attention masks.

use super::{Op, Pullback};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};

pub(crate) fn record<T: Scalar>(tape: &mut Tape<T>, a: Var, b: Var) -> Var {
    assert_eq!(tape.shape(a), tape.shape(b), "values of one shape");
    let (below, node, _) = tape.next();
    let (left, right) = (&below[a.index()], &below[b.index()]);
    (node.op, node.shape) = (Op::Multiply { a, b }, left.shape);
    node.trainable = left.trainable || right.trainable;
    node.value.clear();
    node.value.extend(left.value.iter().zip(&right.value).map(|(&a, &b)| a * b));
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, [a, b]: [Var; 2]) {
    let width = node.shape[1];
    for (input, other) in [(a, b), (b, a)] {
        // Set aside, so that the other factor can be read while this one's stack is written.
        let factor = std::mem::take(&mut walk.below[other.index()].value);
        walk.pass_on(node, input, |row, from, into| {
            let factor = &factor[row * width..][..width];
            into.iter_mut().zip(from).zip(factor).for_each(|((into, &s), &f)| *into += s * f);
        });
        walk.below[other.index()].value = factor;
    }
}
