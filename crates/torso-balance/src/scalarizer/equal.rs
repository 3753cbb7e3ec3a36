//! Fixed weights, equal if none are given: the sum of the losses.
//!
//! # Formula
//! The step descends `sum_t w_t L_t` with `w [n_tasks]` fixed; `w_t = 1` if not given.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `weights` | 1 for each task | a number of at least 0 for each task, not all 0 | the sum |
//!
//! # Cost
//! One backward pass, no state.
//!
//! # Claims
//! The order of the tasks does not matter; the step is proportional to the gradients.
//!
//! # Differs from
//! Codes that average over tasks take a step `n_tasks` times smaller at the same learning rate;
//! with Adam that makes no difference. Weights are taken as they are, not scaled to a sum.
//!
//! # References
//! Caruana, *Multitask Learning* (1997). As the baseline that is hard to beat: Kurin et al.,
//! *In Defense of the Unitary Scalarization for Deep Multi-Task Learning* (2022).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::{Fixed, of_tasks};
use crate::setup::{Allowed, check};
use crate::{BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "equal",
        family: Family::Balance,
        title: "equal weights",
        section: "3.1",
        formula: "w_t = 1, or as given",
        parameters: &[Parameter {
            name: "weights",
            default: "null",
            range: "a number of at least 0 for each task",
            about: "fixed weights, not rescaled; 1 for each task if not given (the sum)",
        }],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Caruana",
            title: "Multitask Learning",
            venue: "Machine Learning 28",
            year: 1997,
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
    weights: Option<Vec<f64>>,
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { weights } = setup.parameters(&METHOD.method)?;
    let weights = of_tasks(setup, &METHOD.method, "weights", weights, 1.0, Allowed::NotNegative)?;
    check(&METHOD.method, "weights", weights.iter().sum(), Allowed::Positive)?;
    Ok(Balancer::Scalarizer(Box::new(Fixed(weights))))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{build, refusal, weigh};
    use super::*;
    use crate::StepView;

    #[test]
    fn weights_are_ones_or_as_given() {
        assert_eq!(weigh(&METHOD, &[0.3, 7.0], "{}").0, [1.0, 1.0]);
        assert_eq!(weigh(&METHOD, &[0.3, 7.0], r#"{"weights": [3, 0.5]}"#).0, [3.0, 0.5]);
    }

    #[test]
    fn a_weight_belongs_to_a_task_not_to_a_place() {
        let mut method = build(&METHOD, 3, r#"{"weights": [1, 2, 3]}"#);
        let view = StepView { tasks: &[0, 2], losses: &[1.0, 1.0], cross: &[], step: 0, epoch: 0 };
        let mut weights = [0.0; 2];
        method.weigh(&view, &mut weights);
        assert_eq!(weights.to_vec(), [1.0, 3.0]);
    }

    #[test]
    fn weights_that_fit_no_task_are_refused() {
        for (settings, found) in [
            (r#"{"weights": [1, 2]}"#, "with one number for each task, found 2"),
            (r#"{"weights": [1, -2, 1]}"#, "at least 0, found -2"),
            (r#"{"weights": [0, 0, 0]}"#, "above 0, found 0"),
        ] {
            let message = refusal(&METHOD, 3, settings);
            assert!(message.contains(found), "{message}");
        }
    }
}
