//! Which tasks find the same rows difficult, and how many branches that is worth.
//!
//! # Formula
//! A row is difficult for a task if its loss is at least the task's mean. Over the rows that both
//! have, `A_ij = P(both difficult) + P(both easy)`. Of branches `k` and `l`, that each serve some
//! tasks, `B_kl = (mean_{i in k} min_{j in l} A_ij + mean_{j in l} min_{i in k} A_ij) / 2`.
//!
//! Branches dealt to `d` groups cost `(d - 1) + alpha mean_g (1 - mean_{k in g} min_{l in g} B_kl)`.
//! For each `d` the groups are those of spectral clustering of `B`; the cheapest `d` is taken, the
//! fewest groups of equal ones.

use faer::Mat;
use torso_math::SymmetricEigen;

/// Starts of k-means for each number of groups.
const STARTS: usize = 8;
/// Passes of one k-means at most.
const PASSES: usize = 50;

/// The affinities of tasks from the losses of rows, `[tasks][rows]`, `NaN` where there is none. Of
/// two tasks without a common row they are what chance gives.
pub(super) fn of_tasks(row_losses: &[Vec<f32>]) -> Mat<f64> {
    let difficult: Vec<Vec<Option<bool>>> = row_losses.iter().map(|l| difficulties(l)).collect();
    let shares: Vec<f64> = difficult
        .iter()
        .map(|rows| {
            let known = rows.iter().flatten();
            known.clone().filter(|d| **d).count() as f64 / known.count().max(1) as f64
        })
        .collect();
    let n = row_losses.len();
    let mut affinity = Mat::full(n, n, 1.0);
    for i in 0..n {
        for j in 0..i {
            let both = difficult[i].iter().zip(&difficult[j]);
            let pairs = both.filter_map(|(a, b)| Some(a.as_ref()? == b.as_ref()?));
            let (n_same, n_pairs) = pairs.fold((0_usize, 0_usize), |(same, all), is_same| {
                (same + usize::from(is_same), all + 1)
            });
            let chance = shares[i] * shares[j] + (1.0 - shares[i]) * (1.0 - shares[j]);
            let value = if n_pairs > 0 { n_same as f64 / n_pairs as f64 } else { chance };
            (affinity[(i, j)], affinity[(j, i)]) = (value, value);
        }
    }
    affinity
}

/// Whether each row is difficult for a task, where it has a loss.
fn difficulties(losses: &[f32]) -> Vec<Option<bool>> {
    let known = || losses.iter().filter(|loss| !loss.is_nan()).map(|loss| f64::from(*loss));
    let mean = known().sum::<f64>() / known().count().max(1) as f64;
    let of = |loss: &f32| (!loss.is_nan()).then(|| f64::from(*loss) >= mean);
    losses.iter().map(of).collect()
}

/// The affinities of branches, each with its tasks.
pub(super) fn of_branches(affinity: &Mat<f64>, branches: &[Vec<usize>]) -> Mat<f64> {
    let one_way = |from: &[usize], to: &[usize]| {
        let nearest =
            |i: &usize| to.iter().map(|j| affinity[(*i, *j)]).fold(f64::INFINITY, f64::min);
        from.iter().map(nearest).sum::<f64>() / from.len() as f64
    };
    Mat::from_fn(branches.len(), branches.len(), |k, l| {
        let (k, l) = (&branches[k], &branches[l]);
        f64::midpoint(one_way(k, l), one_way(l, k))
    })
}

/// The group of each branch in the cheapest partition; groups are numbered as they appear.
pub(super) fn partition(affinity: &Mat<f64>, alpha: f64) -> Vec<usize> {
    let n = affinity.nrows();
    let cost = |groups: &[usize]| {
        let n_groups = groups.iter().max().map_or(0, |last| last + 1);
        (n_groups.saturating_sub(1)) as f64 + alpha * separation(affinity, groups)
    };
    let candidates = (1..=n).map(|n_groups| clusters(affinity, n_groups));
    let costs = candidates.map(|groups| (cost(&groups), groups));
    let best = costs.reduce(|best, other| if other.0 < best.0 { other } else { best });
    best.map_or_else(Vec::new, |(_, groups)| groups)
}

/// How badly groups keep together what belongs together: 0 if affinities within are 1.
fn separation(affinity: &Mat<f64>, groups: &[usize]) -> f64 {
    let n_groups = groups.iter().max().map_or(0, |last| last + 1);
    let apart = (0..n_groups).map(|group| {
        let members: Vec<usize> = (0..groups.len()).filter(|k| groups[*k] == group).collect();
        let nearest =
            |k: &usize| members.iter().map(|l| affinity[(*k, *l)]).fold(f64::INFINITY, f64::min);
        1.0 - members.iter().map(nearest).sum::<f64>() / members.len() as f64
    });
    apart.sum::<f64>() / n_groups.max(1) as f64
}

/// So many groups by spectral clustering: k-means on the leading eigenvectors of the normalized
/// affinity, from several starts, of which the least separation cost is kept.
fn clusters(affinity: &Mat<f64>, n_groups: usize) -> Vec<usize> {
    let n = affinity.nrows();
    if n_groups == 1 {
        return vec![0; n];
    }
    if n_groups == n {
        return (0..n).collect();
    }
    let root: Vec<f64> = (0..n)
        .map(|i| (0..n).map(|j| affinity[(i, j)]).sum::<f64>().max(f64::MIN_POSITIVE).sqrt())
        .collect();
    let normalized = Mat::from_fn(n, n, |i, j| affinity[(i, j)] / root[i] / root[j]);
    let SymmetricEigen { vectors, .. } = SymmetricEigen::of(normalized.as_ref());
    let point = |i: usize| (n - n_groups..n).map(|k| vectors[(i, k)] / root[i]).collect();
    let points: Vec<Vec<f64>> = (0..n).map(point).collect();
    let starts = (0..n.min(STARTS)).map(|start| in_order(&k_means(&points, n_groups, start)));
    let costs = starts.map(|groups| (separation(affinity, &groups), groups));
    let best = costs.reduce(|best, other| if other.0 < best.0 { other } else { best });
    best.expect("there is a start").1
}

/// The group of each point by Lloyd's passes, from centers that are each the farthest point from
/// those before, the first one given.
fn k_means(points: &[Vec<f64>], n_groups: usize, first: usize) -> Vec<usize> {
    let mut centers = vec![points[first].clone()];
    while centers.len() < n_groups {
        let away = |point: &Vec<f64>| nearest(point, &centers).1;
        let farthest = points
            .iter()
            .map(|point| (away(point), point))
            .reduce(|best, other| if other.0 > best.0 { other } else { best })
            .expect("there is a point");
        centers.push(farthest.1.clone());
    }
    let mut groups: Vec<usize> = Vec::new();
    for _ in 0..PASSES {
        let next: Vec<usize> = points.iter().map(|point| nearest(point, &centers).0).collect();
        if next == groups {
            break;
        }
        groups = next;
        for (group, center) in centers.iter_mut().enumerate() {
            let members = || points.iter().zip(&groups).filter(|(_, g)| **g == group);
            let n_members = members().count();
            if n_members > 0 {
                center.fill(0.0);
                for (point, _) in members() {
                    center.iter_mut().zip(point).for_each(|(c, p)| *c += p / n_members as f64);
                }
            }
        }
    }
    groups
}

/// The nearest center, and its squared distance.
fn nearest(point: &[f64], centers: &[Vec<f64>]) -> (usize, f64) {
    let square =
        |center: &Vec<f64>| -> f64 { point.iter().zip(center).map(|(p, c)| (p - c).powi(2)).sum() };
    let all = centers.iter().map(square).enumerate();
    all.reduce(|best, other| if other.1 < best.1 { other } else { best }).expect("a center")
}

/// The same groups, numbered as they appear.
pub(super) fn in_order(groups: &[usize]) -> Vec<usize> {
    let mut seen: Vec<usize> = Vec::new();
    let number = |group: &usize| {
        seen.iter().position(|other| other == group).unwrap_or_else(|| {
            seen.push(*group);
            seen.len() - 1
        })
    };
    groups.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use torso_core::seed::Seed;

    /// Affinities `within` groups and `across`, with a little noise.
    fn planted(truth: &[usize], within: f64, across: f64, seed: u64) -> Mat<f64> {
        let mut stream = Seed(seed).stream("test", "affinity", 0);
        let n = truth.len();
        let mut affinity = Mat::full(n, n, 1.0);
        for i in 0..n {
            for j in 0..i {
                let base = if truth[i] == truth[j] { within } else { across };
                let value = base + stream.random_range(-0.02..0.02);
                (affinity[(i, j)], affinity[(j, i)]) = (value, value);
            }
        }
        affinity
    }

    #[test]
    fn affinity_is_the_share_of_rows_on_which_two_agree() {
        let nan = f32::NAN;
        let losses = [vec![0.0, 4.0, 0.0, 4.0], vec![1.0, 9.0, 9.0, nan], vec![nan, nan, nan, 2.0]];
        let affinity = of_tasks(&losses);
        let near = |i: usize, j: usize, expected: f64| {
            assert!((affinity[(i, j)] - expected).abs() < 1e-12, "{i}, {j}: {}", affinity[(i, j)]);
        };
        near(0, 0, 1.0);
        near(0, 1, 2.0 / 3.0);
        near(2, 0, 1.0); // one row, difficult for both
        near(1, 2, 2.0 / 3.0); // no common row: what chance gives
        near(2, 1, 2.0 / 3.0);
    }

    #[test]
    fn branches_are_as_near_as_their_farthest_tasks() {
        let affinity =
            Mat::from_fn(3, 3, |i, j| [[1.0, 0.8, 0.3], [0.8, 1.0, 0.5], [0.3, 0.5, 1.0]][i][j]);
        let found = of_branches(&affinity, &[vec![0, 1], vec![2]]);
        // From {0, 1} to {2}: (0.3 + 0.5) / 2; back: min(0.3, 0.5).
        assert!((found[(0, 1)] - 0.35).abs() < 1e-12 && (found[(1, 0)] - 0.35).abs() < 1e-12);
        assert!((found[(0, 0)] - 0.8).abs() < 1e-12 && (found[(1, 1)] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn planted_groups_are_found() {
        let truth: Vec<usize> = (0..12).map(|task| task * 7 % 12 / 4).collect();
        for seed in 0..20 {
            let affinity = planted(&truth, 0.72, 0.52, seed);
            assert_eq!(partition(&affinity, 12.0), in_order(&truth), "seed {seed}");
        }
    }

    #[test]
    fn alpha_goes_from_one_group_to_singletons() {
        for seed in 0..10 {
            let affinity = planted(&[0, 1, 2, 0, 1, 2, 0, 1], 0.85, 0.5, seed);
            let n_groups = |alpha: f64| partition(&affinity, alpha).iter().max().unwrap() + 1;
            assert_eq!(n_groups(0.0), 1);
            assert_eq!(n_groups(1e9), 8);
            let path: Vec<usize> = (-4..12).map(|e| n_groups(2f64.powi(e))).collect();
            assert!(path.is_sorted(), "{path:?}");
            assert!(path.contains(&3), "{path:?}");
        }
    }

    #[test]
    fn a_single_branch_stays_one() {
        assert_eq!(partition(&Mat::full(1, 1, 1.0), 1e9), [0]);
    }
}
