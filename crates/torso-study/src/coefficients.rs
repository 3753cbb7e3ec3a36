//! The coefficients of a linear model in the units of its table: the preprocessing undone.
//!
//! A column of the design is `z = (x - center) / scale` of a column `x` of the table, so that
//! `b + w z` is `(b - w center / scale) + (w / scale) x`. One-hot columns and those that say where
//! cells are missing are what they are. A missing cell counts as the mean that it was replaced by.

use torso_core::estimator::Coefficients;
use torso_data::{ColumnEncoding, Encoding, Preprocessor, Scaling};

/// Coefficients in units of the table's columns and of the targets; those of a class are in units
/// of its log-odds or margin.
#[derive(Debug, Clone, PartialEq)]
pub struct TableCoefficients {
    /// One per column of the design, named as the design names it.
    pub features: Vec<String>,
    /// One per column of coefficients: a task's name, or `TASK: CLASS`.
    pub columns: Vec<String>,
    /// `[features, columns]`, row-major.
    pub values: Vec<f64>,
    /// One per column of coefficients.
    pub intercepts: Vec<f64>,
}

impl TableCoefficients {
    /// Undoes the scaling of `preprocessor`, with which `model` learned its coefficients.
    ///
    /// # Panics
    /// If the model has not a coefficient for each column of the design.
    pub fn new(model: Coefficients, preprocessor: &Preprocessor) -> Self {
        let Coefficients { columns, mut values, mut intercepts } = model;
        let (features, scalings): (Vec<String>, Vec<Option<Scaling>>) =
            preprocessor.columns.iter().flat_map(design_columns).unzip();
        let width = columns.len();
        assert_eq!(values.len(), features.len() * width, "a coefficient for each column");
        for (row, scaling) in values.chunks_exact_mut(width.max(1)).zip(scalings) {
            let Some(Scaling { center, scale, .. }) = scaling else { continue };
            for (w, intercept) in row.iter_mut().zip(&mut intercepts) {
                *w /= scale;
                *intercept -= *w * center;
            }
        }
        Self { features, columns, values, intercepts }
    }
}

/// The columns of the design that a feature becomes, with the scaling of numbers.
fn design_columns(column: &ColumnEncoding) -> Vec<(String, Option<Scaling>)> {
    let scaling = match column.encoding {
        Encoding::Numeric(scaling) => scaling,
        Encoding::OneHot { .. } => None,
    };
    let names = column.names().into_iter().enumerate();
    names.map(|(at, name)| (name, scaling.filter(|_| at == 0))).collect()
}
