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

use serde::Deserialize;
use torso_core::method::{Cite, Family, Method};

use super::{Reading, Sharing, SharingMethod, Widths};
use crate::encoder::Trunk;
use crate::layout::{Layout, LayoutError};
use crate::network::Forward;

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
    has_trunk: true,
    tuned: &[],
    check: |context| context.own::<Settings>().map(|_| ()),
    declare,
};

/// It has no settings of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

struct Hard {
    trunk: Trunk,
    width: usize,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let encoder = layout.encoder.clone();
    let trunk = Trunk::declare(layout, "trunk", &encoder.layers, 0)?;
    Ok(Box::new(Hard { trunk, width: encoder.width() }))
}

impl Sharing for Hard {
    fn widths(&self) -> Widths {
        Widths::Common(self.width)
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        let input = forward.input;
        Reading::Trunk(self.trunk.record(forward, input))
    }
}
