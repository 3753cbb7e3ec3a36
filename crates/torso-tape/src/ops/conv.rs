//! Convolution, `ReLU` and max-pool in one op: `Y = max_pool(relu(X * W + b))`.
//!
//! `X` is `[B, height * width * channels]`, `W` `[kernel * kernel * channels, filters]`, `b`
//! `[1, filters]`, `Y` `[B, out_height * out_width * filters]`, channels last. The kernel moves by
//! one pixel and stays inside the image; the windows of the pool lie side by side.

use super::{Op, Pullback};
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};

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

    /// Numbers under the kernel.
    fn n_patch(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// Where the patch begins that a pixel of a window of the pool reads.
    fn patch(&self, cell: usize, pixel: usize) -> usize {
        let y = cell / self.out_width() * self.pool + pixel / self.pool;
        let x = cell % self.out_width() * self.pool + pixel % self.pool;
        (y * self.width + x) * self.channels
    }
}

/// The code of an output that is 0.
const DEAD: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvOp {
    pub(crate) input: Var,
    pub(crate) weight: ParamId,
    pub(crate) bias: ParamId,
    shape: ConvShape,
}

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
    let (below, node, _) = tape.next();
    node.op = Op::Conv(ConvOp { input, weight, bias, shape });
    let n_outputs = shape.n_outputs();
    (node.shape, node.trainable) = ([n_rows, n_outputs], true);
    node.value.resize(n_rows * n_outputs, T::ZERO);
    node.codes.resize(n_rows * n_outputs, DEAD);
    let (weight, bias) = (params.get(weight), params.get(bias));
    let images = below[input.index()].value.chunks_exact(n_inputs);
    let outputs = node.value.chunks_exact_mut(n_outputs);
    for ((image, values), codes) in images.zip(outputs).zip(node.codes.chunks_exact_mut(n_outputs))
    {
        for (at, (value, code)) in values.iter_mut().zip(codes).enumerate() {
            (*value, *code) = (T::ZERO, DEAD);
            for pixel in 0..shape.pool * shape.pool {
                let mut sum = bias[at % filters];
                for_patch(&shape, shape.patch(at / filters, pixel), |from, row| {
                    sum += image[from] * weight[row * filters + at % filters];
                });
                if sum > *value {
                    (*value, *code) = (sum, u32::try_from(pixel).expect("a small pool"));
                }
            }
        }
    }
    tape.push()
}

/// Calls `visit` with the place in the image and the row of the weight of all numbers of a patch.
fn for_patch(shape: &ConvShape, patch: usize, mut visit: impl FnMut(usize, usize)) {
    let run = shape.kernel * shape.channels;
    for row in 0..shape.n_patch() {
        visit(patch + row / run * shape.width * shape.channels + row % run, row);
    }
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, op: ConvOp) {
    let (shape, filters) = (op.shape, op.shape.filters);
    let (layers, n_outputs) = (node.stack.layers(), node.shape[1]);
    let parts = walk.parts(node);
    walk.sink.add_some(op.weight);
    walk.sink.add_some(op.bias);
    let images = &walk.below[op.input.index()].value;
    for part in &parts {
        for row in part.rows.clone() {
            let image = &images[row * shape.n_inputs()..];
            let stack = &node.stack.data[(row * layers + part.layer) * n_outputs..][..n_outputs];
            for (at, (&s, &code)) in stack.iter().zip(&node.codes[row * n_outputs..]).enumerate() {
                if code == DEAD {
                    continue;
                }
                let block = walk.sink.block(op.bias);
                let into = block.layer(part.loss) * filters + at % filters;
                walk.sink.set_all(op.bias).0[into] += s;
                let block = walk.sink.block(op.weight);
                let (layer, layers) = (block.layer(part.loss), block.layers());
                let (data, _) = walk.sink.set_all(op.weight);
                for_patch(&shape, shape.patch(at / filters, code as usize), |from, row| {
                    data[(row * layers + layer) * filters + at % filters] += s * image[from];
                });
            }
        }
    }
    walk.done(parts);
    let weight = walk.params.get(op.weight);
    let codes = &node.codes;
    walk.pass_on(node, op.input, |row, stack, into| {
        for (at, (&s, &code)) in stack.iter().zip(&codes[row * n_outputs..]).enumerate() {
            if code != DEAD {
                for_patch(&shape, shape.patch(at / filters, code as usize), |to, row| {
                    into[to] += s * weight[row * filters + at % filters];
                });
            }
        }
    });
}

#[cfg(test)]
mod tests;
