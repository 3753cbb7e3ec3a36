//! One level of extraction: shared experts and experts of each task's own, behind gates.
//!
//! # Formula
//! With `s` what the shared path reads and `h_t` what task `t` reads (both `x` in the first level):
//! `h_t' = g_t(h_t) . [own experts of t on h_t; shared experts on s]`, and where another level
//! follows `s' = g_s(s) . [own experts of all tasks; shared experts]`.
//!
//! Of tasks that are groups each row passes the own experts of its group alone, in one lane, so
//! that the shared gate sees those and the shared ones: passing all would cost a pass for each
//! group.

use torso_core::finding::Finding;
use torso_tape::Var;

use super::{Bank, Gate, OwnExperts, TaskGates, expert_use, numbered};
use crate::encoder::LayerShape;
use crate::layout::{Layout, LayoutError};
use crate::network::Forward;
use crate::sharing::View;

/// How many experts a level has.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    /// Of all tasks.
    pub(crate) shared: usize,
    /// Of each task alone.
    pub(crate) own: usize,
}

impl Counts {
    /// Checks the settings `shared` and `own`.
    pub(crate) fn check(self) -> Result<(), LayoutError> {
        super::check_count("shared", 0, self.shared)?;
        super::check_count("own", usize::from(self.shared == 0), self.own)
    }
}

/// What a level reads, and the next one after it.
pub(crate) struct Flow {
    shared: Var,
    /// One for each lane.
    pub(crate) lanes: Vec<Var>,
}

impl Flow {
    /// What the first level reads: the features.
    pub(crate) fn start(input: Var, n_lanes: usize) -> Self {
        Self { shared: input, lanes: vec![input; n_lanes] }
    }
}

/// A level.
pub(crate) struct Extraction {
    counts: Counts,
    shared: Bank,
    own: OwnExperts,
    gates: TaskGates,
    /// The gate of the shared path, where another level follows.
    shared_gate: Option<Gate>,
}

impl Extraction {
    /// Adds a level of the layers `shapes`, the first of which is number `first` in the encoder.
    pub(crate) fn declare(
        layout: &mut Layout,
        counts: Counts,
        shapes: &[LayerShape],
        first: usize,
        is_last: bool,
    ) -> Result<Self, LayoutError> {
        let n_inputs = shapes[0].n_inputs();
        let shared = Bank::declare(layout, counts.shared, shapes, first)?;
        let own = OwnExperts::declare(layout, counts.own, shapes, first)?;
        let n = counts.own + counts.shared;
        let gates = TaskGates::declare(layout, &format!("gate.{first}"), n_inputs, n)?;
        let all = counts.own * layout.context.n_lanes() + counts.shared;
        let name = format!("shared-gate.{first}");
        let shared_gate = (!is_last && counts.shared > 0)
            .then(|| Gate::declare(layout, &name, n_inputs, all))
            .transpose()?;
        Ok(Self { counts, shared, own, gates, shared_gate })
    }

    /// Records the level; gives what the next one reads, and the gates of each lane.
    pub(crate) fn record(&self, forward: &mut Forward, flow: &Flow) -> (Flow, Vec<Var>) {
        let shared = self.shared.record(forward, flow.shared);
        let (mut lanes, mut gates, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for (lane, &input) in flow.lanes.iter().enumerate() {
            let mut experts = self.own.record(forward, lane, input);
            all.extend_from_slice(&experts);
            experts.extend_from_slice(&shared);
            let gate = self.gates.record(forward, lane, input);
            lanes.push(forward.tape.gate(gate, &experts));
            gates.push(gate);
        }
        let mut next = flow.shared;
        if let Some(gate) = &self.shared_gate {
            all.extend_from_slice(&shared);
            let gate = gate.record(forward, flow.shared);
            next = forward.tape.gate(gate, &all);
        }
        (Flow { shared: next, lanes }, gates)
    }
}

/// Levels one above the other: what the last one gives to the lanes.
pub(crate) fn record_all(levels: &[Extraction], forward: &mut Forward, n_lanes: usize) -> Vec<Var> {
    let start = Flow::start(forward.input, n_lanes);
    levels.iter().fold(start, |flow, level| level.record(forward, &flow).0).lanes
}

/// How much each task uses each expert, level by level.
pub(crate) fn findings(
    levels: &[Extraction],
    view: &View,
    forward: &mut Forward,
    n_lanes: usize,
) -> Vec<Finding> {
    let mut flow = Flow::start(forward.input, n_lanes);
    let mut findings = Vec::new();
    for (at, level) in levels.iter().enumerate() {
        let (next, gates) = level.record(forward, &flow);
        flow = next;
        let name = match levels.len() {
            1 => "mean gate of each expert".to_string(),
            _ => format!("mean gate of each expert, level {}", at + 1),
        };
        let Counts { own, shared } = level.counts;
        let experts = numbered("own", own).chain(numbered("shared", shared)).collect();
        findings.push(expert_use(view, forward, name, experts, &gates));
    }
    findings
}
