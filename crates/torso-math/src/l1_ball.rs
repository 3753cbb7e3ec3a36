//! The projection onto the `l1` ball: `argmin_x |x - v|^2` over `|x|_1 <= radius`.
//!
//! Outside the ball it is a soft threshold, `x_i = sign(v_i) max(|v_i| - theta, 0)`, with the
//! `theta` for which `|x|_1 = radius`. That is found exactly by sorting. It is kept as its distance
//! below the largest `|v_i|`, since beside huge numbers a small radius would be lost. So the
//! projection pours water of volume `radius` over a floor whose deepest point is the largest
//! number: what comes out is the depth of the water.
//!
//! # Cost
//! `O(n log n)`; `O(n)` inside the ball.
//!
//! # References
//! J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra, "Efficient Projections onto the l1-Ball for
//! Learning in High Dimensions", ICML 2008, figure 1.

/// A threshold of absolute values, kept relative to the largest of them.
pub(crate) struct L1Threshold {
    /// The largest absolute value.
    largest: f64,
    /// How far the threshold lies below it, from 0 up to `largest`.
    depth: f64,
}

impl L1Threshold {
    /// The threshold itself.
    pub(crate) fn level(&self) -> f64 {
        (self.largest - self.depth).max(0.0)
    }

    /// What of one number is above the threshold, with its sign.
    fn above(&self, x: f64) -> f64 {
        (self.depth - (self.largest - x.abs())).max(0.0).copysign(x)
    }
}

/// The soft threshold that brings `v` into the `l1` ball; `None` if it is there already.
///
/// # Panics
/// If `radius` is negative or not a number.
pub(crate) fn l1_threshold(v: &[f64], radius: f64) -> Option<L1Threshold> {
    assert!(radius >= 0.0, "a radius is not negative, but it is {radius}");
    if v.iter().map(|x| x.abs()).sum::<f64>() <= radius {
        return None;
    }
    let largest = v.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
    let mut gaps: Vec<f64> = v.iter().map(|x| largest - x.abs()).collect();
    gaps.sort_unstable_by(f64::total_cmp);
    // The water over the first gap alone is as deep as its volume. Each further gap under water
    // makes the level a mean over one place more; written as a mean, it cannot overflow.
    let mut depth = radius;
    for (count, gap) in gaps.iter().enumerate().skip(1) {
        if *gap >= depth {
            break;
        }
        depth += (gap - depth) / (count + 1) as f64;
    }
    Some(L1Threshold { largest, depth })
}

/// Projects `v` onto `{x : sum |x_i| <= radius}`, nearest in the Euclidean sense.
///
/// # Panics
/// If `radius` is negative or not a number.
pub fn project_onto_l1_ball(v: &mut [f64], radius: f64) {
    if let Some(threshold) = l1_threshold(v, radius) {
        for x in v {
            *x = threshold.above(*x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_vectors::{for_1000_vectors, max_abs, sum_abs};

    /// The threshold by bisection.
    fn reference(v: &[f64], radius: f64) -> Vec<f64> {
        let shrunk = |theta: f64| -> Vec<f64> {
            v.iter().map(|x| (x.abs() - theta).max(0.0).copysign(*x)).collect()
        };
        let (mut low, mut high) = (0.0, max_abs(v));
        for _ in 0..200 {
            let middle = 0.5 * low + 0.5 * high;
            if sum_abs(&shrunk(middle)) > radius { low = middle } else { high = middle }
        }
        if sum_abs(v) <= radius { v.to_vec() } else { shrunk(high) }
    }

    #[test]
    fn it_agrees_with_bisection() {
        for_1000_vectors(|v, radius| {
            let mut x = v.to_vec();
            project_onto_l1_ball(&mut x, radius);
            let size = max_abs(v);
            for (x, expected) in x.iter().zip(reference(v, radius)) {
                assert!((x - expected).abs() <= 1e-12 * size);
            }
            assert!(sum_abs(&x) <= radius * (1.0 + 1e-12));
        });
    }

    #[test]
    fn hostile_vectors_are_projected_as_they_should() {
        let projected = |v: &[f64], radius: f64| {
            let mut x = v.to_vec();
            project_onto_l1_ball(&mut x, radius);
            x
        };
        assert!(projected(&[], 0.0).is_empty());
        assert_eq!(projected(&[0.0, 0.0], 0.0), [0.0, 0.0]);
        assert_eq!(projected(&[3.0, -4.0], 0.0), [0.0, 0.0]);
        assert_eq!(projected(&[0.5, -0.25], 1.0), [0.5, -0.25], "inside: not a bit changes");
        assert_eq!(projected(&[1e300, -1.0], 1.0), [1.0, 0.0], "a radius beside a huge number");
        assert_eq!(projected(&[1e300, -1e300], 2.0), [1.0, -1.0]);
        assert_eq!(projected(&[f64::MAX, f64::MAX], f64::MAX), [0.5 * f64::MAX; 2]);
        assert_eq!(projected(&[1e-300, -4e-300], 2e-300), [0.0, -2e-300]);
        assert_eq!(projected(&[5.0], f64::INFINITY), [5.0]);
    }

    #[test]
    #[should_panic(expected = "a radius is not negative")]
    fn a_negative_radius_is_refused() {
        project_onto_l1_ball(&mut [1.0], -1.0);
    }
}
