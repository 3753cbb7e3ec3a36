//! IMTL-G: the direction whose projection onto every task's gradient is the same.
//!
//! # Formula
//! `d = sum_t alpha_t g_t`, `sum alpha = 1`, with `d . g_t / |g_t|` equal for all `t`. In terms of
//! `G = J J' [n, n]`: `v = pinv(G) sqrt(diag G)`, `alpha = v / |sum v|`. It is solved with the
//! Gramian of the unit gradients, `C = D^-1 G D^-1`, `D = sqrt(diag G)`: `v = D^-1 pinv(C) 1`.
//! Weights may be negative.
//!
//! # Parameters
//! None.
//!
//! # Cost
//! One eigendecomposition: about `10 n^3` operations.
//!
//! # Claims
//! Where there is a solution: `J d > 0`, and scaling a task's loss does not turn `d`.
//!
//! # Differs from
//! The paper inverts a matrix of differences of gradients, which is the same where it exists.
//! Below full rank nothing need have equal projections: the status says so, and the pseudo-inverse
//! (of the unit gradients, so that scales still do not matter) is used; LibMTL and TorchJD use the
//! pseudo-inverse without a word. Where `sum v < 0`, weights of sum 1 make every task *worse*:
//! here the sign is turned, with a status; the other codes ascend.
//!
//! # References
//! Liu, Li, Kuang, Xue, Chen, Yang, Liao, Zhang, *Towards Impartial Multi-task Learning* (2021).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method};
use torso_math::Gramian;

use super::Weighting;
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "imtl-g",
        family: Family::Balance,
        title: "equal projections onto every gradient",
        section: "A.6",
        formula: "d = sum_t alpha_t g_t, sum alpha = 1, d . g_t / |g_t| equal for all t",
        parameters: &[],
        cost: "n gradients, and one eigendecomposition [n, n]",
        cite: Cite {
            authors: "Liu, Li, Kuang, Xue, Chen, Yang, Liao, Zhang",
            title: "Towards Impartial Multi-task Learning",
            venue: "ICLR",
            year: 2021,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::NonConflicting, Claim::ScaleInvariant, Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters {} = setup.parameters(&METHOD.method)?;
    Ok(Balancer::Weighting(Box::new(ImtlG)))
}

/// Beside a Gramian of unit rows, less than this is rounding.
const ROUNDING: f64 = 1e-13;
/// Projections that differ by more than this share are not called equal.
const TOLERANCE: f64 = 1e-8;

pub(super) const DEPENDENT: Status = Status::NoSolution {
    why: "the gradients are linearly dependent",
    instead: "the pseudo-inverse was used",
};

/// Weights `v` with `J' v . g_t / |g_t| = target_t` for every `t`, by the pseudo-inverse of the
/// Gramian of unit gradients: all zeros where the target is out of their reach altogether.
pub(super) fn with_projections(gramian: &Gramian, target: &[f64]) -> (Vec<f64>, Status) {
    let n = gramian.n();
    let inverse_norms = gramian.inverse_norms();
    let unit = gramian.scaled(&inverse_norms);
    let mut v = vec![0.0; n];
    let Some(eigen) = unit.eigen() else { return (v, DEPENDENT) };
    let floor = eigen.values[n - 1] * ROUNDING;
    let first = eigen.values.iter().position(|value| *value > floor).unwrap_or(n);
    let first = first.max(eigen.first_positive());
    let size = target.iter().fold(0.0, |size: f64, t| size.max(t.abs()));
    for k in first..n {
        let vector = eigen.vector(k);
        let reach: f64 = vector.iter().zip(target).map(|(x, t)| x * t).sum();
        if reach.abs() > ROUNDING * size {
            let along = reach / eigen.values[k];
            v.iter_mut().zip(vector).for_each(|(v, x)| *v += along * x);
        }
    }
    let found = unit.times(&v);
    let residual = found.iter().zip(target).fold(0.0, |r: f64, (f, t)| r.max((f - t).abs()));
    v.iter_mut().zip(&inverse_norms).for_each(|(v, inverse)| *v *= inverse);
    let status = if first > 0 {
        DEPENDENT
    } else if residual > TOLERANCE * size {
        Status::NotConverged { residual: residual / size }
    } else {
        Status::Solved
    };
    (v, status)
}

struct ImtlG;

impl State for ImtlG {}

impl Weighting for ImtlG {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let n = view.n();
        let (v, status) = with_projections(gramian, &vec![1.0; n]);
        let (sum, size) = v.iter().fold((0.0, 0.0), |(sum, size), v| (sum + v, size + v.abs()));
        if size <= 0.0 {
            weights.fill(1.0 / n as f64);
            return Status::NoSolution {
                why: "the gradients are linearly dependent",
                instead: "equal weights were used",
            };
        }
        let cancels = sum.abs() <= ROUNDING * size;
        let scale = if cancels { size } else { sum.abs() };
        weights.iter_mut().zip(&v).for_each(|(weight, v)| *weight = v / scale);
        if status != Status::Solved {
            status
        } else if cancels {
            Status::NoSolution {
                why: "the weights with equal projections have the sum 0",
                instead: "they were scaled to the absolute sum 1",
            }
        } else if sum < 0.0 {
            Status::NoSolution {
                why: "equal projections with weights of sum 1 make every task worse",
                instead: "the signs were turned",
            }
        } else {
            Status::Solved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, assert_close, direction, random_jacobian, weigh};
    use super::*;
    use crate::Rows;
    use torso_core::seed::Seed;

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn unit(g: &[f64]) -> Vec<f64> {
        let norm = dot(g, g).sqrt();
        g.iter().map(|g| g / norm).collect()
    }

    /// `A x = b` by elimination with row pivots, `A [n, n]` as rows.
    fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let n = b.len();
        for k in 0..n {
            let pivot = (k..n).max_by(|i, j| a[*i][k].abs().total_cmp(&a[*j][k].abs())).unwrap();
            a.swap(k, pivot);
            b.swap(k, pivot);
            for i in (0..n).filter(|i| *i != k) {
                let factor = a[i][k] / a[k][k];
                let row = a[k].clone();
                a[i].iter_mut().zip(&row).for_each(|(x, r)| *x -= factor * r);
                b[i] -= factor * b[k];
            }
        }
        (0..n).map(|i| b[i] / a[i][i]).collect()
    }

    #[test]
    fn projections_are_equal_for_every_size() {
        let mut stream = Seed(21).stream("test", "", 0);
        for n in [2, 5, 20, 100] {
            for lean in [0.0, 0.5] {
                let jacobian = random_jacobian(n, 300, 2 * n, lean, &mut stream);
                let (w, status) = weigh(&METHOD, n, &jacobian, "{}");
                assert!(!matches!(status, Status::NotConverged { .. }) && status != DEPENDENT);
                assert!((w.iter().sum::<f64>().abs() - 1.0).abs() < 1e-9, "{n}");
                let d = direction(&jacobian, &w);
                let reach: Vec<f64> =
                    Rows::new(n, &jacobian).iter().map(|g| dot(&unit(g), &d)).collect();
                assert!(reach.iter().all(|r| *r > 0.0 && (r / reach[0] - 1.0).abs() < 1e-8));
            }
        }
    }

    #[test]
    fn it_agrees_with_the_matrix_form_of_the_paper() {
        // alpha_2.. = g_1 U' (D U')^-1, D_t = g_1 - g_t, U_t = u_1 - u_t.
        let mut stream = Seed(22).stream("test", "", 0);
        for n in [2, 5, 20] {
            let jacobian = random_jacobian(n, 60, 60, 0.2, &mut stream);
            let rows: Vec<&[f64]> = Rows::new(n, &jacobian).iter().collect();
            let minus = |a: &[f64], b: &[f64]| -> Vec<f64> {
                a.iter().zip(b).map(|(a, b)| a - b).collect()
            };
            let d: Vec<Vec<f64>> = rows[1..].iter().map(|g| minus(rows[0], g)).collect();
            let u: Vec<Vec<f64>> =
                rows[1..].iter().map(|g| minus(&unit(rows[0]), &unit(g))).collect();
            let system = u.iter().map(|u| d.iter().map(|d| dot(d, u)).collect()).collect();
            let rest = solve(system, u.iter().map(|u| dot(rows[0], u)).collect());
            let mut expected = vec![1.0 - rest.iter().sum::<f64>()];
            expected.extend(rest);
            let (w, status) = weigh(&METHOD, n, &jacobian, "{}");
            let sign = if status == Status::Solved { 1.0 } else { -1.0 };
            let size = expected.iter().fold(0.0, |s: f64, w| s.max(w.abs()));
            let expected: Vec<f64> = expected.iter().map(|w| sign * w).collect();
            assert_close(&w, &expected, 1e-10 * size);
        }
    }

    #[test]
    fn golden() {
        let (w, status) = weigh(&METHOD, 2, &J2, "{}");
        assert_eq!(status, Status::Solved);
        assert_close(&w, &[0.592_330_316_937_797_8, 0.407_669_683_062_202_14], 1e-14);
        assert_close(&direction(&J2, &w), &[0.076_696_830_622_021_48, 1.0, 1.0], 1e-13);
        let j3 = [1.0, -2.0, 0.5, 3.0, -2.0, 1.5, 1.0, -1.0, 0.5, 1.0, -3.0, 2.0];
        let (w, _) = weigh(&METHOD, 3, &j3, "{}");
        assert_close(&w, &[0.315_585_326_1, 0.502_949_110_6, 0.181_465_563_3], 1e-9);
        let j3c = [3.0, 0.0, 0.2, 0.0, -2.5, 1.0, 0.0, 0.3, -1.0, -1.5, 2.0, 0.1];
        let (w, _) = weigh(&METHOD, 3, &j3c, "{}");
        assert_close(&w, &[0.431_737_633_5, 0.451_104_280_4, 0.117_158_086_0], 1e-9);
    }

    #[test]
    fn dependent_gradients_have_a_status_at_every_rank() {
        let mut stream = Seed(23).stream("test", "", 0);
        for (n, rank) in [(2, 1), (3, 2), (5, 1), (5, 4), (20, 7), (20, 19), (100, 60)] {
            for _ in 0..20 {
                let jacobian = random_jacobian(n, 130, rank, 0.0, &mut stream);
                let (w, status) = weigh(&METHOD, n, &jacobian, "{}");
                let Status::NoSolution { why, .. } = status else { panic!("{n} {rank}: {status}") };
                assert_eq!(why, "the gradients are linearly dependent");
                assert!(w.iter().all(|w| w.is_finite()));
            }
        }
        let (w, status) = weigh(&METHOD, 2, &[1.0, 2.0, -2.0, -4.0], "{}");
        assert!(matches!(status, Status::NoSolution { instead: "equal weights were used", .. }));
        assert_close(&w, &[0.5, 0.5], 0.0);
    }

    #[test]
    fn a_sum_below_zero_does_not_turn_the_step_round() {
        // The small first gradient lies between the others, so its weight is large and negative.
        let jacobian = [0.01, 0.0, 0.001, 1.0, 0.5, 0.0, 1.0, -0.5, 0.0];
        let (w, status) = weigh(&METHOD, 3, &jacobian, "{}");
        assert!(matches!(status, Status::NoSolution { instead: "the signs were turned", .. }));
        let reach = Gramian::of_rows(3, &jacobian).times(&w);
        assert!(reach.iter().all(|reach| *reach > 0.0), "{reach:?}");
    }
}
