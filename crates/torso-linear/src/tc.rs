//! TC: nearest neighbors with learned metrics, shared within clusters of tasks.
//!
//! # Formula
//! A metric `dist_a(x, z) = sqrt(sum_j a_j (x_j - z_j)^2)` for each task, from `min_a E(a)`, the
//! mean distance of rows of one class less that of rows of two classes, `a >= 0`, `|a|_2 = 1`. The
//! transfer matrix `c_nm [n_tasks, n_tasks]` is the accuracy on task `n` of nearest neighbors in
//! the metric of task `m`; clusters maximize `J = 1/N sum_A 1/|A| sum_(n, m in A) c_nm`. Each
//! cluster gets one metric, learned from the pairs of all its tasks. Rows vote for rows of their
//! own task only.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `neighbors` | 3 | a whole number of at least 1 | survey 5.2.6: 1 to 3 |
//! | `clusters` | the fewest within three standard errors of the best `J` | a whole number of at least 1 | |
//!
//! # Cost
//! `60 x 2000 d` to learn a metric, three times per task; `T^2 n^2 d` for the transfer matrix, with
//! at most 200 rows `n` of each task; `n d` with all rows for a prediction.
//!
//! # Claims
//! With families of tasks that use different features, a new task of a known family needs a few
//! examples only ([`TaskClusters::cluster_for`]). The metric of a wrong cluster is worse than none.
//!
//! # Differs from
//! The paper takes the number of clusters with the best `J`. A best of many is good by chance, too:
//! here clusters are made with one half of the rows and judged by the other (`tc/transfer.rs`). The
//! paper bounds the sum of weights, here it is that of their squares (`tc/metric.rs`). Row weights
//! are not used.
//!
//! # References
//! Thrun, O'Sullivan, *Discovering structure in multiple learning tasks: the TC algorithm* (1996).

mod examples;
mod metric;
mod model;
mod partition;
mod transfer;

use serde::Deserialize;
use serde_json::{Map, Value};
use torso_core::data::{Task, TaskData, TaskKind};
use torso_core::estimator::{Estimator, FitError, FitStatus, Model, Problem, Trace};
use torso_core::features::Design;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

pub use examples::Examples;
pub use metric::Metric;
pub use model::{TaskClusters, is_tc, restore};
use transfer::Transfer;

use crate::method::{Allowed, SettingError, check, parameters};
use metric::Pairs;

/// The method's description.
pub static METHOD: Method = Method {
    id: "tc",
    family: Family::Linear,
    title: "nearest neighbors with metrics of task clusters",
    section: "5.2.6",
    formula: "dist_a(x, z) = sqrt(sum_j a_j (x_j - z_j)^2), one a for each cluster of tasks",
    parameters: &[
        Parameter {
            name: "neighbors",
            default: "3",
            range: "a whole number of at least 1",
            about: "rows that vote",
        },
        Parameter {
            name: "clusters",
            default: "null",
            range: "a whole number of at least 1",
            about: "clusters of tasks; the fewest within three standard errors of the best if not \
                    given",
        },
    ],
    cost: "tasks^2 x rows^2 x features, of at most 200 rows a task",
    cite: Cite {
        authors: "Thrun, O'Sullivan",
        title: "Discovering structure in multiple learning tasks: the TC algorithm",
        venue: "ICML",
        year: 1996,
    },
};

/// The method's parameters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tc {
    /// Rows that vote.
    pub neighbors: usize,
    /// Clusters of tasks.
    pub clusters: Option<usize>,
}

impl Default for Tc {
    fn default() -> Self {
        Self { neighbors: 3, clusters: None }
    }
}

impl Tc {
    /// Reads the parameters by name.
    pub fn new(given: &Map<String, Value>) -> Result<Self, SettingError> {
        let tc: Self = parameters(&METHOD, given)?;
        check(&METHOD, "neighbors", Some(tc.neighbors as f64), Allowed::Count)?;
        check(&METHOD, "clusters", tc.clusters.map(|k| k as f64), Allowed::Count)?;
        Ok(tc)
    }

    /// Learns from the training and the validation rows.
    ///
    /// # Errors
    /// [`FitError::Unsuitable`] if a task is a regression.
    pub fn learn(&self, problem: &Problem) -> Result<TaskClusters, FitError> {
        self.check(problem.data)?;
        let mut rows = [problem.train, problem.validation].concat();
        rows.sort_unstable();
        let tasks = problem.data.tasks();
        let examples: Vec<Examples> =
            tasks.iter().map(|task| examples_of(problem.design, task, &rows)).collect();
        let samples = Transfer::samples(&examples, problem.seed);
        let transfer = Transfer::measure(&samples, self.neighbors, problem.seed);
        let clusters = transfer.clusters(self.clusters);
        let d = problem.design.n_columns();
        let pairs: Vec<Pairs> =
            samples.iter().enumerate().map(|(t, s)| all_pairs(t, s, problem.seed)).collect();
        let metric = |k: usize| {
            let own = pairs.iter().zip(&clusters);
            let own: Vec<&Pairs> =
                own.filter(|(_, of)| **of == k).map(|(pairs, _)| pairs).collect();
            Metric::learn(d, &own)
        };
        let n_clusters = clusters.iter().max().map_or(0, |k| k + 1);
        let metrics: Vec<Metric> = (0..n_clusters).map(metric).collect();
        let trace = trace(self.neighbors, &transfer, &clusters, &metrics, problem);
        Ok(TaskClusters { neighbors: self.neighbors, metrics, clusters, examples, trace })
    }
}

impl Estimator for Tc {
    fn id(&self) -> String {
        METHOD.id.to_string()
    }

    fn check(&self, data: &TaskData) -> Result<(), FitError> {
        match data.tasks().iter().find(|task| task.kind == TaskKind::Regression) {
            Some(task) => Err(FitError::Unsuitable {
                method: METHOD.id.to_string(),
                why: format!("learns classes only, and `{}` is a number", task.name),
            }),
            None => Ok(()),
        }
    }

    fn fit(&self, problem: &Problem) -> Result<Box<dyn Model>, FitError> {
        Ok(Box::new(self.learn(problem)?))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a class is a count")]
fn examples_of(design: &Design, task: &Task, rows: &[u32]) -> Examples {
    let d = design.n_columns();
    let (mut x, mut labels) = (Vec::new(), Vec::new());
    for (row, class) in task.labels.among(rows) {
        x.extend_from_slice(&design.values()[row as usize * d..][..d]);
        labels.push(class as usize);
    }
    Examples::new(x, d, labels, task.kind.classes().len())
}

/// The pairs of all rows of task `t`.
fn all_pairs(t: usize, sample: &Examples, seed: Seed) -> Pairs<'_> {
    let rows: Vec<usize> = (0..sample.len()).collect();
    Pairs::among(sample, &rows, &mut seed.stream("tc pairs", "", t as u64))
}

fn trace(
    neighbors: usize,
    transfer: &Transfer,
    clusters: &[usize],
    metrics: &[Metric],
    problem: &Problem,
) -> Trace {
    let tasks: Vec<String> = problem.data.tasks().iter().map(|task| task.name.clone()).collect();
    let accuracy = transfer.accuracy();
    let findings = vec![
        Finding::Groups {
            name: "tasks by the metric that they share".to_string(),
            items: tasks.clone(),
            groups: clusters.to_vec(),
        },
        Finding::Matrix {
            name: "accuracy on each task (rows) with the metric of each task (columns)".to_string(),
            rows: tasks.clone(),
            columns: tasks,
            values: (0..accuracy.nrows()).flat_map(|n| accuracy.row(n).iter().copied()).collect(),
        },
        Finding::Matrix {
            name: "weight of each feature in the metric of each cluster".to_string(),
            rows: (1..=metrics.len()).map(|k| format!("cluster {k}")).collect(),
            columns: problem.design.names().to_vec(),
            values: metrics.iter().flat_map(|metric| metric.weights().iter().copied()).collect(),
        },
    ];
    let settings = [("neighbors", neighbors), ("clusters", metrics.len())];
    Trace {
        settings: settings.map(|(name, value)| (name.to_string(), value as f64)).into(),
        status: FitStatus::Converged,
        findings,
        ..Trace::default()
    }
}

#[cfg(test)]
mod tests;
