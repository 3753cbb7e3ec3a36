//! What a method is started with, and why it may refuse.

use serde_json::{Map, Value};
use torso_core::method::Method;
use torso_core::seed::Seed;

/// The form of a task's loss, for methods that treat likelihoods apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossForm {
    /// Squared error: a Gaussian likelihood.
    Squared,
    /// Cross-entropy: a softmax likelihood.
    CrossEntropy,
}

/// What a method is started with.
pub struct Setup<'a> {
    /// The loss of each task, `[n_tasks]`.
    pub forms: &'a [LossForm],
    /// The method's own parameters.
    pub settings: &'a Map<String, Value>,
    /// The tuning trial, from 0. The first takes defaults; later ones may draw.
    pub trial: usize,
    /// Keys every draw.
    pub seed: Seed,
}

impl Setup<'_> {
    /// The number of tasks.
    pub fn n_tasks(&self) -> usize {
        self.forms.len()
    }

    /// The parameters of a method, with unknown keys refused.
    pub(crate) fn parameters<P: serde::de::DeserializeOwned>(
        &self,
        method: &Method,
    ) -> Result<P, BalanceError> {
        serde_json::from_value(Value::Object(self.settings.clone()))
            .map_err(|source| BalanceError::Settings { method: method.id, source })
    }

    /// A preference for each task, scaled to sum 1: equal ones if none is given.
    pub(crate) fn preference(
        &self,
        method: &Method,
        given: Option<Vec<f64>>,
    ) -> Result<Vec<f64>, BalanceError> {
        let n = self.n_tasks();
        let given = given.unwrap_or_else(|| vec![1.0; n]);
        if given.len() != n {
            let (method, found) = (method.id, given.len());
            return Err(BalanceError::PreferenceLength { method, expected: n, found });
        }
        for &found in &given {
            check(method, "preference", found, Allowed::NotNegative)?;
        }
        let sum: f64 = given.iter().sum();
        check(method, "preference", sum, Allowed::Positive)?;
        Ok(given.iter().map(|p| p / sum).collect())
    }
}

/// The values that a parameter may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowed {
    Finite,
    NotNegative,
    Positive,
    /// From 0 to 1.
    Share,
    /// From 0 to below 1.
    BelowOne,
    /// 1, 2, 3, ...
    Count,
}

impl Allowed {
    /// As a message says it.
    fn words(self) -> &'static str {
        match self {
            Self::Finite => "finite",
            Self::NotNegative => "at least 0",
            Self::Positive => "above 0",
            Self::Share => "from 0 to 1",
            Self::BelowOne => "at least 0 and below 1",
            Self::Count => "as a whole number of at least 1",
        }
    }

    fn holds(self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Self::Finite => true,
                Self::NotNegative => value >= 0.0,
                Self::Positive => value > 0.0,
                Self::Share => (0.0..=1.0).contains(&value),
                Self::BelowOne => (0.0..1.0).contains(&value),
                Self::Count => value >= 1.0 && value.fract() == 0.0,
            }
    }
}

/// Refuses a parameter outside its range, with its value in the message.
pub(crate) fn check(
    method: &Method,
    name: &'static str,
    found: f64,
    allowed: Allowed,
) -> Result<(), BalanceError> {
    if allowed.holds(found) {
        return Ok(());
    }
    Err(BalanceError::OutOfRange { method: method.id, name, allowed: allowed.words(), found })
}

/// Why a method could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BalanceError {
    /// A parameter is unknown, or has the wrong form.
    #[error("settings of `{method}`: {source}")]
    Settings {
        /// The method.
        method: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A parameter lies outside its range.
    #[error("`{method}` expects `{name}` {allowed}, found {found}")]
    OutOfRange {
        /// The method.
        method: &'static str,
        /// The parameter.
        name: &'static str,
        /// What is allowed.
        allowed: &'static str,
        /// What was given.
        found: f64,
    },
    /// A preference is not one number for each task.
    #[error(
        "`{method}` expects `preference` with a number for each of {expected} tasks, found {found}"
    )]
    PreferenceLength {
        /// The method.
        method: &'static str,
        /// The number of tasks.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// A method that wraps another does not know that one.
    #[error("`{method}` expects `inner` as a method on the Gramian, found `{found}`")]
    Inner {
        /// The method.
        method: &'static str,
        /// What was given.
        found: String,
    },
}
