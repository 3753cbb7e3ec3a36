//! The weights that all tasks have in one place, as a tensor of order 3: (input, output, task).

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// The axis of what a layer reads.
pub(super) const INPUT: usize = 0;
/// The axis of what it puts out.
pub(super) const OUTPUT: usize = 1;
/// The axis of the tasks.
pub(super) const TASK: usize = 2;

/// A tensor `[inputs, outputs, tasks]`, kept task by task, each `[inputs, outputs]` row-major.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WeightTensor {
    sizes: [usize; 3],
    values: Vec<f64>,
}

impl WeightTensor {
    /// The values at `spans`, one for each task, of rows of `n_outputs` numbers.
    pub(super) fn gather(values: &[f32], spans: &[Range<usize>], n_outputs: usize) -> Self {
        let n_inputs = spans[0].len() / n_outputs;
        let mut stacked = Vec::with_capacity(spans.len() * spans[0].len());
        for span in spans {
            stacked.extend(values[span.clone()].iter().map(|v| f64::from(*v)));
        }
        Self { sizes: [n_inputs, n_outputs, spans.len()], values: stacked }
    }

    /// A tensor of `values`, in the order in which they are kept.
    #[cfg(test)]
    pub(super) fn new(sizes: [usize; 3], values: Vec<f64>) -> Self {
        assert_eq!(values.len(), sizes.iter().product::<usize>(), "a tensor is as its sizes say");
        Self { sizes, values }
    }

    /// The numbers along each axis.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 3] {
        self.sizes
    }

    /// All values, in the order in which they are kept.
    #[cfg(test)]
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// Whether a training has not diverged.
    pub(super) fn is_finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }

    /// The scalar product with a tensor of the same sizes.
    pub(super) fn dot(&self, other: &Self) -> f64 {
        self.values.iter().zip(&other.values).map(|(a, b)| a * b).sum()
    }

    /// Whether an unfolding has more rows than columns.
    pub(super) fn is_tall(&self, axis: usize) -> bool {
        self.sizes[axis].pow(2) > self.values.len()
    }

    /// The matrix with one axis in its rows and the two others in its columns.
    pub(super) fn unfold(&self, axis: usize) -> Mat<f64> {
        let rows = self.sizes[axis];
        let columns = self.values.len() / rows;
        Mat::from_fn(rows, columns, |row, column| self.values[self.place(axis, row, column)])
    }

    /// The tensor of the same sizes whose unfolding is `matrix`.
    pub(super) fn fold(&self, axis: usize, matrix: MatRef<'_, f64>) -> Self {
        let mut folded = Self { sizes: self.sizes, values: vec![0.0; self.values.len()] };
        for column in 0..matrix.ncols() {
            for row in 0..matrix.nrows() {
                folded.values[self.place(axis, row, column)] = matrix[(row, column)];
            }
        }
        folded
    }

    /// Multiplies the fibers along an axis by a square matrix.
    pub(super) fn times(&self, axis: usize, matrix: MatRef<'_, f64>) -> Self {
        let [rows, columns] = self.slice(axis);
        let mut product = Self { sizes: self.sizes, values: vec![0.0; self.values.len()] };
        let slices = product.values.chunks_exact_mut(rows * columns);
        for (into, own) in slices.zip(self.values.chunks_exact(rows * columns)) {
            let into = MatMut::from_row_major_slice_mut(into, rows, columns);
            let own = MatRef::from_row_major_slice(own, rows, columns);
            if axis == OUTPUT {
                matmul(into, Accum::Replace, own, matrix.transpose(), 1.0, Par::Seq);
            } else {
                matmul(into, Accum::Replace, matrix, own, 1.0, Par::Seq);
            }
        }
        product
    }

    /// The scalar products of slices across an axis with those of a tensor of the same sizes.
    pub(super) fn products(&self, axis: usize, other: &Self) -> Mat<f64> {
        let [rows, columns] = self.slice(axis);
        let mut products = Mat::zeros(self.sizes[axis], self.sizes[axis]);
        let slices = self.values.chunks_exact(rows * columns);
        for pair in slices.zip(other.values.chunks_exact(rows * columns)) {
            let [mut a, mut b] =
                [pair.0, pair.1].map(|slice| MatRef::from_row_major_slice(slice, rows, columns));
            if axis == OUTPUT {
                (a, b) = (a.transpose(), b.transpose());
            }
            matmul(products.as_mut(), Accum::Add, a, b.transpose(), 1.0, Par::Seq);
        }
        products
    }

    /// Rows and columns of the matrices, one behind the other, whose rows (of outputs: columns) lie
    /// across an axis.
    fn slice(&self, axis: usize) -> [usize; 2] {
        let [inputs, outputs, tasks] = self.sizes;
        match axis {
            INPUT => [inputs, outputs],
            OUTPUT => [tasks * inputs, outputs],
            _ => [tasks, inputs * outputs],
        }
    }

    /// Adds `factor` times the tensor to `into`, task by task at `spans`.
    #[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
    pub(super) fn add_to(&self, into: &mut [f32], spans: &[Range<usize>], factor: f64) {
        let tasks = self.values.chunks_exact(self.sizes[INPUT] * self.sizes[OUTPUT]);
        for (own, span) in tasks.zip(spans) {
            let into = into[span.clone()].iter_mut().zip(own);
            into.for_each(|(into, value)| *into += (factor * value) as f32);
        }
    }

    /// Writes the tensor to `into`, task by task at `spans`.
    #[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
    pub(super) fn write_to(&self, into: &mut [f32], spans: &[Range<usize>]) {
        let tasks = self.values.chunks_exact(self.sizes[INPUT] * self.sizes[OUTPUT]);
        for (own, span) in tasks.zip(spans) {
            let into = into[span.clone()].iter_mut().zip(own);
            into.for_each(|(into, value)| *into = *value as f32);
        }
    }

    /// Where an entry of an unfolding is kept.
    fn place(&self, axis: usize, row: usize, column: usize) -> usize {
        let [inputs, outputs, _] = self.sizes;
        match axis {
            INPUT => (column / outputs * inputs + row) * outputs + column % outputs,
            OUTPUT => column * outputs + row,
            _ => row * inputs * outputs + column,
        }
    }
}

/// `a b`, in one thread.
pub(super) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "small whole numbers")]
mod tests {
    use super::*;

    fn tensor() -> WeightTensor {
        WeightTensor::new([2, 3, 4], (0..24).map(f64::from).collect())
    }

    #[test]
    fn an_unfolding_folds_back_and_keeps_axes_in_rows() {
        let tensor = tensor();
        for axis in [INPUT, OUTPUT, TASK] {
            let matrix = tensor.unfold(axis);
            assert_eq!(matrix.shape(), (tensor.sizes()[axis], 24 / tensor.sizes()[axis]));
            assert_eq!(tensor.fold(axis, matrix.as_ref()), tensor);
        }
        // Entry (i, o, t) is 6 t + 3 i + o.
        assert_eq!(tensor.unfold(INPUT)[(1, 3 * 2 + 1)], 16.0);
        assert_eq!(tensor.unfold(OUTPUT)[(2, 2 * 3 + 1)], 23.0);
        assert_eq!(tensor.unfold(TASK)[(3, 4)], 22.0);
    }

    #[test]
    fn a_product_along_an_axis_is_that_of_the_fibers() {
        let swap = Mat::from_fn(2, 2, |i, j| if i == j { 0.0 } else { 2.0 });
        let product = tensor().times(INPUT, swap.as_ref());
        for axis in [INPUT, OUTPUT, TASK] {
            let n = tensor().sizes()[axis];
            let matrix = Mat::from_fn(n, n, |i, j| (i * n + j) as f64);
            let unfolded = super::product(matrix.as_ref(), tensor().unfold(axis).as_ref());
            assert_eq!(tensor().times(axis, matrix.as_ref()).unfold(axis), unfolded);
            let products = super::product(unfolded.as_ref(), tensor().unfold(axis).transpose());
            let times = tensor().times(axis, matrix.as_ref());
            assert_eq!(times.products(axis, &tensor()), products);
        }
        assert_eq!(product.values()[..6], [6.0, 8.0, 10.0, 0.0, 2.0, 4.0]);
        assert_eq!(
            product.dot(&tensor()),
            product.values().iter().zip(0..24).fold(0.0, |sum, (v, k)| sum + v * f64::from(k))
        );
    }

    #[test]
    fn weights_come_from_the_tasks_places_and_go_back_there() {
        let values: Vec<f32> = (0..12).map(|k| k as f32).collect();
        let spans = [1..5, 7..11];
        let tensor = WeightTensor::gather(&values, &spans, 2);
        assert_eq!(tensor.sizes(), [2, 2, 2]);
        let mut into = vec![1.0f32; 12];
        tensor.add_to(&mut into, &spans, 2.0);
        assert_eq!(into, [1., 3., 5., 7., 9., 1., 1., 15., 17., 19., 21., 1.]);
    }
}
