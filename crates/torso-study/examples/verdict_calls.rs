//! How often the verdict calls a difference, where there is none and where there is one.
//!
//! ```text
//! cargo run --release -p torso-study --example verdict_calls -- --sets 200 [--seed 0] [--json]
//! ```
//!
//! A data set has n rows, 10 inputs and a target `tanh(2 x.b / sqrt(10)) + 0.5 noise`. An arm is a
//! ridge regression on 30 random tanh features of the inputs and of 5 columns more. Each pair of
//! arms is compared over 10 repeats, by 5 folds or by one split that tests a quarter of the rows:
//!
//! - `noise columns`: each arm has 5 columns of its own, all noise; no true difference;
//! - `random streams`: one procedure with the same columns, trained twice; no true difference;
//! - `gain`: one of the second arm's columns is a part of the target, 0.6 of the noise in size.
//!
//! A call is p below .05, before Holm's correction; where there is a gain, the right sign as well.

#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use std::process::ExitCode;
use std::time::Instant;

use rand::RngExt;
use rayon::prelude::*;
use serde_json::json;
use torso_core::data::{Labels, Task, TaskKind};
use torso_core::metric::score;
use torso_core::seed::{Seed, Stream, normal, shuffle};
use torso_study::verdict::{ArmCells, CellMatrix, LEVEL, TaskInfo, judge};

const REPEATS: usize = 10;
const FOLDS: usize = 5;
const INPUTS: usize = 10;
const EXTRA: usize = 5;
const FEATURES: usize = 30;
const RIDGE: f64 = 3.0;
const NOISE: f64 = 0.5;
const GAIN: f64 = 0.6 * NOISE;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Pair {
    NoiseColumns,
    RandomStreams,
    Gain,
}

impl Pair {
    fn name(self) -> &'static str {
        match self {
            Self::NoiseColumns => "noise columns",
            Self::RandomStreams => "random streams",
            Self::Gain => "gain",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Split {
    Folds,
    Quarter,
}

impl Split {
    fn name(self) -> &'static str {
        match self {
            Self::Folds => "5 folds",
            Self::Quarter => "75/25",
        }
    }

    /// The fold that tests each row of one repeat, and the number of folds. Rows of a later fold
    /// than these are never tested.
    fn deal(self, n: usize, stream: &mut Stream) -> (Vec<usize>, usize) {
        let (parts, folds) = match self {
            Self::Folds => (FOLDS, FOLDS),
            Self::Quarter => (4, 1),
        };
        let mut fold_of_row: Vec<usize> = (0..n).map(|row| row % parts).collect();
        shuffle(&mut fold_of_row, stream);
        (fold_of_row, folds)
    }
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
struct Case {
    pair: Pair,
    split: Split,
    n: usize,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for split in [Split::Folds, Split::Quarter] {
        for pair in [Pair::NoiseColumns, Pair::RandomStreams] {
            cases.extend([80, 300, 1000].map(|n| Case { pair, split, n }));
        }
        cases.extend([80, 300].map(|n| Case { pair: Pair::Gain, split, n }));
    }
    cases
}

impl Case {
    /// Whether the verdict calls a difference in one data set.
    fn is_called(self, seed: Seed) -> bool {
        let data = DataSet::draw(self, seed);
        let arms = [("first", &data.first), ("second", &data.second)]
            .map(|(name, columns)| self.arm(name, columns, &data.task, seed));
        let results = judge(&arms, &[TaskInfo::new(&data.task)], seed);
        let test = &results[1].tasks[0].test;
        test.p < LEVEL && (self.pair != Pair::Gain || test.mean > 0.0)
    }

    /// Trains one arm in all folds of all repeats.
    fn arm(self, name: &str, columns: &Table, task: &Task, seed: Seed) -> ArmCells {
        let mut cells = CellMatrix::new(task.labels.rows().to_vec(), REPEATS);
        let labels = task.labels.values();
        for repeat in 0..REPEATS {
            let (fold_of_row, folds) =
                self.split.deal(self.n, &mut seed.stream("folds", "", repeat as u64));
            for fold in 0..folds {
                let step = (repeat * FOLDS + fold) as u64;
                let features = columns.random_features(&mut seed.stream("features", name, step));
                let is_training = |row: usize| fold_of_row[row] != fold;
                let coefficients = features.ridge(labels, is_training);
                for &row in task.labels.rows() {
                    let at = row as usize;
                    if !is_training(at) {
                        let prediction = dot(features.row(at), &coefficients);
                        cells.set(row, repeat, score(&task.kind, &[prediction], labels[at]));
                    }
                }
            }
        }
        let (name, family) = (name.to_string(), "linear".to_string());
        ArmCells { name, family, tasks: vec![cells], auc: vec![None] }
    }
}

/// The columns of both arms, and the target.
struct DataSet {
    first: Table,
    second: Table,
    task: Task,
}

impl DataSet {
    fn draw(case: Case, seed: Seed) -> Self {
        let mut stream = seed.stream("data", "", 0);
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
        let direction = draw(INPUTS);
        let (mut first, mut second) = (Table::default(), Table::default());
        let mut target = Vec::with_capacity(case.n);
        for _ in 0..case.n {
            let (inputs, own, mut other) = (draw(INPUTS), draw(EXTRA), draw(EXTRA));
            let signal = (2.0 * dot(&inputs, &direction) / (INPUTS as f64).sqrt()).tanh();
            let gain = if case.pair == Pair::Gain { GAIN * other[0] } else { 0.0 };
            target.push(signal + NOISE * draw(1)[0] + gain);
            if case.pair == Pair::RandomStreams {
                other.clone_from(&own);
            }
            first.push(&[inputs.clone(), own].concat());
            second.push(&[inputs, other].concat());
        }
        let labels = Labels::from_column(&target);
        let task = Task { name: "y".to_string(), kind: TaskKind::Regression, labels };
        Self { first, second, task }
    }
}

/// Numbers by rows, `[n, width]`.
#[derive(Default)]
struct Table {
    width: usize,
    values: Vec<f64>,
}

impl Table {
    fn push(&mut self, row: &[f64]) {
        self.width = row.len();
        self.values.extend_from_slice(row);
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.width)
    }

    fn row(&self, at: usize) -> &[f64] {
        &self.values[at * self.width..][..self.width]
    }

    /// `tanh(x.w + b)` with w normal, of standard deviation `1.2 / sqrt(width)`, and b uniform in
    /// (-1, 1).
    fn random_features(&self, stream: &mut Stream) -> Table {
        let scale = 1.2 / (self.width as f64).sqrt();
        let units: Vec<(Vec<f64>, f64)> = (0..FEATURES)
            .map(|_| {
                let weights = (0..self.width).map(|_| scale * normal(stream)).collect();
                (weights, stream.random_range(-1.0..1.0))
            })
            .collect();
        let mut features = Table { width: FEATURES, values: Vec::new() };
        for row in self.rows() {
            let unit = |(weights, bias): &(Vec<f64>, f64)| (dot(row, weights) + bias).tanh();
            features.values.extend(units.iter().map(unit));
        }
        features
    }

    /// Solves `(H'H + ridge I) w = H'y` over the training rows.
    fn ridge(&self, labels: &[f64], is_training: impl Fn(usize) -> bool) -> Vec<f64> {
        let k = self.width;
        let mut gram = vec![vec![0.0; k]; k];
        let mut right = vec![0.0; k];
        for (at, row) in self.rows().enumerate().filter(|(at, _)| is_training(*at)) {
            for (i, &value) in row.iter().enumerate() {
                right[i] += value * labels[at];
                for (sum, other) in gram[i][..=i].iter_mut().zip(row) {
                    *sum += value * other;
                }
            }
        }
        (0..k).for_each(|i| gram[i][i] += RIDGE);
        cholesky_solve(&mut gram, right)
    }
}

/// Solves for the right side with a positive definite matrix, of which the lower triangle is read
/// and overwritten by its Cholesky factor.
fn cholesky_solve(matrix: &mut [Vec<f64>], mut right: Vec<f64>) -> Vec<f64> {
    let k = right.len();
    for i in 0..k {
        for j in 0..=i {
            let rest = matrix[i][j] - dot(&matrix[i][..j], &matrix[j][..j]);
            matrix[i][j] = if i == j { rest.sqrt() } else { rest / matrix[j][j] };
        }
        right[i] = (right[i] - dot(&matrix[i][..i], &right[..i])) / matrix[i][i];
    }
    for i in (0..k).rev() {
        let below: f64 = (i + 1..k).map(|j| matrix[j][i] * right[j]).sum();
        right[i] = (right[i] - below) / matrix[i][i];
    }
    right
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

struct Options {
    sets: u64,
    seed: u64,
    json: bool,
}

fn options(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options { sets: 200, seed: 0, json: false };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--sets" => options.sets = arguments.next()?.parse().ok().filter(|sets| *sets > 0)?,
            "--seed" => options.seed = arguments.next()?.parse().ok()?,
            "--json" => options.json = true,
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(Options { sets, seed, json }) = options(std::env::args().skip(1)) else {
        println!("usage: verdict_calls [--sets N] [--seed S] [--json]");
        return ExitCode::from(2);
    };
    let started = Instant::now();
    let mut lines = Vec::new();
    if !json {
        println!("{:<15} {:<8} {:>5}  called of {sets}", "arms differ by", "split", "n");
    }
    for case in cases() {
        let key = format!("{} {} {}", case.pair.name(), case.split.name(), case.n);
        let is_called = |set: &u64| case.is_called(Seed(seed).derive(&key, *set));
        let called = (0..sets).into_par_iter().filter(is_called).count();
        let (pair, split, n) = (case.pair.name(), case.split.name(), case.n);
        let share = called as f64 / sets as f64;
        if !json {
            println!("{pair:<15} {split:<8} {n:>5}  {called:>5}  {share:.3}");
        }
        lines.push(json!({
            "arms_differ_by": pair, "split": split, "n": n, "called": called, "share": share,
        }));
    }
    let seconds = started.elapsed().as_secs_f64();
    if json {
        println!("{}", json!({"sets": sets, "seed": seed, "lines": lines, "seconds": seconds}));
    } else {
        println!("{seconds:.0} s");
    }
    ExitCode::SUCCESS
}
