//! The branches of one dense layer.

use faer::Mat;
use torso_tape::{Activation, Init, ParamId, Params, Var};

use super::matrix;
use super::tree::Tree;
use crate::encoder::{Layer, LayerShape};
use crate::layout::{Layout, LayoutError};
use crate::network::Forward;

/// One layer's branches among a network's parameters; all are of one shape.
pub(super) enum Branches {
    /// For tasks that are columns: a layer each.
    Columns { name: String, layers: Vec<Layer> },
    /// For tasks that are groups of rows: branch below branch. A row goes through its group's.
    Groups {
        name: String,
        /// `[branches * fan_in, width]`.
        weight: ParamId,
        /// `[branches, width]`.
        bias: ParamId,
        shape: LayerShape,
    },
}

impl Branches {
    /// Adds the branches of a layer, which all start as the layer of a common trunk does.
    pub(super) fn declare(
        layout: &mut Layout,
        layer: usize,
        shape: LayerShape,
        n_branches: usize,
    ) -> Result<Self, LayoutError> {
        let (name, draws) = (format!("branch.{layer}"), format!("trunk.{layer}"));
        if !layout.context.outputs.grouped {
            let layers = (0..n_branches)
                .map(|b| Layer::declare(layout, &format!("{name}.{b}"), &draws, shape))
                .collect::<Result<_, _>>()?;
            return Ok(Self::Columns { name, layers });
        }
        let [fan_in, width] = shape.weight();
        let rows = n_branches.checked_mul(fan_in).ok_or(LayoutError::TooLarge)?;
        let weight = layout.add(&format!("{name}.weight"), [rows, width], Init::Zeros)?;
        let bias = layout.add(&format!("{name}.bias"), [n_branches, width], Init::Zeros)?;
        for (id, part, n) in [(weight, "weight", fan_in * width), (bias, "bias", width)] {
            let start = layout.params.draws(&format!("{draws}.{part}"), n, shape.init());
            let branches = layout.params.get_mut(id).chunks_exact_mut(n);
            branches.for_each(|own| own.copy_from_slice(&start));
        }
        layout.params.range_mut(bias).decays = false;
        Ok(Self::Groups { name, weight, bias, shape })
    }

    /// Records the branches on those of the layer below; of groups there is one value for all.
    pub(super) fn record(
        &self,
        forward: &mut Forward,
        below: &[Var],
        (tree, layer): (&Tree, usize),
    ) -> Vec<Var> {
        match self {
            Self::Columns { layers, .. } => {
                let branches = layers.iter().enumerate();
                branches.map(|(b, own)| own.record(forward, below[tree.parent(layer, b)])).collect()
            }
            Self::Groups { weight, bias, .. } => {
                let of_group = tree.branches(layer);
                let code = |group: &u32| {
                    u32::try_from(of_group[*group as usize]).expect("no more branches than groups")
                };
                let codes: Vec<u32> = forward.groups.iter().map(code).collect();
                let params = forward.params;
                let h = forward.tape.grouped_linear(params, below[0], *weight, *bias, &codes);
                vec![forward.tape.activate(h, Activation::Relu)]
            }
        }
    }

    /// The shape of one branch.
    pub(super) fn shape(&self) -> LayerShape {
        match self {
            Self::Columns { layers, .. } => layers[0].shape,
            Self::Groups { shape, .. } => *shape,
        }
    }

    /// The weight and bias of the first branch.
    fn first(&self) -> (ParamId, ParamId) {
        match self {
            Self::Columns { layers, .. } => (layers[0].weight, layers[0].bias),
            Self::Groups { weight, bias, .. } => (*weight, *bias),
        }
    }

    /// The weight of a layer that is not split yet.
    pub(super) fn weight(&self, params: &Params<f32>) -> Mat<f64> {
        matrix(params, self.first().0)
    }

    /// The values of `n_branches` copies of a layer that is not split yet, by name.
    pub(super) fn copied(
        &self,
        params: &Params<f32>,
        n_branches: usize,
    ) -> Vec<(String, Vec<f32>)> {
        let (weight, bias) = self.first();
        self.named(params.get(weight), params.get(bias), n_branches)
    }

    /// The values of a layer of which some inputs and units are kept, in every branch.
    pub(super) fn some_units(
        &self,
        params: &Params<f32>,
        inputs: &[usize],
        units: &[usize],
    ) -> Vec<(String, Vec<f32>)> {
        let (weight, bias) = self.first();
        let (all, width) = (params.get(weight), self.shape().n_outputs());
        let row = |i: usize| units.iter().map(move |j| all[i * width + j]);
        let weight: Vec<f32> = inputs.iter().flat_map(|i| row(*i)).collect();
        let bias: Vec<f32> = units.iter().map(|j| params.get(bias)[*j]).collect();
        let n_branches = match self {
            Self::Columns { layers, .. } => layers.len(),
            Self::Groups { bias, .. } => params.range(*bias).shape()[0],
        };
        self.named(&weight, &bias, n_branches)
    }

    fn named(&self, weight: &[f32], bias: &[f32], n_branches: usize) -> Vec<(String, Vec<f32>)> {
        match self {
            Self::Columns { name, .. } => {
                let branches = (0..n_branches).map(|b| format!("{name}.{b}"));
                let both = |name: String| {
                    [
                        (format!("{name}.weight"), weight.to_vec()),
                        (format!("{name}.bias"), bias.to_vec()),
                    ]
                };
                branches.flat_map(both).collect()
            }
            Self::Groups { name, .. } => vec![
                (format!("{name}.weight"), weight.repeat(n_branches)),
                (format!("{name}.bias"), bias.repeat(n_branches)),
            ],
        }
    }
}
