//! What an experiment tells.

/// One bar of a test on planted truth.
pub(crate) struct Row {
    /// The architecture.
    pub(crate) system: &'static str,
    /// What was planted, and what is measured.
    pub(crate) condition: String,
    /// The figure.
    pub(crate) measured: String,
    /// What it had to be.
    pub(crate) bar: &'static str,
    /// Whether it is.
    pub(crate) met: bool,
}
