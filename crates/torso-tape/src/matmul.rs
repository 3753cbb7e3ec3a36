//! The matrix product behind every op: `C = A B`, or `C += A B`.
//!
//! Why it is ours: a training step of a small network must not touch the heap, and the well-kept
//! crates allocate in every product. The scheme is theirs (Goto and van de Geijn, *Anatomy of
//! High-Performance Matrix Multiplication*, 2008): blocks that stay in the caches, packed into
//! panels that a kernel of `MR x NR` sums runs along.
//!
//! Each element of `C` is a chain of fused multiply-adds in the order of `k`, one chain for every
//! [`KC`] terms, whatever the shape, the strides or the number of threads: same inputs, same bits.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::scalar::Scalar;

mod kernel;
mod pack;
mod transpose;

use kernel::{MR, Tile, tile};
use pack::pack;

/// Terms of the sums in one block: a panel of `B` then stays in the first-level cache.
const KC: usize = 256;
/// Numbers of `B` in one block: it then stays in the second-level cache.
const BLOCK: usize = 512 * KC;
/// Vectors in a row of the kernel's tile.
const NV: usize = 2;
/// With fewer multiply-adds than this, a product runs on one thread.
const MIN_PARALLEL: usize = 1 << 20;

/// A factor: a view of numbers in rows and columns, at any strides.
#[derive(Clone, Copy)]
pub(crate) struct Factor<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

impl<'a, T> Factor<'a, T> {
    /// Row-major numbers, `row_stride` apart.
    pub(crate) fn rows(data: &'a [T], row_stride: usize) -> Self {
        Self { data, row_stride, column_stride: 1 }
    }

    /// The same numbers with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self { data: self.data, row_stride: self.column_stride, column_stride: self.row_stride }
    }

    fn covers(&self, rows: usize, columns: usize) -> bool {
        (rows - 1) * self.row_stride + (columns - 1) * self.column_stride < self.data.len()
    }
}

/// Where a product goes: row-major, `row_stride` apart.
pub(crate) struct Product<'a, T> {
    pub(crate) data: &'a mut [T],
    pub(crate) row_stride: usize,
    /// Whether the product is added to what is there.
    pub(crate) add: bool,
}

/// Buffers for packed panels, one pair for each thread; kept between products.
pub(crate) struct Workspace<T> {
    threads: Vec<Buffers<T>>,
    /// Multiply-adds of all products so far.
    pub(crate) multiply_adds: u64,
}

#[derive(Default)]
struct Buffers<T> {
    a: Vec<T>,
    b: Vec<T>,
}

impl<T: Scalar> Workspace<T> {
    /// Buffers for `n_threads` threads.
    pub(crate) fn new(n_threads: usize) -> Self {
        let threads = (0..n_threads.max(1)).map(|_| Buffers::default()).collect();
        Self { threads, multiply_adds: 0 }
    }

    /// The number of threads.
    pub(crate) fn n_threads(&self) -> usize {
        self.threads.len()
    }

    /// Computes `product [m, n] = a [m, k] b [k, n]`.
    pub(crate) fn matmul(
        &mut self,
        [m, k, n]: [usize; 3],
        product: Product<T>,
        a: Factor<T>,
        b: Factor<T>,
    ) {
        if m == 0 || n == 0 {
            return;
        }
        let Product { data, row_stride, add } = product;
        assert!(row_stride >= n && (m - 1) * row_stride + n <= data.len(), "product out of bounds");
        if k == 0 {
            if !add {
                data.chunks_mut(row_stride).take(m).for_each(|row| row[..n].fill(T::ZERO));
            }
            return;
        }
        assert!(a.covers(m, k) && b.covers(k, n), "factor out of bounds");
        self.multiply_adds += (m * k * n) as u64;
        let threads = if m * k * n < MIN_PARALLEL { 1 } else { self.threads.len() };
        // Whole tiles for each thread, so that no element's sum depends on the number of threads.
        let share = m.div_ceil(threads).next_multiple_of(MR);
        let part = |(index, (data, buffers)): (usize, (&mut [T], &mut Buffers<T>))| {
            let first = index * share;
            Arch::new().dispatch(Block {
                shape: [share.min(m - first), k, n],
                product: Product { data, row_stride, add },
                a: Factor { data: &a.data[first * a.row_stride..], ..a },
                b,
                buffers,
            });
        };
        if threads == 1 {
            part((0, (data, &mut self.threads[0])));
        } else {
            let end = data.len().min((m - 1) * row_stride + n);
            let parts = data[..end].par_chunks_mut(share * row_stride);
            parts.zip(&mut self.threads).enumerate().for_each(part);
        }
    }
}

/// One thread's share of a product.
struct Block<'a, T> {
    shape: [usize; 3],
    product: Product<'a, T>,
    a: Factor<'a, T>,
    b: Factor<'a, T>,
    buffers: &'a mut Buffers<T>,
}

impl<T: Scalar> WithSimd for Block<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [m, k, n] = self.shape;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let nr = NV * lanes;
        let Product { data, row_stride, mut add } = self.product;
        let Buffers { a: packed_a, b: packed_b } = self.buffers;
        if k == 1 {
            pack(packed_b, self.b.data, [self.b.column_stride, 1], [n, 1], nr);
            let rows = data
                .chunks_mut(row_stride)
                .zip(self.a.data.iter().step_by(self.a.row_stride.max(1)));
            rows.take(m).for_each(|(row, &a)| outer(&mut row[..n], a, packed_b, add));
            return;
        }
        // A factor that few tiles read is read where it lies.
        let pack_b = self.b.column_stride != 1 || (m > 8 * MR && k > 64);
        for k0 in (0..k).step_by(KC) {
            let kc = KC.min(k - k0);
            let columns = BLOCK / kc / nr * nr;
            for n0 in (0..n).step_by(columns) {
                let nc = columns.min(n - n0);
                let b = &self.b.data[k0 * self.b.row_stride + n0 * self.b.column_stride..];
                let whole = if pack_b { 0 } else { nc / nr * nr };
                let b_strides = [self.b.column_stride, self.b.row_stride];
                pack(packed_b, &b[whole * b_strides[0]..], b_strides, [nc - whole, kc], nr);
                for i in (0..m).step_by(MR) {
                    let rows = MR.min(m - i);
                    let a = &self.a.data[i * self.a.row_stride + k0 * self.a.column_stride..];
                    let mut a_panel = (a, [self.a.row_stride, self.a.column_stride]);
                    if nc > 2 * nr {
                        pack(packed_a, a, a_panel.1, [rows, kc], MR);
                        a_panel = (packed_a, [1, MR]);
                    }
                    for j in (0..nc).step_by(nr) {
                        let b_panel = if j < whole {
                            (&b[j..], self.b.row_stride)
                        } else {
                            (&packed_b[(j - whole) * kc..], nr)
                        };
                        let c = &mut data[i * row_stride + n0 + j..];
                        let shape = [rows, nr.min(nc - j)];
                        tile(
                            simd,
                            kc,
                            Tile { c, stride: row_stride, shape, add },
                            a_panel,
                            b_panel,
                        );
                    }
                }
            }
            add = true;
        }
    }
}

/// One row of an outer product: a tile would be all overhead.
#[inline(always)]
fn outer<T: Scalar>(row: &mut [T], a: T, b: &[T], add: bool) {
    if add {
        row.iter_mut().zip(b).for_each(|(c, &b)| *c += a * b);
    } else {
        row.iter_mut().zip(b).for_each(|(c, &b)| *c = a * b);
    }
}

#[cfg(test)]
mod tests;
