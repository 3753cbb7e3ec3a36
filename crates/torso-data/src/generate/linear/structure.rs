//! The structures: what they are called, whose formulas they follow, which groups they have.

use torso_core::seed::{Seed, Stream};

use super::{low_rank, related, sparse};

/// How the coefficients of the tasks, `W = [w_1 .. w_T]` `[d, n_tasks]`, hang together. A row of
/// `W` holds the coefficients of one input.
///
/// "In turn" means that task `t` is in group `t` modulo the number of groups.
///
/// Parameters that do not fit make [`linear`](super::linear) panic: more inputs in use than there
/// are, no group, rank 0, a share or correlation outside 0 to 1, a standard deviation that is
/// negative or not finite, and what the structures say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Structure {
    /// All tasks use the same `support` inputs; their coefficients are standard normal.
    RowSparse {
        /// Inputs in use.
        support: usize,
    },
    /// All tasks use the same `support` inputs; each coefficient is 1 or -1 by chance, so that
    /// none is harder to find than another.
    RowSparseSigns {
        /// Inputs in use.
        support: usize,
    },
    /// Two tasks, each of which uses `support` inputs, `round(shared * support)` of them the same
    /// ones; coefficients are 1 or -1 by chance (Negahban and Wainwright 2008). For any other
    /// number of tasks it panics.
    Overlap {
        /// Inputs in use by one task.
        support: usize,
        /// The share of a task's inputs that the other uses, too: `alpha`, from 0 to 1.
        shared: f64,
    },
    /// `W = B + S`: all tasks use the same `support` inputs (`B`), and each `private` further
    /// ones (`S`), drawn for each task among all other inputs; coefficients are standard normal
    /// (the model of Jalali et al. 2010).
    Dirty {
        /// Inputs in use by all tasks.
        support: usize,
        /// Further inputs in use by each task.
        private: usize,
    },
    /// Each of `support` inputs is in use by the tasks under one node of [`balanced_tree`], drawn
    /// among the nodes with at least two tasks; coefficients are 1 or -1 by chance (for the
    /// tree-guided group lasso of Kim and Xing 2010). For a single task it panics.
    ///
    /// [`balanced_tree`]: super::balanced_tree
    SubtreeSparse {
        /// Inputs in use by any task.
        support: usize,
    },
    /// In each of `support` rows the coefficients are constant along the tasks, but for
    /// `pieces - 1` jumps at places drawn for that row; the `pieces` levels are standard normal
    /// (for the graph-guided fused lasso of Chen et al. 2010). There are not more pieces than
    /// tasks.
    Chain {
        /// Inputs in use.
        support: usize,
        /// Pieces of each row.
        pieces: usize,
    },
    /// Each task belongs to one of some clusters, and lies near its center.
    Cluster {
        /// Clusters; tasks are dealt to them in turn.
        clusters: usize,
        /// The standard deviation of a center's coefficients.
        between: f64,
        /// The standard deviation of a task's coefficients around its center.
        within: f64,
    },
    /// Two cliques: the first half of the tasks (rounded up) lies near one standard normal center,
    /// the rest near another. A draw from the prior whose precision is the Laplacian of two
    /// complete graphs plus a ridge (Evgeniou, Micchelli and Pontil 2005).
    Graph {
        /// The standard deviation of a task's coefficients around its center.
        within: f64,
    },
    /// Diffusion down [`balanced_tree`](super::balanced_tree): the root's coefficients are
    /// standard normal, and a node `k` levels below adds normal steps of variance `decay^k` to
    /// those of its parent. Tasks are the leaves, in order: `cov(w_s, w_t)` is the sum of
    /// `decay^k` over the nodes above both.
    Tree {
        /// The variance of a step, in that of the step above it: from 0 to 1.
        decay: f64,
    },
    /// Tasks appended to a cluster: the first ones lie near one standard normal center, the last
    /// `unrelated` ones have standard normal coefficients of their own.
    Outlier {
        /// Tasks outside of the cluster, at the end.
        unrelated: usize,
        /// The standard deviation of a task's coefficients around the center.
        within: f64,
    },
    /// The rows of `W` are independent draws from `N(0, Omega)`, `Omega` as
    /// [`block_correlation`](super::block_correlation) makes it: tasks of one block correlate by
    /// `rho` or, if their signs differ, `-rho`; tasks after the last block are independent.
    Covariance {
        /// The sign, 1 or -1, of each task of each block, in the order of tasks.
        blocks: &'static [&'static [i8]],
        /// The size of the correlations within a block, from 0 to 1.
        rho: f64,
    },
    /// All tasks lie in one subspace: `W = L S`, `L` `[d, rank]` of normal draws of variance
    /// 1/rank, `S` `[rank, n_tasks]` standard normal.
    LowRank {
        /// The dimension of the subspace.
        rank: usize,
    },
    /// Each group of tasks lies in a subspace of its own: `w_t = L_g s_t`, with `L_g` `[d, rank]`
    /// and `s_t` as in [`Structure::LowRank`] (Kang, Grauman and Sha 2011).
    Subspaces {
        /// Groups; tasks are dealt to them in turn.
        groups: usize,
        /// The dimension of each subspace.
        rank: usize,
    },
    /// Groups that overlap: of four standard normal vectors `b_0 .. b_3`, a task of group `g`
    /// (0, 1 or 2, in turn) is a mixture of `b_g` and `b_(g+1)` (Kumar and Daume 2012). The two
    /// factors are uniform from 0.5 to 1.5 in size, so that each vector is truly in use, with a
    /// sign by chance; the variance of a coefficient is 13/6.
    Basis,
    /// Nothing in common: all coefficients are independent and standard normal.
    Unrelated,
}

impl Structure {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RowSparse { .. } => "linear-rowsparse",
            Self::RowSparseSigns { .. } => "linear-rowsparse-signs",
            Self::Overlap { .. } => "linear-overlap",
            Self::Dirty { .. } => "linear-dirty",
            Self::SubtreeSparse { .. } => "linear-subtree-sparse",
            Self::Chain { .. } => "linear-chain",
            Self::Cluster { .. } => "linear-cluster",
            Self::Graph { .. } => "linear-graph",
            Self::Tree { .. } => "linear-tree",
            Self::Outlier { .. } => "linear-outlier",
            Self::Covariance { .. } => "linear-covariance",
            Self::LowRank { .. } => "linear-lowrank",
            Self::Subspaces { .. } => "linear-subspaces",
            Self::Basis => "linear-basis",
            Self::Unrelated => "linear-unrelated",
        }
    }

    /// `[d, n_tasks]`, row-major.
    pub(super) fn weights(self, d: usize, n_tasks: usize, seed: Seed) -> Vec<f64> {
        let draws = Draws { d, n_tasks, seed, name: self.name() };
        match self {
            Self::RowSparse { support } => sparse::rows(support, draws),
            Self::RowSparseSigns { support } => sparse::signs(support, draws),
            Self::Overlap { support, shared } => sparse::overlap(support, shared, draws),
            Self::Dirty { support, private } => sparse::dirty(support, private, draws),
            Self::SubtreeSparse { support } => sparse::subtrees(support, draws),
            Self::Chain { support, pieces } => sparse::chain(support, pieces, draws),
            Self::Cluster { clusters, between, within } => {
                related::cluster(clusters, between, within, draws)
            }
            Self::Graph { within } => related::graph(within, draws),
            Self::Tree { decay } => related::tree(decay, draws),
            Self::Outlier { unrelated, within } => related::outlier(unrelated, within, draws),
            Self::Covariance { blocks, rho } => related::covariance(blocks, rho, draws),
            Self::LowRank { rank } => low_rank::one_subspace(rank, draws),
            Self::Subspaces { groups, rank } => low_rank::subspaces(groups, rank, draws),
            Self::Basis => low_rank::basis(draws),
            Self::Unrelated => related::unrelated(draws),
        }
    }

    /// The group of each task, where there are groups.
    pub(super) fn groups(self, n_tasks: usize) -> Option<Vec<usize>> {
        let group: &dyn Fn(usize) -> usize = match self {
            Self::Cluster { clusters, .. } => &move |task| task % clusters,
            Self::Subspaces { groups, .. } => &move |task| task % groups,
            Self::Basis => &|task| task % 3,
            Self::Graph { .. } => &move |task| related::clique(task, n_tasks),
            Self::Outlier { unrelated, .. } => {
                &move |task| (task + unrelated + 1).saturating_sub(n_tasks)
            }
            Self::Covariance { blocks, .. } => &move |task| related::block(blocks, task).0,
            Self::Unrelated => &|task| task,
            Self::RowSparse { .. }
            | Self::RowSparseSigns { .. }
            | Self::Overlap { .. }
            | Self::Dirty { .. }
            | Self::SubtreeSparse { .. }
            | Self::Chain { .. }
            | Self::Tree { .. }
            | Self::LowRank { .. } => return None,
        };
        Some((0..n_tasks).map(group).collect())
    }
}

/// The size of `W`, and the streams to draw it from: one for what tasks share, and one for each
/// task, so that another task changes no draw.
#[derive(Clone, Copy)]
pub(super) struct Draws {
    pub(super) d: usize,
    pub(super) n_tasks: usize,
    seed: Seed,
    name: &'static str,
}

impl Draws {
    pub(super) fn shared(self) -> Stream {
        self.seed.stream("weights", self.name, 0)
    }

    /// `W` from the coefficients `[d]` of each task, which `weights` draws.
    pub(super) fn by_task(
        self,
        mut weights: impl FnMut(usize, &mut Stream) -> Vec<f64>,
    ) -> Vec<f64> {
        let mut all = vec![0.0; self.d * self.n_tasks];
        for task in 0..self.n_tasks {
            let mut own = self.seed.stream("weights", self.name, 1 + task as u64);
            for (input, weight) in weights(task, &mut own).into_iter().enumerate() {
                all[input * self.n_tasks + task] = weight;
            }
        }
        all
    }
}
