//! Optima of the School data that were certified elsewhere; skipped where the data is absent.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic, says when it is skipped, and finds its data by a variable"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use faer::Mat;
use serde_json::{Map, json};
use torso_core::estimator::FitStatus;
use torso_core::seed::Seed;
use torso_linear::method::LinearMethod;
use torso_linear::penalty::row_norms;
use torso_linear::solver::row_descent;
use torso_linear::{Effort, Rows, Solution, TaskRows, Tasks, methods};

/// Each school z-scored over its own rows, with a column of ones.
fn school() -> Option<Tasks> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var("TORSO_DATA").map_or(project.join("../shared/data"), PathBuf::from);
    let path = folder.join("school/school.csv.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        println!("skipped: {} is absent", path.display());
        return None;
    };
    let mut reader = csv::Reader::from_reader(flate2::read::GzDecoder::new(file));
    let mut schools: BTreeMap<u32, Vec<Vec<f64>>> = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        let cells: Vec<f64> = record.iter().skip(1).map(|cell| cell.parse().unwrap()).collect();
        schools.entry(record[0].parse().unwrap()).or_default().push(cells);
    }
    let tasks = schools.iter().map(|(school, rows)| {
        let (n, d) = (rows.len(), rows[0].len() - 1);
        let scaled = Mat::from_fn(n, d + 1, |i, j| if j == d { 1.0 } else { z(rows, i, j) });
        TaskRows {
            name: school.to_string(),
            rows: Arc::new(Rows::new(scaled, vec![1.0; n])),
            y: rows.iter().map(|row| row[d]).collect(),
            scale: 1.0,
        }
    });
    Some(Tasks::new(29, tasks.collect()))
}

fn z(rows: &[Vec<f64>], i: usize, j: usize) -> f64 {
    let n = rows.len() as f64;
    let mean = rows.iter().map(|row| row[j]).sum::<f64>() / n;
    let variance = rows.iter().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / (n - 1.0);
    if variance > 0.0 { (rows[i][j] - mean) / variance.sqrt() } else { 0.0 }
}

fn fit(id: &str, lambda: f64, tasks: &Tasks) -> Solution {
    let given = Map::from_iter([("lambda".to_string(), json!(lambda))]);
    let method: Box<dyn LinearMethod> = (methods::find(id).unwrap().build)(&given).unwrap();
    let effort = Effort { tolerance: 1e-11, iterations: 100_000 };
    method.fit(tasks, None, effort, Seed(0)).unwrap()
}

fn objective(tasks: &Tasks, solution: &Solution) -> f64 {
    tasks.value(solution.w.as_ref()) + solution.penalty
}

#[test]
fn the_optima_are_the_certified_ones() {
    let Some(tasks) = school() else { return };
    assert_eq!(tasks.n_tasks(), 139);
    let non_zero_rows =
        |w: &Mat<f64>| (0..w.nrows()).filter(|&i| w.row(i).iter().any(|v| *v != 0.0)).count();
    let non_zeros = |w: &Mat<f64>| {
        (0..w.ncols()).map(|t| w.col(t).iter().filter(|v| **v != 0.0).count()).sum::<usize>()
    };
    let rank = |w: &Mat<f64>| {
        let values = w.singular_values().unwrap();
        values.iter().filter(|v| **v > 1e-9 * values[0]).count()
    };
    for (id, lambda, optimum, structure) in [
        ("l21", 400.0, 851_875.409_399, 20),
        ("l21", 800.0, 1_013_657.102_637, 19),
        ("l1", 100.0, 1_104_085.451_908, 1036),
        ("trace", 200.0, 742_490.634_933, 16),
        ("trace", 800.0, 941_929.628_772, 12),
    ] {
        let solution = fit(id, lambda, &tasks);
        let found = objective(&tasks, &solution);
        assert!((found / optimum - 1.0).abs() < 1e-8, "{id} {lambda}: {found}");
        let of = match id {
            "l21" => non_zero_rows(&solution.w),
            "l1" => non_zeros(&solution.w),
            _ => rank(&solution.w),
        };
        assert_eq!(of, structure, "{id} {lambda}");
        assert_eq!(solution.status, FitStatus::Converged, "{id} {lambda}");
        println!("{id} {lambda}: {found:.6}, structure {of}, residual {:.1e}", solution.residual);
    }
}

#[test]
fn the_whole_path_reaches_its_gap() {
    let Some(tasks) = school() else { return };
    // Without the level of the scores, which else is most of the path.
    let centered = |task: &TaskRows| {
        let mean = task.y.iter().sum::<f64>() / task.y.len() as f64;
        task.y.iter().map(|y| y - mean).collect()
    };
    let centered = tasks.with_labels(tasks.tasks().iter().map(centered).collect());
    for (name, tasks) in [("as it is", tasks), ("centered", centered)] {
        let started = Instant::now();
        let sweeps = path(&tasks);
        // The bar is 0.3 s on a quiet machine; here it is only told.
        let seconds = started.elapsed().as_secs_f64();
        println!("30 points, labels {name}: {seconds:.3} s, {sweeps} sweeps");
    }
}

/// 30 strengths, from the largest to a tenth of it, to a relative gap of 1e-6; gives the sweeps.
fn path(tasks: &Tasks) -> usize {
    let most = row_norms(tasks.moments()).into_iter().fold(0.0, f64::max);
    let effort = Effort { tolerance: 1e-6, iterations: 100_000 };
    let mut last: Option<Solution> = None;
    let mut sweeps = 0;
    for point in 0..30 {
        let lambda = most * 0.1_f64.powf(f64::from(point) / 29.0);
        let start = last.as_ref().map(|solution| &solution.w);
        let solution = row_descent::minimize(tasks, lambda, start, effort);
        assert_eq!(solution.status, FitStatus::Converged, "point {point}");
        sweeps += solution.iterations;
        last = Some(solution);
    }
    sweeps
}
