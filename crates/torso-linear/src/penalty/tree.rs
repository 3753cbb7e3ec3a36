//! `strength * sum_i sum_v omega_v |W_i,G(v)|_2`: tasks that meet low in a tree share features.
//!
//! `G(v)` are the tasks under the node `v`. An inner node splits its weight: the share `s_v` goes
//! to the nodes below it (tasks are separate), `g_v = 1 - s_v` to its own group (they are joint):
//! `omega_v = g_v prod s_a` and, at a task, `omega_v = prod s_a`, over the nodes `a` above. So the
//! weights of all groups that a task is in sum to 1, and no task is penalized more than another.
//!
//! The proximal map is exact: the groups' maps in turn, from the tasks up to the root
//! (Jenatton et al. 2010). The dual norm of a row is the least strength at which that map gives 0;
//! bisection finds it, and takes the end that is safely dual feasible.
//!
//! # References
//! Kim, Xing, *Tree-guided group lasso for multi-task regression with structured sparsity* (2010);
//! Jenatton, Mairal, Obozinski, Bach, *Proximal methods for sparse hierarchical dictionary
//! learning* (2010).

use std::ops::Range;

use faer::{Mat, MatRef};
use torso_math::shrink_norm;

use super::Penalty;

/// A node of a tree of tasks.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A task, by position.
    Task(usize),
    /// Tasks under one node.
    Inner {
        /// `s_v`, from 0 to 1: 0 makes a group lasso of all tasks below, 1 leaves them to the
        /// nodes below.
        separate: f64,
        /// The nodes below.
        below: Vec<Node>,
    },
}

/// Groups of tasks, nested or disjoint, with their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The tasks as leaves, from the left to the right.
    order: Vec<usize>,
    /// Positions in `order`, nodes before those above them.
    groups: Vec<(Range<usize>, f64)>,
}

/// Why a tree was refused.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum TreeError {
    /// A share that is no share.
    #[error("a node's share is {found}, but must be from 0 to 1")]
    Share {
        /// The share.
        found: f64,
    },
    /// A task that is no leaf, or more than one.
    #[error("task {task} is {times} leaves of the tree, but must be one")]
    Leaves {
        /// The task.
        task: usize,
        /// Its leaves.
        times: usize,
    },
}

impl Tree {
    /// The tree under `root`, whose leaves are the tasks `0..n_tasks`.
    pub fn new(n_tasks: usize, root: &Node) -> Result<Self, TreeError> {
        let mut tree = Self { order: Vec::with_capacity(n_tasks), groups: Vec::new() };
        tree.add(root, 1.0)?;
        let last = tree.order.iter().map(|task| task + 1).max().unwrap_or(0);
        for task in 0..n_tasks.max(last) {
            let times = tree.order.iter().filter(|leaf| **leaf == task).count();
            if times != usize::from(task < n_tasks) {
                return Err(TreeError::Leaves { task, times });
            }
        }
        Ok(tree)
    }

    /// Adds the groups of a node; `above` is the product of the shares above it.
    fn add(&mut self, node: &Node, above: f64) -> Result<(), TreeError> {
        let start = self.order.len();
        let weight = match node {
            Node::Task(task) => {
                self.order.push(*task);
                above
            }
            Node::Inner { separate, below } => {
                if !(0.0..=1.0).contains(separate) {
                    return Err(TreeError::Share { found: *separate });
                }
                for node in below {
                    self.add(node, above * separate)?;
                }
                above * (1.0 - separate)
            }
        };
        if weight > 0.0 {
            self.groups.push((start..self.order.len(), weight));
        }
        Ok(())
    }

    /// The tasks and the weight of each group that has one, nodes before those above them.
    pub fn groups(&self) -> impl Iterator<Item = (&[usize], f64)> {
        self.groups.iter().map(|(range, weight)| (&self.order[range.clone()], *weight))
    }

    /// The norm of a row in the order of leaves.
    fn norm(&self, row: &[f64]) -> f64 {
        let norm = |range: &Range<usize>| row[range.clone()].iter().map(|v| v * v).sum::<f64>();
        self.groups.iter().map(|(range, weight)| weight * norm(range).sqrt()).sum()
    }

    /// The proximal map of `tau` times the norm, of a row in the order of leaves.
    fn shrink(&self, row: &mut [f64], tau: f64) {
        for (range, weight) in &self.groups {
            shrink_norm(&mut row[range.clone()], tau * weight);
        }
    }

    /// The dual norm of a row in the order of leaves, or `least` if that is larger. It lies
    /// between the largest absolute number and the sum of all, since weights sum to 1.
    fn dual(&self, row: &[f64], least: f64) -> f64 {
        let mut work = row.to_vec();
        let mut is_feasible = |strength: f64| {
            work.copy_from_slice(row);
            self.shrink(&mut work, strength);
            work.iter().all(|v| *v == 0.0)
        };
        if is_feasible(least) {
            return least;
        }
        let (mut low, mut high) = (least, row.iter().map(|v| v.abs()).sum::<f64>() * (1.0 + 1e-12));
        while high - low > 1e-13 * high {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                break;
            }
            if is_feasible(middle) { high = middle } else { low = middle }
        }
        high
    }

    /// Each row of `w` in the order of leaves.
    fn rows(&self, w: MatRef<'_, f64>) -> impl Iterator<Item = Vec<f64>> {
        (0..w.nrows()).map(move |i| self.order.iter().map(|&t| w[(i, t)]).collect())
    }
}

/// The norm of a tree of tasks, times a strength.
#[derive(Debug, Clone)]
pub struct TreeNorm {
    /// The strength.
    pub strength: f64,
    /// The tree.
    pub tree: Tree,
}

impl Penalty for TreeNorm {
    fn value(&self, w: MatRef<'_, f64>) -> f64 {
        self.strength * self.tree.rows(w).map(|row| self.tree.norm(&row)).sum::<f64>()
    }

    fn shrink(&self, w: &mut Mat<f64>, step: f64) {
        let mut row = vec![0.0; w.ncols()];
        for i in 0..w.nrows() {
            for (v, &t) in row.iter_mut().zip(&self.tree.order) {
                *v = w[(i, t)];
            }
            self.tree.shrink(&mut row, step * self.strength);
            for (v, &t) in row.iter().zip(&self.tree.order) {
                w[(i, t)] = *v;
            }
        }
    }

    fn dual(&self, g: MatRef<'_, f64>) -> Option<f64> {
        let largest = self.tree.rows(g).fold(0.0, |most, row| self.tree.dual(&row, most));
        Some(largest / self.strength)
    }
}
