//! Linear tasks whose coefficients have a known structure.

use torso_core::data::TaskData;
use torso_core::seed::{Seed, Stream, normal, shuffle};

use super::{dot, normals, regressions};

/// How the coefficients of the tasks hang together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Structure {
    /// All tasks use the same `support` inputs; their coefficients are standard normal.
    RowSparse {
        /// Inputs in use.
        support: usize,
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
    /// All tasks lie in one subspace: `W = L S`, `L` `[d, rank]` of normal draws of variance
    /// 1/rank, `S` `[rank, n_tasks]` standard normal.
    LowRank {
        /// The dimension of the subspace.
        rank: usize,
    },
}

/// Linear tasks and the coefficients that made them.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearTruth {
    /// The tasks.
    pub data: TaskData,
    /// The true coefficients, `[d, n_tasks]`, row-major.
    pub weights: Vec<f64>,
}

/// Linear regressions `y_t = w_t' x + noise * e`, with standard normal `x` `[d]` and `e`, and
/// `w_t` as `structure` says.
///
/// # Panics
/// If `n`, `d` or `n_tasks` is 0, or the structure does not fit: more inputs in use than there
/// are, no cluster, rank 0.
pub fn linear(
    structure: Structure,
    n: usize,
    d: usize,
    n_tasks: usize,
    noise: f64,
    seed: Seed,
) -> LinearTruth {
    assert!(n > 0 && d > 0 && n_tasks > 0, "there are rows, inputs and tasks");
    let weights = structure.weights(d, n_tasks, seed);
    let inputs = normals(n * d, &mut seed.stream("inputs", "", 0));
    let labels: Vec<Vec<f64>> = (0..n_tasks)
        .map(|task| {
            let own: Vec<f64> = weights.iter().skip(task).step_by(n_tasks).copied().collect();
            let mut errors = seed.stream("noise", "", task as u64);
            let label = |row: &[f64]| dot(row, &own) + noise * normal(&mut errors);
            inputs.chunks_exact(d).map(label).collect()
        })
        .collect();
    let parameters = format!("{structure:?} n={n} d={d} n_tasks={n_tasks} noise={noise} {seed:?}");
    LinearTruth { data: regressions(structure.name(), &parameters, &inputs, d, &labels), weights }
}

impl Structure {
    fn name(self) -> &'static str {
        match self {
            Self::RowSparse { .. } => "linear-rowsparse",
            Self::Cluster { .. } => "linear-cluster",
            Self::LowRank { .. } => "linear-lowrank",
        }
    }

    /// `[d, n_tasks]`.
    fn weights(self, d: usize, n_tasks: usize, seed: Seed) -> Vec<f64> {
        let mut stream = seed.stream("weights", self.name(), 0);
        match self {
            Self::RowSparse { support } => {
                assert!(support <= d, "the support is among the inputs");
                let used = some_of(d, support, &mut stream);
                let mut weight = |row: usize| if used[row] { normal(&mut stream) } else { 0.0 };
                (0..d * n_tasks).map(|at| weight(at / n_tasks)).collect()
            }
            Self::Cluster { clusters, between, within } => {
                assert!(clusters > 0, "there is a cluster");
                let centers = normals(d * clusters, &mut stream);
                let center = |at: usize| centers[at / n_tasks * clusters + at % n_tasks % clusters];
                let weight = |at: usize| between * center(at) + within * normal(&mut stream);
                (0..d * n_tasks).map(weight).collect()
            }
            Self::LowRank { rank } => {
                assert!(rank > 0, "the rank is at least 1");
                let left = normals(d * rank, &mut stream);
                let right = normals(n_tasks * rank, &mut stream); // transposed
                let scale = 1.0 / (rank as f64).sqrt();
                let rows = left.chunks_exact(rank);
                rows.flat_map(|l| right.chunks_exact(rank).map(move |r| scale * dot(l, r)))
                    .collect()
            }
        }
    }
}

/// Marks `k` of `n` positions.
fn some_of(n: usize, k: usize, stream: &mut Stream) -> Vec<bool> {
    let mut marks: Vec<bool> = (0..n).map(|at| at < k).collect();
    shuffle(&mut marks, stream);
    marks
}
