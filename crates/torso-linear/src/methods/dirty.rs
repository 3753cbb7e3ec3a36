//! Dirty model: features that all tasks use, and coefficients that one task has besides.
//!
//! # Formula
//! `min_{B,S} loss(B + S) + lambda_b * sum_i max_t |B_it| + lambda_s * sum_it |S_it|`,
//! `W = B + S`, all `[n_features, n_tasks]`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda-b` | cross-validation from the least strength at which nothing is used, down to a thousandth | above 0 | |
//! | `lambda-s` | cross-validation: `lambda-b` over `T^(1/4)`, `T^(1/2)` or `T^(3/4)` | above 0 | theory for two tasks has `2^(1/2)` |
//!
//! # Cost
//! Block coordinate descent over working sets (`solver/row_descent.rs`): a row's problem sorts its
//! tasks, and a sweep costs `|set|^2 T`.
//!
//! # Claims
//! Convex; certified by a duality gap. With `lambda-b >= T lambda-s` it is the lasso and `B = 0`;
//! with `lambda-b <= lambda-s` it is `l1-inf` and `S = 0`. At any overlap of two tasks' supports it
//! needs no more rows than the better of both.
//!
//! # Differs from
//! The paper takes proximal steps in `(B, S)`. For a given `W` the best split is known, row by row:
//! one level `m_i`, with `B_it` what of `W_it` is within it. So the penalty is a norm of `W`, whose
//! row problems are solved exactly, and `B` and `S` are read off the solution.
//!
//! # References
//! Jalali, Ravikumar, Sanghavi, Ruan, *A dirty model for multi-task learning* (2010).

use faer::Mat;
use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::{L1, L1Inf, Penalty, row_norms};
use crate::solution::{Effort, Solution};
use crate::solver::row_descent::{self, Capped};
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "dirty",
        family: Family::Linear,
        title: "features for all tasks, and coefficients for one",
        section: "5.1.5",
        formula: "min_{B,S} loss(B + S) + lambda_b sum_i max_t |B_it| + lambda_s sum_it |S_it|",
        parameters: &[
            Parameter {
                name: "lambda-b",
                default: "null",
                range: "above 0",
                about: "the strength on shared features; chosen by cross-validation if not given",
            },
            Parameter {
                name: "lambda-s",
                default: "null",
                range: "above 0",
                about: "the strength on single coefficients; chosen by cross-validation if not given",
            },
        ],
        cost: "|working set|^2 x tasks a sweep",
        cite: Cite {
            authors: "Jalali, Ravikumar, Sanghavi, Ruan",
            title: "A dirty model for multi-task learning",
            venue: "NIPS",
            year: 2010,
        },
    },
    build: |given| {
        let method: Dirty = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda-b", method.lambda_b, Allowed::Positive)?;
        check(&METHOD.method, "lambda-s", method.lambda_s, Allowed::Positive)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dirty {
    /// The strength on the largest coefficient of a feature.
    pub lambda_b: Option<f64>,
    /// The strength on each coefficient of one task.
    pub lambda_s: Option<f64>,
}

/// Open `lambda-s` are `lambda-b` over these powers of the number of tasks: in between, the whole
/// range in which both parts are in use.
const POWERS: [f64; 3] = [0.25, 0.5, 0.75];

/// The name of `B` among the parts of a solution.
const SHARED: &str = "shared";

impl LinearMethod for Dirty {
    fn settings(&self) -> Vec<(String, f64)> {
        let named = |name: &str, value: Option<f64>| value.map(|v| (name.to_string(), v));
        [named("lambda-b", self.lambda_b), named("lambda-s", self.lambda_s)]
            .into_iter()
            .flatten()
            .collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let n_tasks = tasks.n_tasks() as f64;
        let sums = L1Inf(1.0).dual(tasks.moments()).unwrap_or(0.0);
        let largest = L1(1.0).dual(tasks.moments()).unwrap_or(0.0);
        let path = |ratio: f64| {
            let most = sums.max(ratio * largest);
            let at = |lambda_b: f64| -> Box<dyn LinearMethod> {
                let lambda_s = self.lambda_s.unwrap_or(lambda_b / ratio);
                Box::new(Self { lambda_b: Some(lambda_b), lambda_s: Some(lambda_s) })
            };
            strengths(self.lambda_b, most, 1e-3, points).into_iter().map(at).collect()
        };
        if self.lambda_s.is_some() || tasks.n_tasks() == 1 {
            return vec![path(1.0)];
        }
        POWERS.iter().map(|power| path(n_tasks.powf(*power))).collect()
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let (rows, entries) = self.lambda_b.zip(self.lambda_s).expect("nothing is open in a fit");
        let of_row = Capped { rows, entries };
        let solution = row_descent::minimize_with(tasks, of_row, start.map(|s| &s.w), effort);
        let shared = shared_part(&solution.w, of_row);
        Ok(solution.with(SHARED, shared))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let Some(shared) = solution.part(SHARED) else { return Vec::new() };
        let own = &solution.w - shared;
        let bars = |name: &str, part: &Mat<f64>| Finding::Bars {
            name: name.to_string(),
            items: names.features.clone(),
            values: row_norms(part.as_ref()),
        };
        vec![
            bars("norm of what tasks share of each feature", shared),
            bars("norm of what tasks have of each feature besides", &own),
        ]
    }
}

/// `B`: what of each row is within its level.
fn shared_part(w: &Mat<f64>, of_row: Capped) -> Mat<f64> {
    let level = |i: usize| of_row.level(&w.row(i).iter().copied().collect::<Vec<_>>());
    let levels: Vec<f64> = (0..w.nrows()).map(level).collect();
    Mat::from_fn(w.nrows(), w.ncols(), |i, t| w[(i, t)].clamp(-levels[i], levels[i]))
}

#[cfg(test)]
mod tests;
