//! DualProj: the mean gradient, projected so that it harms no task.
//!
//! # Formula
//! `d = proj(g_p)`, where `g_p = J' p` for a preference `p [n]` with sum 1, and `proj` is the
//! projection onto the dual cone `{v : J v >= 0}`. In terms of `G = J J' [n, n]`: the weights are
//! `argmin v' G v, v >= p`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `preference` | equal | a number of at least 0 for each task, not all 0 | the mean gradient |
//! | `regularize` | 0 | at least 0 | the definition; TorchJD: 1e-4 |
//!
//! # Cost
//! One quadratic program in n unknowns: about `n^3` operations.
//!
//! # Claims
//! `J d >= 0`; equals the mean where the mean harms no task. Not Pareto stationary: where 0 lies on
//! the border of the hull, a direction that harms no task may be left, and it is taken.
//!
//! # Differs from
//! The paper (GEM) projects the gradient of one task on the cone of the others' memories; here it
//! is the mean of all that is projected, as in TorchJD. TorchJD divides `G` by its trace and adds
//! 1e-4 to its diagonal; here that is `regularize`, and the default is the exact projection.
//!
//! # References
//! Lopez-Paz, Ranzato, *Gradient Episodic Memory for Continual Learning* (2017).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::{DualCone, Gramian};

use super::{Weighting, of_view, regularized};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "dualproj",
        family: Family::Balance,
        title: "projection of the mean gradient on the dual cone",
        section: "A.15",
        formula: "d = proj(mean of g_t) onto {v : J v >= 0}",
        parameters: &[
            Parameter {
                name: "preference",
                default: "null",
                range: "a number of at least 0 for each task",
                about: "how much each gradient counts in the mean; equal if not given",
            },
            Parameter {
                name: "regularize",
                default: "0",
                range: "at least 0",
                about: "added to the diagonal of G / trace(G) (the definition; TorchJD: 1e-4)",
            },
        ],
        cost: "n gradients, and a quadratic program in n unknowns",
        cite: Cite {
            authors: "Lopez-Paz, Ranzato",
            title: "Gradient Episodic Memory for Continual Learning",
            venue: "NeurIPS",
            year: 2017,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::NonConflicting, Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    preference: Option<Vec<f64>>,
    regularize: f64,
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { preference, regularize } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "regularize", regularize, Allowed::NotNegative)?;
    let preference = setup.preference(&METHOD.method, preference)?;
    Ok(Balancer::Weighting(Box::new(DualProj { preference, regularize })))
}

struct DualProj {
    preference: Vec<f64>,
    regularize: f64,
}

impl State for DualProj {}

impl Weighting for DualProj {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let regularized = regularized(gramian, self.regularize);
        let preference = of_view(&self.preference, view);
        if let Ok(w) = DualCone::new(&regularized).project(&preference, 0.0) {
            weights.copy_from_slice(&w);
            return Status::Solved;
        }
        // The projection exists, but no direction that is known to harm no task was found.
        weights.fill(0.0);
        Status::NoSolution { why: "rounding hides the projection", instead: "no step was taken" }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, assert_close, direction, random_jacobian, weigh};
    use super::*;
    use torso_core::seed::Seed;

    #[test]
    fn the_projection_is_optimal_for_every_size_and_rank() {
        let mut stream = Seed(21).stream("test", "", 0);
        for (n, rank) in [(2, 1), (5, 3), (20, 7), (20, 20), (100, 60), (100, 100)] {
            let jacobian = random_jacobian(n, 120, rank, 0.0, &mut stream);
            let (w, status) = weigh(&METHOD, n, &jacobian, "{}");
            assert_eq!(status, Status::Solved);
            let gramian = Gramian::of_rows(n, &jacobian);
            let largest = gramian.diagonal().fold(0.0, f64::max);
            let (reach, size) = (gramian.times(&w), largest * w.iter().sum::<f64>());
            for i in 0..n {
                let (reach, slack) = (reach[i] / size, w[i] - 1.0 / n as f64);
                assert!(slack > -1e-16 && reach > -1e-12 && (slack < 1e-16 || reach < 1e-12));
            }
        }
    }

    #[test]
    fn it_agrees_with_an_enumeration_of_the_tasks_that_bind() {
        let mut stream = Seed(22).stream("test", "", 0);
        for n in [2, 3, 5] {
            for _ in 0..10 {
                let jacobian = random_jacobian(n, 7, 7, 0.0, &mut stream);
                let gramian = Gramian::of_rows(n, &jacobian);
                let mean = vec![1.0 / n as f64; n];
                let reach = gramian.times(&mean);
                // For one set of binding tasks, the equations G_PP z = -(G p)_P.
                let candidate = |set: usize| {
                    let rows: Vec<usize> = (0..n).filter(|i| set >> i & 1 == 1).collect();
                    let missing: Vec<f64> = rows.iter().map(|&i| -reach[i]).collect();
                    let mut w = mean.clone();
                    if !rows.is_empty() {
                        let z = gramian.select(&rows).solve(&missing)?;
                        if z.iter().any(|z| *z < 0.0) {
                            return None;
                        }
                        rows.iter().zip(z).for_each(|(&i, z)| w[i] += z);
                    }
                    gramian.times(&w).iter().all(|reach| *reach > -1e-9).then_some(w)
                };
                let expected = (0..1 << n).find_map(candidate).unwrap();
                assert_close(&weigh(&METHOD, n, &jacobian, "{}").0, &expected, 1e-9);
            }
        }
    }

    #[test]
    fn golden() {
        let (w, status) = weigh(&METHOD, 2, &J2, "{}");
        assert_eq!(status, Status::Solved);
        assert_close(&w, &[11.0 / 18.0, 0.5], 1e-15);
        assert_close(&direction(&J2, &w), &[5.0 / 9.0, 10.0 / 9.0, 10.0 / 9.0], 1e-14);
        let (w, _) = weigh(&METHOD, 2, &J2, r#"{"regularize": 1e-4}"#);
        assert_close(&w, &[0.610_921_046_785_444_5, 0.5], 1e-12);
    }

    #[test]
    fn without_conflict_it_is_the_preferred_mean() {
        let jacobian = [1.0, 0.0, 1.0, 1.0];
        assert_eq!(weigh(&METHOD, 2, &jacobian, "{}").0, [0.5, 0.5]);
        assert_eq!(weigh(&METHOD, 2, &jacobian, r#"{"preference": [3, 1]}"#).0, [0.75, 0.25]);
    }
}
