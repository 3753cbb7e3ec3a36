//! Where the gradients of parameters go: a block for each range.

use crate::params::ParamId;
use crate::scalar::Scalar;

/// The gradient of one range `[rows, columns]` of parameters, laid out `[rows, layers, columns]`
/// as the products leave it, with a layer for each loss that reaches the range.
///
/// Where each parameter is reached by at most one loss (heads), one layer holds all.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    /// Where it lies in the sink's buffer.
    pub(crate) start: usize,
    pub(crate) shape: [usize; 2],
    /// The losses that reach the range, ascending.
    pub(crate) losses: Vec<u32>,
    pub(crate) owner: Owner,
    /// The loss of each column, where each column has its own.
    pub(crate) columns: Vec<u32>,
    /// Whether nothing was written yet.
    pub(crate) fresh: bool,
    /// The ops that read the range.
    pub(crate) n_readers: u32,
    /// Whether a linear op's input and cotangents stand for the block, which then holds nothing.
    pub(crate) is_factored: bool,
}

/// Whose a range's parameters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// No loss reaches it.
    Nobody,
    /// Two or more losses reach the same parameters: a layer for each.
    Shared,
    /// One loss reaches it, or all do with given weights: one layer.
    One,
    /// Each column belongs to a loss: one layer.
    Columns,
    /// Rows belong to the losses of groups, in order and alike: one layer.
    Groups,
}

impl Block {
    /// A block to be laid out.
    pub(crate) fn new() -> Self {
        Self {
            start: 0,
            shape: [0, 0],
            losses: Vec::new(),
            owner: Owner::Nobody,
            columns: Vec::new(),
            fresh: true,
            n_readers: 0,
            is_factored: false,
        }
    }

    /// The loss that a parameter belongs to, by its position in a range that is not shared.
    pub(crate) fn loss_at(&self, at: usize) -> Option<u32> {
        let [rows, width] = self.shape;
        match self.owner {
            Owner::Nobody | Owner::Shared => None,
            Owner::One => self.losses.first().copied(),
            Owner::Columns => self.columns.get(at % width).copied(),
            Owner::Groups => self.losses.get(at / width / (rows / self.losses.len())).copied(),
        }
    }

    pub(crate) fn layers(&self) -> usize {
        if self.owner == Owner::Shared { self.losses.len() } else { 1 }
    }

    /// The layer of a loss.
    pub(crate) fn layer(&self, loss: u32) -> usize {
        if self.owner != Owner::Shared {
            return 0;
        }
        self.losses.binary_search(&loss).expect("a block knows the losses that reach it")
    }

    pub(crate) fn len(&self) -> usize {
        match (self.owner, self.is_factored) {
            (Owner::Nobody, _) | (_, true) => 0,
            _ => self.shape[0] * self.layers() * self.shape[1],
        }
    }
}

/// All blocks of one walk.
pub(crate) struct Sink<'a, T> {
    pub(crate) data: &'a mut [T],
    pub(crate) blocks: &'a mut [Block],
}

impl<T: Scalar> Sink<'_, T> {
    pub(crate) fn block(&self, param: ParamId) -> &Block {
        &self.blocks[param.index()]
    }

    /// A block for a writer that sets all of it: its data, and whether to add to what is there.
    pub(crate) fn set_all(&mut self, param: ParamId) -> (&mut [T], bool) {
        let block = &mut self.blocks[param.index()];
        let add = !std::mem::take(&mut block.fresh);
        (&mut self.data[block.start..block.start + block.len()], add)
    }

    /// A block for a writer that adds to some of it.
    pub(crate) fn add_some(&mut self, param: ParamId) -> &mut [T] {
        let (data, add) = self.set_all(param);
        if !add {
            data.fill(T::ZERO);
        }
        data
    }

    /// Clears the blocks that nothing was written to.
    pub(crate) fn finish(&mut self) {
        for block in self.blocks.iter_mut().filter(|block| block.fresh) {
            self.data[block.start..block.start + block.len()].fill(T::ZERO);
            block.fresh = false;
        }
    }
}
