//! Parameters: one flat buffer with named ranges.
//!
//! One buffer makes the optimizer one loop and a checkpoint one write.

use std::ops::Range;

use rand::RngExt;
use torso_core::seed::{Seed, normal};

use crate::scalar::Scalar;

/// A range of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParamId(pub(crate) u32);

impl ParamId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a range starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// Uniform from `-bound` to `bound`.
    Uniform {
        /// The bound.
        bound: f64,
    },
    /// Normal with mean 0.
    Normal {
        /// The standard deviation.
        sd: f64,
    },
}

/// A named range of the buffer, and how optimizers treat it.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamRange {
    name: String,
    shape: [usize; 2],
    start: usize,
    /// Factor on the learning rate.
    pub lr_factor: f64,
    /// Whether the optimizer's weight decay holds for it.
    pub decays: bool,
    /// A penalty `l2 / 2 * |p|^2` of its own, whose gradient the optimizer adds. No task: it is
    /// neither balanced nor does it make anything shared.
    pub l2: f64,
}

impl ParamRange {
    /// The name, which keys the initial draws.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// Where it lies in the buffer.
    pub fn span(&self) -> Range<usize> {
        self.start..self.start + self.shape[0] * self.shape[1]
    }
}

/// All parameters of a network.
#[derive(Debug, Clone)]
pub struct Params<T> {
    values: Vec<T>,
    ranges: Vec<ParamRange>,
    seed: Seed,
}

impl<T: Scalar> Params<T> {
    /// No parameters yet; `seed` fixes their initial values.
    pub fn new(seed: Seed) -> Self {
        Self { values: Vec::new(), ranges: Vec::new(), seed }
    }

    /// Adds a range. Its draws depend on the seed and `name` alone, so further ranges change
    /// nothing, and two networks that hold a range of one name start it alike.
    ///
    /// # Panics
    /// If there is a range of this name.
    pub fn add(&mut self, name: impl Into<String>, shape: [usize; 2], init: Init) -> ParamId {
        let name = name.into();
        assert!(self.find(&name).is_none(), "two ranges are called {name}");
        let id = u32::try_from(self.ranges.len()).expect("fewer than 2^32 ranges");
        let start = self.values.len();
        let draws = self.draws(&name, shape[0] * shape[1], init);
        self.values.extend(draws);
        self.ranges.push(ParamRange { name, shape, start, lr_factor: 1.0, decays: true, l2: 0.0 });
        ParamId(id)
    }

    /// What a range called `name` would start with: for ranges that start as a part of another, or
    /// as several do.
    pub fn draws(&self, name: &str, n: usize, init: Init) -> Vec<T> {
        let mut stream = self.seed.stream("init", name, 0);
        let draw = |_| match init {
            Init::Zeros => T::ZERO,
            Init::Ones => T::ONE,
            Init::Uniform { bound } => T::from_f64(bound * stream.random_range(-1.0..1.0)),
            Init::Normal { sd } => T::from_f64(sd * normal(&mut stream)),
        };
        (0..n).map(draw).collect()
    }

    /// The range called `name`.
    pub fn find(&self, name: &str) -> Option<ParamId> {
        let at = self.ranges.iter().position(|range| range.name == name)?;
        u32::try_from(at).ok().map(ParamId)
    }

    /// The number of parameters.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All values, range behind range.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    /// All ranges, in the order of the buffer.
    pub fn ranges(&self) -> &[ParamRange] {
        &self.ranges
    }

    /// A range.
    pub fn range(&self, id: ParamId) -> &ParamRange {
        &self.ranges[id.index()]
    }

    /// A range, to change how optimizers treat it.
    pub fn range_mut(&mut self, id: ParamId) -> &mut ParamRange {
        &mut self.ranges[id.index()]
    }

    /// The values of a range, row-major.
    pub fn get(&self, id: ParamId) -> &[T] {
        &self.values[self.ranges[id.index()].span()]
    }

    /// The values of a range, to be changed.
    pub fn get_mut(&mut self, id: ParamId) -> &mut [T] {
        &mut self.values[self.ranges[id.index()].span()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_depend_on_the_name_alone() {
        let uniform = Init::Uniform { bound: 0.5 };
        let mut few = Params::<f32>::new(Seed(1));
        let a = few.add("a", [3, 4], uniform);
        let mut many = Params::<f32>::new(Seed(1));
        many.add("b", [7, 1], Init::Normal { sd: 1.0 });
        let other = many.add("a", [3, 4], uniform);
        assert_eq!(few.get(a), many.get(other));
        assert!(few.get(a).iter().all(|value| value.abs() <= 0.5 && *value != 0.0));
        assert_ne!(few.get(a)[..7], *many.get(many.find("b").unwrap()));
        assert_eq!(many.range(other).span(), 7..19);
        assert_eq!(many.len(), 19);
    }

    #[test]
    #[should_panic(expected = "two ranges are called a")]
    fn a_name_is_used_once() {
        let mut params = Params::<f32>::new(Seed(1));
        params.add("a", [1, 1], Init::Zeros);
        params.add("a", [1, 1], Init::Zeros);
    }
}
