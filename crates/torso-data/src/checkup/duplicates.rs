//! Rows that are there more than once: a copy on the other side of a split tells the label.

use serde::Serialize;
use torso_core::data::TaskData;
use torso_core::features::FeatureValues;
use torso_core::split::Fold;

use super::Warning;

/// Labeled rows that are there more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicates {
    /// Rows that equal an earlier one in features and labels.
    pub repeated: usize,
    /// Rows with the features of another row, and other labels.
    pub contradicting: usize,
    /// Rows that the split tests although an equal one is learned from, in one repeat.
    pub across: usize,
}

impl Duplicates {
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let repeated = Warning::RepeatedRows { rows: self.repeated, across: self.across };
        let contradicting = Warning::ContradictingRows { rows: self.contradicting };
        let found = [(self.repeated > 0, repeated), (self.contradicting > 0, contradicting)];
        found.into_iter().filter(|(is_found, _)| *is_found).map(|(_, warning)| warning).collect()
    }
}

/// The labeled rows, in sets of those with the same features and labels.
pub(super) struct Twins {
    n_rows: usize,
    /// (hash of the features, hash of the labels, row), sorted.
    keys: Vec<(Hash, Hash, u32)>,
}

/// So many bits that no two contents share a hash.
type Hash = [u8; 32];

impl Twins {
    pub(super) fn of(data: &TaskData) -> Self {
        let mut labels: Vec<Vec<u8>> = vec![Vec::new(); data.n_rows()];
        for (number, task) in (0_u32..).zip(data.tasks()) {
            for (&row, &value) in task.labels.rows().iter().zip(task.labels.values()) {
                let bytes = &mut labels[row as usize];
                bytes.extend(number.to_le_bytes());
                bytes.extend(bits(value));
            }
        }
        let mut cells = Vec::new();
        let mut keys: Vec<(Hash, Hash, u32)> = Vec::new();
        for row in data.labeled_rows() {
            cells.clear();
            for feature in &data.features().columns {
                cells.extend(match &feature.values {
                    FeatureValues::Numeric(values) => bits(values[row as usize]),
                    FeatureValues::Categorical { codes, .. } => {
                        codes[row as usize].map_or(u64::MAX, u64::from).to_le_bytes()
                    }
                });
            }
            keys.push((hash(&cells), hash(&labels[row as usize]), row));
        }
        keys.sort_unstable();
        Self { n_rows: data.n_rows(), keys }
    }

    /// Sets of rows with the same features and labels.
    fn sets(&self) -> impl Iterator<Item = &[(Hash, Hash, u32)]> {
        self.keys.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
    }

    /// The first row of each set, ascending.
    pub(super) fn distinct(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = self.sets().map(|set| set[0].2).collect();
        rows.sort_unstable();
        rows
    }

    pub(super) fn count(&self, folds: &[Fold]) -> Duplicates {
        let alike = self.keys.chunk_by(|a, b| a.0 == b.0);
        let contradict = |rows: &&[(Hash, Hash, u32)]| rows.iter().any(|row| row.1 != rows[0].1);
        Duplicates {
            repeated: self.sets().map(|set| set.len() - 1).sum(),
            contradicting: alike.filter(contradict).map(<[_]>::len).sum(),
            across: folds.iter().map(|fold| self.across(fold)).sum(),
        }
    }

    /// Rows of the test part with an equal row among those that are learned from.
    fn across(&self, fold: &Fold) -> usize {
        let mut learns = vec![false; self.n_rows];
        for &row in fold.train.iter().chain(&fold.validation) {
            learns[row as usize] = true;
        }
        let mut tests = vec![false; self.n_rows];
        fold.test.iter().for_each(|&row| tests[row as usize] = true);
        self.sets()
            .filter(|set| set.iter().any(|row| learns[row.2 as usize]))
            .map(|set| set.iter().filter(|row| tests[row.2 as usize]).count())
            .sum()
    }
}

/// The same bits for every missing cell.
fn bits(value: f64) -> [u8; 8] {
    let value = if value.is_nan() { f64::NAN } else { value };
    value.to_bits().to_le_bytes()
}

fn hash(bytes: &[u8]) -> Hash {
    *blake3::hash(bytes).as_bytes()
}
