//! Krum and multi-Krum: the gradient (or the mean of some) that lies closest to the others.
//!
//! # Formula
//! The score of a gradient is the sum of the squared distances to its `n - byzantine - 2` nearest
//! others; the `selected` gradients of the lowest scores have the weight `1 / selected`, the
//! others 0. With `G = J J' [n, n]`: `|g_i - g_j|^2 = G_ii + G_jj - 2 G_ij`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `byzantine` | 0 | 0, 1, 2, ... | ours: no task lies; TorchJD must be told |
//! | `selected` | 1 | 1, 2, 3, ... | the paper's Krum; more: its multi-Krum |
//! | `squared` | true | true, false | the paper; TorchJD: false |
//!
//! # Cost
//! `n^2 log n` operations.
//!
//! # Claims
//! The order of tasks does not matter; proportional to the gradients.
//!
//! # Differs from
//! With fewer than `byzantine + 3` tasks in view there is no number of neighbors: the nearest one
//! is taken, with a status. Equal scores, which three tasks always have, are told apart by the
//! distance to all the others, and then by the task's number; the paper takes the number at once.
//!
//! # References
//! Blanchard, El Mhamdi, Guerraoui, Stainer, *Machine Learning with Adversaries: Byzantine
//! Tolerant Gradient Descent* (2017).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::Gramian;

use super::Weighting;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "krum",
        family: Family::Balance,
        title: "the gradient closest to the others",
        section: "A",
        formula: "score_i = sum of |g_i - g_j|^2 over the n - byzantine - 2 nearest j; d = mean of \
                  the `selected` gradients of lowest score",
        parameters: &[
            Parameter {
                name: "byzantine",
                default: "0",
                range: "0, 1, 2, ...",
                about: "how many gradients may be arbitrary (ours)",
            },
            Parameter {
                name: "selected",
                default: "1",
                range: "1, 2, 3, ...",
                about: "how many gradients are averaged (the paper)",
            },
            Parameter {
                name: "squared",
                default: "true",
                range: "true or false",
                about: "whether squared distances are summed (the paper; TorchJD: false)",
            },
        ],
        cost: "n gradients, and n^2 log n operations",
        cite: Cite {
            authors: "Blanchard, El Mhamdi, Guerraoui, Stainer",
            title: "Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent",
            venue: "NeurIPS",
            year: 2017,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    byzantine: usize,
    selected: usize,
    squared: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { byzantine: 0, selected: 1, squared: true }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let parameters: Parameters = setup.parameters(&METHOD.method)?;
    check(&METHOD.method, "selected", parameters.selected as f64, Allowed::Count)?;
    Ok(Balancer::Weighting(Box::new(Krum(parameters))))
}

struct Krum(Parameters);

impl State for Krum {}

impl Weighting for Krum {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let Parameters { byzantine, selected, squared } = self.0;
        let n = view.n();
        let neighbors = n.saturating_sub(byzantine.saturating_add(2));
        let scores: Vec<[f64; 2]> = (0..n)
            .map(|i| {
                let distances = distances(gramian, i, squared);
                [neighbors.max(1), n].map(|nearest| distances.iter().take(nearest).sum())
            })
            .collect();
        let mut order: Vec<usize> = (0..n).collect();
        let key = |i: usize, at: usize| scores[i][at];
        order.sort_by(|&i, &j| {
            key(i, 0).total_cmp(&key(j, 0)).then(key(i, 1).total_cmp(&key(j, 1)))
        });
        let taken = selected.min(n);
        weights.fill(0.0);
        order[..taken].iter().for_each(|&i| weights[i] = 1.0 / taken as f64);
        if neighbors == 0 {
            Status::NoSolution {
                why: "fewer than `byzantine` + 3 tasks are in the batch",
                instead: "each gradient was compared with its nearest one alone",
            }
        } else if taken < selected {
            Status::NoSolution {
                why: "fewer than `selected` tasks are in the batch",
                instead: "all of them were averaged",
            }
        } else {
            Status::Solved
        }
    }
}

/// The distances of gradient `i` to all others, ascending.
fn distances(gramian: &Gramian, i: usize, squared: bool) -> Vec<f64> {
    let distance = |j: usize| {
        let square = gramian.at(i, i) + gramian.at(j, j) - 2.0 * gramian.at(i, j);
        if squared { square.max(0.0) } else { square.max(0.0).sqrt() }
    };
    let mut distances: Vec<f64> = (0..gramian.n()).filter(|j| *j != i).map(distance).collect();
    distances.sort_by(f64::total_cmp);
    distances
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, random_jacobian, weigh};
    use super::*;
    use torso_core::seed::{Seed, normal};

    #[test]
    fn scores_by_hand() {
        // On a line: 0, 1, 3, 7, 20. Two neighbors each (5 - 1 - 2); squares of distances:
        // 0: 1 + 9, 1: 1 + 4, 3: 4 + 9, 7: 16 + 36, 20: large. Lowest: 1, then 0, then 3.
        let line = [0.0, 1.0, 3.0, 7.0, 20.0];
        let (w, status) = weigh(&METHOD, 5, &line, r#"{"byzantine": 1}"#);
        assert_eq!(status, Status::Solved);
        assert_eq!(w, [0.0, 1.0, 0.0, 0.0, 0.0]);
        let (w, _) = weigh(&METHOD, 5, &line, r#"{"byzantine": 1, "selected": 3}"#);
        assert_close(&w, &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0, 0.0], 1e-16);
    }

    #[test]
    fn squares_prefer_two_moderate_distances_to_one_long() {
        // Nearest two of 0: 0 and 10; of 16: 6 and 6.
        let line = [0.0, 0.0, 10.0, 16.0, 22.0];
        let (w, _) = weigh(&METHOD, 5, &line, r#"{"byzantine": 1}"#);
        assert_eq!(w, [0.0, 0.0, 0.0, 1.0, 0.0]);
        let (w, _) = weigh(&METHOD, 5, &line, r#"{"byzantine": 1, "squared": false}"#);
        assert_eq!(w, [1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn it_agrees_with_distances_of_vectors() {
        let mut stream = Seed(91).stream("test", "", 0);
        for (n, byzantine, selected) in [(5, 0, 1), (5, 2, 2), (20, 4, 5), (100, 30, 1)] {
            let jacobian = random_jacobian(n, 40, 40, 0.1, &mut stream);
            let rows: Vec<&[f64]> = jacobian.chunks(40).collect();
            let score = |i: usize| -> f64 {
                let square = |j: usize| -> f64 {
                    rows[i].iter().zip(rows[j]).map(|(a, b)| (a - b).powi(2)).sum()
                };
                let mut squares: Vec<f64> = (0..n).filter(|j| *j != i).map(square).collect();
                squares.sort_by(f64::total_cmp);
                squares[..n - byzantine - 2].iter().sum()
            };
            let settings = format!(r#"{{"byzantine": {byzantine}, "selected": {selected}}}"#);
            let (w, _) = weigh(&METHOD, n, &jacobian, &settings);
            let highest = (0..n).filter(|i| w[*i] > 0.0).map(score).fold(0.0, f64::max);
            assert_eq!(w.iter().filter(|w| **w > 0.0).count(), selected);
            for i in (0..n).filter(|i| w[*i] == 0.0) {
                assert!(score(i) > highest * (1.0 - 1e-12), "{n}: {i} is closer");
            }
        }
    }

    #[test]
    fn a_gradient_far_from_the_rest_is_not_taken() {
        let mut stream = Seed(92).stream("test", "", 0);
        for liar in 0..6 {
            let mut jacobian: Vec<f64> = (0..6 * 4).map(|_| 1.0 + normal(&mut stream)).collect();
            jacobian[liar * 4..][..4].fill(-100.0);
            let settings = r#"{"byzantine": 1, "selected": 5}"#;
            let (w, status) = weigh(&METHOD, 6, &jacobian, settings);
            assert_eq!((w[liar], status), (0.0, Status::Solved));
        }
    }

    #[test]
    fn few_tasks_have_a_status() {
        let (w, status) = weigh(&METHOD, 2, &[1.0, 2.0], "{}");
        assert!(matches!(status, Status::NoSolution { .. }));
        assert_eq!(w, [1.0, 0.0]);
        let (w, status) = weigh(&METHOD, 3, &[1.0, 2.0, 4.0], r#"{"selected": 4}"#);
        assert!(matches!(status, Status::NoSolution { .. }));
        assert_close(&w, &[1.0 / 3.0; 3], 0.0);
        // 1 and 2 are each other's nearest; 2 is closer to 4.
        assert_eq!(weigh(&METHOD, 3, &[1.0, 2.0, 4.0], "{}").0, [0.0, 1.0, 0.0]);
    }
}
