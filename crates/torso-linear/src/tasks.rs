//! What every linear method learns from: weighted least squares, one column of coefficients a task.
//!
//! `loss(W) = 1/2 sum_t s_t sum_i o_i (y_ti - x_i' w_t)^2`, with `W [n_features, n_tasks]`, the
//! rows `x_i` and their weights `o_i` of task `t`, and a scale `s_t`. Intercepts are no concern of
//! a method: features and labels are centered before (`design.rs`). Other losses reach methods as
//! a sequence of such problems (`majorize.rs`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, Side};

/// Features and weights of the rows of one task, or of several that label the same rows.
#[derive(Debug)]
pub struct Rows {
    x: Mat<f64>,
    weights: Vec<f64>,
    gram: OnceLock<Mat<f64>>,
    curvature: OnceLock<f64>,
    /// Columns of the Gram matrix that were asked for, where the whole would be large.
    columns: Mutex<BTreeMap<usize, Arc<[f64]>>>,
}

impl Rows {
    /// Rows `x [n, d]` with a weight each.
    ///
    /// # Panics
    /// If there is not one weight for each row.
    pub fn new(x: Mat<f64>, weights: Vec<f64>) -> Self {
        assert_eq!(x.nrows(), weights.len(), "a weight for each row");
        Self {
            x,
            weights,
            gram: OnceLock::new(),
            curvature: OnceLock::new(),
            columns: Mutex::new(BTreeMap::new()),
        }
    }

    /// The features, `[n, d]`.
    pub fn x(&self) -> MatRef<'_, f64> {
        self.x.as_ref()
    }

    /// The weight of each row, `[n]`.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The number of rows.
    pub fn n(&self) -> usize {
        self.x.nrows()
    }

    /// `G = X' diag(o) X`, `[d, d]`; made once.
    pub fn gram(&self) -> MatRef<'_, f64> {
        self.gram
            .get_or_init(|| product(self.x.transpose(), self.weighted(self.x()).as_ref()))
            .as_ref()
    }

    /// Whether products go through the Gram matrix: it is not larger than the rows.
    pub fn is_tall(&self) -> bool {
        self.x.ncols() <= self.x.nrows().max(64)
    }

    /// The columns `G[:, j]` for some features `j`; each is computed once and kept.
    pub fn gram_columns(&self, features: &[usize]) -> Vec<Arc<[f64]>> {
        let mut kept = self.columns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let new: Vec<usize> = features.iter().copied().filter(|j| !kept.contains_key(j)).collect();
        if !new.is_empty() {
            let some =
                Mat::from_fn(self.n(), new.len(), |i, k| self.weights[i] * self.x[(i, new[k])]);
            let columns = product(self.x.transpose(), some.as_ref());
            for (k, &j) in new.iter().enumerate() {
                kept.insert(j, columns.col_as_slice(k).into());
            }
        }
        features.iter().map(|j| kept[j].clone()).collect()
    }

    /// `X' diag(o) X v` for some vectors `v [d, k]`.
    pub fn gram_times(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        if self.is_tall() {
            return product(self.gram(), v);
        }
        product(self.x.transpose(), self.weighted(product(self.x(), v).as_ref()).as_ref())
    }

    /// The largest eigenvalue of the Gram matrix.
    pub fn curvature(&self) -> f64 {
        *self.curvature.get_or_init(|| self.largest_eigenvalue())
    }

    fn largest_eigenvalue(&self) -> f64 {
        if self.n() == 0 || self.x.ncols() == 0 {
            return 0.0;
        }
        let small = if self.is_tall() {
            self.gram().to_owned()
        } else {
            let roots = Mat::from_fn(self.n(), self.x.ncols(), |i, j| {
                self.weights[i].sqrt() * self.x[(i, j)]
            });
            product(roots.as_ref(), roots.transpose())
        };
        let values = small
            .self_adjoint_eigenvalues(Side::Lower)
            .expect("eigenvalues of a finite symmetric matrix");
        values.last().copied().unwrap_or(0.0).max(0.0)
    }

    fn weighted(&self, m: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(m.nrows(), m.ncols(), |i, j| self.weights[i] * m[(i, j)])
    }
}

/// `a b`, in one thread.
pub fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

/// One task: labels of some rows.
#[derive(Debug, Clone)]
pub struct TaskRows {
    /// The task's name, for messages and for settings that name tasks.
    pub name: String,
    /// The rows.
    pub rows: Arc<Rows>,
    /// A label for each row.
    pub y: Vec<f64>,
    /// The factor of the task's loss.
    pub scale: f64,
}

impl TaskRows {
    /// The loss of the task at `w = 0`.
    fn energy(&self) -> f64 {
        let squares = self.y.iter().zip(self.rows.weights()).map(|(y, o)| o * y * y);
        0.5 * self.scale * squares.sum::<f64>()
    }
}

/// Weighted least squares for several tasks.
#[derive(Debug, Clone)]
pub struct Tasks {
    all: Vec<TaskRows>,
    n_features: usize,
    /// `s_t X_t' diag(o) y_t`, `[n_features, n_tasks]`.
    moments: Mat<f64>,
    /// `1/2 sum_t s_t sum_i o_i y_ti^2`.
    energy: f64,
}

impl Tasks {
    /// Tasks over the same features.
    ///
    /// # Panics
    /// If tasks have different numbers of features, or a label is missing for a row.
    pub fn new(n_features: usize, tasks: Vec<TaskRows>) -> Self {
        for task in &tasks {
            assert_eq!(task.rows.x.ncols(), n_features, "tasks have the same features");
            assert_eq!(task.rows.n(), task.y.len(), "a label for each row");
        }
        let mut moments = Mat::zeros(n_features, tasks.len());
        // Tasks with the same rows, side by side, take one product.
        let mut first = 0;
        for run in tasks.chunk_by(|a, b| Arc::ptr_eq(&a.rows, &b.rows)) {
            let rows = &run[0].rows;
            let weighted = Mat::from_fn(rows.n(), run.len(), |i, t| {
                run[t].scale * rows.weights[i] * run[t].y[i]
            });
            let columns = product(rows.x.transpose(), weighted.as_ref());
            moments.as_mut().subcols_mut(first, run.len()).copy_from(&columns);
            first += run.len();
        }
        let energy = tasks.iter().map(TaskRows::energy).sum();
        Self { all: tasks, n_features, moments, energy }
    }

    /// The same rows with other labels, `[n_tasks]` of `[n]`.
    pub fn with_labels(&self, labels: Vec<Vec<f64>>) -> Self {
        let task = |(task, y): (&TaskRows, Vec<f64>)| TaskRows { y, ..task.clone() };
        Self::new(self.n_features, self.all.iter().zip(labels).map(task).collect())
    }

    /// Some of the tasks, in this order.
    pub fn some(&self, which: &[usize]) -> Self {
        let all: Vec<TaskRows> = which.iter().map(|&t| self.all[t].clone()).collect();
        let moment = |i: usize, k: usize| self.moments[(i, which[k])];
        let moments = Mat::from_fn(self.n_features, which.len(), moment);
        let energy = all.iter().map(TaskRows::energy).sum();
        Self { all, n_features: self.n_features, moments, energy }
    }

    /// The number of features, `d`.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The number of tasks.
    pub fn n_tasks(&self) -> usize {
        self.all.len()
    }

    /// The tasks.
    pub fn tasks(&self) -> &[TaskRows] {
        &self.all
    }

    /// One task.
    pub fn task(&self, t: usize) -> &TaskRows {
        &self.all[t]
    }

    /// No coefficients: zeros `[n_features, n_tasks]`.
    pub fn zeros(&self) -> Mat<f64> {
        Mat::zeros(self.n_features, self.n_tasks())
    }

    /// The number of labels of all tasks.
    pub fn n_labels(&self) -> usize {
        self.all.iter().map(|task| task.y.len()).sum()
    }

    /// The rows and the scale, where all tasks have the same.
    pub fn shared(&self) -> Option<(&Rows, f64)> {
        let first = self.all.first()?;
        let same = |task: &TaskRows| {
            Arc::ptr_eq(&task.rows, &first.rows) && task.scale.to_bits() == first.scale.to_bits()
        };
        self.all.iter().all(same).then(|| (&*first.rows, first.scale))
    }

    /// `X' diag(o) y` of all tasks, times their scales: the negative gradient at `W = 0`,
    /// `[n_features, n_tasks]`.
    pub fn moments(&self) -> MatRef<'_, f64> {
        self.moments.as_ref()
    }

    /// The loss at `W = 0`.
    pub fn energy(&self) -> f64 {
        self.energy
    }

    /// The Gram matrix of task `t` times its scale, `[n_features, n_features]`.
    pub fn gram(&self, t: usize) -> Mat<f64> {
        let task = &self.all[t];
        faer::Scale(task.scale) * task.rows.gram()
    }

    /// `s_t X_t' diag(o) X_t w_t` for each task, `[n_features, n_tasks]`.
    pub fn gram_times(&self, w: MatRef<'_, f64>) -> Mat<f64> {
        if let Some((rows, scale)) = self.shared() {
            return faer::Scale(scale) * rows.gram_times(w);
        }
        let mut out = Mat::zeros(self.n_features, self.n_tasks());
        for (t, task) in self.all.iter().enumerate() {
            let column = faer::Scale(task.scale) * task.rows.gram_times(w.subcols(t, 1));
            out.col_mut(t).copy_from(column.col(0));
        }
        out
    }

    /// The gradient of the loss, `[n_features, n_tasks]`.
    pub fn gradient(&self, w: MatRef<'_, f64>) -> Mat<f64> {
        self.gram_times(w) - &self.moments
    }

    /// The loss, given its gradient at `w`.
    pub fn value_at(&self, w: MatRef<'_, f64>, gradient: MatRef<'_, f64>) -> f64 {
        // loss = energy - <moments, w> + <w, Gw>/2, and Gw = gradient + moments.
        self.energy + 0.5 * (inner(w, gradient) - inner(w, self.moments()))
    }

    /// The loss.
    pub fn value(&self, w: MatRef<'_, f64>) -> f64 {
        self.value_at(w, self.gradient(w).as_ref())
    }

    /// A bound on the curvature of the loss: the largest eigenvalue of all Gram matrices.
    pub fn curvature(&self) -> f64 {
        self.all.iter().map(|task| task.scale * task.rows.curvature()).fold(0.0, f64::max)
    }
}

/// The scalar product of two matrices.
pub fn inner(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    let column = |j: usize| a.col(j).iter().zip(b.col(j).iter()).map(|(x, y)| x * y).sum::<f64>();
    (0..a.ncols()).map(column).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(n: usize, d: usize) -> Tasks {
        let entry = |i: usize, j: usize| ((7 * i + 13 * j) % 11) as f64 - 4.0;
        let rows = |shift: usize| {
            let weights = (0..n).map(|i| 1.0 + ((i + shift) % 3) as f64).collect();
            Arc::new(Rows::new(Mat::from_fn(n, d, |i, j| entry(i + shift, j)), weights))
        };
        let y = |t: usize| (0..n).map(|i| entry(i, t) + 0.5).collect();
        let task = |t: usize| TaskRows {
            name: format!("y{t}"),
            rows: rows(t),
            y: y(t),
            scale: 1.0 + t as f64,
        };
        Tasks::new(d, (0..3).map(task).collect())
    }

    fn loss(tasks: &Tasks, w: &Mat<f64>) -> f64 {
        let of_task = |(t, task): (usize, &TaskRows)| {
            let residual = |i: usize| {
                let fit: f64 =
                    (0..tasks.n_features()).map(|j| task.rows.x[(i, j)] * w[(j, t)]).sum();
                task.rows.weights[i] * (task.y[i] - fit).powi(2)
            };
            0.5 * task.scale * (0..task.y.len()).map(residual).sum::<f64>()
        };
        tasks.tasks().iter().enumerate().map(of_task).sum()
    }

    #[test]
    fn value_and_gradient_are_those_of_the_definition_tall_and_wide() {
        for (n, d) in [(90, 4), (5, 80)] {
            let tasks = tasks(n, d);
            let mut w = Mat::from_fn(d, 3, |i, j| 0.01 * ((i * 5 + j * 3) % 7) as f64 - 0.02);
            let gradient = tasks.gradient(w.as_ref());
            let value = loss(&tasks, &w);
            assert!((tasks.value(w.as_ref()) / value - 1.0).abs() < 1e-12);
            for (i, j) in [(0, 0), (1, 2), (d - 1, 1)] {
                let h = 1e-4;
                let center = w[(i, j)];
                w[(i, j)] = center + h;
                let up = loss(&tasks, &w);
                w[(i, j)] = center - h;
                let down = loss(&tasks, &w);
                w[(i, j)] = center;
                let slope = (up - down) / (2.0 * h);
                assert!((slope - gradient[(i, j)]).abs() < 1e-6 * slope.abs().max(1.0));
            }
        }
    }

    #[test]
    fn curvature_is_the_largest_eigenvalue_tall_and_wide() {
        for (n, d) in [(90, 4), (5, 80)] {
            let tasks = tasks(n, d);
            let largest = tasks.tasks().iter().enumerate().map(|(t, _)| {
                let values = tasks.gram(t).self_adjoint_eigenvalues(Side::Lower).unwrap();
                values[d - 1]
            });
            let largest = largest.fold(0.0, f64::max);
            assert!((tasks.curvature() / largest - 1.0).abs() < 1e-10);
        }
    }

    #[test]
    fn columns_of_the_gram_matrix_are_kept_and_right() {
        let tasks = tasks(5, 80);
        let rows = &tasks.task(1).rows;
        let first = rows.gram_columns(&[3, 70]);
        let again = rows.gram_columns(&[70, 5]);
        assert!(Arc::ptr_eq(&first[1], &again[0]));
        for (j, column) in [(3, &first[0]), (5, &again[1])] {
            for i in 0..80 {
                assert!((column[i] - rows.gram()[(i, j)]).abs() < 1e-10);
            }
        }
    }
}
