//! A sum of values with recorded coefficients: `Y[b] = sum_e G[b, e] X_e[b]`, experts behind a gate.
//!
//! `G` is `[B, E]`, each of the `E` values `X_e` `[B, width]`. What is 0 in every row of `G` costs
//! little: its products are passed over.

use super::{Op, Pullback};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};
use crate::vector;

pub(crate) fn record<T: Scalar>(tape: &mut Tape<T>, gates: Var, inputs: &[Var]) -> Var {
    let shape = tape.shape(*inputs.first().expect("a gate has an expert"));
    assert_eq!(tape.shape(gates), [shape[0], inputs.len()], "a gate for each row and expert");
    assert!(inputs.iter().all(|&x| tape.shape(x) == shape), "values of one shape");
    let (below, node, work) = tape.next();
    work.multiply_adds += (inputs.len() * shape[0] * shape[1]) as u64;
    (node.op, node.shape) = (Op::Gate { gates }, shape);
    node.trainable =
        below[gates.index()].trainable || inputs.iter().any(|x| below[x.index()].trainable);
    node.codes.clear();
    node.codes.extend(inputs.iter().map(|x| x.number()));
    node.value.resize(shape[0] * shape[1], T::ZERO);
    let gates = &below[gates.index()].value;
    vector::run(
        #[inline(always)]
        || {
            let rows = node.value.chunks_exact_mut(shape[1].max(1)).enumerate();
            for ((row, y), gates) in rows.zip(gates.chunks_exact(inputs.len())) {
                y.fill(T::ZERO);
                for (x, &gate) in inputs.iter().zip(gates) {
                    add_scaled(y, &below[x.index()].value[row * shape[1]..][..shape[1]], gate);
                }
            }
        },
    );
    tape.push()
}

/// `y += a x`.
#[inline(always)]
fn add_scaled<T: Scalar>(y: &mut [T], x: &[T], a: T) {
    if a != T::ZERO {
        vector::add_scaled(y, x, a);
    }
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, gates: Var) {
    let inputs = std::mem::take(&mut node.codes);
    let n = inputs.len();
    walk.work.multiply_adds += 2 * (n * node.value.len()) as u64;
    if walk.below[gates.index()].trainable {
        // The gates' stack is written while the experts' values are read.
        let mut own = std::mem::take(&mut walk.below[gates.index()].stack);
        let len = node.shape[0] * own.layers() * n;
        own.add_some(len);
        let (layers, width) = (node.stack.layers(), node.shape[1]);
        let below = &*walk.below;
        vector::run(
            #[inline(always)]
            || {
                for (layer, &channel) in node.stack.channels.iter().enumerate() {
                    let (own_layer, own_layers) = (own.layer(channel), own.layers());
                    for row in 0..node.shape[0] {
                        let s = &node.stack.data[(row * layers + layer) * width..][..width];
                        let into = &mut own.data[(row * own_layers + own_layer) * n..][..n];
                        for (sum, &x) in into.iter_mut().zip(&inputs) {
                            let x = &below[x as usize].value[row * width..][..width];
                            *sum += vector::dot(s, x);
                        }
                    }
                }
            },
        );
        walk.below[gates.index()].stack = own;
    }
    for (e, &x) in inputs.iter().enumerate() {
        let x = Var::of_number(x);
        if !walk.below[x.index()].trainable {
            continue;
        }
        let gate = std::mem::take(&mut walk.below[gates.index()].value);
        walk.pass_on(
            node,
            x,
            #[inline(always)]
            |row, from, into| add_scaled(into, from, gate[row * n + e]),
        );
        walk.below[gates.index()].value = gate;
    }
    node.codes = inputs;
}
