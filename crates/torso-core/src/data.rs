//! Tasks and their labels. A label can be missing in any cell; a row is never dropped for it.

use serde::{Deserialize, Serialize};

use crate::features::Features;

mod error;

pub use error::DataError;

/// What a task predicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum TaskKind {
    /// A number.
    Regression,
    /// One of two classes; the second is the positive one.
    Binary {
        /// The names of the classes, sorted.
        classes: [String; 2],
    },
    /// One of three or more classes.
    Multiclass {
        /// The names of the classes, sorted.
        classes: Vec<String>,
    },
}

impl TaskKind {
    /// The number of numbers in one prediction: 1 (a value, or the probability of the second
    /// class), or one probability per class.
    pub fn width(&self) -> usize {
        match self {
            Self::Regression | Self::Binary { .. } => 1,
            Self::Multiclass { classes } => classes.len(),
        }
    }

    /// The names of the classes; empty for a regression.
    pub fn classes(&self) -> &[String] {
        match self {
            Self::Regression => &[],
            Self::Binary { classes } => classes,
            Self::Multiclass { classes } => classes,
        }
    }

    /// The kind's name in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Binary { .. } => "binary",
            Self::Multiclass { .. } => "multiclass",
        }
    }
}

/// The observed labels of one task: which rows have one, and its value.
///
/// A class is its index in [`TaskKind::classes`], as a number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labels {
    rows: Vec<u32>,
    values: Vec<f64>,
}

impl Labels {
    /// Labels for some rows. `rows` must be ascending and as many as `values`.
    pub fn new(rows: Vec<u32>, values: Vec<f64>) -> Result<Self, DataError> {
        if rows.len() != values.len() {
            return Err(DataError::LabelCount { rows: rows.len(), values: values.len() });
        }
        if let Some(pair) = rows.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(DataError::RowOrder { before: pair[0], after: pair[1] });
        }
        Ok(Self { rows, values })
    }

    /// Labels from a column with a cell per row, `NaN` where the label is missing.
    pub fn from_column(column: &[f64]) -> Self {
        let observed = column.iter().enumerate().filter(|(_, value)| !value.is_nan());
        let (rows, values) = observed.map(|(row, &value)| (row_index(row), value)).unzip();
        Self { rows, values }
    }

    /// The rows that have a label, ascending.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The labels of [`Self::rows`].
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The number of labels.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no label at all.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The label of `row`, if it has one.
    pub fn get(&self, row: u32) -> Option<f64> {
        self.rows.binary_search(&row).ok().map(|at| self.values[at])
    }

    /// The labels among the ascending `rows`, as (row, label).
    pub fn among<'a>(&'a self, rows: &'a [u32]) -> impl Iterator<Item = (u32, f64)> + 'a {
        debug_assert!(rows.is_sorted(), "rows are ascending");
        // The shorter list is walked: one of many groups has few labels among the rows of all.
        let has_fewer = self.rows.len() < rows.len();
        let (walked, labels) = if has_fewer { (&[][..], &self.rows[..]) } else { (rows, &[][..]) };
        let by_row = walked.iter().filter_map(|&row| Some((row, self.get(row)?)));
        let by_label = labels.iter().zip(&self.values).map(|(&row, &label)| (row, label));
        by_row.chain(by_label.filter(|(row, _)| rows.binary_search(row).is_ok()))
    }
}

/// A task: a name, what it predicts, and its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The target column, or the group's name.
    pub name: String,
    /// What is predicted.
    pub kind: TaskKind,
    /// The observed labels.
    pub labels: Labels,
}

/// How the tasks lie in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Each task is a target column; a row can have a label for any of them.
    Columns,
    /// Each task is a group of rows with one common target; a row belongs to at most one task.
    Groups,
}

/// A table made ready for learning: features, tasks and labels.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskData {
    name: String,
    blake3: String,
    features: Features,
    tasks: Vec<Task>,
    layout: Layout,
    row_weights: Option<Vec<f64>>,
    n_rows: usize,
}

impl TaskData {
    /// Checks that everything fits together. `blake3` is the hash of the bytes that were read.
    pub fn new(
        name: impl Into<String>,
        blake3: impl Into<String>,
        features: Features,
        tasks: Vec<Task>,
        layout: Layout,
    ) -> Result<Self, DataError> {
        let n_rows = features.columns.first().map_or(0, |column| column.values.len());
        let data = Self {
            name: name.into(),
            blake3: blake3.into(),
            features,
            tasks,
            layout,
            row_weights: None,
            n_rows,
        };
        data.check()?;
        Ok(data)
    }

    /// Gives each row a weight in every loss.
    pub fn with_row_weights(mut self, weights: Vec<f64>) -> Result<Self, DataError> {
        if weights.len() != self.n_rows {
            return Err(DataError::LabelCount { rows: self.n_rows, values: weights.len() });
        }
        if let Some(row) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
            return Err(DataError::Weight { row, found: weights[row] });
        }
        self.row_weights = Some(weights);
        Ok(self)
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hash of the bytes that were read, in hexadecimal.
    pub fn blake3(&self) -> &str {
        &self.blake3
    }

    /// The features as read.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The tasks, in the order in which they were asked for.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// How the tasks lie in the table.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The weight of each row, where rows have weights.
    pub fn row_weights(&self) -> Option<&[f64]> {
        self.row_weights.as_deref()
    }

    /// The number of rows, with or without labels.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The number of tasks.
    pub fn n_tasks(&self) -> usize {
        self.tasks.len()
    }

    /// The rows that have at least one label, ascending.
    pub fn labeled_rows(&self) -> Vec<u32> {
        let mut labeled = vec![false; self.n_rows];
        for task in &self.tasks {
            task.labels.rows().iter().for_each(|&row| labeled[row as usize] = true);
        }
        (0..self.n_rows).filter(|&row| labeled[row]).map(row_index).collect()
    }

    fn check(&self) -> Result<(), DataError> {
        if self.tasks.is_empty() {
            return Err(DataError::NoTasks);
        }
        for column in &self.features.columns {
            if column.values.len() != self.n_rows {
                return Err(DataError::FeatureLength {
                    column: column.name.clone(),
                    expected: self.n_rows,
                    found: column.values.len(),
                });
            }
        }
        for task in &self.tasks {
            self.check_task(task)?;
        }
        match self.layout {
            Layout::Columns => Ok(()),
            Layout::Groups => self.check_groups(),
        }
    }

    fn check_task(&self, task: &Task) -> Result<(), DataError> {
        if let Some(&row) = task.labels.rows().last()
            && row as usize >= self.n_rows
        {
            return Err(DataError::LabelRow { task: task.name.clone(), row, n_rows: self.n_rows });
        }
        let classes = task.kind.classes().len();
        for (&row, &value) in task.labels.rows().iter().zip(task.labels.values()) {
            let known =
                classes == 0 || (value.fract() == 0.0 && (0.0..classes as f64).contains(&value));
            if !value.is_finite() || !known {
                return Err(DataError::LabelValue { task: task.name.clone(), row, found: value });
            }
        }
        Ok(())
    }

    fn check_groups(&self) -> Result<(), DataError> {
        let mut owner: Vec<Option<&str>> = vec![None; self.n_rows];
        for task in &self.tasks {
            if task.kind != self.tasks[0].kind {
                return Err(DataError::MixedGroups { task: task.name.clone() });
            }
            for &row in task.labels.rows() {
                if let Some(other) = owner[row as usize].replace(&task.name) {
                    return Err(DataError::SharedRow {
                        row,
                        tasks: [other.into(), task.name.clone()],
                    });
                }
            }
        }
        Ok(())
    }
}

/// A row's position as an index.
///
/// # Panics
/// Beyond 2^32 rows, which no reader lets through.
pub fn row_index(row: usize) -> u32 {
    u32::try_from(row).expect("a table has fewer than 2^32 rows")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Feature, FeatureValues};

    fn features(n: usize) -> Features {
        let values = FeatureValues::Numeric(vec![0.0; n]);
        Features::new(vec![Feature { name: "x".into(), values }])
    }

    fn task(name: &str, column: &[f64]) -> Task {
        Task { name: name.into(), kind: TaskKind::Regression, labels: Labels::from_column(column) }
    }

    #[test]
    fn a_missing_label_costs_no_row() {
        let column = [1.0, f64::NAN, 3.0];
        let tasks = vec![task("a", &column), task("b", &[f64::NAN, f64::NAN, 1.0])];
        let data = TaskData::new("t", "", features(3), tasks, Layout::Columns).unwrap();
        assert_eq!(data.n_rows(), 3);
        assert_eq!(data.labeled_rows(), [0, 2]);
        let labels = &data.tasks()[0].labels;
        assert_eq!((labels.get(1), labels.get(2)), (None, Some(3.0)));
        assert_eq!(labels.among(&[1, 2]).collect::<Vec<_>>(), [(2, 3.0)]);
        assert_eq!(labels.among(&[1, 2, 4, 7]).collect::<Vec<_>>(), [(2, 3.0)]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let new = |tasks, layout| TaskData::new("t", "", features(2), tasks, layout);
        assert_eq!(new(vec![], Layout::Columns), Err(DataError::NoTasks));
        let long = task("a", &[1.0, 1.0, 1.0]);
        assert!(matches!(new(vec![long], Layout::Columns), Err(DataError::LabelRow { .. })));
        let both = vec![task("a", &[1.0, 1.0]), task("b", &[f64::NAN, 1.0])];
        assert!(new(both.clone(), Layout::Columns).is_ok());
        assert!(matches!(new(both, Layout::Groups), Err(DataError::SharedRow { row: 1, .. })));
        let mut class = task("a", &[0.0, 2.0]);
        class.kind = TaskKind::Binary { classes: ["n".into(), "y".into()] };
        assert!(matches!(new(vec![class], Layout::Columns), Err(DataError::LabelValue { .. })));
        assert!(matches!(Labels::new(vec![1, 1], vec![0.0; 2]), Err(DataError::RowOrder { .. })));
    }
}
