//! What a run learns from: the table, its tasks and its split, as the config says.

use torso_core::data::{Layout, TaskData};
use torso_core::split::SplitRule;
use torso_data::{Prepared, SplitSpec, Table, read_splits, split_rule, task_data};

use crate::config::{Config, DataConfig};
use crate::error::{CliError, Kind};
use crate::output::tell;

/// Reads the table; without a file, the penguins.
pub(crate) fn table(data: &DataConfig) -> Result<Table, CliError> {
    match &data.path {
        None if data.labels.is_empty() => Ok(Table::penguins()),
        None => Err(CliError::new(Kind::Usage, "expected images beside their labels")
            .hint("name an IDX file of images as DATA")),
        Some(path) => Ok(Table::read(path, &data.read_options())?),
    }
}

/// What can be predicted, as a hint.
pub(crate) fn columns_hint(table: &Table) -> String {
    match table.image() {
        Some(_) => "name files of labels with --labels NAME=FILE".into(),
        None => format!("the columns are {}", table.header().join(", ")),
    }
}

/// Reads the table and makes its tasks.
pub(crate) fn load(config: &Config) -> Result<(Table, Prepared), CliError> {
    let table = table(&config.data)?;
    let none_named = || config.data.path.is_none().then(Table::penguins_roles);
    let mut roles = config.data.roles().or_else(none_named).ok_or_else(|| {
        CliError::new(Kind::Usage, "expected --targets, or --group with --target")
            .hint(columns_hint(&table))
    })?;
    if let Some((_, column)) = config.split.rule().split_once(':') {
        roles.reserved = vec![column.to_string()];
    }
    let prepared = task_data(&table, &roles)?;
    Ok((table, prepared))
}

/// How the rows are split.
pub(crate) fn rule(config: &Config, table: &Table, data: &TaskData) -> Result<SplitRule, CliError> {
    if let Some(path) = &config.split.splits {
        return Ok(read_splits(path, data.n_rows())?);
    }
    let spec: SplitSpec = config.split.rule().parse()?;
    Ok(split_rule(table, data, &spec)?)
}

/// Says on stderr what was read: rows kept, and the labels of each task.
pub(crate) fn describe(prepared: &Prepared) {
    let data = &prepared.data;
    let n_rows = data.n_rows();
    tell(&format!("{}: {n_rows} rows, {} with a label", data.name(), data.labeled_rows().len()));
    if let Some(shape) = data.features().image {
        tell(&format!("  images of {shape}"));
    }
    match data.layout() {
        Layout::Columns => {
            for task in data.tasks() {
                let labels = task.labels.len();
                let missing = 100.0 * (1.0 - labels as f64 / n_rows as f64);
                tell(&format!(
                    "  {} ({}): {labels} labels, {missing:.1}% missing",
                    task.name,
                    task.kind.name()
                ));
            }
        }
        Layout::Groups => {
            let sizes = || data.tasks().iter().map(|task| task.labels.len());
            let (least, most) = (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0));
            tell(&format!("  {} groups of {least} to {most} labels", data.n_tasks()));
        }
    }
    for note in &prepared.notes {
        tell(&format!("note: {note}"));
    }
}
