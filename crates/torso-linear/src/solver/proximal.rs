//! Accelerated proximal gradient steps (FISTA) with restart and backtracking.
//!
//! `z = x_k + (t_{k-1} - 1) / t_k (x_k - x_{k-1})`, `x_{k+1} = prox(z - grad f(z) / L)`,
//! `t_{k+1} = (1 + sqrt(1 + 4 t_k^2)) / 2`. The momentum starts anew whenever it points uphill:
//! `<z - x_{k+1}, x_{k+1} - x_k> > 0`. `L` doubles until `f` lies under its model at `x_{k+1}`,
//! unless the smooth part vouches for its curvature.
//!
//! # Cost
//! One gradient and one proximal map an iteration, and a second gradient where `L` is a guess.
//!
//! # References
//! Beck, Teboulle, *A Fast Iterative Shrinkage-Thresholding Algorithm* (2009); O'Donoghue, Candès,
//! *Adaptive Restart for Accelerated Gradient Schemes* (2015).

use std::collections::BTreeMap;

use faer::{Mat, MatRef, Scale};
use torso_core::estimator::FitStatus;

use crate::penalty::Penalty;
use crate::solution::{Effort, Solution};
use crate::tasks::{Tasks, inner};

/// A differentiable convex function of a matrix.
pub trait Smooth {
    /// Its gradient.
    fn gradient(&self, w: MatRef<'_, f64>) -> Mat<f64>;

    /// Its value, given its gradient at `w`.
    fn value_at(&self, w: MatRef<'_, f64>, gradient: MatRef<'_, f64>) -> f64;

    /// The constant of its gradient's continuity.
    fn curvature(&self) -> Curvature;

    /// For a sum of squares `1/2 |y - A w|^2`: the products `r'y` and `r'r` of the residual
    /// `r = y - A w`, from which duality gaps follow.
    fn residual_products(
        &self,
        _w: MatRef<'_, f64>,
        _gradient: MatRef<'_, f64>,
    ) -> Option<(f64, f64)> {
        None
    }
}

/// What is known of the constant of a gradient's continuity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Curvature {
    /// It is at most this.
    Bound(f64),
    /// It may be this; steps are checked.
    Guess(f64),
}

impl Smooth for Tasks {
    fn gradient(&self, w: MatRef<'_, f64>) -> Mat<f64> {
        Tasks::gradient(self, w)
    }

    fn value_at(&self, w: MatRef<'_, f64>, gradient: MatRef<'_, f64>) -> f64 {
        Tasks::value_at(self, w, gradient)
    }

    fn curvature(&self) -> Curvature {
        Curvature::Bound(Tasks::curvature(self))
    }

    fn residual_products(
        &self,
        w: MatRef<'_, f64>,
        gradient: MatRef<'_, f64>,
    ) -> Option<(f64, f64)> {
        let to_labels = 2.0 * self.energy() - inner(self.moments(), w);
        Some((to_labels, 2.0 * Tasks::value_at(self, w, gradient)))
    }
}

/// Where a minimization ended.
#[derive(Debug, Clone)]
pub struct Minimum {
    /// The minimizer.
    pub w: Mat<f64>,
    /// The penalty there.
    pub penalty: f64,
    /// Loss and penalty there.
    pub objective: f64,
    /// The relative gap, or the relative norm of the fixed-point residual.
    pub residual: f64,
    /// Why it ended.
    pub status: FitStatus,
    /// Iterations.
    pub iterations: usize,
}

impl From<Minimum> for Solution {
    fn from(minimum: Minimum) -> Self {
        let Minimum { w, penalty, residual, status, iterations, .. } = minimum;
        Self { w, penalty, status, residual, iterations, parts: BTreeMap::new() }
    }
}

/// Minimizes `smooth + penalty` from `start`.
pub fn minimize(
    smooth: &dyn Smooth,
    penalty: &dyn Penalty,
    start: Mat<f64>,
    effort: Effort,
) -> Minimum {
    /// Iterations between two looks at the certificate.
    const LOOK: usize = 10;
    let (mut lipschitz, is_guess) = match smooth.curvature() {
        Curvature::Bound(l) => (l, false),
        Curvature::Guess(l) => (l, true),
    };
    lipschitz = lipschitz.max(f64::MIN_POSITIVE);
    let scale = smooth.gradient(Mat::zeros(start.nrows(), start.ncols()).as_ref()).norm_l2();
    let mut x = start;
    let mut z = x.clone();
    let mut t = 1.0_f64;
    let mut iterations = 0;
    loop {
        if iterations % LOOK == 0 || iterations >= effort.iterations {
            let (residual, penalty_there, objective) =
                certificate(smooth, penalty, &x, lipschitz, scale);
            let is_done = residual <= effort.tolerance;
            if is_done || iterations >= effort.iterations {
                let status = if is_done { FitStatus::Converged } else { FitStatus::LimitReached };
                return Minimum {
                    w: x,
                    penalty: penalty_there,
                    objective,
                    residual,
                    status,
                    iterations,
                };
            }
        }
        iterations += 1;
        let gradient = smooth.gradient(z.as_ref());
        let mut next = step(&z, &gradient, penalty, lipschitz);
        while is_guess && !lies_under(smooth, &z, &gradient, &next, lipschitz) {
            lipschitz *= 2.0;
            next = step(&z, &gradient, penalty, lipschitz);
        }
        let moved = &next - &x;
        let goes_uphill = inner((&z - &next).as_ref(), moved.as_ref()) > 0.0;
        let t_next = if goes_uphill { 1.0 } else { f64::midpoint(1.0, (1.0 + 4.0 * t * t).sqrt()) };
        let momentum = if goes_uphill { 0.0 } else { (t - 1.0) / t_next };
        z = &next + Scale(momentum) * moved;
        x = next;
        t = t_next;
    }
}

/// `prox(z - gradient / L)`.
fn step(z: &Mat<f64>, gradient: &Mat<f64>, penalty: &dyn Penalty, lipschitz: f64) -> Mat<f64> {
    let mut next = z - Scale(1.0 / lipschitz) * gradient;
    penalty.shrink(&mut next, 1.0 / lipschitz);
    next
}

/// Whether `f(next) <= f(z) + <grad, next - z> + L/2 |next - z|^2`, but for rounding.
fn lies_under(
    smooth: &dyn Smooth,
    z: &Mat<f64>,
    gradient: &Mat<f64>,
    next: &Mat<f64>,
    lipschitz: f64,
) -> bool {
    let moved = next - z;
    let at_z = smooth.value_at(z.as_ref(), gradient.as_ref());
    let there = smooth.value_at(next.as_ref(), smooth.gradient(next.as_ref()).as_ref());
    let model =
        at_z + inner(gradient.as_ref(), moved.as_ref()) + 0.5 * lipschitz * moved.squared_norm_l2();
    there <= model + 1e-12 * at_z.abs().max(there.abs())
}

/// The relative gap or residual, the penalty and the objective at `w`.
fn certificate(
    smooth: &dyn Smooth,
    penalty: &dyn Penalty,
    w: &Mat<f64>,
    lipschitz: f64,
    scale: f64,
) -> (f64, f64, f64) {
    let gradient = smooth.gradient(w.as_ref());
    let value = penalty.value(w.as_ref());
    let objective = smooth.value_at(w.as_ref(), gradient.as_ref()) + value;
    let products = smooth.residual_products(w.as_ref(), gradient.as_ref());
    let dual = penalty.dual(gradient.as_ref());
    let residual = match (dual, penalty.squared_dual(gradient.as_ref()), products) {
        (Some(dual), _, Some(products)) => relative_gap(objective, dual, products),
        (_, Some(dual), Some(products)) => relative_gap_of_square(objective, dual, products),
        _ => {
            let moved = step(w, &gradient, penalty, lipschitz) - w;
            relative(lipschitz * moved.norm_l2(), scale)
        }
    };
    (residual, value, objective)
}

/// The duality gap of `1/2 |y - A w|^2 + norm(w)` relative to the objective. `dual` is the dual
/// norm of the gradient, and the dual point the residual times the best feasible factor:
/// `D(tau) = tau r'y - tau^2/2 r'r`, `|tau| <= 1 / dual`.
pub fn relative_gap(objective: f64, dual: f64, (to_labels, to_itself): (f64, f64)) -> f64 {
    if to_itself <= 0.0 || objective <= 0.0 {
        return 0.0;
    }
    let most = if dual > 0.0 { 1.0 / dual } else { f64::INFINITY };
    let tau = (to_labels / to_itself).clamp(-most, most);
    let bound = tau * to_labels - 0.5 * tau * tau * to_itself;
    ((objective - bound) / objective).max(0.0)
}

/// The gap for half a squared norm in place of a norm: `dual` is what
/// [`Penalty::squared_dual`] says, and `D(tau) = tau r'y - tau^2/2 (r'r + dual)`.
pub fn relative_gap_of_square(
    objective: f64,
    dual: f64,
    (to_labels, to_itself): (f64, f64),
) -> f64 {
    let curvature = to_itself + dual;
    if curvature <= 0.0 || objective <= 0.0 {
        return 0.0;
    }
    let bound = 0.5 * to_labels * to_labels / curvature;
    ((objective - bound) / objective).max(0.0)
}

/// `norm / scale`, and 0 where both are 0.
pub(crate) fn relative(norm: f64, scale: f64) -> f64 {
    if norm == 0.0 { 0.0 } else { norm / scale.max(f64::MIN_POSITIVE) }
}
