//! Data whose truth is known: which tasks share features, which have nothing in common, which
//! get in each other's way; and pairs of digits, of images that are at hand.
//!
//! Each generator is a function of its parameters and a seed. The name of the data is the
//! generator's, and the hash is that of its parameters, so equal hashes mean equal data.

mod alter;
mod linear;
pub mod measure;
mod multi_digit;
mod teacher;

use torso_core::data::{Labels, Layout, Task, TaskData, TaskKind};
use torso_core::features::{Feature, FeatureValues, Features};
use torso_core::seed::{Stream, normal};

pub use alter::{classes, missing, one_task_per_row};
pub use linear::{
    LinearTruth, Structure, balanced_tree, block_correlation, linear, linear_own_rows,
};
pub use multi_digit::{MultiDigit, multi_digit};
pub use teacher::{conflict, shared_features};

/// Regressions on `inputs` (`[n, d]`, row-major), one per column of labels.
fn regressions(
    name: &str,
    parameters: &str,
    inputs: &[f64],
    d: usize,
    labels: &[Vec<f64>],
) -> TaskData {
    let tasks = labels.iter().map(|column| Labels::from_column(column)).collect();
    tasks_on(name, parameters, inputs, d, tasks, Layout::Columns)
}

/// Regressions on `inputs` (`[n, d]`, row-major), one for each set of labels.
fn tasks_on(
    name: &str,
    parameters: &str,
    inputs: &[f64],
    d: usize,
    labels: Vec<Labels>,
    layout: Layout,
) -> TaskData {
    let feature = |column: usize| Feature {
        name: format!("x{column}"),
        values: FeatureValues::Numeric(inputs.iter().skip(column).step_by(d).copied().collect()),
    };
    let features = Features::new((0..d).map(feature).collect());
    let task = |(index, labels): (usize, Labels)| Task {
        name: format!("y{index}"),
        kind: TaskKind::Regression,
        labels,
    };
    let tasks = labels.into_iter().enumerate().map(task).collect();
    let hash = hash_of(&format!("{name} {parameters}"));
    TaskData::new(name, hash, features, tasks, layout)
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
