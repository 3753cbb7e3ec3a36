//! The commands. Each gives the text for stdout.

pub(crate) mod balance;
pub(crate) mod compare;
pub(crate) mod explain;
pub(crate) mod list;
pub(crate) mod report;
