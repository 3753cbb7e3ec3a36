//! Nash-MTL: the tasks bargain for the direction, and the scale of a loss does not matter.
//!
//! # Formula
//! `G a = 1 / a`, elementwise, for `G = J J' [n, n]`: the unique minimizer of
//! `1/2 a' G a - sum_t log a_t` over `a > 0`; `d = J' a`. Then `a_t g_t . d = 1` for each task, and
//! `|d|^2 = n`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `max-norm` | none | above 0 | the solution as it is; the authors' code, LibMTL: 1 |
//! | `update-every` | 1 | at least 1 | the authors' code, LibMTL |
//!
//! `max-norm` caps `|d|`. With `update-every` above 1, the weights of a step are used again in the
//! next ones, for tasks that were all in that step.
//!
//! # Cost
//! One quadratic program, and about ten Newton steps of `n^3 / 3` operations.
//!
//! # Claims
//! `J d > 0`; the scale of a task's loss does not matter; shares a direction with IMTL-G for two
//! tasks.
//!
//! # Differs from
//! The authors' code and LibMTL divide `G` by its norm and run 20 convex-concave steps with a cone
//! solver, to a residual of 1e-3, and go on with the last weights where that solver fails. Here the
//! convex problem above is solved to rounding. Where 0 lies in the convex hull of the gradients
//! there is no solution, and that is said; a gradient of zeros can gain nothing and is left out.
//!
//! # References
//! Navon, Shamsian, Achituve, Maron, Kawaguchi, Chechik, Fetaya, *Multi-Task Learning as a
//! Bargaining Game* (2022).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::{BarrierFailure, Gramian, min_norm, minimize_barrier};

use super::Weighting;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "nash-mtl",
        family: Family::Balance,
        title: "Nash bargaining of the tasks",
        section: "A.9",
        formula: "G a = 1 / a, a > 0; d = sum_t a_t g_t",
        parameters: &[
            Parameter {
                name: "max-norm",
                default: "null",
                range: "above 0",
                about: "the largest |d|; not capped if not given (the authors' code, LibMTL: 1)",
            },
            Parameter {
                name: "update-every",
                default: "1",
                range: "a whole number of at least 1",
                about: "for how many steps weights are used (the authors' code, LibMTL)",
            },
        ],
        cost: "n gradients, a quadratic program, and about ten Newton steps in n unknowns",
        cite: Cite {
            authors: "Navon, Shamsian, Achituve, Maron, Kawaguchi, Chechik, Fetaya",
            title: "Multi-Task Learning as a Bargaining Game",
            venue: "ICML",
            year: 2022,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::NonConflicting, Claim::ScaleInvariant, Claim::Permutes],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Parameters {
    max_norm: Option<f64>,
    update_every: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { max_norm: None, update_every: 1 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { max_norm, update_every } = setup.parameters(&METHOD.method)?;
    if let Some(max_norm) = max_norm {
        check(&METHOD.method, "max-norm", max_norm, Allowed::Positive)?;
    }
    let every = f64::from(update_every);
    check(&METHOD.method, "update-every", every, Allowed::Count)?;
    let n = setup.n_tasks();
    let kept = Kept { weights: vec![0.0; n], update: vec![0.0; n], clock: vec![0.0; 2] };
    Ok(Balancer::Weighting(Box::new(NashMtl { max_norm, every, kept })))
}

struct NashMtl {
    max_norm: Option<f64>,
    every: f64,
    kept: Kept,
}

/// The weights that are used again.
struct Kept {
    /// Of each task.
    weights: Vec<f64>,
    /// The update that each is from, from 1.
    update: Vec<f64>,
    /// The last update, and for how many steps it may be used again.
    clock: Vec<f64>,
}

impl State for NashMtl {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.kept.weights);
        visitor(&mut self.kept.update);
        visitor(&mut self.kept.clock);
    }
}

impl Weighting for NashMtl {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let status = if self.kept.give(view, weights) {
            Status::Solved
        } else {
            let status = bargain(gramian, 1.0, weights);
            // What was done for want of a solution is not used again.
            let again = if status == Status::Solved { self.every - 1.0 } else { 0.0 };
            self.kept.take(view, weights, again);
            status
        };
        if let Some(max_norm) = self.max_norm {
            let norm = gramian.squared_norm(weights).sqrt();
            if norm > max_norm {
                for weight in weights.iter_mut() {
                    *weight *= max_norm / norm;
                }
            }
        }
        status
    }
}

impl Kept {
    /// Writes the last update's weights, if it may be used again and every task in view was in it.
    fn give(&mut self, view: &StepView, weights: &mut [f64]) -> bool {
        let [update, left] = [self.clock[0], self.clock[1]];
        if left < 1.0 || view.tasks.iter().any(|&task| self.update[task] < update) {
            return false;
        }
        weights.iter_mut().zip(view.tasks).for_each(|(w, &task)| *w = self.weights[task]);
        self.clock[1] = left - 1.0;
        true
    }

    fn take(&mut self, view: &StepView, weights: &[f64], again: f64) {
        self.clock = vec![self.clock[0] + 1.0, again];
        for (weight, &task) in weights.iter().zip(view.tasks) {
            self.weights[task] = *weight;
            self.update[task] = self.clock[0];
        }
    }
}

/// Writes the solution of `(G w)_i = w_i^(-1/alpha)`, `w > 0`. Rows of zeros are left out, and the
/// min-norm point of the rows at length 1 stands in where there is no solution.
pub(super) fn bargain(gramian: &Gramian, alpha: f64, weights: &mut [f64]) -> Status {
    weights.fill(0.0);
    let rows: Vec<usize> = (0..gramian.n()).filter(|&i| gramian.at(i, i) > 0.0).collect();
    if rows.len() == gramian.n() {
        return bargain_of_all(gramian, alpha, weights);
    }
    let mut own = vec![0.0; rows.len()];
    let status = if rows.is_empty() {
        Status::Solved
    } else {
        bargain_of_all(&gramian.select(&rows), alpha, &mut own)
    };
    rows.iter().zip(own).for_each(|(&row, own)| weights[row] = own);
    if status == Status::Solved {
        Status::NoSolution {
            why: "the gradient of a task is zero",
            instead: "that task was left out",
        }
    } else {
        status
    }
}

/// The same where no row is zero.
fn bargain_of_all(gramian: &Gramian, alpha: f64, weights: &mut [f64]) -> Status {
    // Whether 0 lies in the hull does not depend on the lengths of the rows; rounding does.
    let lengths = gramian.inverse_norms();
    let unit = gramian.scaled(&lengths);
    let Ok(point) = min_norm(&unit) else {
        return Status::NoSolution {
            why: "the gradients' products are not finite",
            instead: "no step was taken",
        };
    };
    let why = if unit.squared_norm(&point) < HULL * gramian.n() as f64 {
        "0 lies in the convex hull of the gradients"
    } else {
        match minimize_barrier(gramian, &vec![1.0; gramian.n()], alpha) {
            Ok(solution) => {
                weights.copy_from_slice(&solution);
                return Status::Solved;
            }
            Err(BarrierFailure { residual, nearest }) if residual < USABLE => {
                weights.copy_from_slice(&nearest);
                return Status::NotConverged { residual };
            }
            Err(_) => "the solver found no solution",
        }
    };
    weights.iter_mut().zip(point).zip(lengths).for_each(|((w, point), length)| *w = point * length);
    Status::NoSolution { why, instead: "the weights of the min-norm point were used" }
}

/// The squared distance of 0 from the hull of rows of length 1, beside their number, that rounding
/// can make.
const HULL: f64 = 1e-14;
/// Below 1, no task is harmed.
const USABLE: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, assert_close, build, direction, random_jacobian, weigh};
    use super::*;
    use torso_core::seed::{Seed, normal};

    /// The largest `|a_i (G a)_i - 1|`.
    fn residual(n: usize, jacobian: &[f64], a: &[f64]) -> f64 {
        let product = Gramian::of_rows(n, jacobian).times(a);
        a.iter().zip(&product).map(|(a, product)| (a * product - 1.0).abs()).fold(0.0, f64::max)
    }

    /// Rows scaled by 10 to the power of -2 to 2.
    fn stretch(jacobian: &[f64], width: usize, stream: &mut torso_core::seed::Stream) -> Vec<f64> {
        let factor = |_| 10f64.powf(normal(stream).clamp(-2.0, 2.0));
        let factors: Vec<f64> = (0..jacobian.len() / width).map(factor).collect();
        jacobian.iter().enumerate().map(|(at, g)| g * factors[at / width]).collect()
    }

    #[test]
    fn the_bargaining_equation_holds() {
        let mut stream = Seed(51).stream("test", "", 0);
        for n in [1, 2, 3, 5, 20, 60, 100] {
            for width in [n, 2 * n + 10, 300] {
                let jacobian: Vec<f64> = (0..n * width).map(|_| normal(&mut stream)).collect();
                for jacobian in [stretch(&jacobian, width, &mut stream), jacobian] {
                    let (a, status) = weigh(&METHOD, n, &jacobian, "{}");
                    assert_eq!(status, Status::Solved);
                    assert!(a.iter().all(|a| *a > 0.0));
                    let residual = residual(n, &jacobian, &a);
                    assert!(residual < 1e-10, "n {n}, width {width}: {residual:e}");
                    let square: f64 = direction(&jacobian, &a).iter().map(|d| d * d).sum();
                    assert!((square / n as f64 - 1.0).abs() < 1e-10, "|d|^2 = {square}, n {n}");
                }
            }
        }
    }

    #[test]
    fn the_scale_of_a_task_changes_nothing() {
        let mut stream = Seed(52).stream("test", "", 0);
        for n in [2, 5, 20] {
            let jacobian = random_jacobian(n, 40, 40, 0.1, &mut stream);
            let stretched = stretch(&jacobian, 40, &mut stream);
            let plain = direction(&jacobian, &weigh(&METHOD, n, &jacobian, "{}").0);
            let scaled = direction(&stretched, &weigh(&METHOD, n, &stretched, "{}").0);
            assert_close(&scaled, &plain, 1e-10);
        }
    }

    #[test]
    fn orthogonal_rows_count_by_their_inverse_norm() {
        let jacobian = [3.0, 0.0, 4.0, 0.0, 1e-9, 0.0, -8.0, 0.0, 6.0];
        let (a, _) = weigh(&METHOD, 3, &jacobian, "{}");
        for (a, expected) in a.iter().zip([0.2, 1e9, 0.1]) {
            assert!((a / expected - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn two_tasks_gain_alike_beside_their_norms() {
        // The property of IMTL-G: equal projections on the unit gradients.
        let mut stream = Seed(53).stream("test", "", 0);
        for _ in 0..10 {
            let jacobian = random_jacobian(2, 5, 5, 0.0, &mut stream);
            let gramian = Gramian::of_rows(2, &jacobian);
            let reach = gramian.times(&weigh(&METHOD, 2, &jacobian, "{}").0);
            let [a, b] = [0, 1].map(|i| reach[i] / gramian.at(i, i).sqrt());
            assert!((a / b - 1.0).abs() < 1e-10);
        }
    }

    #[test]
    fn golden() {
        let (a, status) = weigh(&METHOD, 2, &J2, "{}");
        assert_eq!(status, Status::Solved);
        assert_close(&a, &[0.591_461_152_229_367_8, 0.407_071_482_883_885_34], 1e-13);
        let expected = [0.076_584_288_385_840_97, 0.998_532_635_113_253_1, 0.998_532_635_113_253_1];
        assert_close(&direction(&J2, &a), &expected, 1e-12);
        let (a, _) = weigh(&METHOD, 2, &J2, r#"{"max-norm": 1}"#);
        assert_close(&a, &[0.418_226_191_549_794_9, 0.287_843_005_974_858_96], 1e-13);
    }

    #[test]
    fn every_scale_is_finite() {
        let mut stream = Seed(54).stream("test", "", 0);
        let jacobian = random_jacobian(4, 9, 9, 0.0, &mut stream);
        for scale in [0.0, 1e-10, 1.0, 1e15] {
            let scaled: Vec<f64> = jacobian.iter().map(|g| g * scale).collect();
            let (a, status) = weigh(&METHOD, 4, &scaled, "{}");
            let square: f64 = direction(&scaled, &a).iter().map(|d| d * d).sum();
            let expected = if scale == 0.0 { 0.0 } else { 4.0 };
            assert!((square - expected).abs() < 1e-10);
            assert_eq!(status == Status::Solved, scale > 0.0);
        }
    }

    #[test]
    fn what_has_no_solution_is_told_apart() {
        let (a, status) = weigh(&METHOD, 3, &[1.0, 2.0, 0.0, 0.0, -2.0, 1.0], "{}");
        assert_close(&a, &[5f64.sqrt().recip(), 0.0, 5f64.sqrt().recip()], 1e-14);
        let left_out = Status::NoSolution {
            why: "the gradient of a task is zero",
            instead: "that task was left out",
        };
        assert_eq!(status, left_out);
        for scale in [1e-10, 1.0, 1e15] {
            let jacobian = [1.0, 2.0, -3.0, -6.0, 1.0, 0.5].map(|g| g * scale);
            let (a, status) = weigh(&METHOD, 3, &jacobian, "{}");
            assert_close(&direction(&jacobian, &a), &[0.0, 0.0], 1e-14);
            assert!(status.to_string().contains("convex hull"), "{status}");
        }
    }

    #[test]
    fn weights_are_used_again_for_tasks_that_were_there() {
        let mut stream = Seed(55).stream("test", "", 0);
        let jacobians: Vec<Vec<f64>> =
            (0..5).map(|_| random_jacobian(3, 6, 6, 0.0, &mut stream)).collect();
        let mut method = build(&METHOD, 3, r#"{"update-every": 3}"#);
        let mut go = |tasks: &[usize], at: usize| {
            let rows: Vec<f64> =
                tasks.iter().flat_map(|t| jacobians[at][6 * t..][..6].to_vec()).collect();
            let losses = vec![1.0; tasks.len()];
            let view = StepView { tasks, losses: &losses, cross: &[], step: at, epoch: 0 };
            let mut weights = vec![f64::NAN; tasks.len()];
            method.weigh(&Gramian::of_rows(tasks.len(), &rows), &view, &mut weights);
            let fresh = weigh(&METHOD, tasks.len(), &rows, "{}").0;
            (weights, fresh)
        };
        let (first, fresh) = go(&[0, 2], 0);
        assert_eq!(first, fresh);
        let (again, fresh) = go(&[2], 1);
        assert!(again == first[1..] && again != fresh);
        // Task 1 was not there: all are solved for anew, and this may be used twice again.
        let (second, fresh) = go(&[0, 1, 2], 2);
        assert_eq!(second, fresh);
        assert_eq!(go(&[0, 1, 2], 3).0, second);
        assert_eq!(go(&[0, 1, 2], 4).0, second);
        let (third, fresh) = go(&[0, 1, 2], 0);
        assert!(third == fresh && third != second);
    }
}
