//! The pixels of an image: `(x - mean) / sd`, with one mean and one standard deviation over all
//! pixels of the training rows, so that an edge stays an edge wherever it is.
//!
//! A pixel that is the same in every training row keeps its column: what is beside it moves. A
//! missing one takes the mean and has no further column, for the design is the image.

use torso_core::features::{FeatureValues, Features, ImageShape};

use super::{ColumnEncoding, Encoding, PreprocessOptions, Preprocessor, Scaling, scaling};

/// Where the training rows show no pixel at all.
const AS_IT_IS: Scaling = Scaling { center: 0.0, scale: 1.0, fill: 0.0 };

impl Preprocessor {
    /// Learns from the pixels of the training rows.
    pub(super) fn fit_image(
        features: &Features,
        shape: ImageShape,
        train_rows: &[u32],
        options: PreprocessOptions,
    ) -> Self {
        let pixels = features.columns.iter().flat_map(|feature| match &feature.values {
            FeatureValues::Numeric(values) => train_rows.iter().map(|&row| values[row as usize]),
            FeatureValues::Categorical { .. } => panic!("the pixels of an image are numbers"),
        });
        let observed = pixels.filter(|pixel| !pixel.is_nan());
        let options = PreprocessOptions { keep_constant: true, ..options };
        let shared = scaling(observed, options).unwrap_or(AS_IT_IS);
        let column = |name: &String| ColumnEncoding {
            name: name.clone(),
            encoding: Encoding::Numeric(Some(shared)),
            missing_indicator: false,
        };
        let columns = features.columns.iter().map(|feature| column(&feature.name)).collect();
        Self { columns, notes: Vec::new(), image: Some(shape) }
    }
}
