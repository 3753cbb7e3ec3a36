//! The sum of the logarithms of the losses: scale-invariant weights.
//!
//! # Formula
//! `f = sum_t log L_t`, so `w_t = 1 / L_t`.
//!
//! # Parameters
//! None.
//!
//! # Cost
//! One backward pass, no state.
//!
//! # Claims
//! A factor on a loss (and its gradient) changes nothing; the order of the tasks does not matter.
//!
//! # Differs from
//! The same direction as the geometric mean of losses, `f_gls = exp(f / n)`, but for a length
//! that does not shrink with the losses: steps neither vanish nor settle by themselves, and the
//! learning rate must fall. A loss at or below 0 has no logarithm: its task is left out, with a
//! status.
//!
//! # References
//! The scale-invariant baseline of Navon et al., *Multi-Task Learning as a Bargaining Game* (2022).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method};

use super::{Scalarizer, has_logarithm, of_logarithms};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "log-sum",
        family: Family::Balance,
        title: "sum of log losses",
        section: "A.0",
        formula: "f = sum_t log L_t; w_t = 1 / L_t",
        parameters: &[],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Navon, Shamsian, Achituve, Maron, Kawaguchi, Chechik, Fetaya",
            title: "Multi-Task Learning as a Bargaining Game",
            venue: "ICML",
            year: 2022,
        },
    },
    sees: Sees::Losses,
    heads: Heads::Weighted,
    claims: &[Claim::ScaleInvariant, Claim::Permutes],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters {} = setup.parameters(&METHOD.method)?;
    Ok(Balancer::Scalarizer(Box::new(LogSum)))
}

struct LogSum;

impl State for LogSum {}

impl Scalarizer for LogSum {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        for (weight, &loss) in weights.iter_mut().zip(view.losses) {
            *weight = if has_logarithm(loss) { 1.0 / loss } else { 0.0 };
        }
        of_logarithms(view.losses)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, slopes, weigh};
    use super::*;

    #[test]
    fn weights_are_the_slopes_of_the_sum_of_logarithms() {
        let losses = [0.5, 2.0, 8.0];
        let (weights, status) = weigh(&METHOD, &losses, "{}");
        assert_eq!(status, Status::Solved);
        assert_eq!(weights, [2.0, 0.5, 0.125]);
        let f = |losses: &[f64]| losses.iter().map(|l| l.ln()).sum();
        assert_close(&weights, &slopes(f, &losses), 1e-9);
    }

    #[test]
    fn the_direction_is_that_of_the_geometric_mean() {
        let losses = [0.02, 3.0, 700.0];
        let (weights, _) = weigh(&METHOD, &losses, "{}");
        let (geometric, _) = weigh(&super::super::gls::METHOD, &losses, "{}");
        let ratios: Vec<f64> = weights.iter().zip(&geometric).map(|(a, b)| a / b).collect();
        assert_close(&ratios, &[ratios[0]; 3], 1e-13);
    }

    #[test]
    fn a_loss_without_logarithm_is_left_out_with_a_status() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-310] {
            let (weights, status) = weigh(&METHOD, &[4.0, bad], "{}");
            assert!(matches!(status, Status::NoSolution { .. }));
            assert_eq!(weights, [0.25, 0.0]);
        }
    }
}
