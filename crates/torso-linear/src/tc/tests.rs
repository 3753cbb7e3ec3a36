use serde_json::json;
use torso_core::data::{Labels, Layout};
use torso_core::estimator::{Batch, Budget};
use torso_core::features::{Feature, FeatureValues, Features};
use torso_core::journal::NoJournal;
use torso_core::seed::normal;
use torso_data::generate::measure::adjusted_rand_index;

use super::*;
use crate::testing::families::{FamilyTask, families};

fn learn(tc: &Tc, data: &TaskData, design: &Design, seed: u64) -> Result<TaskClusters, FitError> {
    let rows = data.labeled_rows();
    tc.learn(&Problem {
        data,
        design,
        train: &rows,
        validation: &[],
        seed: Seed(seed),
        budget: Budget { trials: 1, epochs: 1, batch: Batch::Auto },
        journal: &NoJournal,
    })
}

/// The accuracy of a metric on a task, with `few` rows to vote.
fn accuracy(metric: &Metric, few: &Examples, test: &Examples) -> f64 {
    let is_right = |i: &usize| {
        let p = few.probabilities(metric, 3, test.row(*i));
        (p[1] > p[0]) == (test.labels()[*i] == 1)
    };
    (0..test.len()).filter(is_right).count() as f64 / test.len() as f64
}

#[test]
fn families_are_found_a_new_task_gains_and_the_wrong_metric_hurts() {
    let (mut found, mut chosen, mut uniform, mut wrong, mut tasks) = (0, 0.0, 0.0, 0.0, 0.0);
    for seed in 200..206 {
        let (data, design) = families(40, 12, 25, 0.7, Seed(seed));
        let model = learn(&Tc::default(), &data, &design, seed).unwrap();
        let truth: Vec<usize> = (0..12).map(|t| t / 6).collect();
        let ari = adjusted_rand_index(model.clusters(), &truth);
        found += u32::from(ari > 0.999);
        let mut stream = Seed(seed).stream("new task", "", 0);
        for family in [0, 1] {
            let task = FamilyTask::new(40, 5 * family..5 * family + 5, 0.7, &mut stream);
            let (few, test) = (task.draw(2, &mut stream), task.draw(100, &mut stream));
            let other = model.clusters()[6 * (1 - family)];
            chosen += accuracy(&model.metrics()[model.cluster_for(&few)], &few, &test);
            uniform += accuracy(&Metric::uniform(40), &few, &test);
            wrong += accuracy(&model.metrics()[other], &few, &test);
            tasks += 1.0;
        }
    }
    println!("{found} of 6; chosen {chosen} uniform {uniform} wrong {wrong} of {tasks}");
    assert!(found >= 5, "{found}");
    assert!(chosen / tasks >= uniform / tasks + 0.1, "{chosen} {uniform}");
    assert!(wrong < uniform, "{wrong} {uniform}");
}

#[test]
fn neighbors_vote_as_the_formula_says() {
    let mut stream = Seed(1).stream("rows", "", 0);
    let x: Vec<f64> = (0..40 * 3).map(|_| normal(&mut stream)).collect();
    let labels: Vec<usize> = (0..40).map(|i| (i * i) % 3).collect();
    let examples = Examples::new(x, 3, labels.clone(), 3);
    let metric = Metric::restore(&[0.6, 0.0, 0.8]).unwrap();
    let distance = |i: usize, query: &[f64]| {
        let row = examples.row(i);
        0.6 * (row[0] - query[0]).powi(2) + 0.8 * (row[2] - query[2]).powi(2)
    };
    let nearest = |query: &[f64], without: Option<usize>| {
        let mut order: Vec<usize> = (0..40).filter(|i| Some(*i) != without).collect();
        order.sort_by(|a, b| distance(*a, query).total_cmp(&distance(*b, query)));
        order[..5].to_vec()
    };
    let query = [0.3, 9.0, -0.2];
    let votes = |class: usize, rows: &[usize]| rows.iter().filter(|i| labels[**i] == class).count();
    let found = examples.probabilities(&metric, 5, &query);
    for (class, p) in found.iter().enumerate() {
        let expected = (votes(class, &nearest(&query, None)) as f64 + 0.5) / 6.5;
        assert!((p - expected).abs() < 1e-15);
    }
    let hits = (0..40).filter(|i| {
        let rows = nearest(examples.row(*i), Some(*i));
        let most = (0..3).map(|class| votes(class, &rows)).max().unwrap();
        rows.iter().map(|j| labels[*j]).find(|class| votes(*class, &rows) == most)
            == Some(labels[*i])
    });
    assert_eq!(examples.hits(&metric, 5, &(0..40).collect::<Vec<_>>()), hits.count());
}

/// The tasks over 30 rows.
fn table(tasks: Vec<Task>) -> TaskData {
    let values = FeatureValues::Numeric(vec![0.0; 30]);
    let features = Features::new(vec![Feature { name: "x".to_string(), values }]);
    TaskData::new("odd", String::new(), features, tasks, Layout::Columns).unwrap()
}

/// Tasks of several kinds: three classes, one class only, no label at all, and one label of
/// each class.
fn odd() -> (TaskData, Design) {
    let classes = ["a", "b", "c"].map(String::from);
    let column = |of: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..30).map(of).collect() };
    let task = |name: &str, kind: TaskKind, labels: Vec<f64>| Task {
        name: name.to_string(),
        kind,
        labels: Labels::from_column(&labels),
    };
    let binary = || TaskKind::Binary { classes: ["no", "yes"].map(String::from) };
    let tasks = vec![
        task(
            "three",
            TaskKind::Multiclass { classes: classes.into() },
            column(&|i| (i % 3) as f64),
        ),
        task("one", binary(), column(&|i| if i < 4 { 1.0 } else { f64::NAN })),
        task("none", binary(), column(&|_| f64::NAN)),
        task("few", binary(), column(&|i| if i < 2 { i as f64 } else { f64::NAN })),
    ];
    // A feature that tells, one that is constant, and a copy of the first.
    let x = (0..30).flat_map(|i| [f64::from(i % 3), 1.0, f64::from(i % 3)]).collect();
    let names = ["x0", "x1", "x2"].map(String::from).into();
    (table(tasks), Design::new(names, 30, x))
}

#[test]
fn odd_tasks_get_probabilities_and_a_model_is_read_back_to_the_bit() {
    let (data, design) = odd();
    let rows: Vec<u32> = (0..30).collect();
    for tc in [Tc::default(), Tc { neighbors: 40, clusters: Some(9) }] {
        let model = learn(&tc, &data, &design, 1).unwrap();
        let kinds: Vec<TaskKind> = data.tasks().iter().map(|task| task.kind.clone()).collect();
        assert!(is_tc(&model.snapshot()));
        let again = restore(&model.snapshot(), 3, &kinds).unwrap();
        for (t, kind) in kinds.iter().enumerate() {
            let found = model.predict(&design, t, &rows);
            assert_eq!(found.len(), 30 * kind.width());
            assert!(found.iter().all(|p| *p > 0.0 && *p < 1.0));
            assert_eq!(found, again.predict(&design, t, &rows));
        }
        let three = model.predict(&design, 0, &rows);
        assert!(three.chunks(3).all(|p| (p.iter().sum::<f64>() - 1.0).abs() < 1e-12));
        assert!(model.predict(&design, 2, &rows).iter().all(|p| (p - 0.5).abs() < 1e-15));
        assert_eq!(again.snapshot(), model.snapshot());
    }
    let model = learn(&Tc::default(), &data, &design, 1).unwrap();
    assert_eq!(model.predict(&design, 0, &[1])[1].to_bits(), (3.5_f64 / 4.5).to_bits());
}

#[test]
fn damaged_models_are_refused() {
    let (data, design) = odd();
    let model = learn(&Tc::default(), &data, &design, 1).unwrap();
    let kinds: Vec<TaskKind> = data.tasks().iter().map(|task| task.kind.clone()).collect();
    let good = model.snapshot();
    let n_metrics = model.metrics().len();
    let changed = |change: &dyn Fn(&mut torso_core::snapshot::Snapshot)| {
        let mut bad = good.clone();
        change(&mut bad);
        restore(&bad, 3, &kinds).is_err()
    };
    assert!(!changed(&|_| ()));
    assert!(changed(&|s| s.describe("neighbors", &0)));
    assert!(changed(&|s| s.describe("clusters", &[0, 0, 0, 99])));
    assert!(changed(&|s| s.describe("clusters", &[0])));
    assert!(changed(&|s| s.put("labels 1", &[4], vec![0_u32, 1, 2, 0])));
    assert!(changed(&|s| s.put("rows 1", &[4, 2], vec![0.0; 8])));
    assert!(changed(&|s| s.put("rows 1", &[4, 3], vec![f64::NAN; 12])));
    assert!(changed(&|s| s.put("metrics", &[n_metrics, 3], vec![-1.0; 3 * n_metrics])));
    assert!(restore(&good, 4, &kinds).is_err() && restore(&good, 3, &kinds[..2]).is_err());
}

#[test]
fn numbers_and_bad_parameters_are_refused() {
    let (data, design) = odd();
    let mut tasks = data.tasks().to_vec();
    tasks[1].kind = TaskKind::Regression;
    let refused = learn(&Tc::default(), &table(tasks), &design, 1);
    assert!(matches!(refused, Err(FitError::Unsuitable { .. })));
    for given in [json!({ "neighbors": 0 }), json!({ "clusters": 0 }), json!({ "metric": 1 })] {
        assert!(Tc::new(given.as_object().unwrap()).is_err(), "{given}");
    }
    let given = json!({ "neighbors": 5, "clusters": 2 });
    let tc = Tc::new(given.as_object().unwrap()).unwrap();
    assert_eq!(tc, Tc { neighbors: 5, clusters: Some(2) });
}

#[test]
fn the_same_seed_gives_the_same_model() {
    let (data, design) = families(12, 6, 10, 0.6, Seed(3));
    let [a, b] = [(); 2].map(|()| learn(&Tc::default(), &data, &design, 3).unwrap());
    assert_eq!(a.snapshot(), b.snapshot());
    assert_eq!(a.trace(), b.trace());
}
