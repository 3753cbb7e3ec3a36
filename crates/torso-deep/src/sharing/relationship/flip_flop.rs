//! The tensor-normal distribution of weights, and its covariances by flip-flop.
//!
//! # Formula
//! `vec(W) ~ N(0, S1 x S2 x S3)` for `W [D1, D2, D3]` with `D = D1 D2 D3`. Given the other factors,
//! the likelihood of `n` samples is highest at
//! `S_k = D_k / (n D) sum W_(k) (S_j x S_l)^-1 W_(k)'`, with `W_(k)` the unfolding with axis `k` in
//! its rows. One factor after the other is renewed so. The Kronecker product is never formed: its
//! inverse is applied axis by axis.
//!
//! The product fixes the factors up to their scales, and a single sample does not fix even the
//! product: a factor of more rows than the unfolding has columns is singular. So [`TensorNormal::learn`]
//! scales each factor to a mean variance of 1 and adds a ridge.
//!
//! # Cost
//! A sweep takes `D (D1 + D2 + D3)` for products and the cubes of `D_k` for inverses.
//!
//! # References
//! Dutilleul, *The MLE algorithm for the matrix normal distribution* (1999). Ohlson, Ahmad, von
//! Rosen, *The multilinear normal distribution* (2013).

use faer::{Mat, MatRef};
use torso_math::SymmetricEigen;

use crate::sharing::weight_tensor::{INPUT, OUTPUT, TASK, WeightTensor};

/// A factor of more rows stays the identity: its inverse would cost more than the training.
pub(super) const LARGEST: usize = 512;

/// A tensor-normal distribution with mean 0.
#[derive(Debug, Clone)]
pub(super) struct TensorNormal {
    sizes: [usize; 3],
    /// None is the identity.
    factors: [Option<Factor>; 3],
}

#[derive(Debug, Clone)]
struct Factor {
    covariance: Mat<f64>,
    precision: Mat<f64>,
}

impl TensorNormal {
    /// The one with identities.
    pub(super) fn identity(sizes: [usize; 3]) -> Self {
        Self { sizes, factors: [None, None, None] }
    }

    /// The numbers along each axis.
    pub(super) fn sizes(&self) -> [usize; 3] {
        self.sizes
    }

    /// The covariance along an axis, if it is not the identity.
    pub(super) fn covariance(&self, axis: usize) -> Option<MatRef<'_, f64>> {
        self.factors[axis].as_ref().map(|factor| factor.covariance.as_ref())
    }

    /// Takes a positive definite covariance along an axis; its lower triangle is read.
    pub(super) fn set(&mut self, axis: usize, covariance: Mat<f64>) {
        let eigen = SymmetricEigen::of(covariance.as_ref());
        let precision = eigen.map(|variance| variance.max(f64::EPSILON).recip());
        self.factors[axis] = Some(Factor { covariance, precision });
    }

    /// `(S1 x S2 x S3)^-1 vec(W)`, as a tensor: half the gradient of the quadratic form in `W`.
    pub(super) fn precision_times(&self, weights: &WeightTensor) -> WeightTensor {
        self.along(&[INPUT, OUTPUT, TASK], weights)
    }

    /// The most likely covariance of `samples` along an axis, given the others.
    pub(super) fn most_likely(&self, axis: usize, samples: &[WeightTensor]) -> Mat<f64> {
        let others: Vec<usize> = [INPUT, OUTPUT, TASK].into_iter().filter(|a| *a != axis).collect();
        let n = self.sizes[axis];
        let mut sum = Mat::<f64>::zeros(n, n);
        for sample in samples {
            sum += self.along(&others, sample).products(axis, sample);
        }
        let observations = (samples.len() * self.observations(axis)) as f64;
        Mat::from_fn(n, n, |i, j| f64::midpoint(sum[(i, j)], sum[(j, i)]) / observations)
    }

    /// Renews the covariances along `axes` from the weights, one after the other. Each has a mean
    /// variance of 1 and then gets `ridge` added, more where it has fewer observations than rows.
    pub(super) fn learn(&mut self, axes: &[usize], weights: &WeightTensor, ridge: f64) {
        for &axis in axes {
            let n = self.sizes[axis];
            if n == 1 || n > LARGEST {
                continue;
            }
            let likely = self.most_likely(axis, std::slice::from_ref(weights));
            let mean = (0..n).map(|i| likely[(i, i)]).sum::<f64>() / n as f64;
            if !(mean > f64::MIN_POSITIVE && mean.is_finite()) {
                continue;
            }
            let ridge = ridge * (n as f64 / self.observations(axis) as f64).max(1.0);
            let entry = |i: usize, j: usize| {
                let identity = if i == j { ridge } else { 0.0 };
                (likely[(i, j)] / mean + identity) / (1.0 + ridge)
            };
            self.set(axis, Mat::from_fn(n, n, entry));
        }
    }

    /// Columns of the unfolding along an axis: what a sample says about its covariance.
    fn observations(&self, axis: usize) -> usize {
        self.sizes.iter().product::<usize>() / self.sizes[axis]
    }

    fn along(&self, axes: &[usize], weights: &WeightTensor) -> WeightTensor {
        axes.iter().fold(weights.clone(), |weights, &axis| match &self.factors[axis] {
            Some(factor) => weights.times(axis, factor.precision.as_ref()),
            None => weights,
        })
    }
}

#[cfg(test)]
mod tests;
