use torso_data::generate::{Structure, linear_own_rows};

use super::*;
use crate::methods::l1;
use crate::testing::{tasks_of, three_features};

const EXACT: Effort = Effort { tolerance: 1e-10, iterations: 100_000 };

fn worker(tasks: &Tasks, share: f64) -> Worker {
    Worker { lambda: share * tasks.moments().norm_max(), mu: 0.5, effort: EXACT }
}

#[test]
fn a_machine_sends_a_number_for_each_feature_and_is_sent_a_bit() {
    for d in [1, 8, 29] {
        let tasks = three_features(30, d.max(3), 5, true, 1).some(&[0, 1, 2]);
        let d = tasks.n_features();
        let round = Round::of(&tasks, worker(&tasks, 0.1), 0.5, 1);
        assert_eq!(round.bytes_up, [8 * d; 3]);
        assert_eq!(round.bytes_down, d.div_ceil(8));
        let norms = row_norms(round.estimates.as_ref());
        for (j, norm) in norms.iter().enumerate() {
            assert_eq!(round.support[j], *norm > 0.5);
            for t in 0..3 {
                let sent = round.estimates[(j, t)];
                let kept = if round.support[j] { sent } else { 0.0 };
                assert_eq!(round.w[(j, t)].to_bits(), kept.to_bits());
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let tasks = three_features(40, 20, 7, true, 2);
    let one = Round::of(&tasks, worker(&tasks, 0.1), 0.3, 1);
    for threads in [2, 3, 16] {
        assert_eq!(Round::of(&tasks, worker(&tasks, 0.1), 0.3, threads), one);
    }
}

#[test]
fn an_exact_inverse_gives_least_squares_whatever_the_lasso_was() {
    let tasks = three_features(80, 10, 4, true, 3);
    let lambda = Some(0.3 * tasks.moments().norm_max());
    let exact = Distributed { lambda, threshold: Some(0.0), mu: 1e-9, ..Distributed::default() };
    let sent = exact.fit(&tasks, None, EXACT, Seed(0)).unwrap();
    let refit = Distributed { refit: true, ..exact }.fit(&tasks, None, EXACT, Seed(0)).unwrap();
    assert!((&sent.w - &refit.w).norm_max() < 1e-6);
    assert!(tasks.gradient(refit.w.as_ref()).norm_max() < 1e-6);
}

#[test]
fn along_thresholds_nothing_is_sent_anew_and_nothing_changes() {
    let tasks = three_features(40, 20, 4, true, 4);
    let lambda = Some(0.1 * tasks.moments().norm_max());
    let at =
        |threshold| Distributed { lambda, threshold: Some(threshold), ..Distributed::default() };
    let first = at(5.0).fit(&tasks, None, EXACT, Seed(0)).unwrap();
    let warm = at(0.4).fit(&tasks, Some(&first), EXACT, Seed(0)).unwrap();
    let cold = at(0.4).fit(&tasks, None, EXACT, Seed(0)).unwrap();
    assert_eq!(warm.w, cold.w);
    assert!(first.w.norm_max() == 0.0 && warm.w.norm_max() > 0.0);
    // Other labels make a start of other data useless, and it is not used.
    let labels = |task: &crate::tasks::TaskRows| task.y.iter().map(|y| 2.0 * y).collect();
    let other = tasks.with_labels(tasks.tasks().iter().map(labels).collect());
    let warm = at(0.4).fit(&other, Some(&first), EXACT, Seed(0)).unwrap();
    assert_eq!(warm.w, at(0.4).fit(&other, None, EXACT, Seed(0)).unwrap().w);
}

#[test]
fn estimates_of_features_without_effect_are_normal_and_those_of_the_lasso_are_not() {
    for (n, d) in [(100, 50), (100, 150)] {
        let structure = Structure::RowSparse { support: 3 };
        let truth = linear_own_rows(structure, n, d, 20, 1.0, Seed(7));
        let tasks = tasks_of(&truth.data);
        // The strength of the theory: the noise's largest correlation with a feature.
        let lambda = (2.0 * n as f64 * (d as f64).ln()).sqrt();
        let worker = Worker { lambda, mu: 0.5, effort: EXACT };
        let sent = round::estimates(&tasks, worker, 2).estimates;
        let biased = l1::solve(&tasks, 0.3 * lambda, None, EXACT).w;
        // Errors of variance 1: the variance of u_j is m' S m / |x_j|^2.
        let scores = |estimates: &Mat<f64>| {
            let mut z: Vec<f64> = Vec::new();
            for t in 0..20 {
                let gram = tasks.gram(t);
                let mu = 0.5 * ((d as f64).ln() / n as f64).sqrt();
                let null = (0..d).filter(|j| truth.weights[j * 20 + t] == 0.0);
                z.extend(null.map(|j| estimates[(j, t)] / debias::spread(&gram, j, mu)));
            }
            kolmogorov_smirnov(&mut z)
        };
        let (distance, critical) = scores(&sent);
        println!("n {n}, d {d}: distance {distance:.4}, critical at .01 {critical:.4}");
        assert!(distance < critical);
        assert!(scores(&biased).0 > 3.0 * critical);
    }
}

/// The largest distance between the distribution of `z` and the standard normal one, and what it
/// exceeds in one of a hundred samples.
fn kolmogorov_smirnov(z: &mut [f64]) -> (f64, f64) {
    z.sort_unstable_by(f64::total_cmp);
    let n = z.len() as f64;
    let distance = z.iter().enumerate().map(|(i, z)| {
        let p = normal_below(*z);
        ((i + 1) as f64 / n - p).max(p - i as f64 / n)
    });
    (distance.fold(0.0, f64::max), 1.628 / n.sqrt())
}

/// The normal distribution function, by Simpson's rule.
fn normal_below(z: f64) -> f64 {
    let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let (steps, size) = (200, z.clamp(-8.0, 8.0) / 200.0);
    let weight = |k: i32| if k == 0 || k == steps { 1.0 } else { f64::from(2 + 2 * (k % 2)) };
    let sum: f64 = (0..=steps).map(|k| weight(k) * density(f64::from(k) * size)).sum();
    0.5 + sum * size / 3.0
}
