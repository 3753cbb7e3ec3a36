//! The pages: what the templates are filled with.
//!
//! `comparison.rs` and `trained.rs` are the two pages; the other modules are sections of them.

mod balance;
mod comparison;
mod findings;
mod matrix;
mod pictures;
mod predictions;
mod ranks;
mod tables;
mod trained;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use torso_core::record::{DataSummary, RunRecord, TrainRecord};

use crate::ReportError;
use crate::number::{counted, duration};
use crate::reading::{labeled_rows, shortened};

/// The templates by name: two pages, what they are both made of, and sections.
const TEMPLATES: [(&str, &str); 14] = [
    ("base.html", include_str!("../templates/base.html")),
    ("comparison.html", include_str!("../templates/comparison.html")),
    ("trained.html", include_str!("../templates/trained.html")),
    ("style.css", include_str!("../templates/style.css")),
    ("say.html", include_str!("../templates/say.html")),
    ("matrix.html", include_str!("../templates/matrix.html")),
    ("finding.html", include_str!("../templates/finding.html")),
    ("parts/findings.html", include_str!("../templates/parts/findings.html")),
    ("parts/forests.html", include_str!("../templates/parts/forests.html")),
    ("parts/numbers.html", include_str!("../templates/parts/numbers.html")),
    ("parts/predictions.html", include_str!("../templates/parts/predictions.html")),
    ("parts/curves.html", include_str!("../templates/parts/curves.html")),
    ("parts/balance.html", include_str!("../templates/parts/balance.html")),
    ("parts/run.html", include_str!("../templates/parts/run.html")),
];

/// The page of a comparison.
pub(crate) fn comparison(record: &RunRecord) -> Result<String, ReportError> {
    fill("comparison.html", comparison::page(record))
}

/// The page of a training.
pub(crate) fn trained(record: &TrainRecord) -> Result<String, ReportError> {
    fill("trained.html", trained::page(record))
}

fn fill(template: &str, page: impl Serialize) -> Result<String, ReportError> {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment.get_template(template)?.render(Serde(page))?)
}

/// What was run, on what, and how to repeat it.
#[derive(Serialize)]
struct Run<'a> {
    torso: &'a str,
    /// Whether arms were compared, or one model was trained.
    is_comparison: bool,
    data: Data<'a>,
    /// What each arm is, in a sentence.
    about_arms: Vec<(&'a str, &'a str)>,
    /// The arm that others are compared with; empty without one.
    baseline: &'a str,
    options: &'a [(String, String)],
    command: &'a str,
    seconds: String,
    notes: &'a [String],
    n_notes: String,
}

impl<'a> Run<'a> {
    fn of_comparison(record: &'a RunRecord) -> Self {
        let about = |(arm, about): &'a (String, String)| (arm.as_str(), about.as_str());
        let baseline = record.comparison.arms.first();
        Self {
            torso: &record.torso,
            is_comparison: true,
            data: Data::new(&record.comparison.data),
            about_arms: record.about_arms.iter().map(about).collect(),
            baseline: baseline.map_or("", |arm| &arm.name),
            options: &record.options,
            command: &record.command,
            seconds: duration(record.comparison.seconds),
            notes: &record.notes,
            n_notes: counted(record.notes.len(), "note"),
        }
    }

    fn of_training(record: &'a TrainRecord) -> Self {
        Self {
            torso: &record.torso,
            is_comparison: false,
            data: Data::new(&record.data),
            about_arms: vec![(&record.method, &record.about)],
            baseline: "",
            options: &record.options,
            command: &record.command,
            seconds: duration(record.seconds),
            notes: &record.notes,
            n_notes: counted(record.notes.len(), "note"),
        }
    }
}

/// What was learned from.
#[derive(Serialize)]
struct Data<'a> {
    name: &'a str,
    /// The name, short enough for a title.
    short_name: String,
    rows: String,
    labeled_rows: String,
    n_features: String,
    features: &'a [String],
    /// How many features are not named.
    more_features: usize,
    blake3: &'a str,
}

impl<'a> Data<'a> {
    fn new(data: &'a DataSummary) -> Self {
        const MOST_FEATURES: usize = 200;
        let n_named = data.features.len().min(MOST_FEATURES);
        Self {
            name: &data.name,
            short_name: shortened(&data.name, 80),
            rows: counted(data.rows, "row"),
            labeled_rows: labeled_rows(data),
            n_features: counted(data.features.len(), "feature"),
            features: &data.features[..n_named],
            more_features: data.features.len() - n_named,
            blake3: &data.blake3,
        }
    }
}
