use faer::Mat;
use serde_json::{Map, json};
use torso_core::seed::{Seed, normal};
use torso_math::Spectrum;

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
fn the_norm_and_its_gradient_are_those_of_the_singular_values() {
    let shapes = [(4, 30, 4), (30, 4, 4), (7, 7, 7), (6, 20, 2), (20, 6, 3)];
    let axes = [INPUT, OUTPUT, TASK].into_iter();
    for (axis, (rows, columns, rank)) in axes.flat_map(|axis| shapes.map(|shape| (axis, shape))) {
        let a = matrix(rows, columns, rank);
        // The other axes have 2 and half as many places as the matrix has columns, or 1 and all.
        let mut sizes = if columns % 2 == 0 { [2, columns / 2] } else { [1, columns] }.to_vec();
        sizes.insert(axis, rows);
        let sizes = [sizes[0], sizes[1], sizes[2]];
        let weights = WeightTensor::new(sizes, vec![0.0; rows * columns]).fold(axis, a.as_ref());
        let spectrum = Spectrum::of(a.as_ref());
        let (norm, slope) = trace_norm(&weights, axis);
        let slope = slope.unfold(axis);
        assert!((norm / spectrum.values.iter().sum::<f64>() - 1.0).abs() < 1e-7, "{norm}");
        let ones: Vec<f64> =
            (0..spectrum.values.len()).map(|k| if k < rank { 1.0 } else { 0.0 }).collect();
        let polar = spectrum.rebuild(&ones);
        for j in 0..columns {
            for i in 0..rows {
                assert!((slope[(i, j)] - polar[(i, j)]).abs() < 1e-7, "{rows} {columns} {rank}");
            }
        }
    }
    let zeros = WeightTensor::new([5, 2, 3], vec![0.0; 30]);
    assert_eq!(trace_norm(&zeros, TASK), (0.0, zeros));
}

#[test]
fn every_unfolding_has_the_gradient_it_says() {
    let (data, _) = complete();
    for unfolding in ["laf", "tucker", "tt"] {
        let own = json!({ "strength": 0.3, "unfolding": unfolding });
        let mut network = network(&METHOD, &data, own.as_object().unwrap().clone());
        let n = network.params.len();
        let mut gradient = vec![0.0; n];
        network.penalty(&mut gradient);
        for at in (0..n).step_by(7) {
            let start = network.params.values()[at];
            let mut moved = |step: f32| {
                network.params.values_mut()[at] = start + step;
                network.penalty(&mut vec![0.0; n])
            };
            let slope = (moved(2e-3) - moved(-2e-3)) / 4e-3;
            network.params.values_mut()[at] = start;
            assert!((slope - f64::from(gradient[at])).abs() < 2e-3, "{unfolding} {at}");
        }
    }
}

#[test]
fn tucker_is_laf_and_the_two_other_axes_and_tt_is_laf_and_the_first() {
    let (data, _) = complete();
    let value = |unfolding: &str| {
        let own = json!({ "strength": 1.0, "unfolding": unfolding });
        let network = network(&METHOD, &data, own.as_object().unwrap().clone());
        (network.penalty(&mut vec![0.0; network.params.len()]), network)
    };
    let (laf, network) = value("laf");
    // The weights of a layer, task by task, each `[inputs, outputs]`.
    let axis = |axis: usize| -> f64 {
        let layers = [(0, 2, 12), (1, 12, 8)].map(|(l, inputs, outputs)| {
            let of = |task: usize| {
                let id = network.params.find(&format!("soft.{l}.y{task}.weight")).unwrap();
                network.params.get(id).to_vec()
            };
            let tasks = [of(0), of(1), of(2)];
            let entry = |i: usize, o: usize, t: usize| f64::from(tasks[t][i * outputs + o]);
            let unfolded = match axis {
                INPUT => Mat::from_fn(inputs, outputs * 3, |i, c| entry(i, c / 3, c % 3)),
                OUTPUT => Mat::from_fn(outputs, inputs * 3, |o, c| entry(c / 3, o, c % 3)),
                _ => Mat::from_fn(3, inputs * outputs, |t, c| entry(c / outputs, c % outputs, t)),
            };
            torso_math::trace_norm(unfolded.as_ref())
        });
        layers.iter().sum()
    };
    let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-6, "{a}, {b}");
    close(laf, axis(TASK));
    close(value("tt").0, axis(INPUT) + axis(TASK));
    close(value("tucker").0, axis(INPUT) + axis(OUTPUT) + axis(TASK));
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
    let mut network = network(&METHOD, &data, Map::new());
    network.params.values_mut()[3] = f32::NAN;
    assert!(network.penalty(&mut vec![0.0; network.params.len()]).is_nan());
}
