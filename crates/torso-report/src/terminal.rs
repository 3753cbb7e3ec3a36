//! A comparison in short, for a terminal. `trained.rs` does the same for one model.

use comfy_table::presets::NOTHING;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table,
};
use torso_core::record::{ArmResult, Comparison, RunRecord, TaskResult, Verdict};

use crate::number::{counted, p_value};
use crate::reading::{disagreement, others, printable, result, shortened};
use crate::unit::Unit;
use crate::words::{ArmWords, Sentence, Words, words};

mod trained;

pub(crate) use trained::render as trained;

/// With more rows than this, the table holds only the largest gains and losses.
const MOST_ROWS: usize = 40;
/// The most letters of a name in a cell.
const MOST_LETTERS: usize = 40;

pub(crate) fn render(record: &RunRecord, width: usize, color: bool) -> String {
    let page = Terminal::new(width, color);
    let comparison = &record.comparison;
    let rows = comparison.tasks.len() * others(comparison).len();
    let mut parts = vec![page.head(comparison, &words(record))];
    parts.push(if rows > MOST_ROWS { page.extremes(comparison) } else { page.tasks(comparison) });
    parts.retain(|part| !part.is_empty());
    // Spaces that held lines together have done so.
    parts.join("\n\n").replace('\u{a0}', " ") + "\n"
}

/// How to write.
struct Terminal {
    width: u16,
    color: bool,
}

impl Terminal {
    fn new(width: usize, color: bool) -> Self {
        Self { width: u16::try_from(width.clamp(40, 400)).unwrap_or(400), color }
    }

    /// What was asked, the answer, what to do, and a line for each arm.
    fn head(&self, comparison: &Comparison, words: &Words) -> String {
        let title = format!("{} {}", words.title, shortened(&comparison.data.name, 60));
        let advice = Sentence::plain(&words.advice);
        let mut table = self.table();
        table.add_row([Cell::new(printable(&title))]);
        let answer = format!("\n{} {}", words.answer, printable(&advice));
        table.add_row([bold(Cell::new(answer))]);
        align(&mut table, &[]);
        let mut text = table.trim_fmt();
        if !words.arms.is_empty() {
            text = format!("{text}\n\n{}", self.arm_words(&words.arms));
        }
        text
    }

    fn arm_words(&self, arms: &[ArmWords]) -> String {
        let mut table = self.table();
        for arm in arms {
            let said = format!("{}\n{}", printable(&arm.tasks.plain()), arm.overall);
            table.add_row([name(&arm.name), Cell::new(said)]);
        }
        align(&mut table, &[]);
        table.trim_fmt()
    }

    /// A block for each task: the score alone, then a row for each arm.
    fn tasks(&self, comparison: &Comparison) -> String {
        let mut table = self.table();
        if !others(comparison).is_empty() {
            table.set_header(["", "gain (95% interval)", "", "p (Holm)"]);
        }
        for task in &comparison.tasks {
            let unit = Unit::of(comparison, task);
            let alone = comparison.arms.first().and_then(|arm| result(arm, &task.name));
            let alone = alone.map_or(String::new(), |alone| {
                format!("alone: {} {}", unit.metric, unit.score(alone.score))
            });
            let labels = counted(task.labels, "label");
            table.add_row([bold(name(&task.name)), Cell::new(alone), Cell::new(labels)]);
            for arm in others(comparison) {
                let Some(result) = result(arm, &task.name) else { continue };
                table.add_row(row(Cell::new(format!(" {}", short(&arm.name))), &unit, result));
            }
        }
        align(&mut table, &[3]);
        keep(&mut table, 1);
        table.trim_fmt()
    }

    /// The largest gains and losses that have a word; in percent of the score alone where tasks
    /// have no common unit.
    fn extremes(&self, comparison: &Comparison) -> String {
        const MOST: usize = 5;
        let has_unit = Unit::common(comparison).is_some();
        let size = |result: &TaskResult| {
            if has_unit { result.gain } else { result.gain_percent.unwrap_or(0.0) }
        };
        let said = others(comparison).iter().flat_map(|arm| {
            let has_word = |r: &&TaskResult| matches!(r.verdict, Verdict::Helps | Verdict::Harms);
            arm.tasks.iter().filter(has_word).map(move |result| (arm, result))
        });
        let mut said: Vec<(&ArmResult, &TaskResult)> = said.collect();
        said.sort_by(|a, b| size(b.1).total_cmp(&size(a.1)));
        let n_gains = said.iter().filter(|(_, result)| size(result) > 0.0).count().min(MOST);
        let n_losses = said.iter().filter(|(_, result)| size(result) < 0.0).count().min(MOST);
        let shown = said[..n_gains].iter().chain(&said[said.len() - n_losses..]);
        let mut table = self.table();
        table.set_header(["largest, with a word", "arm", "gain (95% interval)", "", "p (Holm)"]);
        for (arm, result) in shown {
            let Some(task) = comparison.tasks.iter().find(|task| task.name == result.task) else {
                continue;
            };
            let mut cells = row(name(&arm.name), &Unit::of(comparison, task), result);
            cells.insert(0, Cell::new(format!("{} ({})", short(&task.name), task.labels)));
            table.add_row(cells);
        }
        if table.is_empty() {
            return String::new();
        }
        align(&mut table, &[4]);
        keep(&mut table, 2);
        table.trim_fmt()
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.force_no_tty().set_width(self.width);
        if self.color {
            table.enforce_styling();
        }
        table
    }
}

/// Arm, gain with interval, word, p.
fn row(first: Cell, unit: &Unit, result: &TaskResult) -> Vec<Cell> {
    let color = match result.verdict {
        Verdict::Helps => Color::Cyan,
        Verdict::Harms => Color::Red,
        _ => Color::Reset,
    };
    let word = disagreement(result).unwrap_or(result.verdict.word());
    vec![
        first,
        Cell::new(unit.gain_with_range(result)),
        Cell::new(word).fg(color),
        Cell::new(p_value(result.test.p_holm)),
    ]
}

fn name(name: &str) -> Cell {
    Cell::new(short(name))
}

fn short(name: &str) -> String {
    printable(&shortened(name, MOST_LETTERS))
}

fn bold(cell: Cell) -> Cell {
    cell.add_attribute(Attribute::Bold)
}

/// Leaves two columns between cells and moves numbers to the right.
fn align(table: &mut Table, numbers: &[usize]) {
    let last = table.column_count().saturating_sub(1);
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if i == last { 0 } else { 2 }));
        if numbers.contains(&i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Keeps a column from being broken into lines.
fn keep(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

#[cfg(test)]
mod tests;
