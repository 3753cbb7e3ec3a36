//! Learning curves: the mean over repeats and folds, in a form small enough for a report.

use torso_core::estimator::{Epoch, Trace};
use torso_core::record::Curve;

/// With more tasks than this, only the mean over tasks is kept.
pub(crate) const MOST_TASKS: usize = 12;

/// The curve of one fit: per epoch, a training and a validation loss for each line.
pub(crate) struct FitCurve {
    train: Vec<Vec<f64>>,
    validation: Vec<Vec<f64>>,
    best_epoch: f64,
}

impl FitCurve {
    pub(crate) fn new(trace: &Trace) -> Self {
        let lines = |of: fn(&Epoch) -> &[f64]| {
            trace.epochs.iter().map(|epoch| line_values(of(epoch))).collect()
        };
        Self {
            train: lines(|epoch| &epoch.train),
            validation: lines(|epoch| &epoch.validation),
            best_epoch: trace.best_epoch as f64 + 1.0,
        }
    }

    /// Whether the fit had epochs; one in closed form has none.
    pub(crate) fn has_epochs(&self) -> bool {
        !self.train.is_empty()
    }
}

/// The lines of an epoch: each task's loss, or their mean.
fn line_values(losses: &[f64]) -> Vec<f64> {
    if losses.len() <= MOST_TASKS {
        return losses.to_vec();
    }
    vec![mean(losses.iter().copied())]
}

/// One curve for each arm and line, from all fits as (arm, curve).
pub(crate) fn summarize(
    arms: &[String],
    tasks: &[String],
    fits: &[(usize, &FitCurve)],
) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (index, arm) in arms.iter().enumerate() {
        let own: Vec<&FitCurve> =
            fits.iter().filter(|(arm, _)| *arm == index).map(|(_, curve)| *curve).collect();
        let n_lines = own.iter().filter_map(|c| c.train.first()).map(Vec::len).max().unwrap_or(0);
        let of = |part: fn(&FitCurve) -> &Vec<Vec<f64>>| -> Vec<&Vec<Vec<f64>>> {
            own.iter().map(|curve| part(curve)).collect()
        };
        for line in 0..n_lines {
            let name = if n_lines == tasks.len() { &tasks[line] } else { "mean" };
            curves.push(Curve {
                arm: arm.clone(),
                task: name.to_string(),
                train: average(&of(|curve| &curve.train), line),
                validation: average(&of(|curve| &curve.validation), line),
                best_epoch: mean(own.iter().map(|curve| curve.best_epoch)),
            });
        }
    }
    curves
}

/// The mean over fits of one line, as long as at least half of the fits are still learning.
pub(crate) fn average(fits: &[&Vec<Vec<f64>>], line: usize) -> Vec<f64> {
    let longest = fits.iter().map(|fit| fit.len()).max().unwrap_or(0);
    let at = |epoch: usize| {
        let values = fits.iter().filter_map(|fit| fit.get(epoch)?.get(line).copied());
        let values: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
        (values.len() >= fits.len().div_ceil(2)).then(|| mean(values.into_iter()))
    };
    (0..longest).map_while(at).collect()
}

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values
        .filter(|value| !value.is_nan())
        .fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    if n > 0.0 { sum / n } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(losses: &[f64]) -> Trace {
        let epoch = |loss: &f64| Epoch {
            train: vec![*loss, 0.0],
            validation: vec![loss + 1.0, 0.0],
            weights: vec![1.0; 2],
            cosine: f64::NAN,
        };
        Trace { epochs: losses.iter().map(epoch).collect(), ..Trace::default() }
    }

    #[test]
    fn curves_are_means_over_the_fits_that_still_learn() {
        let fits = [trace(&[4.0, 2.0]), trace(&[2.0, 1.0, 9.0]), trace(&[3.0])];
        let fits: Vec<FitCurve> = fits.iter().map(FitCurve::new).collect();
        let pairs: Vec<(usize, &FitCurve)> = fits.iter().map(|fit| (0, fit)).collect();
        let curves = summarize(&["arm".into()], &["a".into(), "b".into()], &pairs);
        assert_eq!(curves.len(), 2);
        assert_eq!(curves[0].train, [3.0, 1.5]);
        assert_eq!(curves[0].validation, [4.0, 2.5]);
        assert_eq!((curves[0].task.as_str(), curves[1].task.as_str()), ("a", "b"));
    }

    #[test]
    fn many_tasks_become_their_mean() {
        let epoch =
            Epoch { train: vec![2.0; 139], validation: vec![f64::NAN; 139], ..Epoch::default() };
        let fit = FitCurve::new(&Trace { epochs: vec![epoch], ..Trace::default() });
        let names: Vec<String> = (0..139).map(|i| i.to_string()).collect();
        let curves = summarize(&["arm".into()], &names, &[(0, &fit)]);
        assert_eq!((curves.len(), curves[0].task.as_str()), (1, "mean"));
        assert_eq!(curves[0].train, [2.0]);
        assert!(curves[0].validation.is_empty());
    }
}
