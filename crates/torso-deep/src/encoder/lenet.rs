//! A small convolutional network for images, after LeNet-5.
//!
//! # Formula
//! `h_l = maxpool_2(relu(conv_5(h_{l-1}) + b_l))` for each entry of `filters`, on images `[height,
//! width, channels]` whose pixels are a row, channels last; then the layers of a perceptron with the
//! widths `hidden`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `filters` | 10, 20 | 1 to 4096 each | Sener and Koltun 2018, for `MultiMNIST` |
//! | `hidden` | 64, 64 | widths of at least 1 | ours; Sener and Koltun have 50 |
//!
//! Kernels are 5 x 5 without padding, pools 2 x 2; a row or column that fills no pool is left out.
//! Weights and biases start uniform within `1 / sqrt(fan in)`, as `PyTorch`'s layers do.
//!
//! # Differences
//! LeNet-5 has tanh, trained pools and partly connected maps; ReLU and max-pools are what everyone
//! uses in its name.
//!
//! # References
//! Y. `LeCun`, L. Bottou, Y. Bengio, P. Haffner, *Gradient-Based Learning Applied to Document
//! Recognition* (1998).
//! Sener and Koltun, *Multi-Task Learning as Multi-Objective Optimization* (2018).

use torso_core::method::{Cite, Family, Method, Parameter};
use torso_tape::ConvShape;

use super::{LayerShape, mlp};
use crate::layout::LayoutError;
use crate::settings::NetworkSettings;

/// Rows and columns of a kernel.
const KERNEL: usize = 5;
/// Rows and columns of a pool.
const POOL: usize = 2;

/// The method.
pub static METHOD: Method = Method {
    id: "lenet",
    family: Family::Encoder,
    title: "convolutional network",
    section: "3.1",
    formula: "h_l = maxpool(relu(conv(h_{l-1}) + b_l)), then a perceptron",
    parameters: &[
        Parameter {
            name: "filters",
            default: "[10, 20]",
            range: "1 to 4096 each",
            about: "filters of the convolutions (Sener and Koltun 2018)",
        },
        Parameter {
            name: "hidden",
            default: "[64, 64]",
            range: "widths of at least 1",
            about: "widths of the layers behind the convolutions (ours)",
        },
    ],
    cost: "one forward and one backward pass; the convolutions take most of it",
    cite: Cite {
        authors: "LeCun, Bottou, Bengio, Haffner",
        title: "Gradient-Based Learning Applied to Document Recognition",
        venue: "Proceedings of the IEEE 86",
        year: 1998,
    },
};

/// The shapes of its layers for images `[height, width, channels]`.
pub(super) fn layers(
    settings: &NetworkSettings,
    [mut height, mut width, mut channels]: [usize; 3],
) -> Result<Vec<LayerShape>, LayoutError> {
    let mut layers = Vec::new();
    for &filters in &settings.filters {
        let shape = ConvShape { height, width, channels, filters, kernel: KERNEL, pool: POOL };
        if !shape.is_valid() {
            let why = format!(
                "cannot be used with encoder=lenet here: {height} x {width} pixels are too few for \
                 a convolution and a pool; give fewer `filters`"
            );
            return Err(LayoutError::Unsuitable { why });
        }
        layers.push(LayerShape::Conv(shape));
        (height, width, channels) = (shape.out_height(), shape.out_width(), filters);
    }
    layers.extend(mlp::layers(height * width * channels, &settings.hidden));
    Ok(layers)
}

/// The image that a row of so many features is, if it is not told: a square of one channel.
pub(super) fn square(n_inputs: usize) -> Result<[usize; 3], LayoutError> {
    let side = n_inputs.isqrt();
    if side * side == n_inputs {
        return Ok([side, side, 1]);
    }
    let why = format!(
        "cannot be used with encoder=lenet here: {n_inputs} features are no square image; tell the \
         shape of the images, or take encoder=mlp"
    );
    Err(LayoutError::Unsuitable { why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_follow_the_image() {
        let settings = NetworkSettings { hidden: vec![50], ..NetworkSettings::default() };
        let widths = |image| {
            let layers = layers(&settings, image)?;
            Ok(layers.iter().map(|layer| layer.n_outputs()).collect::<Vec<usize>>())
        };
        assert_eq!(widths([36, 36, 1]), Ok(vec![16 * 16 * 10, 6 * 6 * 20, 50]));
        assert_eq!(widths([32, 28, 3]), Ok(vec![14 * 12 * 10, 5 * 4 * 20, 50]));
        let small: Result<Vec<usize>, LayoutError> = widths([12, 12, 1]);
        assert!(small.unwrap_err().to_string().contains("fewer `filters`"));
        assert_eq!(square(1296), Ok([36, 36, 1]));
        assert!(square(1300).unwrap_err().to_string().contains("no square image"));
    }
}
