//! The quadratic program `min 1/2 z' G z - b' z, z >= 0`, exact on singular Gramians.
//!
//! # Method
//! The active-set method of Lawson and Hanson (1974), on a Cholesky factor of the *passive* rows
//! (those with `z > 0`) that grows and shrinks by one row at a time. Rows are scaled to a diagonal
//! of ones first, so that a Jacobian's rows may differ by many orders of magnitude. A row that
//! depends on the passive ones leaves no curvature to a step: the step then goes on until a bound
//! stops it, and if none does, the program has no solution (Goldfarb and Idnani 1983).
//!
//! A Gramian in double precision does not hold what a row has of its own below about `1e-7` of its
//! length: such a row counts as dependent, and its condition holds to that.
//!
//! # Cost
//! `O(n^2)` for each row that enters or leaves; few do when the next `b` is like the last one.

use crate::gramian::{Gramian, dot};

/// A Schur complement below this times the number of rows, beside a diagonal of ones, is rounding:
/// the row depends on others as far as a Gramian in double precision can tell.
const DEPENDENT: f64 = 16.0 * f64::EPSILON;
/// A slope below this, beside the sizes of its terms, is rounding.
const FLAT: f64 = 1e-13;
/// What a row that counts as dependent may still have of its own, beside its length, with some
/// room: a slope below it shows nothing, and a share below it is none.
const OWN: f64 = 4e-7;

/// Why a program has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QpFailure {
    /// Along a direction `z >= 0` with `J' z = 0` the objective falls without end.
    Unbounded,
    /// The rows that enter and leave did not settle: a number is not finite.
    NotConverged,
}

/// Solves programs with one Gramian, each starting from the passive rows of the last.
#[derive(Debug, Clone)]
pub struct NonnegativeQp {
    /// With a diagonal of ones, or of zeros where a row of `J` is zero.
    scaled: Gramian,
    /// Inverse norms of the rows of `J`.
    scale: Vec<f64>,
    passive: Passive,
}

impl NonnegativeQp {
    /// For one Gramian.
    pub fn new(gramian: &Gramian) -> Self {
        let scale = gramian.inverse_norms();
        let n = gramian.n();
        Self { scaled: gramian.scaled(&scale), scale, passive: Passive::new(n) }
    }

    /// Forgets the last solution, so that the next one depends on its own `b` alone.
    pub fn reset(&mut self) {
        self.passive.clear();
    }

    /// Writes the solution for `b` into `z`, both `[n]`. Zeros of `z` are exact.
    pub fn solve(&mut self, b: &[f64], z: &mut [f64]) -> Result<(), QpFailure> {
        let n = self.scaled.n();
        z.fill(0.0);
        if b.iter().zip(&self.scale).any(|(b, scale)| *scale == 0.0 && *b > 0.0) {
            return Err(QpFailure::Unbounded);
        }
        let b: Vec<f64> = b.iter().zip(&self.scale).map(|(b, scale)| b * scale).collect();
        self.warm_start(&b, z);
        let mut refused = vec![false; n];
        for _ in 0..20 * n + 20 {
            let Some(entering) = self.most_violated(&b, z, &refused) else {
                z.iter_mut().zip(&self.scale).for_each(|(z, scale)| *z *= scale);
                return Ok(());
            };
            if self.enter(&b, entering, z)? {
                refused.fill(false);
            } else {
                refused[entering] = true;
            }
        }
        Err(QpFailure::NotConverged)
    }

    /// Takes the last passive rows as far as their solution is positive.
    fn warm_start(&mut self, b: &[f64], z: &mut [f64]) {
        while !self.passive.rows.is_empty() {
            let solution = self.passive.solve(b);
            let lowest = (0..solution.len()).min_by(|i, j| solution[*i].total_cmp(&solution[*j]));
            match lowest {
                Some(at) if solution[at] <= 0.0 || solution[at].is_nan() => self.passive.remove(at),
                _ => {
                    self.passive.write(&solution, z);
                    return;
                }
            }
        }
    }

    /// The row at 0 that would gain most by growing, if that is more than rounding.
    fn most_violated(&self, b: &[f64], z: &[f64], refused: &[bool]) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for i in 0..z.len() {
            if z[i] > 0.0 || refused[i] || self.passive.rows.contains(&i) {
                continue;
            }
            let row = self.scaled.row(i);
            let slope = b[i] - dot(row, z);
            if best.is_none_or(|(_, largest)| slope > largest) && slope > FLAT * self.size(b, z, i)
            {
                best = Some((i, slope));
            }
        }
        best.map(|(i, _)| i)
    }

    /// The sizes of the terms of a row's slope.
    fn size(&self, b: &[f64], z: &[f64], i: usize) -> f64 {
        let terms = self.scaled.row(i).iter().zip(z).map(|(g, z)| (g * z).abs());
        b[i].abs() + terms.sum::<f64>()
    }

    /// Lets a row enter, and others leave, until the passive rows' solution is positive.
    /// `false` if rounding leaves nothing to gain from it.
    fn enter(&mut self, b: &[f64], entering: usize, z: &mut [f64]) -> Result<bool, QpFailure> {
        while !self.passive.push(&self.scaled, entering) {
            let slope = b[entering] - dot(self.scaled.row(entering), z);
            if slope < OWN * self.size(b, z, entering) {
                return Ok(false);
            }
            // No curvature: z_entering grows, the passive rows answer with J' z unchanged.
            let answer = self.passive.solve(self.scaled.row(entering));
            let steps = answer.iter().zip(&self.passive.rows).enumerate();
            let stop = steps
                .filter(|(_, (change, _))| **change > OWN)
                .map(|(at, (change, row))| (at, z[*row] / change))
                .min_by(|a, b| a.1.total_cmp(&b.1));
            let Some((at, length)) = stop else { return Err(QpFailure::Unbounded) };
            for (change, &row) in answer.iter().zip(&self.passive.rows) {
                z[row] = (z[row] - length * change).max(0.0);
            }
            z[entering] += length;
            z[self.passive.rows[at]] = 0.0;
            self.passive.remove(at);
        }
        let own = self.passive.rows.len() - 1;
        let mut solution = self.passive.solve(b);
        if solution[own] <= z[entering] && z[entering] == 0.0 {
            self.passive.remove(own);
            return Ok(false);
        }
        loop {
            let Some(at) = self.step_towards(&solution, z) else { return Ok(true) };
            z[self.passive.rows[at]] = 0.0;
            self.passive.remove(at);
            solution = self.passive.solve(b);
            if solution.iter().any(|value| !value.is_finite()) {
                return Err(QpFailure::NotConverged);
            }
        }
    }

    /// Moves `z` to the solution, or up to the first bound; gives the passive row that meets it.
    fn step_towards(&self, solution: &[f64], z: &mut [f64]) -> Option<usize> {
        let rows = &self.passive.rows;
        let meets = (0..rows.len()).filter(|&at| solution[at] <= 0.0).map(|at| {
            let from = z[rows[at]];
            (at, if from > 0.0 { from / (from - solution[at]) } else { 0.0 })
        });
        let Some((at, length)) = meets.min_by(|a, b| a.1.total_cmp(&b.1)) else {
            self.passive.write(solution, z);
            return None;
        };
        for (&row, &to) in rows.iter().zip(solution) {
            z[row] = (z[row] + length * (to - z[row])).max(0.0);
        }
        Some(at)
    }
}

/// The passive rows, in order of entry, with the Cholesky factor of their Gramian.
#[derive(Debug, Clone)]
struct Passive {
    rows: Vec<usize>,
    /// Lower triangle, row-major with stride `n`.
    factor: Vec<f64>,
    stride: usize,
}

impl Passive {
    fn new(n: usize) -> Self {
        Self { rows: Vec::with_capacity(n), factor: vec![0.0; n * n], stride: n }
    }

    fn clear(&mut self) {
        self.rows.clear();
    }

    /// Adds a row; `false` if it depends on those that are there.
    fn push(&mut self, gramian: &Gramian, row: usize) -> bool {
        let (m, stride) = (self.rows.len(), self.stride);
        let (above, new) = self.factor.split_at_mut(m * stride);
        for k in 0..m {
            let known = &above[k * stride..];
            let sum = dot(&known[..k], &new[..k]);
            new[k] = (gramian.at(row, self.rows[k]) - sum) / known[k];
        }
        let schur = gramian.at(row, row) - dot(&new[..m], &new[..m]);
        if schur <= DEPENDENT * stride as f64 || schur.is_nan() {
            return false;
        }
        new[m] = schur.sqrt();
        self.rows.push(row);
        true
    }

    /// Takes the row at `at` out; rotations close the gap in the factor.
    fn remove(&mut self, at: usize) {
        let (m, stride) = (self.rows.len(), self.stride);
        self.rows.remove(at);
        self.factor.copy_within((at + 1) * stride..m * stride, at * stride);
        for k in at..m - 1 {
            let (a, b) = (self.factor[k * stride + k], self.factor[k * stride + k + 1]);
            let radius = a.hypot(b);
            let (cos, sin) = (a / radius, b / radius);
            for row in k..m - 1 {
                let pair = &mut self.factor[row * stride + k..][..2];
                (pair[0], pair[1]) = (cos * pair[0] + sin * pair[1], cos * pair[1] - sin * pair[0]);
            }
        }
    }

    /// The solution of `G_PP x = b_P`, in order of entry.
    fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (m, stride) = (self.rows.len(), self.stride);
        let mut x: Vec<f64> = self.rows.iter().map(|row| b[*row]).collect();
        for k in 0..m {
            let row = &self.factor[k * stride..];
            x[k] = (x[k] - dot(&row[..k], &x[..k])) / row[k];
        }
        for k in (0..m).rev() {
            let row = &self.factor[k * stride..];
            x[k] /= row[k];
            let value = x[k];
            x[..k].iter_mut().zip(row).for_each(|(x, l)| *x -= l * value);
        }
        x
    }

    fn write(&self, solution: &[f64], z: &mut [f64]) {
        self.rows.iter().zip(solution).for_each(|(&row, &value)| z[row] = value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::seed::{Seed, Stream, normal};

    fn random(n: usize, rank: usize, stream: &mut Stream) -> Gramian {
        let left: Vec<f64> = (0..n * rank).map(|_| normal(stream)).collect();
        Gramian::of_rows(n, &left)
    }

    /// The largest violation of the optimality conditions, relative to the sizes involved.
    fn residual(gramian: &Gramian, b: &[f64], z: &[f64]) -> f64 {
        let norm: Vec<f64> = gramian.diagonal().map(f64::sqrt).collect();
        let product = gramian.times(z);
        (0..b.len())
            .map(|i| {
                let slope = product[i] - b[i];
                let reach: f64 = norm.iter().zip(z).map(|(norm, z)| norm * z).sum();
                let size = norm[i] * reach + b[i].abs();
                let broken = if z[i] > 0.0 { slope.abs() } else { (-slope).max(0.0) };
                if size > 0.0 { broken / size } else { broken }
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn optimality_holds_for_every_size_and_rank() {
        let mut stream = Seed(3).stream("test", "", 0);
        for n in [1, 2, 5, 20, 100] {
            for rank in [1, 2, n / 2, n - 1, n, 2 * n] {
                if rank == 0 {
                    continue;
                }
                let gramian = random(n, rank, &mut stream);
                let mut qp = NonnegativeQp::new(&gramian);
                for _ in 0..10 {
                    // In the range of G, as every projection on a cone is.
                    let u: Vec<f64> = (0..n).map(|_| normal(&mut stream)).collect();
                    let b = gramian.times(&u);
                    let mut z = vec![0.0; n];
                    qp.solve(&b, &mut z).unwrap();
                    assert!(z.iter().all(|z| *z >= 0.0));
                    let residual = residual(&gramian, &b, &z);
                    assert!(residual < 1e-11, "n {n}, rank {rank}: {residual:e}");
                }
            }
        }
    }

    #[test]
    fn rows_of_any_length_change_no_digit_that_counts() {
        let mut stream = Seed(4).stream("test", "", 0);
        let gramian = random(6, 4, &mut stream);
        let stretch: Vec<f64> = (0..6).map(|i| 10f64.powi(4 * i - 10)).collect();
        let b = gramian.times(&[-1.0, 2.0, 0.5, -0.3, 1.0, -2.0]);
        let (mut z, mut stretched) = (vec![0.0; 6], vec![0.0; 6]);
        NonnegativeQp::new(&gramian).solve(&b, &mut z).unwrap();
        let scaled_b: Vec<f64> = b.iter().zip(&stretch).map(|(b, s)| b * s).collect();
        NonnegativeQp::new(&gramian.scaled(&stretch)).solve(&scaled_b, &mut stretched).unwrap();
        let d = |gramian: &Gramian, z: &[f64]| gramian.times(z);
        let back: Vec<f64> = stretched.iter().zip(&stretch).map(|(z, s)| z * s).collect();
        for (a, b) in d(&gramian, &z).iter().zip(d(&gramian, &back)) {
            assert!((a - b).abs() < 1e-9);
        }
    }

    #[test]
    fn a_program_without_a_solution_is_told_apart() {
        let opposed = Gramian::of_rows(2, &[1.0, -1.0]);
        let mut z = [0.0; 2];
        let mut qp = NonnegativeQp::new(&opposed);
        assert_eq!(qp.solve(&[1.0, 1.0], &mut z), Err(QpFailure::Unbounded));
        qp.reset();
        assert_eq!(qp.solve(&[1.0, -1.0], &mut z), Ok(()));
        assert_eq!(z[..], [1.0, 0.0]);
        let zero = Gramian::of_rows(2, &[0.0, 1.0]);
        assert_eq!(NonnegativeQp::new(&zero).solve(&[1.0, 1.0], &mut z), Err(QpFailure::Unbounded));
        assert_eq!(NonnegativeQp::new(&zero).solve(&[0.0, 1.0], &mut z), Ok(()));
        assert_eq!(z[..], [0.0, 1.0]);
    }

    #[test]
    fn warm_starts_change_nothing() {
        let mut stream = Seed(5).stream("test", "", 0);
        let gramian = random(12, 30, &mut stream);
        let mut warm = NonnegativeQp::new(&gramian);
        for _ in 0..20 {
            let b: Vec<f64> = (0..12).map(|_| normal(&mut stream)).collect();
            let (mut z, mut cold) = (vec![0.0; 12], vec![0.0; 12]);
            warm.solve(&b, &mut z).unwrap();
            NonnegativeQp::new(&gramian).solve(&b, &mut cold).unwrap();
            for (warm, cold) in z.iter().zip(&cold) {
                assert!((warm - cold).abs() < 1e-12);
            }
        }
    }
}
