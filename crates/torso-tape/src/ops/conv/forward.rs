//! The value: sums of patches row by row, and the pool over them while they are in the cache.

use pulp::{Simd, WithSimd};

use super::kernel::GROUP;
use super::kernel::patches::patch_sums;
use super::{ConvShape, Places};
use crate::scalar::Scalar;

/// Some images' way to their outputs.
pub(super) struct Forward<'a, T> {
    pub(super) shape: ConvShape,
    pub(super) images: &'a [T],
    /// `[numbers of a patch, width]`, padded.
    pub(super) weight: &'a [T],
    /// `[width]`, padded.
    pub(super) bias: &'a [T],
    pub(super) places: &'a Places,
    pub(super) values: &'a mut [T],
    /// Which pixel of a window is the greatest; their number for an output that is 0.
    pub(super) codes: &'a mut [u32],
    pub(super) buffers: &'a mut RowBuffers<T>,
}

/// A row of windows.
#[derive(Debug, Default)]
pub(super) struct RowBuffers<T> {
    /// The sums of patches `[pixels, width]`, window by window.
    sums: Vec<T>,
    /// The outputs `[windows, filters]`, with room behind them.
    values: Vec<T>,
    codes: Vec<u32>,
}

impl<T: Scalar> RowBuffers<T> {
    pub(super) fn resize(&mut self, shape: &ConvShape, n_patches: usize, width: usize) {
        self.sums.resize(n_patches * width, T::ZERO);
        let n_outputs = shape.out_width() * shape.filters + GROUP;
        self.values.resize(n_outputs, T::ZERO);
        self.codes.resize(n_outputs, 0);
    }
}

impl<T: Scalar> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (shape, patch) = (self.shape, self.shape.patch());
        let weight = (self.weight, shape.filters, self.bias.len());
        let (places, row) = (self.places, self.buffers);
        let n_outputs = shape.out_width() * shape.filters;
        let images = self.images.chunks_exact(shape.n_inputs());
        let starts = (&places.starts[..], shape.out_width() * shape.pool * shape.pool);
        let mut at = 0;
        for image in images {
            for y in 0..shape.out_height() {
                let image = (&image[y * shape.pool * patch.stride..], patch);
                patch_sums(simd, image, starts, weight, &mut row.sums);
                pool(&shape, self.bias, row);
                self.values[at..at + n_outputs].copy_from_slice(&row.values[..n_outputs]);
                self.codes[at..at + n_outputs].copy_from_slice(&row.codes[..n_outputs]);
                at += n_outputs;
            }
        }
    }
}

/// Bias, `ReLU` and max-pool over the sums of a row of windows.
#[inline(always)]
fn pool<T: Scalar>(shape: &ConvShape, bias: &[T], row: &mut RowBuffers<T>) {
    let (width, n_pixels) = (bias.len(), shape.pool * shape.pool);
    let dead = u32::try_from(n_pixels).expect("a window is smaller than an image");
    let windows = row.sums.chunks_exact(n_pixels * width).take(shape.out_width());
    for (at, window) in windows.enumerate() {
        for first in (0..shape.filters).step_by(GROUP) {
            let mut best = *group(&window[first..]);
            let mut code = [0; GROUP];
            for pixel in 1..dead {
                let sums = group(&window[pixel as usize * width + first..]);
                for lane in 0..GROUP {
                    code[lane] = if sums[lane] > best[lane] { pixel } else { code[lane] };
                    best[lane] = if sums[lane] > best[lane] { sums[lane] } else { best[lane] };
                }
            }
            let bias = group(&bias[first..]);
            for lane in 0..GROUP {
                let sum = best[lane] + bias[lane];
                best[lane] = if sum > T::ZERO { sum } else { T::ZERO };
                code[lane] = if sum > T::ZERO { code[lane] } else { dead };
            }
            // What sticks out of an output pixel is written over by the next one.
            let at = at * shape.filters + first;
            row.values[at..at + GROUP].copy_from_slice(&best);
            row.codes[at..at + GROUP].copy_from_slice(&code);
        }
    }
}

/// The next numbers.
#[inline(always)]
fn group<T>(numbers: &[T]) -> &[T; GROUP] {
    numbers.first_chunk().expect("rows are padded to groups")
}
