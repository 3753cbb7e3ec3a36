//! Multi-task feature learning: few features, learned as rotations of the given ones, serve all
//! tasks.
//!
//! # Formula
//! `min_{W,D} loss(W) + lambda/2 * tr(W' D^+ W)`, `D [n_features, n_features]` positive
//! semidefinite with trace 1, the columns of `W [n_features, n_tasks]` in its range. The best
//! `D = (W W')^(1/2) / tr (W W')^(1/2)` leaves `min_W loss(W) + lambda/2 * |W|_*^2`: the squared
//! trace norm. With `features = true`, `D` is diagonal, `D_ii = |W_i.| / sum_j |W_j.|`, and leaves
//! `lambda/2 * (sum_i |W_i.|)^2`: the squared group lasso, which chooses among the given features.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | cross-validation from ten times the largest curvature down to a millionth of that | above 0 | |
//! | `solver` | `direct` | `direct`, `alternate` | `alternate` is the paper's |
//! | `features` | false | | the paper, section 5 |
//!
//! # Cost
//! `direct`: accelerated proximal steps, one singular value decomposition `d T min(d, T)` each.
//! `alternate`: `T d^3` a round. Where `W` has not full row rank, directions outside of its range
//! come in through `eps` only, which must vanish, too: the gap after k rounds is of the order 1/k.
//! With full row rank or `features = true` it falls by a factor a round.
//!
//! # Claims
//! Both solvers find the same optimum, certified by the same duality gap. A rotation of the
//! features rotates the coefficients, unless `features = true`.
//!
//! # Differs from
//! The paper has `SSE + gamma |W|_*^2`, twice ours, so that its gamma is our `lambda`. It adds a
//! fixed `eps` to `W W'`; here it falls with the gap. The survey calls the group lasso non-convex
//! and this its convex form; both are convex, and what is not is learning the rotation and the
//! coefficients in it.
//!
//! # References
//! Argyriou, Evgeniou, Pontil, *Convex multi-task feature learning* (2008).

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef, Scale, Side};
use serde::Deserialize;
use torso_core::estimator::FitStatus;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;
use torso_math::Spectrum;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::{Penalty, SquaredL21, SquaredTrace, row_norms};
use crate::pictures;
use crate::solution::{Effort, Solution};
use crate::solver::proximal::{self, Minimum};
use crate::tasks::{Tasks, product};

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "mtfl",
        family: Family::Linear,
        title: "few learned features serve all tasks",
        section: "5.1.3",
        formula: "min_{W,D} loss(W) + lambda/2 tr(W' D^+ W), tr D = 1",
        parameters: &[
            Parameter {
                name: "lambda",
                default: "null",
                range: "above 0",
                about: "the strength; chosen by cross-validation if not given",
            },
            Parameter {
                name: "solver",
                default: "\"direct\"",
                range: "direct, alternate",
                about: "proximal steps on the squared trace norm, or W and D in turn",
            },
            Parameter {
                name: "features",
                default: "false",
                range: "true, false",
                about: "chooses among the given features instead of learning new ones",
            },
        ],
        cost: "a singular value decomposition of features x tasks a step",
        cite: Cite {
            authors: "Argyriou, Evgeniou, Pontil",
            title: "Convex multi-task feature learning",
            venue: "Machine Learning 73",
            year: 2008,
        },
    },
    build: |given| {
        let method: FeatureLearning = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda", method.lambda, Allowed::Positive)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FeatureLearning {
    /// The strength.
    pub lambda: Option<f64>,
    /// How the optimum is found.
    pub solver: Solver,
    /// Whether `D` is diagonal.
    pub features: bool,
}

/// How the optimum is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Solver {
    /// Proximal steps on the penalty that is left without `D`.
    #[default]
    Direct,
    /// `W` and `D` in turn.
    Alternate,
}

impl LinearMethod for FeatureLearning {
    fn settings(&self) -> Vec<(String, f64)> {
        self.lambda.iter().map(|lambda| ("lambda".to_string(), *lambda)).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let at = |lambda| -> Box<dyn LinearMethod> {
            Box::new(Self { lambda: Some(lambda), ..self.clone() })
        };
        let most = 10.0 * tasks.curvature();
        vec![strengths(self.lambda, most, 1e-6, points).into_iter().map(at).collect()]
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let lambda = self.lambda.expect("nothing is open in a fit");
        let zeros = || Mat::zeros(tasks.n_features(), tasks.n_tasks());
        let start = start.map_or_else(zeros, |s| s.w.clone());
        let penalty: &dyn Penalty =
            if self.features { &SquaredL21(lambda) } else { &SquaredTrace(lambda) };
        let minimum = match self.solver {
            Solver::Direct => proximal::minimize(tasks, penalty, start, effort),
            Solver::Alternate => self.alternate(tasks, penalty, lambda, start, effort),
        };
        Ok(minimum.into())
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        if self.features {
            return vec![pictures::feature_norms(solution.w.as_ref(), names)];
        }
        pictures::components(solution.w.as_ref(), names)
    }
}

/// The root of `eps`, relative to that of the mean eigenvalue of `W W'`, is at most this share of
/// the gap. A direction that is missing from `D` keeps the gap open, and so `eps` large enough for
/// it to grow; one that is to vanish does so with the gap.
const EPS_OF_GAP: f64 = 1.0;

impl FeatureLearning {
    /// `W` and `D` in turn, until the duality gap of what is left without `D` closes.
    fn alternate(
        &self,
        tasks: &Tasks,
        penalty: &dyn Penalty,
        lambda: f64,
        start: Mat<f64>,
        effort: Effort,
    ) -> Minimum {
        let mut w = start;
        let mut eps = f64::INFINITY;
        let mut iterations = 0;
        loop {
            let (residual, penalty_there, objective) = gap(tasks, penalty, &w);
            let is_done = residual <= effort.tolerance;
            if is_done || iterations >= effort.iterations {
                let status = if is_done { FitStatus::Converged } else { FitStatus::LimitReached };
                let penalty = penalty_there;
                return Minimum { w, penalty, objective, residual, status, iterations };
            }
            let mean_square = w.squared_norm_l2() / w.nrows().max(1) as f64;
            if mean_square > 0.0 {
                eps = eps.min((EPS_OF_GAP * residual).powi(2) * mean_square);
            }
            // Any eps makes D = I / d of W = 0.
            let root = self.root_of_metric(w.as_ref(), eps.clamp(f64::MIN_POSITIVE, 1e300));
            w = ridge_in_metric(tasks, &root, lambda);
            iterations += 1;
        }
    }

    /// The root of `D = (W W' + eps I)^(1/2) / tr`.
    fn root_of_metric(&self, w: MatRef<'_, f64>, eps: f64) -> Mat<f64> {
        let d = w.nrows();
        if self.features {
            let sizes: Vec<f64> =
                row_norms(w).iter().map(|norm| norm.mul_add(*norm, eps).sqrt()).collect();
            let trace: f64 = sizes.iter().sum();
            return Mat::from_fn(d, d, |i, j| if i == j { (sizes[i] / trace).sqrt() } else { 0.0 });
        }
        // From singular values of W, since the eigenvalues of W W' are lost below 1e-16.
        let Spectrum { left, values, .. } = Spectrum::of(w);
        let size = |value: f64| value.mul_add(value, eps).sqrt();
        let rest = (d - values.len()) as f64 * size(0.0);
        let trace = rest + values.iter().map(|value| size(*value)).sum::<f64>();
        let root = |value: f64| (size(value) / trace).sqrt();
        let beyond = |i: usize, k: usize| left[(i, k)] * (root(values[k]) - root(0.0));
        let scaled = Mat::from_fn(d, values.len(), beyond);
        product(scaled.as_ref(), left.transpose()) + Scale(root(0.0)) * Mat::<f64>::identity(d, d)
    }
}

/// `w_t = R (R G_t R + lambda I)^-1 R c_t` for each task, with `R = D^(1/2)`.
fn ridge_in_metric(tasks: &Tasks, root: &Mat<f64>, lambda: f64) -> Mat<f64> {
    let mut w = product(root.as_ref(), tasks.moments());
    let factor = |gram: &Mat<f64>| -> Llt<f64> {
        let mut system = product(product(root.as_ref(), gram.as_ref()).as_ref(), root.as_ref());
        for i in 0..system.nrows() {
            system[(i, i)] += lambda;
        }
        system.llt(Side::Lower).expect("a positive definite matrix has a Cholesky factorization")
    };
    if let Some((rows, scale)) = tasks.shared() {
        factor(&(Scale(scale) * rows.gram())).solve_in_place(w.as_mut());
    } else {
        for t in 0..tasks.n_tasks() {
            factor(&tasks.gram(t)).solve_in_place(w.as_mut().subcols_mut(t, 1));
        }
    }
    product(root.as_ref(), w.as_ref())
}

/// The relative duality gap, the penalty and the objective.
fn gap(tasks: &Tasks, penalty: &dyn Penalty, w: &Mat<f64>) -> (f64, f64, f64) {
    let gradient = tasks.gradient(w.as_ref());
    let value = penalty.value(w.as_ref());
    let objective = tasks.value_at(w.as_ref(), gradient.as_ref()) + value;
    let products = proximal::Smooth::residual_products(tasks, w.as_ref(), gradient.as_ref());
    let dual = penalty.squared_dual(gradient.as_ref());
    let (dual, products) = dual.zip(products).expect("a squared norm of least squares has a gap");
    (proximal::relative_gap_of_square(objective, dual, products), value, objective)
}

#[cfg(test)]
mod tests;
