//! l1/l-infinity: a feature costs what its largest coefficient in any task does.
//!
//! # Formula
//! `min_W loss(W) + lambda * sum_i max_t |W_it|`, `W [n_features, n_tasks]`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | cross-validation from `lambda_max = max_i sum_t \|C_it\|` down to a thousandth | above 0 | survey 5.1.1 |
//!
//! # Cost
//! Block coordinate descent over working sets (`solver/row_descent.rs`): a row's problem sorts its
//! tasks, and a sweep costs `|set|^2 T`.
//!
//! # Claims
//! Convex; certified by a duality gap. With two tasks of which a share `alpha` of the support is
//! common, with coefficients of one size, it needs fewer rows than the lasso where `alpha > 2/3`,
//! and more where `alpha < 2/3`: many coefficients of a row end at the same size, and features of
//! one task alone are hard to leave to it.
//!
//! # Differs from
//! The paper solves it by a generic method; survey 5.1.1 by proximal steps (`penalty/l1_inf.rs`,
//! which is what tests compare with). The survey cites Zhang and Huang (2008) for this penalty, who
//! write of the lasso alone.
//!
//! # References
//! Negahban, Wainwright, *Joint support recovery under high-dimensional scaling: benefits and
//! perils of l1,inf-regularization* (2008); Quattoni et al., *An efficient projection for
//! l1,inf regularization* (2009).

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::{L1Inf, Penalty};
use crate::pictures;
use crate::solution::{Effort, Solution};
use crate::solver::row_descent::{self, Capped};
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "l1-inf",
        family: Family::Linear,
        title: "a feature costs what its largest coefficient does",
        section: "5.1.1",
        formula: "min_W loss(W) + lambda sum_i max_t |W_it|",
        parameters: &[Parameter {
            name: "lambda",
            default: "null",
            range: "above 0",
            about: "the strength; chosen by cross-validation if not given",
        }],
        cost: "|working set|^2 x tasks a sweep",
        cite: Cite {
            authors: "Negahban, Wainwright",
            title: "Joint support recovery under high-dimensional scaling: benefits and perils of \
                    l1,inf-regularization",
            venue: "NIPS",
            year: 2008,
        },
    },
    build: |given| {
        let method: LargestOfRows = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda", method.lambda, Allowed::Positive)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LargestOfRows {
    /// The strength.
    pub lambda: Option<f64>,
}

impl LinearMethod for LargestOfRows {
    fn settings(&self) -> Vec<(String, f64)> {
        self.lambda.iter().map(|lambda| ("lambda".to_string(), *lambda)).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let most = L1Inf(1.0).dual(tasks.moments()).unwrap_or(0.0);
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
        let of_row = Capped { rows: lambda, entries: f64::INFINITY };
        Ok(row_descent::minimize_with(tasks, of_row, start.map(|s| &s.w), effort))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        vec![pictures::feature_norms(solution.w.as_ref(), names)]
    }
}

#[cfg(test)]
mod tests;
