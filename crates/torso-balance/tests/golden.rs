//! Weights and directions of three Jacobians, computed from the definitions in another language.

use std::path::Path;

use serde_json::{Map, Value, json};
use torso_balance::{Balancer, LossForm, Rows, Setup, Status, StepView, find};
use torso_core::seed::Seed;

const TOLERANCE: f64 = 1e-7;

/// A row of the file: its key, the method, its settings, and the factor that the file's numbers
/// have over the method's.
struct Row {
    key: &'static str,
    id: &'static str,
    settings: Value,
    factor: fn(usize) -> f64,
}

fn row(key: &'static str, id: &'static str, settings: Value) -> Row {
    Row { key, id, settings, factor: |_| 1.0 }
}

fn rows() -> Vec<Row> {
    let frank_wolfe = |epsilon: f64, iterations: usize| json!({"solver": "frank-wolfe", "epsilon": epsilon, "max-iterations": iterations});
    vec![
        row("upgrad_exact", "upgrad", json!({})),
        // TorchJD's `norm_eps` is the trace below which it takes a Gramian for 0: not met here.
        row("upgrad_torchjd(norm_eps=reg_eps=1e-4)", "upgrad", json!({"regularize": 1e-4})),
        row("dualproj_exact", "dualproj", json!({})),
        row("dualproj_torchjd(1e-4)", "dualproj", json!({"regularize": 1e-4})),
        row("mgda_exact", "mgda", json!({})),
        row("mgda_frankwolfe(eps=1e-3,100)", "mgda", frank_wolfe(1e-3, 100)),
        row("mgda_frankwolfe(eps=1e-9,100000)", "mgda", frank_wolfe(1e-9, 100_000)),
        row("cagrad_c0.4_rescale0(torchjd)", "cagrad", json!({"c": 0.4, "rescale": 0})),
        row(
            "cagrad_c0.4_rescale1(LibMTL default /(1+c^2))",
            "cagrad",
            json!({"c": 0.4, "rescale": 1}),
        ),
        row("cagrad_c0.5_rescale0(torchjd)", "cagrad", json!({"c": 0.5, "rescale": 0})),
        row(
            "cagrad_c0.5_rescale1(LibMTL default /(1+c^2))",
            "cagrad",
            json!({"c": 0.5, "rescale": 1}),
        ),
        row("nash_raw(Ga=1/a)", "nash-mtl", json!({})),
        row("nash_unit_norm", "nash-mtl", json!({"max-norm": 1})),
        row("fairgrad_alpha1", "fairgrad", json!({"alpha": 1})),
        row("fairgrad_alpha2", "fairgrad", json!({"alpha": 2})),
        row("aligned_min", "aligned-mtl", json!({"scale": "min"})),
        row("aligned_rmse", "aligned-mtl", json!({"scale": "rmse"})),
        Row {
            // LibMTL sums over the tasks where the paper has preferences of sum 1.
            factor: |n| n as f64,
            ..row("aligned_LibMTL(sum,min)", "aligned-mtl", json!({"scale": "min"}))
        },
        row("imtl_g", "imtl-g", json!({})),
        row("config", "config", json!({})),
        row("pcgrad_sum_identity_order", "pcgrad", json!({"order": "given"})),
    ]
}

/// Keys that are no answer of a method, and what they are.
const LEFT_OUT: [(&str, &str); 7] = [
    ("J", "the input"),
    ("G", "the input's Gramian"),
    ("cagrad_c0.4_simplex_w", "CAGrad's inner weights, of which the answer is made"),
    ("cagrad_c0.5_simplex_w", "CAGrad's inner weights, of which the answer is made"),
    ("nash_residual", "how well the reference solved its equation"),
    ("fairgrad_alpha1_residual", "how well the reference solved its equation"),
    ("fairgrad_alpha2_residual", "how well the reference solved its equation"),
];

fn numbers(value: &Value) -> Vec<f64> {
    let items = value.as_array().expect("a list");
    items.iter().map(|item| item.as_f64().expect("a number")).collect()
}

/// The answer of a method: its weights and its direction, or why there is none.
fn answer(row: &Row, n: usize, jacobian: &[f64]) -> Result<(Vec<f64>, Vec<f64>), String> {
    let entry = find(row.id).ok_or_else(|| format!("no method `{}`", row.id))?;
    let settings: Map<String, Value> = row.settings.as_object().expect("settings").clone();
    let forms = vec![LossForm::Squared; n];
    let setup = Setup { forms: &forms, settings: &settings, trial: 0, seed: Seed(0) };
    let balancer = (entry.build)(&setup).map_err(|error| error.to_string())?;
    let Balancer::Weighting(mut method) = balancer else {
        return Err("the file is about methods on the Gramian".into());
    };
    let (tasks, losses): (Vec<usize>, Vec<f64>) = (0..n).map(|t| (t, 1.0)).unzip();
    let view = StepView { tasks: &tasks, losses: &losses, cross: &[], step: 0, epoch: 0 };
    let rows = Rows::new(n, jacobian);
    let mut weights = vec![f64::NAN; n];
    let status = method.weigh(&rows.gramian(), &view, &mut weights);
    // A hundred iterations of Frank-Wolfe may end above its tolerance, as in the reference.
    if let Status::NoSolution { .. } = status {
        return Err(status.to_string());
    }
    for w in &mut weights {
        *w *= (row.factor)(n);
    }
    let mut direction = vec![f64::NAN; rows.width()];
    rows.combine(&weights, &mut direction);
    Ok((weights, direction))
}

/// The largest distance of two numbers.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn methods_agree_with_the_golden_numbers() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("TORSO_DATA")
        .map_or(project.join("../shared/golden"), |data| Path::new(&data).join("../golden"));
    let Ok(text) = std::fs::read_to_string(folder.join("balance.json")) else {
        println!("skipped: no golden numbers in {}", folder.display());
        return;
    };
    let golden: Map<String, Value> = serde_json::from_str(&text).expect("a table of Jacobians");
    let rows = rows();
    let mut wrong = Vec::new();
    for (name, table) in &golden {
        let table = table.as_object().expect("a table of methods");
        let jacobian: Vec<Vec<f64>> = table["J"].as_array().unwrap().iter().map(numbers).collect();
        for key in table.keys() {
            let left_out = LEFT_OUT.iter().any(|(left_out, _)| left_out == key);
            let Some(row) = rows.iter().find(|row| row.key == key) else {
                if !left_out {
                    wrong.push(format!("{name}: nothing checks `{key}`"));
                }
                continue;
            };
            match answer(row, jacobian.len(), &jacobian.concat()) {
                Err(why) => wrong.push(format!("{name}, {key}: {why}")),
                Ok((weights, direction)) => {
                    let mut off = distance(&direction, &numbers(&table[key]["g"]));
                    if let Some(expected) = table[key].get("w") {
                        off = off.max(distance(&weights, &numbers(expected)));
                    }
                    println!("{name}, {key}: {off:.1e}");
                    if off.is_nan() || off > TOLERANCE {
                        wrong.push(format!("{name}, {key}: off by {off:e}"));
                    }
                }
            }
        }
        for row in &rows {
            if !table.contains_key(row.key) {
                wrong.push(format!("{name}: no `{}` in the file", row.key));
            }
        }
    }
    assert!(golden.len() >= 3, "three Jacobians");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
