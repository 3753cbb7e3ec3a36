//! A fit's trace as a snapshot.

use super::{BalanceTrace, Epoch, Trace};
use crate::snapshot::{Snapshot, SnapshotError};

/// An array for each kind of number in an epoch.
type Part = (&'static str, fn(&Epoch) -> &[f64]);
const PARTS: [Part; 3] = [
    ("train", |epoch| &epoch.train),
    ("validation", |epoch| &epoch.validation),
    ("weights", |epoch| &epoch.weights),
];

impl Trace {
    /// The whole trace; its numbers as arrays, since they may be no number.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let n_epochs = self.epochs.len();
        for (name, of) in PARTS {
            let width = self.epochs.first().map_or(0, |epoch| of(epoch).len());
            let values: Vec<f64> =
                self.epochs.iter().flat_map(|epoch| of(epoch).to_vec()).collect();
            snapshot.put(name, &[n_epochs, width], values);
        }
        let cosine: Vec<f64> = self.epochs.iter().map(|epoch| epoch.cosine).collect();
        snapshot.put("cosine", &[n_epochs], cosine);
        let (names, values): (Vec<String>, Vec<f64>) = self.settings.iter().cloned().unzip();
        snapshot.describe("settings", &names);
        snapshot.put("settings", &[values.len()], values);
        snapshot.describe("best epoch", &self.best_epoch);
        snapshot.describe("best trial", &self.best_trial);
        snapshot.describe("notes", &self.notes);
        snapshot.describe("status", &self.status);
        snapshot.describe("certificate", &self.certificate);
        snapshot.describe("findings", &self.findings);
        snapshot.describe("steps", &self.balance.steps);
        snapshot.describe("statuses", &self.balance.statuses);
        let cosines = self.balance.cosines.clone();
        snapshot.put("cosines", &[cosines.len()], cosines);
        snapshot
    }

    /// The trace of a snapshot.
    pub fn from_snapshot(kept: &Snapshot) -> Result<Self, SnapshotError> {
        let names: Vec<String> = kept.described("settings")?;
        let values = kept.shaped::<f64>("settings", &[names.len()])?;
        Ok(Self {
            epochs: epochs(kept)?,
            best_epoch: kept.described("best epoch")?,
            best_trial: kept.described("best trial")?,
            settings: names.into_iter().zip(values.iter().copied()).collect(),
            notes: kept.described("notes")?,
            status: kept.described("status")?,
            certificate: kept.described("certificate")?,
            findings: kept.described("findings")?,
            balance: BalanceTrace {
                steps: kept.described("steps")?,
                statuses: kept.described("statuses")?,
                cosines: kept.array("cosines")?.1.to_vec(),
            },
        })
    }
}

fn epochs(kept: &Snapshot) -> Result<Vec<Epoch>, SnapshotError> {
    let cosine = kept.array::<f64>("cosine")?.1;
    let mut rows = Vec::with_capacity(PARTS.len());
    for (name, _) in PARTS {
        let (shape, values) = kept.array::<f64>(name)?;
        let [n_epochs, width] = *shape else { return Err(wrong_shape(name, cosine.len(), shape)) };
        if n_epochs != cosine.len() {
            return Err(wrong_shape(name, cosine.len(), shape));
        }
        rows.push((values, width));
    }
    let row = |part: usize, epoch: usize| {
        let (values, width) = rows[part];
        values[epoch * width..][..width].to_vec()
    };
    let epoch = |(e, cosine): (usize, &f64)| Epoch {
        train: row(0, e),
        validation: row(1, e),
        weights: row(2, e),
        cosine: *cosine,
    };
    Ok(cosine.iter().enumerate().map(epoch).collect())
}

fn wrong_shape(name: &str, n_epochs: usize, found: &[usize]) -> SnapshotError {
    let expected = vec![n_epochs, found.last().copied().unwrap_or(0)];
    SnapshotError::Shape { name: name.to_string(), expected, found: found.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::Certificate;
    use crate::finding::Finding;

    #[test]
    fn a_trace_is_read_back_to_the_bit() {
        let epoch = |x: f64| Epoch {
            train: vec![x, f64::NAN],
            validation: vec![0.1, x],
            weights: vec![1.0, -x],
            cosine: f64::NAN,
        };
        let trace = Trace {
            epochs: vec![epoch(0.5), epoch(0.25)],
            best_epoch: 1,
            best_trial: 2,
            settings: vec![("lr".into(), 0.1)],
            notes: vec!["a note".into()],
            balance: BalanceTrace {
                steps: 7,
                statuses: vec![("no solution".into(), 3)],
                cosines: vec![f64::NAN, 0.5],
            },
            status: super::super::FitStatus::LimitReached,
            certificate: Some(Certificate { objective: 0.1, residual: 1e-12, iterations: 3 }),
            findings: vec![Finding::Bars {
                name: "norms".into(),
                items: vec!["a".into()],
                values: vec![0.3],
            }],
        };
        let read = Trace::from_snapshot(&trace.snapshot()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{trace:?}"));
        let empty = Trace::from_snapshot(&Trace::default().snapshot()).unwrap();
        assert_eq!(empty, Trace::default());
        let mut bad = trace.snapshot();
        bad.put("train", &[3, 1], vec![0.0; 3]);
        assert!(matches!(Trace::from_snapshot(&bad), Err(SnapshotError::Shape { .. })));
    }
}
