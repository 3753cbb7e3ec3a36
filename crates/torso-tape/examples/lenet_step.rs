//! Times real training steps of a small `LeNet`: two convolutions with pools, a dense layer and two
//! heads of ten classes; forward, backward and Adam on random images of 36 x 36 pixels.
//!
//! `cargo run --release --example lenet_step -- --batch 256 --steps 100 --threads 1 --json`
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::time::Instant;

use cpu_time::ProcessTime;
use torso_core::seed::Seed;
use torso_tape::{
    Activation, ConvShape, Init, Jacobian, LossKind, LossSpec, Optimizer, OptimizerConfig, ParamId,
    Params, Scalar, Tape,
};

const FIRST: ConvShape =
    ConvShape { height: 36, width: 36, channels: 1, filters: 10, kernel: 5, pool: 2 };
const SECOND: ConvShape =
    ConvShape { height: 16, width: 16, channels: 10, filters: 20, kernel: 5, pool: 2 };
const CLASSES: usize = 10;
const TASKS: usize = 2;

struct Options {
    batch: usize,
    steps: usize,
    warm_up: usize,
    threads: usize,
    jacobian: bool,
    json: bool,
}

fn main() -> Result<(), String> {
    let options = options(std::env::args().skip(1))?;
    let mut work = Work::new(&options);
    let loss_first = work.step(&options);
    for _ in 0..options.warm_up {
        work.step(&options);
    }
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    let mut loss_last = loss_first;
    for _ in 0..options.steps {
        loss_last = work.step(&options);
    }
    let [cpu, wall] =
        [cpu.elapsed(), wall.elapsed()].map(|time| time.as_secs_f64() * 1e3 / options.steps as f64);
    if options.json {
        println!(
            "{{\"cpu_ms_per_step\":{cpu:.6},\"wall_ms_per_step\":{wall:.6},\
             \"loss_first\":{loss_first:.7},\"loss_last\":{loss_last:.7}}}"
        );
    } else {
        println!(
            "{cpu:.3} ms of CPU time and {wall:.3} ms a step; loss {loss_first:.4} to {loss_last:.4}"
        );
    }
    Ok(())
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options =
        Options { batch: 256, steps: 100, warm_up: 5, threads: 1, jacobian: false, json: false };
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let text = arguments.next().unwrap_or_default();
            text.parse().map_err(|_| format!("{argument} expects a number, found `{text}`"))
        };
        match argument.as_str() {
            "--batch" => options.batch = number()?,
            "--steps" => options.steps = number()?,
            "--warm-up" => options.warm_up = number()?,
            "--threads" => options.threads = number()?,
            "--jacobian" => options.jacobian = true,
            "--json" => options.json = true,
            _ => return Err(format!("no option {argument}")),
        }
    }
    if options.batch == 0 || options.steps == 0 {
        return Err("--batch and --steps expect at least 1".to_string());
    }
    Ok(options)
}

/// Numbers from -0.5 to 0.5 that another program can make too: a hash of the place.
fn hash(at: usize) -> u32 {
    let at = u32::try_from(at).expect("few draws").wrapping_mul(0x9e37_79b1);
    let at = (at ^ at >> 16).wrapping_mul(0x85eb_ca77);
    at ^ at >> 13
}

fn draws(n: usize, scale: f64) -> Vec<f32> {
    let uniform = |at| f64::from(hash(at)) / 4_294_967_296.0 - 0.5;
    (0..n).map(|at| f32::from_f64(uniform(at) * scale)).collect()
}

struct Work {
    params: Params<f32>,
    convs: [[ParamId; 2]; 2],
    dense: [ParamId; 2],
    heads: [ParamId; 2],
    tape: Tape<f32>,
    optimizer: Optimizer<f32>,
    gradient: Vec<f32>,
    jacobian: Jacobian<f32>,
    images: Vec<f32>,
    classes: Vec<Vec<f32>>,
}

impl Work {
    fn new(options: &Options) -> Self {
        let mut params = Params::new(Seed(0));
        let mut layer = |name: &str, fan_in: usize, width: usize| {
            let weight = params.add(format!("{name}.weight"), [fan_in, width], Init::Zeros);
            let draws = draws(fan_in * width, 2.0 / (fan_in as f64).sqrt());
            params.get_mut(weight).copy_from_slice(&draws);
            [weight, params.add(format!("{name}.bias"), [1, width], Init::Zeros)]
        };
        let side = FIRST.kernel * FIRST.kernel;
        let convs = [
            layer("conv1", side * FIRST.channels, FIRST.filters),
            layer("conv2", side * SECOND.channels, SECOND.filters),
        ];
        let dense = layer("dense", SECOND.n_outputs(), 50);
        let heads = layer("heads", 50, TASKS * CLASSES);
        let config =
            OptimizerConfig::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
        let classes = |t: usize| {
            let rows = (0..options.batch).map(|row| row * TASKS + t);
            rows.map(|at| (hash(at) as usize % CLASSES) as f32).collect()
        };
        Self {
            optimizer: Optimizer::new(&config, &params),
            gradient: vec![0.0; params.len()],
            params,
            convs,
            dense,
            heads,
            tape: Tape::with_threads(options.threads),
            jacobian: Jacobian::new(),
            images: draws(options.batch * FIRST.n_inputs(), 2.0 * 3_f64.sqrt()),
            classes: (0..TASKS).map(classes).collect(),
        }
    }

    /// One step; gives the sum of the losses before it.
    fn step(&mut self, options: &Options) -> f32 {
        let (tape, params) = (&mut self.tape, &mut self.params);
        tape.clear();
        let mut h = tape.input(&self.images, FIRST.n_inputs());
        for (shape, [weight, bias]) in [FIRST, SECOND].into_iter().zip(self.convs) {
            h = tape.conv(params, h, weight, bias, shape);
        }
        let h = tape.linear(params, h, self.dense[0], self.dense[1], Activation::Relu);
        let y = tape.linear(params, h, self.heads[0], self.heads[1], Activation::Identity);
        for (t, classes) in self.classes.iter().enumerate() {
            let columns = t * CLASSES..(t + 1) * CLASSES;
            tape.loss(y, columns, &LossSpec::new(LossKind::SoftmaxCrossEntropy, classes));
        }
        if options.jacobian {
            tape.jacobian(params, &mut self.jacobian);
        } else {
            tape.backward(params, &[1.0; TASKS], &mut self.gradient);
            self.optimizer.step(params, &self.gradient, 1e-3);
        }
        tape.losses().iter().sum()
    }
}
