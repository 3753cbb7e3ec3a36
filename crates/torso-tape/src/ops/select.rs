//! Sparse gates from binary codes: selectors that each end at one expert, and the weights between
//! them.
//!
//! `Z` is `[B, k m]`, `w` `[B, k]`, the gates `G` are `[B, E]` with `E <= 2^m`. With the smooth step
//! `S` and expert `e` written in binary as `c_1 ... c_m` (the highest digit first),
//! `G[b, e] = sum_i w[b, i] r_e(Z[b, i])`, `r_e(z) = prod_j (c_j ? S(z_j) : 1 - S(z_j))`.
//!
//! # References
//! Hazimeh, Zhao, Chowdhery, Sathiamoorthy, Chen, Mazumder, Hong, Chi, *DSelect-k: Differentiable
//! Selection in the Mixture of Experts with Applications to Multi-Task Learning* (2021).

use super::{Op, Pullback};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};

/// Digits of the codes of 256 experts.
const MOST_DIGITS: usize = 8;

#[derive(Debug, Clone, Copy)]
pub(crate) struct SelectOp {
    pub(crate) codes: Var,
    pub(crate) weights: Var,
    n_selectors: usize,
    n_digits: usize,
}

/// The smooth step and its slope: 0 up to `-width / 2`, 1 from `width / 2` on, a cubic between.
pub fn smooth_step<T: Scalar>(z: T, width: T) -> [T; 2] {
    let [half, two] = [T::from_f64(0.5), T::from_f64(2.0)];
    let z = z / width;
    if z <= -half {
        return [T::ZERO, T::ZERO];
    }
    if z >= half {
        return [T::ONE, T::ZERO];
    }
    let three_halves = T::from_f64(1.5);
    let value = three_halves * z - two * z * z * z + half;
    [value, (three_halves - T::from_f64(6.0) * z * z) / width]
}

/// A factor of `r_e` with its slope along the digit's number: that of digit `j` of `n_digits`.
fn factor<T: Scalar>(expert: usize, [step, slope]: [T; 2], j: usize, n_digits: usize) -> [T; 2] {
    let is_one = expert >> (n_digits - 1 - j) & 1 == 1;
    if is_one { [step, slope] } else { [T::ONE - step, -slope] }
}

/// `r_e` of one selector, and its slope along each digit's number, which is handed to `slope(j)`.
/// `steps` holds the step and the slope of each digit.
pub fn selected<T: Scalar>(steps: &[[T; 2]], expert: usize, mut slope: impl FnMut(usize, T)) -> T {
    let n = steps.len();
    let product = |but: usize| -> T {
        let others = (0..n).filter(|&j| j != but);
        others.fold(T::ONE, |product, j| product * factor(expert, steps[j], j, n)[0])
    };
    (0..n).for_each(|j| slope(j, factor(expert, steps[j], j, n)[1] * product(j)));
    product(n)
}

pub(crate) fn record<T: Scalar>(
    tape: &mut Tape<T>,
    codes: Var,
    weights: Var,
    n_experts: usize,
    width: T,
) -> Var {
    let ([n_rows, n_codes], [_, n_selectors]) = (tape.shape(codes), tape.shape(weights));
    assert_eq!(tape.shape(weights)[0], n_rows, "weights for each row");
    let n_digits = n_codes / n_selectors.max(1);
    assert_eq!(n_digits * n_selectors, n_codes, "as many digits for each selector");
    assert!(
        (1..=MOST_DIGITS).contains(&n_digits) && n_experts <= 1 << n_digits,
        "experts have codes"
    );
    let (below, node, _) = tape.next();
    node.op = Op::Select(SelectOp { codes, weights, n_selectors, n_digits });
    node.shape = [n_rows, n_experts];
    let (z, w) = (&below[codes.index()], &below[weights.index()]);
    node.trainable = z.trainable || w.trainable;
    // The steps of all digits, behind them their slopes, behind them the weights.
    node.saved.clear();
    node.saved.extend(z.value.iter().map(|&z| smooth_step(z, width)[0]));
    node.saved.extend(z.value.iter().map(|&z| smooth_step(z, width)[1]));
    node.saved.extend_from_slice(&w.value);
    node.value.clear();
    for row in 0..n_rows {
        let start = node.value.len();
        node.value.resize(start + n_experts, T::ZERO);
        for i in 0..n_selectors {
            let from = row * n_codes + i * n_digits;
            let steps = steps_of(&node.saved, n_rows * n_codes, from);
            let weight = w.value[row * n_selectors + i];
            for (e, gate) in node.value[start..].iter_mut().enumerate() {
                *gate += weight * selected(&steps[..n_digits], e, |_, _| {});
            }
        }
    }
    tape.push()
}

/// The step and slope of the digits behind `from`, from what a node saved of `n` digits.
fn steps_of<T: Scalar>(saved: &[T], n: usize, from: usize) -> [[T; 2]; MOST_DIGITS] {
    let digit =
        |j: usize| if from + j < n { [saved[from + j], saved[n + from + j]] } else { [T::ZERO; 2] };
    std::array::from_fn(digit)
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, op: SelectOp) {
    let SelectOp { n_selectors, n_digits, .. } = op;
    let n_codes = n_selectors * n_digits;
    let n = node.shape[0] * n_codes;
    let weights = &node.saved[2 * n..];
    let steps = |row: usize, i: usize| steps_of(&node.saved, n, row * n_codes + i * n_digits);
    walk.pass_on(
        node,
        op.codes,
        #[inline(always)]
        |row, from, into| {
            for (i, into) in into.chunks_exact_mut(n_digits).enumerate() {
                let own = steps(row, i);
                let weight = weights[row * n_selectors + i];
                for (e, &s) in from.iter().enumerate() {
                    selected(&own[..n_digits], e, |j, slope| into[j] += s * weight * slope);
                }
            }
        },
    );
    walk.pass_on(
        node,
        op.weights,
        #[inline(always)]
        |row, from, into| {
            for (i, into) in into.iter_mut().enumerate() {
                let own = steps(row, i);
                let gates = from.iter().enumerate();
                *into +=
                    gates.map(|(e, &s)| s * selected(&own[..n_digits], e, |_, _| {})).sum::<T>();
            }
        },
    );
}
