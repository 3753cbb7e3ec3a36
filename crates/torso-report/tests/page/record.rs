//! Records to make pages of.

use serde_json::{Value, json};
use torso_core::record::{RunRecord, TaskSummary, TrainRecord};

/// Names that must be shown and do nothing.
pub(crate) const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"'><img src=http://127.0.0.1:9/ onerror=alert(2)> ' onclick=alert(3)",
    "</style></title></textarea></svg><script>alert(4)</script>",
    "javascript:alert(5)",
    "{{ 7 * 7 }} {% raw %} &lt;b&gt; &amp; --> ]]> <!--",
    "عدد الطلاب\u{202e} abc",
    "🐧🧑‍🔬 漢字 e\u{301}",
    "\u{200b}\u{a0}",
    "..\\..//etc`$(id)`;{}@import url(http://127.0.0.1:9/);",
];

/// A comparison as people meet it.
pub(crate) fn usual() -> RunRecord {
    let tasks = ["species", "sex", "body_mass_g", "island", "year"];
    record(&tasks, &["apart", "hard+equal", "hard+tuned", "hard+uncertainty", "hard+nash-mtl"])
}

/// Hostile names wherever a name can be, and one of 10,000 letters.
pub(crate) fn hostile() -> RunRecord {
    let long = "x".repeat(10_000);
    let names: Vec<&str> = HOSTILE.iter().copied().chain([long.as_str()]).collect();
    record(&names, &names)
}

/// A training that the record of a comparison tells of, by its second arm.
pub(crate) fn trained(from: &RunRecord) -> TrainRecord {
    let method = &from.comparison.arms[1].name;
    let task = |task: &TaskSummary| {
        json!({ "task": task, "n_test": 70, "score": { "mean": 0.3, "low": 0.2, "high": 0.4 },
                "constant": 0.5, "auc": 0.9 })
    };
    let own = |arm: &String| arm == method;
    serde_json::from_value(json!({
        "schema": "torso.train-run/1",
        "torso": from.torso, "command": from.command, "options": from.options,
        "data": from.comparison.data, "method": method, "about": from.notes[0],
        "status": "stopped early", "seconds": 3.2, "best_epoch": 31, "epochs": 60,
        "parameters": 9123,
        "tasks": from.comparison.tasks.iter().map(task).collect::<Vec<Value>>(),
        "curves": from.curves.iter().filter(|curve| own(&curve.arm)).collect::<Vec<_>>(),
        "balance": from.balance.iter().filter(|balance| own(&balance.arm)).collect::<Vec<_>>(),
        "diagnostics": from.diagnostics.iter().filter(|d| own(&d.arm)).collect::<Vec<_>>(),
        "certificate": { "objective": 12.5, "residual": 1e-9, "iterations": 41 },
        "chosen": from.options.iter().map(|(name, _)| (name, 0.5)).collect::<Vec<_>>(),
        "findings": from.findings[0].findings,
        "notes": from.notes,
    }))
    .unwrap()
}

/// More tasks than are told one by one.
pub(crate) fn many_tasks() -> RunRecord {
    let tasks: Vec<String> = (1..=40).map(|i| format!("school {i}")).collect();
    let tasks: Vec<&str> = tasks.iter().map(String::as_str).collect();
    record(&tasks, &["apart", "pooled", "hard+equal"])
}

/// A comparison of these arms on these tasks, with all that a record can hold. The tasks' names
/// are also those of classes, features, options and notes.
fn record(tasks: &[&str], arms: &[&str]) -> RunRecord {
    let pairs: Vec<(&str, &str)> = tasks.iter().copied().zip(arms.iter().copied()).collect();
    let results = |arm: usize| -> Vec<Value> {
        tasks.iter().enumerate().map(|(t, task)| result(task, arm, t)).collect()
    };
    let arm = |(a, name): (usize, &&str)| {
        json!({
            "name": name, "family": "sharing", "mean_rank": 1.5 + a as f64,
            "delta_m": { "mean": wave(a), "low": -1.0, "high": 1.5 },
            "overall": { "loss_gain": 0.03 * wave(a), "low": -0.02, "high": 0.05, "p": 0.02,
                         "verdict": word(a, a) },
            "tasks": results(a),
        })
    };
    let summaries = tasks.iter().enumerate().map(|(t, task)| {
        let kind = ["multiclass", "binary", "regression"][t % 3];
        let classes = if kind == "regression" { &[] } else { tasks };
        json!({ "name": task, "kind": kind, "metric": if t % 3 == 2 { "rmse" } else { "error" },
                "better": "lower", "labels": 340 - t, "classes": classes })
    });
    let curves = arms.iter().flat_map(|arm| {
        tasks.iter().enumerate().map(move |(t, task)| curve(arm, task, arm.len() % 9 + t))
    });
    // As `torso compare` has it: few tasks have them, and few classes are told one by one.
    let with_diagnostics = if tasks.len() > 20 { &[] } else { tasks };
    let diagnostics = arms.iter().flat_map(|arm| {
        with_diagnostics.iter().enumerate().map(move |(t, task)| {
            json!({ "arm": arm, "task": task, "rows": 340, "repeats": 10, "predictions": 3400,
                    "figures": figures(t, tasks) })
        })
    });
    let ranks = arms.iter().enumerate().map(|(a, arm)| (arm, 1.2 + 0.8 * a as f64));
    let balance = arms.iter().skip(1).map(|arm| balance(arm, tasks));
    serde_json::from_value(json!({
        "schema": "torso.run/1",
        "torso": tasks[0],
        "command": format!("torso compare '{}'", tasks.join(",")),
        "options": pairs,
        "about_arms": pairs,
        "notes": tasks,
        "curves": curves.collect::<Vec<Value>>(),
        "balance": balance.collect::<Vec<Value>>(),
        "diagnostics": diagnostics.collect::<Vec<Value>>(),
        "findings": arms.iter().map(|arm| json!({ "arm": arm, "findings": findings(tasks) }))
            .collect::<Vec<Value>>(),
        "ranks": {
            "tasks": tasks.len(), "arms": ranks.collect::<Vec<_>>(), "critical_difference": 1.9,
            "friedman": { "statistic": 12.0, "df": arms.len() - 1, "p": 0.01 },
            "groups": [&arms[..2], &arms[1..3]],
        },
        "comparison": {
            "schema": "torso.compare/1",
            "data": { "name": tasks[0], "rows": 344, "labeled_rows": 340, "features": tasks,
                      "blake3": tasks[0] },
            "seeds": 10, "folds": 5, "seconds": 41.3,
            "tasks": summaries.collect::<Vec<Value>>(),
            "arms": arms.iter().enumerate().map(arm).collect::<Vec<Value>>(),
        },
    }))
    .unwrap()
}

fn result(task: &str, arm: usize, t: usize) -> Value {
    let gain = 0.1 * wave(arm + 3 * t);
    json!({
        "task": task, "score": 0.3, "gain": gain, "low": gain - 0.05, "high": gain + 0.04,
        "gain_percent": 330.0 * gain, "verdict": word(arm, t), "auc": 0.9,
        "test": { "loss": task, "mean": gain, "low": gain - 0.05, "high": gain + 0.04, "df": 31.0,
                  "p": 0.01, "p_holm": 0.03 },
    })
}

fn word(arm: usize, t: usize) -> &'static str {
    match (arm, t % 3) {
        (0, _) => "baseline",
        (_, 0) => "helps",
        (_, 1) => "harms",
        _ => "no difference shown",
    }
}

fn figures(t: usize, classes: &[&str]) -> Value {
    let bins = (0..10).map(f64::from);
    let n = classes.len();
    let confusion = json!({
        "classes": classes, "others": 0,
        "counts": (0..n).map(|i| vec![10 * i; n]).collect::<Vec<_>>(),
    });
    match t % 3 {
        0 => json!({ "kind": "multiclass", "confusion": confusion }),
        1 => {
            let bins = bins.map(|i| {
                let interval =
                    json!({ "mean": 0.1 * i, "low": 0.1 * i - 0.05, "high": 0.1 * i + 0.1 });
                json!({ "n": 34, "predicted": 0.1 * i + 0.04, "observed": interval })
            });
            json!({ "kind": "binary", "confusion": confusion,
                    "calibration": bins.collect::<Vec<Value>>() })
        }
        _ => {
            let bins = bins.map(|i| {
                json!({ "n": 34, "predicted": 300.0 * i, "residual": 5.0 - i, "range": [1.0 - i, 9.0 - i],
                        "percentiles": [-30.0, 35.0] })
            });
            json!({ "kind": "regression", "residuals": bins.collect::<Vec<Value>>() })
        }
    }
}

fn curve(arm: &str, task: &str, i: usize) -> Value {
    let line = |floor: f64| -> Vec<f64> {
        (0..60).map(|e| floor + (-f64::from(e) / (8.0 + i as f64)).exp()).collect()
    };
    json!({ "arm": arm, "task": task, "train": line(0.1), "validation": line(0.2),
            "best_epoch": 30.5 })
}

fn balance(arm: &str, tasks: &[&str]) -> Value {
    let share = |t: usize| -> Vec<f64> {
        let n = tasks.len() as f64;
        (0..60).map(|e| (1.0 + 0.01 * f64::from(e) * wave(t)) / n).collect()
    };
    let pairs = (0..tasks.len()).flat_map(|a| (0..tasks.len()).map(move |b| (a, b)));
    let cosines = pairs.map(|(a, b)| (a != b).then(|| wave(a.min(b) * 5 + a.max(b))));
    json!({
        "arm": arm, "steps": 1200, "statuses": tasks.iter().map(|t| (t, 3)).collect::<Vec<_>>(),
        "weights": (0..tasks.len()).map(share).collect::<Vec<_>>(),
        "cosine": (0..60).map(|e| 0.5 - 0.01 * f64::from(e)).collect::<Vec<f64>>(),
        "cosines": cosines.collect::<Vec<_>>(),
    })
}

/// One of each kind, of the tasks.
fn findings(tasks: &[&str]) -> Value {
    let n = tasks.len();
    let each = |size: f64| (0..n).map(|i| size * wave(i).abs()).collect::<Vec<f64>>();
    json!([
        { "kind": "matrix", "name": tasks[0], "rows": tasks, "columns": tasks,
          "values": (0..n * n).map(wave).collect::<Vec<f64>>() },
        { "kind": "groups", "name": tasks[1], "items": tasks,
          "groups": (0..n).map(|i| i % 3).collect::<Vec<_>>() },
        { "kind": "bars", "name": tasks[2], "items": tasks, "values": each(3.0) },
        { "kind": "path", "name": tasks[3], "parameter": tasks[4], "values": each(100.0),
          "losses": each(1.0), "errors": each(0.1), "chosen": 1 },
    ])
}

/// Numbers between -1 and 1 without a pattern to see.
fn wave(i: usize) -> f64 {
    (i as f64 * 2.7 + 0.4).sin()
}
