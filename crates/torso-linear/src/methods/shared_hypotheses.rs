//! Shared hypotheses: many tasks, few models; each task takes one of them.
//!
//! # Formula
//! `min loss(W) + lambda/2 |W|_F^2` over `W [n_features, n_tasks]` with at most `hypotheses`
//! different columns. In turns, each task takes the column of least `loss_t(h) + lambda/2 |h|^2`,
//! and each `h` is the ridge regression of the union of its tasks,
//! `(sum_t G_t + m lambda I) h = sum_t c_t` for `m` tasks.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `hypotheses` | cross-validation among 1, 2, 4, 8 and one for each task | a whole number of at least 1 | |
//! | `lambda` | cross-validation from ten times the largest curvature down to a hundred-thousandth of it | at least 0 | |
//! | `restarts` | 10 | a whole number of at least 1 | |
//!
//! # Cost
//! A round of turns costs `K T d^2 + K d^3`; there are about ten rounds in each restart.
//!
//! # Claims
//! The objective falls in every turn, so that it ends; it is not convex, and the best of `restarts`
//! ends, by the objective, is taken. One hypothesis is one ridge regression for all tasks; one for
//! each task is a ridge regression of each task.
//!
//! # Differs from
//! The paper chooses hypotheses by classification errors, without a ridge. Its bound on the error
//! of a task falls with the rows of all tasks together, but for `log K` that each task's choice
//! costs. A hypothesis that no task took goes to the task that gains most from it.
//!
//! # References
//! Crammer, Mansour, *Learning multiple tasks using shared hypotheses* (2012).

mod search;

use faer::Mat;
use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::solution::{Effort, Solution};
use crate::tasks::Tasks;
use search::Search;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "shared-hypotheses",
        family: Family::Linear,
        title: "few models, of which each task takes one",
        section: "5.2.19",
        formula: "min_W loss(W) + lambda/2 |W|_F^2, at most K different columns",
        parameters: &[
            Parameter {
                name: "hypotheses",
                default: "null",
                range: "a whole number of at least 1",
                about: "the most models, K; chosen by cross-validation if not given",
            },
            Parameter {
                name: "lambda",
                default: "null",
                range: "at least 0",
                about: "the strength; chosen by cross-validation if not given",
            },
            Parameter {
                name: "restarts",
                default: "10",
                range: "a whole number of at least 1",
                about: "how often the search begins anew; the best end is taken",
            },
        ],
        cost: "hypotheses x tasks x features^2 a round, about 10 rounds a restart",
        cite: Cite {
            authors: "Crammer, Mansour",
            title: "Learning multiple tasks using shared hypotheses",
            venue: "NIPS",
            year: 2012,
        },
    },
    build: |given| {
        let method: SharedHypotheses = parameters(&METHOD.method, given)?;
        let count = |count: usize| Some(count as f64);
        check(&METHOD.method, "hypotheses", method.hypotheses.and_then(count), Allowed::Count)?;
        check(&METHOD.method, "lambda", method.lambda, Allowed::NotNegative)?;
        check(&METHOD.method, "restarts", count(method.restarts), Allowed::Count)?;
        Ok(Box::new(method))
    },
};

/// What is tried, besides one for each task, where the number of hypotheses is open.
const COUNTS: [usize; 4] = [1, 2, 4, 8];

/// The method's parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SharedHypotheses {
    /// The most different columns.
    pub hypotheses: Option<usize>,
    /// The strength of the ridge.
    pub lambda: Option<f64>,
    /// How often the search begins anew.
    pub restarts: usize,
}

impl Default for SharedHypotheses {
    fn default() -> Self {
        Self { hypotheses: None, lambda: None, restarts: 10 }
    }
}

impl LinearMethod for SharedHypotheses {
    fn settings(&self) -> Vec<(String, f64)> {
        let hypotheses = self.hypotheses.map(|k| ("hypotheses".to_string(), k as f64));
        let lambda = self.lambda.map(|lambda| ("lambda".to_string(), lambda));
        hypotheses.into_iter().chain(lambda).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let n_tasks = tasks.n_tasks();
        let below = COUNTS.into_iter().filter(|k| *k < n_tasks);
        let counts = match self.hypotheses {
            Some(given) => vec![given],
            None => below.chain([n_tasks]).collect(),
        };
        let strengths = strengths(self.lambda, 10.0 * tasks.curvature(), 1e-6, points);
        let path = |k: &usize| {
            let at = |lambda: &f64| -> Box<dyn LinearMethod> {
                let (hypotheses, lambda) = (Some(*k), Some(*lambda));
                Box::new(Self { hypotheses, lambda, ..self.clone() })
            };
            strengths.iter().map(at).collect()
        };
        counts.iter().map(path).collect()
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        seed: Seed,
    ) -> Result<Solution, LinearError> {
        let (k, lambda) = self.hypotheses.zip(self.lambda).expect("nothing is open in a fit");
        let search = Search::new(tasks, k, lambda, effort);
        let mut best = search.given(start).map(|choice| search.descend(choice));
        let restarts = if search.is_easy() { 1 } else { self.restarts };
        for restart in 0..restarts {
            let found = search.descend(search.random(seed, restart as u64));
            if best.as_ref().is_none_or(|best| found.value < best.value) {
                best = Some(found);
            }
        }
        let best = best.expect("there is at least one restart");
        Ok(search.solution(&best))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let Some(choice) = solution.part("choice") else {
            return Vec::new();
        };
        let name = "tasks by the model that they share".to_string();
        let (items, groups) = (names.tasks.clone(), groups(choice));
        vec![Finding::Groups { name, items, groups }]
    }
}

/// Groups by first appearance; tasks without a hypothesis are a group of their own.
fn groups(choice: &Mat<f64>) -> Vec<usize> {
    let taken = |t: usize| (0..choice.ncols()).find(|k| choice[(t, *k)] > 0.5);
    let mut known: Vec<Option<usize>> = Vec::new();
    let number = |taken: Option<usize>| {
        known.iter().position(|other| *other == taken).unwrap_or_else(|| {
            known.push(taken);
            known.len() - 1
        })
    };
    (0..choice.nrows()).map(taken).map(number).collect()
}

#[cfg(test)]
mod tests;
