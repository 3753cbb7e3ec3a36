//! From values to places in a picture.

use crate::number::{Digits, floor_log10};

/// An axis: the values that it shows and where it writes numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Scale {
    /// An axis over these values with a little room around them; none without a finite value.
    pub(super) fn over(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values = values.filter(|value| value.is_finite());
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return None;
        }
        let middle = f64::midpoint(low, high);
        let least = middle.abs().max(1e-12) * 1e-6;
        let half = (high / 2.0 - low / 2.0).max(least) * 1.06;
        let width = 2.0 * half;
        (width.is_finite() && (middle + half).is_finite()).then(|| Self {
            low: middle - half,
            high: middle + half,
            step: step(width),
        })
    }

    /// Where a value lies: 0 at the low end, 1 at the high end, and not far beyond.
    pub(super) fn at(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(-1.0, 2.0)
    }

    /// Round values, with their text.
    pub(super) fn ticks(&self, signed: bool) -> Vec<(f64, String)> {
        let digits = match floor_log10(self.step) {
            exponent if !(-6..9).contains(&exponent) => Digits::Powers,
            exponent => Digits::Decimals(usize::try_from(-exponent).unwrap_or(0)),
        };
        let first = (self.low / self.step).ceil();
        let values = (0..20).map(|i| (first + f64::from(i)) * self.step);
        let text = |value: f64| if signed { digits.signed(value) } else { digits.plain(value) };
        values.take_while(|value| *value <= self.high).map(|value| (value, text(value))).collect()
    }
}

/// A round step, 1, 2 or 5 times a power of ten, that divides a width into three to seven.
fn step(width: f64) -> f64 {
    let raw = width / 4.5;
    let power = 10f64.powi(floor_log10(raw));
    let factor = match raw / power {
        r if r < 1.5 => 1.0,
        r if r < 3.5 => 2.0,
        r if r < 7.5 => 5.0,
        _ => 10.0,
    };
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let scale = Scale::over([-1.3, 0.0, 3.2].into_iter()).unwrap();
        let ticks = scale.ticks(true);
        let texts: Vec<&str> = ticks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["−1", "0", "+1", "+2", "+3"]);
        assert!(ticks.iter().all(|(value, _)| (0.0..=1.0).contains(&scale.at(*value))));
        assert!((scale.at(-99.0), scale.at(99.0)) == (-1.0, 2.0));
    }

    #[test]
    fn there_are_a_few_ticks_at_every_size() {
        for size in [1e-30, 1e-9, 0.37, 1.0, 42.0, 1e6, 1e15, 1e300] {
            let ticks = Scale::over([0.0, size].into_iter()).unwrap().ticks(false);
            assert!((3..=9).contains(&ticks.len()), "{size}: {ticks:?}");
        }
    }

    #[test]
    fn equal_values_have_an_axis_and_unknown_ones_none() {
        for value in [0.0, 5.0, -1e9] {
            let scale = Scale::over([value, value].into_iter()).unwrap();
            assert!((scale.at(value) - 0.5).abs() < 1e-3, "{value}");
        }
        assert_eq!(Scale::over([f64::NAN, f64::INFINITY].into_iter()), None);
        assert_eq!(Scale::over(std::iter::empty()), None);
        assert_eq!(Scale::over([f64::MIN, f64::MAX].into_iter()), None);
    }
}
