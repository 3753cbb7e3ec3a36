//! Tasks attached at chosen layers: a low task shapes the layers below it and leaves those above to
//! the others.
//!
//! # Formula
//! `h_0 = x`, `h_l = relu(h_{l-1} W_l + b_l)` `[B, width_l]`, `y_t = head_t(h_{l(t)})`;
//! `min sum_t w_t L_t`. Task `t` has no gradient in the layers above `l(t)`.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `at` | none | a layer, from 1, for each task that is named | a choice that only the tasks' meaning tells: the paper has part of speech at layer 1 of 3, chunks at layer 3 |
//!
//! A task that is not named reads the last layer: `--set 'low-supervision.at={"pos": 1}'`.
//!
//! # Cost
//! One pass through the encoder, whatever the number of tasks.
//!
//! # Claims
//! The paper: where one task is a step on the way to another, it helps that one most at the lower
//! layer, and not at the last one. The layers above must then be learned without it.
//!
//! # Differences
//! The paper has recurrent layers over the words of a sentence and alternates between tasks; here
//! layers are the encoder's, and every step sees all tasks. The network for sequences is another.
//!
//! # References
//! Søgaard and Goldberg, *Deep multi-task learning with low level tasks supervised at lower layers*
//! (2016).

use std::collections::BTreeMap;

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::{Reading, Sharing, SharingMethod, View, Widths};
use crate::encoder::{Encoder, Layer, LayerShape};
use crate::layout::{Context, Layout, LayoutError};
use crate::network::Forward;

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "low-supervision",
        family: Family::Sharing,
        title: "tasks attached at chosen layers",
        section: "6.4",
        formula: "h_l = f_l(h_{l-1}), y_t = head_t(h_{l(t)})",
        parameters: &[Parameter {
            name: "at",
            default: "none",
            range: "a layer, from 1, for each task that is named",
            about: "the layer that a task reads, such as {\"pos\": 1}; the others read the last",
        }],
        cost: "one pass through the encoder, whatever the number of tasks",
        cite: Cite {
            authors: "Søgaard, Goldberg",
            title: "Deep multi-task learning with low level tasks supervised at lower layers",
            venue: "ACL",
            year: 2016,
        },
    },
    has_trunk: false,
    tuned: &[],
    check: |context| places(context, Encoder::most_layers(context.settings)).map(|_| ()),
    declare,
};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    at: BTreeMap<String, usize>,
}

/// The layer that each task reads, from 0.
fn places(context: &Context, n_layers: usize) -> Result<Vec<usize>, LayoutError> {
    let Settings { at } = context.own()?;
    let outputs = context.outputs;
    if outputs.grouped {
        let why = "needs tasks as columns: all groups of rows predict one target, so that none is \
                   a step on the way to another";
        return Err(LayoutError::Unsuitable { why: why.to_string() });
    }
    let tasks = || outputs.names.join("`, `");
    if at.is_empty() {
        let hint = format!(
            "as the layer that a low task reads, from 1 to {n_layers}, such as {{\"{}\": 1}}; the \
             tasks are `{}`",
            outputs.names[0],
            tasks(),
        );
        return Err(LayoutError::out_of_range("at", &hint, "none"));
    }
    if let Some(unknown) = at.keys().find(|name| !outputs.names.contains(name)) {
        let allowed = format!("to name tasks, which are `{}`", tasks());
        return Err(LayoutError::out_of_range("at", &allowed, format!("`{unknown}`")));
    }
    if let Some((name, layer)) = at.iter().find(|(_, layer)| !(1..=n_layers).contains(*layer)) {
        let allowed = format!("as layers from 1 to {n_layers}");
        return Err(LayoutError::out_of_range("at", &allowed, format!("{layer} for `{name}`")));
    }
    let place = |name| at.get(name).map_or(n_layers, |layer| *layer) - 1;
    Ok(outputs.names.iter().map(place).collect())
}

struct LowSupervision {
    layers: Vec<Layer>,
    /// The layer that each task reads, from 0.
    places: Vec<usize>,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let shapes = layout.encoder.layers.clone();
    let places = places(&layout.context, shapes.len())?;
    let layer = |(l, &shape): (usize, &LayerShape)| {
        let name = format!("trunk.{l}");
        Layer::declare(layout, &name, &name, shape)
    };
    let layers = shapes.iter().enumerate().map(layer).collect::<Result<_, _>>()?;
    Ok(Box::new(LowSupervision { layers, places }))
}

impl Sharing for LowSupervision {
    fn widths(&self) -> Widths {
        let width = |&place: &usize| self.layers[place].shape.n_outputs();
        Widths::Each(self.places.iter().map(width).collect())
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        let mut below = forward.input;
        let mut values = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let h = layer.record(forward, below);
            below = forward.dropout(h);
            values.push(below);
        }
        Reading::Each(self.places.iter().map(|&place| values[place]).collect())
    }

    fn findings(&self, view: &View, _forward: &mut Forward) -> Vec<Finding> {
        vec![Finding::Bars {
            name: "layer that each task reads".to_string(),
            items: view.context.outputs.names.clone(),
            values: self.places.iter().map(|&place| (place + 1) as f64).collect(),
        }]
    }
}

#[cfg(test)]
mod tests;
