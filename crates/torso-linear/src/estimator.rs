//! A linear method as an estimator: columns, the choice of open parameters, the fit, the model.

use serde_json::{Map, Value};
use torso_core::data::{TaskData, TaskKind};
use torso_core::estimator::{Estimator, FitError, Model, Problem, Trace};

use crate::cross_validation::{FitFailure, choose};
use crate::design::{LearningSet, Source};
use crate::majorize::fit;
use crate::method::{LinearEntry, LinearMethod, Names, Sees, SettingError};
use crate::model::LinearModel;
use crate::settings::FitSettings;
use crate::solution::Effort;

/// A linear method with its settings.
pub struct Linear {
    id: &'static str,
    method: Box<dyn LinearMethod>,
    settings: FitSettings,
}

impl Linear {
    /// Makes the method `entry` from its own parameters and those of all linear methods.
    pub fn new(
        entry: &LinearEntry,
        own: &Map<String, Value>,
        settings: FitSettings,
    ) -> Result<Self, SettingError> {
        Ok(Self { id: entry.method.id, method: (entry.build)(own)?, settings })
    }
}

impl Estimator for Linear {
    fn id(&self) -> String {
        self.id.to_string()
    }

    fn check(&self, data: &TaskData) -> Result<(), FitError> {
        if self.method.sees() == Sees::Labels
            && let Some(task) = data.tasks().iter().find(|t| t.kind == TaskKind::Regression)
        {
            let why = format!("learns classes only, and `{}` is a number", task.name);
            return Err(FitError::Unsuitable { method: self.id.to_string(), why });
        }
        self.method.check(data).map_err(|error| FitFailure::Refused(error).of(self.id))
    }

    /// Learns from the training and the validation rows: cross-validation among both takes the
    /// place of a validation part.
    fn fit(&self, problem: &Problem) -> Result<Box<dyn Model>, FitError> {
        let mut rows = [problem.train, problem.validation].concat();
        rows.sort_unstable();
        let source = Source::new(problem, &self.settings, self.method.sees(), &rows);
        let chosen = choose(&*self.method, &source, &rows, problem.seed, problem.journal)
            .map_err(|failure| failure.of(self.id))?;
        let set = source.learning_set(&rows);
        let effort =
            Effort { tolerance: self.settings.tolerance, iterations: self.settings.iterations };
        let fitted =
            fit(&set, &*chosen.method, self.settings.intercept, None, effort, problem.seed)
                .map_err(|error| FitFailure::Refused(error).of(self.id))?;
        let names = names(&source);
        let mut findings: Vec<_> = chosen.path.into_iter().collect();
        findings.extend(chosen.method.findings(&fitted.solution, &names));
        let trace = Trace {
            settings: chosen.method.settings(),
            notes: chosen.note.into_iter().chain(notes(&set)).collect(),
            status: fitted.solution.status,
            certificate: Some(fitted.certificate),
            findings,
            ..Trace::default()
        };
        let new_task = chosen.method.new_task(&fitted.solution);
        Ok(Box::new(LinearModel::new(&source, &fitted, new_task, trace)))
    }
}

fn names(source: &Source) -> Names {
    let mut features = source.design.names().to_vec();
    if source.appends_ones() {
        features.push("intercept".to_string());
    }
    let tasks = source.columns.iter().map(|column| column.name.clone()).collect();
    Names { features, tasks }
}

/// What the user should know of the labels.
fn notes(set: &LearningSet) -> Vec<String> {
    let note = |column: &crate::design::LearningColumn| {
        column.constant.map(|_| {
            let why = if column.y.is_empty() { "no label" } else { "labels of one class only" };
            format!("`{}` has {why} to learn from: its prediction is a constant", column.name)
        })
    };
    set.columns.iter().filter_map(note).collect()
}

#[cfg(test)]
mod tests;
