//! Penalty-based boundary intersection: a short way along a direction, near to it.
//!
//! # Formula
//! With `u = p / |p|` for a preference `p [T]`, an ideal point `z [T]` and `v = L - z`:
//! `f = d1 + theta d2`, where `d1 = v . u` is the way along `u` and `d2 = |v - d1 u|` the distance
//! from it. The weights are `u + theta (v - d1 u) / d2`, `[n]`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `theta` | 5 | at least 0 | the paper |
//! | `preference` | equal | a number of at least 0 for each task, not all 0 | ours |
//! | `ideal` | 0 | a number for each task | losses are not negative |
//!
//! # Cost
//! One backward pass, no state.
//!
//! # Claims
//! The order of the tasks does not matter; the step is proportional to the gradients.
//!
//! # Differs from
//! In MOEA/D many such problems with directions of their own are solved side by side by evolution,
//! and `d1` is an absolute value, the same for an ideal point, which no loss falls below. On the
//! ray `f` has a kink, and the weights there are `u`, the middle of its slopes; TorchJD adds
//! `1e-12` under the root of `d2`, which is not small beside the squares of small losses. Weights
//! can be negative: a task that is better off than its share is driven back to the ray, its head
//! included.
//!
//! # References
//! Zhang, Li, *MOEA/D: A Multiobjective Evolutionary Algorithm Based on Decomposition* (2007).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::{Scalarizer, dot, of_tasks};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "pbi",
        family: Family::Balance,
        title: "penalty-based boundary intersection",
        section: "A",
        formula: "f = d1 + theta d2: the way of L - z along the preference, and its distance from \
                  it",
        parameters: &[
            Parameter {
                name: "theta",
                default: "5",
                range: "at least 0",
                about: "how much the distance from the direction counts (the paper)",
            },
            Parameter {
                name: "preference",
                default: "null",
                range: "a number of at least 0 for each task",
                about: "the direction in which losses are to lie; equal if not given (ours)",
            },
            Parameter {
                name: "ideal",
                default: "null",
                range: "a number for each task",
                about: "where the direction starts; 0 if not given (losses are not negative)",
            },
        ],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Zhang, Li",
            title: "MOEA/D: A Multiobjective Evolutionary Algorithm Based on Decomposition",
            venue: "IEEE Transactions on Evolutionary Computation 11",
            year: 2007,
        },
    },
    sees: Sees::Losses,
    heads: Heads::Weighted,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

/// Below this share of its length a vector counts as lying on the ray: rounding alone is left.
const ON_THE_RAY: f64 = 1e-12;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    theta: f64,
    preference: Option<Vec<f64>>,
    ideal: Option<Vec<f64>>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { theta: 5.0, preference: None, ideal: None }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { theta, preference, ideal } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "theta", theta, Allowed::NotNegative)?;
    let preference = setup.preference(&METHOD.method, preference)?;
    let ideal = of_tasks(setup, &METHOD.method, "ideal", ideal, 0.0, Allowed::Finite)?;
    Ok(Balancer::Scalarizer(Box::new(Pbi { theta, preference, ideal })))
}

struct Pbi {
    theta: f64,
    preference: Vec<f64>,
    ideal: Vec<f64>,
}

impl State for Pbi {}

impl Scalarizer for Pbi {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        // The weights start as u.
        let own = weights.iter_mut().zip(view.tasks);
        own.for_each(|(weight, &task)| *weight = self.preference[task]);
        let length = dot(weights, weights).sqrt();
        if length == 0.0 {
            return Status::NoSolution {
                why: "no task of the step has a preference",
                instead: "every weight is 0",
            };
        }
        for weight in weights.iter_mut() {
            *weight /= length;
        }
        let mut v: Vec<f64> =
            view.losses.iter().zip(view.tasks).map(|(loss, &t)| loss - self.ideal[t]).collect();
        let (size, d1) = (dot(&v, &v).sqrt(), dot(&v, weights));
        v.iter_mut().zip(&*weights).for_each(|(v, u)| *v -= d1 * u);
        let d2 = dot(&v, &v).sqrt();
        if d2 > ON_THE_RAY * size {
            weights.iter_mut().zip(v).for_each(|(weight, v)| *weight += self.theta * v / d2);
        }
        Status::Solved
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, build, descend, refusal, slopes, weigh};
    use super::*;

    #[test]
    fn weights_are_the_slopes_of_the_objective() {
        let (p, z) = ([0.5, 0.3, 0.2], [0.1, -1.0, 0.0]);
        let length = dot(&p, &p).sqrt();
        let losses = [3.0, 1.0, 2.0];
        for theta in [0.0, 0.5, 5.0] {
            let f = |losses: &[f64]| {
                let v = [0, 1, 2].map(|t| losses[t] - z[t]);
                let d1 = dot(&v, &p) / length;
                d1 + theta * (dot(&v, &v) - d1 * d1).sqrt()
            };
            let settings =
                format!(r#"{{"theta": {theta}, "preference": [5, 3, 2], "ideal": [0.1, -1, 0]}}"#);
            let (weights, status) = weigh(&METHOD, &losses, &settings);
            assert_eq!(status, Status::Solved);
            assert_close(&weights, &slopes(f, &losses), 1e-8);
        }
    }

    #[test]
    fn the_weights_have_a_part_along_the_ray_and_one_across() {
        let (weights, _) = weigh(&METHOD, &[1e-10, 3e-10, 0.5e-10], "{}");
        let u = [3.0_f64.sqrt().recip(); 3];
        assert!((dot(&weights, &u) - 1.0).abs() < 1e-14);
        assert!((dot(&weights, &weights) - 26.0).abs() < 1e-12);
    }

    #[test]
    fn on_the_ray_the_weights_are_its_direction() {
        for losses in [[3.0, 4.0], [3e-10, 4e-10], [0.3e15, 0.4e15], [0.0, 0.0]] {
            let (weights, status) = weigh(&METHOD, &losses, r#"{"preference": [3, 4]}"#);
            assert_eq!(status, Status::Solved);
            assert_close(&weights, &[0.6, 0.8], 1e-14);
        }
        // Rounding leaves a distance from the ray here.
        for k in 1..50 {
            let losses = [1.0, 2.0, 7.0].map(|p| p * 0.37 * f64::from(k));
            let (weights, _) = weigh(&METHOD, &losses, r#"{"preference": [1, 2, 7]}"#);
            let unit = 54.0_f64.sqrt().recip();
            assert_close(&weights, &[unit, 2.0 * unit, 7.0 * unit], 1e-14);
        }
    }

    #[test]
    fn it_reaches_a_concave_front_where_the_preference_says() {
        for (settings, p) in [("{}", [1.0, 1.0]), (r#"{"preference": [4, 6]}"#, [4.0, 6.0])] {
            let losses = descend(build(&METHOD, 2, settings).as_mut(), 0.4);
            assert!((losses[0] / p[0] / (losses[1] / p[1]) - 1.0).abs() < 0.02, "{losses:?}");
        }
    }

    #[test]
    fn a_step_without_a_preferred_task_has_a_status() {
        let mut method = build(&METHOD, 3, r#"{"preference": [1, 0, 0]}"#);
        let view = StepView { tasks: &[1, 2], losses: &[1.0, 2.0], cross: &[], step: 0, epoch: 0 };
        let mut weights = [f64::NAN; 2];
        assert!(matches!(method.weigh(&view, &mut weights), Status::NoSolution { .. }));
        assert_eq!(weights.to_vec(), [0.0, 0.0]);
        assert!(refusal(&METHOD, 2, r#"{"ideal": [1]}"#).contains("`ideal`"));
    }
}
