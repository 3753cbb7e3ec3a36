//! The search for shared hypotheses: tasks and hypotheses take turns.

use faer::linalg::solvers::Solve;
use faer::{Mat, Scale, Side};
use rand::RngExt;
use torso_core::estimator::FitStatus;
use torso_core::seed::{Seed, shuffle};

use crate::solution::{Effort, Solution};
use crate::tasks::{Tasks, inner};

/// Which hypothesis each task takes; none for a task with nothing to learn from.
pub(super) type Choice = Vec<Option<usize>>;

/// Where a search ended.
pub(super) struct End {
    pub(super) choice: Choice,
    /// `[n_features, hypotheses]`.
    pub(super) hypotheses: Mat<f64>,
    /// Loss plus penalty, but for a constant of the data.
    pub(super) value: f64,
    pub(super) is_settled: bool,
    rounds: usize,
}

pub(super) struct Search<'a> {
    tasks: &'a Tasks,
    k: usize,
    lambda: f64,
    rounds: usize,
    /// Tasks with something to learn from.
    informed: Vec<usize>,
}

impl<'a> Search<'a> {
    pub(super) fn new(tasks: &'a Tasks, k: usize, lambda: f64, effort: Effort) -> Self {
        let teaches = |t: &usize| tasks.task(*t).scale > 0.0 && tasks.task(*t).rows.n() > 0;
        let informed: Vec<usize> = (0..tasks.n_tasks()).filter(teaches).collect();
        let k = k.min(informed.len()).max(1);
        Self { tasks, k, lambda, rounds: effort.iterations.min(1000), informed }
    }

    /// Whether there is one optimum only: one model for all, or one for each.
    pub(super) fn is_easy(&self) -> bool {
        self.k == 1 || self.k >= self.informed.len()
    }

    /// The choice of a similar problem's solution.
    pub(super) fn given(&self, start: Option<&Solution>) -> Option<Choice> {
        let choice = start?.part("choice")?;
        let fits = choice.nrows() == self.tasks.n_tasks() && choice.ncols() == self.k;
        let taken = |t: usize| (0..self.k).find(|k| choice[(t, *k)] > 0.5);
        fits.then(|| (0..self.tasks.n_tasks()).map(taken).collect())
    }

    /// Some tasks, drawn by chance, found a group each; the others join one by chance, too.
    pub(super) fn random(&self, seed: Seed, restart: u64) -> Choice {
        let mut stream = seed.stream("shared hypotheses", "", restart);
        let mut order = self.informed.clone();
        if self.k < order.len() {
            shuffle(&mut order, &mut stream);
        }
        let mut choice = vec![None; self.tasks.n_tasks()];
        for (at, t) in order.into_iter().enumerate() {
            choice[t] = Some(if at < self.k { at } else { stream.random_range(0..self.k) });
        }
        choice
    }

    /// Turns until no task changes its hypothesis.
    pub(super) fn descend(&self, mut choice: Choice) -> End {
        let mut hypotheses = Mat::zeros(self.tasks.n_features(), self.k);
        for k in 0..self.k {
            self.learn(k, &choice, &mut hypotheses);
        }
        for round in 1.. {
            let costs = self.costs(&hypotheses);
            let before = choice.clone();
            for &t in &self.informed {
                let best = (0..self.k).min_by(|a, b| costs[(t, *a)].total_cmp(&costs[(t, *b)]));
                let now = choice[t].unwrap_or(0);
                choice[t] = best.filter(|best| costs[(t, *best)] < costs[(t, now)]).or(Some(now));
            }
            self.fill_one(&mut choice, &costs);
            let is_settled = choice == before;
            if is_settled || round >= self.rounds {
                let cost = |t: &usize| costs[(*t, choice[*t].unwrap_or(0))];
                let value = self.informed.iter().map(cost).sum();
                return End { choice, hypotheses, value, is_settled, rounds: round };
            }
            for k in 0..self.k {
                let has_changed = |t: &usize| {
                    choice[*t] != before[*t] && (choice[*t] == Some(k) || before[*t] == Some(k))
                };
                if self.informed.iter().any(has_changed) {
                    self.learn(k, &choice, &mut hypotheses);
                }
            }
        }
        unreachable!("rounds are counted until one returns")
    }

    /// Gives a hypothesis that no task takes to the task that gains most from one of its own.
    fn fill_one(&self, choice: &mut Choice, costs: &Mat<f64>) {
        let Some(free) = (0..self.k).find(|k| !choice.contains(&Some(*k))) else {
            return;
        };
        let mut alone = Mat::zeros(self.tasks.n_features(), 1);
        let gain = |&t: &usize| {
            let mut own = vec![None; choice.len()];
            own[t] = Some(0);
            self.learn(0, &own, &mut alone);
            costs[(t, choice[t].unwrap_or(0))] - self.cost(t, &alone)[(0, 0)]
        };
        let gains: Vec<f64> = self.informed.iter().map(gain).collect();
        let best = (0..gains.len()).max_by(|a, b| gains[*a].total_cmp(&gains[*b]));
        if let Some(best) = best.filter(|best| gains[*best] > 0.0) {
            choice[self.informed[best]] = Some(free);
        }
    }

    /// The ridge regression of the tasks that take hypothesis `k`; 0 where there are none.
    pub(super) fn learn(&self, k: usize, choice: &[Option<usize>], hypotheses: &mut Mat<f64>) {
        let d = self.tasks.n_features();
        let (mut gram, mut moments) = (Mat::<f64>::zeros(d, d), Mat::<f64>::zeros(d, 1));
        let mut ridge = 0.0;
        for &t in self.informed.iter().filter(|t| choice[**t] == Some(k)) {
            let task = self.tasks.task(t);
            gram += Scale(task.scale) * task.rows.gram();
            moments += self.tasks.moments().subcols(t, 1);
            ridge += self.lambda;
        }
        // Without a penalty, and features that leave directions open, a ridge of a trillionth of
        // the curvature keeps the solution finite.
        let trace: f64 = (0..d).map(|i| gram[(i, i)]).sum();
        let ridge = ridge.max(1e-12 * trace).max(f64::MIN_POSITIVE);
        for i in 0..d {
            gram[(i, i)] += ridge;
        }
        let factor = gram.llt(Side::Lower);
        let factor = factor.expect("a positive definite matrix has a Cholesky factorization");
        hypotheses.col_mut(k).copy_from(factor.solve(&moments).col(0));
    }

    /// `loss_t(h) + lambda/2 |h|^2` less the loss of 0, for each task and hypothesis.
    fn costs(&self, hypotheses: &Mat<f64>) -> Mat<f64> {
        let mut costs = Mat::zeros(self.tasks.n_tasks(), hypotheses.ncols());
        for &t in &self.informed {
            costs.row_mut(t).copy_from(self.cost(t, hypotheses).row(0));
        }
        costs
    }

    /// [`Self::costs`] of one task, `[1, hypotheses]`.
    fn cost(&self, t: usize, hypotheses: &Mat<f64>) -> Mat<f64> {
        let task = self.tasks.task(t);
        let image = task.rows.gram_times(hypotheses.as_ref());
        Mat::from_fn(1, hypotheses.ncols(), |_, k| {
            let h = hypotheses.as_ref().subcols(k, 1);
            let square = task.scale * inner(h, image.as_ref().subcols(k, 1));
            let moment = inner(h, self.tasks.moments().subcols(t, 1));
            0.5 * square - moment + 0.5 * self.lambda * h.squared_norm_l2()
        })
    }

    pub(super) fn solution(&self, end: &End) -> Solution {
        let (d, n_tasks) = (self.tasks.n_features(), self.tasks.n_tasks());
        let coefficient =
            |i: usize, t: usize| end.choice[t].map_or(0.0, |k| end.hypotheses[(i, k)]);
        let w = Mat::from_fn(d, n_tasks, coefficient);
        let takes = |t: usize, k: usize| f64::from(u8::from(end.choice[t] == Some(k)));
        let choice = Mat::from_fn(n_tasks, self.k, takes);
        let status = if end.is_settled { FitStatus::Converged } else { FitStatus::LimitReached };
        let penalty = 0.5 * self.lambda * w.squared_norm_l2();
        let iterations = end.rounds;
        Solution { status, iterations, ..Solution::exact(w, penalty) }.with("choice", choice)
    }
}
