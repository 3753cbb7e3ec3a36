//! Features: the columns that predictions are made from, before and after preprocessing.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The feature columns of a table, as read: not scaled, not encoded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// One entry per column, each of the same length.
    pub columns: Vec<Feature>,
    /// Where the columns are the pixels of one image, its shape; all are numbers then, in the order
    /// that [`ImageShape`] says.
    pub image: Option<ImageShape>,
}

impl Features {
    /// Columns that are no image.
    pub fn new(columns: Vec<Feature>) -> Self {
        Self { columns, image: None }
    }
}

/// The shape of an image whose pixels are columns: row by row, and within a row pixel by pixel,
/// the channels of a pixel side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Numbers of a pixel: 1 for gray, 3 for colors.
    pub channels: usize,
}

impl ImageShape {
    /// The number of columns, `height * width * channels`.
    pub fn n_columns(self) -> usize {
        self.height * self.width * self.channels
    }
}

/// `36x36`, or `32x32x3`.
impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)?;
        if self.channels > 1 {
            write!(f, "x{}", self.channels)?;
        }
        Ok(())
    }
}

/// One feature column.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// The column's name in the table.
    pub name: String,
    /// The column's cells.
    pub values: FeatureValues,
}

/// The cells of a feature column.
#[derive(Debug, Clone, PartialEq)]
pub enum FeatureValues {
    /// Numbers; a missing cell is `NaN`.
    Numeric(Vec<f64>),
    /// Categories: an index into `levels` per row, `None` where the cell is missing.
    Categorical {
        /// The distinct values, sorted.
        levels: Vec<String>,
        /// One per row.
        codes: Vec<Option<u32>>,
    },
}

impl FeatureValues {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Numeric(values) => values.len(),
            Self::Categorical { codes, .. } => codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of missing cells.
    pub fn missing(&self) -> usize {
        match self {
            Self::Numeric(values) => values.iter().filter(|v| v.is_nan()).count(),
            Self::Categorical { codes, .. } => codes.iter().filter(|c| c.is_none()).count(),
        }
    }
}

/// Features ready for learning: a dense matrix, standardized and encoded.
///
/// What was learned about the columns (means, levels) came from training rows only.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    names: Vec<String>,
    n_rows: usize,
    values: Vec<f64>,
    image: Option<ImageShape>,
}

impl Design {
    /// A design of `n_rows` rows; `values` is row-major, `[n_rows, names.len()]`.
    ///
    /// # Panics
    /// If `values` has another length.
    pub fn new(names: Vec<String>, n_rows: usize, values: Vec<f64>) -> Self {
        assert_eq!(values.len(), n_rows * names.len(), "a design is [n_rows, n_columns]");
        Self { names, n_rows, values, image: None }
    }

    /// The same design, whose columns are the pixels of an image of this shape, if of one at all.
    ///
    /// # Panics
    /// If it has another number of columns.
    pub fn with_image(mut self, image: Option<ImageShape>) -> Self {
        if let Some(shape) = image {
            assert_eq!(shape.n_columns(), self.n_columns(), "a column is a number of a pixel");
        }
        self.image = image;
        self
    }

    /// The shape of the image whose pixels the columns are, if they are.
    pub fn image(&self) -> Option<ImageShape> {
        self.image
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The number of columns.
    pub fn n_columns(&self) -> usize {
        self.names.len()
    }

    /// Row-major values, `[n_rows, n_columns]`.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_design_of_pixels_knows_their_shape() {
        let shape = ImageShape { height: 2, width: 3, channels: 1 };
        assert_eq!((shape.n_columns(), shape.to_string()), (6, "2x3".into()));
        assert_eq!(ImageShape { channels: 3, ..shape }.to_string(), "2x3x3");
        let names = || (0..6).map(|at| at.to_string()).collect();
        let design = Design::new(names(), 1, vec![0.0; 6]);
        assert_eq!(design.image(), None);
        assert_eq!(design.with_image(Some(shape)).image(), Some(shape));
    }

    #[test]
    #[should_panic(expected = "a column is a number of a pixel")]
    fn a_design_of_another_width_is_no_such_image() {
        let shape = ImageShape { height: 2, width: 2, channels: 1 };
        let _ = Design::new(vec!["x".into()], 1, vec![0.0]).with_image(Some(shape));
    }
}
