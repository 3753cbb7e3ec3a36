//! Layer normalization: `y = (x - mean) / sd * gain + bias` along each row.
//!
//! `sd` is the root of the row's population variance plus 1e-5, as in PyTorch. The pullback of a
//! cotangent `s`, with `z = (x - mean) / sd` and `u = s gain`, is
//! `(u - mean(u) - z mean(u z)) / sd`.
//!
//! # References
//! Ba, Kiros, Hinton, *Layer Normalization* (2016).

use super::{Op, Pullback};
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};

/// Added to the variance.
const EPSILON: f64 = 1e-5;

pub(crate) fn record<T: Scalar>(
    tape: &mut Tape<T>,
    params: &Params<T>,
    input: Var,
    [gain, bias]: [ParamId; 2],
) -> Var {
    let [n_rows, width] = tape.shape(input);
    assert_eq!(params.range(gain).shape(), [1, width], "a gain for each column");
    assert_eq!(params.range(bias).shape(), [1, width], "a bias for each column");
    let (below, node, _) = tape.next();
    node.op = Op::LayerNorm { input, gain, bias };
    (node.shape, node.trainable) = ([n_rows, width], true);
    node.value.clear();
    // The normalized rows, and behind them the inverse spread of each.
    node.saved.resize(n_rows * (width + 1), T::ZERO);
    let (normalized, spreads) = node.saved.split_at_mut(n_rows * width);
    let n = T::from_f64(width as f64);
    let rows = below[input.index()].value.chunks_exact(width);
    for ((x, z), inverse) in rows.zip(normalized.chunks_exact_mut(width)).zip(spreads) {
        let mean = x.iter().copied().sum::<T>() / n;
        let variance = x.iter().map(|&x| (x - mean) * (x - mean)).sum::<T>() / n;
        *inverse = T::ONE / (variance + T::from_f64(EPSILON)).sqrt();
        z.iter_mut().zip(x).for_each(|(z, &x)| *z = (x - mean) * *inverse);
        let scales = params.get(gain).iter().zip(params.get(bias));
        node.value.extend(z.iter().zip(scales).map(|(&z, (&gain, &bias))| z * gain + bias));
    }
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &mut Node<T>,
    input: Var,
    [gain, bias]: [ParamId; 2],
) {
    let [n_rows, width] = node.shape;
    let layers = node.stack.layers();
    let (normalized, spreads) = node.saved.split_at(n_rows * width);
    let parts = walk.parts(node);
    for (param, slope) in [(gain, Some(normalized)), (bias, None)] {
        walk.sink.add_some(param);
        for part in &parts {
            let at = walk.sink.block(param).layer(part.loss) * width;
            let (data, _) = walk.sink.set_all(param);
            let sum = &mut data[at..][..width];
            for row in part.rows.clone() {
                let s = &node.stack.data[(row * layers + part.layer) * width..][..width];
                match slope {
                    None => sum.iter_mut().zip(s).for_each(|(sum, &s)| *sum += s),
                    Some(z) => {
                        let z = &z[row * width..];
                        sum.iter_mut().zip(s.iter().zip(z)).for_each(|(sum, (&s, &z))| {
                            *sum += s * z;
                        });
                    }
                }
            }
        }
    }
    walk.done(parts);
    let gain = walk.params.get(gain);
    let n = T::from_f64(width as f64);
    walk.pass_on(node, input, |row, s, into| {
        let z = &normalized[row * width..][..width];
        let u = || s.iter().zip(gain).map(|(&s, &gain)| s * gain);
        let mean = u().sum::<T>() / n;
        let along = u().zip(z).map(|(u, &z)| u * z).sum::<T>() / n;
        for ((into, u), &z) in into.iter_mut().zip(u()).zip(z) {
            *into += (u - mean - z * along) * spreads[row];
        }
    });
}
