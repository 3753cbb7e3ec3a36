//! Mean-regularized learning: each task's coefficients near their mean over tasks.
//!
//! # Formula
//! `min_W loss(W) + 1/2 sum_t (rho1 |w_t|^2 + rho2 |w_t - wbar|^2)`, `wbar` the mean of the
//! columns of `W [n_features, n_tasks]`. With `w_t = w_0 + v_t` it is
//! `loss + 1/2 (mu0 |w_0|^2 + mu1 sum_t |v_t|^2)`, `mu1 = rho1 + rho2`,
//! `mu0 = T mu1 rho1 / rho2`; as a kernel it is `K_st = k(x, z) (1 / mu0 + [s = t] / mu1)`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `rho1` | cross-validation: `rho2` times 0.001, 0.03 or 1 | at least 0; above 0 with `svm` | |
//! | `rho2` | cross-validation from ten times the largest curvature down to a hundred-thousandth of it; with `svm` from the largest norm of a task's moments down to a ten-thousandth | at least 0 | |
//! | `svm` | false | | the paper's is true |
//!
//! With `svm`, the loss is the hinge `max(0, 1 - y w_t'x)` of labels -1 and 1, summed over rows with
//! their weights, and a feature of ones stands for the intercept, which the penalty includes: the
//! problem of the paper.
//!
//! # Cost
//! One Cholesky factorization of `[d, d]` for each task, and one more: `T d^3`. With `svm`, `d` for
//! each row in a round of dual coordinate ascent (`solver/hinge_dual.rs`).
//!
//! # Claims
//! Exact; with `svm`, certified by a duality gap, to a relative 1e-6 at best. `rho2 = 0` learns each
//! task alone; `rho2` without bound learns one model for all.
//!
//! # Differs from
//! The paper's penalty `lambda1 / T sum |v_t|^2 + lambda2 |w_0|^2` is the one here with
//! `rho1 = 2 lambda1 lambda2 / (T (lambda1 + lambda2))`, `rho2 = 2 lambda1^2 / (T (lambda1 + lambda2))`.
//!
//! # References
//! Evgeniou, Pontil, *Regularized multi-task learning* (2004).

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};
use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Sees, check, parameters, strengths,
};
use crate::penalty::row_norms;
use crate::solution::{Effort, Solution};
use crate::solver::hinge_dual;
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "mean-regularized",
        family: Family::Linear,
        title: "coefficients near their mean over tasks",
        section: "5.2.1",
        formula: "min_W loss(W) + 1/2 sum_t (rho1 |w_t|^2 + rho2 |w_t - wbar|^2)",
        parameters: &[
            Parameter {
                name: "rho1",
                default: "null",
                range: "at least 0",
                about: "pull to zero; chosen by cross-validation if not given",
            },
            Parameter {
                name: "rho2",
                default: "null",
                range: "at least 0",
                about: "pull to the mean; chosen by cross-validation if not given",
            },
            Parameter {
                name: "svm",
                default: "false",
                range: "true, false",
                about: "the hinge loss of support vector machines, for classification (the paper's)",
            },
        ],
        cost: "tasks x features^3",
        cite: Cite {
            authors: "Evgeniou, Pontil",
            title: "Regularized multi-task learning",
            venue: "KDD",
            year: 2004,
        },
    },
    build: |given| {
        let method: MeanRegularized = parameters(&METHOD.method, given)?;
        let rho1 = if method.svm { Allowed::Positive } else { Allowed::NotNegative };
        check(&METHOD.method, "rho1", method.rho1, rho1)?;
        check(&METHOD.method, "rho2", method.rho2, Allowed::NotNegative)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MeanRegularized {
    /// Pull to zero.
    pub rho1: Option<f64>,
    /// Pull to the mean.
    pub rho2: Option<f64>,
    /// Whether the loss is the hinge of support vector machines.
    pub svm: bool,
}

/// Open `rho1` are these shares of `rho2`.
const SHARES: [f64; 3] = [1e-3, 0.03, 1.0];

/// The relative duality gap that machines are certified by, if no larger one is asked for: dual
/// coordinates take long for less.
const HINGE_TOLERANCE: f64 = 1e-6;

impl LinearMethod for MeanRegularized {
    fn settings(&self) -> Vec<(String, f64)> {
        let named = |name: &str, value: Option<f64>| value.map(|v| (name.to_string(), v));
        [named("rho1", self.rho1), named("rho2", self.rho2)].into_iter().flatten().collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let (most, share) = if self.svm {
            (row_norms(tasks.moments().transpose()).into_iter().fold(0.0, f64::max), 1e-4)
        } else {
            (10.0 * tasks.curvature(), 1e-5)
        };
        let strengths = strengths(self.rho2, most, share, points);
        let path = |share: Option<f64>| {
            let at = |&rho2: &f64| -> Box<dyn LinearMethod> {
                // A machine needs some pull to zero.
                let open = |share: f64| if self.svm && rho2 <= 0.0 { share } else { share * rho2 };
                let rho1 = share.map(open).or(self.rho1);
                Box::new(Self { rho1, rho2: Some(rho2), svm: self.svm })
            };
            strengths.iter().map(at).collect()
        };
        match self.rho1 {
            Some(_) => vec![path(None)],
            None => SHARES.iter().map(|share| path(Some(*share))).collect(),
        }
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        seed: Seed,
    ) -> Result<Solution, LinearError> {
        let (rho1, rho2) = (self.rho1, self.rho2);
        let (rho1, rho2) = rho1.zip(rho2).expect("nothing is open in a fit");
        if self.svm {
            let own = rho1 + rho2;
            // Without a pull to the mean, nothing is common.
            let common = (tasks.n_tasks() as f64 * own * (rho1 / rho2)).min(f64::MAX);
            let tolerance = effort.tolerance.max(HINGE_TOLERANCE);
            let effort = Effort { tolerance, ..effort };
            return Ok(hinge_dual::minimize(tasks, [common, own], start, effort, seed));
        }
        let w = solve(tasks, rho1, rho2);
        let mean = mean_column(&w);
        let own = |t: usize| {
            let squares = |w: f64, m: f64| rho1 * w * w + rho2 * (w - m).powi(2);
            w.col(t).iter().zip(&mean).map(|(w, m)| squares(*w, *m)).sum::<f64>()
        };
        let penalty = 0.5 * (0..w.ncols()).map(own).sum::<f64>();
        Ok(Solution::exact(w, penalty))
    }

    fn new_task(&self, solution: &Solution) -> Option<Vec<f64>> {
        Some(mean_column(&solution.w))
    }

    fn sees(&self) -> Sees {
        if self.svm { Sees::Labels } else { Sees::LeastSquares }
    }
}

/// The mean of the columns.
pub(crate) fn mean_column(w: &Mat<f64>) -> Vec<f64> {
    let n_tasks = w.ncols().max(1) as f64;
    (0..w.nrows()).map(|i| w.row(i).iter().sum::<f64>() / n_tasks).collect()
}

/// `w_t = A_t (c_t + rho2 wbar)`, `A_t = (G_t + (rho1 + rho2) I)^-1`, and the mean of both sides
/// gives `(I - rho2 mean_t A_t) wbar = mean_t A_t c_t`, where `I - rho2 A_t = A_t (G_t + rho1 I)`
/// loses no digits.
fn solve(tasks: &Tasks, rho1: f64, rho2: f64) -> Mat<f64> {
    let (d, n_tasks) = (tasks.n_features(), tasks.n_tasks());
    let share = 1.0 / n_tasks as f64;
    let mut system = Mat::<f64>::zeros(d, d);
    let mut mean = Mat::<f64>::zeros(d, 1);
    let mut alone = Mat::<f64>::zeros(d, n_tasks);
    let mut factors = Vec::with_capacity(n_tasks);
    for t in 0..n_tasks {
        let own = ridged(tasks, t, rho1);
        let factor = factor(tasks, t, rho1 + rho2);
        system += faer::Scale(share) * factor.solve(&own);
        let own = factor.solve(tasks.moments().subcols(t, 1));
        mean += faer::Scale(share) * &own;
        alone.col_mut(t).copy_from(own.col(0));
        factors.push(factor);
    }
    let mean = faer::linalg::solvers::PartialPivLu::new(system.as_ref()).solve(&mean);
    for (t, factor) in factors.iter().enumerate() {
        let pulled = factor.solve(faer::Scale(rho2) * &mean);
        let mut column = alone.as_mut().subcols_mut(t, 1);
        column += pulled;
    }
    alone
}

/// The factors of `G_t + rho I`.
fn factor(tasks: &Tasks, t: usize, rho: f64) -> Llt<f64> {
    let factors = ridged(tasks, t, rho).llt(Side::Lower);
    factors.expect("a positive definite matrix has a Cholesky factorization")
}

/// `G_t + rho I`. Without a pull, and features that leave directions open, a ridge of a trillionth of
/// the curvature keeps the solution finite.
fn ridged(tasks: &Tasks, t: usize, rho: f64) -> Mat<f64> {
    let mut gram = tasks.gram(t);
    let d = gram.nrows();
    let trace: f64 = (0..d).map(|i| gram[(i, i)]).sum();
    let floor = 1e-12 * trace + f64::MIN_POSITIVE.sqrt();
    for i in 0..d {
        gram[(i, i)] += rho.max(floor);
    }
    gram
}

#[cfg(test)]
mod tests;
