//! What commands that learn say at their end.

use std::io::{IsTerminal, Write};
use std::path::Path;

use torso_core::method::Family;
use torso_data::{ColumnReport, ColumnRole, Prepared};
use torso_report::ReportError;
use torso_study::arm::Arm;

use crate::config::BatchRows;
use crate::error::{CliError, Kind};
use crate::run::begin::Run;

/// Says something on stderr; a reader that went away is no error.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// One JSON object.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String, CliError> {
    serde_json::to_string(value).map_err(|error| CliError::new(Kind::Run, error.to_string()))
}

/// A page, or why there is none.
pub(crate) fn page(html: Result<String, ReportError>) -> Result<String, CliError> {
    html.map_err(|error| CliError::new(Kind::Run, error.to_string()))
}

/// The line that names the report.
pub(crate) fn report_line(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!("report: {}\n", path.display()))
}

/// A text that stays on its line: what would end the line, or change how others look, is a space.
pub(crate) fn printable(text: &str) -> String {
    // Marks that turn the direction of writing move what stands beside them.
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if turns(c) || ends(c) { ' ' } else { c }).collect()
}

/// Lines of cells in columns, each line after `start`. Long names take the room of their own line.
pub(crate) fn aligned<Line: IntoIterator<Item = impl AsRef<str>>>(
    start: &str,
    lines: impl IntoIterator<Item = Line>,
) -> String {
    const WIDEST: usize = 30;
    let cells = |line: Line| line.into_iter().map(|cell| printable(cell.as_ref())).collect();
    let lines: Vec<Vec<String>> = lines.into_iter().map(cells).collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).min(WIDEST)
    };
    let widths: Vec<usize> = (0..lines.first().map_or(0, Vec::len)).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = padded.collect::<Vec<_>>().join("  ");
        text.push_str(start);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What each column is for: name, role, kind and reason. The pixels of an image take one line.
pub(crate) fn column_lines(prepared: &Prepared) -> Vec<[String; 4]> {
    let line = |column: &ColumnReport| {
        let (role, kind) = (column.role.to_string(), column.kind.to_string());
        [column.name.clone(), role, kind, column.reason.clone()]
    };
    let features = &prepared.data.features();
    let (Some(shape), [first, .., last]) = (features.image, features.columns.as_slice()) else {
        return prepared.columns.iter().map(line).collect();
    };
    let pixels = [
        format!("{} to {}", first.name, last.name),
        ColumnRole::Feature.to_string(),
        "pixels".to_string(),
        format!("{} numbers, an image of {shape}", features.columns.len()),
    ];
    let others = prepared.columns.iter().filter(|column| column.role != ColumnRole::Feature);
    std::iter::once(pixels).chain(others.map(line)).collect()
}

/// Columns of the terminal.
pub(crate) fn width() -> usize {
    comfy_table::Table::new().width().map_or(100, usize::from)
}

/// Whether to color what goes to stdout.
pub(crate) fn color() -> bool {
    std::io::stdout().is_terminal() && !has_no_color()
}

#[expect(clippy::disallowed_methods, reason = "the binary is where the environment is read")]
fn has_no_color() -> bool {
    std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty())
}

/// The options in force for these arms, as a record lists them.
pub(crate) fn options(run: &Run, arms: &[Arm]) -> Vec<(String, String)> {
    let (has_linear, has_network) = (
        arms.iter().any(|arm| arm.family == Family::Linear),
        arms.iter().any(|arm| arm.family != Family::Linear),
    );
    let mut options = rows_options(run);
    if has_network {
        options.extend(network_options(run));
    }
    if has_linear {
        options.extend(linear_options(run));
    }
    options
}

/// A choice by the name that `--set` has for it.
fn named(choice: impl serde::Serialize) -> String {
    let json = serde_json::to_value(choice).unwrap_or_default();
    json.as_str().unwrap_or_default().to_string()
}

fn pair(name: &str, value: String) -> (String, String) {
    (name.to_string(), value)
}

fn rows_options(run: &Run) -> Vec<(String, String)> {
    let (config, split) = (&run.config, run.config.split.options());
    let rule = match &config.split.splits {
        Some(path) => path.display().to_string(),
        None => config.split.rule().to_string(),
    };
    let train_rows = split.train_rows.map_or("all".to_string(), |rows| rows.to_string());
    vec![
        pair("seeds", format!("{} from {}", split.repeats, split.seed)),
        pair("folds", split.folds.to_string()),
        pair("split", rule),
        pair("train-rows", train_rows),
        pair("standardize", run.settings.standardize.to_string()),
    ]
}

fn network_options(run: &Run) -> Vec<(String, String)> {
    let (budget, network) = (run.config.training.budget(), &run.settings.network);
    vec![
        pair("trials", budget.trials.to_string()),
        pair("epochs", format!("at most {}", budget.epochs)),
        pair("batch", BatchRows(budget.batch).to_string()),
        pair("hidden", format!("{:?}", network.hidden)),
        pair("lr", network.lr.to_string()),
        pair("weight-decay", network.weight_decay.to_string()),
        pair("dropout", network.dropout.to_string()),
        pair("patience", network.patience.to_string()),
        pair("heads", network.heads.map_or("as the method has it".to_string(), named)),
        pair("task-gradients", named(network.task_gradients)),
        pair("equal-norm", network.equal_norm.to_string()),
    ]
}

/// What linear methods were given.
fn linear_options(run: &Run) -> Vec<(String, String)> {
    let given = run.config.settings().into_iter();
    let given = given.filter(|(key, value)| run.settings.is_for_linear(key, value));
    let given = given
        .map(|(key, value)| (key, value.as_str().map_or_else(|| value.to_string(), String::from)));
    let intercept = pair("intercept", run.settings.intercept.to_string());
    std::iter::once(intercept).chain(given).collect()
}
