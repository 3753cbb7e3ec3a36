//! Trace norm: the coefficients of all tasks lie in a subspace of low dimension.
//!
//! # Formula
//! `min_W loss(W) + lambda * |W|_*`, `|W|_*` the sum of singular values of `W [n_features, n_tasks]`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | cross-validation from `lambda_max = \|C\|_2`, the largest singular value of the moments, down to a thousandth | above 0 | survey 5.1.3 |
//! | `around` | `zero` | `zero`, `mean` | the definition; `mean`: ours |
//!
//! With `around = mean` it is `min_{V, w0} loss(V + w0 1') + lambda * |V|_*`, `w0` free: tasks of one
//! population differ from a common model in few directions (`solver/around_mean.rs`).
//!
//! # Cost
//! Accelerated proximal steps (`solver/proximal.rs`), each with one singular value decomposition:
//! `d T min(d, T)`, and `T d^2` for the gradient.
//!
//! # Claims
//! Convex; certified by a duality gap. The rank falls as `lambda` rises. A rotation of the features
//! rotates the coefficients, which no penalty of single features can say.
//!
//! # Differs from
//! Feature learning by Argyriou et al. (`mtfl`) has the square of this norm; both have the same
//! path, at other strengths.
//!
//! # References
//! Fazel, Hindi, Boyd, *A rank minimization heuristic* (2001); Ji, Ye, *An accelerated gradient
//! method for trace norm minimization* (2009).

use faer::Mat;
use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;
use torso_math::singular_values;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::Trace;
use crate::pictures;
use crate::solution::{Effort, Solution};
use crate::solver::around_mean::AroundMean;
use crate::solver::proximal::{self, Smooth};
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "trace",
        family: Family::Linear,
        title: "coefficients of low rank",
        section: "5.1.3",
        formula: "min_W loss(W) + lambda |W|_*",
        parameters: &[
            Parameter {
                name: "lambda",
                default: "null",
                range: "above 0",
                about: "the strength; chosen by cross-validation if not given",
            },
            Parameter {
                name: "around",
                default: "\"zero\"",
                range: "zero, mean",
                about: "what tasks are pulled to: zero, or a common vector that is free",
            },
        ],
        cost: "a singular value decomposition of features x tasks a step",
        cite: Cite {
            authors: "Ji, Ye",
            title: "An accelerated gradient method for trace norm minimization",
            venue: "ICML",
            year: 2009,
        },
    },
    build: |given| {
        let method: TraceNorm = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda", method.lambda, Allowed::Positive)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TraceNorm {
    /// The strength.
    pub lambda: Option<f64>,
    /// What tasks are pulled to.
    pub around: Around,
}

/// What tasks are pulled to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Around {
    /// Zero.
    #[default]
    Zero,
    /// A common vector, which no penalty touches.
    Mean,
}

impl LinearMethod for TraceNorm {
    fn settings(&self) -> Vec<(String, f64)> {
        self.lambda.iter().map(|lambda| ("lambda".to_string(), *lambda)).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let slope = match self.around {
            Around::Zero => tasks.moments().to_owned(),
            Around::Mean => AroundMean::new(tasks).gradient(tasks.zeros().as_ref()),
        };
        let most = singular_values(slope.as_ref()).first().copied().unwrap_or(0.0);
        let at = |lambda| -> Box<dyn LinearMethod> {
            Box::new(Self { lambda: Some(lambda), ..self.clone() })
        };
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
        if self.around == Around::Mean {
            return Ok(around_mean(tasks, lambda, start, effort));
        }
        let start = start.map_or_else(|| tasks.zeros(), |s| s.w.clone());
        Ok(proximal::minimize(tasks, &Trace(lambda), start, effort).into())
    }

    fn new_task(&self, solution: &Solution) -> Option<Vec<f64>> {
        solution.part(COMMON).map(|common| common.col(0).iter().copied().collect())
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let own = solution.part(DEVIATIONS).unwrap_or(&solution.w);
        pictures::components(own.as_ref(), names)
    }
}

/// The parts of a solution around a common vector.
const COMMON: &str = "common";
const DEVIATIONS: &str = "deviations";

/// `min_{V, w0} loss(V + w0 1') + lambda |V|_*`.
fn around_mean(tasks: &Tasks, lambda: f64, start: Option<&Solution>, effort: Effort) -> Solution {
    let loss = AroundMean::new(tasks);
    let start = start.and_then(|s| s.part(DEVIATIONS).cloned()).unwrap_or_else(|| tasks.zeros());
    let minimum = proximal::minimize(&loss, &Trace(lambda), start, effort);
    let deviations = minimum.w.clone();
    let common = loss.common(deviations.as_ref());
    let mut solution = Solution::from(minimum);
    solution.w = loss.coefficients(deviations.as_ref());
    let common = Mat::from_fn(common.len(), 1, |i, _| common[i]);
    solution.with(COMMON, common).with(DEVIATIONS, deviations)
}

#[cfg(test)]
mod tests;
