//! Images: files of labels, `NAME=FILE`, and the shape of those whose pixels are columns, `36x36`.

use std::fmt::{self, Display};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use torso_core::features::ImageShape;
use torso_data::LabelFile;

/// A file of labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^([^=]+|[^=]*[^=\\s][^=]*=.+)$"))]
pub(crate) struct Labels(pub(crate) LabelFile);

impl FromStr for Labels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| "expected NAME=FILE or a file of labels".to_string())
    }
}

impl TryFrom<String> for Labels {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Labels> for String {
    fn from(labels: Labels) -> Self {
        labels.0.to_string()
    }
}

/// The shape of an image: `HEIGHTxWIDTH`, or `HEIGHTxWIDTHxCHANNELS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}(x[1-9][0-9]{0,3})?$"))]
pub(crate) struct Shape(pub(crate) ImageShape);

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
            text.parse().ok().filter(|size| is_plain && (1..=9999).contains(size))
        };
        let sizes: Option<Vec<usize>> = text.split('x').map(size).collect();
        let (height, width, channels) = match sizes.as_deref() {
            Some(&[height, width]) => (height, width, 1),
            Some(&[height, width, channels]) => (height, width, channels),
            _ => {
                return Err(
                    "expected HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS, each below 10000".into()
                );
            }
        };
        Ok(Self(ImageShape { height, width, channels }))
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Shape {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Shape> for String {
    fn from(shape: Shape) -> Self {
        shape.to_string()
    }
}
