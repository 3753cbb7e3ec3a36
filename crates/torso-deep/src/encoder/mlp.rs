//! The multilayer perceptron.
//!
//! # Formula
//! `h_0 = x [B, d]`, `h_l = dropout(relu(h_{l-1} W_l + b_l)) [B, k_l]`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `hidden` | 64, 64 | widths of at least 1 | ours |
//! | `dropout` | 0 | 0 to below 1 | ours |
//!
//! Weights and biases start uniform within `1 / sqrt(fan in)`, as PyTorch's linear layers do.
//!
//! # References
//! Rumelhart, Hinton, Williams, *Learning representations by back-propagating errors* (1986).

use torso_core::method::{Cite, Family, Method, Parameter};
use torso_tape::{Activation, Init, ParamId, Params, Tape, Var};

use crate::network::{Cuts, Mode};

/// The method.
pub static METHOD: Method = Method {
    id: "mlp",
    family: Family::Encoder,
    title: "multilayer perceptron",
    section: "3.1",
    formula: "h_l = dropout(relu(h_{l-1} W_l + b_l))",
    parameters: &[
        Parameter {
            name: "hidden",
            default: "[64, 64]",
            range: "widths of at least 1",
            about: "widths of the hidden layers (ours)",
        },
        Parameter {
            name: "dropout",
            default: "0",
            range: "0 to below 1",
            about: "share of hidden units left out in each training step (ours)",
        },
    ],
    cost: "one forward and one backward pass",
    cite: Cite {
        authors: "Rumelhart, Hinton, Williams",
        title: "Learning representations by back-propagating errors",
        venue: "Nature 323",
        year: 1986,
    },
};

/// The layers of one perceptron among a network's parameters.
pub(crate) struct Mlp {
    layers: Vec<Layer>,
    dropout: f64,
}

struct Layer {
    weight: ParamId,
    bias: ParamId,
}

impl Mlp {
    /// Adds the layers to `params` under `name`; `n_inputs` is the width of the input.
    pub(crate) fn declare(
        params: &mut Params<f32>,
        name: &str,
        n_inputs: usize,
        hidden: &[usize],
        dropout: f64,
    ) -> Self {
        let widths = std::iter::once(n_inputs).chain(hidden.iter().copied());
        let pairs = widths.zip(hidden.iter().copied()).enumerate();
        let layers = pairs.map(|(l, (fan_in, width))| {
            let init = Init::Uniform { bound: 1.0 / (fan_in.max(1) as f64).sqrt() };
            let weight = params.add(format!("{name}.{l}.weight"), [fan_in, width], init);
            let bias = params.add(format!("{name}.{l}.bias"), [1, width], init);
            params.range_mut(bias).decays = false;
            Layer { weight, bias }
        });
        Self { layers: layers.collect(), dropout }
    }

    /// Records the pass of `input [B, d]`; the representation is `[B, width of the last layer]`.
    pub(crate) fn record(
        &self,
        tape: &mut Tape<f32>,
        params: &Params<f32>,
        input: Var,
        mode: &mut Mode,
    ) -> Cuts {
        let start = Cuts { last_layer: input, representation: input, rotated: Vec::new() };
        self.layers.iter().fold(start, |below, layer| {
            let last_layer = below.representation;
            let h = tape.linear(params, last_layer, layer.weight, layer.bias, Activation::Relu);
            let representation = match mode {
                Mode::Training(stream) if self.dropout > 0.0 => {
                    tape.dropout(h, self.dropout, stream)
                }
                _ => h,
            };
            Cuts { last_layer, representation, rotated: Vec::new() }
        })
    }
}
