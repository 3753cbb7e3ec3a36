//! Snapshots as bytes: safetensors, with a description and a hash in the metadata.

use std::borrow::Cow;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Array, Snapshot, SnapshotError, Values};

/// What the metadata says under its only key, so that a file's bytes have one order.
#[derive(Serialize, Deserialize)]
struct Metadata {
    about: Map<String, Value>,
    blake3: String,
}

const KEY: &str = "torso";

impl Snapshot {
    /// The bytes of a file. The same snapshot gives the same bytes.
    ///
    /// # Panics
    /// Never: arrays are as long as their shapes say.
    pub fn to_bytes(&self) -> Vec<u8> {
        let metadata = Metadata { about: self.about.clone(), blake3: self.hash() };
        let metadata = serde_json::to_string(&metadata).expect("a description is JSON");
        let metadata = [(KEY.to_string(), metadata)].into_iter().collect();
        let bytes = safetensors::serialize(self.arrays.iter(), Some(metadata));
        bytes.expect("arrays are as long as their shapes say")
    }

    /// Reads the bytes of a file. Nothing is allocated beyond what the bytes hold.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let foreign = |why: String| SnapshotError::Foreign { why };
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|error| foreign(error.to_string()))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| foreign(error.to_string()))?;
        let metadata = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let metadata = metadata.ok_or_else(|| foreign(format!("no `{KEY}` in its metadata")))?;
        let metadata: Metadata =
            serde_json::from_str(metadata).map_err(|error| foreign(error.to_string()))?;
        let array = |(name, view): (String, TensorView)| Ok((name, Array::from_view(&view)?));
        let arrays = file.tensors().into_iter().map(array).collect::<Result<_, _>>()?;
        let snapshot = Self { about: metadata.about, arrays };
        if snapshot.hash() == metadata.blake3 { Ok(snapshot) } else { Err(SnapshotError::Damaged) }
    }

    fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut part = |bytes: &[u8]| {
            // The length keeps ("ab", "c") apart from ("a", "bc").
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(serde_json::to_string(&self.about).expect("a description is JSON").as_bytes());
        for (name, array) in &self.arrays {
            part(name.as_bytes());
            array.shape.iter().for_each(|n| part(&(*n as u64).to_le_bytes()));
            part(&array.bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

impl Array {
    fn from_view(view: &TensorView) -> Result<Self, SnapshotError> {
        let bytes = view.data();
        let values = match view.dtype() {
            Dtype::F32 => Values::F32(chunks(bytes).map(f32::from_le_bytes).collect()),
            Dtype::F64 => Values::F64(chunks(bytes).map(f64::from_le_bytes).collect()),
            Dtype::U32 => Values::U32(chunks(bytes).map(u32::from_le_bytes).collect()),
            other => {
                return Err(SnapshotError::Foreign { why: format!("elements of type {other:?}") });
            }
        };
        Ok(Self { shape: view.shape().to_vec(), values })
    }

    fn bytes(&self) -> Vec<u8> {
        match &self.values {
            Values::F32(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Values::F64(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Values::U32(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }
}

impl View for &Array {
    fn dtype(&self) -> Dtype {
        match self.values {
            Values::F32(_) => Dtype::F32,
            Values::F64(_) => Dtype::F64,
            Values::U32(_) => Dtype::U32,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.bytes())
    }

    fn data_len(&self) -> usize {
        let size = if matches!(self.values, Values::F64(_)) { 8 } else { 4 };
        self.values.len() * size
    }
}

fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}
