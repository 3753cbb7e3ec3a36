//! The text of a config file: where its keys stand, and what is wrong at a place.

use toml::de::{DeTable, DeValue};

use super::schema::{description, table_of};
use crate::error::{CliError, Kind, nearest};

/// So many letters of a value are shown.
const SHOWN: usize = 40;

/// A text that is TOML.
pub(super) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    root: DeTable<'a>,
}

impl<'a> Source<'a> {
    /// Takes a text apart, or says where it is no TOML.
    pub(super) fn new(file: &'a str, text: &'a str) -> Result<Self, CliError> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { file, text, root: root.into_inner() }),
            Err(error) => {
                let start = error.span().map_or(text.len(), |span| span.start);
                let message = format!("this is no TOML: {}", error.message().replace('\n', ", "));
                Err(CliError::new(Kind::Config, message)
                    .place(place(file, text, start))
                    .hint("a line is a [table], or key = value; texts stand in quotes"))
            }
        }
    }

    /// The place of a key, or of the nearest table above it.
    pub(super) fn place_of(&self, path: &[&str]) -> String {
        let (mut table, mut at) = (&self.root, 0);
        for name in path {
            let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else {
                break;
            };
            at = key.span().start;
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        place(self.file, self.text, at)
    }

    /// What a parser of the values says, in our words: what was expected of which key, what was
    /// found, and what to write.
    pub(super) fn refused(&self, error: &toml::de::Error) -> CliError {
        let span = error.span().unwrap_or(0..0);
        let path = key_at(&self.root, span.start).unwrap_or_default();
        let at = place(self.file, self.text, span.start);
        let found = self.text.get(span).unwrap_or_default();
        let (message, hint) = match Complaint::of(error.message()) {
            Complaint::UnknownKey { key, known } => unknown_key(&path, &key, &known),
            Complaint::Expected { what, near } => {
                let key = path.join(".");
                let message = format!("expected `{key}` to be {what}, found {}", shown(found));
                (message, near.unwrap_or_else(|| how_to_write(&what, &path)))
            }
            Complaint::Other(message) => (message, SEE_DOCS.to_string()),
        };
        CliError::new(Kind::Config, message).place(at).hint(hint)
    }
}

pub(super) const SEE_DOCS: &str = "docs/config.md shows every key";

/// What a parser of values complains about.
pub(super) enum Complaint {
    UnknownKey { key: String, known: Vec<String> },
    Expected { what: String, near: Option<String> },
    Other(String),
}

impl Complaint {
    /// Reads the messages of serde.
    pub(super) fn of(message: &str) -> Self {
        let mut names = message.split('`').skip(1).step_by(2).map(String::from);
        if message.starts_with("unknown field") {
            let key = names.next().unwrap_or_default();
            return Self::UnknownKey { key, known: names.collect() };
        }
        if message.starts_with("unknown variant") {
            let found = names.next().unwrap_or_default();
            let known: Vec<String> = names.collect();
            let near = nearest(&found, &known).map(|name| format!("did you mean \"{name}\"?"));
            let known: Vec<String> = known.iter().map(|name| format!("\"{name}\"")).collect();
            return Self::Expected { what: known.join(" or "), near };
        }
        let invalid = ["invalid type", "invalid value", "invalid length"];
        let what = match message.rsplit_once(", expected ") {
            Some((head, what)) if invalid.iter().any(|start| head.starts_with(start)) => what,
            _ => match message.strip_prefix("expected ") {
                Some(what) => what,
                None => return Self::Other(message.to_string()),
            },
        };
        Self::Expected { what: in_words(what).to_string(), near: None }
    }
}

/// Types as a user names them.
fn in_words(what: &str) -> &str {
    match what {
        "a string" | "path string" => "a text",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "a map" => "a table",
        "f64" | "f32" => "a number",
        "usize" | "u64" | "u32" | "i64" => "a whole number of at least 0",
        table if table.starts_with("struct ") => "a table",
        other => other,
    }
}

fn unknown_key(path: &[String], key: &str, known: &[String]) -> (String, String) {
    let table = match path {
        [] | [_] => "the file".to_string(),
        [tables @ .., _] => format!("[{}]", tables.join(".")),
    };
    let hint = match (table_of(key), nearest(key, known)) {
        (_, Some(name)) => format!("did you mean `{name}`?"),
        (Some(table), None) => format!("`{key}` belongs in [{table}]"),
        (None, None) => format!("what there is: {}", known.join(", ")),
    };
    (format!("there is no `{key}` in {table}"), hint)
}

fn how_to_write(what: &str, path: &[String]) -> String {
    match (what, path) {
        ("a list", [.., key]) => format!("write a list, such as {key} = [\"a\", \"b\"]"),
        ("a table", [table]) => format!("write [{table}] on a line, and its keys below"),
        (_, [table, key, ..]) => {
            let quotes = if what == "a text" { "texts stand in quotes; " } else { "" };
            match description(table, key) {
                Some(text) => format!("{quotes}`{key}`: {text}"),
                None => format!("{quotes}{SEE_DOCS}"),
            }
        }
        _ => SEE_DOCS.to_string(),
    }
}

/// The names down to the key that stands, or whose value stands, at an offset.
fn key_at(table: &DeTable, offset: usize) -> Option<Vec<String>> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref().to_string();
        let inner = match value.get_ref() {
            DeValue::Table(inner) => key_at(inner, offset),
            _ => None,
        };
        if let Some(rest) = inner {
            return Some([vec![name], rest].concat());
        }
        let is_here = key.span().contains(&offset) || value.span().contains(&offset);
        is_here.then(|| vec![name])
    })
}

fn place(file: &str, text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{file}, line {line}, column {column}")
}

fn shown(value: &str) -> String {
    let line = value.lines().next().unwrap_or_default();
    if line.chars().count() > SHOWN || line.len() < value.trim_end().len() {
        return format!("{}...", line.chars().take(SHOWN).collect::<String>());
    }
    line.to_string()
}
