//! Layer normalization with an activation: `y = act((x - mean) / sd * gain + bias)` along each row.
//!
//! `sd` is the root of the row's population variance plus 1e-5, as in PyTorch. The pullback of a
//! cotangent `s` (times `act'`), with `z = (x - mean) / sd` and `u = s gain`, is
//! `(u - mean(u) - z mean(u z)) / sd`.
//!
//! # References
//! Ba, Kiros, Hinton, *Layer Normalization* (2016).

use super::linear::{self, Activation};
use super::{Op, Pullback};
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};
use crate::vector;

/// Added to the variance.
const EPSILON: f64 = 1e-5;

#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerNormOp {
    pub(crate) input: Var,
    pub(crate) gain: ParamId,
    pub(crate) bias: ParamId,
    activation: Activation,
}

pub(crate) fn record<T: Scalar>(
    tape: &mut Tape<T>,
    params: &Params<T>,
    input: Var,
    [gain, bias]: [ParamId; 2],
    activation: Activation,
) -> Var {
    let [n_rows, width] = tape.shape(input);
    assert_eq!(params.range(gain).shape(), [1, width], "a gain for each column");
    assert_eq!(params.range(bias).shape(), [1, width], "a bias for each column");
    let (below, node, work) = tape.next();
    node.op = Op::LayerNorm(LayerNormOp { input, gain, bias, activation });
    (node.shape, node.trainable) = ([n_rows, width], true);
    // Two sums, the scale of the spread, gain and bias.
    work.multiply_adds += 4 * (n_rows * width) as u64;
    // The normalized rows, and behind them the inverse spread of each.
    node.saved.resize(n_rows * (width + 1), T::ZERO);
    let (normalized, spreads) = node.saved.split_at_mut(n_rows * width);
    node.value.resize(n_rows * width, T::ZERO);
    let (gain, bias) = (params.get(gain), params.get(bias));
    let (n, epsilon) = (T::from_f64(width as f64), T::from_f64(EPSILON));
    vector::run(
        #[inline(always)]
        || {
            let rows = below[input.index()].value.chunks_exact(width);
            let rows = rows.zip(normalized.chunks_exact_mut(width)).zip(spreads.iter_mut());
            for (((x, z), inverse), y) in rows.zip(node.value.chunks_exact_mut(width)) {
                let mean = vector::sum(x) / n;
                z.iter_mut().zip(x).for_each(|(z, &x)| *z = x - mean);
                *inverse = T::ONE / (vector::dot(z, z) / n + epsilon).sqrt();
                for z in z.iter_mut() {
                    *z *= *inverse;
                }
                y.iter_mut().zip(z).zip(gain).for_each(|((y, &mut z), &gain)| *y = z * gain);
            }
        },
    );
    linear::activate(&mut node.value, bias, activation);
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &mut Node<T>,
    LayerNormOp { input, gain, bias, activation }: LayerNormOp,
) {
    let [n_rows, width] = node.shape;
    let layers = node.stack.layers();
    linear::slope(&mut node.stack.data, &node.value, width, layers, activation);
    let (normalized, spreads) = node.saved.split_at(n_rows * width);
    // Two sums for the parameters, two along each row, and three terms.
    walk.work.multiply_adds += 7 * node.stack.data.len() as u64;
    let parts = walk.parts(node);
    for (param, slope) in [(gain, Some(normalized)), (bias, None)] {
        walk.sink.add_some(param);
        for part in &parts {
            let at = walk.sink.block(param).layer(part.loss) * width;
            let (data, _) = walk.sink.set_all(param);
            let sum = &mut data[at..][..width];
            vector::run(
                #[inline(always)]
                || {
                    for row in part.rows.clone() {
                        let s = &node.stack.data[(row * layers + part.layer) * width..][..width];
                        match slope {
                            None => vector::add_scaled(sum, s, T::ONE),
                            Some(z) => vector::add_products(sum, s, &z[row * width..]),
                        }
                    }
                },
            );
        }
    }
    walk.done(parts);
    let gain = walk.params.get(gain);
    let n = T::from_f64(width as f64);
    walk.pass_on(
        node,
        input,
        #[inline(always)]
        |row, s, into| {
            let z = &normalized[row * width..][..width];
            let mean = vector::dot(s, gain) / n;
            let along = vector::dot_of_three(s, gain, z) / n;
            for (((into, &s), &gain), &z) in into.iter_mut().zip(s).zip(gain).zip(z) {
                *into += (s * gain - mean - z * along) * spreads[row];
            }
        },
    );
}
