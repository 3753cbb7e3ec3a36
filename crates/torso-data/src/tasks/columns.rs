//! What is said about each column of a table.

use crate::roles::ColumnRole;

/// What a column of the table was taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnReport {
    /// The column's name.
    pub name: String,
    /// What it is for.
    pub role: ColumnRole,
    /// What it holds.
    pub kind: ColumnKind,
    /// Why it was taken so.
    pub reason: String,
    /// Its missing cells; 0 where they were not looked at.
    pub missing: usize,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A target of numbers.
    Regression,
    /// A target of two classes.
    Binary,
    /// A target of so many classes.
    Multiclass(usize),
    /// So many groups, each a task.
    Groups(usize),
    /// Numbers.
    Number,
    /// So many categories.
    Categories(usize),
    /// Dates or times.
    Dates,
    /// Ids or free text.
    Text,
    /// Only missing cells.
    Empty,
    /// Not looked at.
    NotRead,
}

impl std::fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Regression => f.pad("regression"),
            Self::Binary => f.pad("binary"),
            Self::Multiclass(n) => f.pad(&format!("{n} classes")),
            Self::Groups(n) => f.pad(&counted(*n, "group")),
            Self::Number => f.pad("number"),
            Self::Categories(1) => f.pad("1 category"),
            Self::Categories(n) => f.pad(&format!("{n} categories")),
            Self::Dates => f.pad("dates"),
            Self::Text => f.pad("text"),
            Self::Empty => f.pad("empty"),
            Self::NotRead => f.pad("-"),
        }
    }
}

pub(crate) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
