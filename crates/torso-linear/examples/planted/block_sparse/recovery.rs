//! How many rows it takes to recover the support of two tasks (Negahban and Wainwright 2008).
//!
//! Two tasks use `s` of `p` features each, a share `alpha` of them the same; coefficients are 1 or
//! -1. A method *recovers* them where, at some strength of its path, the features in use by any task
//! are exactly the true ones and no true coefficient has a wrong sign. The best strength counts for
//! all methods alike.

use std::collections::BTreeMap;

use faer::Mat;
use torso_core::seed::Seed;
use torso_data::generate::{Structure, linear_own_rows};
use torso_linear::Tasks;
use torso_linear::solver::row_descent::{self, Capped};
use torso_linear::testing::tasks_of;
use torso_linear::{Effort, Solution};

/// The standard deviation of the errors; coefficients are 1.
const NOISE: f64 = 0.1;
/// Strengths of a path, and how far down it goes.
const POINTS: i32 = 16;
const LAST: f64 = 0.01;

/// A norm of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Method {
    /// `l1`.
    Lasso,
    /// `l1-inf`.
    LargestOfRows,
    /// `dirty`, its strengths in the three proportions that its paths have.
    Dirty,
}

impl Method {
    /// Its norms of rows with strength 1, one for each path.
    fn norms(self) -> Vec<Capped> {
        match self {
            Self::Lasso => vec![Capped { rows: f64::INFINITY, entries: 1.0 }],
            Self::LargestOfRows => vec![Capped { rows: 1.0, entries: f64::INFINITY }],
            Self::Dirty => {
                let of_power = |power: f64| Capped { rows: 2.0_f64.powf(power), entries: 1.0 };
                [0.25, 0.5, 0.75].map(of_power).to_vec()
            }
        }
    }

    /// The rows that the theory asks for.
    pub(crate) fn theory(self, problem: Problem) -> f64 {
        let (p, s) = (problem.p as f64, problem.s() as f64);
        // The overlap is a whole number of features.
        let alpha = (problem.alpha * s).round() / s;
        match self {
            Self::Lasso => 2.0 * s * (p - s).ln(),
            Self::LargestOfRows => (4.0 - 3.0 * alpha) * s * (p - (2.0 - alpha) * s).ln(),
            Self::Dirty => (2.0 - alpha) * s * (p - (2.0 - alpha) * s).ln(),
        }
    }
}

/// A size and an overlap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem {
    /// Features.
    pub(crate) p: usize,
    /// The share of a task's features that the other uses, too.
    pub(crate) alpha: f64,
}

impl Problem {
    /// Features in use by a task: a tenth.
    pub(crate) fn s(self) -> usize {
        self.p.div_ceil(10)
    }

    /// The share of `trials` in which `method` recovers the support from `n` rows.
    fn success(self, method: Method, n: usize, trials: u64) -> f64 {
        let structure = Structure::Overlap { support: self.s(), shared: self.alpha };
        let recovers = |trial: &u64| {
            let truth = linear_own_rows(structure, n, self.p, 2, NOISE, Seed(2000 + trial));
            let tasks = tasks_of(&truth.data);
            method.norms().into_iter().any(|of_row| recovers(of_row, &tasks, &truth.weights))
        };
        (0..trials).filter(recovers).count() as f64 / trials as f64
    }

    /// The numbers of rows, on a grid and between its points by lines, at which `method` succeeds in
    /// these shares of trials.
    pub(crate) fn rows_for(self, method: Method, levels: &[f64], trials: u64) -> Vec<f64> {
        let step = (0.05 * Method::Lasso.theory(self)).max(2.0);
        let n_at = |k: usize| (step * k as f64).round();
        let mut known: BTreeMap<usize, f64> = BTreeMap::new();
        let mut rate = |k: usize| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let n = n_at(k) as usize;
            *known.entry(k).or_insert_with(|| self.success(method, n, trials))
        };
        let mut of_level = |level: &f64| {
            // The success rises with the rows: halve the range in which it crosses the level.
            let (mut below, mut above) = (1, 50);
            while above - below > 1 {
                let middle = usize::midpoint(below, above);
                if rate(middle) < *level { below = middle } else { above = middle }
            }
            let (low, high) = (rate(below), rate(above));
            let share = ((level - low) / (high - low).max(f64::EPSILON)).clamp(0.0, 1.0);
            n_at(below) + share * (n_at(above) - n_at(below))
        };
        levels.iter().map(&mut of_level).collect()
    }
}

/// Whether a point of the path of `of_row` is exact.
fn recovers(of_row: Capped, tasks: &Tasks, truth: &[f64]) -> bool {
    let moments = tasks.moments();
    let dual = |i: usize| {
        let row: Vec<f64> = moments.row(i).iter().copied().collect();
        row_descent::RowNorm::dual(&of_row, &row)
    };
    let most = (0..moments.nrows()).map(dual).fold(0.0, f64::max);
    let effort = Effort { tolerance: 1e-5, iterations: 2000 };
    let mut last: Option<Solution> = None;
    for point in 1..POINTS {
        let strength = most * LAST.powf(f64::from(point) / f64::from(POINTS - 1));
        let of_row = Capped { rows: strength * of_row.rows, entries: strength * of_row.entries };
        let start = last.as_ref().map(|solution| &solution.w);
        let solution = row_descent::minimize_with(tasks, of_row, start, effort);
        let found = Found::of(&solution.w, truth);
        if found.is_exact() {
            return true;
        }
        if found.is_beyond(tasks.n_features()) {
            return false;
        }
        last = Some(solution);
    }
    false
}

/// How the features in use compare with the true ones.
struct Found {
    missed: usize,
    wrong: usize,
    wrong_signs: usize,
}

impl Found {
    fn of(w: &Mat<f64>, truth: &[f64]) -> Self {
        let (mut missed, mut wrong, mut wrong_signs) = (0, 0, 0);
        for i in 0..w.nrows() {
            let truth = &truth[2 * i..][..2];
            let is_true = truth.iter().any(|v| *v != 0.0);
            let is_found = w.row(i).iter().any(|v| *v != 0.0);
            missed += usize::from(is_true && !is_found);
            wrong += usize::from(is_found && !is_true);
            let signs = w.row(i).iter().zip(truth).filter(|(w, v)| *w * **v <= 0.0 && **v != 0.0);
            wrong_signs += signs.count();
        }
        Self { missed, wrong, wrong_signs }
    }

    fn is_exact(&self) -> bool {
        self.missed + self.wrong + self.wrong_signs == 0
    }

    /// So many wrong features are in use that weaker strengths will not be without.
    fn is_beyond(&self, p: usize) -> bool {
        self.wrong > p / 10
    }
}
