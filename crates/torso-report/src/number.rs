//! Numbers as text: sensible digits, a true minus, a dash for what is not known.

use torso_core::record::Interval;

/// What stands for a number that is not known.
pub(crate) const UNKNOWN: &str = "–";

/// How numbers that belong together are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Digits {
    /// So many digits after the point.
    Decimals(usize),
    /// One digit after the point, times a power of ten: too large or too small otherwise.
    Powers,
}

impl Digits {
    /// Shows a number of this size with so many significant digits.
    pub(crate) fn significant(size: f64, digits: i32) -> Self {
        const MOST_DECIMALS: i32 = 6;
        let size = size.abs();
        if !size.is_finite() || size == 0.0 {
            return Self::Decimals(1);
        }
        let decimals = digits - 1 - floor_log10(size);
        if size >= 1e9 || decimals > MOST_DECIMALS {
            return Self::Powers;
        }
        Self::Decimals(usize::try_from(decimals).unwrap_or(0))
    }

    /// For estimates that are read side by side: two digits of half the widest interval.
    pub(crate) fn of_intervals(all: &[Interval]) -> Self {
        let halves = all.iter().map(|interval| (interval.high - interval.low) / 2.0);
        let widest = halves.filter(|half| half.is_finite()).fold(0.0, f64::max);
        let means = all.iter().map(|interval| interval.mean.abs());
        let size = if widest > 0.0 { widest } else { means.fold(0.0, f64::max) };
        Self::significant(size, 2)
    }

    /// `+3.2% (1.2 to 5.2)`.
    pub(crate) fn estimate(self, of: Interval, suffix: &str) -> String {
        if !of.mean.is_finite() {
            return UNKNOWN.to_string();
        }
        format!("{}{suffix} ({})", self.signed(of.mean), self.range(of.low, of.high))
    }

    /// The number, without a plus.
    pub(crate) fn plain(self, value: f64) -> String {
        if !value.is_finite() {
            return UNKNOWN.to_string();
        }
        let text = match self {
            Self::Decimals(decimals) => grouped(&format!("{:.decimals$}", value.abs())),
            Self::Powers => format!("{:.1e}", value.abs()).replace('-', "−"),
        };
        let is_zero = text.chars().all(|c| "0.".contains(c));
        if value < 0.0 && !is_zero { format!("−{text}") } else { text }
    }

    /// The number with its sign; zero has none.
    pub(crate) fn signed(self, value: f64) -> String {
        let text = self.plain(value);
        let is_positive = value > 0.0 && text.chars().any(|c| ('1'..='9').contains(&c));
        if is_positive { format!("+{text}") } else { text }
    }

    /// `low to high`.
    pub(crate) fn range(self, low: f64, high: f64) -> String {
        format!("{} to {}", self.plain(low), self.plain(high))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a finite f64's exponent is below 400")]
pub(crate) fn floor_log10(size: f64) -> i32 {
    size.log10().floor() as i32
}

/// A number with three significant digits.
pub(crate) fn three(value: f64) -> String {
    Digits::significant(value, 3).plain(value)
}

/// A probability of the test; about 5% with the digit that tells on which side it is.
pub(crate) fn p_value(p: f64) -> String {
    match p {
        p if !p.is_finite() => UNKNOWN.to_string(),
        p if p < 0.001 => "< 0.001".to_string(),
        p if (0.0495..0.0505).contains(&p) => format!("{p:.4}"),
        p if p < 0.0995 => format!("{p:.3}"),
        p => format!("{p:.2}"),
    }
}

/// `p = 0.012`, as part of a sentence, with spaces at which no line ends.
pub(crate) fn p_sentence(p: f64) -> String {
    let text = p_value(p);
    let text = if text.starts_with('<') { format!("p {text}") } else { format!("p = {text}") };
    text.replace(' ', "\u{a0}")
}

/// A count, thousands set off.
pub(crate) fn count(n: usize) -> String {
    grouped(&n.to_string())
}

/// `1 task`, `3 tasks`.
pub(crate) fn counted(n: usize, thing: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(n))
}

/// A time in words.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => UNKNOWN.to_string(),
        s if s < 120.0 => format!("{} seconds", three(s)),
        s if s < 7200.0 => format!("{:.0} minutes", s / 60.0),
        s => format!("{:.1} hours", s / 3600.0),
    }
}

/// Commas between thousands.
fn grouped(text: &str) -> String {
    let (whole, rest) = text.find('.').map_or((text, ""), |point| text.split_at(point));
    if whole.len() < 4 {
        return text.to_string();
    }
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_follow_the_size() {
        assert_eq!(Digits::significant(1.3, 2), Digits::Decimals(1));
        assert_eq!(Digits::significant(0.013, 2), Digits::Decimals(3));
        assert_eq!(Digits::significant(130.0, 2), Digits::Decimals(0));
        assert_eq!(Digits::significant(1e-9, 2), Digits::Powers);
        assert_eq!(Digits::significant(f64::NAN, 2), Digits::Decimals(1));
        assert_eq!(three(0.012_345), "0.0123");
        assert_eq!(three(123_456.0), "123,456");
        assert_eq!(three(-1.5e-12), "−1.5e−12");
        assert_eq!(three(1e15), "1.0e15");
        assert_eq!(three(0.0), "0.0");
    }

    #[test]
    fn signs_are_true_and_zero_has_none() {
        let digits = Digits::Decimals(1);
        assert_eq!(digits.signed(1.94), "+1.9");
        assert_eq!(digits.signed(-1.94), "−1.9");
        assert_eq!(digits.signed(-0.04), "0.0");
        assert_eq!(digits.signed(0.04), "0.0");
        assert_eq!(digits.range(-0.5, 12_345.6), "−0.5 to 12,345.6");
        for unknown in [f64::NAN, f64::INFINITY] {
            assert_eq!(digits.signed(unknown), UNKNOWN);
            assert_eq!(p_value(unknown), UNKNOWN);
        }
    }

    #[test]
    fn estimates_side_by_side_have_the_same_digits() {
        let wide = Interval { mean: 3.21, low: 1.21, high: 5.21 };
        let narrow = Interval { mean: -0.26, low: -0.36, high: -0.16 };
        let digits = Digits::of_intervals(&[wide, narrow]);
        assert_eq!(digits.estimate(wide, "%"), "+3.2% (1.2 to 5.2)");
        assert_eq!(digits.estimate(narrow, ""), "−0.3 (−0.4 to −0.2)");
        let unknown = Interval { mean: f64::NAN, ..wide };
        assert_eq!(Digits::of_intervals(&[unknown]).estimate(unknown, "%"), UNKNOWN);
        assert_eq!(Digits::of_intervals(&[]), Digits::Decimals(1));
    }

    #[test]
    fn probabilities_are_never_zero() {
        assert_eq!(p_value(0.0), "< 0.001");
        assert_eq!(p_value(0.0496), "0.0496");
        assert_eq!(p_value(0.43), "0.43");
        assert_eq!(p_value(0.0999), "0.10");
        assert_eq!(p_sentence(0.0), "p\u{a0}<\u{a0}0.001");
        assert_eq!(p_sentence(1.0), "p\u{a0}=\u{a0}1.00");
    }

    #[test]
    fn counts_have_plurals_and_commas() {
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(15_362, "row"), "15,362 rows");
        assert_eq!(counted(1_019, "label"), "1,019 labels");
        assert_eq!(counted(0, "row"), "0 rows");
    }
}
