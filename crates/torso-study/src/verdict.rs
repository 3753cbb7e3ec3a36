//! The verdict: which tasks gain from an arm, which are harmed, and how sure that is.
//!
//! Every arm leaves a matrix of out-of-fold losses for each task, table rows x repeats
//! ([`CellMatrix`]). [`judge`] compares each arm with the first one:
//!
//! - **The test** takes the paired loss differences (baseline minus arm) and asks whether their
//!   mean is 0, with rows and repeats as crossed random effects. The values of p of an arm's tasks
//!   are corrected by Holm's method. The *word* of a task follows from the corrected p and the sign
//!   of the mean.
//! - **The overall test** of an arm is the same test over all tasks: each task's differences are
//!   divided by the spread of its labels ([`TaskInfo::spread`]), a cell is a table row in a repeat
//!   with the entries of all tasks, and p is not corrected, since it is one test. A task whose
//!   labels are all equal has no spread and is left out.
//! - **The gain** is told in the task's metric, with a bootstrap interval that resamples rows and
//!   repeats together. Its sign can differ from that of the loss: the word follows the loss.
//! - **delta-m** is the mean over tasks of the gain in percent of the baseline's score, over the
//!   tasks for which a percentage means something; 0 if there is none.
//!
//! Below [`LEAST_REPEATS`] repeats no word is given, only figures. All figures are finite.

pub(crate) mod bootstrap;
mod cells;
mod crossed;
mod holm;
mod score;
mod task;

use rayon::prelude::*;
use torso_core::metric::Metric;
use torso_core::record::{ArmResult, Interval, LossTest, Overall, TaskResult, Verdict};
use torso_core::seed::Seed;

use bootstrap::Gains;
use crossed::{Cell, CrossedTest, crossed_test};

pub use cells::{CellMatrix, WORST};
pub use task::TaskInfo;

/// The level of the tests: p below it gives a word.
pub const LEVEL: f64 = 0.05;
/// The fewest repeats for a word. With two, a tenth of all null comparisons would get one.
pub const LEAST_REPEATS: usize = 5;

/// What one arm left behind.
#[derive(Debug, Clone)]
pub struct ArmCells {
    /// The arm's id.
    pub name: String,
    /// The arm's family in records.
    pub family: String,
    /// The cells of each task.
    pub tasks: Vec<CellMatrix>,
    /// The area under the ROC curve of each task, where it has one.
    pub auc: Vec<Option<f64>>,
}

/// Judges all arms; the first is the baseline. The outcome depends on the cells and the seed only,
/// not on the number of threads, and that of an arm on no other arm than the baseline, but for its
/// rank.
///
/// # Panics
/// If the arms differ in their tasks, or in the cells that were tested, or a task was never tested:
/// then the comparison is not paired.
pub fn judge(arms: &[ArmCells], tasks: &[TaskInfo], seed: Seed) -> Vec<ArmResult> {
    let Some(baseline) = arms.first() else { return Vec::new() };
    check(arms, tasks);
    let of_tasks = |arm: &ArmCells| -> Vec<f64> {
        arm.tasks.iter().zip(tasks).map(|(cells, task)| score::score(cells, task.metric)).collect()
    };
    let scores: Vec<Vec<f64>> = arms.iter().map(of_tasks).collect();
    let percent_factor =
        |task: usize| score::percent_factor(scores[0][task], &baseline.tasks[task], &tasks[task]);
    let metrics: Vec<Metric> = tasks.iter().map(|task| task.metric).collect();
    let comparison = Comparison {
        arms,
        tasks,
        ranks: score::mean_ranks(&scores),
        percent_factors: (0..tasks.len()).map(percent_factor).collect(),
        gains: Gains::resample(arms, &metrics, seed),
        scores,
    };
    (0..arms.len()).into_par_iter().map(|arm| comparison.arm(arm)).collect()
}

fn check(arms: &[ArmCells], tasks: &[TaskInfo]) {
    for arm in arms {
        let counts = (arm.tasks.len(), arm.auc.len());
        assert_eq!(counts, (tasks.len(), tasks.len()), "arm `{}` has all tasks", arm.name);
        for ((cells, baseline), task) in arm.tasks.iter().zip(&arms[0].tasks).zip(tasks) {
            let (arm, task) = (&arm.name, &task.name);
            assert!(cells.n_tested() > 0, "task `{task}` is tested in arm `{arm}`");
            assert!(cells.is_paired_with(baseline), "arm `{arm}` is paired in task `{task}`");
            let n_repeats = arms[0].tasks[0].n_repeats();
            assert_eq!(cells.n_repeats(), n_repeats, "task `{task}` has all repeats");
        }
    }
}

/// All that the arms' results are read from.
struct Comparison<'a> {
    arms: &'a [ArmCells],
    tasks: &'a [TaskInfo],
    /// `[arm][task]`.
    scores: Vec<Vec<f64>>,
    /// The mean rank of each arm.
    ranks: Vec<f64>,
    /// For each task.
    percent_factors: Vec<Option<f64>>,
    gains: Gains,
}

impl Comparison<'_> {
    fn arm(&self, arm: usize) -> ArmResult {
        let n_tasks = self.tasks.len();
        let tests: Vec<CrossedTest> =
            (0..n_tasks).map(|task| crossed_test(&self.cells(arm, task))).collect();
        let p: Vec<f64> = tests.iter().map(|test| test.p).collect();
        let corrected = holm::holm(&p);
        let task = |task: usize| self.task(arm, task, &tests[task], corrected[task]);
        ArmResult {
            name: self.arms[arm].name.clone(),
            family: self.arms[arm].family.clone(),
            delta_m: self.delta_m(arm),
            mean_rank: self.ranks[arm],
            overall: self.overall(arm),
            tasks: (0..n_tasks).map(task).collect(),
            explained_variance: None,
        }
    }

    fn task(&self, arm: usize, task: usize, test: &CrossedTest, p_holm: f64) -> TaskResult {
        let gain = self.gain(arm, task);
        let (low, high) = self.gains.interval(arm, task);
        TaskResult {
            task: self.tasks[task].name.clone(),
            score: self.scores[arm][task],
            gain,
            gain_percent: self.percent_factors[task].map(|factor| factor * gain),
            low,
            high,
            test: LossTest {
                loss: self.tasks[task].loss.to_string(),
                mean: test.mean,
                low: test.low,
                high: test.high,
                df: test.df,
                p: test.p,
                p_holm,
            },
            verdict: verdict(arm, test, p_holm),
            auc: self.arms[arm].auc[task],
        }
    }

    fn overall(&self, arm: usize) -> Overall {
        let test = crossed_test(&self.scaled_cells(arm));
        Overall {
            loss_gain: test.mean,
            low: test.low,
            high: test.high,
            p: test.p,
            verdict: verdict(arm, &test, test.p),
        }
    }

    fn delta_m(&self, arm: usize) -> Interval {
        let percent = |task: usize| Some(self.gain(arm, task) * self.percent_factors[task]?);
        let percents: Vec<f64> = (0..self.tasks.len()).filter_map(percent).collect();
        if percents.is_empty() {
            return Interval { mean: 0.0, low: 0.0, high: 0.0 };
        }
        let (low, high) = self.gains.mean_interval(arm, &self.percent_factors);
        Interval { mean: percents.iter().sum::<f64>() / percents.len() as f64, low, high }
    }

    fn gain(&self, arm: usize, task: usize) -> f64 {
        self.scores[0][task] - self.scores[arm][task]
    }

    /// The loss differences of one task, an entry for each tested row and repeat.
    fn cells(&self, arm: usize, task: usize) -> Vec<Cell> {
        let (baseline, own) = (&self.arms[0].tasks[task], &self.arms[arm].tasks[task]);
        let of_repeat = |repeat: usize| {
            let losses = baseline.losses(repeat).iter().zip(own.losses(repeat));
            let tested = losses.enumerate().filter(|(_, (loss, _))| !loss.is_nan());
            tested.map(move |(row, (loss, own))| Cell { row, repeat, sum: loss - own, entries: 1 })
        };
        (0..own.n_repeats()).flat_map(of_repeat).collect()
    }

    /// The loss differences of all tasks in units of the labels' spread, summed for each table row
    /// and repeat.
    fn scaled_cells(&self, arm: usize) -> Vec<Cell> {
        let matrices = &self.arms[arm].tasks;
        let n_repeats = matrices.first().map_or(0, CellMatrix::n_repeats);
        let n_rows = matrices.iter().filter_map(|cells| cells.rows().last()).max();
        let n_rows = n_rows.map_or(0, |&row| row as usize + 1);
        let empty =
            |at: usize| Cell { row: at / n_repeats, repeat: at % n_repeats, sum: 0.0, entries: 0 };
        let mut all: Vec<Cell> = (0..n_rows * n_repeats).map(empty).collect();
        for (task, info) in self.tasks.iter().enumerate().filter(|(_, info)| info.spread > 0.0) {
            let rows = matrices[task].rows();
            for cell in self.cells(arm, task) {
                let of_table = &mut all[rows[cell.row] as usize * n_repeats + cell.repeat];
                of_table.sum += cell.sum / info.spread;
                of_table.entries += 1;
            }
        }
        all.retain(|cell| cell.entries > 0);
        all
    }
}

/// The word for a test, given the p that counts.
fn verdict(arm: usize, test: &CrossedTest, p: f64) -> Verdict {
    if arm == 0 {
        Verdict::Baseline
    } else if test.repeats < LEAST_REPEATS {
        Verdict::TooFewRepeats
    } else if p >= LEVEL {
        Verdict::NoDifference
    } else if test.mean > 0.0 {
        Verdict::Helps
    } else {
        Verdict::Harms
    }
}

#[cfg(test)]
mod tests;
