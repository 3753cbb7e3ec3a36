//! The settings of the tensor factorizations, and the ranks that a stage led to.

use serde::{Deserialize, Serialize};
use torso_core::method::Parameter;

use super::decompose::Form;
use crate::encoder::LayerShape;
use crate::layout::{Context, LayoutError};

/// The settings of all forms.
pub(in crate::sharing) const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "eps",
        default: "0.1",
        range: "above 0 and below 1",
        about: "share of the norm that each SVD may leave out; it sets the ranks (the paper's)",
    },
    Parameter {
        name: "init",
        default: "single-task",
        range: "single-task, random",
        about: "start from decomposed single-task networks (the paper's), or from draws",
    },
    Parameter {
        name: "ranks",
        default: "none",
        range: "a rank of at least 1 for each factored mode",
        about: "ranks in place of those that `eps` gives; `init` random needs them",
    },
    Parameter {
        name: "pretrain",
        default: "10",
        range: "at least 1",
        about: "epochs without gain that end the single-task stage (ours)",
    },
];

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    pub(super) eps: f64,
    pub(super) init: Start,
    pub(super) ranks: Option<Vec<usize>>,
    pub(super) pretrain: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Start {
    SingleTask,
    Random,
}

impl Default for Settings {
    fn default() -> Self {
        Self { eps: 0.1, init: Start::SingleTask, ranks: None, pretrain: 10 }
    }
}

impl Settings {
    pub(super) fn new(context: &Context, form: Form) -> Result<Self, LayoutError> {
        let settings: Self = context.own()?;
        let Self { eps, init, ranks, pretrain } = &settings;
        if !(*eps > 0.0 && *eps < 1.0) {
            return Err(LayoutError::out_of_range("eps", "above 0 and below 1", eps));
        }
        if *pretrain == 0 {
            return Err(LayoutError::out_of_range("pretrain", "at least 1", pretrain));
        }
        let n_modes = form.modes().len();
        match ranks {
            Some(ranks) if ranks.len() != n_modes || ranks.contains(&0) => {
                let allowed = format!("as {n_modes} ranks ({})", form.modes().join(", "));
                Err(LayoutError::out_of_range("ranks", &allowed, format!("{ranks:?}")))
            }
            None if *init == Start::Random => Err(LayoutError::Settings {
                message: "expected `ranks` beside `init` random, which has no weights to tell them"
                    .to_string(),
            }),
            _ => Ok(settings),
        }
    }
}

/// Checks the settings of a form.
pub(in crate::sharing) fn check(context: &Context, form: Form) -> Result<(), LayoutError> {
    Settings::new(context, form).map(|_| ())
}

/// The ranks that a stage of single-task networks led to.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    /// For each dense layer those of the form's modes.
    pub(super) ranks: Vec<Vec<usize>>,
}

impl Plan {
    pub(super) fn check(
        &self,
        form: Form,
        shapes: &[LayerShape],
        n_tasks: usize,
    ) -> Result<(), LayoutError> {
        let fits = |(ranks, shape): (&Vec<usize>, &LayerShape)| {
            let limits = limits(form, *shape, n_tasks);
            ranks.len() == limits.len()
                && ranks.iter().zip(limits).all(|(rank, limit)| (1..=limit).contains(rank))
        };
        if self.ranks.len() == shapes.len() && self.ranks.iter().zip(shapes).all(fits) {
            return Ok(());
        }
        Err(LayoutError::Plan { message: format!("no such ranks: {:?}", self.ranks) })
    }
}

/// The highest rank of each mode.
pub(super) fn limits(form: Form, shape: LayerShape, n_tasks: usize) -> Vec<usize> {
    let [n_inputs, n_outputs] = shape.weight();
    let limit = |mode: &&str| match *mode {
        "inputs" => n_inputs,
        "outputs" => n_outputs,
        _ => n_tasks,
    };
    form.modes().iter().map(limit).collect()
}
