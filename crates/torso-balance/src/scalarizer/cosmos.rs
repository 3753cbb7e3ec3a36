//! The objective of COSMOS: a weighted sum, less a reward for losses in the direction of the
//! weights.
//!
//! # Formula
//! `f = p . L - lambda cos(p, L)` for a preference `p [T]` of sum 1. The weights are
//! `p - (lambda / |L|) (u - cos(p, L) L / |L|)` with `u = p / |p|`, `[n]`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | 2 | at least 0 | the official code; the paper's data sets: 0.01 to 8 |
//! | `preference` | equal | a number of at least 0 for each task, not all 0 | ours |
//!
//! # Cost
//! One backward pass, no state.
//!
//! # Claims
//! The order of the tasks does not matter.
//!
//! # Differs from
//! In the paper `p` is drawn from a Dirichlet distribution at each step and is an input of the
//! network, so that one training gives a whole front. That network is no part of this: `p` is
//! fixed, and the result is one point. The objective is the same, as in the official code and
//! TorchJD. The reward depends on the scale of the losses: the smaller they are, the more the
//! cosine outweighs the sum. Where every loss is 0 the cosine has no slope, and the sum alone is
//! descended, with a status. Weights can be negative: a task that is better off than its share is
//! driven back, its head included.
//!
//! # References
//! Ruchte, Grabocka, *Scalable Pareto Front Approximation for Deep Multi-Objective Learning*
//! (2021).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::{Scalarizer, dot};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "cosmos",
        family: Family::Balance,
        title: "weighted sum with a cosine reward",
        section: "A",
        formula: "f = p . L - lambda cos(p, L)",
        parameters: &[
            Parameter {
                name: "lambda",
                default: "2",
                range: "at least 0",
                about: "how much the direction of the losses counts (the official code; the \
                        paper: 0.01 to 8)",
            },
            Parameter {
                name: "preference",
                default: "null",
                range: "a number of at least 0 for each task",
                about: "the direction in which losses are to lie, scaled to sum 1; equal if not \
                        given (ours)",
            },
        ],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Ruchte, Grabocka",
            title: "Scalable Pareto Front Approximation for Deep Multi-Objective Learning",
            venue: "ICDM",
            year: 2021,
        },
    },
    sees: Sees::Losses,
    heads: Heads::Weighted,
    claims: &[Claim::Permutes],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    lambda: f64,
    preference: Option<Vec<f64>>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { lambda: 2.0, preference: None }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { lambda, preference } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "lambda", lambda, Allowed::NotNegative)?;
    let preference = setup.preference(&METHOD.method, preference)?;
    Ok(Balancer::Scalarizer(Box::new(Cosmos { lambda, preference })))
}

struct Cosmos {
    lambda: f64,
    preference: Vec<f64>,
}

impl State for Cosmos {}

impl Scalarizer for Cosmos {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        // The weights start as p.
        let own = weights.iter_mut().zip(view.tasks);
        own.for_each(|(weight, &task)| *weight = self.preference[task]);
        let length = dot(weights, weights).sqrt();
        let size = dot(view.losses, view.losses).sqrt();
        if length == 0.0 || size == 0.0 {
            return Status::NoSolution {
                why: "the cosine is not defined where all losses or preferences are 0",
                instead: "the weighted sum alone was descended",
            };
        }
        let cosine = dot(weights, view.losses) / (length * size);
        for (weight, loss) in weights.iter_mut().zip(view.losses) {
            *weight -= self.lambda / size * (*weight / length - cosine * loss / size);
        }
        Status::Solved
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, build, descend, slopes, weigh};
    use super::*;

    fn cosine(a: &[f64], b: &[f64]) -> f64 {
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn weights_are_the_slopes_of_the_objective() {
        let p = [0.5, 0.3, 0.2];
        for losses in [[3.0, 1.0, 2.0], [-0.3, 0.1, 0.02]] {
            for lambda in [0.0, 0.01, 2.0, 8.0] {
                let f = |losses: &[f64]| dot(&p, losses) - lambda * cosine(&p, losses);
                let settings = format!(r#"{{"lambda": {lambda}, "preference": [5, 3, 2]}}"#);
                let (weights, status) = weigh(&METHOD, &losses, &settings);
                assert_eq!(status, Status::Solved);
                assert_close(&weights, &slopes(f, &losses), 1e-7);
            }
        }
    }

    #[test]
    fn the_reward_pulls_across_the_losses_only() {
        // The cosine does not change along L, so w . L = p . L.
        let losses = [0.2, 1.0, 5.0];
        let (weights, _) = weigh(&METHOD, &losses, "{}");
        assert!((dot(&weights, &losses) - 6.2 / 3.0).abs() < 1e-14);
        let (weights, _) = weigh(&METHOD, &[3.0, 4.0], r#"{"preference": [3, 4]}"#);
        assert_close(&weights, &[3.0 / 7.0, 4.0 / 7.0], 1e-15);
    }

    #[test]
    fn a_high_reward_finds_the_preferred_point_of_a_concave_front() {
        let preference = [4.0, 6.0];
        let reached = |lambda: &str| {
            let settings = format!(r#"{{"lambda": {lambda}, "preference": [4, 6]}}"#);
            descend(build(&METHOD, 2, &settings).as_mut(), 0.4)
        };
        assert!(cosine(&reached("8"), &preference) > 0.999);
        // Without it a sum ends where one loss is almost 0.
        assert!(reached("0").iter().any(|&l| l < 1e-2));
    }

    #[test]
    fn losses_of_zero_leave_the_sum_with_a_status() {
        let (weights, status) = weigh(&METHOD, &[0.0, 0.0], r#"{"preference": [1, 3]}"#);
        assert!(matches!(status, Status::NoSolution { .. }));
        assert_eq!(weights, [0.25, 0.75]);
        let (weights, status) = weigh(&METHOD, &[0.0, 1e-100], "{}");
        assert!(status == Status::Solved && weights.iter().all(|w| w.is_finite()));
    }
}
