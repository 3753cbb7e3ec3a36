//! The problem of a row whose penalty is its Euclidean norm.

#![expect(clippy::inline_always, reason = "loops become vectors only inside `Arch::dispatch`")]

use super::{RowNorm, norm};
use crate::penalty::L21;

impl RowNorm for L21 {
    fn value(&self, row: &[f64]) -> f64 {
        self.0 * norm(row)
    }

    fn dual(&self, row: &[f64]) -> f64 {
        norm(row) / self.0
    }

    fn minimize_shared(&self, a: f64, b: &mut [f64]) -> f64 {
        let length = norm(b);
        let factor = if length <= self.0 || a <= 0.0 { 0.0 } else { (1.0 - self.0 / length) / a };
        for b in b {
            *b *= factor;
        }
        length * factor
    }

    #[inline(always)]
    fn minimize_own(&self, a: &[f64], b: &mut [f64], guess: f64) -> f64 {
        if norm(b) <= self.0 || a.iter().all(|a| *a <= 0.0) {
            b.fill(0.0);
            return 0.0;
        }
        let r = root(a, b, self.0, guess);
        for (b, a) in b.iter_mut().zip(a) {
            *b *= r / (a * r + self.0);
        }
        norm(b)
    }
}

/// The norm `r` of the row: `phi(r) = sum_t b_t^2 / (a_t r + lambda)^2 = 1`.
///
/// Newton's method on `phi^(-1/2) - 1`, which is nearly linear and concave, comes to the root from
/// any start, and from its left after one step.
#[inline(always)]
fn root(a: &[f64], b: &[f64], lambda: f64, guess: f64) -> f64 {
    let mut r = guess;
    for _ in 0..50 {
        let (phi, slope) = phi_and_slope(a, b, lambda, r);
        if slope <= 0.0 {
            break; // only tasks without curvature have a gradient left
        }
        // phi' = -2 slope, so (phi^(-1/2))' = slope phi^(-3/2).
        let next = (r + phi * (phi.sqrt() - 1.0) / slope).max(0.0);
        if (next - r).abs() <= 1e-14 * next {
            return next;
        }
        r = next;
    }
    r
}

/// `sum_t q_t^2` and `sum_t a_t q_t^2 / (a_t r + lambda)`, `q_t = b_t / (a_t r + lambda)`, in eight
/// lanes that vector units take at once.
#[inline(always)]
fn phi_and_slope(a: &[f64], b: &[f64], lambda: f64, r: f64) -> (f64, f64) {
    const LANES: usize = 8;
    let term = |a: f64, b: f64| {
        let inverse = 1.0 / (a * r + lambda);
        let square = (b * inverse) * (b * inverse);
        (square, a * inverse * square)
    };
    let (mut phi, mut slope) = ([0.0; LANES], [0.0; LANES]);
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_blocks.remainder(), b_blocks.remainder());
    for (a, b) in a_blocks.zip(b_blocks) {
        for lane in 0..LANES {
            let (p, s) = term(a[lane], b[lane]);
            phi[lane] += p;
            slope[lane] += s;
        }
    }
    for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        let (p, s) = term(*a, *b);
        phi[lane] += p;
        slope[lane] += s;
    }
    (phi.iter().sum(), slope.iter().sum())
}
