//! Features that are copies of each other, but for signs.

use super::{Table, used};
use crate::tasks::{TaskRows, Tasks};

/// Gives features that are copies of each other, but for signs, equal shares.
///
/// Descent leaves the whole coefficient with whichever comes first. Any split is optimal; the even
/// one has the least norm, and does not depend on the order of columns.
pub(super) fn share_among_copies(tasks: &Tasks, moments: &Table, w: &mut Table) {
    let mut is_done = vec![false; w.n_rows()];
    for i in used(w) {
        if is_done[i] {
            continue;
        }
        let sign = |j| Some((j, signs(tasks, moments, i, j)?));
        let copies: Vec<(usize, Vec<f64>)> = (0..w.n_rows()).filter_map(sign).collect();
        if copies.len() == 1 {
            continue;
        }
        for t in 0..w.n_tasks {
            let sum: f64 = copies.iter().map(|(j, signs)| signs[t] * w.row(*j)[t]).sum();
            for (j, signs) in &copies {
                w.row_mut(*j)[t] = signs[t] * sum / copies.len() as f64;
                is_done[*j] = true;
            }
        }
    }
}

/// The sign in each task by which feature `j` is feature `i`; none where it is another one.
fn signs(tasks: &Tasks, moments: &Table, i: usize, j: usize) -> Option<Vec<f64>> {
    /// Features that differ by less, relative to their squared norm, are copies.
    const SAME: f64 = 1e-10;
    if i == j {
        return Some(vec![1.0; tasks.n_tasks()]);
    }
    // Copies have the same moments but for signs; most pairs end here.
    let differ = |(a, b): (&f64, &f64)| (a.abs() - b.abs()).abs() > 1e-8 * a.abs().max(b.abs());
    if moments.row(i).iter().zip(moments.row(j)).any(differ) {
        return None;
    }
    let sign = |task: &TaskRows| {
        let (mut ii, mut jj, mut ij) = (0.0, 0.0, 0.0);
        let x = task.rows.x();
        for ((a, b), o) in x.col(i).iter().zip(x.col(j).iter()).zip(task.rows.weights()) {
            (ii, jj, ij) = (ii + o * a * a, jj + o * b * b, ij + o * a * b);
        }
        let is_copy = (ii - jj).abs() <= SAME * ii && (ii - ij.abs()).abs() <= SAME * ii;
        is_copy.then_some(if ij < 0.0 { -1.0 } else { 1.0 })
    };
    tasks.tasks().iter().map(sign).collect()
}
