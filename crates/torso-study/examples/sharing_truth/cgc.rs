//! Customized gate control (A.21): tasks in conflict, tasks with common features.

use crate::Row;

pub(crate) fn rows() -> Vec<Row> {
    crate::ple::rows_of("cgc")
}
