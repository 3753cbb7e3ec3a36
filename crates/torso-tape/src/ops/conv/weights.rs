//! The gradient of the weights and the bias: each live output adds its patch, scaled by its
//! cotangent.

use pulp::{Simd, WithSimd};

use super::kernel::{Rows, Term, Terms, add_terms};
use super::{ConvShape, NO_SLOT, Places, index};
use crate::scalar::Scalar;

/// Some images' part of the gradient.
pub(super) struct WeightGradient<'a, T> {
    pub(super) shape: ConvShape,
    pub(super) images: &'a [T],
    pub(super) codes: &'a [u32],
    /// `[images, layers, outputs]`.
    pub(super) stack: &'a [T],
    /// The slot of each image and layer.
    pub(super) slots: &'a [u32],
    pub(super) places: &'a Places,
    pub(super) sums: &'a mut WeightSums<T>,
}

/// Sums for each slot, and buffers.
#[derive(Debug, Default)]
pub(super) struct WeightSums<T> {
    /// `[slots, filters, kernel, run]`, each run padded.
    pub(super) weight: Vec<T>,
    /// `[slots, filters]`.
    pub(super) bias: Vec<T>,
    terms: Terms,
    /// An image with room behind it.
    image: Vec<T>,
}

impl<T: Scalar> WeightSums<T> {
    /// Sets all sums to 0.
    pub(super) fn clear(&mut self, shape: &ConvShape, n_slots: usize, padding: usize) {
        self.weight.clear();
        let run = shape.patch().run.next_multiple_of(padding);
        self.weight.resize(n_slots * shape.filters * shape.kernel * run, T::ZERO);
        self.bias.clear();
        self.bias.resize(n_slots * shape.filters, T::ZERO);
        self.image.resize(shape.n_inputs() + padding, T::ZERO);
    }
}

impl<T: Scalar> WithSimd for WeightGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (shape, patch) = (self.shape, self.shape.patch());
        let (n_inputs, n_outputs) = (shape.n_inputs(), shape.n_outputs());
        let layers = self.slots.len() * n_inputs / self.images.len();
        let images = self.images.chunks_exact(n_inputs).zip(self.codes.chunks_exact(n_outputs));
        let stacks = self.stack.chunks_exact(layers * n_outputs);
        let WeightSums { weight, bias, terms, image: padded } = self.sums;
        let length = weight.len() / bias.len();
        for (((image, codes), stack), slots) in
            images.zip(stacks).zip(self.slots.chunks_exact(layers))
        {
            padded[..n_inputs].copy_from_slice(image);
            for (filter, number) in (0..shape.filters).zip(0..) {
                live(self.places, codes, shape.filters, number, terms);
                for (stack, &slot) in stack.chunks_exact(n_outputs).zip(slots) {
                    if slot == NO_SLOT {
                        continue;
                    }
                    let at = slot as usize * shape.filters + filter;
                    bias[at] += terms.sum(stack);
                    add_terms(
                        simd,
                        (terms, 0..terms.len()),
                        stack,
                        &Rows { data: &padded[..], stride: patch.stride },
                        &mut Rows {
                            data: &mut weight[at * length..][..length],
                            stride: length / patch.rows,
                        },
                        [patch.rows, patch.run],
                    );
                }
            }
        }
    }
}

/// Lists the outputs of a filter that are not 0, with the patches that they read.
#[inline(always)]
fn live(places: &Places, codes: &[u32], filters: usize, filter: u32, terms: &mut Terms) {
    let (mut cotangent, step) = (filter, index(filters));
    let of_cell = |&cell: &u32| {
        let code = codes[cotangent as usize] as usize;
        let term = Term { cotangent, from: cell + places.pixels[code] };
        cotangent += step;
        (code != places.dead(), term)
    };
    terms.fill(places.cells.len(), places.cells.iter().map(of_cell));
}
