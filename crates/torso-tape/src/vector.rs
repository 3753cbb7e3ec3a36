//! Loops over numbers side by side, compiled for the machine's vector unit.
//!
//! Sums run in sixteen lanes whatever the unit, so that every machine gives the same bits.

use pulp::{Arch, Simd, WithSimd};

use crate::scalar::Scalar;

/// Numbers that are summed side by side.
pub(crate) const LANES: usize = 16;

/// Runs what is inlined into `body` compiled for the machine's vector unit. So `body` is to be
/// `#[inline(always)]`, and called by reference: a closure's `call_once` is not inlined.
pub(crate) fn run<R>(body: impl FnMut() -> R) -> R {
    struct Loop<F>(F);
    impl<R, F: FnMut() -> R> WithSimd for Loop<F> {
        type Output = R;

        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) -> R {
            (self.0)()
        }
    }
    Arch::new().dispatch(Loop(body))
}

/// `y += a x`.
#[inline(always)]
pub(crate) fn add_scaled<T: Scalar>(y: &mut [T], x: &[T], a: T) {
    y.iter_mut().zip(x).for_each(|(y, &x)| *y += a * x);
}

/// `y = f(x)`, number by number; `y` keeps its length.
#[inline(always)]
pub(crate) fn map<T: Scalar>(y: &mut [T], x: &[T], f: impl Fn(T) -> T) {
    y.iter_mut().zip(x).for_each(|(y, &x)| *y = f(x));
}

/// `y += a x`, number by number.
#[inline(always)]
pub(crate) fn add_products<T: Scalar>(y: &mut [T], a: &[T], x: &[T]) {
    y.iter_mut().zip(a.iter().zip(x)).for_each(|(y, (&a, &x))| *y += a * x);
}

/// `sum_i a_i b_i`.
#[inline(always)]
pub(crate) fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::ZERO; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: T = a.remainder().iter().zip(b.remainder()).map(|(&a, &b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    rest + folded(sums)
}

/// `sum_i a_i b_i c_i`.
#[inline(always)]
pub(crate) fn dot_of_three<T: Scalar>(a: &[T], b: &[T], c: &[T]) -> T {
    let mut sums = [T::ZERO; LANES];
    let (a, b, c) = (a.chunks_exact(LANES), b.chunks_exact(LANES), c.chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder()).zip(c.remainder());
    let rest: T = rest.map(|((&a, &b), &c)| a * b * c).sum();
    for ((a, b), c) in a.zip(b).zip(c) {
        for (((sum, &a), &b), &c) in sums.iter_mut().zip(a).zip(b).zip(c) {
            *sum += a * b * c;
        }
    }
    rest + folded(sums)
}

/// `sum_i a_i`.
#[inline(always)]
pub(crate) fn sum<T: Scalar>(a: &[T]) -> T {
    let mut sums = [T::ZERO; LANES];
    let a = a.chunks_exact(LANES);
    let rest: T = a.remainder().iter().copied().sum();
    for a in a {
        sums.iter_mut().zip(a).for_each(|(sum, &a)| *sum += a);
    }
    rest + folded(sums)
}

/// The sum of all lanes, in halves.
#[inline(always)]
pub(crate) fn folded<T: Scalar>(mut lanes: [T; LANES]) -> T {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            let other = lanes[lane + half];
            lanes[lane] += other;
        }
    }
    lanes[0]
}

/// `exp(x)` to two units in the last place. Unlike the C library's it can be vectorized, and it
/// gives the same bits on every machine.
///
/// With `n` the whole number nearest to `x / ln 2` it is `2^n exp(r)`, `r = x - n ln 2`, where
/// `exp(r)` is a polynomial (the constants are those of Cephes).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// Added to a small number, it leaves the nearest whole number in the lowest bits.
    const SHIFT: f32 = 12_582_912.0;
    /// `ln 2` in two parts; products of `n` with the first are exact.
    const LN_2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];
    const POLYNOMIAL: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    let shifted = x * std::f32::consts::LOG2_E + SHIFT;
    let n = shifted - SHIFT;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let polynomial = POLYNOMIAL.into_iter().fold(0.0, |sum, c| sum * r + c);
    let value = polynomial * r * r + r + 1.0;
    // In two steps, since `2^n` itself may be no number where the result is one.
    let n = shifted.to_bits().wrapping_sub(SHIFT.to_bits()).cast_signed();
    let half = n >> 1;
    let power = |n: i32| f32::from_bits(n.wrapping_add(127).cast_unsigned() << 23);
    let value = value * power(half) * power(n.wrapping_sub(half));
    if x > 88.722_84 {
        f32::INFINITY
    } else if x < -103.972_08 {
        0.0
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_take_every_number_once() {
        for n in [0, 1, 15, 16, 17, 48, 53] {
            let a: Vec<f64> = (0..n).map(f64::from).collect();
            let b: Vec<f64> = (0..n).map(|i| f64::from(i % 7)).collect();
            let exact = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
                a.iter().zip(&b).map(|(&a, &b)| term(a, b)).sum()
            };
            assert_eq!(sum(&a), exact(&|a, _| a));
            assert_eq!(dot(&a, &b), exact(&|a, b| a * b));
            assert_eq!(dot_of_three(&a, &b, &a), exact(&|a, b| a * b * a));
        }
    }

    #[test]
    fn exponentials_are_within_two_units_in_the_last_place() {
        let mut x = -87.3f32;
        while x < 88.72 {
            let exact = f64::from(x).exp();
            let unit = exact * f64::from(f32::EPSILON);
            assert!((f64::from(exp(x)) - exact).abs() < 2.0 * unit, "{x}: {} {exact}", exp(x));
            x += 0.0037;
        }
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn exponentials_of_what_has_none_are_the_limits() {
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(200.0), f32::INFINITY);
        assert_eq!(exp(-200.0), 0.0);
        assert!(exp(f32::NAN).is_nan());
        // Below the smallest normal number there are steps, and no fall to zero.
        for x in [-88.0f32, -95.5, -103.0] {
            let off = f64::from(exp(x)) - f64::from(x).exp();
            assert!(off.abs() <= f64::from(f32::from_bits(1)), "{x}");
        }
    }
}
