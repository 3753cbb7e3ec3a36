//! CR-MOGM: the weights of another method, smoothed over the steps.
//!
//! # Formula
//! `w_t <- alpha w_t + (1 - alpha) w^_t`, where `w^ [n]` are the weights that the inner method
//! gives in this step; the first time that a task is seen, `w_t = w^_t`. `d = J' w`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `inner` | `"mgda"` | the id of a method on the Gramian | the paper (one of several) |
//! | `alpha` | 0.9 | from 0 to 1 | the usual average, as TorchJD's text has it; its code has 0.1 |
//!
//! The inner method has its own defaults.
//!
//! # Cost
//! That of the inner method, `n_tasks` numbers of state beside its own.
//!
//! # Claims
//! Those of the default's first step that smoothing keeps: the order of tasks does not matter, and
//! the direction is proportional to the gradients. The others are lost: smoothed weights belong to
//! no one set of gradients.
//!
//! # Differs from
//! The paper lets `alpha` grow as the learning rate falls. TorchJD starts at equal weights of sum
//! 1, whatever the sum of the inner method's. Weights of absent tasks wait.
//!
//! # References
//! Zhou, Zhang, Jiang, Zhong, Gu, Zhu, *On the Convergence of Stochastic Multi-Objective Gradient
//! Manipulation and Beyond* (2022).

use serde::Deserialize;
use serde_json::Map;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::Gramian;

use super::{METHODS, Weighting};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "cr-mogm",
        family: Family::Balance,
        title: "another method's weights, smoothed",
        section: "A.18",
        formula: "w <- alpha w + (1 - alpha) w^, w^: the weights of the inner method",
        parameters: &[
            Parameter {
                name: "inner",
                default: "\"mgda\"",
                range: "the id of a method on the Gramian",
                about: "the method whose weights are smoothed, with its defaults (the paper)",
            },
            Parameter {
                name: "alpha",
                default: "0.9",
                range: "from 0 to 1",
                about: "how much of the smoothed weights is kept (TorchJD's text; its code: 0.1)",
            },
        ],
        cost: "that of the inner method",
        cite: Cite {
            authors: "Zhou, Zhang, Jiang, Zhong, Gu, Zhu",
            title: "On the Convergence of Stochastic Multi-Objective Gradient Manipulation and \
                    Beyond",
            venue: "NeurIPS",
            year: 2022,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    inner: String,
    alpha: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { inner: "mgda".to_string(), alpha: 0.9 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { inner, alpha } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "alpha", alpha, Allowed::Share)?;
    let inner = build_inner(setup, inner)?;
    let none = vec![0.0; setup.n_tasks()];
    Ok(Balancer::Weighting(Box::new(CrMogm { alpha, inner, smoothed: none.clone(), seen: none })))
}

/// The inner method with its defaults; not this one again, nor one that sees something else.
fn build_inner(setup: &Setup, id: String) -> Result<Box<dyn Weighting>, BalanceError> {
    let fits = |entry: &&&BalanceMethod| {
        entry.method.id == id && id != METHOD.method.id && entry.sees == Sees::Gramian
    };
    let settings = Map::new();
    let inner = METHODS
        .iter()
        .find(fits)
        .map(|entry| (entry.build)(&Setup { settings: &settings, ..*setup }));
    match inner.transpose()? {
        Some(Balancer::Weighting(inner)) => Ok(inner),
        _ => Err(BalanceError::Inner { method: METHOD.method.id, found: id }),
    }
}

struct CrMogm {
    alpha: f64,
    inner: Box<dyn Weighting>,
    /// The weight of each task.
    smoothed: Vec<f64>,
    /// 1 for each task that has a weight.
    seen: Vec<f64>,
}

impl State for CrMogm {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.smoothed);
        visitor(&mut self.seen);
        self.inner.visit(visitor);
    }
}

impl Weighting for CrMogm {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let status = self.inner.weigh(gramian, view, weights);
        for (weight, &task) in weights.iter_mut().zip(view.tasks) {
            if self.seen[task] > 0.0 {
                *weight = self.alpha * self.smoothed[task] + (1.0 - self.alpha) * *weight;
            }
            (self.smoothed[task], self.seen[task]) = (*weight, 1.0);
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, assert_close, build, weigh};
    use super::*;
    use serde_json::json;
    use torso_core::seed::Seed;

    const OTHER: [f64; 6] = [1.0, 2.0, 0.0, 0.5, -1.0, 3.0];

    /// Steps on two tasks, or on some of them.
    fn step(method: &mut dyn Weighting, jacobian: &[f64], tasks: &[usize]) -> Vec<f64> {
        let n = tasks.len();
        let (losses, mut w) = (vec![1.0; n], vec![0.0; n]);
        let view = StepView { tasks, losses: &losses, cross: &[], step: 0, epoch: 0 };
        method.weigh(&Gramian::of_rows(n, jacobian), &view, &mut w);
        w
    }

    #[test]
    fn weights_are_the_average_of_all_so_far() {
        let settings = r#"{"inner": "upgrad", "alpha": 0.25}"#;
        let mut method = build(&METHOD, 2, settings);
        let inner = |jacobian: &[f64]| weigh(&super::super::upgrad::METHOD, 2, jacobian, "{}").0;
        let (a, b) = (inner(&J2), inner(&OTHER));
        assert_close(&step(method.as_mut(), &J2, &[0, 1]), &a, 0.0);
        let second: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 0.25 * a + 0.75 * b).collect();
        assert_close(&step(method.as_mut(), &OTHER, &[0, 1]), &second, 1e-15);
        let third: Vec<f64> = second.iter().zip(&a).map(|(s, a)| 0.25 * s + 0.75 * a).collect();
        assert_close(&step(method.as_mut(), &J2, &[0, 1]), &third, 1e-15);
    }

    #[test]
    fn a_task_that_comes_later_starts_with_its_own_weight_and_absent_ones_wait() {
        let mut method = build(&METHOD, 2, r#"{"inner": "upgrad", "alpha": 0.5}"#);
        // Alone, a task has the weight 1.
        assert_close(&step(method.as_mut(), &J2[..3], &[1]), &[1.0], 0.0);
        let both = weigh(&super::super::upgrad::METHOD, 2, &J2, "{}").0;
        let expected = [both[0], 0.5 + 0.5 * both[1]];
        assert_close(&step(method.as_mut(), &J2, &[0, 1]), &expected, 1e-15);
        assert_close(&step(method.as_mut(), &J2[..3], &[1]), &[0.5 * expected[1] + 0.5], 1e-15);
        assert_close(&step(method.as_mut(), &J2, &[0, 1])[..1], &both[..1], 1e-15);
    }

    #[test]
    fn what_cannot_be_inside_is_refused_by_its_name() {
        for id in ["cr-mogm", "sdmgrad", "gradnorm", "equal", "no-such-method"] {
            let settings = Map::from_iter([("inner".to_string(), json!(id))]);
            let forms = [crate::LossForm::Squared; 2];
            let setup = Setup { forms: &forms, settings: &settings, trial: 0, seed: Seed(1) };
            let Err(error) = (METHOD.build)(&setup) else { panic!("took {id}") };
            assert!(error.to_string().contains(id), "{error}");
        }
    }
}
