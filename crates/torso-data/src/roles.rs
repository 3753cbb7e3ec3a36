//! Roles: which column is a target, a feature, a group, a weight.

use std::collections::BTreeMap;
use std::str::FromStr;

use torso_core::features::ImageShape;

use crate::error::TableError;
use crate::table::Table;

/// What each column is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// What is predicted.
    pub targets: Targets,
    /// The features; `None`: every column that has no other role.
    pub features: Option<Vec<String>>,
    /// Columns that are not used.
    pub ignore: Vec<String>,
    /// The column of row weights.
    pub weight: Option<String>,
    /// Columns that say something about rows, such as their split: no features, unless they are
    /// also listed as such.
    pub reserved: Vec<String>,
    /// Columns whose type is told instead of inferred.
    pub kinds: BTreeMap<String, KindOverride>,
    /// The features, in their order, are the pixels of an image of this shape; that of a file of
    /// images is known.
    pub image: Option<ImageShape>,
}

impl Roles {
    /// Every column that is no target, names no group, and is not the labels of images, is a
    /// feature.
    pub fn new(targets: Targets) -> Self {
        Self {
            targets,
            features: None,
            ignore: Vec::new(),
            weight: None,
            reserved: Vec::new(),
            kinds: BTreeMap::new(),
            image: None,
        }
    }

    /// Each of these columns is a task; every other column is a feature.
    pub fn columns<S: Into<String>>(targets: impl IntoIterator<Item = S>) -> Self {
        Self::new(Targets::Columns(targets.into_iter().map(Into::into).collect()))
    }

    /// Each value of the column `group` is a task that predicts the column `target`; every other
    /// column is a feature.
    pub fn groups(group: impl Into<String>, target: impl Into<String>) -> Self {
        Self::new(Targets::Groups { group: group.into(), target: target.into() })
    }
}

/// What is predicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targets {
    /// Each column is a task.
    Columns(Vec<String>),
    /// Each group of rows is a task, and all predict one column.
    Groups {
        /// The column that names each row's group.
        group: String,
        /// The column that is predicted.
        target: String,
    },
}

/// A column's type as told by the user. Parses from `number` and `class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindOverride {
    /// Numbers: a regression, or a numeric feature.
    Number,
    /// Classes, even if they are spelled as numbers.
    Class,
}

impl FromStr for KindOverride {
    type Err = TableError;

    fn from_str(text: &str) -> Result<Self, TableError> {
        match text {
            "number" => Ok(Self::Number),
            "class" => Ok(Self::Class),
            _ => Err(TableError::Kind { found: text.to_owned() }),
        }
    }
}

/// What a column turned out to be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColumnRole {
    /// It is predicted.
    Target,
    /// It names each row's task.
    Group,
    /// It weighs the rows.
    Weight,
    /// Predictions are made from it.
    Feature,
    /// It could have been a feature, but cannot be used; the reason says why.
    LeftOut,
    /// It is kept for another purpose, such as a split.
    Reserved,
    /// It was to be ignored.
    Ignored,
    /// Features were listed, without this one.
    Unused,
}

impl ColumnRole {
    /// The role's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Group => "group",
            Self::Weight => "weight",
            Self::Feature => "feature",
            Self::LeftOut => "left out",
            Self::Reserved => "reserved",
            Self::Ignored => "ignored",
            Self::Unused => "not used",
        }
    }
}

impl std::fmt::Display for ColumnRole {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The role of each column of the table, and the positions of the targets, in the order asked for.
#[derive(Debug)]
pub(crate) struct Assigned {
    pub(crate) roles: Vec<ColumnRole>,
    pub(crate) targets: Vec<usize>,
}

/// Gives each column its one role.
pub(crate) fn assign(table: &Table, roles: &Roles) -> Result<Assigned, TableError> {
    for column in roles.kinds.keys() {
        table.column(column)?;
    }
    let mut taken: Vec<Option<ColumnRole>> = vec![None; table.header().len()];
    let mut take = |names: &[String], role: ColumnRole| -> Result<Vec<usize>, TableError> {
        names.iter().map(|name| take_one(table, &mut taken, name, role)).collect()
    };
    let targets = match &roles.targets {
        Targets::Columns(names) if names.is_empty() => return Err(TableError::NoTargets),
        Targets::Columns(names) => take(names, ColumnRole::Target)?,
        Targets::Groups { group, target } => {
            take(std::slice::from_ref(group), ColumnRole::Group)?;
            take(std::slice::from_ref(target), ColumnRole::Target)?
        }
    };
    take(roles.weight.as_slice(), ColumnRole::Weight)?;
    take(roles.features.as_deref().unwrap_or_default(), ColumnRole::Feature)?;
    take(&roles.ignore, ColumnRole::Ignored)?;
    for name in &roles.reserved {
        let column = table.column(name)?;
        match taken[column] {
            // Rows that were dealt by their label would tell the label.
            Some(ColumnRole::Target) => {
                return Err(TableError::TwoRoles {
                    column: name.clone(),
                    roles: [ColumnRole::Target, ColumnRole::Reserved],
                });
            }
            Some(_) => {}
            None => taken[column] = Some(ColumnRole::Reserved),
        }
    }
    // Nothing is predicted from the labels of images, unless they are named as features.
    let n_inputs = table.header().len() - table.label_columns().len();
    let rest = |column| match roles.features {
        None if column < n_inputs => ColumnRole::Feature,
        _ => ColumnRole::Unused,
    };
    let assigned = taken.into_iter().enumerate();
    let assigned = assigned.map(|(column, role)| role.unwrap_or_else(|| rest(column)));
    Ok(Assigned { roles: assigned.collect(), targets })
}

fn take_one(
    table: &Table,
    taken: &mut [Option<ColumnRole>],
    name: &str,
    role: ColumnRole,
) -> Result<usize, TableError> {
    let column = table.column(name)?;
    match taken[column].replace(role) {
        None => Ok(column),
        Some(before) if before == role => {
            Err(TableError::ListedTwice { column: name.to_owned(), role })
        }
        Some(before) => {
            Err(TableError::TwoRoles { column: name.to_owned(), roles: [before, role] })
        }
    }
}
