//! Times in tables, for their order: numbers, or dates as ISO 8601 writes them.

/// Seconds since 1970 of `2024-05`, `2024-05-31`, `2024-05-31 18:30`, `2024-05-31T18:30:15.5`,
/// with or without an offset (`Z`, `+02:00`). Without one, any clock will do: only the order counts.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time.trim_start())),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year: i64 = digits(parts.next()?, 4)?;
    let month: i64 = digits(parts.next()?, 2)?;
    let day: i64 = parts.next().map_or(Some(1), |day| digits(day, 2))?;
    if parts.next().is_some() || !(1..=12).contains(&month) {
        return None;
    }
    if !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    let seconds = time.map_or(Some(0.0), seconds_of_day)?;
    Some(days_since_1970(year, month, day) as f64 * 86_400.0 + seconds)
}

/// Whether a text is a date, even if its order of day and month is unclear: `31/05/2024`.
pub(crate) fn is_date(text: &str) -> bool {
    let date = text.split(['T', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = date.split(['/', '.', '-']).collect();
    let numbers = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let mut lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths.sort_unstable();
    parse(text).is_some() || (numbers && matches!(lengths[..], [1 | 2, 1 | 2, 4]))
}

/// `18:30`, `18:30:15`, `18:30:15.25`, each with or without an offset, which is taken off.
fn seconds_of_day(text: &str) -> Option<f64> {
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => (&text[..at], offset(&text[at..])?),
        None => (text, 0.0),
    };
    let mut parts = clock.split(':');
    let hours: i64 = digits(parts.next()?, 2)?;
    let minutes: i64 = digits(parts.next()?, 2)?;
    let seconds = parts.next().map_or(Some(0.0), |text| {
        let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
        let whole: i64 = digits(whole, 2).filter(|&whole| whole <= 60)?; // a leap second
        let fraction: f64 = digits(fraction, fraction.len())
            .and_then(|_: u128| format!("0.{fraction}").parse().ok())?;
        Some(whole as f64 + fraction)
    })?;
    let seconds = (hours * 3600 + minutes * 60) as f64 + seconds;
    // `24:00` is the end of the day; a leap second may follow `23:59:59`.
    if parts.next().is_some() || minutes > 59 || hours > 24 || (hours == 24 && seconds > 86_400.0) {
        return None;
    }
    Some(seconds - offset)
}

fn offset(text: &str) -> Option<f64> {
    if matches!(text, "Z" | "z") {
        return Some(0.0);
    }
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let rest = &text[1..];
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 4 && rest.is_ascii() => rest.split_at(2),
        None => (rest, "00"),
    };
    let (hours, minutes): (i64, i64) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then(|| sign * (hours * 3600 + minutes * 60) as f64)
}

/// A number of exactly `n` digits.
fn digits<T: std::str::FromStr>(text: &str, n: usize) -> Option<T> {
    let all_digits = text.len() == n && text.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { text.parse().ok() } else { None }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of the Gregorian calendar, whole years first.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let leap_days = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let months: i64 = (1..month).map(|month| days_in_month(year, month)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_count_seconds() {
        assert_eq!(parse("1970-01-01"), Some(0.0));
        assert_eq!(parse("2000-03-01"), Some(951_868_800.0));
        assert_eq!(parse("1969-12-31 23:59:59.5"), Some(-0.5));
        assert_eq!(parse("2024-05"), parse("2024-05-01"));
        assert_eq!(parse("2024-05-31T18:30Z"), parse("2024-05-31 18:30:00"));
        assert_eq!(parse("2024-05-31T18:30:00+02:00"), parse("2024-05-31T16:30:00Z"));
        assert_eq!(parse("2024-05-31T18:30:00-0130"), parse("2024-05-31T20:00:00"));
        assert_eq!(parse("2024-12-31 24:00"), parse("2025-01-01 00:00"));
    }

    #[test]
    fn a_day_follows_the_other_over_400_years() {
        let mut before = parse("1799-12-31").unwrap();
        for year in 1800..2200 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    let now = parse(&format!("{year}-{month:02}-{day:02}")).unwrap();
                    assert!((now - before - 86_400.0).abs() < 1e-6, "{year}-{month}-{day}");
                    before = now;
                }
            }
        }
    }

    #[test]
    fn dates_are_known_in_any_order() {
        for (text, expected) in [
            ("10/03/2004", true),
            ("3.10.2004 18:00", true),
            ("2004-3-1", true),
            ("2004-03", true),
            ("1.2.3", false),
            ("10/2004", false),
            ("127.0.0.2004", false),
            ("a/b/2004", false),
            ("18:00:00", false),
            ("", false),
        ] {
            assert_eq!(is_date(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2024",
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "10/03/2004",
            "2024-1-5",
            "2024-01-01T",
            "2024-01-01 25:00",
            "2024-01-01 24:01",
            "2024-01-01 10:60",
            "2024-01-01 10",
            "2024-01-01-01",
            "2024-01-01 10:00:61",
            "2024-01-01 10:00+1",
            "a-b-c",
            "2024-01-01 é",
            "2024-01-01 10:00:00.",
            "2024-01-01 10:00+ab:cd",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
