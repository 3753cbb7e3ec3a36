//! A model's predictions for the rows of a chunk, by output column.

use std::collections::BTreeMap;
use std::path::Path;

use torso_core::data::{TaskKind, row_index};
use torso_data::{Chunk, Schema, UnseenLevels};
use torso_study::saved::{SavedLayout, SavedModel};

use crate::error::{CliError, Kind};
use crate::output::printable;

/// So many rows are predicted at once: they stay in the second-level cache, and many columns take
/// no more memory than few.
pub(crate) fn chunk_rows(schema: &Schema) -> usize {
    ((1 << 17) / schema.width().max(1)).clamp(64, 1024)
}

/// A model, ready to predict.
pub(crate) struct Forecaster<'a> {
    saved: &'a SavedModel,
    /// The task of each group, where the tasks are groups.
    groups: Option<BTreeMap<&'a str, usize>>,
}

/// What is predicted in one column of the output: a task, or the target that groups share.
pub(crate) struct Target<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a TaskKind,
}

/// Predictions for the rows of a chunk.
pub(crate) struct Forecast {
    /// For each target `[rows, kind's width]`; `NaN` in rows without a task.
    pub(crate) values: Vec<Vec<f64>>,
    /// The task of each row, where the tasks are groups.
    pub(crate) tasks: Option<Vec<Option<usize>>>,
    /// What became of rows of other groups.
    pub(crate) others: Others,
}

/// Rows of groups that a model does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Others {
    /// Not predicted.
    #[default]
    Skipped,
    /// Predicted with the mean of the tasks.
    AsMean,
}

impl Forecast {
    /// Whether a row was predicted.
    pub(crate) fn has(&self, row: usize) -> bool {
        let is_known = self.tasks.as_ref().is_none_or(|tasks| tasks[row].is_some());
        is_known || self.others == Others::AsMean
    }
}

impl<'a> Forecaster<'a> {
    pub(crate) fn new(saved: &'a SavedModel) -> Self {
        let groups = match saved.card.layout {
            SavedLayout::Columns => None,
            SavedLayout::Groups { .. } => {
                let names = saved.card.tasks.iter().map(|task| task.name.as_str());
                Some(names.zip(0..).collect())
            }
        };
        Self { saved, groups }
    }

    /// The column that names each row's group, where the tasks are groups.
    pub(crate) fn group_column(&self) -> Option<&'a str> {
        match &self.saved.card.layout {
            SavedLayout::Columns => None,
            SavedLayout::Groups { group, .. } => Some(group),
        }
    }

    /// What is predicted.
    pub(crate) fn targets(&self) -> Vec<Target<'a>> {
        let tasks = &self.saved.card.tasks;
        match &self.saved.card.layout {
            SavedLayout::Columns => {
                tasks.iter().map(|task| Target { name: &task.name, kind: &task.kind }).collect()
            }
            SavedLayout::Groups { target, .. } => {
                tasks.iter().take(1).map(|task| Target { name: target, kind: &task.kind }).collect()
            }
        }
    }

    /// Predicts all rows; `group` is the text of the chunk that names their groups.
    pub(crate) fn predict(&self, chunk: &Chunk, group: usize) -> Forecast {
        let n_tasks = self.saved.card.tasks.len();
        match &self.groups {
            None => {
                let rows: Vec<u32> = (0..row_index(chunk.n_rows())).collect();
                let values = self.saved.model.predict_all(&chunk.design, n_tasks, &rows);
                Forecast { values, tasks: None, others: Others::Skipped }
            }
            Some(groups) => {
                let task = |row| groups.get(chunk.text(group, row)).copied();
                let tasks: Vec<Option<usize>> = (0..chunk.n_rows()).map(task).collect();
                let (values, others) = self.predict_groups(chunk, &tasks);
                Forecast { values: vec![values], tasks: Some(tasks), others }
            }
        }
    }

    fn predict_groups(&self, chunk: &Chunk, tasks: &[Option<usize>]) -> (Vec<f64>, Others) {
        let mut rows_of: BTreeMap<Option<usize>, Vec<u32>> = BTreeMap::new();
        for (row, task) in tasks.iter().enumerate() {
            rows_of.entry(*task).or_default().push(row_index(row));
        }
        let width = self.saved.card.tasks.first().map_or(1, |task| task.kind.width());
        let mut values = vec![f64::NAN; tasks.len() * width];
        let mut others = Others::Skipped;
        for (task, rows) in rows_of {
            let predictions = match task {
                Some(task) => Some(self.saved.model.predict(&chunk.design, task, &rows)),
                None => self.saved.model.predict_new_task(&chunk.design, &rows),
            };
            let Some(predictions) = predictions else { continue };
            if task.is_none() {
                others = Others::AsMean;
            }
            for (row, prediction) in rows.into_iter().zip(predictions.chunks_exact(width)) {
                values[row as usize * width..][..width].copy_from_slice(prediction);
            }
        }
        (values, others)
    }
}

/// Reads a model: a file, or that in a run directory.
pub(crate) fn read_model(path: &Path) -> Result<SavedModel, CliError> {
    const NAME: &str = "model.safetensors";
    let file = if path.is_dir() { path.join(NAME) } else { path.to_path_buf() };
    SavedModel::read(&file).map_err(|error| {
        let hint = if path.is_dir() && !file.exists() {
            "this directory has no trained model yet: `torso train --out DIR` makes one"
        } else {
            "give the directory that was named with `torso train --out DIR`, or its \
             model.safetensors"
        };
        CliError::new(Kind::Data, error.to_string()).place(file.display().to_string()).hint(hint)
    })
}

/// What the user should know about the rows that were read.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    /// Rows whose group the model does not know, or that name none.
    pub(crate) unknown_groups: u64,
    /// What became of these.
    others: Others,
    /// The first few of these groups.
    examples: Vec<String>,
    /// Predictions that are no finite numbers.
    pub(crate) not_finite: u64,
    /// By column.
    unseen: BTreeMap<String, UnseenLevels>,
}

impl Tally {
    /// So many groups are told as examples.
    const EXAMPLES: usize = 3;

    /// What a chunk shows; `group` is its text that names the groups.
    pub(crate) fn of(chunk: &mut Chunk, forecast: &Forecast, group: usize) -> Self {
        let unknown = forecast.tasks.iter().flat_map(|tasks| {
            tasks.iter().enumerate().filter(|(_, task)| task.is_none()).map(|(row, _)| row)
        });
        let (mut unknown_groups, mut examples) = (0, Vec::new());
        for row in unknown {
            unknown_groups += 1;
            add_example(&mut examples, chunk.text(group, row));
        }
        let bad = |values: &Vec<f64>| {
            let width = values.len() / chunk.n_rows().max(1);
            let rows = values.chunks_exact(width.max(1)).enumerate();
            let bad = rows.filter(|(row, values)| {
                forecast.has(*row) && values.iter().any(|value| !value.is_finite())
            });
            bad.count()
        };
        let not_finite = forecast.values.iter().map(bad).sum::<usize>();
        let unseen = std::mem::take(&mut chunk.unseen);
        Self {
            rows: chunk.n_rows() as u64,
            unknown_groups,
            others: forecast.others,
            examples,
            not_finite: not_finite as u64,
            unseen: unseen.into_iter().map(|levels| (levels.column.clone(), levels)).collect(),
        }
    }

    /// Adds what was found in later rows.
    pub(crate) fn add(&mut self, later: Self) {
        self.rows += later.rows;
        if later.unknown_groups > 0 {
            self.others = later.others;
        }
        self.unknown_groups += later.unknown_groups;
        for name in later.examples {
            add_example(&mut self.examples, &name);
        }
        self.not_finite += later.not_finite;
        for (column, levels) in later.unseen {
            match self.unseen.get_mut(&column) {
                Some(before) => before.cells += levels.cells,
                None => _ = self.unseen.insert(column, levels),
            }
        }
    }

    /// In sentences, each fit for a line.
    pub(crate) fn notes(&self, group_column: Option<&str>) -> Vec<String> {
        let mut notes: Vec<String> = self
            .unseen
            .values()
            .map(|UnseenLevels { column, cells, example }| {
                let cells = counted(*cells, "cell");
                let short: String = example.chars().take(60).collect();
                let more = if short.len() < example.len() { "..." } else { "" };
                format!(
                    "`{column}`: {cells} with a level that training rows did not show, such as \
                     `{short}{more}`"
                )
            })
            .collect();
        if self.unknown_groups > 0 {
            let column = group_column.unwrap_or_default();
            let rows = counted(self.unknown_groups, "row");
            notes.push(match (self.others, self.examples.as_slice()) {
                (Others::Skipped, _) => {
                    format!("{rows} without a `{column}` that the model knows: not predicted")
                }
                (Others::AsMean, examples) => format!(
                    "{rows} without a `{column}` that the model knows{}: predicted with the mean \
                     of its tasks",
                    such_as(examples)
                ),
            });
        }
        if self.not_finite > 0 {
            let predictions = counted(self.not_finite, "prediction");
            notes.push(format!("{predictions} not finite: the features are far from all seen"));
        }
        notes.iter().map(|note| printable(note)).collect()
    }

    /// For a JSON object.
    pub(crate) fn unseen_levels(&self) -> serde_json::Value {
        let object = |levels: &UnseenLevels| {
            serde_json::json!({
                "column": levels.column, "cells": levels.cells, "example": levels.example,
            })
        };
        self.unseen.values().map(object).collect()
    }
}

/// Adds a name to the examples, if it is new and there is room; no name is none.
fn add_example(examples: &mut Vec<String>, name: &str) {
    let is_new = || !name.is_empty() && examples.iter().all(|known| known != name);
    if examples.len() < Tally::EXAMPLES && is_new() {
        examples.push(name.to_string());
    }
}

fn such_as(examples: &[String]) -> String {
    let short = |name: &String| format!("`{}`", name.chars().take(60).collect::<String>());
    match examples.iter().map(short).collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        [one] => format!(", such as {one}"),
        [first @ .., last] => format!(", such as {} and {last}", first.join(", ")),
    }
}

fn counted(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// The cores of the machine, or as many threads as were asked for.
pub(crate) fn threads(asked: Option<u32>) -> usize {
    asked.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        |threads| threads as usize,
    )
}
