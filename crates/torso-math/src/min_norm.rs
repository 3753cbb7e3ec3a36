//! The point of smallest norm in the convex hull of the rows of a Jacobian.

use crate::gramian::Gramian;
use crate::nonnegative_qp::{NonnegativeQp, QpFailure};

/// The weights `w` on the simplex that minimize `w' G w`; shared by the rows of zeros if there are
/// any.
///
/// # Method
/// With `z = s w`, `s >= 0`, the program `min z' G z + sigma (1 - sum z)^2, z >= 0` has its
/// smallest value `sigma a / (sigma + a)` over `s` at `a = w' G w`, which grows with `a`: its
/// solution, scaled to sum 1, is the answer for any `sigma > 0`. So the simplex needs no
/// constraint, and the solver is [`NonnegativeQp`]. Of the size of the smallest row, `sigma` hides
/// none of them behind rounding; but where 0 lies in the hull of much longer rows they may hide
/// `sigma`, and leave the program without a solution. It then grows until there is one.
pub fn min_norm(gramian: &Gramian) -> Result<Vec<f64>, QpFailure> {
    let sigma = gramian.diagonal().fold(f64::INFINITY, f64::min);
    if !gramian.trace().is_finite() {
        return Err(QpFailure::NotConverged);
    }
    if sigma <= 0.0 {
        let zeros = gramian.diagonal().filter(|square| *square <= 0.0).count() as f64;
        return Ok(gramian.diagonal().map(|g| if g <= 0.0 { 1.0 / zeros } else { 0.0 }).collect());
    }
    let largest = gramian.diagonal().fold(0.0, f64::max);
    let mut sigma = sigma;
    loop {
        match with_sigma(gramian, sigma) {
            Err(QpFailure::Unbounded) if sigma < largest => sigma = (1e8 * sigma).min(largest),
            outcome => return outcome,
        }
    }
}

fn with_sigma(gramian: &Gramian, sigma: f64) -> Result<Vec<f64>, QpFailure> {
    let n = gramian.n();
    let lifted = gramian.data().iter().map(|value| value / sigma + 1.0).collect();
    let mut z = vec![0.0; n];
    NonnegativeQp::new(&Gramian::new(n, lifted)).solve(&vec![1.0; n], &mut z)?;
    let sum: f64 = z.iter().sum();
    Ok(z.iter().map(|z| z / sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::seed::{Seed, normal};

    #[test]
    fn every_row_reaches_at_least_the_squared_norm() {
        let mut stream = Seed(6).stream("test", "", 0);
        for (n, rank) in [(2, 3), (5, 2), (5, 9), (20, 3), (20, 19), (100, 40), (100, 300)] {
            let rows: Vec<f64> = (0..n * rank).map(|_| normal(&mut stream) + 0.3).collect();
            let gramian = Gramian::of_rows(n, &rows);
            let w = min_norm(&gramian).unwrap();
            assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            let (square, reach) = (gramian.squared_norm(&w), gramian.times(&w));
            let largest = gramian.diagonal().fold(0.0, f64::max);
            for (reach, w) in reach.iter().zip(&w) {
                let slack = (reach - square) / largest;
                assert!(slack > -1e-12, "n {n}, rank {rank}: {slack:e}");
                assert!(*w == 0.0 || slack.abs() < 1e-12, "n {n}, rank {rank}: {slack:e}");
            }
        }
    }

    #[test]
    fn long_rows_hide_no_short_ones() {
        // The short rows' own answer: the long one is orthogonal and far away.
        let rows = [3e-9, 1e-9, 0.0, -1e-9, 2e-9, 0.0, 0.0, 0.0, 1e9];
        let w = min_norm(&Gramian::of_rows(3, &rows)).unwrap();
        let short = min_norm(&Gramian::of_rows(2, &[3e-9, 1e-9, -1e-9, 2e-9])).unwrap();
        assert!((w[0] - short[0]).abs() < 1e-12 && (w[1] - short[1]).abs() < 1e-12);
        assert!(w[2] < 1e-30);
    }

    #[test]
    fn long_rows_around_zero_hide_no_answer() {
        for (long, short) in [(1.0, 1e-6), (2e3, 2e-10), (1e20, 1.0), (1e30, 1e-30)] {
            let rows = [long, 0.0, -0.1 * long, 0.0, 0.0, short];
            let gramian = Gramian::of_rows(3, &rows);
            let w = min_norm(&gramian).unwrap();
            assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            // No worse than the shortest row alone, but for the rounding of the long ones.
            let most = 1.001 * short * short + 1e-15 * long * long;
            assert!(gramian.squared_norm(&w) <= most, "{long:e}, {short:e}: {w:?}");
        }
    }

    #[test]
    fn the_golden_point_and_a_hull_that_holds_zero() {
        let w = min_norm(&Gramian::new(2, vec![18.0, -22.0, -22.0, 38.0])).unwrap();
        assert!((w[0] - 0.6).abs() < 1e-14 && (w[1] - 0.4).abs() < 1e-14);
        let w = min_norm(&Gramian::of_rows(3, &[1.0, -2.0, 1.0])).unwrap();
        assert!(Gramian::of_rows(3, &[1.0, -2.0, 1.0]).squared_norm(&w) < 1e-28);
        assert_eq!(min_norm(&Gramian::new(2, vec![0.0; 4])).unwrap(), [0.5, 0.5]);
        let one_zero = Gramian::of_rows(3, &[1.0, 0.0, 3.0]);
        assert_eq!(min_norm(&one_zero).unwrap(), [0.0, 1.0, 0.0]);
    }
}
