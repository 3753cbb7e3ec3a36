//! The time of a warm-started path of the group lasso over features, to a given gap.
//!
//! `lasso_path FOLDER` reads `x.f64` (`[n, d]`, column-major) and `y.f64` (`[n, T]`) with the sizes
//! in `sizes.txt` (`n d T`), solves for 30 strengths from the largest down to a tenth of it, to a
//! relative gap of 1e-6, and prints the seconds, the largest gap and the last objective.
//! `benches/peers/lasso_path.py` writes the folder and runs the peers on the same data.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example")]

use std::sync::Arc;
use std::time::Instant;

use faer::{Mat, MatRef};
use torso_linear::penalty::row_norms;
use torso_linear::solver::row_descent;
use torso_linear::{Effort, Rows, TaskRows, Tasks};

fn read(path: &str) -> Vec<f64> {
    let bytes = std::fs::read(path).unwrap();
    bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
}

fn main() {
    let folder = std::env::args().nth(1).expect("the folder of the data");
    let sizes = std::fs::read_to_string(format!("{folder}/sizes.txt")).unwrap();
    let sizes: Vec<usize> = sizes.split_whitespace().map(|size| size.parse().unwrap()).collect();
    let [n, d, n_tasks] = sizes[..] else { panic!("three sizes") };
    let (x, y) = (read(&format!("{folder}/x.f64")), read(&format!("{folder}/y.f64")));
    let x: Mat<f64> = MatRef::from_column_major_slice(&x, n, d).to_owned();
    let started = Instant::now();
    let rows = Arc::new(Rows::new(x, vec![1.0; n]));
    let task = |t: usize| TaskRows {
        name: format!("y{t}"),
        rows: rows.clone(),
        y: y[t * n..][..n].to_vec(),
        scale: 1.0,
    };
    let tasks = Tasks::new(d, (0..n_tasks).map(task).collect());
    let most = row_norms(tasks.moments()).into_iter().fold(0.0, f64::max);
    let effort = Effort { tolerance: 1e-6, iterations: 1_000_000 };
    let mut w: Option<Mat<f64>> = None;
    let mut penalty = 0.0;
    let mut worst = 0.0_f64;
    for point in 0..30 {
        let lambda = most * 0.1_f64.powf(f64::from(point) / 29.0);
        let solution = row_descent::minimize(&tasks, lambda, w.as_ref(), effort);
        worst = worst.max(solution.residual);
        penalty = solution.penalty;
        w = Some(solution.w);
    }
    let seconds = started.elapsed().as_secs_f64();
    let last = w.map_or(0.0, |w| tasks.value(w.as_ref())) + penalty;
    println!("seconds {seconds:.4}");
    println!("gap {worst:.2e}");
    println!("last {last:.9e}");
}
