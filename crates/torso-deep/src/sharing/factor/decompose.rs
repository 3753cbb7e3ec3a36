//! Decompositions of the tasks' weights of one layer, `W_t [inputs, outputs]` for `t` of `T` tasks.
//!
//! # Formula
//! `W_t = D (sum_k S_kt L_k) U`: `D [inputs, r1]` and `U [r2, outputs]` are bases that all tasks
//! share, `L_k [r1, r2]` parts that they share, and `S [K, T]` mixes the parts for each task.
//!
//! | form | `D` | `U` | how |
//! |---|---|---|---|
//! | LAF | none | none | SVD of the tasks' unfolding `[inputs * outputs, T]` |
//! | TT | from `[inputs, outputs * T]` | none | SVD after SVD: `L` and `S` from what `D` left |
//! | Tucker | from `[inputs, outputs * T]` | from `[outputs, inputs * T]` | HOSVD: an SVD of each unfolding |
//!
//! Each SVD keeps the fewest singular values that leave out at most `eps` of its matrix, in
//! Frobenius norm: with `N` of them the weights are off by `sqrt(N) eps` at most.
//!
//! Rows of `S` have a mean square of 1 over the tasks, so that parts are of the size of weights and
//! learn at their rate. The bases are orthonormal.

use faer::Mat;
use torso_math::Spectrum;

/// Which modes of the weights have a factor besides the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Last-axis flattening: only the tasks.
    Laf,
    /// All modes.
    Tucker,
    /// A tensor train: inputs and tasks.
    Tt,
}

impl Form {
    /// The modes that have a rank, in the order of ranks.
    pub(crate) fn modes(self) -> &'static [&'static str] {
        match self {
            Self::Laf => &["tasks"],
            Self::Tucker => &["inputs", "outputs", "tasks"],
            Self::Tt => &["inputs", "tasks"],
        }
    }

    /// Whether inputs have a basis.
    pub(crate) fn has_down(self) -> bool {
        self != Self::Laf
    }

    /// Whether outputs have a basis.
    pub(crate) fn has_up(self) -> bool {
        self == Self::Tucker
    }
}

/// How many singular values are kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cut {
    /// The fewest that leave out at most this share of the norm.
    Error(f64),
    /// So many for each mode, or all there are.
    Ranks(Vec<usize>),
}

impl Cut {
    /// The rank of the mode at position `mode`, at least 1.
    fn rank(&self, mode: usize, values: &[f64]) -> usize {
        match self {
            Self::Ranks(ranks) => ranks[mode].min(values.len()),
            Self::Error(eps) => {
                let total: f64 = values.iter().map(|s| s * s).sum();
                let mut left_out = 0.0;
                let dropped = values.iter().rev().take_while(|s| {
                    left_out += *s * *s;
                    left_out <= eps * eps * total
                });
                (values.len() - dropped.count()).max(1)
            }
        }
    }
}

/// The factors of one layer's weights.
#[derive(Debug, Clone)]
pub(crate) struct Factors {
    /// `D [inputs, r1]`.
    pub(crate) down: Option<Mat<f64>>,
    /// `L_k`, each `[r1, r2]`, or as wide as the layer where there is no basis.
    pub(crate) parts: Vec<Mat<f64>>,
    /// `S [K, T]`.
    pub(crate) mixing: Mat<f64>,
    /// `U [r2, outputs]`.
    pub(crate) up: Option<Mat<f64>>,
}

impl Factors {
    /// Decomposes the weights of the tasks, at least one.
    pub(crate) fn of(weights: &[Mat<f64>], form: Form, cut: &Cut) -> Self {
        let tasks = form.modes().len() - 1;
        let down = form.has_down().then(|| basis(&beside(weights), 0, cut));
        let up = form.has_up().then(|| {
            let turned: Vec<Mat<f64>> = weights.iter().map(|w| w.transpose().to_owned()).collect();
            basis(&beside(&turned), 1, cut).transpose().to_owned()
        });
        let small: Vec<Mat<f64>> = weights
            .iter()
            .map(|w| down.as_ref().map_or_else(|| w.clone(), |d| d.transpose() * w))
            .map(|w| up.as_ref().map_or_else(|| w.clone(), |u| &w * u.transpose()))
            .collect();
        // The higher-order SVD looks at each unfolding of the weights themselves.
        let unfolded = flat(if form == Form::Tucker { weights } else { &small });
        let Spectrum { values, right, .. } = Spectrum::of(unfolded.as_ref());
        let unit = (weights.len() as f64).sqrt();
        let n_parts = cut.rank(tasks, &values);
        let mixing = Mat::from_fn(n_parts, weights.len(), |k, t| unit * right[(t, k)]);
        let parts = (0..n_parts).map(|k| {
            let mut part = Mat::zeros(small[0].nrows(), small[0].ncols());
            for (t, w) in small.iter().enumerate() {
                part += faer::Scale(right[(t, k)] / unit) * w;
            }
            part
        });
        Self { parts: parts.collect(), down, mixing, up }
    }

    /// The ranks, one for each mode of the form.
    pub(crate) fn ranks(&self) -> Vec<usize> {
        let down = self.down.as_ref().map(Mat::ncols);
        let up = self.up.as_ref().map(Mat::nrows);
        down.into_iter().chain(up).chain([self.parts.len()]).collect()
    }

    /// The weight of a task.
    pub(crate) fn weight(&self, task: usize) -> Mat<f64> {
        let mut weight = Mat::zeros(self.parts[0].nrows(), self.parts[0].ncols());
        for (k, part) in self.parts.iter().enumerate() {
            weight += faer::Scale(self.mixing[(k, task)]) * part;
        }
        let weight = self.down.as_ref().map_or_else(|| weight.clone(), |d| d * &weight);
        self.up.as_ref().map_or_else(|| weight.clone(), |u| &weight * u)
    }
}

/// The left singular vectors that are kept.
fn basis(unfolded: &Mat<f64>, mode: usize, cut: &Cut) -> Mat<f64> {
    let spectrum = Spectrum::of(unfolded.as_ref());
    let rank = cut.rank(mode, &spectrum.values);
    spectrum.left.as_ref().subcols(0, rank).to_owned()
}

/// Matrices side by side, `[rows, columns * T]`.
fn beside(weights: &[Mat<f64>]) -> Mat<f64> {
    let (rows, columns) = weights[0].shape();
    Mat::from_fn(rows, columns * weights.len(), |i, j| weights[j / columns][(i, j % columns)])
}

/// A column for each matrix, `[rows * columns, T]`.
pub(crate) fn flat(weights: &[Mat<f64>]) -> Mat<f64> {
    let (rows, columns) = weights[0].shape();
    Mat::from_fn(rows * columns, weights.len(), |at, t| weights[t][(at / columns, at % columns)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use torso_core::seed::{Seed, normal};

    const FORMS: [Form; 3] = [Form::Laf, Form::Tucker, Form::Tt];

    fn random(n_tasks: usize, [rows, columns]: [usize; 2], name: &str) -> Vec<Mat<f64>> {
        let mut stream = Seed(3).stream("test", name, 0);
        (0..n_tasks).map(|_| Mat::from_fn(rows, columns, |_, _| normal(&mut stream))).collect()
    }

    fn off(factors: &Factors, weights: &[Mat<f64>]) -> f64 {
        let squares = |m: &Mat<f64>| m.norm_l2().powi(2);
        let tasks = weights.iter().enumerate();
        let error: f64 = tasks.map(|(t, w)| squares(&(factors.weight(t) - w))).sum();
        (error / weights.iter().map(squares).sum::<f64>()).sqrt()
    }

    #[test]
    fn at_full_rank_nothing_is_lost() {
        for (n_tasks, shape) in [(5, [7, 4]), (3, [2, 9]), (1, [4, 4]), (9, [2, 3]), (4, [1, 1])] {
            let weights = random(n_tasks, shape, "full");
            for form in FORMS {
                let factors = Factors::of(&weights, form, &Cut::Error(0.0));
                for (t, w) in weights.iter().enumerate() {
                    let worst = (factors.weight(t) - w).norm_max();
                    assert!(worst < 1e-10, "{form:?} of {n_tasks} {shape:?}: {worst}");
                }
            }
        }
    }

    #[test]
    fn a_cut_by_error_keeps_it_with_the_fewest_ranks() {
        // Weights near a Tucker form of ranks 2, 3, 2.
        let (core, noise) = (random(2, [2, 3], "core"), random(6, [8, 7], "noise"));
        let (down, up) = (&random(1, [8, 2], "down")[0], &random(1, [3, 7], "up")[0]);
        let mix = &random(1, [2, 6], "mix")[0];
        let weights: Vec<Mat<f64>> = (0..6)
            .map(|t| {
                let core =
                    faer::Scale(mix[(0, t)]) * &core[0] + faer::Scale(mix[(1, t)]) * &core[1];
                down * core * up + faer::Scale(0.01) * &noise[t]
            })
            .collect();
        for (form, ranks) in FORMS.into_iter().zip([vec![2], vec![2, 3, 2], vec![2, 2]]) {
            let factors = Factors::of(&weights, form, &Cut::Error(0.02));
            assert_eq!(factors.ranks(), ranks, "{form:?}");
            let error = off(&factors, &weights);
            assert!(
                error > 1e-4 && error < 0.02 * (ranks.len() as f64).sqrt(),
                "{form:?}: {error}"
            );
        }
        for eps in [0.3, 0.6, 0.9] {
            let weights = random(6, [5, 4], "no structure");
            for form in FORMS {
                let factors = Factors::of(&weights, form, &Cut::Error(eps));
                let error = off(&factors, &weights);
                assert!(error < eps * (form.modes().len() as f64).sqrt(), "{form:?}: {error}");
                let fewer = factors.ranks().iter().map(|r| (r - 1).max(1)).collect();
                let error = off(&Factors::of(&weights, form, &Cut::Ranks(fewer)), &weights);
                assert!(error > eps || factors.ranks().contains(&1), "{form:?}: {error}");
            }
        }
    }

    #[test]
    fn ranks_can_be_given_and_mixing_has_the_size_of_one() {
        let weights = random(6, [5, 4], "given");
        let factors = Factors::of(&weights, Form::Tucker, &Cut::Ranks(vec![2, 9, 3]));
        assert_eq!(factors.ranks(), [2, 4, 3]);
        for k in 0..3 {
            let square: f64 = (0..6).map(|t| factors.mixing[(k, t)].powi(2)).sum();
            assert!((square / 6.0 - 1.0).abs() < 1e-12);
        }
        let zeros = vec![Mat::<f64>::zeros(3, 2); 4];
        assert_eq!(Factors::of(&zeros, Form::Tt, &Cut::Error(0.1)).ranks(), [1, 1]);
    }
}
