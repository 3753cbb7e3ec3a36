//! Block coordinate descent for weighted least squares plus `lambda * sum_i |W_i.|_2`.
//!
//! A block is a row: all tasks' coefficients of one feature. With the gradient `H = G W - C` kept
//! up to date, the row's problem is `min_v 1/2 sum_t a_t v_t^2 - b_t v_t + lambda |v|`, `a_t` the
//! feature's squared norm in task t and `b = a * w - h`. Its solution is 0 where `|b| <= lambda`;
//! else `v_t = b_t / (a_t + lambda / r)` with the norm `r` the root of a function of one variable:
//! in closed form where all `a_t` are equal, by Newton's method otherwise. [`minimize_with`] takes
//! another norm of rows ([`RowNorm`], [`Capped`]).
//!
//! Only rows of a *working set* move: those in use, and a quarter as many that break optimality
//! most. It is left when its rows gain little; the gap over all features ends the fit. What a
//! working set costs are the columns of the Gram matrix, which are computed once for all strengths
//! of a path (`Rows::gram_columns`): then a look at all features costs `d |used| T` operations
//! rather than `n d T`, and a round trip of descent `|set|^2 T`.
//!
//! # Certificate
//! The duality gap relative to the objective.
//!
//! # References
//! Massias, Gramfort, Salmon, *Celer: a Fast Solver for the Lasso with Dual Extrapolation* (2018)
//! for working sets; Qin, Scheinberg, Goldfarb, *Efficient block-coordinate descent algorithms for
//! the Group Lasso* (2013) for the row's problem.

#![expect(clippy::inline_always, reason = "loops become vectors only inside `Arch::dispatch`")]

mod capped;
mod copies;
mod euclidean;

use std::collections::BTreeMap;
use std::sync::Arc;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use pulp::Arch;
use torso_core::estimator::FitStatus;

use super::proximal::relative_gap;
use crate::penalty::L21;
use crate::solution::{Effort, Solution};
use crate::tasks::Tasks;

pub use capped::Capped;

use copies::share_among_copies;

/// A norm of a row, its strength included.
pub trait RowNorm {
    /// The norm.
    fn value(&self, row: &[f64]) -> f64;

    /// Its dual norm: 0 is the best row exactly where that of its gradient is at most 1.
    fn dual(&self, row: &[f64]) -> f64;

    /// `argmin_v a/2 |v|^2 - b'v + value(v)` in place of `b`; gives its Euclidean norm.
    fn minimize_shared(&self, a: f64, b: &mut [f64]) -> f64;

    /// `argmin_v 1/2 sum_t a_t v_t^2 - b'v + value(v)` in place of `b`; gives its Euclidean norm,
    /// which is near `guess`.
    fn minimize_own(&self, a: &[f64], b: &mut [f64], guess: f64) -> f64;
}

/// Minimizes `loss(W) + lambda * sum_i |W_i.|_2`, from `start` where one is given.
pub fn minimize(tasks: &Tasks, lambda: f64, start: Option<&Mat<f64>>, effort: Effort) -> Solution {
    minimize_with(tasks, L21(lambda), start, effort)
}

/// Minimizes `loss(W) + sum_i |W_i.|` for a norm of rows, from `start` where one is given.
pub fn minimize_with<N: RowNorm + Copy>(
    tasks: &Tasks,
    of_row: N,
    start: Option<&Mat<f64>>,
    effort: Effort,
) -> Solution {
    let mut w = start.map_or_else(
        || Table::zeros(tasks.n_features(), tasks.n_tasks()),
        |start| Table::of(start.as_ref()),
    );
    let moments = Table::of(tasks.moments());
    let mut sweeps = 0;
    loop {
        let look = Look::at(tasks, &moments, &w, &of_row);
        let is_done = look.gap <= effort.tolerance;
        if is_done || sweeps >= effort.iterations {
            share_among_copies(tasks, &moments, &mut w);
            return Solution {
                w: w.as_mat(),
                penalty: look.penalty,
                status: if is_done { FitStatus::Converged } else { FitStatus::LimitReached },
                residual: look.gap,
                iterations: sweeps,
                parts: BTreeMap::new(),
            };
        }
        let set = look.working_set(&w);
        let mut descent = Descent::new(tasks, &set, &w, &look.gradient, of_row);
        // Far from the optimum of all features, a rough one of the set will do.
        let goal = (0.03 * look.gap).max(0.1 * effort.tolerance) * look.objective;
        sweeps += descent.run(goal, effort.iterations.saturating_sub(sweeps).max(1));
        descent.write(&set, &mut w);
    }
}

/// A matrix `[rows, n_tasks]` whose rows lie together.
#[derive(Clone)]
struct Table {
    n_tasks: usize,
    values: Vec<f64>,
}

impl Table {
    fn zeros(n_rows: usize, n_tasks: usize) -> Self {
        Self { n_tasks, values: vec![0.0; n_rows * n_tasks] }
    }

    fn of(m: MatRef<'_, f64>) -> Self {
        let (n_rows, n_tasks) = (m.nrows(), m.ncols());
        let mut table = Self::zeros(n_rows, n_tasks);
        let to = MatMut::from_row_major_slice_mut(&mut table.values, n_rows, n_tasks);
        { to }.copy_from(m);
        table
    }

    fn as_mat(&self) -> Mat<f64> {
        MatRef::from_row_major_slice(&self.values, self.n_rows(), self.n_tasks).to_owned()
    }

    fn n_rows(&self) -> usize {
        self.values.len() / self.n_tasks.max(1)
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.n_tasks..][..self.n_tasks]
    }

    fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.values[i * self.n_tasks..][..self.n_tasks]
    }

    fn some(&self, rows: &[usize]) -> Self {
        let values = rows.iter().flat_map(|&i| self.row(i)).copied().collect();
        Self { n_tasks: self.n_tasks, values }
    }

    fn by_row(&self, figure: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        (0..self.n_rows()).map(|i| figure(self.row(i))).collect()
    }

    fn inner(&self, other: &Self) -> f64 {
        dot(&self.values, &other.values)
    }
}

/// All features at some `W`.
struct Look {
    gradient: Table,
    /// The dual norm of each row of the gradient.
    duals: Vec<f64>,
    penalty: f64,
    objective: f64,
    /// Relative to the objective.
    gap: f64,
}

impl Look {
    fn at(tasks: &Tasks, moments: &Table, w: &Table, of_row: &impl RowNorm) -> Self {
        let gradient = gradient(tasks, moments, w);
        let duals = gradient.by_row(|row| of_row.dual(row));
        let penalty = w.by_row(|row| of_row.value(row)).iter().sum();
        let to_moments = moments.inner(w);
        let loss = tasks.energy() + 0.5 * (w.inner(&gradient) - to_moments);
        let objective = loss + penalty;
        let dual = duals.iter().copied().fold(0.0, f64::max);
        let gap = relative_gap(objective, dual, (2.0 * tasks.energy() - to_moments, 2.0 * loss));
        Self { gradient, duals, penalty, objective, gap }
    }

    /// The rows in use, and those at 0 that break optimality most, ascending.
    fn working_set(&self, w: &Table) -> Vec<usize> {
        let used = used(w);
        let mut priority = self.duals.clone();
        for &i in &used {
            priority[i] = f64::INFINITY;
        }
        // A row at 0 stays there unless its gradient is too large: others would cost Gram columns.
        let n_movable = priority.iter().filter(|dual| **dual > 1.0).count().max(1);
        let size = (used.len() + (used.len() / 4).max(16)).min(n_movable).min(w.n_rows());
        let mut order: Vec<usize> = (0..w.n_rows()).collect();
        let first = |a: &usize, b: &usize| priority[*b].total_cmp(&priority[*a]).then(a.cmp(b));
        if size < order.len() {
            order.select_nth_unstable_by(size, first);
            order.truncate(size);
        }
        order.sort_unstable();
        order
    }
}

/// The rows that are not zero, ascending.
fn used(w: &Table) -> Vec<usize> {
    (0..w.n_rows()).filter(|&i| w.row(i).iter().any(|v| *v != 0.0)).collect()
}

/// The gradient of the loss, through the Gram columns of the rows in use where all tasks have the
/// same rows and features are many.
fn gradient(tasks: &Tasks, moments: &Table, w: &Table) -> Table {
    let Some((rows, scale)) = tasks.shared().filter(|(rows, _)| !rows.is_tall()) else {
        return Table::of(tasks.gradient(w.as_mat().as_ref()).as_ref());
    };
    let used = used(w);
    let columns: Vec<f64> = rows.gram_columns(&used).concat();
    let columns = MatRef::from_column_major_slice(&columns, w.n_rows(), used.len());
    let own = w.some(&used);
    let own = MatRef::from_row_major_slice(&own.values, used.len(), w.n_tasks);
    let mut gradient = moments.clone();
    for value in &mut gradient.values {
        *value = -*value;
    }
    let to = MatMut::from_row_major_slice_mut(&mut gradient.values, w.n_rows(), w.n_tasks);
    matmul(to, Accum::Add, columns, own, scale, Par::Seq);
    gradient
}

/// Descent over the rows of a working set.
struct Descent<N> {
    of_row: N,
    coupling: Coupling,
    w: Table,
    gradient: Table,
    /// The norm of each row, where Newton's method starts.
    norms: Vec<f64>,
    /// The new row, then its change.
    change: Vec<f64>,
    arch: Arch,
}

/// The Gram matrix of a working set.
enum Coupling {
    /// One for all tasks, `[set, set]`.
    Shared(Vec<f64>),
    /// One for each task: `[set, set, n_tasks]`.
    Own(Vec<f64>),
}

impl<N: RowNorm> Descent<N> {
    fn new(tasks: &Tasks, set: &[usize], w: &Table, gradient: &Table, of_row: N) -> Self {
        let w = w.some(set);
        Self {
            of_row,
            coupling: Coupling::of(tasks, set),
            gradient: gradient.some(set),
            norms: w.by_row(norm),
            change: vec![0.0; w.n_tasks],
            w,
            arch: Arch::new(),
        }
    }

    /// Sweeps until the rows gain less than `goal` in a round trip; gives the number of sweeps.
    fn run(&mut self, goal: f64, most: usize) -> usize {
        for sweep in 1..=most {
            // Rows in use take several turns for each turn of the others.
            let is_whole = sweep % 5 == 1;
            let mut gain = 0.0;
            for j in 0..self.norms.len() {
                if is_whole || self.norms[j] > 0.0 {
                    gain += self.update(j);
                }
            }
            if is_whole && gain <= goal {
                return sweep;
            }
        }
        most
    }

    /// Minimizes over row `j`; gives half the energy of the change, which is at most the gain.
    fn update(&mut self, j: usize) -> f64 {
        let k = self.w.n_tasks;
        let diagonal = j * (self.norms.len() + 1);
        let (old, h, new) = (self.w.row(j), self.gradient.row(j), &mut self.change);
        let of_row = &self.of_row;
        let norm = match &self.coupling {
            Coupling::Shared(gram) => {
                let a = gram[diagonal];
                for ((new, w), h) in new.iter_mut().zip(old).zip(h) {
                    *new = a * w - h;
                }
                of_row.minimize_shared(a, new)
            }
            Coupling::Own(gram) => {
                let (a, guess) = (&gram[diagonal * k..][..k], self.norms[j]);
                for (((new, a), w), h) in new.iter_mut().zip(a).zip(old).zip(h) {
                    *new = a * w - h;
                }
                self.arch.dispatch(|| of_row.minimize_own(a, new, guess))
            }
        };
        if self.norms[j] == 0.0 && norm == 0.0 {
            return 0.0;
        }
        self.norms[j] = norm;
        for (w, new) in self.w.row_mut(j).iter_mut().zip(&mut self.change) {
            (*w, *new) = (*new, *new - *w);
        }
        let (coupling, change, gradient) = (&self.coupling, &self.change, &mut self.gradient);
        self.arch.dispatch(|| coupling.spread(j, change, &mut gradient.values));
        self.coupling.energy(diagonal, &self.change)
    }

    fn write(&self, set: &[usize], w: &mut Table) {
        for (from, &to) in set.iter().enumerate() {
            w.row_mut(to).copy_from_slice(self.w.row(from));
        }
    }
}

impl Coupling {
    fn of(tasks: &Tasks, set: &[usize]) -> Self {
        if let Some((rows, scale)) = tasks.shared() {
            let columns: Vec<Arc<[f64]>> = if rows.is_tall() {
                let gram = rows.gram();
                set.iter().map(|&j| gram.col(j).iter().copied().collect()).collect()
            } else {
                rows.gram_columns(set)
            };
            let of_column = |column: &Arc<[f64]>| -> Vec<f64> {
                set.iter().map(|&i| scale * column[i]).collect()
            };
            return Self::Shared(columns.iter().flat_map(of_column).collect());
        }
        let (n, k) = (set.len(), tasks.n_tasks());
        let mut gram = vec![0.0; n * n * k];
        for (t, task) in tasks.tasks().iter().enumerate() {
            let own = task.rows.gram();
            for (a, &i) in set.iter().enumerate() {
                for (b, &j) in set.iter().enumerate() {
                    gram[(a * n + b) * k + t] = task.scale * own[(i, j)];
                }
            }
        }
        Self::Own(gram)
    }

    /// Half of `sum_t a_t change_t^2`.
    fn energy(&self, diagonal: usize, change: &[f64]) -> f64 {
        match self {
            Self::Shared(gram) => 0.5 * gram[diagonal] * dot(change, change),
            Self::Own(gram) => {
                let a = &gram[diagonal * change.len()..][..change.len()];
                0.5 * a.iter().zip(change).map(|(a, c)| a * c * c).sum::<f64>()
            }
        }
    }

    /// Adds what a change of row `j` does to the gradient.
    #[inline(always)]
    fn spread(&self, j: usize, change: &[f64], gradient: &mut [f64]) {
        let k = change.len();
        let n = gradient.len() / k;
        match self {
            Self::Shared(gram) => {
                for (row, g) in gradient.chunks_exact_mut(k).zip(&gram[j * n..][..n]) {
                    for (h, c) in row.iter_mut().zip(change) {
                        *h += g * c;
                    }
                }
            }
            Self::Own(gram) => {
                let rows = gradient.chunks_exact_mut(k);
                for (row, g) in rows.zip(gram[j * n * k..][..n * k].chunks_exact(k)) {
                    for ((h, g), c) in row.iter_mut().zip(g).zip(change) {
                        *h += g * c;
                    }
                }
            }
        }
    }
}

/// The scalar product, in eight lanes.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_blocks.remainder(), b_blocks.remainder());
    for (a, b) in a_blocks.zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        sums[lane] += a * b;
    }
    sums.iter().sum()
}

#[inline(always)]
fn norm(v: &[f64]) -> f64 {
    dot(v, v).sqrt()
}
