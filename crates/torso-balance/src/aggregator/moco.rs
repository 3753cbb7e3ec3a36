//! `MoCo`: the min-norm direction of tracked gradients, whose noise dies out, with tracked weights.
//!
//! # Formula
//! With `g_t [width]` the gradients of the `n` tasks in view, `Y [n, width]` their trackers, of
//! zeros at first, and `lambda [n]` on the simplex, equal at first; at step `k = 1, 2, ...`:
//! `y_t <- y_t - beta_k (y_t - g_t)`, then
//! `lambda <- proj(lambda - gamma_k (Y Y' + rho I) lambda)` onto the simplex, then
//! `d = Y' lambda`; `beta_k = beta / k^beta-decay`, `gamma_k = gamma / k^gamma-decay`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `beta` | 0.5 | above 0, up to 1 | LibMTL, after the authors' code |
//! | `beta-decay` | 0.5 | at least 0 | LibMTL, after the authors' code |
//! | `gamma` | 0.1 | above 0 | LibMTL, after the authors' code |
//! | `gamma-decay` | 0.5 | at least 0 | LibMTL, after the authors' code |
//! | `rho` | 0 | at least 0 | LibMTL; the paper's rate without bounded losses needs it above 0 |
//! | `projection` | `"simplex"` | `"simplex"` or `"softmax"` | the paper; LibMTL: softmax |
//! | `gradients` | `"plain"` | `"plain"` or `"loss-norm"` | the paper; LibMTL: `g_t L_t / \|g_t\|` |
//!
//! # Cost
//! n gradients, `O(n width)` numbers of work and of state.
//!
//! # Claims
//! The order of the tasks does not matter. For a fixed mean of the gradients `lambda` goes to the
//! min-norm weights of that mean; MGDA on noisy gradients does not, whatever the number of steps.
//!
//! # Differs from
//! The paper steps along the direction before the updates and clips each tracker to a ball; here,
//! as in LibMTL, along the one after them, without a clip. LibMTL puts a softmax of the moved
//! weights where the paper projects; as they lie in `[0, 1]`, they then cannot leave the middle of
//! the simplex. `gamma` is not relative: with large gradients `lambda` jumps between corners,
//! with small ones it stays. That is the definition; `loss-norm` ties the lengths to the losses.
//! In a step without some tasks the others share the weight that they had, and the direction is
//! for weights of sum 1 among them.
//!
//! # References
//! Fernando, Shen, Liu, Chaudhury, Murugesan, Chen, *Mitigating Gradient Bias in Multi-objective
//! Learning: A Provably Convergent Approach* (2023).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::project_onto_simplex;

use super::{Aggregator, TaskRows, add, decayed, dot, norm};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Rows, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "moco",
        family: Family::Balance,
        title: "gradients and min-norm weights tracked through noise",
        section: "A.12",
        formula: "y_t <- y_t - beta (y_t - g_t); lambda <- proj(lambda - gamma (Y Y' + rho I) \
                  lambda); d = Y' lambda",
        parameters: PARAMETERS,
        cost: "n gradients, and a tracker of each",
        cite: Cite {
            authors: "Fernando, Shen, Liu, Chaudhury, Murugesan, Chen",
            title: "Mitigating Gradient Bias in Multi-objective Learning: A Provably Convergent \
                    Approach",
            venue: "ICLR",
            year: 2023,
        },
    },
    sees: Sees::Jacobian,
    heads: Heads::Own,
    claims: &[Claim::Permutes],
    build,
};

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "beta",
        default: "0.5",
        range: "above 0, up to 1",
        about: "how far a tracker goes toward its gradient at the first step (LibMTL)",
    },
    Parameter {
        name: "beta-decay",
        default: "0.5",
        range: "at least 0",
        about: "the power of the step by which `beta` is divided (LibMTL)",
    },
    Parameter {
        name: "gamma",
        default: "0.1",
        range: "above 0",
        about: "the step size of the weights at the first step (LibMTL)",
    },
    Parameter {
        name: "gamma-decay",
        default: "0.5",
        range: "at least 0",
        about: "the power of the step by which `gamma` is divided (LibMTL)",
    },
    Parameter {
        name: "rho",
        default: "0",
        range: "at least 0",
        about: "added to the diagonal of Y Y' (LibMTL)",
    },
    Parameter {
        name: "projection",
        default: "\"simplex\"",
        range: "\"simplex\" or \"softmax\"",
        about: "what returns the weights to the simplex (the paper; LibMTL: softmax)",
    },
    Parameter {
        name: "gradients",
        default: "\"plain\"",
        range: "\"plain\" or \"loss-norm\"",
        about: "what is tracked (the paper: g_t; LibMTL: g_t at the length of its loss)",
    },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Parameters {
    beta: f64,
    beta_decay: f64,
    gamma: f64,
    gamma_decay: f64,
    rho: f64,
    projection: Projection,
    gradients: Gradients,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            beta: 0.5,
            beta_decay: 0.5,
            gamma: 0.1,
            gamma_decay: 0.5,
            rho: 0.0,
            projection: Projection::Simplex,
            gradients: Gradients::Plain,
        }
    }
}

/// What returns the weights to the simplex.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Projection {
    Simplex,
    Softmax,
}

/// What is tracked.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Gradients {
    Plain,
    LossNorm,
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let parameters: Parameters = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "beta", parameters.beta, Allowed::Share)?;
    for (name, found) in [("beta", parameters.beta), ("gamma", parameters.gamma)] {
        check(&METHOD.method, name, found, Allowed::Positive)?;
    }
    check(&METHOD.method, "beta-decay", parameters.beta_decay, Allowed::NotNegative)?;
    check(&METHOD.method, "gamma-decay", parameters.gamma_decay, Allowed::NotNegative)?;
    check(&METHOD.method, "rho", parameters.rho, Allowed::NotNegative)?;
    let n = setup.n_tasks();
    let (trackers, weights) = (TaskRows::new(n), vec![1.0 / n as f64; n]);
    Ok(Balancer::Aggregator(Box::new(MoCo { parameters, trackers, weights })))
}

struct MoCo {
    parameters: Parameters,
    /// `Y`, `[n_tasks, width]`.
    trackers: TaskRows,
    /// `lambda`, `[n_tasks]`.
    weights: Vec<f64>,
}

impl State for MoCo {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.trackers.data);
        visitor(&mut self.weights);
    }
}

impl MoCo {
    fn track(&mut self, jacobian: Rows, view: &StepView) {
        self.trackers.make_room(jacobian.width());
        let beta = decayed(self.parameters.beta, self.parameters.beta_decay, view);
        for ((&task, row), loss) in view.tasks.iter().zip(jacobian.iter()).zip(view.losses) {
            let factor = match self.parameters.gradients {
                Gradients::Plain => 1.0,
                Gradients::LossNorm => match norm(row) {
                    0.0 => 0.0,
                    norm => loss / norm,
                },
            };
            for (y, g) in self.trackers.row_mut(task).iter_mut().zip(row) {
                *y -= beta * (*y - factor * g);
            }
        }
    }

    /// Writes `Y' w`.
    fn combine(&self, view: &StepView, w: &[f64], direction: &mut [f64]) {
        direction.fill(0.0);
        view.tasks.iter().zip(w).for_each(|(&t, w)| add(direction, *w, self.trackers.row(t)));
    }

    /// The weights after a step against `(Y Y' + rho I) w`, with `d = Y' w`; `None` if the
    /// products overflow.
    fn moved(&self, view: &StepView, w: &[f64], d: &[f64]) -> Option<Vec<f64>> {
        let Parameters { gamma, gamma_decay, rho, projection, .. } = self.parameters;
        let gamma = decayed(gamma, gamma_decay, view);
        let step = |(&t, w): (&usize, &f64)| w - gamma * (dot(self.trackers.row(t), d) + rho * w);
        let mut moved: Vec<f64> = view.tasks.iter().zip(w).map(step).collect();
        if moved.iter().any(|w| !w.is_finite()) {
            return None;
        }
        // Neither way back to the simplex feels a shift, but a sum near 1 does not survive beside
        // weights of 1e30.
        let largest = moved.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for w in &mut moved {
            *w -= largest;
        }
        match projection {
            Projection::Simplex => project_onto_simplex(&mut moved),
            Projection::Softmax => {
                let sum: f64 = moved.iter().map(|w| w.exp()).sum();
                for w in &mut moved {
                    *w = w.exp() / sum;
                }
            }
        }
        Some(moved)
    }
}

impl Aggregator for MoCo {
    fn aggregate(&mut self, jacobian: Rows, view: &StepView, direction: &mut [f64]) -> Status {
        self.track(jacobian, view);
        let mass: f64 = view.tasks.iter().map(|&task| self.weights[task]).sum();
        if mass <= 0.0 {
            self.combine(view, &vec![1.0 / view.n() as f64; view.n()], direction);
            return Status::NoSolution {
                why: "the tasks in the step have no weight to share",
                instead: "they were weighed equally",
            };
        }
        let shares: Vec<f64> = view.tasks.iter().map(|&task| self.weights[task] / mass).collect();
        self.combine(view, &shares, direction);
        let Some(shares) = self.moved(view, &shares, direction) else {
            return Status::NoSolution {
                why: "products of the gradients overflow",
                instead: "the weights were kept",
            };
        };
        self.combine(view, &shares, direction);
        view.tasks.iter().zip(shares).for_each(|(&task, w)| self.weights[task] = mass * w);
        Status::Solved
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, aggregate, assert_close, build, random_jacobian, state, step};
    use super::*;
    use torso_core::seed::{Seed, normal};
    use torso_math::{Gramian, min_norm};

    fn weights(method: &mut dyn Aggregator) -> Vec<f64> {
        state(method).swap_remove(1)
    }

    fn distance(a: &[f64], b: &[f64]) -> f64 {
        norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>())
    }

    /// Losses `1/2 |x - c_t|^2` at `x = 0`, seen through noise that differs by task.
    #[test]
    fn its_weights_lose_the_bias_that_noise_gives_to_min_norm_weights() {
        let centers = [1.0, 0.2, 0.0, -0.3, 0.8, 0.5, 0.1, 0.4, -0.9];
        let noise = [1.0, 0.2, 0.5];
        let exact = min_norm(&Gramian::of_rows(3, &centers)).unwrap();
        assert!(exact.iter().all(|&w| w > 0.05), "{exact:?}");
        let mut stream = Seed(31).stream("test", "", 0);
        let mut method = build(&METHOD, 3, "{}");
        let (mut tracked, mut naive) = (Vec::new(), vec![0.0; 3]);
        let steps = 200_000;
        for at in 0..steps {
            let noisy: Vec<f64> = centers
                .iter()
                .enumerate()
                .map(|(j, c)| c + noise[j / 3] * normal(&mut stream))
                .collect();
            step(method.as_mut(), &[0, 1, 2], &noisy, &[1.0; 3], at);
            if at + 1 == 2_000 || at + 1 == steps {
                tracked.push(distance(&weights(method.as_mut()), &exact));
            }
            let w = min_norm(&Gramian::of_rows(3, &noisy)).unwrap();
            naive.iter_mut().zip(w).for_each(|(sum, w)| *sum += w / steps as f64);
        }
        let naive = distance(&naive, &exact);
        assert!(naive > 0.09, "{naive}");
        assert!(tracked[1] < 0.005 && tracked[1] < 0.25 * tracked[0], "{tracked:?}");
    }

    #[test]
    fn without_noise_it_settles_at_the_min_norm_weights() {
        let mut stream = Seed(32).stream("test", "", 0);
        for n in [2, 5, 20] {
            let jacobian = random_jacobian(n, 60, 60, 0.0, &mut stream);
            let gramian = Gramian::of_rows(n, &jacobian);
            let settings = format!(
                r#"{{"beta": 1, "beta-decay": 0, "gamma": {}, "gamma-decay": 0}}"#,
                1.0 / gramian.trace()
            );
            let mut method = build(&METHOD, n, &settings);
            let tasks: Vec<usize> = (0..n).collect();
            let mut d = Vec::new();
            for at in 0..20_000 {
                d = step(method.as_mut(), &tasks, &jacobian, &vec![1.0; n], at).0;
            }
            let exact = min_norm(&gramian).unwrap();
            assert_close(&weights(method.as_mut()), &exact, 1e-9);
            assert!((norm(&d).powi(2) / gramian.squared_norm(&exact) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn golden_first_step() {
        // Y = J / 2, Y Y' [1/2, 1/2] = [-1/2, 2]; the weights move by 1/10 of that less the mean.
        let (d, status) = aggregate(&METHOD, 2, &J2, "{}");
        assert_eq!(status, Status::Solved);
        assert_close(&d, &[0.5 * (6.0 * 0.375 - 4.0 * 0.625), 0.5, 0.5], 1e-15);
        let (d, _) = aggregate(&METHOD, 2, &J2, r#"{"projection": "softmax"}"#);
        let w = (0.55_f64.exp(), 0.3_f64.exp());
        let w = w.0 / (w.0 + w.1);
        assert_close(&d, &[0.5 * (6.0 - 10.0 * w), 0.5, 0.5], 1e-15);
        let (d, _) = aggregate(&METHOD, 2, &[3.0, 0.0, 0.0, 0.5], r#"{"gradients": "loss-norm"}"#);
        assert_close(&d, &[0.25, 0.25], 1e-15);
    }

    #[test]
    fn weights_stay_on_the_simplex_at_every_scale() {
        for scale in [1e-10, 1.0, 1e10, 1e15] {
            let mut method = build(&METHOD, 3, "{}");
            let mut stream = Seed(33).stream("test", "", 0);
            for at in 0..50 {
                let jacobian: Vec<f64> = (0..12).map(|_| scale * normal(&mut stream)).collect();
                let tasks: &[usize] = if at % 2 == 0 { &[0, 1, 2] } else { &[0, 2] };
                step(method.as_mut(), tasks, &jacobian[..4 * tasks.len()], &[1.0; 3], at);
                let w = weights(method.as_mut());
                assert!(w.iter().all(|&w| w >= 0.0), "{w:?}");
                assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{w:?} at {scale}");
            }
        }
    }

    #[test]
    fn a_task_that_is_not_there_keeps_its_tracker_and_its_weight() {
        let mut method = build(&METHOD, 3, "{}");
        step(method.as_mut(), &[0, 1, 2], &[1.0, 2.0, 0.5, -1.0, 0.1, 0.3], &[1.0; 3], 0);
        let before = state(method.as_mut());
        step(method.as_mut(), &[0, 2], &[1.0, 0.5, -0.5, 1.0], &[1.0; 2], 1);
        let after = state(method.as_mut());
        assert_eq!(before[0][2..4], after[0][2..4]);
        assert_eq!(before[1][1].to_bits(), after[1][1].to_bits());
        assert_ne!(before[1], after[1]);
    }

    #[test]
    fn tasks_without_weight_are_followed_with_a_word() {
        let mut method = build(&METHOD, 2, r#"{"gamma": 1e6}"#);
        // The second task's gradient is shorter: it takes all the weight.
        step(method.as_mut(), &[0, 1], &[2.0, 0.0, 1.0, 0.0], &[1.0; 2], 0);
        assert_eq!(weights(method.as_mut()), [0.0, 1.0]);
        let (d, status) = step(method.as_mut(), &[0], &[1.0, 1.0], &[1.0], 1);
        assert!(matches!(status, Status::NoSolution { .. }));
        assert!(d[0] > 0.0 && d[1] > 0.0, "{d:?}");
    }
}
