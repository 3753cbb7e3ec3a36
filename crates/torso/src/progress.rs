//! Progress on stderr: a bar where somebody watches, nothing where nobody does.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use torso_study::compare::Progress;

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
                eprintln!(
                    "{fits} fits on {threads} {}: at most about {}",
                    if threads == 1 { "thread" } else { "threads" },
                    in_words(seconds)
                );
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

/// A duration as a person says it.
fn in_words(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "a second".to_string(),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
