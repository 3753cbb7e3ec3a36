//! Losses of one label, each with a bound on its curvature.
//!
//! The bound `c` puts every loss under a parabola at any `g`: `l(f) <= l(g) + l'(g) (f - g) +
//! c/2 (f - g)^2`, which is least squares with the label `g - l'(g) / c` and the weight `c`
//! (`majorize.rs`).

/// The loss of a prediction `f`. Classes are labels -1 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// `1/2 (y - f)^2`.
    Squared,
    /// `log(1 + exp(-y f))`.
    Logistic,
    /// `1/2 r^2` for a residual `|r| <= delta`, else `delta (|r| - delta/2)`: outliers pull less.
    Huber {
        /// Where the parabola ends.
        delta: f64,
    },
    /// `1/2 max(0, 1 - y f)^2`.
    SquaredHinge,
}

impl Loss {
    /// The loss.
    pub fn value(self, y: f64, f: f64) -> f64 {
        match self {
            Self::Squared => 0.5 * (y - f).powi(2),
            Self::Logistic => log_1p_exp(-y * f),
            Self::Huber { delta } => {
                let r = (y - f).abs();
                if r <= delta { 0.5 * r * r } else { delta * (r - 0.5 * delta) }
            }
            Self::SquaredHinge => 0.5 * (1.0 - y * f).max(0.0).powi(2),
        }
    }

    /// Its derivative by `f`.
    pub fn slope(self, y: f64, f: f64) -> f64 {
        match self {
            Self::Squared => f - y,
            Self::Logistic => -y * sigmoid(-y * f),
            Self::Huber { delta } => (f - y).clamp(-delta, delta),
            Self::SquaredHinge => -y * (1.0 - y * f).max(0.0),
        }
    }

    /// The bound on its second derivative.
    pub fn curvature(self) -> f64 {
        match self {
            Self::Logistic => 0.25,
            Self::Squared | Self::Huber { .. } | Self::SquaredHinge => 1.0,
        }
    }
}

/// `1 / (1 + exp(-f))`.
pub(crate) fn sigmoid(f: f64) -> f64 {
    if f >= 0.0 {
        1.0 / (1.0 + (-f).exp())
    } else {
        let e = f.exp();
        e / (1.0 + e)
    }
}

/// `log(1 + exp(f))`, without overflow.
fn log_1p_exp(f: f64) -> f64 {
    f.max(0.0) + (-f.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSSES: [Loss; 4] =
        [Loss::Squared, Loss::Logistic, Loss::Huber { delta: 0.7 }, Loss::SquaredHinge];

    #[test]
    fn slopes_are_derivatives_and_parabolas_lie_above() {
        for loss in LOSSES {
            for y in [-1.0, 1.0] {
                for g in [-3.0, -0.4, 0.2, 2.5] {
                    let h = 1e-6;
                    let slope = (loss.value(y, g + h) - loss.value(y, g - h)) / (2.0 * h);
                    assert!((loss.slope(y, g) - slope).abs() < 1e-8, "{loss:?} {y} {g}");
                    for f in [-5.0, -1.0, 0.0, 0.3, 4.0_f64] {
                        let parabola = loss.value(y, g)
                            + loss.slope(y, g) * (f - g)
                            + 0.5 * loss.curvature() * (f - g).powi(2);
                        assert!(loss.value(y, f) <= parabola + 1e-12, "{loss:?} {y} {g} {f}");
                    }
                }
            }
        }
    }

    #[test]
    fn large_predictions_stay_finite() {
        for loss in LOSSES {
            for f in [-1e6, 1e6] {
                assert!(loss.value(1.0, f).is_finite() && loss.slope(1.0, f).is_finite());
            }
        }
    }
}
