use faer::Mat;
use serde_json::json;
use torso_core::seed::{Seed, normal};
use torso_math::Spectrum;
use torso_tape::ParamId;

use super::*;
use crate::sharing::contract::network;
use crate::sharing::soft_l2::tests::{assert_is_apart, complete};

#[test]
fn with_strength_0_it_is_the_tasks_alone() {
    assert_is_apart(&METHOD, &json!({ "strength": 0 }));
}

/// A matrix of rank `rank`.
fn matrix(rows: usize, columns: usize, rank: usize) -> Mat<f64> {
    let mut stream = Seed(2).stream("test", "matrix", (rows * 100 + columns) as u64);
    let left = Mat::from_fn(rows, rank, |_, _| normal(&mut stream));
    let right = Mat::from_fn(rank, columns, |_, _| normal(&mut stream));
    product(left.as_ref(), right.as_ref())
}

#[test]
fn singular_values_of_every_unfolding_are_lowered() {
    let shapes = [(4, 30, 4), (30, 4, 4), (7, 7, 7), (6, 20, 2), (20, 6, 3)];
    let axes = [INPUT, OUTPUT, TASK].into_iter();
    for (axis, (rows, columns, rank)) in axes.flat_map(|axis| shapes.map(|shape| (axis, shape))) {
        let a = matrix(rows, columns, rank);
        // The other axes have 2 and half as many places as the matrix has columns, or 1 and all.
        let mut sizes = if columns % 2 == 0 { vec![2, columns / 2] } else { vec![1, columns] };
        sizes.insert(axis, rows);
        let sizes = [sizes[0], sizes[1], sizes[2]];
        let weights = WeightTensor::new(sizes, vec![0.0; rows * columns]).fold(axis, a.as_ref());
        let spectrum = Spectrum::of(a.as_ref());
        for by in [0.0, 0.5 * spectrum.values[1], 2.0 * spectrum.values[0]] {
            let fewer: Vec<f64> = spectrum.values.iter().map(|s| (s - by).max(0.0)).collect();
            let expected = spectrum.rebuild(&fewer);
            let found = lowered(&weights, axis, by).unfold(axis);
            let places = (0..columns).flat_map(|j| (0..rows).map(move |i| (i, j)));
            let off = places.map(|at| (found[at] - expected[at]).abs()).fold(0.0, f64::max);
            assert!(off < 1e-6, "{axis}, {rows} x {columns}, {rank}, {by}: {off}");
        }
    }
    let zeros = WeightTensor::new([5, 2, 3], vec![0.0; 30]);
    assert_eq!(lowered(&zeros, TASK, 0.1), zeros);
}

#[test]
fn a_step_lowers_the_unfoldings_that_are_given() {
    let (data, _) = complete();
    for (unfolding, axes) in
        [("laf", &[TASK][..]), ("tt", &[INPUT, TASK]), ("tucker", &[INPUT, OUTPUT, TASK])]
    {
        let own = json!({ "strength": 2.0, "unfolding": unfolding });
        let mut network = network(&METHOD, &data, own.as_object().unwrap().clone());
        network.n_labels = 50.0;
        let ids: Vec<ParamId> = (0..3)
            .map(|task| network.params.find(&format!("soft.0.y{task}.weight")).unwrap())
            .collect();
        let stacked = |network: &crate::network::Network| {
            let values = ids.iter().flat_map(|&id| network.params.get(id));
            WeightTensor::new([2, 12, 3], values.map(|v| f64::from(*v)).collect())
        };
        let by = 0.1 * 2.0 * (24.0f64 / 50.0).sqrt();
        let start = stacked(&network);
        let expected = axes.iter().fold(start, |weights, &axis| lowered(&weights, axis, by));
        network.after_step(0.1);
        let found = stacked(&network);
        let off = found.values().iter().zip(expected.values()).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f64::max) < 1e-6, "{unfolding}");
    }
}

#[test]
fn the_effective_rank_counts_directions() {
    assert!((effective_rank(&[2.0, 2.0, 2.0, 0.0]) - 3.0).abs() < 1e-12);
    assert!((effective_rank(&[5.0, 0.0]) - 1.0).abs() < 1e-12);
    assert!(effective_rank(&[1.0, 0.1]) < 1.5);
}

#[test]
fn a_diverged_network_is_no_panic() {
    let (data, _) = complete();
    let mut network = network(&METHOD, &data, serde_json::Map::new());
    network.params.values_mut()[3] = f32::NAN;
    network.after_step(0.01);
    assert!(network.params.values()[3].is_nan());
}
