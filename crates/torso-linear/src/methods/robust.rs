//! Robust multi-task learning: tasks in a common subspace, and outlier tasks of their own.
//!
//! # Formula
//! `min_{L,S} loss(L + S) + lambda_l |L|_* + lambda_s sum_t |S_.t|_2`, `W = L + S`,
//! all `[n_features, n_tasks]`; `|L|_*` is the sum of singular values.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda-l` | cross-validation from the least strength at which nothing is used, down to a thousandth | above 0 | |
//! | `lambda-s` | cross-validation: `lambda-l` times `T^(-1/6)` or `T^(-1/3)` | above 0 | 1 and above leaves no `S`, `T^(-1/2)` and below no `L` |
//!
//! # Cost
//! Accelerated proximal steps on both parts at once (`solver/split.rs`), each with one singular
//! value decomposition: `d T min(d, T)`, and `T d^2` for the gradient.
//!
//! # Claims
//! Convex; certified by a duality gap. A column of `S` is zero as a whole unless its task is
//! an outlier.
//!
//! # Differs from
//! The paper weighs a task's loss by its rows (`--set loss=mean` here); it has the column norms
//! that are used here.
//!
//! # References
//! Chen, Zhou, Ye, *Integrating low-rank and group-sparse structures for robust multi-task learning*
//! (2011).

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::{ColumnNorms, Penalty, Trace};
use crate::pictures;
use crate::solution::{Effort, Solution};
use crate::solver::split;
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "robust",
        family: Family::Linear,
        title: "tasks in a common subspace, and outlier tasks",
        section: "5.2.20",
        formula: "min_{L,S} loss(L + S) + lambda_l |L|_* + lambda_s sum_t |S_.t|_2",
        parameters: &[
            Parameter {
                name: "lambda-l",
                default: "null",
                range: "above 0",
                about: "the strength on the rank; chosen by cross-validation if not given",
            },
            Parameter {
                name: "lambda-s",
                default: "null",
                range: "above 0",
                about: "the strength on outlier tasks; chosen by cross-validation if not given",
            },
        ],
        cost: "a singular value decomposition of features x tasks a step",
        cite: Cite {
            authors: "Chen, Zhou, Ye",
            title: "Integrating low-rank and group-sparse structures for robust multi-task learning",
            venue: "KDD",
            year: 2011,
        },
    },
    build: |given| {
        let method: Robust = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda-l", method.lambda_l, Allowed::Positive)?;
        check(&METHOD.method, "lambda-s", method.lambda_s, Allowed::Positive)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Robust {
    /// The strength on the trace norm of `L`.
    pub lambda_l: Option<f64>,
    /// The strength on the norm of each column of `S`.
    pub lambda_s: Option<f64>,
}

/// Open `lambda-s` are `lambda-l` times the number of tasks, inverse, to these powers: in between, the
/// whole range in which both parts are in use.
const POWERS: [f64; 2] = [1.0 / 6.0, 1.0 / 3.0];

impl LinearMethod for Robust {
    fn settings(&self) -> Vec<(String, f64)> {
        let named = |name: &str, value: Option<f64>| value.map(|v| (name.to_string(), v));
        [named("lambda-l", self.lambda_l), named("lambda-s", self.lambda_s)]
            .into_iter()
            .flatten()
            .collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let of_rank = Trace(1.0).dual(tasks.moments()).unwrap_or(0.0);
        let of_rest = ColumnNorms(1.0).dual(tasks.moments()).unwrap_or(0.0);
        let path = |ratio: f64| {
            let at = |lambda_l: f64| -> Box<dyn LinearMethod> {
                let lambda_s = self.lambda_s.unwrap_or(ratio * lambda_l);
                Box::new(Self { lambda_l: Some(lambda_l), lambda_s: Some(lambda_s) })
            };
            let most = of_rank.max(of_rest / ratio);
            strengths(self.lambda_l, most, 1e-3, points).into_iter().map(at).collect()
        };
        if self.lambda_s.is_some() {
            return vec![path(1.0)];
        }
        let size = (tasks.n_tasks().max(1)) as f64;
        POWERS.iter().map(|power| path(size.powf(-power))).collect()
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let (l, s) = self.lambda_l.zip(self.lambda_s).expect("nothing is open in a fit");
        Ok(split::minimize(tasks, &Trace(l), &ColumnNorms(s), start, effort))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let parts = solution.part(split::FIRST).zip(solution.part(split::SECOND));
        let Some((shared, own)) = parts else { return Vec::new() };
        let mut findings = pictures::components(shared.as_ref(), names);
        findings.push(pictures::task_norms(
            "norm of what each task has apart",
            own.as_ref(),
            names,
        ));
        findings
    }
}

#[cfg(test)]
mod tests;
