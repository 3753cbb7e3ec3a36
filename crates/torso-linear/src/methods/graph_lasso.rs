//! Graph-guided fused lasso: tasks joined by an edge have like coefficients, or opposite ones.
//!
//! # Formula
//! `min_W loss(W) + lambda |W|_1 + gamma sum_e tau_e sum_i |W_is - sign(r_e) W_it|`,
//! `W [n_features, n_tasks]`, for the edges `e = (s, t)` with the correlation `r_e`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | cross-validation from `max \|C\|` down to a thousandth | above 0 | |
//! | `gamma` | cross-validation: `lambda` times 0.1, 1 or 10, over the mean weight of a task's edges | at least 0 | |
//! | `edges` | pairs of tasks with `\|r\| > rho` | list of `[task, task]` or `[task, task, r]` | survey 5.2.5 |
//! | `rho` | 0.5 | from 0 to 1 | ours |
//! | `tau` | `absolute`: `tau_e = \|r_e\|` | or `one` | the paper's |
//! | `epsilon` | 0.001 | above 0 | survey 5.2.5 |
//!
//! Correlations are those of the tasks' labels where tasks label the same rows, else of the
//! coefficients that each task has alone. An edge that is given without `r` has `r = 1`.
//!
//! # Cost
//! A gradient and `n_features x edges` an accelerated step; steps grow as `1 / epsilon`.
//!
//! # Claims
//! Convex. The certificate is a duality gap of the problem itself, not of its smoothed form: the
//! clipped differences `A` give a dual point `tau r` for the residual `r` of the loss. The fit
//! ends, converged, when the gap relative to the objective is `epsilon` (or the tolerance asked
//! for, if that is larger). Flipping the labels of a task flips its coefficients, to the bit.
//!
//! # Differs from
//! The paper fixes the smoothing `mu = epsilon / n_features / edges` beforehand; here `mu` falls to
//! a quarter whenever smoothing makes up more than half of the gap. Neighbors come out near each
//! other, within the gap, rather than equal; zeros are exact.
//!
//! # References
//! Chen, Kim, Lin, Carbonell, Xing, *Graph-structured multi-task regression and an efficient
//! optimization method for general fused lasso* (2010).

use faer::{Mat, MatRef};
use serde::Deserialize;
use torso_core::data::TaskData;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::correlation::correlations;
use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::solution::{Effort, Solution};
use crate::task_names::{check_names, columns_of};
use crate::tasks::Tasks;

mod smoothing;

pub use smoothing::{FusedEdge, FusedGraph};

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "graph-lasso",
        family: Family::Linear,
        title: "fused lasso along a graph of tasks",
        section: "5.2.5",
        formula: "min_W loss(W) + lambda |W|_1 + gamma sum_e tau_e |W_s - sign(r_e) W_t|_1",
        parameters: &[
            Parameter {
                name: "lambda",
                default: "null",
                range: "above 0",
                about: "pull to zero; chosen by cross-validation if not given",
            },
            Parameter {
                name: "gamma",
                default: "null",
                range: "at least 0",
                about: "pull of neighbors to each other; chosen by cross-validation if not given",
            },
            Parameter {
                name: "edges",
                default: "null",
                range: "list of [task, task] or [task, task, correlation]",
                about: "the graph; pairs of correlated tasks if not given",
            },
            Parameter {
                name: "rho",
                default: "0.5",
                range: "from 0 to 1",
                about: "tasks whose correlation is larger in size are joined",
            },
            Parameter {
                name: "tau",
                default: "absolute",
                range: "absolute, one",
                about: "the weight of an edge: the size of its correlation, or 1",
            },
            Parameter {
                name: "epsilon",
                default: "0.001",
                range: "above 0",
                about: "the relative duality gap at which a fit ends",
            },
        ],
        cost: "features x edges, and a gradient, a step",
        cite: Cite {
            authors: "Chen, Kim, Lin, Carbonell, Xing",
            title: "Graph-structured multi-task regression and an efficient optimization method \
                    for general fused lasso",
            venue: "arXiv 1005.3579",
            year: 2010,
        },
    },
    build: |given| {
        let method: GraphLasso = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda", method.lambda, Allowed::Positive)?;
        check(&METHOD.method, "gamma", method.gamma, Allowed::NotNegative)?;
        check(&METHOD.method, "rho", Some(method.rho), Allowed::Share)?;
        check(&METHOD.method, "epsilon", Some(method.epsilon), Allowed::Positive)?;
        for edge in method.edges.iter().flatten() {
            check(&METHOD.method, "edges", Some(edge.correlation().abs()), Allowed::Share)?;
        }
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GraphLasso {
    /// Pull to zero.
    pub lambda: Option<f64>,
    /// Pull of neighbors to each other.
    pub gamma: Option<f64>,
    /// The graph; `None` for pairs of correlated tasks.
    pub edges: Option<Vec<NamedEdge>>,
    /// Correlations above it make edges.
    pub rho: f64,
    /// The weight of an edge.
    pub tau: EdgeWeight,
    /// The relative duality gap at which a fit ends.
    pub epsilon: f64,
}

/// Two tasks by name, and their correlation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum NamedEdge {
    /// Correlation 1.
    Alike(String, String),
    /// This correlation, whose sign says whether coefficients are alike or opposite.
    Correlated(String, String, f64),
}

/// How a correlation becomes the weight of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeWeight {
    /// Its size.
    Absolute,
    /// 1.
    One,
}

impl Default for GraphLasso {
    fn default() -> Self {
        let (lambda, gamma, edges) = (None, None, None);
        Self { lambda, gamma, edges, rho: 0.5, tau: EdgeWeight::Absolute, epsilon: 1e-3 }
    }
}

impl NamedEdge {
    fn ends(&self) -> [&str; 2] {
        match self {
            Self::Alike(s, t) | Self::Correlated(s, t, _) => [s, t],
        }
    }

    fn correlation(&self) -> f64 {
        match self {
            Self::Alike(..) => 1.0,
            Self::Correlated(.., r) => *r,
        }
    }
}

/// Open `gamma` are these shares of `lambda`, divided by the mean weight of a task's edges.
const SHARES: [f64; 3] = [0.1, 1.0, 10.0];

/// The correlations of joined tasks, 0 elsewhere: kept, so that other labels of the same problem
/// change no edge.
const GRAPH: &str = "graph";

impl LinearMethod for GraphLasso {
    fn settings(&self) -> Vec<(String, f64)> {
        let open = [("gamma", self.gamma), ("lambda", self.lambda)];
        open.iter().filter_map(|(name, v)| v.map(|v| ((*name).to_string(), v))).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let lambdas = strengths(self.lambda, tasks.moments().norm_max(), 1e-3, points);
        // A graph that does not fit the tasks is refused by the fit.
        let graph = self.graph(tasks, None).unwrap_or_else(|_| Mat::zeros(0, 0));
        let weight = self.fused(graph.as_ref(), 1.0).mean_degree(tasks.n_tasks());
        let path = |share: f64| {
            let at = |&lambda: &f64| -> Box<dyn LinearMethod> {
                let gamma = self.gamma.or(Some(share * lambda));
                Box::new(Self { lambda: Some(lambda), gamma, ..self.clone() })
            };
            lambdas.iter().map(at).collect()
        };
        if self.gamma.is_some() || weight <= 0.0 {
            return vec![path(0.0)];
        }
        SHARES.iter().map(|share| path(share / weight)).collect()
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let (lambda, gamma) = self.lambda.zip(self.gamma).expect("nothing is open in a fit");
        let graph = self.graph(tasks, start)?;
        let fused = self.fused(graph.as_ref(), gamma);
        let effort = Effort { tolerance: effort.tolerance.max(self.epsilon), ..effort };
        let zeros = || Mat::zeros(tasks.n_features(), tasks.n_tasks());
        let w = start.map_or_else(zeros, |start| start.w.clone());
        Ok(smoothing::minimize(tasks, lambda, &fused, w, effort).with(GRAPH, graph))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let Some(graph) = solution.part(GRAPH) else { return Vec::new() };
        vec![Finding::Matrix {
            name: "edges between tasks: their correlation".to_string(),
            rows: names.tasks.clone(),
            columns: names.tasks.clone(),
            values: (0..graph.nrows()).flat_map(|s| graph.row(s).iter().copied()).collect(),
        }]
    }

    fn check(&self, data: &TaskData) -> Result<(), LinearError> {
        check_names(data, "edges", self.edges.iter().flatten().flat_map(NamedEdge::ends))
    }
}

impl GraphLasso {
    /// The correlations of joined tasks, `[n_tasks, n_tasks]`, 0 elsewhere and on the diagonal.
    fn graph(&self, tasks: &Tasks, start: Option<&Solution>) -> Result<Mat<f64>, LinearError> {
        let n = tasks.n_tasks();
        if let Some(graph) = start.and_then(|start| start.part(GRAPH)) {
            return Ok(graph.clone());
        }
        let Some(edges) = &self.edges else {
            let r = correlations(tasks);
            let joined = |s: usize, t: usize| s != t && r[(s, t)].abs() > self.rho;
            return Ok(Mat::from_fn(n, n, |s, t| if joined(s, t) { r[(s, t)] } else { 0.0 }));
        };
        let mut graph = Mat::zeros(n, n);
        for edge in edges {
            let [first, second] = edge.ends();
            let (first, second) =
                (columns_of(tasks, "edges", first)?, columns_of(tasks, "edges", second)?);
            for &s in &first {
                for &t in second.iter().filter(|&&t| t != s) {
                    graph[(s, t)] = edge.correlation();
                    graph[(t, s)] = edge.correlation();
                }
            }
        }
        Ok(graph)
    }

    /// The graph with `gamma` times the weights of its edges.
    fn fused(&self, graph: MatRef<'_, f64>, gamma: f64) -> FusedGraph {
        let pairs = (0..graph.nrows()).flat_map(|t| (0..t).map(move |s| (s, t)));
        let edge = |(s, t): (usize, usize)| {
            let r = graph[(s, t)];
            let size = if self.tau == EdgeWeight::One { 1.0 } else { r.abs() };
            let strength = if r == 0.0 { 0.0 } else { gamma * size };
            (strength > 0.0).then_some(FusedEdge { s, t, strength, sign: r.signum() })
        };
        FusedGraph::new(pairs.filter_map(edge).collect())
    }
}

#[cfg(test)]
mod tests;
