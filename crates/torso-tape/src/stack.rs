//! Stacks of cotangents: what a node is told from above, one layer for each loss that reaches it.

use std::ops::Range;

use crate::scalar::Scalar;

/// The cotangents of a node `[n_rows, width]`.
///
/// A *channel* is one call of [`Tape::loss`](crate::Tape::loss). Losses of groups share a channel,
/// since each owns its rows. Going backward with weights there is one channel for all losses.
///
/// The layout is `[n_rows, channels, width]`. Where losses own disjoint columns of a node and
/// nothing else reads it (heads side by side), the layers lie in one `[n_rows, width]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stack<T> {
    pub(crate) data: Vec<T>,
    /// The channels that reach the node, ascending; empty where no gradient is wanted.
    pub(crate) channels: Vec<u32>,
    pub(crate) by_columns: bool,
    pub(crate) half: Half,
    /// Whether `data` holds nothing yet.
    fresh: bool,
}

/// Which half of a linear node's pullback runs. They run apart where a walk is cut below the heads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Half {
    #[default]
    Both,
    Parameters,
    Input,
}

impl<T: Scalar> Stack<T> {
    /// Forgets everything; no channel reaches the node yet.
    pub(crate) fn reset(&mut self) {
        self.channels.clear();
        self.by_columns = false;
        self.half = Half::Both;
        self.fresh = true;
    }

    /// Notes that a channel reaches the node.
    pub(crate) fn reach(&mut self, channel: u32) {
        if let Err(at) = self.channels.binary_search(&channel) {
            self.channels.insert(at, channel);
        }
    }

    /// Whether nothing was written yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The number of layers.
    pub(crate) fn layers(&self) -> usize {
        if self.by_columns { 1 } else { self.channels.len() }
    }

    /// The layer of a channel that reaches the node.
    pub(crate) fn layer(&self, channel: u32) -> usize {
        if self.by_columns {
            return 0;
        }
        self.channels.binary_search(&channel).expect("a node's channels reach its inputs")
    }

    /// The data for a writer that sets all of it: whether to add to what is there.
    pub(crate) fn set_all(&mut self, n_numbers: usize) -> bool {
        let add = !self.fresh;
        if self.fresh {
            self.data.resize(n_numbers, T::ZERO);
            self.fresh = false;
        }
        add
    }

    /// The data for a writer that adds to some of it.
    pub(crate) fn add_some(&mut self, n_numbers: usize) -> &mut [T] {
        if self.fresh {
            self.data.clear();
            self.data.resize(n_numbers, T::ZERO);
            self.fresh = false;
        }
        &mut self.data
    }
}

/// The part of a stack that belongs to one loss.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) loss: u32,
    pub(crate) layer: usize,
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
}
