//! A linear model of several tasks: predictions, coefficients, and its file.

use serde::{Deserialize, Serialize};
use torso_core::data::TaskKind;
use torso_core::estimator::{Coefficients, Model, Trace};
use torso_core::features::Design;
use torso_core::snapshot::{Snapshot, SnapshotError};

use crate::design::Source;
use crate::loss::{Loss, sigmoid};
use crate::majorize::Fitted;

/// The least probability that a margin stands for.
const LEAST_PROBABILITY: f64 = 1e-3;

/// Coefficients in units of the targets.
pub(crate) struct LinearModel {
    columns: Vec<ModelColumn>,
    n_features: usize,
    /// `[columns, n_features]`.
    w: Vec<f64>,
    intercepts: Vec<f64>,
    /// Coefficients of a task that was not learned, and its intercept last; empty where there are
    /// none.
    new_task: Vec<f64>,
    trace: Trace,
}

/// One column of coefficients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ModelColumn {
    task: usize,
    name: String,
    link: Link,
}

/// From a column's number to a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Link {
    /// The number itself.
    Value,
    /// A probability with these log-odds.
    LogOdds,
    /// A probability `p` with the margin `2 p - 1`, which squared losses and the squared hinge
    /// estimate.
    Margin,
}

impl Link {
    fn of(self, f: f64) -> f64 {
        match self {
            Self::Value => f,
            Self::LogOdds => sigmoid(f),
            Self::Margin => (0.5 * (f + 1.0)).clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY),
        }
    }
}

impl LinearModel {
    pub(crate) fn new(
        source: &Source,
        fitted: &Fitted,
        new_task: Option<Vec<f64>>,
        trace: Trace,
    ) -> Self {
        let n_features = source.design.n_columns();
        let link = |class: Option<usize>, loss: Loss| match (class, loss) {
            (None, _) => Link::Value,
            (Some(_), Loss::Logistic) if source.sees == crate::method::Sees::LeastSquares => {
                Link::LogOdds
            }
            (Some(_), _) => Link::Margin,
        };
        let columns = source.columns.iter().map(|column| ModelColumn {
            task: column.task,
            name: column.name.clone(),
            link: link(column.class, column.loss),
        });
        let columns: Vec<ModelColumn> = columns.collect();
        let mut w = Vec::with_capacity(columns.len() * n_features);
        let mut intercepts = fitted.intercepts.clone();
        for (t, column) in source.columns.iter().enumerate() {
            let own = fitted.solution.w.col(t);
            w.extend(own.iter().take(n_features).map(|w| w * column.unit));
            if source.appends_ones() {
                intercepts[t] += own[n_features];
            }
            intercepts[t] *= column.unit;
        }
        let mut model = Self { columns, n_features, w, intercepts, new_task: Vec::new(), trace };
        if let Some(own) = new_task {
            model.new_task = model.for_new_task(&own, source);
        }
        model
    }

    /// Coefficients and the mean intercept, where all tasks have one column of one kind and unit.
    fn for_new_task(&self, own: &[f64], source: &Source) -> Vec<f64> {
        let first = &source.columns[0];
        let alike = source.columns.iter().enumerate().all(|(t, column)| {
            column.task == t
                && column.class == first.class
                && column.unit.to_bits() == first.unit.to_bits()
        });
        if !alike {
            return Vec::new();
        }
        let mut new = own.iter().take(self.n_features).map(|w| w * first.unit).collect::<Vec<_>>();
        let mut intercept = self.intercepts.iter().sum::<f64>() / self.columns.len() as f64;
        if source.appends_ones() {
            intercept = own[self.n_features] * first.unit;
        }
        new.push(intercept);
        new
    }

    /// The model of a snapshot.
    pub(crate) fn restore(
        snapshot: &Snapshot,
        n_inputs: usize,
        kinds: &[TaskKind],
    ) -> Result<Self, SnapshotError> {
        let columns: Vec<ModelColumn> = snapshot.described("columns")?;
        let width = |kind: &TaskKind| kind.width();
        let expected = kinds.iter().enumerate().flat_map(|(t, kind)| vec![t; width(kind)]);
        if !columns.iter().map(|column| column.task).eq(expected) {
            let why = "it has columns for something else than the model's tasks".to_string();
            return Err(SnapshotError::Description { name: "columns".to_string(), why });
        }
        let w = snapshot.shaped::<f64>("coefficients", &[columns.len(), n_inputs])?.to_vec();
        let intercepts = snapshot.shaped::<f64>("intercepts", &[columns.len()])?.to_vec();
        let new_task = snapshot.array::<f64>("new task")?.1.to_vec();
        if !new_task.is_empty() && new_task.len() != n_inputs + 1 {
            let (expected, found) = (vec![n_inputs + 1], vec![new_task.len()]);
            return Err(SnapshotError::Shape { name: "new task".to_string(), expected, found });
        }
        let trace = Trace::default();
        Ok(Self { columns, n_features: n_inputs, w, intercepts, new_task, trace })
    }
}

impl Model for LinearModel {
    fn predict(&self, design: &Design, task: usize, rows: &[u32]) -> Vec<f64> {
        let own: Vec<usize> =
            (0..self.columns.len()).filter(|&c| self.columns[c].task == task).collect();
        let of_column = |&c: &usize| {
            let w = &self.w[c * self.n_features..][..self.n_features];
            let f = affine(design, w, self.intercepts[c], rows);
            f.into_iter().map(|f| self.columns[c].link.of(f)).collect::<Vec<_>>()
        };
        let columns: Vec<Vec<f64>> = own.iter().map(of_column).collect();
        if let [only] = columns.as_slice() {
            return only.clone();
        }
        (0..rows.len()).flat_map(|i| shares(columns.iter().map(|c| c[i]).collect())).collect()
    }

    fn trace(&self) -> &Trace {
        &self.trace
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.describe("model", &"linear");
        snapshot.describe("columns", &self.columns);
        snapshot.put("coefficients", &[self.columns.len(), self.n_features], self.w.clone());
        snapshot.put("intercepts", &[self.intercepts.len()], self.intercepts.clone());
        snapshot.put("new task", &[self.new_task.len()], self.new_task.clone());
        snapshot
    }

    fn n_parameters(&self) -> usize {
        self.w.len() + self.intercepts.len()
    }

    fn coefficients(&self) -> Option<Coefficients> {
        let at = |i: usize, c: usize| self.w[c * self.n_features + i];
        let row = |i: usize| (0..self.columns.len()).map(move |c| at(i, c));
        Some(Coefficients {
            columns: self.columns.iter().map(|column| column.name.clone()).collect(),
            values: (0..self.n_features).flat_map(row).collect(),
            intercepts: self.intercepts.clone(),
        })
    }

    fn predict_new_task(&self, design: &Design, rows: &[u32]) -> Option<Vec<f64>> {
        let (intercept, w) = self.new_task.split_last()?;
        let f = affine(design, w, *intercept, rows);
        Some(f.into_iter().map(|f| self.columns[0].link.of(f)).collect())
    }
}

/// `intercept + x'w` for some rows of `design`.
fn affine(design: &Design, w: &[f64], intercept: f64, rows: &[u32]) -> Vec<f64> {
    let width = design.n_columns();
    let of_row = |&row: &u32| {
        let x = &design.values()[row as usize * width..][..width];
        intercept + x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>()
    };
    rows.iter().map(of_row).collect()
}

/// Probabilities of classes that were each told from all others, scaled to sum 1.
fn shares(each: Vec<f64>) -> Vec<f64> {
    let sum: f64 = each.iter().sum();
    let n = each.len() as f64;
    each.into_iter().map(|p| if sum > 0.0 { p / sum } else { 1.0 / n }).collect()
}
