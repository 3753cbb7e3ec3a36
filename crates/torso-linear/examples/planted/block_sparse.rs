//! Block-sparse methods: `l1-inf`, `l21`, `mtfl`, `dirty`, `dsml` and `robust`.
//!
//! Strengths are the best of a path by what is measured, for all methods alike, unless a row says
//! that they were chosen on further labels. Figures are means over seeds.

use faer::{Mat, MatRef};
use serde_json::{Map, Value, json};
use torso_core::seed::Seed;
use torso_data::generate::measure::support_f1;
use torso_data::generate::{LinearTruth, Structure, linear, linear_own_rows};
use torso_linear::method::LinearMethod;
use torso_linear::methods::find;
use torso_linear::testing::{largest_principal_angle, parts_of, row_major, tasks_of, tune};
use torso_linear::{Effort, Solution, Tasks};
use torso_math::Spectrum;

use crate::Row;

pub(crate) mod recovery;
pub(crate) mod theory;

use recovery::{Method, Problem};

/// All bars of section 5.1, and of the robust methods beyond it.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = recovery_rows(&[(128, 100), (256, 40)]);
    rows.extend(shared_support(20));
    rows.extend(learned_features(20));
    rows.extend(theory::rows(5));
    rows.extend(distributed(10));
    rows.extend(outliers(20));
    rows
}

/// 5.1.1 and 5.1.5: rows needed by `l1-inf` and `dirty`, in those that the lasso needs, for some
/// numbers of features with so many trials each.
pub(crate) fn recovery_rows(sizes: &[(usize, u64)]) -> Vec<Row> {
    const LEVELS: [f64; 3] = [0.25, 0.5, 0.75];
    let mut rows = Vec::new();
    // The largest distance between the curves of two sizes, over methods, overlaps and levels.
    let mut gaps = [0.0_f64; 2];
    for alpha in [0.3, 0.5, 2.0 / 3.0, 0.8, 1.0] {
        let mut scaled: Vec<[Vec<f64>; 2]> = Vec::new();
        for &(p, trials) in sizes {
            let problem = Problem { p, alpha };
            let of = |method: Method| problem.rows_for(method, &LEVELS, trials);
            let [lasso, of_rows, dirty] =
                [Method::Lasso, Method::LargestOfRows, Method::Dirty].map(of);
            let in_theory = |method: Method, rows: &[f64]| {
                rows.iter().map(|n| n / method.theory(problem)).collect::<Vec<f64>>()
            };
            scaled.push([
                in_theory(Method::Lasso, &lasso),
                in_theory(Method::LargestOfRows, &of_rows),
            ]);
            let condition = format!(
                "rows for half of {trials} trials, overlap {alpha:.2}, p = {p}: l1 {:.0}, l1-inf {:.0}, dirty {:.0}",
                lasso[1], of_rows[1], dirty[1]
            );
            rows.extend(of_rows_row(alpha, of_rows[1] / lasso[1], &condition));
            rows.push(dirty_row(alpha, dirty[1], lasso[1].min(of_rows[1]), condition));
        }
        if let [small, large] = scaled.as_slice() {
            for (gap, (small, large)) in gaps.iter_mut().zip(small.iter().zip(large)) {
                let apart = small.iter().zip(large).map(|(a, b)| (a - b).abs());
                *gap = apart.fold(*gap, f64::max);
            }
        }
    }
    if sizes.len() == 2 {
        for (system, gap) in ["l1", "l1-inf"].into_iter().zip(gaps) {
            rows.push(Row {
                system,
                condition: "largest distance of both sizes' curves at 25, 50 and 75%, in rows over the theory's".to_string(),
                measured: format!("{gap:.2}"),
                bar: "below 0.2",
                met: gap < 0.2,
            });
        }
    }
    rows
}

fn of_rows_row(alpha: f64, ratio: f64, condition: &str) -> Option<Row> {
    let (bar, met) = if alpha > 0.9 {
        ("l1-inf needs at most 0.65 of l1's rows", ratio <= 0.65)
    } else if alpha < 0.4 {
        ("l1-inf needs at least 1.1 of l1's rows", ratio >= 1.1)
    } else if (0.6..0.7).contains(&alpha) {
        ("l1-inf needs 0.85 to 1.15 of l1's rows", (0.85..=1.15).contains(&ratio))
    } else {
        return None;
    };
    let measured = format!("{ratio:.2}");
    Some(Row { system: "l1-inf", condition: condition.to_string(), measured, bar, met })
}

fn dirty_row(alpha: f64, dirty: f64, best: f64, condition: String) -> Row {
    let ratio = dirty / best;
    let (bar, most) = if (0.45..0.55).contains(&alpha) {
        ("dirty needs at most 0.9 of the better one's rows", 0.9)
    } else {
        ("dirty needs at most 1.1 of the better one's rows", 1.1)
    };
    Row { system: "dirty", condition, measured: format!("{ratio:.2}"), bar, met: ratio <= most }
}

/// 5.1.2: the more tasks, the better their common support is found.
pub(crate) fn shared_support(seeds: u64) -> Vec<Row> {
    const TASKS: [usize; 5] = [1, 2, 4, 8, 16];
    let f1 = |id: &str, n_tasks: usize| {
        let of_seed = |seed: u64| {
            let structure = Structure::RowSparse { support: 10 };
            let truth = linear(structure, 40, 200, n_tasks, 0.5, Seed(2000 + seed));
            let tasks = tasks_of(&truth.data);
            let f1 = |s: &Solution| support_f1(&row_major(s.w.as_ref()), &truth.weights);
            best_of_path(&*method(id, &json!({})), &tasks, f1)
        };
        mean((0..seeds).map(of_seed))
    };
    let group: Vec<f64> = TASKS.iter().map(|n_tasks| f1("l21", *n_tasks)).collect();
    let lasso = f1("l1", 16);
    let figures: Vec<String> = group.iter().map(|f1| format!("{f1:.2}")).collect();
    let rises = group.windows(2).all(|pair| pair[1] >= pair[0]);
    vec![
        Row {
            system: "l21",
            condition: format!(
                "F1 of the support, 10 of 200 features, 40 rows, {seeds} seeds, 1, 2, 4, 8, 16 tasks"
            ),
            measured: figures.join(", "),
            bar: "rises; at 16 tasks at least 0.95",
            met: rises && group[4] >= 0.95,
        },
        Row {
            system: "l1",
            condition: "the same, 16 tasks".to_string(),
            measured: format!("{lasso:.2}"),
            bar: "at most 0.8",
            met: lasso <= 0.8,
        },
    ]
}

/// 5.1.3: the subspace of tasks is learned from tasks.
pub(crate) fn learned_features(seeds: u64) -> Vec<Row> {
    const RANK: usize = 5;
    const NOISE: f64 = 0.5;
    let of_seed = |n_tasks: usize, seed: u64| -> [f64; 3] {
        let (n, d) = (15, 20);
        let structure = Structure::LowRank { rank: RANK };
        let truth = linear_own_rows(structure, 2 * n, d, n_tasks, NOISE, Seed(2000 + seed));
        let (learning, validation) = parts_of(&truth.data, n);
        let w = tuned("mtfl", &learning, &validation).w;
        let alone = tuned("ridge", &learning, &validation).w;
        let left = |w: MatRef<'_, f64>| Spectrum::of(w).left.subcols(0, RANK).to_owned();
        let planted = MatRef::from_row_major_slice(&truth.weights, d, n_tasks);
        let angle = largest_principal_angle(left(w.as_ref()).as_ref(), left(planted).as_ref());
        let error = |w: &Mat<f64>| truth.excess_risk(&row_major(w.as_ref())) + NOISE.powi(2);
        [angle, error(&w), error(&alone)]
    };
    let means = |n_tasks: usize| {
        let all: Vec<[f64; 3]> = (0..seeds).map(|seed| of_seed(n_tasks, seed)).collect();
        [0, 1, 2].map(|k| mean(all.iter().map(|figures| figures[k])))
    };
    let ([few, ..], [many, shared, alone]) = (means(25), means(100));
    vec![
        Row {
            system: "mtfl",
            condition: format!(
                "largest angle to the planted 5 of 20 dimensions, 15 rows, {seeds} seeds, 25 and 100 tasks, strength by further labels"
            ),
            measured: format!("{few:.1} and {many:.1} degrees"),
            bar: "halves",
            met: many <= 0.5 * few,
        },
        Row {
            system: "mtfl",
            condition: "its error on new rows over that of ridge, 100 tasks".to_string(),
            measured: format!("{:.2}", shared / alone),
            bar: "at most 0.70",
            met: shared / alone <= 0.7,
        },
    ]
}

/// 5.1.6: one round of messages finds the support nearly as all data in one place do.
pub(crate) fn distributed(seeds: u64) -> Vec<Row> {
    let (n, d) = (60, 100);
    let wrong = |id: &str, given: &Value, n_tasks: usize| {
        let of_seed = |seed: u64| {
            let structure = Structure::RowSparse { support: 10 };
            let truth = linear_own_rows(structure, n, d, n_tasks, 1.0, Seed(2000 + seed));
            let tasks = tasks_of(&truth.data);
            let right = |s: &Solution| {
                let found = row_major(s.w.as_ref());
                let differs = |(f, t): &(&f64, &f64)| (**f != 0.0) != (**t != 0.0);
                -(found.iter().zip(&truth.weights).filter(differs).count() as f64)
            };
            -best_of_path(&*method(id, given), &tasks, right) / n_tasks as f64
        };
        mean((0..seeds).map(of_seed))
    };
    let mut rows = Vec::new();
    for n_tasks in [1, 4, 16] {
        let one = wrong("dsml", &json!({}), n_tasks);
        let (central, local) =
            (wrong("l21", &json!({}), n_tasks), wrong("l1", &json!({}), n_tasks));
        let near = one <= 1.1 * central;
        rows.push(Row {
            system: "dsml",
            condition: format!("wrong ones among {d} features a task, {n} rows, 10 true, {seeds} seeds, {n_tasks} tasks: l21 {central:.2}, l1 {local:.2}"),
            measured: format!("{one:.2}"),
            bar: if n_tasks == 16 { "at most 1.1 times l21, below l1" } else { "at most 1.1 times l21" },
            met: near && (n_tasks < 16 || one < local),
        });
    }
    rows
}

/// 5.2.20: outlier tasks do not spoil the others, and are told apart.
pub(crate) fn outliers(seeds: u64) -> Vec<Row> {
    let ids = ["robust", "trace", "ridge"];
    let of_seed = |seed: u64| -> [f64; 3] {
        let (n, d, n_tasks, outliers) = (20, 20, 24, 4);
        let structure = Structure::Outlier { unrelated: outliers, within: 0.1 };
        let truth: LinearTruth =
            linear_own_rows(structure, 2 * n, d, n_tasks, 1.0, Seed(2000 + seed));
        let (learning, validation) = parts_of(&truth.data, n);
        ids.map(|id| {
            truth.excess_risk(&row_major(tuned(id, &learning, &validation).w.as_ref())) + 1.0
        })
    };
    let all: Vec<[f64; 3]> = (0..seeds).map(of_seed).collect();
    let [robust, trace, ridge] = [0, 1, 2].map(|k| mean(all.iter().map(|errors| errors[k])));
    vec![Row {
        system: "robust",
        condition: format!(
            "error on new rows over that of ridge, 20 near tasks and 4 outliers, {seeds} seeds, strengths by further labels; trace {:.2}",
            trace / ridge
        ),
        measured: format!("{:.2}", robust / ridge),
        bar: "below trace and 1 (no bar in the specification)",
        met: robust < trace.min(ridge),
    }]
}

/// The method with parameters.
fn method(id: &str, given: &Value) -> Box<dyn LinearMethod> {
    let given: &Map<String, Value> = given.as_object().expect("parameters have names");
    let entry = find(id).expect("a method of the list");
    (entry.build)(given).unwrap_or_else(|error| panic!("{error}"))
}

/// The most that `score` says of a point on the paths of a method. The last twelve of thirty, below
/// a fiftieth of the strongest, are left out: they use most features, and take most of the time.
fn best_of_path(method: &dyn LinearMethod, tasks: &Tasks, score: impl Fn(&Solution) -> f64) -> f64 {
    let effort = Effort { tolerance: 1e-5, iterations: 2000 };
    let mut best = f64::NEG_INFINITY;
    for path in method.paths(tasks, 30) {
        let mut last: Option<Solution> = None;
        for point in path.into_iter().take(18) {
            let solution = point
                .fit(tasks, last.as_ref(), effort, Seed(0))
                .unwrap_or_else(|error| panic!("{error}"));
            best = best.max(score(&solution));
            last = Some(solution);
        }
    }
    best
}

/// The solution of least loss on the validation labels.
fn tuned(id: &str, learning: &Tasks, validation: &Tasks) -> Solution {
    tune(&*method(id, &json!({})), learning, validation, 20, Seed(0))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn mean(figures: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = figures.fold((0.0, 0.0), |(sum, n), figure| (sum + figure, n + 1.0));
    sum / n
}
