//! The page: what the template is filled with.

mod balance;
mod pictures;
mod tables;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use torso_core::record::RunRecord;

use crate::ReportError;
use crate::chart;
use crate::number::{count, counted};
use crate::reading::{MOST_TASKS_ONE_BY_ONE, others, shortened};
use crate::words::{self, Words};

/// All that the page shows. Pictures are finished SVG; everything else is escaped by the template.
#[derive(Serialize)]
struct Page<'a> {
    torso: &'a str,
    /// The data's name, short enough for a title.
    data_name: String,
    words: Words,
    legend: Vec<(String, &'static str)>,
    panels: Vec<pictures::Panel<'a>>,
    caterpillars: Option<pictures::Caterpillars<'a>>,
    arms: tables::Arms<'a>,
    tasks: tables::Tasks<'a>,
    has_many_tasks: bool,
    curves: Option<pictures::Curves<'a>>,
    balance: Vec<balance::Arm<'a>>,
    design: Design,
    data: Data<'a>,
    about_arms: &'a [(String, String)],
    options: &'a [(String, String)],
    command: &'a str,
    notes: &'a [String],
    n_notes: String,
}

/// How the figures came about, counted.
#[derive(Serialize)]
struct Design {
    repeats: String,
    folds: usize,
    rows: String,
    tasks: String,
    n_others: usize,
    baseline: String,
}

/// What was learned from.
#[derive(Serialize)]
struct Data<'a> {
    name: &'a str,
    rows: String,
    labeled_rows: String,
    n_features: String,
    features: &'a [String],
    /// How many features are not named.
    more_features: usize,
    blake3: &'a str,
    seconds: String,
}

pub(crate) fn render(record: &RunRecord) -> Result<String, ReportError> {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("report.html", include_str!("../templates/report.html"))?;
    environment.add_template("style.css", include_str!("../templates/style.css"))?;
    Ok(environment.get_template("report.html")?.render(Serde(page(record)))?)
}

fn page(record: &RunRecord) -> Page<'_> {
    let comparison = &record.comparison;
    let n_tasks = comparison.tasks.len();
    let has_many_tasks = n_tasks > MOST_TASKS_ONE_BY_ONE;
    let panels = if has_many_tasks { Vec::new() } else { pictures::task_panels(comparison) };
    Page {
        torso: &record.torso,
        data_name: shortened(&comparison.data.name, 80),
        words: words::words(record),
        legend: chart::legend(comparison),
        panels: panels.into_iter().chain(pictures::overall_panel(comparison)).collect(),
        caterpillars: has_many_tasks.then(|| pictures::caterpillars(comparison)).flatten(),
        arms: tables::arms(comparison),
        tasks: tables::tasks(comparison),
        has_many_tasks,
        curves: pictures::curves(record),
        balance: balance::arms(record),
        design: Design {
            repeats: counted(comparison.seeds, "repeat"),
            folds: comparison.folds,
            rows: counted(comparison.data.labeled_rows, "labeled row"),
            tasks: counted(n_tasks, "task"),
            n_others: others(comparison).len(),
            baseline: comparison.arms.first().map_or(String::new(), |arm| arm.name.clone()),
        },
        data: data(record),
        about_arms: &record.about_arms,
        options: &record.options,
        command: &record.command,
        notes: &record.notes,
        n_notes: counted(record.notes.len(), "note"),
    }
}

fn data(record: &RunRecord) -> Data<'_> {
    const MOST_FEATURES: usize = 200;
    let data = &record.comparison.data;
    let n_named = data.features.len().min(MOST_FEATURES);
    Data {
        name: &data.name,
        rows: counted(data.rows, "row"),
        labeled_rows: if data.labeled_rows == data.rows {
            "all".to_string()
        } else {
            count(data.labeled_rows)
        },
        n_features: counted(data.features.len(), "feature"),
        features: &data.features[..n_named],
        more_features: data.features.len() - n_named,
        blake3: &data.blake3,
        seconds: seconds(record.comparison.seconds),
    }
}

/// A time in words.
fn seconds(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => crate::number::UNKNOWN.to_string(),
        s if s < 120.0 => format!("{} seconds", crate::number::three(s)),
        s if s < 7200.0 => format!("{:.0} minutes", s / 60.0),
        s => format!("{:.1} hours", s / 3600.0),
    }
}
