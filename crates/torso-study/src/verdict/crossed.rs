//! The test behind the words: paired loss differences with two crossed random effects, the rows
//! and the repeats, so that what is said holds for new rows *and* new trainings.
//!
//! # Formula
//! D are the paired loss differences of N observed entries, in n rows and R repeats, and
//! e = D - mean(D). With sums over the entries of a row, a repeat, or a cell (a row in a repeat):
//!
//! ```text
//! V_r  = n/(n-1) * sum over rows    of (row sum of e)^2
//! V_c  = R/(R-1) * sum over repeats of (repeat sum of e)^2
//! V_e  =           sum over cells   of (cell sum of e)^2
//! num  = V_r + max(V_c - V_e, 0)
//! SE^2 = num / N^2
//! df   = num^2 / (V_r^2/(n-1) + [V_c > V_e] V_c^2/(R-1)), at least 1
//! t    = mean(D) / SE
//! ```
//!
//! `V_r` and `V_c` both hold the noise of single cells, so `V_e` is taken off once. The sums need no full
//! matrix: a hole is an entry that is not there. A cell can hold several entries where the tasks of
//! an arm are tested together.
//!
//! # Limits
//! Below two rows nothing is known of new rows: p is 1 and the interval is the estimate. Below two
//! repeats `V_c` cannot be told and is left out: the test then speaks of these trainings only.
//! Where all D are equal SE is 0: p is 1 if they are 0, else 0.
//!
//! # References
//! Cells, rows and columns: A. C. Cameron, J. B. Gelbach, D. L. Miller, Robust inference with
//! multiway clustering, Journal of Business & Economic Statistics 29, 2011. The same question in
//! multi-reader multi-case studies: N. A. Obuchowski, H. E. Rockette, Hypothesis testing of
//! diagnostic accuracy for multiple readers and multiple tests, Communications in Statistics -
//! Simulation and Computation 24, 1995. Degrees of freedom: F. E. Satterthwaite, An approximate
//! distribution of estimates of variance components, Biometrics Bulletin 2, 1946.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The confidence of all intervals.
pub(super) const CONFIDENCE: f64 = 0.95;

/// Above so many degrees of freedom the distribution is taken at this number: t is then normal to
/// four digits, and `statrs`'s quantiles lose theirs (at 1e8 they are not there after a minute).
const MOST_DF: f64 = 1e5;

/// The differences of one row in one repeat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub row: usize,
    pub repeat: usize,
    /// The sum of its differences, baseline minus arm.
    pub sum: f64,
    /// Their number.
    pub entries: usize,
}

/// The outcome of the test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CrossedTest {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
    pub df: f64,
    pub p: f64,
    /// The number of repeats with an entry.
    pub repeats: usize,
}

/// Tests whether the mean difference is 0. Without cells the mean is 0, and so shown.
pub(super) fn crossed_test(cells: &[Cell]) -> CrossedTest {
    let n = cells.iter().map(|cell| cell.entries).sum::<usize>().max(1) as f64;
    // In units of the largest difference, no square over- or underflows.
    let largest = cells.iter().map(|cell| cell.sum.abs()).fold(0.0, f64::max);
    let unit = if largest > 0.0 { largest } else { 1.0 };
    let mean = cells.iter().map(|cell| cell.sum / unit).sum::<f64>() / n;
    let deviation = |cell: &Cell| cell.sum / unit - mean * cell.entries as f64;

    let rows = Clusters::new(cells.iter().map(|cell| (cell.row, deviation(cell))));
    let repeats = Clusters::new(cells.iter().map(|cell| (cell.repeat, deviation(cell))));
    let of_cells: f64 = cells.iter().map(|cell| deviation(cell).powi(2)).sum();
    let (variance, df) = if repeats.variance > of_cells {
        let variance = rows.variance + repeats.variance - of_cells;
        (variance, variance.powi(2) / (rows.df_term() + repeats.df_term()))
    } else {
        (rows.variance, rows.n.saturating_sub(1) as f64)
    };
    let (half, p) =
        if rows.n < 2 { (0.0, 1.0) } else { student(mean, variance.sqrt() / n, df.max(1.0)) };
    CrossedTest {
        mean: unit * mean,
        low: unit * (mean - half),
        high: unit * (mean + half),
        df: df.max(1.0),
        p,
        repeats: repeats.n,
    }
}

/// Half the width of the interval, and the two-sided p.
fn student(mean: f64, error: f64, df: f64) -> (f64, f64) {
    if error > 0.0 {
        let t = StudentsT::new(0.0, 1.0, df.min(MOST_DF)).expect("df is at least 1");
        let half = error * t.inverse_cdf(f64::midpoint(1.0, CONFIDENCE));
        (half, (2.0 * t.sf(mean.abs() / error)).min(1.0))
    } else {
        (0.0, if mean.abs() > 0.0 { 0.0 } else { 1.0 })
    }
}

/// The rows, or the repeats, that have entries.
struct Clusters {
    n: usize,
    /// `V_r` or `V_c`; 0 for a single cluster.
    variance: f64,
}

impl Clusters {
    /// Sums the deviations of each cluster, given as (cluster, deviation).
    fn new(deviations: impl Iterator<Item = (usize, f64)>) -> Self {
        let mut sums: Vec<Option<f64>> = Vec::new();
        for (cluster, deviation) in deviations {
            if cluster >= sums.len() {
                sums.resize(cluster + 1, None);
            }
            *sums[cluster].get_or_insert(0.0) += deviation;
        }
        let n = sums.iter().flatten().count();
        let squares: f64 = sums.iter().flatten().map(|sum| sum.powi(2)).sum();
        let variance = if n > 1 { squares * n as f64 / (n - 1) as f64 } else { 0.0 };
        Self { n, variance }
    }

    /// This variance's term below the line of df.
    fn df_term(&self) -> f64 {
        if self.n > 1 { self.variance.powi(2) / (self.n - 1) as f64 } else { 0.0 }
    }
}

#[cfg(test)]
mod tests;
