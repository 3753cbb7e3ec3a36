//! A linear map that every task has for itself: gates over experts, attention.

use torso_tape::{Activation, Init, ParamId, Var};

use crate::layout::{Layout, LayoutError};
use crate::network::Forward;

/// `x W_t + b_t`.
pub(crate) enum TaskLinear {
    /// Tasks that are columns: a weight and a bias each.
    Columns(Vec<[ParamId; 2]>),
    /// Tasks that are groups of rows: one range for all, group below group.
    Groups([ParamId; 2]),
}

impl TaskLinear {
    /// Adds the maps, called `{name}.{task}` or, for groups, `{name}`.
    pub(crate) fn declare(
        layout: &mut Layout,
        name: &str,
        [n_inputs, width]: [usize; 2],
        init: Init,
    ) -> Result<Self, LayoutError> {
        let outputs = layout.context.outputs;
        let mut add = |name: &str, n: usize| {
            let rows = n.checked_mul(n_inputs).ok_or(LayoutError::TooLarge)?;
            let weight = layout.add(&format!("{name}.weight"), [rows, width], init)?;
            let bias = layout.add(&format!("{name}.bias"), [n, width], Init::Zeros)?;
            layout.params.range_mut(bias).decays = false;
            Ok([weight, bias])
        };
        if outputs.grouped {
            return Ok(Self::Groups(add(name, outputs.names.len())?));
        }
        let tasks = outputs.names.iter().map(|task| add(&format!("{name}.{task}"), 1));
        Ok(Self::Columns(tasks.collect::<Result<_, _>>()?))
    }

    /// Records the map of a lane on `input [B, n_inputs]`.
    pub(crate) fn record(&self, forward: &mut Forward, lane: usize, input: Var) -> Var {
        let (params, groups) = (forward.params, forward.groups);
        match self {
            Self::Columns(tasks) => {
                let [weight, bias] = tasks[lane];
                forward.tape.linear(params, input, weight, bias, Activation::Identity)
            }
            &Self::Groups([weight, bias]) => {
                forward.tape.grouped_linear(params, input, weight, bias, groups)
            }
        }
    }
}
