//! A training in short.

use comfy_table::{Cell, Color};
use torso_core::finding::Finding;
use torso_core::record::{TrainRecord, Verdict};

use super::{Terminal, align, bold, keep, name, short};
use crate::reading::{printable, shortened};
use crate::trained::{Beside, rows};
use crate::words::{self, Group, trained};

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
    let parameters = words::parameters(record).map(|sentence| sentence.plain());
    for line in words::certificate(record).into_iter().chain(parameters) {
        head.add_row([Cell::new(printable(&line))]);
    }
    align(&mut head, &[]);
    let mut parts = vec![head.trim_fmt(), page.scores(record)];
    if record.tasks.len() > MOST_ROWS {
        parts.push(format!("The first {MOST_ROWS} of {} tasks.", record.tasks.len()));
    }
    parts.extend(record.findings.iter().map(|finding| page.groups(finding)));
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

impl Terminal {
    /// A row for each group; nothing of other findings, which are pictures.
    fn groups(&self, finding: &Finding) -> String {
        const MOST_GROUPS: usize = 12;
        const MOST_MEMBERS: usize = 12;
        let Finding::Groups { name, items, groups } = finding else { return String::new() };
        let (groups, more) = words::groups(items, groups, MOST_GROUPS, MOST_MEMBERS);
        let mut table = self.table();
        for Group { name, size, members } in groups {
            let name = format!("{name} ({size})");
            table.add_row([Cell::new(name), Cell::new(printable(&members.plain()))]);
        }
        align(&mut table, &[]);
        let title = format!("{}:", short(name));
        let lines = [title, table.trim_fmt(), more.unwrap_or_default()];
        lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
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
    fn a_training_without_epochs_tells_its_certificate_and_groups() {
        let text = render(&fixture::linear(), 80, false);
        assert!(
            text.contains("\nConverged. 84 numbers were learned.\nThe solver converged after 41 ")
        );
        assert!(text.contains("\nParameters, chosen or given: `lambda` = 12.34, `rho` = 0.5.\n"));
        let groups =
            "\nclusters of tasks:\nGroup 1 (2)  `species`, `body_mass_g`\nGroup 2 (1)  `sex`\n";
        assert!(text.contains(groups), "{text}");
        assert!(!text.contains("epoch") && !text.contains("correlation"), "{text}");
        let mut record = fixture::linear();
        record.findings = fixture::large();
        let text = render(&record, 80, false);
        assert!(text.contains("and 58 more\n") && text.lines().count() < 40, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn odd_trainings_and_names_have_text() {
        for mut record in fixture::odd_trainings() {
            record.method.push_str("a\u{1b}[31m\r\u{202e}b");
            record.status.push('\u{7}');
            record.data.name.clone_from(&record.method);
            record.tasks.iter_mut().for_each(|t| t.task.name.push('\u{1b}'));
            record.chosen.iter_mut().for_each(|(name, _)| name.push('\u{202e}'));
            let (items, groups) = (vec!["\u{1b}".to_string()], vec![0]);
            record.findings.push(Finding::Groups { name: "\r".to_string(), items, groups });
            for width in [0, 80, 100_000] {
                let text = render(&record, width, false);
                assert!(!text.contains(['\u{1b}', '\u{7}', '\r', '\u{202e}']), "{text:?}");
                assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
            }
        }
    }
}
