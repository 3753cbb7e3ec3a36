//! Structures in which the coefficients of some tasks are near each other, or opposed.

use std::iter::successors;
use std::ops::Range;

use torso_core::seed::normal;

use super::normals;
use super::structure::Draws;

/// `Cluster`.
pub(super) fn cluster(clusters: usize, between: f64, within: f64, draws: Draws) -> Vec<f64> {
    assert!(clusters > 0, "there is a cluster");
    assert_deviation(between);
    assert_deviation(within);
    let Draws { d, n_tasks, .. } = draws;
    let mut stream = draws.shared();
    let centers = normals(d * clusters, &mut stream);
    let center = |at: usize| centers[at / n_tasks * clusters + at % n_tasks % clusters];
    let weight = |at: usize| between * center(at) + within * normal(&mut stream);
    (0..d * n_tasks).map(weight).collect()
}

/// `Graph`.
pub(super) fn graph(within: f64, draws: Draws) -> Vec<f64> {
    assert_deviation(within);
    let centers = normals(2 * draws.d, &mut draws.shared());
    let centers: Vec<&[f64]> = centers.chunks_exact(draws.d).collect();
    draws.by_task(|task, own| {
        let center = centers[clique(task, draws.n_tasks)].iter();
        center.map(|center| center + within * normal(own)).collect()
    })
}

/// The clique, 0 or 1, that a task of `Graph` is in.
pub(super) fn clique(task: usize, n_tasks: usize) -> usize {
    usize::from(task >= n_tasks.div_ceil(2))
}

/// `Tree`.
pub(super) fn tree(decay: f64, draws: Draws) -> Vec<f64> {
    assert!((0.0..=1.0).contains(&decay), "the decay is from 0 to 1");
    let mut stream = draws.shared();
    let mut weights = vec![0.0; draws.d * draws.n_tasks];
    let mut deviation = 1.0;
    for level in balanced_tree(draws.n_tasks) {
        for tasks in level {
            for row in weights.chunks_exact_mut(draws.n_tasks) {
                let step = deviation * normal(&mut stream);
                row[tasks.clone()].iter_mut().for_each(|weight| *weight += step);
            }
        }
        deviation *= decay.sqrt();
    }
    weights
}

/// The nodes of the binary tree that halves `n_tasks` tasks again and again (the first half is
/// the larger one, by at most 1), level by level from the root. A node is the range of the tasks
/// under it; tasks are the leaves, in order.
pub fn balanced_tree(n_tasks: usize) -> Vec<Vec<Range<usize>>> {
    let halves = |node: &Range<usize>| {
        let middle = node.start + node.len().div_ceil(2);
        [node.start..middle, middle..node.end]
    };
    let root = 0..n_tasks;
    let below = |level: &Vec<Range<usize>>| {
        let next: Vec<_> = level.iter().filter(|node| node.len() > 1).flat_map(halves).collect();
        (!next.is_empty()).then_some(next)
    };
    successors(Some(vec![root]), below).collect()
}

/// `Outlier`.
pub(super) fn outlier(unrelated: usize, within: f64, draws: Draws) -> Vec<f64> {
    assert!(unrelated < draws.n_tasks, "a task is in the cluster");
    assert_deviation(within);
    let center = normals(draws.d, &mut draws.shared());
    draws.by_task(|task, own| {
        let inside = task < draws.n_tasks - unrelated;
        let near = |center: &f64| center + within * normal(own);
        if inside { center.iter().map(near).collect() } else { normals(draws.d, own) }
    })
}

/// `Covariance`: a task of a block is `sign (sqrt(rho) z + sqrt(1 - rho) e)`, with a `z` that the
/// block shares and an `e` of its own.
pub(super) fn covariance(blocks: &[&[i8]], rho: f64, draws: Draws) -> Vec<f64> {
    assert_blocks(blocks, rho, draws.n_tasks);
    let common = normals(blocks.len() * draws.d, &mut draws.shared());
    let (shared, alone) = (rho.sqrt(), (1.0 - rho).sqrt());
    draws.by_task(|task, own| match block(blocks, task) {
        (index, Some(sign)) => {
            let common = common[index * draws.d..][..draws.d].iter();
            common.map(|z| sign * (shared * z + alone * normal(own))).collect()
        }
        (_, None) => normals(draws.d, own),
    })
}

/// The correlations `Omega` `[n_tasks, n_tasks]` of [`Structure::Covariance`]: within a block
/// `rho` times the product of the two tasks' signs, 1 on the diagonal, 0 elsewhere.
///
/// [`Structure::Covariance`]: super::Structure::Covariance
///
/// # Panics
/// If the blocks hold more than `n_tasks` tasks, a sign is not 1 or -1, or `rho` is not from 0
/// to 1.
pub fn block_correlation(blocks: &[&[i8]], rho: f64, n_tasks: usize) -> Vec<f64> {
    assert_blocks(blocks, rho, n_tasks);
    let correlation = |a: usize, b: usize| match (block(blocks, a), block(blocks, b)) {
        _ if a == b => 1.0,
        ((of_a, Some(sign_a)), (of_b, Some(sign_b))) if of_a == of_b => rho * sign_a * sign_b,
        _ => 0.0,
    };
    (0..n_tasks * n_tasks).map(|at| correlation(at / n_tasks, at % n_tasks)).collect()
}

/// The group of a task of `Covariance`, and its sign if that is a block; tasks after the blocks
/// are groups of their own.
pub(super) fn block(blocks: &[&[i8]], task: usize) -> (usize, Option<f64>) {
    let mut before = 0;
    for (index, signs) in blocks.iter().enumerate() {
        if let Some(&sign) = signs.get(task - before) {
            return (index, Some(f64::from(sign)));
        }
        before += signs.len();
    }
    (blocks.len() + task - before, None)
}

/// `Unrelated`.
pub(super) fn unrelated(draws: Draws) -> Vec<f64> {
    draws.by_task(|_, own| normals(draws.d, own))
}

fn assert_blocks(blocks: &[&[i8]], rho: f64, n_tasks: usize) {
    assert!(
        blocks.iter().map(|signs| signs.len()).sum::<usize>() <= n_tasks,
        "blocks are of tasks"
    );
    assert!(blocks.iter().all(|signs| signs.iter().all(|s| s.abs() == 1)), "signs are 1 or -1");
    assert!((0.0..=1.0).contains(&rho), "the correlation is from 0 to 1");
}

fn assert_deviation(sd: f64) {
    assert!(sd.is_finite() && sd >= 0.0, "a standard deviation is finite and not negative");
}
