//! Lanes: a network for each task, side by side, between whose layers an architecture mixes.
//!
//! A task that is a column reads the top of its own lane. Of tasks that are groups of rows every
//! lane is recorded on all rows, since lanes read one another, and each row reads the top of its
//! own group's lane.

use torso_tape::{Init, ParamId, Var};

use super::{Reading, Widths};
use crate::layout::{Context, Layout, LayoutError};
use crate::network::Forward;

/// What the tops of lanes are to the heads.
pub(super) struct Lanes {
    n_tasks: usize,
    /// Numbers in the top of a lane.
    width: usize,
    /// The gates of each group, `[groups, groups]`: 1 for its own lane; empty where the tasks are
    /// columns.
    own: Vec<f32>,
}

impl Lanes {
    pub(super) fn new(context: &Context, width: usize) -> Self {
        let n_tasks = context.n_tasks();
        let mut own = Vec::new();
        if context.outputs.grouped {
            own.resize(n_tasks * n_tasks, 0.0);
            own.iter_mut().step_by(n_tasks + 1).for_each(|gate| *gate = 1.0);
        }
        Self { n_tasks, width, own }
    }

    pub(super) fn widths(&self) -> Widths {
        Widths::of_lanes(!self.own.is_empty(), self.width, self.n_tasks)
    }

    /// What the heads read of the lanes' tops.
    pub(super) fn reading(&self, forward: &mut Forward, tops: Vec<Var>) -> Reading {
        if self.own.is_empty() {
            return Reading::Each(tops);
        }
        let gates = forward.tape.input_rows(&self.own, self.n_tasks, forward.groups);
        Reading::Common(forward.tape.gate(gates, &tops))
    }
}

/// How the coefficients of a mixture start and learn.
#[derive(Clone, Copy)]
pub(super) struct Start {
    /// The source that starts as the main one.
    pub(super) main: usize,
    /// Its coefficient; the others have the rest to 1, in equal parts.
    pub(super) weight: f64,
    /// Factor on the learning rate.
    pub(super) rate: f64,
}

/// Adds the coefficients of one mixture, `[sources, columns]`; they do not decay. A source without
/// others has all the weight.
#[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
pub(super) fn mixture(
    layout: &mut Layout,
    name: &str,
    [n_sources, columns]: [usize; 2],
    start: Start,
) -> Result<ParamId, LayoutError> {
    let id = layout.add(name, [n_sources, columns], Init::Zeros)?;
    let main = if n_sources == 1 { 1.0 } else { start.weight };
    let other = (1.0 - main) / (n_sources.max(2) - 1) as f64;
    let rows = layout.params.get_mut(id).chunks_exact_mut(columns);
    for (source, row) in rows.enumerate() {
        row.fill(if source == start.main { main } else { other } as f32);
    }
    let range = layout.params.range_mut(id);
    (range.decays, range.lr_factor) = (false, start.rate);
    Ok(id)
}

#[cfg(test)]
pub(crate) mod tests;
