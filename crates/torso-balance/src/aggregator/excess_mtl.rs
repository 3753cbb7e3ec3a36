//! `ExcessMTL`: weights grow with how far each task is from its optimum, not with its loss.
//!
//! # Formula
//! With `g_t [width]` the gradient of task `t` and `h_t [width]` the sum of its squares over all
//! steps so far, the excess risk is estimated by `r_t = g_t' diag(h_t)^(-1/2) g_t`, relative to its
//! first value, `init_t`: `w_t <- w_t exp(eta r_t / init_t)`, scaled to sum `n` over the `n` tasks
//! in view. A task's first step sets `init_t` and leaves its weight, 1 at first. The direction is
//! `d = sum_t w_t g_t`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `eta` | 0.01 | at least 0 | LibMTL and the authors' code (`robust_step_size`) |
//!
//! # Cost
//! n gradients, `O(n width)` numbers of work and of state.
//!
//! # Claims
//! The weights do not feel the scale of a task, as `r_t / init_t` has none (the direction does).
//! The order of the tasks does not matter; the step is proportional to the gradients.
//!
//! # Differs from
//! LibMTL and the authors' code weigh the heads' losses too; here heads follow their own loss by
//! default. They add 1e-7 to `h_t` before the root, which hides gradients below 3e-4; here a
//! parameter without a gradient adds nothing to `r_t`. Weights are kept as logarithms, the same
//! numbers but for those that would round to 0 and never return. The paper's weights sum to 1, the
//! codes' to the number of tasks. In a step without some tasks the others share the weight that
//! they had, so that a task gains nothing by being seen more often.
//!
//! # References
//! He, Zhou, Zhang, Yun, Xu, Zeng, Chilimbi, Zhao, *Robust Multi-Task Learning with Excess Risks*
//! (2024).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::{Aggregator, TaskRows};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Rows, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "excess-mtl",
        family: Family::Balance,
        title: "weights by excess risk",
        section: "A.18",
        formula: "w_t <- w_t exp(eta g_t' diag(h_t)^(-1/2) g_t / init_t), h_t sums squares of \
                  g_t; d = sum_t w_t g_t",
        parameters: &[Parameter {
            name: "eta",
            default: "0.01",
            range: "at least 0",
            about: "the step size of the weights (LibMTL and the authors' code)",
        }],
        cost: "n gradients, and a sum of squares of each",
        cite: Cite {
            authors: "He, Zhou, Zhang, Yun, Xu, Zeng, Chilimbi, Zhao",
            title: "Robust Multi-Task Learning with Excess Risks",
            venue: "ICML",
            year: 2024,
        },
    },
    sees: Sees::Jacobian,
    heads: Heads::Own,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

/// The largest step of a weight's logarithm: `exp` of it leaves nothing of the other weights.
const LARGEST_STEP: f64 = 700.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    eta: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { eta: 0.01 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { eta } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "eta", eta, Allowed::NotNegative)?;
    let n = setup.n_tasks();
    let (squares, first, logs) = (TaskRows::new(n), vec![0.0; n], vec![0.0; n]);
    Ok(Balancer::Aggregator(Box::new(ExcessMtl { eta, squares, first, logs })))
}

struct ExcessMtl {
    eta: f64,
    /// `h`, `[n_tasks, width]`.
    squares: TaskRows,
    /// The first excess risk of each task that is not 0, `[n_tasks]`; 0 before it.
    first: Vec<f64>,
    /// Logarithms of the weights, `[n_tasks]`.
    logs: Vec<f64>,
}

impl State for ExcessMtl {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.squares.data);
        visitor(&mut self.first);
        visitor(&mut self.logs);
    }
}

impl ExcessMtl {
    /// Sums the squares of a task's gradient up and estimates its excess risk.
    fn excess(&mut self, task: usize, gradient: &[f64]) -> f64 {
        let squares = self.squares.row_mut(task);
        let part = |(h, g): (&mut f64, &f64)| {
            let square = g * g;
            *h += square;
            if *h > 0.0 { square / h.sqrt() } else { 0.0 }
        };
        squares.iter_mut().zip(gradient).map(part).sum()
    }

    /// What is added to the logarithm of a task's weight.
    fn growth(&mut self, task: usize, gradient: &[f64]) -> f64 {
        let excess = self.excess(task, gradient);
        if self.first[task] == 0.0 {
            self.first[task] = excess;
            return 0.0;
        }
        (self.eta * excess / self.first[task]).min(LARGEST_STEP)
    }

    /// The logarithm of the sum of the weights in view.
    fn log_mass(&self, view: &StepView) -> f64 {
        let logs = view.tasks.iter().map(|&task| self.logs[task]);
        let largest = logs.clone().fold(f64::NEG_INFINITY, f64::max);
        largest + logs.map(|log| (log - largest).exp()).sum::<f64>().ln()
    }
}

impl Aggregator for ExcessMtl {
    fn aggregate(&mut self, jacobian: Rows, view: &StepView, direction: &mut [f64]) -> Status {
        self.squares.make_room(jacobian.width());
        let mass = self.log_mass(view);
        for (&task, row) in view.tasks.iter().zip(jacobian.iter()) {
            self.logs[task] += self.growth(task, row);
        }
        let gained = self.log_mass(view) - mass;
        for &task in view.tasks {
            self.logs[task] -= gained;
        }
        let scale = (view.n() as f64).ln() - mass;
        let weights: Vec<f64> =
            view.tasks.iter().map(|&task| (self.logs[task] + scale).exp()).collect();
        jacobian.combine(&weights, direction);
        Status::Solved
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, aggregate, assert_close, build, random_jacobian, state, step};
    use super::*;
    use torso_core::seed::{Seed, normal};

    /// The weights of three tasks, by the definition, multiplied up.
    fn by_definition(jacobians: &[Vec<f64>], eta: f64) -> Vec<f64> {
        let (n, width) = (3, jacobians[0].len() / 3);
        let (mut w, mut first) = (vec![1.0; n], vec![0.0; n]);
        for at in 0..jacobians.len() {
            for t in 0..n {
                let mut excess = 0.0;
                for j in t * width..(t + 1) * width {
                    let h: f64 = jacobians[..=at].iter().map(|past| past[j] * past[j]).sum();
                    excess += jacobians[at][j] * jacobians[at][j] / h.sqrt();
                }
                if at == 0 {
                    first[t] = excess;
                } else {
                    w[t] *= (eta * excess / first[t]).exp();
                }
            }
            let sum: f64 = w.iter().sum();
            w = w.iter().map(|w| w * n as f64 / sum).collect();
        }
        w
    }

    #[test]
    fn weights_follow_the_definition_and_no_scale() {
        let mut stream = Seed(41).stream("test", "", 0);
        // The tasks converge at different rates.
        let jacobians: Vec<Vec<f64>> = (0..40)
            .map(|at| {
                let mut jacobian = random_jacobian(3, 8, 8, 0.1, &mut stream);
                for (j, g) in jacobian.iter_mut().enumerate() {
                    *g *= (-0.05 * f64::from(at) * (j / 8) as f64).exp();
                }
                jacobian
            })
            .collect();
        let expected = by_definition(&jacobians, 0.3);
        assert!(expected[0] > 1.5 && expected[2] < 0.8, "{expected:?}");
        for scales in [[1.0; 3], [1e-10, 1e3, 1e15]] {
            let mut method = build(&METHOD, 3, r#"{"eta": 0.3}"#);
            for (at, jacobian) in jacobians.iter().enumerate() {
                let scaled: Vec<f64> =
                    jacobian.iter().enumerate().map(|(j, g)| g * scales[j / 8]).collect();
                let (d, _) = step(method.as_mut(), &[0, 1, 2], &scaled, &[1.0; 3], at);
                let logs = state(method.as_mut()).swap_remove(2);
                let mut direction = vec![0.0; 8];
                let w: Vec<f64> = logs.iter().map(|log| log.exp()).collect();
                Rows::new(3, &scaled).combine(&w, &mut direction);
                let size = direction.iter().fold(0.0_f64, |size, d| size.max(d.abs()));
                assert_close(&d, &direction, 1e-12 * size);
            }
            let logs = state(method.as_mut()).swap_remove(2);
            let w: Vec<f64> = logs.iter().map(|log| log.exp()).collect();
            assert_close(&w, &expected, 1e-12);
        }
    }

    #[test]
    fn a_task_that_converges_loses_weight_and_one_with_label_noise_does_not_take_all() {
        // 1/2 (x - 1)^2 twice, each with a parameter of its own: the second's labels are noisy,
        // but its loss is at its floor, and the first is far from its optimum and slow.
        let mut stream = Seed(42).stream("test", "", 0);
        let mut method = build(&METHOD, 2, r#"{"eta": 0.05}"#);
        let mut x = [0.0, 0.0];
        for at in 0..2_000 {
            let g = [1e-3 * (x[0] - 1.0), x[1] - 1.0 + 0.1 * normal(&mut stream)];
            let jacobian = [g[0], 0.0, 0.0, g[1]];
            let losses = [0.5e-3 * (x[0] - 1.0_f64).powi(2), 10.0];
            let (d, _) = step(method.as_mut(), &[0, 1], &jacobian, &losses, at);
            x.iter_mut().zip(d).for_each(|(x, d)| *x -= 0.05 * d);
        }
        let logs = state(method.as_mut()).swap_remove(2);
        assert!(logs[0] > logs[1] + 1.0, "{logs:?}");
    }

    #[test]
    fn golden_first_step_is_the_sum() {
        let (d, status) = aggregate(&METHOD, 2, &J2, "{}");
        assert_eq!(status, Status::Solved);
        assert_close(&d, &[2.0, 2.0, 2.0], 1e-15);
    }

    #[test]
    fn a_task_that_is_not_there_keeps_its_state_and_the_others_their_sum() {
        let mut method = build(&METHOD, 3, r#"{"eta": 1}"#);
        let mut stream = Seed(43).stream("test", "", 0);
        for at in 0..4 {
            let jacobian = random_jacobian(3, 2, 2, 0.0, &mut stream);
            step(method.as_mut(), &[0, 1, 2], &jacobian, &[1.0; 3], at);
        }
        let before = state(method.as_mut());
        step(method.as_mut(), &[0, 2], &[1.0, 0.5, -0.5, 9.0], &[1.0; 2], 4);
        let after = state(method.as_mut());
        assert_eq!(before[0][2..4], after[0][2..4]);
        assert_eq!(before[1], after[1]);
        assert_eq!(before[2][1].to_bits(), after[2][1].to_bits());
        assert_ne!(before[2], after[2]);
        assert!((after[2].iter().map(|log| log.exp()).sum::<f64>() - 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_weight_never_rounds_away() {
        let mut method = build(&METHOD, 2, r#"{"eta": 1e9}"#);
        for at in 0..100 {
            let (d, _) = step(method.as_mut(), &[0, 1], &[1.0, 0.0, 0.0, 1e-9], &[1.0; 2], at);
            assert!(d.iter().all(|d| d.is_finite()), "{d:?}");
        }
        let logs = state(method.as_mut()).swap_remove(2);
        assert!(logs.iter().all(|log| log.is_finite()), "{logs:?}");
    }
}
