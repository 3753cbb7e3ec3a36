//! Convolution, `ReLU` and max-pool in one op: `Y = max_pool(relu(X * W + b))`.
//!
//! `X` is `[B, height * width * channels]`, `W` `[kernel * kernel * channels, filters]`, `b`
//! `[1, filters]`, `Y` `[B, out_height * out_width * filters]`, channels last. The kernel moves by
//! one pixel and stays inside the image; the windows of the pool lie side by side.
//!
//! # Pullback
//! Of each window only the greatest pixel has a slope, and none if it is not above 0. With the
//! cotangent `s` of a live output, the patch `x` that its greatest pixel reads and the column `w` of
//! its filter, `dW` gets `s x` at that column and `dX` gets `s w` at that patch, layer by layer of
//! the stack. The first op reads images, which want no gradient.
//!
//! # Cost
//! Forward, `B * pixels * kernel^2 * channels * filters` multiply-adds, where a pool leaves out no
//! pixel; back, `1 / pool^2` of that for each of `dW` and `dX` and each cotangent, and less where
//! outputs are 0. Patches are read where they lie: nothing is unfolded into a matrix.
//!
//! # Differs from
//! PyTorch has channels first, and a rectified sum of exactly 0 or one that is not a number is 0 here
//! and lets nothing through. The first of equal pixels wins, as there.
//!
//! # References
//! `LeCun`, Bottou, Bengio, Haffner, *Gradient-Based Learning Applied to Document Recognition* (1998).

use pulp::Arch;
use rayon::prelude::*;

use self::forward::{Forward, RowBuffers};
use self::inputs::{InputBuffers, Table};
use self::kernel::padding;
use self::kernel::patches::{PATCHES, Patch};
use self::weights::WeightSums;
use super::{Op, Pullback};
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};

mod forward;
mod inputs;
mod kernel;
mod weights;

/// With fewer multiply-adds than this, an op runs on one thread.
const MIN_PARALLEL: usize = 1 << 20;

/// Shapes of a convolution over images stored as rows `[height * width * channels]`, channels last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Rows of an image.
    pub height: usize,
    /// Pixels in a row of an image.
    pub width: usize,
    /// Numbers in a pixel.
    pub channels: usize,
    /// Numbers in a pixel of the output.
    pub filters: usize,
    /// Side of the square kernel; it moves by one pixel, without padding.
    pub kernel: usize,
    /// Side and stride of the max-pool's windows; 1 for none. Rows and columns that do not fill a
    /// window are left out.
    pub pool: usize,
}

impl ConvShape {
    /// Rows of an output.
    pub fn out_height(&self) -> usize {
        (self.height + 1).saturating_sub(self.kernel) / self.pool
    }

    /// Pixels in a row of an output.
    pub fn out_width(&self) -> usize {
        (self.width + 1).saturating_sub(self.kernel) / self.pool
    }

    /// Numbers in an image.
    pub fn n_inputs(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Numbers in an output, `out_height * out_width * filters`.
    pub fn n_outputs(&self) -> usize {
        self.out_height() * self.out_width() * self.filters
    }

    /// Whether no side is 0 and a window of the pool fits in.
    pub fn is_valid(&self) -> bool {
        let sides = [self.channels, self.filters, self.kernel, self.pool];
        !sides.contains(&0) && self.out_height() > 0 && self.out_width() > 0
    }

    /// What the kernel covers of an image.
    fn patch(&self) -> Patch {
        let Self { width, channels, kernel, .. } = *self;
        Patch { rows: kernel, run: kernel * channels, stride: width * channels }
    }

    /// Numbers under the kernel.
    fn n_patch(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// The multiply-adds of so many images, before the pool.
    fn multiply_adds(&self, n_images: usize) -> usize {
        n_images * self.n_outputs() * self.pool * self.pool * self.n_patch()
    }

    /// The number of threads for so many images, and the images for each.
    fn share(&self, n_images: usize, n_threads: usize) -> (usize, usize) {
        let n_threads = if self.multiply_adds(n_images) < MIN_PARALLEL { 1 } else { n_threads };
        (n_threads, n_images.div_ceil(n_threads).max(1))
    }
}

/// A place in a buffer.
fn index(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than 2^32 numbers")
}

/// Places in an image.
#[derive(Debug, Default)]
struct Places {
    /// Where the windows of the pool begin.
    windows: Vec<u32>,
    /// Where the patches that a window's pixels read begin, seen from the window; and 0.
    pixels: Vec<u32>,
    /// Where the patches of the first row of windows begin, window by window; zeros fill up the
    /// tiles.
    starts: Vec<u32>,
}

impl Places {
    fn fill(&mut self, shape: &ConvShape) {
        let ConvShape { width, channels, pool, .. } = *shape;
        let place = |y: usize, x: usize| index((y * width + x) * channels);
        let (rows, columns) = (0..shape.out_height(), 0..shape.out_width());
        self.windows.clear();
        self.windows
            .extend(rows.flat_map(|y| columns.clone().map(move |x| place(y * pool, x * pool))));
        self.pixels.clear();
        self.pixels.extend((0..pool * pool).map(|at| place(at / pool, at % pool)));
        self.starts.clear();
        let first_row = &self.windows[..shape.out_width()];
        let starts =
            first_row.iter().flat_map(|window| self.pixels.iter().map(move |at| window + at));
        self.starts.extend(starts);
        self.starts.resize(self.starts.len().next_multiple_of(PATCHES), 0);
        self.pixels.push(0);
    }

    /// The code of an output that is 0.
    fn dead(&self) -> usize {
        self.pixels.len() - 1
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvOp {
    pub(crate) input: Var,
    pub(crate) weight: ParamId,
    pub(crate) bias: ParamId,
    shape: ConvShape,
}

/// Buffers that are used within one call.
#[derive(Debug, Default)]
pub(crate) struct Buffers<T> {
    /// The weight and the bias, padded.
    weight: Vec<T>,
    bias: Vec<T>,
    places: Places,
    rows: Vec<RowBuffers<T>>,
    /// The losses that have a slot, and the slot of each image and layer.
    losses: Vec<u32>,
    slots: Vec<u32>,
    chunks: Vec<WeightSums<T>>,
    table: Table<T>,
    layers: Vec<u32>,
    inputs: Vec<InputBuffers<T>>,
}

/// Some images' values and codes.
type Outputs<'a, T> = (&'a mut [T], &'a mut [u32]);

pub(crate) fn record<T: Scalar>(
    tape: &mut Tape<T>,
    params: &Params<T>,
    input: Var,
    [weight, bias]: [ParamId; 2],
    shape: ConvShape,
) -> Var {
    assert!(shape.is_valid(), "a convolution has an output");
    let [n_rows, n_inputs] = tape.shape(input);
    assert_eq!(n_inputs, shape.n_inputs(), "an input is an image");
    let filters = shape.filters;
    assert_eq!(params.range(weight).shape(), [shape.n_patch(), filters], "the shape of the weight");
    assert_eq!(params.range(bias).shape(), [1, filters], "the bias has a column for each filter");
    let n_outputs = shape.n_outputs();
    assert!(u32::try_from(n_inputs.max(n_outputs)).is_ok(), "an image has fewer than 2^32 numbers");
    let mut buffers = std::mem::take(&mut tape.scratch.conv);
    let (below, node, work) = tape.next();
    node.op = Op::Conv(ConvOp { input, weight, bias, shape });
    (node.shape, node.trainable) = ([n_rows, n_outputs], true);
    node.value.resize(n_rows * n_outputs, T::ZERO);
    node.codes.resize(n_rows * n_outputs, 0);
    work.multiply_adds += shape.multiply_adds(n_rows) as u64;
    let (n_threads, share) = shape.share(n_rows, work.n_threads());
    buffers.prepare(&shape, [params.get(weight), params.get(bias)], n_threads);
    let Buffers { weight, bias, places, rows, .. } = &mut buffers;
    let images = &below[input.index()].value;
    let part = |(at, (outputs, buffers)): (usize, (Outputs<T>, &mut RowBuffers<T>))| {
        let (values, codes) = outputs;
        let first = at * share * n_inputs;
        let images = &images[first..][..values.len() / n_outputs * n_inputs];
        let op = Forward { shape, images, weight, bias, places, values, codes, buffers };
        Arch::new().dispatch(op);
    };
    let share = share * n_outputs;
    if n_threads == 1 {
        part((0, ((&mut node.value, &mut node.codes), &mut rows[0])));
    } else {
        let outputs = node.value.par_chunks_mut(share).zip(node.codes.par_chunks_mut(share));
        outputs.zip(rows).enumerate().for_each(part);
    }
    tape.scratch.conv = buffers;
    tape.push()
}

impl<T: Scalar> Buffers<T> {
    /// Pads the weight and the bias and finds where patches begin.
    fn prepare(&mut self, shape: &ConvShape, [weight, bias]: [&[T]; 2], n_threads: usize) {
        let filters = shape.filters;
        let width = filters.next_multiple_of(padding::<T>());
        self.weight.clear();
        self.weight.resize(shape.n_patch() * width, T::ZERO);
        let rows = self.weight.chunks_exact_mut(width).zip(weight.chunks_exact(filters));
        rows.for_each(|(row, weight)| row[..filters].copy_from_slice(weight));
        self.bias.clear();
        self.bias.extend_from_slice(bias);
        self.bias.resize(width, T::ZERO);
        self.places.fill(shape);
        self.rows.resize_with(self.rows.len().max(n_threads), RowBuffers::default);
        let n_patches = self.places.starts.len();
        self.rows.iter_mut().for_each(|row| row.resize(shape, n_patches, width));
    }
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, op: ConvOp) {
    let mut buffers = std::mem::take(&mut walk.scratch.conv);
    buffers.places.fill(&op.shape);
    // Outputs that are 0 are counted too.
    let multiply_adds = (node.stack_len() * op.shape.n_patch()) as u64;
    walk.work.multiply_adds += multiply_adds;
    weights::pull_back(walk, node, op, &mut buffers);
    if walk.below[op.input.index()].trainable {
        walk.work.multiply_adds += multiply_adds;
        inputs::pull_back(walk, node, op, &mut buffers);
    }
    walk.scratch.conv = buffers;
}

#[cfg(test)]
mod tests;
