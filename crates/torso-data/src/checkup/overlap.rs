//! Rows that have labels of two tasks: where tasks can learn from each other row by row.

use serde::Serialize;
use torso_core::data::{Layout, Task, TaskData};

/// The matrix is told up to so many tasks.
const MOST_TASKS: usize = 20;

/// Rows with labels of two tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overlap {
    /// Rows with a label of every task.
    pub all: usize,
    /// The two tasks that share the fewest rows.
    pub fewest: PairCount,
    /// The median over pairs of tasks.
    pub median: usize,
    /// The two tasks that share the most rows.
    pub most: PairCount,
    /// `[i][j]`: rows with labels of tasks `i` and `j`; `[i][i]`: labels of `i`. None beyond 20 tasks.
    pub matrix: Option<Vec<Vec<usize>>>,
}

/// Two tasks and the rows with labels of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PairCount {
    /// The tasks.
    pub tasks: [String; 2],
    /// The rows.
    pub rows: usize,
}

impl Overlap {
    /// None where no row can have two labels.
    pub(super) fn of(data: &TaskData) -> Option<Self> {
        let tasks = data.tasks();
        if data.layout() == Layout::Groups || tasks.len() < 2 {
            return None;
        }
        let sets: Vec<RowSet> = tasks.iter().map(|task| RowSet::of(task, data.n_rows())).collect();
        let mut pairs = Vec::with_capacity(sets.len() * (sets.len() - 1) / 2);
        for i in 0..sets.len() {
            for j in i + 1..sets.len() {
                pairs.push((sets[i].shared(&sets[j]), i, j));
            }
        }
        let matrix = (tasks.len() <= MOST_TASKS).then(|| {
            let row = |i: usize| sets.iter().map(|other| sets[i].shared(other)).collect();
            (0..sets.len()).map(row).collect()
        });
        pairs.sort_unstable();
        let named = |&(rows, i, j): &(usize, usize, usize)| PairCount {
            tasks: [tasks[i].name.clone(), tasks[j].name.clone()],
            rows,
        };
        Some(Self {
            all: RowSet::shared_by_all(&sets),
            fewest: named(pairs.first()?),
            median: pairs[pairs.len() / 2].0,
            most: named(pairs.last()?),
            matrix,
        })
    }
}

/// A bit for each row.
struct RowSet(Vec<u64>);

impl RowSet {
    fn of(task: &Task, n_rows: usize) -> Self {
        let mut words = vec![0; n_rows.div_ceil(64)];
        for &row in task.labels.rows() {
            words[row as usize / 64] |= 1 << (row % 64);
        }
        Self(words)
    }

    fn shared(&self, other: &Self) -> usize {
        self.0.iter().zip(&other.0).map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    fn shared_by_all(sets: &[Self]) -> usize {
        let word = |at: usize| sets.iter().fold(u64::MAX, |both, set| both & set.0[at]);
        (0..sets[0].0.len()).map(|at| word(at).count_ones() as usize).sum()
    }
}
