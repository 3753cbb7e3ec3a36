//! Records as GitHub's Markdown. `escape.rs` keeps names from the data what they are: text.

mod escape;

use torso_core::finding::Finding;
use torso_core::record::{
    ArmResult, Comparison, DataSummary, Ranks, RunRecord, TaskSummary, TrainRecord,
};

use crate::number::{UNKNOWN, count, counted, duration, p_value, three};
use crate::reading::{
    caution, counts, explained_variance, labeled_rows, mean_gain, overall_gain, result,
};
use crate::trained::rows;
use crate::unit::{self, Unit};
use crate::words::{self, Sentence};
use escape::{escape, escape_line, fenced};

/// A comparison.
pub(crate) fn comparison(record: &RunRecord) -> String {
    let comparison = &record.comparison;
    let words = words::words(record);
    let mut page = Page::default();
    page.heading(1, &format!("{} {}", words.title, escape(&comparison.data.name)));
    page.paragraph(&format!("**{}** {}", words.answer, said(&words.advice)));
    let arms = words
        .arms
        .iter()
        .map(|arm| format!("{}: {} {}", escape(&arm.name), said(&arm.tasks), escape(&arm.overall)));
    page.list(arms);
    page.heading(2, "Arms");
    page.paragraph("Gains above 0 are better than learning alone; parentheses hold 95% intervals.");
    page.table(&ARM_COLUMNS, comparison.arms.iter().map(|arm| arm_row(comparison, arm)));
    page.heading(2, "Tasks");
    page.paragraph(
        "The word follows the test of the loss, corrected over an arm’s tasks (Holm); the gain is \
         told in the metric.",
    );
    let rows = comparison.tasks.iter().flat_map(|task| task_rows(comparison, task));
    page.table(&TASK_COLUMNS, rows);
    page.heading(2, "Ranks");
    match &record.ranks {
        Some(ranks) => page.ranks(ranks),
        None => words::why_no_ranks(record).into_iter().for_each(|why| page.paragraph(why)),
    }
    let seconds = comparison.seconds;
    let design = format!("{} of {}", counted(comparison.seeds, "repeat"), folds(comparison));
    page.run(&comparison.data, &record.options, &record.command, &record.torso, seconds, &design);
    page.notes(&record.notes);
    page.text
}

/// A training.
pub(crate) fn trained(record: &TrainRecord) -> String {
    let words = words::trained(record);
    let mut page = Page::default();
    page.heading(
        1,
        &format!("{}, trained on {}", escape(&record.method), escape(&record.data.name)),
    );
    page.paragraph(&format!("**{}** {}", words.answer, said(&words.tasks)));
    page.paragraph(&escape(&words.learning));
    page.learned(record);
    page.heading(2, "Tasks");
    page.paragraph(
        "On test rows; parentheses hold 95% intervals over them. The constant is the best one that \
         the training rows show.",
    );
    let tasks = rows(record).into_iter().map(|row| {
        let word = row.word.to_string();
        let cells =
            [row.task.to_string(), row.kind.to_string(), row.labels, row.n_test, row.metric];
        let scores = [row.score, row.constant, row.auc, word];
        cells.into_iter().chain(scores).map(|cell| escape(&cell)).collect()
    });
    page.table(&SCORE_COLUMNS, tasks);
    let design = format!("{}: {}", escape(&record.method), escape(&record.about));
    page.run(
        &record.data,
        &record.options,
        &record.command,
        &record.torso,
        record.seconds,
        &design,
    );
    page.notes(&record.notes);
    page.text
}

/// Columns, and whether they hold numbers.
type Column = (&'static str, bool);

const ARM_COLUMNS: [Column; 8] = [
    ("Arm", false),
    ("All tasks together", false),
    ("Gain in loss, label spreads", true),
    ("p", true),
    ("Tasks", false),
    ("Mean gain, % of the score alone", true),
    ("Mean rank", true),
    ("Explained variance", true),
];
const TASK_COLUMNS: [Column; 10] = [
    ("Task", false),
    ("Labels", true),
    ("Metric", false),
    ("Arm", false),
    ("Score", true),
    ("AUC", true),
    ("Gain (95% interval)", true),
    ("Gain, %", true),
    ("p (Holm)", true),
    ("Verdict", false),
];
const SCORE_COLUMNS: [Column; 9] = [
    ("Task", false),
    ("Kind", false),
    ("Labels", true),
    ("Test labels", true),
    ("Metric", false),
    ("Score", true),
    ("Constant", true),
    ("AUC", true),
    ("Beside the constant", false),
];

fn arm_row(comparison: &Comparison, arm: &ArmResult) -> Vec<String> {
    let is_baseline = comparison.arms.first().is_some_and(|first| first.name == arm.name);
    let unless_baseline = |text: String| if is_baseline { String::new() } else { text };
    vec![
        escape(&arm.name),
        arm.overall.verdict.word().to_string(),
        unless_baseline(overall_gain(comparison, arm)),
        unless_baseline(escape(&p_value(arm.overall.p))),
        unless_baseline(counts(arm)),
        unless_baseline(mean_gain(comparison, arm)),
        three(arm.mean_rank),
        explained_variance(arm).unwrap_or_default(),
    ]
}

fn task_rows(comparison: &Comparison, task: &TaskSummary) -> Vec<Vec<String>> {
    let unit = Unit::of(comparison, task);
    let row = |(place, arm): (usize, &ArmResult)| {
        let result = result(arm, &task.name)?;
        let auc = result.auc.filter(|auc| auc.is_finite());
        let unless_baseline = |text: String| if place == 0 { String::new() } else { text };
        let note = caution(result).map_or(String::new(), |note| format!(" ({note})"));
        Some(vec![
            escape(&task.name),
            count(task.labels),
            escape(&unit.metric),
            escape(&arm.name),
            unit.score(result.score),
            auc.map_or(String::new(), |auc| format!("{auc:.3}")),
            unless_baseline(unit.gain_with_range(result)),
            unless_baseline(unit::percent(result.gain_percent)),
            unless_baseline(escape(&p_value(result.test.p_holm))),
            format!("{}{note}", result.verdict.word()),
        ])
    };
    comparison.arms.iter().enumerate().filter_map(row).collect()
}

fn folds(comparison: &Comparison) -> String {
    match comparison.folds {
        0 | 1 => "one split".to_string(),
        folds => format!("{folds}-fold cross-validation"),
    }
}

/// A sentence whose names are in quotes.
fn said(sentence: &Sentence) -> String {
    sentence.with_names(|name| format!("“{}”", escape(name)), escape)
}

/// A page under construction.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn block(&mut self, block: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(block);
        self.text.push('\n');
    }

    fn heading(&mut self, level: usize, text: &str) {
        self.block(&format!("{} {text}", "#".repeat(level)));
    }

    fn paragraph(&mut self, text: &str) {
        self.block(text.trim());
    }

    fn list(&mut self, items: impl Iterator<Item = String>) {
        let items: Vec<String> = items.map(|item| format!("- {}", escape_line(&item))).collect();
        if !items.is_empty() {
            self.block(&items.join("\n"));
        }
    }

    /// A table of finished cells; columns that are empty throughout are left out.
    fn table(&mut self, columns: &[Column], rows: impl Iterator<Item = Vec<String>>) {
        let rows: Vec<Vec<String>> = rows.collect();
        let is_used = |place: &usize| rows.iter().any(|row| !row[*place].is_empty());
        let used: Vec<usize> = (0..columns.len()).filter(is_used).collect();
        if used.is_empty() {
            return self.paragraph(UNKNOWN);
        }
        let line = |cell: &dyn Fn(usize) -> String| {
            let cells: Vec<String> = used.iter().map(|place| cell(*place)).collect();
            format!("| {} |", cells.join(" | "))
        };
        let mut lines = vec![
            line(&|place| columns[place].0.to_string()),
            line(&|place| if columns[place].1 { "---:" } else { "---" }.to_string()),
        ];
        lines.extend(rows.iter().map(|row| line(&|place| row[place].clone())));
        self.block(&lines.join("\n"));
    }

    fn ranks(&mut self, ranks: &Ranks) {
        for sentence in words::ranks(ranks) {
            self.paragraph(&said(&sentence));
        }
        let rows = ranks.arms.iter().map(|(arm, rank)| vec![escape(arm), three(*rank)]);
        self.table(&[("Arm", false), ("Mean rank", true)], rows);
    }

    /// How good the solution is, the parameters, and groups; other findings are pictures.
    fn learned(&mut self, record: &TrainRecord) {
        const MOST_GROUPS: usize = 40;
        const MOST_MEMBERS: usize = 60;
        if let Some(certificate) = words::certificate(record) {
            self.paragraph(&escape(&certificate));
        }
        if let Some(parameters) = words::parameters(record) {
            self.paragraph(&said(&parameters));
        }
        for finding in &record.findings {
            let Finding::Groups { name, items, groups } = finding else { continue };
            let (groups, more) = words::groups(items, groups, MOST_GROUPS, MOST_MEMBERS);
            self.heading(2, &escape(name));
            let group = |group: words::Group| {
                format!("{} ({}): {}", group.name, group.size, said(&group.members))
            };
            self.list(groups.into_iter().map(group).chain(more));
        }
    }

    /// What was run, on what, and how to repeat it.
    fn run(
        &mut self,
        data: &DataSummary,
        options: &[(String, String)],
        command: &str,
        torso: &str,
        seconds: f64,
        design: &str,
    ) {
        self.heading(2, "What was run");
        let rows = counted(data.rows, "row");
        let facts = [
            format!("{}: {rows}, {} with a label", escape(&data.name), labeled_rows(data)),
            format!("BLAKE3 {}", escape(&data.blake3)),
            counted(data.features.len(), "feature"),
            design.to_string(),
            format!("Torso {}, {}", escape(torso), duration(seconds)),
        ];
        self.list(facts.into_iter());
        if !options.is_empty() {
            let rows = options.iter().map(|(name, value)| vec![escape(name), escape(value)]);
            self.table(&[("Option", false), ("Value", false)], rows);
        }
        self.heading(2, "To repeat it");
        self.block(&fenced(command));
    }

    fn notes(&mut self, notes: &[String]) {
        if !notes.is_empty() {
            self.heading(2, "Notes");
            self.list(notes.iter().map(|note| escape(note)));
        }
    }
}

#[cfg(test)]
mod tests;
