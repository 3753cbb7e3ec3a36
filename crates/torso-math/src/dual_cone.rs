//! Projections onto the directions along which no task gets worse.

use crate::gramian::Gramian;
use crate::nonnegative_qp::{NonnegativeQp, QpFailure};

/// The dual cone `{v : J v >= 0}` of the rows of a Jacobian, known by `G = J J'` alone.
pub struct DualCone<'a> {
    gramian: &'a Gramian,
    qp: NonnegativeQp,
}

impl<'a> DualCone<'a> {
    /// For one Gramian.
    pub fn new(gramian: &'a Gramian) -> Self {
        Self { gramian, qp: NonnegativeQp::new(gramian) }
    }

    /// The weights `w` whose `J' w` is the point of `{v : J v >= margin}` nearest to `J' u`.
    ///
    /// They are `u + z` for the multipliers `z >= 0` of the constraints: the least `w >= u`, so to
    /// say. Unbounded where no `v` has the margin.
    pub fn project(&mut self, u: &[f64], margin: f64) -> Result<Vec<f64>, QpFailure> {
        let product = self.gramian.times(u);
        let missing: Vec<f64> = product.iter().map(|product| margin - product).collect();
        let mut w = vec![0.0; u.len()];
        self.qp.solve(&missing, &mut w)?;
        w.iter_mut().zip(u).for_each(|(w, u)| *w += u);
        Ok(w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_projection_of_the_mean() {
        let gramian = Gramian::new(2, vec![18.0, -22.0, -22.0, 38.0]);
        let w = DualCone::new(&gramian).project(&[0.5, 0.5], 0.0).unwrap();
        assert!((w[0] - 11.0 / 18.0).abs() < 1e-15 && (w[1] - 0.5).abs() < 1e-15);
        let w = DualCone::new(&gramian).project(&[0.5, 0.5], 1.0).unwrap();
        assert!(gramian.times(&w).iter().all(|reach| *reach > 1.0 - 1e-12));
    }
}
