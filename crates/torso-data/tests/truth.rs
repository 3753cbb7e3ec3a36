//! The generators hold what they promise: a small network finds that sharing helps, or harms.

use torso_core::data::TaskData;
use torso_core::features::FeatureValues;
use torso_core::seed::{Seed, normal};
use torso_data::generate::{conflict, shared_features};

/// Hidden units of every network here.
const HIDDEN: usize = 32;

#[test]
fn sharing_helps_where_features_are_shared() {
    let data = shared_features(400, 10, 3, 8, 1.0, 0.5, Seed(1));
    let (alone, shared) = losses(&data, 100);
    assert!(shared < 0.85 * alone, "alone {alone}, shared {shared}");
}

#[test]
fn sharing_harms_where_tasks_compete() {
    let data = conflict(1000, 16, Seed(1));
    let (alone, shared) = losses(&data, 320);
    assert!(shared > 1.5 * alone, "alone {alone}, shared {shared}");
}

/// Mean test losses of the tasks, each learned alone and all learned by one network; the first
/// `n_train` rows learn, a fifth of them decide when to stop.
fn losses(data: &TaskData, n_train: usize) -> (f64, f64) {
    let (inputs, d) = inputs(data);
    let labels: Vec<&[f64]> = data.tasks().iter().map(|task| task.labels.values()).collect();
    let shared = mean(&Network::test_losses(&inputs, d, &labels, n_train));
    let alone = labels.iter().map(|&task| Network::test_losses(&inputs, d, &[task], n_train)[0]);
    (mean(&alone.collect::<Vec<_>>()), shared)
}

fn inputs(data: &TaskData) -> (Vec<f64>, usize) {
    let columns: Vec<&Vec<f64>> = data
        .features()
        .columns
        .iter()
        .map(|column| {
            let FeatureValues::Numeric(values) = &column.values else {
                panic!("inputs are numbers")
            };
            values
        })
        .collect();
    let row = |row: usize| columns.iter().map(move |column| column[row]);
    ((0..data.n_rows()).flat_map(row).collect(), columns.len())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// One hidden layer of tanh units, trained on the sum of squared errors by Adam on all rows.
struct Network {
    d: usize,
    n_tasks: usize,
    weights: Vec<f64>,
}

impl Network {
    fn test_losses(inputs: &[f64], d: usize, labels: &[&[f64]], n_train: usize) -> Vec<f64> {
        let n_rows = inputs.len() / d;
        let learn = n_train * 4 / 5;
        let mut network = Self::new(d, labels.len());
        let mut moments = vec![[0.0; 2]; network.weights.len()];
        let mut best = (f64::INFINITY, network.weights.clone());
        for step in 1..=600 {
            let gradient = network.gradient(inputs, labels, 0..learn);
            network.adam(&gradient, &mut moments, step);
            if step % 5 == 0 {
                let loss = mean(&network.losses(inputs, labels, learn..n_train));
                if loss < best.0 {
                    best = (loss, network.weights.clone());
                }
            }
        }
        network.weights = best.1;
        network.losses(inputs, labels, n_train..n_rows)
    }

    fn new(d: usize, n_tasks: usize) -> Self {
        let mut stream = Seed(7).stream("init", "", 0);
        let hidden = (0..HIDDEN * (d + 1)).map(|_| normal(&mut stream) / (d as f64).sqrt());
        let mut weights: Vec<f64> = hidden.collect();
        weights.resize(weights.len() + n_tasks * (HIDDEN + 1), 0.0);
        Self { d, n_tasks, weights }
    }

    fn hidden(&self, row: &[f64]) -> Vec<f64> {
        let unit = |unit: &[f64]| (dot(&unit[..self.d], row) + unit[self.d]).tanh();
        self.weights[..HIDDEN * (self.d + 1)].chunks_exact(self.d + 1).map(unit).collect()
    }

    fn outputs(&self, hidden: &[f64]) -> Vec<f64> {
        let heads = self.weights[HIDDEN * (self.d + 1)..].chunks_exact(HIDDEN + 1);
        heads.map(|head| dot(&head[..HIDDEN], hidden) + head[HIDDEN]).collect()
    }

    fn losses(&self, inputs: &[f64], labels: &[&[f64]], rows: std::ops::Range<usize>) -> Vec<f64> {
        let mut losses = vec![0.0; self.n_tasks];
        let n = rows.len() as f64;
        for row in rows {
            let outputs = self.outputs(&self.hidden(&inputs[row * self.d..][..self.d]));
            for (task, output) in outputs.iter().enumerate() {
                losses[task] += (output - labels[task][row]).powi(2) / n;
            }
        }
        losses
    }

    fn gradient(
        &self,
        inputs: &[f64],
        labels: &[&[f64]],
        rows: std::ops::Range<usize>,
    ) -> Vec<f64> {
        let mut gradient = vec![0.0; self.weights.len()];
        let heads = HIDDEN * (self.d + 1);
        let n = rows.len() as f64;
        for row in rows {
            let input = &inputs[row * self.d..][..self.d];
            let hidden = self.hidden(input);
            let mut back = vec![0.0; HIDDEN];
            for (task, output) in self.outputs(&hidden).iter().enumerate() {
                let error = 2.0 * (output - labels[task][row]) / n;
                let at = heads + task * (HIDDEN + 1);
                for unit in 0..HIDDEN {
                    gradient[at + unit] += error * hidden[unit];
                    back[unit] += error * self.weights[at + unit];
                }
                gradient[at + HIDDEN] += error;
            }
            for unit in 0..HIDDEN {
                let slope = back[unit] * (1.0 - hidden[unit] * hidden[unit]);
                let unit = &mut gradient[unit * (self.d + 1)..][..=self.d];
                unit.iter_mut().zip(input).for_each(|(g, x)| *g += slope * x);
                unit[self.d] += slope;
            }
        }
        gradient
    }

    fn adam(&mut self, gradient: &[f64], moments: &mut [[f64; 2]], step: i32) {
        for ((weight, &g), [m, v]) in self.weights.iter_mut().zip(gradient).zip(moments) {
            *m = 0.9 * *m + 0.1 * g;
            *v = 0.999 * *v + 0.001 * g * g;
            let (m, v) = (*m / (1.0 - 0.9f64.powi(step)), *v / (1.0 - 0.999f64.powi(step)));
            *weight -= 0.02 * m / (v.sqrt() + 1e-8);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
