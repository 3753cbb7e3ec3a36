//! `GradDrop`: each parameter follows the tasks that pull it to one side, and the side is drawn.
//!
//! # Formula
//! For each parameter, with `g_t` the gradients of the `n` tasks there:
//! `P = 1/2 (1 + sum_t g_t / sum_t |g_t|)` is the purity of their signs, and `U` is uniform on
//! `[0, 1)`. `m_t = 1` if `U < P` and `g_t > 0`, or `U >= P` and `g_t < 0`; else 0. The direction
//! is `d = sum_t (leak_t + (1 - leak_t) m_t) g_t`, and 0 where all gradients are.
//!
//! The mean of `d` over the draws is `sum_t g_t` without leaks: with `a` the sum of the positive
//! gradients and `b` that of the negative ones' sizes, `(a^2 - b^2) / (a + b) = a - b`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `leak` | 0 for each task | a number from 0 to 1 for each task | LibMTL and TorchJD |
//!
//! # Cost
//! n gradients, and `width` draws a step. No state.
//!
//! # Claims
//! Neither the order of the tasks nor, but for a factor, the scale of all gradients matters.
//!
//! # Differs from
//! The paper masks the gradients of a shared representation, their signs read after a product with
//! the representation's own and a sum over the batch (LibMTL does too, and has no other way); here
//! the shared parameters' gradients are masked, as in TorchJD. The paper allows a monotone function
//! of `P`, and so does TorchJD; here it is the identity, the default of both. LibMTL adds 1e-7 to
//! `sum_t |g_t|`, which biases small gradients; a parameter without a gradient is skipped instead,
//! where TorchJD gets 0 from a comparison with NaN.
//!
//! # References
//! Chen, Ngiam, Huang, Luong, Kretzschmar, Chai, Anguelov, *Just Pick a Sign: Optimizing Deep
//! Multitask Models with Gradient Sign Dropout* (2020).

use rand::RngExt;
use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use super::Aggregator;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Rows, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "graddrop",
        family: Family::Balance,
        title: "gradient sign dropout",
        section: "A.11",
        formula: "per parameter: P = (1 + sum_t g_t / sum_t |g_t|) / 2; the sum of the positive \
                  g_t with probability P, of the negative ones otherwise",
        parameters: &[Parameter {
            name: "leak",
            default: "null",
            range: "a number from 0 to 1 for each task",
            about: "the share of each task's gradient that is never dropped; 0 if not given \
                    (LibMTL and TorchJD)",
        }],
        cost: "n gradients, and a draw for each shared parameter",
        cite: Cite {
            authors: "Chen, Ngiam, Huang, Luong, Kretzschmar, Chai, Anguelov",
            title: "Just Pick a Sign: Optimizing Deep Multitask Models with Gradient Sign Dropout",
            venue: "NeurIPS",
            year: 2020,
        },
    },
    sees: Sees::Jacobian,
    heads: Heads::Own,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    leak: Option<Vec<f64>>,
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { leak } = setup.parameters(&METHOD.method)?;
    let leak = leak.unwrap_or_else(|| vec![0.0; setup.n_tasks()]);
    if leak.len() != setup.n_tasks() {
        let (method, allowed) = (METHOD.method.id, "with one number for each task");
        let found = leak.len() as f64;
        return Err(BalanceError::OutOfRange { method, name: "leak", allowed, found });
    }
    leak.iter().try_for_each(|&found| check(&METHOD.method, "leak", found, Allowed::Share))?;
    Ok(Balancer::Aggregator(Box::new(GradDrop { leak, seed: setup.seed })))
}

struct GradDrop {
    leak: Vec<f64>,
    seed: Seed,
}

impl State for GradDrop {}

impl Aggregator for GradDrop {
    fn aggregate(&mut self, jacobian: Rows, view: &StepView, direction: &mut [f64]) -> Status {
        let mut stream = self.seed.stream("graddrop", "", view.step as u64);
        let width = jacobian.width();
        let (mut sums, mut sizes) = (vec![0.0; width], vec![0.0; width]);
        for row in jacobian.iter() {
            for ((sum, size), g) in sums.iter_mut().zip(&mut sizes).zip(row) {
                *sum += g;
                *size += g.abs();
            }
        }
        // One draw for each parameter, whatever its gradients are: draws do not depend on them.
        // Where all gradients are 0 the purity is NaN, no side is kept, and the sum is 0.
        let upward = |(sum, size): (&f64, &f64)| {
            let draw: f64 = stream.random();
            draw < 0.5 * (1.0 + sum / size)
        };
        let upward: Vec<bool> = sums.iter().zip(&sizes).map(upward).collect();
        direction.fill(0.0);
        for (row, &task) in jacobian.iter().zip(view.tasks) {
            let leak = self.leak[task];
            for ((d, &g), &upward) in direction.iter_mut().zip(row).zip(&upward) {
                let kept = if upward { g > 0.0 } else { g < 0.0 };
                *d += if kept { g } else { leak * g };
            }
        }
        Status::Solved
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, aggregate, assert_close, build, random_jacobian, start, step};
    use super::*;

    #[test]
    fn the_mean_over_the_draws_is_the_sum_of_gradients() {
        let (n, width) = (4, 6);
        let mut stream = Seed(21).stream("test", "", 0);
        let jacobian = random_jacobian(n, width, width, 0.2, &mut stream);
        let mut method = build(&METHOD, n, "{}");
        let (mut mean, mut square) = (vec![0.0; width], vec![0.0; width]);
        let steps = 100_000;
        for at in 0..steps {
            let (d, _) = step(method.as_mut(), &[0, 1, 2, 3], &jacobian, &[1.0; 4], at);
            for ((mean, square), d) in mean.iter_mut().zip(&mut square).zip(d) {
                *mean += d / steps as f64;
                *square += d * d / steps as f64;
            }
        }
        for j in 0..width {
            let expected: f64 = (0..n).map(|t| jacobian[t * width + j]).sum();
            let error = ((square[j] - mean[j] * mean[j]) / steps as f64).sqrt();
            assert!((mean[j] - expected).abs() <= 4.0 * error, "{mean:?}, {j}: {expected}");
        }
    }

    #[test]
    fn golden() {
        // The purity of the first parameter is 0.6; the others have one sign.
        let mut method = build(&METHOD, 2, "{}");
        let mut upward = 0;
        for at in 0..10_000 {
            let (d, status) = step(method.as_mut(), &[0, 1], &J2, &[1.0; 2], at);
            assert_eq!(status, Status::Solved);
            assert!(d == [6.0, 2.0, 2.0] || d == [-4.0, 2.0, 2.0], "{d:?}");
            upward += usize::from(d[0] > 0.0);
        }
        assert!((5_800..6_200).contains(&upward), "{upward}");
    }

    #[test]
    fn the_leak_of_a_task_is_never_dropped() {
        let settings = r#"{"leak": [1.0, 1.0]}"#;
        assert_close(&aggregate(&METHOD, 2, &J2, settings).0, &[2.0, 2.0, 2.0], 0.0);
        let mut method = build(&METHOD, 3, r#"{"leak": [0.0, 0.5, 0.25]}"#);
        let mut seen = [false; 2];
        for at in 0..50 {
            // The leaks are those of tasks 1 and 2.
            let (d, _) = step(method.as_mut(), &[1, 2], &J2, &[1.0; 2], at);
            let expected = [6.0 - 0.5 * 4.0, -4.0 + 0.25 * 6.0];
            let side = usize::from(d[0] < 0.0);
            assert_close(&d, &[expected[side], 2.0, 2.0], 1e-15);
            seen[side] = true;
        }
        assert_eq!(seen, [true; 2]);
    }

    #[test]
    fn a_parameter_without_gradients_stays() {
        let (d, _) = aggregate(&METHOD, 2, &[0.0, 1e-300, 0.0, -1e-300], "{}");
        assert_close(&[d[0], d[1].abs()], &[0.0, 1e-300], 0.0);
    }

    #[test]
    fn leaks_that_do_not_fit_are_refused() {
        for (settings, part) in
            [(r#"{"leak": [0.1]}"#, "found 1"), (r#"{"leak": [0, 1.5]}"#, "1.5")]
        {
            let Err(error) = start(&METHOD, 2, settings) else { panic!("took {settings}") };
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
