use super::*;
use torso_core::seed::{Seed, Stream, normal};

/// Tolerance beside the size of the input.
const EXACT: f64 = 1e-10;

fn random(rows: usize, columns: usize, stream: &mut Stream) -> Mat<f64> {
    Mat::from_fn(rows, columns, |_, _| normal(stream))
}

/// 1,000 matrices of many shapes, and a strength beside the size of each: every other one of low
/// rank, some with ties and zeros. All of size about 1.
fn for_1000_matrices(mut test: impl FnMut(&Mat<f64>, f64)) {
    let mut stream = Seed(6).stream("test", "matrices", 0);
    for at in 0..1000 {
        let (rows, columns) = (1 + at % 13, 1 + at % 17);
        let mut m = random(rows, columns, &mut stream);
        if at % 2 == 0 {
            let rank = 1 + at % 3;
            let left = random(rows, rank, &mut stream);
            m = product(left.as_ref(), random(rank, columns, &mut stream).as_ref());
        }
        if at % 5 == 0 {
            m = Mat::from_fn(rows, columns, |i, j| m[(i, j)].round());
        }
        test(&m, 10f64.powf(normal(&mut stream)));
    }
}

fn times(m: &Mat<f64>, factor: f64) -> Mat<f64> {
    Mat::from_fn(m.nrows(), m.ncols(), |i, j| m[(i, j)] * factor)
}

fn distance(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    (a - b).norm_max()
}

fn identity_error(vectors: &Mat<f64>) -> f64 {
    let products = product(vectors.transpose(), vectors.as_ref());
    distance(&products, &Mat::identity(vectors.ncols(), vectors.ncols()))
}

fn check_spectrum(m: &Mat<f64>, spectrum: &Spectrum, tolerance: f64) {
    assert_eq!(spectrum.values.len(), m.nrows().min(m.ncols()));
    assert!(spectrum.values.windows(2).all(|pair| pair[0] >= pair[1]), "descending");
    assert!(spectrum.values.iter().all(|value| *value >= 0.0));
    assert!(identity_error(&spectrum.left) < tolerance, "{}", identity_error(&spectrum.left));
    assert!(identity_error(&spectrum.right) < tolerance, "{}", identity_error(&spectrum.right));
    let error = distance(&spectrum.rebuild(&spectrum.values), m);
    assert!(error <= tolerance * m.norm_max(), "{error}");
}

/// The greatest violation of `M - X` in `threshold` times the subgradients of the trace norm at
/// `X`: those have singular values up to 1, and exactly `U V'` in the space of `X`.
fn violation(m: &Mat<f64>, x: &Mat<f64>, threshold: f64) -> f64 {
    let slope = m - x;
    let above = singular_values(slope.as_ref()).first().map_or(0.0, |value| value - threshold);
    let aligned = threshold * trace_norm(x.as_ref());
    let inner: f64 = (0..m.ncols()).map(|j| slope.col(j).transpose() * x.col(j)).sum::<f64>();
    above.max((inner - aligned).abs())
}

#[test]
fn decompositions_hold_at_every_shape_and_size() {
    for_1000_matrices(|m, _| check_spectrum(m, &Spectrum::of(m.as_ref()), 1e-13));
    let mut stream = Seed(7).stream("test", "", 0);
    for (rows, columns, rank) in [(139, 28, 5), (28, 139, 28), (150, 140, 20), (400, 6, 2)] {
        let left = random(rows, rank, &mut stream);
        let m = product(left.as_ref(), random(rank, columns, &mut stream).as_ref());
        let spectrum = Spectrum::of(m.as_ref());
        check_spectrum(&m, &spectrum, 1e-13);
        assert!(spectrum.values[rank..].iter().all(|value| *value < 1e-13 * spectrum.values[0]));
        for (value, expected) in singular_values(m.as_ref()).iter().zip(&spectrum.values) {
            assert!((value - expected).abs() < 1e-13 * spectrum.values[0]);
        }
    }
}

#[test]
fn tall_matrices_of_low_rank_lose_no_digit() {
    let mut stream = Seed(11).stream("test", "", 0);
    for at in 0..60 {
        let rank = 1 + at % 4;
        let left = random(1000, rank, &mut stream);
        let m = product(left.as_ref(), random(rank, 8, &mut stream).as_ref());
        check_spectrum(&m, &Spectrum::of(m.as_ref()), 1e-14);
    }
}

#[test]
fn the_way_around_through_the_gramian_is_as_good() {
    for_1000_matrices(|m, _| {
        check_spectrum(m, &Spectrum::through_gramian(m.as_ref()).unwrap(), 1e-13);
    });
}

#[test]
fn shrunk_spectra_satisfy_the_optimality_condition() {
    for_1000_matrices(|m, tau| {
        let mut x = m.clone();
        let values = shrink_spectrum(&mut x, tau);
        let size = trace_norm(m.as_ref()).max(1.0);
        assert!(violation(m, &x, tau) <= EXACT * size * size);
        for (value, expected) in values.iter().zip(singular_values(x.as_ref())) {
            assert!((value - expected).abs() <= EXACT * size);
        }
        for (value, before) in values.iter().zip(singular_values(m.as_ref())) {
            assert!((value - (before - tau).max(0.0)).abs() <= EXACT * size);
        }
    });
}

#[test]
fn squared_spectra_satisfy_the_optimality_condition() {
    for_1000_matrices(|m, tau| {
        let mut x = m.clone();
        let values = shrink_spectrum_squared(&mut x, tau);
        let size = trace_norm(m.as_ref()).max(1.0);
        let threshold = tau * values.iter().sum::<f64>();
        assert!(violation(m, &x, threshold) <= EXACT * size * size);
        // The scalar problem: of all sums S, that of the result costs least.
        let before = singular_values(m.as_ref());
        let total = |t: f64| before.iter().map(|s| (s - t).max(0.0)).sum::<f64>();
        let (mut low, mut high) = (0.0, before[0]);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if tau * total(middle) > middle { low = middle } else { high = middle }
        }
        assert!((threshold - high).abs() <= EXACT * size, "{threshold} and {high}");
    });
}

#[test]
fn no_point_nearby_costs_less() {
    let mut stream = Seed(8).stream("test", "", 0);
    let m = random(6, 4, &mut stream);
    let distance_cost = |x: &Mat<f64>| 0.5 * (x - &m).squared_norm_l2();
    let plain = |x: &Mat<f64>| distance_cost(x) + 0.7 * trace_norm(x.as_ref());
    let squared = |x: &Mat<f64>| distance_cost(x) + 0.15 * trace_norm(x.as_ref()).powi(2);
    let (mut x, mut y) = (m.clone(), m.clone());
    shrink_spectrum(&mut x, 0.7);
    shrink_spectrum_squared(&mut y, 0.3);
    for _ in 0..1000 {
        let step = times(&random(6, 4, &mut stream), 10f64.powf(-2.0 + normal(&mut stream)));
        assert!(plain(&(&x + &step)) > plain(&x));
        assert!(squared(&(&y + &step)) > squared(&y));
    }
}

#[test]
fn a_power_of_two_scales_the_results_to_the_bit() {
    let m = random(5, 7, &mut Seed(9).stream("test", "", 0));
    let mut expected = m.clone();
    let values = shrink_spectrum(&mut expected, 0.5);
    for exponent in [-1000, -300, 300, 1000] {
        let scale = 2f64.powi(exponent);
        let mut x = times(&m, scale);
        let scaled_values = shrink_spectrum(&mut x, 0.5 * scale);
        assert_eq!(x, times(&expected, scale));
        let back: Vec<f64> = scaled_values.iter().map(|value| value / scale).collect();
        assert_eq!(back, values);
        let mut x = times(&m, scale);
        shrink_spectrum_squared(&mut x, 0.5);
        let mut y = m.clone();
        shrink_spectrum_squared(&mut y, 0.5);
        assert_eq!(x, times(&y, scale));
    }
}

#[test]
fn hostile_matrices_are_decomposed() {
    for (rows, columns) in [(0, 0), (0, 3), (3, 0), (1, 1), (4, 2), (2, 4)] {
        let mut zero = Mat::<f64>::zeros(rows, columns);
        check_spectrum(&zero, &Spectrum::of(zero.as_ref()), 1e-15);
        assert!(trace_norm(zero.as_ref()).abs() < f64::MIN_POSITIVE);
        assert!(shrink_spectrum(&mut zero, 1.0).iter().all(|value| *value == 0.0));
        assert!(shrink_spectrum_squared(&mut zero, 0.0).iter().all(|value| *value == 0.0));
        assert_eq!(zero, Mat::<f64>::zeros(rows, columns));
    }
    let mut one = Mat::from_fn(1, 1, |_, _| -3.0);
    assert_eq!(shrink_spectrum(&mut one, 1.0), [2.0]);
    assert_eq!(one.col_as_slice(0), [-2.0]);
    // S = 2 - 1 S.
    assert_eq!(shrink_spectrum_squared(&mut one, 1.0), [1.0]);
    for scale in [5e-324, 1e-310, f64::MIN_POSITIVE, 1e-300, 1e300, 1e307] {
        let ties = Mat::from_fn(3, 3, |i, j| if i == j { scale } else { 0.0 });
        let mut x = ties.clone();
        let values = shrink_spectrum_squared(&mut x, 1.0);
        assert!(values.iter().all(|value| (value - scale / 4.0).abs() <= 1e-15 * scale));
        for tau in [scale, f64::INFINITY] {
            let mut x = ties.clone();
            assert!(shrink_spectrum(&mut x, tau).iter().all(|value| *value == 0.0));
            assert_eq!(x, Mat::<f64>::zeros(3, 3));
        }
        let mut x = ties.clone();
        shrink_spectrum(&mut x, 0.0);
        assert!(distance(&x, &ties) <= 1e-15 * scale);
        let mut x = ties.clone();
        assert!(shrink_spectrum_squared(&mut x, f64::INFINITY).iter().all(|value| *value == 0.0));
    }
    let huge = Mat::from_fn(2, 2, |_, _| f64::MAX);
    let mut x = huge.clone();
    shrink_spectrum(&mut x, f64::MAX);
    assert!(distance(&x, &times(&huge, 0.5)) < 1e-15 * f64::MAX);
}

#[test]
fn eigenvectors_hold_and_functions_act_on_values() {
    let mut stream = Seed(10).stream("test", "", 0);
    for (n, rank) in [(1, 1), (2, 2), (7, 7), (30, 4), (140, 139), (150, 9)] {
        let factor = random(n, rank, &mut stream);
        let m = product(factor.as_ref(), factor.transpose());
        let eigen = SymmetricEigen::of(m.as_ref());
        assert!(eigen.values.windows(2).all(|pair| pair[0] <= pair[1]));
        let size = eigen.values[n - 1];
        assert!(identity_error(&eigen.vectors) < 1e-13);
        assert!(distance(&eigen.map(|value| value), &m) < 1e-13 * size);
        let root = eigen.map(|value| value.max(0.0).sqrt());
        assert!(distance(&product(root.as_ref(), root.as_ref()), &m) < 1e-13 * size);
        let ridge = eigen.map(|value| value + 0.1 * size);
        let inverse = eigen.map(|value| (value + 0.1 * size).recip());
        let unit = product(ridge.as_ref(), inverse.as_ref());
        assert!(distance(&unit, &Mat::identity(n, n)) < 1e-12);
        let log = eigen.map(|value| (value.max(0.0) / size + 0.1).ln());
        let exp = SymmetricEigen::of(log.as_ref()).map(|value| size * value.exp());
        assert!(distance(&exp, &ridge) < 1e-12 * size);
        assert_eq!(log, log.transpose().to_owned(), "symmetric to the bit");
    }
}

#[test]
fn hostile_symmetric_matrices_are_decomposed() {
    assert!(SymmetricEigen::of(Mat::<f64>::zeros(0, 0).as_ref()).values.is_empty());
    assert_eq!(SymmetricEigen::of(Mat::<f64>::zeros(3, 3).as_ref()).values, [0.0; 3]);
    for scale in [1e-310, 1e-300, 1.0, 1e300] {
        // Eigenvalues -1, 3: the upper triangle is not read.
        let m = Mat::from_fn(2, 2, |i, j| scale * [[1.0, f64::MAX], [2.0, 1.0]][i][j].min(7.0));
        let values = SymmetricEigen::of(m.as_ref()).values;
        assert!((values[0] / scale + 1.0).abs() < 1e-12, "{values:?}");
        assert!((values[1] / scale - 3.0).abs() < 1e-12);
    }
}

#[test]
#[should_panic(expected = "the eigenvalue -1 is mapped to NaN")]
fn a_root_of_a_negative_eigenvalue_is_refused() {
    SymmetricEigen::of(Mat::from_fn(1, 1, |_, _| -1.0).as_ref()).map(f64::sqrt);
}

#[test]
#[should_panic(expected = "a matrix to decompose is finite")]
fn a_matrix_that_is_not_finite_is_refused() {
    Spectrum::of(Mat::from_fn(2, 2, |_, _| f64::NAN).as_ref());
}
