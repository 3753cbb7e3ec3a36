//! Geometric loss strategy: the geometric mean of the losses.
//!
//! # Formula
//! Over the `n` tasks in view `f = (prod_t L_t)^(1/n)`, so `w_t = f / (n L_t)`.
//!
//! # Parameters
//! None.
//!
//! # Cost
//! One backward pass, no state.
//!
//! # Claims
//! A factor on one loss scales the whole step and does not turn it; the order of the tasks does
//! not matter; the step is proportional to the gradients.
//!
//! # Differs from
//! LibMTL multiplies losses, which overflows with many tasks; here logarithms are averaged. A loss
//! at or below 0 has no logarithm: at 0 the product and all its slopes but one are 0. Its task is
//! then left out, with a status, and the mean is that of the others. The paper's weight on some of
//! the losses is not offered.
//!
//! # References
//! Chennupati et al., *`MultiNet++`: Multi-Stream Feature Aggregation and Geometric Loss Strategy
//! for Multi-Task Learning* (2019).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method};

use super::{Scalarizer, has_logarithm, of_logarithms};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "gls",
        family: Family::Balance,
        title: "geometric mean of losses",
        section: "A.8",
        formula: "f = (prod_t L_t)^(1/n); w_t = f / (n L_t)",
        parameters: &[],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Chennupati, Sistu, Yogamani, Rawashdeh",
            title: "MultiNet++: Multi-Stream Feature Aggregation and Geometric Loss Strategy for \
                    Multi-Task Learning",
            venue: "CVPR Workshops",
            year: 2019,
        },
    },
    sees: Sees::Losses,
    heads: Heads::Weighted,
    claims: &[Claim::ScaleInvariant, Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters {} = setup.parameters(&METHOD.method)?;
    Ok(Balancer::Scalarizer(Box::new(Gls)))
}

struct Gls;

impl State for Gls {}

impl Scalarizer for Gls {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        let logs = || view.losses.iter().filter(|loss| has_logarithm(**loss)).map(|l| l.ln());
        let n = logs().count() as f64;
        let mean = logs().sum::<f64>() / n;
        for (weight, &loss) in weights.iter_mut().zip(view.losses) {
            // The ratio itself may overflow where losses are hundreds of magnitudes apart.
            let ratio = || (mean - loss.ln()).exp().min(f64::MAX);
            *weight = if has_logarithm(loss) { ratio() / n } else { 0.0 };
        }
        of_logarithms(view.losses)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, slopes, weigh};
    use super::*;

    fn mean(losses: &[f64]) -> f64 {
        losses.iter().product::<f64>().powf(1.0 / losses.len() as f64)
    }

    #[test]
    fn weights_are_the_slopes_of_the_geometric_mean() {
        for losses in [&[0.5, 2.0, 8.0][..], &[0.3], &[1e-3, 1.0], &[0.1, 0.2, 0.3, 0.4, 0.5]] {
            let (weights, status) = weigh(&METHOD, losses, "{}");
            assert_eq!(status, Status::Solved);
            let expected = slopes(mean, losses);
            let scale = expected.iter().copied().fold(0.0, f64::max);
            assert_close(&weights, &expected, 1e-9 * scale);
        }
    }

    #[test]
    fn every_weighted_loss_is_the_mean_over_the_number_of_tasks() {
        let losses = [0.5, 2.0, 8.0];
        let (weights, _) = weigh(&METHOD, &losses, "{}");
        let weighted: Vec<f64> = weights.iter().zip(losses).map(|(w, l)| w * l).collect();
        assert_close(&weighted, &[2.0 / 3.0; 3], 1e-15);
    }

    #[test]
    fn many_losses_neither_overflow_nor_vanish() {
        for loss in [1e-10, 1e15] {
            let (weights, _) = weigh(&METHOD, &[loss; 100], "{}");
            assert_close(&weights, &[0.01; 100], 1e-15);
        }
        let (weights, _) = weigh(&METHOD, &[1e-299, 1e300, 1e300, 1e300], "{}");
        assert!(weights.iter().all(|w| w.is_finite()));
    }

    #[test]
    fn a_loss_without_logarithm_is_left_out_with_a_status() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let (weights, status) = weigh(&METHOD, &[4.0, bad, 1.0], "{}");
            assert!(matches!(status, Status::NoSolution { .. }));
            assert_close(&weights, &[0.25, 0.0, 1.0], 1e-15);
        }
        assert_eq!(weigh(&METHOD, &[0.0, 0.0], "{}").0, [0.0, 0.0]);
    }
}
