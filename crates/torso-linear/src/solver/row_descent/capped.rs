//! The row's problem for the norm of the dirty model, whose ends are `l1` and `l-infinity`.
//!
//! A level `m` is paid for once and serves all tasks; what a task has beyond it, it pays for alone:
//! `|v| = min_m rows * m + entries * sum_t max(|v_t| - m, 0)`. At the best level,
//! `sum_t min(max(|b_t| - a_t m, 0), entries) = rows`, a function of `m` that falls along straight
//! lines between the breakpoints `(|b_t| - entries) / a_t` and `|b_t| / a_t`: sorting finds it.
//!
//! # Cost
//! `n_tasks log n_tasks`.

use super::{RowNorm, norm};

/// `min_u rows * max_t |u_t| + entries * |v - u|_1`: part of a row serves all tasks, part of it
/// some. With `entries` infinite it is `rows` times the largest entry; with `rows` infinite,
/// `entries` times their sum.
#[derive(Debug, Clone, Copy)]
pub struct Capped {
    /// The strength on the largest entry of the part for all tasks.
    pub rows: f64,
    /// The strength on each entry of the part for some.
    pub entries: f64,
}

impl Capped {
    /// The best level for a row: the least that fewer than `rows / entries` of its entries exceed;
    /// 0 where entries on their own cost no more than a level.
    pub fn level(&self, v: &[f64]) -> f64 {
        if self.rows >= v.len() as f64 * self.entries {
            return 0.0;
        }
        let mut sizes: Vec<f64> = v.iter().map(|v| v.abs()).collect();
        sizes.sort_unstable_by(|a, b| b.total_cmp(a));
        let exceed = (1..sizes.len()).take_while(|k| *k as f64 * self.entries < self.rows).count();
        sizes.get(exceed).copied().unwrap_or(0.0)
    }

    /// The level at which row `b` is best cut.
    fn best_level(&self, a: impl Fn(usize) -> f64, b: &[f64]) -> f64 {
        let mut excess = b.iter().map(|b| b.abs().min(self.entries)).sum::<f64>() - self.rows;
        if excess <= 0.0 {
            return 0.0;
        }
        // Where the sum begins to fall by a further a_t, and where by that less.
        let mut turns = Vec::with_capacity(2 * b.len());
        for (t, b) in b.iter().enumerate() {
            let a = a(t);
            if a > 0.0 && *b != 0.0 {
                turns.push((((b.abs() - self.entries) / a).max(0.0), a));
                turns.push((b.abs() / a, -a));
            }
        }
        turns.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut level, mut slope) = (0.0, 0.0);
        for (next, change) in turns {
            let fall = slope * (next - level);
            if fall >= excess {
                return level + excess / slope;
            }
            (excess, level, slope) = (excess - fall, next, slope + change);
        }
        level
    }

    fn minimize(&self, a: impl Fn(usize) -> f64, b: &mut [f64]) -> f64 {
        let level = self.best_level(&a, b);
        for (t, b) in b.iter_mut().enumerate() {
            let (a, size) = (a(t), b.abs());
            let best = (size / a).min(level).max((size - self.entries) / a);
            *b = if a > 0.0 { best.copysign(*b) } else { 0.0 };
        }
        norm(b)
    }
}

impl RowNorm for Capped {
    fn value(&self, row: &[f64]) -> f64 {
        let level = self.level(row);
        let beyond: f64 = row.iter().map(|v| (v.abs() - level).max(0.0)).sum();
        times(self.rows, level) + times(self.entries, beyond)
    }

    fn dual(&self, row: &[f64]) -> f64 {
        let sum: f64 = row.iter().map(|v| v.abs()).sum();
        let largest = row.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
        (sum / self.rows).max(largest / self.entries)
    }

    fn minimize_shared(&self, a: f64, b: &mut [f64]) -> f64 {
        self.minimize(|_| a, b)
    }

    fn minimize_own(&self, a: &[f64], b: &mut [f64], _: f64) -> f64 {
        self.minimize(|t| a[t], b)
    }
}

/// `strength * value`, where nothing costs nothing, whatever the strength.
fn times(strength: f64, value: f64) -> f64 {
    if value > 0.0 { strength * value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use torso_core::seed::{Seed, normal};

    use super::*;

    /// Rows of one to six numbers, some of them 0 or equal, and strengths of all proportions.
    fn for_1000_rows(mut check: impl FnMut(Capped, &[f64], &[f64])) {
        for trial in 0..1000 {
            let mut stream = Seed(trial).stream("row", "", 0);
            let k = stream.random_range(1..7);
            let entries = [0.1, 0.5, 1.0, 2.0, f64::INFINITY][stream.random_range(0..5)];
            let rows = [0.1, 1.0, 2.5, 6.0, f64::INFINITY][stream.random_range(0..5)];
            if entries.is_infinite() && rows.is_infinite() {
                continue;
            }
            let mut b: Vec<f64> = (0..k).map(|_| 2.0 * normal(&mut stream)).collect();
            if k > 2 && stream.random() {
                (b[0], b[1]) = (0.0, -b[2]);
            }
            let a: Vec<f64> = (0..k).map(|_| 0.2 + stream.random::<f64>()).collect();
            check(Capped { rows, entries }, &a, &b);
        }
    }

    #[test]
    fn best_rows_satisfy_the_optimality_condition() {
        let mut zeros = 0;
        for_1000_rows(|of_row, a, b| {
            let mut v = b.to_vec();
            let length = of_row.minimize_own(a, &mut v, 0.0);
            assert!((length - norm(&v)).abs() < 1e-12);
            // The slope b - a v is one of the norm at v: in the dual ball, and <slope, v> = |v|.
            let slope: Vec<f64> = (0..v.len()).map(|t| b[t] - a[t] * v[t]).collect();
            assert!(of_row.dual(&slope) <= 1.0 + 1e-10, "{of_row:?} {b:?} {v:?}");
            let along: f64 = slope.iter().zip(&v).map(|(s, v)| s * v).sum();
            assert!((along - of_row.value(&v)).abs() < 1e-10, "{of_row:?} {b:?} {v:?}");
            zeros += usize::from(length == 0.0);
        });
        assert!((100..900).contains(&zeros), "{zeros}");
    }

    #[test]
    fn the_norm_is_the_least_cost_of_a_level() {
        for_1000_rows(|of_row, _, v| {
            let cost = |level: f64| {
                let beyond: f64 = v.iter().map(|v| (v.abs() - level).max(0.0)).sum();
                times(of_row.rows, level) + times(of_row.entries, beyond)
            };
            // The cost is convex and bends at the entries only.
            let levels = v.iter().map(|v| v.abs()).chain([0.0]);
            let least = levels.map(cost).fold(f64::INFINITY, f64::min);
            assert!((of_row.value(v) - least).abs() <= 1e-12 * least);
        });
    }
}
