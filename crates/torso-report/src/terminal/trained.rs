//! A training in short.

use comfy_table::{Cell, Color};
use torso_core::record::{TrainRecord, Verdict};

use super::{Terminal, align, bold, keep, name};
use crate::reading::{printable, shortened};
use crate::trained::{Beside, rows};
use crate::words::trained;

/// With more tasks than this, only the first are in the table.
const MOST_ROWS: usize = 40;

pub(crate) fn render(record: &TrainRecord, width: usize, color: bool) -> String {
    let page = Terminal::new(width, color);
    let words = trained(record);
    let mut head = page.table();
    let method = shortened(&record.method, 60);
    let title = format!("{method}, trained on {}", shortened(&record.data.name, 60));
    head.add_row([Cell::new(printable(&title))]);
    head.add_row([bold(Cell::new(format!("\n{}", words.answer)))]);
    head.add_row([Cell::new(printable(&words.tasks.plain()))]);
    head.add_row([Cell::new(printable(&words.learning))]);
    align(&mut head, &[]);
    let mut parts = vec![head.trim_fmt(), page.scores(record)];
    if record.tasks.len() > MOST_ROWS {
        parts.push(format!("The first {MOST_ROWS} of {} tasks.", record.tasks.len()));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n").replace('\u{a0}', " ") + "\n"
}

impl Terminal {
    /// A row for each task.
    fn scores(&self, record: &TrainRecord) -> String {
        if record.tasks.is_empty() {
            return String::new();
        }
        let mut table = self.table();
        table.set_header(["task", "metric", "score (95% interval)", "constant", "AUC", "n", ""]);
        for (row, task) in rows(record).iter().zip(&record.tasks).take(MOST_ROWS) {
            let color = match Beside::of(task).mark() {
                Verdict::Helps => Color::Cyan,
                Verdict::Harms => Color::Red,
                _ => Color::Reset,
            };
            table.add_row([
                name(row.task),
                Cell::new(printable(&row.metric)),
                Cell::new(&row.score),
                Cell::new(&row.constant),
                Cell::new(&row.auc),
                Cell::new(&row.n_test),
                Cell::new(row.word).fg(color),
            ]);
        }
        align(&mut table, &[3, 4, 5]);
        keep(&mut table, 2);
        table.trim_fmt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_training_fits_eighty_columns() {
        let text = render(&fixture::trained(), 80, false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "hard+equal, trained on penguins");
        assert!(lines[2].starts_with("Better than a constant guess for 2 of 3 tasks."), "{text}");
        assert!(text.contains("species      error   1.9% (0.6 to 4.3)"), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.ends_with('\n') && !text.contains('\u{1b}'));
        assert!(render(&fixture::trained(), 80, true).contains('\u{1b}'));
    }

    #[test]
    fn odd_trainings_and_names_have_text() {
        for mut record in fixture::odd_trainings() {
            record.method.push_str("a\u{1b}[31m\r\u{202e}b");
            record.status.push('\u{7}');
            record.data.name.clone_from(&record.method);
            record.tasks.iter_mut().for_each(|t| t.task.name.push('\u{1b}'));
            for width in [0, 80, 100_000] {
                let text = render(&record, width, false);
                assert!(!text.contains(['\u{1b}', '\u{7}', '\r', '\u{202e}']), "{text:?}");
                assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
            }
        }
    }
}
