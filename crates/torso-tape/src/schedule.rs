//! Schedules: the learning rate as a factor of its largest value, step by step.

/// How the learning rate goes over a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Schedule {
    /// The same at every step.
    #[default]
    Constant,
    /// Up in a straight line over `warmup` steps, then down half a cosine to 0 at step `total`
    /// (Loshchilov and Hutter 2017).
    Cosine {
        /// Steps until the largest rate.
        warmup: usize,
        /// Steps until 0.
        total: usize,
    },
    /// Halved after every `every` steps.
    Halving {
        /// Steps at one rate, at least 1.
        every: usize,
    },
}

impl Schedule {
    /// The factor at `step`, from 0; above 0 until the schedule ends, and at most 1.
    pub fn factor(self, step: usize) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine { warmup, .. } if step < warmup => (step + 1) as f64 / warmup as f64,
            Self::Cosine { warmup, total } => {
                let share = (step - warmup) as f64 / total.saturating_sub(warmup).max(1) as f64;
                0.5 + 0.5 * (std::f64::consts::PI * share.min(1.0)).cos()
            }
            Self::Halving { every } => {
                let halvings = (step / every.max(1)).min(1000);
                0.5f64.powi(i32::try_from(halvings).unwrap_or(i32::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_follow_their_shapes() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a}, not {b}");
        close(Schedule::Constant.factor(7), 1.0);
        let cosine = Schedule::Cosine { warmup: 4, total: 12 };
        for (step, factor) in [(0, 0.25), (3, 1.0), (4, 1.0), (8, 0.5), (12, 0.0), (99, 0.0)] {
            close(cosine.factor(step), factor);
        }
        let halving = Schedule::Halving { every: 3 };
        for (step, factor) in [(0, 1.0), (2, 1.0), (3, 0.5), (6, 0.25)] {
            close(halving.factor(step), factor);
        }
    }
}
