//! Progressive layered extraction: levels of shared and own experts, one above the other.
//!
//! # Formula
//! In level `j`, on `h_t^(j-1)` of task `t` and `s^(j-1)` of the shared path (both `x` at first):
//! `h_t^(j) = g_t(h_t^(j-1)) . [own experts of t; shared experts]` and
//! `s^(j) = g_s(s^(j-1)) . [own experts of all tasks; shared experts]`. The last level has no shared
//! gate; the heads read `h_t [B, k]`. The encoder's layers are dealt to the levels: an expert of a
//! level is the layers of that level, the lower levels taking one more where they do not divide.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `shared` | 1 | 0 to 256 | `DeepCTR` |
//! | `own` | 1 | 0 to 256, at least 1 without shared ones | `DeepCTR` |
//! | `levels` | none: 2, or 1 where the encoder has one layer | 1 to the encoder's layers | the paper's experiments, and `DeepCTR` |
//!
//! # Cost
//! As [`cgc`](super::cgc); all levels together are one encoder deep.
//!
//! # Claims
//! Tasks part step by step from bottom to top. No seesaw on tasks in conflict. One level is `cgc`.
//!
//! # Differences
//! The shared path is the paper's, with a gate over all experts; LibMTL's code feeds the shared
//! experts from the tasks instead. Of tasks that are groups each row passes its own group's experts
//! alone, so that the shared gate sees those and the shared ones. Else as [`cgc`](super::cgc).
//!
//! # References
//! Tang, Liu, Zhao, Gong, *Progressive Layered Extraction (PLE): A Novel Multi-Task Learning Model
//! for Personalized Recommendations* (2020), section 4.2.

use serde::Deserialize;
use torso_core::finding::Finding;
use torso_core::method::{Family, Method, Parameter};

use super::experts::extraction::{Counts, Extraction, findings, record_all};
use super::{Reading, Sharing, SharingMethod, View, Widths};
use crate::layout::{Context, Layout, LayoutError};
use crate::network::Forward;

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "ple",
        family: Family::Sharing,
        title: "progressive layered extraction",
        section: "A.21",
        formula: "h_t' = g_t(h_t) . [own experts; shared experts], s' = g_s(s) . [all experts]",
        parameters: &[
            Parameter {
                name: "shared",
                default: "1",
                range: "0 to 256",
                about: "experts of all tasks in each level (DeepCTR)",
            },
            Parameter {
                name: "own",
                default: "1",
                range: "0 to 256, at least 1 without shared ones",
                about: "experts of each task alone in each level (DeepCTR)",
            },
            Parameter {
                name: "levels",
                default: "none",
                range: "1 to the number of the encoder's layers",
                about: "levels, to which the encoder's layers are dealt; if not given 2 (the \
                        paper), or 1 where the encoder has one layer",
            },
        ],
        cost: "a pass through the encoder for each shared expert and each task's own experts",
        cite: super::cgc::METHOD.method.cite,
    },
    has_trunk: false,
    tuned: &[],
    check: |context| Settings::new(context).map(|_| ()),
    declare,
};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    shared: usize,
    own: usize,
    levels: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { shared: 1, own: 1, levels: None }
    }
}

impl Settings {
    fn new(context: &Context) -> Result<Self, LayoutError> {
        let settings: Self = context.own()?;
        settings.counts().check()?;
        if settings.levels == Some(0) {
            return Err(LayoutError::out_of_range("levels", "at least 1", 0));
        }
        Ok(settings)
    }

    fn counts(&self) -> Counts {
        Counts { shared: self.shared, own: self.own }
    }
}

struct Ple {
    levels: Vec<Extraction>,
    width: usize,
    grouped: bool,
    n_lanes: usize,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let settings = Settings::new(&layout.context)?;
    let encoder = layout.encoder.clone();
    let n_layers = encoder.layers.len();
    let n_levels = settings.levels.unwrap_or(n_layers.min(2));
    if n_levels > n_layers {
        let allowed = format!("at most {n_layers}, the encoder's layers");
        return Err(LayoutError::out_of_range("levels", &allowed, n_levels));
    }
    let mut levels = Vec::with_capacity(n_levels);
    let mut first = 0;
    for level in 0..n_levels {
        let n = n_layers / n_levels + usize::from(level < n_layers % n_levels);
        let (shapes, is_last) = (&encoder.layers[first..first + n], level + 1 == n_levels);
        levels.push(Extraction::declare(layout, settings.counts(), shapes, first, is_last)?);
        first += n;
    }
    Ok(Box::new(Ple {
        levels,
        width: encoder.width(),
        grouped: layout.context.outputs.grouped,
        n_lanes: layout.context.n_lanes(),
    }))
}

impl Sharing for Ple {
    fn widths(&self) -> Widths {
        Widths::of_lanes(self.grouped, self.width, self.n_lanes)
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        Reading::of_lanes(self.grouped, record_all(&self.levels, forward, self.n_lanes))
    }

    fn findings(&self, view: &View, forward: &mut Forward) -> Vec<Finding> {
        findings(&self.levels, view, forward, self.n_lanes)
    }
}

#[cfg(test)]
mod tests;
