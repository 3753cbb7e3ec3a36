//! Eight regressions on 20 features, four of one family of functions and four of another, and a
//! network of hidden layers of 64 and 64 for all of them.
#![expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]

use rand::RngExt;
use torso_balance::Gramian;
use torso_core::seed::{Seed, Stream, normal};
use torso_tape::{Activation, Init, Jacobian, LossKind, LossSpec, ParamId, Params, Tape, Var};

/// The number of tasks.
pub(crate) const TASKS: usize = 8;
const FEATURES: usize = 20;
const HIDDEN: usize = 64;
/// The number of rows to draw batches from.
pub(crate) const TABLE: usize = 2000;
const BATCH: usize = 64;

/// The tasks' labels and the network, with its pass.
pub(crate) struct EightTasks {
    pub(crate) params: Params<f32>,
    layers: [[ParamId; 2]; 3],
    pub(crate) tape: Tape<f32>,
    pub(crate) jacobian: Jacobian<f32>,
    x: Vec<f32>,
    y: Vec<Vec<f32>>,
    seed: Seed,
}

impl EightTasks {
    /// The tasks of a seed, the network untrained.
    pub(crate) fn new(seed: Seed) -> Self {
        let mut params = Params::new(seed);
        let mut layer = |name: &str, fan_in: usize, width: usize| {
            let init = Init::Uniform { bound: 1.0 / (fan_in as f64).sqrt() };
            [
                params.add(format!("{name}.weight"), [fan_in, width], init),
                params.add(format!("{name}.bias"), [1, width], init),
            ]
        };
        let layers = [
            layer("trunk.0", FEATURES, HIDDEN),
            layer("trunk.1", HIDDEN, HIDDEN),
            layer("heads", HIDDEN, TASKS),
        ];
        let mut stream = seed.stream("data", "", 0);
        let x: Vec<f32> = (0..TABLE * FEATURES).map(|_| normal(&mut stream) as f32).collect();
        let families = [units(&mut stream), units(&mut stream)];
        let y = (0..TASKS).map(|t| labels(&x, &families[t % 2], &mut stream)).collect();
        Self { params, layers, tape: Tape::new(), jacobian: Jacobian::new(), x, y, seed }
    }

    /// The Gramian of the last Jacobian.
    pub(crate) fn gramian(&self) -> Gramian {
        let mut gramian = Vec::new();
        self.jacobian.gramian(&mut gramian);
        Gramian::new(TASKS, gramian)
    }

    /// The rows of a step.
    pub(crate) fn batch(&self, step: usize) -> Vec<usize> {
        let mut stream = self.seed.stream("batch", "", step as u64);
        (0..BATCH).map(|_| stream.random_range(0..TABLE)).collect()
    }

    /// Records the pass of some rows; gives what the heads read.
    pub(crate) fn record(&mut self, rows: &[usize]) -> Var {
        let (tape, params) = (&mut self.tape, &self.params);
        let row = |row: &usize| self.x[row * FEATURES..][..FEATURES].to_vec();
        let x: Vec<f32> = rows.iter().flat_map(row).collect();
        tape.clear();
        let x = tape.input(&x, FEATURES);
        let [a, b, heads] = self.layers;
        let h = tape.linear(params, x, a[0], a[1], Activation::Relu);
        let z = tape.linear(params, h, b[0], b[1], Activation::Relu);
        let y = tape.linear(params, z, heads[0], heads[1], Activation::Identity);
        for (t, labels) in self.y.iter().enumerate() {
            let labels: Vec<f32> = rows.iter().map(|&row| labels[row]).collect();
            tape.loss(y, t..t + 1, &LossSpec::new(LossKind::Squared, &labels));
        }
        z
    }
}

/// Five directions, as the hidden units of a family of functions.
fn units(stream: &mut Stream) -> Vec<f64> {
    (0..5 * FEATURES).map(|_| normal(stream) / (FEATURES as f64).sqrt()).collect()
}

/// Standardized labels: a mixture of the family's units, with noise.
fn labels(x: &[f32], units: &[f64], stream: &mut Stream) -> Vec<f32> {
    let mix: Vec<f64> = (0..5).map(|_| normal(stream)).collect();
    let value = |row: &[f32]| -> f64 {
        let unit = |unit: &[f64]| -> f64 {
            unit.iter().zip(row).map(|(u, x)| u * f64::from(*x)).sum::<f64>().tanh()
        };
        units.chunks(FEATURES).zip(&mix).map(|(u, mix)| mix * unit(u)).sum()
    };
    let values: Vec<f64> =
        x.chunks(FEATURES).map(|row| value(row) + 0.3 * normal(stream)).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
    values.iter().map(|v| ((v - mean) / variance.sqrt()) as f32).collect()
}
