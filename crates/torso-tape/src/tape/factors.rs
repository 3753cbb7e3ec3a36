//! Task gradients of linear layers as factors: `J_t = X' S_t` is not multiplied out.
//!
//! With the input `X [B, in]` of a layer and the cotangents `S_t [B, out]` of task `t`, the products
//! `J_s . J_t` over the layer's weights and bias are the sum of `S_s * (X X' + 1) S_t`, which costs
//! `B / in` of what the Jacobian costs; and `sum_t w_t J_t = X' sum_t w_t S_t` is one product. Where
//! tasks own rows, `J_s . J_t` is the sum of `(X X' + 1) * S S'` over the rows of `s` and `t`.

use super::{Node, Tape};
use crate::jacobian::{HeadGradient, Jacobian};
use crate::matmul::{Factor, Product};
use crate::ops::Op;
use crate::ops::linear::LinearOp;
use crate::ops::loss::LossOp;
use crate::params::Params;
use crate::products::add_products;
use crate::scalar::Scalar;
use crate::sink::{Block, Owner, Sink};

impl<T: Scalar> Tape<T> {
    /// Every task's gradient as [`Self::jacobian`] has it, but that layers which all of its rows
    /// reach by one linear op are left as factors where that is less work. Only [`Self::gramian`]
    /// and [`Self::combine`] can read it, until the tape is changed.
    pub fn task_gradients(&mut self, params: &Params<T>, jacobian: &mut Jacobian<T>) {
        self.reach_each();
        jacobian.lay_out(self, params, 0, true);
        let mut sink = Sink { data: &mut jacobian.data, blocks: &mut jacobian.blocks };
        self.pull_back(params, None, &mut sink, 0..self.n_nodes);
        sink.finish();
    }

    /// `G = J J'` over the shared parameters, `[K, K]`, row-major.
    pub fn gramian(&mut self, jacobian: &Jacobian<T>, gramian: &mut Vec<f64>) {
        jacobian.gramian(gramian);
        for &at in &jacobian.factors {
            self.add_factored(at as usize, gramian);
        }
    }

    /// The gradient `sum_t weights[t] J_t` of all parameters; those of one task follow `heads`.
    ///
    /// # Panics
    /// As [`Jacobian::combine`].
    pub fn combine(
        &mut self,
        params: &Params<T>,
        jacobian: &Jacobian<T>,
        weights: &[T],
        heads: HeadGradient,
        gradient: &mut [T],
    ) {
        jacobian.combine(weights, heads, gradient);
        for &at in &jacobian.factors {
            let at = at as usize;
            let op = self.factored(at);
            self.merge(at, weights);
            let input = &self.nodes[op.input.index()];
            let [n_rows, n_inputs] = input.shape;
            let width = self.nodes[at].shape[1];
            self.work.matmul(
                [n_inputs, n_rows, width],
                Product {
                    data: &mut gradient[params.range(op.weight).span()],
                    row_stride: width,
                    add: false,
                },
                Factor::rows(&input.value, n_inputs).transposed(),
                Factor::rows(&self.scratch.merged, width),
            );
            let bias = &mut gradient[params.range(op.bias).span()];
            for row in self.scratch.merged.chunks_exact(width) {
                bias.iter_mut().zip(row).for_each(|(sum, s)| *sum += *s);
            }
        }
    }

    /// The linear op of a layer left as factors.
    fn factored(&self, at: usize) -> LinearOp {
        match self.nodes[at].op {
            Op::Linear(op) => op,
            _ => unreachable!("only linear layers are left as factors"),
        }
    }

    /// Adds the products of one layer's gradients.
    fn add_factored(&mut self, at: usize, gramian: &mut [f64]) {
        let op = self.factored(at);
        let (node, input) = (&self.nodes[at], &self.nodes[op.input.index()]);
        let [n_rows, n_inputs] = input.shape;
        let squares = &mut self.scratch.squares;
        squares.resize(n_rows * n_rows, T::ZERO);
        self.work.matmul(
            [n_rows, n_inputs, n_rows],
            Product { data: squares, row_stride: n_rows, add: false },
            Factor::rows(&input.value, n_inputs),
            Factor::rows(&input.value, n_inputs).transposed(),
        );
        // The bias reads a column of ones.
        for square in squares.iter_mut() {
            *square += T::ONE;
        }
        let (width, layers) = (node.shape[1], node.stack.layers());
        let products = &mut self.scratch.merged;
        let stack = &node.stack.data[..n_rows * layers * width];
        if let Some(loss) = self.nodes[at].group_loss(&self.nodes) {
            let codes = &self.nodes[node.stack.channels[0] as usize].codes;
            products.resize(n_rows * n_rows, T::ZERO);
            self.work.matmul(
                [n_rows, width, n_rows],
                Product { data: products, row_stride: n_rows, add: false },
                Factor::rows(stack, width),
                Factor::rows(stack, width).transposed(),
            );
            add_by_group(squares, products, codes, &loss, self.losses.len(), gramian);
            return;
        }
        products.resize(stack.len(), T::ZERO);
        self.work.matmul(
            [n_rows, n_rows, layers * width],
            Product { data: products, row_stride: layers * width, add: false },
            Factor::rows(squares, n_rows),
            Factor::rows(stack, layers * width),
        );
        let losses = &mut self.scratch.losses;
        losses.clear();
        losses.extend(node.stack.channels.iter().filter_map(|&c| self.nodes[c as usize].loss()));
        add_products([stack, products], width, losses, self.losses.len(), gramian);
    }

    /// Sums a layer's cotangents by the weights of their losses, into the scratch.
    fn merge(&mut self, at: usize, weights: &[T]) {
        let node = &self.nodes[at];
        let ([n_rows, width], layers) = (node.shape, node.stack.layers());
        let merged = &mut self.scratch.merged;
        merged.clear();
        merged.resize(n_rows * width, T::ZERO);
        for (layer, &channel) in node.stack.channels.iter().enumerate() {
            let source = &self.nodes[channel as usize];
            let Op::Loss(loss) = source.op else { unreachable!("channels are losses") };
            for (row, into) in merged.chunks_exact_mut(width).enumerate() {
                let group = source.codes.get(row).map_or(0, |code| *code as usize);
                if group < loss.n_losses {
                    let weight = weights[loss.first + group];
                    let from = &node.stack.data[(row * layers + layer) * width..][..width];
                    into.iter_mut().zip(from).for_each(|(into, s)| *into += weight * *s);
                }
            }
        }
    }
}

/// Adds `squares * products`, elementwise, at the groups of each two rows.
fn add_by_group<T: Scalar>(
    squares: &[T],
    products: &[T],
    codes: &[u32],
    loss: &LossOp,
    n_losses: usize,
    gramian: &mut [f64],
) {
    let n_rows = codes.len();
    let known = |row: usize| Some(codes[row] as usize).filter(|group| *group < loss.n_losses);
    for i in 0..n_rows {
        let Some(a) = known(i) else { continue };
        for j in 0..n_rows {
            if let Some(b) = known(j) {
                let at = (loss.first + a) * n_losses + loss.first + b;
                gramian[at] += squares[i * n_rows + j].double() * products[i * n_rows + j].double();
            }
        }
    }
}

impl<T: Scalar> Node<T> {
    /// The loss of this node, if it is one and not of groups.
    fn loss(&self) -> Option<u32> {
        match self.op {
            Op::Loss(op) if op.n_groups.is_none() => u32::try_from(op.first).ok(),
            _ => None,
        }
    }

    /// The losses of groups behind the only channel that reaches this node.
    fn group_loss(&self, nodes: &[Node<T>]) -> Option<LossOp> {
        match (&self.stack.channels[..], self.stack.channels.first()) {
            ([_], Some(&channel)) => match nodes[channel as usize].op {
                Op::Loss(op) if op.n_groups.is_some() => Some(op),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a linear node's gradients are less work as factors, where `readers` and `owners` of
    /// its weight and bias allow it.
    fn is_better_factored(&self, nodes: &[Node<T>], op: LinearOp, n_losses: usize) -> bool {
        let [rows, inputs] = nodes[op.input.index()].shape;
        let (width, layers) = (self.shape[1], self.stack.layers());
        let of_losses = self.stack.channels.iter().all(|&c| nodes[c as usize].loss().is_some());
        let is_grouped = self.group_loss(nodes).is_some();
        if self.stack.by_columns || !(of_losses || is_grouped) {
            return false;
        }
        let pairs = n_losses * n_losses.div_ceil(2);
        let whole = inputs * width * (rows * layers + pairs + n_losses);
        let factors = if is_grouped { width } else { layers * width };
        let factored = rows * rows * (inputs + factors) + rows * inputs * width;
        factored < whole
    }
}

/// Leaves those blocks as factors for which that is allowed and less work; notes their layers.
pub(crate) fn keep_factors<T: Scalar>(
    tape: &Tape<T>,
    blocks: &mut [Block],
    factors: &mut Vec<u32>,
) {
    for (at, node) in tape.nodes[..tape.n_nodes].iter().enumerate() {
        let Op::Linear(op) = node.op else { continue };
        let pair = [op.weight.index(), op.bias.index()];
        let is_shared =
            |&at: &usize| blocks[at].owner == Owner::Shared && blocks[at].n_readers == 1;
        let n_losses = blocks[pair[0]].losses.len();
        if pair.iter().all(is_shared) && node.is_better_factored(&tape.nodes, op, n_losses) {
            for at in pair {
                blocks[at].is_factored = true;
            }
            factors.push(u32::try_from(at).expect("fewer than 2^32 ops"));
        }
    }
}

#[cfg(test)]
mod tests {
    use torso_core::seed::{Seed, normal};

    use super::*;
    use crate::{Activation, Groups, Init, LossKind, LossSpec, ParamId};

    /// Two shared layers of 40 on 30 inputs, and 5 rows: factors are less work for both.
    fn net(grouped: bool) -> (Params<f64>, Tape<f64>) {
        let mut params = Params::new(Seed(4));
        let mut layer = |name: &str, shape: [usize; 2]| -> [ParamId; 2] {
            let init = Init::Normal { sd: 0.4 };
            [
                params.add(format!("{name}.w"), shape, init),
                params.add(format!("{name}.b"), [1, shape[1]], init),
            ]
        };
        let layers = [layer("a", [30, 40]), layer("b", [40, 40])];
        let heads = layer("heads", [40, if grouped { 1 } else { 3 }]);
        let mut stream = Seed(5).stream("test", "", 0);
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
        let mut tape = Tape::new();
        let mut h = tape.input(&draw(5 * 30), 30);
        for [w, b] in layers {
            h = tape.linear(&params, h, w, b, Activation::Tanh);
        }
        let y = tape.linear(&params, h, heads[0], heads[1], Activation::Identity);
        if grouped {
            let groups = Some(Groups { of_row: &[0, 0, 2, 1, 9], n: 3 });
            let targets = draw(5);
            let spec = LossSpec { groups, ..LossSpec::new(LossKind::Squared, &targets) };
            tape.loss(y, 0..1, &spec);
        } else {
            for t in 0..3 {
                tape.loss(y, t..t + 1, &LossSpec::new(LossKind::Squared, &draw(5)));
            }
        }
        (params, tape)
    }

    #[test]
    fn factors_give_the_products_and_sums_of_the_whole_jacobian() {
        for grouped in [false, true] {
            let (params, mut tape) = net(grouped);
            let (mut whole, mut factors) = (Jacobian::new(), Jacobian::new());
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            tape.jacobian(&params, &mut whole);
            whole.gramian(&mut expected);
            tape.task_gradients(&params, &mut factors);
            assert!(factors.factors.len() >= 2);
            tape.gramian(&factors, &mut found);
            for (found, expected) in found.iter().zip(&expected) {
                let close = (found - expected).abs() < 1e-12 * (1.0 + expected.abs());
                assert!(close, "{found} for {expected}");
            }
            let weights = [0.4, -1.5, 2.0];
            let n = params.len();
            for heads in [HeadGradient::Own, HeadGradient::Weighted] {
                let (mut a, mut b) = (vec![f64::NAN; n], vec![f64::NAN; n]);
                whole.combine(&weights, heads, &mut a);
                tape.combine(&params, &factors, &weights, heads, &mut b);
                for (a, b) in a.iter().zip(&b) {
                    assert!((a - b).abs() < 1e-12 * (1.0 + a.abs()), "{a} for {b}");
                }
            }
        }
    }

    #[test]
    fn many_rows_are_multiplied_out() {
        let mut params = Params::<f64>::new(Seed(1));
        let w = params.add("w", [3, 4], Init::Normal { sd: 1.0 });
        let b = params.add("b", [1, 4], Init::Zeros);
        let mut tape = Tape::new();
        let x = tape.input(&[0.5; 300], 3);
        let y = tape.linear(&params, x, w, b, Activation::Tanh);
        let targets = [0.0; 100];
        for t in 0..2 {
            tape.loss(y, t..t + 1, &LossSpec::new(LossKind::Squared, &targets));
            tape.loss(y, 2..3, &LossSpec::new(LossKind::Squared, &targets));
        }
        let mut jacobian = Jacobian::new();
        tape.task_gradients(&params, &mut jacobian);
        assert!(jacobian.factors.is_empty());
    }
}
