//! The kernels: sums that stay in the registers while they run along their terms.

use pulp::{Arch, Simd, WithSimd};

use crate::scalar::Scalar;

pub(super) mod patches;
pub(super) mod terms;

/// The least padding of a row that is read in whole vectors; the pool takes as many at once.
pub(super) const GROUP: usize = 8;

/// The multiple that rows are padded to: whole vectors of this machine, and whole groups.
pub(super) fn padding<T: Scalar>() -> usize {
    struct Lanes<T>(std::marker::PhantomData<T>);
    impl<T: Scalar> WithSimd for Lanes<T> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            lanes::<T, S>()
        }
    }
    Arch::new().dispatch(Lanes::<T>(std::marker::PhantomData)).max(GROUP)
}

#[inline(always)]
fn lanes<T: Scalar, S: Simd>() -> usize {
    size_of::<T::Vector<S>>() / size_of::<T>()
}
