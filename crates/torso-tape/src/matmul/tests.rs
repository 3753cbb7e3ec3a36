use super::*;
use proptest::prelude::*;
use rand::RngExt;
use torso_core::seed::Seed;

fn numbers(n: usize, name: &str) -> Vec<f64> {
    let mut stream = Seed(1).stream("test", name, n as u64);
    (0..n).map(|_| stream.random_range(-1.0..1.0)).collect()
}

/// A matrix `[rows, columns]` in a buffer, row-major or column-major, with room between lines.
struct Matrix {
    data: Vec<f64>,
    strides: [usize; 2],
}

impl Matrix {
    fn new([rows, columns]: [usize; 2], transposed: bool, gap: usize, name: &str) -> Self {
        let (lines, length) = if transposed { (columns, rows) } else { (rows, columns) };
        let line = length + gap;
        let strides = if transposed { [1, line] } else { [line, 1] };
        Self { data: numbers(lines * line, name), strides }
    }

    fn factor(&self) -> Factor<'_, f64> {
        Factor { data: &self.data, row_stride: self.strides[0], column_stride: self.strides[1] }
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self.data[row * self.strides[0] + column * self.strides[1]]
    }
}

/// Compares with the sums written out.
fn check(shape: [usize; 3], transposed: [bool; 2], gap: usize, add: bool) {
    let [m, k, n] = shape;
    let a = Matrix::new([m, k], transposed[0], gap, "a");
    let b = Matrix::new([k, n], transposed[1], gap, "b");
    let before = numbers(m * (n + gap), "c");
    let mut c = before.clone();
    let product = Product { data: &mut c, row_stride: n + gap, add };
    Workspace::new(1).matmul(shape, product, a.factor(), b.factor());
    for i in 0..m {
        for j in 0..n + gap {
            let at = i * (n + gap) + j;
            if j >= n {
                assert_eq!(c[at], before[at], "written between the rows");
                continue;
            }
            let sum: f64 = (0..k).map(|l| a.at(i, l) * b.at(l, j)).sum();
            let expected = if add { before[at] + sum } else { sum };
            assert!((c[at] - expected).abs() < 1e-12 * (1.0 + k as f64), "{shape:?} at {i}, {j}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn products_are_sums(
        m in 1usize..70,
        k in 1usize..70,
        n in 1usize..100,
        transposed in any::<[bool; 2]>(),
        gap in 0usize..3,
        add in any::<bool>(),
    ) {
        check([m, k, n], transposed, gap, add);
    }
}

#[test]
fn products_larger_than_a_block_are_sums() {
    for transposed in [[false, false], [true, false], [false, true]] {
        check([100, KC + 13, 40], transposed, 0, false);
        check([13, KC, BLOCK / KC + 35], transposed, 1, true);
    }
}

#[test]
fn an_empty_sum_is_zero() {
    let mut c = [1.0f32; 4];
    let empty = Factor::rows(&[], 0);
    for (add, expected) in [(true, [1.0; 4]), (false, [0.0; 4])] {
        let product = Product { data: &mut c, row_stride: 2, add };
        Workspace::new(1).matmul([2, 0, 2], product, empty, empty);
        assert_eq!(c, expected);
    }
}

#[test]
fn single_precision_is_right() {
    let shape @ [m, k, n] = [37, 300, 45];
    let single = |values: Vec<f64>| values.into_iter().map(f32::from_f64).collect::<Vec<f32>>();
    let (a, b) = (single(numbers(m * k, "a")), single(numbers(n * k, "b")));
    let mut c = vec![0.0f32; m * n];
    let product = Product { data: &mut c, row_stride: n, add: false };
    let b_transposed = Factor::rows(&b, k).transposed();
    Workspace::new(1).matmul(shape, product, Factor::rows(&a, k), b_transposed);
    for i in 0..m {
        for j in 0..n {
            let sum: f64 = (0..k).map(|l| f64::from(a[i * k + l]) * f64::from(b[j * k + l])).sum();
            assert!((f64::from(c[i * n + j]) - sum).abs() < 2e-5, "at {i}, {j}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let shape @ [m, k, n] = [301, 130, 97];
    let a: Vec<f32> = numbers(m * k, "a").into_iter().map(f32::from_f64).collect();
    let b: Vec<f32> = numbers(n * k, "b").into_iter().map(f32::from_f64).collect();
    assert!(m * k * n > MIN_PARALLEL);
    let with = |n_threads| {
        let mut c = vec![0.0f32; m * n];
        let product = Product { data: &mut c, row_stride: n, add: false };
        Workspace::new(n_threads).matmul(shape, product, Factor::rows(&a, k), Factor::rows(&b, n));
        c.iter().map(|x| x.to_bits()).collect::<Vec<u32>>()
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(3));
}

#[test]
fn an_element_does_not_depend_on_the_shape_around_it() {
    let (k, n) = (70, 50);
    let a: Vec<f32> = numbers(40 * k, "a").into_iter().map(f32::from_f64).collect();
    let b: Vec<f32> = numbers(n * k, "b").into_iter().map(f32::from_f64).collect();
    let first = |m: usize, columns: usize| {
        let mut c = vec![0.0f32; m * columns];
        let product = Product { data: &mut c, row_stride: columns, add: false };
        let shape = [m, k, columns];
        Workspace::new(1).matmul(shape, product, Factor::rows(&a, k), Factor::rows(&b, n));
        c[0].to_bits()
    };
    let expected = first(40, 50);
    for (m, columns) in [(1, 1), (1, 50), (40, 1), (13, 17), (5, 33)] {
        assert_eq!(first(m, columns), expected, "{m} x {columns}");
    }
}

#[test]
#[should_panic(expected = "factor out of bounds")]
fn a_factor_that_is_too_short_is_refused() {
    let mut c = [0.0f32; 4];
    let product = Product { data: &mut c, row_stride: 2, add: false };
    let (a, b) = ([0.0; 5], [0.0; 6]);
    Workspace::new(1).matmul([2, 3, 2], product, Factor::rows(&a, 3), Factor::rows(&b, 2));
}

/// A product on the given vector unit.
#[cfg(target_arch = "x86_64")]
fn on<S: Simd>(simd: S, shape @ [m, k, n]: [usize; 3], b_transposed: bool) -> Vec<f32> {
    let a: Vec<f32> = numbers(m * k, "a").into_iter().map(f32::from_f64).collect();
    let b: Vec<f32> = numbers(n * k, "b").into_iter().map(f32::from_f64).collect();
    let mut c = vec![0.0f32; m * n];
    simd.vectorize(Block {
        shape,
        product: Product { data: &mut c, row_stride: n, add: false },
        a: Factor::rows(&a, k),
        b: if b_transposed { Factor::rows(&b, k).transposed() } else { Factor::rows(&b, n) },
        buffers: &mut Buffers::default(),
    });
    c
}

#[cfg(target_arch = "x86_64")]
#[test]
fn every_vector_unit_gives_the_same_sums() {
    let Some(narrow) = pulp::x86::V3::try_new() else { return };
    for shape in [[1, 5, 3], [13, 40, 21], [37, 300, 77], [120, 64, 130]] {
        for b_transposed in [false, true] {
            let sums = on(narrow, shape, b_transposed);
            let plain = on(pulp::Scalar, shape, b_transposed);
            assert!(plain.iter().zip(&sums).all(|(a, b)| (a - b).abs() < 1e-4), "{shape:?}");
            if let Some(wide) = pulp::x86::V4::try_new() {
                // Both fuse, so not a bit differs.
                assert_eq!(sums, on(wide, shape, b_transposed), "{shape:?}");
            }
        }
    }
}
