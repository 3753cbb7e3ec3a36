//! What the experiments have in common: tables with their parts, a fit, a paired interval.

use serde_json::Value;
use torso_core::data::{Labels, Layout, Task, TaskData, TaskKind};
use torso_core::estimator::{Batch, Budget, Problem};
use torso_core::features::{Design, Feature, FeatureValues, Features};
use torso_core::finding::Finding;
use torso_core::journal::NoJournal;
use torso_core::seed::{Seed, shuffle};
use torso_core::snapshot::Snapshot;
use torso_study::arm::{ArmSettings, parse};

/// A table whose rows are dealt to training, validation and test.
pub(crate) struct Planted {
    pub(crate) data: TaskData,
    design: Design,
    train: Vec<u32>,
    validation: Vec<u32>,
    test: Vec<u32>,
}

/// How the rows of a table are dealt, in this order.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) train: usize,
    pub(crate) validation: usize,
    pub(crate) test: usize,
}

impl Parts {
    pub(crate) fn total(self) -> usize {
        self.train + self.validation + self.test
    }
}

impl Planted {
    /// Tasks as columns: `labels [tasks][rows]`, `NaN` where there is none, on `inputs [rows, d]`.
    /// Of a binary task the labels are 0 and 1.
    pub(crate) fn columns(
        inputs: &[f64],
        d: usize,
        kinds: &[TaskKind],
        labels: &[Vec<f64>],
        parts: Parts,
    ) -> Self {
        let task = |(t, (kind, labels)): (usize, (&TaskKind, &Vec<f64>))| Task {
            name: format!("y{t}"),
            kind: kind.clone(),
            labels: Labels::from_column(labels),
        };
        let tasks = kinds.iter().zip(labels).enumerate().map(task).collect();
        let column = |j: usize| inputs.iter().skip(j).step_by(d).copied().collect();
        let feature =
            |j: usize| Feature { name: format!("x{j}"), values: FeatureValues::Numeric(column(j)) };
        let features = Features::new((0..d).map(feature).collect());
        let names = (0..d).map(|j| format!("x{j}")).collect();
        let design = Design::new(names, parts.total(), inputs.to_vec());
        let data = TaskData::new("planted", "", features, tasks, Layout::Columns)
            .expect("labels are finite");
        let rows = |from: usize, n: usize| -> Vec<u32> {
            (from..from + n).map(|row| u32::try_from(row).expect("a small table")).collect()
        };
        Self {
            data,
            design,
            train: rows(0, parts.train),
            validation: rows(parts.train, parts.validation),
            test: rows(parts.train + parts.validation, parts.test),
        }
    }

    /// Regressions.
    pub(crate) fn regressions(inputs: &[f64], d: usize, labels: &[Vec<f64>], parts: Parts) -> Self {
        Self::columns(inputs, d, &vec![TaskKind::Regression; labels.len()], labels, parts)
    }
}

/// What a fit came to.
pub(crate) struct Outcome {
    /// The test loss of each task: the mean squared error, or the log loss.
    pub(crate) losses: Vec<f64>,
    /// The share of wrong test predictions of each binary task.
    pub(crate) wrong: Vec<f64>,
    /// The mean of the tasks' validation losses, each in units of its constant loss.
    pub(crate) validation: f64,
    pub(crate) findings: Vec<Finding>,
    /// What the model is made of.
    pub(crate) network: Snapshot,
}

impl Outcome {
    pub(crate) fn mean(&self) -> f64 {
        self.losses.iter().sum::<f64>() / self.losses.len() as f64
    }

    /// The mean share of wrong test predictions.
    pub(crate) fn wrong_share(&self) -> f64 {
        self.wrong.iter().sum::<f64>() / self.wrong.len() as f64
    }
}

/// What may be spent on a fit.
#[derive(Clone, Copy)]
pub(crate) struct Spend {
    pub(crate) trials: usize,
    pub(crate) epochs: usize,
    pub(crate) batch: usize,
}

/// Learns with the arm `id` (such as `soft-l2` or `apart`) and tests it.
///
/// # Panics
/// If the arm or its settings are not valid, or do not fit the table.
pub(crate) fn learn(
    id: &str,
    settings: &[(&str, Value)],
    planted: &Planted,
    spend: Spend,
    seed: u64,
) -> Outcome {
    let given: Vec<(String, Value)> =
        settings.iter().map(|(key, value)| ((*key).to_string(), value.clone())).collect();
    let settings = ArmSettings::parse(&given).expect("valid settings");
    let arm = parse(id, planted.data.layout(), &settings).expect("a known arm");
    let model = arm
        .estimator
        .fit(&Problem {
            data: &planted.data,
            design: &planted.design,
            train: &planted.train,
            validation: &planted.validation,
            seed: Seed(seed),
            budget: Budget {
                trials: spend.trials,
                epochs: spend.epochs,
                batch: Batch::Rows(spend.batch),
            },
            journal: &NoJournal,
        })
        .expect("the arm fits the table");
    let loss = |(t, task): (usize, &Task)| {
        let (rows, labels): (Vec<u32>, Vec<f64>) = task.labels.among(&planted.test).unzip();
        let predictions = model.predict(&planted.design, t, &rows);
        let losses = predictions.iter().zip(&labels).map(|(p, y)| match task.kind {
            TaskKind::Regression => (p - y).powi(2),
            _ => -(if *y > 0.5 { *p } else { 1.0 - p }).max(1e-12).ln(),
        });
        let is_wrong = |(p, y): &(&f64, &f64)| (**p > 0.5) != (**y > 0.5);
        let wrong = predictions.iter().zip(&labels).filter(is_wrong).count();
        let n = labels.len() as f64;
        (losses.sum::<f64>() / n, wrong as f64 / n)
    };
    let (losses, wrong) = planted.data.tasks().iter().enumerate().map(loss).unzip();
    let best = &model.trace().epochs[model.trace().best_epoch].validation;
    Outcome {
        losses,
        wrong,
        validation: best.iter().sum::<f64>() / best.len() as f64,
        findings: model.trace().findings.clone(),
        network: model.snapshot(),
    }
}

/// Permutes labels among the rows of training and validation: Caruana's shuffle test.
pub(crate) fn shuffled(labels: &[f64], parts: Parts, seed: u64) -> Vec<f64> {
    let mut mixed = labels.to_vec();
    let n = parts.train + parts.validation;
    shuffle(&mut mixed[..n], &mut Seed(seed).stream("shuffled", "", 0));
    mixed
}

/// The mean of paired differences with its 95% interval (Student's t).
pub(crate) struct Interval {
    pub(crate) mean: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// # Panics
/// If there are fewer than two.
pub(crate) fn paired(differences: &[f64]) -> Interval {
    use statrs::distribution::{ContinuousCDF, StudentsT};
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).expect("at least two differences");
    let half = t.inverse_cdf(0.975) * (variance / n).sqrt();
    Interval { mean, low: mean - half, high: mean + half }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(3);
        let Self { mean, low, high } = self;
        write!(f, "{mean:.digits$} [{low:.digits$}, {high:.digits$}]")
    }
}
