//! Group lasso over features (l2,1): a feature is used by all tasks or by none.
//!
//! # Formula
//! `min_W loss(W) + lambda * sum_i |W_i.|_2`, `W [n_features, n_tasks]`, `W_i.` a feature's
//! coefficients in all tasks.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | cross-validation from `lambda_max = max_i \|C_i.\|` down to a thousandth | above 0 | survey 5.1.2 |
//! | `scale` | `search` | `search`, `theory` | `theory`: Lounici et al. (2009), survey 5.1.4 |
//! | `noise` | none | above 0 | the standard deviation of the errors, for `theory` |
//! | `a` | 8.01 | above 8 | Lounici et al.: their `A`, for `theory` |
//!
//! With `scale = theory` and `M` features, `lambda = 2 noise sqrt(v (1 + a log M / sqrt(T)))`, `v`
//! the largest over features of `sum_t s_t^2 |x_tj|^2`, which is the variance of a row of the
//! loss's gradient for errors of variance 1; with features of mean square 1 it is `n T`. The paper
//! has `1/(nT) SSE + 2 lambda' sum |W_i.|` and `lambda' = 2 noise / sqrt(nT) (1 + A log M /
//! sqrt(T))^(1/2)`; times `nT/2` it is ours. Labels are in the units of the fit: where regressions
//! learn standardized labels, so is `noise`.
//!
//! # Cost
//! Block coordinate descent over working sets: `|set|^2 T` a sweep, `d |set| T` a look at all
//! features (`solver/row_descent.rs`).
//!
//! # Claims
//! Convex; certified by a duality gap. With tasks that share their features, the union of supports
//! is found with fewer rows than by the lasso; where they share few, the lasso is better.
//!
//! # References
//! Yuan, Lin, *Model selection and estimation in regression with grouped variables* (2006);
//! Obozinski, Taskar, Jordan, *Joint covariate selection and joint subspace selection for multiple
//! classification problems* (2010); Lounici, Pontil, Tsybakov, van de Geer, *Taking advantage of
//! sparsity in multi-task learning* (2009).

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, SettingError, check, parameters,
    strengths,
};
use crate::penalty::row_norms;
use crate::solution::{Effort, Solution};
use crate::solver::row_descent;
use crate::tasks::{TaskRows, Tasks};

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "l21",
        family: Family::Linear,
        title: "group lasso over features",
        section: "5.1.2",
        formula: "min_W loss(W) + lambda sum_i |W_i.|_2",
        parameters: &[
            Parameter {
                name: "lambda",
                default: "null",
                range: "above 0",
                about: "the strength; chosen by cross-validation if not given",
            },
            Parameter {
                name: "scale",
                default: "\"search\"",
                range: "search, theory",
                about: "theory: the strength follows from the errors' standard deviation",
            },
            Parameter {
                name: "noise",
                default: "null",
                range: "above 0",
                about: "the standard deviation of the errors, for scale = theory",
            },
            Parameter {
                name: "a",
                default: "8.01",
                range: "above 8",
                about: "the constant of the theory",
            },
        ],
        cost: "|working set|^2 x tasks a sweep",
        cite: Cite {
            authors: "Obozinski, Taskar, Jordan",
            title: "Joint covariate selection and joint subspace selection for multiple \
                    classification problems",
            venue: "Statistics and Computing 20",
            year: 2010,
        },
    },
    build: |given| {
        let method: GroupLasso = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda", method.lambda, Allowed::Positive)?;
        check(&METHOD.method, "noise", method.noise, Allowed::Positive)?;
        method.check_theory()?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GroupLasso {
    /// The strength.
    pub lambda: Option<f64>,
    /// Where it comes from if it is not given.
    pub scale: StrengthScale,
    /// The standard deviation of the errors.
    pub noise: Option<f64>,
    /// The constant of the theory.
    pub a: f64,
}

/// Where a strength comes from that is not given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrengthScale {
    /// Cross-validation.
    #[default]
    Search,
    /// The standard deviation of the errors, and the numbers of rows, features and tasks.
    Theory,
}

impl Default for GroupLasso {
    fn default() -> Self {
        Self { lambda: None, scale: StrengthScale::Search, noise: None, a: 8.01 }
    }
}

impl GroupLasso {
    /// With a strength.
    pub fn at(lambda: f64) -> Self {
        Self { lambda: Some(lambda), ..Self::default() }
    }

    fn check_theory(&self) -> Result<(), SettingError> {
        let (method, name) = (METHOD.method.id, "a");
        if !(self.a.is_finite() && self.a > 8.0) {
            return Err(SettingError::Range { method, name, found: self.a, allowed: "above 8" });
        }
        let is_theory = self.scale == StrengthScale::Theory;
        let message = match (is_theory, self.lambda, self.noise) {
            (true, None, None) => "`scale = theory` needs `noise`, the errors' standard deviation",
            (true, Some(_), _) => "`lambda` is given, which `scale = theory` would set",
            (false, _, Some(_)) => "`noise` is of use with `scale = theory` only",
            _ => return Ok(()),
        };
        Err(SettingError::Form { method, message: message.to_string() })
    }

    /// The strength of the theory.
    fn theory(&self, tasks: &Tasks, noise: f64) -> f64 {
        let variance = |j: usize| {
            let of_task = |task: &TaskRows| {
                let squares = task.rows.x().col(j).iter().zip(task.rows.weights());
                task.scale.powi(2) * squares.map(|(x, o)| o * x * x).sum::<f64>()
            };
            tasks.tasks().iter().map(of_task).sum::<f64>()
        };
        let variance = (0..tasks.n_features()).map(variance).fold(0.0, f64::max);
        let n_tasks = (tasks.n_tasks().max(1)) as f64;
        let rise = 1.0 + self.a * (tasks.n_features().max(1) as f64).ln() / n_tasks.sqrt();
        // Without any feature to use, any strength will do.
        let lambda = 2.0 * noise * (variance * rise).sqrt();
        if lambda > 0.0 { lambda } else { 1.0 }
    }
}

impl LinearMethod for GroupLasso {
    fn settings(&self) -> Vec<(String, f64)> {
        self.lambda.iter().map(|lambda| ("lambda".to_string(), *lambda)).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let most = row_norms(tasks.moments()).into_iter().fold(0.0, f64::max);
        let at = |lambda| -> Box<dyn LinearMethod> { Box::new(Self::at(lambda)) };
        if let (StrengthScale::Theory, Some(noise)) = (self.scale, self.noise) {
            return vec![vec![at(self.theory(tasks, noise))]];
        }
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
        Ok(row_descent::minimize(tasks, lambda, start.map(|s| &s.w), effort))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        vec![Finding::Bars {
            name: "norm of each feature's coefficients over all tasks".to_string(),
            items: names.features.clone(),
            values: row_norms(solution.w.as_ref()),
        }]
    }
}

#[cfg(test)]
mod tests;
