use rand::RngExt;
use serde_json::json;
use torso_core::seed::{Seed, Stream, normal, shuffle};
use torso_data::generate::{LinearTruth, Structure, balanced_tree, linear_own_rows, measure};

use super::*;
use crate::methods::l21::GroupLasso;
use crate::penalty::{L1, L21};
use crate::testing::{parts_of, row_major, tasks_of, tune};

/// A random tree of some tasks.
fn random_tree(tasks: &[usize], stream: &mut Stream) -> Node {
    if let [only] = tasks {
        return Node::Task(*only);
    }
    let cut = stream.random_range(1..tasks.len());
    let below = [&tasks[..cut], &tasks[cut..]].map(|some| random_tree(some, stream)).to_vec();
    Node::Inner { separate: (0.5 + 0.3 * normal(stream)).clamp(0.0, 1.0), below }
}

fn random_norm(n_tasks: usize, seed: u64) -> (TreeNorm, Stream) {
    let mut stream = Seed(seed).stream("tree", "", 0);
    let mut tasks: Vec<usize> = (0..n_tasks).collect();
    shuffle(&mut tasks, &mut stream);
    let tree = Tree::new(n_tasks, &random_tree(&tasks, &mut stream)).unwrap();
    (TreeNorm { strength: 1.0, tree }, stream)
}

/// The proximal map by its dual: block coordinate ascent over the parts that groups take away.
fn shrunk_by_dual(v: &[f64], groups: &[(Vec<usize>, f64)], tau: f64) -> Vec<f64> {
    let mut u = v.to_vec();
    let mut parts: Vec<Vec<f64>> = groups.iter().map(|(tasks, _)| vec![0.0; tasks.len()]).collect();
    for _ in 0..20_000 {
        for ((tasks, weight), part) in groups.iter().zip(&mut parts) {
            let full: Vec<f64> = tasks.iter().zip(&*part).map(|(&t, p)| u[t] + p).collect();
            let norm = full.iter().map(|x| x * x).sum::<f64>().sqrt();
            let factor = (tau * weight / norm).min(1.0);
            for ((&t, p), x) in tasks.iter().zip(part.iter_mut()).zip(full) {
                *p = factor * x;
                u[t] = x - *p;
            }
        }
    }
    u
}

#[test]
fn the_weights_of_the_groups_of_a_task_sum_to_one() {
    for (seed, n_tasks) in (0..100).zip((2..=9).cycle()) {
        let (norm, _) = random_norm(n_tasks, seed);
        let mut sums = vec![0.0; n_tasks];
        for (tasks, weight) in norm.tree.groups() {
            for &t in tasks {
                sums[t] += weight;
            }
        }
        assert!(sums.iter().all(|sum| (sum - 1.0_f64).abs() < 1e-14), "{sums:?}");
    }
}

#[test]
fn the_composed_proximal_map_is_the_minimizer() {
    for seed in 0..30 {
        let (norm, mut stream) = random_norm(7, seed);
        let groups: Vec<(Vec<usize>, f64)> =
            norm.tree.groups().map(|(tasks, weight)| (tasks.to_vec(), weight)).collect();
        let v: Vec<f64> = (0..7).map(|_| normal(&mut stream)).collect();
        let mut w = Mat::from_fn(1, 7, |_, t| v[t]);
        norm.shrink(&mut w, 0.7);
        for (t, u) in shrunk_by_dual(&v, &groups, 0.7).iter().enumerate() {
            assert!((w[(0, t)] - u).abs() < 1e-8, "seed {seed}: {w:?}");
        }
    }
}

#[test]
fn the_dual_norm_bounds_products_and_is_the_least_strength_that_gives_zero() {
    for seed in 0..50 {
        let (norm, mut stream) = random_norm(6, seed);
        let mut draw = || Mat::from_fn(3, 6, |_, _| normal(&mut stream));
        let (g, w) = (draw(), draw());
        let dual = norm.dual(g.as_ref()).unwrap();
        let product = crate::tasks::inner(g.as_ref(), w.as_ref());
        // Over rows the norm is a sum and its dual a maximum.
        assert!(product <= dual * norm.value(w.as_ref()) * (1.0 + 1e-12));
        let shrunk = |strength: f64| {
            let mut w = g.clone();
            norm.shrink(&mut w, strength);
            w.norm_max()
        };
        assert!(shrunk(dual) <= 0.0);
        assert!(shrunk(dual * (1.0 - 1e-9)) > 0.0);
    }
}

#[test]
fn one_joint_node_is_the_group_lasso_and_one_separate_node_the_lasso() {
    let root = |separate| Node::Inner { separate, below: (0..5).map(Node::Task).collect() };
    let norm = |separate| TreeNorm { strength: 0.3, tree: Tree::new(5, &root(separate)).unwrap() };
    let mut stream = Seed(1).stream("w", "", 0);
    let w = Mat::from_fn(4, 5, |_, _| normal(&mut stream));
    let same = |ours: &dyn Penalty, theirs: &dyn Penalty| {
        assert!((ours.value(w.as_ref()) - theirs.value(w.as_ref())).abs() < 1e-13);
        let (mut a, mut b) = (w.clone(), w.clone());
        ours.shrink(&mut a, 1.7);
        theirs.shrink(&mut b, 1.7);
        assert!((&a - &b).norm_max() < 1e-14);
        let duals = [ours, theirs].map(|penalty| penalty.dual(w.as_ref()).unwrap());
        assert!((duals[0] / duals[1] - 1.0).abs() < 1e-12);
    };
    same(&norm(0.0), &L21(0.3));
    same(&norm(1.0), &L1(0.3));
}

fn planted(n: usize, seed: u64) -> LinearTruth {
    linear_own_rows(Structure::SubtreeSparse { support: 10 }, n, 60, 8, 1.0, Seed(seed))
}

/// The balanced tree over tasks in some order, as lists of names.
fn named(truth: &LinearTruth, order: &[usize]) -> NamedTree {
    let tasks = truth.data.tasks();
    let levels = balanced_tree(order.len());
    let mut nodes: Vec<NamedTree> = Vec::new();
    let mut below: Vec<(std::ops::Range<usize>, NamedTree)> = Vec::new();
    for level in levels.iter().rev() {
        let node = |range: &std::ops::Range<usize>| {
            if range.len() == 1 {
                return NamedTree::Task(tasks[order[range.start]].name.clone());
            }
            let inside = |b: &&(std::ops::Range<usize>, NamedTree)| {
                range.start <= b.0.start && b.0.end <= range.end
            };
            NamedTree::Under(below.iter().filter(inside).map(|b| b.1.clone()).collect())
        };
        nodes = level.iter().map(node).collect();
        below = level.iter().cloned().zip(nodes.clone()).collect();
    }
    nodes.remove(0)
}

/// The best support F1 along the path of a method.
fn best_f1(method: &dyn LinearMethod, tasks: &Tasks, truth: &LinearTruth) -> f64 {
    let effort = Effort { tolerance: 1e-4, iterations: 500 };
    let mut last: Option<Solution> = None;
    let mut best = 0.0_f64;
    for point in method.paths(tasks, 20).remove(0).into_iter().take(12) {
        let found = point.fit(tasks, last.as_ref(), effort, Seed(0)).unwrap();
        best = best.max(measure::support_f1(&row_major(found.w.as_ref()), &truth.weights));
        last = Some(found);
    }
    best
}

#[test]
fn features_of_whole_subtrees_are_found_better_and_a_wrong_tree_loses_that() {
    let (mut f1, mut risk) = ([0.0; 4], [0.0; 4]);
    for seed in 0..2 {
        let truth = planted(60, seed);
        let (learning, validation) = parts_of(&truth.data, 30);
        let tree = |order: &[usize]| TreeLasso { lambda: None, tree: Some(named(&truth, order)) };
        let (right, wrong) = (tree(&[0, 1, 2, 3, 4, 5, 6, 7]), tree(&[0, 4, 2, 6, 1, 5, 3, 7]));
        let lasso = (crate::methods::l1::METHOD.build)(&serde_json::Map::new()).unwrap();
        let group = GroupLasso::default();
        let methods: [&dyn LinearMethod; 4] = [&right, &*lasso, &group, &wrong];
        for (k, method) in methods.into_iter().enumerate() {
            f1[k] += best_f1(method, &learning, &truth) / 2.0;
            let found = tune(method, &learning, &validation, 8, Seed(seed)).unwrap();
            risk[k] += truth.excess_risk(&row_major(found.w.as_ref())) / 2.0;
        }
    }
    println!("{f1:?} {risk:?}");
    let [right, lasso, group, wrong] = f1;
    assert!(right >= lasso.max(group) + 0.05 && wrong < right - 0.05, "{f1:?}");
    let [right, lasso, group, wrong] = risk;
    assert!(right < lasso.min(group).min(wrong), "{risk:?}");
}

#[test]
fn the_fit_is_certified_and_nothing_is_used_at_the_first_strength_of_its_path() {
    let tasks = tasks_of(&planted(40, 9).data);
    let method = TreeLasso::default();
    let path = method.paths(&tasks, 5).remove(0);
    let effort = Effort { tolerance: 1e-10, iterations: 50_000 };
    let first = path[0].fit(&tasks, None, effort, Seed(0)).unwrap();
    assert!(first.w.norm_max() <= 0.0);
    let second = path[1].fit(&tasks, Some(&first), effort, Seed(0)).unwrap();
    assert!(second.residual <= 1e-10 && second.w.norm_max() > 0.0);
    let cold = path[1].fit(&tasks, None, effort, Seed(0)).unwrap();
    assert!((&second.w - &cold.w).norm_max() < 1e-4);
    assert_eq!(second.part(MERGES), first.part(MERGES), "the tree is kept");
    let names = Names {
        features: Vec::new(),
        tasks: tasks.tasks().iter().map(|task| task.name.clone()).collect(),
    };
    assert_eq!(method.findings(&second, &names).len(), 1);
}

#[test]
fn trees_that_do_not_fit_the_tasks_are_refused_by_name() {
    let truth = planted(20, 0);
    let tasks = tasks_of(&truth.data);
    let name = |t: usize| tasks.task(t).name.clone();
    let fit = |tree: serde_json::Value| {
        let mut given = serde_json::Map::from_iter([("tree".to_string(), tree)]);
        given.insert("lambda".to_string(), json!(1.0));
        let method = (METHOD.build)(&given).unwrap();
        let message = |error: LinearError| error.to_string();
        let checked = method.check(&truth.data).map_err(message);
        (checked, method.fit(&tasks, None, Effort::default(), Seed(0)).map_err(|e| e.to_string()))
    };
    let rest: Vec<String> = (1..8).map(name).collect();
    let (checked, fitted) = fit(json!([name(0), rest]));
    assert!(checked.is_ok() && fitted.is_ok());
    let (checked, fitted) = fit(json!(["nobody", rest]));
    let message = "has `nobody` in `tree`, which is no task";
    assert_eq!(checked.unwrap_err(), message);
    assert_eq!(fitted.unwrap_err(), message);
    let (_, fitted) = fit(json!([rest]));
    assert_eq!(fitted.unwrap_err(), format!("has `{}` in `tree` 0 times", name(0)));
    let (_, fitted) = fit(json!([name(0), name(0), rest]));
    assert_eq!(fitted.unwrap_err(), format!("has `{}` in `tree` 2 times", name(0)));
}
