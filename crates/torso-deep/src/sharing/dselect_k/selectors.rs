//! The selectors of all tasks: codes, weights, and what makes them choose.

use torso_tape::{Init, ParamId, Params, Var, selected, smooth_step};

use super::Settings;
use crate::layout::{Layout, LayoutError};
use crate::network::Forward;

/// How uneven the weights of selectors are at most at the start.
const WEIGHT_BOUND: f64 = 0.05;

/// Keeps the logarithm of 0 finite, as in the authors' code.
const EPSILON: f64 = 1e-6;

/// A range each, of every lane: `codes [tasks of the lane, k * digits]`, `weights [.., k]`.
pub(super) struct Selectors {
    codes: Vec<ParamId>,
    weights: Vec<ParamId>,
    n_experts: usize,
    n_digits: usize,
    gamma: f64,
}

impl Selectors {
    pub(super) fn declare(layout: &mut Layout, settings: &Settings) -> Result<Self, LayoutError> {
        let &Settings { experts, k, gamma, .. } = settings;
        let outputs = layout.context.outputs;
        let n_digits = (experts - 1).ilog2() as usize + 1;
        let lanes: Vec<(String, usize)> = if outputs.grouped {
            vec![(String::new(), outputs.names.len())]
        } else {
            outputs.names.iter().map(|task| (format!(".{task}"), 1)).collect()
        };
        let (mut codes, mut weights) = (Vec::new(), Vec::new());
        for (end, n_tasks) in lanes {
            let codes_init = Init::Uniform { bound: gamma / 100.0 };
            let weights_init = Init::Uniform { bound: WEIGHT_BOUND };
            let n = k * n_digits;
            codes.push(layout.add(&format!("codes{end}"), [n_tasks, n], codes_init)?);
            weights.push(layout.add(&format!("selectors{end}"), [n_tasks, k], weights_init)?);
        }
        for &id in codes.iter().chain(&weights) {
            layout.params.range_mut(id).decays = false;
        }
        Ok(Self { codes, weights, n_experts: experts, n_digits, gamma })
    }

    /// Records the gates of a lane, `[B, E]`: all rows of a task have the same.
    #[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
    pub(super) fn record(&self, forward: &mut Forward, lane: usize) -> Var {
        let alone;
        let tasks = if forward.groups.is_empty() {
            alone = vec![0; forward.tape.shape(forward.input)[0]];
            &alone
        } else {
            forward.groups
        };
        let codes = forward.tape.embedding(forward.params, self.codes[lane], tasks);
        let logits = forward.tape.embedding(forward.params, self.weights[lane], tasks);
        let weights = forward.tape.softmax(logits);
        forward.tape.select(codes, weights, self.n_experts, self.gamma as f32)
    }

    /// The value of what makes selectors choose; adds its gradient. Each selector counts alike.
    #[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
    pub(super) fn penalize(&self, params: &Params<f32>, entropy: f64, gradient: &mut [f32]) -> f64 {
        let mut penalty = 0.0;
        for &id in &self.codes {
            let gradient = &mut gradient[params.range(id).span()];
            let selectors = params.get(id).chunks_exact(self.n_digits);
            for (z, gradient) in selectors.zip(gradient.chunks_exact_mut(self.n_digits)) {
                let steps = self.steps(z);
                let reached: f64 =
                    (0..self.n_experts).map(|e| selected(&steps, e, |_, _| {})).sum();
                let reached = reached.max(EPSILON);
                let has_gaps = !self.n_experts.is_power_of_two();
                if has_gaps {
                    penalty += 1.0 / reached;
                }
                for e in 0..self.n_experts {
                    let r = selected(&steps, e, |_, _| {});
                    penalty -= entropy * r * (r + EPSILON).ln();
                    let mut along = -entropy * ((r + EPSILON).ln() + r / (r + EPSILON));
                    if has_gaps {
                        along -= 1.0 / (reached * reached);
                    }
                    selected(&steps, e, |j, slope| gradient[j] += (along * slope) as f32);
                }
            }
        }
        penalty
    }

    fn steps(&self, z: &[f32]) -> Vec<[f64; 2]> {
        z.iter().map(|&z| smooth_step(f64::from(z), self.gamma)).collect()
    }

    /// The expert with the largest share of each selector, `[tasks][k]`, and whether it has all of
    /// it everywhere.
    pub(super) fn chosen(&self, params: &Params<f32>) -> (Vec<Vec<usize>>, bool) {
        let (mut chosen, mut is_clear) = (Vec::new(), true);
        for &id in &self.codes {
            let per_task = params.range(id).shape()[1];
            for own in params.get(id).chunks_exact(per_task) {
                let selector = |z: &[f32]| {
                    let steps = self.steps(z);
                    let shares = (0..self.n_experts).map(|e| selected(&steps, e, |_, _| {}));
                    let largest = |best: (usize, f64), one: (usize, f64)| {
                        if one.1 > best.1 { one } else { best }
                    };
                    let (expert, share) = shares.enumerate().fold((0, 0.0), largest);
                    is_clear &= share >= 1.0;
                    expert
                };
                chosen.push(own.chunks_exact(self.n_digits).map(selector).collect());
            }
        }
        (chosen, is_clear)
    }

    /// Puts the codes at chosen experts, where no gradient moves them.
    #[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
    pub(super) fn keep(&self, params: &mut Params<f32>, chosen: &[Vec<usize>]) {
        let mut tasks = chosen.iter();
        for &id in &self.codes {
            params.range_mut(id).lr_factor = 0.0;
            let per_task = params.range(id).shape()[1];
            for (own, chosen) in params.get_mut(id).chunks_exact_mut(per_task).zip(&mut tasks) {
                for (z, expert) in own.chunks_exact_mut(self.n_digits).zip(chosen) {
                    for (j, z) in z.iter_mut().enumerate() {
                        let is_one = expert >> (self.n_digits - 1 - j) & 1 == 1;
                        *z = if is_one { self.gamma as f32 } else { -self.gamma as f32 };
                    }
                }
            }
        }
    }

    /// The codes' ranges by name, with the values that [`Self::keep`] gives them.
    pub(super) fn kept_values(&self, params: &Params<f32>) -> Vec<(String, Vec<f32>)> {
        let (chosen, _) = self.chosen(params);
        let mut kept = params.clone();
        self.keep(&mut kept, &chosen);
        let range = |&id: &ParamId| (kept.range(id).name().to_string(), kept.get(id).to_vec());
        self.codes.iter().map(range).collect()
    }
}
