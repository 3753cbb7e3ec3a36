//! Every linear method on every structure: which one for which truth?
//!
//! Prints a table in Markdown. A cell is the excess risk of the method, its parameters chosen by
//! cross-validation, divided by that of the best single-task method (ridge or lasso, chosen by
//! cross-validation too): the geometric mean over seeds. Below 1, learning together helped.
//! Paths have 10 points, and fits end at a gap or residual of 1e-6.
//! `method_matrix [SEEDS] [METHOD...]`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an experiment")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Map;
use torso_core::estimator::{Batch, Budget, Estimator, Problem};
use torso_core::features::{Design, FeatureValues};
use torso_core::journal::NoJournal;
use torso_core::seed::Seed;
use torso_data::generate::{LinearTruth, Structure, linear_own_rows};
use torso_linear::{FitSettings, Linear, Sees, methods};

/// A structure, rows a task, features, tasks, and the methods that were made for it.
struct Column {
    name: &'static str,
    structure: Structure,
    n: usize,
    d: usize,
    n_tasks: usize,
    own: &'static [&'static str],
}

/// Data sets side by side; the table does not depend on it.
const THREADS: usize = 2;

/// The seed and the logarithm of the ratio of each fit, by method and column.
type Logs = BTreeMap<(&'static str, usize), Vec<(u64, f64)>>;

const COLUMNS: &[Column] = &[
    Column {
        name: "rowsparse",
        structure: Structure::RowSparse { support: 6 },
        n: 25,
        d: 40,
        n_tasks: 20,
        own: &["l21", "l1-inf", "dsml"],
    },
    Column {
        name: "dirty",
        structure: Structure::Dirty { support: 4, private: 2 },
        n: 25,
        d: 40,
        n_tasks: 20,
        own: &["dirty"],
    },
    Column {
        name: "lowrank",
        structure: Structure::LowRank { rank: 3 },
        n: 20,
        d: 25,
        n_tasks: 30,
        own: &["trace", "mtfl", "aso", "caso"],
    },
    Column {
        name: "cluster",
        structure: Structure::Cluster { clusters: 3, between: 1.0, within: 0.1 },
        n: 15,
        d: 20,
        n_tasks: 30,
        own: &["clustered", "shared-hypotheses"],
    },
    Column {
        name: "tree",
        structure: Structure::SubtreeSparse { support: 20 },
        n: 25,
        d: 40,
        n_tasks: 16,
        own: &["tree-lasso"],
    },
    Column {
        name: "graph",
        structure: Structure::Graph { within: 0.2 },
        n: 15,
        d: 20,
        n_tasks: 16,
        own: &["graph"],
    },
    Column { name: "go", structure: Structure::Basis, n: 15, d: 20, n_tasks: 30, own: &["go-mtl"] },
    Column {
        name: "subspaces",
        structure: Structure::Subspaces { groups: 3, rank: 3 },
        n: 15,
        d: 30,
        n_tasks: 30,
        own: &["kang"],
    },
    Column {
        name: "cov(-)",
        structure: Structure::Covariance { blocks: &[&[1, 1, -1], &[1, -1]], rho: 0.9 },
        n: 30,
        d: 20,
        n_tasks: 6,
        own: &["mtrl"],
    },
    Column {
        name: "outlier",
        structure: Structure::Outlier { unrelated: 1, within: 0.2 },
        n: 15,
        d: 20,
        n_tasks: 16,
        own: &["mean-regularized", "robust"],
    },
    Column {
        name: "unrelated",
        structure: Structure::Unrelated,
        n: 30,
        d: 20,
        n_tasks: 16,
        own: &["ridge"],
    },
];

/// The mean excess risk of the tasks.
fn risk(id: &str, truth: &LinearTruth, seed: u64) -> f64 {
    let entry = methods::find(id).unwrap();
    let settings =
        FitSettings { points: 10, tolerance: 1e-6, iterations: 2000, ..FitSettings::default() };
    let linear = Linear::new(entry, &Map::new(), settings).unwrap();
    let numbers = |values: &FeatureValues| match values {
        FeatureValues::Numeric(values) => values.clone(),
        FeatureValues::Categorical { .. } => unreachable!("generated features are numbers"),
    };
    let columns: Vec<Vec<f64>> =
        truth.data.features().columns.iter().map(|column| numbers(&column.values)).collect();
    let values = (0..truth.data.n_rows()).flat_map(|i| columns.iter().map(move |c| c[i])).collect();
    let names = (0..columns.len()).map(|j| format!("x{j}")).collect();
    let design = Design::new(names, truth.data.n_rows(), values);
    let rows = truth.data.labeled_rows();
    let model = linear
        .fit(&Problem {
            data: &truth.data,
            design: &design,
            train: &rows,
            validation: &[],
            seed: Seed(seed),
            budget: Budget { trials: 1, epochs: 1, batch: Batch::Auto },
            journal: &NoJournal,
        })
        .unwrap();
    let coefficients = model.coefficients().unwrap();
    let intercepts = coefficients.intercepts.iter().map(|b| b * b).sum::<f64>();
    truth.excess_risk(&coefficients.values) + intercepts / coefficients.intercepts.len() as f64
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seeds: u64 = arguments.next().map_or(5, |seeds| seeds.parse().unwrap());
    let wanted: Vec<String> = arguments.collect();
    let is_wanted = |id: &str| {
        let least_squares =
            (methods::find(id).unwrap().build)(&Map::new()).unwrap().sees() == Sees::LeastSquares;
        least_squares
            && (wanted.is_empty()
                || ["ridge", "l1"].contains(&id)
                || wanted.iter().any(|w| w == id))
    };
    let ids: Vec<&'static str> =
        methods::methods().iter().map(|entry| entry.method.id).filter(|id| is_wanted(id)).collect();
    let jobs: Vec<(usize, u64)> =
        (0..COLUMNS.len()).flat_map(|c| (0..seeds).map(move |seed| (c, seed))).collect();
    let next = Mutex::new(jobs.into_iter());
    let logs: Mutex<Logs> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some((c, seed)) = next.lock().unwrap().next() else { return };
                    let Column { structure, n, d, n_tasks, .. } = COLUMNS[c];
                    // Seeds of other experiments begin at 0.
                    let truth = linear_own_rows(structure, n, d, n_tasks, 1.0, Seed(1000 + seed));
                    let risks: Vec<f64> = ids.iter().map(|id| risk(id, &truth, seed)).collect();
                    let at = |id: &str| risks[ids.iter().position(|i| *i == id).unwrap()];
                    let alone = at("ridge").min(at("l1"));
                    let mut logs = logs.lock().unwrap();
                    for (id, risk) in ids.iter().zip(&risks) {
                        logs.entry((id, c)).or_default().push((seed, (risk / alone).ln()));
                    }
                }
            });
        }
    });
    print(&ids, &logs.into_inner().unwrap());
}

fn print(ids: &[&'static str], logs: &Logs) {
    let cell = |id: &'static str, c: usize| {
        let mut of = logs[&(id, c)].clone();
        of.sort_by_key(|(seed, _)| *seed); // sums do not depend on which thread came first
        (of.iter().map(|(_, log)| log).sum::<f64>() / of.len() as f64).exp()
    };
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    println!("| method | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(names.len()));
    for id in ids {
        let cells = COLUMNS.iter().enumerate().map(|(c, column)| {
            let best = ids.iter().map(|id| cell(id, c)).fold(f64::INFINITY, f64::min);
            let text = format!("{:.2}", cell(id, c));
            let is_near = cell(id, c) <= 1.05 * best;
            match (column.own.contains(id), is_near) {
                (true, true) => format!("**{text}** ✓"),
                (true, false) => format!("**{text}** ✗"),
                (false, true) => format!("{text} ✓"),
                (false, false) => text,
            }
        });
        println!("| `{id}` | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}
