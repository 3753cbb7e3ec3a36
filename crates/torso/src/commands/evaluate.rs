//! `torso evaluate`: how good a trained model is on a table with labels.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use torso_core::data::TaskKind;
use torso_core::record::Interval;
use torso_core::seed::Seed;
use torso_data::{Block, LabelFile, Schema, Stream, TableError, UnknownClass, file_hash};
use torso_study::evaluate::{TaskScores, evaluate};
use torso_study::saved::{SavedLayout, SavedModel};

use super::predict::forecast::{Forecaster, Tally, chunk_rows, read_model, threads};
use super::predict::open;
use super::predict::pipeline::{Flow, in_order};
use crate::cli::EvaluateArgs;
use crate::error::{CliError, Kind};
use crate::output::{aligned, tell};

/// The form of the JSON object.
const SCHEMA: &str = "torso.evaluate/1";

pub(crate) fn run(options: &EvaluateArgs) -> Result<String, CliError> {
    let saved = read_model(&options.model)?;
    let forecaster = Forecaster::new(&saved);
    let labels: Vec<LabelFile> = options.labels.iter().map(|labels| labels.0.clone()).collect();
    let stream = open(&options.data, &options.stream, labels.clone(), &saved)?;
    let file = stream.file().to_string();
    let labeled = labeled_targets(&forecaster, &stream)?;
    let mut texts: Vec<String> = labeled.iter().map(|(_, name)| name.clone()).collect();
    texts.extend(forecaster.group_column().map(String::from));
    let schema = Schema::new(&saved.card.preprocessor, &texts, &stream)?;

    let job = Job { forecaster: &forecaster, schema: &schema, labeled: &labeled, saved: &saved };
    let mut scored = Scored::new(&saved);
    let take = |block: Scored| {
        scored.add(block);
        Ok(Flow::Continue)
    };
    in_order(stream, threads(options.stream.threads), |block| job.score(block), take)?;
    scored.check(&saved, &file)?;

    for note in scored.tally.notes(forecaster.group_column()) {
        tell(&format!("note: {note}"));
    }
    if file_hash(&options.data, &labels).is_ok_and(|hash| hash == saved.card.blake3) {
        tell("note: the model learned from rows of this very table: these scores are too good");
    }
    let outcome = Outcome::new(&saved, &scored, Seed(options.seed));
    if options.json {
        return Ok(format!("{}\n", outcome.json(&file, &scored.tally)));
    }
    Ok(outcome.text(&file, scored.tally.rows))
}

/// The targets whose labels are in the table: their position and name.
fn labeled_targets(
    forecaster: &Forecaster,
    stream: &Stream,
) -> Result<Vec<(usize, String)>, CliError> {
    let header = stream.header();
    let names: Vec<String> =
        forecaster.targets().iter().map(|target| target.name.to_string()).collect();
    let labeled: Vec<(usize, String)> =
        names.iter().cloned().enumerate().filter(|(_, name)| header.contains(name)).collect();
    if labeled.is_empty() {
        let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("expected labels in a column of {names}, found none of them");
        let hint = match stream.image() {
            Some(_) => "name files of labels with --labels NAME=FILE",
            None => "`torso predict` needs no labels",
        };
        return Err(CliError::new(Kind::Data, message).hint(hint));
    }
    Ok(labeled)
}

/// What is done with each block.
struct Job<'a> {
    forecaster: &'a Forecaster<'a>,
    schema: &'a Schema,
    labeled: &'a [(usize, String)],
    saved: &'a SavedModel,
}

/// Predictions of each task beside their labels, in the order of the table.
struct Scored {
    tasks: Vec<Pairs>,
    /// Of groups that the model does not know, where it predicts them all the same.
    others: Pairs,
    unknown: BTreeMap<(usize, String), UnknownClass>,
    tally: Tally,
}

#[derive(Default)]
struct Pairs {
    predictions: Vec<f64>,
    labels: Vec<f64>,
}

impl Pairs {
    fn add(&mut self, later: Self) {
        self.predictions.extend(later.predictions);
        self.labels.extend(later.labels);
    }
}

impl Job<'_> {
    fn score(&self, block: &Block) -> Result<Scored, CliError> {
        let mut scored = Scored::new(self.saved);
        let targets = self.forecaster.targets();
        let mut rows = self.schema.rows(block);
        while let Some(mut chunk) = rows.next_chunk(chunk_rows(self.schema))? {
            let forecast = self.forecaster.predict(&chunk, self.labeled.len());
            for (text, (target, _)) in self.labeled.iter().enumerate() {
                let kind = targets[*target].kind;
                let labels = self.schema.labels(kind, text, &chunk, block)?;
                let unknown = labels.unknown.into_iter();
                scored.add_unknown(unknown.map(|(class, at)| ((*target, class), at)).collect());
                let predictions = forecast.values[*target].chunks_exact(kind.width());
                for (row, (label, prediction)) in labels.values.iter().zip(predictions).enumerate()
                {
                    if label.is_nan() || !forecast.has(row) {
                        continue;
                    }
                    let task = forecast.tasks.as_ref().map_or(Some(*target), |tasks| tasks[row]);
                    let pairs = match task {
                        Some(task) => &mut scored.tasks[task],
                        None => &mut scored.others,
                    };
                    pairs.predictions.extend_from_slice(prediction);
                    pairs.labels.push(*label);
                }
            }
            scored.tally.add(Tally::of(&mut chunk, &forecast, self.labeled.len()));
        }
        Ok(scored)
    }
}

impl Scored {
    fn new(saved: &SavedModel) -> Self {
        let tasks = saved.card.tasks.iter().map(|_| Pairs::default()).collect();
        let others = Pairs::default();
        Self { tasks, others, unknown: BTreeMap::new(), tally: Tally::default() }
    }

    /// Adds what was found in later rows.
    fn add(&mut self, later: Self) {
        self.others.add(later.others);
        self.tasks.iter_mut().zip(later.tasks).for_each(|(task, later)| task.add(later));
        self.add_unknown(later.unknown);
        self.tally.add(later.tally);
    }

    fn add_unknown(&mut self, later: BTreeMap<(usize, String), UnknownClass>) {
        for (class, at) in later {
            match self.unknown.get_mut(&class) {
                Some(before) => before.cells += at.cells,
                None => _ = self.unknown.insert(class, at),
            }
        }
    }

    /// Refuses labels that name no class, the first target's first, and a table without labels.
    fn check(&self, saved: &SavedModel, file: &str) -> Result<(), CliError> {
        if let Some(((target, _), _)) = self.unknown.first_key_value() {
            let of_target = || self.unknown.iter().filter(|((other, _), _)| other == target);
            let first = of_target().min_by_key(|(_, at)| at.place.line);
            if let Some((_, at)) = first {
                return Err(CliError::from(TableError::UnknownClasses {
                    place: at.place.clone(),
                    found: of_target().map(|((_, class), _)| class.clone()).collect(),
                    known: saved.card.tasks[*target].kind.classes().to_vec(),
                }));
            }
        }
        if self.tasks.iter().chain([&self.others]).all(|task| task.labels.is_empty()) {
            let message = "expected labels, found only missing cells";
            return Err(CliError::new(Kind::Data, message)
                .place(file)
                .hint("`torso predict` needs no labels"));
        }
        Ok(())
    }
}

/// The scores of all tasks.
struct Outcome<'a> {
    saved: &'a SavedModel,
    tasks: Vec<Option<TaskScores>>,
    /// Over the rows of groups that the model does not know but predicts.
    others: Option<TaskScores>,
    /// Over the rows of all groups that are predicted.
    overall: Option<TaskScores>,
}

impl<'a> Outcome<'a> {
    fn new(saved: &'a SavedModel, scored: &Scored, seed: Seed) -> Self {
        let score = |kind: &TaskKind, pairs: &Pairs| {
            evaluate(kind, &pairs.predictions, &pairs.labels, seed)
        };
        let tasks = saved.card.tasks.iter().zip(&scored.tasks);
        let tasks = tasks.map(|(task, pairs)| score(&task.kind, pairs)).collect();
        let (others, overall) = match (&saved.card.layout, saved.card.tasks.first()) {
            (SavedLayout::Groups { .. }, Some(first)) => {
                let all = |of: fn(&Pairs) -> &Vec<f64>| {
                    scored.tasks.iter().chain([&scored.others]).flat_map(of).copied().collect()
                };
                let (predictions, labels) = (all(|p| &p.predictions), all(|p| &p.labels));
                let overall = score(&first.kind, &Pairs { predictions, labels });
                (score(&first.kind, &scored.others), overall)
            }
            _ => (None, None),
        };
        Self { saved, tasks, others, overall }
    }

    fn json(&self, file: &str, tally: &Tally) -> Value {
        let tasks = self.saved.card.tasks.iter().zip(&self.tasks);
        let tasks: Vec<Value> = tasks
            .map(|(task, scores)| {
                let mut object = json!({ "name": task.name, "kind": task.kind.name() });
                merge(&mut object, score_json(scores.as_ref()));
                object
            })
            .collect();
        json!({
            "schema": SCHEMA,
            "method": self.saved.card.method,
            "data": { "file": file, "rows": tally.rows },
            "tasks": tasks,
            "overall": self.overall.as_ref().map(|scores| score_json(Some(scores))),
            "others": self.others.as_ref().map(|scores| score_json(Some(scores))),
            "unknown_groups": tally.unknown_groups,
            "unseen_levels": tally.unseen_levels(),
        })
    }

    fn text(&self, file: &str, rows: u64) -> String {
        let header = ["task", "labels", "metric", "score", "95% interval", "AUC"];
        let mut lines = vec![header.map(String::from).to_vec()];
        for (task, scores) in self.saved.card.tasks.iter().zip(&self.tasks) {
            lines.push(row(&task.name, scores.as_ref()));
        }
        if self.others.is_some() {
            lines.push(row("other groups", self.others.as_ref()));
        }
        if self.overall.is_some() {
            lines.push(row("all groups", self.overall.as_ref()));
        }
        format!("{file}: {rows} rows, {}\n{}", self.saved.card.method, aligned("  ", lines))
    }
}

fn merge(object: &mut Value, other: Value) {
    if let (Some(object), Value::Object(other)) = (object.as_object_mut(), other) {
        object.extend(other);
    }
}

fn score_json(scores: Option<&TaskScores>) -> Value {
    let Some(scores) = scores else { return json!({ "n": 0, "score": null }) };
    let interval = |interval: &Interval| json!({ "mean": interval.mean, "low": interval.low, "high": interval.high });
    json!({
        "n": scores.n,
        "metric": scores.metric.name(),
        "better": "lower",
        "score": interval(&scores.score),
        "auc": scores.auc.as_ref().map(interval),
        "loss": scores.loss,
    })
}

fn row(name: &str, scores: Option<&TaskScores>) -> Vec<String> {
    let Some(scores) = scores else { return vec![name.to_string(), "0".to_string()] };
    let interval =
        |interval: &Interval| format!("{} to {}", short(interval.low), short(interval.high));
    let auc = |auc: &Interval| format!("{} ({})", short(auc.mean), interval(auc));
    vec![
        name.to_string(),
        scores.n.to_string(),
        scores.metric.name().to_string(),
        short(scores.score.mean),
        interval(&scores.score),
        scores.auc.as_ref().map(auc).unwrap_or_default(),
    ]
}

/// Four significant digits.
fn short(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-4 {
        return format!("{value:.3e}");
    }
    let digits = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few digits")]
    let decimals = (3.0 - digits).max(0.0) as usize;
    format!("{value:.decimals$}")
}
