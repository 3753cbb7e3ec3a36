//! Every op forward and back, with the stack of one cotangent and of eight.
//!
//! `cargo bench -p torso-tape`

use divan::{Bencher, black_box};
use torso_core::seed::Seed;
use torso_tape::{
    Activation, ConvShape, Groups, Init, Jacobian, LossKind, LossSpec, Optimizer, OptimizerConfig,
    ParamId, Params, Tape, Var,
};

const ROWS: usize = 256;
const WIDTH: usize = 256;
const GROUPS: usize = 16;

fn main() {
    divan::main();
}

struct Net {
    params: Params<f32>,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    codes: Vec<u32>,
}

impl Net {
    fn new() -> Self {
        let mut params = Params::new(Seed(0));
        for (name, shape) in [
            ("a.w", [WIDTH, WIDTH]),
            ("a.b", [1, WIDTH]),
            ("b.w", [WIDTH, WIDTH]),
            ("b.b", [1, WIDTH]),
            ("e", [GROUPS, WIDTH]),
            ("g.w", [GROUPS * WIDTH, 4]),
            ("g.b", [GROUPS, 4]),
        ] {
            params.add(name, shape, Init::Uniform { bound: 0.05 });
        }
        let wave = |i: usize| (i as f32 * 0.37).sin();
        let code = |i: usize| u32::try_from(i * GROUPS / ROWS).expect("few groups");
        Self {
            params,
            inputs: (0..ROWS * WIDTH).map(wave).collect(),
            targets: (0..ROWS).map(wave).collect(),
            codes: (0..ROWS).map(code).collect(),
        }
    }

    fn id(&self, name: &str) -> ParamId {
        self.params.find(name).expect("added above")
    }

    /// A layer, so that the op above it has parameters below it.
    fn below(&self, tape: &mut Tape<f32>) -> Var {
        tape.clear();
        let x = tape.input(&self.inputs, WIDTH);
        let [w, b] = ["a.w", "a.b"].map(|name| self.id(name));
        tape.linear(&self.params, x, w, b, Activation::Identity)
    }

    /// Times an op with so many losses above it; the layer below and the losses are part of it.
    fn bench(&self, bencher: Bencher, n_losses: usize, op: impl Fn(&mut Tape<f32>, Var) -> Var) {
        let mut tape = Tape::new();
        let mut gradient = vec![0.0; self.params.len()];
        let mut jacobian = Jacobian::new();
        bencher.bench_local(|| {
            let h = self.below(&mut tape);
            let y = op(&mut tape, h);
            for _ in 0..n_losses {
                tape.loss(y, 0..1, &LossSpec::new(LossKind::Squared, &self.targets));
            }
            if n_losses == 1 {
                tape.backward(&self.params, &[1.0], &mut gradient);
            } else {
                tape.jacobian(&self.params, &mut jacobian);
            }
            black_box(&gradient);
        });
    }
}

#[divan::bench(args = [1, 8])]
fn nothing_but_the_layer_below(bencher: Bencher, n_losses: usize) {
    Net::new().bench(bencher, n_losses, |_, h| h);
}

#[divan::bench(args = [1, 8])]
fn linear_relu(bencher: Bencher, n_losses: usize) {
    let net = Net::new();
    let [w, b] = ["b.w", "b.b"].map(|name| net.id(name));
    net.bench(bencher, n_losses, |tape, h| tape.linear(&net.params, h, w, b, Activation::Relu));
}

#[divan::bench(args = [1, 8])]
fn grouped_linear(bencher: Bencher, n_losses: usize) {
    let net = Net::new();
    let [w, b] = ["g.w", "g.b"].map(|name| net.id(name));
    net.bench(bencher, n_losses, |tape, h| tape.grouped_linear(&net.params, h, w, b, &net.codes));
}

#[divan::bench(args = [1, 8])]
fn layer_norm(bencher: Bencher, n_losses: usize) {
    let net = Net::new();
    let [gain, bias] = ["a.b", "b.b"].map(|name| net.id(name));
    net.bench(bencher, n_losses, |tape, h| {
        tape.layer_norm(&net.params, h, [gain, bias], Activation::Identity)
    });
}

#[divan::bench(args = [1, 8])]
fn dropout(bencher: Bencher, n_losses: usize) {
    let net = Net::new();
    net.bench(bencher, n_losses, |tape, h| {
        tape.dropout(h, 0.1, &mut Seed(1).stream("dropout", "", 0))
    });
}

#[divan::bench(args = [1, 8])]
fn embedding_concat(bencher: Bencher, n_losses: usize) {
    let net = Net::new();
    let table = net.id("e");
    net.bench(bencher, n_losses, |tape, h| {
        let e = tape.embedding(&net.params, table, &net.codes);
        tape.concat(h, e)
    });
}

/// On images of 16 x 16, with 8 filters of 5 x 5 and a pool of 2.
#[divan::bench(args = [1, 8])]
fn conv(bencher: Bencher, n_losses: usize) {
    let shape = ConvShape { height: 16, width: 16, channels: 1, filters: 8, kernel: 5, pool: 2 };
    let mut net = Net::new();
    let init = Init::Uniform { bound: 0.2 };
    let [w, b] = [("c.w", 25), ("c.b", 1)].map(|(name, n)| net.params.add(name, [n, 8], init));
    net.bench(bencher, n_losses, |tape, h| tape.conv(&net.params, h, w, b, shape));
}

#[divan::bench(args = [1, 8])]
fn add(bencher: Bencher, n_losses: usize) {
    Net::new().bench(bencher, n_losses, |tape, h| tape.add(h, h));
}

#[divan::bench(args = [1, 8])]
fn softmax_cross_entropy_of_groups(bencher: Bencher, n_classes: usize) {
    let net = Net::new();
    let classes: Vec<f32> = (0..ROWS).map(|row| (row % n_classes) as f32).collect();
    let spec = LossSpec {
        groups: Some(Groups { of_row: &net.codes, n: GROUPS }),
        ..LossSpec::new(LossKind::SoftmaxCrossEntropy, &classes)
    };
    let mut tape = Tape::new();
    bencher.bench_local(|| {
        tape.clear();
        let x = tape.input(&net.inputs, WIDTH);
        tape.loss(x, 0..n_classes, &spec);
        black_box(tape.losses());
    });
}

#[divan::bench(args = [100_000, 1_000_000])]
fn adam(bencher: Bencher, n: usize) {
    let mut params = Params::<f32>::new(Seed(0));
    params.add("p", [1, n], Init::Uniform { bound: 0.1 });
    let config = OptimizerConfig::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
    let mut optimizer = Optimizer::new(&config, &params);
    let gradient = params.values().to_vec();
    bencher.bench_local(|| optimizer.step(&mut params, &gradient, 1e-6));
}
