//! Rounds over mixtures, basis and scales, none of which raises the objective.

use faer::{Mat, MatRef, Scale};
use torso_core::seed::{Seed, normal};
use torso_math::{Spectrum, SymmetricEigen};

use crate::solution::Effort;
use crate::solver::metric;
use crate::tasks::{Tasks, inner, product};

/// `W = L S`.
#[derive(Debug, Clone)]
pub(super) struct Factors {
    /// `[n_features, k]`.
    pub(super) l: Mat<f64>,
    /// `[k, n_tasks]`.
    pub(super) s: Mat<f64>,
}

/// Where rounds ended.
pub(super) struct Found {
    pub(super) factors: Factors,
    pub(super) objective: f64,
    /// By how much the last round lowered the objective, relative to it.
    pub(super) residual: f64,
    pub(super) is_done: bool,
    pub(super) iterations: usize,
}

impl Factors {
    /// Rotations of the first `k` singular vectors of the coefficients that each task has alone;
    /// the first start is not rotated.
    pub(super) fn starts(tasks: &Tasks, k: usize, restarts: usize, seed: Seed) -> Vec<Self> {
        let alone = Spectrum::of(metric::ridge_alone(tasks).as_ref());
        let k = k.min(alone.values.len());
        let roots: Vec<f64> = alone.values.iter().map(|value| value.sqrt()).collect();
        let half = |m: &Mat<f64>| Mat::from_fn(m.nrows(), k, |i, j| m[(i, j)] * roots[j]);
        let (l, s) = (half(&alone.left), half(&alone.right));
        let start = |restart: usize| {
            if restart == 0 {
                return Self { l: l.clone(), s: s.transpose().to_owned() };
            }
            let mut stream = seed.stream("rotation", "go-mtl", restart as u64);
            let draw = Spectrum::of(Mat::from_fn(k, k, |_, _| normal(&mut stream)).as_ref());
            let turn = product(draw.left.as_ref(), draw.right.transpose());
            let s = product(s.as_ref(), turn.as_ref()).transpose().to_owned();
            Self { l: product(l.as_ref(), turn.as_ref()), s }
        };
        (0..restarts).map(start).collect()
    }

    pub(super) fn w(&self) -> Mat<f64> {
        product(self.l.as_ref(), self.s.as_ref())
    }
}

/// `min loss(L S) + mu |S|_1 + lambda/2 |L|_F^2`.
pub(super) struct Problem<'a> {
    tasks: &'a Tasks,
    mu: f64,
    lambda: f64,
    /// The Gram matrix of all tasks, where they share one.
    shared: Option<SymmetricEigen>,
}

impl<'a> Problem<'a> {
    pub(super) fn new(tasks: &'a Tasks, mu: f64, lambda: f64) -> Self {
        let shared = tasks.shared().map(|_| SymmetricEigen::of(tasks.gram(0).as_ref()));
        Self { tasks, mu, lambda, shared }
    }

    pub(super) fn penalty(&self, factors: &Factors) -> f64 {
        self.mu * factors.s.norm_l1() + 0.5 * self.lambda * factors.l.squared_norm_l2()
    }

    pub(super) fn objective(&self, factors: &Factors) -> f64 {
        self.tasks.value(factors.w().as_ref()) + self.penalty(factors)
    }

    /// Rounds until one lowers the objective by less than the tolerance, relatively.
    pub(super) fn minimize(&self, start: Factors, effort: Effort) -> Found {
        let mut factors = start;
        self.scale(&mut factors);
        let mut objective = self.objective(&factors);
        let mut iterations = 0;
        loop {
            iterations += 1;
            self.round(&mut factors);
            let next = self.objective(&factors);
            let residual = if next > 0.0 { ((objective - next) / next).max(0.0) } else { 0.0 };
            objective = next;
            let is_done = residual <= effort.tolerance;
            if is_done || iterations >= effort.iterations {
                return Found { factors, objective, residual, is_done, iterations };
            }
        }
    }

    pub(super) fn round(&self, factors: &mut Factors) {
        self.mix(factors);
        self.scale(factors);
        factors.l = match &self.shared {
            Some(gram) => self.basis_shared(gram, factors.s.as_ref()),
            None => self.basis(factors),
        };
        self.scale(factors);
    }

    /// The mixtures of each task: a lasso over the features `X_t L`.
    fn mix(&self, factors: &mut Factors) {
        let l = factors.l.as_ref();
        let moments = product(l.transpose(), self.tasks.moments());
        let gram = |t: usize| {
            let image = product(self.tasks.gram(t).as_ref(), l);
            product(l.transpose(), image.as_ref())
        };
        let shared = self.shared.as_ref().map(|_| gram(0));
        for t in 0..self.tasks.n_tasks() {
            let own = if shared.is_some() { None } else { Some(gram(t)) };
            let gram = own.as_ref().or(shared.as_ref()).expect("one of them is made");
            lasso(gram, moments.col_as_slice(t), self.mu, factors.s.col_as_slice_mut(t));
        }
    }

    /// The best scale of each component: where `mu |S_k.| = lambda |L_.k|^2`. One without mixtures
    /// or without a vector is dropped.
    fn scale(&self, factors: &mut Factors) {
        for k in 0..factors.l.ncols() {
            let size = self.mu * factors.s.row(k).norm_l1();
            let square = self.lambda * factors.l.col(k).squared_norm_l2();
            let factor = (size / square).cbrt();
            let factor = if factor.is_finite() && size > 0.0 { factor } else { 0.0 };
            let inverse = if factor > 0.0 { factor.recip() } else { 0.0 };
            factors.l.col_mut(k).iter_mut().for_each(|v| *v *= factor);
            factors.s.row_mut(k).iter_mut().for_each(|v| *v *= inverse);
        }
    }

    /// The basis where tasks share `G = U g U'`: `G L M + lambda L = C S'`, `M = S S' = V m V'`.
    fn basis_shared(&self, gram: &SymmetricEigen, s: MatRef<'_, f64>) -> Mat<f64> {
        let mixing = SymmetricEigen::of(product(s, s.transpose()).as_ref());
        let right = product(self.tasks.moments(), s.transpose());
        let turned = product(gram.vectors.transpose(), right.as_ref());
        let turned = product(turned.as_ref(), mixing.vectors.as_ref());
        let divided = Mat::from_fn(turned.nrows(), turned.ncols(), |i, j| {
            turned[(i, j)] / (gram.values[i].max(0.0) * mixing.values[j].max(0.0) + self.lambda)
        });
        let half = product(gram.vectors.as_ref(), divided.as_ref());
        product(half.as_ref(), mixing.vectors.transpose())
    }

    /// The basis of other tasks, `sum_t G_t L s_t s_t' + lambda L = C S'`, by conjugate gradients
    /// from the last one: each step lowers the objective.
    fn basis(&self, factors: &Factors) -> Mat<f64> {
        /// The most steps of a round, and the relative residual at which they end.
        const STEPS: usize = 50;
        const TOLERANCE: f64 = 1e-10;
        let s = factors.s.as_ref();
        let apply = |l: &Mat<f64>| {
            let images = self.tasks.gram_times(product(l.as_ref(), s).as_ref());
            product(images.as_ref(), s.transpose()) + Scale(self.lambda) * l
        };
        let mut l = factors.l.clone();
        let right = product(self.tasks.moments(), s.transpose());
        let mut residual = &right - apply(&l);
        let mut direction = residual.clone();
        let mut energy = residual.squared_norm_l2();
        let goal = TOLERANCE * TOLERANCE * right.squared_norm_l2();
        for _ in 0..STEPS {
            if energy <= goal {
                break;
            }
            let image = apply(&direction);
            let step = energy / inner(direction.as_ref(), image.as_ref());
            l += Scale(step) * &direction;
            residual -= Scale(step) * image;
            let next = residual.squared_norm_l2();
            direction = &residual + Scale(next / energy) * direction;
            energy = next;
        }
        l
    }
}

/// `min 1/2 s'Bs - c's + mu |s|_1` from `s`, in place, by coordinate descent.
fn lasso(gram: &Mat<f64>, moments: &[f64], mu: f64, s: &mut [f64]) {
    /// The most sweeps, and the relative change at which they end.
    const SWEEPS: usize = 200;
    const TOLERANCE: f64 = 1e-10;
    for _ in 0..SWEEPS {
        let (mut moved, mut size) = (0.0_f64, 0.0_f64);
        for k in 0..s.len() {
            let curvature = gram[(k, k)];
            let column = gram.col(k);
            let others: f64 =
                column.iter().zip(&*s).map(|(b, v)| b * v).sum::<f64>() - curvature * s[k];
            let pull = moments[k] - others;
            let best = (pull.abs() - mu).max(0.0).copysign(pull);
            let next = if curvature > 0.0 { best / curvature } else { 0.0 };
            moved = moved.max((next - s[k]).abs() * curvature.max(0.0).sqrt());
            size = size.max(next.abs() * curvature.max(0.0).sqrt());
            s[k] = next;
        }
        if moved <= TOLERANCE * size {
            return;
        }
    }
}
