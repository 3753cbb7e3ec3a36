//! Clustered multi-task learning: tasks near the mean of their cluster, the clusters unknown.
//!
//! # Formula
//! With known clusters `c` of `T_c` tasks, the penalty is `1/2 (mean T |wbar|^2 + between sum_c T_c
//! |wbar_c - wbar|^2 + within sum_t |w_t - wbar_c(t)|^2)`. They are not known, so the projection
//! onto cluster means is relaxed to all matrices between projections of its rank: with `Pi` the
//! centering of tasks, `min_W loss(W) + mean T / 2 |wbar|^2 + 1/2 min_S tr(W Pi S^-1 Pi W')`, `S
//! [n_tasks, n_tasks]` with eigenvalues from `1 / within` to `1 / between`, of which `clusters - 1`
//! at `1 / between` would have the same trace.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `clusters` | cross-validation: 1, 3 or 8 | 1, 2, ... | |
//! | `within` | cross-validation from ten times the largest curvature down to a hundred-thousandth of it | above 0 | |
//! | `between` | cross-validation: `within` times 0.003, 0.05 or 1 | above 0, at most `within` | |
//! | `mean` | as `between` | at least 0, at most `between` | Jacob et al.: at most `between` |
//!
//! # Cost
//! A singular value decomposition `[d, T]` an iteration of accelerated proximal steps: the inner
//! minimum over `S` has a proximal map in closed form (`penalty/cluster_norm.rs`).
//!
//! # Claims
//! Convex: one optimum from any start, certified by the fixed-point residual. `clusters = 1` is
//! `mean-regularized` with `rho1 = mean`, `rho1 + rho2 = within`.
//!
//! # Differs from
//! The paper takes projected gradient steps in `S`, its code and MALSAR's `Least_CMTL` in `W` and
//! `S` together; here `S` is eliminated, with the same optimum. MALSAR's form has no mean and
//! `clusters` instead of `clusters - 1` directions; that is `caso`.
//!
//! # References
//! Jacob, Bach, Vert, *Clustered multi-task learning: a convex formulation* (2008); Zhou, Chen, Ye,
//! *Clustered multi-task learning via alternating structure optimization* (2011).

use faer::{Mat, MatRef};
use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_core::seed::Seed;
use torso_math::Spectrum;

use crate::method::{
    Allowed, LinearEntry, LinearError, LinearMethod, Names, SettingError, check, parameters,
    strengths,
};
use crate::methods::mean_regularized::mean_column;
use crate::penalty::{ClusterNorm, Penalty};
use crate::solution::{Effort, Solution};
use crate::solver::k_means::k_means;
use crate::solver::proximal;
use crate::tasks::Tasks;

/// The method.
pub static METHOD: LinearEntry = LinearEntry {
    method: Method {
        id: "clustered",
        family: Family::Linear,
        title: "clusters of tasks, found by a convex relaxation",
        section: "5.2.3",
        formula: "min_W loss(W) + mean T/2 |wbar|^2 + 1/2 min_S tr(W Pi S^-1 Pi W')",
        parameters: &[
            Parameter {
                name: "clusters",
                default: "null",
                range: "1, 2, ...",
                about: "how many clusters; chosen by cross-validation among 1, 3 and 8 if not given",
            },
            Parameter {
                name: "within",
                default: "null",
                range: "above 0",
                about: "pull to the mean of the cluster; chosen by cross-validation if not given",
            },
            Parameter {
                name: "between",
                default: "null",
                range: "above 0, at most within",
                about: "pull of clusters' means to that of all; by cross-validation if not given",
            },
            Parameter {
                name: "mean",
                default: "null",
                range: "at least 0, at most between",
                about: "pull of the mean of all to zero; as `between` if not given",
            },
        ],
        cost: "features x tasks x min(features, tasks) an iteration",
        cite: Cite {
            authors: "Jacob, Bach, Vert",
            title: "Clustered multi-task learning: a convex formulation",
            venue: "NIPS 21",
            year: 2008,
        },
    },
    build: |given| {
        let method: Clustered = parameters(&METHOD.method, given)?;
        method.check()?;
        Ok(Box::new(method))
    },
};

/// The method's parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Clustered {
    /// How many clusters.
    pub clusters: Option<usize>,
    /// Pull to the mean of the cluster.
    pub within: Option<f64>,
    /// Pull of the clusters' means to that of all.
    pub between: Option<f64>,
    /// Pull of the mean of all to zero.
    pub mean: Option<f64>,
}

/// Open `between` are these shares of `within`; with 1 there are no clusters.
const SHARES: [f64; 3] = [0.003, 0.05, 1.0];

/// Open numbers of clusters.
const CLUSTERS: [usize; 3] = [1, 3, 8];

impl Clustered {
    fn check(&self) -> Result<(), SettingError> {
        check(&METHOD.method, "clusters", self.clusters.map(|c| c as f64), Allowed::Count)?;
        check(&METHOD.method, "within", self.within, Allowed::Positive)?;
        check(&METHOD.method, "between", self.between, Allowed::Positive)?;
        check(&METHOD.method, "mean", self.mean, Allowed::NotNegative)?;
        let ordered = [
            ("between", self.between, self.within, "at most `within`"),
            ("mean", self.mean, self.between, "at most `between`"),
            ("mean", self.mean, self.within, "at most `within`"),
        ];
        for (name, found, most, allowed) in ordered {
            if let Some((found, _)) = found.zip(most).filter(|(found, most)| found > most) {
                return Err(SettingError::Range { method: METHOD.method.id, name, found, allowed });
            }
        }
        Ok(())
    }

    /// With everything set: open strengths move as little as the order of the three asks for.
    fn at(&self, clusters: usize, within: f64, share: f64) -> Self {
        let between = self.between.unwrap_or(share * within).max(self.mean.unwrap_or(0.0));
        Self {
            clusters: Some(clusters),
            within: Some(within.max(between)),
            between: Some(between),
            mean: Some(self.mean.unwrap_or(between)),
        }
    }

    fn penalty(&self) -> ClusterPenalty {
        let strengths = self.mean.zip(self.between).zip(self.within).zip(self.clusters);
        let (((mean, between), within), clusters) = strengths.expect("nothing is open in a fit");
        let dimensions = clusters.saturating_sub(1);
        ClusterPenalty { mean, norm: ClusterNorm { inside: between, outside: within, dimensions } }
    }
}

impl LinearMethod for Clustered {
    fn settings(&self) -> Vec<(String, f64)> {
        let values = [
            ("clusters", self.clusters.map(|clusters| clusters as f64)),
            ("mean", self.mean),
            ("between", self.between),
            ("within", self.within),
        ];
        let given = values.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?)));
        given.collect()
    }

    fn paths(&self, tasks: &Tasks, points: usize) -> Vec<Vec<Box<dyn LinearMethod>>> {
        let strengths = strengths(self.within, 10.0 * tasks.curvature(), 1e-5, points);
        let path = |clusters: usize, share: f64| -> Vec<Box<dyn LinearMethod>> {
            let at = |within: &f64| Box::new(self.at(clusters, *within, share)) as Box<_>;
            strengths.iter().map(at).collect()
        };
        let shares: &[f64] = if self.between.is_some() { &[1.0] } else { &SHARES };
        let counts = open_counts(self.clusters, &CLUSTERS, tasks.n_tasks());
        let mut paths = Vec::new();
        for share in shares {
            // Without a difference between `between` and `within`, clusters mean nothing.
            let is_flat = self.between.is_none() && *share >= 1.0;
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
        let clusters = self.clusters.expect("nothing is open in a fit");
        vec![Finding::Groups {
            name: "clusters of tasks".to_string(),
            items: names.tasks.clone(),
            groups: clusters_of(&solution.w, clusters),
        }]
    }

    fn new_task(&self, solution: &Solution) -> Option<Vec<f64>> {
        Some(mean_column(&solution.w))
    }
}

/// The given number, or those of `open` that are below the number of tasks; at least one.
pub(super) fn open_counts(given: Option<usize>, open: &[usize], most: usize) -> Vec<usize> {
    if let Some(given) = given {
        return vec![given];
    }
    let some: Vec<usize> = open.iter().copied().filter(|count| *count < most).collect();
    if some.is_empty() { vec![1] } else { some }
}

/// The cluster of each task, `[n_tasks]`: k-means of the tasks' coefficients in the `clusters - 1`
/// directions around their mean in which they differ most.
pub fn clusters_of(w: &Mat<f64>, clusters: usize) -> Vec<usize> {
    let (centered, _) = split(w.as_ref());
    let spectrum = Spectrum::of(centered.as_ref());
    let kept = clusters.saturating_sub(1).min(spectrum.values.len());
    let points = Mat::from_fn(w.ncols(), kept, |t, k| spectrum.right[(t, k)] * spectrum.values[k]);
    k_means(points.as_ref(), clusters)
}

/// `mean T / 2 |wbar|^2` plus the cluster norm of what differs from the mean.
struct ClusterPenalty {
    mean: f64,
    norm: ClusterNorm,
}

/// The coefficients around their mean over tasks, and that mean.
fn split(w: MatRef<'_, f64>) -> (Mat<f64>, Vec<f64>) {
    let mean = mean_column(&w.to_owned());
    (Mat::from_fn(w.nrows(), w.ncols(), |i, t| w[(i, t)] - mean[i]), mean)
}

impl Penalty for ClusterPenalty {
    fn value(&self, w: MatRef<'_, f64>) -> f64 {
        let (centered, mean) = split(w);
        let square: f64 = mean.iter().map(|m| m * m).sum();
        0.5 * self.mean * w.ncols() as f64 * square + self.norm.value(centered.as_ref())
    }

    /// The two parts are orthogonal, and the norm's map keeps the mean of tasks at 0.
    fn shrink(&self, w: &mut Mat<f64>, step: f64) {
        let (mut centered, mean) = split(w.as_ref());
        self.norm.shrink(&mut centered, step);
        let kept = 1.0 / (1.0 + step * self.mean);
        *w = Mat::from_fn(w.nrows(), w.ncols(), |i, t| centered[(i, t)] + kept * mean[i]);
    }

    fn dual(&self, _: MatRef<'_, f64>) -> Option<f64> {
        None
    }
}

#[cfg(test)]
mod tests;
