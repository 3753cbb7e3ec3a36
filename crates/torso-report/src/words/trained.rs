//! What is said of one trained model: whether it predicts better than a constant would.

use torso_core::record::TrainRecord;

use super::Sentence;
use crate::number::{count, counted};
use crate::trained::Beside;

/// What the report of a training says first.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct TrainedWords {
    /// The answer in a few words.
    pub answer: String,
    /// Which tasks, and which not.
    pub tasks: Sentence,
    /// How the learning ended.
    pub learning: String,
}

/// The words for a training.
pub(crate) fn trained(record: &TrainRecord) -> TrainedWords {
    let with = |beside: Beside| -> Vec<&str> {
        let tasks = record.tasks.iter().filter(|task| Beside::of(task) == beside);
        tasks.map(|task| task.task.name.as_str()).collect()
    };
    let n = record.tasks.len();
    let better = with(Beside::Better);
    let untested = with(Beside::Untested);
    let answer = match better.len() {
        _ if untested.len() == n => "Not tested.".to_string(),
        0 if n == 1 => "Not shown to be better than a constant guess.".to_string(),
        0 => "No task is shown to be predicted better than by a constant guess.".to_string(),
        1 if n == 1 => "Better than a constant guess.".to_string(),
        all if all == n => format!("Better than a constant guess for all {n} tasks."),
        some => format!("Better than a constant guess for {some} of {n} tasks."),
    };
    let said = [
        ("Better than the best constant: ", better),
        ("Worse: ", with(Beside::Worse)),
        ("No difference shown: ", with(Beside::Unclear)),
        ("Not tested: ", untested),
    ];
    let said = said.iter().filter(|(_, tasks)| !tasks.is_empty()).enumerate();
    let tasks = said.fold(Sentence::default(), |sentence, (i, (text, tasks))| {
        let sentence = if i == 0 { sentence } else { sentence.text(" ") };
        sentence.text(*text).tasks(tasks).text(".")
    });
    TrainedWords { answer, tasks, learning: learning(record) }
}

/// `Stopped early after 74 epochs; the weights of epoch 38 are kept. 1,234 numbers were learned.`
/// A training without epochs says no more of its end than its status.
fn learning(record: &TrainRecord) -> String {
    let mut letters = record.status.chars();
    let status: String =
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let learned = format!("{} were learned.", counted(record.parameters, "number"));
    match record.epochs {
        0 if status.is_empty() => learned,
        0 => format!("{status}. {learned}"),
        epochs => format!(
            "{status} after {}; the weights of epoch {} are kept. {learned}",
            counted(epochs, "epoch"),
            count(record.best_epoch),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_answer_counts_the_tasks() {
        let mut record = fixture::trained();
        let words = trained(&record);
        assert_eq!(words.answer, "Better than a constant guess for 2 of 3 tasks.");
        assert_eq!(
            words.tasks.plain(),
            "Better than the best constant: `species` and `body_mass_g`. No difference shown: `sex`."
        );
        assert_eq!(
            words.learning,
            "Stopped early after 74 epochs; the weights of epoch 38 are kept. 4,611 numbers were \
             learned."
        );
        assert_eq!(trained(&fixture::linear()).learning, "Converged. 84 numbers were learned.");
        record.tasks.iter_mut().for_each(|task| task.score = None);
        assert_eq!(trained(&record).answer, "Not tested.");
        record.tasks.clear();
        assert_eq!(trained(&record).tasks, Sentence::default());
    }
}
