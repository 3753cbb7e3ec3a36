use torso_core::data::{Labels, Task, TaskKind};
use torso_core::metric::Scored;
use torso_core::seed::normal;

use super::*;

const N_REPEATS: usize = 6;

/// A regression whose labels have the variance 4.
fn regression(name: &str) -> TaskInfo {
    let labels = Labels::from_column(&[1.0, 5.0, 1.0, 5.0]);
    TaskInfo::new(&Task { name: name.into(), kind: TaskKind::Regression, labels })
}

/// Cells of some table rows; `loss` gives that of (row, repeat), which is its contribution too.
fn cells(rows: std::ops::Range<u32>, loss: impl Fn(u32, usize) -> f64) -> CellMatrix {
    let mut cells = CellMatrix::new(rows.clone().collect(), N_REPEATS);
    for row in rows {
        for repeat in 0..N_REPEATS {
            let loss = loss(row, repeat);
            cells.set(row, repeat, Scored { loss, contribution: loss });
        }
    }
    cells
}

fn arm(name: &str, tasks: Vec<CellMatrix>) -> ArmCells {
    let auc = vec![None; tasks.len()];
    ArmCells { name: name.into(), family: "sharing".into(), tasks, auc }
}

/// A loss around 4 that depends on the arm, the task, the row and the repeat.
fn noisy(arm: &str, row: u32, repeat: usize) -> f64 {
    let place = u64::from(row) * 100 + repeat as u64;
    4.0 + 0.3 * normal(&mut Seed(0).stream("row", "", row.into()))
        + 0.2 * normal(&mut Seed(0).stream("cell", arm, place))
}

fn with_gain(name: &str, rows: std::ops::Range<u32>, gain: f64) -> CellMatrix {
    cells(rows, |row, repeat| noisy(name, row, repeat) - gain)
}

/// Three arms and two tasks with different rows: the second arm helps and harms, the third neither.
fn three_arms() -> (Vec<ArmCells>, Vec<TaskInfo>) {
    let two = |name: &str, first: f64, second: f64| {
        arm(name, vec![with_gain(name, 0..40, first), with_gain(name, 20..70, second)])
    };
    let arms = vec![two("apart", 0.0, 0.0), two("mixed", 0.5, -0.4), two("same", 0.0, 0.0)];
    (arms, vec![regression("a"), regression("b")])
}

#[test]
fn words_follow_the_corrected_p_and_the_sign() {
    let (arms, tasks) = three_arms();
    let results = judge(&arms, &tasks, Seed(0));
    let words = |arm: usize| [results[arm].tasks[0].verdict, results[arm].tasks[1].verdict];
    assert_eq!(words(0), [Verdict::Baseline; 2]);
    assert_eq!(words(1), [Verdict::Helps, Verdict::Harms]);
    assert_eq!(words(2), [Verdict::NoDifference; 2]);
    let result = &results[1].tasks[0];
    assert!(result.low > 0.0 && result.low < result.gain && result.gain < result.high);
    assert!((result.test.p_holm - 2.0 * result.test.p).abs() <= result.test.p);
    assert_eq!((result.task.as_str(), result.test.loss.as_str()), ("a", "squared error"));
    let percent = 100.0 * result.gain / results[0].tasks[0].score;
    assert!((result.gain_percent.unwrap() - percent).abs() < 1e-9);
}

#[test]
fn holm_takes_the_word_from_a_p_between() {
    // Twenty tasks; the gain of the first is called alone, and not among the others.
    let gain = 0.075;
    let of = |name: &str, gain: f64| {
        let rows = |task: u32| task * 30..(task + 1) * 30;
        let gain = |task| if task == 0 { gain } else { 0.0 };
        (0..20).map(|task| with_gain(name, rows(task), gain(task))).collect::<Vec<_>>()
    };
    let arms = [arm("apart", of("apart", 0.0)), arm("other", of("other", gain))];
    let tasks: Vec<TaskInfo> = (0..20).map(|task| regression(&task.to_string())).collect();
    let among = &judge(&arms, &tasks, Seed(0))[1].tasks[0];
    assert!(among.test.p < LEVEL && among.test.p_holm >= LEVEL, "{:?}", among.test);
    assert_eq!(among.verdict, Verdict::NoDifference);
    let first = |all: &ArmCells| arm(&all.name, vec![all.tasks[0].clone()]);
    let alone = &judge(&[first(&arms[0]), first(&arms[1])], &tasks[..1], Seed(0))[1].tasks[0];
    assert_eq!(alone.verdict, Verdict::Helps);
}

#[test]
fn the_baseline_gains_nothing() {
    let (arms, tasks) = three_arms();
    let baseline = &judge(&arms, &tasks, Seed(0))[0];
    let nothing = Interval { mean: 0.0, low: 0.0, high: 0.0 };
    assert_eq!(baseline.delta_m, nothing);
    let overall =
        Overall { loss_gain: 0.0, low: 0.0, high: 0.0, p: 1.0, verdict: Verdict::Baseline };
    assert_eq!(baseline.overall, overall);
    for task in &baseline.tasks {
        assert_eq!((task.gain, task.gain_percent, task.low, task.high), (0.0, Some(0.0), 0.0, 0.0));
        let LossTest { mean, low, high, p, p_holm, .. } = task.test;
        assert_eq!((mean, low, high, p, p_holm), (0.0, 0.0, 0.0, 1.0, 1.0));
    }
}

#[test]
fn no_word_below_five_repeats_but_figures() {
    for (n_repeats, word) in
        [(1, Verdict::TooFewRepeats), (4, Verdict::TooFewRepeats), (5, Verdict::Helps)]
    {
        let few = |name: &str, gain: f64| {
            let mut few = CellMatrix::new((0..40).collect(), n_repeats);
            for row in 0..40 {
                for repeat in 0..n_repeats {
                    let loss = noisy(name, row, repeat) - gain;
                    few.set(row, repeat, Scored { loss, contribution: loss });
                }
            }
            arm(name, vec![few])
        };
        let arms = [few("apart", 0.0), few("other", 0.5)];
        let result = &judge(&arms, &[regression("a")], Seed(0))[1];
        assert_eq!((result.tasks[0].verdict, result.overall.verdict), (word, word));
        assert!(result.tasks[0].test.p < 1e-6 && result.tasks[0].low > 0.0);
    }
}

#[test]
fn one_row_gives_figures_and_no_call() {
    let one = |name: &str, loss: f64| arm(name, vec![cells(7..8, |_, _| loss)]);
    let result = &judge(&[one("apart", 4.0), one("other", 1.0)], &[regression("a")], Seed(0))[1];
    let task = &result.tasks[0];
    assert_eq!((task.gain, task.low, task.high), (1.0, 1.0, 1.0));
    assert_eq!((task.test.mean, task.test.p), (3.0, 1.0));
    assert_eq!(
        (task.verdict, result.overall.verdict),
        (Verdict::NoDifference, Verdict::NoDifference)
    );
}

#[test]
fn overall_differences_are_in_units_of_the_spread() {
    let one = |name: &str, gain: f64| arm(name, vec![with_gain(name, 0..40, gain)]);
    let result = &judge(&[one("apart", 0.0), one("other", 0.1)], &[regression("a")], Seed(0))[1];
    let test = &result.tasks[0].test;
    assert!((result.overall.loss_gain - test.mean / 4.0).abs() < 1e-12);
    assert!((result.overall.high - test.high / 4.0).abs() < 1e-12);
    assert!((result.overall.p / test.p - 1.0).abs() < 1e-9);
}

#[test]
fn a_target_seen_twice_is_no_more_evidence_and_other_rows_are() {
    let arms = |second: std::ops::Range<u32>| {
        let two = |name: &str, gain: f64| {
            // The second task's row i has the losses of the first one's row i.
            let start = second.start;
            let again =
                cells(second.clone(), |row, repeat| noisy(name, row - start, repeat) - gain);
            arm(name, vec![with_gain(name, 0..40, gain), again])
        };
        let tasks = [regression("a"), regression("b")];
        judge(&[two("apart", 0.0), two("other", 0.05)], &tasks, Seed(0)).remove(1)
    };
    let (twice, other) = (arms(0..40), arms(40..80));
    let single = twice.tasks[0].test.p;
    assert!((twice.overall.p / single - 1.0).abs() < 1e-9, "{} and {single}", twice.overall.p);
    assert!(other.overall.p < 0.7 * single, "{} and {single}", other.overall.p);
    // The interval of delta-m follows the same rows.
    let width = |result: &ArmResult| result.delta_m.high - result.delta_m.low;
    let task = &twice.tasks[0];
    let single = (task.high - task.low) * task.gain_percent.unwrap() / task.gain;
    assert!((width(&twice) / single - 1.0).abs() < 1e-9);
    assert!(width(&other) < 0.95 * single);
}

#[test]
fn a_task_with_equal_labels_is_left_out_of_the_overall_test() {
    let labels = Labels::from_column(&[2.0; 4]);
    let constant = TaskInfo::new(&Task { name: "c".into(), kind: TaskKind::Regression, labels });
    let (arms, mut tasks) = three_arms();
    tasks[1] = constant.clone();
    let result = &judge(&arms, &tasks, Seed(0))[1];
    assert!((result.overall.loss_gain - result.tasks[0].test.mean / 4.0).abs() < 1e-12);
    assert_eq!(result.tasks[1].gain_percent, None);
    assert!((result.delta_m.mean - result.tasks[0].gain_percent.unwrap()).abs() < 1e-12);
    let none = &judge(&arms, &[constant.clone(), constant], Seed(0))[1];
    assert_eq!((none.overall.loss_gain, none.overall.p), (0.0, 1.0));
    assert_eq!(none.delta_m, Interval { mean: 0.0, low: 0.0, high: 0.0 });
}

#[test]
fn delta_m_is_the_mean_gain_in_percent() {
    let (arms, tasks) = three_arms();
    let results = judge(&arms, &tasks, Seed(0));
    let percent = |task: usize| results[1].tasks[task].gain_percent.unwrap();
    let Interval { mean, low, high } = results[1].delta_m;
    assert!((mean - f64::midpoint(percent(0), percent(1))).abs() < 1e-12);
    assert!(low < mean && mean < high);
    let ranks: f64 = results.iter().map(|result| result.mean_rank).sum();
    assert!((ranks - 6.0).abs() < 1e-12);
}

#[test]
fn an_arm_more_changes_no_other_arm() {
    let (arms, tasks) = three_arms();
    let all = judge(&arms, &tasks, Seed(0));
    let without = judge(&[arms[0].clone(), arms[2].clone()], &tasks, Seed(0));
    let mut other = all[2].clone();
    other.mean_rank = without[1].mean_rank;
    assert_eq!(other, without[1]);
}

#[test]
fn threads_change_no_bit() {
    let (arms, tasks) = three_arms();
    let with = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let judged = |n: usize| with(n).install(|| judge(&arms, &tasks, Seed(7)));
    assert_eq!(judged(1), judged(3));
    let low = |seed| judge(&arms, &tasks, seed)[1].tasks[0].low;
    assert!((low(Seed(7)) - low(Seed(8))).abs() > 0.0);
}

#[test]
fn a_failed_prediction_counts_and_stays_writable() {
    let failing = |name: &str, gain: f64| {
        let loss = |row: u32, repeat: usize| match (row, repeat) {
            (3, 2) if gain > 0.0 => f64::NAN,
            _ => noisy(name, row, repeat) - gain,
        };
        arm(name, vec![cells(0..40, loss)])
    };
    let results =
        judge(&[failing("apart", 0.0), failing("other", 0.5)], &[regression("a")], Seed(0));
    let result = &results[1];
    assert_eq!(result.tasks[0].verdict, Verdict::NoDifference);
    assert!(result.tasks[0].gain < -1e40, "{}", result.tasks[0].gain);
    let text = serde_json::to_string(result).unwrap();
    assert!(!text.contains("null"), "{text}");
    let again: ArmResult = serde_json::from_str(&text).unwrap();
    assert_eq!(again.tasks[0].verdict, Verdict::NoDifference);
}

#[test]
#[should_panic(expected = "is paired")]
fn other_rows_are_no_comparison() {
    let one = |name: &str, rows| arm(name, vec![with_gain(name, rows, 0.0)]);
    judge(&[one("apart", 0..40), one("other", 0..39)], &[regression("a")], Seed(0));
}

#[test]
fn no_arms_no_results() {
    assert!(judge(&[], &[regression("a")], Seed(0)).is_empty());
}
