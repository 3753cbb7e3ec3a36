//! Support vector machines of tasks near their mean, by dual coordinate ascent.
//!
//! `min sum_i c_i max(0, 1 - y_i x_i' w_t(i)) + 1/2 (mu0 |w_0|^2 + mu1 sum_t |w_t - w_0|^2)` over
//! `w_0` and `w_t`. Its dual is `max sum_i a_i - 1/2 (mu0 |w_0|^2 + mu1 sum_t |v_t|^2)` over
//! `0 <= a_i <= c_i`, with `w_0 = sum_i a_i y_i x_i / mu0` and `v_t = sum_(i of t) a_i y_i x_i /
//! mu1`, `w_t = w_0 + v_t`: one machine with the kernel `k(x, z) (1 / mu0 + [s = t] / mu1)`, of
//! which no matrix is made. A step takes one `a_i` to its best value; a round takes each once, in
//! an order drawn by seed. Rows at a bound that pull away from it by more than any row of the round
//! before had to give are left out, until the rest has converged.
//!
//! # Cost
//! `d` a step.
//!
//! # References
//! Hsieh, Chang, Lin, Keerthi, Sundararajan, *A dual coordinate descent method for large-scale
//! linear SVM* (2008); Evgeniou, Pontil (2004) for the kernel.

use std::sync::Arc;

use faer::Mat;
use torso_core::estimator::FitStatus;
use torso_core::seed::{Seed, shuffle};

use crate::solution::{Effort, Solution};
use crate::tasks::{Rows, Tasks};

/// The name of the dual variables in a solution, `[n_labels, 1]`.
pub const ALPHA: &str = "alpha";

/// Rounds between two looks at the duality gap.
const LOOK: usize = 10;

/// Solves the machine for labels -1 and 1; `c_i` is the weight of a row times its task's scale.
/// `start` holds dual variables of a similar problem. The whole objective is in `penalty`, and the
/// relative duality gap in `residual`.
pub fn minimize(
    tasks: &Tasks,
    [mu0, mu1]: [f64; 2],
    start: Option<&Solution>,
    effort: Effort,
    seed: Seed,
) -> Solution {
    let mut machine = Machine::new(tasks, mu0, mu1, start.and_then(|s| s.part(ALPHA)));
    let mut order: Vec<usize> = (0..machine.rows.len()).collect();
    let mut active = order.len();
    let (mut most, mut least) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut stream = seed.stream("hinge", "", 0);
    let mut rounds = 0;
    loop {
        if rounds % LOOK == 0 || active == 0 || rounds >= effort.iterations {
            let (primal, gap) = machine.primal_and_gap();
            let is_done = gap <= effort.tolerance;
            if is_done || rounds >= effort.iterations {
                let status = if is_done { FitStatus::Converged } else { FitStatus::LimitReached };
                return machine.solution(primal, gap, status, rounds);
            }
        }
        rounds += 1;
        shuffle(&mut order[..active], &mut stream);
        let (mut high, mut low) = (f64::NEG_INFINITY, f64::INFINITY);
        let mut at = 0;
        while at < active {
            if let Some(projected) = machine.step(order[at], most, least) {
                high = high.max(projected);
                low = low.min(projected);
                at += 1;
            } else {
                active -= 1;
                order.swap(at, active);
            }
        }
        if high - low <= 1e-12 || active == 0 {
            // Nothing left to gain among these: all rows take part again.
            active = order.len();
            (most, least) = (f64::INFINITY, f64::NEG_INFINITY);
        } else {
            most = if high > 0.0 { high } else { f64::INFINITY };
            least = if low < 0.0 { low } else { f64::NEG_INFINITY };
        }
    }
}

/// One row of one task.
struct Row {
    task: usize,
    /// Its features, among those of its rows.
    x: Arc<[f64]>,
    at: usize,
    y: f64,
    /// The most that its dual variable may be.
    most: f64,
    /// `k(x, x) (1 / mu0 + 1 / mu1)`.
    curvature: f64,
}

struct Machine {
    rows: Vec<Row>,
    alpha: Vec<f64>,
    mu0: f64,
    mu1: f64,
    d: usize,
    w0: Vec<f64>,
    /// `[n_tasks, d]`.
    v: Vec<f64>,
}

impl Machine {
    fn new(tasks: &Tasks, mu0: f64, mu1: f64, alpha: Option<&Mat<f64>>) -> Self {
        let d = tasks.n_features();
        let mut rows = Vec::with_capacity(tasks.n_labels());
        let mut made: Vec<(&Rows, Arc<[f64]>)> = Vec::new();
        for (t, task) in tasks.tasks().iter().enumerate() {
            let known = made.iter().rev().find(|(of, _)| std::ptr::eq(*of, &raw const *task.rows));
            let x = if let Some((_, x)) = known {
                x.clone()
            } else {
                let x = row_major(&task.rows);
                made.push((&task.rows, x.clone()));
                x
            };
            for (i, y) in task.y.iter().enumerate() {
                let own = &x[i * d..][..d];
                let curvature = dot(own, own) * (1.0 / mu0 + 1.0 / mu1);
                let most = task.scale * task.rows.weights()[i];
                rows.push(Row { task: t, x: x.clone(), at: i * d, y: *y, most, curvature });
            }
        }
        let (w0, v) = (vec![0.0; d], vec![0.0; d * tasks.n_tasks()]);
        let mut machine = Self { alpha: vec![0.0; rows.len()], rows, mu0, mu1, d, w0, v };
        if let Some(alpha) = alpha.filter(|alpha| alpha.nrows() == machine.rows.len()) {
            for i in 0..machine.rows.len() {
                machine.set(i, alpha[(i, 0)].clamp(0.0, machine.rows[i].most));
            }
        }
        machine
    }

    /// `y w_t' x`.
    fn margin(&self, i: usize) -> f64 {
        let row = &self.rows[i];
        let x = &row.x[row.at..][..self.d];
        let v = &self.v[row.task * self.d..][..self.d];
        row.y * x.iter().zip(&self.w0).zip(v).map(|((x, w), v)| x * (w + v)).sum::<f64>()
    }

    fn set(&mut self, i: usize, alpha: f64) {
        let row = &self.rows[i];
        let step = (alpha - self.alpha[i]) * row.y;
        let x = &row.x[row.at..][..self.d];
        let v = &mut self.v[row.task * self.d..][..self.d];
        for ((w, v), x) in self.w0.iter_mut().zip(v).zip(x) {
            *w += step / self.mu0 * x;
            *v += step / self.mu1 * x;
        }
        self.alpha[i] = alpha;
    }

    /// One dual variable to its best value. Returns how much it could gain, or `None` where the row
    /// is to be left out.
    fn step(&mut self, i: usize, most: f64, least: f64) -> Option<f64> {
        let row = &self.rows[i];
        let (alpha, top, curvature) = (self.alpha[i], row.most, row.curvature);
        let slope = self.margin(i) - 1.0;
        let (is_low, is_high) = (alpha <= 0.0, alpha >= top);
        if (is_low && slope > most) || (is_high && slope < least) {
            return None;
        }
        let projected = match (is_low, is_high) {
            (true, _) if slope > 0.0 => 0.0,
            (_, true) if slope < 0.0 => 0.0,
            _ => slope,
        };
        if projected != 0.0 {
            let best = if curvature > 0.0 { alpha - slope / curvature } else { top };
            self.set(i, best.clamp(0.0, top));
        }
        Some(projected)
    }

    /// The objective, and the duality gap relative to it.
    fn primal_and_gap(&self) -> (f64, f64) {
        let hinge = |i: usize| self.rows[i].most * (1.0 - self.margin(i)).max(0.0);
        let loss: f64 = (0..self.rows.len()).map(hinge).sum();
        let norm = 0.5 * (self.mu0 * dot(&self.w0, &self.w0) + self.mu1 * dot(&self.v, &self.v));
        let (primal, dual) = (loss + norm, self.alpha.iter().sum::<f64>() - norm);
        let gap = (primal - dual).max(0.0);
        (primal, if gap > 0.0 { gap / primal } else { 0.0 })
    }

    fn solution(self, primal: f64, gap: f64, status: FitStatus, rounds: usize) -> Solution {
        let n_tasks = self.v.len().checked_div(self.d).unwrap_or(0);
        let w = Mat::from_fn(self.d, n_tasks, |j, t| self.w0[j] + self.v[t * self.d + j]);
        let alpha = Mat::from_fn(self.alpha.len(), 1, |i, _| self.alpha[i]);
        let exact = Solution::exact(w, primal).with(ALPHA, alpha);
        Solution { status, residual: gap, iterations: rounds, ..exact }
    }
}

fn row_major(rows: &Rows) -> Arc<[f64]> {
    let x = rows.x();
    (0..x.nrows()).flat_map(|i| (0..x.ncols()).map(move |j| x[(i, j)])).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests;
