//! `PCGrad`: each task's gradient, without its components against the others, summed.
//!
//! # Formula
//! For each task `i`, from `g_i' = g_i`, for the other tasks `j` in an order drawn anew: if
//! `g_i' . g_j < 0`, then `g_i' -= (g_i' . g_j / |g_j|^2) g_j`. `d = sum_i g_i'`. In terms of
//! `G = J J' [n, n]`: `g_i' = sum_k C_ik g_k`, `C [n, n]` from the identity on, and the products
//! with the original gradients are `C_i G`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `order` | `"random"` | `"random"`, `"given"` | the paper; the official code: given |
//!
//! # Cost
//! About `2 n^3` operations.
//!
//! # Claims
//! Proportional to the gradients. For two tasks `J d >= 0`, and `d` is twice the projection of
//! `UPGrad`; for more tasks neither holds, and the order of projections counts.
//!
//! # Differs from
//! The official code draws an order and does not use it. Orders are keyed by the step: a resumed
//! training repeats them.
//!
//! # References
//! Yu, Kumar, Gupta, Levine, Hausman, Finn, *Gradient Surgery for Multi-Task Learning* (2020).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::{Seed, Stream, shuffle};
use torso_math::Gramian;

use super::Weighting;
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "pcgrad",
        family: Family::Balance,
        title: "projection of conflicting gradients",
        section: "A.3",
        formula: "g_i' = g_i; for j != i in random order: if g_i' . g_j < 0, \
                  g_i' -= (g_i' . g_j / |g_j|^2) g_j; d = sum_i g_i'",
        parameters: &[ORDER],
        cost: "n gradients, and 2 n^3 operations",
        cite: Cite {
            authors: "Yu, Kumar, Gupta, Levine, Hausman, Finn",
            title: "Gradient Surgery for Multi-Task Learning",
            venue: "NeurIPS",
            year: 2020,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::Homogeneous],
    build,
};

/// The parameter of that name.
pub(super) const ORDER: Parameter = Parameter {
    name: "order",
    default: "\"random\"",
    range: "\"random\" or \"given\"",
    about: "the order in which each task's gradient meets the others (the paper: random)",
};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    order: Order,
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { order } = setup.parameters(&METHOD.method)?;
    Ok(Balancer::Weighting(Box::new(PcGrad { order, seed: setup.seed })))
}

/// The order in which a gradient meets the others.
#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    #[default]
    Random,
    Given,
}

impl Order {
    /// All of `n` tasks but `i`.
    pub(super) fn others(self, i: usize, n: usize, stream: &mut Stream) -> Vec<usize> {
        let mut others: Vec<usize> = (0..n).filter(|j| *j != i).collect();
        if let Self::Random = self {
            shuffle(&mut others, stream);
        }
        others
    }
}

/// A gradient that others are added to: `g = sum_k parts_k g_k`.
pub(super) struct Mixture<'a> {
    gramian: &'a Gramian,
    /// How much of each gradient is in it.
    pub(super) parts: Vec<f64>,
    /// Its products with the original gradients.
    pub(super) reach: Vec<f64>,
}

impl<'a> Mixture<'a> {
    /// The gradient of task `i`.
    pub(super) fn new(gramian: &'a Gramian, i: usize) -> Self {
        let mut parts = vec![0.0; gramian.n()];
        parts[i] = 1.0;
        Self { gramian, parts, reach: gramian.row(i).to_vec() }
    }

    /// Adds a multiple of the gradient of task `j`.
    pub(super) fn add(&mut self, j: usize, factor: f64) {
        self.parts[j] += factor;
        self.reach.iter_mut().zip(self.gramian.row(j)).for_each(|(reach, g)| *reach += factor * g);
    }
}

struct PcGrad {
    order: Order,
    seed: Seed,
}

impl State for PcGrad {}

impl Weighting for PcGrad {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let n = view.n();
        let mut stream = self.seed.stream("pcgrad", "", view.step as u64);
        weights.fill(0.0);
        for i in 0..n {
            let mut projected = Mixture::new(gramian, i);
            for j in self.order.others(i, n, &mut stream) {
                let (reach, square) = (projected.reach[j], gramian.at(j, j));
                if reach < 0.0 && square > 0.0 {
                    projected.add(j, -reach / square);
                }
            }
            weights.iter_mut().zip(&projected.parts).for_each(|(weight, part)| *weight += part);
        }
        Status::Solved
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, assert_close, build, direction, random_jacobian, weigh};
    use super::super::upgrad;
    use super::*;

    const GIVEN: &str = r#"{"order": "given"}"#;
    const J3C: [f64; 12] = [3.0, 0.0, 0.2, 0.0, -2.5, 1.0, 0.0, 0.3, -1.0, -1.5, 2.0, 0.1];

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// The paper's loop on vectors, in the given order.
    fn on_vectors(rows: &[&[f64]]) -> Vec<f64> {
        let mut sum = vec![0.0; rows[0].len()];
        for (i, g) in rows.iter().enumerate() {
            let mut g = g.to_vec();
            for (_, other) in rows.iter().enumerate().filter(|(j, _)| *j != i) {
                let reach = dot(&g, other);
                if reach < 0.0 {
                    let share = reach / dot(other, other);
                    g.iter_mut().zip(*other).for_each(|(g, o)| *g -= share * o);
                }
            }
            sum.iter_mut().zip(&g).for_each(|(s, g)| *s += g);
        }
        sum
    }

    #[test]
    fn it_agrees_with_the_loop_on_vectors_for_every_size_and_rank() {
        let mut stream = Seed(51).stream("test", "", 0);
        for (n, rank) in [(2, 2), (5, 2), (5, 5), (20, 7), (20, 20), (100, 60), (100, 100)] {
            let jacobian = random_jacobian(n, 120, rank, 0.0, &mut stream);
            let rows: Vec<&[f64]> = jacobian.chunks(120).collect();
            let (w, _) = weigh(&METHOD, n, &jacobian, GIVEN);
            let (found, expected) = (direction(&jacobian, &w), on_vectors(&rows));
            assert_close(&found, &expected, 1e-11 * dot(&expected, &expected).sqrt());
        }
    }

    #[test]
    fn two_tasks_are_twice_upgrad_and_harm_neither() {
        let mut stream = Seed(52).stream("test", "", 0);
        for _ in 0..50 {
            let jacobian = random_jacobian(2, 4, 4, 0.0, &mut stream);
            let (w, _) = weigh(&METHOD, 2, &jacobian, "{}");
            let (half, _) = weigh(&upgrad::METHOD, 2, &jacobian, "{}");
            assert_close(&w, &[2.0 * half[0], 2.0 * half[1]], 1e-11 * (w[0] + w[1]));
            let gramian = Gramian::of_rows(2, &jacobian);
            assert!(gramian.times(&w).iter().all(|reach| *reach > -1e-12 * gramian.trace()));
        }
    }

    #[test]
    fn golden() {
        let (w, status) = weigh(&METHOD, 2, &J2, "{}");
        assert_eq!(status, Status::Solved);
        assert_close(&w, &[20.0 / 9.0, 30.0 / 19.0], 1e-14);
        let j3 = [1.0, -2.0, 0.5, 3.0, -2.0, 1.5, 1.0, -1.0, 0.5, 1.0, -3.0, 2.0];
        let (w, _) = weigh(&METHOD, 3, &j3, GIVEN);
        assert_close(&w, &[1.526_315_789_5, 2.454_545_454_5, 1.281_541_173_5], 1e-9);
        let (w, _) = weigh(&METHOD, 3, &J3C, GIVEN);
        assert_close(&w, &[2.117_256_637_2, 2.175_351_450_4, 1.368_405_968_3], 1e-9);
    }

    #[test]
    fn for_three_tasks_the_order_counts_and_one_may_be_harmed() {
        let gramian = Gramian::of_rows(3, &J3C);
        let mut method = build(&METHOD, 3, "{}");
        let mut found: Vec<Vec<f64>> = Vec::new();
        for step in 0..40 {
            let mut w = [0.0; 3];
            let view =
                StepView { tasks: &[0, 1, 2], losses: &[1.0; 3], cross: &[], step, epoch: 0 };
            method.weigh(&gramian, &view, &mut w);
            if !found.contains(&w.to_vec()) {
                found.push(w.to_vec());
            }
        }
        assert!(found.len() > 1);
        let norm = |w: &[f64]| gramian.squared_norm(w).sqrt();
        let apart: Vec<f64> = found[0].iter().zip(&found[1]).map(|(a, b)| a - b).collect();
        assert!(norm(&apart) > 0.01 * norm(&found[0]), "{found:?}");
        // The direction of the given order is against the second task.
        let (w, _) = weigh(&METHOD, 3, &J3C, GIVEN);
        let reach = gramian.times(&w);
        assert!(reach.iter().any(|reach| *reach < 0.0), "{reach:?}");
    }
}
