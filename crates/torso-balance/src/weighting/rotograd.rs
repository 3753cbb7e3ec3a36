//! RotoGrad: gradients of the representation made alike in length by weights, and in direction by
//! rotations.
//!
//! # Formula
//! Every task reads the representation `Z [B, k]` through a rotation of its own, `Z R_t`. With the
//! gradients `G_t = dL_t/dZ`:
//! - lengths: `w_t = C / |G_t|`, so that each has the length `C = sum_t a_t |G_t|`, where `a_t` is
//!   `|G_t| / |G_t at first|`, divided by the sum of these; "at first" is the first step that has the
//!   task, and again that of number `burn-in`;
//! - directions: `R_t` turns along which `|V R_t - dL_t/d(Z R_t)|^2` falls, where `V` is the mean of
//!   the `G_t` at one length.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `burn-in` | 20 | a whole number of at least 1 | the official code |
//! | `rotation-lr` | 0.05 | at least 0 | ours: radians a step at most |
//!
//! # Cost
//! A walk back through the heads for each task and one through the trunk; a product and a solution
//! of `k` unknowns for each rotation, and `T k^2` numbers.
//!
//! # Claims
//! The order of the tasks does not matter; the step is proportional to the gradients.
//!
//! # Differs from
//! The official code moves the rotations by an optimizer of the user's through a matrix exponential;
//! here each step is Cayley's, its length told in radians. Where the mean of the gradients is zero,
//! which leaves that code without a direction, the first task's gradient is the reference. Rotations
//! need heads side by side: tasks that are groups of rows are refused.
//!
//! # References
//! Javaloy, Valera, *RotoGrad: Gradient Homogenization in Multitask Learning* (2022).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::Gramian;

use super::Weighting;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "rotograd",
        family: Family::Balance,
        title: "gradients of one length, turned to one direction",
        section: "A.17",
        formula: "w_t = C / |G_t|, C = sum_t a_t |G_t|; R_t turns down |V R_t - dL_t/d(Z R_t)|^2",
        parameters: &[
            Parameter {
                name: "burn-in",
                default: "20",
                range: "a whole number of at least 1",
                about: "the step whose lengths are the first ones from then on (the official code)",
            },
            Parameter {
                name: "rotation-lr",
                default: "0.05",
                range: "at least 0",
                about: "how far a rotation turns in a step at most, in radians (ours)",
            },
        ],
        cost: "1 walk back through the trunk, n through the heads; k^3 for each rotation",
        cite: Cite {
            authors: "Javaloy, Valera",
            title: "RotoGrad: Gradient Homogenization in Multitask Learning",
            venue: "ICLR",
            year: 2022,
        },
    },
    sees: Sees::Rotated,
    heads: Heads::Own,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Parameters {
    burn_in: u32,
    rotation_lr: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { burn_in: 20, rotation_lr: 0.05 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { burn_in, rotation_lr } = setup.parameters(&METHOD.method)?;
    let burn_in = f64::from(burn_in);
    check(&METHOD.method, "burn-in", burn_in, Allowed::Count)?;
    check(&METHOD.method, "rotation-lr", rotation_lr, Allowed::NotNegative)?;
    let n = setup.n_tasks();
    let first = vec![0.0; n];
    Ok(Balancer::Weighting(Box::new(RotoGrad { burn_in, rotation_lr, first, steps: vec![0.0; n] })))
}

struct RotoGrad {
    burn_in: f64,
    rotation_lr: f64,
    /// The first length of each task's gradient; 0 before it was seen.
    first: Vec<f64>,
    /// The steps that had each task.
    steps: Vec<f64>,
}

impl State for RotoGrad {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.first);
        visitor(&mut self.steps);
    }
}

impl Weighting for RotoGrad {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let lengths: Vec<f64> = gramian.diagonal().map(f64::sqrt).collect();
        let mut ratios = vec![0.0; view.n()];
        for ((ratio, length), &task) in ratios.iter_mut().zip(&lengths).zip(view.tasks) {
            let (first, steps) = (&mut self.first[task], &mut self.steps[task]);
            if *first == 0.0 || (*steps - self.burn_in).abs() < 0.5 {
                *first = *length;
            }
            *steps += 1.0;
            *ratio = if *first > 0.0 { length / *first } else { 0.0 };
        }
        let sum: f64 = ratios.iter().sum();
        let common: f64 =
            ratios.iter().zip(&lengths).map(|(r, length)| r * length).sum::<f64>() / sum;
        let mut status = Status::Solved;
        for (weight, length) in weights.iter_mut().zip(&lengths) {
            *weight = if *length > 0.0 && sum > 0.0 { common / length } else { 0.0 };
            if *weight == 0.0 {
                status = Status::NoSolution {
                    why: "the gradient of a task is zero",
                    instead: "that task was left out",
                };
            }
        }
        status
    }

    fn rotation_rate(&self) -> f64 {
        self.rotation_lr
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, build, weigh};
    use super::*;

    #[test]
    fn every_gradient_gets_the_common_length() {
        // Lengths 5 and 1, both their own first ones: ratios 1, C = (5 + 1) / 2.
        let (w, status) = weigh(&METHOD, 2, &[3.0, 4.0, 0.0, -1.0], "{}");
        assert_eq!(status, Status::Solved);
        assert_close(&w, &[3.0 / 5.0, 3.0], 1e-15);
    }

    #[test]
    fn tasks_that_lag_behind_set_the_length_until_the_burn_in_starts_anew() {
        let mut method = build(&METHOD, 2, r#"{"burn-in": 2}"#);
        let mut step = |lengths: [f64; 2]| {
            let gramian = Gramian::new(2, vec![lengths[0].powi(2), 0.0, 0.0, lengths[1].powi(2)]);
            let view =
                StepView { tasks: &[0, 1], losses: &[1.0; 2], cross: &[], step: 0, epoch: 0 };
            let mut weights = [0.0; 2];
            method.weigh(&gramian, &view, &mut weights);
            [weights[0] * lengths[0], weights[1] * lengths[1]]
        };
        assert_close(&step([4.0, 4.0]), &[4.0, 4.0], 1e-14);
        // Ratios 1/4 and 1: C = (1/4 * 1 + 1 * 4) / (5/4).
        assert_close(&step([1.0, 4.0]), &[3.4, 3.4], 1e-14);
        assert_close(&step([1.0, 3.0]), &[2.0, 2.0], 1e-14);
        // From here on beside (1, 3): ratios 2 and 1.
        assert_close(&step([2.0, 3.0]), &[7.0 / 3.0, 7.0 / 3.0], 1e-14);
    }

    #[test]
    fn a_gradient_of_zero_is_left_out_and_it_is_said() {
        let (w, status) = weigh(&METHOD, 2, &[3.0, 4.0, 0.0, 0.0], "{}");
        assert!(matches!(status, Status::NoSolution { .. }));
        assert_close(&w, &[1.0, 0.0], 1e-15);
    }
}
