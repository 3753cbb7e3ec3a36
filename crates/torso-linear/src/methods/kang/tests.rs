use torso_data::generate::measure::adjusted_rand_index;
use torso_data::generate::{LinearTruth, Structure, linear_own_rows};

use super::*;
use crate::testing::{parts_of, row_major, tasks_of, tune};

const FAR: Effort = Effort { tolerance: 1e-9, iterations: 20_000 };

fn three_subspaces(n: usize, seed: u64) -> LinearTruth {
    let structure = Structure::Subspaces { groups: 3, rank: 3 };
    linear_own_rows(structure, n, 30, 30, 0.5, Seed(seed))
}

fn kang(gamma: Option<f64>, groups: usize) -> Kang {
    Kang { gamma, groups: Some(groups), ..Kang::default() }
}

#[test]
fn one_group_is_multi_task_feature_learning() {
    let tasks =
        tasks_of(&linear_own_rows(Structure::LowRank { rank: 2 }, 15, 10, 8, 0.5, Seed(1)).data);
    let ours = kang(Some(2.0), 1).fit(&tasks, None, FAR, Seed(0)).unwrap();
    let given = serde_json::Map::from_iter([("lambda".to_string(), serde_json::json!(2.0))]);
    let theirs = (crate::methods::mtfl::METHOD.build)(&given).unwrap();
    let theirs = theirs.fit(&tasks, None, FAR, Seed(0)).unwrap();
    let objective = |s: &Solution| tasks.value(s.w.as_ref()) + s.penalty;
    assert!((objective(&ours) / objective(&theirs) - 1.0).abs() < 1e-8);
    assert!((&ours.w - &theirs.w).norm_max() < 1e-4 * ours.w.norm_max());
}

#[test]
fn groups_with_subspaces_of_their_own_are_found_and_help() {
    for seed in 0..3 {
        let truth = three_subspaces(35, seed);
        let (learning, validation) = parts_of(&truth.data, 20);
        let risk = |method: &dyn LinearMethod| {
            let found = tune(method, &learning, &validation, 8, Seed(seed)).unwrap();
            (truth.excess_risk(&row_major(found.w.as_ref())), found)
        };
        let (grouped, found) = risk(&kang(None, 3));
        let index = adjusted_rand_index(&kept(&found.parts[GROUP]), truth.groups.as_ref().unwrap());
        let (one_group, _) = risk(&kang(None, 1));
        let ridge = (crate::methods::ridge::METHOD.build)(&serde_json::Map::new()).unwrap();
        let (alone, _) = risk(&*ridge);
        println!("{seed}: ARI {index}, risks {grouped} {one_group} {alone}");
        assert!(index >= 0.9, "seed {seed}: {index}");
        assert!(grouped < 0.8 * one_group.min(alone), "{grouped} {one_group} {alone}");
    }
}

#[test]
fn more_starts_and_a_warm_one_never_raise_the_objective() {
    let tasks = tasks_of(&three_subspaces(20, 7).data);
    let objective = |s: &Solution| tasks.value(s.w.as_ref()) + s.penalty;
    let fit = |restarts: usize, start: Option<&Solution>| {
        let method = Kang { restarts, ..kang(Some(3.0), 3) };
        method.fit(&tasks, start, FAR, Seed(1)).unwrap()
    };
    let few = fit(1, None);
    let many = fit(6, None);
    assert!(objective(&many) <= objective(&few) * (1.0 + 1e-3));
    let warm = fit(1, Some(&many));
    assert!(objective(&warm) <= objective(&many) * (1.0 + 1e-3));
    let again = fit(6, None);
    assert_eq!(many.w, again.w, "same seed, same bits");
    assert!(many.residual <= FAR.tolerance);
}

#[test]
fn for_its_groups_the_coefficients_are_optimal() {
    let tasks = tasks_of(&three_subspaces(20, 8).data);
    let found = kang(Some(3.0), 3).fit(&tasks, None, FAR, Seed(1)).unwrap();
    let group = kept(&found.parts[GROUP]);
    // Each group: -gradient = gamma |W|_* (U V' + orthogonal part of norm at most 1).
    for g in 0..3 {
        let own = members(&group, g);
        let some = tasks.some(&own);
        let w = columns(&found.w, &group, g);
        let norm = torso_math::trace_norm(w.as_ref());
        let slope = some.gradient(w.as_ref());
        let largest = torso_math::singular_values(slope.as_ref())[0];
        assert!(largest <= 3.0 * norm * (1.0 + 1e-5), "{largest} {norm}");
        let product = -crate::tasks::inner(slope.as_ref(), w.as_ref());
        assert!((product / (3.0 * norm * norm) - 1.0).abs() < 1e-5, "{product}");
    }
}
