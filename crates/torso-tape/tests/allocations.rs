//! A training step of a fixed shape does not touch the heap after the second.

use allocation_counter::measure;
use torso_core::seed::Seed;
use torso_tape::{
    Activation, Groups, Init, Jacobian, LossKind, LossSpec, Optimizer, OptimizerConfig, ParamId,
    Params, Tape, Var, clip_norm,
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
        let h = tape.layer_norm(params, h, gain, bias);
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
