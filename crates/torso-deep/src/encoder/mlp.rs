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

use super::LayerShape;

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

/// The shapes of its layers.
pub(super) fn layers(n_inputs: usize, hidden: &[usize]) -> Vec<LayerShape> {
    let widths = std::iter::once(n_inputs).chain(hidden.iter().copied());
    let pairs = widths.zip(hidden.iter().copied());
    pairs.map(|(fan_in, width)| LayerShape::Dense { fan_in, width }).collect()
}
