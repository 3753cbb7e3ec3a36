//! The gradient of the weights and the bias: each live output adds its patch, scaled by its
//! cotangent.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::kernel::padding;
use super::kernel::terms::{Rows, Term, Terms, add_terms};
use super::{Buffers, ConvOp, ConvShape, Places, index};
use crate::ops::Pullback;
use crate::scalar::Scalar;
use crate::sink::Sink;
use crate::stack::Part;
use crate::tape::Node;

/// The sums run over so many chunks of images, whatever the number of threads.
const CHUNKS: usize = 16;
/// The slot of rows that belong to no loss.
const NO_SLOT: u32 = u32::MAX;

pub(super) fn pull_back<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &Node<T>,
    op: ConvOp,
    buffers: &mut Buffers<T>,
) {
    let shape = op.shape;
    let (layers, [n_rows, n_outputs]) = (node.stack.layers(), node.shape);
    let parts = walk.parts(node);
    buffers.give_slots(&parts, n_rows, layers);
    walk.done(parts);
    let share = n_rows.div_ceil(CHUNKS).max(1);
    let n_chunks = n_rows.div_ceil(share);
    let Buffers { places, losses, slots, chunks, .. } = buffers;
    chunks.resize_with(chunks.len().max(n_chunks), WeightSums::default);
    let images = &walk.below[op.input.index()].value;
    let part = |(at, sums): (usize, &mut WeightSums<T>)| {
        sums.clear(&shape, losses.len(), padding::<T>());
        let rows = at * share..n_rows.min((at + 1) * share);
        let of = |length: usize| rows.start * length..rows.end * length;
        Arch::new().dispatch(WeightGradient {
            shape,
            images: &images[of(shape.n_inputs())],
            codes: &node.codes[of(n_outputs)],
            stack: &node.stack.data[of(layers * n_outputs)],
            slots: &slots[of(layers)],
            places,
            sums,
        });
    };
    let chunks = &mut chunks[..n_chunks];
    let (n_threads, _) = shape.share(n_rows, walk.work.n_threads());
    if n_threads == 1 {
        chunks.iter_mut().enumerate().for_each(part);
    } else {
        let share = n_chunks.div_ceil(n_threads).max(1);
        chunks.par_chunks_mut(share).enumerate().for_each(|(thread, chunks)| {
            (thread * share..).zip(chunks).for_each(part);
        });
    }
    add_chunks(walk.sink, op, losses, chunks);
}

/// Adds the chunks' sums to the blocks of the weight and the bias.
fn add_chunks<T: Scalar>(
    sink: &mut Sink<T>,
    op: ConvOp,
    losses: &[u32],
    chunks: &mut [WeightSums<T>],
) {
    sink.add_some(op.weight);
    sink.add_some(op.bias);
    let Some((sums, rest)) = chunks.split_first_mut() else { return };
    for chunk in rest {
        sums.weight.iter_mut().zip(&chunk.weight).for_each(|(sum, s)| *sum += *s);
        sums.bias.iter_mut().zip(&chunk.bias).for_each(|(sum, s)| *sum += *s);
    }
    let ConvShape { filters, kernel, .. } = op.shape;
    let run = op.shape.patch().run;
    let padded = sums.run;
    for (slot, &loss) in losses.iter().enumerate() {
        let layer = sink.block(op.bias).layer(loss);
        let (data, _) = sink.set_all(op.bias);
        let of_slot = &sums.bias[slot * filters..][..filters];
        data[layer * filters..].iter_mut().zip(of_slot).for_each(|(sum, s)| *sum += *s);
        let block = sink.block(op.weight);
        let (layer, layers) = (block.layer(loss), block.layers());
        let (data, _) = sink.set_all(op.weight);
        let of_slot = &sums.weight[slot * filters * kernel * padded..];
        for (row, data) in data.chunks_exact_mut(layers * filters).enumerate() {
            let data = &mut data[layer * filters..][..filters];
            let of_filter =
                of_slot[row / run * padded + row % run..].iter().step_by(kernel * padded);
            data.iter_mut().zip(of_filter).for_each(|(sum, s)| *sum += *s);
        }
    }
}

impl<T> Buffers<T> {
    /// Gives each loss a slot.
    fn give_slots(&mut self, parts: &[Part], n_rows: usize, layers: usize) {
        self.losses.clear();
        self.losses.extend(parts.iter().map(|part| part.loss));
        self.losses.sort_unstable();
        self.losses.dedup();
        self.slots.clear();
        self.slots.resize(n_rows * layers, NO_SLOT);
        for part in parts {
            let slot = self.losses.binary_search(&part.loss).expect("listed above");
            for row in part.rows.clone() {
                self.slots[row * layers + part.layer] = index(slot);
            }
        }
    }
}

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
    /// The padded length of a run.
    run: usize,
    terms: Terms,
    /// An image with room behind it.
    image: Vec<T>,
}

impl<T: Scalar> WeightSums<T> {
    /// Sets all sums to 0.
    pub(super) fn clear(&mut self, shape: &ConvShape, n_slots: usize, padding: usize) {
        self.run = shape.patch().run.next_multiple_of(padding);
        self.weight.clear();
        self.weight.resize(n_slots * shape.filters * shape.kernel * self.run, T::ZERO);
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
        let WeightSums { weight, bias, run, terms, image: padded } = self.sums;
        let length = patch.rows * *run;
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
                        &mut Rows { data: &mut weight[at * length..][..length], stride: *run },
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
    let of_window = |&window: &u32| {
        let code = codes[cotangent as usize] as usize;
        let term = Term { cotangent, from: window + places.pixels[code] };
        cotangent += step;
        (code != places.dead(), term)
    };
    terms.fill(places.windows.len(), places.windows.iter().map(of_window));
}
