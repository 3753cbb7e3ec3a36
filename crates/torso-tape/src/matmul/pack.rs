//! Packing: a factor's block as panels that the kernel reads from front to back.

use super::transpose::{SIDE, transpose};
use crate::scalar::Scalar;

/// Packs lines of a factor (rows of `A`, columns of `B`) side by side: `width` lines make a panel
/// `[k, width]`. What the last one lacks in lines stays as it was: no sum that is kept reads it.
///
/// `strides` are those from line to line and along a line, `shape` the number of lines and `k`.
#[inline(always)]
pub(super) fn pack<T: Scalar>(
    into: &mut Vec<T>,
    from: &[T],
    strides: [usize; 2],
    [lines, k]: [usize; 2],
    width: usize,
) {
    let length = lines.next_multiple_of(width) * k;
    if into.len() < length {
        into.resize(length, T::ZERO);
    }
    for (panel, first) in into[..length].chunks_exact_mut(width * k).zip((0..lines).step_by(width))
    {
        let from = &from[first * strides[0]..];
        let lines = width.min(lines - first);
        match strides {
            [1, stride] => copy(panel, from, stride, lines, width),
            [stride, 1] => turn(panel, from, stride, [lines, k], width),
            _ => gather(panel, from, strides, 0..lines, width),
        }
    }
}

/// Lines side by side in memory.
#[inline(always)]
fn copy<T: Scalar>(panel: &mut [T], from: &[T], stride: usize, lines: usize, width: usize) {
    let rows = panel.chunks_exact_mut(width).enumerate();
    if lines == width {
        // The width is known to the compiler here, the number of lines is not.
        rows.for_each(|(at, row)| row.copy_from_slice(&from[at * stride..][..width]));
    } else {
        rows.for_each(|(at, row)| row[..lines].copy_from_slice(&from[at * stride..][..lines]));
    }
}

/// Lines of which each is contiguous: square blocks are turned in registers.
#[inline(always)]
fn turn<T: Scalar>(
    panel: &mut [T],
    from: &[T],
    stride: usize,
    [lines, k]: [usize; 2],
    width: usize,
) {
    let (whole_lines, whole_k) = (lines / SIDE * SIDE, k / SIDE * SIDE);
    for at in (0..whole_k).step_by(SIDE) {
        for line in (0..whole_lines).step_by(SIDE) {
            let from = &from[line * stride + at..];
            transpose(&mut panel[at * width + line..], width, from, stride);
        }
    }
    let (top, bottom) = panel.split_at_mut(whole_k * width);
    gather(top, from, [stride, 1], whole_lines..lines, width);
    if whole_k < k {
        gather(bottom, &from[whole_k..], [stride, 1], 0..lines, width);
    }
}

/// Some lines at any strides.
#[inline(always)]
fn gather<T: Scalar>(
    panel: &mut [T],
    from: &[T],
    strides: [usize; 2],
    lines: std::ops::Range<usize>,
    width: usize,
) {
    for (at, row) in panel.chunks_exact_mut(width).enumerate() {
        for line in lines.clone() {
            row[line] = from[line * strides[0] + at * strides[1]];
        }
    }
}
