//! Multi-gate mixture of experts: every task mixes the same experts by a gate of its own.
//!
//! # Formula
//! `f_t(x) = sum_e g_t(x)_e E_e(x) [B, k]`, `g_t(x) = softmax(x W_t + b_t) [B, E]`,
//! `y_t = head_t(f_t(x))`; each expert `E_e` is an encoder.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `experts` | 8 | 1 to 256 | the paper's experiments |
//!
//! # Cost
//! A pass through the encoder for each expert, whatever the number of tasks; a gate for each task.
//! Narrower layers make it as large as hard sharing: `hidden` is the width of one expert.
//!
//! # Claims
//! Hard sharing loses as the tasks' correlation falls; with a gate of its own a task that fits badly
//! can turn to experts that the others leave alone. With one expert it is hard sharing.
//!
//! # Differences
//! Gates have a bias, as in LibMTL, and start at 0: all that they differ by is learned. The paper
//! stacks a tower of layers on every mixture; here that is the head, a linear map.
//!
//! # References
//! Ma, Zhao, Yi, Chen, Hong, Chi, *Modeling Task Relationships in Multi-task Learning with
//! Multi-gate Mixture-of-Experts* (2018).

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_tape::Var;

use super::experts::{Bank, TaskGates, check_count, expert_use, numbered};
use super::{Reading, Sharing, SharingMethod, View, Widths};
use crate::layout::{Context, Layout, LayoutError};
use crate::network::Forward;

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "mmoe",
        family: Family::Sharing,
        title: "multi-gate mixture of experts",
        section: "A.20",
        formula: "h_t = sum_e softmax(x W_t + b_t)_e E_e(x)",
        parameters: &[Parameter {
            name: "experts",
            default: "8",
            range: "1 to 256",
            about: "encoders that all tasks mix (the paper)",
        }],
        cost: "a pass through the encoder for each expert",
        cite: Cite {
            authors: "Ma, Zhao, Yi, Chen, Hong, Chi",
            title: "Modeling Task Relationships in Multi-task Learning with Multi-gate \
                    Mixture-of-Experts",
            venue: "KDD",
            year: 2018,
        },
    },
    has_trunk: false,
    tuned: &[],
    check: |context| Settings::new(context).map(|_| ()),
    declare,
};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    experts: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { experts: 8 }
    }
}

impl Settings {
    fn new(context: &Context) -> Result<Self, LayoutError> {
        let settings: Self = context.own()?;
        check_count("experts", 1, settings.experts)?;
        Ok(settings)
    }
}

struct Mmoe {
    experts: Bank,
    gates: TaskGates,
    n_experts: usize,
    width: usize,
    grouped: bool,
    n_lanes: usize,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let Settings { experts: n } = Settings::new(&layout.context)?;
    let encoder = layout.encoder.clone();
    let n_inputs = encoder.layers[0].n_inputs();
    Ok(Box::new(Mmoe {
        experts: Bank::declare(layout, n, &encoder.layers, 0)?,
        gates: TaskGates::declare(layout, "gate", n_inputs, n)?,
        n_experts: n,
        width: encoder.width(),
        grouped: layout.context.outputs.grouped,
        n_lanes: layout.context.n_lanes(),
    }))
}

impl Mmoe {
    fn gates(&self, forward: &mut Forward) -> Vec<Var> {
        let input = forward.input;
        (0..self.n_lanes).map(|lane| self.gates.record(forward, lane, input)).collect()
    }
}

impl Sharing for Mmoe {
    fn widths(&self) -> Widths {
        Widths::of_lanes(self.grouped, self.width, self.n_lanes)
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        let input = forward.input;
        let experts = self.experts.record(forward, input);
        let gates = self.gates(forward).into_iter();
        let lanes = gates.map(|gates| forward.tape.gate(gates, &experts)).collect();
        Reading::of_lanes(self.grouped, lanes)
    }

    fn findings(&self, view: &View, forward: &mut Forward) -> Vec<Finding> {
        let gates = self.gates(forward);
        let experts = numbered("expert", self.n_experts).collect();
        vec![expert_use(view, forward, "mean gate of each expert".to_string(), experts, &gates)]
    }
}

#[cfg(test)]
mod tests;
