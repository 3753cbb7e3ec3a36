//! Agglomerative clustering by average linkage: a binary tree of tasks from their distances.
//!
//! The two nearest clusters merge, again and again; the distance of two clusters is the mean of
//! those between their members. Ties go to the first pair.
//!
//! # Cost
//! `n^3 / 6` comparisons.
//!
//! # References
//! Sokal, Michener, *A statistical method for evaluating systematic relationships* (1958).

use faer::{Mat, MatRef};

/// The merges of `n` items, `[n - 1, 3]`: two nodes and their distance. Items are the nodes
/// `0..n`, and the merge `k` is the node `n + k`. `distances [n, n]` is symmetric.
pub(crate) fn merges(distances: MatRef<'_, f64>) -> Mat<f64> {
    let n = distances.nrows();
    let mut between = distances.to_owned();
    // The clusters that are left: where they lie in `between`, their node and their size.
    let mut left: Vec<(usize, usize, f64)> = (0..n).map(|item| (item, item, 1.0)).collect();
    let mut merges = Mat::zeros(n.saturating_sub(1), 3);
    for k in 0..merges.nrows() {
        let (a, b, height) = nearest(&left, between.as_ref());
        let (at, first, size) = left[a];
        let (gone, second, other) = left.remove(b);
        for column in 0..n {
            let mean = size * between[(at, column)] + other * between[(gone, column)];
            between[(at, column)] = mean / (size + other);
            between[(column, at)] = between[(at, column)];
        }
        left[a] = (at, n + k, size + other);
        (merges[(k, 0)], merges[(k, 1)], merges[(k, 2)]) = (first as f64, second as f64, height);
    }
    merges
}

/// The two nodes and the height of a merge.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nodes are counts")]
pub(crate) fn merge(merges: &Mat<f64>, k: usize) -> (usize, usize, f64) {
    (merges[(k, 0)] as usize, merges[(k, 1)] as usize, merges[(k, 2)])
}

/// The cluster of each item, where merges end at `n_clusters`, from 0.
pub(crate) fn clusters(merges: &Mat<f64>, n_clusters: usize) -> Vec<usize> {
    let n = merges.nrows() + 1;
    let mut members: Vec<Vec<usize>> = (0..n).map(|item| vec![item]).collect();
    for k in 0..n.saturating_sub(n_clusters) {
        let (a, b, _) = merge(merges, k);
        let both = [std::mem::take(&mut members[a]), std::mem::take(&mut members[b])].concat();
        members.push(both);
    }
    let mut cluster = vec![0; n];
    for (c, own) in members.iter().filter(|own| !own.is_empty()).enumerate() {
        for &item in own {
            cluster[item] = c;
        }
    }
    cluster
}

/// The positions of the nearest two clusters, the first before the second, and their distance.
fn nearest(left: &[(usize, usize, f64)], between: MatRef<'_, f64>) -> (usize, usize, f64) {
    let mut best = (0, 1, f64::INFINITY);
    for (b, &(other, ..)) in left.iter().enumerate() {
        for (a, &(at, ..)) in left[..b].iter().enumerate() {
            if between[(at, other)] < best.2 {
                best = (a, b, between[(at, other)]);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_of_members_decide_who_merges() {
        // Places on a line: 0, 1, 4, 6.
        let places = [0.0_f64, 1.0, 4.0, 6.0];
        let distances = Mat::from_fn(4, 4, |a, b| (places[a] - places[b]).abs());
        let found = merges(distances.as_ref());
        // {0, 1} at 1, {4, 6} at 2, both at the mean of 4, 6, 3 and 5.
        let expected = [[0.0, 1.0, 1.0], [2.0, 3.0, 2.0], [4.0, 5.0, 4.5]];
        for (k, row) in expected.iter().enumerate() {
            for (column, value) in row.iter().enumerate() {
                assert!((found[(k, column)] - value).abs() < 1e-15, "{found:?}");
            }
        }
        assert_eq!(clusters(&found, 2), [0, 0, 1, 1]);
        assert_eq!(clusters(&found, 3), [2, 2, 0, 1]);
        assert_eq!(clusters(&found, 1), [0; 4]);
        assert_eq!(clusters(&found, 9), [0, 1, 2, 3]);
        assert_eq!(merges(Mat::zeros(1, 1).as_ref()).nrows(), 0);
        assert_eq!(merges(Mat::zeros(0, 0).as_ref()).nrows(), 0);
    }
}
