//! Graph-regularized learning: tasks that an edge joins have similar coefficients.
//!
//! # Formula
//! `min_W loss(W) + 1/2 (rho1 sum_t |w_t|^2 + rho2 sum_(s,t) a_st |w_s - w_t|^2)`, the last sum over
//! edges with weights `a_st >= 0`: `1/2 tr(W P W')`, `P = rho1 I + rho2 L` with the graph's
//! Laplacian `L [n_tasks, n_tasks]`. As a kernel it is `K((x, s), (z, t)) = (P^-1)_st x'z`, so it is
//! the posterior mean of Gaussian processes with the coregionalization `P^-1`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `edges` | none | list of `[task, task]` or `[task, task, weight]`, weights at least 0, 1 if not given | |
//! | `clusters` | none | list of lists of tasks: edges of weight `1 / T_c` among the `T_c` tasks of each | the paper's section 3.1.1 |
//! | `neighbors` | 3 | 1, 2, ... | |
//! | `rho1` | cross-validation: `rho2` times 0.001, 0.03 or 1 | at least 0 | |
//! | `rho2` | cross-validation from ten times the largest curvature down to a hundred-thousandth of it | at least 0 | |
//!
//! With neither edges nor clusters, two tasks are joined if either is among the `neighbors` tasks
//! that the other correlates with most, and that positively; the weight is the correlation, of
//! labels where tasks label the same rows, else of the coefficients of ridge regressions of each
//! task alone (`correlation.rs`). It is that of the learning rows: folds have graphs of their own.
//!
//! # Cost
//! `solver/relation.rs`: `d^3 + T^3` with shared rows, else conjugate gradients of
//! `T d^2 + d T^2` an iteration after `T d^3`.
//!
//! # Claims
//! Certified by the residual of the normal equations. `rho2 = 0` is `ridge`; the complete graph with
//! weights `1 / T`, or one cluster of all, is `mean-regularized`.
//!
//! # Differs from
//! The paper counts each edge twice with a factor 1/2. Its cluster form, `sum_c (sum_t |w_t -
//! wbar_c|^2 + rho_c |wbar_c|^2)`, is this one with `rho_c = T_c rho1 / (rho1 + rho2)`, and the
//! whole times `(rho1 + rho2) / 2`.
//!
//! # References
//! Evgeniou, Micchelli, Pontil, *Learning multiple tasks with kernel methods* (2005).

use faer::{Mat, MatRef};
use serde::Deserialize;
use torso_core::data::TaskData;
use torso_core::estimator::FitStatus;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::correlation::correlations;
use crate::design::column_names;
use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, SettingError, check, parameters,
    strengths,
};
use crate::pictures;
use crate::solution::{Effort, Solution};
use crate::solver::relation;
use crate::tasks::{Tasks, inner, product};

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "graph",
        family: Family::Linear,
        title: "similar coefficients along the edges of a graph of tasks",
        section: "5.2.2",
        formula: "min_W loss(W) + 1/2 (rho1 sum_t |w_t|^2 + rho2 sum_(s,t) a_st |w_s - w_t|^2)",
        parameters: &[
            Parameter {
                name: "edges",
                default: "null",
                range: "list of [task, task] or [task, task, weight]",
                about: "the graph; made from correlations if neither edges nor clusters are given",
            },
            Parameter {
                name: "clusters",
                default: "null",
                range: "list of lists of tasks",
                about: "tasks whose coefficients are near their mean",
            },
            Parameter {
                name: "neighbors",
                default: "3",
                range: "1, 2, ...",
                about: "edges of a task, where the graph is made from correlations",
            },
            Parameter {
                name: "rho1",
                default: "null",
                range: "at least 0",
                about: "pull to zero; chosen by cross-validation if not given",
            },
            Parameter {
                name: "rho2",
                default: "null",
                range: "at least 0",
                about: "pull along edges; chosen by cross-validation if not given",
            },
        ],
        cost: "features^3 + tasks^3, or tasks x features^2 an iteration",
        cite: Cite {
            authors: "Evgeniou, Micchelli, Pontil",
            title: "Learning multiple tasks with kernel methods",
            venue: "Journal of Machine Learning Research 6",
            year: 2005,
        },
    },
    build: |given| {
        let method: Graph = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "neighbors", Some(method.neighbors as f64), Allowed::Count)?;
        check(&METHOD.method, "rho1", method.rho1, Allowed::NotNegative)?;
        check(&METHOD.method, "rho2", method.rho2, Allowed::NotNegative)?;
        for edge in method.edges.iter().flatten() {
            check(&METHOD.method, "edges", Some(edge.parts().2), Allowed::NotNegative)?;
        }
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Graph {
    /// Pairs of tasks, by name.
    pub edges: Option<Vec<Edge>>,
    /// Sets of tasks, by name.
    pub clusters: Option<Vec<Vec<String>>>,
    /// Edges of a task, where the graph is made from correlations.
    pub neighbors: usize,
    /// Pull to zero.
    pub rho1: Option<f64>,
    /// Pull along edges.
    pub rho2: Option<f64>,
}

impl Default for Graph {
    fn default() -> Self {
        Self { edges: None, clusters: None, neighbors: 3, rho1: None, rho2: None }
    }
}

/// An edge between two tasks.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Edge {
    /// Of weight 1.
    Plain(String, String),
    /// Of some weight.
    Weighted(String, String, f64),
}

impl Edge {
    fn parts(&self) -> (&str, &str, f64) {
        match self {
            Self::Plain(a, b) => (a, b, 1.0),
            Self::Weighted(a, b, weight) => (a, b, *weight),
        }
    }
}

/// The name of the Laplacian in a solution, `[n_tasks, n_tasks]`.
pub const LAPLACIAN: &str = "laplacian";

/// Open `rho1` are these shares of `rho2`.
const SHARES: [f64; 3] = [1e-3, 0.03, 1.0];

impl Graph {
    /// The graph's Laplacian, `[n_tasks, n_tasks]`.
    fn laplacian(&self, tasks: &Tasks, start: Option<&Solution>) -> Result<Mat<f64>, LinearError> {
        if self.edges.is_none() && self.clusters.is_none() {
            // Labels change from round to round where the loss is not squared; the graph must not.
            let known = start.and_then(|start| start.part(LAPLACIAN));
            return Ok(match known.filter(|known| known.nrows() == tasks.n_tasks()) {
                Some(known) => known.clone(),
                None => nearest(correlations(tasks).as_ref(), self.neighbors),
            });
        }
        let names: Vec<&str> = tasks.tasks().iter().map(|task| task.name.as_str()).collect();
        let mut laplacian = Mat::zeros(names.len(), names.len());
        for (s, t, weight) in self.edges_among(&names)? {
            join(&mut laplacian, s, t, weight);
        }
        Ok(laplacian)
    }

    /// The edges that were given, by the tasks' positions.
    fn edges_among(&self, names: &[&str]) -> Result<Vec<(usize, usize, f64)>, SettingError> {
        let position = |setting: &str, name: &str| {
            names.iter().position(|known| *known == name).ok_or_else(|| SettingError::Form {
                method: METHOD.method.id,
                message: format!("`{setting}` names `{name}`, which is no task"),
            })
        };
        let mut edges = Vec::new();
        for edge in self.edges.iter().flatten() {
            let (a, b, weight) = edge.parts();
            edges.push((position("edges", a)?, position("edges", b)?, weight));
        }
        for cluster in self.clusters.iter().flatten() {
            let at = |name: &String| position("clusters", name);
            let members = cluster.iter().map(at).collect::<Result<Vec<_>, _>>()?;
            let weight = 1.0 / members.len() as f64;
            let pairs = members
                .iter()
                .enumerate()
                .flat_map(|(i, s)| members[..i].iter().map(move |t| (*s, *t, weight)));
            edges.extend(pairs);
        }
        Ok(edges)
    }
}

/// Adds an edge to a Laplacian.
fn join(laplacian: &mut Mat<f64>, s: usize, t: usize, weight: f64) {
    laplacian[(s, s)] += weight;
    laplacian[(t, t)] += weight;
    laplacian[(s, t)] -= weight;
    laplacian[(t, s)] -= weight;
}

/// The Laplacian of the graph in which tasks are joined to those that they correlate with most.
fn nearest(correlations: MatRef<'_, f64>, neighbors: usize) -> Mat<f64> {
    let n = correlations.nrows();
    let mut is_edge = Mat::from_fn(n, n, |_, _| false);
    for s in 0..n {
        let mut others: Vec<usize> =
            (0..n).filter(|&t| t != s && correlations[(s, t)] > 0.0).collect();
        others.sort_by(|&a, &b| correlations[(s, b)].total_cmp(&correlations[(s, a)]));
        for &t in others.iter().take(neighbors) {
            is_edge[(s.max(t), s.min(t))] = true;
        }
    }
    let mut laplacian = Mat::zeros(n, n);
    for s in 0..n {
        for t in (0..s).filter(|&t| is_edge[(s, t)]) {
            join(&mut laplacian, s, t, correlations[(s, t)]);
        }
    }
    laplacian
}

impl LinearMethod for Graph {
    fn settings(&self) -> Vec<(String, f64)> {
        let named = |name: &str, value: Option<f64>| value.map(|v| (name.to_string(), v));
        [named("rho1", self.rho1), named("rho2", self.rho2)].into_iter().flatten().collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let strengths = strengths(self.rho2, 10.0 * tasks.curvature(), 1e-5, points);
        let path = |share: f64| -> Vec<Box<dyn LinearMethod>> {
            let at = |rho2: &f64| {
                let rho1 = Some(self.rho1.unwrap_or(share * rho2));
                Box::new(Self { rho1, rho2: Some(*rho2), ..self.clone() }) as Box<_>
            };
            strengths.iter().map(at).collect()
        };
        let shares: &[f64] = if self.rho1.is_some() { &SHARES[..1] } else { &SHARES };
        shares.iter().map(|share| path(*share)).collect()
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let (rho1, rho2) = self.rho1.zip(self.rho2).expect("nothing is open in a fit");
        let laplacian = self.laplacian(tasks, start)?;
        let mut precision = faer::Scale(rho2) * &laplacian;
        for t in 0..tasks.n_tasks() {
            precision[(t, t)] += rho1;
        }
        let w = relation::solve(tasks, precision.as_ref(), start.map(|start| &start.w));
        let residual = relation::residual(tasks, precision.as_ref(), &w);
        let penalty = 0.5 * inner(w.as_ref(), product(w.as_ref(), precision.as_ref()).as_ref());
        let is_done = residual <= effort.tolerance;
        let status = if is_done { FitStatus::Converged } else { FitStatus::LimitReached };
        let solution = Solution { status, residual, ..Solution::exact(w, penalty) };
        Ok(solution.with(LAPLACIAN, laplacian))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let weights = |laplacian: &Mat<f64>| {
            let weight = |s: usize, t: usize| if s == t { 0.0 } else { -laplacian[(s, t)] };
            Mat::from_fn(laplacian.nrows(), laplacian.ncols(), weight)
        };
        let weights = solution.part(LAPLACIAN).map(weights);
        let picture = |weights: Mat<f64>| {
            pictures::between_tasks("weights of the edges between tasks", weights.as_ref(), names)
        };
        weights.and_then(picture).into_iter().collect()
    }

    fn check(&self, data: &TaskData) -> Result<(), LinearError> {
        let names = column_names(data);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.edges_among(&names)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
