//! The commands. Each gives the text for stdout.

pub(crate) mod balance;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod train;
