//! Groups of tasks whose metrics serve each other.
//!
//! `J = 1/N sum_A 1/|A| sum_(n, m in A) c_nm` over groups `A` of `N` tasks, `c_nm` the accuracy on
//! task `n` with the metric of task `m`. Groups merge one by one, always the two with the best `J`;
//! then tasks move between groups while that raises `J`.

use faer::MatRef;

/// The group of each task, for `count` groups.
pub(super) fn partition(c: MatRef<'_, f64>, count: usize) -> Vec<usize> {
    let mut groups: Vec<Vec<usize>> = (0..c.nrows()).map(|t| vec![t]).collect();
    while groups.len() > count.max(1) {
        let pairs = (0..groups.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
        let gain = |(a, b): &(usize, usize)| {
            let both = [groups[*a].as_slice(), &groups[*b]].concat();
            worth(c, &both) - worth(c, &groups[*a]) - worth(c, &groups[*b])
        };
        let gains: Vec<((usize, usize), f64)> = pairs.map(|pair| (pair, gain(&pair))).collect();
        let best = gains.iter().max_by(|x, y| x.1.total_cmp(&y.1).then(y.0.cmp(&x.0)));
        let &((a, b), _) = best.expect("two groups have a pair");
        let gone = groups.remove(b);
        groups[a].extend(gone);
    }
    while improve(c, &mut groups) {}
    let mut group = vec![0; c.nrows()];
    groups.sort_by_key(|members| members.iter().min().copied());
    for (k, members) in groups.iter().enumerate() {
        for t in members {
            group[*t] = k;
        }
    }
    group
}

/// Each task's part of `J`: the mean of `c_nm` over its group.
pub(super) fn parts(c: MatRef<'_, f64>, group: &[usize]) -> Vec<f64> {
    let part = |n: usize| {
        let members = (0..group.len()).filter(|m| group[*m] == group[n]);
        let (sum, count) = members.fold((0.0, 0.0), |(sum, k), m| (sum + c[(n, m)], k + 1.0));
        sum / count
    };
    (0..group.len()).map(part).collect()
}

/// A group's part of `N J`.
fn worth(c: MatRef<'_, f64>, members: &[usize]) -> f64 {
    let of = |n: &usize| members.iter().map(|m| c[(*n, *m)]).sum::<f64>();
    members.iter().map(of).sum::<f64>() / members.len().max(1) as f64
}

/// Moves the first task that gains by it to its best group. No group is left empty.
fn improve(c: MatRef<'_, f64>, groups: &mut [Vec<usize>]) -> bool {
    /// Less is rounding.
    const LEAST: f64 = 1e-12;
    for from in 0..groups.len() {
        for at in 0..groups[from].len() {
            if groups[from].len() == 1 {
                break;
            }
            let mut without = groups[from].clone();
            let task = without.remove(at);
            let loss = worth(c, &groups[from]) - worth(c, &without);
            let gain = |to: usize| {
                worth(c, &[groups[to].as_slice(), &[task]].concat()) - worth(c, &groups[to]) - loss
            };
            let others = (0..groups.len()).filter(|to| *to != from);
            let best = others.map(|to| (to, gain(to))).max_by(|a, b| a.1.total_cmp(&b.1));
            if let Some((to, gain)) = best
                && gain > LEAST
            {
                groups[from] = without;
                groups[to].push(task);
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;

    /// `N J`.
    fn value(c: &Mat<f64>, group: &[usize]) -> f64 {
        parts(c.as_ref(), group).iter().sum()
    }

    #[test]
    fn blocks_are_found_and_every_count_is_kept() {
        let block = |t: usize| t % 3;
        let c = Mat::from_fn(9, 9, |n, m| {
            let noise = ((7 * n + 5 * m) % 11) as f64 / 100.0;
            noise + if block(n) == block(m) { 0.9 } else { 0.6 }
        });
        let found = partition(c.as_ref(), 3);
        assert_eq!(found, (0..9).map(block).collect::<Vec<_>>());
        for count in 1..=9 {
            let found = partition(c.as_ref(), count);
            assert_eq!(found.iter().max().map(|k| k + 1), Some(count));
        }
        assert!(value(&c, &found) > value(&c, &[0; 9]) + 9.0 * 0.15);
    }

    #[test]
    fn no_single_move_raises_the_sum() {
        let c = Mat::from_fn(8, 8, |n, m| ((13 * n + 29 * m + n * m) % 17) as f64 / 17.0);
        let found = partition(c.as_ref(), 3);
        for t in 0..8 {
            for to in 0..3 {
                let mut moved = found.clone();
                moved[t] = to;
                if (0..3).all(|k| moved.contains(&k)) {
                    assert!(value(&c, &moved) <= value(&c, &found) + 1e-9);
                }
            }
        }
    }
}
