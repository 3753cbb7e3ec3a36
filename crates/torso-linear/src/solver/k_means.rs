//! K-means of a few points, without chance: what a relaxed partition is rounded with.
//!
//! Minimizes `sum_i |x_i - center of x_i's group|^2` by Lloyd's rounds, from some first points;
//! further centers are where the distance to the nearest one is largest (Gonzalez 1985). The best of
//! all starts is taken.
//!
//! # Cost
//! `n k p` a round.

use faer::MatRef;

/// Points that a start begins at.
const STARTS: usize = 20;

/// Rounds of a start.
const ROUNDS: usize = 100;

/// The group of each row of `points [n, p]`: at most `k` groups, numbered in the order of their
/// first members.
pub fn k_means(points: MatRef<'_, f64>, k: usize) -> Vec<usize> {
    let n = points.nrows();
    let points: Vec<Vec<f64>> = (0..n).map(|i| points.row(i).iter().copied().collect()).collect();
    let k = k.clamp(1, n.max(1));
    let starts = n.min(STARTS);
    let runs = (0..starts).map(|start| lloyd(&points, far_apart(&points, start * n / starts, k)));
    let best = runs.min_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or_else(Vec::new, |(groups, _)| in_order(&groups))
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

/// The nearest center, and the squared distance to it.
fn nearest(point: &[f64], centers: &[Vec<f64>]) -> (usize, f64) {
    let distances = centers.iter().map(|center| distance(point, center)).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).expect("there is a center")
}

/// `k` points, each as far as can be from those before.
fn far_apart(points: &[Vec<f64>], first: usize, k: usize) -> Vec<Vec<f64>> {
    let mut centers = vec![points[first].clone()];
    while centers.len() < k {
        let distances = points.iter().map(|point| nearest(point, &centers).1);
        let farthest = distances.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        centers.push(points[farthest.expect("there is a point").0].clone());
    }
    centers
}

/// Groups from these centers on, and the sum of squares within.
fn lloyd(points: &[Vec<f64>], mut centers: Vec<Vec<f64>>) -> (Vec<usize>, f64) {
    let deal = |centers: &[Vec<f64>]| -> (Vec<usize>, f64) {
        let dealt: Vec<(usize, f64)> = points.iter().map(|x| nearest(x, centers)).collect();
        (dealt.iter().map(|(group, _)| *group).collect(), dealt.iter().map(|(_, far)| far).sum())
    };
    let (mut groups, mut within) = deal(&centers);
    for _ in 0..ROUNDS {
        for (group, center) in centers.iter_mut().enumerate() {
            let members: Vec<&Vec<f64>> =
                points.iter().zip(&groups).filter(|(_, g)| **g == group).map(|(x, _)| x).collect();
            for (j, value) in center.iter_mut().enumerate() {
                if !members.is_empty() {
                    *value = members.iter().map(|x| x[j]).sum::<f64>() / members.len() as f64;
                }
            }
        }
        let (next, sum) = deal(&centers);
        let is_still = next == groups;
        (groups, within) = (next, sum);
        if is_still {
            break;
        }
    }
    (groups, within)
}

/// The same partition, numbered in the order of first members.
fn in_order(groups: &[usize]) -> Vec<usize> {
    let mut seen: Vec<usize> = Vec::new();
    let number = |group: &usize| {
        seen.iter().position(|g| g == group).unwrap_or_else(|| {
            seen.push(*group);
            seen.len() - 1
        })
    };
    groups.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;

    #[test]
    fn groups_that_lie_apart_are_found_whatever_the_order() {
        let place = |i: usize| [(0.0, 0.0), (5.0, 0.0), (0.0, 4.0)][(i * i + i / 2) % 3];
        let points = Mat::from_fn(30, 2, |i, j| {
            let (x, y) = place(i);
            (if j == 0 { x } else { y }) + 0.1 * ((7 * i + 3 * j) % 10) as f64
        });
        let groups = k_means(points.as_ref(), 3);
        for i in 0..30 {
            for j in 0..30 {
                assert_eq!(groups[i] == groups[j], place(i) == place(j), "{i} {j}");
            }
        }
        assert_eq!(groups[0], 0);
    }

    #[test]
    fn fewer_points_than_groups_and_points_alike_are_no_trouble() {
        assert!(k_means(Mat::zeros(0, 2).as_ref(), 3).is_empty());
        assert_eq!(k_means(Mat::zeros(1, 2).as_ref(), 3), [0]);
        assert_eq!(k_means(Mat::zeros(4, 2).as_ref(), 3), [0; 4]);
        assert_eq!(k_means(Mat::zeros(4, 0).as_ref(), 1), [0; 4]);
        let two = Mat::from_fn(2, 1, |i, _| i as f64);
        assert_eq!(k_means(two.as_ref(), 2), [0, 1]);
    }
}
