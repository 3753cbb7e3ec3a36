//! Dynamic weight average: a task whose loss falls more slowly than the others' counts more.
//!
//! # Formula
//! With `L_t(e)` the mean of task t's losses over the batches of epoch `e`, and
//! `r_t = L_t(e-1) / L_t(e-2)`: `w = T softmax(r / temperature)`, `[T]`, over all `T` tasks. In the
//! first two epochs `w = 1`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `temperature` | 2 | above 0 | the paper |
//!
//! # Cost
//! One backward pass, `6 T` numbers of state.
//!
//! # Claims
//! The order of the tasks does not matter; the step is proportional to the gradients, for the
//! scale of the losses cancels in `r`.
//!
//! # Differs from
//! The paper has labels for every task in every batch. Here a mean is over the batches that hold
//! the task, each counting alike; a task without both means (it had no label in one of the two
//! epochs) keeps `r = 1`; and the softmax is over all tasks, so that a task's weight is the same
//! through an epoch, whichever tasks share its batch. A mean of 0 has no ratio: `r = 1` again, with
//! a status.
//!
//! # References
//! Liu, Johns, Davison, *End-to-End Multi-Task Learning with Attention* (2019).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::{Scalarizer, softmax};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "dwa",
        family: Family::Balance,
        title: "dynamic weight average",
        section: "A.8",
        formula: "w = T softmax(r / temperature), r_t = L_t(e-1) / L_t(e-2) of epoch means",
        parameters: &[Parameter {
            name: "temperature",
            default: "2",
            range: "above 0",
            about: "the higher, the more equal the weights (the paper)",
        }],
        cost: "1 backward pass",
        cite: Cite {
            authors: "Liu, Johns, Davison",
            title: "End-to-End Multi-Task Learning with Attention",
            venue: "CVPR",
            year: 2019,
        },
    },
    sees: Sees::Losses,
    heads: Heads::Weighted,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default = "default_temperature")]
    temperature: f64,
}

fn default_temperature() -> f64 {
    2.0
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { temperature } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "temperature", temperature, Allowed::Positive)?;
    Ok(Balancer::Scalarizer(Box::new(Dwa::new(setup.n_tasks(), temperature))))
}

/// The losses of one epoch.
#[derive(Clone)]
struct Epoch {
    sums: Vec<f64>,
    /// Batches with a label of the task.
    counts: Vec<f64>,
}

impl Epoch {
    fn clear(&mut self) {
        self.sums.fill(0.0);
        self.counts.fill(0.0);
    }

    /// The mean loss of a task, if it had labels.
    fn mean(&self, task: usize) -> Option<f64> {
        (self.counts[task] > 0.0).then(|| self.sums[task] / self.counts[task])
    }
}

struct Dwa {
    temperature: f64,
    /// The number of the running epoch.
    now: Vec<f64>,
    /// The running epoch, the last, and the one before.
    epochs: [Epoch; 3],
}

impl Dwa {
    fn new(n_tasks: usize, temperature: f64) -> Self {
        let epoch = Epoch { sums: vec![0.0; n_tasks], counts: vec![0.0; n_tasks] };
        Self { temperature, now: vec![0.0], epochs: [epoch.clone(), epoch.clone(), epoch] }
    }

    fn turn_to(&mut self, epoch: usize) {
        while self.now[0] < epoch as f64 {
            self.epochs.rotate_right(1);
            self.epochs[0].clear();
            self.now[0] += 1.0;
        }
    }

    /// `r` of a task: none where the older mean is 0.
    fn rate(&self, task: usize) -> Option<f64> {
        match (self.epochs[1].mean(task), self.epochs[2].mean(task)) {
            (Some(last), Some(before)) => Some(last / before).filter(|rate| rate.is_finite()),
            _ => Some(1.0),
        }
    }
}

impl State for Dwa {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.now);
        for epoch in &mut self.epochs {
            visitor(&mut epoch.sums);
            visitor(&mut epoch.counts);
        }
    }
}

impl Scalarizer for Dwa {
    fn weigh(&mut self, view: &StepView, weights: &mut [f64]) -> Status {
        self.turn_to(view.epoch);
        let n_tasks = self.epochs[0].sums.len();
        let rates: Vec<Option<f64>> = (0..n_tasks).map(|task| self.rate(task)).collect();
        let mut shares: Vec<f64> =
            rates.iter().map(|rate| rate.unwrap_or(1.0) / self.temperature).collect();
        softmax(&mut shares);
        for ((weight, loss), &task) in weights.iter_mut().zip(view.losses).zip(view.tasks) {
            *weight = n_tasks as f64 * shares[task];
            self.epochs[0].sums[task] += loss;
            self.epochs[0].counts[task] += 1.0;
        }
        if rates.iter().all(Option::is_some) {
            return Status::Solved;
        }
        Status::NoSolution {
            why: "a mean loss of 0 has no rate of descent",
            instead: "the task's rate was taken as 1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, at_epoch, build};
    use super::*;

    /// The weights of an epoch after epochs with the given losses, a batch each.
    fn after(epochs: &[&[f64]], settings: &str) -> (Vec<f64>, Status) {
        let n = epochs[0].len();
        let mut method = build(&METHOD, n, settings);
        for (epoch, losses) in epochs.iter().enumerate() {
            at_epoch(method.as_mut(), losses, epoch);
        }
        at_epoch(method.as_mut(), &vec![1.0; n], epochs.len())
    }

    #[test]
    fn golden() {
        let (e1, e4) = (0.5_f64.exp(), 2.0_f64.exp());
        let expected = [2.0 * e1 / (e1 + e4), 2.0 * e4 / (e1 + e4)];
        let (weights, status) = after(&[&[1.0, 1.0], &[1.0, 4.0]], "{}");
        assert_eq!(status, Status::Solved);
        assert_close(&weights, &expected, 1e-15);
        // Only the last two epochs count, and only their ratio.
        let (weights, _) =
            after(&[&[9.0, 5.0], &[7.0, 1.0], &[2.0, 3.0], &[1e3, 0.1], &[1e3, 0.4]], "{}");
        assert_close(&weights, &expected, 1e-14);
    }

    #[test]
    fn weights_sum_to_the_number_of_tasks_and_grow_equal_with_the_temperature() {
        let epochs: [&[f64]; 2] = [&[1.0, 1.0, 2.0], &[0.5, 0.9, 2.2]];
        let spread = |temperature: &str| {
            let (w, _) = after(&epochs, &format!(r#"{{"temperature": {temperature}}}"#));
            assert!((w.iter().sum::<f64>() - 3.0).abs() < 1e-14);
            assert!(w[0] < w[1] && w[1] < w[2], "slow tasks count more: {w:?}");
            w[2] - w[0]
        };
        assert!(spread("0.5") > spread("2") && spread("2") > spread("20"));
    }

    #[test]
    fn the_first_two_epochs_are_equal_and_means_are_over_batches() {
        let mut method = build(&METHOD, 2, "{}");
        for (epoch, losses) in [(0, [2.0, 1.0]), (0, [0.0, 3.0]), (1, [1.0, 1.0]), (1, [3.0, 9.0])]
        {
            assert_close(&at_epoch(method.as_mut(), &losses, epoch).0, &[1.0, 1.0], 1e-15);
        }
        // The means are (1, 2), then (2, 5).
        let mut expected = [1.0, 1.25];
        softmax(&mut expected);
        let (weights, _) = at_epoch(method.as_mut(), &[1.0, 1.0], 2);
        assert_close(&weights, &expected.map(|share| 2.0 * share), 1e-15);
    }

    #[test]
    fn a_task_without_both_means_keeps_a_rate_of_one() {
        let mut method = build(&METHOD, 3, "{}");
        let mut weights = [0.0; 3];
        at_epoch(method.as_mut(), &[1.0, 1.0, 1.0], 0);
        let view = StepView { tasks: &[0, 2], losses: &[0.5, 3.0], cross: &[], step: 0, epoch: 1 };
        method.weigh(&view, &mut weights[..2]);
        let (weights, status) = at_epoch(method.as_mut(), &[1.0; 3], 2);
        let mut expected = [0.25, 0.5, 1.5];
        softmax(&mut expected);
        assert_close(&weights, &expected.map(|share| 3.0 * share), 1e-15);
        assert_eq!(status, Status::Solved);
        // An epoch without any step leaves no means at all.
        assert_close(&at_epoch(method.as_mut(), &[1.0; 3], 4).0, &[1.0; 3], 1e-15);
    }

    #[test]
    fn a_mean_of_zero_has_no_rate() {
        for last in [0.0, 2.0] {
            let (weights, status) = after(&[&[0.0, 1.0], &[last, 1.0]], "{}");
            assert!(matches!(status, Status::NoSolution { .. }));
            assert_close(&weights, &[1.0, 1.0], 1e-15);
        }
    }
}
