use torso_core::metric::Scored;
use torso_core::seed::{Stream, normal};

use super::super::CellMatrix;
use super::super::score::score;
use super::*;

/// One arm with one task, from the contributions `[row][repeat]`; `NaN` is a hole.
fn arm(rows: &[Vec<f64>]) -> ArmCells {
    let mut cells = CellMatrix::new((0..).take(rows.len()).collect(), rows[0].len());
    for (row, contributions) in (0..).zip(rows) {
        for (repeat, &contribution) in contributions.iter().enumerate() {
            if !contribution.is_nan() {
                cells.set(row, repeat, Scored { loss: contribution, contribution });
            }
        }
    }
    ArmCells { name: "a".into(), family: "sharing".into(), tasks: vec![cells], auc: vec![None] }
}

fn zeros(n: usize, n_repeats: usize) -> ArmCells {
    arm(&vec![vec![0.0; n_repeats]; n])
}

/// Contributions with effects of rows, repeats and cells.
fn sample(n: usize, n_repeats: usize, repeats: f64, stream: &mut Stream) -> Vec<Vec<f64>> {
    let of_repeats: Vec<f64> = (0..n_repeats).map(|_| repeats * normal(stream)).collect();
    let mut row = || {
        let row = normal(stream);
        of_repeats.iter().map(|repeat| row + repeat + 0.5 * normal(stream)).collect()
    };
    (0..n).map(|_| row()).collect()
}

#[test]
fn drawing_twice_is_being_there_twice() {
    const HOLE: f64 = f64::NAN;
    let baseline = vec![vec![4.0, 1.0, HOLE], vec![2.0, HOLE, 3.0], vec![7.0, 5.0, HOLE]];
    let own = vec![vec![1.0, 2.0, HOLE], vec![3.0, HOLE, 4.0], vec![5.0, 6.0, HOLE]];
    let draws = Draws { rows: vec![2, 0, 1], repeats: vec![1, 2, 0] };
    // Row 0 twice, row 1 never; repeat 1 twice, repeat 2 never.
    let drawn = |rows: &[Vec<f64>]| {
        let row = |row: usize| [0, 1, 1].map(|repeat| rows[row][repeat]).to_vec();
        arm(&[row(0), row(0), row(2)])
    };
    for metric in [Metric::Rmse, Metric::Error] {
        let panel = Panel::new(&[arm(&baseline), arm(&own)], 0, metric);
        let mut gains = [f64::NAN; 2];
        panel.gains(&draws, &mut gains);
        let score = |rows: &[Vec<f64>]| score(&drawn(rows).tasks[0], metric);
        assert!(gains[0].abs() == 0.0);
        assert!((gains[1] - (score(&baseline) - score(&own))).abs() < 1e-12, "{metric:?}");
    }
}

#[test]
fn a_task_without_drawn_rows_has_no_gain() {
    let panel = Panel::new(&[zeros(2, 2), zeros(2, 2)], 0, Metric::Rmse);
    let mut gains = [0.0; 2];
    panel.gains(&Draws { rows: vec![0, 0], repeats: vec![1, 1] }, &mut gains);
    assert!(gains.iter().all(|gain| gain.is_nan()));
    // A third of the resamples has no row; the others all give 1.
    let gains = Gains::resample(&[arm(&[vec![1.0; 2]]), zeros(1, 2)], &[Metric::Error], Seed(0));
    assert!(gains.values.iter().any(|gain| gain.is_nan()));
    assert_eq!(gains.interval(1, 0), (1.0, 1.0));
    assert_eq!(gains.mean_interval(1, &[Some(3.0)]), (3.0, 3.0));
}

#[test]
fn draws_have_the_moments_of_resampling() {
    let panel = Panel::new(&[zeros(20_000, 10)], 0, Metric::Rmse);
    let sampler = Sampler::new(&[panel], Seed(0));
    let draws = sampler.draw(0);
    let moment = |k: i32| {
        draws.rows.iter().map(|&times| (f64::from(times) - 1.0).powi(k)).sum::<f64>() / 20_000.0
    };
    // Of a Poisson(1) count: mean 1, variance 1, third moment 1; within four standard errors.
    assert!(moment(1).abs() < 0.03, "{}", moment(1));
    assert!((moment(2) - 1.0).abs() < 0.05, "{}", moment(2));
    assert!((moment(3) - 1.0).abs() < 0.21, "{}", moment(3));
    assert!((0..20).all(|resample| sampler.draw(resample).repeats.iter().sum::<u32>() == 10));
    assert_ne!(draws.rows, sampler.draw(1).rows);
}

#[test]
fn more_rows_change_no_draw_of_the_others() {
    let of = |n| Sampler::new(&[Panel::new(&[zeros(n, 5)], 0, Metric::Rmse)], Seed(0)).draw(3);
    let (few, more) = (of(50), of(80));
    assert_eq!(few.rows, more.rows[..50]);
    assert_eq!(few.repeats, more.repeats);
}

#[test]
fn equal_repeats_leave_the_error_of_a_mean_over_rows() {
    let mut stream = Seed(4).stream("test", "", 0);
    let values: Vec<f64> = (0..400).map(|_| normal(&mut stream)).collect();
    let mean = values.iter().sum::<f64>() / 400.0;
    let error = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 400.0 / 400.0).sqrt();
    let baseline: Vec<Vec<f64>> = values.iter().map(|&value| vec![value + 5.0; 6]).collect();
    let arms = [arm(&baseline), arm(&vec![vec![5.0; 6]; 400])];
    let (low, high) = Gains::resample(&arms, &[Metric::Error], Seed(0)).interval(1, 0);
    // The 2.5% and 97.5% points of 1,000 draws are off by .08 of the error, about.
    assert!((low - (mean - 1.96 * error)).abs() < 0.3 * error, "{low}");
    assert!((high - (mean + 1.96 * error)).abs() < 0.3 * error, "{high}");
}

#[test]
fn intervals_cover_the_true_gain() {
    // Effects of repeats as large as those of rows. 179 of 200 is the 0.1% quantile of a binomial
    // distribution with chance .95.
    let sets = 200;
    let (n, n_repeats, repeats) = (60, 10, 0.4);
    let error = ((1.0 + 0.25 / 10.0) / 60.0 + repeats * repeats / 10.0f64).sqrt();
    let mut covered = 0;
    let mut width = 0.0;
    for set in 0..sets {
        let mut stream = Seed(set).stream("coverage", "", 0);
        let mut rows = sample(n, n_repeats, repeats, &mut stream);
        rows.iter_mut().flatten().for_each(|value| *value += 9.0);
        let arms = [arm(&rows), arm(&vec![vec![8.0; n_repeats]; n])];
        let (low, high) = Gains::resample(&arms, &[Metric::Error], Seed(set)).interval(1, 0);
        covered += usize::from(low < 1.0 && 1.0 < high);
        width += (high - low) / sets as f64;
    }
    assert!(covered >= 179, "{covered} of {sets}");
    assert!((0.85..1.1).contains(&(width / (2.0 * 1.96 * error))), "{}", width / (3.92 * error));
}

#[test]
fn quantiles_lie_between_the_values() {
    let sorted = [1.0, 2.0, 4.0];
    assert!((quantile(&sorted, 0.75) - 3.0).abs() < 1e-12);
    assert!((quantile(&sorted, 1.0) - 4.0).abs() < 1e-12);
    let (low, high) = middle((0..=1000).rev().map(f64::from));
    assert!((low - 25.0).abs() < 1e-9 && (high - 975.0).abs() < 1e-9);
}
