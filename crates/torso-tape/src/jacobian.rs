//! The Jacobian of the tasks' losses, range by range as the walk back leaves it.

use crate::ops::Op;
use crate::params::Params;
use crate::products::{add_products, mirror};
use crate::scalar::Scalar;
use crate::sink::{Block, Owner};
use crate::tape::factors::keep_factors;
use crate::tape::{Node, Tape};
use crate::vector;

/// What a head's own parameters follow when a balancing method weighs the trunk's gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadGradient {
    /// The gradient of the weighted loss.
    Weighted,
    /// The gradient of the head's own loss.
    Own,
}

/// The gradient of every task's loss.
///
/// Parameters that two or more tasks reach are *shared*; the tape finds them. The others belong to
/// one task each. Reuse one object from step to step: its buffers are kept.
#[derive(Debug, Clone, Default)]
pub struct Jacobian<T> {
    n_losses: usize,
    n_params: usize,
    pub(crate) data: Vec<T>,
    pub(crate) blocks: Vec<Block>,
    /// The linear layers whose blocks are left as factors.
    pub(crate) factors: Vec<u32>,
    /// Where each block's range lies in the parameters.
    starts: Vec<usize>,
}

impl<T: Scalar> Jacobian<T> {
    /// An empty one, for [`Tape::jacobian`] to fill.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of tasks, `K`.
    pub fn n_losses(&self) -> usize {
        self.n_losses
    }

    /// The number of shared parameters, `P`.
    pub fn n_shared(&self) -> usize {
        self.shared().map(|(block, _)| block.shape[0] * block.shape[1]).sum()
    }

    fn shared(&self) -> impl Iterator<Item = (&Block, usize)> {
        let blocks = self.blocks.iter().zip(self.starts.iter().copied());
        blocks.filter(|(block, _)| block.owner == Owner::Shared)
    }

    /// Finds out whose each range is that a node from `first` on reads, and makes a block for it;
    /// linear layers may be left as factors.
    pub(crate) fn lay_out(
        &mut self,
        tape: &Tape<T>,
        params: &Params<T>,
        first: usize,
        may_factor: bool,
    ) {
        let n_ranges = params.ranges().len();
        self.blocks.resize_with(n_ranges, Block::new);
        self.starts.clear();
        for (block, range) in self.blocks.iter_mut().zip(params.ranges()) {
            (block.shape, block.owner, block.fresh) = (range.shape(), Owner::Nobody, true);
            (block.n_readers, block.is_factored) = (0, false);
            block.losses.clear();
            self.starts.push(range.span().start);
        }
        for node in &tape.nodes[first..tape.n_nodes] {
            for param in node.op.params().into_iter().flatten() {
                self.blocks[param.index()].claim(tape, params, node);
            }
        }
        self.factors.clear();
        if may_factor {
            keep_factors(tape, &mut self.blocks, &mut self.factors);
        }
        let mut end = 0;
        for block in &mut self.blocks {
            block.start = end;
            end += block.len();
        }
        self.data.resize(end, T::ZERO);
        (self.n_losses, self.n_params) = (tape.losses.len(), params.len());
    }

    /// `G = J J'` over the shared parameters, `[K, K]`, row-major: summed block by block, so that
    /// no row is ever made.
    pub fn gramian(&self, gramian: &mut Vec<f64>) {
        self.products(self, gramian);
    }

    /// `J1 J2'` over the shared parameters, `[K, K]`, row-major, of this Jacobian and another one
    /// of the same network and tasks.
    ///
    /// # Panics
    /// If the other one is not of the same parameters and tasks.
    pub fn products(&self, other: &Self, products: &mut Vec<f64>) {
        let k = self.n_losses;
        products.clear();
        products.resize(k * k, 0.0);
        for ((block, _), (twin, _)) in self.shared().zip(other.shared()) {
            assert!(block.losses == twin.losses && block.shape == twin.shape, "alike Jacobians");
            let [a, b] = [(self, block), (other, twin)]
                .map(|(of, block)| &of.data[block.start..block.start + block.len()]);
            add_products([a, b], block.shape[1], &block.losses, k, products);
        }
        if std::ptr::eq(self, other) {
            mirror(k, products);
        }
    }

    /// The rows over the shared parameters, `[K, P]`, row-major, ranges in the parameters' order.
    pub fn rows(&self, rows: &mut Vec<T>) {
        let n_shared = self.n_shared();
        rows.clear();
        rows.resize(self.n_losses * n_shared, T::ZERO);
        let mut first = 0;
        for (block, _) in self.shared() {
            let [n_rows, width] = block.shape;
            for (layer, &loss) in block.losses.iter().enumerate() {
                for row in 0..n_rows {
                    let from = block.start + (row * block.layers() + layer) * width;
                    let into = loss as usize * n_shared + first + row * width;
                    rows[into..into + width].copy_from_slice(&self.data[from..from + width]);
                }
            }
            first += n_rows * width;
        }
    }

    /// The gradient `sum_t weights[t] J_t` of all parameters; those of one task follow `heads`.
    ///
    /// # Panics
    /// If there is not a weight for each loss, or `gradient` is not as long as the parameters.
    pub fn combine(&self, weights: &[T], heads: HeadGradient, gradient: &mut [T]) {
        assert_eq!(weights.len(), self.n_losses, "a weight for each loss");
        assert_eq!(gradient.len(), self.n_params, "a gradient is as long as the parameters");
        for (block, &start) in self.blocks.iter().zip(&self.starts) {
            let [n_rows, width] = block.shape;
            let into = &mut gradient[start..start + n_rows * width];
            let data = &self.data[block.start..block.start + block.len()];
            into.fill(T::ZERO);
            if block.owner == Owner::Shared {
                add_layers(data, block, weights, into);
            } else {
                for (at, (into, &g)) in into.iter_mut().zip(data).enumerate() {
                    if let Some(loss) = block.loss_at(at) {
                        let weighted = heads == HeadGradient::Weighted;
                        *into = if weighted { weights[loss as usize] * g } else { g };
                    }
                }
            }
        }
    }
}

impl<T: Scalar> Jacobian<T> {
    /// Writes a direction `[P]` of the shared parameters, ranges in the parameters' order, and each
    /// task's own gradient elsewhere.
    ///
    /// # Panics
    /// If `direction` is not as long as there are shared parameters, or `gradient` as there are
    /// parameters.
    pub fn place(&self, direction: &[f64], gradient: &mut [T]) {
        assert_eq!(direction.len(), self.n_shared(), "a number for each shared parameter");
        let none = vec![T::ZERO; self.n_losses];
        self.combine(&none, HeadGradient::Own, gradient);
        let mut rest = direction;
        for (block, start) in self.shared() {
            let own;
            (own, rest) = rest.split_at(block.shape[0] * block.shape[1]);
            let into = &mut gradient[start..start + own.len()];
            into.iter_mut().zip(own).for_each(|(into, d)| *into = T::from_f64(*d));
        }
    }

    /// Scales the shared parameters' part of a gradient.
    pub fn scale_shared(&self, factor: T, gradient: &mut [T]) {
        for (block, start) in self.shared() {
            let n = block.shape[0] * block.shape[1];
            gradient[start..start + n].iter_mut().for_each(|g| *g *= factor);
        }
    }
}

impl Block {
    /// Notes that the range is read by `node`, and whose it now is.
    fn claim<T: Scalar>(&mut self, tape: &Tape<T>, params: &Params<T>, node: &Node<T>) {
        let is_first = self.losses.is_empty();
        self.n_readers += 1;
        if node.stack.by_columns {
            self.columns.clear();
            self.columns.resize(node.shape[1], u32::MAX);
        }
        for &channel in &node.stack.channels {
            let Op::Loss(op) = tape.nodes[channel as usize].op else { continue };
            for loss in op.first..op.first + op.n_losses {
                let loss = u32::try_from(loss).expect("fewer than 2^32 losses");
                if let Err(at) = self.losses.binary_search(&loss) {
                    self.losses.insert(at, loss);
                }
                if node.stack.by_columns {
                    self.columns[op.columns[0]..op.columns[1]].fill(loss);
                }
            }
        }
        self.owner = match self.losses.len() {
            0 => Owner::Nobody,
            1 => Owner::One,
            _ if !is_first => Owner::Shared,
            _ if node.stack.by_columns => Owner::Columns,
            _ if has_own_groups(tape, params, node) => Owner::Groups,
            _ => Owner::Shared,
        };
    }
}

/// Whether a grouped layer's groups are those of the only loss that reaches it.
fn has_own_groups<T: Scalar>(tape: &Tape<T>, params: &Params<T>, node: &Node<T>) -> bool {
    let (Op::GroupedLinear(op), [channel]) = (node.op, &node.stack.channels[..]) else {
        return false;
    };
    let source = &tape.nodes[*channel as usize];
    let Op::Loss(loss) = source.op else { return false };
    loss.n_groups == Some(params.range(op.bias).shape()[0]) && source.codes == node.codes
}

/// Adds the weighted layers of a shared block.
fn add_layers<T: Scalar>(data: &[T], block: &Block, weights: &[T], into: &mut [T]) {
    let width = block.shape[1];
    vector::run(
        #[inline(always)]
        || {
            let rows = data.chunks_exact(block.layers() * width);
            for (into, rows) in into.chunks_exact_mut(width).zip(rows) {
                for (row, &loss) in rows.chunks_exact(width).zip(&block.losses) {
                    let weight = weights[loss as usize];
                    into.iter_mut().zip(row).for_each(|(into, &g)| *into += weight * g);
                }
            }
        },
    );
}
