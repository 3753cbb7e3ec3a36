//! Two families of classifications that use different features.

use std::ops::Range;

use rand::RngExt;
use torso_core::data::{Labels, Layout, Task, TaskData, TaskKind, row_index};
use torso_core::features::{Design, Feature, FeatureValues, Features};
use torso_core::seed::{Seed, Stream, normal};

use crate::tc::Examples;

/// A task of two classes, whose means lie apart in some features. All features have a mean of 0
/// and a variance of 1.
#[derive(Debug, Clone)]
pub struct FamilyTask {
    /// The correlation of each feature with the class, `[n_features]`.
    correlations: Vec<f64>,
}

impl FamilyTask {
    /// The features of the family correlate with the class by `size` or, by chance, `-size`.
    pub fn new(n_features: usize, family: Range<usize>, size: f64, stream: &mut Stream) -> Self {
        let mut correlations = vec![0.0; n_features];
        for j in family {
            correlations[j] = if stream.random::<bool>() { size } else { -size };
        }
        Self { correlations }
    }

    /// `n` rows of each class, the classes in turn.
    pub fn draw(&self, n: usize, stream: &mut Stream) -> Examples {
        let d = self.correlations.len();
        let mut x = Vec::with_capacity(2 * n * d);
        for i in 0..2 * n {
            let side = if i % 2 == 0 { -1.0 } else { 1.0 };
            let feature = |r: &f64| side * r + (1.0 - r * r).sqrt() * normal(stream);
            x.extend(self.correlations.iter().map(feature));
        }
        Examples::new(x, d, (0..2 * n).map(|i| i % 2).collect(), 2)
    }
}

/// Tasks in two families, the first half in features 0 to 4 and the second in 5 to 9 of
/// `n_features`, with `n` rows of each class; all of them as a table of groups.
///
/// # Panics
/// If there are fewer than 10 features.
pub fn families(
    n_features: usize,
    n_tasks: usize,
    n: usize,
    size: f64,
    seed: Seed,
) -> (TaskData, Design) {
    let mut stream = seed.stream("families", "", 0);
    let mut x = Vec::new();
    let mut tasks = Vec::new();
    for t in 0..n_tasks {
        let family = if t < n_tasks / 2 { 0..5 } else { 5..10 };
        let drawn = FamilyTask::new(n_features, family, size, &mut stream).draw(n, &mut stream);
        let first = t * 2 * n;
        let rows = (first..first + drawn.len()).map(row_index).collect();
        let labels = drawn.labels().iter().map(|class| *class as f64).collect();
        let labels = Labels::new(rows, labels).expect("rows in order");
        let kind = TaskKind::Binary { classes: ["no".to_string(), "yes".to_string()] };
        tasks.push(Task { name: format!("y{t}"), kind, labels });
        (0..drawn.len()).for_each(|i| x.extend_from_slice(drawn.row(i)));
    }
    let names: Vec<String> = (0..n_features).map(|j| format!("x{j}")).collect();
    let column = |(j, name): (usize, &String)| Feature {
        name: name.clone(),
        values: FeatureValues::Numeric(x.iter().skip(j).step_by(n_features).copied().collect()),
    };
    let features = Features::new(names.iter().enumerate().map(column).collect());
    let data = TaskData::new("families", String::new(), features, tasks, Layout::Groups);
    let design = Design::new(names, n_tasks * 2 * n, x);
    (data.expect("tasks of two classes each"), design)
}
