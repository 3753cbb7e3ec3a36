//! Baxter's order N (3.1-B): the risk of what is shared falls with the number of tasks `N`, the
//! risk of what each task has of its own does not.
//!
//! `y_t = X_t B v_t + noise`, `X_t [n, d]` of a task's own, `B [d, k]` orthonormal, the heads of
//! equal energy: `V [k, N]` has orthogonal rows of norm `sqrt(N)`. Estimated by alternating least
//! squares of rank `k`, from the singular vectors of each task's own least squares. Theory, for large
//! `n`: `n R / sigma^2 = k + k (d - k) / N` with the excess risk `R = |B v_t - B^ v^_t|^2` of a mean
//! task. The part within the span of `B^` is the head's, the part outside the subspace's.

use torso_core::seed::{Seed, Stream, normal};

use crate::Row;
use crate::kit::{Interval, paired};

const D: usize = 40;
const K: usize = 3;
const N_ROWS: usize = 400;
const TASKS: [usize; 5] = [4, 8, 16, 32, 64];
const SWEEPS: usize = 15;
/// Slopes are of the mean curve of a block of seeds; the interval is over blocks.
const BLOCKS: u64 = 10;
const BLOCK: u64 = 10;

/// `n / sigma^2` times the excess risk of a mean task.
#[derive(Clone, Copy, Default)]
struct Risk {
    /// Within the span of the learned features.
    head: f64,
    /// Outside of it.
    subspace: f64,
}

impl Risk {
    fn total(&self) -> f64 {
        self.head + self.subspace
    }
}

/// A task as least squares see it, with the truth.
struct Task {
    /// `X'X [d, d]`.
    gram: Vec<f64>,
    /// `X'y`.
    moment: Vec<f64>,
    /// `B v`.
    truth: Vec<f64>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Makes rows of length `width` orthonormal (Gram and Schmidt).
fn orthonormalize(rows: &mut [f64], width: usize) {
    for at in 0..rows.len() / width {
        let (before, rest) = rows.split_at_mut(at * width);
        let row = &mut rest[..width];
        for other in before.chunks(width) {
            let along = dot(row, other);
            row.iter_mut().zip(other).for_each(|(r, o)| *r -= along * o);
        }
        let norm = dot(row, row).sqrt();
        for value in row {
            *value /= norm;
        }
    }
}

/// Solves `A x = b` for a symmetric positive definite `A` (Cholesky); `b` becomes `x`.
fn solve(mut a: Vec<f64>, b: &mut [f64]) {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let rest = a[i * n + j] - dot(&a[i * n..i * n + j], &a[j * n..j * n + j]);
            a[i * n + j] = if i == j { rest.sqrt() } else { rest / a[j * n + j] };
        }
        b[i] = (b[i] - dot(&a[i * n..i * n + i], &b[..i])) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| a[j * n + i] * b[j]).sum();
        b[i] = (b[i] - known) / a[i * n + i];
    }
}

/// `A x` for `A [x.len(), x.len()]`.
fn times(a: &[f64], x: &[f64]) -> Vec<f64> {
    a.chunks(x.len()).map(|row| dot(row, x)).collect()
}

/// Tasks over common features, or over features of their own. Features are rows, `[k, d]`.
fn draw(n_tasks: usize, private: bool, seed: u64) -> Vec<Task> {
    let mut stream = Seed(seed).stream("baxter", "", n_tasks as u64);
    let gaussian =
        |n: usize, stream: &mut Stream| -> Vec<f64> { (0..n).map(|_| normal(stream)).collect() };
    let features = |stream: &mut Stream| {
        let mut features = gaussian(K * D, stream);
        orthonormalize(&mut features, D);
        features
    };
    let mut heads = gaussian(K * n_tasks, &mut stream);
    orthonormalize(&mut heads, n_tasks);
    let common = features(&mut stream);
    let task = |t: usize| {
        let own = if private { features(&mut stream) } else { common.clone() };
        let mut truth = vec![0.0; D];
        for (feature, heads) in own.chunks(D).zip(heads.chunks(n_tasks)) {
            let v = heads[t] * (n_tasks as f64).sqrt();
            truth.iter_mut().zip(feature).for_each(|(w, b)| *w += v * b);
        }
        let (mut gram, mut moment) = (vec![0.0; D * D], vec![0.0; D]);
        for _ in 0..N_ROWS {
            let x = gaussian(D, &mut stream);
            let y = dot(&x, &truth) + normal(&mut stream);
            for ((row, moment), xi) in gram.chunks_mut(D).zip(&mut moment).zip(&x) {
                row.iter_mut().zip(&x).for_each(|(g, xj)| *g += xi * xj);
                *moment += xi * y;
            }
        }
        Task { gram, moment, truth }
    };
    (0..n_tasks).map(task).collect()
}

/// The first `k` left singular vectors of the tasks' own least squares, as rows.
fn start(tasks: &[Task]) -> Vec<f64> {
    let mut scatter = vec![0.0; D * D];
    for task in tasks {
        let mut w = task.moment.clone();
        solve(task.gram.clone(), &mut w);
        for (row, wi) in scatter.chunks_mut(D).zip(&w) {
            row.iter_mut().zip(&w).for_each(|(s, wj)| *s += wi * wj);
        }
    }
    let mut stream = Seed(0).stream("start", "", 0);
    let mut vectors: Vec<f64> = (0..K * D).map(|_| normal(&mut stream)).collect();
    for _ in 0..200 {
        vectors = vectors.chunks(D).flat_map(|v| times(&scatter, v)).collect();
        orthonormalize(&mut vectors, D);
    }
    vectors
}

/// A task's head on given features: least squares.
fn head(task: &Task, features: &[f64]) -> Vec<f64> {
    let seen: Vec<Vec<f64>> = features.chunks(D).map(|b| times(&task.gram, b)).collect();
    let inner = features.chunks(D).flat_map(|b| seen.iter().map(move |s| dot(b, s))).collect();
    let mut v: Vec<f64> = features.chunks(D).map(|b| dot(b, &task.moment)).collect();
    solve(inner, &mut v);
    v
}

/// The features that fit all tasks best at given heads: `sum_t v v' (x) X'X`, solved as one system.
fn features(tasks: &[Task], heads: &[Vec<f64>]) -> Vec<f64> {
    let n = K * D;
    let (mut system, mut right) = (vec![0.0; n * n], vec![0.0; n]);
    for (task, v) in tasks.iter().zip(heads) {
        for (p, vp) in v.iter().enumerate() {
            let own = &mut right[p * D..(p + 1) * D];
            own.iter_mut().zip(&task.moment).for_each(|(r, m)| *r += vp * m);
            for (q, vq) in v.iter().enumerate() {
                for (i, row) in task.gram.chunks(D).enumerate() {
                    let at = (p * D + i) * n + q * D;
                    let block = &mut system[at..at + D];
                    block.iter_mut().zip(row).for_each(|(s, g)| *s += vp * vq * g);
                }
            }
        }
    }
    solve(system, &mut right);
    orthonormalize(&mut right, D);
    right
}

/// Learns by alternating least squares, and compares with the truth.
fn risk(tasks: &[Task]) -> Risk {
    let mut learned = start(tasks);
    for _ in 0..SWEEPS {
        let heads: Vec<Vec<f64>> = tasks.iter().map(|task| head(task, &learned)).collect();
        learned = features(tasks, &heads);
    }
    let mut risk = Risk::default();
    for task in tasks {
        let best: Vec<f64> = learned.chunks(D).map(|b| dot(b, &task.truth)).collect();
        let within: f64 =
            head(task, &learned).iter().zip(&best).map(|(v, best)| (v - best).powi(2)).sum();
        let outside = dot(&task.truth, &task.truth) - dot(&best, &best);
        risk.head += within;
        risk.subspace += outside;
    }
    let scale = N_ROWS as f64 / tasks.len() as f64;
    Risk { head: scale * risk.head, subspace: scale * risk.subspace }
}

/// Intercept and slope of `y` on `x`.
fn line(x: &[f64], y: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let above: f64 = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum();
    let slope = above / x.iter().map(|x| (x - mx).powi(2)).sum::<f64>();
    (my - slope * mx, slope)
}

/// The mean curve of each block of seeds, `[block][number of tasks]`.
fn curves(private: bool) -> Vec<Vec<Risk>> {
    let mean = |n_tasks: usize, block: u64| {
        let mut mean = Risk::default();
        for seed in 0..BLOCK {
            let risk = risk(&draw(n_tasks, private, 100 + block * BLOCK + seed));
            mean.head += risk.head / BLOCK as f64;
            mean.subspace += risk.subspace / BLOCK as f64;
        }
        mean
    };
    (0..BLOCKS).map(|block| TASKS.iter().map(|&n| mean(n, block)).collect()).collect()
}

/// A statistic of each block's curve of one kind of risk, with its interval over blocks.
fn over_blocks(
    curves: &[Vec<Risk>],
    kind: fn(&Risk) -> f64,
    statistic: impl Fn(&[f64]) -> f64,
) -> Interval {
    let of = |curve: &Vec<Risk>| statistic(&curve.iter().map(kind).collect::<Vec<_>>());
    paired(&curves.iter().map(of).collect::<Vec<_>>())
}

fn log_slope(curve: &[f64]) -> f64 {
    let x = TASKS.map(|n| (n as f64).ln());
    line(&x, &curve.iter().map(|y| y.ln()).collect::<Vec<_>>()).1
}

/// The mean of each number of tasks, in words.
fn means(curves: &[Vec<Risk>]) -> String {
    let mean = |at: usize| over_blocks(curves, Risk::total, |curve| curve[at]).mean;
    let means: Vec<String> = (0..TASKS.len()).map(|at| format!("{:.2}", mean(at))).collect();
    means.join(", ")
}

pub(crate) fn rows() -> Vec<Row> {
    let (common, private) = (curves(false), curves(true));
    let inverse = TASKS.map(|n| 1.0 / n as f64);
    let intercept = over_blocks(&common, Risk::total, |curve| line(&inverse, curve).0);
    let slope = over_blocks(&common, Risk::total, |curve| line(&inverse, curve).1);
    let subspace = over_blocks(&common, |risk| risk.subspace, log_slope);
    let head = over_blocks(&common, |risk| risk.head, log_slope);
    let decay = over_blocks(&private, Risk::total, log_slope);
    let theory = (K * (D - K)) as f64;
    let row = |condition: String, measured: &Interval, bar, met| Row {
        system: "hard (linear)",
        condition,
        measured: measured.to_string(),
        bar,
        met,
    };
    vec![
        row(
            format!("n R / sigma^2 at N = {TASKS:?} is {}: slope in 1/N", means(&common)),
            &slope,
            "111, within 15%",
            (slope.mean / theory - 1.0).abs() <= 0.15,
        ),
        row(
            "the same: intercept".into(),
            &intercept,
            "3, within 0.6",
            (intercept.mean - K as f64).abs() <= 0.6,
        ),
        row(
            "error of the subspace: log-log slope in N".into(),
            &subspace,
            "-1.15 to -0.85",
            (-1.15..=-0.85).contains(&subspace.mean),
        ),
        row(
            "error of the head: log-log slope in N".into(),
            &head,
            "-0.1 to 0.1",
            head.mean.abs() <= 0.1,
        ),
        row(
            format!("features of their own, {}: log-log slope in N", means(&private)),
            &decay,
            "no decay: not below 0",
            decay.high >= 0.0,
        ),
    ]
}
