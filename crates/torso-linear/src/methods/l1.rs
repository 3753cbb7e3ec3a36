//! Lasso: each task alone, with few features in use.
//!
//! # Formula
//! `min_W loss(W) + lambda * sum_it |W_it|`, `W [n_features, n_tasks]`, which falls apart into
//! tasks.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | cross-validation from `lambda_max = max_it \|C_it\|` down to a thousandth | above 0 | survey 5.1 |
//!
//! # Cost
//! Coordinate descent over working sets, task by task: with one task, a row of the group lasso is
//! one coefficient (`solver/row_descent.rs`). A task costs its own number of features in use, which
//! proximal steps on all tasks at once do not.
//!
//! # Claims
//! Convex; certified by a duality gap of each task. No task changes another but through the
//! strength that they share. Features that are copies of each other get equal shares.
//!
//! # References
//! Tibshirani, *Regression shrinkage and selection via the lasso* (1996).

use std::collections::BTreeMap;

use faer::Mat;
use serde::Deserialize;
use torso_core::estimator::FitStatus;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::{L1, Penalty};
use crate::pictures;
use crate::solution::{Effort, Solution};
use crate::solver::row_descent;
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "l1",
        family: Family::Linear,
        title: "lasso of each task alone",
        section: "5.1",
        formula: "min_W loss(W) + lambda sum_it |W_it|",
        parameters: &[Parameter {
            name: "lambda",
            default: "null",
            range: "above 0",
            about: "the strength; chosen by cross-validation if not given",
        }],
        cost: "tasks x |working set|^2 a sweep",
        cite: Cite {
            authors: "Tibshirani",
            title: "Regression shrinkage and selection via the lasso",
            venue: "Journal of the Royal Statistical Society B 58",
            year: 1996,
        },
    },
    build: |given| {
        let method: Lasso = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda", method.lambda, Allowed::Positive)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lasso {
    /// The strength.
    pub lambda: Option<f64>,
}

impl LinearMethod for Lasso {
    fn settings(&self) -> Vec<(String, f64)> {
        self.lambda.iter().map(|lambda| ("lambda".to_string(), *lambda)).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let most = tasks.moments().norm_max();
        let at = |lambda| -> Box<dyn LinearMethod> { Box::new(Self { lambda: Some(lambda) }) };
        vec![strengths(self.lambda, most, 1e-3, points).into_iter().map(at).collect()]
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let lambda = self.lambda.expect("nothing is open in a fit");
        Ok(solve(tasks, lambda, start.map(|s| &s.w), effort))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        vec![pictures::feature_norms(solution.w.as_ref(), names)]
    }
}

/// The lasso of every task. The residual is the largest gap of a task.
pub(crate) fn solve(
    tasks: &Tasks,
    lambda: f64,
    start: Option<&Mat<f64>>,
    effort: Effort,
) -> Solution {
    let mut w = Mat::zeros(tasks.n_features(), tasks.n_tasks());
    let (mut status, mut residual, mut iterations) = (FitStatus::Converged, 0.0_f64, 0);
    for t in 0..tasks.n_tasks() {
        let start = start.map(|w| w.subcols(t, 1).to_owned());
        let own = row_descent::minimize(&tasks.some(&[t]), lambda, start.as_ref(), effort);
        w.col_mut(t).copy_from(own.w.col(0));
        residual = residual.max(own.residual);
        iterations = iterations.max(own.iterations);
        if own.status != FitStatus::Converged {
            status = own.status;
        }
    }
    let penalty = L1(lambda).value(w.as_ref());
    Solution { w, penalty, status, residual, iterations, parts: BTreeMap::new() }
}

#[cfg(test)]
mod tests;
