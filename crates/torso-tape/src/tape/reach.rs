//! Which losses reach which nodes: the first half of every walk back.

use super::Tape;
use crate::ops::Op;
use crate::ops::loss::{LossOp, Role};
use crate::scalar::Scalar;

impl<T: Scalar> Tape<T> {
    /// One channel for all losses: they are combined by weights.
    pub(crate) fn reach_combined(&mut self) {
        self.reach_by(|_, _| Some(0));
    }

    /// A channel for each loss of a task.
    pub(crate) fn reach_each(&mut self) {
        self.reach_by(|at, loss| (loss.role == Role::Task).then_some(at));
        self.find_columns();
    }

    fn reach_by(&mut self, channel_of: impl Fn(u32, &LossOp) -> Option<u32>) {
        self.nodes[..self.n_nodes].iter_mut().for_each(|node| node.stack.reset());
        for at in 0..self.n_nodes {
            let node = &mut self.nodes[at];
            if let Op::Loss(loss) = &node.op {
                let at = u32::try_from(at).expect("fewer than 2^32 ops");
                node.stack.channels.extend(channel_of(at, loss));
            }
        }
        self.reach_inputs(self.n_nodes);
    }

    /// Passes the channels of the first `n_nodes` nodes on to what they read.
    pub(crate) fn reach_inputs(&mut self, n_nodes: usize) {
        for at in (0..n_nodes).rev() {
            let (below, rest) = self.nodes.split_at_mut(at);
            let node = &rest[0];
            for input in node.inputs() {
                let input = &mut below[input.index()];
                if input.trainable {
                    node.stack.channels.iter().for_each(|&channel| input.stack.reach(channel));
                }
            }
        }
    }

    /// Marks linear nodes that nothing but losses read, each of them its own columns.
    fn find_columns(&mut self) {
        let reads = &mut self.scratch.reads;
        reads.clear();
        for at in 0..self.n_nodes {
            for input in self.nodes[at].inputs() {
                let columns = match self.nodes[at].op {
                    Op::Loss(loss) if loss.role == Role::Task && loss.n_groups.is_none() => {
                        loss.columns[0]..loss.columns[1]
                    }
                    // Anything else may read all columns.
                    _ => 0..usize::MAX,
                };
                reads.push((input.index(), columns));
            }
        }
        reads.sort_unstable_by_key(|(node, columns)| (*node, columns.start));
        for of_node in reads.chunk_by(|a, b| a.0 == b.0) {
            let node = &mut self.nodes[of_node[0].0];
            let disjoint = of_node.windows(2).all(|pair| pair[0].1.end <= pair[1].1.start);
            let linear = matches!(node.op, Op::Linear(_));
            node.stack.by_columns = linear && disjoint && of_node.len() > 1;
        }
    }
}
