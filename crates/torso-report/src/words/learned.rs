//! What a training found, in words: how good the solution is, its parameters, groups.

use std::collections::BTreeMap;

use serde::Serialize;
use torso_core::record::TrainRecord;

use super::Sentence;
use crate::number::{Digits, counted, three};

/// `The solver converged after 41 iterations: objective 1,234.57, relative gap or residual 3.1e−9.`
pub(crate) fn certificate(record: &TrainRecord) -> Option<String> {
    let of = record.certificate.as_ref()?;
    let end = match record.status.as_str() {
        "converged" => "converged".to_string(),
        "" => "ended".to_string(),
        status => format!("did not converge ({status})"),
    };
    Some(format!(
        "The solver {end} after {}: objective {}, relative gap or residual {}.",
        counted(of.iterations, "iteration"),
        Digits::significant(of.objective, 6).plain(of.objective),
        if of.residual == 0.0 { "0".to_string() } else { three(of.residual) },
    ))
}

/// `Parameters, chosen or given: lambda = 12.3, rho = 0.5.`
pub(crate) fn parameters(record: &TrainRecord) -> Option<Sentence> {
    let start = Sentence::default().text("Parameters, chosen or given: ");
    let with = |sentence: Sentence, (i, (name, value)): (usize, &(String, f64))| {
        let sentence = if i == 0 { sentence } else { sentence.text(", ") };
        sentence.name(name).text(format!(" = {}", parameter(*value)))
    };
    let all = record.chosen.iter().enumerate().fold(start, with);
    (!record.chosen.is_empty()).then(|| all.text("."))
}

/// A parameter with four significant digits, without zeros at the end.
pub(crate) fn parameter(value: f64) -> String {
    let text = Digits::significant(value, 4).plain(value);
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        text
    }
}

/// One part of a partition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Group {
    /// `Group 2`, counted from 1 among those that have members.
    pub name: String,
    /// How many members it has.
    pub size: usize,
    /// Their names, as many as are told.
    pub members: Sentence,
}

/// A partition in words: the groups in their order, and what of it is not told.
pub(crate) fn groups(
    items: &[String],
    groups: &[usize],
    most_groups: usize,
    most_members: usize,
) -> (Vec<Group>, Option<String>) {
    let mut members: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (item, group) in items.iter().zip(groups) {
        members.entry(*group).or_default().push(item);
    }
    let group = |(i, members): (usize, &Vec<&str>)| {
        let told = members.iter().take(most_members).copied();
        let more = match members.len().saturating_sub(most_members) {
            0 => String::new(),
            n => format!(" and {} more", crate::number::count(n)),
        };
        Group {
            name: format!("Group {}", i + 1),
            size: members.len(),
            members: Sentence::default().names(told).text(more),
        }
    };
    let told = members.values().enumerate().take(most_groups).map(group).collect();
    let rest: Vec<usize> = members.values().skip(most_groups).map(Vec::len).collect();
    let more = (!rest.is_empty()).then(|| {
        let n_members = counted(rest.iter().sum(), "member");
        format!("Not told: {} with {n_members}.", counted(rest.len(), "more group"))
    });
    (told, more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use torso_core::estimator::Certificate;

    #[test]
    fn a_certificate_says_whether_the_solver_converged() {
        let mut record = fixture::linear();
        let said = |record: &TrainRecord| certificate(record).unwrap();
        assert_eq!(
            said(&record),
            "The solver converged after 41 iterations: objective 24,512.4, relative gap or residual \
             3.1e−9."
        );
        record.status = "limit reached".to_string();
        assert!(said(&record).starts_with("The solver did not converge (limit reached) after 41 "));
        let (objective, residual) = (f64::NAN, f64::INFINITY);
        record.certificate = Some(Certificate { objective, residual, iterations: 1 });
        assert!(said(&record).ends_with("1 iteration: objective –, relative gap or residual –."));
        record.certificate = None;
        assert_eq!(certificate(&record), None);
    }

    #[test]
    fn parameters_have_no_needless_digits() {
        let record = fixture::linear();
        let said = parameters(&record).unwrap().plain();
        assert_eq!(said, "Parameters, chosen or given: `lambda` = 12.34, `rho` = 0.5.");
        let texts = [400.0, 0.0, 1e-9, 0.001_23, -2.5, f64::NAN].map(parameter);
        assert_eq!(texts, ["400", "0", "1.0e−9", "0.00123", "−2.5", "–"]);
        assert_eq!(parameters(&fixture::trained()), None);
    }

    #[test]
    fn groups_are_told_in_order_and_what_is_cut_is_said() {
        let items = ["a", "b", "c", "d", "e"].map(String::from);
        let (told, more) = groups(&items, &[7, 0, 7, 7, usize::MAX], 2, 2);
        let lines: Vec<(&str, usize, String)> =
            told.iter().map(|g| (g.name.as_str(), g.size, g.members.plain())).collect();
        assert_eq!(lines[0], ("Group 1", 1, "`b`".to_string()));
        assert_eq!(lines[1], ("Group 2", 3, "`a`, `c` and 1 more".to_string()));
        assert_eq!(more.unwrap(), "Not told: 1 more group with 1 member.");
        assert_eq!(groups(&items, &[], 2, 2), (Vec::new(), None));
    }
}
