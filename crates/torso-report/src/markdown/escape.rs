//! Text that stays text in GitHub's Markdown.

use crate::reading::printable;

/// Text on one line that starts no markup of its own, in a paragraph, a heading or a table's cell.
pub(super) fn escape(text: &str) -> String {
    let one_line: String =
        text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }).collect();
    let mut escaped = String::with_capacity(text.len());
    for c in printable(&one_line).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '$' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Escaped text as the start of a line, where a few more signs begin a list or a rule.
pub(super) fn escape_line(escaped: &str) -> String {
    let digits = escaped.chars().take_while(char::is_ascii_digit).count();
    if digits > 0 && escaped[digits..].starts_with(['.', ')']) {
        return format!("{}\\{}", &escaped[..digits], &escaped[digits..]);
    }
    if escaped.starts_with(['-', '+', '=', ':']) {
        format!("\\{escaped}")
    } else {
        escaped.to_string()
    }
}

/// A block of code, fenced by more backticks than are in it.
pub(super) fn fenced(code: &str) -> String {
    let runs = code.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0).max(2) + 1);
    let lines: Vec<String> = code.lines().map(printable).collect();
    format!("{fence}\n{}\n{fence}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(escape("a|b"), "a\\|b");
        assert_eq!(
            escape("`x` *y* _z_ ~~s~~ $m$"),
            "\\`x\\` \\*y\\* \\_z\\_ \\~\\~s\\~\\~ \\$m\\$"
        );
        assert_eq!(escape("<script>&amp;"), "&lt;script&gt;&amp;amp;");
        assert_eq!(escape("![i](u) # h"), "\\!\\[i\\](u) \\# h");
        assert_eq!(escape("two\r\nlines\t\u{202e}x\u{0}"), "two  lines \u{fffd}x\u{fffd}");
        assert_eq!(escape("\\|"), "\\\\\\|", "a backslash of the name cannot free the bar");
        assert_eq!(escape("hard+equal"), "hard+equal");
    }

    #[test]
    fn lines_begin_no_list() {
        assert_eq!(escape_line("- a"), "\\- a");
        assert_eq!(escape_line("12. a"), "12\\. a");
        assert_eq!(escape_line("12 a"), "12 a");
        assert_eq!(escape_line(""), "");
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(fenced("a"), "```\na\n```");
        assert_eq!(fenced("````\n<b>"), "`````\n````\n<b>\n`````");
        assert_eq!(fenced("a\u{1b}"), "```\na\u{fffd}\n```");
    }
}
