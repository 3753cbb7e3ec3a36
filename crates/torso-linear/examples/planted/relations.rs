//! Relationships by quadratic penalties: `mean-regularized`, `graph`, `clustered`, `caso`, `mtrl`.
//!
//! Parameters are chosen on as many further labels as were learned from, those of `ridge`, the tasks
//! alone, on the same ones. The error of a task is its mean squared error on new rows, noise
//! included, where not said otherwise. Figures are means over seeds.
#![expect(clippy::unwrap_used, reason = "an experiment")]

use faer::Mat;
use serde_json::{Value, json};
use torso_data::generate::measure::adjusted_rand_index;
use torso_data::generate::{Structure, block_correlation};
use torso_linear::Tasks;
use torso_linear::methods::{clustered, mtrl};
use torso_linear::solver::relation;
use torso_linear::testing::largest_principal_angle;
use torso_math::{Spectrum, SymmetricEigen};

use crate::Row;

#[path = "relations/around_mean.rs"]
mod around_mean;
#[path = "relations/trial.rs"]
mod trial;

use around_mean::{machine, mean};
use trial::{Trial, average};

/// All bars of sections 5.2.1, 5.2.2, 5.2.3, 5.2.7 (convex) and 5.2.14, on so many data sets each.
pub(crate) fn rows(seeds: u64) -> Vec<Row> {
    let parts: [fn(u64) -> Vec<Row>; 7] =
        [mean, machine, graph, clusters, subspace, covariance, outlier];
    parts.iter().flat_map(|part| part(seeds)).collect()
}

fn row(
    system: &'static str,
    condition: impl Into<String>,
    measured: impl Into<String>,
    bar: &'static str,
    met: bool,
) -> Row {
    Row { system, condition: condition.into(), measured: measured.into(), bar, met }
}

/// All pairs of tasks within `groups`, by name.
fn cliques(groups: &[usize]) -> Value {
    let pairs = (0..groups.len()).flat_map(|s| (0..s).map(move |t| (s, t)));
    let same = pairs.filter(|(s, t)| groups[*s] == groups[*t]);
    same.map(|(s, t)| json!([format!("y{s}"), format!("y{t}")])).collect()
}

fn graph(seeds: u64) -> Vec<Row> {
    let structure = Structure::Graph { within: 0.3 };
    let right = json!({"edges": cliques(&[0, 0, 0, 0, 0, 1, 1, 1, 1, 1])});
    // The tasks dealt anew: two of five neighbors are right by chance.
    let wrong = json!({"edges": cliques(&[0, 1, 0, 1, 0, 1, 0, 1, 0, 1])});
    let [mut none, mut of_right, mut of_wrong, mut as_right, mut found] = [0.0; 5];
    for seed in 0..seeds {
        let trial = Trial::new(structure, [15, 20, 10], 1.0, seed);
        let (solution, settings) = trial.tuned("graph", &right);
        let mut strengths = wrong.clone();
        for (name, value) in settings {
            strengths[name] = json!(value);
        }
        none += trial.error("ridge", &json!({})) / seeds as f64;
        of_right += trial.error_of(&solution.w) / seeds as f64;
        of_wrong += trial.error("graph", &wrong) / seeds as f64;
        as_right += trial.error("graph", &strengths) / seeds as f64;
        found += trial.error("graph", &json!({})) / seeds as f64;
    }
    let order = |wrong: f64, what: &str| {
        let condition = format!("two cliques: error with their graph, none, a wrong one {what}");
        let measured = format!("{of_right:.2}, {none:.2}, {wrong:.2}");
        row("graph", condition, measured, "in this order", of_right < none && none < wrong)
    };
    let condition = "two cliques: error with the graph made from correlations";
    vec![
        order(as_right, "as strong as theirs"),
        order(of_wrong, "as strong as is best"),
        row("graph", condition, format!("{found:.2}"), "below none", found < none),
    ]
}

/// The solution of the three norms of clustered learning with the clusters known.
fn with_clusters(tasks: &Tasks, groups: &[usize], [mean, between, within]: [f64; 3]) -> Mat<f64> {
    let n = groups.len();
    let size = |t: usize| groups.iter().filter(|g| **g == groups[t]).count() as f64;
    let precision = Mat::from_fn(n, n, |s, t| {
        let one = 1.0 / n as f64;
        let onto = if groups[s] == groups[t] { 1.0 / size(s) } else { 0.0 };
        let identity = if s == t { 1.0 } else { 0.0 };
        mean * one + between * (onto - one) + within * (identity - onto)
    });
    relation::solve(tasks, precision.as_ref(), None)
}

fn clusters(seeds: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    let structure = Structure::Cluster { clusters: 3, between: 1.0, within: 0.1 };
    for noise in [0.5, 1.0] {
        let trial = |seed: u64| Trial::new(structure, [15, 20, 30], noise, seed);
        let trials: Vec<Trial> = (0..seeds).map(trial).collect();
        let alone: Vec<f64> = trials.iter().map(|t| t.error("ridge", &json!({}))).collect();
        for within in [3.0, 10.0, 30.0] {
            // The specification's strengths are for mean squared errors of 15 rows.
            let [mean, between, strong] = [0.05, 0.1, within].map(|strength| 15.0 * strength);
            let given = json!({"clusters": 3, "mean": mean, "between": between, "within": strong});
            let malsar = json!({"dimensions": 3, "rho1": between, "rho2": strong - between});
            let (mut found, mut of_alone, mut of_known, mut of_other) = (0, 0.0, 0.0, 0);
            for (trial, alone) in trials.iter().zip(&alone) {
                let groups = trial.truth.groups.clone().unwrap();
                let is = |w: &Mat<f64>| {
                    adjusted_rand_index(&clustered::clusters_of(w, 3), &groups) > 1.0 - 1e-9
                };
                let w = trial.tuned("clustered", &given).0.w;
                found += u64::from(is(&w));
                of_other += u64::from(is(&trial.tuned("caso", &malsar).0.w));
                let error = trial.error_of(&w);
                of_alone += error / alone / seeds as f64;
                let known = with_clusters(&trial.learning, &groups, [mean, between, strong]);
                of_known += error / trial.error_of(&known) / seeds as f64;
            }
            let condition =
                |what: &str| format!("three clusters, noise {noise}, within {within}: {what}");
            let counted = |count: u64| format!("{count} of {seeds}");
            rows.push(row(
                "clustered",
                condition("clusters found"),
                counted(found),
                "all",
                found == seeds,
            ));
            rows.push(row(
                "clustered",
                condition("error of that alone"),
                format!("{of_alone:.3}"),
                "at most 0.5",
                of_alone <= 0.5,
            ));
            rows.push(row(
                "clustered",
                condition("error of that with known clusters"),
                format!("{of_known:.3}"),
                "at most 1.3",
                of_known <= 1.3,
            ));
            rows.push(row(
                "caso as clustered (MALSAR)",
                condition("clusters found"),
                counted(of_other),
                "all",
                of_other == seeds,
            ));
        }
    }
    let one = Structure::Cluster { clusters: 1, between: 1.0, within: 0.3 };
    let ratio = |structure: Structure, id: &str, other: &str| {
        let (mut ours, mut theirs) = (0.0, 0.0);
        for seed in 0..seeds {
            let trial = Trial::new(structure, [15, 20, 10], 1.0, seed);
            ours += trial.error(id, &json!({}));
            theirs += trial.error(other, &json!({}));
        }
        ours / theirs
    };
    let mean = ratio(one, "clustered", "mean-regularized");
    let condition = "one cluster, all parameters open: error of that of mean-regularized";
    rows.push(row("clustered", condition, format!("{mean:.3}"), "at most 1.02", mean <= 1.02));
    for id in ["clustered", "mean-regularized", "graph", "caso", "mtrl"] {
        let alone = ratio(Structure::Unrelated, id, "ridge");
        let condition = "unrelated tasks: error of that alone";
        rows.push(row(id, condition, format!("{alone:.3}"), "at most 1.05", alone <= 1.05));
    }
    rows
}

fn subspace(seeds: u64) -> Vec<Row> {
    let structure = Structure::LowRank { rank: 4 };
    let (mut angle, mut ratio) = (0.0, 0.0);
    for seed in 0..seeds {
        let trial = Trial::new(structure, [30, 30, 40], 0.5, seed);
        let w = trial.tuned("caso", &json!({"dimensions": 4})).0.w;
        let truth = Mat::from_fn(30, 40, |i, t| trial.truth.weights[i * 40 + t]);
        let base = |w: &Mat<f64>| Spectrum::of(w.as_ref()).left.subcols(0, 4).to_owned();
        angle += largest_principal_angle(base(&w).as_ref(), base(&truth).as_ref()) / seeds as f64;
        ratio += trial.error_of(&w) / trial.error("ridge", &json!({})) / seeds as f64;
    }
    vec![
        row(
            "caso",
            "40 tasks in 4 of 30 dimensions: largest principal angle",
            format!("{angle:.1} degrees"),
            "below 15",
            angle < 15.0,
        ),
        row("caso", "the same: error of that alone", format!("{ratio:.3}"), "below 1", ratio < 1.0),
    ]
}

const BLOCKS: &[&[i8]] = &[&[1, 1, -1], &[1, -1]];

fn covariance(seeds: u64) -> Vec<Row> {
    let structure = Structure::Covariance { blocks: BLOCKS, rho: 0.9 };
    let planted = block_correlation(BLOCKS, 0.9, 6);
    let planted = Mat::from_fn(6, 6, |s, t| planted[s * 6 + t]);
    let root = SymmetricEigen::of(planted.as_ref()).map(|value| value.max(0.0).sqrt());
    let root = Mat::from_fn(6, 6, |s, t| root[(s, t)] / (root[(s, s)] * root[(t, t)]).sqrt());
    let pairs: Vec<(usize, usize)> = (0..6).flat_map(|s| (0..s).map(move |t| (s, t))).collect();
    let apart = |found: &Mat<f64>, truth: &Mat<f64>| {
        let each = pairs.iter().map(|(s, t)| (found[(*s, *t)] - truth[(*s, *t)]).abs());
        each.sum::<f64>() / pairs.len() as f64
    };
    let seeds = seeds.max(6); // these are small
    let (mut signs, mut of_root, mut first, mut square) = (0, 0.0, 0.0, 0.0);
    let (mut errors, mut excess) = ([0.0; 3], [0.0; 3]);
    for seed in 0..seeds {
        let trial = Trial::new(structure, [50, 20, 6], 2.0, seed);
        let w = trial.tuned("mtrl", &json!({})).0.w;
        let found = mtrl::task_correlation(w.as_ref());
        let right = |&(s, t): &(usize, usize)| {
            planted[(s, t)].abs() < 0.5 || planted[(s, t)] * found[(s, t)] > 0.0
        };
        signs += u64::from(pairs.iter().all(right));
        of_root += apart(&found, &root) / seeds as f64;
        let truth = Mat::from_fn(20, 6, |i, t| trial.truth.weights[i * 6 + t]);
        let truth = mtrl::task_correlation_of_square(truth.as_ref());
        first += apart(&found, &truth) / seeds as f64;
        square += apart(&mtrl::task_correlation_of_square(w.as_ref()), &truth) / seeds as f64;
        let others = ["ridge", "mean-regularized"].map(|id| trial.tuned(id, &json!({})).0.w);
        for (k, w) in [&w, &others[0], &others[1]].into_iter().enumerate() {
            errors[k] += trial.error_of(w);
            excess[k] += average(&trial.risks(w));
        }
    }
    let condition = |what: &str| format!("tasks that agree and oppose (0.9): {what}");
    let ratio = |k: usize| format!("{:.3} ({:.3})", errors[k] / errors[1], excess[k] / excess[1]);
    vec![
        row(
            "mtrl",
            condition("all signs right"),
            format!("{signs} of {seeds}"),
            "all",
            signs == seeds,
        ),
        row(
            "mtrl",
            condition("mean distance of correlations from the root's"),
            format!("{of_root:.3}"),
            "at most 0.15",
            of_root <= 0.15,
        ),
        row(
            "mtrl",
            condition("mean distance of the square's and its own from the coefficients'"),
            format!("{square:.3}, {first:.3}"),
            "the first is less",
            square < first,
        ),
        row(
            "mtrl",
            condition("error of that alone, excess in brackets"),
            ratio(0),
            "excess at most 0.92",
            excess[0] <= 0.92 * excess[1],
        ),
        row(
            "mean-regularized",
            condition("error of that alone, excess in brackets"),
            ratio(2),
            "no gain: excess at least 0.98",
            excess[2] >= 0.98 * excess[1],
        ),
    ]
}

/// The negative transfer of a task that has nothing to do with the group, and the group's gain.
fn outlier(seeds: u64) -> Vec<Row> {
    let seeds = seeds.max(8); // a data set has one outlier
    let structure = Structure::Outlier { unrelated: 1, within: 0.3 };
    let group = json!({"edges": cliques(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 1])});
    let systems = [
        ("mean-regularized", json!({})),
        ("graph", json!({})),
        ("graph, edges given", group),
        ("clustered", json!({})),
        ("clustered, their number given", json!({"clusters": 2})),
        ("caso", json!({})),
        ("mtrl", json!({})),
    ];
    let (mut inside, mut apart) = ([0.0; 7], [0.0; 7]);
    let mut alone = [0.0; 2];
    for seed in 0..seeds {
        let trial = Trial::new(structure, [15, 20, 10], 1.0, seed);
        let errors = |id: &str, given: &Value| -> [f64; 2] {
            let risks = trial.risks(&trial.tuned(id, given).0.w);
            [average(&risks[..9]) + 1.0, risks[9] + 1.0]
        };
        let of_ridge = errors("ridge", &json!({}));
        (alone[0], alone[1]) = (alone[0] + of_ridge[0], alone[1] + of_ridge[1]);
        for (k, (system, given)) in systems.iter().enumerate() {
            let of = errors(system.split(',').next().unwrap(), given);
            (inside[k], apart[k]) = (inside[k] + of[0], apart[k] + of[1]);
        }
    }
    let result = |(k, (system, _)): (usize, &(&'static str, Value))| {
        let (gain, harm) = (1.0 - inside[k] / alone[0], apart[k] / alone[1] - 1.0);
        row(
            system,
            "nine tasks of a cluster and an outlier: gain of the nine, harm to the outlier",
            format!("{:.1}%, {:.1}%", 100.0 * gain, 100.0 * harm),
            "at least 10%, at most 5%",
            gain >= 0.10 && harm <= 0.05,
        )
    };
    systems.iter().enumerate().map(result).collect()
}
