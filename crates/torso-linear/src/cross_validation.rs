//! The choice of open parameters: folds of the learning rows, the same for all methods.

use rand::RngExt;
use torso_core::data::{TaskData, TaskKind};
use torso_core::estimator::FitError;
use torso_core::finding::Finding;
use torso_core::journal::{Journal, Signal};
use torso_core::seed::{Seed, shuffle};

use crate::design::{LearningSet, Source};
use crate::majorize::{Fitted, fit};
use crate::method::{LinearError, LinearMethod};
use crate::settings::Choice;
use crate::solution::Effort;

/// What a fit in a fold may take: enough to rank strengths.
const EFFORT: Effort = Effort { tolerance: 1e-5, iterations: 2000 };

/// The method that was chosen, and the path that it lies on.
pub(crate) struct Chosen {
    pub(crate) method: Box<dyn LinearMethod>,
    /// None where nothing was open.
    pub(crate) path: Option<Finding>,
    /// What the user should know of it.
    pub(crate) note: Option<String>,
}

/// Chooses among the paths of `method` by the loss on rows left out. When the journal says that the
/// time is up, the folds that are whole have to do, the first at least.
pub(crate) fn choose(
    method: &dyn LinearMethod,
    source: &Source,
    rows: &[u32],
    seed: Seed,
    journal: &dyn Journal,
) -> Result<Chosen, FitFailure> {
    let settings = source.settings;
    let whole = source.learning_set(rows);
    let labels: Vec<Vec<f64>> = whole.columns.iter().map(|column| column.y.clone()).collect();
    let mut paths = method.paths(&whole.tasks(&labels), settings.points);
    if paths.len() == 1 && paths[0].len() == 1 {
        return Ok(Chosen { method: paths.remove(0).remove(0), path: None, note: None });
    }
    let folds = folds(source.data, rows, settings.folds, seed);
    // [path][point][fold]
    let mut losses: Vec<Vec<Vec<f64>>> =
        paths.iter().map(|path| vec![Vec::new(); path.len()]).collect();
    for fold in 0..settings.folds {
        if fold > 0 && journal.signal() == Signal::Finish {
            break;
        }
        let part = |inside: bool| -> Vec<u32> {
            let dealt = rows.iter().zip(&folds);
            dealt.filter(|(_, of)| (**of == fold) != inside).map(|(row, _)| *row).collect()
        };
        let (learning, left_out) =
            (source.learning_set(&part(true)), source.learning_set(&part(false)));
        for (path, losses) in paths.iter().zip(&mut losses) {
            let mut last: Option<Fitted> = None;
            for (point, losses) in path.iter().zip(losses) {
                if journal.signal() == Signal::Stop {
                    return Err(FitFailure::Stopped);
                }
                let fitted =
                    fit(&learning, &**point, settings.intercept, last.as_ref(), EFFORT, seed)?;
                losses.push(left_out.mean_loss(&fitted, &learning));
                last = Some(fitted);
            }
        }
    }
    let n_done = losses[0][0].len();
    let mut chosen = pick(paths, &losses, settings.choose);
    chosen.note = (n_done < settings.folds).then(|| {
        format!("the time limit came after {n_done} of {} folds of the choice", settings.folds)
    });
    Ok(chosen)
}

/// Why a fit failed.
pub(crate) enum FitFailure {
    Stopped,
    Refused(LinearError),
}

impl From<LinearError> for FitFailure {
    fn from(error: LinearError) -> Self {
        Self::Refused(error)
    }
}

impl FitFailure {
    pub(crate) fn of(self, method: &str) -> FitError {
        let method = method.to_string();
        match self {
            Self::Stopped => FitError::Stopped,
            Self::Refused(LinearError::Unsuitable { why }) => FitError::Unsuitable { method, why },
            Self::Refused(LinearError::Setting(error)) => {
                FitError::Settings { method, message: error.to_string() }
            }
        }
    }
}

/// The fold of each row. Rows of a task are dealt in turn, those of a class together, so that folds
/// hold all tasks and classes alike.
fn folds(data: &TaskData, rows: &[u32], n_folds: usize, seed: Seed) -> Vec<usize> {
    let mut folds: Vec<Option<usize>> = vec![None; rows.len()];
    let mut stream = seed.stream("inner folds", "", 0);
    let mut next = stream.random_range(0..n_folds);
    for task in data.tasks() {
        let labels = task.labels.among(rows);
        let mut own: Vec<(usize, f64)> = labels
            .filter_map(|(row, y)| rows.binary_search(&row).ok().map(|at| (at, y)))
            .filter(|(at, _)| folds[*at].is_none())
            .collect();
        shuffle(&mut own, &mut stream);
        if task.kind != TaskKind::Regression {
            own.sort_by(|a, b| a.1.total_cmp(&b.1));
        }
        for (at, _) in own {
            folds[at] = Some(next);
            next = (next + 1) % n_folds;
        }
    }
    folds.into_iter().map(|fold| fold.unwrap_or(0)).collect()
}

impl LearningSet {
    /// The mean loss of a label, over all columns, of what was learned from `learning`.
    fn mean_loss(&self, fitted: &Fitted, learning: &LearningSet) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for (t, (column, learned)) in self.columns.iter().zip(&learning.columns).enumerate() {
            let w = fitted.solution.w.col(t);
            let shift: f64 = column.center.iter().zip(w.iter()).map(|(m, w)| m * w).sum();
            let predictions = crate::tasks::product(column.rows.x(), w.as_mat());
            for ((f, y), o) in predictions.col(0).iter().zip(&column.y).zip(column.rows.weights()) {
                let f = learned.constant.unwrap_or(f + shift + fitted.intercepts[t]);
                sum += o * column.loss.value(*y, f);
                count += o;
            }
        }
        if count > 0.0 { sum / count } else { 0.0 }
    }
}

fn pick(
    mut paths: Vec<Vec<Box<dyn LinearMethod>>>,
    losses: &[Vec<Vec<f64>>],
    choice: Choice,
) -> Chosen {
    let mean = |losses: &Vec<f64>| losses.iter().sum::<f64>() / losses.len() as f64;
    let error = |losses: &Vec<f64>| {
        let n = losses.len() as f64;
        let squares: f64 = losses.iter().map(|loss| (loss - mean(losses)).powi(2)).sum();
        (squares / (n - 1.0).max(1.0) / n).sqrt()
    };
    let points =
        losses.iter().enumerate().flat_map(|(p, path)| (0..path.len()).map(move |k| (p, k)));
    let best = points.min_by(|a, b| mean(&losses[a.0][a.1]).total_cmp(&mean(&losses[b.0][b.1])));
    let (p, mut k) = best.expect("a method has a path, and a path a point");
    if choice == Choice::OneStandardError {
        let most = mean(&losses[p][k]) + error(&losses[p][k]);
        k = (0..=k).find(|&k| mean(&losses[p][k]) <= most).unwrap_or(k);
    }
    let path = finding(
        &paths[p],
        &losses[p].iter().map(mean).collect::<Vec<_>>(),
        losses[p].iter().map(error).collect(),
        k,
    );
    Chosen { method: paths.swap_remove(p).swap_remove(k), path, note: None }
}

/// The path as a picture, told by the parameter that changes along it.
fn finding(
    path: &[Box<dyn LinearMethod>],
    losses: &[f64],
    errors: Vec<f64>,
    chosen: usize,
) -> Option<Finding> {
    let settings: Vec<Vec<(String, f64)>> = path.iter().map(|method| method.settings()).collect();
    let (first, last) = (settings.first()?, settings.last()?);
    let at = (0..first.len()).rev().find(|&i| (first[i].1 - last[i].1).abs() > 0.0)?;
    Some(Finding::Path {
        name: "loss on rows left out, along the path of the strength".to_string(),
        parameter: first[at].0.clone(),
        values: settings.iter().map(|settings| settings[at].1).collect(),
        losses: losses.to_vec(),
        errors,
        chosen,
    })
}
