//! Data whose truth is known: which tasks share features, which have nothing in common, which
//! get in each other's way.
//!
//! Each generator is a function of its parameters and a seed. The name of the data is the
//! generator's, and the hash is that of its parameters, so equal hashes mean equal data.

mod alter;
mod linear;
mod teacher;

use torso_core::data::{Labels, Layout, Task, TaskData, TaskKind};
use torso_core::features::{Feature, FeatureValues, Features};
use torso_core::seed::{Stream, normal};

pub use alter::{classes, missing, one_task_per_row};
pub use linear::{LinearTruth, Structure, linear};
pub use teacher::{conflict, shared_features};

/// Regressions on `inputs` (`[n, d]`, row-major), one per column of labels.
fn regressions(
    name: &str,
    parameters: &str,
    inputs: &[f64],
    d: usize,
    labels: &[Vec<f64>],
) -> TaskData {
    let feature = |column: usize| Feature {
        name: format!("x{column}"),
        values: FeatureValues::Numeric(inputs.iter().skip(column).step_by(d).copied().collect()),
    };
    let features = Features { columns: (0..d).map(feature).collect() };
    let task = |(index, column): (usize, &Vec<f64>)| Task {
        name: format!("y{index}"),
        kind: TaskKind::Regression,
        labels: Labels::from_column(column),
    };
    let tasks = labels.iter().enumerate().map(task).collect();
    let hash = hash_of(&format!("{name} {parameters}"));
    TaskData::new(name, hash, features, tasks, Layout::Columns)
        .expect("generators make tasks of finite labels")
}

fn hash_of(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// `n` draws from the standard normal distribution.
fn normals(n: usize, stream: &mut Stream) -> Vec<f64> {
    (0..n).map(|_| normal(stream)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests;
