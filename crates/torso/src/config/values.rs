//! Values of options: whole numbers in a range, and texts that stand for something.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize};
use torso_core::estimator::Batch;
use torso_data::SplitSpec;

/// A whole number from `LOW` to `HIGH`, in flags, files and the schema alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Count<const LOW: u64, const HIGH: u64>(u64);

/// A range that ends here has no end that is worth telling.
const NO_END: u64 = u32::MAX as u64;

impl<const LOW: u64, const HIGH: u64> Count<LOW, HIGH> {
    pub(crate) fn new(value: u64) -> Option<Self> {
        (LOW..=HIGH).contains(&value).then_some(Self(value))
    }

    pub(crate) fn get(self) -> u64 {
        self.0
    }

    /// The number of rows, epochs or the like.
    ///
    /// # Panics
    /// If it is more than memory has addresses: no range of a number of things goes so far.
    pub(crate) fn size(self) -> usize {
        usize::try_from(self.0).expect("numbers of things end at 2^32")
    }

    fn range() -> String {
        match HIGH {
            NO_END.. => format!("a whole number of at least {LOW}"),
            _ => format!("a whole number from {LOW} to {HIGH}"),
        }
    }
}

impl<const LOW: u64, const HIGH: u64> FromStr for Count<LOW, HIGH> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().ok().and_then(Self::new).ok_or_else(|| format!("expected {}", Self::range()))
    }
}

impl<'de, const LOW: u64, const HIGH: u64> Deserialize<'de> for Count<LOW, HIGH> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = deserializer.deserialize_i64(Whole { expected: Self::range() })?;
        let count = u64::try_from(found).ok().and_then(Self::new);
        let range = Self::range();
        count.ok_or_else(|| Error::invalid_value(Unexpected::Signed(found), &range.as_str()))
    }
}

impl<const LOW: u64, const HIGH: u64> JsonSchema for Count<LOW, HIGH> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Count{LOW}To{HIGH}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": LOW, "maximum": HIGH })
    }
}

/// Takes a whole number.
struct Whole {
    expected: String,
}

impl Visitor<'_> for Whole {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.expected)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }
}

/// How rows are split: `random`, `group:COLUMN`, `time:COLUMN` or `column:COLUMN`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^(random|(group|time|column):.+)$"))]
pub(crate) struct Rule(String);

impl Rule {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<SplitSpec>() {
            Ok(_) => Ok(Self(text.to_string())),
            Err(_) => Err("expected random, group:COLUMN, time:COLUMN or column:COLUMN".into()),
        }
    }
}

impl TryFrom<String> for Rule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The character between cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^(tab|\\\\t|[^A-Za-z0-9\"])$"))]
pub(crate) struct Delimiter(pub(crate) u8);

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes() {
            b"tab" | b"\\t" => Ok(Self(b'\t')),
            [b'\r' | b'\n' | b'"'] => Err(Self::EXPECTED.to_string()),
            [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() => Ok(Self(*byte)),
            _ => Err(Self::EXPECTED.to_string()),
        }
    }
}

impl Delimiter {
    const EXPECTED: &str = "expected one character such as ; or the word tab";
}

impl Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.0 == b'\t' { f.write_str("tab") } else { write!(f, "{}", char::from(self.0)) }
    }
}

impl TryFrom<String> for Delimiter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Delimiter> for String {
    fn from(value: Delimiter) -> Self {
        value.to_string()
    }
}

/// A time such as `90s`, `10m` or `2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub(crate) struct Limit(pub(crate) Duration);

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = humantime::parse_duration(text);
        time.map(Self).map_err(|_| "expected a time such as 90s, 10m or 2h".to_string())
    }
}

impl Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

impl TryFrom<String> for Limit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Limit> for String {
    fn from(value: Limit) -> Self {
        value.to_string()
    }
}

/// Rows in a step: a number, `full` or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(into = "BatchForm")]
#[schemars(with = "BatchForm")]
pub(crate) struct BatchRows(pub(crate) Batch);

/// How a file writes [`BatchRows`].
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum BatchForm {
    Rows(#[schemars(range(min = 1))] u64),
    Word(BatchWord),
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum BatchWord {
    Full,
    Auto,
}

impl FromStr for BatchRows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "full" => Ok(Self(Batch::Full)),
            "auto" => Ok(Self(Batch::Auto)),
            _ => match text.parse() {
                Ok(rows) if rows > 0 => Ok(Self(Batch::Rows(rows))),
                _ => Err(format!("expected {}", Self::EXPECTED)),
            },
        }
    }
}

impl BatchRows {
    const EXPECTED: &str = "a number of rows from 1, \"full\" or \"auto\"";
}

impl Display for BatchRows {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.0 {
            Batch::Rows(rows) => write!(f, "{rows}"),
            Batch::Full => f.write_str("full"),
            Batch::Auto => f.write_str("auto"),
        }
    }
}

impl From<BatchRows> for BatchForm {
    fn from(rows: BatchRows) -> Self {
        match rows.0 {
            Batch::Rows(rows) => Self::Rows(rows as u64),
            Batch::Full => Self::Word(BatchWord::Full),
            Batch::Auto => Self::Word(BatchWord::Auto),
        }
    }
}

impl<'de> Deserialize<'de> for BatchRows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;

        impl Visitor<'_> for Rows {
            type Value = BatchRows;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(BatchRows::EXPECTED)
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<BatchRows, E> {
                self.visit_str(&value.to_string())
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<BatchRows, E> {
                self.visit_str(&value.to_string())
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<BatchRows, E> {
                value.parse().map_err(|_| E::invalid_value(Unexpected::Str(value), &self))
            }
        }

        deserializer.deserialize_any(Rows)
    }
}
