//! A distance in which rows of one class lie close, and rows of two classes apart.
//!
//! `dist_a(x, z) = sqrt(sum_j a_j (x_j - z_j)^2)`, `a_j >= 0`, `sum_j a_j^2 = 1`, learned by
//! projected gradient steps on `E(a)`: the mean distance of pairs of rows of one class less that of
//! pairs of two classes, over the pairs of each task, then over tasks. `E` is near to linear in
//! `a`, so that a bound on the sum of weights would give all of it to one feature; a bound on the
//! sum of squares shares it out among all that tell classes apart.

use rand::RngExt;
use torso_core::seed::Stream;

use super::examples::Examples;

/// The most pairs of each kind that a task teaches with; of more, so many are drawn by chance.
const MOST_PAIRS: usize = 1000;

/// The most gradient steps.
const STEPS: usize = 60;

/// The weight of each feature in squared distances: none negative, of norm 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric(Vec<f64>);

/// Pairs of rows of one class, and of two.
#[derive(Debug, Clone)]
pub(super) struct Pairs<'a> {
    examples: &'a Examples,
    same: Vec<(usize, usize)>,
    different: Vec<(usize, usize)>,
}

impl Metric {
    /// All features alike.
    pub fn uniform(n_features: usize) -> Self {
        Self(vec![1.0 / (n_features.max(1) as f64).sqrt(); n_features])
    }

    /// The metric with these weights, divided by their norm; negative ones are 0. `None` if nothing
    /// is left.
    fn of(weights: impl Iterator<Item = f64>) -> Option<Self> {
        let mut weights: Vec<f64> = weights.map(|a| a.max(0.0)).collect();
        let norm = weights.iter().map(|a| a * a).sum::<f64>().sqrt();
        for a in &mut weights {
            *a /= norm;
        }
        (norm > 0.0 && norm.is_finite()).then_some(Self(weights))
    }

    /// The metric with these weights as they are, if they are those of a metric.
    pub(super) fn restore(weights: &[f64]) -> Option<Self> {
        let square: f64 = weights.iter().map(|a| a * a).sum();
        let fits = weights.iter().all(|a| *a >= 0.0) && (square - 1.0).abs() < 1e-6;
        (fits || weights.is_empty()).then(|| Self(weights.to_vec()))
    }

    /// The weights, `[n_features]`.
    pub fn weights(&self) -> &[f64] {
        &self.0
    }

    /// The squared distance of two rows.
    pub fn squared(&self, x: &[f64], z: &[f64]) -> f64 {
        self.0.iter().zip(x.iter().zip(z)).map(|(a, (x, z))| a * (x - z) * (x - z)).sum()
    }

    /// Learns from the pairs of some tasks; uniform where no task has pairs of both kinds.
    pub(super) fn learn(n_features: usize, tasks: &[&Pairs]) -> Self {
        let mut best = Self::uniform(n_features);
        let tasks: Vec<&Pairs> = tasks.iter().copied().filter(|pairs| pairs.teach()).collect();
        let (mut value, mut gradient) = contrast(&best, &tasks);
        let mut step = 1.0;
        for _ in 0..STEPS {
            let Some(next) = Self::of(best.0.iter().zip(&gradient).map(|(a, g)| a - step * g))
            else {
                step *= 0.5;
                continue;
            };
            let (there, slope) = contrast(&next, &tasks);
            let gain = value - there;
            if gain > 0.0 {
                (best, value, gradient) = (next, there, slope);
                step *= 1.5;
            } else {
                step *= 0.5;
            }
            if gain >= 0.0 && gain <= 1e-6 * value.abs() {
                break;
            }
        }
        best
    }
}

impl<'a> Pairs<'a> {
    /// The pairs among some rows of a task.
    pub(super) fn among(examples: &'a Examples, rows: &[usize], stream: &mut Stream) -> Self {
        let labels = examples.labels();
        let all =
            rows.iter().enumerate().flat_map(|(k, i)| rows[..k].iter().map(move |j| (*i, *j)));
        let (mut same, mut different): (Vec<_>, Vec<_>) =
            all.partition(|(i, j)| labels[*i] == labels[*j]);
        draw(&mut same, stream);
        draw(&mut different, stream);
        Self { examples, same, different }
    }

    /// Whether there are pairs of both kinds.
    fn teach(&self) -> bool {
        !self.same.is_empty() && !self.different.is_empty()
    }

    /// How far rows of two classes are apart relative to rows of one: from -1 to 1, 0 where there
    /// are no pairs.
    pub(super) fn separation(&self, metric: &Metric) -> f64 {
        let mean = |pairs: &[(usize, usize)]| {
            let distance = |(i, j): &(usize, usize)| {
                metric.squared(self.examples.row(*i), self.examples.row(*j)).sqrt()
            };
            pairs.iter().map(distance).sum::<f64>() / pairs.len().max(1) as f64
        };
        let (same, different) = (mean(&self.same), mean(&self.different));
        let sum = same + different;
        if self.teach() && sum > 0.0 { (different - same) / sum } else { 0.0 }
    }

    /// Adds this task's part of `E(a)` and its gradient, times `factor`.
    fn add_contrast(&self, metric: &Metric, factor: f64, value: &mut f64, gradient: &mut [f64]) {
        for (pairs, sign) in [(&self.same, 1.0), (&self.different, -1.0)] {
            let share = sign * factor / pairs.len() as f64;
            for &(i, j) in pairs {
                let (x, z) = (self.examples.row(i), self.examples.row(j));
                let distance = metric.squared(x, z).sqrt();
                *value += share * distance;
                if distance > 0.0 {
                    let slope = 0.5 * share / distance;
                    let both = gradient.iter_mut().zip(x.iter().zip(z));
                    both.for_each(|(g, (x, z))| *g += slope * (x - z) * (x - z));
                }
            }
        }
    }
}

/// `E(a)`, the mean over tasks, and its gradient.
fn contrast(metric: &Metric, tasks: &[&Pairs]) -> (f64, Vec<f64>) {
    let (mut value, mut gradient) = (0.0, vec![0.0; metric.0.len()]);
    for pairs in tasks {
        pairs.add_contrast(metric, 1.0 / tasks.len() as f64, &mut value, &mut gradient);
    }
    (value, gradient)
}

/// Keeps `MOST_PAIRS` of them by chance.
fn draw(pairs: &mut Vec<(usize, usize)>, stream: &mut Stream) {
    if pairs.len() > MOST_PAIRS {
        for at in 0..MOST_PAIRS {
            let other = stream.random_range(at..pairs.len());
            pairs.swap(at, other);
        }
        pairs.truncate(MOST_PAIRS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::seed::{Seed, normal};

    #[test]
    fn the_gradient_is_the_derivative_of_the_contrast() {
        let mut stream = Seed(1).stream("x", "", 0);
        let x = (0..30 * 4).map(|_| normal(&mut stream)).collect();
        let examples = Examples::new(x, 4, (0..30).map(|i| i % 3).collect(), 3);
        let rows: Vec<usize> = (0..30).collect();
        let pairs = Pairs::among(&examples, &rows, &mut stream);
        let a = [0.1, 0.7, 0.5, 0.5];
        let (_, gradient) = contrast(&Metric(a.to_vec()), &[&pairs]);
        for j in 0..4 {
            let at = |h: f64| {
                let mut moved = a.to_vec();
                moved[j] += h;
                contrast(&Metric(moved), &[&pairs]).0
            };
            let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert!((gradient[j] - slope).abs() < 1e-8, "{j}: {} {slope}", gradient[j]);
        }
    }

    #[test]
    fn only_the_feature_that_tells_classes_apart_gets_weight() {
        let mut stream = Seed(2).stream("x", "", 0);
        let row = |i: usize, stream: &mut Stream| {
            let side = if i.is_multiple_of(2) { 3.0 } else { -3.0 };
            vec![normal(stream), side + normal(stream), normal(stream)]
        };
        let x = (0..60).flat_map(|i| row(i, &mut stream)).collect();
        let examples = Examples::new(x, 3, (0..60).map(|i| i % 2).collect(), 2);
        let rows: Vec<usize> = (0..60).collect();
        let pairs = Pairs::among(&examples, &rows, &mut stream);
        let metric = Metric::learn(3, &[&pairs]);
        assert!(metric.weights()[1] > 0.99, "{metric:?}");
        assert!((metric.weights().iter().map(|a| a * a).sum::<f64>() - 1.0).abs() < 1e-12);
        let uniform = Metric::uniform(3);
        assert!(pairs.separation(&metric) > pairs.separation(&uniform));
        let one_class = Examples::new(vec![0.0; 9], 3, vec![1; 3], 2);
        let pairs = Pairs::among(&one_class, &[0, 1, 2], &mut stream);
        assert_eq!(Metric::learn(3, &[&pairs]), uniform);
    }
}
