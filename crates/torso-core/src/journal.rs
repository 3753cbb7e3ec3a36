//! Where a fit keeps how far it is, and hears that it is to stop.
//!
//! A fit consists of parts (a trial, a task alone), each with a key. A part that was begun or
//! finished in an earlier session is taken up where it was left, to the bit.

use std::fmt::Debug;

use crate::estimator::Epoch;
use crate::snapshot::Snapshot;

/// What a fit does after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Goes on.
    Continue,
    /// Makes do with what it has: the time is up.
    Finish,
    /// Gives up with [`FitError::Stopped`](crate::estimator::FitError::Stopped).
    Stop,
}

/// The keeper of one fit's progress.
pub trait Journal: Debug {
    /// What was last kept of a part in an earlier session.
    fn recall(&self, part: &str) -> Option<Snapshot>;

    /// An epoch of a part is over, from 0. `state` makes what a later session needs to go on; it
    /// is only called when something is to be kept.
    fn epoch_done(
        &self,
        part: &str,
        number: usize,
        epoch: &Epoch,
        state: &mut dyn FnMut() -> Snapshot,
    ) -> Signal;

    /// A part is finished, with what [`Self::recall`] shall give from now on.
    fn part_done(&self, part: &str, state: &mut dyn FnMut() -> Snapshot);

    /// What a fit without epochs does next.
    fn signal(&self) -> Signal {
        Signal::Continue
    }
}

/// Keeps nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn recall(&self, _: &str) -> Option<Snapshot> {
        None
    }

    fn epoch_done(&self, _: &str, _: usize, _: &Epoch, _: &mut dyn FnMut() -> Snapshot) -> Signal {
        Signal::Continue
    }

    fn part_done(&self, _: &str, _: &mut dyn FnMut() -> Snapshot) {}
}
