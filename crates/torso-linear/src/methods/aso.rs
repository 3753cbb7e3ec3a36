//! Alternating structure optimization: coefficients near a subspace that all tasks share.
//!
//! # Formula
//! `min_{W, Theta} loss(W) + lambda/2 sum_t min_v |w_t - Theta' v|^2`, `W [n_features, n_tasks]`,
//! `Theta [h, n_features]` with orthonormal rows. With `P = Theta' Theta` the penalty is
//! `lambda/2 sum_t |(I - P) w_t|^2`: the part of a task inside of the subspace is free.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | cross-validation from ten times the largest curvature down to a millionth of it | above 0 | |
//! | `h` | cross-validation: 1, 2 or 5, and less than features and tasks | 1, 2, ... | the paper has 50 for texts |
//!
//! # Cost
//! A round costs `T d^3` (`d^3` where tasks share their rows), and a singular value decomposition.
//!
//! # Claims
//! Not convex: each round solves for `W` and then for `Theta`, so the objective never rises. It
//! ends when a round lowers it by less than the tolerance, relatively; that is no proof of a global
//! optimum. Rounds begin at ridge regression of each task alone.
//!
//! # Differs from
//! The paper's losses are means over rows. A pull of `1e-8 lambda` inside of the subspace makes
//! solutions unique where rows leave them open; the penalty counts it.
//! [`structure`] learns a subspace from rows without labels: one part of the features is predicted
//! from the other, and coefficients of these auxiliary problems take the place of the tasks'.
//!
//! # References
//! Ando, Zhang, *A framework for learning predictive structures from multiple tasks and unlabeled
//! data* (2005).

use std::collections::BTreeMap;

use faer::{Mat, MatRef, Scale};
use serde::Deserialize;
use torso_core::estimator::FitStatus;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;
use torso_math::Spectrum;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::solution::{Effort, Solution};
use crate::solver::metric;
use crate::tasks::{Tasks, product};

mod auxiliary;

pub use auxiliary::{AuxiliaryError, extend, structure};

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "aso",
        family: Family::Linear,
        title: "alternating structure optimization",
        section: "5.2.7",
        formula: "min_{W, Theta} loss(W) + lambda/2 sum_t |(I - Theta' Theta) w_t|^2",
        parameters: &[
            Parameter {
                name: "lambda",
                default: "null",
                range: "above 0",
                about: "pull to the subspace; chosen by cross-validation if not given",
            },
            Parameter {
                name: "h",
                default: "null",
                range: "a whole number of at least 1",
                about: "the dimension of the subspace; chosen by cross-validation if not given",
            },
        ],
        cost: "tasks x features^3 a round",
        cite: Cite {
            authors: "Ando, Zhang",
            title: "A framework for learning predictive structures from multiple tasks and \
                    unlabeled data",
            venue: "Journal of Machine Learning Research 6",
            year: 2005,
        },
    },
    build: |given| {
        let method: Aso = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda", method.lambda, Allowed::Positive)?;
        check(&METHOD.method, "h", method.h.map(|h| h as f64), Allowed::Count)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Aso {
    /// Pull to the subspace.
    pub lambda: Option<f64>,
    /// The dimension of the subspace.
    pub h: Option<usize>,
}

/// Open `h` are those of these that fit.
const DIMENSIONS: [usize; 3] = [1, 2, 5];

/// The pull inside of the subspace, relative to `lambda`.
const INSIDE: f64 = 1e-8;

/// An orthonormal basis of the subspace, `[n_features, h]`.
const SUBSPACE: &str = "subspace";

impl LinearMethod for Aso {
    fn settings(&self) -> Vec<(String, f64)> {
        let named = [("h", self.h.map(|h| h as f64)), ("lambda", self.lambda)];
        named.iter().filter_map(|(name, v)| v.map(|v| ((*name).to_string(), v))).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let strengths = strengths(self.lambda, 10.0 * tasks.curvature(), 1e-6, points);
        let most = tasks.n_features().min(tasks.n_tasks());
        let fits = |h: &usize| *h == 1 || *h < most;
        let open: Vec<usize> = DIMENSIONS.into_iter().filter(fits).collect();
        let path = |h: usize| {
            let at = |&lambda: &f64| -> Box<dyn LinearMethod> {
                Box::new(Self { lambda: Some(lambda), h: Some(h) })
            };
            strengths.iter().map(at).collect()
        };
        self.h.map_or(open, |h| vec![h]).into_iter().map(path).collect()
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let (lambda, h) = self.lambda.zip(self.h).expect("nothing is open in a fit");
        let start = start.and_then(|start| start.part(SUBSPACE)).cloned();
        let mut basis = start.unwrap_or_else(|| subspace(metric::ridge_alone(tasks).as_ref(), h));
        let mut last = f64::INFINITY;
        let mut iterations = 0;
        loop {
            iterations += 1;
            let w = metric::solve(tasks, pull(basis.as_ref(), lambda).as_ref());
            basis = subspace(w.as_ref(), h);
            let penalty = penalty(w.as_ref(), basis.as_ref(), lambda);
            let objective = tasks.value(w.as_ref()) + penalty;
            let residual =
                if objective > 0.0 { ((last - objective) / objective).max(0.0) } else { 0.0 };
            let is_done = residual <= effort.tolerance;
            if is_done || iterations >= effort.iterations {
                let status = if is_done { FitStatus::Converged } else { FitStatus::LimitReached };
                let parts = BTreeMap::from([(SUBSPACE, basis)]);
                return Ok(Solution { w, penalty, status, residual, iterations, parts });
            }
            last = objective;
        }
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let Some(basis) = solution.part(SUBSPACE) else { return Vec::new() };
        let components: Vec<String> =
            (1..=basis.ncols()).map(|k| format!("direction {k}")).collect();
        let inside = product(solution.w.transpose(), basis.as_ref());
        let rows = |m: &Mat<f64>| -> Vec<f64> {
            (0..m.nrows()).flat_map(|i| m.row(i).iter().copied()).collect()
        };
        let picture = |name: &str, rows_of: &[String], m: &Mat<f64>| Finding::Matrix {
            name: name.to_string(),
            rows: rows_of.to_vec(),
            columns: components.clone(),
            values: rows(m),
        };
        vec![
            picture("features in the shared subspace", &names.features, basis),
            picture("tasks in the shared subspace", &names.tasks, &inside),
        ]
    }
}

/// The first `h` left singular vectors, fewer if there are fewer; a zero matrix has none.
fn subspace(w: MatRef<'_, f64>, h: usize) -> Mat<f64> {
    let spectrum = Spectrum::of(w);
    let used = spectrum.values.iter().filter(|value| **value > 0.0).count();
    spectrum.left.subcols(0, h.min(used)).to_owned()
}

/// `lambda (I - P) + INSIDE lambda I`.
fn pull(basis: MatRef<'_, f64>, lambda: f64) -> Mat<f64> {
    let d = basis.nrows();
    let mut metric = Scale(-lambda) * product(basis, basis.transpose());
    for i in 0..d {
        metric[(i, i)] += lambda * (1.0 + INSIDE);
    }
    metric
}

/// `lambda/2 sum_t (|(I - P) w_t|^2 + INSIDE |w_t|^2)`.
fn penalty(w: MatRef<'_, f64>, basis: MatRef<'_, f64>, lambda: f64) -> f64 {
    let inside = product(basis, product(basis.transpose(), w).as_ref());
    0.5 * lambda * ((w - inside).squared_norm_l2() + INSIDE * w.squared_norm_l2())
}

#[cfg(test)]
mod tests;
