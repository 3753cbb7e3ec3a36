//! Times real training steps on random data: forward, backward and Adam, or forward and all rows
//! of the Jacobian.
//!
//! `cargo run --release --example train_step -- --net mlp --batch 32 --steps 1000 --threads 1 --json`
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use cpu_time::ProcessTime;
use torso_core::seed::{Seed, Stream, normal};
use torso_tape::{
    Activation, Init, Jacobian, LossKind, LossSpec, Optimizer, OptimizerConfig, ParamId, Params,
    Scalar, Tape,
};

const TASKS: usize = 8;

struct Options {
    widths: &'static [usize],
    batch: usize,
    steps: usize,
    threads: usize,
    jacobian: bool,
    json: bool,
}

fn main() -> Result<(), String> {
    let options = options(std::env::args().skip(1))?;
    let mut work = Work::new(&options);
    let loss_first = work.step(&options);
    let warm_up = (options.steps / 10).clamp(1, 50);
    for _ in 0..warm_up {
        work.step(&options);
    }
    let start = ProcessTime::now();
    let mut loss_last = loss_first;
    for _ in 0..options.steps {
        loss_last = work.step(&options);
    }
    let milliseconds = start.elapsed().as_secs_f64() * 1e3 / options.steps as f64;
    if options.json {
        println!(
            "{{\"cpu_ms_per_step\":{milliseconds:.6},\"loss_first\":{loss_first:.6},\
             \"loss_last\":{loss_last:.6}}}"
        );
    } else {
        println!("{milliseconds:.4} ms of CPU time a step; loss {loss_first:.4} to {loss_last:.4}");
    }
    Ok(())
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        widths: &[64, 256, 256],
        batch: 32,
        steps: 1000,
        threads: 1,
        jacobian: false,
        json: false,
    };
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let text = arguments.next().unwrap_or_default();
            text.parse().map_err(|_| format!("{argument} expects a number, found `{text}`"))
        };
        match argument.as_str() {
            "--batch" => options.batch = number()?,
            "--steps" => options.steps = number()?,
            "--threads" => options.threads = number()?,
            "--jacobian" => options.jacobian = true,
            "--json" => options.json = true,
            "--net" => {
                options.widths = match arguments.next().as_deref() {
                    Some("mlp") => &[64, 256, 256],
                    Some("mlp-large") => &[512, 1024, 1024, 1024],
                    _ => return Err("--net expects mlp or mlp-large".to_string()),
                }
            }
            _ => return Err(format!("no option {argument}")),
        }
    }
    if options.batch == 0 || options.steps == 0 {
        return Err("--batch and --steps expect at least 1".to_string());
    }
    Ok(options)
}

struct Work {
    params: Params<f32>,
    layers: Vec<[ParamId; 2]>,
    heads: [ParamId; 2],
    tape: Tape<f32>,
    optimizer: Optimizer<f32>,
    gradient: Vec<f32>,
    jacobian: Jacobian<f32>,
    inputs: Vec<f32>,
    targets: Vec<Vec<f32>>,
}

impl Work {
    fn new(options: &Options) -> Self {
        let mut params = Params::new(Seed(0));
        let mut layer = |name: &str, fan_in: usize, width: usize| {
            let init = Init::Uniform { bound: 1.0 / (fan_in as f64).sqrt() };
            [
                params.add(format!("{name}.weight"), [fan_in, width], init),
                params.add(format!("{name}.bias"), [1, width], init),
            ]
        };
        let widths = options.widths;
        let layers: Vec<_> = (1..widths.len())
            .map(|l| layer(&format!("trunk.{l}"), widths[l - 1], widths[l]))
            .collect();
        let heads = layer("heads", widths[widths.len() - 1], TASKS);
        let config =
            OptimizerConfig::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
        let mut stream = Seed(0).stream("data", "", 0);
        let draw = |n: usize, stream: &mut Stream| -> Vec<f32> {
            (0..n).map(|_| f32::from_f64(normal(stream))).collect()
        };
        Self {
            optimizer: Optimizer::new(&config, &params),
            gradient: vec![0.0; params.len()],
            params,
            layers,
            heads,
            tape: Tape::with_threads(options.threads),
            jacobian: Jacobian::new(),
            inputs: draw(options.batch * widths[0], &mut stream),
            targets: (0..TASKS).map(|_| draw(options.batch, &mut stream)).collect(),
        }
    }

    /// One step; gives the sum of the losses.
    fn step(&mut self, options: &Options) -> f32 {
        let (tape, params) = (&mut self.tape, &mut self.params);
        tape.clear();
        let mut h = tape.input(&self.inputs, options.widths[0]);
        for &[weight, bias] in &self.layers {
            h = tape.linear(params, h, weight, bias, Activation::Relu);
        }
        let y = tape.linear(params, h, self.heads[0], self.heads[1], Activation::Identity);
        for (t, targets) in self.targets.iter().enumerate() {
            tape.loss(y, t..t + 1, &LossSpec::new(LossKind::Squared, targets));
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
