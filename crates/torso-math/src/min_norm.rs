//! The point of smallest norm in the convex hull of the rows of a Jacobian.

use crate::gramian::Gramian;
use crate::nonnegative_qp::{NonnegativeQp, QpFailure};

/// The weights `w` on the simplex that minimize `w' G w`.
///
/// # Method
/// With `z = s w`, `s >= 0`, the program `min z' G z + sigma (1 - sum z)^2, z >= 0` has its
/// smallest value `sigma a / (sigma + a)` over `s` at `a = w' G w`, which grows with `a`: its
/// solution, scaled to sum 1, is the answer for any `sigma > 0`. So the simplex needs no
/// constraint, and the solver is [`NonnegativeQp`].
pub fn min_norm(gramian: &Gramian) -> Result<Vec<f64>, QpFailure> {
    let n = gramian.n();
    let sigma = gramian.trace() / n as f64;
    if sigma <= 0.0 || !sigma.is_finite() {
        return if sigma == 0.0 {
            Ok(vec![1.0 / n as f64; n])
        } else {
            Err(QpFailure::NotConverged)
        };
    }
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
    fn the_golden_point_and_a_hull_that_holds_zero() {
        let w = min_norm(&Gramian::new(2, vec![18.0, -22.0, -22.0, 38.0])).unwrap();
        assert!((w[0] - 0.6).abs() < 1e-14 && (w[1] - 0.4).abs() < 1e-14);
        let w = min_norm(&Gramian::of_rows(3, &[1.0, -2.0, 1.0])).unwrap();
        assert!(Gramian::of_rows(3, &[1.0, -2.0, 1.0]).squared_norm(&w) < 1e-28);
        assert_eq!(min_norm(&Gramian::new(2, vec![0.0; 4])).unwrap(), [0.5, 0.5]);
    }
}
