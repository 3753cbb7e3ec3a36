//! What one fit gave: its predictions of the test rows, and how the learning went.

use torso_core::data::{Task, TaskData};
use torso_core::estimator::{Model, Trace};
use torso_core::features::Design;
use torso_core::metric::{predicted_class, score};
use torso_core::snapshot::{Snapshot, SnapshotError};

use crate::balance::FitBalance;
use crate::curves::FitCurve;
use crate::runner::{FoldScores, TestRow};

/// The outcome of one fit, before it is scored.
pub(crate) struct Fitted {
    /// Predictions of each task's labeled test rows, `[rows, kind's width]`.
    pub(crate) predictions: Vec<Vec<f64>>,
    pub(crate) trace: Trace,
    /// What the preprocessing had to say.
    pub(crate) notes: Vec<String>,
}

impl Fitted {
    pub(crate) fn new(
        data: &TaskData,
        model: &dyn Model,
        design: &Design,
        notes: Vec<String>,
        test: &[u32],
    ) -> Self {
        let predict = |(t, task): (usize, &Task)| {
            let rows: Vec<u32> = task.labels.among(test).map(|(row, _)| row).collect();
            model.predict(design, t, &rows)
        };
        let predictions = data.tasks().iter().enumerate().map(predict).collect();
        Self { predictions, trace: model.trace().clone(), notes }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (task, predictions) in self.predictions.iter().enumerate() {
            snapshot.put(format!("task {task}"), &[predictions.len()], predictions.clone());
        }
        snapshot.describe("notes", &self.notes);
        snapshot.nest("trace", self.trace.snapshot());
        snapshot
    }

    pub(crate) fn from_snapshot(kept: &Snapshot, data: &TaskData) -> Result<Self, SnapshotError> {
        let predictions = |task| Ok(kept.array::<f64>(&format!("task {task}"))?.1.to_vec());
        Ok(Self {
            predictions: (0..data.n_tasks()).map(predictions).collect::<Result<_, _>>()?,
            trace: Trace::from_snapshot(&kept.nested("trace")?)?,
            notes: kept.described("notes")?,
        })
    }

    /// Scores the test rows of arm `arm`, called `id`, in one repeat.
    pub(crate) fn scores(
        self,
        data: &TaskData,
        test: &[u32],
        arm: usize,
        id: &str,
        repeat: usize,
    ) -> FoldScores {
        let score_task = |(task, predictions): (&Task, &Vec<f64>)| {
            let rows = task.labels.among(test).zip(predictions.chunks_exact(task.kind.width()));
            rows.map(|((row, label), prediction)| TestRow {
                row,
                scored: score(&task.kind, prediction, label),
                prediction: prediction[0],
                class: predicted_class(&task.kind, prediction),
            })
            .collect()
        };
        let own_notes = self.trace.notes.iter().map(|note| format!("{id}: {note}"));
        FoldScores {
            arm,
            repeat,
            tasks: data.tasks().iter().zip(&self.predictions).map(score_task).collect(),
            curve: FitCurve::new(&self.trace),
            balance: FitBalance::new(&self.trace),
            findings: self.trace.findings.clone(),
            notes: self.notes.iter().cloned().chain(own_notes).collect(),
        }
    }
}
