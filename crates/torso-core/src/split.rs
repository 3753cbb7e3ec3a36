//! Splits: which rows learn, which stop the learning, and which are scored, once.
//!
//! The design of a comparison is repeated K-fold: a repeat is a seed, and each labeled row is in
//! the test part of one fold of every repeat. Splits by time, by a column or from a file replace
//! the folds and keep the rest.

use rand::RngExt;

use crate::data::{TaskData, TaskKind};
use crate::seed::{Seed, Stream, shuffle};

mod error;
mod stratified;

pub use error::SplitError;

/// The three parts of one training; rows ascend, and no row is in two parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fold {
    /// Rows to learn from.
    pub train: Vec<u32>,
    /// Rows that stop the learning and choose among tuning trials.
    pub validation: Vec<u32>,
    /// Rows that are scored.
    pub test: Vec<u32>,
}

/// One repeat: a seed for everything random in it, and its folds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeat {
    /// Fixes the folds, the initialization and the order of batches, for all arms alike.
    pub seed: Seed,
    /// The folds.
    pub folds: Vec<Fold>,
}

/// A part that a row can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// For learning.
    Train,
    /// For stopping and tuning.
    Validation,
    /// For scoring.
    Test,
}

/// How rows are dealt to parts.
#[derive(Debug, Clone, PartialEq)]
pub enum SplitRule {
    /// Stratified K-fold on task, label presence and class.
    Random,
    /// K-fold over whole groups: a group's number per row.
    Groups(Vec<u32>),
    /// Train, validation and test in the order of these times, one per row; never shuffled.
    Time(Vec<f64>),
    /// The parts named in the table or a file, a list per repetition; `None` leaves a row out.
    /// A repetition without validation rows gets some from its training rows.
    Given(Vec<Vec<Option<Part>>>),
}

/// The sizes of a plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitOptions {
    /// The number of repeats.
    pub repeats: usize,
    /// The number of folds in each; also sets the size of the test part of a split by time.
    pub folds: usize,
    /// The seed of the first repeat; the others follow by one.
    pub seed: u64,
    /// The share of the learning rows that validates.
    pub validation: f64,
    /// At most so many rows for learning, validation included.
    pub train_rows: Option<usize>,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self { repeats: 10, folds: 5, seed: 0, validation: 0.2, train_rows: None }
    }
}

/// All repeats of a comparison. Every task has labels in every part of every fold, or it fails.
pub fn plan(
    data: &TaskData,
    rule: &SplitRule,
    options: &SplitOptions,
) -> Result<Vec<Repeat>, SplitError> {
    let rows = data.labeled_rows();
    let needed = 2 * options.folds.max(2);
    if rows.len() < needed {
        return Err(SplitError::TooFewRows { needed, found: rows.len(), folds: options.folds });
    }
    let strata = strata(data);
    let mut repeats = Vec::with_capacity(options.repeats);
    for index in 0..options.repeats {
        let seed = Seed(options.seed.wrapping_add(index as u64));
        let dealer = Dealer { rows: &rows, strata: &strata, options, seed };
        let folds = match rule {
            SplitRule::Random => dealer.random_folds(),
            SplitRule::Groups(groups) => dealer.group_folds(groups)?,
            SplitRule::Time(times) => vec![dealer.by_time(times)?],
            SplitRule::Given(parts) => vec![dealer.given(&parts[index % parts.len()])],
        };
        for (fold, parts) in folds.iter().enumerate() {
            check(data, parts, index, fold)?;
        }
        repeats.push(Repeat { seed, folds });
    }
    Ok(repeats)
}

/// The parts of a training that scores nothing: all rows learn or validate. Every task has labels
/// in both parts, or it fails.
pub fn without_test(
    data: &TaskData,
    rule: &SplitRule,
    options: &SplitOptions,
) -> Result<Fold, SplitError> {
    let rows = data.labeled_rows();
    let strata = strata(data);
    let dealer = Dealer { rows: &rows, strata: &strata, options, seed: Seed(options.seed) };
    let (train, validation) = match rule {
        SplitRule::Random => dealer.random_validation(&dealer.limited(rows.clone(), 0), 0),
        SplitRule::Groups(groups) => {
            dealer.group_validation(&dealer.limited(rows.clone(), 0), groups, 0)
        }
        SplitRule::Time(times) => dealer.last_in_time(rows.clone(), times, options.validation)?,
        SplitRule::Given(parts) => {
            let Fold { mut train, validation, test } = dealer.given(&parts[0]);
            train.extend(test);
            (train, validation)
        }
    };
    let fold = sorted(Fold { train, validation, test: Vec::new() });
    check_parts(data, &[("training", &fold.train), ("validation", &fold.validation)], 0, 0)?;
    Ok(fold)
}

/// Deals the rows of one repeat.
struct Dealer<'a> {
    rows: &'a [u32],
    strata: &'a [Vec<u32>],
    options: &'a SplitOptions,
    seed: Seed,
}

impl Dealer<'_> {
    fn stream(&self, purpose: &str, fold: usize) -> Stream {
        self.seed.stream(purpose, "", fold as u64)
    }

    fn random_folds(&self) -> Vec<Fold> {
        let shares = vec![1.0 / self.options.folds as f64; self.options.folds];
        let parts = stratified::deal(self.rows, self.strata, &shares, &mut self.stream("folds", 0));
        self.folds_of(&parts, |learn, fold| self.random_validation(learn, fold))
    }

    fn group_folds(&self, groups: &[u32]) -> Result<Vec<Fold>, SplitError> {
        let folds = self.options.folds;
        let part_of_group =
            deal_groups(self.rows, groups, &vec![1.0; folds], &mut self.stream("folds", 0));
        let n_groups = part_of_group.iter().flatten().count();
        if n_groups < folds {
            return Err(SplitError::TooFewGroups { needed: folds, found: n_groups });
        }
        let part = |row: &u32| part_of_group[groups[*row as usize] as usize].unwrap_or(0);
        let parts: Vec<usize> = self.rows.iter().map(part).collect();
        Ok(self.folds_of(&parts, |learn, fold| self.group_validation(learn, groups, fold)))
    }

    fn group_validation(&self, learn: &[u32], groups: &[u32], fold: usize) -> (Vec<u32>, Vec<u32>) {
        let share = self.options.validation;
        let mut stream = self.stream("validation", fold);
        let part_of_group = deal_groups(learn, groups, &[1.0 - share, share], &mut stream);
        let trains = |row: &u32| part_of_group[groups[*row as usize] as usize] == Some(0);
        learn.iter().copied().partition(trains)
    }

    fn by_time(&self, times: &[f64]) -> Result<Fold, SplitError> {
        let share = 1.0 / self.options.folds.max(2) as f64;
        let (mut rows, test) = self.last_in_time(self.rows.to_vec(), times, share)?;
        if let Some(limit) = self.options.train_rows {
            rows.drain(..rows.len().saturating_sub(limit));
        }
        let (train, validation) = self.last_in_time(rows, times, self.options.validation)?;
        Ok(sorted(Fold { train, validation, test }))
    }

    /// The rows in the order of time, and about the last `share` of them apart.
    fn last_in_time(
        &self,
        mut rows: Vec<u32>,
        times: &[f64],
        share: f64,
    ) -> Result<(Vec<u32>, Vec<u32>), SplitError> {
        rows.sort_by(|&a, &b| times[a as usize].total_cmp(&times[b as usize]).then(a.cmp(&b)));
        if rows.len() < 2 {
            let folds = self.options.folds;
            return Err(SplitError::TooFewRows { needed: 2, found: rows.len(), folds });
        }
        // Rows of one moment stay on one side of the cut.
        let target = count(rows.len() as f64 * (1.0 - share)).clamp(1, rows.len() - 1);
        let time = |at: usize| times[rows[at] as usize];
        let first = |at: usize| at == 0 || time(at) > time(at - 1);
        let back = (1..=target).rev().find(|&at| first(at));
        let cut = back.or_else(|| (target..rows.len()).find(|&at| first(at)));
        let last = rows.split_off(cut.ok_or(SplitError::OneMoment)?);
        Ok((rows, last))
    }

    fn given(&self, parts: &[Option<Part>]) -> Fold {
        let with = |wanted: Part| -> Vec<u32> {
            let is = |row: &u32| parts[*row as usize] == Some(wanted);
            self.rows.iter().copied().filter(is).collect()
        };
        let (train, validation) = match with(Part::Validation) {
            none if none.is_empty() => {
                self.random_validation(&self.limited(with(Part::Train), 0), 0)
            }
            validation => (self.limited(with(Part::Train), 0), validation),
        };
        sorted(Fold { train, validation, test: with(Part::Test) })
    }

    /// Folds from the part of each row; `validate` splits the learning rows in two.
    fn folds_of(
        &self,
        parts: &[usize],
        validate: impl Fn(&[u32], usize) -> (Vec<u32>, Vec<u32>),
    ) -> Vec<Fold> {
        let fold = |fold: usize| {
            let numbered = self.rows.iter().zip(parts);
            let (test, learn): (Vec<_>, Vec<_>) = numbered.partition(|(_, part)| **part == fold);
            let rows =
                |pairs: Vec<(&u32, &usize)>| pairs.into_iter().map(|(row, _)| *row).collect();
            let (train, validation) = validate(&self.limited(rows(learn), fold), fold);
            sorted(Fold { train, validation, test: rows(test) })
        };
        (0..self.options.folds).map(fold).collect()
    }

    /// At most `train_rows` of the learning rows.
    fn limited(&self, learn: Vec<u32>, fold: usize) -> Vec<u32> {
        match self.options.train_rows {
            Some(limit) if limit < learn.len() => {
                let share = limit as f64 / learn.len() as f64;
                let mut kept = self.split_in_two(&learn, share, "train-rows", fold).0;
                // Strata that overlap can round up.
                let mut stream = self.stream("train-rows-excess", fold);
                while kept.len() > limit {
                    kept.remove(any(kept.len(), &mut stream));
                }
                kept
            }
            _ => learn,
        }
    }

    fn random_validation(&self, learn: &[u32], fold: usize) -> (Vec<u32>, Vec<u32>) {
        self.split_in_two(learn, 1.0 - self.options.validation, "validation", fold)
    }

    fn split_in_two(
        &self,
        rows: &[u32],
        first: f64,
        purpose: &str,
        fold: usize,
    ) -> (Vec<u32>, Vec<u32>) {
        let mut stream = self.stream(purpose, fold);
        let parts = stratified::deal(rows, self.strata, &[first, 1.0 - first], &mut stream);
        let (first, second): (Vec<_>, Vec<_>) =
            rows.iter().zip(parts).partition(|(_, part)| *part == 0);
        let rows = |pairs: Vec<(&u32, usize)>| pairs.into_iter().map(|(row, _)| *row).collect();
        (rows(first), rows(second))
    }
}

/// The strata of each row: one for each label that it has, by task and class.
fn strata(data: &TaskData) -> Vec<Vec<u32>> {
    let mut strata = vec![Vec::new(); data.n_rows()];
    let mut next = 0;
    for task in data.tasks() {
        for (&row, &value) in task.labels.rows().iter().zip(task.labels.values()) {
            let class = match task.kind {
                TaskKind::Regression => 0,
                _ => u32::try_from(crate::metric::class_index(value)).unwrap_or(u32::MAX),
            };
            strata[row as usize].push(next + class);
        }
        next += u32::try_from(task.kind.classes().len().max(1)).unwrap_or(u32::MAX);
    }
    strata
}

/// Gives whole groups to parts, the large ones first, each to the part that lacks most.
fn deal_groups(
    rows: &[u32],
    groups: &[u32],
    shares: &[f64],
    stream: &mut Stream,
) -> Vec<Option<usize>> {
    let n_groups = groups.iter().map(|&g| g as usize + 1).max().unwrap_or(0);
    let mut sizes = vec![0usize; n_groups];
    for &row in rows {
        sizes[groups[row as usize] as usize] += 1;
    }
    let mut order: Vec<usize> = (0..n_groups).filter(|&g| sizes[g] > 0).collect();
    shuffle(&mut order, stream);
    order.sort_by_key(|&group| std::cmp::Reverse(sizes[group]));
    let total: f64 = shares.iter().sum();
    let mut lacking: Vec<f64> =
        shares.iter().map(|share| share / total * rows.len() as f64).collect();
    let mut part_of_group = vec![None; n_groups];
    for group in order {
        let part = (0..shares.len())
            .fold(0, |best, part| if lacking[part] > lacking[best] { part } else { best });
        lacking[part] -= sizes[group] as f64;
        part_of_group[group] = Some(part);
    }
    part_of_group
}

fn sorted(mut fold: Fold) -> Fold {
    fold.train.sort_unstable();
    fold.validation.sort_unstable();
    fold.test.sort_unstable();
    fold
}

fn check(data: &TaskData, fold: &Fold, repeat: usize, index: usize) -> Result<(), SplitError> {
    let parts = [("training", &fold.train), ("validation", &fold.validation), ("test", &fold.test)];
    check_parts(data, &parts, repeat, index)
}

fn check_parts(
    data: &TaskData,
    parts: &[(&'static str, &Vec<u32>)],
    repeat: usize,
    index: usize,
) -> Result<(), SplitError> {
    for &(part, rows) in parts {
        for task in data.tasks() {
            if task.labels.among(rows).next().is_none() {
                return Err(SplitError::NoLabels {
                    task: task.name.clone(),
                    part,
                    labels: task.labels.len(),
                    repeat,
                    fold: index,
                });
            }
        }
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of rows")]
fn count(rows: f64) -> usize {
    rows.round() as usize
}

/// Draws a position in `0..n`, for breaking ties.
fn any(n: usize, stream: &mut Stream) -> usize {
    stream.random_range(0..n)
}

#[cfg(test)]
mod tests;
