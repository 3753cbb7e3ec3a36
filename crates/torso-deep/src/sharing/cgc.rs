//! Customized gate control: experts of all tasks beside experts of each task's own.
//!
//! # Formula
//! `f_t(x) = sum_e g_t(x)_e E_{t,e}(x) [B, k]` over the `own` experts of task `t` and the `shared`
//! experts of all, `g_t(x) = softmax(x W_t + b_t) [B, own + shared]`; each expert is an encoder.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `shared` | 1 | 0 to 256 | `DeepCTR` |
//! | `own` | 1 | 0 to 256, at least 1 without shared ones | `DeepCTR` |
//!
//! The paper tunes both numbers and publishes none as a default.
//!
//! # Cost
//! A pass through the encoder for each shared expert, and `own` of them for each task that is a
//! column. Groups pass all their own experts in one lane: `shared + own` passes, but parameters of
//! `own` encoders for each group.
//!
//! # Claims
//! An expert that no other task can reach is safe from the others' gradients: no seesaw, where one
//! task gains what another loses. Without shared experts and with one own expert it is the tasks
//! alone, to the bit; without own experts it is [`mmoe`](super::mmoe).
//!
//! # Differences
//! Gates have a bias, as in LibMTL, and start at 0. A task's first own expert starts as the network
//! of the task alone does. The paper's loss weights that change with the step are a matter of
//! balancing here, and its sample space for each task is what missing labels are.
//!
//! # References
//! Tang, Liu, Zhao, Gong, *Progressive Layered Extraction (PLE): A Novel Multi-Task Learning Model
//! for Personalized Recommendations* (2020), section 4.1.

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};

use super::experts::extraction::{Counts, Extraction, findings, record_all};
use super::{Reading, Sharing, SharingMethod, View, Widths};
use crate::layout::{Context, Layout, LayoutError};
use crate::network::Forward;

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "cgc",
        family: Family::Sharing,
        title: "customized gate control",
        section: "A.21",
        formula: "h_t = sum_e softmax(x W_t + b_t)_e E_{t,e}(x) over own and shared experts",
        parameters: &[
            Parameter {
                name: "shared",
                default: "1",
                range: "0 to 256",
                about: "experts of all tasks (DeepCTR)",
            },
            Parameter {
                name: "own",
                default: "1",
                range: "0 to 256, at least 1 without shared ones",
                about: "experts of each task alone (DeepCTR)",
            },
        ],
        cost: "a pass through the encoder for each shared expert and each task's own experts",
        cite: Cite {
            authors: "Tang, Liu, Zhao, Gong",
            title: "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning Model for \
                    Personalized Recommendations",
            venue: "RecSys",
            year: 2020,
        },
    },
    has_trunk: false,
    tuned: &[],
    check: |context| counts(context).map(|_| ()),
    declare,
};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    shared: usize,
    own: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { shared: 1, own: 1 }
    }
}

fn counts(context: &Context) -> Result<Counts, LayoutError> {
    let Settings { shared, own } = context.own()?;
    let counts = Counts { shared, own };
    counts.check()?;
    Ok(counts)
}

struct Cgc {
    level: [Extraction; 1],
    width: usize,
    grouped: bool,
    n_lanes: usize,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let counts = counts(&layout.context)?;
    let encoder = layout.encoder.clone();
    Ok(Box::new(Cgc {
        level: [Extraction::declare(layout, counts, &encoder.layers, 0, true)?],
        width: encoder.width(),
        grouped: layout.context.outputs.grouped,
        n_lanes: layout.context.n_lanes(),
    }))
}

impl Sharing for Cgc {
    fn widths(&self) -> Widths {
        Widths::of_lanes(self.grouped, self.width, self.n_lanes)
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        Reading::of_lanes(self.grouped, record_all(&self.level, forward, self.n_lanes))
    }

    fn findings(&self, view: &View, forward: &mut Forward) -> Vec<Finding> {
        findings(&self.level, view, forward, self.n_lanes)
    }
}

#[cfg(test)]
mod tests;
