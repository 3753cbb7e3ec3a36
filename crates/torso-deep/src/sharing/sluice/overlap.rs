//! What the weights of two parts have in common, `|G' H|_F^2` for `G` `[n, v]` and `H` `[n, w]`, and
//! its gradient: `2 H M'` for `G` and `2 G M` for `H`, with `M = G' H`.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// `G' H` `[v, w]`.
pub(super) fn products(g: MatRef<'_, f32>, h: MatRef<'_, f32>) -> Mat<f32> {
    let mut products = Mat::zeros(g.ncols(), h.ncols());
    matmul(products.as_mut(), Accum::Replace, g.transpose(), h, 1.0, Par::Seq);
    products
}

/// `|M|_F^2`.
pub(super) fn square(m: &Mat<f32>) -> f64 {
    f64::from(m.squared_norm_l2())
}

/// Adds `scale G M` to `into [n, w]`, row-major.
pub(super) fn add_product(into: &mut [f32], g: MatRef<'_, f32>, m: MatRef<'_, f32>, scale: f32) {
    let into = MatMut::from_row_major_slice_mut(into, g.nrows(), m.ncols());
    matmul(into, Accum::Add, g, m, scale, Par::Seq);
}
