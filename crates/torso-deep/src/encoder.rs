//! Encoders turn features into a representation, layer by layer.

pub mod lenet;
pub mod mlp;

use torso_core::method::Method;
use torso_tape::{Activation, ConvShape, Init, ParamId, Var};

use crate::layout::{Layout, LayoutError};
use crate::network::{Cuts, Forward};
use crate::settings::{EncoderKind, NetworkSettings};

/// Every encoder, by id.
pub fn methods() -> &'static [&'static Method] {
    static METHODS: &[&Method] = &[&lenet::METHOD, &mlp::METHOD];
    METHODS
}

/// The shapes of an encoder's layers: what architectures lay out once, or once for each task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoder {
    /// From the features up; at least one.
    pub(crate) layers: Vec<LayerShape>,
}

impl Encoder {
    /// The encoder that the settings name, for `n_inputs` features, which may be the pixels of an
    /// image `[height, width, channels]`.
    pub(crate) fn new(
        settings: &NetworkSettings,
        n_inputs: usize,
        image: Option<[usize; 3]>,
    ) -> Result<Self, LayoutError> {
        let layers = match Self::kind(settings, image) {
            EncoderKind::Mlp => mlp::layers(n_inputs, &settings.hidden),
            EncoderKind::Lenet => {
                let image = image.map_or_else(|| lenet::square(n_inputs), Ok)?;
                if image.iter().product::<usize>() != n_inputs {
                    let why = format!(
                        "cannot be used with encoder=lenet here: {n_inputs} features are more than \
                         the pixels of {image:?}"
                    );
                    return Err(LayoutError::Unsuitable { why });
                }
                lenet::layers(settings, image)?
            }
        };
        Ok(Self { layers })
    }

    /// The encoder that the settings name; where they name none, convolutions for images that are
    /// large enough for them, else a perceptron.
    pub(crate) fn kind(settings: &NetworkSettings, image: Option<[usize; 3]>) -> EncoderKind {
        let suits = image.is_some_and(|image| lenet::layers(settings, image).is_ok());
        let usual = if suits { EncoderKind::Lenet } else { EncoderKind::Mlp };
        settings.encoder.unwrap_or(usual)
    }

    /// The most layers that an encoder of the settings may have, before it is known whether the
    /// features are an image.
    pub(crate) fn most_layers(settings: &NetworkSettings) -> usize {
        match settings.encoder {
            Some(EncoderKind::Mlp) => settings.hidden.len(),
            None | Some(EncoderKind::Lenet) => settings.filters.len() + settings.hidden.len(),
        }
    }

    /// Numbers in the representation.
    pub(crate) fn width(&self) -> usize {
        self.layers.last().expect("an encoder has a layer").n_outputs()
    }
}

/// The shape of one layer: a weight, a bias and ReLU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerShape {
    /// `relu(X W + b)`.
    Dense {
        /// Numbers it reads.
        fan_in: usize,
        /// Units.
        width: usize,
    },
    /// `max_pool(relu(conv(X, W) + b))`, channels last.
    Conv(ConvShape),
}

impl LayerShape {
    /// The numbers that the layer reads of a row.
    pub(crate) fn n_inputs(self) -> usize {
        match self {
            Self::Dense { fan_in, .. } => fan_in,
            Self::Conv(shape) => shape.n_inputs(),
        }
    }

    /// The numbers that it puts out.
    pub(crate) fn n_outputs(self) -> usize {
        match self {
            Self::Dense { width, .. } => width,
            Self::Conv(shape) => shape.n_outputs(),
        }
    }

    /// The period of its output's columns: units of a dense layer, filters of a convolution.
    pub(crate) fn n_channels(self) -> usize {
        match self {
            Self::Dense { width, .. } => width,
            Self::Conv(shape) => shape.filters,
        }
    }

    /// The shape of its weight.
    pub(crate) fn weight(self) -> [usize; 2] {
        match self {
            Self::Dense { fan_in, width } => [fan_in, width],
            Self::Conv(shape) => [shape.kernel * shape.kernel * shape.channels, shape.filters],
        }
    }

    /// How its weight and bias start: uniform within `1 / sqrt(fan in)`, as `PyTorch`'s layers.
    pub(crate) fn init(self) -> Init {
        Init::Uniform { bound: 1.0 / (self.weight()[0].max(1) as f64).sqrt() }
    }
}

/// One layer among a network's parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer {
    pub(crate) weight: ParamId,
    pub(crate) bias: ParamId,
    pub(crate) shape: LayerShape,
}

impl Layer {
    /// Adds `{name}.weight` and `{name}.bias`, which start as ranges called after `draws` do.
    pub(crate) fn declare(
        layout: &mut Layout,
        name: &str,
        draws: &str,
        shape: LayerShape,
    ) -> Result<Self, LayoutError> {
        let [_, width] = shape.weight();
        let weight = layout.add_as(name, draws, "weight", shape.weight(), shape.init())?;
        let bias = layout.add_as(name, draws, "bias", [1, width], shape.init())?;
        layout.params.range_mut(bias).decays = false;
        Ok(Self { weight, bias, shape })
    }

    /// Records the layer on `input [B, n_inputs]`, with its activation.
    pub(crate) fn record(&self, forward: &mut Forward, input: Var) -> Var {
        let params = forward.params;
        match self.shape {
            LayerShape::Dense { .. } => {
                forward.tape.linear(params, input, self.weight, self.bias, Activation::Relu)
            }
            LayerShape::Conv(shape) => {
                forward.tape.conv(params, input, self.weight, self.bias, shape)
            }
        }
    }
}

/// Layers one above the other: an encoder laid out once.
#[derive(Debug, Clone)]
pub(crate) struct Trunk {
    layers: Vec<Layer>,
}

impl Trunk {
    /// Adds layers called `{name}.0`, `{name}.1`, ..., from the shape `first` on.
    pub(crate) fn declare(
        layout: &mut Layout,
        name: &str,
        shapes: &[LayerShape],
        first: usize,
    ) -> Result<Self, LayoutError> {
        let layers = shapes.iter().enumerate().map(|(l, &shape)| {
            let name = format!("{name}.{}", first + l);
            Layer::declare(layout, &name, &name, shape)
        });
        Ok(Self { layers: layers.collect::<Result<_, _>>()? })
    }

    /// The number of its layers.
    pub(crate) fn n_layers(&self) -> usize {
        self.layers.len()
    }

    /// Records the layers on `input`, with dropout behind each.
    pub(crate) fn record(&self, forward: &mut Forward, input: Var) -> Cuts {
        let start = Cuts { last_layer: input, representation: input, rotated: Vec::new() };
        self.layers.iter().fold(start, |below, layer| {
            let last_layer = below.representation;
            let h = layer.record(forward, last_layer);
            Cuts { last_layer, representation: forward.dropout(h), rotated: Vec::new() }
        })
    }
}
