//! The one round of messages between machines and their master.

use faer::Mat;

use super::debias;
use crate::penalty::row_norms;
use crate::solution::Effort;
use crate::solver::row_descent;
use crate::tasks::Tasks;

/// What every machine does.
#[derive(Debug, Clone, Copy)]
pub struct Worker {
    /// The strength of its lasso.
    pub lambda: f64,
    /// How exactly it inverts its covariance, in units of `sqrt(log d / n_t)`.
    pub mu: f64,
    /// How far its lasso goes.
    pub effort: Effort,
}

/// What a round has brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// What machines sent: estimates without their bias, `[n_features, n_tasks]`.
    pub estimates: Mat<f64>,
    /// Bytes that each machine sent.
    pub bytes_up: Vec<usize>,
    /// The features that are kept.
    pub support: Vec<bool>,
    /// Bytes that each machine was sent.
    pub bytes_down: usize,
    /// Each machine's estimate of the features that are kept, `[n_features, n_tasks]`.
    pub w: Mat<f64>,
}

impl Round {
    /// One round over machines that `threads` play.
    pub fn of(tasks: &Tasks, worker: Worker, threshold: f64, threads: usize) -> Self {
        let Estimates { estimates, bytes_up } = estimates(tasks, worker, threads);
        let mask = Mask::of(&support(&estimates, threshold));
        let support = mask.read(tasks.n_features());
        let kept = |j: usize, t: usize| if support[j] { estimates[(j, t)] } else { 0.0 };
        let w = Mat::from_fn(estimates.nrows(), estimates.ncols(), kept);
        Self { estimates, bytes_up, bytes_down: mask.0.len(), support, w }
    }
}

/// What the master has received.
pub(super) struct Estimates {
    pub(super) estimates: Mat<f64>,
    pub(super) bytes_up: Vec<usize>,
}

/// The first half of a round: every machine's message, in the order of machines.
pub(super) fn estimates(tasks: &Tasks, worker: Worker, threads: usize) -> Estimates {
    let mut messages: Vec<Option<Estimate>> = (0..tasks.n_tasks()).map(|_| None).collect();
    let share = tasks.n_tasks().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        for (thread, messages) in messages.chunks_mut(share).enumerate() {
            scope.spawn(move || {
                for (k, message) in messages.iter_mut().enumerate() {
                    let own = tasks.some(&[thread * share + k]);
                    *message = Some(Estimate::of(&worker.estimate(&own)));
                }
            });
        }
    });
    let received: Vec<Estimate> =
        messages.into_iter().map(|message| message.expect("every machine has sent")).collect();
    let columns: Vec<Vec<f64>> = received.iter().map(Estimate::read).collect();
    Estimates {
        estimates: Mat::from_fn(tasks.n_features(), tasks.n_tasks(), |j, t| columns[t][j]),
        bytes_up: received.iter().map(|message| message.0.len()).collect(),
    }
}

/// The master's rule.
pub(super) fn support(estimates: &Mat<f64>, threshold: f64) -> Vec<bool> {
    row_norms(estimates.as_ref()).into_iter().map(|norm| norm > threshold).collect()
}

impl Worker {
    /// The estimate of a machine that has one task, `[n_features]`.
    fn estimate(&self, task: &Tasks) -> Vec<f64> {
        let biased = row_descent::minimize(task, self.lambda, None, self.effort).w;
        let gradient = task.gradient(biased.as_ref());
        let n = task.task(0).rows.n().max(1) as f64;
        let mu = self.mu * ((task.n_features() as f64).ln() / n).sqrt();
        let correction = debias::correction(&task.gram(0), gradient.col_as_slice(0), mu);
        biased.col(0).iter().zip(correction).map(|(b, c)| b + c).collect()
    }
}

/// A message from a machine: a number of eight bytes for each feature.
struct Estimate(Vec<u8>);

impl Estimate {
    fn of(estimate: &[f64]) -> Self {
        Self(estimate.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    fn read(&self) -> Vec<f64> {
        let number = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        self.0.chunks_exact(8).map(number).collect()
    }
}

/// A message to all machines: a bit for each feature.
struct Mask(Vec<u8>);

impl Mask {
    fn of(support: &[bool]) -> Self {
        let byte = |bits: &[bool]| {
            bits.iter().enumerate().fold(0, |byte, (k, bit)| byte | (u8::from(*bit) << k))
        };
        Self(support.chunks(8).map(byte).collect())
    }

    fn read(&self, n_features: usize) -> Vec<bool> {
        (0..n_features).map(|j| self.0[j / 8] >> (j % 8) & 1 == 1).collect()
    }
}
