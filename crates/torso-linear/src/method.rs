//! What a linear method is: parameters, some of them open, and a fit.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use torso_core::data::TaskData;
use torso_core::finding::Finding;
use torso_core::method::Method;
use torso_core::seed::Seed;

use crate::solution::{Effort, Solution};
use crate::tasks::Tasks;

/// A method in the registry.
pub struct LinearEntry {
    /// Its description.
    pub method: Method,
    /// Makes it from its parameters.
    pub build: Build,
}

/// Makes a method from its parameters.
pub type Build = fn(&Map<String, Value>) -> Result<Box<dyn LinearMethod>, SettingError>;

/// A linear method with its parameters. A parameter that was not given is open: cross-validation
/// chooses it among those of [`Self::paths`].
pub trait LinearMethod: Send + Sync {
    /// The parameters that are set, by name.
    fn settings(&self) -> Vec<(String, f64)>;

    /// The method with every open parameter set, in all ways worth a trial: paths, each from the
    /// strongest penalty to the weakest, `points` long where a strength is open. A fit may start
    /// from the solution before it on its path. One path of one method where nothing is open.
    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>>;

    /// Learns the coefficients. Called only where nothing is open.
    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        seed: Seed,
    ) -> Result<Solution, LinearError>;

    /// What the solution says about tasks and features, for people to look at.
    fn findings(&self, _solution: &Solution, _names: &Names) -> Vec<Finding> {
        Vec::new()
    }

    /// Coefficients for a task that was not learned, `[n_features]`, where the method has some.
    fn new_task(&self, _solution: &Solution) -> Option<Vec<f64>> {
        None
    }

    /// Refuses data that the method cannot learn from, before any work.
    fn check(&self, _data: &TaskData) -> Result<(), LinearError> {
        Ok(())
    }

    /// What the method learns from.
    fn sees(&self) -> Sees {
        Sees::LeastSquares
    }
}

/// What a method learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// Weighted least squares over centered features; other losses come as a sequence of these.
    LeastSquares,
    /// Labels -1 and 1 as they are, and features with a last column of ones in place of an
    /// intercept: for classification only.
    Labels,
}

/// The names that findings are told with.
#[derive(Debug, Clone)]
pub struct Names {
    /// One per feature of the design.
    pub features: Vec<String>,
    /// One per column of coefficients: a task, or a class of it.
    pub tasks: Vec<String>,
}

/// Why a fit was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LinearError {
    /// The method does not fit the data.
    #[error("{why}")]
    Unsuitable {
        /// Why, as the end of a sentence that begins with the method's id.
        why: String,
    },
    /// A parameter does not fit the data.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

/// Why parameters were refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// A parameter that the method has not, or of another form.
    #[error("{method}: {message}")]
    Form {
        /// The method.
        method: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A parameter outside its range.
    #[error("{method}: `{name}` is {found}, but must be {allowed}")]
    Range {
        /// The method.
        method: &'static str,
        /// The parameter.
        name: &'static str,
        /// Its value.
        found: f64,
        /// What it must be.
        allowed: &'static str,
    },
}

/// The values that a parameter may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Finite and at least 0.
    NotNegative,
    /// Finite and above 0.
    Positive,
    /// From 0 to 1.
    Share,
    /// 1, 2, 3, ...
    Count,
}

impl Allowed {
    fn words(self) -> &'static str {
        match self {
            Self::NotNegative => "at least 0",
            Self::Positive => "above 0",
            Self::Share => "from 0 to 1",
            Self::Count => "a whole number of at least 1",
        }
    }

    fn holds(self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Self::NotNegative => value >= 0.0,
                Self::Positive => value > 0.0,
                Self::Share => (0.0..=1.0).contains(&value),
                Self::Count => value >= 1.0 && value.fract() == 0.0,
            }
    }
}

/// The parameters of a method, with unknown ones refused.
pub(crate) fn parameters<P: DeserializeOwned>(
    method: &Method,
    given: &Map<String, Value>,
) -> Result<P, SettingError> {
    serde_json::from_value(Value::Object(given.clone()))
        .map_err(|error| SettingError::Form { method: method.id, message: error.to_string() })
}

/// Refuses a parameter outside its range; one that is open passes.
pub(crate) fn check(
    method: &Method,
    name: &'static str,
    found: Option<f64>,
    allowed: Allowed,
) -> Result<(), SettingError> {
    match found {
        Some(found) if !allowed.holds(found) => {
            Err(SettingError::Range { method: method.id, name, found, allowed: allowed.words() })
        }
        _ => Ok(()),
    }
}

/// Strengths from `most` down to `share * most`, in even steps of the logarithm; the `given` one
/// where it is not open.
pub(crate) fn strengths(given: Option<f64>, most: f64, share: f64, points: usize) -> Vec<f64> {
    if let Some(given) = given {
        return vec![given];
    }
    let most = if most > 0.0 { most } else { 1.0 };
    let last = points.max(2) - 1;
    (0..=last).map(|k| most * share.powf(k as f64 / last as f64)).collect()
}
