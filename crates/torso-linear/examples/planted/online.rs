//! Perceptrons, shared hypotheses and nearest neighbors: sections 5.2.6, 5.2.15, 5.2.16 and 5.2.19.

use faer::{Mat, Scale};
use torso_core::data::TaskData;
use torso_core::estimator::{Batch, Budget, Problem};
use torso_core::features::Design;
use torso_core::journal::NoJournal;
use torso_core::seed::Seed;
use torso_data::generate::measure::adjusted_rand_index;
use torso_data::generate::{LinearTruth, Structure, linear_own_rows};
use torso_linear::method::LinearMethod;
use torso_linear::methods::shared_hypotheses::SharedHypotheses;
use torso_linear::online::{FirstOrder, Interaction, Learned, PNorm, RelationRule};
use torso_linear::tasks::inner;
use torso_linear::tc::{Examples, Metric, TaskClusters, Tc};
use torso_linear::testing::families::{FamilyTask, families};
use torso_linear::testing::streams::{Round, around_one, mistakes, stream};
use torso_linear::testing::{row_major, tasks_of};
use torso_linear::{Effort, Solution};

use super::Row;

/// Ten tasks in two blocks that point opposite ways.
const OPPOSED: [f64; 10] = [1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0];

/// All rows of these methods.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = perceptron();
    rows.push(bound());
    let with_rate = [RelationRule::LogDet, RelationRule::VonNeumann];
    let rates = with_rate.iter().flat_map(|rule| [(*rule, 0.001), (*rule, 0.01)]);
    // The other rules have no rate.
    let others = [(RelationRule::Covariance, 0.0), (RelationRule::Batch, 0.0)];
    for (rule, rate) in rates.chain(others) {
        rows.extend(blocks(rule, rate));
        rows.push(unrelated(rule, rate));
    }
    rows.extend(hypotheses());
    rows.extend(tc());
    rows
}

fn first_order(d: usize, coupling: f64, rounds: &[Round]) -> f64 {
    mistakes(&mut FirstOrder::new(d, Interaction::complete(10, coupling)), rounds) as f64
}

/// Mistakes of the complete graph relative to tasks alone, in 20 streams of 2000 rounds.
fn perceptron() -> Vec<Row> {
    let ratio = |signs: &[f64]| {
        let of = |seed: u64| {
            let truth = around_one(20, signs, 0.2, Seed(seed));
            let rounds = stream(truth.as_ref(), 2000, 0.0, Seed(seed));
            (first_order(20, 1.0, &rounds), first_order(20, 0.0, &rounds))
        };
        let all: Vec<(f64, f64)> = (1000..1020).map(of).collect();
        all.iter().map(|(a, _)| a).sum::<f64>() / all.iter().map(|(_, b)| b).sum::<f64>()
    };
    let (related, opposed) = (ratio(&[1.0; 10]), ratio(&OPPOSED));
    let low_rank: (f64, f64) = (1000..1010).fold((0.0, 0.0), |sum, seed| {
        let signs: Vec<f64> = (0..30).map(|t| if t % 3 == 0 { -1.0 } else { 1.0 }).collect();
        let truth = around_one(30, &signs, 0.1, Seed(seed));
        let rounds = stream(truth.as_ref(), 3000, 0.0, Seed(seed));
        let alone = mistakes(&mut FirstOrder::new(30, Interaction::independent(30)), &rounds);
        let p_norm = mistakes(&mut PNorm::new(30, 30, 4), &rounds);
        (sum.0 + p_norm as f64, sum.1 + alone as f64)
    });
    let low_rank = low_rank.0 / low_rank.1;
    vec![
        Row {
            system: "perceptron",
            condition: "10 related tasks, 20 features: mistakes, relative to tasks alone"
                .to_string(),
            measured: format!("{related:.3}"),
            bar: "<= 0.8",
            met: related <= 0.8,
        },
        Row {
            system: "perceptron",
            condition: "wrong graph: half of the tasks point the other way".to_string(),
            measured: format!("{opposed:.3}"),
            bar: ">= 1",
            met: opposed >= 1.0,
        },
        Row {
            system: "perceptron, p-norm",
            condition:
                "30 tasks along one direction, with either sign: mistakes, relative to alone"
                    .to_string(),
            measured: format!("{low_rank:.3}"),
            bar: "< 1",
            met: low_rank < 1.0,
        },
    ]
}

/// Streams in which mistakes exceed their bound, of 1000.
fn bound() -> Row {
    let is_violated = |s: &u64| {
        let seed = Seed(5000 + s);
        let n_tasks = 1 + usize::try_from(s % 7).expect("a small number");
        let coupling = [0.0, 0.1, 1.0, 10.0][usize::try_from(s % 4).expect("a small number")];
        let truth = around_one(8, &OPPOSED[3..][..n_tasks], 0.3, seed);
        let rounds = stream(truth.as_ref(), 150, 0.1 * (s % 3) as f64, seed);
        let interaction = Interaction::complete(n_tasks, coupling);
        let b = interaction.matrix()[(0, 0)];
        let own = |s, t| (if s == t { 1.0 + coupling * n_tasks as f64 } else { 0.0 }) - coupling;
        let a = Mat::from_fn(n_tasks, n_tasks, own);
        let squares = |round: &Round| round.x.iter().map(|x| x * x).sum::<f64>();
        let radius = rounds.iter().map(squares).fold(0.0, f64::max);
        let most = [0.0, 0.05, 0.1, 0.3, 1.0, 3.0].map(|scale| {
            let u = Scale(scale) * &truth;
            let h = hinge(&u, &rounds);
            let z = radius * b * inner((&u * &a).as_ref(), u.as_ref());
            h + z + (z * h).sqrt()
        });
        let made = mistakes(&mut FirstOrder::new(8, interaction), &rounds) as f64;
        most.iter().any(|most| made > *most)
    };
    let violated = (0..1000).filter(is_violated).count();
    Row {
        system: "perceptron",
        condition: "streams whose mistakes exceed the bound, of 1000".to_string(),
        measured: violated.to_string(),
        bar: "0",
        met: violated == 0,
    }
}

fn hinge(u: &Mat<f64>, rounds: &[Round]) -> f64 {
    let loss = |round: &Round| {
        let f: f64 = u.col(round.task).iter().zip(&round.x).map(|(u, x)| u * x).sum();
        (1.0 - round.y * f).max(0.0)
    };
    rounds.iter().map(loss).sum()
}

/// The sizes of learned interactions as correlations, each with its true sign.
fn interactions(learner: &Learned) -> Vec<f64> {
    let b = learner.interaction();
    let pairs = (0..10).flat_map(|s| (0..s).map(move |t| (s, t)));
    let signed = |(s, t): (usize, usize)| {
        OPPOSED[s] * OPPOSED[t] * b[(s, t)] / (b[(s, s)] * b[(t, t)]).sqrt()
    };
    pairs.map(signed).collect()
}

fn blocks(rule: RelationRule, rate: f64) -> [Row; 2] {
    let (mut learned, mut fixed, mut alone, mut agree) = (0.0, 0.0, 0.0, 0.0);
    for seed in 1000..1020 {
        let truth = around_one(20, &OPPOSED, 0.2, Seed(seed));
        let rounds = stream(truth.as_ref(), 2000, 0.0, Seed(seed));
        let mut learner = Learned::new(20, 10, rule, rate, 500);
        learned += mistakes(&mut learner, &rounds) as f64;
        fixed += first_order(20, 1.0, &rounds);
        alone += first_order(20, 0.0, &rounds);
        let signs = interactions(&learner);
        agree +=
            signs.iter().filter(|sign| **sign > 0.0).count() as f64 / signs.len() as f64 / 20.0;
    }
    let (of_fixed, of_alone) = (learned / fixed, learned / alone);
    [
        Row {
            system: "perceptron-learned",
            condition: format!(
                "{}: opposite blocks, right signs after 2000 rounds",
                name(rule, rate)
            ),
            measured: format!("{agree:.3}"),
            bar: ">= 0.95",
            met: agree >= 0.95,
        },
        Row {
            system: "perceptron-learned",
            condition: format!(
                "{}: opposite blocks, mistakes relative to the complete graph, to tasks alone",
                name(rule, rate)
            ),
            measured: format!("{of_fixed:.3}, {of_alone:.3}"),
            bar: "both < 1",
            met: of_fixed < 1.0 && of_alone < 1.0,
        },
    ]
}

fn name(rule: RelationRule, rate: f64) -> String {
    if rate > 0.0 { format!("{rule:?}, rate {rate}") } else { format!("{rule:?}") }
}

fn unrelated(rule: RelationRule, rate: f64) -> Row {
    let mut sizes = Vec::new();
    for seed in 1000..1010 {
        let truth = around_one(100, &[0.0; 10], 1.0, Seed(seed));
        let rounds = stream(truth.as_ref(), 2000, 0.0, Seed(seed));
        let mut learner = Learned::new(100, 10, rule, rate, 500);
        mistakes(&mut learner, &rounds);
        sizes.extend(interactions(&learner).into_iter().map(f64::abs));
    }
    let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
    let most = sizes.iter().copied().fold(0.0, f64::max);
    Row {
        system: "perceptron-learned",
        condition: format!(
            "{}: unrelated tasks, 100 features: correlations learned, largest and mean",
            name(rule, rate)
        ),
        measured: format!("{most:.3}, {mean:.3}"),
        bar: "largest < 0.1",
        met: most < 0.1,
    }
}

/// Three planted hypotheses, ten rows for each task.
fn hypotheses() -> Vec<Row> {
    let (found, ours, best) = shared(50);
    let sweep = [10, 25, 50, 100, 200].map(|n_tasks| {
        let (_, ours, best) = shared(n_tasks);
        (n_tasks, ours, ours / best)
    });
    let told = sweep.map(|(n_tasks, ours, ratio)| format!("{n_tasks}: {ours:.3} ({ratio:.2})"));
    vec![
        Row {
            system: "shared-hypotheses",
            condition: "3 hypotheses, 50 tasks of 10 rows, 20 features: clusters found".to_string(),
            measured: format!("{found}/20"),
            bar: "20/20",
            met: found == 20,
        },
        Row {
            system: "shared-hypotheses",
            condition: "error relative to one who knows the clusters".to_string(),
            measured: format!("{:.3}", ours / best),
            bar: "<= 1.1",
            met: ours <= 1.1 * best,
        },
        Row {
            system: "shared-hypotheses",
            condition: "error, and relative to one who knows, by the number of tasks; noise 1"
                .to_string(),
            measured: told.join(", "),
            bar: "falls to that of one who knows",
            met: sweep.windows(2).all(|pair| pair[1].1 < pair[0].1) && sweep[4].2 < 1.01,
        },
    ]
}

/// In how many of 20 seeds clusters are found, the error, and that of one who knows them.
fn shared(n_tasks: usize) -> (usize, f64, f64) {
    let structure = Structure::Cluster { clusters: 3, between: 1.0, within: 0.0 };
    let (mut found, mut ours, mut best) = (0, 0.0, 0.0);
    for seed in 1000..1020 {
        let truth = linear_own_rows(structure, 10, 20, n_tasks, 1.0, Seed(seed));
        let fit = |hypotheses, truth: &LinearTruth| -> Solution {
            let method = SharedHypotheses {
                hypotheses: Some(hypotheses),
                lambda: Some(0.3),
                ..SharedHypotheses::default()
            };
            let tasks = tasks_of(&truth.data);
            method.fit(&tasks, None, Effort::default(), Seed(seed)).expect("no task is refused")
        };
        let groups = truth.groups.as_ref().expect("clusters are groups");
        let solution = fit(3, &truth);
        let choice = solution.part("choice").expect("a choice is kept");
        let taken = |t: usize| (0..3).find(|k| choice[(t, *k)] > 0.5).unwrap_or(3);
        let taken: Vec<usize> = (0..n_tasks).map(taken).collect();
        found += usize::from(adjusted_rand_index(&taken, groups) >= 0.95);
        ours += (1.0 + truth.excess_risk(&row_major(solution.w.as_ref()))) / 20.0;
        best += oracle(&truth, groups) / 20.0;
    }
    (found, ours, best)
}

/// The error of a ridge regression for each true cluster.
fn oracle(truth: &LinearTruth, groups: &[usize]) -> f64 {
    let tasks = tasks_of(&truth.data);
    let mut w = Mat::zeros(tasks.n_features(), groups.len());
    for k in 0..3 {
        let own: Vec<usize> = (0..groups.len()).filter(|t| groups[*t] == k).collect();
        let method = SharedHypotheses {
            hypotheses: Some(1),
            lambda: Some(0.3),
            ..SharedHypotheses::default()
        };
        let fit = method.fit(&tasks.some(&own), None, Effort::default(), Seed(0));
        let fit = fit.expect("no task is refused");
        for t in own {
            w.col_mut(t).copy_from(fit.w.col(0));
        }
    }
    1.0 + truth.excess_risk(&row_major(w.as_ref()))
}

fn learn(data: &TaskData, design: &Design, neighbors: usize, seed: Seed) -> TaskClusters {
    let rows = data.labeled_rows();
    let problem = Problem {
        data,
        design,
        train: &rows,
        validation: &[],
        seed,
        budget: Budget { trials: 1, epochs: 1, batch: Batch::Auto },
        journal: &NoJournal,
    };
    Tc { neighbors, clusters: None }.learn(&problem).expect("tasks are classifications")
}

fn accuracy(metric: &Metric, neighbors: usize, few: &Examples, test: &Examples) -> f64 {
    let is_right = |i: &usize| {
        let p = few.probabilities(metric, neighbors, test.row(*i));
        (p[1] > p[0]) == (test.labels()[*i] == 1)
    };
    (0..test.len()).filter(is_right).count() as f64 / test.len() as f64
}

/// Two families of six tasks with 50 rows each, that use 5 of 40 features.
fn tc() -> Vec<Row> {
    let one = |neighbors: usize| {
        let (mut found, mut chosen, mut uniform, mut wrong) = (0, 0.0, 0.0, 0.0);
        for seed in 1000..1020 {
            let (data, design) = families(40, 12, 25, 0.7, Seed(seed));
            let model = learn(&data, &design, neighbors, Seed(seed));
            let truth: Vec<usize> = (0..12).map(|t| t / 6).collect();
            found += usize::from(adjusted_rand_index(model.clusters(), &truth) > 0.999);
            let mut stream = Seed(seed).stream("new task", "", 0);
            for family in [0, 1, 0, 1] {
                let task = FamilyTask::new(40, 5 * family..5 * family + 5, 0.7, &mut stream);
                let (few, test) = (task.draw(2, &mut stream), task.draw(100, &mut stream));
                let other = &model.metrics()[model.clusters()[6 * (1 - family)]];
                let near = &model.metrics()[model.cluster_for(&few)];
                chosen += accuracy(near, neighbors, &few, &test) / 80.0;
                uniform += accuracy(&Metric::uniform(40), neighbors, &few, &test) / 80.0;
                wrong += accuracy(other, neighbors, &few, &test) / 80.0;
            }
        }
        let row = |condition: &str, measured: String, bar: &'static str, met: bool| Row {
            system: "tc",
            condition: format!("{neighbors} neighbors: {condition}"),
            measured,
            bar,
            met,
        };
        let percent = |share: f64| format!("{:.1}", 100.0 * share);
        [
            row("families found", format!("{found}/20"), ">= 18/20", found >= 18),
            row(
                "a new task, 2 examples a class: points over the uniform metric",
                percent(chosen - uniform),
                ">= 10",
                chosen - uniform >= 0.1,
            ),
            row(
                "the metric of the wrong cluster: points over the uniform metric",
                percent(wrong - uniform),
                "< 0",
                wrong < uniform,
            ),
        ]
    };
    [1, 2, 3].into_iter().flat_map(one).collect()
}
