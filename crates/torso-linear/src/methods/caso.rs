//! Convex alternating structure optimization (cASO): tasks near a subspace that they share.
//!
//! # Formula
//! `min_W loss(W) + 1/2 min_M rho2 eta (1 + eta) tr(W' (eta I + M)^-1 W)`, `eta = rho1 / rho2`, over
//! `M [n_features, n_features]` with `0 <= M <= I`, `tr M = dimensions`. With `M` a projection, a
//! coefficient pays `rho1` in its subspace and `rho1 + rho2` outside; all `M` are the convex hull of
//! these. So it is ASO, `w_t = u_t + Theta' v_t`, with the subspace relaxed.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `dimensions` | cross-validation: 1, 2 or 5 | 1, 2, ... | the paper's `h`; 50 in ASO on text |
//! | `rho2` | cross-validation from ten times the largest curvature down to a hundred-thousandth of it | at least 0 | the paper's `alpha` |
//! | `rho1` | cross-validation: `rho2` times 0.003, 0.05 or 1 | above 0 | the paper's `beta` |
//!
//! # Cost
//! A singular value decomposition `[d, T]` an iteration of accelerated proximal steps: the inner
//! minimum over `M` has a proximal map in closed form (`penalty/cluster_norm.rs`).
//!
//! # Claims
//! Convex: one optimum from any start, certified by the fixed-point residual. The penalty is one of
//! singular values, so it is as well that of clustered learning without a mean, with `dimensions`
//! clusters (Zhou et al.).
//!
//! # Differs from
//! The papers have no factor 1/2. MALSAR's `Least_CASO` takes steps in `W` and `M`, and sums
//! `eta + M` where its objective needs the inverse; here `M` is eliminated.
//!
//! # References
//! Chen, Tang, Liu, Ye, *A convex formulation for learning shared structures from multiple tasks*
//! (2009); Zhou, Chen, Ye, *Clustered multi-task learning via alternating structure optimization*
//! (2011).

use faer::Mat;
use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;

use super::clustered::open_counts;
use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, check, parameters, strengths,
};
use crate::penalty::ClusterNorm;
use crate::pictures;
use crate::solution::{Effort, Solution};
use crate::solver::proximal;
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "caso",
        family: Family::Linear,
        title: "a shared subspace of features, by a convex relaxation (cASO)",
        section: "5.2.7",
        formula: "min_W loss(W) + 1/2 min_M rho2 eta (1 + eta) tr(W' (eta I + M)^-1 W), eta = rho1 / rho2",
        parameters: &[
            Parameter {
                name: "dimensions",
                default: "null",
                range: "1, 2, ...",
                about: "of the subspace; chosen by cross-validation among 1, 2 and 5 if not given",
            },
            Parameter {
                name: "rho2",
                default: "null",
                range: "at least 0",
                about: "pull to the subspace; chosen by cross-validation if not given",
            },
            Parameter {
                name: "rho1",
                default: "null",
                range: "above 0",
                about: "pull to zero; chosen by cross-validation if not given",
            },
        ],
        cost: "features x tasks x min(features, tasks) an iteration",
        cite: Cite {
            authors: "Chen, Tang, Liu, Ye",
            title: "A convex formulation for learning shared structures from multiple tasks",
            venue: "ICML",
            year: 2009,
        },
    },
    build: |given| {
        let method: ConvexAso = parameters(&METHOD.method, given)?;
        let dimensions = method.dimensions.map(|dimensions| dimensions as f64);
        check(&METHOD.method, "dimensions", dimensions, Allowed::Count)?;
        check(&METHOD.method, "rho1", method.rho1, Allowed::Positive)?;
        check(&METHOD.method, "rho2", method.rho2, Allowed::NotNegative)?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConvexAso {
    /// The dimension of the subspace.
    pub dimensions: Option<usize>,
    /// Pull to zero.
    pub rho1: Option<f64>,
    /// Pull to the subspace.
    pub rho2: Option<f64>,
}

/// Open `rho1` are these shares of `rho2`; with 1 the subspace means little.
const SHARES: [f64; 3] = [0.003, 0.05, 1.0];

/// Open dimensions.
const DIMENSIONS: [usize; 3] = [1, 2, 5];

impl ConvexAso {
    fn penalty(&self) -> ClusterNorm {
        let all = self.rho1.zip(self.rho2).zip(self.dimensions);
        let ((rho1, rho2), dimensions) = all.expect("nothing is open in a fit");
        ClusterNorm { inside: rho1, outside: rho1 + rho2, dimensions }
    }
}

impl LinearMethod for ConvexAso {
    fn settings(&self) -> Vec<(String, f64)> {
        let dimensions = self.dimensions.map(|dimensions| dimensions as f64);
        let values = [("dimensions", dimensions), ("rho1", self.rho1), ("rho2", self.rho2)];
        let given = values.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?)));
        given.collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let strengths = strengths(self.rho2, 10.0 * tasks.curvature(), 1e-5, points);
        let path = |dimensions: usize, share: f64| -> Vec<Box<dyn LinearMethod>> {
            let at = |rho2: &f64| {
                // Without a pull to the subspace there is still one to zero.
                let rho1 = self.rho1.unwrap_or(if *rho2 > 0.0 { share * rho2 } else { share });
                Box::new(Self { dimensions: Some(dimensions), rho1: Some(rho1), rho2: Some(*rho2) })
                    as Box<_>
            };
            strengths.iter().map(at).collect()
        };
        let shares: &[f64] = if self.rho1.is_some() { &[1.0] } else { &SHARES };
        let most = tasks.n_tasks().min(tasks.n_features());
        let counts = open_counts(self.dimensions, &DIMENSIONS, most);
        let mut paths = Vec::new();
        for share in shares {
            let is_flat = self.rho1.is_none() && *share >= 1.0;
            let counts = if is_flat { &counts[..1] } else { &counts[..] };
            paths.extend(counts.iter().map(|count| path(*count, *share)));
        }
        paths
    }

    fn fit(
        &self,
        tasks: &Tasks,
        start: Option<&Solution>,
        effort: Effort,
        _: Seed,
    ) -> Result<Solution, LinearError> {
        let zeros = || Mat::zeros(tasks.n_features(), tasks.n_tasks());
        let start = start.map_or_else(zeros, |start| start.w.clone());
        Ok(proximal::minimize(tasks, &self.penalty(), start, effort).into())
    }

    fn findings(&self, solution: &Solution, names: &Names) -> Vec<Finding> {
        pictures::components(solution.w.as_ref(), names)
    }
}

#[cfg(test)]
mod tests;
