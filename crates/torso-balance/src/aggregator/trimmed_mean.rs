//! Trimmed mean: for each parameter the mean of the gradients, without the most extreme ones.
//!
//! # Formula
//! For each parameter, with the gradients of the `n` tasks in ascending order `g_(1) ... g_(n)`:
//! `d = 1 / (n - 2 trim) sum_{i = trim + 1}^{n - trim} g_(i)`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `trim` | 1 | 0, 1, 2, ... | ours: the least that trims; the paper asks for an upper bound of the share of outliers, TorchJD has no default |
//!
//! # Cost
//! n gradients, and a selection among n numbers for each parameter: `O(n width)`. No state.
//!
//! # Claims
//! Neither the order of the tasks nor, but for a factor, the scale of all gradients matters. Up to
//! `trim` gradients may be anything: `d` lies between the least and the largest of the others.
//!
//! # Differs from
//! The paper's samples are machines that may lie, here they are tasks, as in TorchJD; a task that
//! differs from the others is outvoted, not balanced. Where a step has `2 trim` tasks or fewer
//! there is no such mean (TorchJD refuses): as many are trimmed as leave one or two, which gives
//! the median, and the status says so.
//!
//! # References
//! Yin, Chen, Ramchandran, Bartlett, *Byzantine-Robust Distributed Learning: Towards Optimal
//! Statistical Rates* (2018).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::Aggregator;
use crate::setup::{Allowed, check};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Rows, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "trimmed-mean",
        family: Family::Balance,
        title: "mean without the extremes",
        section: "A",
        formula: "per parameter: the mean of the gradients without the `trim` largest and the \
                  `trim` smallest",
        parameters: &[Parameter {
            name: "trim",
            default: "1",
            range: "0, 1, 2, ...",
            about: "how many gradients are left out on each side (ours: the least that trims)",
        }],
        cost: "n gradients, and a selection among n numbers for each shared parameter",
        cite: Cite {
            authors: "Yin, Chen, Ramchandran, Bartlett",
            title: "Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates",
            venue: "ICML",
            year: 2018,
        },
    },
    sees: Sees::Jacobian,
    heads: Heads::Own,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    trim: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { trim: 1.0 }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { trim } = setup.parameters(&METHOD.method)?;
    if trim != 0.0 {
        check(&METHOD.method, "trim", trim, Allowed::Count)?;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be a whole number of at least 0"
    )]
    Ok(Balancer::Aggregator(Box::new(TrimmedMean { trim: trim as usize })))
}

struct TrimmedMean {
    trim: usize,
}

impl State for TrimmedMean {}

impl Aggregator for TrimmedMean {
    fn aggregate(&mut self, jacobian: Rows, _view: &StepView, direction: &mut [f64]) -> Status {
        let n = jacobian.n();
        let trim = self.trim.min((n - 1) / 2);
        let mut values = vec![0.0; n];
        for (j, d) in direction.iter_mut().enumerate() {
            values.iter_mut().zip(jacobian.iter()).for_each(|(value, row)| *value = row[j]);
            let kept = middle(&mut values, trim);
            *d = kept.iter().sum::<f64>() / kept.len() as f64;
        }
        if trim == self.trim {
            return Status::Solved;
        }
        Status::NoSolution {
            why: "the step has too few tasks to trim that many",
            instead: "the median was taken",
        }
    }
}

/// The values without the `trim` smallest and the `trim` largest, in any order.
fn middle(values: &mut [f64], trim: usize) -> &[f64] {
    if trim == 0 {
        return values;
    }
    let (_, _, above) = values.select_nth_unstable_by(trim - 1, f64::total_cmp);
    let n_kept = above.len() - trim;
    let (kept, _, _) = above.select_nth_unstable_by(n_kept, f64::total_cmp);
    kept
}

#[cfg(test)]
mod tests {
    use super::super::testing::{aggregate, assert_close, random_jacobian};
    use super::*;
    use torso_core::seed::Seed;

    #[test]
    fn it_is_the_mean_of_the_sorted_middle() {
        let (width, mut stream) = (9, Seed(22).stream("test", "", 0));
        for n in [1, 2, 3, 5, 20, 100] {
            for trim in [0, 1, 2, 7, 49] {
                if n <= 2 * trim {
                    continue;
                }
                let jacobian = random_jacobian(n, width, width, 0.0, &mut stream);
                let expected: Vec<f64> = (0..width)
                    .map(|j| {
                        let mut column: Vec<f64> =
                            (0..n).map(|t| jacobian[t * width + j]).collect();
                        column.sort_by(f64::total_cmp);
                        column[trim..n - trim].iter().sum::<f64>() / (n - 2 * trim) as f64
                    })
                    .collect();
                let settings = format!(r#"{{"trim": {trim}}}"#);
                let (d, status) = aggregate(&METHOD, n, &jacobian, &settings);
                assert_eq!(status, Status::Solved);
                assert_close(&d, &expected, 1e-12);
            }
        }
    }

    #[test]
    fn a_few_gradients_may_be_anything() {
        let honest = [1.0, -2.0, 1.2, -2.1, 0.9, -1.9];
        let mut jacobian = honest.to_vec();
        jacobian.extend([1e15, 1e15, -1e15, -1e15]);
        let (d, _) = aggregate(&METHOD, 5, &jacobian, "{}");
        // Without 1e15 and -1e15 the mean is that of the honest ones.
        assert_close(&d, &[3.1 / 3.0, -2.0], 1e-15);
    }

    #[test]
    fn golden_of_two_tasks_is_their_mean_with_a_word() {
        let (d, status) = aggregate(&METHOD, 2, &super::super::testing::J2, "{}");
        assert_close(&d, &[1.0, 1.0, 1.0], 0.0);
        assert!(matches!(status, Status::NoSolution { .. }));
        let (d, status) = aggregate(&METHOD, 3, &[1.0, 5.0, 30.0], r#"{"trim": 2}"#);
        assert_close(&d, &[5.0], 0.0);
        assert!(matches!(status, Status::NoSolution { .. }));
    }
}
