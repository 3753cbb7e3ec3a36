//! `torso explain`: all that a method says about itself.

use std::fmt::Write as _;

use serde_json::json;
use torso_balance::{BalanceMethod, Heads};
use torso_core::method::Method;
use torso_linear::FIT_SETTINGS;
use torso_study::arm::{has_coefficients, methods};

use crate::cli::ExplainArgs;
use crate::error::{CliError, Kind, nearest};

pub(crate) fn run(options: &ExplainArgs) -> Result<String, CliError> {
    let id = &options.method;
    let methods = methods();
    let Some(method) = methods.iter().find(|method| method.id == id) else {
        let known: Vec<String> = methods.iter().map(|method| method.id.to_string()).collect();
        let hint = nearest(id, &known).map_or_else(
            || "`torso list` shows all".to_string(),
            |known| format!("did you mean `{known}`?"),
        );
        return Err(CliError::new(Kind::Usage, format!("no such method: `{id}`")).hint(hint));
    };
    let balance = torso_balance::find(id);
    if options.json {
        return Ok(format!("{}\n", as_json(method, balance)));
    }
    Ok(as_text(method, balance))
}

fn as_text(method: &Method, balance: Option<&BalanceMethod>) -> String {
    let mut text = format!("{}: {} ({})\n\n", method.id, method.title, method.family.name());
    let mut say = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:10} {value}");
    };
    say("formula", method.formula);
    say("cost", method.cost);
    if let Some(entry) = balance {
        say("sees", entry.sees.words());
        say("heads", heads(entry.heads));
        for (at, claim) in entry.claims.iter().enumerate() {
            say(if at == 0 { "claims" } else { "" }, claim.words());
        }
    }
    say("survey", method.section);
    say("reference", &reference(method));
    if !method.parameters.is_empty() {
        text.push_str("\nparameters, as --set ");
        let prefix = if balance.is_some() { format!("{}.", method.id) } else { String::new() };
        let _ = writeln!(text, "{prefix}NAME=VALUE");
        for parameter in method.parameters {
            let _ = writeln!(
                text,
                "  {} = {} ({}): {}",
                parameter.name, parameter.default, parameter.range, parameter.about
            );
        }
    }
    if has_coefficients(method.id) {
        let settings = FIT_SETTINGS.join(", ");
        let _ = writeln!(text, "\nsettings of its fit: {settings} (docs/config.md)");
    }
    if let Some(angles) = angles(method.id) {
        text.push_str(
            "\ncheaper task gradients, as --set task-gradients=KIND: angle to the exact\n",
        );
        text.push_str("direction in degrees, median (90th percentile), measured on 8 tasks\n");
        for (kind, [median, high]) in angles {
            let _ = writeln!(text, "  {kind:15} {median} ({high})");
        }
    }
    text
}

/// Kinds of cheaper task gradients with the angle between their direction and the exact one.
type Angles = Vec<(&'static str, [&'static str; 2])>;

/// The measured angles of a method, as `just task-gradients` writes them.
fn angles(id: &str) -> Option<Angles> {
    let mut lines = include_str!("task_gradients.tsv").lines();
    let columns: Vec<&str> = lines.next()?.split('\t').skip(1).collect();
    let cells: Vec<&str> =
        lines.find_map(|line| line.strip_prefix(id)?.strip_prefix('\t'))?.split('\t').collect();
    let kinds = columns.chunks(2).zip(cells.chunks(2));
    let of_kind = |(columns, cells): (&[&'static str], &[&'static str])| {
        Some((columns[0].split('_').next()?, [cells[0], *cells.get(1)?]))
    };
    kinds.map(of_kind).collect()
}

fn heads(heads: Heads) -> &'static str {
    match heads {
        Heads::Weighted => "follow the weighted loss",
        Heads::Own => "follow their own task's loss",
    }
}

fn reference(method: &Method) -> String {
    let cite = method.cite;
    format!("{}. {}. {}, {}", cite.authors, cite.title, cite.venue, cite.year)
}

fn as_json(method: &Method, balance: Option<&BalanceMethod>) -> serde_json::Value {
    let mut object = json!({
        "schema": "torso.explain/1",
        "name": method.id,
        "family": method.family.name(),
        "title": method.title,
        "section": method.section,
        "formula": method.formula,
        "cost": method.cost,
        "parameters": method.parameters,
        "cite": reference(method),
    });
    if let Some(entry) = balance {
        object["sees"] = json!(entry.sees.words());
        object["heads"] = json!(heads(entry.heads));
        let angle = |(kind, [median, p90]): (&str, [&str; 2])| json!({"kind": kind, "median_degrees": number(median), "p90_degrees": number(p90)});
        let angles = angles(method.id).unwrap_or_default();
        object["task_gradients"] = angles.into_iter().map(angle).collect();
        let claims: Vec<&str> = entry.claims.iter().map(|claim| claim.words()).collect();
        object["claims"] = json!(claims);
    }
    object
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}
