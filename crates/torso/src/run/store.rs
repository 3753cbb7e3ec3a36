//! The finished fits of a comparison, kept so that it can go on after a stop.

use std::sync::Mutex;

use torso_core::journal::Signal;
use torso_core::snapshot::Snapshot;
use torso_study::runner::FitStore;

use super::Kept;
use super::limits::Limits;
use crate::error::CliError;

/// Keeps fits in a folder, if there is one, and tells when to stop.
pub(crate) struct Fits {
    kept: Option<Kept>,
    limits: Limits,
    failure: Mutex<Option<CliError>>,
}

impl Fits {
    pub(crate) fn new(kept: Option<Kept>, limits: Limits) -> Self {
        Self { kept, limits, failure: Mutex::new(None) }
    }

    /// Why something could not be kept, if that happened: it ends the run.
    pub(crate) fn failure(self) -> Option<CliError> {
        self.failure.into_inner().ok().flatten()
    }
}

impl FitStore for Fits {
    fn recall(&self, fit: &str) -> Option<Snapshot> {
        self.kept.as_ref()?.read(fit)
    }

    fn keep(&self, fit: &str, state: &Snapshot) {
        let Some(kept) = &self.kept else { return };
        if let (Err(error), Ok(mut failure)) = (kept.write(fit, state), self.failure.lock()) {
            failure.get_or_insert(error);
        }
    }

    fn signal(&self) -> Signal {
        let failed = self.failure.lock().is_ok_and(|failure| failure.is_some());
        if failed { Signal::Stop } else { self.limits.signal() }
    }
}
