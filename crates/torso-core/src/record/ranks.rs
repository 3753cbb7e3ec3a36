//! Ranks of arms over tasks.

use serde::{Deserialize, Serialize};

/// Ranks of the arms with the tasks as blocks (Demsar 2006): Friedman's test, and Nemenyi's
/// critical difference at 5%.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranks {
    /// The number of tasks.
    pub tasks: usize,
    /// Each arm with its mean rank over tasks, as (arm, rank), the best first; 1 is best.
    pub arms: Vec<(String, f64)>,
    /// Friedman's test of whether all arms rank the same.
    pub friedman: Friedman,
    /// Mean ranks that are less apart do not tell two arms apart.
    pub critical_difference: f64,
    /// The largest sets of arms that are not told apart, each by rank; an arm can be in several or
    /// in none. All arms where Friedman's test does not tell any apart.
    pub groups: Vec<Vec<String>>,
}

/// Friedman's test, corrected for ties.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Friedman {
    /// The statistic, near a chi-squared distribution where all arms rank the same.
    pub statistic: f64,
    /// Its degrees of freedom, one less than arms.
    pub df: usize,
    /// p.
    pub p: f64,
}
