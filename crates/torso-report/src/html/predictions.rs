//! Predictions beside the labels, task by task: confusion, calibration, residuals.

use serde::Serialize;
use torso_core::record::{
    CalibrationBin, Confusion, Diagnostic, Figures, Interval, ResidualBin, RunRecord, TrainRecord,
};

use super::pictures::MOST_LETTERS;
use crate::chart::predictions::{Residuals, calibration};
use crate::number::{Digits, UNKNOWN, count, counted};
use crate::reading::{shortened, shown_in_detail};

/// A block for each task.
#[derive(Serialize)]
pub(super) struct Predictions<'a> {
    /// Whether blocks are open from the start.
    is_open: bool,
    has_calibration: bool,
    has_residuals: bool,
    tasks: Vec<Task<'a>>,
}

#[derive(Serialize)]
struct Task<'a> {
    name: &'a str,
    about: String,
    arms: Vec<Arm<'a>>,
}

/// What one arm predicted.
#[derive(Serialize)]
struct Arm<'a> {
    name: &'a str,
    confusion: Option<Matrix>,
    bins: Option<Bins>,
}

/// Labels down, predictions across.
#[derive(Serialize)]
struct Matrix {
    about: String,
    classes: Vec<String>,
    rows: Vec<MatrixRow>,
}

#[derive(Serialize)]
struct MatrixRow {
    class: String,
    cells: Vec<Cell>,
    all: String,
    right: String,
}

/// A count, and the class that colors it.
#[derive(Serialize)]
struct Cell {
    class: String,
    text: String,
}

/// A picture of bins, and its numbers as a table.
#[derive(Serialize)]
struct Bins {
    heading: &'static str,
    picture: String,
    columns: [&'static str; 4],
    rows: Vec<Vec<String>>,
}

/// The baseline and the arm of the best mean rank among the others.
pub(super) fn of_comparison(record: &RunRecord) -> Option<Predictions<'_>> {
    let comparison = &record.comparison;
    let arms: Vec<(usize, &str)> = shown_in_detail(comparison)
        .into_iter()
        .filter_map(|arm| {
            let place = comparison.arms.iter().position(|other| other.name == arm.name)?;
            Some((place, arm.name.as_str()))
        })
        .collect();
    let tasks: Vec<&str> = comparison.tasks.iter().map(|task| task.name.as_str()).collect();
    predictions(&record.diagnostics, &tasks, &arms, false)
}

/// The one method of a training.
pub(super) fn of_training(record: &TrainRecord) -> Option<Predictions<'_>> {
    const MOST_OPEN: usize = 4;
    let tasks: Vec<&str> = record.tasks.iter().map(|task| task.task.name.as_str()).collect();
    let is_open = tasks.len() <= MOST_OPEN;
    predictions(&record.diagnostics, &tasks, &[(0, &record.method)], is_open)
}

/// Why nothing is shown, where the record says.
pub(super) fn why_none(record: &RunRecord) -> Option<&'static str> {
    const MOST_TASKS: usize = 20;
    let has_many_tasks = record.comparison.tasks.len() > MOST_TASKS;
    (record.diagnostics.is_empty() && has_many_tasks).then_some(
        "Confusion matrices, calibration and residuals are kept for comparisons of at most 20 tasks.",
    )
}

fn predictions<'a>(
    diagnostics: &'a [Diagnostic],
    tasks: &[&'a str],
    arms: &[(usize, &str)],
    is_open: bool,
) -> Option<Predictions<'a>> {
    let block = |task: &&'a str| {
        let find = |(place, arm): &(usize, &str)| {
            let own = diagnostics.iter().find(|own| own.task == *task && own.arm == *arm)?;
            Some((*place, own))
        };
        let own: Vec<(usize, &Diagnostic)> = arms.iter().filter_map(find).collect();
        Some(Task { name: task, about: about(own.first()?.1), arms: of_arms(&own) })
    };
    let tasks: Vec<Task> = tasks.iter().filter_map(block).collect();
    let shown = || diagnostics.iter().map(|own| &own.figures);
    (!tasks.is_empty()).then(|| Predictions {
        is_open,
        has_calibration: shown().any(|figures| matches!(figures, Figures::Binary { .. })),
        has_residuals: shown().any(|figures| matches!(figures, Figures::Regression { .. })),
        tasks,
    })
}

/// `333 rows, predicted in 10 repeats`.
fn about(diagnostic: &Diagnostic) -> String {
    let rows = counted(diagnostic.rows, "row");
    match diagnostic.repeats {
        0 | 1 => rows,
        repeats => format!("{rows}, in {}", counted(repeats, "repeat")),
    }
}

fn of_arms<'a>(own: &[(usize, &'a Diagnostic)]) -> Vec<Arm<'a>> {
    let residuals = own.iter().flat_map(|(_, diagnostic)| residual_bins(diagnostic));
    let axes = Residuals::over(residuals);
    let digits = ResidualDigits::over(own.iter().flat_map(|(_, own)| residual_bins(own)));
    let arm = |(place, diagnostic): &(usize, &'a Diagnostic)| {
        let (confusion, bins) = match &diagnostic.figures {
            Figures::Regression { residuals } => {
                (None, digits.bins(diagnostic, residuals, &axes, *place))
            }
            Figures::Binary { confusion, calibration } => (
                Some(matrix(diagnostic, confusion)),
                calibration_bins(diagnostic, calibration, *place),
            ),
            Figures::Multiclass { confusion } => (Some(matrix(diagnostic, confusion)), None),
        };
        Arm { name: &diagnostic.arm, confusion, bins }
    };
    own.iter().map(arm).collect()
}

fn residual_bins(diagnostic: &Diagnostic) -> &[ResidualBin] {
    match &diagnostic.figures {
        Figures::Regression { residuals } => residuals,
        _ => &[],
    }
}

fn matrix(diagnostic: &Diagnostic, confusion: &Confusion) -> Matrix {
    const MOST_LETTERS_OF_CLASS: usize = 24;
    let name = |place: usize| match confusion.classes.get(place) {
        Some(class) => shortened(class, MOST_LETTERS_OF_CLASS),
        None => counted(confusion.others, "other").replace("others", "other classes"),
    };
    let row = |(place, counts): (usize, &Vec<usize>)| {
        let all: usize = counts.iter().sum();
        let share = |n: usize| n as f64 / all.max(1) as f64;
        let cell = |(across, n): (usize, &usize)| Cell {
            class: cell_class(share(*n), across == place),
            text: count(*n),
        };
        // Of classes told together it is not known whether the right one was predicted.
        let right = counts.get(place).filter(|_| place < confusion.classes.len() && all > 0);
        MatrixRow {
            class: name(place),
            cells: counts.iter().enumerate().map(cell).collect(),
            all: count(all),
            right: right.map_or(UNKNOWN.to_string(), |n| format!("{:.1}%", 100.0 * share(*n))),
        }
    };
    let n = counted(diagnostic.predictions, "prediction");
    Matrix {
        about: match diagnostic.repeats {
            0 | 1 => n,
            repeats => format!("{n} over {}", counted(repeats, "repeat")),
        },
        classes: (0..confusion.counts.len()).map(name).collect(),
        rows: confusion.counts.iter().enumerate().map(row).collect(),
    }
}

/// Right predictions in one hue and wrong ones in another, by their share of the row in tenths.
fn cell_class(share: f64, is_right: bool) -> String {
    let side = if is_right { "agree" } else { "conflict" };
    // A few wrong ones are seen as well.
    format!("{side} tenth{}", (10.0 * share).ceil())
}

fn calibration_bins(diagnostic: &Diagnostic, bins: &[CalibrationBin], line: usize) -> Option<Bins> {
    const DIGITS: Digits = Digits::Decimals(2);
    if bins.is_empty() {
        return None;
    }
    let row = |bin: &CalibrationBin| {
        let Interval { mean, low, high } = bin.observed;
        let (predicted, observed) = (DIGITS.plain(bin.predicted), DIGITS.plain(mean));
        vec![count(bin.n), predicted, observed, DIGITS.range(low, high)]
    };
    let rows: Vec<Vec<String>> = bins.iter().map(row).collect();
    let said =
        |row: &Vec<String>| format!("{} rows at {}: {} ({})", row[0], row[1], row[2], row[3]);
    let titles: Vec<String> = rows.iter().map(said).collect();
    let title = picture_title(diagnostic, "observed shares against predicted probabilities");
    Some(Bins {
        heading: "Calibration",
        picture: calibration(bins, line, &title, &titles),
        columns: ["Rows", "Predicted", "Observed", "95% interval"],
        rows,
    })
}

/// The digits of predictions and of residuals, the same for all arms of a task.
struct ResidualDigits {
    predictions: Digits,
    residuals: Digits,
}

impl ResidualDigits {
    fn over<'a>(bins: impl Iterator<Item = &'a ResidualBin>) -> Self {
        let finite = |value: f64| if value.is_finite() { value.abs() } else { 0.0 };
        let (prediction, residual) = bins.fold((0.0, 0.0), |(p, r): (f64, f64), bin| {
            let spread = bin.percentiles.1 - bin.percentiles.0;
            (p.max(finite(bin.predicted)), r.max(finite(spread)).max(finite(bin.residual)))
        });
        Self {
            predictions: Digits::significant(prediction, 3),
            residuals: Digits::significant(residual, 2),
        }
    }

    fn bins(
        &self,
        diagnostic: &Diagnostic,
        bins: &[ResidualBin],
        axes: &Residuals,
        line: usize,
    ) -> Option<Bins> {
        if bins.is_empty() {
            return None;
        }
        let row = |bin: &ResidualBin| {
            let estimate = match bin.range {
                Some((low, high)) => {
                    self.residuals.estimate(Interval { mean: bin.residual, low, high }, "")
                }
                None => self.residuals.signed(bin.residual),
            };
            let spread = self.residuals.range(bin.percentiles.0, bin.percentiles.1);
            vec![count(bin.n), self.predictions.plain(bin.predicted), estimate, spread]
        };
        let rows: Vec<Vec<String>> = bins.iter().map(row).collect();
        let said = |row: &Vec<String>| format!("{} rows at {}: {}", row[0], row[1], row[2]);
        let titles: Vec<String> = rows.iter().map(said).collect();
        let title = picture_title(diagnostic, "residuals against predictions");
        Some(Bins {
            heading: "Residuals",
            picture: axes.picture(bins, line, &title, &titles),
            columns: [
                "Rows",
                "Prediction",
                "Mean residual (95% interval)",
                "10th to 90th percentile",
            ],
            rows,
        })
    }
}

fn picture_title(diagnostic: &Diagnostic, what: &str) -> String {
    let [arm, task] = [&diagnostic.arm, &diagnostic.task].map(|name| shortened(name, MOST_LETTERS));
    format!("{arm}, {task}: {what}, {}", counted(diagnostic.rows, "row"))
}
