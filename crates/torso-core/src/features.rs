//! Features: the columns that predictions are made from, before and after preprocessing.

/// The feature columns of a table, as read: not scaled, not encoded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// One entry per column, each of the same length.
    pub columns: Vec<Feature>,
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
}

impl Design {
    /// A design of `n_rows` rows; `values` is row-major, `[n_rows, names.len()]`.
    ///
    /// # Panics
    /// If `values` has another length.
    pub fn new(names: Vec<String>, n_rows: usize, values: Vec<f64>) -> Self {
        assert_eq!(values.len(), n_rows * names.len(), "a design is [n_rows, n_columns]");
        Self { names, n_rows, values }
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
