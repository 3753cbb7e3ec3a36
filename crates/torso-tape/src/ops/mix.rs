//! A sum of values with learned coefficients: `Y = sum_s a_s * X_s`, the mixing of tasks' layers.
//!
//! All `X_s` are `[B, width]`; `a` is `[S, period]`, where `period` divides `width` and column `j`
//! takes the coefficient `a[s, j mod period]`: one for each value (`period = 1`), each unit
//! (`width`), or each channel of an image (channels last).

use super::{Op, Pullback};
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};

pub(crate) fn record<T: Scalar>(
    tape: &mut Tape<T>,
    params: &Params<T>,
    inputs: &[Var],
    coefficients: ParamId,
) -> Var {
    let shape = tape.shape(*inputs.first().expect("a sum has a value"));
    let [n, period] = params.range(coefficients).shape();
    assert_eq!(n, inputs.len(), "a row of coefficients for each value");
    assert!(shape[1].is_multiple_of(period.max(1)), "the coefficients' columns divide the width");
    assert!(inputs.iter().all(|&x| tape.shape(x) == shape), "values of one shape");
    let (below, node, work) = tape.next();
    work.multiply_adds += (inputs.len() * shape[0] * shape[1]) as u64;
    (node.op, node.shape, node.trainable) = (Op::Mix { coefficients }, shape, true);
    node.codes.clear();
    node.codes.extend(inputs.iter().map(|x| x.number()));
    node.value.clear();
    node.value.resize(shape[0] * shape[1], T::ZERO);
    for (x, own) in inputs.iter().zip(params.get(coefficients).chunks_exact(period)) {
        add_scaled(&mut node.value, &below[x.index()].value, own);
    }
    tape.push()
}

/// `y += a * x`, the coefficients repeating along both.
fn add_scaled<T: Scalar>(y: &mut [T], x: &[T], a: &[T]) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            if let &[a] = a {
                y.iter_mut().zip(x).for_each(|(y, &x)| *y += a * x);
                return;
            }
            for (y, x) in y.chunks_exact_mut(a.len()).zip(x.chunks_exact(a.len())) {
                for ((y, &x), &a) in y.iter_mut().zip(x).zip(a) {
                    *y += a * x;
                }
            }
        },
    );
}

/// `sum += s * x`, column by column or all in one.
fn add_products<T: Scalar>(sum: &mut [T], s: &[T], x: &[T]) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            if let [sum] = sum {
                // Eight sums side by side, so that they fit a vector; their order is fixed.
                let mut sums = [T::ZERO; 8];
                let (whole, rest) = (s.chunks_exact(8), x.chunks_exact(8));
                let tail = whole.remainder().iter().zip(rest.remainder());
                *sum += tail.map(|(&s, &x)| s * x).sum::<T>();
                for (s, x) in whole.zip(rest) {
                    for ((sum, &s), &x) in sums.iter_mut().zip(s).zip(x) {
                        *sum += s * x;
                    }
                }
                *sum += sums.into_iter().sum::<T>();
                return;
            }
            let period = sum.len();
            for (s, x) in s.chunks_exact(period).zip(x.chunks_exact(period)) {
                for ((sum, &s), &x) in sum.iter_mut().zip(s).zip(x) {
                    *sum += s * x;
                }
            }
        },
    );
}

pub(crate) fn pull_back<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &mut Node<T>,
    coefficients: ParamId,
) {
    walk.work.multiply_adds += 2 * (node.codes.len() * node.value.len()) as u64;
    coefficient_gradient(walk, node, coefficients);
    let params = walk.params;
    let (own, period) = (params.get(coefficients), params.range(coefficients).shape()[1]);
    let inputs = std::mem::take(&mut node.codes);
    for (&x, own) in inputs.iter().zip(own.chunks_exact(period)) {
        let x = Var::of_number(x);
        if walk.below[x.index()].trainable {
            walk.pass_on(node, x, |_, from, into| add_scaled(into, from, own));
        }
    }
    node.codes = inputs;
}

fn coefficient_gradient<T: Scalar>(walk: &mut Pullback<T>, node: &Node<T>, coefficients: ParamId) {
    let (width, layers) = (node.shape[1], node.stack.layers());
    let period = walk.params.range(coefficients).shape()[1];
    let parts = walk.parts(node);
    walk.sink.add_some(coefficients);
    for part in &parts {
        let block = walk.sink.block(coefficients);
        let (block_layers, layer) = (block.layers(), block.layer(part.loss));
        let (data, _) = walk.sink.set_all(coefficients);
        for (s, &x) in node.codes.iter().enumerate() {
            let value = &walk.below[x as usize].value;
            let sum = &mut data[(s * block_layers + layer) * period..][..period];
            if layers == 1 {
                let rows = part.rows.start * width..part.rows.end * width;
                add_products(sum, &node.stack.data[rows.clone()], &value[rows]);
                continue;
            }
            for row in part.rows.clone() {
                let s = &node.stack.data[(row * layers + part.layer) * width..][..width];
                add_products(sum, s, &value[row * width..][..width]);
            }
        }
    }
    walk.done(parts);
}
