//! Features that tell the label: what is known only afterwards, or the label under another name.
//!
//! Three things show it: each value of the feature has one label; the order of the feature is the
//! order of the labels (for two classes, an AUC of 1); a correlation above 0.999. Each counts only
//! where chance would do the same with a probability below 1e-6, and rows that are there twice count
//! once. A feature whose values hardly repeat, as an id's, has no value with one label.

use std::collections::BTreeMap;

use serde::Serialize;
use torso_core::data::{Layout, TaskData, TaskKind};
use torso_core::features::{Feature, FeatureValues};

use super::Warning;
use crate::tasks::counts_rows;

/// The logarithm of the probability with which chance may show the same.
const LN_CHANCE: f64 = -13.8;
/// A correlation that is suspicious, and the rows that it needs to be beyond chance.
const HIGH_CORRELATION: f64 = 0.999;
const FEWEST_ROWS: usize = 8;

/// What shows that a feature tells the label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "shows", rename_all = "lowercase")]
pub enum Evidence {
    /// Each of its values has one label.
    Values,
    /// In its order, labels ascend or descend, and each class is one stretch.
    Order,
    /// The correlation with the labels.
    Correlation {
        /// Pearson's.
        r: f64,
    },
}

/// Looks at every feature and target, on these rows.
pub(super) fn find(data: &TaskData, rows: &[u32]) -> Vec<Warning> {
    let targets = Target::all(data);
    let mut warnings = Vec::new();
    for Feature { name, values } in &data.features().columns {
        let Some(sorted) = Sorted::of(values, rows) else { continue };
        for target in &targets {
            if let Some((evidence, rows)) = sorted.evidence(target) {
                let (feature, task) = (name.clone(), target.task.clone());
                warnings.push(Warning::Leak { feature, task, evidence, rows });
            }
        }
    }
    warnings
}

/// The labels of a task by row; of all tasks, where these are groups of rows.
struct Target {
    task: Option<String>,
    is_regression: bool,
    /// `NaN` where there is none.
    labels: Vec<f64>,
}

impl Target {
    fn all(data: &TaskData) -> Vec<Self> {
        let empty = |task, kind: &TaskKind| Self {
            task,
            is_regression: *kind == TaskKind::Regression,
            labels: vec![f64::NAN; data.n_rows()],
        };
        let mut targets = Vec::new();
        for task in data.tasks() {
            match data.layout() {
                Layout::Columns => targets.push(empty(Some(task.name.clone()), &task.kind)),
                Layout::Groups if targets.is_empty() => targets.push(empty(None, &task.kind)),
                Layout::Groups => {}
            }
            let Some(target) = targets.last_mut() else { continue };
            for (&row, &value) in task.labels.rows().iter().zip(task.labels.values()) {
                target.labels[row as usize] = value;
            }
        }
        targets
    }
}

/// Rows with a value of a feature, in the order of the values.
struct Sorted {
    rows: Vec<(f64, u32)>,
    is_number: bool,
}

impl Sorted {
    /// None for a feature that counts the rows: an id.
    fn of(values: &FeatureValues, rows: &[u32]) -> Option<Self> {
        let value = |row: u32| match values {
            FeatureValues::Numeric(values) => values[row as usize],
            FeatureValues::Categorical { codes, .. } => {
                codes[row as usize].map_or(f64::NAN, f64::from)
            }
        };
        let is_number = match values {
            FeatureValues::Numeric(values) if counts_rows(values) => return None,
            FeatureValues::Numeric(_) => true,
            FeatureValues::Categorical { .. } => false,
        };
        let cells = rows.iter().map(|&row| (value(row), row));
        let mut rows: Vec<(f64, u32)> = cells.filter(|(value, _)| !value.is_nan()).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Some(Self { rows, is_number })
    }

    /// What shows that this feature tells the target, and in how many rows.
    fn evidence(&self, target: &Target) -> Option<(Evidence, usize)> {
        if let Some(runs) = Runs::of(self, target) {
            if self.is_number && runs.are_in_order(target.is_regression) {
                return Some((Evidence::Order, runs.n_rows()));
            }
            if let Some(rows) = runs.repeated() {
                return Some((Evidence::Values, rows));
            }
        }
        if self.is_number && target.is_regression { self.correlation(target) } else { None }
    }

    fn labeled<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = (f64, f64)> + 'a {
        let pairs = self.rows.iter().map(|&(value, row)| (value, target.labels[row as usize]));
        pairs.filter(|(_, label)| !label.is_nan())
    }

    fn correlation(&self, target: &Target) -> Option<(Evidence, usize)> {
        let n = self.labeled(target).count();
        if n < FEWEST_ROWS {
            return None;
        }
        let share = 1.0 / n as f64;
        let (x, y) = self
            .labeled(target)
            .fold((0.0, 0.0), |(x, y), pair| (x + share * pair.0, y + share * pair.1));
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for (value, label) in self.labeled(target) {
            let (dx, dy) = (value - x, label - y);
            (xx, yy, xy) = (xx + dx * dx, yy + dy * dy, xy + dx * dy);
        }
        let r = xy / (xx.sqrt() * yy.sqrt());
        (r.abs() > HIGH_CORRELATION && r.is_finite()).then_some((Evidence::Correlation { r }, n))
    }
}

/// Values of a feature, ascending, that have one label each: the label, and the number of rows.
struct Runs(Vec<(f64, usize)>);

impl Runs {
    /// None where a value has two labels, or all labels are the same.
    fn of(sorted: &Sorted, target: &Target) -> Option<Self> {
        let mut runs: Vec<(f64, usize)> = Vec::new();
        let mut last = f64::NAN;
        #[expect(clippy::float_cmp, reason = "whether it is the very same value")]
        for (value, label) in sorted.labeled(target) {
            match runs.last_mut() {
                Some((known, n)) if value == last => {
                    if *known != label {
                        return None;
                    }
                    *n += 1;
                }
                _ => runs.push((label, 1)),
            }
            last = value;
        }
        #[expect(clippy::float_cmp, reason = "whether it is the very same label")]
        let differ = runs.iter().any(|run| run.0 != runs[0].0);
        differ.then_some(Self(runs))
    }

    fn n_rows(&self) -> usize {
        self.0.iter().map(|run| run.1).sum()
    }

    /// Rows of each label.
    fn labels(&self) -> BTreeMap<u64, usize> {
        let mut counts = BTreeMap::new();
        for &(label, n) in &self.0 {
            *counts.entry(label.to_bits()).or_insert(0) += n;
        }
        counts
    }

    /// Whether numbers ascend or descend, or each class is one stretch, by more than chance.
    fn are_in_order(&self, is_regression: bool) -> bool {
        let labels = self.labels();
        let changes = self.0.windows(2).filter(|pair| pair[0].0.to_bits() != pair[1].0.to_bits());
        let is_ordered = if is_regression {
            self.0.is_sorted_by(|a, b| a.0 <= b.0) || self.0.is_sorted_by(|a, b| a.0 >= b.0)
        } else {
            changes.count() == labels.len() - 1
        };
        // Of all orders of the labels, those in which the equal ones are together and, if they are
        // numbers, ascend or descend.
        let orders = if is_regression { 2_f64.ln() } else { ln_factorial(labels.len()) };
        let alike: f64 = labels.values().map(|&n| ln_factorial(n)).sum();
        is_ordered && orders + alike - ln_factorial(self.n_rows()) < LN_CHANCE
    }

    /// Rows whose value repeats, if that is most of them and more than chance.
    fn repeated(&self) -> Option<usize> {
        let n = self.n_rows();
        let repeated: usize = self.0.iter().map(|run| run.1).filter(|&n| n > 1).sum();
        if 2 * repeated < n {
            return None;
        }
        let labels = self.labels();
        let mut sizes = BTreeMap::new();
        for run in &self.0 {
            *sizes.entry(run.1).or_insert(0_usize) += 1;
        }
        // The probability that all rows of a value have one label.
        let ln_one = |size: usize| {
            let shares = labels.values().map(|&of| of as f64 / n as f64);
            shares.map(|share| share.powf(size as f64)).sum::<f64>().ln()
        };
        let chance: f64 = sizes.iter().map(|(&size, &times)| times as f64 * ln_one(size)).sum();
        (chance < LN_CHANCE).then_some(repeated)
    }
}

fn ln_factorial(n: usize) -> f64 {
    (2..=n).map(|k| (k as f64).ln()).sum()
}
