//! Hard parameter sharing: one encoder for all tasks, a head for each.
//!
//! # Formula
//! `h = f(x; theta)`, `y_t = head_t(h)`; `min sum_t w_t L_t`. The gradients of all tasks add up in
//! `theta`: every mechanism by which multi-task learning works comes from that sum.
//!
//! # Cost
//! One pass through the encoder, whatever the number of tasks.
//!
//! # Claims
//! The risk of overfitting the shared parameters falls with the number of tasks (Baxter 1997).
//! Where tasks do not share features it can harm: see the verdict.
//!
//! # References
//! Caruana, *Multitask Learning: A Knowledge-Based Source of Inductive Bias* (1993).

use torso_core::method::{Cite, Family, Method};
use torso_tape::{Params, Tape, Var};

use super::{Sharing, SharingMethod};
use crate::encoder::mlp::Mlp;
use crate::network::{Cuts, Mode};
use crate::settings::NetworkSettings;

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "hard",
        family: Family::Sharing,
        title: "hard parameter sharing",
        section: "3.1",
        formula: "h = f(x; theta), y_t = head_t(h); min sum_t w_t L_t",
        parameters: &[],
        cost: "one pass through the encoder, whatever the number of tasks",
        cite: Cite {
            authors: "Caruana",
            title: "Multitask Learning: A Knowledge-Based Source of Inductive Bias",
            venue: "ICML",
            year: 1993,
        },
    },
    declare,
};

struct Hard(Mlp);

fn declare(
    params: &mut Params<f32>,
    n_inputs: usize,
    settings: &NetworkSettings,
) -> Box<dyn Sharing> {
    Box::new(Hard(Mlp::declare(params, "trunk", n_inputs, &settings.hidden, settings.dropout)))
}

impl Sharing for Hard {
    fn record(
        &self,
        tape: &mut Tape<f32>,
        params: &Params<f32>,
        input: Var,
        mode: &mut Mode,
    ) -> Cuts {
        self.0.record(tape, params, input, mode)
    }
}
