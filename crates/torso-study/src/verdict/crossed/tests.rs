use torso_core::seed::{Seed, Stream, normal};

use super::*;

/// Cells with one entry each; `NaN` is a hole.
fn cells(rows: &[Vec<f64>]) -> Vec<Cell> {
    let of_row = |(row, differences): (usize, &Vec<f64>)| {
        let tested = differences.clone().into_iter().enumerate().filter(|(_, d)| !d.is_nan());
        tested.map(move |(repeat, sum)| Cell { row, repeat, sum, entries: 1 }).collect::<Vec<_>>()
    };
    rows.iter().enumerate().flat_map(of_row).collect()
}

fn test(rows: &[Vec<f64>]) -> CrossedTest {
    crossed_test(&cells(rows))
}

fn assert_close(found: f64, expected: f64) {
    let error = (found - expected).abs() / expected.abs().max(1e-300);
    assert!(error < 1e-9, "{found}, expected {expected}");
}

/// Differences with normal effects of rows and repeats, and noise.
struct Effects {
    rows: f64,
    repeats: f64,
    noise: f64,
}

impl Effects {
    fn draw(&self, n: usize, n_repeats: usize, mean: f64, stream: &mut Stream) -> Vec<Vec<f64>> {
        let repeats: Vec<f64> = (0..n_repeats).map(|_| self.repeats * normal(stream)).collect();
        let mut row = || {
            let row = mean + self.rows * normal(stream);
            repeats.iter().map(|repeat| row + repeat + self.noise * normal(stream)).collect()
        };
        (0..n).map(|_| row()).collect()
    }
}

fn sample(n: usize, n_repeats: usize) -> Vec<Vec<f64>> {
    let effects = Effects { rows: 1.0, repeats: 1.5, noise: 0.7 };
    effects.draw(n, n_repeats, 0.4, &mut Seed(1).stream("test", "", 0))
}

#[test]
fn two_rows_and_three_repeats_by_hand() {
    // e = -2 -1 0 / 0 3 0: V_r = 36, V_c = 12, V_e = 14, so SE = 1 and df = 1.
    let rows_only = test(&[vec![1.0, 2.0, 3.0], vec![3.0, 6.0, 3.0]]);
    assert_close(rows_only.mean, 3.0);
    assert_close(rows_only.df, 1.0);
    assert_close(rows_only.p, 0.204_832_764_699_133);
    assert_close(rows_only.low, 3.0 - 12.706_204_736_174_694);
    assert_close(rows_only.high, 3.0 + 12.706_204_736_174_694);
    // e = -5 -1 3 / -4 1 6: V_r = 36, V_c = 243, V_e = 88.
    let both = test(&[vec![1.0, 5.0, 9.0], vec![2.0, 7.0, 12.0]]);
    assert_close(both.df, 191f64.powi(2) / (36f64.powi(2) + 243f64.powi(2) / 2.0));
    assert_close(both.p, 0.200_996_702_885_433_6);
    assert_close(both.low, -14.444_487_115_201_174);
    assert_close(both.high, 26.444_487_115_201_174);
    assert_eq!(both.repeats, 3);
}

#[test]
fn equal_repeats_are_a_t_test_over_rows() {
    // SciPy's ttest_1samp on the seven values.
    let values = [0.3, -1.2, 2.5, 0.7, 1.1, -0.4, 1.9];
    for n_repeats in [1, 2, 10] {
        let result = test(&values.map(|value| vec![value; n_repeats]));
        assert_close(result.df, 6.0);
        assert_close(result.p, 0.197_868_737_713_710_72);
        assert_close(result.low, -0.483_176_194_497_032_86);
        assert_close(result.high, 1.883_176_194_497_032_9);
    }
}

#[test]
fn equal_rows_are_a_t_test_over_repeats() {
    // With equal rows V_r is 0, and V_c = R/(R-1) n^2 S, V_e = n S, S the sum of squares.
    let values = vec![0.3, -1.2, 2.5, 0.7, 1.1, -0.4, 1.9];
    let n = 1000;
    let result = test(&vec![values; n]);
    let one_sample = 1.447_661_222_198_280_5f64;
    let t = one_sample / (1.0 - 6.0 / 7.0 / n as f64).sqrt();
    let expected = 2.0 * StudentsT::new(0.0, 1.0, result.df).unwrap().sf(t);
    assert_close(result.p, expected);
    assert!((result.df - 6.0).abs() < 0.02, "{}", result.df);
}

#[test]
fn a_full_matrix_has_the_mean_squares_of_an_analysis_of_variance() {
    let (n, r) = (40, 8);
    let rows = sample(n, r);
    let (n, r) = (n as f64, r as f64);
    let mean = rows.iter().flatten().sum::<f64>() / (n * r);
    let row = |row: &Vec<f64>| row.iter().sum::<f64>() / r;
    let repeat = |c: usize| rows.iter().map(|row| row[c]).sum::<f64>() / n;
    let repeats: Vec<f64> = (0..rows[0].len()).map(repeat).collect();
    let of_rows = r * rows.iter().map(|d| (row(d) - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let of_repeats = n * repeats.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / (r - 1.0);
    let residual = |d: &Vec<f64>| -> f64 {
        d.iter().zip(&repeats).map(|(x, c)| (x - row(d) - c + mean).powi(2)).sum()
    };
    let of_residuals = rows.iter().map(residual).sum::<f64>() / ((n - 1.0) * (r - 1.0));
    // V_e holds the effects as well: it is the total sum of squares.
    let total = (n - 1.0) * of_rows + (r - 1.0) * of_repeats + (n - 1.0) * (r - 1.0) * of_residuals;
    let excess = of_repeats - total / (n * r);
    assert!(excess > 0.0, "the sample has an effect of repeats");
    let squares = of_rows + excess;
    let df = squares.powi(2) / (of_rows.powi(2) / (n - 1.0) + of_repeats.powi(2) / (r - 1.0));
    let result = test(&rows);
    assert_close(result.df, df);
    let t = StudentsT::new(0.0, 1.0, df).unwrap();
    assert_close(result.high - mean, t.inverse_cdf(0.975) * (squares / (n * r)).sqrt());
}

#[test]
fn with_holes_and_shared_cells_variances_are_sums_over_pairs_of_entries() {
    let mut rows = sample(12, 5);
    for (_, hole) in rows.iter_mut().flatten().enumerate().filter(|(at, _)| at % 4 == 1) {
        *hole = f64::NAN;
    }
    // Two entries in some cells, as of two tasks.
    let once = cells(&rows);
    let twice =
        |cell: &Cell| cell.row.is_multiple_of(3).then_some(Cell { sum: cell.sum - 0.7, ..*cell });
    let entries: Vec<Cell> = once.iter().copied().chain(once.iter().filter_map(twice)).collect();
    let n = entries.len() as f64;
    let mean = entries.iter().map(|entry| entry.sum).sum::<f64>() / n;
    let pairs = |together: fn(&Cell, &Cell) -> bool| -> f64 {
        let product = |a: &Cell, b: &Cell| (a.sum - mean) * (b.sum - mean);
        let of = |a| entries.iter().filter(|b| together(a, b)).map(|b| product(a, b)).sum::<f64>();
        entries.iter().map(of).sum()
    };
    let of_rows = pairs(|a, b| a.row == b.row) * 12.0 / 11.0;
    let of_repeats = pairs(|a, b| a.repeat == b.repeat) * 5.0 / 4.0;
    let of_cells = pairs(|a, b| (a.row, a.repeat) == (b.row, b.repeat));
    assert!(of_repeats > of_cells, "the sample has an effect of repeats");
    let variance = of_rows + of_repeats - of_cells;
    let df = variance.powi(2) / (of_rows.powi(2) / 11.0 + of_repeats.powi(2) / 4.0);

    let both = |cell: &Cell| match twice(cell) {
        Some(second) => Cell { sum: cell.sum + second.sum, entries: 2, ..*cell },
        None => *cell,
    };
    let all: Vec<Cell> = once.iter().map(both).collect();
    assert!(all.len() < entries.len());
    let result = crossed_test(&all);
    assert_close(result.mean, mean);
    assert_close(result.df, df.max(1.0));
    let t = StudentsT::new(0.0, 1.0, df.max(1.0)).unwrap();
    assert_close(result.p, 2.0 * t.sf(mean.abs() / (variance.sqrt() / n)));
}

#[test]
fn the_order_of_rows_and_repeats_is_nothing() {
    let rows = sample(30, 6);
    let mut turned: Vec<Vec<f64>> = rows.iter().rev().cloned().collect();
    for row in &mut turned {
        row.rotate_left(2);
    }
    let (a, b) = (test(&rows), test(&turned));
    for (a, b) in [(a.mean, b.mean), (a.low, b.low), (a.high, b.high), (a.df, b.df), (a.p, b.p)] {
        assert_close(b, a);
    }
}

#[test]
fn units_change_the_figures_and_not_p() {
    let rows = sample(30, 6);
    let reference = test(&rows);
    for unit in [-3.0, 1e-200, 1e100] {
        let scaled: Vec<Vec<f64>> =
            rows.iter().map(|row| row.iter().map(|d| d * unit).collect()).collect();
        let result = test(&scaled);
        assert_close(result.mean, unit * reference.mean);
        assert_close(result.high - result.low, unit.abs() * (reference.high - reference.low));
        assert_close(result.df, reference.df);
        assert_close(result.p, reference.p);
    }
}

#[test]
fn no_difference_at_all_is_p_1_and_the_same_everywhere_is_p_0() {
    let none = test(&vec![vec![0.0; 5]; 10]);
    let expected = CrossedTest { mean: 0.0, low: 0.0, high: 0.0, df: 9.0, p: 1.0, repeats: 5 };
    assert_eq!(none, expected);
    let same = test(&vec![vec![-0.25; 5]; 10]);
    assert_eq!((same.mean, same.low, same.high, same.p), (-0.25, -0.25, -0.25, 0.0));
}

#[test]
fn one_row_shows_nothing() {
    let result = test(&[vec![1.0, 2.0, 4.0]]);
    assert_close(result.mean, 7.0 / 3.0);
    assert_eq!((result.low, result.high), (result.mean, result.mean));
    assert_eq!((result.df, result.p), (1.0, 1.0));
    let nothing = CrossedTest { mean: 0.0, low: 0.0, high: 0.0, df: 1.0, p: 1.0, repeats: 0 };
    assert_eq!(crossed_test(&[]), nothing);
}

#[test]
fn quantiles_are_right_at_any_degrees_of_freedom() {
    // SciPy's t.ppf(.975, df).
    for (df, expected) in [
        (1.0, 12.706_204_736_174_694),
        (1.5, 6.016_663_104_427_929),
        (2.7, 3.392_148_383_173_750_7),
        (9.0, 2.262_157_162_798_205),
        (37.3, 2.025_642_523_077_960_4),
        (500.0, 1.964_719_837_467_367_6),
        (12_345.6, 1.960_156_158_259_510_4),
    ] {
        assert_close(student(0.0, 1.0, df).0, expected);
    }
    for df in [1e5, 1e7, 1e12] {
        let (half, p) = student(1.96, 1.0, df);
        // Of the normal distribution.
        assert!((half - 1.959_964).abs() < 1e-4 && (p - 0.049_996).abs() < 1e-5, "{half}, {p}");
    }
    for (t, df, expected) in [(2.0, 4.5, 0.108_257_907), (50.0, 9.0, 2.568_952_91e-12)] {
        let p = student(t, 1.0, df).1;
        assert!((p / expected - 1.0).abs() < 1e-7, "{p}, expected {expected}");
    }
}

/// How many of `sets` data sets of 80 rows and 10 repeats are called at .05, with a share of the
/// cells tested.
fn calls(effects: &Effects, mean: f64, tested: f64, sets: u64) -> usize {
    let called = |set: &u64| {
        let mut stream = Seed(*set).stream("false calls", "", 0);
        let mut rows = effects.draw(80, 10, mean, &mut stream);
        // A uniform draw below `tested`, from the angle of two normal draws.
        let mut hole = || {
            let angle = normal(&mut stream).atan2(normal(&mut stream));
            angle / std::f64::consts::TAU + 0.5 > tested
        };
        rows.iter_mut().flatten().filter(|_| hole()).for_each(|d| *d = f64::NAN);
        test(&rows).p < 0.05
    };
    (0..sets).filter(called).count()
}

#[test]
fn false_calls_stay_at_the_level_and_true_gains_are_called() {
    // 35 of 400 is the 99.9% quantile of a binomial distribution with chance .05.
    let (sets, most) = (400, 35);
    for tested in [1.0, 0.25] {
        for (rows, repeats) in [(1.0, 0.0), (1.0, 0.15), (1.0, 0.5), (0.0, 0.3)] {
            let effects = Effects { rows, repeats, noise: 1.0 };
            let called = calls(&effects, 0.0, tested, sets);
            assert!(called <= most, "{called} false calls: {rows}, {repeats}, {tested}");
            let variance = (rows * rows + 1.0 / (10.0 * tested)) / 80.0 + repeats * repeats / 10.0;
            let called = calls(&effects, 4.0 * variance.sqrt(), tested, sets);
            assert!(called >= 340, "{called} true calls: {rows}, {repeats}, {tested}");
        }
    }
}
