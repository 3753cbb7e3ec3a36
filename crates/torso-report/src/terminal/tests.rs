use super::*;
use crate::fixture;

#[test]
fn the_penguins_fit_eighty_columns_and_the_verdict_comes_first() {
    let text = render(&fixture::penguins(), 80, false);
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Did learning 3 tasks together help? penguins");
    assert!(lines[2].starts_with("Yes, for 2 of 3 tasks. Learn all 3 tasks together with `hard+"));
    let row = " hard+uncertainty  +12.3 (3.0 to 21.6)            helps                    0.001";
    assert!(lines.contains(&row), "{text}");
    assert!(text.contains("alone: error 1.87%"), "{text}");
    assert!(text.contains("the loss says helps,"), "{text}");
    assert!(text.ends_with('\n') && !text.contains('\u{1b}'));
}

#[test]
fn color_adds_nothing_but_color() {
    let plain = render(&fixture::penguins(), 80, false);
    let colored = render(&fixture::penguins(), 80, true);
    assert!(colored.contains('\u{1b}'));
    let mut text = String::new();
    let mut is_escape = false;
    for c in colored.chars() {
        is_escape |= c == '\u{1b}';
        if !is_escape {
            text.push(c);
        }
        is_escape &= c != 'm';
    }
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(trimmed(&text), trimmed(&plain));
}

#[test]
fn many_tasks_are_counted_and_only_the_largest_are_named() {
    let text = render(&fixture::schools(), 80, false);
    assert!(text.lines().count() < 45, "{text}");
    assert!(text.contains("helps 32, harms 15, no difference shown 92."), "{text}");
    assert!(text.contains("Explains 30.0% of the variance; alone, 27.0%."), "{text}");
    let named = text.lines().filter(|line| line.starts_with("school ")).count();
    assert_eq!(named, 10, "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn names_cannot_steer_the_terminal() {
    let mut record = fixture::penguins();
    let name = "a\u{1b}[31mred\u{7}\r\u{202e}b".to_string();
    record.comparison.tasks[1].name.clone_from(&name);
    record.comparison.data.name.clone_from(&name);
    for arm in &mut record.comparison.arms {
        arm.name.push_str(&name);
        arm.tasks[1].task.clone_from(&name);
    }
    let text = render(&record, 80, false);
    assert!(text.contains("red"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{7}', '\r', '\u{202e}']), "{text:?}");
}

#[test]
fn odd_records_and_widths_have_text() {
    for record in fixture::odd() {
        for width in [0, 20, 80, 100_000] {
            let text = render(&record, width, true);
            assert!(text.starts_with("Did learning "), "{text}");
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}
