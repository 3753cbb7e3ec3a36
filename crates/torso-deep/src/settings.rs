//! The settings of a network and its training, as `--set key=value` gives them.

use serde::{Deserialize, Serialize};

/// Settings of a network. Sources of the defaults: `lr`, `weight-decay` and the optimizer
/// (`AdamW`) are common for small networks on tables; the others are ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NetworkSettings {
    /// What turns features into a representation; if not given, convolutions for images that
    /// are large enough, else a perceptron.
    pub encoder: Option<EncoderKind>,
    /// Filters of the convolutions of `encoder=lenet`.
    pub filters: Vec<usize>,
    /// Widths of the encoder's hidden layers.
    pub hidden: Vec<usize>,
    /// Share of hidden units left out in each training step.
    pub dropout: f64,
    /// Learning rate of `AdamW`.
    pub lr: f64,
    /// Decoupled weight decay of `AdamW`; biases do not decay.
    pub weight_decay: f64,
    /// The largest norm of a step's gradient.
    pub clip: f64,
    /// Epochs without a better validation loss before the training stops.
    pub patience: usize,
    /// How the heads of groups relate, where tasks are groups of rows.
    pub head: GroupHead,
    /// Penalty on the deviation of a group's head from the common head: `deviation / 2 * |v|^2`
    /// beside a group's mean loss.
    pub deviation: f64,
    /// How regressions are fitted.
    pub loss: RegressionLoss,
    /// What a head's own parameters follow; the balancing method's own rule if not given.
    pub heads: Option<HeadsFollow>,
    /// How exactly a balancing method sees the tasks' gradients.
    pub task_gradients: TaskGradients,
    /// Rows that `task-gradients=rows` samples of each batch.
    pub gradient_rows: usize,
    /// Steps between two looks of `task-gradients=steps`.
    pub gradient_steps: usize,
    /// Steps per task between two looks at the conflict of the tasks' gradients, for the record,
    /// where the balancing method does not see them anyway; 0: none. A look costs about as much as
    /// a step for each task, so that with 20 all looks cost about a twentieth at most.
    pub conflict_steps: usize,
    /// Whether the shared part of every step has the norm of a sum of orthogonal task gradients,
    /// so that balancing methods can be compared at one learning rate.
    pub equal_norm: bool,
}

/// What turns features into a representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderKind {
    /// A multilayer perceptron.
    Mlp,
    /// Convolutions, then a perceptron.
    Lenet,
}

/// What the parameters that one task alone reaches follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadsFollow {
    /// The gradient of the weighted loss.
    Weighted,
    /// The gradient of the task's own loss.
    Own,
}

/// How exactly a balancing method sees the tasks' gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskGradients {
    /// Of all shared parameters, on the whole batch, in every step.
    Exact,
    /// Of the representation that the heads read: one walk back through the trunk serves all.
    Representation,
    /// Of all shared parameters, on some of the batch's rows.
    Rows,
    /// Exact in every n-th step; the steps between keep its weights.
    Steps,
}

/// The heads of tasks that are groups of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupHead {
    /// One head for all, and a penalized deviation for each group.
    Deviation,
    /// A head of its own for each group.
    Separate,
}

/// The training loss of a regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegressionLoss {
    /// Squared error.
    Squared,
    /// Huber's loss at one standard deviation of the target: robust against outliers.
    Huber,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            encoder: None,
            filters: vec![10, 20],
            hidden: vec![64, 64],
            dropout: 0.0,
            lr: 3e-3,
            weight_decay: 1e-3,
            clip: 10.0,
            patience: 30,
            head: GroupHead::Deviation,
            deviation: 0.1,
            loss: RegressionLoss::Squared,
            heads: None,
            task_gradients: TaskGradients::Exact,
            gradient_rows: 32,
            gradient_steps: 5,
            conflict_steps: 20,
            equal_norm: false,
        }
    }
}

impl NetworkSettings {
    /// Checks every range.
    pub fn check(&self) -> Result<(), SettingsError> {
        let out =
            |name, allowed, found: f64| Err(SettingsError::OutOfRange { name, allowed, found });
        for (name, value) in [("weight-decay", self.weight_decay), ("deviation", self.deviation)] {
            if !(value >= 0.0 && value.is_finite()) {
                return out(name, "at least 0", value);
            }
        }
        for (name, value) in [("lr", self.lr), ("clip", self.clip)] {
            if !(value > 0.0 && value.is_finite()) {
                return out(name, "above 0", value);
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return out("dropout", "at least 0 and below 1", self.dropout);
        }
        if let Some(&width) = self.hidden.iter().find(|width| !(1..=65_536).contains(*width)) {
            return out("hidden", "as widths from 1 to 65536", width as f64);
        }
        if let Some(&n) = self.filters.iter().find(|n| !(1..=4096).contains(*n)) {
            return out("filters", "as numbers from 1 to 4096", n as f64);
        }
        for (name, value) in
            [("gradient-rows", self.gradient_rows), ("gradient-steps", self.gradient_steps)]
        {
            if value == 0 {
                return out(name, "at least 1", 0.0);
            }
        }
        if self.equal_norm && self.task_gradients != TaskGradients::Exact {
            return Err(SettingsError::EqualNorm);
        }
        if self.hidden.is_empty() {
            return out("hidden", "as at least one width", 0.0);
        }
        Ok(())
    }
}

/// Why settings are not valid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A number lies outside its range.
    #[error("expected `{name}` {allowed}, found {found}")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// What is allowed.
        allowed: &'static str,
        /// What was given.
        found: f64,
    },
    /// Equal norms are told from exact gradients.
    #[error("expected `task-gradients` exact beside `equal-norm`, which needs the task gradients")]
    EqualNorm,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked_with_the_value_in_the_message() {
        assert_eq!(NetworkSettings::default().check(), Ok(()));
        let refused = |json: &str| {
            let settings: NetworkSettings = serde_json::from_str(json).unwrap();
            settings.check().unwrap_err().to_string()
        };
        assert_eq!(refused(r#"{"lr": 0}"#), "expected `lr` above 0, found 0");
        assert!(refused(r#"{"dropout": 1}"#).contains("below 1"));
        assert!(refused(r#"{"hidden": [32, 0]}"#).contains("found 0"));
        assert!(refused(r#"{"hidden": []}"#).contains("at least one"));
        assert!(serde_json::from_str::<NetworkSettings>(r#"{"hiden": [3]}"#).is_err());
    }
}
