//! Customized gate control (A.21): tasks in conflict, tasks with common features.

use crate::Row;

pub fn rows() -> Vec<Row> {
    crate::ple::rows_of("cgc")
}
