//! What ends a run before its time: Ctrl-C, and the limit that `--time-limit` sets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use torso_core::journal::Signal;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// When a run is to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    deadline: Option<Instant>,
}

impl Limits {
    /// From now on, Ctrl-C and a termination are told by [`Self::signal`]; the second time they end
    /// the process at once.
    pub(crate) fn start(time: Option<Duration>) -> Self {
        // Fails only where a handler is there already, which then does the same.
        let _ = ctrlc::set_handler(|| {
            if INTERRUPTED.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(INTERRUPTED_EXIT));
            }
        });
        Self { deadline: time.and_then(|time| Instant::now().checked_add(time)) }
    }

    /// Whether to go on.
    pub(crate) fn signal(&self) -> Signal {
        if INTERRUPTED.load(Ordering::Relaxed) {
            Signal::Stop
        } else if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            Signal::Finish
        } else {
            Signal::Continue
        }
    }
}

/// The exit code of a run that Ctrl-C ended, as shells have it.
pub(crate) const INTERRUPTED_EXIT: u8 = 130;
