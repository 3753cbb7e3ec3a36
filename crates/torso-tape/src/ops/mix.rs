//! A sum of values with learned coefficients: `Y = sum_s a_s * X_s`, the mixing of tasks' layers.
//!
//! All `X_s` are `[B, width]`; `a` is `[S, period]`, where `period` divides `width` and column `j`
//! takes the coefficient `a[s, j mod period]`: one for each value (`period = 1`), each unit
//! (`width`), or each channel of an image (channels last).

use super::{Op, Pullback};
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};
use crate::vector;

/// Columns whose sums run side by side.
const COLUMNS: usize = 64;

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
    node.value.resize(shape[0] * shape[1], T::ZERO);
    let own = params.get(coefficients);
    let block = rows_at_once(shape[1]) * shape[1].max(1);
    vector::run(
        #[inline(always)]
        || {
            for (at, y) in node.value.chunks_mut(block).enumerate() {
                let (sources, last) = inputs.as_chunks::<4>();
                let (own, own_last) = own.split_at(4 * sources.len() * period);
                let len = y.len();
                y.fill(T::ZERO);
                let of = |x: Var| &below[x.index()].value[at * block..][..len];
                for (x, own) in sources.iter().zip(own.chunks_exact(4 * period)) {
                    let own: [&[T]; 4] = std::array::from_fn(|s| &own[s * period..][..period]);
                    add_four(y, x.map(of), own);
                }
                for (&x, own) in last.iter().zip(own_last.chunks_exact(period)) {
                    add_scaled(y, of(x), own);
                }
            }
        },
    );
    tape.push()
}

/// So many rows that a block of them stays in the nearest cache.
fn rows_at_once(width: usize) -> usize {
    (1024 / width.max(1)).max(1)
}

/// `y += a * x`, the coefficients repeating along both.
#[inline(always)]
fn add_scaled<T: Scalar>(y: &mut [T], x: &[T], a: &[T]) {
    if let &[a] = a {
        return vector::add_scaled(y, x, a);
    }
    for (y, x) in y.chunks_exact_mut(a.len()).zip(x.chunks_exact(a.len())) {
        vector::add_products(y, a, x);
    }
}

/// [`add_scaled`] of four sources, one after another, in one pass over `y`.
#[inline(always)]
fn add_four<T: Scalar>(y: &mut [T], x: [&[T]; 4], a: [&[T]; 4]) {
    let n = a[0].len();
    for (at, y) in y.chunks_exact_mut(if n == 1 { y.len() } else { n }).enumerate() {
        let x = x.map(|x| &x[at * y.len()..][..y.len()]);
        let columns = y.iter_mut().zip(x[0]).zip(x[1]).zip(x[2]).zip(x[3]);
        if n == 1 {
            let [a, b, c, d] = a.map(|a| a[0]);
            columns.for_each(|((((y, &x0), &x1), &x2), &x3)| {
                *y = *y + a * x0 + b * x1 + c * x2 + d * x3;
            });
        } else {
            let a = a[0].iter().zip(a[1]).zip(a[2]).zip(a[3]);
            columns.zip(a).for_each(|(((((y, &x0), &x1), &x2), &x3), (((&a, &b), &c), &d))| {
                *y = *y + a * x0 + b * x1 + c * x2 + d * x3;
            });
        }
    }
}

/// `sum += s * x`, column by column or all in one.
#[inline(always)]
fn add_products<T: Scalar>(sum: &mut [T], s: &[T], x: &[T]) {
    if let [sum] = sum {
        *sum += vector::dot(s, x);
        return;
    }
    let period = sum.len();
    // Some columns at a time, whose sums stay in registers.
    for (first, sum) in (0..).step_by(COLUMNS).zip(sum.chunks_mut(COLUMNS)) {
        let mut own = [T::ZERO; COLUMNS];
        for (s, x) in s.chunks_exact(period).zip(x.chunks_exact(period)) {
            let columns = first..first + sum.len();
            vector::add_products(&mut own[..sum.len()], &s[columns.clone()], &x[columns]);
        }
        vector::add_scaled(sum, &own, T::ONE);
    }
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
            walk.pass_on(
                node,
                x,
                #[inline(always)]
                |_, from, into| add_scaled(into, from, own),
            );
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
        let below = &*walk.below;
        // The rows of one of several layers do not lie side by side.
        let block = if layers == 1 { rows_at_once(width) } else { 1 };
        vector::run(
            #[inline(always)]
            || {
                for row in part.rows.clone().step_by(block) {
                    let len = block.min(part.rows.end - row) * width;
                    let s = &node.stack.data[(row * layers + part.layer) * width..][..len];
                    for (source, &x) in node.codes.iter().enumerate() {
                        let into = (source * block_layers + layer) * period;
                        let x = &below[x as usize].value[row * width..][..len];
                        add_products(&mut data[into..][..period], s, x);
                    }
                }
            },
        );
    }
    walk.done(parts);
}
