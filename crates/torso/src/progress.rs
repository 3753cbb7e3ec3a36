//! Progress on stderr: a bar where somebody watches, nothing where nobody does.

use std::cell::RefCell;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use torso_core::estimator::Epoch;
use torso_study::compare::Progress;

use crate::output::tell;

/// The progress of a comparison.
pub(crate) struct Watch {
    bar: ProgressBar,
    threads: usize,
}

impl Watch {
    pub(crate) fn new(threads: usize) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        Self { bar, threads }
    }

    pub(crate) fn on(&self, progress: Progress) {
        match progress {
            Progress::Planned { fits, seconds } => {
                let threads = self.threads;
                tell(&format!(
                    "{fits} fits on {threads} {}: at most about {}",
                    if threads == 1 { "thread" } else { "threads" },
                    in_words(seconds)
                ));
                self.bar.set_length(fits as u64);
                let style = "{bar:40} {pos}/{len} fits, {eta} left";
                self.bar.set_style(
                    ProgressStyle::with_template(style)
                        .unwrap_or_else(|_| ProgressStyle::default_bar()),
                );
            }
            Progress::Done { fits } => self.bar.set_position(fits as u64),
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// The progress of one training: a bar of its epochs, part after part.
#[derive(Debug)]
pub(crate) struct EpochWatch {
    bar: ProgressBar,
    lowest: RefCell<f64>,
}

impl EpochWatch {
    pub(crate) fn new(epochs: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(epochs as u64), ProgressDrawTarget::stderr());
        let style = "{prefix} {bar:30} epoch {pos}/{len}, {msg}, {eta} left at most";
        bar.set_style(
            ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self { bar, lowest: RefCell::new(f64::INFINITY) }
    }

    /// A part begins, `known` epochs of which are done already.
    pub(crate) fn begin(&self, part: &str, known: usize) {
        *self.lowest.borrow_mut() = f64::INFINITY;
        self.bar.set_prefix(part.to_string());
        self.bar.set_position(known as u64);
        self.bar.reset_eta();
    }

    /// An epoch, numbered from 0, is done.
    pub(crate) fn epoch(&self, number: usize, epoch: &Epoch) {
        let known: Vec<f64> = epoch.validation.iter().copied().filter(|l| !l.is_nan()).collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let mut lowest = self.lowest.borrow_mut();
        *lowest = lowest.min(mean);
        self.bar.set_message(format!("validation {mean:.4} (best {:.4})", *lowest));
        self.bar.set_position(number as u64 + 1);
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A duration as a person says it.
fn in_words(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "a second".to_string(),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
