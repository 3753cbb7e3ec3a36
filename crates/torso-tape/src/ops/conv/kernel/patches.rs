//! Sums of patches for all filters: the value of a convolution.
#![expect(unsafe_code, reason = "loads at unchecked places; all bounds are asserted before")]

use pulp::Simd;

use super::lanes;
use crate::scalar::Scalar;

/// What the kernel of a convolution covers of an image: so many rows of so many numbers.
#[derive(Clone, Copy)]
pub(crate) struct Patch {
    pub(crate) rows: usize,
    pub(crate) run: usize,
    /// From row to row of the image.
    pub(crate) stride: usize,
}

impl Patch {
    /// From its first number to behind its last.
    fn span(&self) -> usize {
        (self.rows - 1) * self.stride + self.run
    }
}

/// `sums[p, ..] = patch_p W` for the first `n_patches` that begin at `starts`: `W` is `[numbers of a
/// patch, width]` and `sums` `[starts, width]`, with `width` padded. The number of starts is a
/// multiple of [`PATCHES`].
#[inline(always)]
pub(crate) fn patch_sums<T: Scalar, S: Simd>(
    simd: S,
    (image, patch): (&[T], Patch),
    (starts, n_patches): (&[u32], usize),
    (weight, filters, width): (&[T], usize, usize),
    sums: &mut [T],
) {
    let last = starts.iter().max().map_or(0, |&start| start as usize);
    assert!(last + patch.span() <= image.len());
    assert!(patch.rows * patch.run * width <= weight.len() && starts.len() * width <= sums.len());
    let vectors = filters.div_ceil(lanes::<T, S>());
    assert!(vectors * lanes::<T, S>() <= width);
    assert!(starts.len().is_multiple_of(PATCHES) && n_patches <= starts.len());
    let n_blocks = vectors.div_ceil(3);
    for block in 0..n_blocks {
        let [first, end] = [block, block + 1].map(|at| at * vectors / n_blocks);
        let columns = first * lanes::<T, S>();
        // SAFETY: as asserted; the columns are whole vectors within the width.
        unsafe {
            let (weight, sums) = (weight.as_ptr().add(columns), sums.as_mut_ptr().add(columns));
            let (image, weight) = ((image.as_ptr(), patch), (weight, width));
            match end - first {
                1 => tiles::<T, S, 8, 1>(
                    simd,
                    image,
                    &starts[..n_patches.next_multiple_of(8)],
                    weight,
                    sums,
                ),
                2 => tiles::<T, S, 6, 2>(
                    simd,
                    image,
                    &starts[..n_patches.next_multiple_of(6)],
                    weight,
                    sums,
                ),
                _ => tiles::<T, S, 3, 3>(
                    simd,
                    image,
                    &starts[..n_patches.next_multiple_of(3)],
                    weight,
                    sums,
                ),
            }
        }
    }
}

/// A multiple of the number of patches in every tile.
pub(crate) const PATCHES: usize = 24;

/// Tiles of `P` patches and `V` vectors of filters.
///
/// # Safety
/// Patches from all `starts` are readable, `V` vectors of each row of `weight`, and `sums` has as
/// many for each start.
#[inline(always)]
unsafe fn tiles<T: Scalar, S: Simd, const P: usize, const V: usize>(
    simd: S,
    (image, patch): (*const T, Patch),
    starts: &[u32],
    (weight, width): (*const T, usize),
    sums: *mut T,
) {
    let lanes = lanes::<T, S>();
    for (tile, starts) in starts.chunks_exact(P).enumerate() {
        let mut acc = [[T::splat(simd, T::ZERO); V]; P];
        let mut weight = weight;
        // SAFETY: as the caller promises; vectors are plain numbers, and loads need no alignment.
        unsafe {
            for row in 0..patch.rows {
                let mut from = [image.add(row * patch.stride); P];
                for (from, &start) in from.iter_mut().zip(starts) {
                    *from = from.add(start as usize);
                }
                for at in 0..patch.run {
                    let mut w = [T::splat(simd, T::ZERO); V];
                    for (v, w) in w.iter_mut().enumerate() {
                        *w = weight.add(v * lanes).cast::<T::Vector<S>>().read_unaligned();
                    }
                    for p in 0..P {
                        let x = T::splat(simd, *from[p].add(at));
                        for v in 0..V {
                            acc[p][v] = T::fused(simd, x, w[v], acc[p][v]);
                        }
                    }
                    weight = weight.wrapping_add(width);
                }
            }
            for (p, acc) in acc.iter().enumerate() {
                for (v, acc) in acc.iter().enumerate() {
                    let to = sums.add((tile * P + p) * width + v * lanes);
                    to.cast::<T::Vector<S>>().write_unaligned(*acc);
                }
            }
        }
    }
}
