//! Features that say nothing.

use torso_core::data::TaskData;
use torso_core::features::{Feature, FeatureValues};

use super::Warning;

/// A feature with a larger share of missing cells is nearly empty.
const NEARLY_ALL: f64 = 0.95;

pub(super) fn warnings(data: &TaskData) -> Vec<Warning> {
    let names = |is: &dyn Fn(&FeatureValues) -> bool| -> Vec<String> {
        let found = data.features().columns.iter().filter(|Feature { values, .. }| is(values));
        found.map(|feature| feature.name.clone()).collect()
    };
    let mut warnings = Vec::new();
    let features = names(&is_constant);
    // The pixels at the edge of an image are often alike, and are kept.
    if !features.is_empty() && data.features().image.is_none() {
        warnings.push(Warning::ConstantFeatures { features });
    }
    let limit = NEARLY_ALL * data.n_rows() as f64;
    let features = names(&|values| values.missing() as f64 >= limit);
    if !features.is_empty() {
        warnings.push(Warning::EmptyFeatures { features });
    }
    warnings
}

/// A cell that is sometimes missing is no constant: that it is missing can say something.
fn is_constant(values: &FeatureValues) -> bool {
    match values {
        #[expect(clippy::float_cmp, reason = "whether it is the very same number")]
        FeatureValues::Numeric(values) => values.iter().all(|&value| value == values[0]),
        FeatureValues::Categorical { codes, .. } => {
            codes.iter().all(|code| code.is_some() && *code == codes[0])
        }
    }
}
