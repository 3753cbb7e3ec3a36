//! What a run is to do: from flags, from a file such as `torso.toml`, or from the `run.toml` of a run
//! that goes on. All three are one form, [`Config`].
//!
//! The tables of a file are at the same time groups of flags, of the same names. A flag goes before
//! the file, the file before the default; [`Config::over`] is the only place where they meet.
//! Everything is optional, and the defaults are given by the methods of the tables.

mod fault;
mod file;
mod images;
mod kinds;
mod schema;
mod source;
mod tables;
mod values;

pub(crate) use fault::check_use;
pub(crate) use file::RunInfo;
pub(crate) use images::{Labels, Shape};
pub(crate) use kinds::KindOf;
pub(crate) use schema::{SCHEMA_URL, schema};
pub(crate) use tables::{CompareConfig, DataConfig, SplitConfig, TrainConfig, TrainingConfig};
pub(crate) use values::{BatchRows, Count, Delimiter, Limit, Rule};

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use torso_study::arm::{ArmError, ArmSettings};

use crate::error::{CliError, Kind};

/// Everything that a run depends on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// What to learn from.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) data: DataConfig,
    /// How rows are split, and how often.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) split: SplitConfig,
    /// How trainings go, and what each may spend.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) training: TrainingConfig,
    /// What `torso compare` compares.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) compare: CompareConfig,
    /// What `torso train` trains.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) train: TrainConfig,
    /// Settings of the networks (`lr = 0.01`) and of linear methods (`lambda = 400`), and a table for
    /// each method (`uncertainty.lr = 0.1`).
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) set: Map<String, Value>,
    /// What Torso notes about a run; not for writing by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<RunInfo>,
}

/// Whether this names a config, not a table.
pub(crate) fn is_config(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Config {
    /// What flags say, over the file that they name, if any.
    pub(crate) fn resolve(flags: Self, file: Option<&Path>) -> Result<Self, CliError> {
        let mut flags = flags;
        let named = flags.data.path.take_if(|path| is_config(path));
        if let Some(fault) = fault::Fault::of(&flags) {
            let of_setting = fault.path.first().is_some_and(|table| table == "set");
            let kind = if of_setting { Kind::Config } else { Kind::Usage };
            return Err(CliError { kind, ..fault.error });
        }
        match (named.as_deref(), file) {
            (Some(_), Some(_)) => {
                let message = "two files with options are named";
                Err(CliError::new(Kind::Usage, message).hint("leave --config out"))
            }
            (Some(path), None) | (None, Some(path)) => Ok(flags.over(Self::read(path)?)),
            (None, None) => Ok(flags),
        }
    }

    /// These flags before what `file` says.
    pub(crate) fn over(self, file: Self) -> Self {
        let mut set = file.set;
        merge(&mut set, self.set);
        Self {
            data: self.data.over(file.data),
            split: self.split.over(file.split),
            training: self.training.over(file.training),
            compare: self.compare.over(file.compare),
            train: self.train.over(file.train),
            set,
            run: file.run,
        }
    }

    /// Every file that it names.
    pub(crate) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let labels = self.data.labels.iter_mut().map(|labels| &mut labels.0.path);
        self.data.path.iter_mut().chain(&mut self.split.splits).chain(labels)
    }

    /// The settings of all arms.
    pub(crate) fn arm_settings(&self) -> Result<ArmSettings, ArmError> {
        let mut settings = ArmSettings::parse(&self.settings())?;
        settings.intercept = !self.training.no_intercept;
        settings.standardize = !self.training.no_standardize;
        Ok(settings)
    }

    /// The settings as (key, value), those of a method as `METHOD.key`.
    pub(crate) fn settings(&self) -> Vec<(String, Value)> {
        let mut settings = Vec::new();
        for (key, value) in &self.set {
            match value {
                Value::Object(own) => settings.extend(
                    own.iter().map(|(name, value)| (format!("{key}.{name}"), value.clone())),
                ),
                _ => settings.push((key.clone(), value.clone())),
            }
        }
        settings
    }
}

/// Puts settings over others, table by table.
fn merge(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// `METHOD.key` settings as a table for each method.
pub(crate) fn nested(settings: &[(String, Value)]) -> Map<String, Value> {
    let mut set = Map::new();
    for (key, value) in settings {
        let entry = match key.split_once('.') {
            None => Map::from_iter([(key.clone(), value.clone())]),
            Some((method, key)) => {
                let own = Map::from_iter([(key.to_string(), value.clone())]);
                Map::from_iter([(method.to_string(), Value::Object(own))])
            }
        };
        merge(&mut set, entry);
    }
    set
}

#[cfg(test)]
mod tests;
