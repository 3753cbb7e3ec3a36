//! The JSON Schema of config files, from the types that read them.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::Config;

/// Where the schema of this version is found, for editors.
pub(crate) const SCHEMA_URL: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/raw/v",
    env!("CARGO_PKG_VERSION"),
    "/docs/config.schema.json"
);

/// The schema.
pub(crate) fn schema() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>();
    schema.insert("$id".to_string(), SCHEMA_URL.into());
    schema.insert("title".to_string(), "torso.toml".into());
    let mut schema = schema.to_value();
    tidy(&mut schema);
    // What it is comes first, for those who read it.
    let head = ["$schema", "$id", "title", "description"];
    let first = head.iter().map(|key| ((*key).to_string(), schema[key].clone()));
    let rest = schema.as_object().into_iter().flatten();
    let rest = rest.filter(|(key, _)| !head.contains(&key.as_str()));
    Value::Object(first.chain(rest.map(|(key, value)| (key.clone(), value.clone()))).collect())
}

/// What a key is for, as the help of its flag says it.
pub(super) fn description(table: &str, key: &str) -> Option<String> {
    let text = properties(&schema(), table)?.get(key)?["description"].as_str()?.to_string();
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The table in which a key belongs.
pub(super) fn table_of(key: &str) -> Option<String> {
    let schema = schema();
    let tables = schema["properties"].as_object()?;
    tables
        .keys()
        .find(|table| properties(&schema, table).is_some_and(|p| p.contains_key(key)))
        .cloned()
}

fn properties<'a>(schema: &'a Value, table: &str) -> Option<&'a Map<String, Value>> {
    schema["properties"][table]["properties"].as_object()
}

/// Takes out what TOML has no form for, `null`, and defaults, which are told in words.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(tidy),
        Value::Object(object) => {
            // A property of this name is a schema; the keyword is anything else.
            if object.get("default").is_none_or(|default| default.get("type").is_none()) {
                object.remove("default");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_string(), only);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                }
            }
            object.values_mut().for_each(tidy);
        }
        _ => {}
    }
}
