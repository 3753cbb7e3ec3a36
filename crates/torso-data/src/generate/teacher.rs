//! Teacher networks: tasks that are functions of hidden features, shared or not.

use torso_core::data::TaskData;
use torso_core::seed::Seed;

use super::{dot, normals, regressions};

/// Regressions that share features, as far as `rho` says.
///
/// # Formula
/// `y_t = s_t + noise * e_t`, where `s_t` is `a_t' tanh(B_t x)` brought to mean 0 and variance 1
/// over the rows, and `B_t = sqrt(rho) B + sqrt(1 - rho) B'_t`. `x` `[d]`, `a_t` `[k]`, `B` and
/// `B'_t` `[k, d]` and `e_t` are standard normal; `B` is the same for all tasks.
///
/// # Parameters
/// | name | meaning |
/// |---|---|
/// | `n` | rows |
/// | `d` | inputs |
/// | `k` | hidden features of a task |
/// | `n_tasks` | tasks |
/// | `rho` | from 0 (nothing in common) to 1 (the same features) |
/// | `noise` | the noise's standard deviation, in those of the signal |
///
/// # Panics
/// If `rho` is not from 0 to 1, or `n`, `d`, `k` or `n_tasks` is 0.
pub fn shared_features(
    n: usize,
    d: usize,
    k: usize,
    n_tasks: usize,
    rho: f64,
    noise: f64,
    seed: Seed,
) -> TaskData {
    assert!((0.0..=1.0).contains(&rho), "rho is from 0 to 1");
    assert!(n > 0 && d > 0 && k > 0 && n_tasks > 0, "there are rows, inputs, features and tasks");
    let parameters =
        format!("n={n} d={d} k={k} n_tasks={n_tasks} rho={rho} noise={noise} {seed:?}");
    let teacher = Teacher { d, k, rho };
    let (inputs, labels) = teacher.data(n, n_tasks, noise, seed);
    regressions("shared-features", &parameters, &inputs, d, &labels)
}

/// Regressions that a narrow shared trunk cannot learn together: sharing harms.
///
/// # Formula
/// `y_t = cos(2 u_t' x)`, brought to mean 0 and variance 1, plus noise of standard deviation 0.2;
/// `x` `[4]` is standard normal and each `u_t` `[4]` is a direction of its own, drawn uniformly.
///
/// # Why it harms
/// A wave across one direction takes about four hidden units, so 32 units are plenty for one task
/// and too few for many. The waves are even functions, nearly uncorrelated and without a linear
/// part, so no unit that serves one task serves another: whatever one wins, others lose. Noise is
/// low, so that what sharing saves in variance does not make up for it. Measured with 32 tanh
/// units (mean squared error on new rows, alone and shared): 0.11 and 0.21 for 16 tasks and 320
/// rows, 0.06 and 0.20 for 24 tasks and 640 rows.
///
/// # Panics
/// If `n` or `n_tasks` is 0.
pub fn conflict(n: usize, n_tasks: usize, seed: Seed) -> TaskData {
    assert!(n > 0 && n_tasks > 0, "there are rows and tasks");
    let (d, frequency, noise) = (4, 2.0, 0.2);
    let inputs = normals(n * d, &mut seed.stream("inputs", "", 0));
    let labels: Vec<Vec<f64>> = (0..n_tasks as u64)
        .map(|task| {
            let draws = normals(d, &mut seed.stream("direction", "", task));
            let length = dot(&draws, &draws).sqrt();
            let wave = |row: &[f64]| (frequency * dot(&draws, row) / length).cos();
            noisy(inputs.chunks_exact(d).map(wave).collect(), noise, task, seed)
        })
        .collect();
    regressions("conflict", &format!("n={n} n_tasks={n_tasks} {seed:?}"), &inputs, d, &labels)
}

/// Draws networks of one hidden layer, one per task.
struct Teacher {
    d: usize,
    k: usize,
    rho: f64,
}

impl Teacher {
    /// Inputs `[n, d]`, row-major, and the labels of each task.
    fn data(&self, n: usize, n_tasks: usize, noise: f64, seed: Seed) -> (Vec<f64>, Vec<Vec<f64>>) {
        let inputs = normals(n * self.d, &mut seed.stream("inputs", "", 0));
        let common = normals(self.k * self.d, &mut seed.stream("common features", "", 0));
        let task = |task| noisy(self.signal(&inputs, &common, task, seed), noise, task, seed);
        let labels = (0..n_tasks as u64).map(task).collect();
        (inputs, labels)
    }

    fn signal(&self, inputs: &[f64], common: &[f64], task: u64, seed: Seed) -> Vec<f64> {
        let own = normals(self.k * self.d, &mut seed.stream("own features", "", task));
        let head = normals(self.k, &mut seed.stream("head", "", task));
        let mix =
            |(common, own): (&f64, &f64)| self.rho.sqrt() * common + (1.0 - self.rho).sqrt() * own;
        let features: Vec<f64> = common.iter().zip(&own).map(mix).collect();
        let value = |row: &[f64]| -> f64 {
            let hidden = features.chunks_exact(self.d).map(|feature| dot(feature, row).tanh());
            hidden.zip(&head).map(|(hidden, weight)| hidden * weight).sum()
        };
        inputs.chunks_exact(self.d).map(value).collect()
    }
}

/// A signal of mean 0 and variance 1, with noise.
fn noisy(mut signal: Vec<f64>, noise: f64, task: u64, seed: Seed) -> Vec<f64> {
    standardize(&mut signal);
    let errors = normals(signal.len(), &mut seed.stream("noise", "", task));
    signal.iter().zip(errors).map(|(signal, error)| signal + noise * error).collect()
}

/// Brings values to mean 0 and variance 1; a constant becomes 0.
fn standardize(values: &mut [f64]) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    for value in values.iter_mut() {
        *value -= mean;
    }
    let sd = (dot(values, values) / n).sqrt();
    if sd > 0.0 {
        for value in values {
            *value /= sd;
        }
    }
}
