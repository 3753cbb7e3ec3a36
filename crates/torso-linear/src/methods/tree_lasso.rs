//! Tree-guided group lasso: tasks that meet low in a tree use the same features.
//!
//! # Formula
//! `min_W loss(W) + lambda sum_i sum_v omega_v |W_i,G(v)|_2`, `W [n_features, n_tasks]`, `G(v)` the
//! tasks under the node `v` of a tree. A node of height `s_v` leaves that share of its weight to
//! the nodes below it and takes `g_v = 1 - s_v` itself: `omega_v = g_v prod s_a` over the nodes `a`
//! above, `prod s_a` at a task. The weights of the groups that a task is in sum to 1.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `lambda` | cross-validation from the least strength without any coefficient down to a thousandth | above 0 | survey 5.2.4 |
//! | `tree` | clustering of the tasks | nested lists of all tasks' names | the paper clusters outputs, too |
//!
//! Clustering is by average linkage of the distances `1 - |r|`, which are the nodes' heights, with
//! the correlations `r` of the tasks' labels where tasks label the same rows, else of the
//! coefficients that each task has alone. In a given tree with `m` levels of lists, a list with `k`
//! levels has the height `k / (m + 1)`: two tasks in the innermost list are held together most.
//!
//! # Cost
//! An accelerated proximal step costs a gradient and `n_features x n_tasks x` (depth of the tree).
//!
//! # Claims
//! Convex, with the exact proximal map; certified by a duality gap. Where features are used by
//! whole subtrees it finds them better than the lasso and the group lasso; a wrong tree loses that.
//!
//! # Differs from
//! The paper bounds the norms by squares with auxiliary variables and alternates, and scales
//! heights so that the root's is 1; here it is the distance itself, so that tasks which are all
//! related are held together at the root, too.
//!
//! # References
//! Kim, Xing, *Tree-guided group lasso for multi-task regression with structured sparsity* (2010);
//! Jenatton, Mairal, Obozinski, Bach, *Proximal methods for sparse hierarchical dictionary
//! learning* (2010).

use faer::Mat;
use serde::Deserialize;
use torso_core::data::TaskData;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::correlation::correlations;
use crate::linkage::{merge, merges};
use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::{Node, Penalty, Tree, TreeError, TreeNorm};
use crate::solution::{Effort, Solution};
use crate::solver::proximal;
use crate::task_names::{check_names, columns_of};
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "tree-lasso",
        family: Family::Linear,
        title: "group lasso along a tree of tasks",
        section: "5.2.4",
        formula: "min_W loss(W) + lambda sum_i sum_v omega_v |W_i,G(v)|_2",
        parameters: &[
            Parameter {
                name: "lambda",
                default: "null",
                range: "above 0",
                about: "the strength; chosen by cross-validation if not given",
            },
            Parameter {
                name: "tree",
                default: "null",
                range: "nested lists of all tasks' names",
                about: "the tree; clustering of the tasks' labels or coefficients if not given",
            },
        ],
        cost: "features x tasks x depth of the tree, and a gradient, a step",
        cite: Cite {
            authors: "Kim, Xing",
            title: "Tree-guided group lasso for multi-task regression with structured sparsity",
            venue: "ICML",
            year: 2010,
        },
    },
    build: |given| {
        let method: TreeLasso = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "lambda", method.lambda, Allowed::Positive)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TreeLasso {
    /// The strength.
    pub lambda: Option<f64>,
    /// The tree; `None` for clustering.
    pub tree: Option<NamedTree>,
}

/// A tree of tasks by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum NamedTree {
    /// A task.
    Task(String),
    /// Trees under one node.
    Under(Vec<NamedTree>),
}

impl LinearMethod for TreeLasso {
    fn settings(&self) -> Vec<(String, f64)> {
        self.lambda.iter().map(|lambda| ("lambda".to_string(), *lambda)).collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        // A tree that does not fit the tasks is refused by the fit.
        let norm = self.tree(tasks, None).map(|(tree, _)| TreeNorm { strength: 1.0, tree });
        let most = norm.ok().and_then(|norm| norm.dual(tasks.moments())).unwrap_or(1.0);
        let at = |lambda| -> Box<dyn LinearMethod> {
            Box::new(Self { lambda: Some(lambda), tree: self.tree.clone() })
        };
        vec![strengths(self.lambda, most, 1e-3, points).into_iter().map(at).collect()]
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let lambda = self.lambda.expect("nothing is open in a fit");
        let (tree, merges) = self.tree(tasks, start)?;
        let zeros = || Mat::zeros(tasks.n_features(), tasks.n_tasks());
        let w = start.map_or_else(zeros, |start| start.w.clone());
        let norm = TreeNorm { strength: lambda, tree };
        let solution: Solution = proximal::minimize(tasks, &norm, w, effort).into();
        Ok(match merges {
            Some(merges) => solution.with(MERGES, merges),
            None => solution,
        })
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let Some(merges) = solution.part(MERGES) else { return Vec::new() };
        vec![Finding::Matrix {
            name: "how near tasks meet in the tree: 1 - height of the node".to_string(),
            rows: names.tasks.clone(),
            columns: names.tasks.clone(),
            values: nearness(merges, names.tasks.len()),
        }]
    }

    fn check(&self, data: &TaskData) -> Result<(), LinearError> {
        let names = self.tree.iter().flat_map(NamedTree::names);
        check_names(data, "tree", names)
    }
}

/// The merges of the clustering: kept, so that other labels of the same problem change no tree.
const MERGES: &str = "merges";

impl TreeLasso {
    /// The tree, and the merges that it was made of where it was not given.
    fn tree(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
    ) -> Result<(Tree, Option<Mat<f64>>), LinearError> {
        let (root, merges) = if let Some(named) = &self.tree {
            (named.node(tasks, named.levels() + 1)?, None)
        } else {
            let kept = start.and_then(|start| start.part(MERGES)).cloned();
            let merges = kept.unwrap_or_else(|| clustering(tasks));
            (root(&merges, tasks.n_tasks()), Some(merges))
        };
        let tree = Tree::new(tasks.n_tasks(), &root).map_err(|error| match error {
            TreeError::Leaves { task, times } => {
                let name = &tasks.task(task).name;
                LinearError::Unsuitable { why: format!("has `{name}` in `tree` {times} times") }
            }
            TreeError::Share { .. } => panic!("heights are shares: {error}"),
        })?;
        Ok((tree, merges))
    }
}

impl NamedTree {
    /// Lists inside of lists, this one included.
    fn levels(&self) -> usize {
        match self {
            Self::Task(_) => 0,
            Self::Under(below) => 1 + below.iter().map(Self::levels).max().unwrap_or(0),
        }
    }

    /// All names, from the left to the right.
    fn names(&self) -> Vec<&str> {
        match self {
            Self::Task(name) => vec![name],
            Self::Under(below) => below.iter().flat_map(Self::names).collect(),
        }
    }

    /// The tree of positions; a list of `k` levels has the height `k / whole`. A task of several
    /// columns is a node of the least height.
    fn node(&self, tasks: &Tasks, whole: usize) -> Result<Node, LinearError> {
        let height = |levels: usize| levels as f64 / whole as f64;
        match self {
            Self::Task(name) => Ok(match columns_of(tasks, "tree", name)?.as_slice() {
                [only] => Node::Task(*only),
                several => {
                    let below = several.iter().map(|&t| Node::Task(t)).collect();
                    Node::Inner { separate: height(1), below }
                }
            }),
            Self::Under(below) => {
                let below = below.iter().map(|tree| tree.node(tasks, whole));
                let below = below.collect::<Result<_, _>>()?;
                Ok(Node::Inner { separate: height(self.levels()), below })
            }
        }
    }
}

fn clustering(tasks: &Tasks) -> Mat<f64> {
    let correlations = correlations(tasks);
    let n = tasks.n_tasks();
    merges(Mat::from_fn(n, n, |s, t| 1.0 - correlations[(s, t)].abs()).as_ref())
}

/// The tree of a clustering.
fn root(merges: &Mat<f64>, n_tasks: usize) -> Node {
    let mut nodes: Vec<Option<Node>> = (0..n_tasks).map(|t| Some(Node::Task(t))).collect();
    for k in 0..merges.nrows() {
        let (a, b, height) = merge(merges, k);
        let below = [a, b].into_iter().filter_map(|node| nodes[node].take()).collect();
        nodes.push(Some(Node::Inner { separate: height.clamp(0.0, 1.0), below }));
    }
    let nothing = Node::Inner { separate: 1.0, below: Vec::new() };
    nodes.pop().flatten().unwrap_or(nothing)
}

/// One less the height at which two tasks meet, `[n_tasks, n_tasks]`, row-major.
fn nearness(merges: &Mat<f64>, n_tasks: usize) -> Vec<f64> {
    let mut members: Vec<Vec<usize>> = (0..n_tasks).map(|t| vec![t]).collect();
    let mut near = vec![1.0; n_tasks * n_tasks];
    for k in 0..merges.nrows() {
        let (a, b, height) = merge(merges, k);
        for &s in &members[a] {
            for &t in &members[b] {
                near[s * n_tasks + t] = 1.0 - height;
                near[t * n_tasks + s] = 1.0 - height;
            }
        }
        members.push([members[a].as_slice(), &members[b]].concat());
    }
    near
}

#[cfg(test)]
mod tests;
