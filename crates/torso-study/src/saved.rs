//! A trained model as a file: what it is, how tables become its inputs, and its numbers.
//!
//! The file is a [`Snapshot`]: safetensors with a JSON description. It holds no time, path or
//! number of threads, so the same training gives the same bytes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use torso_core::data::TaskKind;
use torso_core::estimator::Model;
use torso_core::snapshot::{Snapshot, SnapshotError};
use torso_data::Preprocessor;

/// The form of the file.
pub const MODEL_SCHEMA: &str = "torso.model/1";

/// The largest file that is read: far more than any network of this kind takes.
const MOST_BYTES: u64 = 2 << 30;

/// What a model is and what it needs, as its file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// [`MODEL_SCHEMA`].
    pub schema: String,
    /// The version of Torso that learned it.
    pub torso: String,
    /// The arm.
    pub method: String,
    /// How the tasks lie in a table.
    pub layout: SavedLayout,
    /// The tasks, in the order of the model's outputs.
    pub tasks: Vec<TaskCard>,
    /// How the features become the model's inputs.
    pub preprocessor: Preprocessor,
    /// Spellings of a missing cell beside the usual ones.
    pub missing: Vec<String>,
    /// The name of the table that was learned from.
    pub data: String,
    /// The hash of its bytes.
    pub blake3: String,
}

/// How the tasks lie in a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SavedLayout {
    /// Each task is the column of its name.
    Columns,
    /// Each task is a group of rows, with one target for all.
    Groups {
        /// The column that names a row's group.
        group: String,
        /// The column that is predicted.
        target: String,
    },
}

/// One task of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCard {
    /// The target column, or the group.
    pub name: String,
    /// What is predicted.
    #[serde(flatten)]
    pub kind: TaskKind,
}

/// A model with its card.
pub struct SavedModel {
    /// What it is.
    pub card: ModelCard,
    /// What it learned.
    pub model: Box<dyn Model>,
}

impl SavedModel {
    /// The bytes of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut snapshot = Snapshot::default();
        snapshot.describe("card", &self.card);
        snapshot.nest("model", self.model.snapshot());
        snapshot.to_bytes()
    }

    /// Reads the bytes of a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let snapshot = Snapshot::from_bytes(bytes)?;
        let card: ModelCard = snapshot.described("card")?;
        if card.schema != MODEL_SCHEMA {
            let why = format!("its form is `{}`, not `{MODEL_SCHEMA}`", card.schema);
            return Err(SnapshotError::Foreign { why });
        }
        let kinds: Vec<TaskKind> = card.tasks.iter().map(|task| task.kind.clone()).collect();
        let n_inputs = card.preprocessor.n_columns();
        let kept = snapshot.nested("model")?;
        let model = if torso_linear::is_linear(&kept) {
            torso_linear::restore(&kept, n_inputs, &kinds)?
        } else if torso_linear::tc::is_tc(&kept) {
            torso_linear::tc::restore(&kept, n_inputs, &kinds)?
        } else {
            torso_deep::arms::restore(&kept, n_inputs, &kinds)?
        };
        Ok(Self { card, model })
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, SavedModelError> {
        let io = |source| SavedModelError::Read { path: path.to_path_buf(), source };
        let file = File::open(path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        if bytes > MOST_BYTES {
            return Err(SavedModelError::TooLarge { path: path.to_path_buf(), bytes });
        }
        let mut content = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut content).map_err(io)?;
        Self::from_bytes(&content)
            .map_err(|source| SavedModelError::Content { path: path.to_path_buf(), source })
    }
}

/// Why a model's file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavedModelError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is too large to be a model.
    #[error("`{path}` has {bytes} bytes: too large for a model", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The file holds no model.
    #[error("`{path}` holds no model that can be used: {source}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SnapshotError,
    },
}

#[cfg(test)]
mod tests;
