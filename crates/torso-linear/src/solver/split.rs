//! Weighted least squares plus one penalty of each of two parts: `W = L + S`.
//!
//! `min_{L,S} loss(L + S) + first(L) + second(S)`. Both parts see the same gradient, so the
//! curvature of the whole is twice that of the loss; accelerated proximal steps on the stack
//! `[L; S]` solve it (`proximal.rs`).
//!
//! # Certificate
//! The duality gap relative to the objective: 0 is optimal where neither dual norm of the gradient
//! exceeds 1.
//!
//! # References
//! Zhou, Chen, Ye, *MALSAR: Multi-task learning via structural regularization* (2012).

use faer::{Mat, MatRef};

use super::proximal::{self, Curvature, Smooth};
use crate::penalty::Penalty;
use crate::solution::{Effort, Solution};
use crate::tasks::Tasks;

/// The name of `L` among the parts of a solution.
pub const FIRST: &str = "first";
/// The name of `S`.
pub const SECOND: &str = "second";

/// Minimizes from the parts of `start`, where it has some.
pub fn minimize(
    tasks: &Tasks,
    first: &dyn Penalty,
    second: &dyn Penalty,
    start: Option<&Solution>,
    effort: Effort,
) -> Solution {
    let (d, n_tasks) = (tasks.n_features(), tasks.n_tasks());
    let parts = start.and_then(|s| Some((s.part(FIRST)?, s.part(SECOND)?)));
    let start = parts.map_or_else(|| Mat::zeros(2 * d, n_tasks), |(l, s)| stacked(l, s));
    let minimum = proximal::minimize(&OfSum(tasks), &Both { first, second }, start, effort);
    let (l, s) = halves(minimum.w.as_ref());
    let (l, s) = (l.to_owned(), s.to_owned());
    let solution: Solution = minimum.into();
    Solution { w: &l + &s, ..solution }.with(FIRST, l).with(SECOND, s)
}

fn halves(both: MatRef<'_, f64>) -> (MatRef<'_, f64>, MatRef<'_, f64>) {
    both.split_at_row(both.nrows() / 2)
}

fn stacked(top: &Mat<f64>, bottom: &Mat<f64>) -> Mat<f64> {
    let d = top.nrows();
    Mat::from_fn(2 * d, top.ncols(), |i, t| if i < d { top[(i, t)] } else { bottom[(i - d, t)] })
}

/// The loss of `L + S`, as a function of `[L; S]`.
struct OfSum<'a>(&'a Tasks);

impl OfSum<'_> {
    fn sum(both: MatRef<'_, f64>) -> Mat<f64> {
        let (l, s) = halves(both);
        l + s
    }
}

impl Smooth for OfSum<'_> {
    fn gradient(&self, w: MatRef<'_, f64>) -> Mat<f64> {
        let gradient = self.0.gradient(Self::sum(w).as_ref());
        stacked(&gradient, &gradient)
    }

    fn value_at(&self, w: MatRef<'_, f64>, gradient: MatRef<'_, f64>) -> f64 {
        self.0.value_at(Self::sum(w).as_ref(), halves(gradient).0)
    }

    fn curvature(&self) -> Curvature {
        Curvature::Bound(2.0 * self.0.curvature())
    }

    fn residual_products(
        &self,
        w: MatRef<'_, f64>,
        gradient: MatRef<'_, f64>,
    ) -> Option<(f64, f64)> {
        self.0.residual_products(Self::sum(w).as_ref(), halves(gradient).0)
    }
}

/// The penalty of `[L; S]`.
struct Both<'a> {
    first: &'a dyn Penalty,
    second: &'a dyn Penalty,
}

impl Penalty for Both<'_> {
    fn value(&self, w: MatRef<'_, f64>) -> f64 {
        let (l, s) = halves(w);
        self.first.value(l) + self.second.value(s)
    }

    fn shrink(&self, w: &mut Mat<f64>, step: f64) {
        let (l, s) = halves(w.as_ref());
        let (mut l, mut s) = (l.to_owned(), s.to_owned());
        self.first.shrink(&mut l, step);
        self.second.shrink(&mut s, step);
        *w = stacked(&l, &s);
    }

    fn dual(&self, g: MatRef<'_, f64>) -> Option<f64> {
        let (l, s) = halves(g);
        Some(self.first.dual(l)?.max(self.second.dual(s)?))
    }
}
