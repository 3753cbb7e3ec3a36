use torso_data::generate::{Structure, linear_own_rows};

use super::*;
use crate::testing::{largest_principal_angle, parts_of, row_major, tasks_of, tune};

mod words;

fn fit(tasks: &Tasks, lambda: f64, h: usize, iterations: usize) -> Solution {
    let effort = Effort { tolerance: 1e-10, iterations };
    let method = Aso { lambda: Some(lambda), h: Some(h) };
    method.fit(tasks, None, effort, Seed(0)).unwrap()
}

#[test]
fn the_objective_never_rises_with_own_rows_and_shared_ones() {
    let structure = Structure::LowRank { rank: 3 };
    let own = tasks_of(&linear_own_rows(structure, 12, 15, 10, 0.5, Seed(1)).data);
    let shared = tasks_of(&torso_data::generate::linear(structure, 12, 15, 10, 0.5, Seed(1)).data);
    for tasks in [own, shared] {
        let mut last = f64::INFINITY;
        for iterations in 1..40 {
            let found = fit(&tasks, 5.0, 3, iterations);
            let objective = tasks.value(found.w.as_ref()) + found.penalty;
            assert!(objective <= last * (1.0 + 1e-12), "{iterations}: {objective} after {last}");
            last = objective;
        }
    }
}

#[test]
fn at_its_end_both_steps_stand_still() {
    let tasks =
        tasks_of(&linear_own_rows(Structure::LowRank { rank: 2 }, 20, 8, 6, 0.3, Seed(2)).data);
    let effort = Effort { tolerance: 1e-15, iterations: 20_000 };
    let found = Aso { lambda: Some(3.0), h: Some(2) }.fit(&tasks, None, effort, Seed(0)).unwrap();
    let basis = &found.parts[SUBSPACE];
    // Gradient of the loss plus the pull of each task to the subspace.
    let pulled = product(pull(basis.as_ref(), 3.0).as_ref(), found.w.as_ref());
    let residual = tasks.gradient(found.w.as_ref()) + pulled;
    assert!(residual.norm_max() < 1e-5 * tasks.moments().norm_max(), "{}", residual.norm_max());
}

#[test]
fn a_planted_subspace_is_found_and_helps() {
    let structure = Structure::LowRank { rank: 4 };
    let mut ratios = Vec::new();
    for seed in 10..13 {
        let truth = linear_own_rows(structure, 40, 30, 40, 0.5, Seed(seed));
        let (learning, validation) = parts_of(&truth.data, 25);
        let aso = Aso { lambda: None, h: Some(4) };
        let found = tune(&aso, &learning, &validation, 12, Seed(seed)).unwrap();
        let planted = Mat::from_fn(30, 40, |i, t| truth.weights[i * 40 + t]);
        let planted = subspace(planted.as_ref(), 4);
        let angle = largest_principal_angle(found.parts[SUBSPACE].as_ref(), planted.as_ref());
        assert!(angle < 15.0, "{angle} degrees");
        let ridge = (crate::methods::ridge::METHOD.build)(&serde_json::Map::new()).unwrap();
        let alone = tune(&*ridge, &learning, &validation, 12, Seed(seed)).unwrap();
        let risk = |s: &Solution| truth.excess_risk(&row_major(s.w.as_ref()));
        ratios.push(risk(&found) / risk(&alone));
    }
    assert!(ratios.iter().all(|ratio| *ratio < 0.3), "{ratios:?}");
}

#[test]
fn a_subspace_of_all_tasks_leaves_nothing_to_pull() {
    let tasks = tasks_of(&linear_own_rows(Structure::Unrelated, 30, 5, 3, 0.3, Seed(3)).data);
    let found = fit(&tasks, 1e3, 3, 100_000);
    assert!(found.penalty < 1e-4 * tasks.value(found.w.as_ref()), "{}", found.penalty);
}

#[test]
fn structures_that_cannot_be_are_refused() {
    let x = Mat::from_fn(5, 3, |i, j| (i * j) as f64);
    let refused = |view: &[usize], targets: &[usize], lambda: f64| {
        structure(x.as_ref(), view, targets, lambda, 1).unwrap_err().to_string()
    };
    assert_eq!(refused(&[0], &[3], 1.0), "feature 3 is in both views, or is none of 3");
    assert_eq!(refused(&[0, 1], &[1], 1.0), "feature 1 is in both views, or is none of 3");
    assert_eq!(refused(&[0], &[1], 0.0), "the strength is 0, but must be above 0");
}

#[test]
fn words_without_labels_help_unless_their_order_is_shuffled() {
    let each: Vec<[f64; 3]> = (0..2).map(|seed| words::accuracies(50, 1500, seed)).collect();
    let mean = |k: usize| each.iter().map(|a| a[k]).sum::<f64>() / each.len() as f64;
    let [plain, helped, shuffled] = [mean(0), mean(1), mean(2)];
    println!("{plain} {helped} {shuffled}");
    assert!(helped >= plain + 0.03, "{each:?}");
    assert!(shuffled - plain < 0.25 * (helped - plain), "{each:?}");
}
