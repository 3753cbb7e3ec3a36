//! Generated data as least squares, for tests and experiments.

pub mod families;
pub mod streams;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use faer::{Mat, MatRef};
use torso_core::data::TaskData;
use torso_core::features::FeatureValues;
use torso_core::seed::{Seed, normal};
use torso_math::{Spectrum, singular_values};

use crate::method::{LinearError, LinearMethod};
use crate::solution::{Effort, Solution};
use crate::tasks::{Rows, TaskRows, Tasks, product};

/// The regressions of `data` with all their labels, features as they are, nothing centered.
///
/// # Panics
/// If a feature is no number.
pub fn tasks_of(data: &TaskData) -> Tasks {
    tasks_among(data, 0..usize::MAX)
}

/// [`tasks_of`] in two parts: the first `n` labels of each task, to learn from, and the others, to
/// choose parameters with.
pub fn parts_of(data: &TaskData, n: usize) -> (Tasks, Tasks) {
    (tasks_among(data, 0..n), tasks_among(data, n..usize::MAX))
}

/// The regressions of `data` with some of the labels of each task, by position.
fn tasks_among(data: &TaskData, range: Range<usize>) -> Tasks {
    let columns: Vec<&[f64]> =
        data.features().columns.iter().map(|column| numbers(&column.values)).collect();
    let mut made: BTreeMap<&[u32], Arc<Rows>> = BTreeMap::new();
    let tasks = data.tasks().iter().map(|task| {
        let n = task.labels.rows().len();
        let range = range.start.min(n)..range.end.min(n);
        let own = &task.labels.rows()[range.clone()];
        let rows = made.entry(own).or_insert_with(|| {
            let x = Mat::from_fn(own.len(), columns.len(), |i, j| columns[j][own[i] as usize]);
            Arc::new(Rows::new(x, vec![1.0; own.len()]))
        });
        TaskRows {
            name: task.name.clone(),
            rows: rows.clone(),
            y: task.labels.values()[range].to_vec(),
            scale: 1.0,
        }
    });
    Tasks::new(columns.len(), tasks.collect())
}

fn numbers(values: &FeatureValues) -> &[f64] {
    match values {
        FeatureValues::Numeric(values) => values,
        FeatureValues::Categorical { .. } => panic!("generated features are numbers"),
    }
}

/// Tasks that use the same three features, with the same rows or each its own, and noise.
#[cfg(test)]
pub(crate) fn three_features(n: usize, d: usize, n_tasks: usize, own: bool, seed: u64) -> Tasks {
    use torso_data::generate::{Structure, linear, linear_own_rows};
    let make = if own { linear_own_rows } else { linear };
    let structure = Structure::RowSparse { support: 3 };
    tasks_of(&make(structure, n, d, n_tasks, 1.0, torso_core::seed::Seed(seed)).data)
}

/// A random orthogonal matrix, `[d, d]`.
pub fn orthogonal(d: usize, seed: Seed) -> Mat<f64> {
    let mut stream = seed.stream("rotation", "", 0);
    Spectrum::of(Mat::from_fn(d, d, |_, _| normal(&mut stream)).as_ref()).left
}

/// The tasks with features `X Q` in place of `X`; the rows of each task are made anew.
pub fn rotated(tasks: &Tasks, turn: &Mat<f64>) -> Tasks {
    let task = |task: &TaskRows| {
        let x = product(task.rows.x(), turn.as_ref());
        TaskRows { rows: Arc::new(Rows::new(x, task.rows.weights().to_vec())), ..task.clone() }
    };
    Tasks::new(tasks.n_features(), tasks.tasks().iter().map(task).collect())
}

/// The solution of `method`, along its paths of `points`, whose loss on `validation` is least.
///
/// # Panics
/// If the method has no path.
pub fn tune(
    method: &dyn LinearMethod,
    learning: &Tasks,
    validation: &Tasks,
    points: usize,
    seed: Seed,
) -> Result<Solution, LinearError> {
    let effort = Effort { tolerance: 1e-6, iterations: 2000 };
    let mut best: Option<(f64, Solution)> = None;
    for path in method.paths(learning, points) {
        let mut last: Option<Solution> = None;
        for point in path {
            let solution = point.fit(learning, last.as_ref(), effort, seed)?;
            let loss = validation.value(solution.w.as_ref());
            if best.as_ref().is_none_or(|(least, _)| loss < *least) {
                best = Some((loss, solution.clone()));
            }
            last = Some(solution);
        }
    }
    Ok(best.expect("a method has a path, and a path a point").1)
}

/// The entries of a matrix, row after row, as generators tell coefficients.
pub fn row_major(m: MatRef<'_, f64>) -> Vec<f64> {
    (0..m.nrows()).flat_map(|i| m.row(i).iter().copied().collect::<Vec<_>>()).collect()
}

/// The largest angle, in degrees, between a direction of the column space of `a [d, k]` and the
/// column space of `b [d, l]`, `k <= l`: 0 where `a` lies in `b`. The columns of both are
/// independent.
pub fn largest_principal_angle(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    let base = |m: MatRef<'_, f64>| Spectrum::of(m).left;
    let cosines = singular_values(product(base(a).transpose(), base(b).as_ref()).as_ref());
    cosines.last().copied().unwrap_or(1.0).clamp(0.0, 1.0).acos().to_degrees()
}
