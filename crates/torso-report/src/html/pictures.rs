//! The page's pictures, with the words around them.

use serde::Serialize;
use torso_core::record::{ArmResult, Comparison, Curve, TaskResult, TaskSummary};

use crate::chart::{self, caterpillar, curves as lines, gains};
use crate::number::{counted, p_sentence};
use crate::reading::{
    MOST_TASKS_ONE_BY_ONE, caution, counts, others, overall_gain, result, shortened,
};
use crate::unit::Unit;

/// Which way the gains of a comparison are better.
const BETTER: &str = "better than alone →";
/// The most letters of a name in a picture's words.
pub(super) const MOST_LETTERS: usize = 60;

/// A forest plot: the gains of all arms in one task, or in all together; or of a model in all tasks.
#[derive(Serialize)]
pub(super) struct Panel<'a> {
    /// The task; none for all together.
    pub task: Option<String>,
    pub about: String,
    pub axis: String,
    pub rows: Vec<Row<'a>>,
    pub axis_picture: String,
}

/// One arm, or task, of a panel.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    pub name: &'a str,
    pub picture: String,
    pub gain: String,
    pub class: &'static str,
    pub word: &'static str,
    pub note: Option<&'static str>,
}

/// A panel for each task; none where only the baseline was learned.
pub(super) fn task_panels(comparison: &Comparison) -> Vec<Panel<'_>> {
    let tasks = comparison.tasks.iter().filter(|_| !others(comparison).is_empty());
    tasks.map(|task| task_panel(comparison, task)).collect()
}

fn task_panel<'a>(comparison: &'a Comparison, task: &'a TaskSummary) -> Panel<'a> {
    let unit = Unit::of(comparison, task);
    let results: Vec<(&ArmResult, &TaskResult)> =
        others(comparison).iter().filter_map(|arm| Some((arm, result(arm, &task.name)?))).collect();
    let gains: Vec<gains::Gain> =
        results.iter().map(|(arm, result)| gain(&unit, &arm.name, result)).collect();
    let forest = gains::Forest::new(&gains);
    let row = |((arm, result), gain): (&(&'a ArmResult, &TaskResult), &gains::Gain)| Row {
        name: &arm.name,
        picture: forest.row(gain),
        gain: unit.gain_with_range(result),
        class: chart::class(result.verdict),
        word: result.verdict.word(),
        note: caution(result),
    };
    Panel {
        task: Some(shortened(&task.name, MOST_LETTERS)),
        about: about(comparison, task, &unit),
        axis: format!("Gain in {}", unit.axis),
        rows: results.iter().zip(&gains).map(row).collect(),
        axis_picture: forest.axis(BETTER),
    }
}

/// `binary, 333 labels; alone: error 11.7%`.
fn about(comparison: &Comparison, task: &TaskSummary, unit: &Unit) -> String {
    let kind = &task.kind;
    let labels = counted(task.labels, "label");
    let alone = comparison.arms.first().and_then(|arm| result(arm, &task.name));
    match alone {
        Some(alone) => {
            format!("{kind}, {labels}; alone: {} {}", unit.metric, unit.score(alone.score))
        }
        None => format!("{kind}, {labels}"),
    }
}

fn gain(unit: &Unit, name: &str, result: &TaskResult) -> gains::Gain {
    gains::Gain {
        values: [result.gain, result.low, result.high].map(|value| value * unit.factor),
        verdict: result.verdict,
        title: format!(
            "{}: gain {}, {}, {} after Holm",
            shortened(name, MOST_LETTERS),
            unit.gain_with_range(result),
            result.verdict.word(),
            p_sentence(result.test.p_holm),
        ),
    }
}

/// The gains over all tasks, in loss.
pub(super) fn overall_panel(comparison: &Comparison) -> Option<Panel<'_>> {
    let arms = others(comparison);
    if arms.is_empty() {
        return None;
    }
    let gain = |arm: &ArmResult| gains::Gain {
        values: [arm.overall.loss_gain, arm.overall.low, arm.overall.high],
        verdict: arm.overall.verdict,
        title: format!(
            "{}: gain {}, {}, {}",
            shortened(&arm.name, MOST_LETTERS),
            overall_gain(comparison, arm),
            arm.overall.verdict.word(),
            p_sentence(arm.overall.p)
        ),
    };
    let gains: Vec<gains::Gain> = arms.iter().map(gain).collect();
    let forest = gains::Forest::new(&gains);
    let rows = arms.iter().zip(&gains).map(|(arm, gain)| Row {
        name: &arm.name,
        picture: forest.row(gain),
        gain: overall_gain(comparison, arm),
        class: chart::class(arm.overall.verdict),
        word: arm.overall.verdict.word(),
        note: None,
    });
    let labels = comparison.tasks.iter().map(|task| task.labels).sum();
    Some(Panel {
        task: None,
        about: format!("{}, {}", counted(comparison.tasks.len(), "task"), counted(labels, "label")),
        axis: "Gain in loss, each task’s divided by the spread of its labels".into(),
        rows: rows.collect(),
        axis_picture: forest.axis(BETTER),
    })
}

/// Many tasks: a picture for each arm.
#[derive(Serialize)]
pub(super) struct Caterpillars<'a> {
    /// What the gains are told in.
    axis: String,
    /// Tasks that cannot be drawn in percent.
    left_out: usize,
    arms: Vec<Caterpillar<'a>>,
}

#[derive(Serialize)]
struct Caterpillar<'a> {
    arm: &'a str,
    counts: String,
    picture: String,
}

pub(super) fn caterpillars(comparison: &Comparison) -> Option<Caterpillars<'_>> {
    let arms = others(comparison);
    if arms.is_empty() {
        return None;
    }
    let unit = Unit::common(comparison);
    let of_arm = |arm: &ArmResult| -> Vec<caterpillar::Gain> {
        arm.tasks.iter().filter_map(|r| small_gain(comparison, unit.as_ref(), r)).collect()
    };
    let gains: Vec<Vec<caterpillar::Gain>> = arms.iter().map(of_arm).collect();
    let drawn = gains.iter().map(Vec::len).min().unwrap_or(0);
    let axis = caterpillar::Axis::over(&gains);
    let arms = arms.iter().zip(gains).map(|(arm, gains)| {
        let counts = counts(arm);
        let name = shortened(&arm.name, MOST_LETTERS);
        let title = format!("{name}: the gain of each task, ascending; {counts}");
        Caterpillar { arm: &arm.name, picture: axis.picture(gains, &title), counts }
    });
    Some(Caterpillars {
        axis: unit.as_ref().map_or("percent of the score alone".into(), |unit| unit.axis.clone()),
        left_out: comparison.tasks.len().saturating_sub(drawn),
        arms: arms.collect(),
    })
}

/// The gain of one of many tasks; in percent of the score alone without a common unit.
fn small_gain(
    comparison: &Comparison,
    unit: Option<&Unit>,
    result: &TaskResult,
) -> Option<caterpillar::Gain> {
    let task = comparison.tasks.iter().find(|task| task.name == result.task)?;
    let factor = match unit {
        Some(unit) => unit.factor,
        None => percent_factor(comparison, result)?,
    };
    let values = [result.gain, result.low, result.high].map(|value| value * factor);
    let gain = Unit::of(comparison, task).gain_with_range(result);
    let name = shortened(&task.name, MOST_LETTERS);
    let labels = counted(task.labels, "label");
    let title = format!("{name}, {labels}: {gain}, {}", result.verdict.word());
    Some(caterpillar::Gain { values, verdict: result.verdict, title })
}

/// What makes a gain a percentage of the baseline's score.
fn percent_factor(comparison: &Comparison, of: &TaskResult) -> Option<f64> {
    of.gain_percent?;
    let alone = result(comparison.arms.first()?, &of.task)?.score.abs();
    (alone > 0.0).then(|| 100.0 / alone)
}

/// Learning curves, a picture for each task, or for the mean alone where tasks are many.
#[derive(Serialize)]
pub(super) struct Curves<'a> {
    arms: Vec<(String, &'a str)>,
    panels: Vec<CurvePanel>,
}

#[derive(Serialize)]
struct CurvePanel {
    /// The task; none for the mean over tasks.
    task: Option<String>,
    picture: String,
}

/// The curves of these arms and tasks; those of others are left out.
pub(super) fn curves<'a>(arms: &[&'a str], tasks: &[&str], curves: &[Curve]) -> Option<Curves<'a>> {
    let place = |curve: &Curve| arms.iter().position(|arm| *arm == curve.arm);
    let is_task = |name: &str| tasks.contains(&name);
    let has_many_tasks = tasks.len() > MOST_TASKS_ONE_BY_ONE;
    let drawn: Vec<(usize, &Curve)> = curves
        .iter()
        .filter(|curve| !curve.validation.is_empty() || !curve.train.is_empty())
        .filter(|curve| !has_many_tasks || !is_task(&curve.task))
        .filter_map(|curve| Some((place(curve)?, curve)))
        .collect();
    let mut lines_of: Vec<&str> = Vec::new();
    for (_, curve) in &drawn {
        if !lines_of.contains(&curve.task.as_str()) {
            lines_of.push(&curve.task);
        }
    }
    let panel = |task: &&str| {
        let own: Vec<(usize, &Curve)> =
            drawn.iter().filter(|(_, curve)| curve.task == *task).copied().collect();
        let name = shortened(task, MOST_LETTERS);
        let picture = lines::picture(&own, &format!("Learning curves, {name}"));
        CurvePanel { task: is_task(task).then_some(name), picture }
    };
    let with_curves = |place: &usize| drawn.iter().any(|(arm, _)| arm == place);
    let keys = (0..arms.len()).filter(with_curves);
    (!drawn.is_empty()).then(|| Curves {
        arms: keys.map(|arm| (lines::key(arm), arms[arm])).collect(),
        panels: lines_of.iter().map(panel).collect(),
    })
}
