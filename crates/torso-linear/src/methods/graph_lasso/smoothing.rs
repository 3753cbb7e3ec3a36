//! Smoothing proximal gradient steps: differences along edges are smoothed, sizes are shrunk.
//!
//! With `z_ie = strength_e (W_is - sign_e W_it)`, `|z| = max_{|a| <= 1} a z` is smoothed to
//! `max a z - mu/2 a^2`, whose slope in `z` is `a = clip(z / mu)`. The gap is that of the problem
//! itself: for the gradient `g` of the loss, `-g / kappa = A C' + lambda S` with `|A|, |S| <= 1`
//! holds for `kappa = max(|A|_max, |g + A C'|_max / lambda)`, which bounds the penalty's dual norm.

use faer::{Mat, MatRef};
use torso_core::estimator::FitStatus;
use torso_math::SymmetricEigen;

use crate::penalty::{L1, Penalty};
use crate::solution::{Effort, Solution};
use crate::solver::proximal::{self, Curvature, Smooth, relative_gap};
use crate::tasks::Tasks;

/// An edge of the graph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FusedEdge {
    /// A task.
    pub s: usize,
    /// Another task.
    pub t: usize,
    /// What a difference of 1 costs, above 0.
    pub strength: f64,
    /// 1 for like coefficients, -1 for opposite ones.
    pub sign: f64,
}

/// Tasks joined by edges: `sum_e strength_e sum_i |W_is - sign_e W_it|`.
#[derive(Debug, Clone)]
pub struct FusedGraph {
    edges: Vec<FusedEdge>,
}

impl FusedGraph {
    /// The graph of these edges.
    pub fn new(edges: Vec<FusedEdge>) -> Self {
        Self { edges }
    }

    /// The mean over tasks of the strengths of their edges.
    pub(super) fn mean_degree(&self, n_tasks: usize) -> f64 {
        2.0 * self.edges.iter().map(|edge| edge.strength).sum::<f64>() / n_tasks.max(1) as f64
    }

    /// `z`, `[n_features, n_edges]`.
    fn differences(&self, w: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(w.nrows(), self.edges.len(), |i, e| {
            let edge = self.edges[e];
            edge.strength * (w[(i, edge.s)] - edge.sign * w[(i, edge.t)])
        })
    }

    /// `A C'`, `[n_features, n_tasks]`: the adjoint of the differences.
    fn spread(&self, a: MatRef<'_, f64>, n_tasks: usize) -> Mat<f64> {
        let mut out = Mat::zeros(a.nrows(), n_tasks);
        for (e, edge) in self.edges.iter().enumerate() {
            for i in 0..a.nrows() {
                let pull = edge.strength * a[(i, e)];
                out[(i, edge.s)] += pull;
                out[(i, edge.t)] -= edge.sign * pull;
            }
        }
        out
    }

    /// The largest eigenvalue of `C C'`.
    fn curvature(&self, n_tasks: usize) -> f64 {
        let mut laplacian = Mat::<f64>::zeros(n_tasks, n_tasks);
        for edge in &self.edges {
            let square = edge.strength * edge.strength;
            laplacian[(edge.s, edge.s)] += square;
            laplacian[(edge.t, edge.t)] += square;
            laplacian[(edge.s, edge.t)] -= edge.sign * square;
            laplacian[(edge.t, edge.s)] -= edge.sign * square;
        }
        SymmetricEigen::of(laplacian.as_ref()).values.last().copied().unwrap_or(0.0).max(0.0)
    }

    /// What the differences cost.
    pub fn value(&self, w: MatRef<'_, f64>) -> f64 {
        self.differences(w).norm_l1()
    }
}

/// The loss and the smoothed cost of differences.
struct Smoothed<'a> {
    tasks: &'a Tasks,
    graph: &'a FusedGraph,
    mu: f64,
    curvature: f64,
}

impl Smoothed<'_> {
    /// `a = clip(z / mu)`.
    fn slopes(&self, differences: &Mat<f64>) -> Mat<f64> {
        let (rows, columns) = differences.shape();
        Mat::from_fn(rows, columns, |i, e| (differences[(i, e)] / self.mu).clamp(-1.0, 1.0))
    }
}

impl Smooth for Smoothed<'_> {
    fn gradient(&self, w: MatRef<'_, f64>) -> Mat<f64> {
        let slopes = self.slopes(&self.graph.differences(w));
        self.tasks.gradient(w) + self.graph.spread(slopes.as_ref(), w.ncols())
    }

    fn value_at(&self, w: MatRef<'_, f64>, _: MatRef<'_, f64>) -> f64 {
        let differences = self.graph.differences(w);
        let slopes = self.slopes(&differences);
        let smoothed = |(z, a): (&f64, &f64)| a * z - 0.5 * self.mu * a * a;
        let column = |e: usize| -> f64 {
            differences.col(e).iter().zip(slopes.col(e).iter()).map(smoothed).sum()
        };
        self.tasks.value(w) + (0..differences.ncols()).map(column).sum::<f64>()
    }

    fn curvature(&self) -> Curvature {
        Curvature::Bound(self.tasks.curvature() + self.curvature / self.mu)
    }
}

/// Minimizes `loss + lambda |W|_1 + differences` from `start`, to a relative duality gap.
pub(super) fn minimize(
    tasks: &Tasks,
    lambda: f64,
    graph: &FusedGraph,
    start: Mat<f64>,
    effort: Effort,
) -> Solution {
    /// Steps between two looks at the gap: at first, and at most. Each look ends the momentum.
    const LOOK: (usize, usize) = (50, 5000);
    let cells = (tasks.n_features() * graph.edges.len()).max(1) as f64;
    let mut smoothed = Smoothed {
        tasks,
        graph,
        mu: (tasks.energy() / cells).max(f64::MIN_POSITIVE),
        curvature: graph.curvature(tasks.n_tasks()),
    };
    let mut w = start;
    let (mut iterations, mut steps) = (0, LOOK.0);
    loop {
        let looked = look(&smoothed, lambda, w.as_ref());
        let is_done = looked.gap <= effort.tolerance;
        if is_done || iterations >= effort.iterations {
            let status = if is_done { FitStatus::Converged } else { FitStatus::LimitReached };
            let parts = std::collections::BTreeMap::new();
            let (penalty, residual) = (looked.penalty, looked.gap);
            return Solution { w, penalty, status, residual, iterations, parts };
        }
        if looked.from_smoothing > 0.5 * looked.gap && smoothed.mu > f64::MIN_POSITIVE {
            smoothed.mu *= 0.25;
        } else {
            steps = (2 * steps).min(LOOK.1);
        }
        let some = Effort { tolerance: 0.0, iterations: steps.min(effort.iterations - iterations) };
        w = proximal::minimize(&smoothed, &L1(lambda), w, some).w;
        iterations += some.iterations;
    }
}

/// What is known of some coefficients.
struct Look {
    penalty: f64,
    /// The duality gap relative to the objective.
    gap: f64,
    /// What smoothing adds to the gap, relative to the objective.
    from_smoothing: f64,
}

fn look(smoothed: &Smoothed, lambda: f64, w: MatRef<'_, f64>) -> Look {
    let (tasks, graph) = (smoothed.tasks, smoothed.graph);
    let gradient = tasks.gradient(w);
    let differences = graph.differences(w);
    let slopes = smoothed.slopes(&differences);
    let rest = &gradient + graph.spread(slopes.as_ref(), w.ncols());
    let dual = slopes.norm_max().max(rest.norm_max() / lambda);
    let cost = differences.norm_l1();
    let penalty = L1(lambda).value(w) + cost;
    let objective = tasks.value_at(w, gradient.as_ref()) + penalty;
    let products =
        tasks.residual_products(w, gradient.as_ref()).expect("least squares have products");
    let gap = relative_gap(objective, dual, products);
    let from_smoothing =
        (cost - crate::tasks::inner(slopes.as_ref(), differences.as_ref())).max(0.0);
    let from_smoothing = if objective > 0.0 { from_smoothing / objective } else { 0.0 };
    Look { penalty, gap, from_smoothing }
}
