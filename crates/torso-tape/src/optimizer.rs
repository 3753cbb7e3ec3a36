//! Optimizers: one fused loop over the flat parameters.

use torso_core::snapshot::{Snapshot, SnapshotError};

use crate::params::Params;
use crate::scalar::Scalar;
use crate::vector;

/// Which optimizer, with its constants.
///
/// A range's own penalty `l2` is part of its gradient in all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OptimizerConfig {
    /// Gradient descent: `v <- momentum v + g`, `p <- p - lr v`. Weight decay is part of `g`.
    Sgd {
        /// From 0 to below 1.
        momentum: f64,
        /// At least 0.
        weight_decay: f64,
    },
    /// Adam (Kingma and Ba 2015). Weight decay is part of the gradient.
    Adam {
        /// Decay of the mean gradient; the paper: 0.9.
        beta1: f64,
        /// Decay of the mean squared gradient; the paper: 0.999.
        beta2: f64,
        /// Added to the root; the paper: 1e-8.
        eps: f64,
        /// At least 0.
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay, `p <- p - lr decay p` (Loshchilov and Hutter 2019).
    AdamW {
        /// Decay of the mean gradient; the paper: 0.9.
        beta1: f64,
        /// Decay of the mean squared gradient; the paper: 0.999.
        beta2: f64,
        /// Added to the root; the paper: 1e-8.
        eps: f64,
        /// At least 0.
        weight_decay: f64,
    },
}

/// An optimizer at work.
#[derive(Debug, Clone)]
pub struct Optimizer<T> {
    config: OptimizerConfig,
    first: Vec<T>,
    second: Vec<T>,
    steps: i32,
}

impl<T: Scalar> Optimizer<T> {
    /// An optimizer for `params`, at its first step.
    pub fn new(config: &OptimizerConfig, params: &Params<T>) -> Self {
        let n = params.len();
        let second = match config {
            OptimizerConfig::Sgd { .. } => 0,
            OptimizerConfig::Adam { .. } | OptimizerConfig::AdamW { .. } => n,
        };
        Self { config: *config, first: vec![T::ZERO; n], second: vec![T::ZERO; second], steps: 0 }
    }

    /// One step down `gradient`, as long as the parameters.
    ///
    /// # Panics
    /// If `gradient` has another length.
    pub fn step(&mut self, params: &mut Params<T>, gradient: &[T], lr: f64) {
        assert_eq!(gradient.len(), params.len(), "a gradient is as long as the parameters");
        self.steps = self.steps.saturating_add(1);
        for at in 0..params.ranges().len() {
            let range = &params.ranges()[at];
            let (span, lr, l2) = (range.span(), lr * range.lr_factor, range.l2);
            let decays = range.decays;
            let p = &mut params.values_mut()[span.clone()];
            let g = &gradient[span.clone()];
            let first = &mut self.first[span.clone()];
            match self.config {
                OptimizerConfig::Sgd { momentum, weight_decay } => {
                    let l2 = l2 + if decays { weight_decay } else { 0.0 };
                    sgd(p, g, first, [lr, momentum, l2].map(T::from_f64));
                }
                OptimizerConfig::Adam { beta1, beta2, eps, weight_decay } => {
                    let l2 = l2 + if decays { weight_decay } else { 0.0 };
                    let rates = Rates::new(lr, [beta1, beta2], eps, [l2, 0.0], self.steps);
                    adam(p, g, first, &mut self.second[span], rates);
                }
                OptimizerConfig::AdamW { beta1, beta2, eps, weight_decay } => {
                    let decay = if decays { lr * weight_decay } else { 0.0 };
                    let rates = Rates::new(lr, [beta1, beta2], eps, [l2, decay], self.steps);
                    adam(p, g, first, &mut self.second[span], rates);
                }
            }
        }
    }
}

impl Optimizer<f32> {
    /// What the next step depends on, besides the parameters.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.describe("steps", &self.steps);
        snapshot.put("first", &[self.first.len()], self.first.clone());
        snapshot.put("second", &[self.second.len()], self.second.clone());
        snapshot
    }

    /// Takes a saved state up: the next step is the one that would have followed, to the bit.
    pub fn resume(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        self.steps = snapshot.described("steps")?;
        let (n_first, n_second) = (self.first.len(), self.second.len());
        self.first.copy_from_slice(snapshot.shaped("first", &[n_first])?);
        self.second.copy_from_slice(snapshot.shaped("second", &[n_second])?);
        Ok(())
    }
}

fn sgd<T: Scalar>(p: &mut [T], g: &[T], v: &mut [T], [lr, momentum, l2]: [T; 3]) {
    vector::run(
        #[inline(always)]
        || {
            for ((p, &g), v) in p.iter_mut().zip(g).zip(v.iter_mut()) {
                *v = momentum * *v + g + l2 * *p;
                *p -= lr * *v;
            }
        },
    );
}

/// The constants of one step of Adam, with the bias corrections folded in:
/// `lr m / (1 - beta1^n) / (sqrt(v / (1 - beta2^n)) + eps)` is `step m / (sqrt(v) + eps')`.
#[derive(Clone, Copy)]
struct Rates<T> {
    beta1: T,
    beta2: T,
    eps: T,
    step: T,
    l2: T,
    keep: T,
}

impl<T: Scalar> Rates<T> {
    fn new(lr: f64, [beta1, beta2]: [f64; 2], eps: f64, [l2, decay]: [f64; 2], n: i32) -> Self {
        let root = (1.0 - beta2.powi(n)).sqrt();
        Self {
            beta1: T::from_f64(beta1),
            beta2: T::from_f64(beta2),
            eps: T::from_f64(eps * root),
            step: T::from_f64(lr * root / (1.0 - beta1.powi(n))),
            l2: T::from_f64(l2),
            keep: T::from_f64(1.0 - decay),
        }
    }
}

fn adam<T: Scalar>(p: &mut [T], g: &[T], m: &mut [T], v: &mut [T], rates: Rates<T>) {
    vector::run(
        #[inline(always)]
        || {
            let Rates { beta1, beta2, eps, step, l2, keep } = rates;
            let (rest1, rest2) = (T::ONE - beta1, T::ONE - beta2);
            for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m.iter_mut()).zip(v.iter_mut()) {
                // All loads before all stores: the buffers often lie a multiple of 4 KiB apart,
                // and a load behind a store to the same place in another page has to wait.
                let (p0, m0, v0) = (*p, *m, *v);
                let g = g + l2 * p0;
                let m1 = beta1 * m0 + rest1 * g;
                let v1 = beta2 * v0 + rest2 * g * g;
                *p = keep * p0 - step * m1 / (v1.sqrt() + eps);
                *m = m1;
                *v = v1;
            }
        },
    );
}

/// Scales `gradient` down to the norm `limit` if it is longer; gives its norm before.
pub fn clip_norm<T: Scalar>(gradient: &mut [T], limit: f64) -> f64 {
    let norm = squared_norm(gradient).sqrt();
    if norm > limit {
        let factor = T::from_f64(limit / norm);
        for g in gradient.iter_mut() {
            *g *= factor;
        }
    }
    norm
}

/// Sums in sixteen lanes, in an order that no machine changes.
fn squared_norm<T: Scalar>(values: &[T]) -> f64 {
    vector::run(
        #[inline(always)]
        || {
            let mut lanes = [0.0f64; 16];
            let chunks = values.chunks_exact(16);
            let rest: f64 = chunks.remainder().iter().map(|g| g.double() * g.double()).sum();
            for chunk in chunks {
                for (lane, g) in lanes.iter_mut().zip(chunk) {
                    *lane += g.double() * g.double();
                }
            }
            lanes.iter().sum::<f64>() + rest
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Init;
    use torso_core::seed::Seed;

    /// Parameters `[1, 2 | 3]`, the second range undecayed.
    fn params() -> Params<f64> {
        let mut params = Params::new(Seed(1));
        params.add("a", [1, 2], Init::Zeros);
        let b = params.add("b", [1, 1], Init::Zeros);
        params.range_mut(b).decays = false;
        params.values_mut().copy_from_slice(&[1.0, 2.0, 3.0]);
        params
    }

    #[track_caller]
    fn check(config: OptimizerConfig, gradients: &[[f64; 3]], expected: [f64; 3]) {
        let mut params = params();
        let mut optimizer = Optimizer::new(&config, &params);
        for gradient in gradients {
            optimizer.step(&mut params, gradient, 0.1);
        }
        for (found, expected) in params.values().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{:?}, not {expected:?}", params.values());
        }
    }

    #[test]
    fn sgd_follows_its_formula() {
        let config = OptimizerConfig::Sgd { momentum: 0.5, weight_decay: 0.1 };
        // First parameter: v = 1 + 0.1, p = 0.89; v = 0.55 + 1 + 0.089, p = 0.89 - 0.1639.
        // Second: v = 0.2, p = 1.98; v = 0.1 + 0.198, p = 1.9502. Third, undecayed: 2.9, 2.75.
        let g = [1.0, 0.0, 1.0];
        check(config, &[g, g], [0.7261, 1.9502, 2.75]);
    }

    #[test]
    fn the_first_step_of_adam_is_the_sign_of_the_gradient() {
        let adam = OptimizerConfig::Adam { beta1: 0.9, beta2: 0.999, eps: 0.0, weight_decay: 0.0 };
        check(adam, &[[5.0, -0.01, 2.0]], [0.9, 2.1, 2.9]);
        let adamw =
            OptimizerConfig::AdamW { beta1: 0.9, beta2: 0.999, eps: 0.0, weight_decay: 0.5 };
        check(adamw, &[[5.0, -0.01, 2.0]], [0.95 - 0.1, 1.9 + 0.1, 2.9]);
    }

    #[test]
    fn adam_follows_the_unfolded_formula() {
        let (beta1, beta2, eps, lr) = (0.8, 0.9, 0.1, 0.1);
        let config = OptimizerConfig::Adam { beta1, beta2, eps, weight_decay: 0.0 };
        let gradients = [[0.3, -1.0, 0.2], [0.1, 2.0, -0.4], [-0.7, 0.5, 0.0]];
        let mut expected = [1.0, 2.0, 3.0];
        for (i, p) in expected.iter_mut().enumerate() {
            let (mut m, mut v) = (0.0, 0.0);
            for (n, gradient) in (1..).zip(&gradients) {
                m = beta1 * m + (1.0 - beta1) * gradient[i];
                v = beta2 * v + (1.0 - beta2) * gradient[i] * gradient[i];
                let (m_hat, v_hat) = (m / (1.0 - beta1.powi(n)), v / (1.0 - beta2.powi(n)));
                *p -= lr * m_hat / (v_hat.sqrt() + eps);
            }
        }
        check(config, &gradients, expected);
    }

    #[test]
    fn ranges_have_their_own_rate_and_penalty() {
        let mut params = params();
        let a = params.find("a").unwrap();
        params.range_mut(a).lr_factor = 0.0;
        let b = params.find("b").unwrap();
        params.range_mut(b).l2 = 2.0;
        let config = OptimizerConfig::Sgd { momentum: 0.0, weight_decay: 0.0 };
        Optimizer::new(&config, &params).step(&mut params, &[1.0, 1.0, 1.0], 0.1);
        assert_eq!(params.values()[..2], [1.0, 2.0]);
        assert!((params.values()[2] - (3.0 - 0.1 * 7.0)).abs() < 1e-12);
    }

    #[test]
    fn clipping_keeps_the_direction() {
        let mut gradient = [3.0f32, 4.0].repeat(10);
        let norm = clip_norm(&mut gradient, 1.0);
        assert!((norm - 250f64.sqrt()).abs() < 1e-9);
        assert!((squared_norm(&gradient) - 1.0).abs() < 1e-6);
        assert!((gradient[0] / gradient[1] - 0.75).abs() < 1e-6);
        assert!((clip_norm(&mut gradient, 5.0) - 1.0).abs() < 1e-6);
    }
}
