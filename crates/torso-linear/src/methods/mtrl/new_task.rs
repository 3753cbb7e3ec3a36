//! One more task, given tasks that stay as they are: the asymmetric variant of MTRL.
//!
//! # Formula
//! With the coefficients `W = U diag(s) V'` of the known tasks, their covariance `Omega = V diag(s/S)
//! V'`, `S = |W|_*`, and `Omega~ = [(1 - o) Omega, a; a', o]` of trace 1,
//! `min_(w, a, o) loss(w) + rho1/2 |w|^2 + rho2/2 tr([W w] Omega~^-1 [W w]')`.
//!
//! # Method
//! The trace is `S^2 / (1 - o) + |w - p|^2 / v`: the new task lies near a mixture `p = U q` of the
//! known ones, with the variance `v = o - sum_i n_i q_i^2`, `n_i = (1 - o) / (s_i S)`. For given `w`
//! and `o`, with `b = U'w`, the best mixture is `q_i = b_i / (1 + n_i t)`, where `t = |w - p|^2 / v`
//! solves `|w - U b|^2 / t + sum_i n_i b_i^2 / (1 + n_i t) = o`: one equation, decreasing in `t`.
//! What is left is convex in `o` (golden section), and in `w` it is ridge regression around `p`. Steps
//! in turn lower the objective. `|w - U b|^2` is raised by a ten-billionth of the known tasks' mean
//! squared norm, so that no variance is 0, where the steps would stop short of the optimum.
//!
//! # References
//! Zhang, Yeung (2010), section 3.4 (there by semidefinite programming).

use faer::{Mat, MatRef};
use torso_core::estimator::FitStatus;
use torso_math::{Spectrum, SymmetricEigen};

use crate::solution::Effort;
use crate::tasks::{Tasks, product};

/// A task that was learned with others as they were.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// Its coefficients, `[n_features]`.
    pub w: Vec<f64>,
    /// Its covariance with each known task, `a`.
    pub covariance: Vec<f64>,
    /// Its share of the trace, `o`.
    pub variance: f64,
    /// Loss plus penalty.
    pub objective: f64,
    /// Whether the objective stands still.
    pub status: FitStatus,
}

/// Learns the one task of `task`, given the coefficients `known [n_features, n_known]` of others.
///
/// # Panics
/// If there is not one task over as many features as `known` has rows.
pub fn learn_new_task(
    known: MatRef<'_, f64>,
    task: &Tasks,
    rho1: f64,
    rho2: f64,
    effort: Effort,
) -> NewTask {
    assert_eq!((task.n_tasks(), task.n_features()), (1, known.nrows()), "one task, same features");
    let known = Known::of(known);
    let gram = SymmetricEigen::of(task.gram(0).as_ref());
    let mut state = Relation { q: vec![0.0; known.values.len()], o: 0.5, v: 0.5, t: 0.0 };
    let mut best: Option<(f64, Mat<f64>, Relation)> = None;
    let mut status = FitStatus::LimitReached;
    for _ in 0..effort.iterations {
        let w = ridge_around(task, &gram, &known.mixture(&state.q), [rho1, rho2 / state.v]);
        state = known.relate(&w);
        let penalty = rho1 * w.squared_norm_l2() + rho2 * (known.price(state.o) + state.t);
        let objective = task.value(w.as_ref()) + 0.5 * penalty;
        let before = best.as_ref().map_or(f64::INFINITY, |(before, ..)| *before);
        if objective < before {
            best = Some((objective, w, state.clone()));
        }
        if before - objective <= effort.tolerance * objective.abs() {
            status = FitStatus::Converged;
            break;
        }
    }
    let (objective, w, state) = best.expect("an objective is below infinity");
    let of_known = |t: usize| -> f64 {
        let parts = state.q.iter().enumerate().map(|(k, q)| known.right[(t, k)] * q);
        (1.0 - state.o) / known.sum * parts.sum::<f64>()
    };
    NewTask {
        w: w.col(0).iter().copied().collect(),
        covariance: (0..known.right.nrows()).map(of_known).collect(),
        variance: state.o,
        objective,
        status,
    }
}

/// How a new task relates to the known ones.
#[derive(Debug, Clone)]
struct Relation {
    /// The mixture, in the directions of the known tasks.
    q: Vec<f64>,
    /// The share of the trace.
    o: f64,
    /// The variance around the mixture.
    v: f64,
    /// `|w - p|^2 / v`.
    t: f64,
}

/// The known tasks, `left diag(values) right'`, without directions that they do not use.
struct Known {
    left: Mat<f64>,
    values: Vec<f64>,
    right: Mat<f64>,
    /// The sum of the values.
    sum: f64,
    /// What a squared distance is raised by.
    floor: f64,
}

impl Known {
    fn of(w: MatRef<'_, f64>) -> Self {
        let Spectrum { left, values, right } = Spectrum::of(w);
        let largest = values.first().copied().unwrap_or(0.0);
        let used = values.iter().filter(|value| **value > 1e-12 * largest).count();
        let (left, right) = (left.subcols(0, used).to_owned(), right.subcols(0, used).to_owned());
        let values = values[..used].to_vec();
        let squares: f64 = values.iter().map(|value| value * value).sum();
        let floor = (1e-10 * squares / w.ncols().max(1) as f64).max(f64::MIN_POSITIVE);
        // Without known coefficients nothing is mixed, and all of the trace is the new task's.
        let sum = values.iter().sum::<f64>().max(f64::MIN_POSITIVE.sqrt());
        Self { left, values, right, sum, floor }
    }

    /// What the known tasks pay for a new one with the share `o` of the trace.
    fn price(&self, o: f64) -> f64 {
        self.sum * self.sum / (1.0 - o)
    }

    fn mixture(&self, q: &[f64]) -> Mat<f64> {
        let q = Mat::from_fn(q.len(), 1, |k, _| q[k]);
        product(self.left.as_ref(), q.as_ref())
    }

    /// The best relation for coefficients `w`.
    fn relate(&self, w: &Mat<f64>) -> Relation {
        let b: Vec<f64> =
            product(self.left.transpose(), w.as_ref()).col(0).iter().copied().collect();
        let inside: f64 = b.iter().map(|b| b * b).sum();
        let apart = (w.squared_norm_l2() - inside).max(0.0) + self.floor;
        let capacity = |o: f64| move |s: &f64| (1.0 - o) / (s * self.sum);
        let root = |o: f64| -> f64 {
            let used = |t: f64| -> f64 {
                let each = b.iter().zip(self.values.iter().map(capacity(o)));
                apart / t + each.map(|(b, n)| n * b * b / (1.0 + n * t)).sum::<f64>()
            };
            bisect(used, o, apart / o, (apart + inside) / o)
        };
        let o = golden(|o| self.price(o) + root(o));
        let t = root(o);
        let n: Vec<f64> = self.values.iter().map(capacity(o)).collect();
        let q: Vec<f64> = b.iter().zip(&n).map(|(b, n)| b / (1.0 + n * t)).collect();
        let beside: f64 = q.iter().zip(&n).map(|(q, n)| (q * n * t).powi(2)).sum();
        Relation { q, o, v: (apart + beside) / t, t }
    }
}

/// Ridge regression around `center`: `(G + (zero + pull) I) w = c + pull center`.
fn ridge_around(
    task: &Tasks,
    gram: &SymmetricEigen,
    center: &Mat<f64>,
    [zero, pull]: [f64; 2],
) -> Mat<f64> {
    let right = task.moments() + faer::Scale(pull) * center;
    let turned = product(gram.vectors.transpose(), right.as_ref());
    let divided = Mat::from_fn(turned.nrows(), 1, |i, _| {
        turned[(i, 0)] / (gram.values[i].max(0.0) + zero + pull).max(f64::MIN_POSITIVE)
    });
    product(gram.vectors.as_ref(), divided.as_ref())
}

/// Where a decreasing function of a positive number takes a value, between two bounds.
fn bisect(f: impl Fn(f64) -> f64, value: f64, mut low: f64, mut high: f64) -> f64 {
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if f(middle) > value { low = middle } else { high = middle }
    }
    high
}

/// Where a convex function on the numbers between 0 and 1, which are left out, is least.
fn golden(f: impl Fn(f64) -> f64) -> f64 {
    let ratio = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut low, mut high) = (1e-12, 1.0 - 1e-12);
    let (mut a, mut b) = (1.0 - ratio, ratio);
    let (mut at_a, mut at_b) = (f(a), f(b));
    for _ in 0..80 {
        if at_a < at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - ratio * (high - low);
            at_a = f(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + ratio * (high - low);
            at_b = f(b);
        }
    }
    f64::midpoint(low, high)
}
