//! Structures in which tasks are mixtures of a few vectors.

use rand::RngExt;
use torso_core::seed::Stream;

use super::sparse::sign;
use super::structure::Draws;
use super::{dot, normals};

/// `LowRank`.
pub(super) fn one_subspace(rank: usize, draws: Draws) -> Vec<f64> {
    assert!(rank > 0, "the rank is at least 1");
    let mut stream = draws.shared();
    let left = normals(draws.d * rank, &mut stream);
    let right = normals(draws.n_tasks * rank, &mut stream); // transposed
    let scale = 1.0 / (rank as f64).sqrt();
    let rows = left.chunks_exact(rank);
    rows.flat_map(|l| right.chunks_exact(rank).map(move |r| scale * dot(l, r))).collect()
}

/// `Subspaces`.
pub(super) fn subspaces(groups: usize, rank: usize, draws: Draws) -> Vec<f64> {
    assert!(groups > 0 && rank > 0, "there is a group, and the rank is at least 1");
    let left = normals(groups * draws.d * rank, &mut draws.shared());
    let left: Vec<&[f64]> = left.chunks_exact(draws.d * rank).collect();
    let scale = 1.0 / (rank as f64).sqrt();
    draws.by_task(|task, own| {
        let right = normals(rank, own);
        let rows = left[task % groups].chunks_exact(rank);
        rows.map(|l| scale * dot(l, &right)).collect()
    })
}

/// `Basis`.
pub(super) fn basis(draws: Draws) -> Vec<f64> {
    let vectors = normals(4 * draws.d, &mut draws.shared());
    let vectors: Vec<&[f64]> = vectors.chunks_exact(draws.d).collect();
    let factor = |own: &mut Stream| sign(own) * (0.5 + own.random::<f64>());
    draws.by_task(|task, own| {
        let group = task % 3;
        let (a, b) = (factor(own), factor(own));
        let pairs = vectors[group].iter().zip(vectors[group + 1]);
        pairs.map(|(first, second)| a * first + b * second).collect()
    })
}
