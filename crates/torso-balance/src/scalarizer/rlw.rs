//! Random loss weighting: weights drawn anew at every step.
//!
//! # Formula
//! Over the `n` tasks in view, `w = softmax(z)` with `z ~ N(0, I_n)`, or `w ~ Dirichlet(1, .., 1)`:
//! uniform on the simplex. Either way `sum_t w_t = 1` and `E[w_t] = 1/n`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `distribution` | `"normal"` | `"normal"` or `"dirichlet"` | LibMTL and TorchJD: normal |
//!
//! # Cost
//! One backward pass, no state.
//!
//! # Claims
//! The step is proportional to the gradients.
//!
//! # Differs from
//! Nothing in the paper, LibMTL or TorchJD for normal draws: there as here weights sum to 1, so
//! that a step is on average `n` times shorter than with equal weights, which sum the losses.
//! LibMTL passes Dirichlet draws, which sum to 1 already, through a softmax, which leaves weights
//! close to equal; here they are taken as they are. A draw depends on the seed, the step and the
//! task, not on which other tasks are in view.
//!
//! # References
//! Lin, Ye, Zhang, Tsang, *Reasonable Effectiveness of Random Weighting: A Litmus Test for
//! Multi-Task Learning* (2022).

use rand::RngExt;
use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::{Seed, Stream, normal};

use super::{Scalarizer, softmax};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "rlw",
        family: Family::Balance,
        title: "random loss weighting",
        section: "A.8",
        formula: "w = softmax(z), z ~ N(0, I), or w ~ Dirichlet(1, .., 1), drawn at every step",
        parameters: &[Parameter {
            name: "distribution",
            default: "\"normal\"",
            range: "\"normal\" or \"dirichlet\"",
            about: "what the weights are drawn from (LibMTL and TorchJD: normal)",
        }],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Lin, Ye, Zhang, Tsang",
            title: "Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task \
                    Learning",
            venue: "TMLR",
            year: 2022,
        },
    },
    sees: Sees::Losses,
    heads: Heads::Weighted,
    claims: &[Claim::Homogeneous],
    build,
};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    distribution: Distribution,
}

/// What weights are drawn from.
#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Distribution {
    #[default]
    Normal,
    Dirichlet,
}

impl Distribution {
    /// The logarithm of a task's weight, but for a number common to all.
    fn draw(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Normal => normal(stream),
            // Exponential variables over their sum are uniform on the simplex.
            Self::Dirichlet => (-(1.0 - stream.random::<f64>()).ln()).max(f64::MIN_POSITIVE).ln(),
        }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { distribution } = setup.parameters(&METHOD.method)?;
    let (n_tasks, seed) = (setup.n_tasks(), setup.seed);
    Ok(Balancer::Scalarizer(Box::new(Rlw { distribution, n_tasks, seed })))
}

struct Rlw {
    distribution: Distribution,
    n_tasks: usize,
    seed: Seed,
}

impl State for Rlw {}

impl Scalarizer for Rlw {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        let mut stream = self.seed.stream("random-weights", "", view.step as u64);
        let draws: Vec<f64> =
            (0..self.n_tasks).map(|_| self.distribution.draw(&mut stream)).collect();
        weights.iter_mut().zip(view.tasks).for_each(|(weight, &task)| *weight = draws[task]);
        softmax(weights);
        Status::Solved
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{build, refusal};
    use super::*;

    const NORMAL: &str = "{}";
    const DIRICHLET: &str = r#"{"distribution": "dirichlet"}"#;

    /// The weights of many steps.
    fn many(n: usize, settings: &str) -> Vec<Vec<f64>> {
        let mut method = build(&METHOD, n, settings);
        let tasks: Vec<usize> = (0..n).collect();
        let losses = vec![1.0; n];
        let mut at = |step| {
            let view = StepView { tasks: &tasks, losses: &losses, cross: &[], step, epoch: 0 };
            let mut weights = vec![f64::NAN; n];
            method.weigh(&view, &mut weights);
            weights
        };
        (0..40_000).map(&mut at).collect()
    }

    fn moment(draws: &[Vec<f64>], task: usize, power: i32) -> f64 {
        draws.iter().map(|w| w[task].powi(power)).sum::<f64>() / draws.len() as f64
    }

    #[test]
    fn weights_sum_to_one_and_have_equal_means() {
        for settings in [NORMAL, DIRICHLET] {
            let draws = many(4, settings);
            for w in &draws {
                assert!(w.iter().all(|w| *w > 0.0) && (w.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            }
            for task in 0..4 {
                // Five standard errors.
                assert!((moment(&draws, task, 1) - 0.25).abs() < 5e-3, "{settings}");
            }
        }
    }

    #[test]
    fn dirichlet_weights_are_uniform_on_the_simplex() {
        // E[w^k] = k! (n - 1)! / (n - 1 + k)!
        let draws = many(4, DIRICHLET);
        assert!((moment(&draws, 2, 2) - 0.1).abs() < 3e-3);
        assert!((moment(&draws, 2, 3) - 0.05).abs() < 3e-3);
    }

    #[test]
    fn normal_weights_have_the_moments_of_a_softmax() {
        // For two tasks w is the logistic function of N(0, 2): its second moment by quadrature.
        let (mut expected, step) = (0.0, 1e-3);
        for k in -8000..8000 {
            let z = f64::from(k) * step;
            let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
            expected += step * density * (1.0 + (-z * 2.0_f64.sqrt()).exp()).powi(-2);
        }
        assert!((moment(&many(2, NORMAL), 1, 2) - expected).abs() < 5e-3);
    }

    #[test]
    fn a_draw_depends_on_the_step_alone() {
        let draws = many(3, NORMAL);
        assert_ne!(draws[0], draws[1]);
        let view = StepView { tasks: &[0, 2], losses: &[1.0; 2], cross: &[], step: 1, epoch: 5 };
        let mut weights = [0.0; 2];
        build(&METHOD, 3, NORMAL).weigh(&view, &mut weights);
        let odds = draws[1][0] / draws[1][2];
        assert!((weights[0] / weights[1] / odds - 1.0).abs() < 1e-12);
    }

    #[test]
    fn an_unknown_distribution_is_refused() {
        assert!(refusal(&METHOD, 2, r#"{"distribution": "cauchy"}"#).contains("cauchy"));
    }
}
