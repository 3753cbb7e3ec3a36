//! Equal weights: the sum of the losses.
//!
//! # Formula
//! `w_t = 1`; the step descends `sum_t L_t`.
//!
//! # Differs from
//! Codes that average over tasks take a step `n_tasks` times smaller at the same learning rate;
//! with Adam that makes no difference.
//!
//! # References
//! Caruana, *Multitask Learning* (1997). As the baseline that is hard to beat: Kurin et al.,
//! *In Defense of the Unitary Scalarization for Deep Multi-Task Learning* (2022).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method};

use super::Fixed;
use crate::{BalanceError, BalanceMethod, Balancer, Setup};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "equal",
        family: Family::Balance,
        title: "equal weights",
        section: "3.1",
        formula: "w_t = 1",
        parameters: &[],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Caruana",
            title: "Multitask Learning",
            venue: "Machine Learning 28",
            year: 1997,
        },
    },
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters {} = setup.parameters(METHOD.method.id)?;
    Ok(Balancer::Scalarizer(Box::new(Fixed(vec![1.0; setup.forms.len()]))))
}
