//! The tasks' masks of one layer.

use torso_tape::{Activation, Init, ParamId, Var};

use crate::encoder::LayerShape;
use crate::layout::{Layout, LayoutError};
use crate::network::Forward;
use crate::sharing::task_linear::TaskLinear;

/// The narrowest bottleneck: normalization takes two of its dimensions.
const NARROWEST: usize = 4;

/// From what the layer reads, and what the mask below let through, to a mask of the layer's units.
pub(super) struct Attention {
    /// `F`: from what the mask below let through.
    carry: Option<TaskLinear>,
    /// `G`.
    squeeze: TaskLinear,
    squeeze_norm: Norm,
    /// `H`.
    excite: TaskLinear,
    excite_norm: Norm,
}

impl Attention {
    /// Adds the masks of the encoder's layer `l`; `below` is the width of the masked layer below.
    pub(super) fn declare(
        layout: &mut Layout,
        l: usize,
        shape: LayerShape,
        below: Option<usize>,
        reduction: usize,
    ) -> Result<Self, LayoutError> {
        let (n_inputs, width) = (shape.n_inputs(), shape.n_outputs());
        let narrow = (width / reduction).max(NARROWEST);
        let mut linear = |part: &str, n_inputs: usize, width: usize| {
            let init = Init::Uniform { bound: 1.0 / (n_inputs as f64).sqrt() };
            TaskLinear::declare(layout, &format!("{part}.{l}"), [n_inputs, width], init)
        };
        let carry = below.map(|below| linear("carry", below, narrow)).transpose()?;
        let both = n_inputs + carry.as_ref().map_or(0, |_| narrow);
        let squeeze = linear("squeeze", both, narrow)?;
        let excite = linear("excite", narrow, width)?;
        let squeeze_norm = Norm::declare(layout, &format!("squeeze-norm.{l}"), narrow)?;
        let excite_norm = Norm::declare(layout, &format!("excite-norm.{l}"), width)?;
        Ok(Self { carry, squeeze, squeeze_norm, excite, excite_norm })
    }

    /// Records the mask of a lane.
    pub(super) fn record(
        &self,
        forward: &mut Forward,
        lane: usize,
        shared: Var,
        through: Option<Var>,
    ) -> Var {
        let mut input = shared;
        if let (Some(carry), Some(through)) = (&self.carry, through) {
            let carried = carry.record(forward, lane, through);
            let carried = forward.tape.activate(carried, Activation::Relu);
            input = forward.tape.concat(shared, carried);
        }
        let z = self.squeeze.record(forward, lane, input);
        let z = self.squeeze_norm.record(forward, lane, z, Activation::Relu);
        let mask = self.excite.record(forward, lane, z);
        self.excite_norm.record(forward, lane, mask, Activation::Sigmoid)
    }
}

/// Layer normalization with an activation, one for each lane.
struct Norm {
    /// Gain and bias.
    lanes: Vec<[ParamId; 2]>,
}

impl Norm {
    fn declare(layout: &mut Layout, name: &str, width: usize) -> Result<Self, LayoutError> {
        let outputs = layout.context.outputs;
        let names: Vec<String> = if outputs.grouped {
            vec![name.to_string()]
        } else {
            outputs.names.iter().map(|task| format!("{name}.{task}")).collect()
        };
        let lane = |name: &String| {
            let gain = layout.add(&format!("{name}.gain"), [1, width], Init::Ones)?;
            let bias = layout.add(&format!("{name}.bias"), [1, width], Init::Zeros)?;
            for id in [gain, bias] {
                layout.params.range_mut(id).decays = false;
            }
            Ok([gain, bias])
        };
        Ok(Self { lanes: names.iter().map(lane).collect::<Result<_, LayoutError>>()? })
    }

    fn record(&self, forward: &mut Forward, lane: usize, value: Var, act: Activation) -> Var {
        forward.tape.layer_norm(forward.params, value, self.lanes[lane], act)
    }
}
