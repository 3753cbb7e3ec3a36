//! Laying a network out: what an architecture is made for, and the parameters that it adds.

use std::ops::Range;

use serde_json::{Map, Value};
use torso_tape::{Activation, Init, ParamId, Params, Var};

use crate::encoder::{Encoder, Layer, LayerShape};
use crate::network::Forward;
use crate::settings::NetworkSettings;
use crate::supervision::Outputs;

/// What an architecture is made for, before any data is seen.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The tasks.
    pub(crate) outputs: &'a Outputs,
    /// Settings of all networks.
    pub(crate) settings: &'a NetworkSettings,
    /// The architecture's own settings.
    pub(crate) own: &'a Map<String, Value>,
}

impl Context<'_> {
    /// The architecture's own settings in their form.
    pub(crate) fn own<S: serde::de::DeserializeOwned>(&self) -> Result<S, LayoutError> {
        serde_json::from_value(Value::Object(self.own.clone()))
            .map_err(|error| LayoutError::Settings { message: error.to_string() })
    }

    /// The number of tasks.
    pub(crate) fn n_tasks(&self) -> usize {
        self.outputs.names.len()
    }

    /// The values that hold the tasks' layers side by side in a pass: one for each task that is a
    /// column; one for all groups, whose rows each go through their own group's layer.
    pub(crate) fn n_lanes(&self) -> usize {
        if self.outputs.grouped { 1 } else { self.n_tasks() }
    }
}

/// A network being laid out.
pub(crate) struct Layout<'a> {
    pub(crate) params: &'a mut Params<f32>,
    pub(crate) context: Context<'a>,
    /// The shapes of the encoder's layers.
    pub(crate) encoder: Encoder,
    /// What an earlier stage of the training found the architecture to be; null in the first.
    pub(crate) plan: &'a Value,
    /// Parameters that may still be added: a model file is not laid out larger than it is.
    pub(crate) room: usize,
}

impl Layout<'_> {
    /// Adds a range.
    pub(crate) fn add(
        &mut self,
        name: &str,
        shape: [usize; 2],
        init: Init,
    ) -> Result<ParamId, LayoutError> {
        let n = shape[0].checked_mul(shape[1]).filter(|n| *n <= self.room);
        self.room -= n.ok_or(LayoutError::TooLarge)?;
        if self.params.find(name).is_some() {
            return Err(LayoutError::Twice { name: name.to_string() });
        }
        Ok(self.params.add(name, shape, init))
    }

    /// Adds the range `{name}.{part}`, which starts as one called `{draws}.{part}` would.
    pub(crate) fn add_as(
        &mut self,
        name: &str,
        draws: &str,
        part: &str,
        shape: [usize; 2],
        init: Init,
    ) -> Result<ParamId, LayoutError> {
        if name == draws {
            return self.add(&format!("{name}.{part}"), shape, init);
        }
        let id = self.add(&format!("{name}.{part}"), shape, Init::Zeros)?;
        let values = self.params.draws(&format!("{draws}.{part}"), shape[0] * shape[1], init);
        self.params.get_mut(id).copy_from_slice(&values);
        Ok(id)
    }

    /// The plan in its form.
    pub(crate) fn plan<P: serde::de::DeserializeOwned>(&self) -> Result<P, LayoutError> {
        serde_json::from_value(self.plan.clone())
            .map_err(|error| LayoutError::Plan { message: error.to_string() })
    }
}

/// A layer that every task has for itself.
#[derive(Debug, Clone)]
pub(crate) enum TaskLayer {
    /// Tasks that are columns: a layer each.
    Columns(Vec<Layer>),
    /// Tasks that are groups of rows: one range for all, group below group.
    Groups {
        /// `[groups * fan_in, width]`.
        weight: ParamId,
        /// `[groups, width]`.
        bias: ParamId,
        /// The shape of one group's layer; a dense one.
        shape: LayerShape,
    },
}

impl TaskLayer {
    /// Adds a layer for each task, called `{name}.{task}` or, for groups, `{name}`; all start as a
    /// layer called `draws`, so as the network of a task alone does.
    pub(crate) fn declare(
        layout: &mut Layout,
        name: &str,
        draws: &str,
        shape: LayerShape,
    ) -> Result<Self, LayoutError> {
        let outputs = layout.context.outputs;
        if !outputs.grouped {
            let layer =
                |task: &String| Layer::declare(layout, &format!("{name}.{task}"), draws, shape);
            return Ok(Self::Columns(outputs.names.iter().map(layer).collect::<Result<_, _>>()?));
        }
        let LayerShape::Dense { fan_in, width } = shape else {
            let why = "needs tasks as columns for convolutions of their own".to_string();
            return Err(LayoutError::Unsuitable { why });
        };
        let n_groups = outputs.names.len();
        let weight =
            layout.add(&format!("{name}.weight"), [n_groups * fan_in, width], Init::Zeros)?;
        let bias = layout.add(&format!("{name}.bias"), [n_groups, width], Init::Zeros)?;
        for (id, part, n) in [(weight, "weight", fan_in * width), (bias, "bias", width)] {
            let values = layout.params.draws(&format!("{draws}.{part}"), n, shape.init());
            let groups = layout.params.get_mut(id).chunks_exact_mut(n);
            groups.for_each(|own| own.copy_from_slice(&values));
        }
        layout.params.range_mut(bias).decays = false;
        Ok(Self::Groups { weight, bias, shape })
    }

    /// Records the layer of a lane on `input`, with its activation.
    pub(crate) fn record(&self, forward: &mut Forward, lane: usize, input: Var) -> Var {
        match self {
            Self::Columns(layers) => layers[lane].record(forward, input),
            Self::Groups { weight, bias, .. } => {
                let (params, groups) = (forward.params, forward.groups);
                let h = forward.tape.grouped_linear(params, input, *weight, *bias, groups);
                forward.tape.activate(h, Activation::Relu)
            }
        }
    }

    /// The shape of one task's layer.
    pub(crate) fn shape(&self) -> LayerShape {
        match self {
            Self::Columns(layers) => layers[0].shape,
            Self::Groups { shape, .. } => *shape,
        }
    }

    /// Where each task's weight lies among all parameters; the slices are of one shape.
    pub(crate) fn weights(&self, params: &Params<f32>) -> Vec<Range<usize>> {
        self.spans(params, |layer| layer.weight)
    }

    /// Where each task's bias lies among all parameters.
    pub(crate) fn biases(&self, params: &Params<f32>) -> Vec<Range<usize>> {
        self.spans(params, |layer| layer.bias)
    }

    fn spans(&self, params: &Params<f32>, part: fn(&Layer) -> ParamId) -> Vec<Range<usize>> {
        match self {
            Self::Columns(layers) => {
                layers.iter().map(|layer| params.range(part(layer)).span()).collect()
            }
            Self::Groups { weight, bias, shape } => {
                let n_groups = params.range(*bias).shape()[0];
                let id = part(&Layer { weight: *weight, bias: *bias, shape: *shape });
                slices(params.range(id).span(), n_groups)
            }
        }
    }
}

/// A span cut into slices of one length.
pub(crate) fn slices(span: Range<usize>, n: usize) -> Vec<Range<usize>> {
    let length = span.len() / n.max(1);
    (0..n).map(|at| span.start + at * length..span.start + (at + 1) * length).collect()
}

/// Why a network cannot be laid out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LayoutError {
    /// The architecture's own settings are unknown, of the wrong form or out of range.
    #[error("{message}")]
    Settings {
        /// What is wrong with them.
        message: String,
    },
    /// The architecture does not fit the tasks or the encoder.
    #[error("{why}")]
    Unsuitable {
        /// Why, as the end of a sentence that begins with its name.
        why: String,
    },
    /// A plan is not of the architecture.
    #[error("its plan is of another form: {message}")]
    Plan {
        /// What is wrong with it.
        message: String,
    },
    /// It has more parameters than there is room for.
    #[error("it has fewer parameters than its layers need")]
    TooLarge,
    /// Two ranges have one name.
    #[error("two of its parts are called `{name}`")]
    Twice {
        /// The name.
        name: String,
    },
}

impl LayoutError {
    /// A setting out of its range.
    pub(crate) fn out_of_range(name: &str, allowed: &str, found: impl std::fmt::Display) -> Self {
        Self::Settings { message: format!("expected `{name}` {allowed}, found {found}") }
    }
}
