//! Sharing architectures: what the tasks' networks have in common.

use serde_json::Value;
use torso_core::finding::Finding;
use torso_core::method::Method;
use torso_core::snapshot::{Snapshot, SnapshotError};
use torso_tape::{Params, Var};

use crate::heads::Heads;
use crate::layout::{Context, Layout, LayoutError};
use crate::network::{Cuts, Forward};

pub mod cgc;
pub mod cross_stitch;
pub mod dselect_k;
mod experts;
mod factor;
pub mod factor_laf;
pub mod factor_tt;
pub mod factor_tucker;
pub mod fully_adaptive;
pub mod hard;
mod lanes;
pub mod low_supervision;
pub mod mmoe;
pub mod mtan;
pub mod ple;
pub mod relationship;
pub mod sluice;
pub mod soft_l2;
pub mod soft_trace;
mod task_linear;
mod weight_tensor;

#[cfg(test)]
pub(crate) mod contract;

/// A sharing architecture: its description, and how to lay it out.
pub struct SharingMethod {
    /// The description.
    pub method: Method,
    /// Whether all tasks read one trunk, in front of whose heads a walk back can be cut.
    pub(crate) has_trunk: bool,
    /// Numeric settings that tuning trials multiply, each by at most so much or its inverse.
    pub(crate) tuned: &'static [(&'static str, f64)],
    /// Checks its own settings, and that it fits the tasks.
    pub(crate) check: fn(&Context) -> Result<(), LayoutError>,
    /// Adds its parameters.
    pub(crate) declare: fn(&mut Layout) -> Result<Box<dyn Sharing>, LayoutError>,
}

/// What the heads read.
pub(crate) enum Reading {
    /// One representation, where a walk back can be cut.
    Trunk(Cuts),
    /// One value `[B, width]`: of all tasks that are groups, whose rows each have their own
    /// group's.
    Common(Var),
    /// A value for each task that is a column.
    Each(Vec<Var>),
}

impl Reading {
    /// The lanes of a pass: of columns one for each task, of groups one for all.
    pub(crate) fn of_lanes(grouped: bool, lanes: Vec<Var>) -> Self {
        if grouped { Self::Common(lanes[0]) } else { Self::Each(lanes) }
    }
}

/// The widths of what the heads read.
pub(crate) enum Widths {
    /// One value for all tasks.
    Common(usize),
    /// A value for each task that is a column.
    Each(Vec<usize>),
}

impl Widths {
    /// The widths of [`Reading::of_lanes`].
    pub(crate) fn of_lanes(grouped: bool, width: usize, n_lanes: usize) -> Self {
        if grouped { Self::Common(width) } else { Self::Each(vec![width; n_lanes]) }
    }
}

/// How a training stands at the end of an epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Epochs of the present stage.
    pub(crate) stage_epochs: usize,
    /// Epochs since the best one of the stage.
    pub(crate) stalled: usize,
    /// Epochs that may still follow.
    pub(crate) epochs_left: usize,
}

impl Moment {
    /// Whether a stage that prepares another one is over: nothing was gained for `patience` epochs,
    /// or as many epochs are left as it has had.
    pub(crate) fn ends_stage(self, patience: usize) -> bool {
        self.stalled >= patience || self.stage_epochs >= self.epochs_left
    }
}

/// The next stage of a training: the network is laid out anew.
pub(crate) struct Stage {
    /// What the architecture is from now on.
    pub(crate) plan: Value,
    /// Values of ranges by name, `[rows, columns]` row-major. Every other range keeps its values,
    /// if one of its name and shape was there.
    pub(crate) values: Vec<(String, Vec<f32>)>,
}

/// The network as it is, for an architecture to look at.
pub(crate) struct View<'a> {
    pub(crate) params: &'a Params<f32>,
    pub(crate) heads: &'a Heads,
    pub(crate) context: Context<'a>,
    /// The mean number of training labels of a task: what turns a sum over labels into their mean.
    pub(crate) n_labels: f64,
}

/// An architecture laid out over a network's parameters.
pub(crate) trait Sharing: Send + Sync {
    /// What the heads read.
    fn widths(&self) -> Widths;

    /// Records the pass of `forward.input [B, n_inputs]` up to what the heads read.
    fn record(&self, forward: &mut Forward) -> Reading;

    /// The value of its penalty, if it has one; adds the gradient to `gradient [P]`. A penalty is
    /// no task: it is not balanced.
    fn penalize(&self, _view: &View, _gradient: &mut [f32]) -> f64 {
        0.0
    }

    /// Moves parameters after a step of the optimizer at the learning rate `lr`: the proximal operator
    /// of a penalty without a gradient. `n_labels` is that of [`View`].
    fn after_step(&self, _params: &mut Params<f32>, _n_labels: f64, _lr: f64) {}

    /// Multiply-adds of the products in [`Self::penalize`] and [`Self::after_step`].
    fn penalty_cost(&self, _view: &View) -> u64 {
        0
    }

    /// Changes what it keeps besides parameters, and parameters that no gradient moves, after an
    /// epoch.
    fn epoch_done(&mut self, _params: &mut Params<f32>, _heads: &Heads) {}

    /// Whether [`Self::next_stage`] wants the losses of single rows now.
    fn wants_row_losses(&self, _moment: Moment) -> bool {
        false
    }

    /// The stage that follows, if one does now. `row_losses [tasks][rows]` are those of training
    /// rows, `NaN` without a label; empty if they are not wanted.
    fn next_stage(
        &mut self,
        _view: &View,
        _moment: Moment,
        _row_losses: &[Vec<f32>],
    ) -> Option<Stage> {
        None
    }

    /// What was learned about sharing. `forward` records passes of validation rows.
    fn findings(&self, _view: &View, _forward: &mut Forward) -> Vec<Finding> {
        Vec::new()
    }

    /// What it keeps besides parameters and plan, so that a training goes on to the same bits.
    fn snapshot(&self) -> Snapshot {
        Snapshot::default()
    }

    /// Takes up what was kept.
    fn resume(&mut self, _kept: &Snapshot) -> Result<(), SnapshotError> {
        Ok(())
    }
}

/// Every sharing architecture, by id.
pub fn methods() -> &'static [&'static SharingMethod] {
    static METHODS: &[&SharingMethod] = &[
        &cgc::METHOD,
        &cross_stitch::METHOD,
        &dselect_k::METHOD,
        &factor_laf::METHOD,
        &factor_tt::METHOD,
        &factor_tucker::METHOD,
        &fully_adaptive::METHOD,
        &hard::METHOD,
        &low_supervision::METHOD,
        &mmoe::METHOD,
        &mtan::METHOD,
        &ple::METHOD,
        &relationship::METHOD,
        &sluice::METHOD,
        &soft_l2::METHOD,
        &soft_trace::METHOD,
    ];
    METHODS
}

/// The architecture called `id`.
pub fn find(id: &str) -> Option<&'static SharingMethod> {
    methods().iter().copied().find(|entry| entry.method.id == id)
}
