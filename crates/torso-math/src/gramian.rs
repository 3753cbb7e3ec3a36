//! Symmetric positive semidefinite matrices, as `G = J J'`.

use faer::{MatRef, Side};

/// `G = J J'`, `[n, n]`: symmetric and positive semidefinite.
#[derive(Debug, Clone, PartialEq)]
pub struct Gramian {
    n: usize,
    /// Row-major.
    data: Vec<f64>,
}

/// `G = V diag(values) V'`.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigen {
    /// Eigenvalues, ascending.
    pub values: Vec<f64>,
    /// Eigenvectors: row `k` is that of value `k`, `[n, n]`, row-major.
    pub vectors: Vec<f64>,
}

impl Gramian {
    /// Takes a row-major matrix `[n, n]` that is a Gramian; only its lower triangle is read.
    ///
    /// # Panics
    /// If `data` has not `n * n` numbers.
    pub fn new(n: usize, mut data: Vec<f64>) -> Self {
        assert_eq!(data.len(), n * n, "a Gramian is square");
        for i in 0..n {
            for j in 0..i {
                data[j * n + i] = data[i * n + j];
            }
        }
        Self { n, data }
    }

    /// `J J'` of a row-major `jacobian [n, width]`.
    ///
    /// # Panics
    /// If `jacobian` has not `n` rows.
    pub fn of_rows(n: usize, jacobian: &[f64]) -> Self {
        assert_eq!(jacobian.len() % n.max(1), 0, "{n} rows of one width");
        let width = jacobian.len() / n.max(1);
        let row = |i: usize| &jacobian[i * width..][..width];
        let at = |i: usize, j: usize| if j <= i { dot(row(i), row(j)) } else { 0.0 };
        Self::new(n, (0..n * n).map(|at_| at(at_ / n, at_ % n)).collect())
    }

    /// The number of rows.
    pub fn n(&self) -> usize {
        self.n
    }

    /// All numbers, row-major.
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// One row.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.n..][..self.n]
    }

    /// One number.
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.data[i * self.n + j]
    }

    /// The squared norms of the rows of `J`.
    pub fn diagonal(&self) -> impl Iterator<Item = f64> {
        (0..self.n).map(|i| self.at(i, i))
    }

    /// The sum of the squared norms.
    pub fn trace(&self) -> f64 {
        self.diagonal().sum()
    }

    /// `G w`: the scalar product of each row of `J` with `d = J' w`.
    pub fn times(&self, w: &[f64]) -> Vec<f64> {
        (0..self.n).map(|i| dot(self.row(i), w)).collect()
    }

    /// `w' G w`: the squared norm of `d = J' w`; never below 0.
    pub fn squared_norm(&self, w: &[f64]) -> f64 {
        dot(&self.times(w), w).max(0.0)
    }

    /// `diag(s) G diag(s)`: the Gramian of rows scaled by `s`.
    pub fn scaled(&self, s: &[f64]) -> Self {
        let at = |at: usize| s[at / self.n] * self.data[at] * s[at % self.n];
        Self { n: self.n, data: (0..self.data.len()).map(at).collect() }
    }

    /// The factors that scale every row of `J` to norm 1, and 0 for rows of zeros.
    pub fn inverse_norms(&self) -> Vec<f64> {
        self.diagonal()
            .map(|square| if square > 0.0 { square.sqrt().recip() } else { 0.0 })
            .collect()
    }

    /// The Gramian of some rows of `J`, in the order given.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut data = Vec::with_capacity(rows.len() * rows.len());
        for &i in rows {
            data.extend(rows.iter().map(|&j| self.at(i, j)));
        }
        Self { n: rows.len(), data }
    }

    /// All eigenvalues and eigenvectors; `None` if a number is not finite.
    pub fn eigen(&self) -> Option<Eigen> {
        if self.data.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let matrix = MatRef::from_row_major_slice(&self.data, self.n, self.n);
        let eigen = matrix.self_adjoint_eigen(Side::Lower).ok()?;
        let values = (0..self.n).map(|k| eigen.S().column_vector()[k]).collect();
        let vector = |k: usize| (0..self.n).map(move |i| (i, k));
        let vectors = (0..self.n).flat_map(vector).map(|at| eigen.U()[at]).collect();
        Some(Eigen { values, vectors })
    }

    /// The solution of `G x = b`; `None` unless `G` is numerically positive definite.
    pub fn solve(&self, b: &[f64]) -> Option<Vec<f64>> {
        use faer::linalg::solvers::Solve;
        let matrix = MatRef::from_row_major_slice(&self.data, self.n, self.n);
        let factor = matrix.llt(Side::Lower).ok()?;
        let x = factor.solve(MatRef::from_column_major_slice(b, self.n, 1));
        Some((0..self.n).map(|i| x[(i, 0)]).collect())
    }
}

impl Eigen {
    /// The eigenvector of value `k`.
    pub fn vector(&self, k: usize) -> &[f64] {
        let n = self.values.len();
        &self.vectors[k * n..][..n]
    }

    /// The first eigenvalue that is above rounding: 16 `n epsilon` times the largest.
    pub fn first_positive(&self) -> usize {
        let largest = self.values.last().copied().unwrap_or(0.0);
        let floor = 16.0 * f64::EPSILON * self.values.len() as f64 * largest.max(0.0);
        self.values.iter().position(|value| *value > floor).unwrap_or(self.values.len())
    }
}

/// The scalar product, summed in four lanes.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0f64; 4];
    let (a_chunks, b_chunks) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gramian_of_rows_has_their_products() {
        let gramian = Gramian::of_rows(2, &[-4.0, 1.0, 1.0, 6.0, 1.0, 1.0]);
        assert_eq!(gramian.data(), [18.0, -22.0, -22.0, 38.0]);
        assert_eq!(gramian.times(&[1.0, 1.0]), [-4.0, 16.0]);
        assert!((gramian.squared_norm(&[0.6, 0.4]) - 2.0).abs() < 1e-14);
        assert_eq!(gramian.select(&[1]).data(), [38.0]);
        assert_eq!(gramian.scaled(&[0.0, 2.0]).data(), [0.0, -0.0, -0.0, 152.0]);
    }

    #[test]
    fn eigenpairs_and_solutions_hold() {
        let gramian =
            Gramian::of_rows(3, &[1.0, -2.0, 0.5, 3.0, -2.0, 1.5, 1.0, -1.0, 0.5, 1.0, -3.0, 2.0]);
        let eigen = gramian.eigen().unwrap();
        assert!(eigen.values.windows(2).all(|pair| pair[0] <= pair[1]));
        for k in 0..3 {
            let product = gramian.times(eigen.vector(k));
            for (product, v) in product.iter().zip(eigen.vector(k)) {
                assert!((product - eigen.values[k] * v).abs() < 1e-12);
            }
        }
        let x = gramian.solve(&[1.0, 2.0, 3.0]).unwrap();
        for (product, b) in gramian.times(&x).iter().zip([1.0, 2.0, 3.0]) {
            assert!((product - b).abs() < 1e-12);
        }
        let singular = Gramian::of_rows(3, &[1.0, 1.0, 2.0, 2.0, -1.0, 1.0]);
        assert_eq!(singular.eigen().unwrap().first_positive(), 1);
    }
}
