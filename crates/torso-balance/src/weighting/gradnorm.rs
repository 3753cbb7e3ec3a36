//! `GradNorm`: weights that make the tasks' gradients equally long, longer for tasks that lag.
//!
//! # Formula
//! At the last shared layer `G_t = w_t |g_t|`, with the mean `G-`; `r_t` is `L_t / L_t(0)` beside
//! its mean over the tasks. The weights descend `sum_t |G_t - G- r_t^alpha|`, the targets taken as
//! constants, and are scaled to `sum_t w_t = n`. Here the steps are on `log w`, by Adam:
//! the slope is `sign(G_t - G- r_t^alpha) G_t / G-`. The weights of a step are those from before
//! its update; the first are 1.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `alpha` | 1.5 | at least 0 | the paper, for `NYUv2`; LibMTL |
//! | `lr` | 0.025 | above 0 | ours: weights a hundred times apart are found in a hundred steps |
//! | `warmup` | 0 | 0, 1, 2, ... | epochs of equal weights; `L(0)`: their mean loss; LibMTL: 1 |
//!
//! # Cost
//! n gradients of the last shared layer, `6 n_tasks` numbers of state.
//!
//! # Claims
//! The order of tasks does not matter; proportional to the gradients: only the ratios of norms and
//! of losses count.
//!
//! # Differs from
//! The paper (and TorchJD) steps on `w`, where a step of the size that large weights need sends
//! small ones below 0: with norms a hundred times apart and this `lr`, the weighted norms swing
//! between 0.6 and 1.6 of each other, on `log w` within 1 percent. The objective, the scaling and
//! the settled weights are the paper's. LibMTL steps on the logits of a softmax, `L(0)` being
//! the mean loss of the first epoch. With a part of the tasks in view, theirs keep their sum.
//!
//! # References
//! Chen, Badrinarayanan, Lee, Rabinovich, *`GradNorm`: Gradient Normalization for Adaptive Loss
//! Balancing in Deep Multitask Networks* (2018).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::Gramian;

use super::{Weighting, of_view};
use crate::adam::Adam;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "gradnorm",
        family: Family::Balance,
        title: "gradient normalization",
        section: "A.1",
        formula: "min over w of sum_t |G_t - mean(G) r_t^alpha|, G_t = w_t |g_t| at the last \
                  shared layer, r_t = L_t / L_t(0) beside its mean; sum_t w_t = n",
        parameters: &[
            Parameter {
                name: "alpha",
                default: "1.5",
                range: "at least 0",
                about: "how much longer the gradients of tasks that lag become (the paper)",
            },
            Parameter {
                name: "lr",
                default: "0.025",
                range: "above 0",
                about: "learning rate of the logarithms of the weights, by Adam (ours)",
            },
            Parameter {
                name: "warmup",
                default: "0",
                range: "0, 1, 2, ...",
                about: "epochs of equal weights, whose mean loss is L(0); 0: the first loss \
                        (the paper; LibMTL: 1)",
            },
        ],
        cost: "n gradients of the last shared layer",
        cite: Cite {
            authors: "Chen, Badrinarayanan, Lee, Rabinovich",
            title: "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep \
                    Multitask Networks",
            venue: "ICML",
            year: 2018,
        },
    },
    sees: Sees::LastLayerGramian,
    heads: Heads::Weighted,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    alpha: f64,
    lr: f64,
    warmup: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { alpha: 1.5, lr: 0.025, warmup: 0 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { alpha, lr, warmup } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "alpha", alpha, Allowed::NotNegative)?;
    check(&METHOD.method, "lr", lr, Allowed::Positive)?;
    Ok(Balancer::Weighting(Box::new(GradNorm::new(setup.n_tasks(), alpha, lr, warmup))))
}

struct GradNorm {
    alpha: f64,
    warmup: usize,
    /// The weight of each task; their mean is 1.
    weights: Vec<f64>,
    /// The sum of the losses that `L(0)` is the mean of, and their number.
    first_losses: Vec<f64>,
    counts: Vec<f64>,
    adam: Adam,
}

impl GradNorm {
    fn new(n: usize, alpha: f64, lr: f64, warmup: usize) -> Self {
        let (weights, none) = (vec![1.0; n], vec![0.0; n]);
        let (first_losses, counts) = (none.clone(), none);
        Self { alpha, warmup, weights, first_losses, counts, adam: Adam::new(n, lr) }
    }

    /// Takes a loss into `L(0)`, as long as that is not settled.
    fn observe(&mut self, view: &StepView) {
        for (&task, loss) in view.tasks.iter().zip(view.losses) {
            let settled = view.epoch >= self.warmup && self.first_losses[task] > 0.0;
            if !settled && *loss > 0.0 && loss.is_finite() {
                self.first_losses[task] += loss;
                self.counts[task] += 1.0;
            }
        }
    }

    /// `r_t^alpha` for each task in view; 1 if no loss is left to compare.
    fn rates(&self, view: &StepView) -> Vec<f64> {
        let ratio = |(&task, loss): (&usize, &f64)| {
            let first = self.first_losses[task] / self.counts[task];
            if first > 0.0 { loss.max(0.0) / first } else { 1.0 }
        };
        let ratios: Vec<f64> = view.tasks.iter().zip(view.losses).map(ratio).collect();
        let mean = ratios.iter().sum::<f64>() / view.n() as f64;
        let rate = |ratio: &f64| if mean > 0.0 { (ratio / mean).powf(self.alpha) } else { 1.0 };
        ratios.iter().map(rate).collect()
    }

    /// One step on the logarithms of the weights in view, which keep their sum.
    fn update(&mut self, gramian: &Gramian, view: &StepView, weights: &[f64]) {
        let norms = gramian.diagonal().map(|square| square.max(0.0).sqrt());
        let norms: Vec<f64> = norms.zip(weights).map(|(norm, weight)| weight * norm).collect();
        let mean = norms.iter().sum::<f64>() / view.n() as f64;
        if mean <= 0.0 || !mean.is_finite() {
            return;
        }
        let rates = self.rates(view);
        let before: f64 = view.tasks.iter().map(|&task| self.weights[task]).sum();
        for ((&task, norm), rate) in view.tasks.iter().zip(&norms).zip(rates) {
            let size = norm / mean;
            let slope = if size > rate {
                size
            } else if size < rate {
                -size
            } else {
                0.0
            };
            self.weights[task] *= self.adam.step(task, slope).exp();
        }
        let after: f64 = view.tasks.iter().map(|&task| self.weights[task]).sum();
        view.tasks.iter().for_each(|&task| self.weights[task] *= before / after);
    }
}

impl State for GradNorm {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.weights);
        visitor(&mut self.first_losses);
        visitor(&mut self.counts);
        self.adam.visit(visitor);
    }
}

impl Weighting for GradNorm {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let shares = of_view(&self.weights, view);
        weights
            .iter_mut()
            .zip(shares)
            .for_each(|(weight, share)| *weight = share * view.n() as f64);
        self.observe(view);
        if view.epoch >= self.warmup {
            self.update(gramian, view, weights);
        }
        Status::Solved
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, build};
    use super::*;

    /// One step on gradients of these norms.
    fn step(
        method: &mut dyn Weighting,
        tasks: &[usize],
        norms: &[f64],
        losses: &[f64],
        epoch: usize,
    ) -> Vec<f64> {
        let n = norms.len();
        let at = |at: usize| if at.is_multiple_of(n + 1) { norms[at / n].powi(2) } else { 0.0 };
        let gramian = Gramian::new(n, (0..n * n).map(at).collect());
        let mut w = vec![f64::NAN; n];
        let view = StepView { tasks, losses, cross: &[], step: 0, epoch };
        assert_eq!(method.weigh(&gramian, &view, &mut w), Status::Solved);
        w
    }

    /// The ratio of two weighted norms after many steps: its extremes over the last 200.
    fn settle(settings: &str, norms: [f64; 2], losses: [f64; 2]) -> [f64; 2] {
        let mut method = build(&METHOD, 2, settings);
        step(method.as_mut(), &[0, 1], &norms, &[1.0, 1.0], 0);
        let mut extremes = [f64::INFINITY, 0.0];
        for at in 0..1000 {
            let w = step(method.as_mut(), &[0, 1], &norms, &losses, 0);
            assert!((w[0] + w[1] - 2.0).abs() < 1e-12 && w.iter().all(|w| *w > 0.0));
            let ratio = w[0] * norms[0] / (w[1] * norms[1]);
            if at >= 800 {
                extremes = [extremes[0].min(ratio), extremes[1].max(ratio)];
            }
        }
        extremes
    }

    #[test]
    fn without_a_pull_weighted_norms_become_equal() {
        for norms in [[100.0, 1.0], [1e-12, 1e-10], [3e14, 1e15]] {
            let ratio = settle(r#"{"alpha": 0}"#, norms, [1.0, 1.0]);
            assert!(ratio[0] > 0.95 && ratio[1] < 1.05, "{norms:?}: {ratio:?}");
        }
    }

    #[test]
    fn the_task_that_lags_has_the_larger_norm() {
        // r = (3/2, 1/2); for alpha = 1 the targets, and so the norms, are in the ratio 3.
        let ratio = settle(r#"{"alpha": 1}"#, [1.0, 5.0], [0.6, 0.2]);
        assert!(ratio[0] > 3.0 * 0.95 && ratio[1] < 3.0 * 1.05, "{ratio:?}");
        let ratio = settle("{}", [1.0, 5.0], [0.6, 0.2]);
        assert!(ratio[0] > 2.0, "{ratio:?}");
    }

    #[test]
    fn the_first_update_is_along_the_slope_of_the_objective() {
        // Norms (4, 1), mean 5/2: the first is too long. Adam's first step is `lr` against it.
        let mut method = build(&METHOD, 2, r#"{"lr": 0.1}"#);
        assert_close(
            &step(method.as_mut(), &[0, 1], &[4.0, 1.0], &[2.0, 3.0], 0),
            &[1.0, 1.0],
            0.0,
        );
        let w = step(method.as_mut(), &[0, 1], &[4.0, 1.0], &[2.0, 3.0], 0);
        assert!(((w[1] / w[0]).ln() - 0.2).abs() < 1e-7, "{w:?}");
        // The slopes themselves, by differences of the objective beside the mean norm.
        let (norms, rates, mean) = ([4.0f64, 1.0, 2.5], [0.5f64, 0.7, 1.8], 2.5);
        let objective = |s: [f64; 3]| -> f64 {
            (0..3).map(|t| (s[t].exp() * norms[t] / mean - rates[t]).abs()).sum()
        };
        for t in 0..3 {
            let mut up = [0.0; 3];
            up[t] = 1e-6;
            let difference = (objective(up) - objective(up.map(|s| -s))) / 2e-6;
            let size = norms[t] / mean;
            let slope = if size > rates[t] { size } else { -size };
            assert!((difference - slope).abs() < 1e-8);
        }
    }

    #[test]
    fn warm_up_keeps_equal_weights_and_averages_the_losses() {
        let mut method = GradNorm::new(2, 1.5, 0.1, 1);
        for losses in [[2.0, 1.0], [4.0, 0.0]] {
            let w = step(&mut method, &[0, 1], &[9.0, 1.0], &losses, 0);
            assert_close(&w, &[1.0, 1.0], 0.0);
        }
        let w = step(&mut method, &[0, 1], &[9.0, 1.0], &[3.0, 1.0], 1);
        assert_close(&w, &[1.0, 1.0], 0.0);
        let view = StepView { tasks: &[0, 1], losses: &[6.0, 1.0], cross: &[], step: 0, epoch: 1 };
        let expected = [4.0f64 / 3.0, 2.0 / 3.0].map(|r| r.powf(1.5));
        assert_close(&method.rates(&view), &expected, 1e-15);
        assert!(step(&mut method, &[0, 1], &[9.0, 1.0], &[3.0, 1.0], 1)[0] < 1.0);
    }

    #[test]
    fn absent_tasks_keep_their_weights() {
        let mut method = GradNorm::new(3, 0.0, 0.1, 0);
        step(&mut method, &[0, 1, 2], &[5.0, 1.0, 2.0], &[1.0; 3], 0);
        let before = method.weights.clone();
        let w = step(&mut method, &[0, 2], &[5.0, 1.0], &[1.0; 2], 0);
        assert!((w[0] + w[1] - 2.0).abs() < 1e-14);
        assert!((w[0] / w[1] - before[0] / before[2]).abs() < 1e-14);
        assert_close(&method.weights[1..2], &before[1..2], 0.0);
        assert!((method.weights.iter().sum::<f64>() - 3.0).abs() < 1e-14);
        assert!(method.weights[0] < before[0]);
    }
}
