//! Any loss through least squares: every round puts it under a parabola and solves that.
//!
//! At predictions `g`, a loss with the curvature bound `c` lies under least squares with the labels
//! `g - l'(g) / c` and the factor `c` (`loss.rs`). Solving these in turn lowers the objective in
//! each round, whatever the method's penalty; the weights never change, so that Gram matrices are
//! made once. Momentum over the rounds makes it an accelerated proximal method in the metric of
//! the least squares; it starts anew whenever the objective rises. Squared losses need one round.
//!
//! Intercepts are the means of those labels over a task's rows, since features are centered.
//!
//! # References
//! Böhning, Lindsay, *Monotonicity of quadratic-approximation algorithms* (1988); Beck, Teboulle
//! (2009) for the momentum.

use faer::{Mat, Scale};
use torso_core::estimator::{Certificate, FitStatus};
use torso_core::seed::Seed;

use crate::design::{LearningColumn, LearningSet, weighted_mean};
use crate::loss::Loss;
use crate::method::{LinearError, LinearMethod, Sees};
use crate::solution::{Effort, Solution};
use crate::tasks::product;

/// The most rounds.
const ROUNDS: usize = 500;

/// A solution, with intercepts for features as they are.
pub(crate) struct Fitted {
    pub(crate) solution: Solution,
    /// One per column.
    pub(crate) intercepts: Vec<f64>,
    pub(crate) certificate: Certificate,
}

/// Fits `method` to the labels of `set`; `start` is a solution of a similar problem.
pub(crate) fn fit(
    set: &LearningSet,
    method: &dyn LinearMethod,
    has_intercept: bool,
    start: Option<&Fitted>,
    effort: Effort,
    seed: Seed,
) -> Result<Fitted, LinearError> {
    if method.sees() == Sees::Labels {
        let labels: Vec<Vec<f64>> = set.columns.iter().map(|column| column.y.clone()).collect();
        let tasks = set.tasks(&labels);
        let mut solution = method.fit(&tasks, start.map(|s| &s.solution), effort, seed)?;
        let mut intercepts = vec![0.0; set.columns.len()];
        for (t, column) in set.columns.iter().enumerate() {
            if let Some(constant) = column.constant {
                intercepts[t] = constant;
                solution.w.col_mut(t).fill(0.0);
            }
        }
        let certificate = Certificate {
            objective: solution.penalty,
            residual: solution.residual,
            iterations: solution.iterations,
        };
        return Ok(Fitted { solution, intercepts, certificate });
    }
    let is_squared =
        |column: &LearningColumn| column.loss == Loss::Squared || column.constant.is_some();
    let centered = set.centered_state(start);
    let rounds = Rounds { set, method, has_intercept, effort, seed };
    let state = if set.columns.iter().all(is_squared) {
        rounds.solve(&centered, start.map(|s| &s.solution))?
    } else {
        rounds.run(&centered, start.map(|s| &s.solution))?
    };
    Ok(rounds.finish(state))
}

/// Coefficients, and intercepts of centered features.
struct State {
    w: Mat<f64>,
    intercepts: Vec<f64>,
    solution: Option<Solution>,
}

struct Rounds<'a> {
    set: &'a LearningSet,
    method: &'a dyn LinearMethod,
    has_intercept: bool,
    effort: Effort,
    seed: Seed,
}

impl Rounds<'_> {
    /// Rounds with momentum, until predictions stand still.
    fn run(&self, start: &State, warm: Option<&Solution>) -> Result<State, LinearError> {
        let mut now = self.solve(start, warm)?;
        let mut objective = self.objective(&now);
        let mut at = State { w: now.w.clone(), intercepts: now.intercepts.clone(), solution: None };
        let mut t = 1.0_f64;
        let tolerance = (1e-3 * self.effort.tolerance).sqrt();
        for round in 2..=ROUNDS {
            let mut next = self.solve(&at, now.solution.as_ref())?;
            let there = self.objective(&next);
            let moved = self.distance(&next, &at);
            let is_still = moved <= tolerance;
            let rises = there > objective;
            if rises && t > 1.0 {
                // Momentum went too far: back to the best, and on without it.
                at = State { w: now.w.clone(), intercepts: now.intercepts.clone(), solution: None };
                t = 1.0;
                continue;
            }
            if let Some(solution) = next.solution.as_mut() {
                solution.iterations = round;
                solution.residual = solution.residual.max(moved);
                if !is_still {
                    solution.status = FitStatus::LimitReached;
                }
            }
            if is_still || rises {
                // A rise without momentum is rounding: nothing is left to gain.
                return Ok(if rises { now.still(round) } else { next });
            }
            let t_next = f64::midpoint(1.0, (1.0 + 4.0 * t * t).sqrt());
            let momentum = (t - 1.0) / t_next;
            let w = &next.w + Scale(momentum) * (&next.w - &now.w);
            let ahead = |(b, a): (&f64, &f64)| b + momentum * (b - a);
            let intercepts = next.intercepts.iter().zip(&now.intercepts).map(ahead).collect();
            at = State { w, intercepts, solution: None };
            (now, objective, t) = (next, there, t_next);
        }
        Ok(now)
    }

    /// Minimizes the least squares that lie over the losses at `at`.
    fn solve(&self, at: &State, warm: Option<&Solution>) -> Result<State, LinearError> {
        let mut labels = Vec::with_capacity(self.set.columns.len());
        let mut intercepts = Vec::with_capacity(self.set.columns.len());
        for (t, column) in self.set.columns.iter().enumerate() {
            let mut working = column.working_labels(at, t);
            let mean = if let Some(constant) = column.constant {
                constant
            } else if self.has_intercept {
                weighted_mean(&working, column.rows.weights())
            } else {
                0.0
            };
            for y in &mut working {
                *y -= mean;
            }
            labels.push(working);
            intercepts.push(mean);
        }
        let tasks = self.set.tasks(&labels);
        let solution = self.method.fit(&tasks, warm, self.effort, self.seed)?;
        Ok(State { w: solution.w.clone(), intercepts, solution: Some(solution) })
    }

    /// Loss plus penalty.
    fn objective(&self, state: &State) -> f64 {
        let penalty = state.solution.as_ref().map_or(0.0, |solution| solution.penalty);
        let columns = self.set.columns.iter().enumerate();
        penalty + columns.map(|(t, column)| column.loss_of(state, t)).sum::<f64>()
    }

    /// How far predictions lie apart, relative to their size and that of a label's unit.
    fn distance(&self, a: &State, b: &State) -> f64 {
        let (mut apart, mut size, mut count) = (0.0, 0.0, 0.0);
        for (t, column) in self.set.columns.iter().enumerate() {
            let both = column.predictions(a, t).into_iter().zip(column.predictions(b, t));
            for ((f, g), o) in both.zip(column.rows.weights()) {
                let o = o * column.curvature();
                apart += o * (f - g).powi(2);
                size += o * f * f;
                count += o;
            }
        }
        if apart == 0.0 { 0.0 } else { (apart / (size + count)).sqrt() }
    }

    fn finish(&self, state: State) -> Fitted {
        let objective = self.objective(&state);
        let mut intercepts = state.intercepts;
        for (t, column) in self.set.columns.iter().enumerate() {
            let shift = column.center.iter().zip(state.w.col(t).iter()).map(|(m, w)| m * w);
            if column.constant.is_none() {
                intercepts[t] -= shift.sum::<f64>();
            }
        }
        let mut solution = state.solution.expect("a round was solved");
        for (t, column) in self.set.columns.iter().enumerate() {
            if column.constant.is_some() {
                solution.w.col_mut(t).fill(0.0);
            }
        }
        let (residual, iterations) = (solution.residual, solution.iterations);
        Fitted {
            solution,
            intercepts,
            certificate: Certificate { objective, residual, iterations },
        }
    }
}

impl State {
    fn still(mut self, round: usize) -> Self {
        if let Some(solution) = self.solution.as_mut() {
            (solution.status, solution.iterations) = (FitStatus::Converged, round);
        }
        self
    }
}

impl LearningSet {
    /// Where rounds begin: at a similar solution, or at 0.
    fn centered_state(&self, start: Option<&Fitted>) -> State {
        let Some(start) = start else {
            let w = Mat::zeros(self.n_features, self.columns.len());
            return State { w, intercepts: vec![0.0; self.columns.len()], solution: None };
        };
        let w = start.solution.w.clone();
        let centered = |(t, column): (usize, &LearningColumn)| {
            let shift = column.center.iter().zip(w.col(t).iter()).map(|(m, w)| m * w);
            start.intercepts[t] + shift.sum::<f64>()
        };
        let intercepts = self.columns.iter().enumerate().map(centered).collect();
        State { w, intercepts, solution: None }
    }
}

impl LearningColumn {
    fn predictions(&self, state: &State, t: usize) -> Vec<f64> {
        let f = product(self.rows.x(), state.w.as_ref().subcols(t, 1));
        f.col(0).iter().map(|f| f + state.intercepts[t]).collect()
    }

    fn working_labels(&self, at: &State, t: usize) -> Vec<f64> {
        if self.loss == Loss::Squared || self.constant.is_some() {
            return self.y.clone();
        }
        let c = self.loss.curvature();
        let working = |(g, y): (f64, &f64)| g - self.loss.slope(*y, g) / c;
        self.predictions(at, t).into_iter().zip(&self.y).map(working).collect()
    }

    fn loss_of(&self, state: &State, t: usize) -> f64 {
        let rows = self.predictions(state, t).into_iter().zip(&self.y).zip(self.rows.weights());
        let constant = self.constant;
        let loss =
            |((f, y), o): ((f64, &f64), &f64)| o * self.loss.value(*y, constant.unwrap_or(f));
        self.scale * rows.map(loss).sum::<f64>()
    }
}
