//! The verdict in words: what was asked, what came out, what to do.

mod advice;
mod learned;
mod ranks;
mod trained;

use serde::Serialize;
use torso_core::record::{ArmResult, Comparison, RunRecord, Verdict};

use crate::number::{counted, p_sentence};
pub(crate) use learned::{Group, certificate, groups, parameter, parameters};
pub(crate) use ranks::{ranks, why_no_ranks};
pub(crate) use trained::{TrainedWords, trained};

use crate::reading::{counts, explained_variance, others, overall_gain, shortened, with_word};

/// A part of a sentence; a name is set apart from the words around it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Span {
    pub text: String,
    pub is_name: bool,
}

/// A piece of text with names from the data in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Sentence(pub Vec<Span>);

impl Sentence {
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span { text: text.into(), is_name: false });
        self
    }

    pub(crate) fn name(mut self, name: &str) -> Self {
        const MOST_LETTERS: usize = 48;
        self.0.push(Span { text: shortened(name, MOST_LETTERS), is_name: true });
        self
    }

    /// `a, b and c`; the count alone where there are many.
    fn tasks(self, names: &[&str]) -> Self {
        const MOST_NAMED: usize = 4;
        if names.len() > MOST_NAMED {
            return self.text(counted(names.len(), "task"));
        }
        names.iter().enumerate().fold(self, |sentence, (i, name)| {
            let before = match names.len() - i {
                _ if i == 0 => "",
                1 => " and ",
                _ => ", ",
            };
            sentence.text(before).name(name)
        })
    }

    /// The names with commas between them, however many.
    pub(crate) fn names<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().enumerate().fold(self, |sentence, (i, name)| {
            if i == 0 { sentence.name(name) } else { sentence.text(", ").name(name) }
        })
    }

    /// The sentence with names in backticks.
    pub(crate) fn plain(&self) -> String {
        self.with_names(|name| format!("`{name}`"), str::to_string)
    }

    /// The sentence with its names, and the text between them, as these write them.
    pub(crate) fn with_names(
        &self,
        name: impl Fn(&str) -> String,
        text: impl Fn(&str) -> String,
    ) -> String {
        let span = |span: &Span| if span.is_name { name(&span.text) } else { text(&span.text) };
        self.0.iter().map(span).collect()
    }
}

/// What a report says first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Words {
    /// What was asked.
    pub title: String,
    /// The answer in a few words.
    pub answer: String,
    /// What to do.
    pub advice: Sentence,
    /// A sentence for each arm but the baseline.
    pub arms: Vec<ArmWords>,
}

/// What is said of one arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ArmWords {
    pub name: String,
    /// Task by task.
    pub tasks: Sentence,
    /// All tasks together.
    pub overall: String,
}

/// The words for a run.
pub(crate) fn words(record: &RunRecord) -> Words {
    let comparison = &record.comparison;
    let (answer, advice) = advice::answer(comparison);
    let arm = |arm: &ArmResult| ArmWords {
        name: arm.name.clone(),
        tasks: of_tasks(arm),
        overall: of_overall(comparison, arm),
    };
    let arms = others(comparison).iter().map(arm).collect();
    Words { title: title(comparison), answer, advice, arms }
}

fn title(comparison: &Comparison) -> String {
    match comparison.tasks.len() {
        1 => "Did learning the task in another way help?".to_string(),
        n => format!("Did learning {} together help?", counted(n, "task")),
    }
}

/// `helps a and b, harms c; no difference shown for d.`
fn of_tasks(arm: &ArmResult) -> Sentence {
    const MOST_NAMED: usize = 12;
    let sentence = Sentence::default();
    if arm.tasks.iter().all(|result| result.verdict == Verdict::TooFewRepeats) {
        return sentence.text("too few repeats for a word.");
    }
    if arm.tasks.len() > MOST_NAMED {
        return sentence.text(format!("{}.", counts(arm)));
    }
    let said = [
        (Verdict::Helps, "helps "),
        (Verdict::Harms, "harms "),
        (Verdict::NoDifference, "no difference shown for "),
        (Verdict::TooFewRepeats, "too few repeats for "),
    ];
    let said = said.map(|(word, text)| (text, with_word(arm, word)));
    let mut parts = said.iter().filter(|(_, tasks)| !tasks.is_empty()).peekable();
    let mut sentence = sentence;
    while let Some((text, tasks)) = parts.next() {
        let after = if parts.peek().is_some() { "; " } else { "." };
        sentence = sentence.text(*text).tasks(tasks).text(after);
    }
    sentence
}

/// `Overall: helps, gain in loss +0.03 (0.01 to 0.05), p < 0.001.`, and the explained variance.
fn of_overall(comparison: &Comparison, arm: &ArmResult) -> String {
    let word = arm.overall.verdict.word();
    let gain = overall_gain(comparison, arm);
    let said = format!("Overall: {word}, gain in loss {gain}, {}.", p_sentence(arm.overall.p));
    let alone = comparison.arms.first().and_then(explained_variance);
    match (explained_variance(arm), alone) {
        (Some(own), Some(alone)) => {
            format!("{said} Explains {own} of the variance; alone, {alone}.")
        }
        _ => said,
    }
}

#[cfg(test)]
mod tests;
