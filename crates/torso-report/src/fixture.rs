//! Records to test with.

use Verdict::{Baseline, Harms, Helps, NoDifference};
use torso_core::record::{
    ArmBalance, ArmFindings, ArmResult, COMPARE_SCHEMA, Comparison, Curve, DataSummary, Interval,
    LossTest, Overall, RUN_SCHEMA, RunRecord, TaskResult, TaskSummary, Verdict,
};

mod diagnostics;
mod findings;
mod trained;

pub(crate) use diagnostics::{odd_diagnostics, of_task};
pub(crate) use findings::{large, linear, odd_findings, of_each_kind};
pub(crate) use trained::{odd_trainings, trained};

/// A comparison as `torso compare` makes it of the penguins.
pub(crate) fn penguins() -> RunRecord {
    let mut species = task("species", "multiclass", "error", 344);
    species.classes = ["Adelie", "Chinstrap", "Gentoo"].map(String::from).to_vec();
    let mut sex = task("sex", "binary", "error", 333);
    sex.classes = ["female", "male"].map(String::from).to_vec();
    let mass = task("body_mass_g", "regression", "rmse", 342);
    let scores = [0.0187, 0.117, 303.4];
    // Gain, half of its interval's width, word; per task.
    let arms = [
        ("apart", [(0.0, 0.0, Baseline); 3]),
        (
            "hard+equal",
            [(0.001, 0.0042, NoDifference), (0.012, 0.011, Helps), (-6.2, 8.1, NoDifference)],
        ),
        (
            "hard+tuned",
            [(-0.0061, 0.005, Harms), (-0.001, 0.0008, Helps), (4.2, 7.7, NoDifference)],
        ),
        (
            "hard+uncertainty",
            [(0.0021, 0.0044, NoDifference), (0.019, 0.013, Helps), (12.3, 9.35, Helps)],
        ),
        (
            "hard+nash-mtl",
            [
                (0.0004, 0.0051, NoDifference),
                (0.008, 0.012, NoDifference),
                (3.1, 8.2, NoDifference),
            ],
        ),
    ];
    let arms = arms.map(|(name, gains)| {
        let tasks = [&species, &sex, &mass];
        let tasks = tasks.into_iter().zip(scores).zip(gains);
        arm(name, tasks.map(|((task, alone), gain)| result(task, alone, gain)).collect())
    });
    let mut record = record("penguins", vec![species, sex, mass], arms.to_vec());
    let equal = ArmBalance {
        arm: "hard+equal".to_string(),
        steps: 12_000,
        weights: vec![vec![1.0 / 3.0; 60]; 3],
        ..ArmBalance::default()
    };
    let by_loss = ArmBalance {
        cosine: Vec::new(),
        cosines: Vec::new(),
        statuses: Vec::new(),
        ..balance("hard+uncertainty", 3)
    };
    record.balance = vec![equal, by_loss, balance("hard+nash-mtl", 3)];
    record
}

/// Exam scores of 139 schools, a task each, in five arms.
pub(crate) fn schools() -> RunRecord {
    let tasks: Vec<TaskSummary> = (0..139)
        .map(|i| task(&format!("school {}", i + 1), "regression", "rmse", 22 + (i * 37) % 230))
        .collect();
    let names = ["apart", "pooled", "hard+equal", "hard+tuned", "hard+uncertainty"];
    let arms = names.iter().enumerate().map(|(a, name)| {
        let gain = |i: usize| {
            let noise = wave(i * 7 + a * 3) * 0.8 + wave(i * 13 + a) * 0.5;
            let gain = noise + 0.15 * a as f64;
            let half = 0.5 + 6.0 / (tasks[i].labels as f64).sqrt() * 0.4;
            let word = if gain > half {
                Helps
            } else if gain < -half {
                Harms
            } else {
                NoDifference
            };
            if a == 0 { (0.0, 0.0, Baseline) } else { (gain, half, word) }
        };
        let result = |i: usize| result(&tasks[i], 10.2 + 2.0 * wave(i), gain(i));
        let mut arm = arm(name, (0..tasks.len()).map(result).collect());
        arm.explained_variance = Some(0.27 + 0.03 * a as f64);
        arm
    });
    let arms = arms.collect();
    let mut record = record("school", tasks, arms);
    record.curves.retain(|curve| curve.task == "school 1");
    record.curves.iter_mut().for_each(|curve| curve.task = "mean".to_string());
    record
}

/// Regressions of which each has its own unit.
pub(crate) fn regressions(n_tasks: usize, n_arms: usize) -> RunRecord {
    let tasks: Vec<TaskSummary> =
        (0..n_tasks).map(|i| task(&format!("target {i}"), "regression", "rmse", 500)).collect();
    let arms = (0..n_arms).map(|a| {
        let gain = |i: usize| {
            let gain = wave(i * 5 + a * 11);
            if a == 0 {
                (0.0, 0.0, Baseline)
            } else {
                (gain, 0.7, if gain > 0.7 { Helps } else { NoDifference })
            }
        };
        let name = if a == 0 { "apart".to_string() } else { format!("hard+method-{a}") };
        let results = tasks.iter().enumerate().map(|(i, task)| result(task, 7.0, gain(i)));
        arm(&name, results.collect())
    });
    let arms: Vec<ArmResult> = arms.collect();
    let balances = arms.iter().skip(1).map(|arm| balance(&arm.name, n_tasks)).collect();
    let mut record = record("many targets", tasks, arms);
    record.balance = balances;
    record
}

/// Records at the edges: nothing to compare, nothing known, nothing there.
pub(crate) fn odd() -> Vec<RunRecord> {
    let mut baseline = penguins();
    baseline.comparison.arms.truncate(1);
    let mut one_task = regressions(1, 3);
    one_task.curves.clear();
    let mut unknown = penguins();
    for curve in &mut unknown.curves {
        curve.best_epoch = f64::NAN;
        curve.validation.fill(f64::NAN);
        curve.train[3] = f64::INFINITY;
    }
    for arm in &mut unknown.comparison.arms {
        arm.explained_variance = Some(f64::NAN);
        arm.mean_rank = f64::NAN;
        arm.delta_m = Interval { mean: f64::NAN, low: f64::NAN, high: f64::NAN };
        (arm.overall.loss_gain, arm.overall.low, arm.overall.p) = (f64::NAN, f64::NAN, f64::NAN);
        for result in &mut arm.tasks {
            (result.score, result.gain, result.low) = (f64::NAN, f64::NAN, f64::NEG_INFINITY);
            (result.gain_percent, result.auc) = (None, Some(f64::NAN));
            (result.test.p, result.test.p_holm, result.test.df) = (f64::NAN, f64::NAN, f64::NAN);
            (result.test.mean, result.test.high) = (f64::NAN, f64::INFINITY);
        }
    }
    unknown.comparison.seconds = f64::NAN;
    let mut one_end = penguins();
    one_end.comparison.arms[1].tasks[0].high = f64::INFINITY;
    one_end.comparison.arms[1].overall.high = f64::NAN;
    let mut no_percent = regressions(30, 2);
    for result in no_percent.comparison.arms.iter_mut().flat_map(|arm| &mut arm.tasks) {
        result.gain_percent = None;
    }
    let mut mismatched = penguins();
    mismatched.comparison.arms[2].tasks.clear();
    mismatched.curves[0].arm = "no such arm".to_string();
    mismatched.curves[1].train.clear();
    mismatched.curves[1].validation.clear();
    let mut few = penguins();
    for arm in &mut few.comparison.arms[1..] {
        arm.overall.verdict = Verdict::TooFewRepeats;
        arm.tasks.iter_mut().for_each(|result| result.verdict = Verdict::TooFewRepeats);
    }
    let mut nothing = penguins();
    nothing.comparison.tasks.clear();
    nothing.comparison.arms.clear();
    nothing.notes.clear();
    nothing.options.clear();
    nothing.about_arms.clear();
    nothing.comparison.folds = 1;
    let mut records =
        vec![baseline, one_task, unknown, one_end, no_percent, mismatched, few, nothing];
    for record in &mut records {
        record.balance.extend(odd_balances());
        record.diagnostics.extend(odd_diagnostics(record));
    }
    records[0].findings =
        vec![ArmFindings { arm: "no such arm".to_string(), findings: odd_findings() }];
    records[0].ranks = Some(diagnostics::odd_ranks());
    records
}

/// Balances of three tasks of which something is not known, or does not fit.
fn odd_balances() -> Vec<ArmBalance> {
    let usual = || balance("hard+uncertainty", 3);
    let mut unknown = usual();
    unknown.weights.iter_mut().for_each(|line| line.fill(f64::NAN));
    unknown.cosine.fill(f64::INFINITY);
    unknown.cosines.fill(Some(f64::NAN));
    unknown.steps = 0;
    let mut gaps = usual();
    (gaps.weights[0][0], gaps.weights[1][30]) = (f64::NAN, f64::NEG_INFINITY);
    gaps.weights[2].fill(f64::NAN);
    gaps.cosine[1..].fill(f64::NAN);
    (gaps.cosines[1], gaps.cosines[2]) = (None, Some(f64::INFINITY));
    let mut signed = usual();
    signed.weights[1].iter_mut().for_each(|share| *share = -*share);
    signed.cosine.fill(0.0);
    signed.cosines.fill(None);
    let mut mismatched = usual();
    mismatched.arm = "no such arm".to_string();
    mismatched.weights.truncate(1);
    mismatched.weights.resize(40, vec![0.1]);
    mismatched.cosine.truncate(1);
    mismatched.cosines.push(Some(0.5));
    let mut extreme = usual();
    (extreme.weights[0][3], extreme.weights[1][3]) = (f64::MAX, f64::MIN);
    (extreme.cosine[3], extreme.cosines[1]) = (-1e9, Some(f64::MIN));
    extreme.statuses = vec![(String::new(), usize::MAX), ("a".to_string(), 0)];
    let empty = ArmBalance::default();
    vec![unknown, gaps, signed, mismatched, extreme, empty]
}

/// Something between -1 and 1 that follows from `i`.
fn wave(i: usize) -> f64 {
    (i as f64 * 2.399_963).sin()
}

fn task(name: &str, kind: &str, metric: &str, labels: usize) -> TaskSummary {
    TaskSummary {
        name: name.to_string(),
        kind: kind.to_string(),
        metric: metric.to_string(),
        better: "lower".to_string(),
        labels,
        classes: Vec::new(),
    }
}

fn result(
    task: &TaskSummary,
    alone: f64,
    (gain, half, verdict): (f64, f64, Verdict),
) -> TaskResult {
    let p = match verdict {
        Helps | Harms => 0.0004,
        Baseline => 1.0,
        _ => 0.21,
    };
    let sign = match verdict {
        Helps => 1.0,
        Harms => -1.0,
        _ => 0.2,
    };
    TaskResult {
        task: task.name.clone(),
        score: alone - gain,
        gain,
        gain_percent: Some(100.0 * gain / alone),
        low: gain - half,
        high: gain + half,
        test: LossTest {
            loss: if task.kind == "regression" { "squared error" } else { "log loss" }.to_string(),
            mean: 0.031 * sign,
            low: 0.031 * sign - 0.017,
            high: 0.031 * sign + 0.017,
            df: 41.7,
            p,
            p_holm: (p * 3.0).min(1.0),
        },
        verdict,
        auc: (task.kind == "binary").then_some(0.953 + gain),
    }
}

/// An arm whose word over all tasks follows from its tasks' words.
pub(crate) fn arm(name: &str, tasks: Vec<TaskResult>) -> ArmResult {
    let said = |word| tasks.iter().filter(|task| task.verdict == word).count();
    let verdict = match (said(Baseline), said(Helps), said(Harms)) {
        (0, helps, harms) if helps > harms => Helps,
        (0, helps, harms) if helps < harms => Harms,
        (0, ..) => NoDifference,
        _ => Baseline,
    };
    let percents: Vec<f64> = tasks.iter().filter_map(|task| task.gain_percent).collect();
    let mean = percents.iter().sum::<f64>() / percents.len().max(1) as f64;
    let gain = match verdict {
        Helps => 0.048,
        Harms => -0.048,
        Baseline => 0.0,
        _ => 0.004,
    };
    ArmResult {
        name: name.to_string(),
        family: if verdict == Baseline { "baseline" } else { "sharing" }.to_string(),
        delta_m: Interval { mean, low: mean - 2.1, high: mean + 2.1 },
        mean_rank: 2.33,
        overall: Overall {
            loss_gain: gain,
            low: gain - 0.021,
            high: gain + 0.021,
            p: 0.0123,
            verdict,
        },
        tasks,
        explained_variance: None,
    }
}

fn record(name: &str, tasks: Vec<TaskSummary>, arms: Vec<ArmResult>) -> RunRecord {
    let curves = arms
        .iter()
        .enumerate()
        .flat_map(|(a, arm)| tasks.iter().enumerate().map(move |(t, task)| curve(arm, a, task, t)));
    let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
    RunRecord {
        schema: RUN_SCHEMA.to_string(),
        torso: "0.1.0".to_string(),
        command: format!("torso compare {name}.csv --targets 'a,b' --seeds 10"),
        options: vec![pair("seeds", "10 from 0"), pair("folds", "5"), pair("split", "random")],
        about_arms: arms.iter().map(|arm| pair(&arm.name, "one way to learn")).collect(),
        curves: curves.collect(),
        balance: Vec::new(),
        diagnostics: diagnostics::of_all(&tasks, &arms),
        findings: Vec::new(),
        ranks: diagnostics::ranks(&tasks, &arms),
        notes: vec!["body_mass_g: 2 cells without a label".to_string()],
        comparison: Comparison {
            schema: COMPARE_SCHEMA.to_string(),
            data: DataSummary {
                name: name.to_string(),
                rows: 344,
                labeled_rows: 344,
                features: ["island", "bill_length_mm"].map(String::from).to_vec(),
                blake3: "0f".repeat(32),
            },
            seeds: 10,
            folds: 5,
            seconds: 41.27,
            tasks,
            arms,
        },
    }
}

fn curve(arm: &ArmResult, a: usize, task: &TaskSummary, t: usize) -> Curve {
    let epochs = 60 + 11 * a + 7 * t;
    let loss = |floor: f64, speed: f64, rise: f64| {
        (0..epochs)
            .map(|e| floor + (-(e as f64) / speed).exp() + rise * (e as f64).powi(2))
            .collect()
    };
    let own = 0.02 * (a as f64) + 0.05 * t as f64;
    Curve {
        arm: arm.name.clone(),
        task: task.name.clone(),
        train: loss(0.10 - own / 4.0, 9.0, 0.0),
        validation: loss(0.22 - own, 10.0 + a as f64, 1.2e-5),
        best_epoch: 38.4 + 3.0 * a as f64,
    }
}

/// How a method that sees gradients balanced so many tasks.
fn balance(arm: &str, n_tasks: usize) -> ArmBalance {
    const EPOCHS: usize = 74;
    let weight = |t: usize, epoch: usize| {
        let settled = 1.0 - (-(epoch as f64) / 20.0).exp();
        1.0 + settled * (0.6 * wave(t) + 0.02 * wave(epoch * 3 + t))
    };
    let sum = |epoch: usize| (0..n_tasks).map(|t| weight(t, epoch)).sum::<f64>();
    let shares = |t: usize| (0..EPOCHS).map(|epoch| weight(t, epoch) / sum(epoch)).collect();
    let cosine = |epoch: usize| 0.5 * (-(epoch as f64) / 12.0).exp() - 0.06 + 0.01 * wave(epoch);
    let of_pair = |a: usize, b: usize| (a != b).then(|| 0.8 * wave(a.min(b) * 5 + a.max(b)));
    ArmBalance {
        arm: arm.to_string(),
        steps: 12_000,
        statuses: vec![
            ("not converged: the last iterate was taken".to_string(), 3),
            ("no solution: the Gramian is singular; equal weights instead".to_string(), 156),
        ],
        weights: (0..n_tasks).map(shares).collect(),
        cosine: (0..EPOCHS).map(cosine).collect(),
        cosines: (0..n_tasks).flat_map(|a| (0..n_tasks).map(move |b| of_pair(a, b))).collect(),
    }
}
