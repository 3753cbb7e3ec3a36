//! Named arrays and what they mean: the form in which models and unfinished fits are kept.
//!
//! A file of it is in the safetensors format, so that other programs read the arrays; the metadata
//! holds `torso`, a JSON object, and `blake3`, the hash of everything else. Numbers that may be
//! infinite or no number belong into arrays, for JSON has neither.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

mod file;

/// Named arrays with a description.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// What the arrays mean.
    pub about: Map<String, Value>,
    arrays: BTreeMap<String, Array>,
}

/// One array, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    values: Values,
}

/// The elements of an array.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Counts and positions.
    U32(Vec<u32>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::U32(values) => values.len(),
        }
    }
}

impl From<Vec<f32>> for Values {
    fn from(values: Vec<f32>) -> Self {
        Self::F32(values)
    }
}

impl From<Vec<f64>> for Values {
    fn from(values: Vec<f64>) -> Self {
        Self::F64(values)
    }
}

impl From<Vec<u32>> for Values {
    fn from(values: Vec<u32>) -> Self {
        Self::U32(values)
    }
}

/// An element that arrays can hold.
pub trait Element: Sized {
    /// The elements, if they are of this type.
    fn of(values: &Values) -> Option<&[Self]>;
}

impl Element for f32 {
    fn of(values: &Values) -> Option<&[Self]> {
        if let Values::F32(values) = values { Some(values) } else { None }
    }
}

impl Element for f64 {
    fn of(values: &Values) -> Option<&[Self]> {
        if let Values::F64(values) = values { Some(values) } else { None }
    }
}

impl Element for u32 {
    fn of(values: &Values) -> Option<&[Self]> {
        if let Values::U32(values) = values { Some(values) } else { None }
    }
}

impl Snapshot {
    /// Keeps something that has a JSON form.
    ///
    /// # Panics
    /// If it has none.
    pub fn describe(&mut self, key: &str, value: &impl serde::Serialize) {
        let value = serde_json::to_value(value).expect("what is kept has a JSON form");
        self.about.insert(key.to_string(), value);
    }

    /// What was kept under `key`.
    pub fn described<T: serde::de::DeserializeOwned>(&self, key: &str) -> Result<T, SnapshotError> {
        let name = || key.to_string();
        let value = self.about.get(key).ok_or_else(|| SnapshotError::Missing { name: name() })?;
        serde_json::from_value(value.clone())
            .map_err(|error| SnapshotError::Description { name: name(), why: error.to_string() })
    }

    /// Keeps an array.
    ///
    /// # Panics
    /// If there are not as many elements as `shape` says.
    pub fn put(&mut self, name: impl Into<String>, shape: &[usize], values: impl Into<Values>) {
        let values = values.into();
        assert_eq!(values.len(), shape.iter().product::<usize>(), "an array is as its shape says");
        self.arrays.insert(name.into(), Array { shape: shape.to_vec(), values });
    }

    /// The shape and elements of the array called `name`.
    pub fn array<T: Element>(&self, name: &str) -> Result<(&[usize], &[T]), SnapshotError> {
        let missing = || SnapshotError::Missing { name: name.to_string() };
        let array = self.arrays.get(name).ok_or_else(missing)?;
        let elements = T::of(&array.values)
            .ok_or_else(|| SnapshotError::Elements { name: name.to_string() })?;
        Ok((&array.shape, elements))
    }

    /// The elements of the array called `name`, which must have this shape.
    pub fn shaped<T: Element>(&self, name: &str, shape: &[usize]) -> Result<&[T], SnapshotError> {
        let (found, elements) = self.array(name)?;
        if found != shape {
            return Err(SnapshotError::Shape {
                name: name.to_string(),
                expected: shape.to_vec(),
                found: found.to_vec(),
            });
        }
        Ok(elements)
    }

    /// The names of all arrays, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// Keeps another snapshot as a part of this one.
    pub fn nest(&mut self, part: &str, inner: Self) {
        self.about.insert(part.to_string(), Value::Object(inner.about));
        for (name, array) in inner.arrays {
            self.arrays.insert(format!("{part}/{name}"), array);
        }
    }

    /// The snapshot that was kept as `part`.
    pub fn nested(&self, part: &str) -> Result<Self, SnapshotError> {
        let missing = || SnapshotError::Missing { name: part.to_string() };
        let about = self.about.get(part).and_then(Value::as_object).ok_or_else(missing)?.clone();
        let prefix = format!("{part}/");
        let arrays = self.arrays.iter().filter_map(|(name, array)| {
            Some((name.strip_prefix(&prefix)?.to_string(), array.clone()))
        });
        Ok(Self { about, arrays: arrays.collect() })
    }
}

/// Why a snapshot is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The bytes are no such file.
    #[error("this is no file that Torso wrote: {why}")]
    Foreign {
        /// What is wrong with it.
        why: String,
    },
    /// The bytes are not those that were written.
    #[error("the file was changed or damaged after it was written")]
    Damaged,
    /// A part is not there.
    #[error("`{name}` is missing")]
    Missing {
        /// The array or description.
        name: String,
    },
    /// A description has another form.
    #[error("`{name}` has an unknown form: {why}")]
    Description {
        /// The description.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// An array has elements of another type.
    #[error("`{name}` has elements of another type")]
    Elements {
        /// The array.
        name: String,
    },
    /// An array has another shape.
    #[error("expected `{name}` as {expected:?}, found {found:?}")]
    Shape {
        /// The array.
        name: String,
        /// What fits.
        expected: Vec<usize>,
        /// What is there.
        found: Vec<usize>,
    },
}

#[cfg(test)]
mod tests;
