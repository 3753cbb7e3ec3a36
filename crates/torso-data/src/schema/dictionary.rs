//! The texts of a column that training rows showed, and what each stands for.

use crate::infer::{Cell, cell_of};
use crate::preprocess::{Encoding, Level};

/// Known texts, sorted.
pub(super) struct Dictionary {
    entries: Vec<(String, Level)>,
    /// Whether the column was one of numbers, taken as classes: `1.0` is then `1`.
    are_numbers: bool,
}

impl Dictionary {
    fn new(mut entries: Vec<(String, Level)>, are_numbers: bool) -> Self {
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Self { entries, are_numbers }
    }

    /// The levels of a categorical feature.
    pub(super) fn of_levels(encoding: &Encoding) -> Self {
        let Encoding::OneHot { levels, others, are_numbers } = encoding else {
            return Self::new(Vec::new(), false);
        };
        let with = levels.iter().enumerate().map(|(at, level)| (level.clone(), Level::At(at)));
        let without = others.iter().map(|level| (level.clone(), Level::Without));
        Self::new(with.chain(without).collect(), *are_numbers)
    }

    /// Classes, by their position.
    pub(super) fn of_classes(classes: &[String]) -> Self {
        let entry = |(at, class): (usize, &String)| (class.clone(), Level::At(at));
        let are_numbers = classes.iter().all(|class| class.parse::<f64>().is_ok());
        Self::new(classes.iter().enumerate().map(entry).collect(), are_numbers)
    }

    /// What a cell stands for; `None` if it is not known.
    pub(super) fn find(&self, cell: &str, missing: &[String]) -> Option<Level> {
        let search = |text: &str| {
            let at = self.entries.binary_search_by(|(known, _)| known.as_str().cmp(text)).ok()?;
            Some(self.entries[at].1)
        };
        if let Some(level) = search(cell).filter(|_| !crate::table::is_missing(cell, missing)) {
            return Some(level);
        }
        match cell_of(cell, missing) {
            Cell::Missing => Some(Level::Missing),
            Cell::Placeholder if self.are_numbers => Some(Level::Missing),
            Cell::Number(value) if self.are_numbers => search(&value.to_string()),
            _ => None,
        }
    }
}
