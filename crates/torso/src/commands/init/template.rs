//! The text of a first `torso.toml`.

use std::fmt::{Display, Write as _};

use toml::Value;
use torso_core::estimator::Batch;
use torso_data::{Prepared, Remark};
use torso_deep::settings::NetworkSettings;

use super::Remarks;
use crate::config::{Config, DataConfig, SCHEMA_URL};
use crate::output::{aligned, column_lines};

/// The text: what is known is set, what people change is there with its default, as a comment.
pub(crate) fn render(data: &DataConfig, remarks: &Remarks, prepared: &Prepared) -> String {
    let mut text = format!("#:schema {SCHEMA_URL}\n");
    text.push_str(
        "# Paths are relative to this file. A flag goes before what stands here.\n\n[data]\n",
    );
    match &data.path {
        Some(path) => set(&mut text, "path", &path.display()),
        None => text.push_str("# path = \"table.csv\" # none: the penguins that come with Torso\n"),
    }
    let labels: Vec<String> = data.labels.iter().map(|labels| labels.0.to_string()).collect();
    set_list(&mut text, "labels", &labels);
    if let Some(shape) = data.image {
        set(&mut text, "image", &shape);
    }
    if let Some(delimiter) = data.delimiter {
        set(&mut text, "delimiter", &delimiter);
    }
    set_list(&mut text, "missing", &data.missing);
    targets(&mut text, data, remarks);
    if !remarks.ignore.is_empty() {
        text.push_str("\n# Columns that are left out, and why:\n");
        list(&mut text, &remarks.ignore);
    }
    set_list(&mut text, "ignore", &data.ignore);
    if !data.features.is_empty() {
        text.push_str("\n# Predictions are made from these columns alone.\n");
    }
    set_list(&mut text, "features", &data.features);
    if let Some(weight) = &data.weight {
        text.push_str("\n# A weight for every row in the learning; scores are not weighted.\n");
        set(&mut text, "weight", weight);
    }
    text.push_str("\n# What each column was taken for, and why:\n");
    text.push_str(&aligned("#   ", column_lines(prepared)));
    if data.kind.is_empty() {
        text.push_str("# Where that is wrong, say \"class\" or \"number\":\n");
        text.push_str("# kinds = { \"COLUMN\" = \"class\" }\n");
    } else {
        let kinds = Config {
            data: DataConfig { kind: data.kind.clone(), ..DataConfig::default() },
            ..Config::default()
        };
        let _ = write!(text, "\n{}", kinds.to_toml().unwrap_or_default());
    }
    text.push_str(&settings());
    text
}

fn targets(text: &mut String, data: &DataConfig, remarks: &Remarks) {
    let guess = if remarks.are_suggested { " This is a guess: change it." } else { "" };
    if let (Some(group), Some(target)) = (&data.group, &data.target) {
        text.push_str("\n# What to predict: each value of a column is a task.\n");
        set(text, "group", group);
        set(text, "target", target);
        return;
    }
    let _ = writeln!(text, "\n# What to predict, a task for each column.{guess}");
    list(text, &remarks.targets);
    set_list(text, "targets", &data.targets);
    let group = remarks.group.as_deref().unwrap_or("COLUMN");
    let target = data.targets.first().map_or("COLUMN", String::as_str);
    text.push_str("# Or each value of a column is a task, and one column is predicted in all:\n# ");
    set(text, "group", &group);
    text.push_str("# ");
    set(text, "target", &target);
}

/// What people change, with its defaults.
fn settings() -> String {
    let none = Config::default();
    let (split, budget) = (none.split.options(), none.training.budget());
    let batch = match budget.batch {
        Batch::Rows(rows) => rows.to_string(),
        Batch::Full => "\"full\"".to_string(),
        Batch::Auto => "\"auto\"".to_string(),
    };
    let network = NetworkSettings::default();
    let method = none.train.method();
    format!(
        "
[split]
# seeds = {seeds} # repeats of a comparison; below 5 there is no verdict
# seed = {seed}
# folds = {folds}
# split = \"random\" # or \"group:COLUMN\", \"time:COLUMN\", \"column:COLUMN\"
# train-rows = 1000 # at most so many rows to learn from; all if not given

[training]
# trials = {trials} # tuning trials of every arm
# epochs = {epochs} # at most; validation rows stop earlier
# batch = {batch} # or a number of rows, or \"full\"
# time-limit = \"10m\" # none if not given

[compare]
# arms = [\"hard+equal\", \"hard+tuned\", \"hard+uncertainty\"] # `torso list` shows all

[train]
# method = \"{method}\"

[set]
# hidden = {hidden:?}
# lr = {lr}
# weight-decay = {decay}
# dropout = {dropout:?}
# patience = {patience}
# uncertainty.lr = 0.1 # a parameter of a method; `torso explain uncertainty` shows all
",
        seeds = split.repeats,
        seed = split.seed,
        folds = split.folds,
        trials = budget.trials,
        epochs = budget.epochs,
        hidden = network.hidden,
        lr = network.lr,
        decay = network.weight_decay,
        dropout = network.dropout,
        patience = network.patience,
    )
}

fn list(text: &mut String, remarks: &[Remark]) {
    let rows = remarks.iter().map(|remark| [remark.column.clone(), remark.reason.clone()]);
    text.push_str(&aligned("#   ", rows));
}

fn set(text: &mut String, key: &str, value: &impl Display) {
    let _ = writeln!(text, "{key} = {}", Value::String(value.to_string()));
}

/// A list, where there is one; in lines of their own where they are many.
fn set_list(text: &mut String, key: &str, values: &[String]) {
    let quoted: Vec<String> = values.iter().map(|v| Value::String(v.clone()).to_string()).collect();
    let line = quoted.join(", ");
    match quoted.len() {
        0 => {}
        _ if line.len() < 80 => _ = writeln!(text, "{key} = [{line}]"),
        _ => _ = writeln!(text, "{key} = [\n  {},\n]", quoted.join(",\n  ")),
    }
}
