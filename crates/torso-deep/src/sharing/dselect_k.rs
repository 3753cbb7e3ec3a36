//! DSelect-k: every task mixes at most `k` of the experts that all share, and learns which.
//!
//! # Formula
//! `h_t(x) = sum_e q_te E_e(x) [B, w]`, `q_t = sum_i softmax(a_t)_i r(z_t^(i)) [E]`, `i = 1..k`. A
//! selector `r(z) [E]` is over binary codes: `r(z)_e = prod_j (S(z_j) if digit j of e is 1, else
//! 1 - S(z_j))`, with the smooth step `S`: 0 up to `-gamma / 2`, 1 from `gamma / 2` on, and
//! `-2 z^3 / gamma^3 + 3 z / (2 gamma) + 1/2` between. Beside the losses, for every task and
//! selector, `entropy * H(r(z))` makes it choose one expert; where `E` is no power of two,
//! `1 / sum_e r(z)_e` keeps it off codes that no expert has.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `experts` | 8 | 2 to 256 | as `mmoe` |
//! | `k` | 2 | 1 to `experts` | LibMTL |
//! | `gamma` | 1 | above 0 | the paper and its code |
//! | `entropy` | 0.001 | at least 0 | ours (the paper tunes it, its code has 1e-6): up to here two planted experts are found |
//!
//! Codes start uniform within `gamma / 100`, weights within 0.05, as in the authors' code.
//!
//! # Cost
//! A pass through the encoder for each expert; once all selectors have chosen, for each expert that
//! a task chose.
//!
//! # Claims
//! The gates are continuous and have a gradient without jumps, unlike a choice of the largest ones;
//! in the end at most `k` experts are left for each task: fewer if selectors agree. They start almost
//! alike and feel the same slope, so that they often do. Among given experts the planted ones are
//! found, two of them where their codes differ in every digit; where experts learn beside the
//! selectors, the choice did not follow the families of tasks (see the measured rows).
//!
//! # Differences
//! Gates are static, one for each task, as in the paper's main form; its form with a gate for each
//! row is not here. The entropy is that of all tasks (LibMTL's code adds the last task's alone).
//! When every selector is at one expert, or when training stalls, the choice is kept for good: a
//! selector that is not there yet takes its largest expert, and the rest is trained on. So the
//! network that is kept is always one of `k` experts.
//!
//! # References
//! Hazimeh, Zhao, Chowdhery, Sathiamoorthy, Chen, Mazumder, Hong, Chi, *DSelect-k: Differentiable
//! Selection in the Mixture of Experts with Applications to Multi-Task Learning* (2021).

use serde::{Deserialize, Serialize};
use torso_core::finding::Finding;
use torso_core::method::{Cite, Family, Method, Parameter};
use torso_tape::Var;

use super::experts::{Bank, MOST, check_count, expert_use, numbered};
use super::{Moment, Reading, Sharing, SharingMethod, Stage, View, Widths};
use crate::layout::{Context, Layout, LayoutError};
use crate::network::Forward;

mod selectors;

use selectors::Selectors;

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "dselect-k",
        family: Family::Sharing,
        title: "differentiable selection of k experts",
        section: "A.23",
        formula: "h_t = sum_e q_te E_e(x), q_t = sum_i softmax(a_t)_i r(z_t^(i)), r over binary codes",
        parameters: &[
            Parameter {
                name: "experts",
                default: "8",
                range: "2 to 256",
                about: "encoders to choose among (as mmoe)",
            },
            Parameter {
                name: "k",
                default: "2",
                range: "1 to experts",
                about: "experts that a task may use (LibMTL)",
            },
            Parameter {
                name: "gamma",
                default: "1",
                range: "above 0",
                about: "width of the smooth step (the paper)",
            },
            Parameter {
                name: "entropy",
                default: "0.001",
                range: "at least 0",
                about: "strength with which a selector is made to choose (ours)",
            },
        ],
        cost: "a pass through the encoder for each expert, later for each that is chosen",
        cite: Cite {
            authors: "Hazimeh, Zhao, Chowdhery, Sathiamoorthy, Chen, Mazumder, Hong, Chi",
            title: "DSelect-k: Differentiable Selection in the Mixture of Experts with \
                    Applications to Multi-Task Learning",
            venue: "NeurIPS",
            year: 2021,
        },
    },
    has_trunk: false,
    tuned: &[("entropy", 30.0)],
    check: |context| Settings::new(context).map(|_| ()),
    declare,
};

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    experts: usize,
    k: usize,
    gamma: f64,
    entropy: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { experts: 8, k: 2, gamma: 1.0, entropy: 0.001 }
    }
}

impl Settings {
    fn new(context: &Context) -> Result<Self, LayoutError> {
        let settings: Self = context.own()?;
        check_count("experts", 2, settings.experts)?;
        if !(1..=settings.experts.min(MOST)).contains(&settings.k) {
            return Err(LayoutError::out_of_range("k", "from 1 to `experts`", settings.k));
        }
        if !(settings.gamma > 0.0 && settings.gamma.is_finite()) {
            return Err(LayoutError::out_of_range("gamma", "above 0", settings.gamma));
        }
        if !(settings.entropy >= 0.0 && settings.entropy.is_finite()) {
            return Err(LayoutError::out_of_range("entropy", "at least 0", settings.entropy));
        }
        Ok(settings)
    }
}

/// What was chosen, once it is kept for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    /// The expert of each selector, `[tasks][k]`.
    chosen: Vec<Vec<usize>>,
}

impl Plan {
    fn check(&self, n_tasks: usize, settings: &Settings) -> Result<(), LayoutError> {
        let is_fine = |own: &Vec<usize>| {
            own.len() == settings.k && own.iter().all(|&expert| expert < settings.experts)
        };
        if self.chosen.len() == n_tasks && self.chosen.iter().all(is_fine) {
            return Ok(());
        }
        let message = "expected an expert for each selector of each task".to_string();
        Err(LayoutError::Plan { message })
    }
}

struct DselectK {
    experts: Bank,
    selectors: Selectors,
    /// Experts in use; all while selectors choose.
    in_use: Vec<bool>,
    has_chosen: bool,
    settings: Settings,
    patience: usize,
    width: usize,
    grouped: bool,
    n_lanes: usize,
}

fn declare(layout: &mut Layout) -> Result<Box<dyn Sharing>, LayoutError> {
    let settings = Settings::new(&layout.context)?;
    let plan: Option<Plan> = layout.plan()?;
    if let Some(plan) = &plan {
        plan.check(layout.context.n_tasks(), &settings)?;
    }
    let encoder = layout.encoder.clone();
    let experts = Bank::declare(layout, settings.experts, &encoder.layers, 0)?;
    let selectors = Selectors::declare(layout, &settings)?;
    let mut in_use = vec![plan.is_none(); settings.experts];
    if let Some(Plan { chosen }) = &plan {
        selectors.keep(layout.params, chosen);
        chosen.iter().flatten().for_each(|&expert| in_use[expert] = true);
    }
    Ok(Box::new(DselectK {
        experts,
        selectors,
        in_use,
        has_chosen: plan.is_some(),
        settings,
        patience: layout.context.settings.patience,
        width: encoder.width(),
        grouped: layout.context.outputs.grouped,
        n_lanes: layout.context.n_lanes(),
    }))
}

impl DselectK {
    fn gates(&self, forward: &mut Forward) -> Vec<Var> {
        (0..self.n_lanes).map(|lane| self.selectors.record(forward, lane)).collect()
    }

    /// Records the experts in use. Where one is not, its gates are 0 and another stands in for it.
    fn experts(&self, forward: &mut Forward) -> Vec<Var> {
        let mut record = |e: usize| {
            let input = forward.input;
            self.in_use[e].then(|| self.experts.record_one(forward, e, input))
        };
        let experts: Vec<Option<Var>> = (0..self.in_use.len()).map(&mut record).collect();
        let stand_in = experts.iter().flatten().next().copied().expect("a task uses an expert");
        experts.into_iter().map(|expert| expert.unwrap_or(stand_in)).collect()
    }
}

impl Sharing for DselectK {
    fn widths(&self) -> Widths {
        Widths::of_lanes(self.grouped, self.width, self.n_lanes)
    }

    fn record(&self, forward: &mut Forward) -> Reading {
        let experts = self.experts(forward);
        let gates = self.gates(forward).into_iter();
        let lanes = gates.map(|gates| forward.tape.gate(gates, &experts)).collect();
        Reading::of_lanes(self.grouped, lanes)
    }

    fn penalize(&self, view: &View, gradient: &mut [f32]) -> f64 {
        if self.has_chosen {
            return 0.0;
        }
        self.selectors.penalize(view.params, self.settings.entropy, gradient)
    }

    fn next_stage(&mut self, view: &View, moment: Moment, _: &[Vec<f32>]) -> Option<Stage> {
        if self.has_chosen {
            return None;
        }
        let (chosen, is_clear) = self.selectors.chosen(view.params);
        (is_clear || moment.ends_stage(self.patience)).then(|| Stage {
            plan: serde_json::to_value(Plan { chosen }).expect("numbers are values"),
            values: self.selectors.kept_values(view.params),
        })
    }

    fn findings(&self, view: &View, forward: &mut Forward) -> Vec<Finding> {
        let gates = self.gates(forward);
        let experts = numbered("expert", self.settings.experts).collect();
        vec![expert_use(view, forward, "weight of each expert".to_string(), experts, &gates)]
    }
}

#[cfg(test)]
mod tests;
