//! `ConFIG`: the direction with the same angle to every task's gradient, as long as the sum of the
//! gradients' projections onto it.
//!
//! # Formula
//! `d = (sum_t g_t . u) u`, `u = unit(pinv(U) p)`, where the rows of `U [n, width]` are the unit
//! gradients, and `p` a preference (equal: the same cosine to each; otherwise cosines in the
//! ratios of `p`). In terms of `G = J J' [n, n]`, with `D = sqrt(diag G)`, `C = D^-1 G D^-1`:
//! `v = D^-1 pinv(C) p`, and the weights are `(1' G v) / (v' G v) v`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `preference` | equal | a number of at least 0 for each task, not all 0 | the paper |
//!
//! # Cost
//! One eigendecomposition: about `10 n^3` operations.
//!
//! # Claims
//! Where there is a solution: `J d > 0`, and scaling a task's loss does not turn `d`.
//!
//! # Differs from
//! The paper and the other codes tell it with the Jacobian, whose pseudo-inverse they take. The
//! direction lies in the span of the gradients, so that the Gramian is enough, and `J` need not be
//! at hand. Below full rank no direction need have equal angles: the status says so, and the
//! pseudo-inverse is used. `preference` only counts by its ratios.
//!
//! # References
//! Liu, Chu, Thuerey, *`ConFIG`: Towards Conflict-free Training of Physics Informed Neural
//! Networks* (2024).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::Gramian;

use super::imtl_g::with_projections;
use super::{Weighting, of_view};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "config",
        family: Family::Balance,
        title: "equal angles to every gradient",
        section: "A",
        formula: "d = (sum_t g_t . u) u, u = unit(pinv(U) p), rows of U: unit gradients",
        parameters: &[Parameter {
            name: "preference",
            default: "null",
            range: "a number of at least 0 for each task",
            about: "the ratios of the cosines; equal if not given (the paper)",
        }],
        cost: "n gradients, and one eigendecomposition [n, n]",
        cite: Cite {
            authors: "Liu, Chu, Thuerey",
            title: "ConFIG: Towards Conflict-free Training of Physics Informed Neural Networks",
            venue: "arXiv 2408.11104",
            year: 2024,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::NonConflicting, Claim::ScaleInvariant, Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    preference: Option<Vec<f64>>,
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { preference } = setup.parameters(&METHOD.method)?;
    let preference = setup.preference(&METHOD.method, preference)?;
    Ok(Balancer::Weighting(Box::new(ConFig { preference })))
}

struct ConFig {
    preference: Vec<f64>,
}

impl State for ConFig {}

impl Weighting for ConFig {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let (v, status) = with_projections(gramian, &of_view(&self.preference, view));
        let square = gramian.squared_norm(&v);
        if square <= 0.0 {
            weights.fill(0.0);
            return Status::NoSolution {
                why: "no direction has the cosines asked for, nor any like them",
                instead: "the step was left out",
            };
        }
        let length: f64 = gramian.times(&v).iter().sum();
        weights.iter_mut().zip(&v).for_each(|(weight, v)| *weight = length / square * v);
        status
    }
}

#[cfg(test)]
mod tests {
    use super::super::imtl_g::DEPENDENT;
    use super::super::testing::{J2, assert_close, direction, random_jacobian, weigh};
    use super::*;
    use crate::Rows;
    use torso_core::seed::Seed;

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn cosines(jacobian: &[f64], n: usize, d: &[f64]) -> Vec<f64> {
        let cosine = |g: &[f64]| dot(g, d) / (dot(g, g) * dot(d, d)).sqrt();
        Rows::new(n, jacobian).iter().map(cosine).collect()
    }

    #[test]
    fn angles_are_equal_and_the_length_is_the_sum_of_projections() {
        let mut stream = Seed(31).stream("test", "", 0);
        for n in [2, 5, 20, 100] {
            let jacobian = random_jacobian(n, 300, 2 * n, 0.2, &mut stream);
            let (w, status) = weigh(&METHOD, n, &jacobian, "{}");
            assert_eq!(status, Status::Solved);
            let d = direction(&jacobian, &w);
            let cosines = cosines(&jacobian, n, &d);
            assert!(cosines.iter().all(|c| *c > 0.0 && (c / cosines[0] - 1.0).abs() < 1e-8));
            let length = dot(&d, &d).sqrt();
            let sum: f64 = Rows::new(n, &jacobian).iter().map(|g| dot(g, &d) / length).sum();
            assert!((sum / length - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_preference_gives_the_ratios_of_the_cosines() {
        let mut stream = Seed(32).stream("test", "", 0);
        let jacobian = random_jacobian(3, 9, 9, 0.0, &mut stream);
        let (w, _) = weigh(&METHOD, 3, &jacobian, r#"{"preference": [1, 2, 4]}"#);
        let cosines = cosines(&jacobian, 3, &direction(&jacobian, &w));
        assert_close(&[cosines[1] / cosines[0], cosines[2] / cosines[0]], &[2.0, 4.0], 1e-9);
    }

    #[test]
    fn golden() {
        let (w, status) = weigh(&METHOD, 2, &J2, "{}");
        assert_eq!(status, Status::Solved);
        let expected = [0.158_808_975_807_939_48, 2.070_606_758_062_62, 2.070_606_758_062_62];
        assert_close(&direction(&J2, &w), &expected, 1e-13);
        let j3 = [1.0, -2.0, 0.5, 3.0, -2.0, 1.5, 1.0, -1.0, 0.5, 1.0, -3.0, 2.0];
        let d = direction(&j3, &weigh(&METHOD, 3, &j3, "{}").0);
        assert_close(
            &d,
            &[-1.881_665_563_2, 0.956_299_983_8, 0.365_126_415_8, 2.531_790_277_6],
            1e-9,
        );
        let j3c = [3.0, 0.0, 0.2, 0.0, -2.5, 1.0, 0.0, 0.3, -1.0, -1.5, 2.0, 0.1];
        let d = direction(&j3c, &weigh(&METHOD, 3, &j3c, "{}").0);
        assert_close(
            &d,
            &[0.149_154_940_3, 0.816_643_702_4, 0.950_977_590_8, 0.436_090_803_3],
            1e-9,
        );
    }

    #[test]
    fn dependent_gradients_have_a_status() {
        let [g, h] = [[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]];
        let (w, status) = weigh(&METHOD, 3, [g, g, h].as_flattened(), "{}");
        assert_eq!(status, DEPENDENT);
        assert!((w[0] - w[1]).abs() < 1e-14);
        let (w, status) = weigh(&METHOD, 2, &[1.0, 2.0, -2.0, -4.0], "{}");
        assert!(matches!(status, Status::NoSolution { instead: "the step was left out", .. }));
        assert_eq!(w, [0.0, 0.0]);
    }
}
