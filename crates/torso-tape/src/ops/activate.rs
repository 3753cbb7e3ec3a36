//! An activation by itself: `Y = act(X)`, behind layers that have none of their own.

use super::linear::{Activation, sigmoid};
use super::{Op, Pullback};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};

pub(crate) fn record<T: Scalar>(tape: &mut Tape<T>, input: Var, activation: Activation) -> Var {
    let (below, node, _) = tape.next();
    let input_node = &below[input.index()];
    node.op = Op::Activate { input, activation };
    (node.shape, node.trainable) = (input_node.shape, input_node.trainable);
    node.value.clear();
    let values = input_node.value.iter().copied();
    match activation {
        Activation::Identity => node.value.extend(values),
        Activation::Relu => node.value.extend(values.map(|x| x.max(T::ZERO))),
        Activation::Tanh => node.value.extend(values.map(T::tanh)),
        Activation::Sigmoid => node.value.extend(values.map(sigmoid)),
    }
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &mut Node<T>,
    input: Var,
    activation: Activation,
) {
    let width = node.shape[1];
    walk.pass_on(node, input, |row, from, into| {
        let pairs = into.iter_mut().zip(from).zip(&node.value[row * width..][..width]);
        match activation {
            Activation::Identity => pairs.for_each(|((into, &s), _)| *into += s),
            Activation::Relu => {
                pairs.for_each(|((into, &s), &y)| *into += if y > T::ZERO { s } else { T::ZERO });
            }
            Activation::Tanh => pairs.for_each(|((into, &s), &y)| *into += s * (T::ONE - y * y)),
            Activation::Sigmoid => {
                pairs.for_each(|((into, &s), &y)| *into += s * y * (T::ONE - y));
            }
        }
    });
}
