use torso_core::seed::{Seed, Stream, normal};

use super::*;
use crate::sharing::weight_tensor::product;

const SIZES: [usize; 3] = [4, 3, 5];

fn draws(stream: &mut Stream, sizes: [usize; 3]) -> WeightTensor {
    let n = sizes.iter().product();
    WeightTensor::new(sizes, (0..n).map(|_| normal(stream)).collect())
}

fn stream(name: &str) -> Stream {
    Seed(3).stream("test", name, 0)
}

/// A covariance with correlations of either sign.
fn covariance(n: usize, stream: &mut Stream) -> Mat<f64> {
    let root = Mat::from_fn(n, n, |_, _| normal(stream));
    let mut covariance = product(root.as_ref(), root.transpose());
    (0..n).for_each(|i| covariance[(i, i)] += 0.3);
    covariance
}

fn planted(stream: &mut Stream) -> TensorNormal {
    let mut planted = TensorNormal::identity(SIZES);
    for (axis, n) in SIZES.into_iter().enumerate() {
        planted.set(axis, covariance(n, stream));
    }
    planted
}

/// `-log p(samples)` up to a constant.
fn surprise(normal: &TensorNormal, samples: &[WeightTensor]) -> f64 {
    let total: usize = normal.sizes.iter().product();
    let log_determinant = |axis: usize| {
        let Some(covariance) = normal.covariance(axis) else { return 0.0 };
        let logarithms = SymmetricEigen::of(covariance).values.iter().map(|v| v.ln()).sum::<f64>();
        logarithms * total as f64 / normal.sizes[axis] as f64
    };
    let determinants: f64 = (0..3).map(log_determinant).sum();
    let squares: f64 = samples.iter().map(|w| normal.precision_times(w).dot(w)).sum();
    f64::midpoint(squares, samples.len() as f64 * determinants)
}

fn correlation(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    let entries = || (0..a.ncols()).flat_map(|j| (0..a.nrows()).map(move |i| (i, j)));
    let n = entries().count() as f64;
    let mean = |m: &Mat<f64>| entries().map(|at| m[at]).sum::<f64>() / n;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |f: &dyn Fn((usize, usize)) -> f64| entries().map(f).sum::<f64>();
    let both = sum(&|at| (a[at] - mean_a) * (b[at] - mean_b));
    both / (sum(&|at| (a[at] - mean_a).powi(2)) * sum(&|at| (b[at] - mean_b).powi(2))).sqrt()
}

#[test]
fn planted_factors_are_found_and_every_update_raises_the_likelihood() {
    let mut stream = stream("planted");
    let planted = planted(&mut stream);
    let root = |axis: usize| SymmetricEigen::of(planted.covariance(axis).unwrap()).map(f64::sqrt);
    let sample =
        |_| (0..3).fold(draws(&mut stream, SIZES), |w, axis| w.times(axis, root(axis).as_ref()));
    let samples: Vec<WeightTensor> = (0..500).map(sample).collect();
    let mut found = TensorNormal::identity(SIZES);
    let mut before = surprise(&found, &samples);
    for update in 0..15 {
        let axis = update % 3;
        let covariance = found.most_likely(axis, &samples);
        found.set(axis, covariance);
        let after = surprise(&found, &samples);
        assert!(after <= before + 1e-9 * before.abs(), "update {update}: {before} to {after}");
        before = after;
    }
    assert!(before <= surprise(&planted, &samples), "no factors are likelier");
    for axis in 0..3 {
        let true_one = planted.covariance(axis).unwrap().to_owned();
        let alike = correlation(&found.covariance(axis).unwrap().to_owned(), &true_one);
        assert!(alike >= 0.98, "axis {axis}: {alike}");
    }
}

#[test]
fn the_gradient_is_that_of_the_quadratic_form_of_the_dense_kronecker_product() {
    let mut stream = stream("gradient");
    let planted = planted(&mut stream);
    let weights = draws(&mut stream, SIZES);
    let slope = planted.precision_times(&weights);
    let precision =
        |axis: usize| SymmetricEigen::of(planted.covariance(axis).unwrap()).map(f64::recip);
    let [inputs, outputs, tasks] = [precision(0), precision(1), precision(2)];
    let at = |k: usize| (k / 3 % 4, k % 3, k / 12);
    let form = |w: &[f64]| -> f64 {
        let entry = |k: usize, m: usize| {
            let ((i, o, t), (j, p, s)) = (at(k), at(m));
            w[k] * inputs[(i, j)] * outputs[(o, p)] * tasks[(t, s)] * w[m]
        };
        (0..60).flat_map(|k| (0..60).map(move |m| (k, m))).map(|(k, m)| entry(k, m)).sum::<f64>()
            / 2.0
    };
    assert!((form(weights.values()) - slope.dot(&weights) / 2.0).abs() < 1e-8);
    for k in 0..60 {
        // Of a quadratic form central differences are exact at any step.
        let moved = |step: f64| {
            let mut values = weights.values().to_vec();
            values[k] += step;
            form(&values)
        };
        let difference = (moved(0.5) - moved(-0.5)) / 1.0;
        let unit = slope.values().iter().fold(1.0_f64, |max, v| max.max(v.abs()));
        assert!((difference - slope.values()[k]).abs() < 1e-8 * unit, "{k}");
    }
}

#[test]
fn from_identities_the_covariance_of_tasks_is_their_gram_matrix() {
    let mut stream = stream("gram");
    let weights = draws(&mut stream, SIZES);
    let likely = TensorNormal::identity(SIZES).most_likely(TASK, std::slice::from_ref(&weights));
    let unfolded = weights.unfold(TASK);
    let gram = product(unfolded.as_ref(), unfolded.transpose());
    let factor = gram[(0, 0)] / likely[(0, 0)];
    for i in 0..5 {
        for j in 0..5 {
            assert!((factor * likely[(i, j)] - gram[(i, j)]).abs() < 1e-8);
        }
    }
    // Relationship learning (5.2.14) has `Omega = (W'W)^(1/2) / |W|_*`: the root of it. Its
    // correlations, from the singular vectors of `W`, are those of the covariance's root.
    let spectrum = torso_math::Spectrum::of(unfolded.as_ref());
    let omega = Mat::from_fn(5, 5, |i, j| {
        let products =
            (0..5).map(|k| spectrum.left[(i, k)] * spectrum.values[k] * spectrum.left[(j, k)]);
        products.sum::<f64>()
    });
    let root = SymmetricEigen::of(likely.as_ref()).map(f64::sqrt);
    let cosine = |m: &Mat<f64>, i: usize, j: usize| m[(i, j)] / (m[(i, i)] * m[(j, j)]).sqrt();
    for i in 0..5 {
        for j in 0..5 {
            assert!((cosine(&root, i, j) - cosine(&omega, i, j)).abs() < 1e-8);
        }
    }
}

#[test]
fn learned_covariances_have_mean_variance_1_and_are_well_conditioned() {
    let mut stream = stream("learned");
    // More inputs than a sample has columns for, and two tasks that are one.
    let sizes = [9, 1, 3];
    let mut values = draws(&mut stream, sizes).values().to_vec();
    values.copy_within(0..9, 9);
    let weights = WeightTensor::new(sizes, values);
    let mut learned = TensorNormal::identity(sizes);
    for _ in 0..50 {
        learned.learn(&[TASK, INPUT, OUTPUT], &weights, 0.1);
    }
    assert!(learned.covariance(OUTPUT).is_none(), "one output has no covariance");
    for axis in [INPUT, TASK] {
        let covariance = learned.covariance(axis).unwrap();
        let n = covariance.nrows();
        let mean = (0..n).map(|i| covariance[(i, i)]).sum::<f64>() / n as f64;
        assert!((mean - 1.0).abs() < 1e-12, "{mean}");
        let least = SymmetricEigen::of(covariance).values[0];
        assert!(least > 0.09, "{least}");
    }
    let tasks = learned.covariance(TASK).unwrap();
    assert!(tasks[(0, 1)] > 0.8 * (tasks[(0, 0)] * tasks[(1, 1)]).sqrt());
    let mut nothing = TensorNormal::identity(sizes);
    nothing.learn(&[TASK], &WeightTensor::new(sizes, vec![0.0; 27]), 0.1);
    assert!(nothing.covariance(TASK).is_none(), "weights of 0 tell nothing");
}

#[test]
fn identities_leave_weights_as_they_are() {
    let weights = draws(&mut stream("identity"), SIZES);
    assert_eq!(TensorNormal::identity(SIZES).precision_times(&weights), weights);
}
