//! The section on ranks: the critical-difference diagram and its words.

use serde::Serialize;
use torso_core::record::RunRecord;

use super::pictures::MOST_LETTERS;
use crate::chart::ranks::diagram;
use crate::number::three;
use crate::reading::shortened;
use crate::words::{self, Sentence};

#[derive(Serialize)]
pub(super) struct Ranks {
    picture: String,
    said: Vec<Sentence>,
}

pub(super) fn ranks(record: &RunRecord) -> Option<Ranks> {
    let ranks = record.ranks.as_ref()?;
    let arm =
        |(arm, rank): &(String, f64)| format!("{} {}", shortened(arm, MOST_LETTERS), three(*rank));
    let arms: Vec<String> = ranks.arms.iter().map(arm).collect();
    let title = format!(
        "Mean ranks, the best first: {}; critical difference {}",
        arms.join(", "),
        three(ranks.critical_difference)
    );
    Some(Ranks { picture: diagram(ranks, &title), said: words::ranks(ranks) })
}
