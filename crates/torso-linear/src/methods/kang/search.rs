//! The search for groups: rounds of dealing tasks and of updating what each group shares.
//!
//! With `|W|_*^2 = min_D tr(W' D^-1 W)`, `tr D = 1`, a round gives every task, together with its
//! best coefficients there, to the group where loss and penalty are least; then each group's `D` is
//! `(W W' + delta^2 I)^(1/2)` over its trace. Both steps lower the objective for a given `delta`,
//! which falls over the rounds, so that groups form before they become exclusive.
//!
//! Every other start is a clustering: of the coefficients of all tasks as one group, at some
//! strength, the matrix `C = (W'W + m I)^-1 W'W` says how much of each task lies in the span of each
//! other (`m` the mean eigenvalue of `W'W`; Lu et al., *Robust and efficient subspace segmentation
//! via least squares regression*, 2012). Average linkage of `1 - |C_st| / (C_ss C_tt)^(1/2)` gives
//! the groups. The other starts are random.

use faer::Mat;
use rand::RngExt;
use torso_core::seed::Seed;
use torso_math::SymmetricEigen;

use crate::linkage;
use crate::penalty::{Penalty, SquaredTrace};
use crate::solver::metric;
use crate::tasks::{Tasks, inner, product};

/// The most rounds of a run.
const ROUNDS: usize = 60;

/// `delta` falls from the first to the second, in sizes of coefficients.
const DELTA: (f64, f64) = (0.3, 1e-3);

/// The strengths of clusterings, in those of the fit.
const FACTORS: [f64; 5] = [1.0, 1.0 / 16.0, 4.0, 1.0 / 256.0, 16.0];

/// Groups, and coefficients that go with them.
pub(super) struct Grouping {
    pub(super) group: Vec<usize>,
    pub(super) w: Mat<f64>,
    pub(super) objective: f64,
}

/// What is minimized.
pub(super) struct Search<'a> {
    tasks: &'a Tasks,
    gamma: f64,
    groups: usize,
    /// The coefficients that each task has alone.
    alone: Mat<f64>,
    /// Their size: the root of the mean over tasks of `|w_t|^2`.
    size: f64,
}

impl<'a> Search<'a> {
    pub(super) fn new(tasks: &'a Tasks, gamma: f64, groups: usize) -> Self {
        let alone = metric::ridge_alone(tasks);
        let size = (alone.squared_norm_l2() / tasks.n_tasks().max(1) as f64).sqrt();
        Self { tasks, gamma, groups, alone, size: if size > 0.0 { size } else { 1.0 } }
    }

    /// Coefficients and groups to start from: clusterings at several strengths, and random
    /// groups, in turn.
    pub(super) fn starts(
        &self,
        restarts: usize,
        seed: Seed,
    ) -> impl Iterator<Item = (Mat<f64>, Vec<usize>)> {
        (0..restarts).map(move |restart| {
            let group = if restart % 2 == 0 {
                self.clustering(self.gamma * FACTORS[restart / 2 % FACTORS.len()])
            } else {
                let mut stream = seed.stream("groups", "kang", restart as u64);
                (0..self.tasks.n_tasks()).map(|_| stream.random_range(0..self.groups)).collect()
            };
            (self.alone.clone(), group)
        })
    }

    /// Groups of tasks that lie in each other's span.
    fn clustering(&self, gamma: f64) -> Vec<usize> {
        let n = self.tasks.n_tasks();
        let one = Search { groups: 1, alone: self.alone.clone(), gamma, ..*self };
        let w = one.run(self.alone.clone(), vec![0; n], true).w;
        let eigen = SymmetricEigen::of(product(w.transpose(), w.as_ref()).as_ref());
        let mean = eigen.values.iter().sum::<f64>() / n.max(1) as f64;
        let span = eigen.map(|v| if mean > 0.0 { v.max(0.0) / (v.max(0.0) + mean) } else { 0.0 });
        let near = |s: usize, t: usize| {
            let whole = (span[(s, s)] * span[(t, t)]).sqrt();
            if whole > 0.0 { span[(s, t)].abs() / whole } else { 0.0 }
        };
        let merges = linkage::merges(Mat::from_fn(n, n, |s, t| 1.0 - near(s, t)).as_ref());
        linkage::clusters(&merges, self.groups)
    }

    /// Rounds from these coefficients and groups until none changes. With `slowly` groups become
    /// exclusive over half of the rounds, else they are from the start.
    pub(super) fn run(&self, mut w: Mat<f64>, mut group: Vec<usize>, slowly: bool) -> Grouping {
        let mut value = f64::INFINITY;
        for round in 0..ROUNDS {
            let share = if slowly { (2.0 * round as f64 / ROUNDS as f64).min(1.0) } else { 1.0 };
            let delta = self.size * DELTA.0 * (DELTA.1 / DELTA.0).powf(share);
            let pulls: Vec<Mat<f64>> =
                (0..self.groups).map(|g| self.pull(&columns(&w, &group, g), delta)).collect();
            let (next_w, next, lower) = self.deal(&pulls);
            let is_settled = share >= 1.0 && next == group && value - lower <= 1e-6 * lower.abs();
            (w, group, value) = (next_w, next, lower);
            if is_settled {
                break;
            }
        }
        self.grouping(w, group)
    }

    fn grouping(&self, w: Mat<f64>, group: Vec<usize>) -> Grouping {
        let norm = SquaredTrace(self.gamma);
        let penalty = |g: usize| norm.value(columns(&w, &group, g).as_ref());
        let objective = self.tasks.value(w.as_ref()) + (0..self.groups).map(penalty).sum::<f64>();
        Grouping { group, w, objective }
    }

    /// `gamma D^-1` of a group.
    fn pull(&self, w: &Mat<f64>, delta: f64) -> Mat<f64> {
        let mut outer = product(w.as_ref(), w.transpose());
        for i in 0..outer.nrows() {
            outer[(i, i)] += delta * delta;
        }
        let eigen = SymmetricEigen::of(outer.as_ref());
        let root = |value: f64| value.max(delta * delta).sqrt();
        let trace: f64 = eigen.values.iter().map(|value| root(*value)).sum();
        eigen.map(|value| self.gamma * trace / root(value))
    }

    /// Every task with its best coefficients in the group where the objective is least, and the
    /// objective but for what it is at 0.
    fn deal(&self, pulls: &[Mat<f64>]) -> (Mat<f64>, Vec<usize>, f64) {
        let fits: Vec<Mat<f64>> =
            pulls.iter().map(|pull| metric::solve(self.tasks, pull.as_ref())).collect();
        let mut w = fits[0].clone();
        let mut sum = 0.0;
        let group = (0..w.ncols()).map(|t| {
            let moments = self.tasks.moments().subcols(t, 1);
            let value = |fit: &Mat<f64>| -0.5 * inner(moments, fit.as_ref().subcols(t, 1));
            let values: Vec<f64> = fits.iter().map(value).collect();
            let best = (1..values.len()).fold(0, |b, g| if values[g] < values[b] { g } else { b });
            sum += values[best];
            w.col_mut(t).copy_from(fits[best].col(t));
            best
        });
        let group = group.collect();
        (w, group, sum)
    }
}

/// The coefficients of the tasks of a group.
pub(super) fn columns(w: &Mat<f64>, group: &[usize], g: usize) -> Mat<f64> {
    let own = members(group, g);
    Mat::from_fn(w.nrows(), own.len(), |i, k| w[(i, own[k])])
}

/// The tasks of a group.
pub(super) fn members(group: &[usize], g: usize) -> Vec<usize> {
    (0..group.len()).filter(|&t| group[t] == g).collect()
}
