//! The ops of a tape: one file each, with a forward pass and a pullback that takes a stack of
//! cotangents.

use std::ops::Range;

use crate::matmul::Workspace;
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::sink::Sink;
use crate::stack::Part;
use crate::tape::{Node, Var};
use crate::vector;

pub(crate) mod activate;
pub(crate) mod add;
pub(crate) mod blend;
pub(crate) mod concat;
pub(crate) mod conv;
pub(crate) mod dropout;
pub(crate) mod embedding;
pub(crate) mod gate;
pub(crate) mod grouped_linear;
pub(crate) mod input;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod loss;
pub(crate) mod mix;
pub(crate) mod multiply;
pub(crate) mod select;
pub(crate) mod softmax;

/// What was recorded. An enum, not a trait object: a step records dozens, and boxes would
/// allocate.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Input,
    Linear(linear::LinearOp),
    GroupedLinear(grouped_linear::GroupedLinearOp),
    Embedding {
        table: ParamId,
    },
    LayerNorm(layer_norm::LayerNormOp),
    Dropout {
        input: Var,
    },
    Add {
        a: Var,
        b: Var,
    },
    Concat {
        a: Var,
        b: Var,
    },
    Multiply {
        a: Var,
        b: Var,
    },
    Activate {
        input: Var,
        activation: linear::Activation,
    },
    Softmax {
        input: Var,
    },
    /// What it sums is in the node's codes.
    Mix {
        coefficients: ParamId,
    },
    /// What it sums is in the node's codes.
    Gate {
        gates: Var,
    },
    Blend {
        parts: ParamId,
        coefficients: ParamId,
    },
    Product(blend::ProductOp),
    Conv(conv::ConvOp),
    Select(select::SelectOp),
    Loss(loss::LossOp),
}

impl Op {
    /// The values that it reads, but for those of a sum: [`Node::inputs`] gives all.
    pub(crate) fn inputs(&self) -> [Option<Var>; 2] {
        match *self {
            Self::Input | Self::Embedding { .. } | Self::Mix { .. } | Self::Blend { .. } => {
                [None, None]
            }
            Self::Linear(op) => [Some(op.input), None],
            Self::GroupedLinear(op) => [Some(op.input), None],
            Self::LayerNorm(op) => [Some(op.input), None],
            Self::Dropout { input }
            | Self::Activate { input, .. }
            | Self::Softmax { input }
            | Self::Gate { gates: input } => [Some(input), None],
            Self::Select(op) => [Some(op.codes), Some(op.weights)],
            Self::Loss(op) => [Some(op.input), None],
            Self::Add { a, b } | Self::Concat { a, b } | Self::Multiply { a, b } => {
                [Some(a), Some(b)]
            }
            Self::Product(op) => [Some(op.input), Some(op.weight)],
            Self::Conv(op) => [Some(op.input), None],
        }
    }

    /// The parameters that it reads.
    pub(crate) fn params(&self) -> [Option<ParamId>; 2] {
        match *self {
            Self::Linear(linear::LinearOp { weight, bias, .. })
            | Self::GroupedLinear(grouped_linear::GroupedLinearOp { weight, bias, .. })
            | Self::Conv(conv::ConvOp { weight, bias, .. })
            | Self::LayerNorm(layer_norm::LayerNormOp { gain: weight, bias, .. }) => {
                [Some(weight), Some(bias)]
            }
            Self::Embedding { table: only } | Self::Mix { coefficients: only } => {
                [Some(only), None]
            }
            Self::Blend { parts, coefficients } => [Some(parts), Some(coefficients)],
            Self::Product(op) => [op.bias, None],
            _ => [None, None],
        }
    }
}

/// Buffers that ops use within one call.
#[derive(Debug)]
pub(crate) struct Scratch<T> {
    pub(crate) parts: Vec<Part>,
    pub(crate) reads: Vec<(usize, Range<usize>)>,
    pub(crate) sums: Vec<loss::Sum>,
    pub(crate) losses: Vec<u32>,
    pub(crate) squares: Vec<T>,
    pub(crate) merged: Vec<T>,
    pub(crate) conv: conv::Buffers<T>,
}

impl<T: Default> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            parts: Vec::new(),
            reads: Vec::new(),
            sums: Vec::new(),
            losses: Vec::new(),
            squares: Vec::new(),
            merged: Vec::new(),
            conv: conv::Buffers::default(),
        }
    }
}

/// One op's walk back: from its stack to the stacks of its inputs and the blocks of its
/// parameters.
pub(crate) struct Pullback<'a, 's, T> {
    /// The number of the node.
    pub(crate) at: usize,
    /// The nodes recorded before it.
    pub(crate) below: &'a mut [Node<T>],
    /// The nodes recorded after it.
    pub(crate) above: &'a [Node<T>],
    pub(crate) params: &'a Params<T>,
    /// The weights that combine all losses, if they are combined.
    pub(crate) weights: Option<&'a [T]>,
    pub(crate) sink: &'a mut Sink<'s, T>,
    pub(crate) work: &'a mut Workspace<T>,
    pub(crate) scratch: &'a mut Scratch<T>,
}

impl<T: Scalar> Pullback<'_, '_, T> {
    pub(crate) fn run(&mut self, node: &mut Node<T>) {
        if node.stack.channels.is_empty() {
            return;
        }
        match node.op {
            Op::Input => {}
            Op::Linear(op) => linear::pull_back(self, node, op),
            Op::GroupedLinear(op) => grouped_linear::pull_back(self, node, op),
            Op::Embedding { table } => embedding::pull_back(self, node, table),
            Op::LayerNorm(op) => layer_norm::pull_back(self, node, op),
            Op::Dropout { input } => dropout::pull_back(self, node, input),
            Op::Add { a, b } => add::pull_back(self, node, [a, b]),
            Op::Concat { a, b } => concat::pull_back(self, node, [a, b]),
            Op::Multiply { a, b } => multiply::pull_back(self, node, [a, b]),
            Op::Activate { input, activation } => {
                activate::pull_back(self, node, input, activation);
            }
            Op::Softmax { input } => softmax::pull_back(self, node, input),
            Op::Mix { coefficients } => mix::pull_back(self, node, coefficients),
            Op::Gate { gates } => gate::pull_back(self, node, gates),
            Op::Blend { parts, coefficients } => {
                blend::pull_back_weight(self, node, [parts, coefficients]);
            }
            Op::Product(op) => blend::pull_back_product(self, node, op),
            Op::Conv(op) => conv::pull_back(self, node, op),
            Op::Select(op) => select::pull_back(self, node, op),
            Op::Loss(op) => loss::pull_back(self, node, op),
        }
    }

    /// The parts of a node's stack: one for each loss and run of its rows.
    pub(crate) fn parts(&mut self, node: &Node<T>) -> Vec<Part> {
        let mut parts = std::mem::take(&mut self.scratch.parts);
        parts.clear();
        let [n_rows, width] = node.shape;
        if self.weights.is_some() {
            parts.push(Part { loss: 0, layer: 0, rows: 0..n_rows, columns: 0..width });
            return parts;
        }
        for &channel in &node.stack.channels {
            let source = &self.above[channel as usize - self.at - 1];
            let Op::Loss(loss) = source.op else { unreachable!("channels are losses") };
            let layer = node.stack.layer(channel);
            let columns =
                if node.stack.by_columns { loss.columns[0]..loss.columns[1] } else { 0..width };
            let part = |loss: usize, rows| {
                let loss = u32::try_from(loss).expect("fewer than 2^32 losses");
                Part { loss, layer, rows, columns: columns.clone() }
            };
            match loss.n_groups {
                None => parts.push(part(loss.first, 0..n_rows)),
                Some(n_groups) => {
                    let runs = Runs { codes: &source.codes, at: 0 };
                    let known = runs.filter(|(group, _)| *group < n_groups);
                    parts.extend(known.map(|(group, rows)| part(loss.first + group, rows)));
                }
            }
        }
        parts
    }

    /// Gives the buffer of [`Self::parts`] back.
    pub(crate) fn done(&mut self, parts: Vec<Part>) {
        self.scratch.parts = parts;
    }

    /// Adds the stack of `node`, changed by `map(row, from, into)` layer by layer, to that of
    /// `input`; nothing where the input wants no gradient. `map` runs on the vector unit.
    pub(crate) fn pass_on(
        &mut self,
        node: &Node<T>,
        input: Var,
        mut map: impl FnMut(usize, &[T], &mut [T]),
    ) {
        let input = &mut self.below[input.index()];
        if !input.trainable {
            return;
        }
        let [n_rows, width] = node.shape;
        let (layers, input_layers) = (node.stack.layers(), input.stack.layers());
        let (input_width, input_len) = (input.shape[1], input.stack_len());
        // The first to write all of a stack clears it row by row, while a row is near.
        let is_first = input.stack.is_fresh() && input_layers == node.stack.channels.len();
        if is_first {
            input.stack.set_all(input_len);
        } else {
            input.stack.add_some(input_len);
        }
        vector::run(
            #[inline(always)]
            || {
                for (layer, &channel) in node.stack.channels.iter().enumerate() {
                    let input_layer = input.stack.layer(channel);
                    for row in 0..n_rows {
                        let from = &node.stack.data[(row * layers + layer) * width..][..width];
                        let into = (row * input_layers + input_layer) * input_width;
                        let into = &mut input.stack.data[into..][..input_width];
                        if is_first {
                            into.fill(T::ZERO);
                        }
                        map(row, from, into);
                    }
                }
            },
        );
    }
}

/// The runs of equal codes, as (code, rows).
pub(crate) struct Runs<'a> {
    pub(crate) codes: &'a [u32],
    pub(crate) at: usize,
}

impl Iterator for Runs<'_> {
    type Item = (usize, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let code = *self.codes.get(start)?;
        let length = self.codes[start..].iter().take_while(|&&other| other == code).count();
        self.at = start + length;
        Some((code as usize, start..self.at))
    }
}
