//! `GradVac`: each task's gradient, turned towards the cosine with every other that was usual so
//! far, summed.
//!
//! # Formula
//! For each task `i`, from `g_i' = g_i`, for the other tasks `j` in an order drawn anew, with
//! `phi = cos(g_i', g_j)` and its target `phi^_ij`: if `phi < phi^_ij`, then
//! `g_i' += |g_i'| (phi^ sqrt(1 - phi^2) - phi sqrt(1 - phi^^2)) / (|g_j| sqrt(1 - phi^^2)) g_j`,
//! after which the cosine is `phi^`. Then `phi^_ij <- (1 - beta) phi^_ij + beta phi`, from 0 on.
//! `d = sum_i g_i'`. It is computed from `G = J J' [n, n]` alone.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `beta` | 0.01 | from 0 to 1 | the paper; LibMTL and TorchJD: 0.5 |
//! | `order` | `"random"` | `"random"`, `"given"` | the paper |
//!
//! # Cost
//! About `4 n^3` operations, `n_tasks^2` numbers of state.
//!
//! # Claims
//! Proportional to the gradients. With targets of 0, as in the first step, it is `PCGrad`.
//!
//! # Differs from
//! The gradient is that of the whole trunk; the paper also has targets for each layer, which need
//! the Jacobian and are not offered. LibMTL updates a target only where the gradient was turned;
//! the paper and TorchJD always do. Nothing is added to denominators: pairs with a gradient of
//! zeros (also one that was turned away to nothing) are left out, and their targets kept.
//!
//! # References
//! Wang, Tsvetkov, Firat, Cao, *Gradient Vaccine: Investigating and Improving Multi-task
//! Optimization in Massively Multilingual Models* (2021).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;
use torso_math::Gramian;

use super::Weighting;
use super::pcgrad::{Mixture, ORDER, Order};
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "gradvac",
        family: Family::Balance,
        title: "gradient vaccine",
        section: "A.4",
        formula: "for j != i in random order: if phi = cos(g_i', g_j) < phi^_ij, add the multiple \
                  of g_j to g_i' that makes the cosine phi^_ij; \
                  phi^_ij <- (1 - beta) phi^_ij + beta phi; d = sum_i g_i'",
        parameters: &[
            Parameter {
                name: "beta",
                default: "0.01",
                range: "from 0 to 1",
                about: "how fast the targets follow the cosines (the paper; LibMTL: 0.5)",
            },
            ORDER,
        ],
        cost: "n gradients, and 4 n^3 operations",
        cite: Cite {
            authors: "Wang, Tsvetkov, Firat, Cao",
            title: "Gradient Vaccine: Investigating and Improving Multi-task Optimization in \
                    Massively Multilingual Models",
            venue: "ICLR",
            year: 2021,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default = "default_beta")]
    beta: f64,
    #[serde(default)]
    order: Order,
}

fn default_beta() -> f64 {
    0.01
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { beta, order } = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "beta", beta, Allowed::Share)?;
    let n_tasks = setup.n_tasks();
    let targets = vec![0.0; n_tasks * n_tasks];
    Ok(Balancer::Weighting(Box::new(GradVac { beta, order, seed: setup.seed, n_tasks, targets })))
}

struct GradVac {
    beta: f64,
    order: Order,
    seed: Seed,
    n_tasks: usize,
    /// The target of each pair's cosine, `[n_tasks, n_tasks]`.
    targets: Vec<f64>,
}

impl State for GradVac {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.targets);
    }
}

impl Weighting for GradVac {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let n = view.n();
        let norms: Vec<f64> = gramian.diagonal().map(|square| square.max(0.0).sqrt()).collect();
        let mut stream = self.seed.stream("gradvac", "", view.step as u64);
        let mut status = Status::Solved;
        weights.fill(0.0);
        for i in 0..n {
            let mut turned = Mixture::new(gramian, i);
            // The norms of all that was added up: what rounding is relative to.
            let mut size = norms[i];
            for j in self.order.others(i, n, &mut stream) {
                let target = &mut self.targets[view.tasks[i] * self.n_tasks + view.tasks[j]];
                let norm = norm(&turned, size);
                if norm <= 0.0 || norms[j] <= 0.0 {
                    continue;
                }
                let cosine = (turned.reach[j] / norm / norms[j]).clamp(-1.0, 1.0);
                if cosine < *target {
                    match vaccine(cosine, *target) {
                        Some(share) => {
                            turned.add(j, share * (norm / norms[j]));
                            size += share.abs() * norm;
                        }
                        None => status = PARALLEL,
                    }
                }
                *target += self.beta * (cosine - *target);
            }
            weights.iter_mut().zip(&turned.parts).for_each(|(weight, part)| *weight += part);
        }
        status
    }
}

const PARALLEL: Status = Status::NoSolution {
    why: "two gradients always were parallel, and now are not: no finite step makes them so",
    instead: "the gradient was left as it is",
};

/// How much of a unit vector to add to another, at the given cosine, to bring that to the target;
/// none where only an infinite amount would.
fn vaccine(cosine: f64, target: f64) -> Option<f64> {
    let sine = |cosine: f64| ((1.0 - cosine) * (1.0 + cosine)).max(0.0).sqrt();
    let share = target * sine(cosine) / sine(target) - cosine;
    share.is_finite().then_some(share)
}

/// The norm of a changed gradient: 0 if only rounding, beside the size of its parts, is left of it.
fn norm(gradient: &Mixture, size: f64) -> f64 {
    let square: f64 = gradient.parts.iter().zip(&gradient.reach).map(|(p, r)| p * r).sum();
    let rounding = gradient.parts.len() as f64 * f64::EPSILON * size * size;
    if square > rounding { square.sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, assert_close, build, direction, random_jacobian, weigh};
    use super::super::{pcgrad, testing};
    use super::*;

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn cosine(a: &[f64], b: &[f64]) -> f64 {
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    /// The paper's loop on vectors, in the given order; checks each cosine after its update.
    fn on_vectors(rows: &[&[f64]], targets: &mut [f64], beta: f64) -> Vec<f64> {
        let mut sum = vec![0.0; rows[0].len()];
        for (i, g) in rows.iter().enumerate() {
            let mut g = g.to_vec();
            for (j, other) in rows.iter().enumerate().filter(|(j, _)| *j != i) {
                let (phi, target) = (cosine(&g, other), &mut targets[i * rows.len() + j]);
                if phi < *target {
                    let root = |phi: f64| (1.0 - phi * phi).sqrt();
                    let share = (*target * root(phi) - phi * root(*target))
                        / (dot(other, other).sqrt() * root(*target));
                    let share = share * dot(&g, &g).sqrt();
                    g.iter_mut().zip(*other).for_each(|(g, o)| *g += share * o);
                    assert!((cosine(&g, other) - *target).abs() < 1e-10);
                }
                *target = (1.0 - beta) * *target + beta * phi;
            }
            sum.iter_mut().zip(&g).for_each(|(s, g)| *s += g);
        }
        sum
    }

    /// A few steps here and on vectors; gives the largest difference beside the norm.
    #[track_caller]
    fn compare(n: usize, rank: usize, beta: f64, seed: u64) {
        let mut stream = Seed(seed).stream("test", "", 0);
        let mut method = build(&METHOD, n, &format!(r#"{{"order": "given", "beta": {beta}}}"#));
        let mut targets = vec![0.0; n * n];
        let tasks: Vec<usize> = (0..n).collect();
        for step in 0..6 {
            let jacobian = random_jacobian(n, 120, rank, 0.5, &mut stream);
            let rows: Vec<&[f64]> = jacobian.chunks(120).collect();
            let losses = vec![1.0; n];
            let view = StepView { tasks: &tasks, losses: &losses, cross: &[], step, epoch: 0 };
            let mut w = vec![0.0; n];
            method.weigh(&Gramian::of_rows(n, &jacobian), &view, &mut w);
            let expected = on_vectors(&rows, &mut targets, beta);
            let tolerance = 1e-9 * dot(&expected, &expected).sqrt();
            assert_close(&direction(&jacobian, &w), &expected, tolerance);
            method.visit(&mut |found| assert_close(found, &targets, 1e-9));
        }
    }

    #[test]
    fn after_an_update_the_cosine_is_the_target_for_every_size() {
        compare(2, 3, 0.5, 61);
        compare(5, 5, 0.5, 62);
        compare(20, 20, 0.01, 63);
        compare(100, 110, 0.3, 64);
    }

    #[test]
    fn the_weights_of_a_pair_bring_the_cosine_to_the_target() {
        for target in [-0.8, -0.3, 0.0, 0.4, 0.99] {
            let mut method = build(&METHOD, 2, "{}");
            method.visit(&mut |targets| targets.fill(target));
            let view =
                StepView { tasks: &[0, 1], losses: &[1.0; 2], cross: &[], step: 0, epoch: 0 };
            let mut w = [0.0; 2];
            method.weigh(&Gramian::of_rows(2, &J2), &view, &mut w);
            // Each task's weight is 1 and what was added to the other.
            let first = direction(&J2, &[1.0, w[1] - 1.0]);
            let second = direction(&J2, &[w[0] - 1.0, 1.0]);
            assert!((cosine(&first, &J2[3..]) - target).abs() < 1e-10);
            assert!((cosine(&second, &J2[..3]) - target).abs() < 1e-10);
            let now = cosine(&J2[..3], &J2[3..]);
            let follows = target + 0.01 * (now - target);
            let expected = [target, follows, follows, target];
            method.visit(&mut |targets| assert_close(targets, &expected, 1e-15));
        }
    }

    #[test]
    fn the_first_step_is_pcgrad() {
        let mut stream = Seed(65).stream("test", "", 0);
        for (n, rank) in [(2, 2), (5, 3), (20, 20)] {
            let jacobian = random_jacobian(n, 30, rank, 0.0, &mut stream);
            let given = r#"{"order": "given"}"#;
            let (w, _) = weigh(&METHOD, n, &jacobian, given);
            let (expected, _) = weigh(&pcgrad::METHOD, n, &jacobian, given);
            let tolerance = 1e-10 * expected.iter().sum::<f64>();
            let apart: Vec<f64> = w.iter().zip(&expected).map(|(w, e)| w - e).collect();
            assert_close(&apart, &vec![0.0; n], tolerance);
        }
    }

    #[test]
    fn a_target_of_1_is_out_of_reach_and_says_so() {
        let mut method = testing::build(&METHOD, 2, "{}");
        method.visit(&mut |targets| targets.fill(1.0));
        let view = StepView { tasks: &[0, 1], losses: &[1.0; 2], cross: &[], step: 0, epoch: 0 };
        let mut w = [0.0; 2];
        let status = method.weigh(&Gramian::of_rows(2, &J2), &view, &mut w);
        assert_eq!(status, PARALLEL);
        assert_close(&w, &[1.0, 1.0], 0.0);
    }
}
