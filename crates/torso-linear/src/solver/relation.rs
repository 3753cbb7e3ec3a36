//! Ridge regression of related tasks: weighted least squares plus `1/2 tr(W P W')`.
//!
//! `P [n_tasks, n_tasks]` is the precision of the tasks' coefficients, positive semidefinite. The
//! optimum solves `G_t w_t + sum_s P_ts w_s = c_t` for all tasks t. Where tasks have the same rows,
//! `G = U diag(g) U'` and `P = V diag(p) V'` turn it into `n_features * n_tasks` equations of one
//! unknown; otherwise conjugate gradients, preconditioned by each task's own block
//! `G_t + P_tt I`, solve it.
//!
//! # Cost
//! `d^3 + T^3` with shared rows; else `T d^3` once, and `T d^2 + d T^2` an iteration.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef, Scale, Side};
use torso_math::SymmetricEigen;

use crate::solver::proximal::relative;
use crate::tasks::{Tasks, inner, product};

/// The residual relative to the right-hand side at which conjugate gradients end.
const TOLERANCE: f64 = 1e-13;

/// The coefficients `[n_features, n_tasks]`; `start` is where conjugate gradients begin.
pub fn solve(tasks: &Tasks, precision: MatRef<'_, f64>, start: Option<&Mat<f64>>) -> Mat<f64> {
    if let Some((rows, scale)) = tasks.shared() {
        let gram = SymmetricEigen::of((Scale(scale) * rows.gram()).as_ref());
        return solve_shared(&gram, tasks.moments(), precision);
    }
    conjugate_gradients(tasks, precision, start)
}

/// The norm of `G_t w_t + sum_s P_ts w_s - c_t` over all tasks, relative to that of the `c_t`.
pub fn residual(tasks: &Tasks, precision: MatRef<'_, f64>, w: &Mat<f64>) -> f64 {
    let slope = tasks.gradient(w.as_ref()) + product(w.as_ref(), precision);
    relative(slope.norm_l2(), tasks.moments().norm_l2())
}

/// `U ((U'CV) / (g_i + p_j)) V'`; directions without any curvature stay at 0.
fn solve_shared(
    gram: &SymmetricEigen,
    moments: MatRef<'_, f64>,
    precision: MatRef<'_, f64>,
) -> Mat<f64> {
    let relation = SymmetricEigen::of(precision);
    let turned =
        product(product(gram.vectors.transpose(), moments).as_ref(), relation.vectors.as_ref());
    let largest = |values: &[f64]| values.last().copied().unwrap_or(0.0);
    let floor = 1e-14 * (largest(&gram.values) + largest(&relation.values));
    let divided = Mat::from_fn(turned.nrows(), turned.ncols(), |i, j| {
        let curvature = gram.values[i].max(0.0) + relation.values[j].max(0.0);
        if curvature > floor { turned[(i, j)] / curvature } else { 0.0 }
    });
    product(product(gram.vectors.as_ref(), divided.as_ref()).as_ref(), relation.vectors.transpose())
}

fn conjugate_gradients(
    tasks: &Tasks,
    precision: MatRef<'_, f64>,
    start: Option<&Mat<f64>>,
) -> Mat<f64> {
    let (d, n_tasks) = (tasks.n_features(), tasks.n_tasks());
    let blocks: Vec<Option<Llt<f64>>> =
        (0..n_tasks).map(|t| block(tasks, t, precision[(t, t)])).collect();
    let apply = |w: &Mat<f64>| tasks.gram_times(w.as_ref()) + product(w.as_ref(), precision);
    let mut w = start.cloned().unwrap_or_else(|| Mat::zeros(d, n_tasks));
    let mut residual = tasks.moments() - apply(&w);
    let goal = TOLERANCE * tasks.moments().norm_l2();
    let mut z = precondition(&blocks, &residual);
    let mut direction = z.clone();
    let mut energy = inner(residual.as_ref(), z.as_ref());
    for _ in 0..(d * n_tasks).clamp(10, 2000) {
        if residual.norm_l2() <= goal || energy <= 0.0 {
            break;
        }
        let image = apply(&direction);
        let curvature = inner(direction.as_ref(), image.as_ref());
        if curvature <= 0.0 {
            break; // what is left lies in the null space
        }
        let step = energy / curvature;
        w += Scale(step) * &direction;
        residual -= Scale(step) * image;
        z = precondition(&blocks, &residual);
        let next = inner(residual.as_ref(), z.as_ref());
        direction = &z + Scale(next / energy) * direction;
        energy = next;
    }
    w
}

/// The factors of `G_t + p I`; none where it is not positive definite.
fn block(tasks: &Tasks, t: usize, p: f64) -> Option<Llt<f64>> {
    let mut block = tasks.gram(t);
    for i in 0..block.nrows() {
        block[(i, i)] += p;
    }
    block.llt(Side::Lower).ok()
}

fn precondition(blocks: &[Option<Llt<f64>>], residual: &Mat<f64>) -> Mat<f64> {
    let mut out = residual.clone();
    for (t, block) in blocks.iter().enumerate() {
        if let Some(block) = block {
            block.solve_in_place(out.as_mut().subcols_mut(t, 1));
        }
    }
    out
}
