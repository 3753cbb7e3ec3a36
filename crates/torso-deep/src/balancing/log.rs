//! What a balancing method did: its statuses, and the cosines between the tasks' gradients.

use std::collections::BTreeMap;

use torso_balance::{Gramian, Status};
use torso_core::estimator::BalanceTrace;
use torso_core::snapshot::{Snapshot, SnapshotError};

/// With more tasks than this no matrix of cosines is kept.
const MOST_TASKS: usize = 32;

/// Sums over the steps of a training.
pub(crate) struct Log {
    n_tasks: usize,
    /// Steps per task between two looks at gradients that the method does not need; 0: none.
    conflict_steps: usize,
    steps: usize,
    statuses: BTreeMap<String, usize>,
    /// Sums and counts of the cosine of each pair, `[n, n]`.
    sums: Vec<f64>,
    counts: Vec<f64>,
    epoch: (f64, f64),
    /// The cosine of the last epoch that saw one.
    last: f64,
}

impl Log {
    pub(crate) fn new(n_tasks: usize, conflict_steps: usize) -> Self {
        let kept = if n_tasks <= MOST_TASKS { n_tasks * n_tasks } else { 0 };
        Self {
            n_tasks,
            conflict_steps,
            steps: 0,
            statuses: BTreeMap::new(),
            sums: vec![0.0; kept],
            counts: vec![0.0; kept],
            epoch: (0.0, 0.0),
            last: f64::NAN,
        }
    }

    /// Whether to look at the gradients of a step whose method does not.
    pub(crate) fn looks_at(&self, step: usize) -> bool {
        let every = self.conflict_steps * self.n_tasks;
        (2..=MOST_TASKS).contains(&self.n_tasks) && every > 0 && step.is_multiple_of(every)
    }

    /// Counts the status of a step.
    pub(crate) fn note(&mut self, status: Status) {
        self.steps += 1;
        let text = match status {
            Status::Solved => return,
            Status::NoSolution { .. } => status.to_string(),
            Status::NotConverged { .. } => "not converged: the last iterate was taken".to_string(),
        };
        *self.statuses.entry(text).or_default() += 1;
    }

    /// Adds the cosines of a step.
    pub(crate) fn see(&mut self, tasks: &[usize], gramian: &Gramian) {
        let inverse = gramian.inverse_norms();
        for (i, &a) in tasks.iter().enumerate() {
            for (j, &b) in tasks.iter().enumerate().take(i) {
                if inverse[i] == 0.0 || inverse[j] == 0.0 {
                    continue;
                }
                let cosine = gramian.at(i, j) * inverse[i] * inverse[j];
                self.epoch = (self.epoch.0 + cosine, self.epoch.1 + 1.0);
                for at in [a * self.n_tasks + b, b * self.n_tasks + a] {
                    if let (Some(sum), Some(count)) =
                        (self.sums.get_mut(at), self.counts.get_mut(at))
                    {
                        *sum += cosine;
                        *count += 1.0;
                    }
                }
            }
        }
    }

    /// The mean cosine of the epoch, or of the last one that saw any; `NaN` before the first.
    pub(crate) fn take_cosine(&mut self) -> f64 {
        let (sum, count) = std::mem::take(&mut self.epoch);
        if count > 0.0 {
            self.last = sum / count;
        }
        self.last
    }

    /// All sums.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.describe("steps", &self.steps);
        snapshot.describe("statuses", &self.statuses);
        snapshot.put("sums", &[self.sums.len()], self.sums.clone());
        snapshot.put("counts", &[self.counts.len()], self.counts.clone());
        snapshot.put("epoch", &[3], vec![self.epoch.0, self.epoch.1, self.last]);
        snapshot
    }

    /// Takes up the sums that were kept.
    pub(crate) fn resume(&mut self, kept: &Snapshot) -> Result<(), SnapshotError> {
        self.steps = kept.described("steps")?;
        self.statuses = kept.described("statuses")?;
        let n = self.sums.len();
        self.sums.copy_from_slice(kept.shaped("sums", &[n])?);
        self.counts.copy_from_slice(kept.shaped("counts", &[n])?);
        let epoch = kept.shaped::<f64>("epoch", &[3])?;
        (self.epoch, self.last) = ((epoch[0], epoch[1]), epoch[2]);
        Ok(())
    }

    /// In the form of the record.
    pub(crate) fn trace(&self) -> BalanceTrace {
        let cosine = self.sums.iter().zip(&self.counts).map(|(sum, count)| sum / count);
        let seen = self.counts.iter().any(|count| *count > 0.0);
        BalanceTrace {
            steps: self.steps,
            statuses: self.statuses.iter().map(|(text, n)| (text.clone(), *n)).collect(),
            cosines: if seen { cosine.collect() } else { Vec::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_are_means_over_the_steps_that_saw_both_tasks() {
        let mut log = Log::new(3, 20);
        log.see(&[0, 2], &Gramian::new(2, vec![4.0, 2.0, 2.0, 4.0]));
        log.see(&[0, 1, 2], &Gramian::new(3, vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0]));
        log.note(Status::Solved);
        log.note(Status::NoSolution { why: "a", instead: "b" });
        assert!((log.take_cosine() + 0.25).abs() < 1e-15);
        assert!((log.take_cosine() + 0.25).abs() < 1e-15, "the last that was seen");
        assert!(Log::new(3, 20).take_cosine().is_nan());
        let trace = log.trace();
        assert!((trace.cosines[2] + 0.25).abs() < 1e-15 && trace.cosines[1].is_nan());
        assert_eq!((trace.steps, trace.statuses[0].1), (2, 1));
    }
}
