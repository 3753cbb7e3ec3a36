//! A training step of a fixed shape does not touch the heap after the second.

use allocation_counter::measure;
use torso_core::seed::Seed;
use torso_tape::{
    Activation, ConvShape, Groups, HeadGradient, Init, Jacobian, LossKind, LossSpec, Optimizer,
    OptimizerConfig, ParamId, Params, Tape, Var, clip_norm,
};

const ROWS: usize = 96;
const GROUPS: usize = 6;

struct Step {
    params: Params<f32>,
    tape: Tape<f32>,
    optimizer: Optimizer<f32>,
    gradient: Vec<f32>,
    jacobian: Jacobian<f32>,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    groups: Vec<u32>,
}

impl Step {
    fn new() -> Self {
        let mut params = Params::new(Seed(0));
        for (name, shape) in [
            ("a.w", [20, 64]),
            ("a.b", [1, 64]),
            ("n.g", [1, 64]),
            ("n.b", [1, 64]),
            ("e", [GROUPS, 4]),
            ("h.w", [68, 3]),
            ("h.b", [1, 3]),
            ("g.w", [GROUPS * 68, 1]),
            ("g.b", [GROUPS, 1]),
        ] {
            params.add(name, shape, Init::Uniform { bound: 0.1 });
        }
        let config =
            OptimizerConfig::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-3 };
        let wave = |i: usize| (i as f32 * 0.37).sin();
        Self {
            optimizer: Optimizer::new(&config, &params),
            gradient: vec![0.0; params.len()],
            params,
            tape: Tape::new(),
            jacobian: Jacobian::new(),
            inputs: (0..ROWS * 20).map(wave).collect(),
            targets: (0..ROWS).map(|i| if i % 5 == 0 { f32::NAN } else { wave(i) }).collect(),
            groups: (0..ROWS).map(|i| u32::try_from(i * GROUPS / ROWS).expect("small")).collect(),
        }
    }

    fn id(&self, name: &str) -> ParamId {
        self.params.find(name).expect("added above")
    }

    fn trunk(&mut self, step: u64) -> Var {
        let [w, b, gain, bias, table] = ["a.w", "a.b", "n.g", "n.b", "e"].map(|n| self.id(n));
        let (tape, params) = (&mut self.tape, &self.params);
        let x = tape.input(&self.inputs, 20);
        let h = tape.linear(params, x, w, b, Activation::Relu);
        let h = tape.layer_norm(params, h, [gain, bias], Activation::Identity);
        let h = tape.dropout(h, 0.1, &mut Seed(1).stream("dropout", "", step));
        let e = tape.embedding(params, table, &self.groups);
        tape.concat(h, e)
    }

    fn run(&mut self, step: u64) {
        self.tape.clear();
        let h = self.trunk(step);
        let [hw, hb, gw, gb] = ["h.w", "h.b", "g.w", "g.b"].map(|n| self.id(n));
        let (tape, params) = (&mut self.tape, &self.params);
        let y = tape.linear(params, h, hw, hb, Activation::Identity);
        for t in 0..3 {
            tape.loss(y, t..t + 1, &LossSpec::new(LossKind::Squared, &self.targets));
        }
        let z = tape.grouped_linear(params, h, gw, gb, &self.groups);
        let groups = Some(Groups { of_row: &self.groups, n: GROUPS });
        let spec = LossSpec { groups, ..LossSpec::new(LossKind::Squared, &self.targets) };
        tape.loss(z, 0..1, &spec);
        tape.jacobian(params, &mut self.jacobian);
        tape.backward(params, &[1.0; 3 + GROUPS], &mut self.gradient);
        clip_norm(&mut self.gradient, 1.0);
        self.optimizer.step(&mut self.params, &self.gradient, 1e-3);
    }
}

#[test]
fn a_step_does_not_allocate() {
    let mut step = Step::new();
    (0..2).for_each(|n| step.run(n));
    let after = measure(|| (2..12).for_each(|n| step.run(n)));
    assert_eq!((after.count_total, after.bytes_total), (0, 0), "ten steps");
}

#[test]
fn a_step_with_convolutions_does_not_allocate() {
    let first = ConvShape { height: 12, width: 12, channels: 1, filters: 6, kernel: 3, pool: 2 };
    let second = ConvShape { height: 5, width: 5, channels: 6, filters: 8, kernel: 2, pool: 2 };
    let mut params = Params::<f32>::new(Seed(0));
    let mut layer = |name: &str, fan_in: usize, width: usize| {
        let init = Init::Uniform { bound: 0.3 };
        ["w", "b"].map(|end| {
            let shape = if end == "w" { [fan_in, width] } else { [1, width] };
            params.add(format!("{name}.{end}"), shape, init)
        })
    };
    let convs = [(first, layer("0", 9, 6)), (second, layer("1", 24, 8))];
    let heads = layer("heads", second.n_outputs(), 2);
    let images: Vec<f32> = (0..50 * first.n_inputs()).map(|i| (i as f32 * 0.37).sin()).collect();
    let (mut tape, mut jacobian, mut gradient) =
        (Tape::new(), Jacobian::new(), vec![0.0; params.len()]);
    let mut run = || {
        tape.clear();
        let mut h = tape.input(&images, first.n_inputs());
        for &(shape, [w, b]) in &convs {
            h = tape.conv(&params, h, w, b, shape);
        }
        let y = tape.linear(&params, h, heads[0], heads[1], Activation::Identity);
        for t in 0..2 {
            tape.loss(y, t..t + 1, &LossSpec::new(LossKind::Squared, &images[t..t + 50]));
        }
        tape.jacobian(&params, &mut jacobian);
        tape.backward(&params, &[1.0; 2], &mut gradient);
        assert!(gradient.iter().any(|g| *g != 0.0));
    };
    run();
    run();
    assert_eq!(measure(run).count_total, 0);
}

#[test]
fn a_step_with_factors_does_not_allocate() {
    let step = Step::new();
    let (mut params, mut tape, mut jacobian) = (step.params, Tape::new(), Jacobian::new());
    let [w, b] = ["a.w", "a.b"].map(|name| params.find(name).expect("added above"));
    let heads = [
        params.add("heads.w", [64, 3], Init::Uniform { bound: 0.1 }),
        params.add("heads.b", [1, 3], Init::Zeros),
    ];
    let (mut gramian, mut gradient) = (Vec::new(), vec![0.0; params.len()]);
    let mut run = || {
        tape.clear();
        let x = tape.input(&step.inputs[..8 * 20], 20);
        let h = tape.linear(&params, x, w, b, Activation::Relu);
        let y = tape.linear(&params, h, heads[0], heads[1], Activation::Identity);
        for t in 0..3 {
            tape.loss(y, t..t + 1, &LossSpec::new(LossKind::Squared, &step.targets[..8]));
        }
        tape.task_gradients(&params, &mut jacobian);
        tape.gramian(&jacobian, &mut gramian);
        tape.combine(&params, &jacobian, &[0.2, 1.0, 0.5], HeadGradient::Own, &mut gradient);
        assert!(gramian[0] > 0.0 && gradient.iter().any(|g| *g != 0.0));
    };
    run();
    run();
    assert_eq!(measure(run).count_total, 0);
}
