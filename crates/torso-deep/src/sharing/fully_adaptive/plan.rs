//! The settings of fully-adaptive sharing, and how far the network has grown.

use serde::{Deserialize, Serialize};

use super::tree::Tree;
use crate::encoder::LayerShape;
use crate::layout::{Context, LayoutError};

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    pub(super) thin: f64,
    pub(super) init: Start,
    pub(super) alpha: f64,
    pub(super) pretrain: usize,
    pub(super) tree: Option<Tree>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Start {
    Somp,
    Random,
}

impl Default for Settings {
    fn default() -> Self {
        Self { thin: 0.5, init: Start::Somp, alpha: 12.0, pretrain: 10, tree: None }
    }
}

impl Settings {
    pub(super) fn new(context: &Context) -> Result<Self, LayoutError> {
        let settings: Self = context.own()?;
        let Self { thin, alpha, pretrain, .. } = settings;
        if !(thin > 0.0 && thin <= 1.0) {
            return Err(LayoutError::out_of_range("thin", "above 0 up to 1", thin));
        }
        if !(alpha >= 0.0 && alpha.is_finite()) {
            return Err(LayoutError::out_of_range("alpha", "at least 0", alpha));
        }
        if pretrain == 0 {
            return Err(LayoutError::out_of_range("pretrain", "at least 1", pretrain));
        }
        Ok(settings)
    }

    /// What the first stage is made of.
    pub(super) fn start(&self, n_layers: usize, n_tasks: usize) -> Result<Plan, LayoutError> {
        let tree = match &self.tree {
            None => Tree::shared(n_layers, n_tasks),
            Some(tree) => {
                let message = |fault| format!("expected `tree` as one, found {fault}");
                let fault = tree.fault(n_layers, n_tasks).map(message);
                fault.map_or(Ok(tree.clone()), |message| Err(LayoutError::Settings { message }))?
            }
        };
        let is_complete = self.tree.is_some();
        let is_thin = self.init == Start::Random || self.thin >= 1.0 || is_complete;
        let active = if is_complete { None } else { n_layers.checked_sub(1) };
        Ok(Plan { is_thin, tree, active, affinity: Vec::new() })
    }

    /// The shapes of the thin network.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of units")]
    pub(super) fn thinned(&self, shapes: &[LayerShape]) -> Vec<LayerShape> {
        let mut below = shapes.first().map_or(0, |shape| shape.n_inputs());
        let thin = |shape: &LayerShape| {
            let width = ((shape.n_outputs() as f64 * self.thin).ceil() as usize).max(1);
            let shape = LayerShape::Dense { fan_in: below, width };
            below = width;
            shape
        };
        shapes.iter().map(thin).collect()
    }
}

/// How far the network has grown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    /// Whether units were left out already.
    pub(super) is_thin: bool,
    pub(super) tree: Tree,
    /// The layer that is split next; none once the tree is complete.
    pub(super) active: Option<usize>,
    /// The affinities of the tasks at the first split, row-major, to three digits; for the record.
    pub(super) affinity: Vec<f64>,
}

impl Plan {
    pub(super) fn check(&self, n_layers: usize, n_tasks: usize) -> Result<(), LayoutError> {
        let wrong = |message: String| Err(LayoutError::Plan { message });
        if let Some(fault) = self.tree.fault(n_layers, n_tasks) {
            return wrong(fault);
        }
        if self.active.is_some_and(|active| active >= n_layers) {
            return wrong(format!("no layer {:?}", self.active));
        }
        if ![0, n_tasks * n_tasks].contains(&self.affinity.len()) {
            return wrong(format!("{} affinities", self.affinity.len()));
        }
        Ok(())
    }
}
