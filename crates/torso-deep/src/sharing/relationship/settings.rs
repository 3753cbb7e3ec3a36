//! The settings of relationship networks.

use serde::Deserialize;
use torso_core::data::TaskKind;

use crate::layout::{Context, LayoutError};
use crate::sharing::weight_tensor::{INPUT, OUTPUT, TASK};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    pub(super) strength: f64,
    pub(super) own_layers: usize,
    pub(super) ridge: f64,
    pub(super) covariances: Covariances,
}

/// Which covariances are learned; the others stay identities.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Covariances {
    /// Of inputs, of outputs and of tasks.
    All,
    /// Of tasks alone.
    Tasks,
}

impl Covariances {
    /// The axes, in the order in which they are renewed.
    pub(super) fn axes(self) -> &'static [usize] {
        match self {
            Self::All => &[TASK, INPUT, OUTPUT],
            Self::Tasks => &[TASK],
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { strength: 4.0, own_layers: 1, ridge: 0.5, covariances: Covariances::Tasks }
    }
}

impl Settings {
    pub(super) fn new(context: &Context) -> Result<Self, LayoutError> {
        let settings: Self = context.own()?;
        let Self { strength, own_layers, ridge, .. } = settings;
        if !(strength >= 0.0 && strength.is_finite()) {
            return Err(LayoutError::out_of_range("strength", "at least 0", strength));
        }
        if !(ridge >= 1e-6 && ridge.is_finite()) {
            return Err(LayoutError::out_of_range("ridge", "at least 0.000001", ridge));
        }
        let n_hidden = context.settings.hidden.len();
        if own_layers > n_hidden {
            let allowed = format!("at most {n_hidden}, the number of hidden layers");
            return Err(LayoutError::out_of_range("own-layers", &allowed, own_layers));
        }
        if own_layers == 0 && head_width(context).is_none() {
            let why = "needs own-layers of at least 1 where the tasks' heads differ in shape";
            return Err(LayoutError::Unsuitable { why: why.to_string() });
        }
        Ok(settings)
    }
}

/// The numbers that every head puts out, if all put out as many.
pub(super) fn head_width(context: &Context) -> Option<usize> {
    let mut widths = context.outputs.kinds.iter().map(TaskKind::width);
    let first = widths.next()?;
    widths.all(|width| width == first).then_some(first)
}
