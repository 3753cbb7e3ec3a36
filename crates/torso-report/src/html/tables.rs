//! The page's tables: all numbers.

use serde::Serialize;
use torso_core::record::{ArmResult, Comparison, Interval, TaskResult, TaskSummary, Verdict};

use crate::chart::class;
use crate::number::{Digits, counted, p_value, three};
use crate::reading::{caution, counts, explained_variance, mean_gain, overall_gain, result};
use crate::unit::{self, Unit};

/// A row for each arm.
#[derive(Serialize)]
pub(super) struct Arms<'a> {
    has_explained_variance: bool,
    rows: Vec<Arm<'a>>,
}

#[derive(Serialize)]
struct Arm<'a> {
    name: &'a str,
    class: &'static str,
    word: &'static str,
    is_baseline: bool,
    overall: String,
    p: String,
    counts: String,
    mean_gain: String,
    mean_rank: String,
    explained_variance: String,
}

pub(super) fn arms(comparison: &Comparison) -> Arms<'_> {
    Arms {
        has_explained_variance: comparison.arms.iter().any(|a| explained_variance(a).is_some()),
        rows: comparison
            .arms
            .iter()
            .enumerate()
            .map(|(i, arm)| arm_row(comparison, i == 0, arm))
            .collect(),
    }
}

fn arm_row<'a>(comparison: &Comparison, is_baseline: bool, arm: &'a ArmResult) -> Arm<'a> {
    Arm {
        name: &arm.name,
        class: class(arm.overall.verdict),
        word: arm.overall.verdict.word(),
        is_baseline,
        overall: overall_gain(comparison, arm),
        p: p_value(arm.overall.p),
        counts: counts(arm),
        mean_gain: mean_gain(comparison, arm),
        mean_rank: three(arm.mean_rank),
        explained_variance: explained_variance(arm).unwrap_or_default(),
    }
}

/// A block of rows for each task.
#[derive(Serialize)]
pub(super) struct Tasks<'a> {
    has_auc: bool,
    n_columns: usize,
    blocks: Vec<Task<'a>>,
}

#[derive(Serialize)]
struct Task<'a> {
    name: &'a str,
    about: String,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    arm: &'a str,
    is_baseline: bool,
    score: String,
    auc: String,
    gain: String,
    range: String,
    percent: String,
    loss: String,
    df: String,
    p: String,
    p_holm: String,
    class: &'static str,
    word: &'static str,
    note: Option<&'static str>,
}

pub(super) fn tasks(comparison: &Comparison) -> Tasks<'_> {
    let mut results = comparison.arms.iter().flat_map(|arm| &arm.tasks);
    let has_auc = results.any(|result| result.auc.is_some());
    Tasks {
        has_auc,
        n_columns: if has_auc { 11 } else { 10 },
        blocks: comparison.tasks.iter().map(|task| block(comparison, task)).collect(),
    }
}

fn block<'a>(comparison: &'a Comparison, task: &'a TaskSummary) -> Task<'a> {
    let unit = Unit::of(comparison, task);
    let own = |arm: &'a ArmResult| Some((&arm.name, result(arm, &task.name)?));
    let results: Vec<(&String, &TaskResult)> = comparison.arms.iter().filter_map(own).collect();
    let losses: Vec<Interval> = results.iter().map(|(_, result)| loss_gain(result)).collect();
    let losses = Digits::of_intervals(&losses);
    let rows = results.into_iter().map(|(arm, result)| row(arm, &unit, losses, result));
    Task { name: &task.name, about: about(comparison, task, &unit), rows: rows.collect() }
}

/// `binary; 333 labels; error, lower is better; tested on log loss`.
fn about(comparison: &Comparison, task: &TaskSummary, unit: &Unit) -> String {
    let mut parts = vec![task.kind.clone(), counted(task.labels, "label")];
    if !task.classes.is_empty() {
        parts.push(format!("{} classes", task.classes.len()));
    }
    parts.push(format!("{}, {} is better", unit.metric, task.better));
    let tested = comparison.arms.first().and_then(|arm| result(arm, &task.name));
    parts.extend(tested.map(|result| format!("tested on {}", result.test.loss)));
    parts.join("; ")
}

fn loss_gain(result: &TaskResult) -> Interval {
    Interval { mean: result.test.mean, low: result.test.low, high: result.test.high }
}

fn row<'a>(arm: &'a str, unit: &Unit, losses: Digits, result: &TaskResult) -> Row<'a> {
    let test = &result.test;
    Row {
        arm,
        is_baseline: result.verdict == Verdict::Baseline,
        score: unit.score(result.score),
        auc: result.auc.filter(|auc| auc.is_finite()).map_or(String::new(), |a| format!("{a:.3}")),
        gain: format!("{}{}", unit.gain(result), unit.gain_suffix),
        range: unit.range(result),
        percent: unit::percent(result.gain_percent),
        loss: losses.estimate(loss_gain(result), ""),
        df: three(test.df),
        p: p_value(test.p),
        p_holm: p_value(test.p_holm),
        class: class(result.verdict),
        word: result.verdict.word(),
        note: caution(result),
    }
}
