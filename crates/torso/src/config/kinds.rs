//! What columns are, where they would be taken for something else: flags write `COLUMN=class`, files
//! a table `kinds` of columns.

use std::collections::BTreeMap;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use torso_data::KindOverride;

/// What a column is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KindOf {
    pub(crate) column: String,
    pub(crate) kind: KindOverride,
}

impl FromStr for KindOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected COLUMN=class or COLUMN=number".to_string();
        let (column, kind) = text.rsplit_once('=').ok_or_else(wrong)?;
        Ok(Self { column: column.to_string(), kind: kind.parse().map_err(|_| wrong())? })
    }
}

/// The form of a file: a word for each column.
pub(super) type Table = BTreeMap<String, Word>;

#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    Number,
    Class,
}

pub(super) fn serialize<S: Serializer>(kinds: &[KindOf], serializer: S) -> Result<S::Ok, S::Error> {
    let word = |of: &KindOf| match of.kind {
        KindOverride::Number => Word::Number,
        KindOverride::Class => Word::Class,
    };
    let table: Table = kinds.iter().map(|of| (of.column.clone(), word(of))).collect();
    table.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<KindOf>, D::Error> {
    let kind = |(column, word)| {
        let kind = match word {
            Word::Number => KindOverride::Number,
            Word::Class => KindOverride::Class,
        };
        KindOf { column, kind }
    };
    Ok(Table::deserialize(deserializer)?.into_iter().map(kind).collect())
}
