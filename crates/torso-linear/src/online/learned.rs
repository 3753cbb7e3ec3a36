//! A perceptron that learns how its tasks relate.
//!
//! The objective is `1/2 tr(W A W') + D(A, A_last) / rate` plus hinge losses, with a Bregman
//! divergence `D`. By its derivative in `A`, which is `1/2 W'W`, the inverse `A^-1` grows along
//! `W'W`; by its derivative in `W`, a mistake of task `i` teaches task `j` by `(A^-1)_ji`. So tasks
//! that point the same way teach each other, and tasks that point opposite ways teach each other
//! with the sign turned. Only `A^-1` is kept.
//!
//! Perceptrons do not depend on the scale of `W` or `A^-1`. So `M = T W'W / tr(W'W)` takes the
//! place of `W'W`, and `A^-1` is scaled to the trace `T` after each step; else both grow without
//! bound, each because of the other.

use faer::{Mat, MatRef, Scale};
use serde::Deserialize;
use torso_math::SymmetricEigen;

use super::OnlineLearner;
use super::first_order::teach;
use crate::tasks::product;

/// How the relation of tasks follows from their coefficients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelationRule {
    /// The log-determinant divergence: `A^-1 <- A^-1 + rate M`.
    #[default]
    LogDet,
    /// The von Neumann divergence: `log A^-1 <- log A^-1 + rate M`.
    VonNeumann,
    /// `A^-1` is the covariance of tasks over features.
    Covariance,
    /// `A^-1` is `(W'W)^(1/2)`, the best one for these coefficients under a bound on its trace.
    Batch,
}

/// The learner; a step costs `d T^2`, and `T^3` more where a rule needs eigenvalues.
#[derive(Debug, Clone)]
pub struct Learned {
    w: Mat<f64>,
    /// `A^-1 [n_tasks, n_tasks]`, of trace `n_tasks`.
    interaction: Mat<f64>,
    /// `log A^-1` but for a multiple of the identity, which von Neumann's rule adds to.
    logarithm: Mat<f64>,
    rule: RelationRule,
    rate: f64,
    /// Rounds left in which tasks are learned apart.
    priming: usize,
}

impl Learned {
    /// Coefficients of 0. For `priming` rounds tasks learn apart; after these, every mistake
    /// changes the relation by `rate`, above 0, where the rule has one.
    pub fn new(
        n_features: usize,
        n_tasks: usize,
        rule: RelationRule,
        rate: f64,
        priming: usize,
    ) -> Self {
        Self {
            w: Mat::zeros(n_features, n_tasks),
            interaction: Mat::identity(n_tasks, n_tasks),
            logarithm: Mat::zeros(n_tasks, n_tasks),
            rule,
            rate,
            priming,
        }
    }

    /// `A^-1 [n_tasks, n_tasks]`, positive semidefinite, of trace `n_tasks`.
    pub fn interaction(&self) -> MatRef<'_, f64> {
        self.interaction.as_ref()
    }

    fn relate(&mut self) {
        let gram = product(self.w.transpose(), self.w.as_ref());
        self.interaction = match self.rule {
            RelationRule::LogDet => {
                of_unit_trace(&self.interaction + Scale(self.rate) * of_unit_trace(gram))
            }
            RelationRule::VonNeumann => {
                self.logarithm += Scale(self.rate) * of_unit_trace(gram);
                let eigen = SymmetricEigen::of(self.logarithm.as_ref());
                let most = eigen.values.last().copied().unwrap_or(0.0);
                of_unit_trace(eigen.map(|value| (value - most).exp()))
            }
            RelationRule::Covariance => of_unit_trace(covariance(&self.w)),
            RelationRule::Batch => {
                let eigen = SymmetricEigen::of(of_unit_trace(gram).as_ref());
                of_unit_trace(eigen.map(|value| value.max(0.0).sqrt()))
            }
        };
    }
}

impl OnlineLearner for Learned {
    fn weights(&self) -> MatRef<'_, f64> {
        self.w.as_ref()
    }

    fn correct(&mut self, x: &[f64], task: usize, y: f64, weight: f64) {
        teach(&mut self.w, self.interaction.as_ref(), x, task, weight * y);
        if self.priming == 0 {
            self.relate();
        }
    }

    fn partial_fit_weighted(&mut self, x: &[f64], task: usize, y: f64, weight: f64) -> bool {
        let is_mistake = y * self.margin(x, task) <= 0.0;
        if is_mistake {
            self.correct(x, task, y, weight);
        }
        self.priming = self.priming.saturating_sub(1);
        is_mistake
    }
}

/// Scaled to a trace of 1 for each task; the identity where the trace is 0.
fn of_unit_trace(m: Mat<f64>) -> Mat<f64> {
    let n = m.nrows();
    let trace: f64 = (0..n).map(|t| m[(t, t)]).sum();
    if trace > 0.0 { Scale(n as f64 / trace) * m } else { Mat::identity(n, n) }
}

fn covariance(w: &Mat<f64>) -> Mat<f64> {
    let d = w.nrows().max(1) as f64;
    let means: Vec<f64> = (0..w.ncols()).map(|t| w.col(t).iter().sum::<f64>() / d).collect();
    let centered = Mat::from_fn(w.nrows(), w.ncols(), |i, t| w[(i, t)] - means[t]);
    product(centered.transpose(), centered.as_ref())
}
