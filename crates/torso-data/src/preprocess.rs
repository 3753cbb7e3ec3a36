//! Preprocessing: what the training rows show about the features, applied to all rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use torso_core::features::{Design, Feature, FeatureValues, Features, ImageShape};

mod image;

/// At most so many levels of a categorical feature get a column; rarer ones get none.
const MAX_LEVELS: usize = 100;

/// Numbers this close together, in units of the largest, differ by rounding alone.
const ROUNDING: f64 = 1e-12;

/// How to preprocess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreprocessOptions {
    /// Whether numbers are brought to mean 0 and standard deviation 1.
    pub standardize: bool,
    /// Whether columns that are constant in the training rows are kept, as they are.
    pub keep_constant: bool,
}

impl Default for PreprocessOptions {
    fn default() -> Self {
        Self { standardize: true, keep_constant: false }
    }
}

/// What was learned about the features from training rows.
///
/// - Numbers: `(x - mean) / sd`, with the mean and the population standard deviation (division by
///   n) of the observed training cells. A missing cell takes the mean.
/// - Categories: one column `name=level` of 0 and 1 for each level of the training rows, or one
///   for the second where there are two. A missing cell and a level that the training rows do not
///   show, or that is not among their 100 most frequent, are 0 in all of them.
/// - Where training cells are missing, a further column `name (missing)` is 1 in rows without the
///   cell.
/// - Columns that say nothing in the training rows are dropped.
/// - The pixels of an image share one mean and one standard deviation, and none is dropped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocessor {
    /// One entry per feature, in the order of the features.
    pub columns: Vec<ColumnEncoding>,
    /// What the user should know, in sentences.
    pub notes: Vec<String>,
    /// The shape of the image whose pixels the features are, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageShape>,
}

/// How one feature becomes columns of the design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnEncoding {
    /// The feature's name.
    pub name: String,
    /// How its values become columns.
    pub encoding: Encoding,
    /// Whether a further column says where cells are missing.
    pub missing_indicator: bool,
}

/// How the values of a feature become columns of the design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Numbers become one column; none where they are constant.
    Numeric(Option<Scaling>),
    /// Each of these levels becomes a column.
    OneHot {
        /// The levels, sorted.
        levels: Vec<String>,
        /// The levels of the training rows that have no column, sorted.
        #[serde(default)]
        others: Vec<String>,
        /// Whether the levels are numbers, told to be classes, so that `1.0` is `1`. What training
        /// rows show does not tell: theirs may be the numbers among texts.
        #[serde(default)]
        are_numbers: bool,
    },
}

/// A linear map of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// What is subtracted.
    pub center: f64,
    /// What is then divided by.
    pub scale: f64,
    /// What a missing cell is taken for, before that.
    pub fill: f64,
}

impl Preprocessor {
    /// Learns from the training rows, with the default options.
    pub fn fit(features: &Features, train_rows: &[u32]) -> Self {
        Self::fit_with(features, train_rows, PreprocessOptions::default())
    }

    /// Learns from the training rows.
    pub fn fit_with(features: &Features, train_rows: &[u32], options: PreprocessOptions) -> Self {
        if let Some(shape) = features.image {
            return Self::fit_image(features, shape, train_rows, options);
        }
        let mut notes = Vec::new();
        let columns: Vec<ColumnEncoding> = features
            .columns
            .iter()
            .map(|feature| ColumnEncoding::fit(feature, train_rows, options, &mut notes))
            .collect();
        if columns.iter().all(|column| column.names().is_empty()) {
            notes.push("no feature varies in the training rows".into());
        }
        Self { columns, notes, image: None }
    }

    /// The number of columns of the design.
    pub fn n_columns(&self) -> usize {
        self.columns.iter().map(|column| column.names().len()).sum()
    }

    /// The design of all rows of `features`.
    ///
    /// # Panics
    /// If the features have not the columns, of the same kinds, that were learned from.
    pub fn transform(&self, features: &Features) -> Design {
        let names: Vec<String> = self.columns.iter().flat_map(ColumnEncoding::names).collect();
        let n_rows = features.columns.first().map_or(0, |feature| feature.values.len());
        let mut values = vec![0.0; n_rows * names.len()];
        let mut first = 0;
        for column in &self.columns {
            let feature = features.columns.iter().find(|feature| feature.name == column.name);
            let feature = feature.expect("the features have the columns that were learned from");
            column.write(&feature.values, &mut values, first, names.len());
            first += column.names().len();
        }
        Design::new(names, n_rows, values).with_image(self.image)
    }
}

impl ColumnEncoding {
    fn fit(
        feature: &Feature,
        rows: &[u32],
        options: PreprocessOptions,
        notes: &mut Vec<String>,
    ) -> Self {
        let name = &feature.name;
        let (encoding, observed) = match &feature.values {
            FeatureValues::Numeric(values) => {
                let cells = rows.iter().map(|&row| values[row as usize]);
                let observed: Vec<f64> = cells.filter(|value| !value.is_nan()).collect();
                (Encoding::Numeric(scaling(observed.iter().copied(), options)), observed.len())
            }
            FeatureValues::Categorical { levels, codes } => {
                let cells = rows.iter().filter_map(|&row| codes[row as usize]);
                let observed: Vec<u32> = cells.collect();
                let are_numbers = levels.iter().all(|level| level.parse::<f64>().is_ok());
                let (mut levels, mut others) = frequent_levels(levels, &observed, name, notes);
                match levels.len() {
                    1 if !options.keep_constant => others.append(&mut levels),
                    2 => others.push(levels.remove(0)),
                    _ => {}
                }
                (Encoding::OneHot { levels, others, are_numbers }, observed.len())
            }
        };
        let column = Self {
            name: name.clone(),
            encoding,
            missing_indicator: 0 < observed && observed < rows.len(),
        };
        if observed == 0 {
            notes.push(format!("`{name}` is dropped: it has no value in the training rows"));
        } else if column.names().is_empty() {
            notes.push(format!("`{name}` is dropped: it is constant in the training rows"));
        }
        column
    }

    /// The names of the columns of the design that the feature becomes.
    pub fn names(&self) -> Vec<String> {
        let mut names = match &self.encoding {
            Encoding::Numeric(None) => Vec::new(),
            Encoding::Numeric(Some(_)) => vec![self.name.clone()],
            Encoding::OneHot { levels, .. } => {
                levels.iter().map(|level| format!("{}={level}", self.name)).collect()
            }
        };
        if self.missing_indicator {
            names.push(format!("{} (missing)", self.name));
        }
        names
    }

    /// Writes the columns of one numeric cell, `NaN` where it is missing, over zeros.
    pub(crate) fn write_number(&self, scaling: Option<Scaling>, value: f64, into: &mut [f64]) {
        if let Some(scaling) = scaling {
            into[0] = scaling.apply(value);
        }
        if self.missing_indicator && value.is_nan() {
            into[usize::from(scaling.is_some())] = 1.0;
        }
    }

    /// Writes the columns of one categorical cell over zeros; `n_shown` levels have one.
    pub(crate) fn write_level(&self, n_shown: usize, level: Level, into: &mut [f64]) {
        match level {
            Level::At(at) => into[at] = 1.0,
            Level::Missing if self.missing_indicator => into[n_shown] = 1.0,
            Level::Missing | Level::Without => {}
        }
    }

    /// Writes the feature's columns, from the column `first` on, into a row-major design.
    fn write(&self, values: &FeatureValues, design: &mut [f64], first: usize, n_columns: usize) {
        if design.is_empty() {
            return;
        }
        let rows = design.chunks_exact_mut(n_columns).map(|row| &mut row[first..]);
        match (&self.encoding, values) {
            (Encoding::Numeric(scaling), FeatureValues::Numeric(values)) => {
                for (row, &value) in rows.zip(values) {
                    self.write_number(*scaling, value, row);
                }
            }
            (
                Encoding::OneHot { levels: shown, .. },
                FeatureValues::Categorical { levels, codes },
            ) => {
                let column: Vec<Level> = levels
                    .iter()
                    .map(|level| shown.binary_search(level).map_or(Level::Without, Level::At))
                    .collect();
                for (row, code) in rows.zip(codes) {
                    let level = code.map_or(Level::Missing, |code| column[code as usize]);
                    self.write_level(shown.len(), level, row);
                }
            }
            _ => panic!("feature `{}` is of the kind that was learned from", self.name),
        }
    }
}

/// What a categorical cell is to an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// A level with a column, the so many-th.
    At(usize),
    /// A level without one.
    Without,
    /// No level at all.
    Missing,
}

impl Scaling {
    fn apply(self, value: f64) -> f64 {
        let value = if value.is_nan() { self.fill } else { value };
        (value - self.center) / self.scale
    }
}

fn scaling(
    observed: impl Iterator<Item = f64> + Clone,
    options: PreprocessOptions,
) -> Option<Scaling> {
    let largest = observed.clone().reduce(f64::max)?;
    let smallest = observed.clone().reduce(f64::min)?;
    let n = observed.clone().count() as f64;
    let mean = observed.clone().map(|value| value / n).sum::<f64>().clamp(smallest, largest);
    if largest - smallest <= ROUNDING * largest.abs().max(smallest.abs()) {
        let constant = Scaling { center: 0.0, scale: 1.0, fill: mean };
        return options.keep_constant.then_some(constant);
    }
    if !options.standardize {
        return Some(Scaling { center: 0.0, scale: 1.0, fill: mean });
    }
    // Deviations are squared in units of the widest, so that none is too large or too small.
    let widest = (largest - mean).max(mean - smallest);
    let squares = observed.map(|value| ((value - mean) / widest).powi(2)).sum::<f64>();
    Some(Scaling { center: mean, scale: widest * (squares / n).sqrt(), fill: mean })
}

/// The levels that the codes show, sorted, in two parts: the most frequent ones, which get a column,
/// and the rest.
fn frequent_levels(
    levels: &[String],
    codes: &[u32],
    name: &str,
    notes: &mut Vec<String>,
) -> (Vec<String>, Vec<String>) {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for code in codes {
        *counts.entry(*code).or_default() += 1;
    }
    let mut shown: Vec<(u32, usize)> = counts.into_iter().collect();
    if shown.len() > MAX_LEVELS {
        notes.push(format!(
            "`{name}` has {} levels: the {MAX_LEVELS} most frequent get a column",
            shown.len()
        ));
        shown.sort_by_key(|&(code, count)| (std::cmp::Reverse(count), code));
    }
    let sorted = |part: &[(u32, usize)]| {
        let mut names: Vec<String> =
            part.iter().map(|&(code, _)| levels[code as usize].clone()).collect();
        names.sort(); // `binary_search` needs it, whatever order the levels came in
        names
    };
    let (frequent, rare) = shown.split_at(shown.len().min(MAX_LEVELS));
    (sorted(frequent), sorted(rare))
}

#[cfg(test)]
mod tests;
