//! Scores, gains in percent, and ranks.

use torso_core::metric::Metric;

use super::cells::CellMatrix;
use super::task::TaskInfo;

/// A baseline's RMSE below this share of the labels' standard deviation is rounding (networks
/// compute with 24 bits), and no gain is told in percent of it.
const NO_RMSE: f64 = 1e-6;

/// The metric of the mean contribution within each repeat, averaged over the repeats with tests.
pub(super) fn score(cells: &CellMatrix, metric: Metric) -> f64 {
    let of_repeat = |repeat: usize| {
        let tested = cells.contributions(repeat).iter().filter(|value| !value.is_nan());
        let (sum, n) = tested.fold((0.0, 0usize), |(sum, n), value| (sum + value, n + 1));
        (n > 0).then(|| metric.from_mean(sum / n as f64))
    };
    let scores: Vec<f64> = (0..cells.n_repeats()).filter_map(of_repeat).collect();
    scores.iter().sum::<f64>() / scores.len() as f64
}

/// What a gain is multiplied with to be in percent of the baseline's score. `None` where that is 0
/// or near it: an error of less than one wrong label in a repeat, or an RMSE that is rounding.
pub(super) fn percent_factor(baseline: f64, cells: &CellMatrix, task: &TaskInfo) -> Option<f64> {
    let told = match task.metric {
        Metric::Error => {
            let per_repeat = cells.n_tested() as f64 / cells.n_repeats() as f64;
            // One wrong label in each repeat is just enough, whatever the rounding.
            baseline * per_repeat > 1.0 - 1e-9
        }
        Metric::Rmse => task.spread > 0.0 && baseline > NO_RMSE * task.spread.sqrt(),
    };
    told.then_some(100.0 / baseline)
}

/// The mean over tasks of each arm's rank, 1 for the lowest score; equal scores share the mean of
/// their ranks. `scores` is `[arm][task]`.
pub(super) fn mean_ranks(scores: &[Vec<f64>]) -> Vec<f64> {
    let n_tasks = scores.first().map_or(0, Vec::len);
    let rank = |arm: usize, task: usize| {
        let own = scores[arm][task];
        let (mut below, mut equal) = (0, 0);
        for other in scores {
            match other[task].total_cmp(&own) {
                std::cmp::Ordering::Less => below += 1,
                std::cmp::Ordering::Equal => equal += 1,
                std::cmp::Ordering::Greater => (),
            }
        }
        f64::from(below) + f64::midpoint(f64::from(equal), 1.0)
    };
    let mean = |arm| (0..n_tasks).map(|task| rank(arm, task)).sum::<f64>() / n_tasks as f64;
    (0..scores.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::metric::Scored;

    /// Cells of rows 0.., from the contributions of each repeat; `NaN` is a hole.
    fn cells(repeats: &[&[f64]]) -> CellMatrix {
        let mut cells = CellMatrix::new((0..).take(repeats[0].len()).collect(), repeats.len());
        for (repeat, contributions) in repeats.iter().enumerate() {
            for (row, &contribution) in (0..).zip(*contributions) {
                if !contribution.is_nan() {
                    cells.set(row, repeat, Scored { loss: 0.0, contribution });
                }
            }
        }
        cells
    }

    fn info(metric: Metric, spread: f64) -> TaskInfo {
        TaskInfo { name: "t".into(), metric, loss: "squared error", spread }
    }

    #[test]
    fn a_score_is_the_metric_of_each_repeat_averaged() {
        let cells = cells(&[&[1.0, 7.0, f64::NAN], &[9.0, f64::NAN, f64::NAN], &[f64::NAN; 3]]);
        // RMSE 2 and 3; the third repeat tests nothing.
        assert!((score(&cells, Metric::Rmse) - 2.5).abs() < 1e-12);
        assert!((score(&cells, Metric::Error) - 6.5).abs() < 1e-12);
    }

    #[test]
    fn no_percent_of_nothing() {
        let cells = cells(&[&[0.0; 10], &[0.0; 10]]);
        let error = info(Metric::Error, 0.6);
        assert_eq!(percent_factor(0.05, &cells, &error), None);
        assert_eq!(percent_factor(0.1, &cells, &error), Some(1000.0));
        let rmse = info(Metric::Rmse, 4.0);
        assert_eq!(percent_factor(0.0, &cells, &rmse), None);
        assert_eq!(percent_factor(1e-7, &cells, &rmse), None);
        assert_eq!(percent_factor(0.5, &cells, &rmse), Some(200.0));
        assert_eq!(percent_factor(0.5, &cells, &info(Metric::Rmse, 0.0)), None);
    }

    #[test]
    fn equal_scores_share_their_ranks() {
        // Ranks 2.5 and 1.5, 1 and 1.5, 2.5 and 3.
        let scores = [vec![0.3, 1.0], vec![0.1, 1.0], vec![0.3, 2.0]];
        assert_eq!(mean_ranks(&scores), [2.0, 1.25, 2.75]);
    }
}
