//! `torso check`: a config and its data, before anything is learned from them.

mod text;

use serde_json::{Value, json};
use torso_core::record::DataSummary;
use torso_core::split::plan;
use torso_data::{Checkup, ColumnReport, Prepared};
use torso_study::arm::{self, default_ids, parse_all};
use torso_study::compare::CompareError;

use super::init::fill_in;
use crate::cli::CheckArgs;
use crate::config::{self, Config};
use crate::error::{CliError, Kind};
use crate::input;

pub(crate) fn run(options: &CheckArgs) -> Result<String, CliError> {
    if options.schema {
        let text = serde_json::to_string_pretty(&config::schema())
            .map_err(|error| CliError::new(Kind::Run, error.to_string()))?;
        return Ok(format!("{text}\n"));
    }
    let mut flags = options.config.flags();
    flags.compare = options.compare.clone();
    flags.train = options.train.clone();
    let mut config = Config::resolve(flags, options.config.config.as_deref())?;
    let are_suggested = suggest_targets(&mut config)?;
    let (table, prepared) = input::load(&config)?;
    check_arms(&config, &prepared)?;
    let rule = input::rule(&config, &table, &prepared.data)?;
    let repeats = plan(&prepared.data, &rule, &config.split.options())?;
    let checkup = Checkup::of(&prepared.data, &repeats[0].folds);
    let checked = Checked { prepared: &prepared, checkup: &checkup, are_suggested };
    if options.json { Ok(format!("{}\n", checked.json()?)) } else { Ok(checked.text()) }
}

/// What was found.
struct Checked<'a> {
    prepared: &'a Prepared,
    checkup: &'a Checkup,
    /// Whether the targets are a guess.
    are_suggested: bool,
}

/// Where nobody names targets, those that `torso init` would write.
fn suggest_targets(config: &mut Config) -> Result<bool, CliError> {
    if config.data.path.is_none() || config.data.roles().is_some() {
        return Ok(false);
    }
    let table = input::table(&config.data)?;
    fill_in(&mut config.data, &table)?;
    Ok(config.data.roles().is_some())
}

/// Every arm of the config, with its settings, on these tasks.
fn check_arms(config: &Config, prepared: &Prepared) -> Result<(), CliError> {
    let data = &prepared.data;
    let settings = config.arm_settings()?;
    let ids = match config.compare.arms.as_slice() {
        [] => default_ids(data.layout()),
        ids => ids.to_vec(),
    };
    let mut arms = parse_all(&ids, data.layout(), &settings)?;
    arms.push(arm::parse(config.train.method(), data.layout(), &settings)?);
    for arm in arms {
        let refused = |source| CompareError::Refused { arm: arm.id.clone(), source };
        arm.estimator.check(data).map_err(refused)?;
    }
    Ok(())
}

impl Checked<'_> {
    fn json(&self) -> Result<Value, CliError> {
        let failed = |error: serde_json::Error| CliError::new(Kind::Run, error.to_string());
        let warning = |warning: &torso_data::Warning| {
            let mut value = serde_json::to_value(warning)?;
            value["text"] = warning.to_string().into();
            Ok(value)
        };
        let warnings: Result<Vec<Value>, _> = self.checkup.warnings.iter().map(warning).collect();
        let column = |column: &ColumnReport| {
            json!({
                "name": column.name,
                "role": column.role.name(),
                "kind": column.kind.to_string(),
                "missing": column.missing,
                "reason": column.reason,
            })
        };
        Ok(json!({
            "schema": "torso.check/1",
            "data": DataSummary::of(&self.prepared.data),
            "image": self.prepared.data.features().image.map(|shape| shape.to_string()),
            "columns": self.prepared.columns.iter().map(column).collect::<Vec<_>>(),
            "suggested": self.are_suggested,
            "tasks": self.checkup.tasks,
            "overlap": self.checkup.overlap,
            "duplicates": self.checkup.duplicates,
            "warnings": warnings.map_err(failed)?,
            "notes": self.prepared.notes,
        }))
    }
}
