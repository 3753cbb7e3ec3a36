//! Smooth Tchebycheff scalarization: the task that is worst off counts most.
//!
//! # Formula
//! `f = mu log sum_t exp(p_t (L_t - z_t) / mu)` over the `n` tasks in view, with a preference
//! `p [T]` of sum 1 and an ideal point `z [T]`. The weights are
//! `p_t softmax(p (L - z) / mu)_t`, `[n]`. As `mu -> 0` that is Tchebycheff's maximum.
//!
//! With `warmup = e > 0`, the form for neural networks: in the first `e` epochs
//! `f = sum_t T p_t log L_t`; from then on, with `N_t` the mean of task t's losses over the batches
//! of the last of these epochs, `f = n mu log sum_t exp(T p_t log(L_t / N_t) / mu)`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `mu` | 1 | above 0 | LibMTL; the paper: 0.01 to 1 |
//! | `preference` | equal | a number of at least 0 for each task, not all 0 | the definition |
//! | `ideal` | 0 | a number for each task | losses are not negative |
//! | `warmup` | 0 | a whole number of at least 0 | the definition; LibMTL: 5 |
//!
//! # Cost
//! One backward pass; with `warmup`, `2 T` numbers of state.
//!
//! # Claims
//! The order of the tasks does not matter.
//!
//! # Differs from
//! The definition is the default, on the losses as they are: it feels their scale, and with equal
//! preferences its weights sum to `1/T`. The paper's code for neural networks and LibMTL are the
//! form with `warmup` (one more than their `STCH_warmup_epoch`); they have no preference
//! (`T p_t = 1`) and add 1e-20 under logarithms. Here a loss at or below 0 leaves its task out,
//! with a status. A task without labels in the epoch of the means enters as if at its mean, with a
//! status.
//!
//! # References
//! Lin, Zhang, Yang, Liu, Wang, Zhang, *Smooth Tchebycheff Scalarization for Multi-Objective
//! Optimization* (2024).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::{Scalarizer, has_logarithm, of_logarithms, of_tasks, softmax};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "stch",
        family: Family::Balance,
        title: "smooth Tchebycheff scalarization",
        section: "A.16",
        formula: "f = mu log sum_t exp(p_t (L_t - z_t) / mu)",
        parameters: &[
            Parameter {
                name: "mu",
                default: "1",
                range: "above 0",
                about: "the lower, the nearer to the maximum (LibMTL; the paper: 0.01 to 1)",
            },
            Parameter {
                name: "preference",
                default: "null",
                range: "a number of at least 0 for each task",
                about: "what each task's excess counts, scaled to sum 1; equal if not given (the \
                        definition)",
            },
            Parameter {
                name: "ideal",
                default: "null",
                range: "a number for each task",
                about: "what each loss is compared with; 0 if not given (losses are not negative)",
            },
            Parameter {
                name: "warmup",
                default: "0",
                range: "a whole number of at least 0",
                about: "epochs of log losses, the last of which scales the losses of later ones \
                        (the definition; LibMTL: 5)",
            },
        ],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Lin, Zhang, Yang, Liu, Wang, Zhang",
            title: "Smooth Tchebycheff Scalarization for Multi-Objective Optimization",
            venue: "ICML",
            year: 2024,
        },
    },
    sees: Sees::Losses,
    heads: Heads::Weighted,
    claims: &[Claim::Permutes],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    mu: f64,
    preference: Option<Vec<f64>>,
    ideal: Option<Vec<f64>>,
    warmup: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { mu: 1.0, preference: None, ideal: None, warmup: 0.0 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let method = &METHOD.method;
    let Parameters { mu, preference, ideal, warmup } = setup.parameters(method)?;
    check(method, "mu", mu, Allowed::Positive)?;
    let preference = setup.preference(method, preference)?;
    check(method, "warmup", warmup, Allowed::NotNegative)?;
    if warmup == 0.0 {
        let ideal = of_tasks(setup, method, "ideal", ideal, 0.0, Allowed::Finite)?;
        return Ok(Balancer::Scalarizer(Box::new(Stch { mu, preference, ideal })));
    }
    check(method, "warmup", warmup, Allowed::Count)?;
    if ideal.is_some() {
        let (name, allowed) = ("warmup", "as 0 where `ideal` is given");
        return Err(BalanceError::OutOfRange { method: method.id, name, allowed, found: warmup });
    }
    let n = setup.n_tasks();
    let importance = preference.iter().map(|p| n as f64 * p).collect();
    let (sums, counts) = (vec![0.0; n], vec![0.0; n]);
    Ok(Balancer::Scalarizer(Box::new(LogStch { mu, importance, warmup, sums, counts })))
}

/// The definition.
struct Stch {
    mu: f64,
    preference: Vec<f64>,
    ideal: Vec<f64>,
}

impl State for Stch {}

impl Scalarizer for Stch {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        for ((weight, loss), &t) in weights.iter_mut().zip(view.losses).zip(view.tasks) {
            *weight = self.preference[t] * (loss - self.ideal[t]) / self.mu;
        }
        softmax(weights);
        weights.iter_mut().zip(view.tasks).for_each(|(weight, &t)| *weight *= self.preference[t]);
        Status::Solved
    }
}

/// The form with a warm-up.
struct LogStch {
    mu: f64,
    /// `T p`.
    importance: Vec<f64>,
    /// In epochs.
    warmup: f64,
    /// Of the losses in the last epoch of the warm-up.
    sums: Vec<f64>,
    /// Batches in that epoch with a label of the task.
    counts: Vec<f64>,
}

impl LogStch {
    /// `N` of a task, if it has one.
    fn nadir(&self, task: usize) -> Option<f64> {
        Some(self.sums[task] / self.counts[task]).filter(|&nadir| has_logarithm(nadir))
    }

    fn count(&mut self, view: &StepView) {
        for (&task, loss) in view.tasks.iter().zip(view.losses) {
            self.sums[task] += loss;
            self.counts[task] += 1.0;
        }
    }

    /// Scales the weights of some of the tasks in view to those after the warm-up.
    fn favor_the_worst(&self, view: &StepView, kept: &[usize], weights: &mut [f64]) {
        let height = |&i: &usize| {
            let (task, loss) = (view.tasks[i], view.losses[i]);
            let nadir = self.nadir(task).unwrap_or(loss);
            self.importance[task] * (loss.ln() - nadir.ln()) / self.mu
        };
        let mut shares: Vec<f64> = kept.iter().map(height).collect();
        softmax(&mut shares);
        for (&i, share) in kept.iter().zip(shares) {
            weights[i] *= view.n() as f64 * share;
        }
    }
}

impl State for LogStch {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.sums);
        visitor(&mut self.counts);
    }
}

impl Scalarizer for LogStch {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        let kept: Vec<usize> = (0..view.n()).filter(|&i| has_logarithm(view.losses[i])).collect();
        weights.fill(0.0);
        for &i in &kept {
            weights[i] = self.importance[view.tasks[i]] / view.losses[i];
        }
        let epoch = view.epoch as f64 + 1.0;
        if epoch > self.warmup {
            self.favor_the_worst(view, &kept, weights);
            if view.tasks.iter().any(|&task| self.nadir(task).is_none()) {
                return Status::NoSolution {
                    why: "a task has no mean loss above 0 from the warm-up",
                    instead: "its loss was taken as that mean",
                };
            }
        } else if epoch >= self.warmup {
            self.count(view);
        }
        of_logarithms(view.losses)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{
        assert_close, at_epoch, build, concave, descend, refusal, slopes, weigh,
    };
    use super::*;

    fn smooth_maximum(values: impl Iterator<Item = f64>, mu: f64) -> f64 {
        mu * values.map(|v| (v / mu).exp()).sum::<f64>().ln()
    }

    #[test]
    fn golden() {
        // f(0, 0) = log 2.
        let f = |losses: &[f64]| smooth_maximum(losses.iter().map(|l| 0.5 * l), 1.0);
        assert!((f(&[0.0, 0.0]) - 2.0_f64.ln()).abs() < 1e-15);
        assert_eq!(weigh(&METHOD, &[0.0, 0.0], "{}"), (vec![0.25, 0.25], Status::Solved));
    }

    #[test]
    fn weights_are_the_slopes_of_the_objective() {
        let (p, z, losses) = ([0.5, 0.3, 0.2], [0.1, -1.0, 0.0], [3.0, 1.0, 2.0]);
        for mu in [0.1, 1.0, 10.0] {
            let f = |losses: &[f64]| smooth_maximum((0..3).map(|t| p[t] * (losses[t] - z[t])), mu);
            let settings =
                format!(r#"{{"mu": {mu}, "preference": [5, 3, 2], "ideal": [0.1, -1, 0]}}"#);
            let (weights, status) = weigh(&METHOD, &losses, &settings);
            assert_eq!(status, Status::Solved);
            assert_close(&weights, &slopes(f, &losses), 1e-8);
        }
    }

    #[test]
    fn with_small_mu_it_is_the_maximum() {
        let losses = [1.0, 1.1, 0.3];
        let maximum = weigh(&super::super::tchebycheff::METHOD, &losses, "{}").0;
        let distance = |mu: f64| {
            let (weights, _) = weigh(&METHOD, &losses, &format!(r#"{{"mu": {mu}}}"#));
            (0..3).map(|t| (weights[t] - maximum[t]).abs()).fold(0.0, f64::max)
        };
        assert!(distance(1.0) > 0.1 && distance(0.01) < 0.02 && distance(1e-3) < 1e-14);
        // f lies within mu log n above the maximum.
        for mu in [1.0, 0.1, 0.01] {
            let gap = smooth_maximum(losses.into_iter(), mu) - 1.1;
            assert!((0.0..=mu * 3.0_f64.ln()).contains(&gap));
        }
    }

    #[test]
    fn it_reaches_points_of_a_concave_front_that_no_weighted_sum_does() {
        let scan = |f: &dyn Fn([f64; 2]) -> f64| {
            let at = |k: i32| f64::from(k) / 1000.0;
            let best =
                (-1000..=1000).min_by(|&a, &b| f(concave(at(a)).0).total_cmp(&f(concave(at(b)).0)));
            at(best.unwrap())
        };
        for k in 0..=100 {
            let w = f64::from(k) / 100.0;
            let x = scan(&|losses| w * losses[0] + (1.0 - w) * losses[1]);
            assert!(x.abs() > 0.9, "a weighted sum ends near one of the ends: {x}");
        }
        for first in [3.0, 4.0, 5.0, 6.0, 7.0] {
            let p = [first / 10.0, 1.0 - first / 10.0];
            let settings = format!(r#"{{"mu": 0.01, "preference": [{first}, {}]}}"#, 10.0 - first);
            let losses = descend(build(&METHOD, 2, &settings).as_mut(), 0.1);
            let f = |losses: [f64; 2]| smooth_maximum((0..2).map(|t| p[t] * losses[t]), 0.01);
            let x = scan(&f);
            assert!(x.abs() < 0.7, "{x}");
            assert_close(&losses, &concave(x).0, 2e-3);
        }
    }

    #[test]
    fn the_form_with_a_warmup_follows_its_objectives() {
        let settings = r#"{"mu": 0.5, "preference": [5, 3, 2], "warmup": 2}"#;
        let mut method = build(&METHOD, 3, settings);
        let (importance, losses) = ([1.5, 0.9, 0.6], [3.0, 1.0, 2.0]);
        let logs = |losses: &[f64]| (0..3).map(|t| importance[t] * losses[t].ln()).sum();
        for (epoch, factor) in [(0, 7.0), (1, 0.5), (1, 1.5)] {
            let losses = losses.map(|l| factor * l);
            let (weights, status) = at_epoch(method.as_mut(), &losses, epoch);
            assert_eq!(status, Status::Solved);
            assert_close(&weights, &slopes(logs, &losses), 1e-8);
        }
        // The means of epoch 1 are the losses above.
        let f = |found: &[f64]| {
            3.0 * smooth_maximum((0..3).map(|t| importance[t] * (found[t] / losses[t]).ln()), 0.5)
        };
        for now in [[2.0, 0.9, 0.1], [9.0, 5.0, 2.0]] {
            let (weights, status) = at_epoch(method.as_mut(), &now, 2);
            assert_eq!(status, Status::Solved);
            assert_close(&weights, &slopes(f, &now), 1e-8);
        }
    }

    #[test]
    fn after_the_warmup_the_scale_of_a_loss_does_not_matter() {
        let weighted = |scale: f64| {
            let mut method = build(&METHOD, 2, r#"{"warmup": 1}"#);
            at_epoch(method.as_mut(), &[1.0, 2.0 * scale], 0);
            let weights = at_epoch(method.as_mut(), &[0.5, 1.5 * scale], 1).0;
            [weights[0], weights[1] * scale]
        };
        for scale in [1e-10, 1e10] {
            assert_close(&weighted(scale), &weighted(1.0), 1e-12);
        }
    }

    #[test]
    fn losses_and_means_of_zero_have_a_status() {
        let mut method = build(&METHOD, 2, r#"{"warmup": 1}"#);
        let (weights, status) = at_epoch(method.as_mut(), &[0.0, 2.0], 0);
        assert!(matches!(status, Status::NoSolution { .. }));
        assert_eq!(weights, [0.0, 0.5]);
        let (weights, status) = at_epoch(method.as_mut(), &[3.0, 2.0], 1);
        assert!(matches!(status, Status::NoSolution { .. }));
        // Both at their means: equal shares.
        assert_close(&weights, &[1.0 / 3.0, 0.5], 1e-15);
        let (weights, status) = at_epoch(method.as_mut(), &[3.0, -2.0], 1);
        assert!(matches!(status, Status::NoSolution { .. }));
        assert!(weights[0] > 0.0 && weights[1] == 0.0);
    }

    #[test]
    fn settings_that_do_not_fit_are_refused() {
        for (settings, found) in [
            (r#"{"warmup": 1.5}"#, "found 1.5"),
            (r#"{"warmup": 1, "ideal": [0, 0]}"#, "`warmup` as 0 where `ideal` is given"),
            (r#"{"ideal": [0]}"#, "with one number for each task, found 1"),
            (r#"{"mu": 0}"#, "above 0, found 0"),
        ] {
            let message = refusal(&METHOD, 2, settings);
            assert!(message.contains(found), "{message}");
        }
    }
}
