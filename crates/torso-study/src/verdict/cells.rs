//! What each out-of-fold prediction of one arm and task cost, rows x repeats.

use torso_core::metric::Scored;

/// The number that stands for a loss or contribution that is not finite, or above it. A prediction
/// that is not a number is the worst there is, and must not pass for a row that was not tested.
/// Finite, so that every figure can be written as JSON.
pub const WORST: f64 = 1e100;

/// The losses and contributions of one arm and task: table rows x repeats, with a hole where a row
/// was not tested in a repeat.
#[derive(Debug, Clone)]
pub struct CellMatrix {
    rows: Vec<u32>,
    n_repeats: usize,
    // Both `[n_repeats, rows.len()]`, `NaN` in the holes.
    losses: Vec<f64>,
    contributions: Vec<f64>,
}

impl CellMatrix {
    /// A matrix of holes for table rows that were ever tested, in ascending order.
    ///
    /// # Panics
    /// If `rows` do not ascend.
    pub fn new(rows: Vec<u32>, n_repeats: usize) -> Self {
        assert!(rows.is_sorted_by(|a, b| a < b), "rows of a cell matrix ascend");
        let holes = vec![f64::NAN; rows.len() * n_repeats];
        Self { rows, n_repeats, losses: holes.clone(), contributions: holes }
    }

    /// Fills the cell of a table row in a repeat. What is not finite counts as [`WORST`].
    ///
    /// # Panics
    /// If the row or the repeat is not in the matrix, or the cell is filled: test rows are scored
    /// once.
    pub fn set(&mut self, row: u32, repeat: usize, scored: Scored) {
        assert!(repeat < self.n_repeats, "repeat {repeat} of {}", self.n_repeats);
        let at = self.rows.binary_search(&row).expect("the row is among those of the matrix");
        let cell = repeat * self.rows.len() + at;
        assert!(self.losses[cell].is_nan(), "row {row} is tested once in repeat {repeat}");
        self.losses[cell] = finite(scored.loss);
        self.contributions[cell] = finite(scored.contribution);
    }

    /// The table rows, ascending.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The number of repeats.
    pub fn n_repeats(&self) -> usize {
        self.n_repeats
    }

    /// The losses of one repeat, one for each of [`Self::rows`]; `NaN` where that row was not
    /// tested.
    pub fn losses(&self, repeat: usize) -> &[f64] {
        &self.losses[repeat * self.rows.len()..][..self.rows.len()]
    }

    /// The contributions to the metric in one repeat, one for each of [`Self::rows`]; `NaN` where
    /// that row was not tested.
    pub fn contributions(&self, repeat: usize) -> &[f64] {
        &self.contributions[repeat * self.rows.len()..][..self.rows.len()]
    }

    /// The number of cells that are not holes.
    pub fn n_tested(&self) -> usize {
        self.losses.iter().filter(|loss| !loss.is_nan()).count()
    }

    /// Whether both matrices have the same rows, repeats and holes.
    pub(super) fn is_paired_with(&self, other: &Self) -> bool {
        let same = |(a, b): (&f64, &f64)| a.is_nan() == b.is_nan();
        self.rows == other.rows
            && self.n_repeats == other.n_repeats
            && self.losses.iter().zip(&other.losses).all(same)
    }
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value.min(WORST) } else { WORST }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(loss: f64) -> Scored {
        Scored { loss, contribution: loss / 2.0 }
    }

    #[test]
    fn cells_are_found_by_table_row_and_holes_stay() {
        let mut cells = CellMatrix::new(vec![3, 5, 9], 2);
        cells.set(5, 1, scored(4.0));
        cells.set(3, 1, scored(0.0));
        assert_eq!(cells.losses(1)[..2], [0.0, 4.0]);
        assert_eq!(cells.contributions(1)[..2], [0.0, 2.0]);
        assert!(cells.losses(1)[2].is_nan() && cells.contributions(0).iter().all(|c| c.is_nan()));
        assert_eq!(cells.n_tested(), 2);
    }

    #[test]
    fn a_prediction_that_is_no_number_is_the_worst_and_no_hole() {
        let mut cells = CellMatrix::new(vec![0, 1, 2], 1);
        for (row, loss) in [(0, f64::NAN), (1, f64::INFINITY), (2, 1e200)] {
            cells.set(row, 0, scored(loss));
        }
        assert_eq!(cells.losses(0), [WORST; 3]);
        assert_eq!(cells.n_tested(), 3);
    }

    #[test]
    #[should_panic(expected = "tested once")]
    fn a_cell_is_filled_once() {
        let mut cells = CellMatrix::new(vec![0], 1);
        cells.set(0, 0, scored(1.0));
        cells.set(0, 0, scored(1.0));
    }

    #[test]
    fn pairs_have_the_same_holes() {
        let with = |rows: &[u32]| {
            let mut cells = CellMatrix::new(vec![0, 1], 1);
            for &row in rows {
                cells.set(row, 0, scored(1.0));
            }
            cells
        };
        assert!(with(&[1]).is_paired_with(&with(&[1])));
        assert!(!with(&[1]).is_paired_with(&with(&[0])));
        assert!(!with(&[1]).is_paired_with(&CellMatrix::new(vec![1], 1)));
    }
}
