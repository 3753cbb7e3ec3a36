//! Ranks of arms over tasks: Friedman's test and Nemenyi's critical difference.
//!
//! With `N` tasks, `k` arms and mean ranks `R_j` (ties share the mean of their ranks),
//! `F = (k - 1) sum_j (N R_j - N (k + 1) / 2)^2 / (sum_ij r_ij^2 - N k (k + 1)^2 / 4)` is near a
//! chi-squared distribution with `k - 1` degrees of freedom where all arms rank the same; without
//! ties this is the usual `12 N / (k (k + 1)) (sum_j R_j^2 - k (k + 1)^2 / 4)`. Two arms are told
//! apart where their mean ranks differ by `q sqrt(k (k + 1) / (6 N))`, with `q` the 95% quantile of
//! the studentized range for `k` groups and infinite degrees of freedom, divided by `sqrt(2)`.
//!
//! The tasks of one table share rows and are no independent data sets: this describes, and the
//! verdict tests.
//!
//! # References
//! J. Demsar: Statistical comparisons of classifiers over multiple data sets. JMLR 7, 2006.

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};
use torso_core::record::{ArmResult, Friedman, Ranks};

use crate::verdict::LEVEL;

/// The fewest tasks that are ranked over.
pub const LEAST_TASKS: usize = 5;
/// The fewest arms that are ranked.
pub const LEAST_ARMS: usize = 3;

/// Ranks arms by their scores, of which lower is better; none with fewer than [`LEAST_TASKS`]
/// tasks or [`LEAST_ARMS`] arms.
pub fn ranks(arms: &[ArmResult]) -> Option<Ranks> {
    let n_tasks = arms.first()?.tasks.len();
    if n_tasks < LEAST_TASKS || arms.len() < LEAST_ARMS {
        return None;
    }
    let mut sorted: Vec<(String, f64)> =
        arms.iter().map(|arm| (arm.name.clone(), arm.mean_rank)).collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (n, k) = (n_tasks as f64, arms.len() as f64);
    let critical_difference = nemenyi(arms.len()) * (k * (k + 1.0) / (6.0 * n)).sqrt();
    let friedman = friedman(arms, n_tasks);
    let least = if friedman.p < LEVEL { critical_difference } else { f64::INFINITY };
    Some(Ranks {
        tasks: n_tasks,
        groups: groups(&sorted, least),
        arms: sorted,
        friedman,
        critical_difference,
    })
}

fn friedman(arms: &[ArmResult], n_tasks: usize) -> Friedman {
    let (n, k) = (n_tasks as f64, arms.len() as f64);
    let between: f64 =
        arms.iter().map(|arm| (n * (arm.mean_rank - f64::midpoint(k, 1.0))).powi(2)).sum();
    let ties: f64 = (0..n_tasks).map(|task| tie_term(arms, task)).sum();
    let within = n * k * (k * k - 1.0) / 12.0 - ties / 12.0;
    let statistic = if within > 1e-9 { (k - 1.0) * between / within } else { 0.0 };
    let df = arms.len() - 1;
    let p = ChiSquared::new(df as f64).map_or(1.0, |distribution| distribution.sf(statistic));
    Friedman { statistic, df, p }
}

/// The sum of `t^3 - t` over the sets of `t` arms with equal scores: what ties take from the
/// twelvefold sum of squares of a task's ranks.
fn tie_term(arms: &[ArmResult], task: usize) -> f64 {
    let mut scores: Vec<f64> = arms.iter().map(|arm| arm.tasks[task].score).collect();
    scores.sort_by(f64::total_cmp);
    let sets = scores.chunk_by(|a, b| a.total_cmp(b).is_eq());
    sets.map(|set| set.len() as f64).map(|t| t * t * t - t).sum()
}

/// The largest runs of at least two arms of which the first and the last are less than `least`
/// apart. `sorted` ascends by rank.
fn groups(sorted: &[(String, f64)], least: f64) -> Vec<Vec<String>> {
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut end_before = 0;
    for (start, (_, rank)) in sorted.iter().enumerate() {
        let end = start + sorted[start..].iter().take_while(|(_, r)| r - rank < least).count();
        if end > end_before && end - start >= 2 {
            groups.push(sorted[start..end].iter().map(|(arm, _)| arm.clone()).collect());
        }
        end_before = end_before.max(end);
    }
    groups
}

/// Nemenyi's `q` at 5% for `k` arms: the quantile of the studentized range over `sqrt(2)`.
fn nemenyi(k: usize) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if range_cdf(middle, k) < 1.0 - LEVEL { low = middle } else { high = middle }
    }
    low / std::f64::consts::SQRT_2
}

/// The probability that `k` standard normal values lie within a range of `q`:
/// `k integral phi(z) (Phi(z + q) - Phi(z))^(k - 1) dz`, where `z` is the smallest of them.
fn range_cdf(q: f64, k: usize) -> f64 {
    // The trapezoid rule is exact to rounding for a smooth integrand that vanishes at both ends.
    const STEP: f64 = 0.05;
    let normal = Normal::standard();
    let density = |z: f64| (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let integrand = |z: f64| density(z) * (normal.cdf(z + q) - normal.cdf(z)).powf(k as f64 - 1.0);
    let sum: f64 = (-200..=200).map(|i| integrand(f64::from(i) * STEP)).sum();
    k as f64 * sum * STEP
}

#[cfg(test)]
mod tests;
