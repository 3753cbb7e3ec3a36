//! `torso train --coef`: the coefficients of a linear model as a table.

use std::path::Path;

use torso_study::arm::has_coefficients;
use torso_study::coefficients::TableCoefficients;

use crate::commands::predict::forecast::read_model;
use crate::commands::predict::form::csv_cell;
use crate::error::{CliError, Kind};
use crate::files;

const FEATURE: &str = "feature";
const INTERCEPT: &str = "(intercept)";

/// Fails early, before any work, if there will be no coefficients, or the file is another's.
pub(super) fn check(path: &Path, method: &str) -> Result<(), CliError> {
    if !has_coefficients(method) {
        return Err(has_none(method));
    }
    files::check_writable(path, is_own)
        .map_err(|error| error.hint("name another file with --coef, in a place that exists"))
}

/// Writes the coefficients of the model in a file.
pub(super) fn write(path: &Path, model: &Path) -> Result<(), CliError> {
    let saved = read_model(model)?;
    let card = &saved.card;
    let coefficients = saved.model.coefficients().ok_or_else(|| has_none(&card.method))?;
    let table = TableCoefficients::new(coefficients, &card.preprocessor);
    files::write(path, csv(&table).as_bytes())
}

fn has_none(method: &str) -> CliError {
    let message = format!("--coef needs a model with coefficients, and `{method}` has none");
    CliError::new(Kind::Usage, message).hint("`torso list linear` shows methods that do")
}

/// A row for each column of the design, and one for the intercepts; numbers are exact.
fn csv(table: &TableCoefficients) -> String {
    let names = table.columns.iter().map(|name| csv_cell(name));
    let mut text = line(FEATURE, names);
    let width = table.columns.len();
    for (feature, row) in table.features.iter().zip(table.values.chunks_exact(width.max(1))) {
        text += &line(feature, row.iter().map(|value| number(*value)));
    }
    text + &line(INTERCEPT, table.intercepts.iter().map(|value| number(*value)))
}

fn line(first: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = std::iter::once(csv_cell(first)).chain(cells).collect();
    format!("{}\n", cells.join(","))
}

/// The shortest decimals that are read as the same number; -0 is 0.
fn number(value: f64) -> String {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format(value + 0.0);
    text.strip_suffix(".0").unwrap_or(text).to_string()
}

/// Whether this is a table of coefficients.
fn is_own(bytes: &[u8]) -> bool {
    let last = bytes.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    let starts = |line: &[u8], word: &str| line.starts_with(format!("{word},").as_bytes());
    starts(bytes, FEATURE) && last.is_some_and(|line| starts(line, INTERCEPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TableCoefficients {
        TableCoefficients {
            features: vec!["a,b".into(), "c".into()],
            columns: vec!["y".into(), "z: \"k\"".into()],
            values: vec![0.1, -0.0, 1e-300, -2.0],
            intercepts: vec![3.0, 0.25],
        }
    }

    #[test]
    fn a_table_of_coefficients_is_known_as_our_own() {
        let text = csv(&table());
        let lines =
            ["feature,y,\"z: \"\"k\"\"\"", "\"a,b\",0.1,0", "c,1e-300,-2", "(intercept),3,0.25"];
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
        assert!(is_own(text.as_bytes()));
        for other in ["feature,y\nx,1\n", "x,y\n(intercept),1\n", "years of work", "\n"] {
            assert!(!is_own(other.as_bytes()), "{other}");
        }
    }
}
