//! What was learned: a metric for each cluster of tasks, and the rows that vote.

use torso_core::data::TaskKind;
use torso_core::estimator::{Model, Trace};
use torso_core::features::Design;
use torso_core::seed::Seed;
use torso_core::snapshot::{Snapshot, SnapshotError};

use super::examples::Examples;
use super::metric::{Metric, Pairs};

/// Nearest neighbors in the metrics of clusters of tasks.
#[derive(Debug)]
pub struct TaskClusters {
    pub(super) neighbors: usize,
    /// One for each cluster.
    pub(super) metrics: Vec<Metric>,
    /// The cluster of each task.
    pub(super) clusters: Vec<usize>,
    /// The rows of each task.
    pub(super) examples: Vec<Examples>,
    pub(super) trace: Trace,
}

impl TaskClusters {
    /// The metric of each cluster.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// The cluster of each task.
    pub fn clusters(&self) -> &[usize] {
        &self.clusters
    }

    /// The cluster for a new task with a few examples: that whose metric gives most of them their
    /// class from the others; of several, that in which classes lie farthest apart.
    ///
    /// # Panics
    /// If the examples have other features than the model.
    pub fn cluster_for(&self, examples: &Examples) -> usize {
        let fits = self.metrics.iter().all(|m| m.weights().len() == examples.n_features());
        assert!(fits, "examples have the features of the model");
        // Without itself, a row of the rarest class has so many of its own to vote.
        let count = |class: usize| examples.labels().iter().filter(|c| **c == class).count();
        let rarest = examples.labels().iter().map(|class| count(*class)).min().unwrap_or(0);
        let k = self.neighbors.min(rarest.saturating_sub(1)).max(1);
        let rows: Vec<usize> = (0..examples.len()).collect();
        let pairs = Pairs::among(examples, &rows, &mut Seed(0).stream("tc new task", "", 0));
        let quality = |metric: &Metric| (examples.hits(metric, k, &rows), pairs.separation(metric));
        let mut best = (0, (0, f64::NEG_INFINITY));
        for (cluster, metric) in self.metrics.iter().enumerate() {
            let found = quality(metric);
            if found.0 > best.1.0 || (found.0 == best.1.0 && found.1 > best.1.1) {
                best = (cluster, found);
            }
        }
        best.0
    }

    /// The probability of each class of a new task for `query [n_features]`, by its examples and
    /// the metric of a cluster.
    ///
    /// # Panics
    /// If there is no such cluster.
    pub fn classify(&self, cluster: usize, examples: &Examples, query: &[f64]) -> Vec<f64> {
        examples.probabilities(&self.metrics[cluster], self.neighbors, query)
    }
}

impl Model for TaskClusters {
    fn predict(&self, design: &Design, task: usize, rows: &[u32]) -> Vec<f64> {
        let (examples, metric) = (&self.examples[task], &self.metrics[self.clusters[task]]);
        let width = design.n_columns();
        let of_row = |row: &u32| {
            let query = &design.values()[*row as usize * width..][..width];
            let mut each = examples.probabilities(metric, self.neighbors, query);
            if let [_, second] = each[..] {
                each = vec![second];
            }
            each
        };
        rows.iter().flat_map(of_row).collect()
    }

    fn trace(&self) -> &Trace {
        &self.trace
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.describe("model", &"tc");
        snapshot.describe("neighbors", &self.neighbors);
        snapshot.describe("clusters", &self.clusters);
        let d = self.metrics.first().map_or(0, |metric| metric.weights().len());
        let weights: Vec<f64> =
            self.metrics.iter().flat_map(|metric| metric.weights().iter().copied()).collect();
        snapshot.put("metrics", &[self.metrics.len(), d], weights);
        for (t, examples) in self.examples.iter().enumerate() {
            let rows = (0..examples.len()).flat_map(|i| examples.row(i).iter().copied());
            snapshot.put(format!("rows {t}"), &[examples.len(), d], rows.collect::<Vec<f64>>());
            let labels = examples.labels().iter().map(|c| torso_core::data::row_index(*c));
            snapshot.put(format!("labels {t}"), &[examples.len()], labels.collect::<Vec<u32>>());
        }
        snapshot
    }

    fn n_parameters(&self) -> usize {
        self.metrics.iter().map(|metric| metric.weights().len()).sum()
    }
}

/// Whether a snapshot is that of this model.
pub fn is_tc(snapshot: &Snapshot) -> bool {
    snapshot.described::<String>("model").is_ok_and(|kind| kind == "tc")
}

/// The model of a snapshot, for a design of `n_inputs` columns and tasks of these kinds.
pub fn restore(
    snapshot: &Snapshot,
    n_inputs: usize,
    kinds: &[TaskKind],
) -> Result<Box<dyn Model>, SnapshotError> {
    let neighbors: usize = snapshot.described("neighbors")?;
    if neighbors == 0 {
        return Err(unknown("neighbors", "there is no neighbor"));
    }
    let (shape, _) = snapshot.array::<f64>("metrics")?;
    let n_metrics = shape.first().copied().unwrap_or(0);
    let weights = snapshot.shaped::<f64>("metrics", &[n_metrics, n_inputs])?;
    let metric = |k: usize| {
        let own = &weights[k * n_inputs..][..n_inputs];
        Metric::restore(own).ok_or_else(|| unknown("metrics", "weights are not of norm 1"))
    };
    let metrics = (0..n_metrics).map(metric).collect::<Result<Vec<_>, _>>()?;
    let clusters: Vec<usize> = snapshot.described("clusters")?;
    if clusters.len() != kinds.len() || clusters.iter().any(|k| *k >= n_metrics) {
        return Err(unknown("clusters", "not every task has a cluster"));
    }
    let own = |(t, kind): (usize, &TaskKind)| examples(snapshot, t, n_inputs, kind);
    let examples = kinds.iter().enumerate().map(own).collect::<Result<Vec<_>, _>>()?;
    Ok(Box::new(TaskClusters { neighbors, metrics, clusters, examples, trace: Trace::default() }))
}

fn examples(
    snapshot: &Snapshot,
    t: usize,
    n_inputs: usize,
    kind: &TaskKind,
) -> Result<Examples, SnapshotError> {
    let (rows, labels) = (format!("rows {t}"), format!("labels {t}"));
    let (_, classes) = snapshot.array::<u32>(&labels)?;
    let x = snapshot.shaped::<f64>(&rows, &[classes.len(), n_inputs])?;
    let n_classes = kind.classes().len();
    if classes.iter().any(|class| *class as usize >= n_classes) {
        return Err(unknown(&labels, "a label is no class of the task"));
    }
    if x.iter().any(|x| !x.is_finite()) {
        return Err(unknown(&rows, "a feature is no number"));
    }
    let classes = classes.iter().map(|class| *class as usize).collect();
    Ok(Examples::new(x.to_vec(), n_inputs, classes, n_classes))
}

fn unknown(name: &str, why: &str) -> SnapshotError {
    SnapshotError::Description { name: name.to_string(), why: why.to_string() }
}
