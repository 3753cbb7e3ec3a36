//! What the weights of two parts have in common, `|G' H|_F^2` for `G` `[n, v]` and `H` `[n, w]`, and
//! its gradient: `2 H M'` for `G` and `2 G M` for `H`, with `M = G' H`.

/// `G' H` `[v, w]`.
pub(super) fn products((g, v): (&[f32], usize), (h, w): (&[f32], usize)) -> Vec<f32> {
    let mut products = vec![0.0; v * w];
    for (g, h) in g.chunks_exact(v).zip(h.chunks_exact(w)) {
        for (sum, &g) in products.chunks_exact_mut(w).zip(g) {
            add_scaled(sum, h, g);
        }
    }
    products
}

/// `|M|_F^2`.
pub(super) fn square(m: &[f32]) -> f64 {
    m.iter().map(|m| f64::from(m * m)).sum()
}

/// Adds `scale G M` to `into [n, w]`, where `M` is `[v, w]`.
pub(super) fn add_product(into: &mut [f32], (g, v): (&[f32], usize), m: &[f32], scale: f32) {
    let w = m.len() / v;
    for (into, g) in into.chunks_exact_mut(w).zip(g.chunks_exact(v)) {
        for (m, &g) in m.chunks_exact(w).zip(g) {
            add_scaled(into, m, scale * g);
        }
    }
}

/// `M'` of `M` `[v, w]`.
pub(super) fn transposed(m: &[f32], w: usize) -> Vec<f32> {
    (0..w).flat_map(|column| m[column..].iter().step_by(w).copied()).collect()
}

/// `y += a x`.
fn add_scaled(y: &mut [f32], x: &[f32], a: f32) {
    y.iter_mut().zip(x).for_each(|(y, &x)| *y += a * x);
}
