//! Any text as a config file.
//!
//! Besides not panicking: a config that is written is read again as it was, and a fault has its
//! message, its place in the text and a hint.

use crate::config::Config;

pub(crate) fn check(text: &str) {
    let fault = match Config::parse(text, "torso.toml") {
        Ok(config) => {
            let written = config.to_toml().expect("a config has a form in TOML");
            let again = Config::parse(&written, "torso.toml").map_err(|error| error.message);
            assert_eq!(again, Ok(config), "{written}");
            return;
        }
        Err(fault) => fault,
    };
    assert!(!fault.message.is_empty() && fault.hint.is_some(), "{fault:?}");
    let (line, column) = place(fault.place.as_deref()).unwrap_or_else(|| panic!("{fault:?}"));
    let lines: Vec<&str> = text.split('\n').collect();
    assert!((1..=lines.len()).contains(&line), "{fault:?}");
    assert!((1..=lines[line - 1].chars().count() + 1).contains(&column), "{fault:?}");
}

/// Line and column of `torso.toml, line 2, column 1`.
fn place(place: Option<&str>) -> Option<(usize, usize)> {
    let (line, column) = place?.strip_prefix("torso.toml, line ")?.split_once(", column ")?;
    Some((line.parse().ok()?, column.parse().ok()?))
}
