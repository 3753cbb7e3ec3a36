//! The gradient of the images: each live output adds its filter's weights, scaled by its cotangent,
//! to the pixels of its patch.
//!
//! All outputs of a window add to one region of `kernel + pool - 1` pixels a side, whose rows stay
//! in the registers over the filters: the weights lie in a table with zeros around them, so that a
//! patch's place in the region is a place in the table.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::kernel::padding;
use super::kernel::terms::{Rows, Term, Terms, add_terms};
use super::{Buffers, ConvOp, ConvShape, index};
use crate::ops::Pullback;
use crate::scalar::Scalar;
use crate::tape::Node;

pub(super) fn pull_back<T: Scalar>(
    walk: &mut Pullback<T>,
    node: &Node<T>,
    op: ConvOp,
    buffers: &mut Buffers<T>,
) {
    let shape = op.shape;
    let (layers, [n_rows, n_outputs]) = (node.stack.layers(), node.shape);
    let input = &mut walk.below[op.input.index()];
    let (n_inputs, input_layers) = (shape.n_inputs(), input.stack.layers());
    buffers.layers.clear();
    let channels = node.stack.channels.iter();
    buffers.layers.extend(channels.map(|&channel| index(input.stack.layer(channel))));
    let len = input.stack_len();
    let add = if layers == input_layers {
        input.stack.set_all(len)
    } else {
        input.stack.add_some(len);
        true
    };
    buffers.table.fill(&shape, walk.params.get(op.weight), padding::<T>());
    let (n_threads, share) = shape.share(n_rows, walk.work.n_threads());
    let Buffers { table, places, layers: of_input, inputs: buffers, .. } = buffers;
    buffers.resize_with(buffers.len().max(n_threads), InputBuffers::default);
    let part = |(at, (into, buffers)): (usize, (&mut [T], &mut InputBuffers<T>))| {
        buffers.clear(&shape, padding::<T>());
        let first = at * share;
        let rows = first..first + into.len() / (input_layers * n_inputs);
        let of = |length: usize| rows.start * length..rows.end * length;
        Arch::new().dispatch(InputGradient {
            shape,
            table,
            windows: &places.windows,
            codes: &node.codes[of(n_outputs)],
            stack: &node.stack.data[of(layers * n_outputs)],
            into,
            layers: of_input,
            input_layers,
            add,
            buffers,
        });
    };
    let data = &mut input.stack.data;
    if n_threads == 1 {
        part((0, (data, &mut buffers[0])));
    } else {
        let parts = data.par_chunks_mut(share * input_layers * n_inputs);
        parts.zip(buffers).enumerate().for_each(part);
    }
}

/// The weights with zeros around them, `[kernel + 2 (pool - 1), filters, width]`.
#[derive(Debug, Default)]
pub(super) struct Table<T> {
    data: Vec<T>,
    width: usize,
    /// Where a patch's first row begins for each pixel of a window, seen from the region's first
    /// row; and 0.
    pixels: Vec<u32>,
}

impl<T: Scalar> Table<T> {
    pub(super) fn fill(&mut self, shape: &ConvShape, weight: &[T], padding: usize) {
        let ConvShape { channels, filters, kernel, pool, .. } = *shape;
        let (run, margin) = (kernel * channels, (pool - 1) * channels);
        self.width = margin + (run + margin).next_multiple_of(padding);
        self.data.clear();
        self.data.resize((kernel + 2 * (pool - 1)) * filters * self.width, T::ZERO);
        assert!(u32::try_from(self.data.len()).is_ok(), "fewer than 2^32 weights");
        let rows = self.data.chunks_exact_mut(filters * self.width).skip(pool - 1);
        for (rows, weight) in rows.zip(weight.chunks_exact(run * filters)) {
            for (at, weight) in weight.chunks_exact(filters).enumerate() {
                let rows = rows.chunks_exact_mut(self.width);
                rows.zip(weight).for_each(|(row, &w)| row[margin + at] = w);
            }
        }
        let place = |pixel: usize| {
            let [dy, dx] = [pool - 1 - pixel / pool, pool - 1 - pixel % pool];
            index(dy * filters * self.width + dx * channels)
        };
        self.pixels.clear();
        self.pixels.extend((0..pool * pool).map(place));
        self.pixels.push(0);
    }
}

/// Some images' gradients.
pub(super) struct InputGradient<'a, T> {
    pub(super) shape: ConvShape,
    pub(super) table: &'a Table<T>,
    /// Where the regions begin.
    pub(super) windows: &'a [u32],
    pub(super) codes: &'a [u32],
    /// `[images, layers, outputs]`.
    pub(super) stack: &'a [T],
    /// `[images, input layers, inputs]`.
    pub(super) into: &'a mut [T],
    /// The layer of the input's stack that each layer of the stack adds to.
    pub(super) layers: &'a [u32],
    pub(super) input_layers: usize,
    /// Whether to add to what is there.
    pub(super) add: bool,
    pub(super) buffers: &'a mut InputBuffers<T>,
}

#[derive(Debug, Default)]
pub(super) struct InputBuffers<T> {
    terms: Terms,
    /// Where each window's terms end.
    ends: Vec<u32>,
    /// An image with room behind it.
    image: Vec<T>,
}

impl<T: Scalar> InputBuffers<T> {
    pub(super) fn clear(&mut self, shape: &ConvShape, padding: usize) {
        self.image.resize(shape.n_inputs() + padding, T::ZERO);
    }
}

impl<T: Scalar> WithSimd for InputGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (n_inputs, n_outputs) = (self.shape.n_inputs(), self.shape.n_outputs());
        let InputBuffers { terms, ends, image } = self.buffers;
        let table = (self.table, self.windows);
        let codes = self.codes.chunks_exact(n_outputs);
        let stacks = self.stack.chunks_exact(self.layers.len() * n_outputs);
        let inputs = self.into.chunks_exact_mut(self.input_layers * n_inputs);
        for ((codes, stacks), inputs) in codes.zip(stacks).zip(inputs) {
            live(codes, self.shape.filters, self.table, terms, ends);
            for (stack, &layer) in stacks.chunks_exact(n_outputs).zip(self.layers) {
                image.fill(T::ZERO);
                regions(simd, &self.shape, table, (terms, ends), stack, image);
                let into = &mut inputs[layer as usize * n_inputs..][..n_inputs];
                if self.add {
                    into.iter_mut().zip(&*image).for_each(|(into, &s)| *into += s);
                } else {
                    into.copy_from_slice(&image[..n_inputs]);
                }
            }
        }
    }
}

/// Lists the outputs that are not 0, window by window, with their weights in the table.
#[inline(always)]
fn live<T>(
    codes: &[u32],
    filters: usize,
    table: &Table<T>,
    terms: &mut Terms,
    ends: &mut Vec<u32>,
) {
    let dead = table.pixels.len() - 1;
    let (step, end_of_row) = (index(table.width), index(filters * table.width));
    let (mut cotangent, mut row) = (0, 0);
    let of_output = |&code: &u32| {
        let term = Term { cotangent, from: row + table.pixels[code as usize] };
        cotangent += 1;
        row += step;
        row = if row == end_of_row { 0 } else { row };
        (code as usize != dead, term)
    };
    terms.fill(codes.len(), codes.iter().map(of_output));
    ends.clear();
    let mut end = 0;
    for codes in codes.chunks_exact(filters) {
        end += codes.iter().map(|&code| u32::from(code as usize != dead)).sum::<u32>();
        ends.push(end);
    }
}

/// Adds to all regions of an image. Row by row of the regions, so that what is read of the table
/// stays in the first-level cache.
#[inline(always)]
fn regions<T: Scalar, S: Simd>(
    simd: S,
    shape: &ConvShape,
    (table, windows): (&Table<T>, &[u32]),
    (terms, ends): (&Terms, &[u32]),
    stack: &[T],
    image: &mut [T],
) {
    let side = shape.kernel + shape.pool - 1;
    let table_row = shape.filters * table.width;
    for row in 0..side {
        let from = Rows { data: &table.data[row * table_row..], stride: 0 };
        let mut first = 0;
        for (&window, &end) in windows.iter().zip(ends) {
            let at = window as usize + row * shape.patch().stride;
            let mut into = Rows { data: &mut image[at..], stride: 0 };
            let range = first as usize..end as usize;
            add_terms(simd, (terms, range), stack, &from, &mut into, [1, side * shape.channels]);
            first = end;
        }
    }
}
