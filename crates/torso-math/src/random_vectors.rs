//! Random vectors that the tests of several maps share.

use torso_core::seed::{Seed, normal};

/// Calls `test` with 1,000 vectors, none of them all zero, and a strength beside each: of 1 to 39
/// numbers, of sizes from 1e-300 to 1e300, one in three with ties and zeros.
pub(crate) fn for_1000_vectors(mut test: impl FnMut(&[f64], f64)) {
    let scales = [1e-300, 1e-150, 1e-6, 1.0, 1e6, 1e150, 1e300];
    let mut stream = Seed(5).stream("test", "vectors", 0);
    for at in 0..1000 {
        let (n, scale) = (1 + at % 39, scales[at % scales.len()]);
        let round = |x: f64| if at % 3 == 0 { x.round() } else { x };
        let mut v: Vec<f64> = (0..n).map(|_| scale * round(2.0 * normal(&mut stream))).collect();
        if max_abs(&v) == 0.0 {
            v[0] = scale;
        }
        let strength = max_abs(&v) * 10f64.powf(normal(&mut stream));
        test(&v, strength);
    }
}

/// The largest absolute value.
pub(crate) fn max_abs(v: &[f64]) -> f64 {
    v.iter().fold(0.0, |max, x| max.max(x.abs()))
}

/// The sum of absolute values.
pub(crate) fn sum_abs(v: &[f64]) -> f64 {
    v.iter().map(|x| x.abs()).sum()
}
