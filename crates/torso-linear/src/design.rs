//! From a problem's table to columns of coefficients: centered features, labels, losses.
//!
//! A regression or a binary task is one column, a task of more classes one for each class against
//! the others. Tasks with the same labeled rows share them, so that their Gram matrix is made once.

use std::collections::BTreeMap;
use std::sync::Arc;

use faer::Mat;
use torso_core::data::{Layout, Task, TaskData, TaskKind};
use torso_core::estimator::Problem;
use torso_core::features::Design;

use crate::loss::{Loss, sigmoid};
use crate::method::Sees;
use crate::settings::{Datafit, FitSettings, LossScale};
use crate::tasks::{Rows, TaskRows, Tasks};

/// One column of coefficients.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    /// The task, by position.
    pub(crate) task: usize,
    /// The class that is 1, of a classification.
    pub(crate) class: Option<usize>,
    /// The task's name, or `TASK: CLASS`.
    pub(crate) name: String,
    pub(crate) loss: Loss,
    /// What labels are divided by.
    pub(crate) unit: f64,
}

impl Column {
    /// The label as the loss takes it.
    fn label(&self, y: f64) -> f64 {
        match self.class {
            None => y / self.unit,
            Some(class) if (y - class as f64).abs() < 0.5 => 1.0,
            Some(_) => -1.0,
        }
    }
}

/// Where columns come from: a table, and what is predicted with it.
pub(crate) struct Source<'a> {
    pub(crate) data: &'a TaskData,
    pub(crate) design: &'a Design,
    pub(crate) columns: Vec<Column>,
    pub(crate) settings: &'a FitSettings,
    pub(crate) sees: Sees,
    /// The labels of each column among all learning rows: what a fold's loss is scaled to.
    pub(crate) n_labels: Vec<usize>,
}

/// Rows, and what was subtracted from their features.
type Centered = (Arc<Rows>, Arc<[f64]>);

/// Labels of some rows, ready to be learned.
pub(crate) struct LearningSet {
    pub(crate) columns: Vec<LearningColumn>,
    pub(crate) n_features: usize,
}

/// The labels of one column.
pub(crate) struct LearningColumn {
    pub(crate) name: String,
    pub(crate) loss: Loss,
    pub(crate) rows: Arc<Rows>,
    /// What was subtracted from the features, `[n_features]`.
    pub(crate) center: Arc<[f64]>,
    /// One for each row, as the loss takes them.
    pub(crate) y: Vec<f64>,
    /// The factor of the column's loss.
    pub(crate) scale: f64,
    /// What is predicted where there is nothing to learn: no label, or one class only.
    pub(crate) constant: Option<f64>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(
        problem: &Problem<'a>,
        settings: &'a FitSettings,
        sees: Sees,
        rows: &[u32],
    ) -> Self {
        let (data, design) = (problem.data, problem.design);
        let units = units(data, rows, settings);
        let mut columns: Vec<Column> = data
            .tasks()
            .iter()
            .enumerate()
            .flat_map(|(t, task)| columns_of(t, task, units[t], settings))
            .collect();
        if sees == Sees::Labels {
            // Methods of margins: what is left out is judged by its margin, too.
            for column in &mut columns {
                column.loss = Loss::SquaredHinge;
            }
        }
        let count = |column: &Column| data.tasks()[column.task].labels.among(rows).count();
        let n_labels = columns.iter().map(count).collect();
        Self { data, design, columns, settings, sees, n_labels }
    }

    /// The labels of `rows`, which are ascending.
    pub(crate) fn learning_set(&self, rows: &[u32]) -> LearningSet {
        let mut made: BTreeMap<Vec<u32>, Centered> = BTreeMap::new();
        let columns = self.columns.iter().zip(&self.n_labels).map(|(column, n_labels)| {
            let labels = &self.data.tasks()[column.task].labels;
            let (own, y): (Vec<u32>, Vec<f64>) =
                labels.among(rows).map(|(row, y)| (row, column.label(y))).unzip();
            let n = own.len();
            let (rows, center) = made.entry(own).or_insert_with_key(|own| self.rows(own)).clone();
            let mean = |n: f64| if self.settings.loss == LossScale::Mean { 1.0 / n } else { 1.0 };
            let scale =
                if n == 0 { 0.0 } else { mean(*n_labels as f64) * *n_labels as f64 / n as f64 };
            let constant = constant(column, &y);
            let name = column.name.clone();
            LearningColumn { name, loss: column.loss, rows, center, y, scale, constant }
        });
        let columns: Vec<LearningColumn> = columns.collect();
        LearningSet { n_features: self.n_features(), columns }
    }

    /// The features of a fit: those of the design, and a column of ones where a method learns from
    /// labels as they are.
    pub(crate) fn n_features(&self) -> usize {
        self.design.n_columns() + usize::from(self.appends_ones())
    }

    pub(crate) fn appends_ones(&self) -> bool {
        self.sees == Sees::Labels && self.settings.intercept
    }

    fn rows(&self, rows: &[u32]) -> Centered {
        let d = self.n_features();
        let weight =
            |row: &u32| self.data.row_weights().map_or(1.0, |weights| weights[*row as usize]);
        let weights: Vec<f64> = rows.iter().map(weight).collect();
        let columns = self.design.n_columns();
        let cell = |i: usize, j: usize| {
            if j < columns { self.design.values()[rows[i] as usize * columns + j] } else { 1.0 }
        };
        let mut x = Mat::from_fn(rows.len(), d, cell);
        let mut center = vec![0.0; d];
        if self.settings.intercept && self.sees == Sees::LeastSquares {
            for (j, center) in center.iter_mut().enumerate() {
                *center = weighted_mean(x.col_as_slice(j), &weights);
                x.col_as_slice_mut(j).iter_mut().for_each(|v| *v -= *center);
            }
        }
        (Arc::new(Rows::new(x, weights)), center.into())
    }
}

impl LearningSet {
    /// The problem of weighted least squares with these labels, each less the mean of its column.
    pub(crate) fn tasks(&self, labels: &[Vec<f64>]) -> Tasks {
        let task = |(column, y): (&LearningColumn, &Vec<f64>)| TaskRows {
            name: column.name.clone(),
            rows: column.rows.clone(),
            y: y.clone(),
            scale: column.curvature(),
        };
        Tasks::new(self.n_features, self.columns.iter().zip(labels).map(task).collect())
    }
}

impl LearningColumn {
    /// The factor of the column's least squares; 0 where there is nothing to learn.
    pub(crate) fn curvature(&self) -> f64 {
        if self.constant.is_some() { 0.0 } else { self.scale * self.loss.curvature() }
    }
}

/// `sum o v / sum o`; 0 of nothing.
pub(crate) fn weighted_mean(values: &[f64], weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return 0.0;
    }
    values.iter().zip(weights).map(|(v, o)| v * o).sum::<f64>() / sum
}

/// The names of the columns of coefficients that tasks have: a task's own, or `TASK: CLASS`.
pub(crate) fn column_names(data: &TaskData) -> Vec<String> {
    let settings = FitSettings::default();
    let tasks = data.tasks().iter().enumerate();
    let columns = tasks.flat_map(|(t, task)| columns_of(t, task, 1.0, &settings));
    columns.map(|column| column.name).collect()
}

fn columns_of(t: usize, task: &Task, unit: f64, settings: &FitSettings) -> Vec<Column> {
    let class_loss = match settings.datafit {
        Datafit::Squared => Loss::Squared,
        Datafit::SquaredHinge => Loss::SquaredHinge,
        Datafit::Auto | Datafit::Logistic | Datafit::Huber => Loss::Logistic,
    };
    let of_class = |class: usize, name: String| Column {
        task: t,
        class: Some(class),
        name,
        loss: class_loss,
        unit: 1.0,
    };
    match &task.kind {
        TaskKind::Regression => {
            let loss = match settings.datafit {
                Datafit::Huber => Loss::Huber { delta: settings.huber_delta },
                _ => Loss::Squared,
            };
            vec![Column { task: t, class: None, name: task.name.clone(), loss, unit }]
        }
        TaskKind::Binary { .. } => vec![of_class(1, task.name.clone())],
        TaskKind::Multiclass { classes } => {
            let named =
                |(class, name): (usize, &String)| of_class(class, format!("{}: {name}", task.name));
            classes.iter().enumerate().map(named).collect()
        }
    }
}

/// What the labels of each task are divided by: their standard deviation, one for all groups of a
/// target, so that coefficients of tasks can be compared.
fn units(data: &TaskData, rows: &[u32], settings: &FitSettings) -> Vec<f64> {
    let spread = |task: &Task| -> (f64, f64) {
        let labels: Vec<f64> = task.labels.among(rows).map(|(_, y)| y).collect();
        let mean = labels.iter().sum::<f64>() / labels.len().max(1) as f64;
        (labels.iter().map(|y| (y - mean).powi(2)).sum(), labels.len() as f64)
    };
    let spreads: Vec<(f64, f64)> = data.tasks().iter().map(spread).collect();
    let unit = |(squares, n): (f64, f64)| {
        let sd = (squares / n.max(1.0)).sqrt();
        if settings.standardize && sd > 0.0 { sd } else { 1.0 }
    };
    match data.layout() {
        Layout::Columns => spreads.into_iter().map(unit).collect(),
        Layout::Groups => {
            let sum = spreads.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
            vec![unit(sum); data.n_tasks()]
        }
    }
}

/// The prediction of a column that teaches nothing: 0 without labels; the log-odds, smoothed by
/// half a label of each class, where all labels are of one class.
fn constant(column: &Column, y: &[f64]) -> Option<f64> {
    if y.is_empty() {
        return Some(0.0);
    }
    if column.class.is_none() || y.iter().any(|label| (label - y[0]).abs() > 0.5) {
        return None;
    }
    let log_odds = y[0] * ((y.len() as f64 + 0.5) / 0.5).ln();
    Some(if column.loss == Loss::Logistic { log_odds } else { 2.0 * sigmoid(log_odds) - 1.0 })
}
