//! The multitask perceptron: a mistake of one task teaches related tasks, too.
//!
//! # Formula
//! For rows one after the other: if `y w_i'x <= 0`, then `w_j += y (A^-1)_ji x` for all tasks `j`,
//! with `A = I + coupling L [n_tasks, n_tasks]` and the Laplacian `L` of a graph of tasks, by
//! default the complete one. `A` is given, not learned. Labels are -1 and 1; features
//! `x [n_features]` have a last one of 1.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `variant` | `first` | `first`, `second` (`online/second_order.rs`), `p-norm` (`online/p_norm.rs`) | |
//! | `coupling` | cross-validation among 10, 1, 0.1, 0.01 and 0; the paper's is 1 on the complete graph | at least 0 | Cavallanti et al. 2010 |
//! | `edges` | all pairs of tasks | list of `[task, task]` or `[task, task, weight]`, weights at least 0 | |
//! | `p` | `ln min(n_features, n_tasks)`, rounded up, at least 2; `p-norm` only | a whole number of at least 1 | Cavallanti et al. 2010 |
//! | `epochs` | 10 | a whole number of at least 1 | |
//! | `order` | `shuffled` | `shuffled` in each pass by the seed, `given` | |
//!
//! # Cost
//! `d T` for a mistake; `(d T)^2` and as much memory for `second`, which is refused above 4000
//! coefficients; `d T min(d, T) p` for `p-norm`.
//!
//! # Claims
//! Mistakes are bounded for any rows (`online/first_order.rs`, `online/p_norm.rs`). `coupling = 0`
//! is a perceptron for each task, to the bit.
//!
//! # Differs from
//! The paper learns online. Here rows are passed over more than once, and predictions are made with
//! the mean of all coefficients, times one number (`online/passes.rs`). [`crate::online`] has the
//! learners as they are in the paper.
//!
//! # References
//! Cavallanti, Cesa-Bianchi, Gentile, *Linear algorithms for online multitask classification*
//! (2010).

use serde::Deserialize;
use torso_core::data::TaskData;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use super::mean_regularized::mean_column;
use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, Sees, check, parameters,
};
use crate::online::{
    FirstOrder, Interaction, OnlineLearner, Order, PNorm, Passes, SecondOrder, passes,
};
use crate::pictures;
use crate::solution::{Effort, Solution};
use crate::task_names::{check_names, columns_of};
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "perceptron",
        family: Family::Linear,
        title: "multitask perceptron",
        section: "5.2.15",
        formula: "on a mistake of task i: w_j += y (A^-1)_ji x for all tasks j, A = I + coupling L",
        parameters: &[
            Parameter {
                name: "variant",
                default: "\"first\"",
                range: "first, second, p-norm",
                about: "steps of first or second order, or coefficients in few common directions",
            },
            Parameter {
                name: "coupling",
                default: "null",
                range: "at least 0",
                about: "how much related tasks teach each other; chosen by cross-validation if not \
                        given, 1 in the paper",
            },
            Parameter {
                name: "edges",
                default: "null",
                range: "list of [task, task] or [task, task, weight]",
                about: "which tasks are related; all if not given",
            },
            Parameter {
                name: "p",
                default: "null",
                range: "a whole number of at least 1",
                about: "for p-norm: the larger, the fewer directions; the logarithm of the smaller \
                        of features and tasks if not given",
            },
            Parameter {
                name: "epochs",
                default: "10",
                range: "a whole number of at least 1",
                about: "the most passes over the rows",
            },
            Parameter {
                name: "order",
                default: "\"shuffled\"",
                range: "shuffled, given",
                about: "the order of rows in a pass",
            },
        ],
        cost: "features x tasks a mistake",
        cite: Cite {
            authors: "Cavallanti, Cesa-Bianchi, Gentile",
            title: "Linear algorithms for online multitask classification",
            venue: "JMLR 11",
            year: 2010,
        },
    },
    build: |given| {
        let method: Perceptron = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "coupling", method.coupling, Allowed::NotNegative)?;
        check(&METHOD.method, "p", method.p.map(|p| p as f64), Allowed::Count)?;
        check(&METHOD.method, "epochs", Some(method.epochs as f64), Allowed::Count)?;
        for edge in method.edges.iter().flatten() {
            check(&METHOD.method, "edges", Some(edge.parts().2), Allowed::NotNegative)?;
        }
        Ok(Box::new(method))
    },
};

/// What is tried where the coupling is open; the paper's is 1.
const COUPLINGS: [f64; 5] = [10.0, 1.0, 0.1, 0.01, 0.0];

/// The most coefficients of the second-order variant, whose memory is their square.
const MOST_COEFFICIENTS: usize = 4000;

/// The method's parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Perceptron {
    /// How mistakes are learned from.
    pub variant: Variant,
    /// The weight of the graph in `A`.
    pub coupling: Option<f64>,
    /// The graph, by names; all pairs if there is none.
    pub edges: Option<Vec<Edge>>,
    /// Half the order of the Schatten norm.
    pub p: Option<usize>,
    /// The most passes.
    pub epochs: usize,
    /// The order of rows in a pass.
    pub order: Order,
}

/// How mistakes are learned from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// A step along the row.
    #[default]
    First,
    /// A step that is shorter in directions of mistakes before.
    Second,
    /// A step of the matrix p-norm perceptron.
    PNorm,
}

/// Two related tasks, by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Edge {
    /// With a weight of 1.
    Plain(String, String),
    /// With some weight.
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

impl Default for Perceptron {
    fn default() -> Self {
        let (variant, order) = (Variant::First, Order::Shuffled);
        Self { variant, coupling: None, edges: None, p: None, epochs: 10, order }
    }
}

impl Perceptron {
    fn interaction(&self, tasks: &Tasks) -> Result<Interaction, LinearError> {
        let coupling = self.coupling.expect("nothing is open in a fit");
        let Some(edges) = &self.edges else {
            return Ok(Interaction::complete(tasks.n_tasks(), coupling));
        };
        let mut joined = Vec::new();
        for edge in edges {
            let (a, b, weight) = edge.parts();
            let (from, to) = (columns_of(tasks, "edges", a)?, columns_of(tasks, "edges", b)?);
            if from.len() != to.len() {
                let why = format!("has an edge from `{a}` to `{b}`, which have other classes");
                return Err(LinearError::Unsuitable { why });
            }
            joined.extend(from.into_iter().zip(to).map(|(s, t)| (s, t, coupling * weight)));
        }
        Ok(Interaction::of_graph(tasks.n_tasks(), &joined))
    }

    fn learner(&self, tasks: &Tasks) -> Result<Box<dyn OnlineLearner>, LinearError> {
        let (d, n_tasks) = (tasks.n_features(), tasks.n_tasks());
        Ok(match self.variant {
            Variant::First => Box::new(FirstOrder::new(d, self.interaction(tasks)?)),
            Variant::Second if d * n_tasks > MOST_COEFFICIENTS => {
                let why = format!(
                    "with `variant = second` learns at most {MOST_COEFFICIENTS} coefficients, but \
                     {d} features and {n_tasks} tasks have {}",
                    d * n_tasks
                );
                return Err(LinearError::Unsuitable { why });
            }
            Variant::Second => Box::new(SecondOrder::new(d, &self.interaction(tasks)?)),
            Variant::PNorm => {
                Box::new(PNorm::new(d, n_tasks, self.p.unwrap_or_else(|| default_p(d, n_tasks))))
            }
        })
    }
}

impl LinearMethod for Perceptron {
    fn settings(&self) -> Vec<(String, f64)> {
        let open = [("coupling", self.coupling), ("p", self.p.map(|p| p as f64))];
        let given = open.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.chain([("epochs", self.epochs as f64)]).map(|(n, v)| (n.to_string(), v)).collect()
    }

    fn paths(&self, _: &Tasks, _: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let at = |coupling| -> Box<dyn LinearMethod> {
            Box::new(Self { coupling: Some(coupling), ..self.clone() })
        };
        match self.coupling {
            None if self.variant != Variant::PNorm => vec![COUPLINGS.map(at).into()],
            _ => vec![vec![Box::new(self.clone())]],
        }
    }

    fn fit(
        &self,
        tasks: &Tasks,
        _: Option<&Solution>,
        _: Effort,
        seed: Seed,
    ) -> Result<Solution, LinearError> {
        let mut learner = self.learner(tasks)?;
        let plan = Passes { epochs: self.epochs, order: self.order };
        Ok(passes(tasks, &mut *learner, plan, seed))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        match self.variant {
            Variant::PNorm => pictures::components(solution.w.as_ref(), names),
            Variant::First | Variant::Second => Vec::new(),
        }
    }

    /// The mean of all tasks, where all are taken to be related.
    fn new_task(&self, solution: &Solution) -> Option<Vec<f64>> {
        let all_related = self.edges.is_none() && self.variant != Variant::PNorm;
        all_related.then(|| mean_column(&solution.w))
    }

    fn check(&self, data: &TaskData) -> Result<(), LinearError> {
        let edges = self.edges.iter().flatten().map(Edge::parts);
        check_names(data, "edges", edges.flat_map(|(a, b, _)| [a, b]))
    }

    fn sees(&self) -> Sees {
        Sees::Labels
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
fn default_p(n_features: usize, n_tasks: usize) -> usize {
    let size = n_features.min(n_tasks).max(1) as f64;
    size.ln().ceil().max(2.0) as usize
}

#[cfg(test)]
mod tests;
