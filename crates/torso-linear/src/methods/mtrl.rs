//! Multi-task relationship learning (MTRL): the covariance of tasks is learned with them.
//!
//! # Formula
//! `min_W loss(W) + rho1/2 |W|_F^2 + rho2/2 min_Omega tr(W Omega^-1 W')`, `Omega [n_tasks, n_tasks]`
//! positive semidefinite with trace 1. The inner minimum is at `Omega = (W'W)^(1/2) / |W|_*`, where
//! it is `|W|_*^2`, the squared sum of singular values. So this is what is solved:
//! `min_W loss(W) + rho1/2 |W|_F^2 + rho2/2 |W|_*^2`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `rho2` | cross-validation from the largest curvature down to a millionth of it | at least 0 | the paper's `lambda2` |
//! | `rho1` | cross-validation: 0, or `rho2` times the smaller of features and tasks | at least 0 | the paper's `lambda1` |
//!
//! # Cost
//! An iteration of accelerated proximal steps takes one gradient, `T d^2`, and one singular value
//! decomposition, `d T min(d, T)`. No matrix of tasks by tasks is made. The pull to zero is a part of
//! the smooth loss.
//!
//! # Claims
//! Convex: one optimum from any start, certified by the fixed-point residual. Tasks that are
//! opposed help each other as those that agree do.
//!
//! # Differs from
//! The paper alternates between `W` and `Omega`, each in closed form; that has the same optimum, but
//! needs an inverse of `Omega`, which is singular at the optimum where tasks are more than features.
//! `Omega` is the square *root* of `W'W` over its trace, so its correlations are weaker than those of
//! the coefficients: true ones of 0.9 come out near 0.6. Both are shown; the second, of `Omega^2`,
//! estimates the correlation of coefficients.
//!
//! # References
//! Zhang, Yeung, *A convex formulation for learning task relationships in multi-task learning*
//! (2010).

use faer::{Mat, MatRef, Scale};
use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;
use torso_math::Spectrum;

use crate::correlation::of_covariance;
use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::SquaredTrace;
use crate::pictures;
use crate::solution::{Effort, Solution};
use crate::solver::proximal::{self, Curvature, Smooth};
use crate::tasks::Tasks;

mod new_task;

pub use new_task::{NewTask, learn_new_task};

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "mtrl",
        family: Family::Linear,
        title: "the covariance of tasks, learned with them",
        section: "5.2.14",
        formula: "min_W loss(W) + rho1/2 |W|_F^2 + rho2/2 min_Omega tr(W Omega^-1 W'), tr Omega = 1",
        parameters: &[
            Parameter {
                name: "rho2",
                default: "null",
                range: "at least 0",
                about: "the strength of the relationship; chosen by cross-validation if not given",
            },
            Parameter {
                name: "rho1",
                default: "null",
                range: "at least 0",
                about: "pull to zero; chosen by cross-validation if not given",
            },
        ],
        cost: "features x tasks x min(features, tasks) + tasks x features^2 an iteration",
        cite: Cite {
            authors: "Zhang, Yeung",
            title: "A convex formulation for learning task relationships in multi-task learning",
            venue: "UAI",
            year: 2010,
        },
    },
    build: |given| {
        let method: Mtrl = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "rho1", method.rho1, Allowed::NotNegative)?;
        check(&METHOD.method, "rho2", method.rho2, Allowed::NotNegative)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mtrl {
    /// Pull to zero.
    pub rho1: Option<f64>,
    /// The strength of the relationship.
    pub rho2: Option<f64>,
}

/// Open `rho1` are these shares of what a ridge needs to weigh as much as the relationship does
/// where all directions are alike: `rho2 min(d, T)`.
const SHARES: [f64; 2] = [0.0, 1.0];

impl LinearMethod for Mtrl {
    fn settings(&self) -> Vec<(String, f64)> {
        let named = |name: &str, value: Option<f64>| value.map(|v| (name.to_string(), v));
        [named("rho1", self.rho1), named("rho2", self.rho2)].into_iter().flatten().collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let strengths = strengths(self.rho2, tasks.curvature(), 1e-6, points);
        let rank = tasks.n_tasks().min(tasks.n_features()) as f64;
        let path = |share: f64| -> Vec<Box<dyn LinearMethod>> {
            let at = |rho2: &f64| {
                let rho1 = Some(self.rho1.unwrap_or(share * rank * rho2));
                Box::new(Self { rho1, rho2: Some(*rho2) }) as Box<_>
            };
            strengths.iter().map(at).collect()
        };
        let shares: &[f64] = if self.rho1.is_some() { &SHARES[..1] } else { &SHARES };
        shares.iter().map(|share| path(*share)).collect()
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let (rho1, rho2) = self.rho1.zip(self.rho2).expect("nothing is open in a fit");
        let zeros = || Mat::zeros(tasks.n_features(), tasks.n_tasks());
        let start = start.map_or_else(zeros, |start| start.w.clone());
        let smooth = Ridged { tasks, strength: rho1 };
        let mut minimum = proximal::minimize(&smooth, &SquaredTrace(rho2), start, effort);
        minimum.penalty += 0.5 * rho1 * minimum.w.squared_norm_l2();
        Ok(minimum.into())
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let (omega, square) = (omega(solution.w.as_ref()), solution.w.transpose() * &solution.w);
        let picture = |name, covariance: &Mat<f64>| {
            pictures::between_tasks(name, of_covariance(covariance.as_ref()).as_ref(), names)
        };
        let pictures = [
            picture("correlation of tasks in the learned covariance", &omega),
            picture("correlation of the tasks' coefficients", &square),
        ];
        pictures.into_iter().flatten().collect()
    }
}

/// The covariance of tasks that belongs to coefficients `W [n_features, n_tasks]`:
/// `(W'W)^(1/2) / |W|_*`, of trace 1; `I / n_tasks` for coefficients that are all 0.
pub fn omega(w: MatRef<'_, f64>) -> Mat<f64> {
    let n_tasks = w.ncols();
    let spectrum = Spectrum::of(w);
    let sum: f64 = spectrum.values.iter().sum();
    if sum <= 0.0 {
        return Scale(1.0 / n_tasks.max(1) as f64) * Mat::<f64>::identity(n_tasks, n_tasks);
    }
    let scaled = Mat::from_fn(n_tasks, spectrum.values.len(), |t, k| {
        spectrum.right[(t, k)] * spectrum.values[k] / sum
    });
    crate::tasks::product(scaled.as_ref(), spectrum.right.transpose())
}

/// The correlation of tasks in the learned covariance, `[n_tasks, n_tasks]`.
pub fn task_correlation(w: MatRef<'_, f64>) -> Mat<f64> {
    of_covariance(omega(w).as_ref())
}

/// The correlation of tasks in the square of the learned covariance, that is of their coefficients:
/// what a correlation among coefficients is estimated by.
pub fn task_correlation_of_square(w: MatRef<'_, f64>) -> Mat<f64> {
    of_covariance(crate::tasks::product(w.transpose(), w).as_ref())
}

/// The loss plus `strength/2 |W|_F^2`.
struct Ridged<'a> {
    tasks: &'a Tasks,
    strength: f64,
}

impl Smooth for Ridged<'_> {
    fn gradient(&self, w: MatRef<'_, f64>) -> Mat<f64> {
        self.tasks.gradient(w) + Scale(self.strength) * w
    }

    fn value_at(&self, w: MatRef<'_, f64>, gradient: MatRef<'_, f64>) -> f64 {
        // loss = energy - <moments, w> + <w, Gw>/2, and Gw + strength w = gradient + moments.
        self.tasks.value_at(w, gradient)
    }

    fn curvature(&self) -> Curvature {
        Curvature::Bound(self.tasks.curvature() + self.strength)
    }
}

#[cfg(test)]
mod tests;
