//! The multitask perceptron that learns how its tasks relate, signs included.
//!
//! # Formula
//! On a mistake of task `i`: `w_j += y (A^-1)_ji x` for all tasks `j`; then, by `rule`, with
//! `M = T W'W / tr(W'W) [n_tasks, n_tasks]`:
//!
//! | `rule` | new `A^-1`, scaled to the trace `T` |
//! |---|---|
//! | `log-det` | `A^-1 + rate M` |
//! | `von-neumann` | `exp(log A^-1 + rate M)` |
//! | `covariance` | the covariance of the columns of `W` over features |
//! | `batch` | `(W'W)^(1/2)` |
//!
//! Before `priming` has passed, `A^-1 = I`: tasks learn apart.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `rule` | `log-det` | see above | Saha et al. 2011 |
//! | `rate` | cross-validation among 0.1, 0.01 and 0.001; `log-det` and `von-neumann` only | above 0 | Saha et al. 2011: 1e-2 to 1e-8 |
//! | `priming` | 0.5 of the first pass | from 0 to 1 | Saha et al. 2011 |
//! | `epochs` | 10 | a whole number of at least 1 | |
//! | `order` | `shuffled` | `shuffled` in each pass by the seed, `given` | |
//!
//! # Cost
//! `d T^2` for a mistake, and `T^3` more with the rules `von-neumann` and `batch`.
//!
//! # Claims
//! `A^-1` stays positive semidefinite. Tasks that point opposite ways get a negative interaction,
//! so that one's mistakes teach the other with the sign turned.
//!
//! # Differs from
//! Other code applies `A` where the objective asks for `A^-1`, which turns the sign of what tasks
//! teach each other. The paper's rates are in units of `W'W`, which grows with the rounds; here it
//! has a trace of `T` (`online/learned.rs`). As for `perceptron`, rows are passed over more than
//! once, and predictions are made with the mean of all coefficients, times one number.
//!
//! # References
//! Saha, Rai, Daumé, Venkatasubramanian, *Online learning of multiple tasks and their
//! relationships* (2011).

use faer::Mat;
use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, Sees, check, parameters,
};
use crate::online::{Learned, Order, Passes, RelationRule, passes};
use crate::pictures;
use crate::solution::{Effort, Solution};
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "perceptron-learned",
        family: Family::Linear,
        title: "multitask perceptron that learns how tasks relate",
        section: "5.2.16",
        formula: "on a mistake of task i: w_j += y (A^-1)_ji x for all j, then A^-1 follows W'W",
        parameters: &[
            Parameter {
                name: "rule",
                default: "\"log-det\"",
                range: "log-det, von-neumann, covariance, batch",
                about: "how the relation follows from the coefficients",
            },
            Parameter {
                name: "rate",
                default: "null",
                range: "above 0",
                about: "how fast the relation changes, for log-det and von-neumann; chosen by \
                        cross-validation if not given",
            },
            Parameter {
                name: "priming",
                default: "0.5",
                range: "from 0 to 1",
                about: "the share of the first pass in which tasks learn apart",
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
        cost: "features x tasks^2 a mistake",
        cite: Cite {
            authors: "Saha, Rai, Daumé, Venkatasubramanian",
            title: "Online learning of multiple tasks and their relationships",
            venue: "AISTATS",
            year: 2011,
        },
    },
    build: |given| {
        let method: LearnedPerceptron = parameters(&METHOD.method, given)?;
        check(&METHOD.method, "rate", method.rate, Allowed::Positive)?;
        check(&METHOD.method, "priming", Some(method.priming), Allowed::Share)?;
        check(&METHOD.method, "epochs", Some(method.epochs as f64), Allowed::Count)?;
        Ok(Box::new(method))
    },
};

/// What is tried where the rate is open.
const RATES: [f64; 3] = [0.1, 0.01, 0.001];

/// The method's parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LearnedPerceptron {
    /// How the relation follows from the coefficients.
    pub rule: RelationRule,
    /// How fast it changes.
    pub rate: Option<f64>,
    /// The share of the first pass in which tasks learn apart.
    pub priming: f64,
    /// The most passes.
    pub epochs: usize,
    /// The order of rows in a pass.
    pub order: Order,
}

impl Default for LearnedPerceptron {
    fn default() -> Self {
        let (rule, order) = (RelationRule::LogDet, Order::Shuffled);
        Self { rule, rate: None, priming: 0.5, epochs: 10, order }
    }
}

impl LearnedPerceptron {
    fn has_rate(&self) -> bool {
        matches!(self.rule, RelationRule::LogDet | RelationRule::VonNeumann)
    }
}

impl LinearMethod for LearnedPerceptron {
    fn settings(&self) -> Vec<(String, f64)> {
        let rate = self.rate.map(|rate| ("rate".to_string(), rate));
        let own = [("priming", self.priming), ("epochs", self.epochs as f64)];
        rate.into_iter().chain(own.map(|(name, value)| (name.to_string(), value))).collect()
    }

    fn paths(&self, _: &Tasks, _: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let at =
            |rate| -> Box<dyn LinearMethod> { Box::new(Self { rate: Some(rate), ..self.clone() }) };
        match self.rate {
            None if self.has_rate() => vec![RATES.map(at).into()],
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
        let rate = self.rate.unwrap_or(0.0); // a rule without a rate does not ask
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let priming = (self.priming * tasks.n_labels() as f64) as usize;
        let (d, n_tasks) = (tasks.n_features(), tasks.n_tasks());
        let mut learner = Learned::new(d, n_tasks, self.rule, rate, priming);
        let plan = Passes { epochs: self.epochs, order: self.order };
        let solution = passes(tasks, &mut learner, plan, seed);
        Ok(solution.with("interaction", learner.interaction().to_owned()))
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        let picture = |interaction| {
            let name = "how much tasks teach each other: correlations of the interaction matrix";
            pictures::between_tasks(name, correlations(interaction).as_ref(), names)
        };
        solution.part("interaction").and_then(picture).into_iter().collect()
    }

    fn sees(&self) -> Sees {
        Sees::Labels
    }
}

/// `B_st / sqrt(B_ss B_tt)`; 0 where a task has no variance, 1 on the diagonal.
fn correlations(b: &Mat<f64>) -> Mat<f64> {
    let entry = |s: usize, t: usize| {
        let scale = (b[(s, s)] * b[(t, t)]).sqrt();
        if s == t {
            1.0
        } else if scale > 0.0 {
            b[(s, t)] / scale
        } else {
            0.0
        }
    };
    Mat::from_fn(b.nrows(), b.ncols(), entry)
}

#[cfg(test)]
mod tests;
