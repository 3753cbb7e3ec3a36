//! Labeled rows of one task, and their nearest neighbors.

use std::iter::once;

use faer::Mat;
use torso_core::seed::{Stream, shuffle};

use super::metric::Metric;
use crate::tasks::product;

/// Labeled rows of one classification.
#[derive(Debug, Clone, PartialEq)]
pub struct Examples {
    /// `[labels.len(), n_features]`, row-major.
    x: Vec<f64>,
    n_features: usize,
    /// A class for each row.
    labels: Vec<usize>,
    n_classes: usize,
}

impl Examples {
    /// Rows `x [labels.len(), n_features]`, row-major, with a class each.
    ///
    /// # Panics
    /// If there is not one row for each label, or a label is no class.
    pub fn new(x: Vec<f64>, n_features: usize, labels: Vec<usize>, n_classes: usize) -> Self {
        assert_eq!(x.len(), labels.len() * n_features, "a row for each label");
        assert!(labels.iter().all(|label| *label < n_classes), "labels are classes");
        Self { x, n_features, labels, n_classes }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The number of features.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The class of each row.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The features of a row.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.n_features..][..self.n_features]
    }

    /// At most `most` rows, in an order by chance.
    pub(super) fn some(&self, most: usize, stream: &mut Stream) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        shuffle(&mut order, stream);
        order.truncate(most);
        let x = order.iter().flat_map(|i| self.row(*i).iter().copied()).collect();
        let labels = order.iter().map(|i| self.labels[*i]).collect();
        Self { x, labels, ..*self }
    }

    /// The probability of each class for `query [n_features]`: the share of the `k` nearest rows,
    /// smoothed by half a neighbor of each class.
    pub fn probabilities(&self, metric: &Metric, k: usize, query: &[f64]) -> Vec<f64> {
        let nearest = nearest(k, (0..self.len()).map(|i| (metric.squared(self.row(i), query), i)));
        let mut votes = vec![0.5; self.n_classes];
        for (_, i) in nearest {
            votes[self.labels[i]] += 1.0;
        }
        let sum: f64 = votes.iter().sum();
        votes.into_iter().map(|votes| votes / sum).collect()
    }

    /// How many of some `rows` get their own class from the `k` nearest other rows.
    pub(super) fn hits(&self, metric: &Metric, k: usize, rows: &[usize]) -> usize {
        let between = self.squared_distances(metric, rows);
        let is_hit = |(at, i): &(usize, &usize)| {
            let others = (0..self.len()).filter(|j| j != *i);
            let nearest = nearest(k, others.map(|j| (between[(*at, j)], j)));
            self.elected(&nearest) == Some(self.labels[**i])
        };
        rows.iter().enumerate().filter(is_hit).count()
    }

    /// The class with the most votes; of several, that with the nearest voter.
    fn elected(&self, nearest: &[(f64, usize)]) -> Option<usize> {
        let votes = |class: usize| nearest.iter().filter(|(_, i)| self.labels[*i] == class).count();
        let most = nearest.iter().map(|(_, i)| votes(self.labels[*i])).max()?;
        nearest.iter().map(|(_, i)| self.labels[*i]).find(|class| votes(*class) == most)
    }

    /// `|x_i|^2 + |x_j|^2 - 2 x_i'x_j` for some rows `i` and all rows `j`, in units of the metric,
    /// `[rows.len(), n]`.
    fn squared_distances(&self, metric: &Metric, rows: &[usize]) -> Mat<f64> {
        let roots: Vec<f64> = metric.weights().iter().map(|a| a.sqrt()).collect();
        let scaled = |i: usize, j: usize| self.x[i * self.n_features + j] * roots[j];
        let all = Mat::from_fn(self.len(), self.n_features, scaled);
        let some = Mat::from_fn(rows.len(), self.n_features, |at, j| all[(rows[at], j)]);
        let inner = product(some.as_ref(), all.transpose());
        let square = |i: usize| all.row(i).squared_norm_l2();
        let squares: Vec<f64> = (0..self.len()).map(square).collect();
        Mat::from_fn(rows.len(), self.len(), |at, j| {
            squares[rows[at]] + squares[j] - 2.0 * inner[(at, j)]
        })
    }
}

/// The `k` least of (distance, row), in order; of equal distances the first.
fn nearest(k: usize, all: impl Iterator<Item = (f64, usize)>) -> Vec<(f64, usize)> {
    let mut least: Vec<(f64, usize)> = Vec::with_capacity(k + 1);
    for one in all {
        if least.len() < k || least.last().is_some_and(|last| one.0 < last.0) {
            let at = least.partition_point(|other| other.0 <= one.0);
            least.splice(at..at, once(one));
            least.truncate(k);
        }
    }
    least
}
