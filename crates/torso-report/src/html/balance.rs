//! How each arm balanced its tasks: shares of the weights, cosines of the gradients, statuses.

use serde::Serialize;
use torso_core::record::{ArmBalance, TaskSummary};

use super::matrix::{Cell, Matrix};
use super::pictures::MOST_LETTERS;
use crate::chart::balance::{self as chart, known};
use crate::number::{Digits, UNKNOWN, counted};
use crate::reading::{MOST_TASKS_ONE_BY_ONE, shortened};
use crate::words::Sentence;

/// Shares and cosines.
const DIGITS: Digits = Digits::Decimals(2);

/// What one arm has to show.
#[derive(Serialize)]
pub(super) struct Arm<'a> {
    name: &'a str,
    steps: String,
    /// Where the method had no answer of its own, as (`In 1.3% of 12,000 steps`, status).
    statuses: Vec<(String, &'a str)>,
    has_equal_weights: bool,
    shares: Option<Shares>,
    /// The picture of the mean cosine.
    cosine: Option<String>,
    /// The mean cosines of all pairs of tasks.
    matrix: Option<Matrix>,
    pairs: Option<Pairs>,
}

impl Arm<'_> {
    /// Whether there is more to say than that all weights were equal.
    fn has_news(&self) -> bool {
        let has_cosines = self.cosine.is_some() || self.matrix.is_some() || self.pairs.is_some();
        self.shares.is_some() || has_cosines || !self.statuses.is_empty()
    }
}

#[derive(Serialize)]
struct Shares {
    picture: String,
    key: Vec<Key>,
}

/// A task's line, its name, and its share in the first and last epoch.
#[derive(Serialize)]
struct Key {
    picture: String,
    task: String,
    change: String,
}

/// The pairs of tasks with the lowest and highest mean cosine, in words.
#[derive(Serialize)]
struct Pairs {
    conflicting: Option<Sentence>,
    agreeing: Option<Sentence>,
}

/// The arms that have something to show.
pub(super) fn arms<'a>(tasks: &[TaskSummary], balance: &'a [ArmBalance]) -> Vec<Arm<'a>> {
    balance.iter().map(|balance| arm(tasks, balance)).filter(Arm::has_news).collect()
}

fn arm<'a>(tasks: &[TaskSummary], balance: &'a ArmBalance) -> Arm<'a> {
    const MOST_TASKS_IN_MATRIX: usize = 12;
    let spread = spread(&balance.weights);
    let has_equal_weights = spread.is_some_and(|spread| spread <= 1e-6);
    let can_be_drawn = spread.is_some() && !has_equal_weights && !tasks.is_empty();
    let cosines = Cosines::new(tasks.len(), &balance.cosines);
    let is_small = tasks.len() <= MOST_TASKS_IN_MATRIX;
    Arm {
        name: &balance.arm,
        steps: counted(balance.steps, "step"),
        statuses: statuses(balance),
        has_equal_weights,
        shares: (can_be_drawn && tasks.len() <= MOST_TASKS_ONE_BY_ONE)
            .then(|| shares(tasks, balance)),
        cosine: cosine(balance),
        matrix: cosines.as_ref().filter(|_| is_small).map(|cosines| cosines.matrix(tasks)),
        pairs: cosines.as_ref().filter(|_| !is_small).map(|cosines| cosines.pairs(tasks)),
    }
}

/// How far the weights are apart, over tasks and epochs; none where none is known.
fn spread(weights: &[Vec<f64>]) -> Option<f64> {
    let known = || weights.iter().flat_map(|line| known(line));
    Some(known().reduce(f64::max)? - known().reduce(f64::min)?)
}

/// The statuses, the most frequent first.
fn statuses(balance: &ArmBalance) -> Vec<(String, &str)> {
    let mut statuses: Vec<(&str, usize)> =
        balance.statuses.iter().map(|(text, n)| (text.as_str(), *n)).collect();
    statuses.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let steps = counted(balance.steps, "step");
    let share = |n: usize| match 100.0 * n as f64 / balance.steps as f64 {
        _ if n > balance.steps => format!("In {}", counted(n, "step")),
        _ if n == balance.steps => format!("In all of {steps}"),
        percent if percent < 0.1 => format!("In less than 0.1% of {steps}"),
        percent => format!("In {percent:.1}% of {steps}"),
    };
    statuses.into_iter().map(|(text, n)| (share(n), text)).collect()
}

fn shares(tasks: &[TaskSummary], balance: &ArmBalance) -> Shares {
    let digits = if tasks.len() > 5 { Digits::Decimals(3) } else { DIGITS };
    let lines = || tasks.iter().zip(&balance.weights).enumerate();
    let name = |task: &TaskSummary| shortened(&task.name, MOST_LETTERS);
    let said: Vec<String> = lines()
        .map(|(_, (task, values))| format!("{} from {}", name(task), change(values, digits)))
        .collect();
    let drawn: Vec<chart::Share> = lines()
        .zip(&said)
        .map(|((task, (_, values)), title)| chart::Share { task, values, title })
        .collect();
    let arm = shortened(&balance.arm, MOST_LETTERS);
    let title = format!("{arm}: share of the weights, first to last epoch: {}", said.join("; "));
    let key = |(i, (task, values)): (usize, (&TaskSummary, &Vec<f64>))| Key {
        picture: chart::key(i),
        task: name(task),
        change: change(values, digits),
    };
    Shares { picture: chart::shares(&drawn, &title), key: lines().map(key).collect() }
}

fn cosine(balance: &ArmBalance) -> Option<String> {
    let known = || known(&balance.cosine);
    let [low, high] = [known().reduce(f64::min)?, known().reduce(f64::max)?];
    let title = format!(
        "{}: mean cosine between the tasks’ gradients, from {} over the epochs, between {} \
         and {}; below 0 the gradients conflict",
        shortened(&balance.arm, MOST_LETTERS),
        change(&balance.cosine, DIGITS),
        DIGITS.plain(low),
        DIGITS.plain(high),
    );
    Some(chart::cosine(&balance.cosine, &title))
}

/// `0.33 to 0.41`: the first and the last known value of a line.
fn change(values: &[f64], digits: Digits) -> String {
    match (known(values).next(), known(values).next_back()) {
        (Some(first), Some(last)) => digits.range(first, last),
        _ => UNKNOWN.to_string(),
    }
}

/// The mean cosines of each two tasks, `[n_tasks, n_tasks]`, of which one at least is known.
struct Cosines<'a> {
    n_tasks: usize,
    values: &'a [Option<f64>],
}

impl<'a> Cosines<'a> {
    fn new(n_tasks: usize, values: &'a [Option<f64>]) -> Option<Self> {
        let cosines = Self { n_tasks, values };
        let is_square = n_tasks.checked_mul(n_tasks) == Some(values.len());
        (is_square && !cosines.all_pairs().is_empty()).then_some(cosines)
    }

    /// Of two different tasks.
    fn at(&self, a: usize, b: usize) -> Option<f64> {
        let cosine = self.values[a * self.n_tasks + b]?;
        known(&[cosine]).next().filter(|_| a != b)
    }

    /// The pairs that met, as (cosine, task, task), ascending.
    fn all_pairs(&self) -> Vec<(f64, usize, usize)> {
        let pairs = (0..self.n_tasks).flat_map(|a| (a + 1..self.n_tasks).map(move |b| (a, b)));
        let mut pairs: Vec<(f64, usize, usize)> =
            pairs.filter_map(|(a, b)| Some((self.at(a, b)?, a, b))).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        pairs
    }

    fn matrix(&self, tasks: &[TaskSummary]) -> Matrix {
        let cell = |a: usize, b: usize| match self.at(a, b) {
            _ if a == b => Cell::default(),
            Some(cosine) => Cell { class: chart::cell_class(cosine), text: DIGITS.plain(cosine) },
            None => Cell { text: UNKNOWN.to_string(), ..Cell::default() },
        };
        let names = || tasks.iter().map(|task| &task.name);
        Matrix::new(names(), names(), cell)
    }

    fn pairs(&self, tasks: &[TaskSummary]) -> Pairs {
        const TOLD: usize = 3;
        let pairs = self.all_pairs();
        let conflicting = pairs.iter().filter(|pair| pair.0 < 0.0).take(TOLD);
        let agreeing = pairs.iter().rev().filter(|pair| pair.0 > 0.0).take(TOLD);
        Pairs { conflicting: named(tasks, conflicting), agreeing: named(tasks, agreeing) }
    }
}

/// `a and b (−0.41), c and d (−0.40)`; none without a pair.
fn named<'a>(
    tasks: &[TaskSummary],
    pairs: impl Iterator<Item = &'a (f64, usize, usize)>,
) -> Option<Sentence> {
    let with = |sentence: Option<Sentence>, (cosine, a, b): &(f64, usize, usize)| {
        let sentence = sentence.map_or(Sentence::default(), |before| before.text(", "));
        let sentence = sentence.name(&tasks[*a].name).text(" and ").name(&tasks[*b].name);
        Some(sentence.text(format!(" ({})", DIGITS.plain(*cosine))))
    };
    pairs.fold(None, with)
}
