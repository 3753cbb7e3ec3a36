//! What a table could be for, where nobody says it: likely targets, and columns to leave out.
//!
//! Names tell most (`target`, `y_1`, `exam_score`). Where none does, columns are ranked: texts with
//! few classes, columns with holes where others have none, the last columns and the first. Ids,
//! dates, constants and columns that name the parts of a split are never targets.

use std::collections::BTreeMap;

use crate::error::TableError;
use crate::infer::{Column, Content, distinct_numbers, infer};
use crate::roles::KindOverride;
use crate::splits::part_of;
use crate::table::Table;
use crate::tasks::{ID_LEVELS, counts_rows};
use crate::time;

/// Targets that names do not tell are at most so many.
const MOST_RANKED: usize = 3;
/// A target needs so many labels: two for each of five folds.
const FEWEST_LABELS: usize = 10;
/// A text with at most so many classes is a likely target.
const FEW_CLASSES: usize = 10;
/// With a larger share of missing cells, a column has holes.
const HOLES: f64 = 0.1;

/// Why the labels of images are targets.
const LABELS: &str = "labels of the images";

/// Words that name a target: alone, or at the end of a name.
const TARGET_WORDS: &str = "target label class outcome response score price grade rating \
    diagnosis survived churn quality judgment judgement result";

/// A column, and what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The column.
    pub column: String,
    /// Why it is suggested, or left out.
    pub reason: String,
}

/// What the columns of a table could be for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suggestion {
    /// Likely targets, in the order of the table.
    pub targets: Vec<Remark>,
    /// Columns that are better left out.
    pub ignore: Vec<Remark>,
    /// A column that weighs the rows.
    pub weight: Option<Remark>,
    /// A column that names the parts of a split, one of `ignore`.
    pub parts: Option<String>,
    /// A column that could name a task for each of its values.
    pub group: Option<String>,
}

/// Looks for targets; `kinds` are the types that are told instead of inferred.
pub fn suggest(
    table: &Table,
    kinds: &BTreeMap<String, KindOverride>,
) -> Result<Suggestion, TableError> {
    let mut suggestion = Suggestion::default();
    if table.image().is_some() {
        let remark = |column: &String| Remark { column: column.clone(), reason: LABELS.into() };
        suggestion.targets = table.label_columns().iter().map(remark).collect();
        return Ok(suggestion);
    }
    let mut candidates = Vec::new();
    for (position, name) in table.header().iter().enumerate() {
        let column = infer(table, position, kinds.get(name).copied())?;
        let words = words(name);
        let remark = |reason: String| Remark { column: name.clone(), reason };
        if is_weight(&words) && matches!(column.content, Content::Numbers(_)) {
            suggestion.weight.get_or_insert(remark("named as a weight of rows".into()));
            continue;
        }
        if ["task", "group"].contains(&words.join("_").as_str()) {
            suggestion.group.get_or_insert(name.clone());
        }
        match Use::of(&column, &words) {
            Use::Leave(reason) => suggestion.ignore.push(remark(reason)),
            Use::Parts => {
                suggestion.parts.get_or_insert(name.clone());
                suggestion.ignore.push(remark("names the parts of a split".into()));
            }
            Use::Feature => {}
            Use::Any { classes } => candidates.push(Candidate {
                position,
                column: name.clone(),
                classes,
                is_named: is_target(&words),
                missing: column.missing as f64 / table.n_rows() as f64,
            }),
        }
    }
    suggestion.targets = targets(&candidates, table.header().len());
    Ok(suggestion)
}

/// What a column can be used for.
enum Use {
    /// For nothing: why.
    Leave(String),
    /// It names parts.
    Parts,
    /// As a feature, or not even that, which is found out elsewhere.
    Feature,
    /// As anything; so many classes, if it holds texts.
    Any { classes: Option<usize> },
}

impl Use {
    fn of(column: &Column, words: &[String]) -> Self {
        let observed = column.observed();
        match &column.content {
            Content::Nothing => Self::Feature,
            Content::Numbers(values) => {
                let distinct = distinct_numbers(values, 2);
                if counts_rows(values) {
                    Self::Leave("counts the rows".into())
                } else if distinct.len() < 2 {
                    Self::constant(column, distinct.first().map(ToString::to_string))
                } else if is_id(words) && repeat_rarely(values) {
                    Self::Leave("an id: its numbers hardly repeat".into())
                } else if observed < FEWEST_LABELS {
                    Self::Feature
                } else {
                    Self::Any { classes: None }
                }
            }
            Content::Texts(categories) => {
                let levels = &categories.levels;
                let n = levels.len();
                if levels.iter().all(|level| part_of(level).is_some()) {
                    Self::Parts
                } else if n == 1 {
                    Self::constant(column, levels.first().cloned())
                } else if levels.iter().all(|level| time::is_date(level))
                    || n > ID_LEVELS
                    || 2 * n > observed
                    || observed < FEWEST_LABELS
                {
                    Self::Feature
                } else {
                    Self::Any { classes: Some(n) }
                }
            }
        }
    }

    /// One value; where cells are missing, that they are may say something.
    fn constant(column: &Column, value: Option<String>) -> Self {
        match value {
            Some(value) if column.missing == 0 => Self::Leave(format!("`{value}` in every row")),
            _ => Self::Feature,
        }
    }
}

/// A column that could be a target.
struct Candidate {
    position: usize,
    column: String,
    classes: Option<usize>,
    is_named: bool,
    missing: f64,
}

fn targets(candidates: &[Candidate], n_columns: usize) -> Vec<Remark> {
    let remark =
        |candidate: &Candidate, reason: String| Remark { column: candidate.column.clone(), reason };
    let named: Vec<Remark> = candidates
        .iter()
        .filter(|candidate| candidate.is_named)
        .map(|candidate| remark(candidate, "named as a target".into()))
        .collect();
    if !named.is_empty() {
        return named;
    }
    let whole = candidates.iter().filter(|other| other.missing <= 0.0).count();
    let has_holes =
        |candidate: &Candidate| candidate.missing > HOLES && 2 * whole > candidates.len();
    let mut ranked: Vec<(u32, &Candidate, String)> = candidates
        .iter()
        .map(|candidate| {
            let (points, reason) = candidate.points(n_columns, has_holes(candidate));
            (points, candidate, reason)
        })
        .collect();
    ranked.sort_by_key(|(points, candidate, _)| std::cmp::Reverse((*points, candidate.position)));
    let likely = ranked.iter().filter(|(points, ..)| *points >= LIKELY).count().min(MOST_RANKED);
    // One task has nothing to share with, so there should be a second.
    ranked.truncate(likely.max(2));
    ranked.sort_by_key(|(_, candidate, _)| candidate.position);
    ranked.into_iter().map(|(_, candidate, reason)| remark(candidate, reason)).collect()
}

/// A column with so many points is suggested for what it is.
const LIKELY: u32 = 4;

impl Candidate {
    /// How likely it is a target, and why.
    fn points(&self, n_columns: usize, has_holes: bool) -> (u32, String) {
        let mut points = 0;
        let mut reasons = Vec::new();
        if let Some(n) = self.classes.filter(|&n| n <= FEW_CLASSES) {
            points += 5;
            reasons.push(format!("a text with {n} classes"));
        }
        if has_holes {
            points += 4;
            let percent = 100.0 * self.missing;
            reasons.push(format!("{percent:.0}% of it is missing, where most columns have all"));
        }
        if self.position + 1 == n_columns {
            points += 4;
            reasons.push("the last column".into());
        } else if self.position == 0 && self.classes.is_some() {
            points += 2;
            reasons.push("the first column".into());
        } else if self.position + 2 == n_columns {
            points += 1;
            reasons.push("one of the last columns".into());
        }
        if reasons.is_empty() {
            reasons.push("no column says more".into());
        }
        (points, reasons.join(", "))
    }
}

/// The words of a name, in small letters, without numbers.
fn words(name: &str) -> Vec<String> {
    let words = name.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// `x_...` is a feature, by a convention as common as that for `y_...`.
fn is_target(words: &[String]) -> bool {
    match (words.first().map(String::as_str), words.last()) {
        (Some("x"), _) => false,
        (Some("y" | "target" | "label"), _) => true,
        (_, Some(last)) => TARGET_WORDS.split_whitespace().any(|word| word == last),
        _ => false,
    }
}

fn is_id(words: &[String]) -> bool {
    words.iter().any(|word| ["id", "ids", "index", "uuid"].contains(&word.as_str()))
}

fn is_weight(words: &[String]) -> bool {
    let of = ["instance", "sample", "row", "case", "survey"];
    let is_weight = |word: &str| ["weight", "weights"].contains(&word);
    matches!(words, [first, last] if of.contains(&first.as_str()) && is_weight(last))
}

/// Whether nine of ten numbers are there once.
fn repeat_rarely(values: &[f64]) -> bool {
    let mut sorted: Vec<u64> =
        values.iter().filter(|value| !value.is_nan()).map(|value| value.to_bits()).collect();
    let n = sorted.len();
    sorted.sort_unstable();
    sorted.dedup();
    10 * sorted.len() >= 9 * n
}

#[cfg(test)]
mod tests;
