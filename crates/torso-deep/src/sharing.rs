//! Sharing architectures: what the tasks' networks have in common.

use torso_core::method::Method;
use torso_tape::{Params, Tape, Var};

use crate::network::{Cuts, Mode};
use crate::settings::NetworkSettings;

pub mod hard;

/// A sharing architecture: its description, and how to lay it out.
pub struct SharingMethod {
    /// The description.
    pub method: Method,
    /// Adds its parameters for `n_inputs` features.
    pub(crate) declare: fn(&mut Params<f32>, usize, &NetworkSettings) -> Box<dyn Sharing>,
}

/// An architecture laid out over a network's parameters.
pub(crate) trait Sharing: Send + Sync {
    /// Records the pass of `input [B, n_inputs]` up to the representation that the heads read.
    fn record(
        &self,
        tape: &mut Tape<f32>,
        params: &Params<f32>,
        input: Var,
        mode: &mut Mode,
    ) -> Cuts;
}

/// Every sharing architecture, by id.
pub fn methods() -> &'static [&'static SharingMethod] {
    static METHODS: [&SharingMethod; 1] = [&hard::METHOD];
    &METHODS
}

/// The architecture called `id`.
pub fn find(id: &str) -> Option<&'static SharingMethod> {
    methods().iter().copied().find(|entry| entry.method.id == id)
}
