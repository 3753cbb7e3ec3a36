//! With whom to share: groups of tasks, found while each learns features of its own.
//!
//! # Formula
//! `min_{W, Q} loss(W) + gamma/2 sum_g |W Q_g|_*^2`, `W [n_features, n_tasks]`, `Q_g` diagonal with
//! 0 and 1, `sum_g Q_g = I`: every task is in one of `groups` groups, and a group's coefficients
//! have few directions.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `gamma` | cross-validation from the curvature over the tasks of a group down to a hundred-thousandth | above 0 | |
//! | `groups` | cross-validation: 2, 3 or 4, and less than tasks | 1, 2, ... | the paper has 3 for 30 tasks |
//! | `restarts` | 10 | 1, 2, ... | survey 5.2.17 |
//!
//! # Cost
//! A round costs `groups x T d^3` (`groups x d^3` where tasks share their rows); groups settle in
//! at most 60 rounds of each restart.
//!
//! # Claims
//! For given groups the problem is convex, and the residual is that of its optimum (`W` only).
//! Groups are a local optimum: the best of the restarts by the training objective. With one group
//! it is multi-task feature learning.
//!
//! # Differs from
//! The paper relaxes 0 and 1 to shares (softmax) and descends on them from random ones. Here they
//! stay 0 and 1, and every other restart begins at a clustering (`kang/search.rs`): on three
//! subspaces of three dimensions random starts rarely led to them.
//!
//! # References
//! Kang, Grauman, Sha, *Learning with whom to share in multi-task feature learning* (2011).

use std::collections::BTreeMap;

use faer::Mat;
use serde::Deserialize;
use torso_core::estimator::FitStatus;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::SquaredTrace;
use crate::solution::{Effort, Solution};
use crate::solver::proximal;
use crate::tasks::Tasks;

mod search;

use search::{Grouping, Search, columns, members};

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "kang",
        family: Family::Linear,
        title: "groups of tasks that share features",
        section: "5.2.17",
        formula: "min_{W, groups} loss(W) + gamma/2 sum_g |W_g|_*^2",
        parameters: &[
            Parameter {
                name: "gamma",
                default: "null",
                range: "above 0",
                about: "the strength; chosen by cross-validation if not given",
            },
            Parameter {
                name: "groups",
                default: "null",
                range: "a whole number of at least 1",
                about: "the groups; their number is chosen by cross-validation if not given",
            },
            Parameter {
                name: "restarts",
                default: "10",
                range: "a whole number of at least 1",
                about: "groupings to start from",
            },
        ],
        cost: "groups x tasks x features^3 a round",
        cite: Cite {
            authors: "Kang, Grauman, Sha",
            title: "Learning with whom to share in multi-task feature learning",
            venue: "ICML",
            year: 2011,
        },
    },
    build: |given| {
        let method: Kang = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "gamma", method.gamma, Allowed::Positive)?;
        check(&METHOD.method, "groups", method.groups.map(|g| g as f64), Allowed::Count)?;
        check(&METHOD.method, "restarts", Some(method.restarts as f64), Allowed::Count)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Kang {
    /// The strength.
    pub gamma: Option<f64>,
    /// The number of groups.
    pub groups: Option<usize>,
    /// Groupings to start from.
    pub restarts: usize,
}

impl Default for Kang {
    fn default() -> Self {
        Self { gamma: None, groups: None, restarts: 10 }
    }
}

/// Open numbers of groups are those of these that fit.
const GROUPS: [usize; 3] = [2, 3, 4];

/// The group of each task, `[n_tasks, 1]`.
const GROUP: &str = "group";

impl LinearMethod for Kang {
    fn settings(&self) -> Vec<(String, f64)> {
        let named = [("groups", self.groups.map(|g| g as f64)), ("gamma", self.gamma)];
        named.iter().filter_map(|(name, v)| v.map(|v| ((*name).to_string(), v))).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let fits = |groups: &usize| *groups == 2 || *groups < tasks.n_tasks();
        let open: Vec<usize> = GROUPS.into_iter().filter(fits).collect();
        let path = |groups: usize| {
            let most = tasks.curvature() * groups as f64 / tasks.n_tasks().max(1) as f64;
            let at = |gamma| -> Box<dyn LinearMethod> {
                Box::new(Self { gamma: Some(gamma), groups: Some(groups), ..self.clone() })
            };
            strengths(self.gamma, most, 1e-5, points.min(12)).into_iter().map(at).collect()
        };
        self.groups.map_or(open, |groups| vec![groups]).into_iter().map(path).collect()
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        seed: Seed,
    ) -> Result<Solution, LinearError> {
        let (gamma, groups) = self.gamma.zip(self.groups).expect("nothing is open in a fit");
        let search = Search::new(tasks, gamma, groups);
        let warm = start.and_then(|s| s.part(GROUP).map(|group| (s.w.clone(), kept(group))));
        let mut found: Vec<Grouping> = Vec::new();
        let restarts = if warm.is_some() { 1 } else { self.restarts };
        if let Some((w, group)) = warm {
            found.push(search.run(w, group, false));
        }
        found.extend(search.starts(restarts, seed).map(|(w, group)| search.run(w, group, true)));
        let best = found.into_iter().min_by(|a, b| a.objective.total_cmp(&b.objective));
        let best = best.expect("there is a start");
        Ok(polish(tasks, gamma, &best, effort))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let Some(group) = solution.part(GROUP) else { return Vec::new() };
        vec![Finding::Groups {
            name: "groups of tasks that share features".to_string(),
            items: names.tasks.clone(),
            groups: kept(group),
        }]
    }
}

/// The group of each task, from a kept matrix.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "groups are counts")]
fn kept(group: &Mat<f64>) -> Vec<usize> {
    group.col(0).iter().map(|g| *g as usize).collect()
}

/// The optimum for given groups: multi-task feature learning of each.
fn polish(tasks: &Tasks, gamma: f64, found: &Grouping, effort: Effort) -> Solution {
    let mut w = found.w.clone();
    let (mut penalty, mut residual, mut iterations) = (0.0, 0.0_f64, 0);
    let mut status = FitStatus::Converged;
    for g in 0..=found.group.iter().copied().max().unwrap_or(0) {
        let own = members(&found.group, g);
        if own.is_empty() {
            continue;
        }
        let start = columns(&found.w, &found.group, g);
        let of_group = proximal::minimize(&tasks.some(&own), &SquaredTrace(gamma), start, effort);
        for (k, &t) in own.iter().enumerate() {
            w.col_mut(t).copy_from(of_group.w.col(k));
        }
        penalty += of_group.penalty;
        residual = residual.max(of_group.residual);
        iterations = iterations.max(of_group.iterations);
        if of_group.status != FitStatus::Converged {
            status = of_group.status;
        }
    }
    let group = Mat::from_fn(found.group.len(), 1, |t, _| found.group[t] as f64);
    let parts = BTreeMap::from([(GROUP, group)]);
    Solution { w, penalty, status, residual, iterations, parts }
}

#[cfg(test)]
mod tests;
