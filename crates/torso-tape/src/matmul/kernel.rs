//! The kernel: a tile of sums that stays in the registers while it runs along `k`.
#![expect(unsafe_code, reason = "loads at unchecked strides; every bound is asserted in `tile`")]

use pulp::Simd;

use super::NV;
use crate::scalar::Scalar;

/// Rows of a tile. With two vectors in each row that is 16 sums, which leaves enough of the 32
/// registers of AVX-512 and NEON; narrower units run half tiles.
pub(super) const MR: usize = 12;

/// Where a tile of sums goes.
pub(super) struct Tile<'a, T> {
    /// Its first element and what lies behind it.
    pub(super) c: &'a mut [T],
    /// From row to row.
    pub(super) stride: usize,
    /// Rows and columns, at most [`MR`] and `NV` vectors.
    pub(super) shape: [usize; 2],
    /// Whether the sums are added to what is there.
    pub(super) add: bool,
}

/// Computes one tile: `a [rows, k]` at any strides, `b [k, NV vectors]` with contiguous rows.
#[inline(always)]
pub(super) fn tile<T: Scalar, S: Simd>(
    simd: S,
    k: usize,
    out: Tile<T>,
    (a, a_strides): (&[T], [usize; 2]),
    (b, b_stride): (&[T], usize),
) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let [rows, columns] = out.shape;
    let vectors = columns.div_ceil(lanes);
    assert!(rows <= MR && vectors <= NV && k > 0);
    assert!((rows - 1) * a_strides[0] + (k - 1) * a_strides[1] < a.len());
    assert!((k - 1) * b_stride + vectors * lanes <= b.len());
    assert!((rows - 1) * out.stride + columns <= out.c.len());
    let factors = Factors { a: a.as_ptr(), a_strides, b: b.as_ptr(), b_stride };
    // SAFETY: the assertions above are the bounds of all that `run` reads and writes.
    unsafe {
        if vectors == NV {
            by_rows::<T, S, NV>(simd, k, out, factors);
        } else {
            by_rows::<T, S, 1>(simd, k, out, factors);
        }
    }
}

#[derive(Clone, Copy)]
struct Factors<T> {
    a: *const T,
    a_strides: [usize; 2],
    b: *const T,
    b_stride: usize,
}

/// Runs with the number of rows known to the compiler.
///
/// # Safety
/// As [`run`].
#[inline(always)]
unsafe fn by_rows<T: Scalar, S: Simd, const V: usize>(
    simd: S,
    k: usize,
    mut out: Tile<T>,
    mut factors: Factors<T>,
) {
    // SAFETY: the tile is cut into rows that lie within its bounds.
    unsafe {
        // Units of 16 registers hold no more than 4 x 2 sums beside the factors.
        let narrow = size_of::<T::Vector<S>>() <= 32;
        while narrow && out.shape[0] > 4 {
            let [rows, columns] = out.shape;
            let Tile { c, stride, add, .. } = out;
            let top = Tile { c: &mut *c, stride, shape: [4, columns], add };
            run::<T, S, 4, V>(simd, k, top, factors);
            factors.a = factors.a.add(4 * factors.a_strides[0]);
            out = Tile { c: &mut c[4 * stride..], stride, shape: [rows - 4, columns], add };
        }
        match out.shape[0] {
            1 => run::<T, S, 1, V>(simd, k, out, factors),
            2 => run::<T, S, 2, V>(simd, k, out, factors),
            3 => run::<T, S, 3, V>(simd, k, out, factors),
            4 => run::<T, S, 4, V>(simd, k, out, factors),
            5 => run::<T, S, 5, V>(simd, k, out, factors),
            6 => run::<T, S, 6, V>(simd, k, out, factors),
            7 => run::<T, S, 7, V>(simd, k, out, factors),
            8 => run::<T, S, 8, V>(simd, k, out, factors),
            9 => run::<T, S, 9, V>(simd, k, out, factors),
            10 => run::<T, S, 10, V>(simd, k, out, factors),
            11 => run::<T, S, 11, V>(simd, k, out, factors),
            _ => run::<T, S, 12, V>(simd, k, out, factors),
        }
    }
}

/// Sums `R x V` vectors along `k` and writes them.
///
/// # Safety
/// `a` is readable at `R` rows and `k` columns of its strides, `b` at `k` rows of `V` vectors; the
/// tile has `R` rows of at least `V - 1` vectors and at most `V`.
#[inline(always)]
unsafe fn run<T: Scalar, S: Simd, const R: usize, const V: usize>(
    simd: S,
    k: usize,
    mut out: Tile<T>,
    factors: Factors<T>,
) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let mut sums = [[T::splat(simd, T::ZERO); V]; R];
    let Factors { mut a, a_strides: [row_stride, k_stride], mut b, b_stride } = factors;
    // SAFETY: as the caller promises; vectors are plain numbers, and loads need no alignment.
    unsafe {
        for _ in 0..k {
            let mut row = [T::splat(simd, T::ZERO); V];
            for (v, vector) in row.iter_mut().enumerate() {
                *vector = b.add(v * lanes).cast::<T::Vector<S>>().read_unaligned();
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let factor = T::splat(simd, *a.add(r * row_stride));
                for (sum, vector) in sums.iter_mut().zip(row) {
                    *sum = T::fused(simd, factor, vector, *sum);
                }
            }
            a = a.wrapping_add(k_stride);
            b = b.wrapping_add(b_stride);
        }
        if out.shape[1] == V * lanes {
            write_whole::<T, S, R, V>(simd, &mut out, sums);
        } else {
            write_part::<T, S, R, V>(&mut out, sums);
        }
    }
}

/// Writes a tile of whole vectors.
///
/// # Safety
/// The tile has `R` rows of `V` vectors.
#[inline(always)]
unsafe fn write_whole<T: Scalar, S: Simd, const R: usize, const V: usize>(
    simd: S,
    out: &mut Tile<T>,
    sums: [[T::Vector<S>; V]; R],
) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    let one = T::splat(simd, T::ONE);
    for (r, sums) in sums.into_iter().enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: as the caller promises; stores need no alignment.
            unsafe {
                let at = out.c.as_mut_ptr().add(r * out.stride + v * lanes);
                let at = at.cast::<T::Vector<S>>();
                let old = || at.read_unaligned();
                at.write_unaligned(if out.add { T::fused(simd, sum, one, old()) } else { sum });
            }
        }
    }
}

/// Writes a tile whose last vectors stick out. Apart from [`write_whole`], for taking the address
/// of the sums would keep them out of the registers.
fn write_part<T: Scalar, S: Simd, const R: usize, const V: usize>(
    out: &mut Tile<T>,
    sums: [[T::Vector<S>; V]; R],
) {
    let width = V * (size_of::<T::Vector<S>>() / size_of::<T>());
    // SAFETY: vectors are plain numbers, `R` rows of `width` of them.
    let numbers = unsafe { std::slice::from_raw_parts(sums.as_ptr().cast::<T>(), R * width) };
    let columns = out.shape[1];
    for (row, sums) in out.c.chunks_mut(out.stride).zip(numbers.chunks_exact(width)) {
        for (c, &sum) in row[..columns].iter_mut().zip(sums) {
            *c = if out.add { *c + sum } else { sum };
        }
    }
}
