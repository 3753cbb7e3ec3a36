//! Trees, graphs and subspaces of tasks: sections 5.2.4, 5.2.5, 5.2.7, 5.2.17 and 5.2.18.

use faer::Mat;
use serde_json::{Value, json};
use torso_core::seed::Seed;
use torso_data::generate::measure::{adjusted_rand_index, support_f1};
use torso_data::generate::{LinearTruth, Structure, linear_own_rows};
use torso_linear::methods::aso::{extend, structure};
use torso_linear::methods::find;
use torso_linear::tasks::product;
use torso_linear::testing::{largest_principal_angle, parts_of, row_major, tune};
use torso_linear::{Effort, LinearMethod, Solution, Tasks};
use torso_math::Spectrum;

use super::Row;

#[path = "../../src/methods/aso/tests/words.rs"]
mod words;

/// All rows of these methods.
pub(super) fn rows() -> Vec<Row> {
    let tables = [tree(), graph(), aso(), words_without_labels(), kang(15), kang(20), overlap()];
    tables.into_iter().flatten().collect()
}

fn method(id: &str, settings: Value) -> Box<dyn LinearMethod> {
    let Value::Object(settings) = settings else { panic!("settings are an object") };
    let entry = find(id).expect("a method of the registry");
    (entry.build)(&settings).expect("settings of the method")
}

/// The mean over seeds of what each of some methods gives.
fn means<const K: usize>(seeds: u64, of: impl Fn(u64) -> [f64; K]) -> [f64; K] {
    let mut mean = [0.0; K];
    for seed in 0..seeds {
        for (mean, value) in mean.iter_mut().zip(of(seed)) {
            *mean += value / seeds as f64;
        }
    }
    mean
}

/// Learned from the first `n` labels of each task, with parameters chosen on the others.
fn tuned(method: &dyn LinearMethod, truth: &LinearTruth, n: usize, seed: u64) -> Solution {
    let (learning, validation) = parts_of(&truth.data, n);
    tune(method, &learning, &validation, 12, Seed(seed)).expect("the method fits the data")
}

/// [`tuned`], with all restarts at each strength and nothing from the one before.
fn tuned_cold(method: &dyn LinearMethod, truth: &LinearTruth, n: usize, seed: u64) -> Solution {
    let (learning, validation) = parts_of(&truth.data, n);
    let effort = Effort { tolerance: 1e-5, iterations: 2000 };
    let points = method.paths(&learning, 12).into_iter().flatten();
    let fits = points.map(|point| point.fit(&learning, None, effort, Seed(seed)));
    let found = fits.map(|fit| fit.expect("the method fits the data"));
    let loss = |found: &Solution| validation.value(found.w.as_ref());
    found.min_by(|a, b| loss(a).total_cmp(&loss(b))).expect("a path has a point")
}

fn risk(truth: &LinearTruth, solution: &Solution) -> f64 {
    truth.excess_risk(&row_major(solution.w.as_ref()))
}

fn f1(truth: &LinearTruth, solution: &Solution) -> f64 {
    support_f1(&row_major(solution.w.as_ref()), &truth.weights)
}

/// A binary tree over eight tasks in some order.
fn binary_tree(tasks: &Tasks, order: [usize; 8]) -> Value {
    let name = |t: usize| json!(tasks.task(order[t]).name);
    let pair = |t: usize| json!([name(t), name(t + 1)]);
    json!({ "tree": [[pair(0), pair(2)], [pair(4), pair(6)]] })
}

fn tree() -> Vec<Row> {
    /// The best support F1 along a path.
    fn best_f1(method: &dyn LinearMethod, tasks: &Tasks, truth: &LinearTruth) -> f64 {
        let effort = Effort { tolerance: 1e-4, iterations: 500 };
        let mut last: Option<Solution> = None;
        let mut best = 0.0_f64;
        for point in method.paths(tasks, 20).remove(0).into_iter().take(14) {
            let found = point.fit(tasks, last.as_ref(), effort, Seed(0));
            let found = found.expect("the method fits the data");
            best = best.max(f1(truth, &found));
            last = Some(found);
        }
        best
    }
    // For each of: the tree, the lasso, the group lasso, a wrong tree.
    let each = means(5, |seed| {
        let planted = Structure::SubtreeSparse { support: 10 };
        let truth = linear_own_rows(planted, 60, 60, 8, 1.0, Seed(seed));
        let (learning, _) = parts_of(&truth.data, 30);
        let tree = |order| method("tree-lasso", binary_tree(&learning, order));
        let methods = [
            tree([0, 1, 2, 3, 4, 5, 6, 7]),
            method("l1", json!({})),
            method("l21", json!({})),
            tree([0, 4, 2, 6, 1, 5, 3, 7]),
        ];
        let mut out = [0.0; 12];
        for (k, method) in methods.iter().enumerate() {
            let found = tuned(&**method, &truth, 30, seed);
            out[k] = best_f1(&**method, &learning, &truth);
            out[4 + k] = f1(&truth, &found);
            out[8 + k] = risk(&truth, &found);
        }
        out
    });
    let told = |v: &[f64]| {
        format!(
            "tree {:.2}, lasso {:.2}, group lasso {:.2}, wrong tree {:.2}",
            v[0], v[1], v[2], v[3]
        )
    };
    let row = |what: &str, v: &[f64], bar: &'static str, met: bool| Row {
        system: "tree-lasso",
        condition: format!("subtrees use features: {what}"),
        measured: told(v),
        bar,
        met,
    };
    let gain = |v: &[f64]| v[0] >= v[1].max(v[2]) + 0.05 && v[3] < v[0] - 0.05;
    let (best, chosen, risk) = (&each[..4], &each[4..8], &each[8..]);
    let bar = "tree at least .05 above both, wrong tree below";
    vec![
        row("support F1 at each method's best strength", best, bar, gain(best)),
        row("support F1 at the strength of least validation loss", chosen, bar, gain(chosen)),
        row("excess risk", risk, "tree lowest", risk[1..].iter().all(|other| risk[0] < *other)),
    ]
}

fn graph() -> Vec<Row> {
    let [right, lasso, wrong] = means(10, |seed| {
        let planted = Structure::Chain { support: 6, pieces: 2 };
        let truth = linear_own_rows(planted, 45, 20, 16, 1.0, Seed(seed));
        let (learning, _) = parts_of(&truth.data, 30);
        let chain = |step: usize| {
            let name = |k: usize| learning.task(step * k % 16).name.clone();
            let edges: Vec<Value> = (0..15).map(|k| json!([name(k), name(k + 1)])).collect();
            method("graph-lasso", json!({ "edges": edges }))
        };
        let of = |method: &dyn LinearMethod| risk(&truth, &tuned(method, &truth, 30, seed));
        [of(&*chain(1)), of(&*method("l1", json!({}))), of(&*chain(7))]
    });
    vec![Row {
        system: "graph-lasso",
        condition: "rows constant along a chain: excess risk of chain, wrong chain, lasso".into(),
        measured: format!("{right:.3}, {wrong:.3}, {lasso:.3}"),
        bar: "at most .8 of the lasso; wrong chain worse",
        met: right <= 0.8 * lasso && wrong > right,
    }]
}

fn aso() -> Vec<Row> {
    let seeds = 10;
    let angles: Vec<f64> = (0..seeds)
        .map(|seed| {
            let planted = Structure::LowRank { rank: 4 };
            let truth = linear_own_rows(planted, 40, 30, 40, 0.5, Seed(seed));
            let found = tuned(&*method("aso", json!({ "h": 4 })), &truth, 25, seed);
            let basis = found.part("subspace").expect("aso tells its subspace");
            largest_principal_angle(basis.as_ref(), first_directions(&truth, 4).as_ref())
        })
        .collect();
    let largest = angles.into_iter().fold(0.0, f64::max);
    vec![Row {
        system: "aso",
        condition: format!("4 of 30 dimensions, 40 tasks, 25 rows: largest angle of {seeds} seeds"),
        measured: format!("{largest:.1} degrees"),
        bar: "below 15 degrees",
        met: largest < 15.0,
    }]
}

/// The first left singular vectors of the true coefficients.
fn first_directions(truth: &LinearTruth, rank: usize) -> Mat<f64> {
    let n_tasks = truth.data.n_tasks();
    let d = truth.weights.len() / n_tasks;
    let w = Mat::from_fn(d, n_tasks, |i, t| truth.weights[i * n_tasks + t]);
    Spectrum::of(w.as_ref()).left.subcols(0, rank).to_owned()
}

fn words_without_labels() -> Vec<Row> {
    let [plain, helped, shuffled] = means(5, |seed| words::accuracies(50, 5000, 100 + seed));
    vec![Row {
        system: "aso",
        condition: "50 labeled sentences, 5,000 without labels: accuracy without them, with them, \
                    with their words shuffled"
            .into(),
        measured: format!(
            "{:.1}%, {:.1}%, {:.1}%",
            100.0 * plain,
            100.0 * helped,
            100.0 * shuffled
        ),
        bar: "3 points more; shuffled a quarter of that at most",
        met: helped >= plain + 0.03 && shuffled - plain < 0.25 * (helped - plain),
    }]
}

fn kang(n: usize) -> Vec<Row> {
    let seeds = 10;
    let mut indexes = Vec::new();
    let mut risks = [0.0; 3];
    for seed in 0..seeds {
        let planted = Structure::Subspaces { groups: 3, rank: 3 };
        let truth = linear_own_rows(planted, n + 15, 30, 30, 0.5, Seed(seed));
        let grouped = tuned_cold(&*method("kang", json!({ "groups": 3 })), &truth, n, seed);
        let found = grouped.part("group").expect("kang tells its groups");
        let found: Vec<usize> = (0..30)
            .map(|t| (0..3).find(|g| (found[(t, 0)] - *g as f64).abs() < 0.5).unwrap_or(3))
            .collect();
        let planted = truth.groups.as_ref().expect("subspaces have groups");
        indexes.push(adjusted_rand_index(&found, planted));
        let of = |id: &str| risk(&truth, &tuned(&*method(id, json!({})), &truth, n, seed));
        risks[0] += risk(&truth, &grouped) / seeds as f64;
        risks[1] += of("mtfl") / seeds as f64;
        risks[2] += of("ridge") / seeds as f64;
    }
    indexes.sort_by(f64::total_cmp);
    let high = indexes.iter().filter(|index| **index >= 0.9).count();
    let [grouped, one, alone] = risks;
    let condition = |what: &str| format!("3 subspaces of 3 in 30 dimensions, {n} rows: {what}");
    vec![
        Row {
            system: "kang",
            condition: condition("adjusted Rand index"),
            measured: format!("{high} of {seeds} at least .9; least {:.2}", indexes[0]),
            bar: "all at least .9",
            met: high == indexes.len(),
        },
        Row {
            system: "kang",
            condition: condition("excess risk of groups, one group (mtfl), ridge"),
            measured: format!("{grouped:.2}, {one:.2}, {alone:.2}"),
            bar: "groups lowest",
            met: grouped < one.min(alone),
        },
    ]
}

fn overlap() -> Vec<Row> {
    // Excess risk of go-mtl, kang, mtfl, ridge; support F1, usage of extra vectors, angle.
    let each = means(10, |seed| {
        let truth = linear_own_rows(Structure::Basis, 35, 20, 30, 0.5, Seed(seed));
        let found = tuned(&*method("go-mtl", json!({ "k": 6 })), &truth, 20, seed);
        let l = found.part("basis").expect("go-mtl tells its basis");
        let s = found.part("mixtures").expect("go-mtl tells its mixtures");
        let mut usage: Vec<f64> =
            (0..l.ncols()).map(|k| l.col(k).norm_l2() * s.row(k).norm_l1()).collect();
        usage.sort_by(f64::total_cmp);
        let extra = (usage[0] + usage[1]) / usage.iter().sum::<f64>();
        let spanned = Spectrum::of(found.w.as_ref()).left.subcols(0, 4).to_owned();
        let planted = first_directions(&truth, 4);
        let angle = largest_principal_angle(spanned.as_ref(), planted.as_ref());
        let of = |method: &dyn LinearMethod| risk(&truth, &tuned(method, &truth, 20, seed));
        let groups = truth.groups.as_ref().expect("a basis has groups");
        [
            risk(&truth, &found),
            of(&*method("kang", json!({ "groups": 3 }))),
            of(&*method("mtfl", json!({}))),
            of(&*method("ridge", json!({}))),
            mixture_f1(s, groups),
            extra,
            angle,
        ]
    });
    let [ours, disjoint, one, alone, support, extra, angle] = each;
    let row = |what: &str, measured: String, bar: &'static str, met: bool| Row {
        system: "go-mtl",
        condition: format!("overlapping groups of 4 vectors, 6 allowed, 20 rows: {what}"),
        measured,
        bar,
        met,
    };
    vec![
        row(
            "excess risk of go-mtl, kang, mtfl, ridge",
            format!("{ours:.3}, {disjoint:.3}, {one:.3}, {alone:.3}"),
            "go-mtl below the others",
            ours < disjoint.min(one).min(alone),
        ),
        row(
            "excess risk of kang below mtfl",
            format!("{disjoint:.3}, {one:.3}"),
            "kang below mtfl",
            disjoint < one,
        ),
        row("support F1 of mixtures", format!("{support:.2}"), "at least .85", support >= 0.85),
        row(
            "use of two further vectors",
            format!("{:.1}%", 100.0 * extra),
            "below 5%",
            extra < 0.05,
        ),
        row(
            "angle of the subspace",
            format!("{angle:.1} degrees"),
            "below 15 degrees",
            angle < 15.0,
        ),
    ]
}

/// Support F1 of mixtures `[k, n_tasks]` where a task of group `g` mixes the vectors `g` and
/// `g + 1` of four, with vectors matched as well as can be.
fn mixture_f1(s: &Mat<f64>, groups: &[usize]) -> f64 {
    let n = groups.len();
    let uses = |k: usize, t: usize| s[(k, t)] != 0.0;
    let found: usize = (0..s.nrows()).map(|k| (0..n).filter(|&t| uses(k, t)).count()).sum();
    let both = |k: usize, vector: usize| {
        (0..n).filter(|&t| uses(k, t) && (groups[t] == vector || groups[t] + 1 == vector)).count()
    };
    2.0 * best_match(0, &mut vec![false; s.nrows()], &both) as f64 / (found + 2 * n) as f64
}

/// The most common uses when the vectors from `vector` on are matched with rows not yet taken.
fn best_match(vector: usize, taken: &mut Vec<bool>, both: &dyn Fn(usize, usize) -> usize) -> usize {
    if vector == 4 {
        return 0;
    }
    let mut most = 0;
    for k in 0..taken.len() {
        if !taken[k] {
            taken[k] = true;
            most = most.max(both(k, vector) + best_match(vector + 1, taken, both));
            taken[k] = false;
        }
    }
    most
}
