//! How all linear methods are fitted.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::method::SettingError;

/// Settings that every linear method has besides its own parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FitSettings {
    /// Whether a task's loss is the sum over its rows or their mean.
    pub loss: LossScale,
    /// The loss of one label.
    pub datafit: Datafit,
    /// Where Huber's loss becomes linear, in standard deviations of the labels. Default 1.345:
    /// 95% efficiency for normal errors (Huber 1964).
    pub huber_delta: f64,
    /// Folds of the cross-validation that chooses open parameters.
    pub folds: usize,
    /// Strengths on its path.
    pub points: usize,
    /// Which of them is taken.
    pub choose: Choice,
    /// The relative gap or residual at which a fit ends.
    pub tolerance: f64,
    /// The most iterations of a fit.
    pub iterations: usize,
    /// Whether each task has an intercept, which no penalty touches.
    #[serde(skip)]
    pub intercept: bool,
    /// Whether the labels of regressions are divided by their standard deviation.
    #[serde(skip)]
    pub standardize: bool,
}

/// How the losses of a task's rows become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossScale {
    /// `1/2 SSE`: a strength means less with more rows.
    Sum,
    /// Divided by the task's rows.
    Mean,
}

/// The loss of one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Datafit {
    /// Squared for numbers, logistic for classes.
    Auto,
    /// Squared for all; classes are -1 and 1.
    Squared,
    /// As `auto`, in so many words.
    Logistic,
    /// Huber's for numbers, logistic for classes.
    Huber,
    /// Squared for numbers, the squared hinge for classes.
    SquaredHinge,
}

/// Which strength of a path cross-validation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// That of the least loss.
    Min,
    /// The strongest whose loss is within one standard error of the least.
    #[serde(rename = "1se")]
    OneStandardError,
}

impl Default for FitSettings {
    fn default() -> Self {
        Self {
            loss: LossScale::Sum,
            datafit: Datafit::Auto,
            huber_delta: 1.345,
            folds: 5,
            points: 30,
            choose: Choice::Min,
            tolerance: 1e-9,
            iterations: 20_000,
            intercept: true,
            standardize: true,
        }
    }
}

/// The names of the settings, as `--set` takes them.
pub const FIT_SETTINGS: [&str; 8] =
    ["loss", "datafit", "huber-delta", "folds", "points", "choose", "tolerance", "iterations"];

impl FitSettings {
    /// Reads settings by name.
    pub fn parse(given: &Map<String, Value>) -> Result<Self, SettingError> {
        let settings: Self =
            serde_json::from_value(Value::Object(given.clone())).map_err(|error| {
                SettingError::Form { method: "linear methods", message: error.to_string() }
            })?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingError> {
        let range = |name, found, holds: bool, allowed| {
            if holds {
                Ok(())
            } else {
                Err(SettingError::Range { method: "linear methods", name, found, allowed })
            }
        };
        let positive = |x: f64| x.is_finite() && x > 0.0;
        range("huber-delta", self.huber_delta, positive(self.huber_delta), "above 0")?;
        range("folds", self.folds as f64, self.folds >= 2, "at least 2")?;
        range("points", self.points as f64, (1..=1000).contains(&self.points), "from 1 to 1000")?;
        range("tolerance", self.tolerance, positive(self.tolerance), "above 0")?;
        range("iterations", self.iterations as f64, self.iterations >= 1, "at least 1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_setting_is_read_and_strangers_are_refused() {
        let mut given = Map::new();
        let values = [
            "mean".into(),
            "huber".into(),
            json!(2),
            json!(3),
            json!(9),
            "1se".into(),
            json!(1e-4),
            json!(7),
        ];
        for (name, value) in FIT_SETTINGS.iter().zip(values) {
            given.insert((*name).to_string(), value);
        }
        let read = FitSettings::parse(&given).unwrap();
        assert_eq!(read.choose, Choice::OneStandardError);
        assert_eq!((read.loss, read.datafit, read.folds), (LossScale::Mean, Datafit::Huber, 3));
        for (name, value) in
            [("folds", json!(1)), ("tolerance", json!(0)), ("intercept", json!(true))]
        {
            let one = Map::from_iter([(name.to_string(), value)]);
            assert!(FitSettings::parse(&one).is_err(), "{name}");
        }
    }
}
