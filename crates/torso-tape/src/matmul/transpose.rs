//! Square blocks with rows and columns exchanged, in registers where the machine has AVX.
#![expect(unsafe_code, reason = "vector loads and stores; every bound is asserted in `transpose`")]

use crate::scalar::Scalar;

/// Rows and columns of a block.
pub(super) const SIDE: usize = 8;

/// Writes the `SIDE x SIDE` block at the front of `from`, transposed, to the front of `into`;
/// rows are `stride` apart.
#[inline(always)]
pub(super) fn transpose<T: Scalar>(
    into: &mut [T],
    into_stride: usize,
    from: &[T],
    from_stride: usize,
) {
    let last = SIDE - 1;
    assert!(last * into_stride + SIDE <= into.len() && last * from_stride + SIDE <= from.len());
    #[cfg(target_arch = "x86_64")]
    if std::any::TypeId::of::<T>() == std::any::TypeId::of::<f32>()
        && std::arch::is_x86_feature_detected!("avx")
    {
        let (into, from) = (into.as_mut_ptr().cast::<f32>(), from.as_ptr().cast::<f32>());
        // SAFETY: `T` is `f32`, AVX is there, and the bounds are asserted above.
        return unsafe { avx(into, into_stride, from, from_stride) };
    }
    for i in 0..SIDE {
        for j in 0..SIDE {
            into[i * into_stride + j] = from[j * from_stride + i];
        }
    }
}

/// Transposes by interleaving pairs of rows, then pairs of pairs, then halves.
///
/// # Safety
/// Both pointers are valid for eight rows of eight numbers at their strides.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
unsafe fn avx(into: *mut f32, into_stride: usize, from: *const f32, from_stride: usize) {
    use std::arch::x86_64::{
        __m256, _mm256_loadu_ps, _mm256_permute2f128_ps, _mm256_shuffle_ps, _mm256_storeu_ps,
        _mm256_unpackhi_ps, _mm256_unpacklo_ps,
    };
    // SAFETY: the caller vouches for the eight rows of both.
    unsafe {
        let row = |i: usize| _mm256_loadu_ps(from.add(i * from_stride));
        let quad = |i: usize| -> [__m256; 4] {
            let (a, b, c, d) = (row(i), row(i + 1), row(i + 2), row(i + 3));
            let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            let (low2, high2) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
            [
                _mm256_shuffle_ps::<0b01_00_01_00>(low, low2),
                _mm256_shuffle_ps::<0b11_10_11_10>(low, low2),
                _mm256_shuffle_ps::<0b01_00_01_00>(high, high2),
                _mm256_shuffle_ps::<0b11_10_11_10>(high, high2),
            ]
        };
        let (top, bottom) = (quad(0), quad(4));
        for (i, (a, b)) in top.into_iter().zip(bottom).enumerate() {
            let (first, second) =
                (_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b));
            _mm256_storeu_ps(into.add(i * into_stride), first);
            _mm256_storeu_ps(into.add((i + 4) * into_stride), second);
        }
    }
}
