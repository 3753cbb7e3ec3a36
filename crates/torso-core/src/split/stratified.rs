//! Iterative stratification: parts that hold each stratum in proportion, where rows lie in
//! several strata at once.
//!
//! The rarest stratum is dealt first; each of its rows goes to the part that lacks most of that
//! stratum, then to the part that lacks most rows, then at random.
//! Sechidis, Tsoumakas, Vlahavas, *On the stratification of multi-label data* (2011).

use std::cmp::Ordering;

use super::any;
use crate::seed::{Stream, shuffle};

/// The part of each row of `rows`; `strata` lists the strata of every row of the table, and
/// `shares` sum to 1.
pub(super) fn deal(
    rows: &[u32],
    strata: &[Vec<u32>],
    shares: &[f64],
    stream: &mut Stream,
) -> Vec<usize> {
    let n_strata = rows.iter().flat_map(|&row| &strata[row as usize]).max().map_or(0, |s| s + 1);
    let mut members = vec![Vec::new(); n_strata as usize];
    let mut order: Vec<usize> = (0..rows.len()).collect();
    shuffle(&mut order, stream);
    for &at in &order {
        for &stratum in &strata[rows[at] as usize] {
            members[stratum as usize].push(at);
        }
    }
    let mut left: Vec<usize> = members.iter().map(Vec::len).collect();
    let mut lacking: Vec<Vec<f64>> = shares
        .iter()
        .map(|share| members.iter().map(|m| share * m.len() as f64).collect())
        .collect();
    let mut lacking_rows: Vec<f64> = shares.iter().map(|s| s * rows.len() as f64).collect();
    let mut parts: Vec<Option<usize>> = vec![None; rows.len()];
    while let Some(rarest) = (0..left.len()).filter(|&s| left[s] > 0).min_by_key(|&s| left[s]) {
        for &at in &members[rarest] {
            if parts[at].is_some() {
                continue;
            }
            let part = neediest(&lacking, &lacking_rows, rarest, stream);
            parts[at] = Some(part);
            lacking_rows[part] -= 1.0;
            for &stratum in &strata[rows[at] as usize] {
                lacking[part][stratum as usize] -= 1.0;
                left[stratum as usize] -= 1;
            }
        }
    }
    // A row in no stratum has no label, and never comes here.
    parts.into_iter().map(|part| part.unwrap_or(0)).collect()
}

fn neediest(
    lacking: &[Vec<f64>],
    lacking_rows: &[f64],
    stratum: usize,
    stream: &mut Stream,
) -> usize {
    let need = |part: usize| (lacking[part][stratum], lacking_rows[part]);
    let mut best = vec![0];
    for part in 1..lacking.len() {
        match compare(need(part), need(best[0])) {
            Ordering::Greater => best = vec![part],
            Ordering::Equal => best.push(part),
            Ordering::Less => {}
        }
    }
    best[if best.len() == 1 { 0 } else { any(best.len(), stream) }]
}

/// Orders needs; shares are not exact in binary, so differences below 1e-9 are ties.
fn compare(a: (f64, f64), b: (f64, f64)) -> Ordering {
    let by = |a: f64, b: f64| if (a - b).abs() < 1e-9 { Ordering::Equal } else { a.total_cmp(&b) };
    by(a.0, b.0).then(by(a.1, b.1))
}
