//! Penalties around a common vector: `min_{V, w0} loss(V + w0 1') + penalty(V)`, `w0` free.
//!
//! Block-sparse and low-rank penalties pull all tasks to zero; groups of one population lie rather
//! around a common model, and differ from it in few features or directions. The common vector is
//! eliminated exactly: at any `V`, `(sum_t G_t) w0 = sum_t (c_t - G_t v_t)`. What is left is a
//! smooth function of `V` whose gradient is that of the loss at `V + w0 1'`, and whose curvature is
//! at most the loss's. Its rows sum to 0, which makes the residual feasible for the dual problem,
//! so that duality gaps hold as they do without `w0`.
//!
//! # Cost
//! That of the loss, and one solve with `[d, d]` factors for each gradient.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef, Side};

use super::proximal::{Curvature, Smooth};
use crate::tasks::{Tasks, inner};

/// The loss of tasks as a function of their deviations from a common vector.
pub struct AroundMean<'a> {
    tasks: &'a Tasks,
    factors: Llt<f64>,
}

impl<'a> AroundMean<'a> {
    /// The loss of `tasks`.
    ///
    /// # Panics
    /// If a feature is not finite.
    pub fn new(tasks: &'a Tasks) -> Self {
        let d = tasks.n_features();
        let mut sum = Mat::<f64>::zeros(d, d);
        for t in 0..tasks.n_tasks() {
            sum += tasks.gram(t);
        }
        // Collinear features leave directions open: a trillionth of the trace closes them.
        let trace: f64 = (0..d).map(|i| sum[(i, i)]).sum();
        for i in 0..d {
            sum[(i, i)] += 1e-12 * trace + f64::MIN_POSITIVE.sqrt();
        }
        let factors =
            sum.llt(Side::Lower).expect("a positive definite matrix has a Cholesky factorization");
        Self { tasks, factors }
    }

    /// The best common vector for the deviations `v`, `[n_features]`.
    pub fn common(&self, v: MatRef<'_, f64>) -> Vec<f64> {
        let slope = self.tasks.gradient(v);
        let sum = |i: usize| -slope.row(i).iter().sum::<f64>();
        let right = Mat::from_fn(slope.nrows(), 1, |i, _| sum(i));
        self.factors.solve(&right).col(0).iter().copied().collect()
    }

    /// The coefficients `v + w0 1'`.
    pub fn coefficients(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        let common = self.common(v);
        Mat::from_fn(v.nrows(), v.ncols(), |i, t| v[(i, t)] + common[i])
    }
}

impl Smooth for AroundMean<'_> {
    fn gradient(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        self.tasks.gradient(self.coefficients(v).as_ref())
    }

    fn value_at(&self, v: MatRef<'_, f64>, gradient: MatRef<'_, f64>) -> f64 {
        // The gradient's rows sum to 0, so that the common vector does not show in <w, gradient>.
        let w = self.coefficients(v);
        self.tasks.value_at(w.as_ref(), gradient)
    }

    fn curvature(&self) -> Curvature {
        Curvature::Bound(self.tasks.curvature())
    }

    fn residual_products(
        &self,
        v: MatRef<'_, f64>,
        gradient: MatRef<'_, f64>,
    ) -> Option<(f64, f64)> {
        let w = self.coefficients(v);
        let to_labels = 2.0 * self.tasks.energy() - inner(self.tasks.moments(), w.as_ref());
        Some((to_labels, 2.0 * self.tasks.value_at(w.as_ref(), gradient)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use torso_core::seed::{Seed, normal};

    use super::*;
    use crate::penalty::{Penalty, Trace};
    use crate::solution::Effort;
    use crate::solver::proximal::minimize;
    use crate::tasks::{Rows, TaskRows};

    fn tasks() -> Tasks {
        let task = |t: u64| {
            let mut stream = Seed(1).stream("x", "", t);
            let x = Mat::from_fn(30, 6, |_, _| normal(&mut stream));
            let y = (0..30).map(|i| 3.0 * x[(i, 0)] + t as f64 * x[(i, 1)] + normal(&mut stream));
            let y = y.collect();
            let rows = Arc::new(Rows::new(x, vec![1.0; 30]));
            TaskRows { name: format!("y{t}"), rows, y, scale: 1.0 }
        };
        Tasks::new(6, (0..5).map(task).collect())
    }

    #[test]
    fn no_common_vector_is_better() {
        let tasks = tasks();
        let loss = AroundMean::new(&tasks);
        let v = Mat::from_fn(6, 5, |i, j| ((i * 3 + j * 5) % 7) as f64 * 0.1);
        let w = loss.coefficients(v.as_ref());
        let gradient = tasks.gradient(w.as_ref());
        for i in 0..6 {
            assert!(gradient.row(i).iter().sum::<f64>().abs() < 1e-8);
        }
        let value = loss.value_at(v.as_ref(), loss.gradient(v.as_ref()).as_ref());
        assert!((value / tasks.value(w.as_ref()) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_optimum_is_that_of_both_parts() {
        let tasks = tasks();
        let loss = AroundMean::new(&tasks);
        let effort = Effort { tolerance: 1e-12, iterations: 10_000 };
        let penalty = Trace(8.0);
        let found = minimize(&loss, &penalty, Mat::zeros(6, 5), effort);
        let w = loss.coefficients(found.w.as_ref());
        // Optimal in V: W's deviations are a fixed point of a proximal step.
        let step = 1.0 / tasks.curvature();
        let mut moved = &found.w - faer::Scale(step) * tasks.gradient(w.as_ref());
        penalty.shrink(&mut moved, step);
        assert!((moved - &found.w).norm_max() < 1e-6);
        // Without bound the penalty leaves one model for all.
        let pooled = minimize(&loss, &Trace(1e9), Mat::zeros(6, 5), effort);
        assert!(pooled.w.norm_max() <= 0.0);
        let pooled = loss.coefficients(pooled.w.as_ref());
        let mut slope = [0.0; 6];
        let gradient = tasks.gradient(pooled.as_ref());
        for (i, slope) in slope.iter_mut().enumerate() {
            *slope = gradient.row(i).iter().sum();
        }
        assert!(slope.iter().all(|s| s.abs() < 1e-8), "least squares of all rows");
    }
}
