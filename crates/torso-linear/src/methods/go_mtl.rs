//! Grouping and overlap: every task is a sparse mixture of a few basis vectors that all share.
//!
//! # Formula
//! `min_{L, S} loss(L S) + mu |S|_1 + lambda/2 |L|_F^2`, `W = L S [n_features, n_tasks]`,
//! `L [n_features, k]`, `S [k, n_tasks]`. Tasks that use the same vectors share; groups overlap.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `mu` | cross-validation, over three decades | above 0 | |
//! | `lambda` | 1 | above 0 | only `mu^2 lambda` matters |
//! | `k` | cross-validation: 2, 4 or 8, and no more than features and tasks | 1, 2, ... | the paper has 4 |
//! | `restarts` | 1 | 1, 2, ... | the paper has one start |
//!
//! Scaling a vector by `a` and its shares by `1/a` changes no prediction. At the best scale the
//! penalty is `3/2 sum_k (mu |S_k.|_1)^(2/3) (lambda |L_.k|^2)^(1/3)`: a function of `mu^2 lambda`,
//! concave in the size of a component, so that components which are not needed vanish.
//!
//! # Cost
//! A round costs `T k d^2`, and conjugate gradients for `L` of `T d^2` a step (one eigenvalue
//! decomposition in all where tasks share their rows).
//!
//! # Claims
//! Not convex: a round solves for `S` (lasso, coordinate descent), for `L`, and for the scales, so
//! the objective never rises. It ends when a round lowers it by less than the tolerance,
//! relatively; that is no proof of a global optimum. It begins at the first singular vectors of
//! the coefficients that each task has alone; further starts are rotations of these, and the best
//! by the training objective is kept. More starts lower the objective, but on planted mixtures not
//! the error, and they find fewer of the planted zeros: concave penalties like uneven components.
//!
//! # Differs from
//! The paper's losses are means over rows, and it does not set the scales.
//!
//! # References
//! Kumar, Daumé, *Learning task grouping and overlap in multi-task learning* (2012).

use std::collections::BTreeMap;

use faer::MatRef;
use serde::Deserialize;
use torso_core::estimator::FitStatus;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::solution::{Effort, Solution};
use crate::tasks::Tasks;

mod factors;

use factors::{Factors, Problem};

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "go-mtl",
        family: Family::Linear,
        title: "sparse mixtures of shared basis vectors",
        section: "5.2.18",
        formula: "min_{L, S} loss(L S) + mu |S|_1 + lambda/2 |L|_F^2",
        parameters: &[
            Parameter {
                name: "mu",
                default: "null",
                range: "above 0",
                about: "sparsity of the mixtures; chosen by cross-validation if not given",
            },
            Parameter {
                name: "lambda",
                default: "1",
                range: "above 0",
                about: "size of the basis vectors; only mu^2 lambda matters",
            },
            Parameter {
                name: "k",
                default: "null",
                range: "a whole number of at least 1",
                about: "basis vectors; their number is chosen by cross-validation if not given",
            },
            Parameter {
                name: "restarts",
                default: "1",
                range: "a whole number of at least 1",
                about: "bases to start from",
            },
        ],
        cost: "tasks x k x features^2 a round",
        cite: Cite {
            authors: "Kumar, Daumé",
            title: "Learning task grouping and overlap in multi-task learning",
            venue: "ICML",
            year: 2012,
        },
    },
    build: |given| {
        let method: GoMtl = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "mu", method.mu, Allowed::Positive)?;
        check(&METHOD.method, "lambda", Some(method.lambda), Allowed::Positive)?;
        check(&METHOD.method, "k", method.k.map(|k| k as f64), Allowed::Count)?;
        check(&METHOD.method, "restarts", Some(method.restarts as f64), Allowed::Count)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GoMtl {
    /// Sparsity of the mixtures.
    pub mu: Option<f64>,
    /// Size of the basis vectors.
    pub lambda: f64,
    /// The number of basis vectors.
    pub k: Option<usize>,
    /// Bases to start from.
    pub restarts: usize,
}

impl Default for GoMtl {
    fn default() -> Self {
        Self { mu: None, lambda: 1.0, k: None, restarts: 1 }
    }
}

/// Open `k` are those of these that fit.
const BASES: [usize; 3] = [2, 4, 8];

/// `L [n_features, k]`.
pub(crate) const BASIS: &str = "basis";
/// `S [k, n_tasks]`.
pub(crate) const MIXTURES: &str = "mixtures";

impl LinearMethod for GoMtl {
    fn settings(&self) -> Vec<(String, f64)> {
        let named = [("k", self.k.map(|k| k as f64)), ("mu", self.mu)];
        named.iter().filter_map(|(name, v)| v.map(|v| ((*name).to_string(), v))).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let mus = strengths(self.mu, self.most(tasks), 1e-3, points.min(12));
        let most = tasks.n_features().min(tasks.n_tasks());
        let open: Vec<usize> = BASES.into_iter().filter(|k| *k == 2 || *k <= most).collect();
        let path = |k: usize| {
            let at = |&mu: &f64| -> Box<dyn LinearMethod> {
                Box::new(Self { mu: Some(mu), k: Some(k), ..self.clone() })
            };
            mus.iter().map(at).collect()
        };
        self.k.map_or(open, |k| vec![k]).into_iter().map(path).collect()
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        seed: Seed,
    ) -> Result<Solution, LinearError> {
        let (mu, k) = self.mu.zip(self.k).expect("nothing is open in a fit");
        let problem = Problem::new(tasks, mu, self.lambda);
        let warm = start.and_then(|s| s.part(BASIS).zip(s.part(MIXTURES)));
        let restarts = if warm.is_some() { 1 } else { self.restarts };
        let mut starts = Factors::starts(tasks, k, restarts, seed);
        starts.extend(warm.map(|(l, s)| Factors { l: l.clone(), s: s.clone() }));
        let found = starts.into_iter().map(|start| problem.minimize(start, effort));
        let best = found.min_by(|a, b| a.objective.total_cmp(&b.objective));
        let best = best.expect("there is a start");
        let status = if best.is_done { FitStatus::Converged } else { FitStatus::LimitReached };
        let parts =
            BTreeMap::from([(BASIS, best.factors.l.clone()), (MIXTURES, best.factors.s.clone())]);
        Ok(Solution {
            w: best.factors.w(),
            penalty: problem.penalty(&best.factors),
            status,
            residual: best.residual,
            iterations: best.iterations,
            parts,
        })
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let Some((l, s)) = solution.part(BASIS).zip(solution.part(MIXTURES)) else {
            return Vec::new();
        };
        let vectors: Vec<String> = (1..=l.ncols()).map(|k| format!("vector {k}")).collect();
        let picture = |name: &str, rows: &[String], m: MatRef<'_, f64>| Finding::Matrix {
            name: name.to_string(),
            rows: rows.to_vec(),
            columns: vectors.clone(),
            values: (0..m.nrows()).flat_map(|i| m.row(i).iter().copied()).collect(),
        };
        vec![
            picture("what tasks have of each basis vector", &names.tasks, s.transpose()),
            picture("basis vectors", &names.features, l.as_ref()),
        ]
    }
}

impl GoMtl {
    /// A strength at which about nothing is used. A component `w = c / g` for one task with the
    /// moments `c` and the curvature `g` gains `|c|^2 / 2g` and costs `3/2 (mu^2 lambda |w|^2)^(1/3)`:
    /// nothing at `mu^2 lambda = |c|^4 / 27 g`; with all tasks in one direction, `|C|_F` for `|c|`.
    fn most(&self, tasks: &Tasks) -> f64 {
        let curvature = tasks.curvature();
        if curvature <= 0.0 {
            return 1.0;
        }
        tasks.moments().squared_norm_l2() / (27.0 * curvature * self.lambda).sqrt()
    }
}

#[cfg(test)]
mod tests;
