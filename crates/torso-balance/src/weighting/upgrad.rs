//! UPGrad: every task's gradient, projected so that it harms no task, and the mean of these.
//!
//! # Formula
//! `d = sum_t p_t proj(g_t)`, where `proj` is the projection onto the dual cone
//! `{v : J v >= 0}` and `p` a preference with sum 1. In terms of `G = J J' [n, n]`:
//! `proj(p_t g_t) = J' w_t` with `w_t = argmin v' G v, v >= p_t e_t`; the weights are
//! `sum_t w_t`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `preference` | equal | a number of at least 0 for each task, not all 0 | the paper's mean |
//! | `regularize` | 0 | at least 0 | the definition; TorchJD: 1e-4 |
//!
//! # Cost
//! n quadratic programs in n unknowns with one Gramian, each started from the last one's active
//! set: about `n^4` operations at worst, `n^3` in practice.
//!
//! # Claims
//! `J d >= 0`; equals the mean where nothing conflicts.
//!
//! # Differs from
//! TorchJD divides `G` by its trace and adds 1e-4 to its diagonal; here that is `regularize`, and
//! the default is the exact projection, which singular Gramians do not disturb.
//!
//! # References
//! Quinton, Rey, *Jacobian Descent for Multi-Objective Optimization* (2024).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::{DualCone, Gramian};

use super::{Weighting, of_view, regularized, unsolved};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "upgrad",
        family: Family::Balance,
        title: "unconflicting projection of gradients",
        section: "A.15",
        formula: "d = sum_t p_t proj(g_t) onto {v : J v >= 0}",
        parameters: &[
            Parameter {
                name: "preference",
                default: "null",
                range: "a number of at least 0 for each task",
                about: "how much each task's projection counts; equal if not given (the paper)",
            },
            Parameter {
                name: "regularize",
                default: "0",
                range: "at least 0",
                about: "added to the diagonal of G / trace(G) (the definition; TorchJD: 1e-4)",
            },
        ],
        cost: "n gradients, and n quadratic programs in n unknowns",
        cite: Cite {
            authors: "Quinton, Rey",
            title: "Jacobian Descent for Multi-Objective Optimization",
            venue: "arXiv 2406.16232",
            year: 2024,
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
    Ok(Balancer::Weighting(Box::new(UpGrad { preference, regularize })))
}

struct UpGrad {
    preference: Vec<f64>,
    regularize: f64,
}

impl State for UpGrad {}

impl Weighting for UpGrad {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let regularized = regularized(gramian, self.regularize);
        let mut cone = DualCone::new(&regularized);
        weights.fill(0.0);
        let mut u = vec![0.0; view.n()];
        let mut status = Status::Solved;
        for (t, p) in of_view(&self.preference, view).into_iter().enumerate() {
            u[t] = p;
            match cone.project(&u, 0.0) {
                Ok(w) => weights.iter_mut().zip(w).for_each(|(sum, w)| *sum += w),
                Err(failure) => status = unsolved(failure),
            }
            u[t] = 0.0;
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, assert_close, direction, random_jacobian, weigh};
    use super::*;
    use torso_core::seed::Seed;

    #[test]
    fn golden() {
        let (w, status) = weigh(&METHOD, 2, &J2, "{}");
        assert_eq!(status, Status::Solved);
        assert_close(&w, &[10.0 / 9.0, 15.0 / 19.0], 1e-14);
        assert_close(&direction(&J2, &w), &[0.292_397_66, 1.900_584_80, 1.900_584_80], 1e-8);
        let (w, _) = weigh(&METHOD, 2, &J2, r#"{"regularize": 1e-4}"#);
        assert_close(&direction(&J2, &w), &[0.292_902_00, 1.900_352_08, 1.900_352_08], 1e-8);
    }

    #[test]
    fn every_projection_is_optimal_for_every_size_and_rank() {
        let mut stream = Seed(11).stream("test", "", 0);
        for (n, rank) in [(2, 1), (5, 3), (20, 7), (20, 20), (100, 60), (100, 100)] {
            let jacobian = random_jacobian(n, 120, rank, 0.0, &mut stream);
            let gramian = Gramian::of_rows(n, &jacobian);
            let mut cone = DualCone::new(&gramian);
            let largest = gramian.diagonal().fold(0.0, f64::max);
            for t in 0..n {
                let mut u = vec![0.0; n];
                u[t] = 1.0;
                let v = cone.project(&u, 0.0).unwrap();
                let (reach, size) = (gramian.times(&v), largest * v.iter().sum::<f64>());
                for i in 0..n {
                    let (reach, slack) = (reach[i] / size, v[i] - u[i]);
                    assert!(slack >= 0.0 && reach > -1e-12 && (slack == 0.0 || reach < 1e-12));
                }
            }
        }
    }

    #[test]
    fn it_agrees_with_coordinate_descent() {
        // K11 of the literature: v_i <- max(u_i, v_i - (G v)_i / G_ii), to convergence.
        let mut stream = Seed(12).stream("test", "", 0);
        for n in [2, 5, 8] {
            let jacobian = random_jacobian(n, 20, 20, 0.0, &mut stream);
            let gramian = Gramian::of_rows(n, &jacobian);
            let mut expected = vec![0.0; n];
            for t in 0..n {
                let u = |i: usize| if i == t { 1.0 / n as f64 } else { 0.0 };
                let mut v: Vec<f64> = (0..n).map(u).collect();
                for _ in 0..20_000 {
                    for i in 0..n {
                        let slope = gramian.times(&v)[i];
                        v[i] = u(i).max(v[i] - slope / gramian.at(i, i));
                    }
                }
                expected.iter_mut().zip(&v).for_each(|(sum, v)| *sum += v);
            }
            let (w, _) = weigh(&METHOD, n, &jacobian, "{}");
            assert_close(&w, &expected, 1e-9);
        }
    }

    #[test]
    fn without_conflict_it_is_the_preferred_mean() {
        let jacobian = [1.0, 0.0, 1.0, 1.0];
        assert_close(&weigh(&METHOD, 2, &jacobian, "{}").0, &[0.5, 0.5], 1e-15);
        let (w, _) = weigh(&METHOD, 2, &jacobian, r#"{"preference": [3, 1]}"#);
        assert_close(&w, &[0.75, 0.25], 1e-15);
    }
}
