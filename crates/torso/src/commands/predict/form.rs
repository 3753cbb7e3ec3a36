//! How predictions are written: CSV or JSON lines, a row or an object for each row of the table.

use std::io::Write as _;

use torso_core::data::TaskKind;
use torso_data::Chunk;

use super::forecast::{Forecast, Target};

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated, with a header line
    Csv,
    /// A JSON object a line
    Jsonl,
    /// Parquet, into a file
    Parquet,
}

impl Format {
    /// The form in which rows are written before they are put into a file.
    fn of_rows(self) -> Self {
        if self == Self::Jsonl { Self::Jsonl } else { Self::Csv }
    }
}

/// The columns of the output, ready to be written.
pub(crate) struct Form {
    format: Format,
    /// The form of each row.
    rows: Format,
    /// The names of all columns.
    columns: Vec<String>,
    n_kept: usize,
    targets: Vec<TargetForm>,
    /// What is written before each column: a separator, and in JSON its name.
    before: Vec<String>,
}

struct TargetForm {
    kind: TaskKind,
    /// The names of the classes as they are written.
    classes: Vec<String>,
}

impl Form {
    /// The columns `kept` and, for every target, its prediction; for classes the likeliest one and
    /// then the probability of each.
    pub(crate) fn new(format: Format, kept: &[String], targets: &[Target]) -> Self {
        let rows = format.of_rows();
        let mut columns = kept.to_vec();
        for target in targets {
            columns.push(target.name.to_string());
            let classes = target.kind.classes().iter();
            columns.extend(classes.map(|class| format!("{}={class}", target.name)));
        }
        let before = |(at, name): (usize, &String)| match (rows, at) {
            (Format::Jsonl, 0) => format!("{{{}:", json_text(name)),
            (Format::Jsonl, _) => format!(",{}:", json_text(name)),
            (_, 0) => String::new(),
            _ => ",".to_string(),
        };
        let text = |class: &String| match rows {
            Format::Jsonl => json_text(class),
            _ => csv_cell(class),
        };
        let form = |target: &Target| TargetForm {
            kind: target.kind.clone(),
            classes: target.kind.classes().iter().map(text).collect(),
        };
        Self {
            format,
            rows,
            before: columns.iter().enumerate().map(before).collect(),
            columns,
            n_kept: kept.len(),
            targets: targets.iter().map(form).collect(),
        }
    }

    /// The number of columns that are copied from the table.
    pub(crate) fn n_kept(&self) -> usize {
        self.n_kept
    }

    /// The names of the columns.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether the output is a Parquet file; then which columns hold texts.
    pub(crate) fn parquet_columns(&self) -> Option<Vec<(String, bool)>> {
        let of_target = |target: &TargetForm| {
            let classes = target.classes.len();
            std::iter::once(classes > 0).chain(std::iter::repeat_n(false, classes))
        };
        let kept = std::iter::repeat_n(true, self.n_kept);
        let is_text = kept.chain(self.targets.iter().flat_map(of_target));
        let columns = self.columns.iter().cloned().zip(is_text).collect();
        (self.format == Format::Parquet).then_some(columns)
    }

    /// What stands before the first row.
    pub(crate) fn header(&self) -> Vec<u8> {
        if self.format != Format::Csv {
            return Vec::new();
        }
        let cells: Vec<String> = self.columns.iter().map(|name| csv_cell(name)).collect();
        format!("{}\n", cells.join(",")).into_bytes()
    }

    /// Writes the rows of a chunk.
    pub(crate) fn write(&self, chunk: &Chunk, forecast: &Forecast, out: &mut Vec<u8>) {
        for row in 0..chunk.n_rows() {
            let mut before = self.before.iter();
            let mut next = |out: &mut Vec<u8>| {
                out.extend_from_slice(before.next().map_or(&[], |text| text.as_bytes()));
            };
            for text in 0..self.n_kept {
                next(out);
                self.write_text(chunk.text(text, row), out);
            }
            for (target, values) in self.targets.iter().zip(&forecast.values) {
                let width = target.kind.width();
                let values = forecast.has(row).then(|| &values[row * width..][..width]);
                self.write_target(target, values, &mut next, out);
            }
            out.extend_from_slice(if self.rows == Format::Jsonl { b"}\n" } else { b"\n" });
        }
    }

    fn write_target(
        &self,
        target: &TargetForm,
        values: Option<&[f64]>,
        next: &mut impl FnMut(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        let Some(values) = values else {
            for _ in 0..=target.classes.len() {
                next(out);
                self.write_nothing(out);
            }
            return;
        };
        next(out);
        match &target.kind {
            TaskKind::Regression => self.write_number(values[0], out),
            TaskKind::Binary { .. } => {
                let p = values[0];
                self.write_class(target, &[1.0 - p, p], next, out);
            }
            TaskKind::Multiclass { .. } => self.write_class(target, values, next, out),
        }
    }

    /// The likeliest class, the first of equal ones, and the probability of each.
    fn write_class(
        &self,
        target: &TargetForm,
        probabilities: &[f64],
        next: &mut impl FnMut(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        let mut best = 0;
        for (class, p) in probabilities.iter().enumerate() {
            if *p > probabilities[best] {
                best = class;
            }
        }
        if probabilities.iter().any(|p| p.is_nan()) {
            self.write_nothing(out);
        } else {
            out.extend_from_slice(target.classes[best].as_bytes());
        }
        for &p in probabilities {
            next(out);
            self.write_number(p, out);
        }
    }

    fn write_text(&self, text: &str, out: &mut Vec<u8>) {
        match self.rows {
            Format::Jsonl => out.extend_from_slice(json_text(text).as_bytes()),
            _ if text.is_empty() => self.write_nothing(out),
            _ if needs_quotes(text) => out.extend_from_slice(csv_cell(text).as_bytes()),
            _ => out.extend_from_slice(text.as_bytes()),
        }
    }

    fn write_number(&self, value: f64, out: &mut Vec<u8>) {
        if value.is_finite() {
            let mut buffer = zmij::Buffer::new();
            let text = buffer.format_finite(rounded(value));
            out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
        } else if self.rows == Format::Csv {
            let _ = write!(out, "{value}"); // into memory: cannot fail
        } else {
            self.write_nothing(out);
        }
    }

    fn write_nothing(&self, out: &mut Vec<u8>) {
        match self.rows {
            Format::Jsonl => out.extend_from_slice(b"null"),
            // An empty line would be no row.
            _ if self.columns.len() == 1 => out.extend_from_slice(b"\"\""),
            _ => {}
        }
    }
}

/// Significant digits of a number: more than single precision knows, and enough for targets whose
/// spread is a small part of their size.
const DIGITS: i32 = 12;

/// The number with [`DIGITS`] significant digits.
fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0; // and -0 is 0
    }
    #[expect(clippy::cast_possible_truncation, reason = "an exponent")]
    let exponent = value.abs().log10().floor() as i32;
    let shift = DIGITS - 1 - exponent;
    // Powers of ten up to 22 are exact, so that the quotient is the number nearest to its decimals.
    match shift {
        0..=22 => {
            let power = 10f64.powi(shift);
            (value * power).round() / power
        }
        -22..0 => {
            let power = 10f64.powi(-shift);
            (value / power).round() * power
        }
        _ => value,
    }
}

fn needs_quotes(cell: &str) -> bool {
    cell.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'))
}

pub(crate) fn csv_cell(cell: &str) -> String {
    if needs_quotes(cell) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_string() }
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_twelve_digits_at_most() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0 / 3.0, "0.333333333333"),
            (-2.0 / 3.0, "-0.666666666667"),
            (3_512.447_051_934_2, "3512.44705193"),
            (1_700_000_000.123_456, "1700000000.12"),
            (123_456_789_012_345.0, "123456789012000"),
            (0.1 + 0.2, "0.3"),
            (1e-9 / 3.0, "3.33333333333e-10"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (999_999_999_999.9, "1000000000000"),
            (42.0, "42"),
        ] {
            let form = Form::new(Format::Csv, &[], &[]);
            let mut out = Vec::new();
            form.write_number(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(csv_cell("=1+1"), "=1+1");
        assert_eq!(csv_cell("a,b"), "\"a,b\"");
        assert_eq!(csv_cell("5\" x\n"), "\"5\"\" x\n\"");
        assert_eq!(json_text("a\"\u{1}é"), "\"a\\\"\\u0001é\"");
    }
}
