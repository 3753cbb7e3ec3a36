//! The kernels: sums that stay in the registers while they run along their terms.
#![expect(unsafe_code, reason = "loads at unchecked places; all bounds are asserted before")]

use pulp::{Arch, Simd, WithSimd};

use crate::scalar::Scalar;

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

/// What the kernel of a convolution covers of an image: so many rows of so many numbers.
#[derive(Clone, Copy)]
pub(super) struct Patch {
    pub(super) rows: usize,
    pub(super) run: usize,
    /// From row to row of the image.
    pub(super) stride: usize,
}

impl Patch {
    /// From its first number to behind its last.
    fn span(&self) -> usize {
        (self.rows - 1) * self.stride + self.run
    }
}

/// `sums[p, ..] = patch_p W` for the first `n_patches` that begin at `starts`: `W` is `[numbers of a
/// patch, width]` and `sums` `[starts, width]`, with `width` padded. The number of starts is a
/// multiple of [`PATCHES`].
#[inline(always)]
pub(super) fn patch_sums<T: Scalar, S: Simd>(
    simd: S,
    (image, patch): (&[T], Patch),
    (starts, n_patches): (&[u32], usize),
    (weight, filters, width): (&[T], usize, usize),
    sums: &mut [T],
) {
    let last = starts.iter().max().map_or(0, |&start| start as usize);
    assert!(last + patch.span() <= image.len());
    assert!(patch.rows * patch.run * width <= weight.len() && starts.len() * width <= sums.len());
    let vectors = filters.div_ceil(lanes::<T, S>());
    assert!(vectors * lanes::<T, S>() <= width);
    assert!(starts.len().is_multiple_of(PATCHES) && n_patches <= starts.len());
    let n_blocks = vectors.div_ceil(3);
    for block in 0..n_blocks {
        let [first, end] = [block, block + 1].map(|at| at * vectors / n_blocks);
        let columns = first * lanes::<T, S>();
        // SAFETY: as asserted; the columns are whole vectors within the width.
        unsafe {
            let (weight, sums) = (weight.as_ptr().add(columns), sums.as_mut_ptr().add(columns));
            let (image, weight) = ((image.as_ptr(), patch), (weight, width));
            match end - first {
                1 => tiles::<T, S, 8, 1>(
                    simd,
                    image,
                    &starts[..n_patches.next_multiple_of(8)],
                    weight,
                    sums,
                ),
                2 => tiles::<T, S, 6, 2>(
                    simd,
                    image,
                    &starts[..n_patches.next_multiple_of(6)],
                    weight,
                    sums,
                ),
                _ => tiles::<T, S, 3, 3>(
                    simd,
                    image,
                    &starts[..n_patches.next_multiple_of(3)],
                    weight,
                    sums,
                ),
            }
        }
    }
}

/// A multiple of the number of patches in every tile.
pub(super) const PATCHES: usize = 24;

/// Tiles of `P` patches and `V` vectors of filters.
///
/// # Safety
/// Patches from all `starts` are readable, `V` vectors of each row of `weight`, and `sums` has as
/// many for each start.
#[inline(always)]
unsafe fn tiles<T: Scalar, S: Simd, const P: usize, const V: usize>(
    simd: S,
    (image, patch): (*const T, Patch),
    starts: &[u32],
    (weight, width): (*const T, usize),
    sums: *mut T,
) {
    let lanes = lanes::<T, S>();
    for (tile, starts) in starts.chunks_exact(P).enumerate() {
        let mut acc = [[T::splat(simd, T::ZERO); V]; P];
        let mut weight = weight;
        // SAFETY: as the caller promises; vectors are plain numbers, and loads need no alignment.
        unsafe {
            for row in 0..patch.rows {
                let mut from = [image.add(row * patch.stride); P];
                for (from, &start) in from.iter_mut().zip(starts) {
                    *from = from.add(start as usize);
                }
                for at in 0..patch.run {
                    let mut w = [T::splat(simd, T::ZERO); V];
                    for (v, w) in w.iter_mut().enumerate() {
                        *w = weight.add(v * lanes).cast::<T::Vector<S>>().read_unaligned();
                    }
                    for p in 0..P {
                        let x = T::splat(simd, *from[p].add(at));
                        for v in 0..V {
                            acc[p][v] = T::fused(simd, x, w[v], acc[p][v]);
                        }
                    }
                    weight = weight.wrapping_add(width);
                }
            }
            for (p, acc) in acc.iter().enumerate() {
                for (v, acc) in acc.iter().enumerate() {
                    let to = sums.add((tile * P + p) * width + v * lanes);
                    to.cast::<T::Vector<S>>().write_unaligned(*acc);
                }
            }
        }
    }
}

/// A term of a sum: a cotangent, and where the numbers begin that it scales.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Term {
    pub(super) cotangent: u32,
    pub(super) from: u32,
}

/// Terms, and bounds of what they read.
#[derive(Debug, Default)]
pub(super) struct Terms {
    list: Vec<Term>,
    len: usize,
    /// The greatest places.
    bound: Term,
}

impl Terms {
    /// Keeps the live ones of at most `room` terms.
    #[inline(always)]
    pub(super) fn fill(&mut self, room: usize, terms: impl Iterator<Item = (bool, Term)>) {
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
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The sum of the cotangents of some terms.
    #[inline(always)]
    pub(super) fn sum<T: Scalar>(&self, cotangents: &[T]) -> T {
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
pub(super) struct Rows<D> {
    pub(super) data: D,
    pub(super) stride: usize,
}

/// `into[r, ..] += sum_t cotangents[t] from[t + r, ..]` over some of the terms, for `rows` rows of
/// `width` numbers, rounded up to whole vectors.
#[inline(always)]
pub(super) fn add_terms<T: Scalar, S: Simd>(
    simd: S,
    (terms, range): (&Terms, std::ops::Range<usize>),
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
