//! Dropout: each number is left out with probability `rate`, the others are divided by
//! `1 - rate`, so that the mean is kept.
//!
//! # References
//! Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting* (2014).

use rand::RngExt;
use torso_core::seed::Stream;

use super::{Op, Pullback};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};

pub(crate) fn record<T: Scalar>(
    tape: &mut Tape<T>,
    input: Var,
    rate: f64,
    stream: &mut Stream,
) -> Var {
    assert!((0.0..1.0).contains(&rate), "a rate is from 0 to below 1");
    let (below, node, _) = tape.next();
    let input_node = &below[input.index()];
    node.op = Op::Dropout { input };
    (node.shape, node.trainable) = (input_node.shape, input_node.trainable);
    let kept = T::from_f64(1.0 / (1.0 - rate));
    let draw = |_: &T| if stream.random::<f64>() < rate { T::ZERO } else { kept };
    node.saved.clear();
    node.saved.extend(input_node.value.iter().map(draw));
    node.value.clear();
    node.value.extend(input_node.value.iter().zip(&node.saved).map(|(&x, &mask)| x * mask));
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, input: Var) {
    let width = node.shape[1];
    walk.pass_on(
        node,
        input,
        #[inline(always)]
        |row, from, into| {
            let mask = &node.saved[row * width..][..width];
            into.iter_mut().zip(from).zip(mask).for_each(|((into, &s), &mask)| *into += s * mask);
        },
    );
}
