//! DB-MTL: logarithms balance the losses, and their gradients are scaled to the longest one.
//!
//! # Formula
//! With `L_t` the losses, `g_t` their gradients and `b_t [width]` a moving average, 0 at first:
//! `b_t <- beta_k b_t + (1 - beta_k) g_t / (L_t + epsilon)`, which averages gradients of `log L_t`,
//! with `beta_k = beta / k^decay` at step `k = 1, 2, ...`; then
//! `d = sum_t (max_s |b_s| / |b_t|) b_t`, the sum over the `n` tasks in view.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `beta` | 0.9 | at least 0 and below 1 | LibMTL, the authors' code |
//! | `decay` | 0 | at least 0 | LibMTL, the authors' code |
//! | `epsilon` | 0 | at least 0 | the definition, the logarithm itself; LibMTL: 1e-8 |
//!
//! # Cost
//! n gradients, `O(n width)` numbers of work and of state.
//!
//! # Claims
//! Scaling a task's loss by a factor of its own changes nothing, nor does the order of the tasks.
//! With equal losses the step is proportional to the gradients.
//!
//! # Differs from
//! LibMTL in `epsilon`: added to a loss, 1e-8 makes the direction depend on the losses' scale. A
//! loss at or below 0 has no logarithm: its task is left out, and the status says so. LibMTL adds
//! 1e-8 to `|b_t|` as well; here a `b_t` of 0 is left out. As in LibMTL the average starts at 0
//! and is not corrected for it: the first step is `1 - beta` as long as those of a long training
//! with the same gradients.
//!
//! # References
//! Lin, Jiang, Ye, Zhang, Chen, Chen, Liu, Tsang, Kwok, *Dual-Balancing for Multi-Task Learning*
//! (2023).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::{Aggregator, TaskRows, add, decayed, norm};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Rows, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "db-mtl",
        family: Family::Balance,
        title: "dual balancing",
        section: "A.18",
        formula: "b_t averages the gradients of log L_t; d = sum_t (max_s |b_s| / |b_t|) b_t",
        parameters: &[
            Parameter {
                name: "beta",
                default: "0.9",
                range: "at least 0 and below 1",
                about: "how much of the average is kept at a step (LibMTL)",
            },
            Parameter {
                name: "decay",
                default: "0",
                range: "at least 0",
                about: "the power of the step by which `beta` is divided (LibMTL)",
            },
            Parameter {
                name: "epsilon",
                default: "0",
                range: "at least 0",
                about: "added to each loss in its logarithm (the definition; LibMTL: 1e-8)",
            },
        ],
        cost: "n gradients, and a moving average of each",
        cite: Cite {
            authors: "Lin, Jiang, Ye, Zhang, Chen, Chen, Liu, Tsang, Kwok",
            title: "Dual-Balancing for Multi-Task Learning",
            venue: "arXiv 2308.12029",
            year: 2023,
        },
    },
    sees: Sees::Jacobian,
    heads: Heads::Own,
    claims: &[Claim::ScaleInvariant, Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    beta: f64,
    decay: f64,
    epsilon: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { beta: 0.9, decay: 0.0, epsilon: 0.0 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let parameters: Parameters = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "beta", parameters.beta, Allowed::BelowOne)?;
    check(&METHOD.method, "decay", parameters.decay, Allowed::NotNegative)?;
    check(&METHOD.method, "epsilon", parameters.epsilon, Allowed::NotNegative)?;
    let averages = TaskRows::new(setup.n_tasks());
    Ok(Balancer::Aggregator(Box::new(DbMtl { parameters, averages })))
}

struct DbMtl {
    parameters: Parameters,
    /// Of the gradients of the logarithms, `[n_tasks, width]`.
    averages: TaskRows,
}

impl State for DbMtl {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.averages.data);
    }
}

impl DbMtl {
    /// Averages the gradient of a task's logarithm in; says whether there is one.
    fn average(&mut self, task: usize, gradient: &[f64], loss: f64, beta: f64) -> bool {
        let factor = (1.0 - beta) / (loss + self.parameters.epsilon);
        // A loss so small that its logarithm's gradient overflows is as good as 0.
        if factor <= 0.0 || !(factor * norm(gradient)).is_finite() {
            return false;
        }
        for (average, g) in self.averages.row_mut(task).iter_mut().zip(gradient) {
            *average = beta * *average + factor * g;
        }
        true
    }
}

impl Aggregator for DbMtl {
    fn aggregate(&mut self, jacobian: Rows, view: &StepView, direction: &mut [f64]) -> Status {
        self.averages.make_room(jacobian.width());
        let beta = decayed(self.parameters.beta, self.parameters.decay, view);
        let mut status = Status::Solved;
        let mut norms = vec![0.0; view.n()];
        for ((&task, row), i) in view.tasks.iter().zip(jacobian.iter()).zip(0..) {
            if self.average(task, row, view.losses[i], beta) {
                norms[i] = norm(self.averages.row(task));
            } else {
                status = NO_LOGARITHM;
            }
        }
        let longest = norms.iter().copied().fold(0.0, f64::max);
        direction.fill(0.0);
        for (&task, norm) in view.tasks.iter().zip(norms) {
            if norm > 0.0 {
                add(direction, longest / norm, self.averages.row(task));
            } else if status == Status::Solved {
                status = NO_LENGTH;
            }
        }
        status
    }
}

const NO_LOGARITHM: Status = Status::NoSolution {
    why: "a loss at or below 0 has no logarithm",
    instead: "its task was left out of the step",
};

const NO_LENGTH: Status = Status::NoSolution {
    why: "a gradient of 0 cannot be scaled to a length",
    instead: "its task was left out of the step",
};

#[cfg(test)]
mod tests {
    use super::super::testing::{
        J2, aggregate, assert_close, build, random_jacobian, start, state, step,
    };
    use super::*;
    use torso_core::seed::Seed;

    #[test]
    fn every_task_moves_the_parameters_as_far_as_the_longest() {
        let (n, width, mut stream) = (5, 40, Seed(23).stream("test", "", 0));
        let jacobian = random_jacobian(n, width, width, 0.3, &mut stream);
        let losses = [0.1, 3.0, 20.0, 1e-3, 7.0];
        let mut method = build(&METHOD, n, r#"{"beta": 0}"#);
        let (d, _) = step(method.as_mut(), &[0, 1, 2, 3, 4], &jacobian, &losses, 0);
        let lengths: Vec<f64> =
            jacobian.chunks(width).zip(losses).map(|(row, loss)| norm(row) / loss).collect();
        let longest = lengths.iter().copied().fold(0.0, f64::max);
        // Each row's unit vector, by finite differences of the logarithm of a linear loss.
        let mut expected = vec![0.0; width];
        for (row, (loss, length)) in jacobian.chunks(width).zip(losses.iter().zip(&lengths)) {
            for (e, g) in expected.iter_mut().zip(row) {
                let h = 1e-6 * loss / g.abs().max(1e-3);
                let slope = ((loss + h * g).ln() - (loss - h * g).ln()) / (2.0 * h);
                *e += longest * slope / length;
            }
        }
        assert_close(&d, &expected, 1e-6 * longest);
    }

    #[test]
    fn the_average_is_that_of_the_series() {
        let mut method = build(&METHOD, 1, r#"{"beta": 0.8, "decay": 0.5}"#);
        let series = [(2.0, 1.0), (-1.0, 0.5), (0.5, 2.0), (3.0, 3.0)];
        let mut expected = 0.0;
        for (at, (g, loss)) in series.into_iter().enumerate() {
            let beta = 0.8 / (at as f64 + 1.0).sqrt();
            expected = beta * expected + (1.0 - beta) * g / loss;
            let (d, status) = step(method.as_mut(), &[0], &[g], &[loss], at);
            assert_eq!(status, Status::Solved);
            assert_close(&d, &[expected], 1e-15);
        }
    }

    #[test]
    fn golden() {
        // Both rows at the length of the second, sqrt(38); a tenth of it at the first step.
        let (d, _) = aggregate(&METHOD, 2, &J2, "{}");
        let scale = (38.0_f64 / 18.0).sqrt();
        let expected = [6.0 - 4.0 * scale, 1.0 + scale, 1.0 + scale].map(|d| 0.1 * d);
        assert_close(&d, &expected, 1e-14);
    }

    #[test]
    fn losses_and_gradients_of_zero_are_left_out_with_a_word() {
        let mut method = build(&METHOD, 2, r#"{"beta": 0}"#);
        let (d, status) = step(method.as_mut(), &[0, 1], &J2, &[0.0, 2.0], 0);
        assert_eq!(status, NO_LOGARITHM);
        assert_close(&d, &[3.0, 0.5, 0.5], 1e-15);
        assert_eq!(state(method.as_mut())[0][..3], [0.0; 3]);
        let jacobian = [0.0, 0.0, 0.0, 3.0, 4.0, 0.0];
        let (d, status) = step(method.as_mut(), &[0, 1], &jacobian, &[1.0; 2], 1);
        assert_eq!(status, NO_LENGTH);
        assert_close(&d, &[3.0, 4.0, 0.0], 1e-15);
    }

    #[test]
    fn a_task_that_is_not_there_keeps_its_average() {
        let mut method = build(&METHOD, 3, "{}");
        step(method.as_mut(), &[0, 1, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[1.0; 3], 0);
        let before = state(method.as_mut());
        step(method.as_mut(), &[0, 2], &[-1.0, 0.0, 7.0, 1.0], &[1.0; 2], 1);
        let after = state(method.as_mut());
        assert_eq!(before[0][2..4], after[0][2..4]);
        assert_ne!(before[0][4..], after[0][4..]);
    }

    #[test]
    fn a_beta_that_never_learns_is_refused() {
        let Err(error) = start(&METHOD, 2, r#"{"beta": 1}"#) else { panic!("took a beta of 1") };
        assert!(error.to_string().contains("found 1"), "{error}");
    }
}
