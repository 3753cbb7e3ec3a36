//! Times training steps of a network with 8 heads whose task gradients are balanced: forward, task
//! gradients, weights, one direction, Adam.
//!
//! `cargo run --release --example balanced_step -- --batch 32 --method upgrad --gradients exact --json`
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use cpu_time::ProcessTime;
use serde_json::Map;
use torso_balance::{Balancer, Gramian, LossForm, Setup, StepView};
use torso_core::seed::{Seed, Stream, normal};
use torso_tape::{
    Activation, HeadGradient, Init, Jacobian, LossKind, LossSpec, Optimizer, OptimizerConfig,
    ParamId, Params, Tape, Var,
};

const TASKS: usize = 8;
const WIDTHS: [usize; 3] = [64, 256, 256];

#[derive(Clone, Copy, PartialEq)]
enum Gradients {
    Exact,
    Representation,
}

struct Options {
    batch: usize,
    steps: usize,
    method: String,
    gradients: Gradients,
    json: bool,
}

fn main() -> Result<(), String> {
    let options = options(std::env::args().skip(1))?;
    let mut work = Work::new(&options)?;
    let loss_first = work.step(&options);
    for _ in 0..50 {
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
        batch: 32,
        steps: 1000,
        method: "upgrad".to_string(),
        gradients: Gradients::Exact,
        json: false,
    };
    while let Some(argument) = arguments.next() {
        let mut text = || arguments.next().unwrap_or_default();
        let number = |text: String| {
            text.parse().map_err(|_| format!("{argument} expects a number, found `{text}`"))
        };
        match argument.as_str() {
            "--batch" => options.batch = number(text())?,
            "--steps" => options.steps = number(text())?,
            "--method" => options.method = text(),
            "--json" => options.json = true,
            "--gradients" => {
                options.gradients = match text().as_str() {
                    "exact" => Gradients::Exact,
                    "representation" => Gradients::Representation,
                    _ => return Err("--gradients expects exact or representation".to_string()),
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
    balancer: Balancer,
    inputs: Vec<f32>,
    targets: Vec<Vec<f32>>,
    step: usize,
}

impl Work {
    fn new(options: &Options) -> Result<Self, String> {
        let entry = torso_balance::find(&options.method).ok_or("no such method")?;
        let setup = Setup {
            forms: &[LossForm::Squared; TASKS],
            settings: &Map::new(),
            trial: 0,
            seed: Seed(0),
        };
        let balancer = (entry.build)(&setup).map_err(|error| error.to_string())?;
        let mut params = Params::new(Seed(0));
        let mut layer = |name: &str, fan_in: usize, width: usize| {
            let init = Init::Uniform { bound: 1.0 / (fan_in as f64).sqrt() };
            [
                params.add(format!("{name}.weight"), [fan_in, width], init),
                params.add(format!("{name}.bias"), [1, width], init),
            ]
        };
        let layers: Vec<_> = (1..WIDTHS.len())
            .map(|l| layer(&format!("trunk.{l}"), WIDTHS[l - 1], WIDTHS[l]))
            .collect();
        let heads = layer("heads", WIDTHS[WIDTHS.len() - 1], TASKS);
        let config =
            OptimizerConfig::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
        let mut stream = Seed(0).stream("data", "", 0);
        #[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
        let draw = |n: usize, stream: &mut Stream| -> Vec<f32> {
            (0..n).map(|_| normal(stream) as f32).collect()
        };
        Ok(Self {
            optimizer: Optimizer::new(&config, &params),
            gradient: vec![0.0; params.len()],
            params,
            layers,
            heads,
            tape: Tape::new(),
            jacobian: Jacobian::new(),
            balancer,
            inputs: draw(options.batch * WIDTHS[0], &mut stream),
            targets: (0..TASKS).map(|_| draw(options.batch, &mut stream)).collect(),
            step: 0,
        })
    }

    /// One step; gives the sum of the losses.
    fn step(&mut self, options: &Options) -> f32 {
        let representation = self.record();
        let (tape, jacobian) = (&mut self.tape, &mut self.jacobian);
        let mut weights = [1.0; TASKS];
        let losses: Vec<f64> = tape.losses().iter().map(|loss| f64::from(*loss)).collect();
        let view = StepView {
            tasks: &[0, 1, 2, 3, 4, 5, 6, 7],
            losses: &losses,
            cross: &[],
            step: self.step,
            epoch: 0,
        };
        let mut gramian = Vec::new();
        match &mut self.balancer {
            Balancer::Scalarizer(method) => {
                method.weigh(&view, &mut weights);
                tape.backward(&self.params, &single(weights), &mut self.gradient);
            }
            Balancer::Weighting(method) if options.gradients == Gradients::Exact => {
                tape.task_gradients(&self.params, jacobian);
                tape.gramian(jacobian, &mut gramian);
                method.weigh(&Gramian::new(TASKS, gramian), &view, &mut weights);
                let weights = single(weights);
                let (params, gradient) = (&self.params, &mut self.gradient);
                tape.combine(params, jacobian, &weights, HeadGradient::Own, gradient);
            }
            Balancer::Weighting(method) => {
                tape.jacobian_above(&self.params, representation, jacobian);
                tape.gramian_at(&self.params, representation, &mut gramian);
                method.weigh(&Gramian::new(TASKS, gramian), &view, &mut weights);
                let weights = single(weights);
                jacobian.combine(&weights, HeadGradient::Own, &mut self.gradient);
                tape.backward_below(&self.params, representation, &weights, &mut self.gradient);
            }
            Balancer::Aggregator(_) => unreachable!("no aggregator is timed"),
        }
        self.optimizer.step(&mut self.params, &self.gradient, 1e-3);
        self.step += 1;
        self.tape.losses().iter().sum()
    }

    /// Records the pass; gives what the heads read.
    fn record(&mut self) -> Var {
        let (tape, params) = (&mut self.tape, &self.params);
        tape.clear();
        let mut h = tape.input(&self.inputs, WIDTHS[0]);
        for &[weight, bias] in &self.layers {
            h = tape.linear(params, h, weight, bias, Activation::Relu);
        }
        let y = tape.linear(params, h, self.heads[0], self.heads[1], Activation::Identity);
        for (t, targets) in self.targets.iter().enumerate() {
            tape.loss(y, t..t + 1, &LossSpec::new(LossKind::Squared, targets));
        }
        h
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
fn single(weights: [f64; TASKS]) -> [f32; TASKS] {
    weights.map(|w| w as f32)
}
