//! The tape: one forward pass, recorded op by op, and the walks back over it.

use torso_core::seed::Stream;

use crate::jacobian::Jacobian;
use crate::matmul::Workspace;
use crate::ops::conv::ConvShape;
use crate::ops::linear::Activation;
use crate::ops::loss::LossSpec;
use crate::ops::{self, Op};
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::sink::{Block, Owner, Sink};
use crate::stack::Stack;

mod cut;
pub(crate) mod factors;
pub(crate) mod reach;

/// A recorded value `[n_rows, width]`; valid until the tape is cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Var(u32);

impl Var {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn of_number(number: u32) -> Self {
        Self(number)
    }
}

/// A recorded op with its value. Its buffers are kept when the tape is cleared.
pub(crate) struct Node<T> {
    pub(crate) op: Op,
    pub(crate) shape: [usize; 2],
    /// Row-major.
    pub(crate) value: Vec<T>,
    /// What the pullback needs besides: a mask, spreads, the slope of a loss.
    pub(crate) saved: Vec<T>,
    /// The group of each row, the codes of an embedding, or the numbers of the values in a sum.
    pub(crate) codes: Vec<u32>,
    /// Whether parameters lie below.
    pub(crate) trainable: bool,
    pub(crate) stack: Stack<T>,
}

impl<T: Scalar> Node<T> {
    fn new() -> Self {
        Self {
            op: Op::Input,
            shape: [0, 0],
            value: Vec::new(),
            saved: Vec::new(),
            codes: Vec::new(),
            trainable: false,
            stack: Stack::default(),
        }
    }

    /// The values that the op reads.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = Var> + '_ {
        let summed: &[u32] = match self.op {
            Op::Mix { .. } | Op::Gate { .. } => &self.codes,
            _ => &[],
        };
        self.op.inputs().into_iter().flatten().chain(summed.iter().map(|&x| Var(x)))
    }

    /// The numbers of a whole stack.
    pub(crate) fn stack_len(&self) -> usize {
        self.shape[0] * self.stack.layers() * self.shape[1]
    }
}

/// A forward pass and its losses.
///
/// Ops compute at once when they are recorded. [`Tape::clear`] starts the next pass in the same
/// buffers; the next pass may have other ops and shapes.
pub struct Tape<T> {
    pub(crate) nodes: Vec<Node<T>>,
    /// Nodes in use.
    pub(crate) n_nodes: usize,
    /// The losses of tasks.
    pub(crate) losses: Vec<T>,
    pub(crate) observed: Vec<u32>,
    pub(crate) work: Workspace<T>,
    /// The blocks of `backward`.
    blocks: Vec<Block>,
    pub(crate) scratch: ops::Scratch<T>,
    /// The layer of heads above the cut of the last walk, if it was one.
    heads: Option<usize>,
}

impl<T: Scalar> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Tape<T> {
    /// An empty tape that runs on one thread.
    pub fn new() -> Self {
        Self::with_threads(1)
    }

    /// An empty tape whose large products run on so many threads. The number changes no bit.
    pub fn with_threads(n_threads: usize) -> Self {
        Self {
            nodes: Vec::new(),
            n_nodes: 0,
            losses: Vec::new(),
            observed: Vec::new(),
            work: Workspace::new(n_threads),
            blocks: Vec::new(),
            scratch: ops::Scratch::default(),
            heads: None,
        }
    }

    /// Forgets the recorded pass and keeps its buffers.
    pub fn clear(&mut self) {
        self.n_nodes = 0;
        self.losses.clear();
        self.observed.clear();
    }

    /// Rows and width of a value.
    pub fn shape(&self, var: Var) -> [usize; 2] {
        self.nodes[var.index()].shape
    }

    /// A value, row-major.
    pub fn value(&self, var: Var) -> &[T] {
        &self.nodes[var.index()].value
    }

    /// The multiply-adds of all matrix products and sums of values so far, forward and back.
    pub fn multiply_adds(&self) -> u64 {
        self.work.multiply_adds
    }

    /// The loss of each task, in the order of recording; 0 where no label is observed.
    pub fn losses(&self) -> &[T] {
        &self.losses
    }

    /// The number of labels behind each task's loss.
    pub fn observed(&self) -> &[u32] {
        &self.observed
    }

    /// Records given rows: `values` is row-major, `[n_rows, width]`.
    pub fn input(&mut self, values: &[T], width: usize) -> Var {
        ops::input::record(self, values, width)
    }

    /// Records some rows of a row-major table of the given width.
    pub fn input_rows(&mut self, table: &[T], width: usize, rows: &[u32]) -> Var {
        ops::input::record_rows(self, table, width, rows)
    }

    /// Records `activation(input W + b)`: `W` is `[in, out]`, `b` `[1, out]`.
    pub fn linear(
        &mut self,
        params: &Params<T>,
        input: Var,
        weight: ParamId,
        bias: ParamId,
        activation: Activation,
    ) -> Var {
        ops::linear::record(self, params, input, [weight, bias], activation)
    }

    /// Records `input W_g + b_g` for the group `g` of each row: `W` is `[groups * in, out]`, `b`
    /// `[groups, out]`. Fast where rows of a group lie side by side.
    pub fn grouped_linear(
        &mut self,
        params: &Params<T>,
        input: Var,
        weight: ParamId,
        bias: ParamId,
        groups: &[u32],
    ) -> Var {
        ops::grouped_linear::record(self, params, input, [weight, bias], groups)
    }

    /// Records the row of `table` `[levels, width]` that each code names.
    pub fn embedding(&mut self, params: &Params<T>, table: ParamId, codes: &[u32]) -> Var {
        ops::embedding::record(self, params, table, codes)
    }

    /// Records `act((x - mean) / sd * gain + bias)` along each row; `gain` and `bias` are
    /// `[1, width]`.
    pub fn layer_norm(
        &mut self,
        params: &Params<T>,
        input: Var,
        [gain, bias]: [ParamId; 2],
        activation: Activation,
    ) -> Var {
        ops::layer_norm::record(self, params, input, [gain, bias], activation)
    }

    /// Records `input` with each number left out with probability `rate`, and the others scaled
    /// up to keep the mean. `rate` is from 0 to below 1.
    pub fn dropout(&mut self, input: Var, rate: f64, stream: &mut Stream) -> Var {
        ops::dropout::record(self, input, rate, stream)
    }

    /// Records `a + b`, of one shape.
    pub fn add(&mut self, a: Var, b: Var) -> Var {
        ops::add::record(self, a, b)
    }

    /// Records `a` and `b` side by side.
    pub fn concat(&mut self, a: Var, b: Var) -> Var {
        ops::concat::record(self, a, b)
    }

    /// Records `a * b`, of one shape, number by number.
    pub fn multiply(&mut self, a: Var, b: Var) -> Var {
        ops::multiply::record(self, a, b)
    }

    /// Records `activation(input)`.
    pub fn activate(&mut self, input: Var, activation: Activation) -> Var {
        ops::activate::record(self, input, activation)
    }

    /// Records the softmax of each row.
    pub fn softmax(&mut self, input: Var) -> Var {
        ops::softmax::record(self, input)
    }

    /// Records `sum_s a_s * inputs[s]`: all inputs are `[B, width]`, the coefficients
    /// `[inputs, period]`, and column `j` takes those of column `j mod period`.
    pub fn mix(&mut self, params: &Params<T>, inputs: &[Var], coefficients: ParamId) -> Var {
        ops::mix::record(self, params, inputs, coefficients)
    }

    /// Records `sum_e gates[b, e] inputs[e][b]` for each row `b`: `gates` is `[B, inputs]`, each
    /// input `[B, width]`.
    pub fn gate(&mut self, gates: Var, inputs: &[Var]) -> Var {
        ops::gate::record(self, gates, inputs)
    }

    /// Records gates `[B, n_experts]` that become sparse: `codes` is `[B, k * digits]`, the binary
    /// codes of `k` selectors, each number a digit by a smooth step of the given width; `weights` is
    /// `[B, k]`.
    pub fn select(&mut self, codes: Var, weights: Var, n_experts: usize, width: T) -> Var {
        ops::select::record(self, codes, weights, n_experts, width)
    }

    /// Records a weight `[rows, out]`: `sum_k coefficients[k] parts[k]`, where `parts` is
    /// `[K * rows, out]`. Only tasks that are no groups of rows may read it.
    pub fn blend(&mut self, params: &Params<T>, parts: ParamId, coefficients: ParamId) -> Var {
        ops::blend::record_weight(self, params, parts, coefficients)
    }

    /// Records `act(input weight + bias)` with a recorded weight `[width of input, out]`; without a
    /// bias it is the product alone.
    pub fn product(
        &mut self,
        params: &Params<T>,
        input: Var,
        weight: Var,
        bias: Option<(ParamId, Activation)>,
    ) -> Var {
        ops::blend::record_product(self, params, [input, weight], bias)
    }

    /// Records `max_pool(relu(conv(input) + b))`: `W` is `[kernel * kernel * channels, filters]` with
    /// its rows in the order of `y`, `x`, channel, and `b` `[1, filters]`.
    pub fn conv(
        &mut self,
        params: &Params<T>,
        input: Var,
        weight: ParamId,
        bias: ParamId,
        shape: ConvShape,
    ) -> Var {
        ops::conv::record(self, params, input, [weight, bias], shape)
    }

    /// Records a loss on some columns of a value: the mean over observed labels, one for all rows
    /// or one for each group. Gives the number of the first.
    pub fn loss(
        &mut self,
        input: Var,
        columns: std::ops::Range<usize>,
        spec: &LossSpec<T>,
    ) -> usize {
        ops::loss::record(self, input, columns, spec)
    }

    /// The gradient of `sum_t weights[t] losses[t]`, plus that of every loss that is no task's.
    ///
    /// # Panics
    /// If `weights` is not as long as [`Self::losses`], or `gradient` as the parameters.
    pub fn backward(&mut self, params: &Params<T>, weights: &[T], gradient: &mut [T]) {
        assert_eq!(weights.len(), self.losses.len(), "a weight for each loss");
        assert_eq!(gradient.len(), params.len(), "a gradient is as long as the parameters");
        self.reach_combined();
        let mut blocks = std::mem::take(&mut self.blocks);
        blocks.resize_with(params.ranges().len(), Block::new);
        for (block, range) in blocks.iter_mut().zip(params.ranges()) {
            (block.start, block.shape) = (range.span().start, range.shape());
            (block.owner, block.fresh) = (Owner::One, true);
        }
        let mut sink = Sink { data: gradient, blocks: &mut blocks };
        self.pull_back(params, Some(weights), &mut sink, 0..self.n_nodes);
        sink.finish();
        self.blocks = blocks;
    }

    /// Every task's gradient with respect to the parameters that tasks share, and each head's own.
    /// Losses that are no task's have no part in it.
    pub fn jacobian(&mut self, params: &Params<T>, jacobian: &mut Jacobian<T>) {
        self.reach_each();
        jacobian.lay_out(self, params, 0, false);
        let mut sink = Sink { data: &mut jacobian.data, blocks: &mut jacobian.blocks };
        self.pull_back(params, None, &mut sink, 0..self.n_nodes);
        sink.finish();
    }

    /// Walks back over some recorded ops; `weights` combine the losses of tasks.
    fn pull_back(
        &mut self,
        params: &Params<T>,
        weights: Option<&[T]>,
        sink: &mut Sink<T>,
        nodes: std::ops::Range<usize>,
    ) {
        for at in nodes.rev() {
            let (below, rest) = self.nodes.split_at_mut(at);
            let Some((node, above)) = rest.split_first_mut() else { continue };
            let mut pullback = ops::Pullback {
                at,
                below,
                above,
                params,
                weights,
                sink,
                work: &mut self.work,
                scratch: &mut self.scratch,
            };
            pullback.run(node);
        }
    }

    /// The nodes so far, the next one, whose buffers may hold anything, and the workspace.
    pub(crate) fn next(&mut self) -> (&mut [Node<T>], &mut Node<T>, &mut Workspace<T>) {
        if self.n_nodes == self.nodes.len() {
            self.nodes.push(Node::new());
        }
        let (below, rest) = self.nodes.split_at_mut(self.n_nodes);
        (below, &mut rest[0], &mut self.work)
    }

    /// Takes the next node in use.
    pub(crate) fn push(&mut self) -> Var {
        let var = Var(u32::try_from(self.n_nodes).expect("fewer than 2^32 ops"));
        self.n_nodes += 1;
        var
    }
}
