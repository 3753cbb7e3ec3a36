//! Scalar products of every layer with every other: the Gramian of a block `[rows, layers, width]`.
//!
//! Four layers meet four at a time, so that a number that is loaded is used four times. Sums run in
//! sixteen lanes whatever the vector unit, so that every machine gives the same bits, and end in
//! `f64` every few rows.
#![expect(unsafe_code, reason = "loads at unchecked strides; every bound is asserted in `add`")]

use pulp::{Simd, WithSimd};

use crate::scalar::Scalar;
use crate::vector::{LANES, folded};

/// Layers on each side of a tile.
const TILE: usize = 4;
/// Rows between two sums in `f64`.
const ROWS: usize = 8;

/// Adds the products of the layers of `a` and `b`, `[rows, layers, width]`, to a matrix of `k` by
/// `k` losses; of its two triangles only the lower one where `a` is `b`.
pub(crate) fn add_products<T: Scalar>(
    [a, b]: [&[T]; 2],
    width: usize,
    losses: &[u32],
    k: usize,
    products: &mut [f64],
) {
    if width > 0 && !losses.is_empty() {
        pulp::Arch::new().dispatch(Products { a, b, width, losses, k, sums: products });
    }
}

/// Copies the lower triangle of a matrix to the upper one.
pub(crate) fn mirror(k: usize, matrix: &mut [f64]) {
    for i in 0..k {
        for j in 0..i {
            matrix[j * k + i] = matrix[i * k + j];
        }
    }
}

struct Products<'a, T> {
    a: &'a [T],
    b: &'a [T],
    width: usize,
    losses: &'a [u32],
    k: usize,
    sums: &'a mut [f64],
}

impl<T: Scalar> WithSimd for Products<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { a, b, width, losses, k, sums } = self;
        let is_square = std::ptr::eq(a, b);
        let layers = losses.len();
        let row = layers * width;
        assert_eq!((a.len(), a.len() % row), (b.len(), 0), "whole rows of all layers");
        for (a, b) in a.chunks(ROWS * row).zip(b.chunks(ROWS * row)) {
            for i in (0..layers).step_by(TILE) {
                let end = if is_square { i + 1 } else { layers };
                for j in (0..end).step_by(TILE) {
                    let tile = tile(simd, [a, b], [i, j], layers, width);
                    for (i, tile) in (i..layers).zip(tile) {
                        let last = if is_square { i + 1 } else { layers };
                        for (j, sum) in (j..last).zip(tile) {
                            sums[losses[i] as usize * k + losses[j] as usize] += sum;
                        }
                    }
                }
            }
        }
    }
}

/// The products of `TILE` layers from `i` on in `a` with as many from `j` on in `b`; layers behind
/// the last are the last again.
#[inline(always)]
fn tile<T: Scalar, S: Simd>(
    simd: S,
    [a, b]: [&[T]; 2],
    [i, j]: [usize; 2],
    layers: usize,
    width: usize,
) -> [[f64; TILE]; TILE] {
    let n_rows = a.len() / (layers * width);
    let offset = |first: usize, t: usize| (first + t).min(layers - 1) * width;
    let a_at: [usize; TILE] = std::array::from_fn(|t| offset(i, t));
    let b_at: [usize; TILE] = std::array::from_fn(|t| offset(j, t));
    let whole = width / LANES * LANES;
    let mut sums = [[0.0; TILE]; TILE];
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    if LANES.is_multiple_of(lanes) {
        let mut all = [[[T::ZERO; LANES]; TILE]; TILE];
        for first in (0..LANES).step_by(lanes) {
            // SAFETY: rows, layers and columns below `whole` lie within `a` and `b`; `first` and
            // the lanes behind it lie within `LANES`.
            unsafe {
                let shape = [n_rows, layers * width, whole];
                let part = part(simd, [a.as_ptr(), b.as_ptr()], [a_at, b_at], shape, first);
                for (all, part) in all.as_flattened_mut().iter_mut().zip(part.as_flattened()) {
                    all.as_mut_ptr().add(first).cast::<T::Vector<S>>().write_unaligned(*part);
                }
            }
        }
        for (sum, lanes) in sums.as_flattened_mut().iter_mut().zip(all.as_flattened()) {
            *sum = folded(*lanes).double();
        }
    }
    let done = if LANES.is_multiple_of(lanes) { whole } else { 0 };
    for row in 0..n_rows {
        for (sums, a_at) in sums.iter_mut().zip(a_at) {
            for (sum, b_at) in sums.iter_mut().zip(b_at) {
                let rest = |of: &[T], at: usize, column: usize| {
                    of[row * layers * width + at + column].double()
                };
                *sum += (done..width).map(|c| rest(a, a_at, c) * rest(b, b_at, c)).sum::<f64>();
            }
        }
    }
    sums
}

/// The sums of one vector's lanes, from lane `first` of every sixteen on.
///
/// # Safety
/// `a` and `b` are readable at `shape[0]` rows of stride `shape[1]`, from each offset on for
/// `shape[2]` numbers, a multiple of [`LANES`]; `first` leaves a vector within [`LANES`].
#[inline(always)]
unsafe fn part<T: Scalar, S: Simd>(
    simd: S,
    [a, b]: [*const T; 2],
    [a_at, b_at]: [[usize; TILE]; 2],
    [n_rows, stride, whole]: [usize; 3],
    first: usize,
) -> [[T::Vector<S>; TILE]; TILE] {
    let mut sums = [[T::splat(simd, T::ZERO); TILE]; TILE];
    for row in 0..n_rows {
        let mut column = first;
        while column < whole {
            // SAFETY: as the caller promises; vectors are plain numbers, loads need no alignment.
            unsafe {
                let at = row * stride + column;
                let load = |of: *const T, offset: usize| {
                    of.add(at + offset).cast::<T::Vector<S>>().read_unaligned()
                };
                let right: [T::Vector<S>; TILE] = b_at.map(|offset| load(b, offset));
                for (sums, offset) in sums.iter_mut().zip(a_at) {
                    let left = load(a, offset);
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = T::fused(simd, left, right, *sum);
                    }
                }
            }
            column += LANES;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::seed::{Seed, normal};

    #[test]
    fn products_are_sums_at_every_shape() {
        let mut stream = Seed(2).stream("test", "", 0);
        for (n_rows, layers, width) in
            [(1, 1, 1), (3, 2, 5), (9, 4, 16), (17, 5, 33), (8, 8, 64), (2, 11, 31)]
        {
            let mut draw = || -> Vec<f64> {
                (0..n_rows * layers * width).map(|_| normal(&mut stream)).collect()
            };
            let (a, b) = (draw(), draw());
            let losses: Vec<u32> = (0..).take(layers).collect();
            for (b, is_square) in [(&b, false), (&a, true)] {
                let mut found = vec![0.0; layers * layers];
                add_products([&a, b], width, &losses, layers, &mut found);
                if is_square {
                    mirror(layers, &mut found);
                }
                for (at, found) in found.iter().enumerate() {
                    let (i, j) = (at / layers, at % layers);
                    let expected: f64 = (0..n_rows * width)
                        .map(|e| {
                            let (row, column) = (e / width, e % width);
                            let of = |m: &[f64], layer| m[(row * layers + layer) * width + column];
                            of(&a, i) * of(b, j)
                        })
                        .sum();
                    assert!((found - expected).abs() < 1e-11, "{n_rows} {layers} {width}");
                }
            }
        }
    }
}
