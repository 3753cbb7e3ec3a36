//! The page of one trained model.

use std::collections::BTreeSet;

use serde::Serialize;
use torso_core::record::{Interval, TaskSummary, TrainRecord, TrainedTask};

use super::{Run, balance, findings, pictures, predictions};
use crate::chart::{self, gains};
use crate::number::{Digits, counted};
use crate::reading::{MOST_TASKS_ONE_BY_ONE, shortened};
use crate::trained::{Beside, Row, gain_over_constant, rows};
use crate::words::{self, TrainedWords};

/// All that the page shows. Pictures are finished SVG; everything else is escaped by the template.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    method: String,
    words: TrainedWords,
    legend: Vec<(String, &'static str)>,
    panels: Vec<pictures::Panel<'a>>,
    tasks: Vec<Row<'a>>,
    n_tasks: String,
    has_auc: bool,
    has_many_tasks: bool,
    has_test: bool,
    /// What saw no test rows.
    before_testing: &'static str,
    learned: Option<findings::Learned<'a>>,
    predictions: Option<predictions::Predictions<'a>>,
    curves: Option<pictures::Curves<'a>>,
    balance: Vec<balance::Arm<'a>>,
    run: Run<'a>,
}

pub(super) fn page(record: &TrainRecord) -> Page<'_> {
    let tasks: Vec<TaskSummary> = record.tasks.iter().map(|task| task.task.clone()).collect();
    let names: Vec<&str> = record.tasks.iter().map(|task| task.task.name.as_str()).collect();
    let has_many_tasks = tasks.len() > MOST_TASKS_ONE_BY_ONE;
    let gains = if has_many_tasks { Vec::new() } else { gains(record) };
    Page {
        method: shortened(&record.method, pictures::MOST_LETTERS),
        words: words::trained(record),
        legend: legend(&gains),
        panels: panel(&gains).into_iter().collect(),
        tasks: rows(record),
        n_tasks: counted(tasks.len(), "task"),
        has_auc: record.tasks.iter().any(|task| task.auc.is_some()),
        has_many_tasks,
        has_test: record.tasks.iter().any(|task| task.score.is_some()),
        before_testing: match record.epochs {
            0 => "Preprocessing and the choice of parameters",
            _ => "Preprocessing, tuning and early stopping",
        },
        learned: findings::of_training(record),
        predictions: predictions::of_training(record),
        curves: pictures::curves(&[&record.method], &names, &record.curves),
        balance: balance::arms(&tasks, &record.balance),
        run: Run::of_training(record),
    }
}

/// A task, and its gain in percent of the constant's score.
type Gain<'a> = (&'a TrainedTask, Interval);

/// The tasks whose gain can be told.
fn gains(record: &TrainRecord) -> Vec<Gain<'_>> {
    record.tasks.iter().filter_map(|task| Some((task, gain_over_constant(task)?))).collect()
}

fn legend(gains: &[Gain]) -> Vec<(String, &'static str)> {
    let said: BTreeSet<Beside> = gains.iter().map(|(task, _)| Beside::of(task)).collect();
    said.into_iter().map(|beside| (chart::key(beside.mark()), beside.word())).collect()
}

fn panel<'a>(tasks: &[Gain<'a>]) -> Option<pictures::Panel<'a>> {
    if tasks.is_empty() {
        return None;
    }
    let digits = Digits::of_intervals(&tasks.iter().map(|(_, gain)| *gain).collect::<Vec<_>>());
    let drawn = |(task, gain): &Gain| gains::Gain {
        values: [gain.mean, gain.low, gain.high],
        verdict: Beside::of(task).mark(),
        title: format!(
            "{}: gain {}, {}, {}",
            shortened(&task.task.name, pictures::MOST_LETTERS),
            digits.estimate(*gain, "%"),
            Beside::of(task).word(),
            counted(task.n_test, "test label"),
        ),
    };
    let drawn: Vec<gains::Gain> = tasks.iter().map(drawn).collect();
    let forest = gains::Forest::new(&drawn);
    let row = |((task, gain), drawn): (&Gain<'a>, &gains::Gain)| pictures::Row {
        name: &task.task.name,
        picture: forest.row(drawn),
        gain: digits.estimate(*gain, "%"),
        class: chart::class(drawn.verdict),
        word: Beside::of(task).word(),
        note: None,
    };
    Some(pictures::Panel {
        task: None,
        about: counted(tasks.iter().map(|(task, _)| task.n_test).sum(), "test label"),
        axis: "Gain in percent of the constant’s score".to_string(),
        rows: tasks.iter().zip(&drawn).map(row).collect(),
        axis_picture: forest.axis("better than a constant →"),
    })
}
