//! What an estimate of the lasso lacks: a step along the residual's correlations with the features,
//! through an approximate inverse of their covariance.
//!
//! Row `m` of the inverse solves `min m' S m` with `|S m - e_j|_inf <= mu`, `S` the Gram matrix of
//! features of unit length. Its dual is the lasso `min_v 1/2 v' S v - v_j + mu |v|_1`, whose
//! solution is the row itself; coordinate descent finds it.

use faer::Mat;

/// The most sweeps of a row; one that has not settled is not within `mu`.
const SWEEPS: usize = 500;
/// A sweep that moves no coefficient by more is the last.
const STILL: f64 = 1e-9;

/// `-M gradient`, for the Gram matrix of the features and the gradient of the loss at the estimate.
/// Features without length are left alone.
pub(super) fn correction(gram: &Mat<f64>, gradient: &[f64], mu: f64) -> Vec<f64> {
    let lengths: Vec<f64> = (0..gram.nrows()).map(|j| gram[(j, j)].max(0.0).sqrt()).collect();
    let used: Vec<usize> = (0..lengths.len()).filter(|&j| lengths[j] > 0.0).collect();
    let entry = |a: usize, b: usize| {
        let (i, j) = (used[a], used[b]);
        if a == b { 1.0 } else { gram[(i, j)] / (lengths[i] * lengths[j]) }
    };
    let correlation = Mat::from_fn(used.len(), used.len(), entry);
    let scaled: Vec<f64> = used.iter().map(|&j| gradient[j] / lengths[j]).collect();
    let mut out = vec![0.0; lengths.len()];
    for (a, &j) in used.iter().enumerate() {
        let row = inverse_row(&correlation, a, mu);
        let step: f64 = row.iter().zip(&scaled).map(|(m, g)| m * g).sum();
        out[j] = -step / lengths[j];
    }
    out
}

/// The standard deviation that errors of variance 1 give the corrected coefficient `j`.
#[cfg(test)]
pub(super) fn spread(gram: &Mat<f64>, j: usize, mu: f64) -> f64 {
    let length = |i: usize| gram[(i, i)].sqrt();
    let correlation =
        Mat::from_fn(gram.nrows(), gram.ncols(), |i, k| gram[(i, k)] / (length(i) * length(k)));
    let row = inverse_row(&correlation, j, mu);
    let row = faer::MatRef::from_column_major_slice(&row, gram.nrows(), 1);
    let image = crate::tasks::product(correlation.as_ref(), row);
    crate::tasks::inner(row, image.as_ref()).sqrt() / length(j)
}

/// Row `j` of the inverse, within `mu`, or within the least of `mu 1.5^k` that can be reached; 0
/// is within 1.
fn inverse_row(correlation: &Mat<f64>, j: usize, mu: f64) -> Vec<f64> {
    let mut mu = mu;
    loop {
        if let Some(row) = lasso(correlation, j, mu) {
            return row;
        }
        mu *= 1.5;
    }
}

/// `argmin_v 1/2 v' S v - v_j + mu |v|_1`; none where it does not settle.
fn lasso(correlation: &Mat<f64>, j: usize, mu: f64) -> Option<Vec<f64>> {
    let d = correlation.nrows();
    let mut v = vec![0.0; d];
    // S v - e_j.
    let mut slope: Vec<f64> = (0..d).map(|k| if k == j { -1.0 } else { 0.0 }).collect();
    for sweep in 0..SWEEPS {
        let is_whole = sweep % 5 == 0;
        let mut largest = 0.0_f64;
        for k in 0..d {
            if !is_whole && v[k] == 0.0 {
                continue;
            }
            let pull = v[k] - slope[k];
            let new = pull - pull.clamp(-mu, mu);
            let change = new - v[k];
            if change != 0.0 {
                v[k] = new;
                let column = correlation.col_as_slice(k);
                slope.iter_mut().zip(column).for_each(|(s, c)| *s += change * c);
                largest = largest.max(change.abs());
            }
        }
        if is_whole && largest <= STILL {
            return Some(v);
        }
    }
    None
}
