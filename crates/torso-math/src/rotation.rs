//! Rotations that turn step by step towards a goal.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef};

/// An orthogonal matrix `R [k, k]` of determinant 1; rows of points are turned as `x R`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    k: usize,
    /// Row-major.
    data: Vec<f64>,
}

impl Rotation {
    /// The rotation that turns nothing.
    pub fn identity(k: usize) -> Self {
        let data = (0..k * k).map(|at| if at % (k + 1) == 0 { 1.0 } else { 0.0 }).collect();
        Self { k, data }
    }

    /// The rotation of these numbers, row-major.
    ///
    /// # Panics
    /// If they are not `k * k`.
    pub fn from_data(k: usize, data: Vec<f64>) -> Self {
        assert_eq!(data.len(), k * k, "a rotation is [k, k]");
        Self { k, data }
    }

    /// All numbers, row-major.
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// Turns by one step along which `|from R - to|^2` falls, for rows of points `[n, k]`.
    ///
    /// The slope of that distance on the rotations is the skew part of `-R' from' to`; the step is
    /// Cayley's `R (I + s A)^-1 (I - s A)`, which is a rotation again whatever its length. `rate`
    /// is the length of the step in radians where all points ask for the same turn, since the slope
    /// is taken beside the sizes of `from` and `to`. Nothing where one of them is zero.
    ///
    /// # Panics
    /// If `from` and `to` are not rows of `k` numbers, as many of each.
    pub fn turn(&mut self, from: &[f64], to: &[f64], rate: f64) {
        let k = self.k;
        assert!(from.len() == to.len() && from.len().is_multiple_of(k), "rows of k numbers");
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let size = norm(from) * norm(to);
        if size <= 0.0 || !size.is_finite() {
            return;
        }
        let rows = |v: &'_ [f64]| -> Mat<f64> {
            Mat::from_fn(v.len() / k, k, |row, column| v[row * k + column])
        };
        let rotation = MatRef::from_row_major_slice(&self.data, k, k);
        let product = rotation.transpose() * (rows(from).transpose() * rows(to));
        // Half a step of half the difference, with the sign of a descent.
        let skew = |i: usize, j: usize| (product[(j, i)] - product[(i, j)]) * rate / (4.0 * size);
        let unit = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
        let left = Mat::from_fn(k, k, |i, j| unit(i, j) + skew(i, j));
        let right = Mat::from_fn(k, k, |i, j| unit(i, j) - skew(i, j));
        let turned = rotation * left.partial_piv_lu().solve(right);
        self.data = (0..k * k).map(|at| turned[(at / k, at % k)]).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::seed::{Seed, normal};

    fn product(a: &[f64], b: &[f64], k: usize) -> Vec<f64> {
        let at = |at: usize| (0..k).map(|l| a[at / k * k + l] * b[l * k + at % k]).sum();
        (0..a.len()).map(at).collect()
    }

    #[test]
    fn a_rotation_stays_one_and_finds_its_goal() {
        let (k, n) = (6, 40);
        let mut stream = Seed(9).stream("test", "", 0);
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
        let from = draw(n * k);
        let mut goal = Rotation::identity(k);
        for _ in 0..200 {
            goal.turn(&draw(k), &draw(k), 0.5);
        }
        let to = product(&from, goal.data(), k);
        let mut found = Rotation::identity(k);
        let distance = |rotation: &Rotation| -> f64 {
            let turned = product(&from, rotation.data(), k);
            turned.iter().zip(&to).map(|(a, b)| (a - b).powi(2)).sum()
        };
        let first = distance(&found);
        let mut last = first;
        for _ in 0..4000 {
            found.turn(&from, &to, 0.3);
            assert!(distance(&found) <= last + 1e-9);
            last = distance(&found);
        }
        assert!(last < 1e-6 * first, "{first} to {last}");
        let transposed: Vec<f64> = (0..k * k).map(|at| found.data()[at % k * k + at / k]).collect();
        for (at, value) in product(found.data(), &transposed, k).iter().enumerate() {
            let expected = if at % (k + 1) == 0 { 1.0 } else { 0.0 };
            assert!((value - expected).abs() < 1e-10);
        }
    }

    #[test]
    fn nothing_is_turned_without_points() {
        let mut rotation = Rotation::identity(3);
        rotation.turn(&[0.0; 6], &[1.0; 6], 0.1);
        assert_eq!(rotation, Rotation::identity(3));
    }
}
