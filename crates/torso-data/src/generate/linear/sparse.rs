//! Structures in which most coefficients are zero.

use rand::RngExt;
use torso_core::seed::{Stream, normal, shuffle};

use super::related::balanced_tree;
use super::structure::Draws;

/// `RowSparse`.
pub(super) fn rows(support: usize, draws: Draws) -> Vec<f64> {
    let mut stream = draws.shared();
    let used = some_of(draws.d, support, &mut stream);
    let mut weight = |row: usize| if used[row] { normal(&mut stream) } else { 0.0 };
    (0..draws.d * draws.n_tasks).map(|at| weight(at / draws.n_tasks)).collect()
}

/// `RowSparseSigns`.
pub(super) fn signs(support: usize, draws: Draws) -> Vec<f64> {
    let used = some_of(draws.d, support, &mut draws.shared());
    draws.by_task(|_, own| used.iter().map(|&used| if used { sign(own) } else { 0.0 }).collect())
}

/// `Overlap`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to the support")]
pub(super) fn overlap(support: usize, shared: f64, draws: Draws) -> Vec<f64> {
    assert!(draws.n_tasks == 2, "the overlap is one of two tasks");
    assert!((0.0..=1.0).contains(&shared), "the shared part is from 0 to 1");
    let common = (shared * support as f64).round() as usize;
    let alone = support - common;
    assert!(support + alone <= draws.d, "the support is among the inputs");
    let mut order: Vec<usize> = (0..draws.d).collect();
    shuffle(&mut order, &mut draws.shared());
    let (both, rest) = order.split_at(common);
    draws.by_task(|task, own| {
        let mut weights = vec![0.0; draws.d];
        for &input in both.iter().chain(&rest[task * alone..][..alone]) {
            weights[input] = sign(own);
        }
        weights
    })
}

/// `Dirty`.
pub(super) fn dirty(support: usize, private: usize, draws: Draws) -> Vec<f64> {
    let used = some_of(draws.d, support, &mut draws.shared());
    draws.by_task(|_, own| {
        let mut more = some_of(draws.d - support, private, own).into_iter();
        let mut uses = |shared: bool| shared || more.next().expect("one for each other input");
        used.iter().map(|&used| if uses(used) { normal(own) } else { 0.0 }).collect()
    })
}

/// `SubtreeSparse`.
pub(super) fn subtrees(support: usize, draws: Draws) -> Vec<f64> {
    assert!(draws.n_tasks > 1, "a tree has two leaves");
    let nodes = balanced_tree(draws.n_tasks).concat();
    let inner: Vec<_> = nodes.into_iter().filter(|tasks| tasks.len() > 1).collect();
    let mut stream = draws.shared();
    let used = some_of(draws.d, support, &mut stream);
    by_used_row(&used, draws, |row| {
        let node = inner[stream.random_range(0..inner.len())].clone();
        row[node].fill_with(|| sign(&mut stream));
    })
}

/// `Chain`.
pub(super) fn chain(support: usize, pieces: usize, draws: Draws) -> Vec<f64> {
    assert!((1..=draws.n_tasks).contains(&pieces), "each piece has a task");
    let mut stream = draws.shared();
    let used = some_of(draws.d, support, &mut stream);
    by_used_row(&used, draws, |row| {
        let jumps = some_of(row.len() - 1, pieces - 1, &mut stream);
        row[0] = normal(&mut stream);
        for (task, jumps) in (1..).zip(jumps) {
            row[task] = if jumps { normal(&mut stream) } else { row[task - 1] };
        }
    })
}

/// `W` with the rows in use as `fill` makes them, the others zero.
fn by_used_row(used: &[bool], draws: Draws, mut fill: impl FnMut(&mut [f64])) -> Vec<f64> {
    let mut weights = vec![0.0; draws.d * draws.n_tasks];
    let rows = weights.chunks_exact_mut(draws.n_tasks).zip(used);
    rows.filter(|(_, used)| **used).for_each(|(row, _)| fill(row));
    weights
}

/// Marks `k` of `n` positions.
fn some_of(n: usize, k: usize, stream: &mut Stream) -> Vec<bool> {
    assert!(k <= n, "there are {n} to choose {k} from");
    let mut marks: Vec<bool> = (0..n).map(|at| at < k).collect();
    shuffle(&mut marks, stream);
    marks
}

/// 1 or -1, each half of the time.
pub(super) fn sign(stream: &mut Stream) -> f64 {
    if stream.random() { 1.0 } else { -1.0 }
}
