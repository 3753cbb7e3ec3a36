//! Sparse plus low rank: tasks in a common subspace, and single coefficients besides.
//!
//! # Formula
//! `min_{L,S} loss(L + S) + lambda_l |L|_* + lambda_s sum_it |S_it|`, `W = L + S`,
//! all `[n_features, n_tasks]`; `|L|_*` is the sum of singular values.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda-l` | cross-validation from the least strength at which nothing is used, down to a thousandth | above 0 | |
//! | `lambda-s` | cross-validation: `lambda-l` times `(d T)^(-1/6)` or `(d T)^(-1/3)` | above 0 | 1 and above leaves no `S`, `(d T)^(-1/2)` and below no `L` |
//!
//! # Cost
//! Accelerated proximal steps on both parts at once (`solver/split.rs`), each with one singular
//! value decomposition: `d T min(d, T)`, and `T d^2` for the gradient.
//!
//! # Claims
//! Convex; certified by a duality gap. With few own coefficients, they do not spoil the
//! subspace.
//!
//! # Differs from
//! The paper bounds the rank by a constraint on the trace norm; here it is a penalty, which has
//! the same solutions.
//!
//! # References
//! Chen, Liu, Ye, *Learning incoherent sparse and low-rank patterns from multiple tasks* (2012).

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::{L1, Penalty, Trace};
use crate::pictures;
use crate::solution::{Effort, Solution};
use crate::solver::split;
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "sparse-low-rank",
        family: Family::Linear,
        title: "tasks in a common subspace, and single coefficients besides",
        section: "5.2.20",
        formula: "min_{L,S} loss(L + S) + lambda_l |L|_* + lambda_s sum_it |S_it|",
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
                about: "the strength on single coefficients; chosen by cross-validation if not given",
            },
        ],
        cost: "a singular value decomposition of features x tasks a step",
        cite: Cite {
            authors: "Chen, Liu, Ye",
            title: "Learning incoherent sparse and low-rank patterns from multiple tasks",
            venue: "ACM Transactions on Knowledge Discovery from Data 5",
            year: 2012,
        },
    },
    build: |given| {
        let method: SparseLowRank = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda-l", method.lambda_l, Allowed::Positive)?;
        check(&METHOD.method, "lambda-s", method.lambda_s, Allowed::Positive)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SparseLowRank {
    /// The strength on the trace norm of `L`.
    pub lambda_l: Option<f64>,
    /// The strength on each entry of `S`.
    pub lambda_s: Option<f64>,
}

/// Open `lambda-s` are `lambda-l` times the number of coefficients, inverse, to these powers: in between, the
/// whole range in which both parts are in use.
const POWERS: [f64; 2] = [1.0 / 6.0, 1.0 / 3.0];

impl LinearMethod for SparseLowRank {
    fn settings(&self) -> Vec<(String, f64)> {
        let named = |name: &str, value: Option<f64>| value.map(|v| (name.to_string(), v));
        [named("lambda-l", self.lambda_l), named("lambda-s", self.lambda_s)]
            .into_iter()
            .flatten()
            .collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let of_rank = Trace(1.0).dual(tasks.moments()).unwrap_or(0.0);
        let of_rest = L1(1.0).dual(tasks.moments()).unwrap_or(0.0);
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
        let size = (tasks.n_features() * tasks.n_tasks()).max(1) as f64;
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
        Ok(split::minimize(tasks, &Trace(l), &L1(s), start, effort))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let parts = solution.part(split::FIRST).zip(solution.part(split::SECOND));
        let Some((shared, own)) = parts else { return Vec::new() };
        let mut findings = pictures::components(shared.as_ref(), names);
        findings.push(pictures::coefficients(
            "coefficients that a task has apart",
            own.as_ref(),
            names,
        ));
        findings
    }
}

#[cfg(test)]
mod tests;
