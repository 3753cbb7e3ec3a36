//! Aligned-MTL: the gradients' principal components, all made equally long.
//!
//! # Formula
//! `G = V diag(lambda) V' [n, n]`, over the `r` eigenvalues above rounding;
//! `B = sqrt(lambda_ref) V diag(lambda^-1/2) V'`, and the weights are `B p`, `sum p = 1`. The rows
//! of `B J` have the Gramian `lambda_ref V V'`: a condition number of 1.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `preference` | equal | a number of at least 0 for each task, not all 0 | the paper |
//! | `scale` | `"min"` | `"min"`, `"median"`, `"rmse"` | `lambda_ref`: the paper's smallest one |
//!
//! `median` is the (lower) median of the `r` eigenvalues, `rmse` their mean: the first official
//! code's name for it.
//!
//! # Cost
//! One eigendecomposition: about `10 n^3` operations.
//!
//! # Claims
//! The order of tasks does not matter; proportional to the gradients.
//!
//! # Differs from
//! LibMTL sums over the tasks: n times the step. TorchJD is the same.
//!
//! # References
//! Senushkin, Patakin, Kuznetsov, Konushin, *Independent Component Alignment for Multi-Task
//! Learning* (2023).

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_math::{Eigen, Gramian};

use super::{Weighting, of_view};
use crate::{
    BalanceError, BalanceMethod, Balancer, Claim, Heads, Sees, Setup, State, Status, StepView,
};

/// The method.
pub static METHOD: BalanceMethod = BalanceMethod {
    method: Method {
        id: "aligned-mtl",
        family: Family::Balance,
        title: "alignment of principal components",
        section: "A.7",
        formula: "w = B p, B = sqrt(lambda_ref) V diag(lambda^-1/2) V', G = V diag(lambda) V'",
        parameters: &[
            Parameter {
                name: "preference",
                default: "null",
                range: "a number of at least 0 for each task",
                about: "how much each task's aligned gradient counts; equal if not given (the \
                        paper)",
            },
            Parameter {
                name: "scale",
                default: "\"min\"",
                range: "\"min\", \"median\" or \"rmse\"",
                about: "the common eigenvalue: the smallest (the paper), median or mean one",
            },
        ],
        cost: "n gradients, and one eigendecomposition [n, n]",
        cite: Cite {
            authors: "Senushkin, Patakin, Kuznetsov, Konushin",
            title: "Independent Component Alignment for Multi-Task Learning",
            venue: "CVPR",
            year: 2023,
        },
    },
    sees: Sees::Gramian,
    heads: Heads::Own,
    claims: &[Claim::Permutes, Claim::Homogeneous],
    build,
};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    preference: Option<Vec<f64>>,
    scale: Scale,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Scale {
    #[default]
    Min,
    Median,
    Rmse,
}

impl Scale {
    /// The common eigenvalue; `values` are ascending.
    fn of(self, values: &[f64]) -> f64 {
        match self {
            Self::Min => values[0],
            Self::Median => values[(values.len() - 1) / 2],
            Self::Rmse => values.iter().sum::<f64>() / values.len() as f64,
        }
    }
}

fn build(setup: &Setup) -> Result<Balancer, BalanceError> {
    let Parameters { preference, scale } = setup.parameters(&METHOD.method)?;
    let preference = setup.preference(&METHOD.method, preference)?;
    Ok(Balancer::Weighting(Box::new(AlignedMtl { preference, scale })))
}

struct AlignedMtl {
    preference: Vec<f64>,
    scale: Scale,
}

impl State for AlignedMtl {}

impl Weighting for AlignedMtl {
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status {
        let preference = of_view(&self.preference, view);
        let eigen = gramian.eigen().filter(|eigen| eigen.first_positive() < eigen.values.len());
        let Some(eigen) = eigen else {
            weights.copy_from_slice(&preference);
            return Status::NoSolution {
                why: "every gradient is zero",
                instead: "the preference was used",
            };
        };
        let first = eigen.first_positive();
        balance(&eigen, first, self.scale.of(&eigen.values[first..]), &preference, weights);
        Status::Solved
    }
}

/// Writes `B p`, over the eigenvalues from `first` on.
fn balance(eigen: &Eigen, first: usize, reference: f64, p: &[f64], weights: &mut [f64]) {
    weights.fill(0.0);
    for k in first..eigen.values.len() {
        let vector = eigen.vector(k);
        let along: f64 = vector.iter().zip(p).map(|(x, p)| x * p).sum();
        let along = along * (reference / eigen.values[k]).sqrt();
        weights.iter_mut().zip(vector).for_each(|(weight, x)| *weight += along * x);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{J2, assert_close, direction, random_jacobian, weigh};
    use super::*;
    use torso_core::seed::Seed;

    const J3: [f64; 12] = [1.0, -2.0, 0.5, 3.0, -2.0, 1.5, 1.0, -1.0, 0.5, 1.0, -3.0, 2.0];
    const J3C: [f64; 12] = [3.0, 0.0, 0.2, 0.0, -2.5, 1.0, 0.0, 0.3, -1.0, -1.5, 2.0, 0.1];

    /// `B`, a column for each task: the weights where that task alone is preferred.
    fn aligned(n: usize, jacobian: &[f64]) -> Vec<f64> {
        let column = |t: usize| {
            let mut preference = vec![0.0; n];
            preference[t] = 1.0;
            weigh(&METHOD, n, jacobian, &format!(r#"{{"preference": {preference:?}}}"#)).0
        };
        (0..n).flat_map(column).collect()
    }

    #[test]
    fn the_aligned_system_has_condition_1_for_every_size_and_rank() {
        let mut stream = Seed(41).stream("test", "", 0);
        for (n, rank) in [(2, 1), (2, 2), (5, 3), (5, 5), (20, 7), (20, 20), (100, 60), (100, 100)]
        {
            let jacobian = random_jacobian(n, 300, rank, 0.3, &mut stream);
            let b = aligned(n, &jacobian);
            // The rows of `B J`: `B` is symmetric.
            let rows: Vec<f64> = b.chunks(n).flat_map(|row| direction(&jacobian, row)).collect();
            let eigen = Gramian::of_rows(n, &rows).eigen().unwrap();
            let original = Gramian::of_rows(n, &jacobian).eigen().unwrap();
            let least = original.values[n - rank];
            assert_eq!(original.first_positive(), n - rank, "{n} {rank}: {:?}", original.values);
            // What rounding leaves of an eigenvalue far below the largest.
            let tolerance = 1e-12 * original.values[n - 1] / least;
            for (k, value) in eigen.values.iter().enumerate() {
                let expected = if k < n - rank { 0.0 } else { 1.0 };
                assert!((value / least - expected).abs() < tolerance.max(1e-10), "{n} {rank} {k}");
            }
        }
    }

    #[test]
    fn golden() {
        let (w, status) = weigh(&METHOD, 2, &J2, "{}");
        assert_eq!(status, Status::Solved);
        assert_close(&w, &[0.559_071_915_656_560_7, 0.408_261_068_099_151_9], 1e-14);
        let rmse = r#"{"scale": "rmse"}"#;
        let (w, _) = weigh(&METHOD, 2, &J2, rmse);
        assert_close(&w, &[1.510_865_643_474_731_6, 1.103_306_397_773_386_1], 1e-13);
        let (w, _) = weigh(&METHOD, 3, &J3, "{}");
        assert_close(&w, &[0.272_856_491_3, 0.400_944_860_2, 0.198_918_335_7], 1e-9);
        let (w, _) = weigh(&METHOD, 3, &J3, rmse);
        assert_close(&w, &[0.575_507_711_5, 0.845_671_135_8, 0.419_557_678_8], 1e-9);
        let (w, _) = weigh(&METHOD, 3, &J3C, "{}");
        assert_close(&w, &[0.349_466_888_1, 0.357_421_395_1, 0.145_920_491_7], 1e-9);
        let (w, _) = weigh(&METHOD, 3, &J3C, rmse);
        assert_close(&w, &[1.394_482_347_9, 1.426_223_322_3, 0.582_268_468_9], 1e-9);
    }

    #[test]
    fn the_scales_differ_by_the_root_of_their_eigenvalues() {
        let values = Gramian::of_rows(3, &J3).eigen().unwrap().values;
        let plain = weigh(&METHOD, 3, &J3, "{}").0;
        let (median, _) = weigh(&METHOD, 3, &J3, r#"{"scale": "median"}"#);
        let factor = (values[1] / values[0]).sqrt();
        let expected: Vec<f64> = plain.iter().map(|w| factor * w).collect();
        assert_close(&median, &expected, 1e-13);
    }

    #[test]
    fn orthogonal_gradients_are_all_as_long_as_the_shortest() {
        let (w, _) = weigh(&METHOD, 2, &[3.0, 0.0, 0.0, 0.5], "{}");
        assert_close(&w, &[0.5 * 0.5 / 3.0, 0.5], 1e-15);
        let (w, status) = weigh(&METHOD, 2, &[0.0; 4], "{}");
        assert!(matches!(status, Status::NoSolution { .. }));
        assert_close(&w, &[0.5, 0.5], 0.0);
    }
}
