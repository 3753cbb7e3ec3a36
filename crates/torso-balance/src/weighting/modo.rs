//! `MoDo`: weights on the simplex follow the min-norm problem by steps on independent batches.
//!
//! # Formula
//! `lambda <- proj(lambda - gamma (J1 J2' lambda + rho lambda))` onto the simplex, from equal
//! weights on; `J1, J2 [n, width]` are the gradients of two independent batches. `d = J' lambda`
//! with the gradients of a third. `E[J1 J2'] = E[J] E[J]'`, so that noise adds no bias.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `gamma` | 0.1 | above 0 | the official code; LibMTL: 0.001 |
//! | `rho` | 0.1 | at least 0 | the official code and LibMTL; TorchJD: 0 |
//!
//! # Cost
//! Three batches of gradients a step, `n^2` operations, `n_tasks` numbers of state.
//!
//! # Claims
//! The order of tasks does not matter. The scale of gradients does: `gamma` and `rho` are relative
//! to squared norms.
//!
//! # Differs from
//! The official code descends with the gradients of the same two batches, LibMTL and we with a
//! third; TorchJD takes a softmax instead of the projection. Where a task has no label, the others
//! share their sum among them, and its own weight waits.
//!
//! # References
//! Chen, Fernando, Ying, Chen, *Three-Way Trade-Off in Multi-Objective Learning: Optimization,
//! Generalization and Conflict-Avoidance* (2023).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::{Gramian, project_onto_simplex};

use super::{Weighting, of_view};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "modo",
        family: Family::Balance,
        title: "min-norm weights by double sampling",
        section: "A.12",
        formula: "lambda <- proj(lambda - gamma (J1 J2' lambda + rho lambda)); d = J' lambda",
        parameters: &[
            Parameter {
                name: "gamma",
                default: "0.1",
                range: "above 0",
                about: "learning rate of the weights (the official code; LibMTL: 0.001)",
            },
            Parameter {
                name: "rho",
                default: "0.1",
                range: "at least 0",
                about: "pull towards equal weights (the official code; TorchJD: 0)",
            },
        ],
        cost: "n gradients of three batches",
        cite: Cite {
            authors: "Chen, Fernando, Ying, Chen",
            title: "Three-Way Trade-Off in Multi-Objective Learning: Optimization, \
                    Generalization and Conflict-Avoidance",
            venue: "NeurIPS",
            year: 2023,
        },
    },
    sees: Sees::IndependentBatches,
    heads: Heads::Own,
    claims: &[Claim::Permutes],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    gamma: f64,
    rho: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { gamma: 0.1, rho: 0.1 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { gamma, rho } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "gamma", gamma, Allowed::Positive)?;
    check(&METHOD.method, "rho", rho, Allowed::NotNegative)?;
    let shares = Shares::new(setup.n_tasks());
    Ok(Balancer::Weighting(Box::new(MoDo { gamma, rho, shares })))
}

/// Weights of all tasks, of which a step sees and moves a part.
pub(super) struct Shares(Vec<f64>);

impl Shares {
    /// Equal ones.
    pub(super) fn new(n_tasks: usize) -> Self {
        Self(vec![1.0 / n_tasks as f64; n_tasks])
    }

    /// Those of the tasks in view, scaled to sum 1; equal if all are 0.
    pub(super) fn of_view(&self, view: &StepView) -> Vec<f64> {
        let shares = of_view(&self.0, view);
        if shares.iter().all(|share| *share == 0.0) {
            return vec![1.0 / view.n() as f64; view.n()];
        }
        shares
    }

    /// Takes new ones, of sum 1, for the tasks in view: these keep their sum, and the others all.
    pub(super) fn put(&mut self, view: &StepView, shares: &[f64]) {
        let sum: f64 = view.tasks.iter().map(|&task| self.0[task]).sum();
        let sum = if sum > 0.0 { sum } else { view.n() as f64 / self.0.len() as f64 };
        view.tasks.iter().zip(shares).for_each(|(&task, share)| self.0[task] = sum * share);
    }

    /// Visits the state.
    pub(super) fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.0);
    }
}

/// `M x` for a row-major matrix `[n, n]`.
pub(super) fn times(matrix: &[f64], x: &[f64]) -> Vec<f64> {
    assert_eq!(matrix.len(), x.len() * x.len(), "a view with the products of independent batches");
    matrix.chunks(x.len()).map(|row| row.iter().zip(x).map(|(m, x)| m * x).sum()).collect()
}

struct MoDo {
    gamma: f64,
    rho: f64,
    shares: Shares,
}

impl State for MoDo {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        self.shares.visit(visitor);
    }
}

impl Weighting for MoDo {
    fn weigh(&mut self, _gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let lambda = self.shares.of_view(view);
        let slopes = times(view.cross, &lambda);
        for ((weight, lambda), slope) in weights.iter_mut().zip(&lambda).zip(slopes) {
            *weight = lambda - self.gamma * (slope + self.rho * lambda);
        }
        project_onto_simplex(weights);
        self.shares.put(view, weights);
        Status::Solved
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, build, random_jacobian};
    use super::*;
    use torso_core::seed::{Seed, normal};
    use torso_math::min_norm;

    fn view<'a>(tasks: &'a [usize], losses: &'a [f64], cross: &'a [f64]) -> StepView<'a> {
        StepView { tasks, losses, cross, step: 0, epoch: 0 }
    }

    #[test]
    fn one_step_of_the_formula() {
        // lambda = (1/2, 1/2); J1 J2' lambda = (1, 2); gamma = 0.1, rho = 1:
        // (0.35, 0.25) -> (0.55, 0.45). Not symmetric: rows of the first batch.
        let mut method = build(&METHOD, 2, r#"{"gamma": 0.1, "rho": 1}"#);
        let mut w = [0.0; 2];
        let cross = [2.0, 0.0, 1.0, 3.0];
        let gramian = Gramian::new(2, vec![1.0, 0.0, 0.0, 1.0]);
        method.weigh(&gramian, &view(&[0, 1], &[1.0; 2], &cross), &mut w);
        assert_close(&w, &[0.55, 0.45], 1e-15);
    }

    #[test]
    fn without_noise_it_comes_to_the_min_norm_weights() {
        let mut stream = Seed(71).stream("test", "", 0);
        for n in [2, 3, 6] {
            let jacobian = random_jacobian(n, 30, 30, 0.3, &mut stream);
            let gramian = Gramian::of_rows(n, &jacobian);
            let gamma = 1.0 / gramian.trace();
            let mut method = build(&METHOD, n, &format!(r#"{{"gamma": {gamma}, "rho": 0}}"#));
            let tasks: Vec<usize> = (0..n).collect();
            let (losses, mut w) = (vec![1.0; n], vec![0.0; n]);
            for _ in 0..20_000 {
                method.weigh(&gramian, &view(&tasks, &losses, gramian.data()), &mut w);
            }
            assert_close(&w, &min_norm(&gramian).unwrap(), 1e-9);
        }
    }

    #[test]
    fn independent_batches_remove_the_bias_of_noise() {
        // Two gradients of the same length, the second one ten times as noisy.
        let (means, noise) = ([[1.0, 0.5], [0.5, 1.0]], [0.3, 3.0]);
        let mut stream = Seed(72).stream("test", "", 0);
        let mut batch = || -> Vec<f64> {
            (0..4).map(|at| means[at / 2][at % 2] + noise[at / 2] * normal(&mut stream)).collect()
        };
        let gramian = Gramian::of_rows(2, means.as_flattened());
        let mut settled = |twice: bool| {
            let mut method = build(&METHOD, 2, r#"{"gamma": 0.0005, "rho": 0}"#);
            let (mut sum, mut w) = (0.0, [0.0; 2]);
            for step in 0..60_000 {
                let first = batch();
                let second = if twice { first.clone() } else { batch() };
                let at = |at: usize| -> f64 {
                    let (i, j) = (at / 2 * 2, at % 2 * 2);
                    first[i] * second[j] + first[i + 1] * second[j + 1]
                };
                let cross: Vec<f64> = (0..4).map(at).collect();
                method.weigh(&gramian, &view(&[0, 1], &[1.0; 2], &cross), &mut w);
                sum += if step >= 20_000 { w[0] / 40_000.0 } else { 0.0 };
            }
            sum
        };
        let exact = min_norm(&gramian).unwrap()[0];
        let (independent, same) = (settled(false), settled(true));
        assert!((independent - exact).abs() < 0.06, "{independent} for {exact}");
        assert!((same - exact).abs() > 0.3, "{same} for {exact}");
    }

    #[test]
    fn weights_of_absent_tasks_wait() {
        let mut shares = Shares(vec![0.2, 0.3, 0.5, 0.0]);
        let view = view(&[0, 2], &[1.0; 2], &[]);
        assert_close(&shares.of_view(&view), &[2.0 / 7.0, 5.0 / 7.0], 1e-15);
        shares.put(&view, &[0.5, 0.5]);
        assert_close(&shares.0, &[0.35, 0.3, 0.35, 0.0], 1e-15);
        let alone = StepView { tasks: &[3], ..view };
        assert_eq!(shares.of_view(&alone), [1.0]);
        shares.put(&alone, &[1.0]);
        assert_close(&shares.0, &[0.35, 0.3, 0.35, 0.25], 1e-15);
    }

    #[test]
    fn a_projection_is_one_at_every_size_of_numbers() {
        for size in [1e-300, 1.0, 1e30, 1e300] {
            let mut values = [-size, -2.0 * size, -1.5 * size];
            project_onto_simplex(&mut values);
            assert!((values.iter().sum::<f64>() - 1.0).abs() < 1e-15, "{size}: {values:?}");
        }
    }
}
