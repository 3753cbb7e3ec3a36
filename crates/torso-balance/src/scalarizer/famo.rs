//! FAMO: every loss is to fall by the same factor at each step, learned from the losses alone.
//!
//! # Formula
//! With `z = softmax(w)`, `D_t = L_t - b_t + epsilon`: `f = c sum_t z_t log D_t`, where
//! `c = 1 / sum_t (z_t / D_t)` counts as a constant. So the weights are `c z_t / D_t`, `[n]`, with
//! sum 1. After the step, with `delta_t = log D_t(before) - log D_t(after)` on the same batch, `w`
//! takes a step of Adam along the slope `z_t (delta_t - sum_s z_s delta_s) + decay w_t`: a task
//! that improved more than the mean loses weight.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lr` | 0.025 | above 0 | the official code |
//! | `decay` | 1e-3 | at least 0 | the paper, LibMTL; official: experiments 1e-5, `famo.py` 1e-2 |
//! | `lower-bounds` | 0 | a number for each task | the paper |
//! | `epsilon` | 0 | at least 0 | the paper's formula; official code, LibMTL and TorchJD: 1e-8 |
//!
//! # Cost
//! One backward pass, and one forward pass more for the losses after the step; `4 T` numbers of
//! state.
//!
//! # Claims
//! The scale of a loss does not matter; the order of the tasks does not matter; the step is
//! proportional to the gradients. Losses fall at equal rates where `decay` is small beside the
//! falls in log loss of a step: in a test with falls of 2 percent a step the rates of two tasks
//! agree to a thousandth without decay and to a hundredth at 1e-5, but not at the default.
//!
//! # Differs from
//! The codes add 1e-8 under the logarithm, which outweighs losses of that size and breaks the
//! invariance; here that is `epsilon`. A loss that does not lie above its bound has no logarithm:
//! its task is left out of the step, with a status, and out of the update of `w`, as is one whose
//! loss after the step does not. `decay` is a penalty in Adam's gradient and not decoupled as in
//! `AdamW`, as in the official code (`torch.optim.Adam` with `weight_decay`). That code also clips
//! the shared gradient to norm 1, which is left to the trainer here.
//!
//! # References
//! Liu, Feng, Stone, Liu, *FAMO: Fast Adaptive Multitask Optimization* (2023).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::{Scalarizer, has_logarithm, of_logarithms, of_tasks, softmax};
use crate::adam::Adam;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "famo",
        family: Family::Balance,
        title: "fast adaptive multitask optimization",
        section: "A.10",
        formula: "w_t = c z_t / (L_t - b_t), sum 1; the logits of z descend by the task's fall in \
                  log loss",
        parameters: &[
            Parameter {
                name: "lr",
                default: "0.025",
                range: "above 0",
                about: "learning rate of the logits, by Adam (the official code)",
            },
            Parameter {
                name: "decay",
                default: "0.001",
                range: "at least 0",
                about: "pull of the logits to 0 (the paper; elsewhere 1e-5 and 1e-2)",
            },
            Parameter {
                name: "lower-bounds",
                default: "null",
                range: "a number for each task",
                about: "what each loss cannot fall below; 0 if not given (the paper)",
            },
            Parameter {
                name: "epsilon",
                default: "0",
                range: "at least 0",
                about: "added to each loss under the logarithm (the formula; codes: 1e-8)",
            },
        ],
        cost: "1 backward pass, and a forward pass after the step",
        cite: Cite {
            authors: "Liu, Feng, Stone, Liu",
            title: "FAMO: Fast Adaptive Multitask Optimization",
            venue: "NeurIPS",
            year: 2023,
        },
    },
    sees: Sees::LossesAfter,
    heads: Heads::Weighted,
    claims: &[Claim::ScaleInvariant, Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Parameters {
    lr: f64,
    decay: f64,
    lower_bounds: Option<Vec<f64>>,
    epsilon: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { lr: 0.025, decay: 1e-3, lower_bounds: None, epsilon: 0.0 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let (method, n) = (&METHOD.method, setup.n_tasks());
    let Parameters { lr, decay, lower_bounds, epsilon } = setup.parameters(method)?;
    check(method, "lr", lr, Allowed::Positive)?;
    check(method, "decay", decay, Allowed::NotNegative)?;
    check(method, "epsilon", epsilon, Allowed::NotNegative)?;
    let bounds = of_tasks(setup, method, "lower-bounds", lower_bounds, 0.0, Allowed::Finite)?;
    let logits = vec![0.0; n];
    let adam = Adam::new(n, lr);
    Ok(Balancer::Scalarizer(Box::new(Famo { decay, bounds, epsilon, logits, adam })))
}

struct Famo {
    decay: f64,
    /// `b`.
    bounds: Vec<f64>,
    epsilon: f64,
    /// `w`.
    logits: Vec<f64>,
    adam: Adam,
}

impl Famo {
    /// `D` of each task in view.
    fn above(&self, view: &StepView, losses: &[f64]) -> Vec<f64> {
        let above = |(&task, loss): (&usize, &f64)| loss - self.bounds[task] + self.epsilon;
        view.tasks.iter().zip(losses).map(above).collect()
    }
}

impl State for Famo {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.logits);
        self.adam.visit(visitor);
    }
}

impl Scalarizer for Famo {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        let above = self.above(view, view.losses);
        let kept: Vec<usize> = (0..view.n()).filter(|&i| has_logarithm(above[i])).collect();
        // c z / D is a softmax itself.
        let mut shares: Vec<f64> =
            kept.iter().map(|&i| self.logits[view.tasks[i]] - above[i].ln()).collect();
        softmax(&mut shares);
        weights.fill(0.0);
        kept.iter().zip(shares).for_each(|(&i, share)| weights[i] = share);
        of_logarithms(&above)
    }

    fn after_step(&mut self, before: &StepView, losses_after: &[f64]) {
        let above = self.above(before, before.losses);
        let after = self.above(before, losses_after);
        let kept: Vec<usize> = (0..before.n())
            .filter(|&i| has_logarithm(above[i]) && has_logarithm(after[i]))
            .collect();
        let mut z: Vec<f64> = kept.iter().map(|&i| self.logits[before.tasks[i]]).collect();
        softmax(&mut z);
        let falls: Vec<f64> = kept.iter().map(|&i| above[i].ln() - after[i].ln()).collect();
        let mean: f64 = z.iter().zip(&falls).map(|(z, fall)| z * fall).sum();
        for ((&i, z), fall) in kept.iter().zip(z).zip(falls) {
            let task = before.tasks[i];
            let slope = z * (fall - mean) + self.decay * self.logits[task];
            self.logits[task] += self.adam.step(task, slope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, build, refusal, slopes, weigh};
    use super::*;

    /// The weights that a method gives to two tasks.
    fn two(method: &mut dyn Scalarizer, losses: [f64; 2]) -> [f64; 2] {
        let view = StepView { tasks: &[0, 1], losses: &losses, cross: &[], step: 0, epoch: 0 };
        let mut weights = [f64::NAN; 2];
        method.weigh(&view, &mut weights);
        weights
    }

    fn update(method: &mut dyn Scalarizer, before: [f64; 2], after: [f64; 2]) {
        let view = StepView { tasks: &[0, 1], losses: &before, cross: &[], step: 0, epoch: 0 };
        method.after_step(&view, &after);
    }

    #[test]
    fn weights_are_the_slopes_of_the_objective() {
        let losses = [0.5, 2.0, 8.0];
        for (bound, epsilon) in [(0.0, 0.0), (0.25, 0.1)] {
            let above = |loss: f64| loss - bound + epsilon;
            let c = 3.0 / losses.iter().map(|l| 1.0 / above(*l)).sum::<f64>();
            let f = |losses: &[f64]| losses.iter().map(|l| c * above(*l).ln() / 3.0).sum();
            let settings =
                format!(r#"{{"lower-bounds": [{bound}, {bound}, {bound}], "epsilon": {epsilon}}}"#);
            let (weights, status) = weigh(&METHOD, &losses, &settings);
            assert_eq!(status, Status::Solved);
            assert_close(&weights, &slopes(f, &losses), 1e-9);
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn the_update_is_the_step_of_adam_of_the_official_code() {
        // Two steps by hand: z = (1/2, 1/2), then logits of -lr and lr.
        let (lr, decay) = (0.1, 0.5);
        let mut method = build(&METHOD, 2, r#"{"lr": 0.1, "decay": 0.5}"#);
        update(method.as_mut(), [1.0, 1.0], [0.5, 0.9]);
        let odds = |w: [f64; 2]| (w[0] / w[1]).ln();
        assert!((odds(two(method.as_mut(), [1.0, 1.0])) + 2.0 * lr).abs() < 1e-6);
        let (fall, z) = (2.0_f64.ln() + 0.9_f64.ln(), 1.0 / (1.0 + 0.2_f64.exp()));
        let g1 = 0.25 * fall;
        let g2 = z * (1.0 - z) * 2.0_f64.ln() - decay * lr;
        update(method.as_mut(), [1.0, 1.0], [0.5, 1.0]);
        let first = (0.09 * g1 + 0.1 * g2) / (1.0 - 0.81);
        let second = (0.999 * 1e-3 * g1 * g1 + 1e-3 * g2 * g2) / (1.0 - 0.998_001);
        let expected = -2.0 * (lr + lr * first / second.sqrt());
        assert!((odds(two(method.as_mut(), [1.0, 1.0])) - expected).abs() < 1e-6);
    }

    #[test]
    fn the_task_that_improved_most_loses_weight() {
        let mut method = build(&METHOD, 2, "{}");
        update(method.as_mut(), [1.0, 100.0], [0.9, 50.0]);
        let weights = two(method.as_mut(), [1.0, 1.0]);
        assert!(weights[1] < 0.5 && weights[0] > 0.5, "{weights:?}");
    }

    #[test]
    fn only_relative_falls_matter() {
        let run = |scale: f64| {
            let mut method = build(&METHOD, 2, "{}");
            for _ in 0..50 {
                update(method.as_mut(), [1.0, 3.0 * scale], [0.8, 2.9 * scale]);
            }
            let weights = two(method.as_mut(), [1.0, 3.0 * scale]);
            // Of the weighted losses.
            weights[0] / (weights[1] * scale)
        };
        for scale in [1e-10, 1e-3, 1e10] {
            assert!((run(scale) / run(1.0) - 1.0).abs() < 1e-6, "{scale}");
        }
    }

    /// The falls in log loss over `steps` steps of descent on two quadratics, of curvature 1 and
    /// 100, each with a parameter of its own.
    fn train(method: &mut dyn Scalarizer, x: &mut [f64; 2], steps: usize) -> [f64; 2] {
        let curvatures = [1.0, 100.0];
        let losses = |x: &[f64; 2]| [0, 1].map(|t| 0.5 * curvatures[t] * x[t] * x[t]);
        let start = losses(x);
        for _ in 0..steps {
            let before = losses(x);
            let weights = two(method, before);
            (0..2).for_each(|t| x[t] -= 0.01 * weights[t] * curvatures[t] * x[t]);
            update(method, before, losses(x));
        }
        let end = losses(x);
        [0, 1].map(|t| (start[t] / end[t]).ln())
    }

    #[test]
    fn losses_of_unlike_curvature_fall_at_equal_rates() {
        // The second starts further off, and falls more slowly under equal logits.
        let ratio = |decay: &str| {
            let mut method = build(&METHOD, 2, &format!(r#"{{"decay": {decay}}}"#));
            let mut x = [1.0, 2.0];
            let early = train(method.as_mut(), &mut x, 20);
            assert!(early[0] / early[1] > 2.0, "{early:?}");
            train(method.as_mut(), &mut x, 980);
            let late = train(method.as_mut(), &mut x, 500);
            assert!(late[0] > 5.0, "{late:?}");
            late[0] / late[1]
        };
        assert!((ratio("0") - 1.0).abs() < 1e-3);
        assert!((ratio("1e-5") - 1.0).abs() < 0.1);
        // The paper's decay outweighs falls of two percent a step, as documented above.
        assert!(ratio("1e-3") > 2.0);
    }

    #[test]
    fn a_loss_at_its_bound_is_left_out_with_a_status() {
        for bad in [0.0, -1.0, f64::NAN] {
            let (weights, status) = weigh(&METHOD, &[4.0, bad, 1.0], "{}");
            assert!(matches!(status, Status::NoSolution { .. }));
            assert_close(&weights, &[0.2, 0.0, 0.8], 1e-15);
            let mut method = build(&METHOD, 2, "{}");
            update(method.as_mut(), [1.0, 1.0], [0.5, bad]);
            assert_close(&two(method.as_mut(), [1.0, 1.0]), &[0.5, 0.5], 1e-15);
        }
        assert_eq!(weigh(&METHOD, &[0.0, 0.0], "{}").0, [0.0, 0.0]);
        let message = refusal(&METHOD, 2, r#"{"lower-bounds": [0]}"#);
        assert!(message.contains("`lower-bounds` with one number for each task"), "{message}");
    }

    #[test]
    fn a_task_out_of_view_keeps_its_logit() {
        let mut method = build(&METHOD, 3, "{}");
        let losses = [1.0, 1.0];
        let view = StepView { tasks: &[0, 2], losses: &losses, cross: &[], step: 0, epoch: 0 };
        method.after_step(&view, &[0.5, 0.9]);
        let mut weights = [0.0; 3];
        let all = StepView { tasks: &[0, 1, 2], losses: &[1.0; 3], cross: &[], step: 1, epoch: 0 };
        method.weigh(&all, &mut weights);
        // The logits are -lr, 0 and lr.
        assert!((weights[0] * weights[2] / (weights[1] * weights[1]) - 1.0).abs() < 1e-6);
    }
}
