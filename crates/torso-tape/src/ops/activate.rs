//! An activation by itself: `Y = act(X)`, behind layers that have none of their own.

use super::linear::{Activation, sigmoid};
use super::{Op, Pullback};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};
use crate::vector;

pub(crate) fn record<T: Scalar>(tape: &mut Tape<T>, input: Var, activation: Activation) -> Var {
    let (below, node, _) = tape.next();
    let input_node = &below[input.index()];
    node.op = Op::Activate { input, activation };
    (node.shape, node.trainable) = (input_node.shape, input_node.trainable);
    node.value.resize(input_node.value.len(), T::ZERO);
    vector::run(
        #[inline(always)]
        || {
            let (y, x) = (&mut node.value, &input_node.value);
            match activation {
                Activation::Identity => y.copy_from_slice(x),
                Activation::Relu => vector::map(y, x, |x| x.max(T::ZERO)),
                Activation::Tanh => vector::map(y, x, T::tanh),
                Activation::Sigmoid => vector::map(y, x, sigmoid),
            }
        },
    );
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &mut Node<T>,
    input: Var,
    activation: Activation,
) {
    let width = node.shape[1];
    walk.pass_on(
        node,
        input,
        #[inline(always)]
        |row, from, into| {
            let pairs = into.iter_mut().zip(from).zip(&node.value[row * width..][..width]);
            match activation {
                Activation::Identity => pairs.for_each(|((into, &s), _)| *into += s),
                Activation::Relu => {
                    pairs.for_each(|((into, &s), &y)| {
                        *into += if y > T::ZERO { s } else { T::ZERO }
                    });
                }
                Activation::Tanh => {
                    pairs.for_each(|((into, &s), &y)| *into += s * (T::ONE - y * y));
                }
                Activation::Sigmoid => {
                    pairs.for_each(|((into, &s), &y)| *into += s * y * (T::ONE - y));
                }
            }
        },
    );
}
