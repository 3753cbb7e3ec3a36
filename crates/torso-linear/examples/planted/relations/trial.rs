//! One data set: labels to learn from, labels to choose parameters on, and the truth.
#![expect(clippy::unwrap_used, reason = "an experiment")]

use std::sync::Arc;

use faer::Mat;
use serde_json::{Value, json};
use torso_core::seed::Seed;
use torso_data::generate::{LinearTruth, Structure, linear_own_rows};
use torso_linear::methods::find;
use torso_linear::testing::{parts_of, row_major};
use torso_linear::{Effort, Rows, Solution, TaskRows, Tasks};

/// A solution, and the settings that it was found with.
pub(crate) type Tuned = (Solution, Vec<(String, f64)>);

/// Learning and validation labels, `n` of each a task, and the truth behind them.
pub(crate) struct Trial {
    /// What was planted.
    pub(crate) truth: LinearTruth,
    noise: f64,
    /// What is learned from.
    pub(crate) learning: Tasks,
    /// What parameters are chosen on.
    pub(crate) validation: Tasks,
    /// Of the data and of all draws.
    pub(crate) seed: Seed,
}

impl Trial {
    /// `[n, d, n_tasks]` labels a task, features and tasks.
    pub(crate) fn new(
        structure: Structure,
        [n, d, n_tasks]: [usize; 3],
        noise: f64,
        seed: u64,
    ) -> Self {
        // Seeds from 1000 on were for calibration.
        let seed = Seed(2000 + seed);
        let truth = linear_own_rows(structure, 2 * n, d, n_tasks, noise, seed);
        let (learning, validation) = parts_of(&truth.data, n);
        Self { truth, noise, learning, validation, seed }
    }

    /// The solution of the least loss on the validation labels, and its settings.
    pub(crate) fn tuned(&self, id: &str, given: &Value) -> Tuned {
        tuned(id, given, &self.learning, &self.validation, self.seed)
    }

    /// The excess risk of each task.
    pub(crate) fn risks(&self, w: &Mat<f64>) -> Vec<f64> {
        self.truth.excess_risks(&row_major(w.as_ref()))
    }

    /// The mean error of the tasks.
    pub(crate) fn error_of(&self, w: &Mat<f64>) -> f64 {
        average(&self.risks(w)) + self.noise.powi(2)
    }

    /// The mean error of the tasks as a method learns them.
    pub(crate) fn error(&self, id: &str, given: &Value) -> f64 {
        self.error_of(&self.tuned(id, given).0.w)
    }

    /// The mean error of the tasks with one model for all.
    pub(crate) fn pooled_error(&self) -> f64 {
        let n = self.learning.task(0).y.len();
        let ridge = |tasks: &Tasks| {
            let rows: Vec<(usize, usize)> =
                (0..tasks.n_tasks()).flat_map(|t| (0..n).map(move |i| (t, i))).collect();
            let d = tasks.n_features();
            let x =
                Mat::from_fn(rows.len(), d, |r, j| tasks.task(rows[r].0).rows.x()[(rows[r].1, j)]);
            let y = rows.iter().map(|(t, i)| tasks.task(*t).y[*i]).collect();
            let rows = Arc::new(Rows::new(x, vec![1.0; rows.len()]));
            let task = TaskRows { name: "all".to_string(), rows, y, scale: 1.0 };
            Tasks::new(d, vec![task])
        };
        let (learning, validation) = (ridge(&self.learning), ridge(&self.validation));
        let one = tuned("ridge", &json!({}), &learning, &validation, self.seed).0.w;
        self.error_of(&Mat::from_fn(one.nrows(), self.learning.n_tasks(), |i, _| one[(i, 0)]))
    }
}

/// The solution of the least loss on the validation labels along a method's paths, and its settings.
pub(crate) fn tuned(
    id: &str,
    given: &Value,
    learning: &Tasks,
    validation: &Tasks,
    seed: Seed,
) -> Tuned {
    let effort = Effort { tolerance: 1e-6, iterations: 2000 };
    let method = (find(id).unwrap().build)(given.as_object().unwrap()).unwrap();
    let mut best: Option<(f64, Tuned)> = None;
    for path in method.paths(learning, 20) {
        let mut last: Option<Solution> = None;
        for point in path {
            let solution = point.fit(learning, last.as_ref(), effort, seed).unwrap();
            let loss = validation.value(solution.w.as_ref());
            if best.as_ref().is_none_or(|(least, ..)| loss < *least) {
                best = Some((loss, (solution.clone(), point.settings())));
            }
            last = Some(solution);
        }
    }
    best.unwrap().1
}

/// The mean.
pub(crate) fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
