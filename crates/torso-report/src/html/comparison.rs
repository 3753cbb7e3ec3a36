//! The page of a comparison.

use serde::Serialize;
use torso_core::record::RunRecord;

use super::{Run, balance, findings, pictures, predictions, ranks, tables};
use crate::chart;
use crate::number::counted;
use crate::reading::{MOST_TASKS_ONE_BY_ONE, others};
use crate::words::{self, Words};

/// All that the page shows. Pictures are finished SVG; everything else is escaped by the template.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    words: Words,
    legend: Vec<(String, &'static str)>,
    panels: Vec<pictures::Panel<'a>>,
    caterpillars: Option<pictures::Caterpillars<'a>>,
    arms: tables::Arms<'a>,
    tasks: tables::Tasks<'a>,
    has_many_tasks: bool,
    ranks: Option<ranks::Ranks>,
    why_no_ranks: Option<&'static str>,
    learned: Option<findings::Learned<'a>>,
    predictions: Option<predictions::Predictions<'a>>,
    why_no_predictions: Option<&'static str>,
    curves: Option<pictures::Curves<'a>>,
    balance: Vec<balance::Arm<'a>>,
    design: Design,
    run: Run<'a>,
}

/// How the figures came about, counted.
#[derive(Serialize)]
struct Design {
    repeats: String,
    folds: usize,
    rows: String,
    tasks: String,
    n_others: usize,
}

pub(super) fn page(record: &RunRecord) -> Page<'_> {
    let comparison = &record.comparison;
    let n_tasks = comparison.tasks.len();
    let has_many_tasks = n_tasks > MOST_TASKS_ONE_BY_ONE;
    let panels = if has_many_tasks { Vec::new() } else { pictures::task_panels(comparison) };
    let arms: Vec<&str> = comparison.arms.iter().map(|arm| arm.name.as_str()).collect();
    let tasks: Vec<&str> = comparison.tasks.iter().map(|task| task.name.as_str()).collect();
    Page {
        words: words::words(record),
        legend: chart::legend(comparison),
        panels: panels.into_iter().chain(pictures::overall_panel(comparison)).collect(),
        caterpillars: has_many_tasks.then(|| pictures::caterpillars(comparison)).flatten(),
        arms: tables::arms(comparison),
        tasks: tables::tasks(comparison),
        has_many_tasks,
        ranks: ranks::ranks(record),
        why_no_ranks: words::why_no_ranks(record),
        learned: findings::of_comparison(record),
        predictions: predictions::of_comparison(record),
        why_no_predictions: predictions::why_none(record),
        curves: pictures::curves(&arms, &tasks, &record.curves),
        balance: balance::arms(&comparison.tasks, &record.balance),
        design: Design {
            repeats: counted(comparison.seeds, "repeat"),
            folds: comparison.folds,
            rows: counted(comparison.data.labeled_rows, "labeled row"),
            tasks: counted(n_tasks, "task"),
            n_others: others(comparison).len(),
        },
        run: Run::of_comparison(record),
    }
}
