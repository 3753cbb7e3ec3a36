//! Seconds of one fit with given parameters, and of the choice of parameters, on tasks with their
//! own rows: `many_tasks METHOD TASKS ROWS FEATURES [POINTS]`. With `POINTS`, parameters are open
//! and chosen by cross-validation over so many strengths a path.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an experiment")]

use std::time::Instant;

use serde_json::{Map, Value, json};
use torso_core::estimator::{Batch, Budget, Estimator, Problem};
use torso_core::features::{Design, FeatureValues};
use torso_core::journal::NoJournal;
use torso_core::seed::Seed;
use torso_data::generate::{Structure, linear_own_rows};
use torso_linear::{FitSettings, Linear, methods};

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| -> usize { given[at].parse().unwrap() };
    let (n_tasks, n, d) = (number(1), number(2), number(3));
    let structure = Structure::LowRank { rank: 5.min(d).min(n_tasks) };
    let data = linear_own_rows(structure, n, d, n_tasks, 1.0, Seed(1)).data;
    let columns: Vec<&Vec<f64>> = data
        .features()
        .columns
        .iter()
        .map(|column| match &column.values {
            FeatureValues::Numeric(values) => values,
            FeatureValues::Categorical { .. } => panic!("generated features are numbers"),
        })
        .collect();
    let names = data.features().columns.iter().map(|column| column.name.clone()).collect();
    let cells = (0..n * n_tasks).flat_map(|i| columns.iter().map(move |column| column[i]));
    let design = Design::new(names, n * n_tasks, cells.collect());
    let rows = data.labeled_rows();
    let (own, points) = match given.get(4) {
        Some(points) => (Map::new(), points.parse().unwrap()),
        None => (strengths(&given[0], n as f64), 1),
    };
    let settings = FitSettings { points, ..FitSettings::default() };
    let method = Linear::new(methods::find(&given[0]).unwrap(), &own, settings).unwrap();
    let budget = Budget { trials: 1, epochs: 1, batch: Batch::Full };
    let (validation, journal): (&[u32], _) = (&[], &NoJournal);
    let seed = Seed(0);
    let problem =
        Problem { data: &data, design: &design, train: &rows, validation, seed, budget, journal };
    let start = Instant::now();
    let model = method.fit(&problem).unwrap();
    let trace = model.trace();
    let seconds = start.elapsed().as_secs_f64();
    let certificate = trace.certificate.unwrap();
    println!("{} {n_tasks} x {n} x {d}: {seconds:.2} s, {:?}", given[0], trace.settings);
    println!("{}, {certificate:?}", trace.status.word());
}

/// Parameters of about the right size for tasks of `n` rows.
fn strengths(method: &str, n: f64) -> Map<String, Value> {
    let given = match method {
        "mtrl" => json!({"rho1": 1.0, "rho2": 0.02 * n}),
        "clustered" => json!({"clusters": 4, "within": n, "between": 0.05 * n}),
        "caso" => json!({"dimensions": 5, "rho1": 0.05 * n, "rho2": n}),
        "ridge" => json!({"lambda": 0.1 * n}),
        _ => json!({"rho1": 0.01 * n, "rho2": 0.3 * n}),
    };
    given.as_object().unwrap().clone()
}
