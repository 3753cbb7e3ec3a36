//! Sums of scaled rows: both gradients of a convolution. Their terms are the outputs that are not 0.
#![expect(unsafe_code, reason = "loads at unchecked places; all bounds are asserted before")]

use std::ops::Range;

use pulp::Simd;

use super::lanes;
use crate::scalar::Scalar;

/// A term of a sum: a cotangent, and where the numbers begin that it scales.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Term {
    pub(crate) cotangent: u32,
    pub(crate) from: u32,
}

/// Terms, and bounds of what they read.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    list: Vec<Term>,
    len: usize,
    /// The greatest places.
    bound: Term,
}

impl Terms {
    /// Keeps the live ones of at most `room` terms.
    #[inline(always)]
    pub(crate) fn fill(&mut self, room: usize, terms: impl Iterator<Item = (bool, Term)>) {
        self.list.resize(room, Term::default());
        let list = &mut self.list[..];
        let (mut len, mut bound) = (0, Term::default());
        // Without a branch, which nothing could predict.
        for (is_live, term) in terms {
            list[len] = term;
            len += usize::from(is_live);
            bound.cotangent = bound.cotangent.max(term.cotangent);
            bound.from = bound.from.max(term.from);
        }
        (self.len, self.bound) = (len, bound);
    }

    /// The number of terms.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The sum of the cotangents of some terms.
    #[inline(always)]
    pub(crate) fn sum<T: Scalar>(&self, cotangents: &[T]) -> T {
        let of = |term: &Term| cotangents[term.cotangent as usize];
        let quads = self.list[..self.len].chunks_exact(4);
        let mut rest = T::ZERO;
        for term in quads.remainder() {
            rest += of(term);
        }
        let [mut a, mut b, mut c, mut d] = [T::ZERO; 4];
        for quad in quads {
            a += of(&quad[0]);
            b += of(&quad[1]);
            c += of(&quad[2]);
            d += of(&quad[3]);
        }
        (a + b) + (c + d) + rest
    }
}

/// Rows of numbers.
pub(crate) struct Rows<D> {
    pub(crate) data: D,
    pub(crate) stride: usize,
}

/// `into[r, ..] += sum_t cotangents[t] from[t + r, ..]` over some of the terms, for `rows` rows of
/// `width` numbers, rounded up to whole vectors.
#[inline(always)]
pub(crate) fn add_terms<T: Scalar, S: Simd>(
    simd: S,
    (terms, range): (&Terms, Range<usize>),
    cotangents: &[T],
    from: &Rows<&[T]>,
    into: &mut Rows<&mut [T]>,
    [rows, width]: [usize; 2],
) {
    let vectors = width.div_ceil(lanes::<T, S>());
    let width = vectors * lanes::<T, S>();
    let bound = terms.bound;
    assert!((bound.cotangent as usize) < cotangents.len());
    assert!(bound.from as usize + (rows - 1) * from.stride + width <= from.data.len());
    assert!((rows - 1) * into.stride + width <= into.data.len());
    let terms = &terms.list[..terms.len][range];
    let mut first = 0;
    while first < vectors {
        let left = vectors - first;
        let at = first * lanes::<T, S>();
        let sums = Sums {
            terms,
            cotangents: cotangents.as_ptr(),
            from: from.data.as_ptr().wrapping_add(at),
            from_stride: from.stride,
            into: into.data.as_mut_ptr().wrapping_add(at),
            into_stride: into.stride,
        };
        // SAFETY: as asserted; the blocks are whole vectors within the width.
        unsafe {
            first += match left {
                8.. => sums.by_rows::<S, 1, 8>(simd, rows),
                4.. => sums.by_rows::<S, 3, 4>(simd, rows),
                2.. => sums.by_rows::<S, 5, 2>(simd, rows),
                _ => sums.by_rows::<S, 5, 1>(simd, rows),
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Sums<'a, T> {
    terms: &'a [Term],
    cotangents: *const T,
    from: *const T,
    from_stride: usize,
    into: *mut T,
    into_stride: usize,
}

impl<T: Scalar> Sums<'_, T> {
    /// Runs in tiles of at most `R` rows; gives `V`.
    ///
    /// # Safety
    /// All terms' cotangents are readable, and `rows` rows of `V` vectors from each; `into` has as
    /// many.
    #[inline(always)]
    unsafe fn by_rows<S: Simd, const R: usize, const V: usize>(
        mut self,
        simd: S,
        rows: usize,
    ) -> usize {
        let mut left = rows;
        while left > 0 {
            let n = left.min(R);
            // SAFETY: the tiles are rows that are left.
            unsafe {
                match n {
                    5.. if R >= 5 => self.run::<S, 5, V>(simd),
                    4 if R >= 4 => self.run::<S, 4, V>(simd),
                    3 if R >= 3 => self.run::<S, 3, V>(simd),
                    2 if R >= 2 => self.run::<S, 2, V>(simd),
                    _ => self.run::<S, 1, V>(simd),
                }
            }
            self.from = self.from.wrapping_add(n * self.from_stride);
            self.into = self.into.wrapping_add(n * self.into_stride);
            left -= n;
        }
        V
    }

    /// One tile.
    ///
    /// # Safety
    /// As [`Self::by_rows`], for `R` rows.
    #[inline(always)]
    unsafe fn run<S: Simd, const R: usize, const V: usize>(self, simd: S) {
        let lanes = lanes::<T, S>();
        let to = |r: usize, v: usize| {
            self.into.wrapping_add(r * self.into_stride + v * lanes).cast::<T::Vector<S>>()
        };
        // SAFETY: as the caller promises; vectors are plain numbers, and loads need no alignment.
        unsafe {
            let mut acc = [[T::splat(simd, T::ZERO); V]; R];
            for (r, acc) in acc.iter_mut().enumerate() {
                for (v, acc) in acc.iter_mut().enumerate() {
                    *acc = to(r, v).read_unaligned();
                }
            }
            for term in self.terms {
                let s = T::splat(simd, *self.cotangents.add(term.cotangent as usize));
                let from = self.from.add(term.from as usize);
                for (r, acc) in acc.iter_mut().enumerate() {
                    for (v, acc) in acc.iter_mut().enumerate() {
                        let from = from.add(r * self.from_stride + v * lanes);
                        let x = from.cast::<T::Vector<S>>().read_unaligned();
                        *acc = T::fused(simd, s, x, *acc);
                    }
                }
            }
            for (r, acc) in acc.iter().enumerate() {
                for (v, acc) in acc.iter().enumerate() {
                    to(r, v).write_unaligned(*acc);
                }
            }
        }
    }
}
