//! What was found, for a terminal.

use std::fmt::Write as _;

use torso_data::{Balance, Overlap, TaskCheckup};

use super::Checked;
use crate::output::{aligned, column_lines, printable};

/// The most lines of a table, classes of a task, and tasks of a matrix.
const MOST_LINES: usize = 40;
const MOST_CLASSES: usize = 8;
const MOST_IN_MATRIX: usize = 10;

impl Checked<'_> {
    pub(super) fn text(&self) -> String {
        let data = &self.prepared.data;
        let (rows, labeled) = (self.checkup.rows, self.checkup.labeled_rows);
        let name = printable(data.name());
        let mut text = format!("{name}: {rows} rows, {labeled} with a label\n");
        if self.are_suggested {
            text.push_str(
                "no targets are named: these are a guess, as `torso init` would write it\n",
            );
        }
        let columns = column_lines(self.prepared).into_iter().map(Vec::from).collect();
        section(&mut text, "columns", &["column", "role", "kind", "reason"], columns);
        let header = ["task", "kind", "metric", "labels", "missing", "balance"];
        section(&mut text, "tasks", &header, self.checkup.tasks.iter().map(task).collect());
        if let Some(overlap) = &self.checkup.overlap {
            self.overlap(&mut text, overlap);
        }
        for note in &self.prepared.notes {
            let _ = writeln!(text, "note: {}", printable(note));
        }
        let warnings = &self.checkup.warnings;
        for warning in warnings.iter().take(MOST_LINES) {
            let _ = writeln!(text, "warning: {}", printable(&warning.to_string()));
        }
        match warnings.len() {
            0 => text.push_str("no leaks, no duplicate rows, no rare classes found\n"),
            n if n > MOST_LINES => {
                let _ = writeln!(text, "{} warnings more: --json shows all", n - MOST_LINES);
            }
            _ => {}
        }
        text
    }

    fn overlap(&self, text: &mut String, overlap: &Overlap) {
        let labeled = self.checkup.labeled_rows;
        let all = overlap.all;
        if all == labeled {
            let _ = writeln!(text, "\noverlap: every labeled row has a label of every task\n");
            return;
        }
        let _ =
            writeln!(text, "\noverlap: {all} of {labeled} labeled rows have a label of every task");
        let names: Vec<&str> = self.checkup.tasks.iter().map(|task| task.name.as_str()).collect();
        match &overlap.matrix {
            Some(matrix) if names.len() <= MOST_IN_MATRIX => {
                let head = std::iter::once("rows with both").chain(names.iter().copied());
                let mut lines = vec![head.map(String::from).collect::<Vec<_>>()];
                for (name, counts) in names.iter().zip(matrix) {
                    let counts = counts.iter().map(ToString::to_string);
                    lines.push(std::iter::once((*name).to_string()).chain(counts).collect());
                }
                text.push_str(&aligned("  ", lines));
            }
            _ => {
                for (word, pair) in [("fewest", &overlap.fewest), ("most", &overlap.most)] {
                    let [one, other] = pair.tasks.each_ref().map(|name| printable(name));
                    let _ = writeln!(text, "  {word}: {} rows, {one} and {other}", pair.rows);
                }
                let _ = writeln!(text, "  median of all pairs: {} rows", overlap.median);
            }
        }
        text.push('\n');
    }
}

/// A title and aligned lines; of many, the first.
fn section(text: &mut String, title: &str, header: &[&str], lines: Vec<Vec<String>>) {
    let n = lines.len();
    let header = header.iter().map(ToString::to_string).collect();
    let lines = std::iter::once(header).chain(lines.into_iter().take(MOST_LINES));
    let _ = write!(text, "\n{title}\n{}", aligned("  ", lines));
    if n > MOST_LINES {
        let _ = writeln!(text, "  and {} more: --json shows all", n - MOST_LINES);
    }
}

fn task(task: &TaskCheckup) -> Vec<String> {
    let missing = task.missing.map_or(String::new(), |share| format!("{:.1}%", 100.0 * share));
    let balance = match &task.balance {
        Balance::Classes(classes) => {
            let shown = classes.iter().take(MOST_CLASSES);
            let shown: Vec<String> =
                shown.map(|class| format!("{} {}", class.class, class.labels)).collect();
            match classes.len().saturating_sub(MOST_CLASSES) {
                0 => shown.join(", "),
                more => format!("{} and {more} more", shown.join(", ")),
            }
        }
        Balance::Numbers { mean, sd, min, max } => {
            let [mean, sd, min, max] = [mean, sd, min, max].map(|value| significant(*value));
            format!("mean {mean}, sd {sd}, {min} to {max}")
        }
    };
    let labels = task.labels.to_string();
    vec![task.name.clone(), task.kind.into(), task.metric.into(), labels, missing, balance]
}

/// A number with four significant digits, or all of those before its point.
fn significant(value: f64) -> String {
    let magnitude = value.abs().log10().floor();
    if !(-4.0..9.0).contains(&magnitude) && value.abs() > 0.0 {
        return format!("{value:.3e}");
    }
    let places = [1000.0, 100.0, 10.0, 1.0].iter().filter(|at| value.abs() < **at).count();
    let text = format!("{value:.*}", places + usize::from(value.abs() < 0.1) * 3);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}
