//! Ridge regression of each task alone: the linear baseline.
//!
//! # Formula
//! `min_W loss(W) + lambda/2 |W|_F^2`, which falls apart into tasks.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | cross-validation from ten times the largest curvature down to a millionth of it | at least 0 | |
//!
//! # Cost
//! A Cholesky factorization of `[d, d]` for each task.
//!
//! # Claims
//! Exact: the normal equations hold to rounding. No task changes another.
//!
//! # References
//! Hoerl, Kennard, *Ridge regression: biased estimation for nonorthogonal problems* (1970).

use faer::Mat;
use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, check, parameters, strengths,
};
use crate::solution::{Effort, Solution};
use crate::solver::relation;
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "ridge",
        family: Family::Linear,
        title: "ridge regression of each task alone",
        section: "5.1",
        formula: "min_W loss(W) + lambda/2 |W|_F^2",
        parameters: &[Parameter {
            name: "lambda",
            default: "null",
            range: "at least 0",
            about: "the strength; chosen by cross-validation if not given",
        }],
        cost: "tasks x features^3",
        cite: Cite {
            authors: "Hoerl, Kennard",
            title: "Ridge regression: biased estimation for nonorthogonal problems",
            venue: "Technometrics 12",
            year: 1970,
        },
    },
    build: |given| {
        let method: Ridge = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda", method.lambda, Allowed::NotNegative)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ridge {
    /// The strength.
    pub lambda: Option<f64>,
}

impl LinearMethod for Ridge {
    fn settings(&self) -> Vec<(String, f64)> {
        self.lambda.iter().map(|lambda| ("lambda".to_string(), *lambda)).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let at = |lambda| -> Box<dyn LinearMethod> { Box::new(Self { lambda: Some(lambda) }) };
        let most = 10.0 * tasks.curvature();
        vec![strengths(self.lambda, most, 1e-6, points).into_iter().map(at).collect()]
    }

    fn fit(
        &self,
        tasks: &Tasks,
        _: Option<&Solution>,
        _: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let lambda = self.lambda.expect("nothing is open in a fit");
        let n_tasks = tasks.n_tasks();
        let precision = Mat::from_fn(n_tasks, n_tasks, |s, t| if s == t { lambda } else { 0.0 });
        let w = relation::solve(tasks, precision.as_ref(), None);
        let penalty = 0.5 * lambda * w.squared_norm_l2();
        Ok(Solution::exact(w, penalty))
    }
}
