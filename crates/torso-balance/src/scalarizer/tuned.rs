//! Fixed weights, drawn anew in each tuning trial and chosen on validation rows.
//!
//! # Formula
//! `w = T softmax(spread * z)`, `z ~ N(0, I)`, drawn once per trial; the first trial has `w = 1`.
//! With a single trial this is equal weights.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `spread` | 1 | at least 0 | ours: most weights lie within a factor of 3 of each other |
//!
//! # Differs from
//! A grid over the simplex, which nobody can afford beyond three tasks.
//!
//! # References
//! Xin et al., *Do Current Multi-Task Optimization Methods in Deep Learning Even Help?* (2022).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::normal;

use super::Fixed;
use crate::setup::{Allowed, check};
use crate::{BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "tuned",
        family: Family::Balance,
        title: "tuned fixed weights",
        section: "3.1",
        formula: "w = T softmax(spread * z), z ~ N(0, I) drawn once per tuning trial",
        parameters: &[Parameter {
            name: "spread",
            default: "1",
            range: "at least 0",
            about: "how far the weights of a trial spread (ours)",
        }],
        cost: "1 backward pass in each tuning trial",
        cite: Cite {
            authors: "Xin, Ghorbani, Gilmer, Garg, Firat",
            title: "Do Current Multi-Task Optimization Methods in Deep Learning Even Help?",
            venue: "NeurIPS",
            year: 2022,
        },
    },
    sees: Sees::Losses,
    heads: Heads::Weighted,
    claims: &[Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default = "one")]
    spread: f64,
}

fn one() -> f64 {
    1.0
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { spread } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "spread", spread, Allowed::NotNegative)?;
    Ok(Balancer::Scalarizer(Box::new(Fixed(weights(setup, spread)))))
}

fn weights(setup: &Setup, spread: f64) -> Vec<f64> {
    let n_tasks = setup.n_tasks();
    if setup.trial == 0 {
        return vec![1.0; n_tasks];
    }
    let mut stream = setup.seed.stream("tuned-weights", "", setup.trial as u64);
    let draws: Vec<f64> = (0..n_tasks).map(|_| (spread * normal(&mut stream)).exp()).collect();
    let total: f64 = draws.iter().sum();
    draws.iter().map(|draw| draw / total * n_tasks as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossForm;
    use torso_core::seed::Seed;

    #[test]
    fn weights_sum_to_the_number_of_tasks_and_the_first_trial_is_equal() {
        let settings = serde_json::Map::new();
        let setup = |trial| Setup {
            forms: &[LossForm::Squared; 5],
            settings: &settings,
            trial,
            seed: Seed(1),
        };
        assert_eq!(weights(&setup(0), 1.0), [1.0; 5]);
        let drawn = weights(&setup(1), 1.0);
        assert!((drawn.iter().sum::<f64>() - 5.0).abs() < 1e-12);
        assert!(drawn.iter().all(|w| *w > 0.0));
        assert_ne!(drawn, weights(&setup(2), 1.0));
        assert!(weights(&setup(1), 0.0).iter().all(|w| (w - 1.0).abs() < 1e-12));
    }
}
