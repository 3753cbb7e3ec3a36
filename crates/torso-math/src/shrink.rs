//! Proximal maps of norms of a vector: `argmin_x 1/2 |x - v|^2 + tau |x|`, `tau >= 0`.
//!
//! - [`soft_threshold`], the `l1` norm: `sign(v_i) max(|v_i| - tau, 0)`.
//! - [`shrink_norm`], the `l2` norm: `max(0, 1 - tau / |v|) v`: all of the block is zero or none.
//! - [`shrink_max`], the `l-infinity` norm: `v` less its projection onto the `l1` ball of radius
//!   `tau`.
//!
//! All work in place and make exact zeros. Zero comes out just where the dual norm of `v` is at
//! most `tau`. Numbers of any size are safe: no square is taken outside the range of an `f64`.
//!
//! # Cost
//! `O(n)`; [`shrink_max`] sorts, `O(n log n)`, unless the result is zero.
//!
//! # References
//! N. Parikh and S. Boyd, "Proximal Algorithms", 2014, sections 6.5.1 and 6.5.2.
//! J.-J. Moreau, "Proximité et dualité dans un espace hilbertien", 1965: `v` is the sum of the
//! proximal map of a norm and the projection onto the ball of the dual norm.

use crate::gramian::dot;
use crate::l1_ball::l1_threshold;

/// The proximal map of `tau |v|_1`: every number moves by `tau` towards 0, and stops there.
///
/// # Panics
/// If `tau` is negative or not a number.
pub fn soft_threshold(v: &mut [f64], tau: f64) {
    assert!(tau >= 0.0, "a threshold is not negative, but it is {tau}");
    for x in v {
        *x -= x.clamp(-tau, tau);
    }
}

/// The proximal map of `tau |v|_2`, block soft thresholding: `v` gets shorter by `tau`.
///
/// # Panics
/// If `tau` is negative or not a number.
pub fn shrink_norm(v: &mut [f64], tau: f64) {
    assert!(tau >= 0.0, "a threshold is not negative, but it is {tau}");
    let (norm, unit) = norm_in_units(v);
    let excess = norm - tau / unit;
    if excess > 0.0 {
        let factor = excess / norm;
        for x in v {
            *x *= factor;
        }
    } else {
        v.fill(0.0);
    }
}

/// The proximal map of `tau max_i |v_i|`: the largest numbers are cut to one level, so that what is
/// cut off sums to `tau`.
///
/// # Panics
/// If `tau` is negative or not a number.
pub fn shrink_max(v: &mut [f64], tau: f64) {
    match l1_threshold(v, tau) {
        None => v.fill(0.0),
        Some(cut) => {
            let level = cut.level();
            for x in v {
                *x = x.clamp(-level, level);
            }
        }
    }
}

/// `|v|_2` as a number and its unit: the unit is 1 unless squares would leave the range.
fn norm_in_units(v: &[f64]) -> (f64, f64) {
    let squares = dot(v, v);
    if (1e-280..1e300).contains(&squares) {
        return (squares.sqrt(), 1.0);
    }
    let largest = v.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
    if largest <= 0.0 {
        return (0.0, 1.0);
    }
    (v.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt(), largest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::l1_ball::project_onto_l1_ball;
    use crate::random_vectors::{for_1000_vectors, max_abs, sum_abs};

    /// Tolerance beside the size of the input.
    const EXACT: f64 = 1e-10;

    #[test]
    fn soft_thresholds_satisfy_the_optimality_condition() {
        for_1000_vectors(|v, tau| {
            let mut x = v.to_vec();
            soft_threshold(&mut x, tau);
            let size = max_abs(v);
            for (x, v) in x.iter().zip(v) {
                let slope = v - x;
                if *x == 0.0 {
                    assert!(slope.abs() <= tau);
                } else {
                    assert!((slope - tau * x.signum()).abs() <= EXACT * size);
                }
            }
        });
    }

    #[test]
    fn shrunk_norms_satisfy_the_optimality_condition() {
        for_1000_vectors(|v, tau| {
            let mut x = v.to_vec();
            shrink_norm(&mut x, tau);
            let size = max_abs(v);
            // Scaled to the unit of the largest number, so that squares stay in range.
            let scaled = |v: &[f64]| -> Vec<f64> { v.iter().map(|x| x / size).collect() };
            let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
            if x.iter().all(|x| *x == 0.0) {
                assert!(norm(&scaled(v)) <= tau / size * (1.0 + EXACT));
            } else {
                let (x, v) = (scaled(&x), scaled(v));
                for (at, v) in v.iter().enumerate() {
                    let slope = tau / size * x[at] / norm(&x);
                    assert!((v - x[at] - slope).abs() <= EXACT);
                }
            }
        });
    }

    #[test]
    fn shrunk_maxima_satisfy_the_optimality_condition() {
        for_1000_vectors(|v, tau| {
            let mut x = v.to_vec();
            shrink_max(&mut x, tau);
            let (size, largest) = (max_abs(v), max_abs(&x));
            let slope: Vec<f64> = v.iter().zip(&x).map(|(v, x)| v - x).collect();
            if largest == 0.0 {
                assert!(sum_abs(v) <= tau * (1.0 + EXACT));
                return;
            }
            // A slope of the maximum is spread over the largest numbers with their signs.
            assert!((sum_abs(&slope) - tau).abs() <= EXACT * size);
            for (slope, x) in slope.iter().zip(&x) {
                let at_top = (x.abs() - largest).abs() <= EXACT * size;
                assert!(slope * x.signum() >= -EXACT * size);
                assert!(at_top || slope.abs() <= EXACT * size);
            }
        });
    }

    #[test]
    fn moreau_splits_a_vector_into_a_map_and_a_projection() {
        for_1000_vectors(|v, tau| {
            let size = max_abs(v);
            let adds_up = |map: &[f64], projection: &[f64]| {
                for (at, v) in v.iter().enumerate() {
                    assert!((map[at] + projection[at] - v).abs() <= EXACT * size);
                }
            };
            let mut map = v.to_vec();
            soft_threshold(&mut map, tau);
            adds_up(&map, &v.iter().map(|x| x.clamp(-tau, tau)).collect::<Vec<_>>());

            let (mut map, mut projection) = (v.to_vec(), v.to_vec());
            shrink_max(&mut map, tau);
            project_onto_l1_ball(&mut projection, tau);
            adds_up(&map, &projection);

            let mut map = v.to_vec();
            shrink_norm(&mut map, tau);
            let norm = v.iter().map(|x| (x / size).powi(2)).sum::<f64>().sqrt();
            let factor = (tau / size / norm).min(1.0);
            adds_up(&map, &v.iter().map(|x| x * factor).collect::<Vec<_>>());
        });
    }

    #[test]
    fn hostile_vectors_shrink_as_they_should() {
        for shrink in [soft_threshold, shrink_norm, shrink_max] {
            let shrunk = |v: &[f64], tau: f64| {
                let mut x = v.to_vec();
                shrink(&mut x, tau);
                x
            };
            assert!(shrunk(&[], 1.0).is_empty());
            assert_eq!(shrunk(&[0.0, -0.0], 0.0), [0.0, 0.0]);
            assert_eq!(shrunk(&[0.0, 0.0], 2.0), [0.0, 0.0]);
            assert_eq!(shrunk(&[-3.0], 1.0), [-2.0], "one number: all norms are one");
            assert_eq!(shrunk(&[-3.0], 3.0), [0.0]);
            assert_eq!(shrunk(&[-3.0, 2.0], f64::INFINITY), [0.0, 0.0]);
            assert_eq!(shrunk(&[-3.0, 2.0], 0.0), [-3.0, 2.0]);
            for scale in [f64::MIN_POSITIVE, 1e-300, 1e300, f64::MAX] {
                assert_eq!(shrunk(&[-scale], 0.5 * scale), [-0.5 * scale]);
                assert_eq!(shrunk(&[-scale, scale], 2.0 * scale), [0.0, 0.0]);
                let ties = shrunk(&[scale, -scale, scale], 0.25 * scale);
                assert!(ties.iter().all(|x| x.is_finite() && *x != 0.0));
                assert_eq!(ties[..2], [ties[2], -ties[2]], "ties stay ties");
            }
        }
        let mut v = [3.0, 4.0];
        shrink_norm(&mut v, 5.0);
        assert_eq!(v[..], [0.0, 0.0], "zero at the norm itself");
        let mut v = [3.0e200, 4.0e200];
        shrink_norm(&mut v, 2.5e200);
        assert!((v[0] / 1.5e200 - 1.0).abs() < 1e-15 && (v[1] / 2.0e200 - 1.0).abs() < 1e-15);
        let mut v = [0.1, 0.3, 1.1];
        shrink_max(&mut v, 0.1 + 0.3 + 1.1);
        assert_eq!(v[..], [0.0; 3], "and at the dual norm, whatever its rounding");
        let mut v = [1.0, -2.0, 4.0];
        shrink_max(&mut v, 3.0);
        assert_eq!(v[..], [1.0, -1.5, 1.5], "what is cut off sums to 3");
    }
}
