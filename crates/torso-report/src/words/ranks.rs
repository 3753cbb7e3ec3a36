//! What the arms' ranks over tasks say, in words.

use torso_core::record::{Ranks, RunRecord};

use super::Sentence;
use crate::number::{counted, p_sentence, three};

/// A sentence for the test, one for the groups, and one for what the ranks are not.
pub(crate) fn ranks(ranks: &Ranks) -> Vec<Sentence> {
    let friedman = &ranks.friedman;
    let test = format!(
        "Mean ranks over {}; 1 is best. Friedman’s test of whether all arms rank the same: \
         chi-squared {}, {} of freedom, {}.",
        counted(ranks.tasks, "task"),
        three(friedman.statistic),
        counted(friedman.df, "degree"),
        p_sentence(friedman.p),
    );
    let limit = "The tasks of one table share rows and are not independent data sets: the ranks \
                 describe, and the verdict is the test.";
    vec![Sentence::default().text(test), groups(ranks), Sentence::default().text(limit)]
}

fn groups(ranks: &Ranks) -> Sentence {
    let difference = three(ranks.critical_difference);
    let is_whole = |group: &Vec<String>| group.len() == ranks.arms.len();
    let sentence = Sentence::default();
    if ranks.groups.iter().any(is_whole) {
        let said = "No two arms are told apart; the critical difference (Nemenyi, 5%) is";
        return sentence.text(format!("{said} {difference}."));
    }
    let sentence = sentence.text(format!(
        "Two arms are told apart where their mean ranks differ by {difference} or more (Nemenyi’s \
         critical difference at 5%). Not told apart: "
    ));
    if ranks.groups.is_empty() {
        return sentence.text("none.");
    }
    let with = |sentence: Sentence, (i, group): (usize, &Vec<String>)| {
        let sentence = if i == 0 { sentence } else { sentence.text("; ") };
        sentence.names(group.iter().map(String::as_str))
    };
    ranks.groups.iter().enumerate().fold(sentence, with).text(".")
}

/// Why there are no ranks, in a short line; none where there are.
pub(crate) fn why_no_ranks(record: &RunRecord) -> Option<&'static str> {
    record.ranks.is_none().then_some("Ranks are tested from 5 tasks and 3 arms on.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn groups_are_named_and_one_whole_group_is_said_shortly() {
        let mut record = fixture::regressions(8, 5);
        let own = record.ranks.as_mut().unwrap();
        let said = ranks(own).iter().map(Sentence::plain).collect::<Vec<_>>().join(" ");
        assert!(said.contains("Mean ranks over 8 tasks"), "{said}");
        assert!(said.contains("4 degrees of freedom, p\u{a0}=\u{a0}0.021"), "{said}");
        let groups = "Not told apart: `hard+method-1`, `hard+method-3`; `hard+method-3`, `apart`; ";
        assert!(said.contains(groups), "{said}");
        own.groups.clear();
        assert!(ranks(own)[1].plain().ends_with("Not told apart: none."));
        own.groups = vec![own.arms.iter().map(|(arm, _)| arm.clone()).collect()];
        assert!(ranks(own)[1].plain().starts_with("No two arms are told apart"));
        assert!(why_no_ranks(&record).is_none());
        assert!(why_no_ranks(&fixture::penguins()).is_some());
    }
}
