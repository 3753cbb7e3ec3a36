use faer::Side;
use faer::linalg::solvers::Solve;
use serde_json::json;
use torso_core::seed::Seed;
use torso_data::generate::{LinearTruth, Structure, linear_own_rows};
use torso_math::soft_threshold;

use super::*;
use crate::methods::l1;
use crate::testing::{parts_of, row_major, tasks_of, tune};

fn chain(n: usize, d: usize, n_tasks: usize, noise: f64, seed: u64) -> LinearTruth {
    linear_own_rows(
        Structure::Chain { support: d / 3, pieces: 2 },
        n,
        d,
        n_tasks,
        noise,
        Seed(seed),
    )
}

/// Neighbors in an order of the tasks, joined.
fn neighbors(tasks: &Tasks, order: &[usize]) -> Vec<NamedEdge> {
    let name = |t: usize| tasks.task(t).name.clone();
    order.windows(2).map(|pair| NamedEdge::Alike(name(pair[0]), name(pair[1]))).collect()
}

fn method(edges: Vec<NamedEdge>, lambda: f64, gamma: f64, epsilon: f64) -> GraphLasso {
    let (lambda, gamma, edges) = (Some(lambda), Some(gamma), Some(edges));
    GraphLasso { lambda, gamma, edges, epsilon, ..GraphLasso::default() }
}

const FAR: Effort = Effort { tolerance: 1e-12, iterations: 200_000 };

/// The least objective by the alternating direction method of multipliers: copies of `W` for the
/// absolute values, and of the differences along edges.
fn reference(tasks: &Tasks, lambda: f64, gamma: f64, edges: &[(usize, usize, f64)]) -> f64 {
    let (d, n_tasks, rho) = (tasks.n_features(), tasks.n_tasks(), tasks.curvature() / 10.0);
    let at = |i: usize, t: usize| t * d + i;
    let mut system = Mat::<f64>::zeros(d * n_tasks, d * n_tasks);
    for t in 0..n_tasks {
        let gram = tasks.gram(t);
        for i in 0..d {
            for j in 0..d {
                system[(at(i, t), at(j, t))] = gram[(i, j)];
            }
            system[(at(i, t), at(i, t))] += rho;
        }
    }
    for &(s, t, sign) in edges {
        for i in 0..d {
            system[(at(i, s), at(i, s))] += rho;
            system[(at(i, t), at(i, t))] += rho;
            system[(at(i, s), at(i, t))] -= rho * sign;
            system[(at(i, t), at(i, s))] -= rho * sign;
        }
    }
    let factor = system.llt(Side::Lower).unwrap();
    let difference = |w: &Mat<f64>| {
        Mat::from_fn(d, edges.len(), |i, e| {
            let (s, t, sign) = edges[e];
            w[(i, s)] - sign * w[(i, t)]
        })
    };
    let shrunk = |mut m: Mat<f64>, tau: f64| {
        (0..m.ncols()).for_each(|j| soft_threshold(m.col_as_slice_mut(j), tau));
        m
    };
    let mut w = Mat::zeros(d, n_tasks);
    let (mut v, mut u) = (w.clone(), w.clone());
    let (mut z, mut y) = (difference(&w), difference(&w));
    for _ in 0..20_000 {
        let mut right = tasks.moments() + faer::Scale(rho) * (&v - &u);
        for (e, &(s, t, sign)) in edges.iter().enumerate() {
            for i in 0..d {
                let pull = rho * (z[(i, e)] - y[(i, e)]);
                right[(i, s)] += pull;
                right[(i, t)] -= sign * pull;
            }
        }
        let mut flat = Mat::from_fn(d * n_tasks, 1, |k, _| right[(k % d, k / d)]);
        factor.solve_in_place(flat.as_mut());
        w = Mat::from_fn(d, n_tasks, |i, t| flat[(at(i, t), 0)]);
        v = shrunk(&w + &u, lambda / rho);
        u += &w - &v;
        let differences = difference(&w);
        z = shrunk(&differences + &y, gamma / rho);
        y += &differences - &z;
    }
    tasks.value(v.as_ref()) + lambda * v.norm_l1() + gamma * difference(&v).norm_l1()
}

#[test]
fn the_objective_is_that_of_another_solver_and_the_gap_is_honest() {
    for (lambda, gamma) in [(3.0, 2.0), (1.0, 10.0), (10.0, 0.5)] {
        let tasks = tasks_of(&chain(30, 6, 5, 0.5, 3).data);
        let order: Vec<usize> = (0..5).collect();
        let edges: Vec<(usize, usize, f64)> = (0..4).map(|t| (t, t + 1, 1.0)).collect();
        let least = reference(&tasks, lambda, gamma, &edges);
        for epsilon in [1e-3, 1e-6] {
            let method = method(neighbors(&tasks, &order), lambda, gamma, epsilon);
            let found = method.fit(&tasks, None, FAR, Seed(0)).unwrap();
            let objective = tasks.value(found.w.as_ref()) + found.penalty;
            let above = objective / least - 1.0;
            assert!(found.residual <= epsilon);
            assert!(above > -1e-8 && above <= found.residual + 1e-8, "{above} {}", found.residual);
        }
    }
}

#[test]
fn without_edges_it_is_the_lasso() {
    let tasks = tasks_of(&chain(30, 8, 4, 0.5, 4).data);
    let ours = method(Vec::new(), 5.0, 1.0, 1e-12).fit(&tasks, None, FAR, Seed(0)).unwrap();
    let theirs = l1::solve(&tasks, 5.0, None, FAR);
    assert!((&ours.w - &theirs.w).norm_max() < 1e-5);
    assert!((ours.penalty / theirs.penalty - 1.0).abs() < 1e-6);
}

#[test]
fn flipping_the_labels_of_a_task_flips_its_coefficients_to_the_bit() {
    let truth = torso_data::generate::linear(
        Structure::Covariance { blocks: &[&[1, 1, -1]], rho: 0.9 },
        40,
        8,
        4,
        0.3,
        Seed(5),
    );
    let tasks = tasks_of(&truth.data);
    let labels = |sign: f64| {
        let of = |t: usize| if t == 1 { sign } else { 1.0 };
        (0..4).map(|t| tasks.task(t).y.iter().map(|y| of(t) * y).collect()).collect()
    };
    let method = GraphLasso { lambda: Some(2.0), gamma: Some(5.0), ..GraphLasso::default() };
    let fit = |sign: f64| method.fit(&tasks.with_labels(labels(sign)), None, FAR, Seed(0)).unwrap();
    let (plain, flipped) = (fit(1.0), fit(-1.0));
    let graph = |solution: &Solution| solution.part(GRAPH).unwrap().clone();
    assert!(graph(&plain)[(0, 1)] > 0.5 && graph(&plain)[(0, 2)] < -0.5, "{:?}", graph(&plain));
    // Adding 0 makes 0 of -0.
    let bits = |x: f64| (x + 0.0).to_bits();
    assert_eq!(bits(graph(&flipped)[(0, 1)]), bits(-graph(&plain)[(0, 1)]));
    assert!(plain.w.norm_max() > 0.1);
    for t in 0..4 {
        let sign = if t == 1 { -1.0 } else { 1.0 };
        for i in 0..8 {
            assert_eq!(bits(flipped.w[(i, t)]), bits(sign * plain.w[(i, t)]));
        }
    }
}

#[test]
fn a_chain_of_tasks_beats_the_lasso_and_a_wrong_order_loses() {
    let mut mean = [0.0; 3];
    for seed in 0..4 {
        let truth = chain(45, 20, 16, 1.0, seed);
        let (learning, validation) = parts_of(&truth.data, 30);
        let graph = |order: &[usize]| GraphLasso {
            edges: Some(neighbors(&learning, order)),
            ..GraphLasso::default()
        };
        let right: Vec<usize> = (0..16).collect();
        let wrong: Vec<usize> = (0..16).map(|t| 7 * t % 16).collect();
        let lasso = (l1::METHOD.build)(&serde_json::Map::new()).unwrap();
        let methods: [&dyn LinearMethod; 3] = [&graph(&right), &*lasso, &graph(&wrong)];
        for (mean, method) in mean.iter_mut().zip(methods) {
            let found = tune(method, &learning, &validation, 12, Seed(seed)).unwrap();
            *mean += truth.excess_risk(&row_major(found.w.as_ref())) / 4.0;
        }
    }
    println!("{mean:?}");
    let [right, lasso, wrong] = mean;
    assert!(right <= 0.8 * lasso && wrong > right / 0.9, "{mean:?}");
}

#[test]
fn edges_that_do_not_fit_the_tasks_are_refused() {
    let truth = chain(10, 6, 3, 0.5, 0);
    let build = |edges: serde_json::Value| {
        (METHOD.build)(&serde_json::Map::from_iter([("edges".to_string(), edges)]))
    };
    let name = truth.data.tasks()[0].name.clone();
    assert!(build(json!([[name, name, 2.0]])).is_err());
    assert!(build(json!([[name]])).is_err());
    let stranger = build(json!([[name, "nobody", -0.5]])).unwrap();
    let message = stranger.check(&truth.data).unwrap_err().to_string();
    assert_eq!(message, "has `nobody` in `edges`, which is no task");
}
