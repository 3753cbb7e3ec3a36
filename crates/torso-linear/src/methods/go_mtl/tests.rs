use faer::Mat;
use torso_data::generate::{LinearTruth, Structure, linear_own_rows};

use super::*;
use crate::methods::kang::Kang;
use crate::testing::{largest_principal_angle, parts_of, row_major, tasks_of, tune};

fn basis(n: usize, seed: u64) -> LinearTruth {
    linear_own_rows(Structure::Basis, n, 20, 30, 0.5, Seed(seed))
}

fn method(mu: f64, lambda: f64, k: usize) -> GoMtl {
    GoMtl { mu: Some(mu), lambda, k: Some(k), ..GoMtl::default() }
}

#[test]
fn no_round_raises_the_objective_with_own_rows_and_shared_ones() {
    let shared = torso_data::generate::linear(Structure::Basis, 15, 10, 12, 0.5, Seed(1));
    for tasks in [tasks_of(&basis(12, 1).data), tasks_of(&shared.data)] {
        let problem = Problem::new(&tasks, 5.0, 1.0);
        let mut factors = Factors::starts(&tasks, 4, 1, Seed(0)).remove(0);
        let mut last = problem.objective(&factors);
        for round in 0..50 {
            problem.round(&mut factors);
            let next = problem.objective(&factors);
            assert!(next <= last * (1.0 + 1e-12), "{round}: {next} after {last}");
            last = next;
        }
    }
}

#[test]
fn both_ways_to_the_basis_are_one() {
    let data = torso_data::generate::linear(Structure::Basis, 15, 10, 12, 0.5, Seed(2)).data;
    let shared = tasks_of(&data);
    // The same rows, but each task holds a copy of its own.
    let copy = |t: usize| {
        let task = shared.task(t);
        let rows = crate::tasks::Rows::new(task.rows.x().to_owned(), task.rows.weights().to_vec());
        crate::tasks::TaskRows { rows: std::sync::Arc::new(rows), ..task.clone() }
    };
    let own = Tasks::new(10, (0..12).map(copy).collect());
    assert!(own.shared().is_none() && shared.shared().is_some());
    let fit = |tasks: &Tasks| {
        let effort = Effort { tolerance: 1e-12, iterations: 300 };
        method(2.0, 1.0, 4).fit(tasks, None, effort, Seed(0)).unwrap()
    };
    let (a, b) = (fit(&own), fit(&shared));
    assert!((&a.w - &b.w).norm_max() < 1e-4 * a.w.norm_max(), "{}", (&a.w - &b.w).norm_max());
}

#[test]
fn only_the_product_of_strengths_matters() {
    let tasks = tasks_of(&basis(12, 3).data);
    let effort = Effort { tolerance: 1e-9, iterations: 2000 };
    let a = method(6.0, 1.0, 4).fit(&tasks, None, effort, Seed(0)).unwrap();
    let b = method(3.0, 4.0, 4).fit(&tasks, None, effort, Seed(0)).unwrap();
    assert!((&a.w - &b.w).norm_max() < 1e-6 * a.w.norm_max());
    assert!((a.penalty / b.penalty - 1.0).abs() < 1e-8);
}

#[test]
fn at_its_end_mixtures_and_basis_are_optimal_and_scales_are_best() {
    let tasks = tasks_of(&basis(25, 4).data);
    let effort = Effort { tolerance: 1e-15, iterations: 20_000 };
    let found = method(10.0, 1.0, 4).fit(&tasks, None, effort, Seed(0)).unwrap();
    let (l, s) = (&found.parts[BASIS], &found.parts[MIXTURES]);
    let gradient = tasks.gradient(found.w.as_ref());
    let by_basis = crate::tasks::product(gradient.as_ref(), s.transpose()) + l;
    assert!(by_basis.norm_max() < 1e-3 * l.norm_max(), "{}", by_basis.norm_max());
    let by_mixtures = crate::tasks::product(l.transpose(), gradient.as_ref());
    for t in 0..30 {
        for k in 0..4 {
            let slope = by_mixtures[(k, t)];
            if s[(k, t)] == 0.0 {
                assert!(slope.abs() <= 10.0 * (1.0 + 1e-3));
            } else {
                assert!((slope + 10.0 * s[(k, t)].signum()).abs() < 1e-2, "{slope}");
            }
        }
    }
    for k in 0..4 {
        let (size, square) = (10.0 * s.row(k).norm_l1(), l.col(k).squared_norm_l2());
        assert!((size / square - 1.0).abs() < 1e-3);
    }
}

#[test]
fn overlapping_groups_are_learned_best_and_vectors_too_many_vanish() {
    for seed in 0..2 {
        let truth = basis(35, seed);
        let (learning, validation) = parts_of(&truth.data, 20);
        let risk = |method: &dyn LinearMethod| {
            let found = tune(method, &learning, &validation, 10, Seed(seed)).unwrap();
            (truth.excess_risk(&row_major(found.w.as_ref())), found)
        };
        let (ours, found) = risk(&GoMtl { k: Some(6), ..GoMtl::default() });
        let disjoint = |groups: usize| Kang { groups: Some(groups), ..Kang::default() };
        let (three, _) = risk(&disjoint(3));
        let (one, _) = risk(&disjoint(1));
        let ridge = (crate::methods::ridge::METHOD.build)(&serde_json::Map::new()).unwrap();
        let (alone, _) = risk(&*ridge);
        println!("{seed}: {ours} {three} {one} {alone}");
        assert!(ours < three && ours < one && ours < 0.2 * alone, "{ours} {three} {one} {alone}");
        let (l, s) = (&found.parts[BASIS], &found.parts[MIXTURES]);
        let mut usage: Vec<f64> = (0..6).map(|k| l.col(k).norm_l2() * s.row(k).norm_l1()).collect();
        usage.sort_by(f64::total_cmp);
        let extra = (usage[0] + usage[1]) / usage.iter().sum::<f64>();
        assert!(extra < 0.05, "{usage:?}");
        let planted = Mat::from_fn(20, 30, |i, t| truth.weights[i * 30 + t]);
        let planted = torso_math::Spectrum::of(planted.as_ref()).left.subcols(0, 4).to_owned();
        let spanned = torso_math::Spectrum::of(found.w.as_ref()).left.subcols(0, 4).to_owned();
        let angle = largest_principal_angle(planted.as_ref(), spanned.as_ref());
        assert!(angle < 15.0, "{angle} degrees");
    }
}
