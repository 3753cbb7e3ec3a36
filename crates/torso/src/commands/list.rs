//! `torso list`: the methods, from what they say about themselves.

use comfy_table::Table;
use serde_json::json;
use torso_core::method::Method;
use torso_study::arm::methods;

use crate::cli::ListArgs;
use crate::error::CliError;

#[expect(clippy::unnecessary_wraps, reason = "every command has this form")]
pub(crate) fn run(options: &ListArgs) -> Result<String, CliError> {
    let wanted = |method: &&Method| {
        options.family.as_ref().is_none_or(|family| method.family.name() == family)
    };
    let methods: Vec<&Method> = methods().into_iter().filter(wanted).collect();
    if options.json {
        return Ok(format!("{}\n", as_json(&methods)));
    }
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["method", "family", "what it is", "year", "survey"]);
    for method in methods {
        table.add_row([
            method.id,
            method.family.name(),
            method.title,
            &method.cite.year.to_string(),
            method.section,
        ]);
    }
    Ok(format!("{table}\n"))
}

fn as_json(methods: &[&Method]) -> serde_json::Value {
    let entry = |method: &&Method| {
        let cite = method.cite;
        json!({
            "name": method.id,
            "family": method.family.name(),
            "title": method.title,
            "year": cite.year,
            "section": method.section,
            "cite": format!("{}. {}. {}, {}", cite.authors, cite.title, cite.venue, cite.year),
        })
    };
    json!({"schema": "torso.list/1", "methods": methods.iter().map(entry).collect::<Vec<_>>()})
}
