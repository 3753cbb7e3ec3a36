//! Distributed sparse learning: one machine per task, one round of messages.
//!
//! # Formula
//! Machine t: `b = argmin_b loss_t(b) + lambda |b|_1`, then without its bias
//! `u = b + M X'(y - X b)`, `[n_features]`, which it sends. The master keeps the features with
//! `|U_j.|_2 > threshold` and sends which. Machine t: `w_tj = u_tj` of these, 0 of the others.
//! The rows of `M` solve `min m' S m` with `|S m - e_j|_inf <= mu sqrt(log d / n_t)`, `S` the
//! correlation matrix of the machine's features (`dsml/debias.rs`).
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | cross-validation: a tenth or a third of `max_it \|C_it\|` | above 0 | |
//! | `threshold` | cross-validation from above every feature down to a thousandth of that | at least 0 | |
//! | `mu` | 0.5 | above 0 | of the order in the paper; scores of features without effect are normal at n = 100 with d = 50 and 150, not always at n = 50, d = 100 |
//! | `refit` | false | | true: least squares of the features that are kept, in place of `u` |
//! | `workers` | 1 | a whole number of at least 1 | threads that play the machines |
//!
//! # Cost
//! A machine: a lasso, and one more for each feature on its Gram matrix, `d^2` a sweep. Messages:
//! `8 d` bytes up and `d / 8` down for each machine, whatever the rows.
//!
//! # Claims
//! The support is found as the group lasso on all data in one place finds it, up to constants, where
//! `n` is at least about `s^2 log d`. The number of workers changes no bit.
//!
//! # Differs from
//! It is no minimum of one objective: its penalty counts as 0. Where no row of `M` is within `mu`,
//! as with copies of a feature, `mu` grows until one is. Features are scaled to unit length first,
//! so that `mu` and the result do not depend on their units.
//!
//! # References
//! Wang, Kolar, Srebro, *Distributed multi-task learning* (2016); Javanmard, Montanari, *Confidence
//! intervals and hypothesis testing for high-dimensional regression* (2014) for `M`.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use serde::Deserialize;
use torso_core::estimator::FitStatus;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::row_norms;
use crate::solution::{Effort, Solution};
use crate::tasks::Tasks;

mod debias;
mod round;

pub use round::{Round, Worker};

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "dsml",
        family: Family::Linear,
        title: "one machine per task, one round of messages",
        section: "5.1.6",
        formula: "u_t = b_t + M_t X_t'(y_t - X_t b_t), b_t the lasso; W_j. = U_j. where |U_j.| > threshold",
        parameters: &[
            Parameter {
                name: "lambda",
                default: "null",
                range: "above 0",
                about: "the strength of each machine's lasso; chosen by cross-validation if not given",
            },
            Parameter {
                name: "threshold",
                default: "null",
                range: "at least 0",
                about: "the least norm of a feature in use; chosen by cross-validation if not given",
            },
            Parameter {
                name: "mu",
                default: "0.5",
                range: "above 0",
                about: "how exactly the covariance is inverted, in units of sqrt(log d / n)",
            },
            Parameter {
                name: "refit",
                default: "false",
                range: "true, false",
                about: "least squares of the features that are kept",
            },
            Parameter {
                name: "workers",
                default: "1",
                range: "a whole number of at least 1",
                about: "threads that play the machines",
            },
        ],
        cost: "tasks x features lassos; 8 bytes a feature up, one bit down, for each task",
        cite: Cite {
            authors: "Wang, Kolar, Srebro",
            title: "Distributed multi-task learning",
            venue: "AISTATS",
            year: 2016,
        },
    },
    build: |given| {
        let method: Distributed = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda", method.lambda, Allowed::Positive)?;
        check(&METHOD.method, "threshold", method.threshold, Allowed::NotNegative)?;
        check(&METHOD.method, "mu", Some(method.mu), Allowed::Positive)?;
        check(&METHOD.method, "workers", Some(method.workers as f64), Allowed::Count)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Distributed {
    /// The strength of each machine's lasso.
    pub lambda: Option<f64>,
    /// The least norm of a feature in use.
    pub threshold: Option<f64>,
    /// How exactly the covariance is inverted, in units of `sqrt(log d / n_t)`.
    pub mu: f64,
    /// Whether features that are kept get their least-squares coefficients.
    pub refit: bool,
    /// Threads that play the machines.
    pub workers: usize,
}

impl Default for Distributed {
    fn default() -> Self {
        Self { lambda: None, threshold: None, mu: 0.5, refit: false, workers: 1 }
    }
}

/// Open `lambda` are these shares of the least strength at which no coefficient is used.
const SHARES: [f64; 2] = [0.1, 0.3];

/// What machines have sent, among the parts of a solution, and what it was made from.
const SENT: &str = "sent";
const MOMENTS: &str = "moments";
const PARAMETERS: &str = "parameters";

impl LinearMethod for Distributed {
    fn settings(&self) -> Vec<(String, f64)> {
        let named = |name: &str, value: Option<f64>| value.map(|v| (name.to_string(), v));
        [named("lambda", self.lambda), named("threshold", self.threshold)]
            .into_iter()
            .flatten()
            .chain([("mu".to_string(), self.mu)])
            .collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let largest = tasks.moments().norm_max();
        let most = 2.0 * row_norms(alone(tasks).as_ref()).into_iter().fold(0.0, f64::max);
        let thresholds = strengths(self.threshold, most, 1e-3, points);
        let path = |lambda: f64| {
            let at = |threshold: &f64| -> Box<dyn LinearMethod> {
                let (lambda, threshold) = (Some(lambda), Some(*threshold));
                Box::new(Self { lambda, threshold, ..self.clone() })
            };
            thresholds.iter().map(at).collect()
        };
        if let Some(lambda) = self.lambda {
            return vec![path(lambda)];
        }
        let scale = if largest > 0.0 { largest } else { 1.0 };
        SHARES.iter().map(|share| path(share * scale)).collect()
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let (lambda, threshold) =
            self.lambda.zip(self.threshold).expect("nothing is open in a fit");
        let worker = Worker { lambda, mu: self.mu, effort };
        let key = Mat::from_fn(1, 2, |_, j| if j == 0 { lambda } else { self.mu });
        // Along a path of thresholds the machines would send the same again.
        let is_same = |s: &&Solution| {
            s.part(PARAMETERS) == Some(&key)
                && s.part(MOMENTS).is_some_and(|moments| *moments == tasks.moments())
        };
        let sent = match start.filter(is_same).and_then(|s| s.part(SENT)) {
            Some(sent) => sent.clone(),
            None => round::estimates(tasks, worker, self.workers).estimates,
        };
        let support = round::support(&sent, threshold);
        let mut w =
            Mat::from_fn(
                sent.nrows(),
                sent.ncols(),
                |j, t| {
                    if support[j] { sent[(j, t)] } else { 0.0 }
                },
            );
        if self.refit {
            w = least_squares(tasks, &support);
        }
        let solution = Solution { status: FitStatus::Converged, ..Solution::exact(w, 0.0) };
        let moments = tasks.moments().to_owned();
        Ok(solution.with(SENT, sent).with(MOMENTS, moments).with(PARAMETERS, key))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let Some(sent) = solution.part(SENT) else { return Vec::new() };
        let bars = |name: &str, values: Vec<f64>| Finding::Bars {
            name: name.to_string(),
            items: names.features.clone(),
            values,
        };
        vec![
            bars("norm of each feature over machines, as sent", row_norms(sent.as_ref())),
            bars("the same of the features that were kept", row_norms(solution.w.as_ref())),
        ]
    }
}

/// The coefficient of each feature alone, in each task.
fn alone(tasks: &Tasks) -> Mat<f64> {
    let moments = tasks.moments();
    let mut out = moments.to_owned();
    for (t, task) in tasks.tasks().iter().enumerate() {
        for j in 0..moments.nrows() {
            let squares = task.rows.x().col(j).iter().zip(task.rows.weights());
            let square = task.scale * squares.map(|(x, o)| o * x * x).sum::<f64>();
            out[(j, t)] = if square > 0.0 { moments[(j, t)] / square } else { 0.0 };
        }
    }
    out
}

/// Least squares of the features in use; a ridge of a trillionth keeps it finite where they leave
/// directions open.
fn least_squares(tasks: &Tasks, support: &[bool]) -> Mat<f64> {
    let used: Vec<usize> = (0..support.len()).filter(|&j| support[j]).collect();
    let mut w = Mat::zeros(support.len(), tasks.n_tasks());
    for t in 0..tasks.n_tasks() {
        let gram = tasks.gram(t);
        let trace: f64 = used.iter().map(|&j| gram[(j, j)]).sum();
        if trace <= 0.0 {
            continue;
        }
        let entry = |a: usize, b: usize| {
            gram[(used[a], used[b])] + if a == b { 1e-12 * trace } else { 0.0 }
        };
        let system = Mat::from_fn(used.len(), used.len(), entry);
        let factor = system
            .llt(Side::Lower)
            .expect("a positive definite matrix has a Cholesky factorization");
        let own = factor.solve(Mat::from_fn(used.len(), 1, |a, _| tasks.moments()[(used[a], t)]));
        used.iter().enumerate().for_each(|(a, &j)| w[(j, t)] = own[(a, 0)]);
    }
    w
}

#[cfg(test)]
mod tests;
