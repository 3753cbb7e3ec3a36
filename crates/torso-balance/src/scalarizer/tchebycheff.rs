//! Tchebycheff scalarization: only the task that is worst off counts.
//!
//! # Formula
//! `f = max_t p_t (L_t - z_t)` with a preference `p [T]` of sum 1 and an ideal point `z [T]`. The
//! weights are `p_t` for the task where the maximum lies, 0 for the others.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `preference` | equal | a number of at least 0 for each task, not all 0 | the definition |
//! | `ideal` | 0 | a number for each task | losses are not negative |
//!
//! # Cost
//! One backward pass, no state.
//!
//! # Claims
//! The order of the tasks does not matter; the step is proportional to the gradients.
//!
//! # Differs from
//! The classical form takes `|L_t - z_t|`, the same for an ideal point, which no loss falls below.
//! `f` has a kink where tasks tie, and their weights are any convex combination there: tied tasks
//! share equally. Smooth Tchebycheff (`stch`) has no kinks. With two tasks of which one is always
//! worse, the other is not trained at all.
//!
//! # References
//! Bowman, *On the Relationship of the Tchebycheff Norm and the Efficient Frontier of
//! Multiple-Criteria Objectives* (1976). Miettinen, *Nonlinear Multiobjective Optimization* (1999).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::{Scalarizer, of_tasks};
use crate::setup::Allowed;
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "tchebycheff",
        family: Family::Balance,
        title: "Tchebycheff scalarization",
        section: "A.16",
        formula: "f = max_t p_t (L_t - z_t)",
        parameters: &[
            Parameter {
                name: "preference",
                default: "null",
                range: "a number of at least 0 for each task",
                about: "what each task's excess counts, scaled to sum 1; equal if not given (the \
                        definition)",
            },
            Parameter {
                name: "ideal",
                default: "null",
                range: "a number for each task",
                about: "what each loss is compared with; 0 if not given (losses are not negative)",
            },
        ],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Bowman",
            title: "On the Relationship of the Tchebycheff Norm and the Efficient Frontier of \
                    Multiple-Criteria Objectives",
            venue: "Multiple Criteria Decision Making, LNE 130",
            year: 1976,
        },
    },
    sees: Sees::Losses,
    heads: Heads::Weighted,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    preference: Option<Vec<f64>>,
    ideal: Option<Vec<f64>>,
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { preference, ideal } = setup.parameters(&METHOD.method)?;
    let preference = setup.preference(&METHOD.method, preference)?;
    let ideal = of_tasks(setup, &METHOD.method, "ideal", ideal, 0.0, Allowed::Finite)?;
    Ok(Balancer::Scalarizer(Box::new(Tchebycheff { preference, ideal })))
}

struct Tchebycheff {
    preference: Vec<f64>,
    ideal: Vec<f64>,
}

impl State for Tchebycheff {}

impl Scalarizer for Tchebycheff {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        let excess = |(&t, loss): (&usize, &f64)| self.preference[t] * (loss - self.ideal[t]);
        let excesses: Vec<f64> = view.tasks.iter().zip(view.losses).map(excess).collect();
        let largest = excesses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let tied = excesses.iter().filter(|&&excess| excess >= largest).count() as f64;
        for ((weight, excess), &task) in weights.iter_mut().zip(excesses).zip(view.tasks) {
            *weight = if excess >= largest { self.preference[task] / tied } else { 0.0 };
        }
        Status::Solved
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, build, concave, descend, refusal, slopes, weigh};
    use super::*;

    #[test]
    fn weights_are_the_slopes_of_the_maximum() {
        let (p, z) = ([0.5, 0.3, 0.2], [0.1, -1.0, 0.0]);
        let settings = r#"{"preference": [5, 3, 2], "ideal": [0.1, -1, 0]}"#;
        let f = |losses: &[f64]| {
            (0..3).map(|t| p[t] * (losses[t] - z[t])).fold(f64::NEG_INFINITY, f64::max)
        };
        for (losses, worst) in [([3.0, 1.0, 2.0], 0), ([1.0, 1.0, 2.0], 1), ([1.0, 1.0, 9.0], 2)] {
            let (weights, status) = weigh(&METHOD, &losses, settings);
            assert_eq!(status, Status::Solved);
            assert!(weights[worst] > 0.0);
            assert_close(&weights, &slopes(f, &losses), 1e-9);
        }
    }

    #[test]
    fn tied_tasks_share() {
        assert_close(
            &weigh(&METHOD, &[2.0, 2.0, 1.0], "{}").0,
            &[1.0 / 6.0, 1.0 / 6.0, 0.0],
            1e-16,
        );
        assert_close(&weigh(&METHOD, &[0.0, 0.0], "{}").0, &[0.25, 0.25], 1e-16);
    }

    #[test]
    fn it_reaches_a_concave_front_where_the_preference_says() {
        for (settings, p) in [("{}", [1.0, 1.0]), (r#"{"preference": [6, 4]}"#, [6.0, 4.0])] {
            let losses = descend(build(&METHOD, 2, settings).as_mut(), 0.4);
            assert!((p[0] * losses[0] / (p[1] * losses[1]) - 1.0).abs() < 2e-3, "{losses:?}");
        }
        // Both losses are strictly between those of the ends.
        assert!(concave(0.0).0.iter().all(|&l| l > 0.6 && l < 0.7));
    }

    #[test]
    fn an_ideal_of_wrong_length_is_refused() {
        let message = refusal(&METHOD, 2, r#"{"ideal": [0, 0, 0]}"#);
        assert!(message.contains("`ideal` with one number for each task, found 3"), "{message}");
        assert!(refusal(&METHOD, 2, r#"{"preference": [0, 0]}"#).contains("found 0"));
    }
}
