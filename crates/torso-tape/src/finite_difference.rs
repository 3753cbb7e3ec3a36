//! Every op against finite differences, with 1 and 3 cotangents, and the Jacobian against single
//! walks back.

use torso_core::seed::{Seed, normal};

use crate::{
    Activation, ConvShape, Groups, HeadGradient, Init, Jacobian, LossKind, LossSpec, ParamId,
    Params, Role, Scalar, Tape, Var, smooth_step,
};

const ROWS: usize = 7;

fn draws(n: usize, name: &str) -> Vec<f64> {
    let mut stream = Seed(3).stream("test", name, 0);
    (0..n).map(|_| normal(&mut stream)).collect()
}

/// A pass up to a value, and how many losses are put on it.
struct Case<'a> {
    params: Params<f64>,
    record: &'a dyn Fn(&mut Tape<f64>, &Params<f64>) -> Var,
    n_losses: usize,
}

impl Case<'_> {
    /// Records the pass with losses that all read the whole value: sums of squared distances to
    /// different targets, column by column.
    fn losses(&self, tape: &mut Tape<f64>, params: &Params<f64>) -> Vec<f64> {
        tape.clear();
        let value = (self.record)(tape, params);
        let [n_rows, width] = tape.shape(value);
        for t in 0..self.n_losses {
            let targets = draws(n_rows, &format!("target {t}"));
            let logits = LossSpec {
                role: if t < 3 { Role::Task } else { Role::Extra { weight: 0.7 } },
                ..LossSpec::new(LossKind::Squared, &targets)
            };
            if width == 1 {
                tape.loss(value, 0..1, &logits);
            } else {
                let classes: Vec<f64> =
                    targets.iter().map(|t| (t.abs() * 2.0).floor() % width as f64).collect();
                let kind = LossKind::SoftmaxCrossEntropy;
                tape.loss(value, 0..width, &LossSpec { kind, targets: &classes, ..logits });
            }
        }
        tape.losses().to_vec()
    }

    /// The slope of every loss along every parameter, `[n_losses, n_params]`.
    fn slopes(&self) -> Vec<Vec<f64>> {
        let step = 1e-5;
        let mut params = self.params.clone();
        let mut tape = Tape::new();
        let mut slopes = vec![vec![0.0; params.len()]; self.n_losses.min(3)];
        for at in 0..params.len() {
            let value = params.values()[at];
            let mut at_value = |value| {
                params.values_mut()[at] = value;
                self.losses(&mut tape, &params)
            };
            let (up, down) = (at_value(value + step), at_value(value - step));
            params.values_mut()[at] = value;
            for (slopes, (up, down)) in slopes.iter_mut().zip(up.iter().zip(&down)) {
                slopes[at] = (up - down) / (2.0 * step);
            }
        }
        slopes
    }

    #[track_caller]
    fn check(&self) {
        let slopes = self.slopes();
        let mut tape = Tape::new();
        self.losses(&mut tape, &self.params);
        let mut gradient = vec![0.0; self.params.len()];
        let mut jacobian = Jacobian::new();
        // Twice, so that what is left in reused buffers would show.
        for _ in 0..2 {
            for (t, slopes) in slopes.iter().enumerate() {
                let mut weights = vec![0.0; slopes_len(&tape)];
                weights[t] = 1.0;
                tape.backward(&self.params, &weights, &mut gradient);
                near(&gradient, slopes, 1e-7);
            }
            tape.jacobian(&self.params, &mut jacobian);
            let weights = [0.5, -2.0, 1.5];
            let weights = &weights[..slopes_len(&tape)];
            jacobian.combine(weights, HeadGradient::Weighted, &mut gradient);
            let mut expected = vec![0.0; self.params.len()];
            tape.backward(&self.params, weights, &mut expected);
            near(&gradient, &expected, 1e-12);
            near_rows(&self.params, &jacobian, &slopes);
        }
    }
}

fn slopes_len(tape: &Tape<f64>) -> usize {
    tape.losses().len()
}

/// The rows of the Jacobian are the slopes of the shared parameters; the Gramian is theirs.
#[track_caller]
fn near_rows(params: &Params<f64>, jacobian: &Jacobian<f64>, slopes: &[Vec<f64>]) {
    let mut rows = Vec::new();
    jacobian.rows(&mut rows);
    if slopes.len() < 2 {
        assert!(rows.is_empty(), "nothing is shared by one task");
        return;
    }
    assert_eq!(jacobian.n_shared(), params.len(), "all losses read all parameters");
    near(&rows, &slopes.concat(), 1e-7);
    let mut gramian = Vec::new();
    jacobian.gramian(&mut gramian);
    let row = |t: usize| &rows[t * params.len()..][..params.len()];
    for i in 0..slopes.len() {
        for j in 0..slopes.len() {
            let product: f64 = row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
            near(&[gramian[i * slopes.len() + j]], &[product], 1e-12);
        }
    }
}

#[track_caller]
fn near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0, |scale: f64, x| scale.max(x.abs()));
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (found - expected).abs();
        assert!(difference < tolerance * scale, "at {at}: {found}, not {expected}");
    }
}

/// Checks an op with one and with three losses above it.
#[track_caller]
fn check(params: &Params<f64>, record: impl Fn(&mut Tape<f64>, &Params<f64>) -> Var) {
    for n_losses in [1, 3] {
        Case { params: params.clone(), record: &record, n_losses }.check();
    }
}

fn params(ranges: &[(&str, [usize; 2])]) -> Params<f64> {
    let mut params = Params::new(Seed(9));
    for (name, shape) in ranges {
        params.add(*name, *shape, Init::Normal { sd: 0.6 });
    }
    params
}

fn id(params: &Params<f64>, name: &str) -> ParamId {
    params.find(name).unwrap()
}

/// A linear layer by its name, on a value.
fn layer(
    tape: &mut Tape<f64>,
    params: &Params<f64>,
    input: Var,
    name: &str,
    activation: Activation,
) -> Var {
    let (weight, bias) = (format!("{name}.w"), format!("{name}.b"));
    tape.linear(params, input, id(params, &weight), id(params, &bias), activation)
}

#[test]
fn linear_layers() {
    use Activation::{Identity, Relu, Sigmoid, Tanh};
    for width in [1, 3] {
        let params =
            params(&[("a.w", [4, 5]), ("a.b", [1, 5]), ("c.w", [5, width]), ("c.b", [1, width])]);
        for activation in [Identity, Relu, Tanh, Sigmoid] {
            check(&params, |tape, params| {
                let x = tape.input(&draws(ROWS * 4, "x"), 4);
                let h = layer(tape, params, x, "a", activation);
                layer(tape, params, h, "c", Identity)
            });
        }
    }
}

#[test]
fn a_layer_that_is_used_twice() {
    let params = params(&[("a.w", [4, 4]), ("a.b", [1, 4])]);
    check(&params, |tape, params| {
        let x = tape.input(&draws(ROWS * 4, "x"), 4);
        let h = layer(tape, params, x, "a", Activation::Tanh);
        layer(tape, params, h, "a", Activation::Tanh)
    });
}

#[test]
fn grouped_linear_layers() {
    let params = params(&[("a.w", [4, 3]), ("a.b", [1, 3]), ("g.w", [9, 2]), ("g.b", [3, 2])]);
    for groups in [[0, 0, 1, 1, 1, 2, 2], [2, 0, 2, 1, 1, 0, 2]] {
        check(&params, |tape, params| {
            let x = tape.input(&draws(ROWS * 4, "x"), 4);
            let h = layer(tape, params, x, "a", Activation::Tanh);
            let (weight, bias) = (id(params, "g.w"), id(params, "g.b"));
            tape.grouped_linear(params, h, weight, bias, &groups)
        });
    }
}

#[test]
fn convolutions() {
    let first = ConvShape { height: 7, width: 8, channels: 2, filters: 3, kernel: 2, pool: 2 };
    // With a pool of 2, a row and a column of the second one fill no window.
    for pool in [1, 2] {
        let second = ConvShape { height: 3, width: 3, channels: 3, filters: 2, kernel: 1, pool };
        let params = params(&[
            ("a.w", [8, 3]),
            ("a.b", [1, 3]),
            ("c.w", [3, 2]),
            ("c.b", [1, 2]),
            ("h.w", [second.n_outputs(), 3]),
            ("h.b", [1, 3]),
        ]);
        check(&params, |tape, params| {
            let n = first.n_inputs();
            let mut h = tape.input(&draws(ROWS * n, "x"), n);
            for (shape, name) in [(first, "a"), (second, "c")] {
                let [w, b] = ["w", "b"].map(|end| id(params, &format!("{name}.{end}")));
                h = tape.conv(params, h, w, b, shape);
            }
            layer(tape, params, h, "h", Activation::Identity)
        });
    }
}

#[test]
fn embeddings_beside_numbers() {
    let params = params(&[("e", [3, 2]), ("a.w", [6, 3]), ("a.b", [1, 3])]);
    check(&params, |tape, params| {
        let x = tape.input(&draws(ROWS * 4, "x"), 4);
        let e = tape.embedding(params, id(params, "e"), &[0, 2, 2, 1, 0, 0, 2]);
        let both = tape.concat(x, e);
        layer(tape, params, both, "a", Activation::Tanh)
    });
}

#[test]
fn layer_norm() {
    let params = params(&[("a.w", [4, 5]), ("a.b", [1, 5]), ("n.g", [1, 5]), ("n.b", [1, 5])]);
    check(&params, |tape, params| {
        let x = tape.input(&draws(ROWS * 4, "x"), 4);
        let h = layer(tape, params, x, "a", Activation::Identity);
        tape.layer_norm(params, h, [id(params, "n.g"), id(params, "n.b")], Activation::Tanh)
    });
}

#[test]
fn dropout_and_sums() {
    let params = params(&[("a.w", [4, 5]), ("a.b", [1, 5])]);
    check(&params, |tape, params| {
        let x = tape.input(&draws(ROWS * 4, "x"), 4);
        let h = layer(tape, params, x, "a", Activation::Tanh);
        let mut stream = Seed(5).stream("dropout", "", 0);
        let dropped = tape.dropout(h, 0.4, &mut stream);
        tape.add(dropped, h)
    });
}

/// Two tanh layers side by side over one input.
fn pair(tape: &mut Tape<f64>, params: &Params<f64>) -> [Var; 2] {
    let x = tape.input(&draws(ROWS * 3, "x"), 3);
    ["a", "b"].map(|name| layer(tape, params, x, name, Activation::Tanh))
}

const PAIR: [(&str, [usize; 2]); 4] =
    [("a.w", [3, 6]), ("a.b", [1, 6]), ("b.w", [3, 6]), ("b.b", [1, 6])];

#[test]
fn mixed_layers() {
    // One coefficient for each value, each channel, each unit.
    for period in [1, 2, 6] {
        let params = params(&[&PAIR[..], &[("m", [3, period])]].concat());
        check(&params, |tape, params| {
            let [a, b] = pair(tape, params);
            let constant = tape.input(&draws(ROWS * 6, "constant"), 6);
            tape.mix(params, &[a, constant, b], id(params, "m"))
        });
    }
    // More sources than are summed at once, and more columns.
    for period in [1, 35, 70] {
        let wide = [("a.w", [3, 70]), ("a.b", [1, 70]), ("m", [6, period])];
        check(&params(&wide), |tape, params| {
            let x = tape.input(&draws(ROWS * 3, "x"), 3);
            let a = layer(tape, params, x, "a", Activation::Tanh);
            let b = tape.multiply(a, a);
            tape.mix(params, &[a, b, a, a, b, b], id(params, "m"))
        });
    }
}

#[test]
fn gated_experts() {
    let params = params(&[&PAIR[..], &[("g.w", [3, 3]), ("g.b", [1, 3])]].concat());
    check(&params, |tape, params| {
        let [a, b] = pair(tape, params);
        let x = tape.input(&draws(ROWS * 3, "x"), 3);
        let logits = layer(tape, params, x, "g", Activation::Identity);
        let gates = tape.softmax(logits);
        tape.gate(gates, &[a, b, a])
    });
    check(&self::params(&PAIR), |tape, params| {
        let [a, b] = pair(tape, params);
        let gates: Vec<f64> = (0..ROWS).flat_map(|row| [0.0, row as f64]).collect();
        let gates = tape.input(&gates, 2);
        let b = tape.add(a, b);
        tape.gate(gates, &[a, b])
    });
}

#[test]
fn sparse_gates() {
    // Five experts: three digits, and codes that no expert has.
    let ranges = [("z", [2, 6]), ("w", [2, 2]), ("a.w", [3, 5]), ("a.b", [1, 5])];
    let params = params(&ranges);
    check(&params, |tape, params| {
        let codes = [0, 0, 1, 1, 0, 1, 0];
        let z = tape.embedding(params, id(params, "z"), &codes);
        let w = tape.embedding(params, id(params, "w"), &codes);
        let w = tape.softmax(w);
        let gates = tape.select(z, w, 5, 3.0);
        let x = tape.input(&draws(ROWS * 3, "x"), 3);
        let h = layer(tape, params, x, "a", Activation::Tanh);
        tape.multiply(gates, h)
    });
}

#[test]
fn a_code_beyond_the_step_is_one_expert() {
    let mut tape = Tape::<f64>::new();
    // Selector 1 is at 5 = 101, selector 2 at 2 = 010; the step is over at half its width.
    let z = tape.input(&[0.5, -0.5, 0.6, -9.0, 0.5, -0.5], 6);
    let w = tape.input(&[0.75, 0.25], 2);
    let gates = tape.select(z, w, 6, 1.0);
    assert_eq!(tape.value(gates), [0.0, 0.0, 0.25, 0.0, 0.0, 0.75]);
}

#[test]
fn the_smooth_step_has_a_slope_without_jumps() {
    let width = 0.8;
    assert_eq!(smooth_step(0.0, width), [0.5, 1.5 / width]);
    for at in -100..100 {
        let (z, step) = (f64::from(at) * 0.01, 0.01);
        let ([a, slope], [b, next]) = (smooth_step(z, width), smooth_step(z + step, width));
        assert!((next - slope).abs() < 12.0 * step / (width * width), "{z}: {slope}, {next}");
        assert!((b - a - step * f64::midpoint(slope, next)).abs() < 1e-4, "{z}");
    }
}

#[test]
fn masked_layers() {
    use Activation::{Identity, Relu, Sigmoid, Tanh};
    for activation in [Identity, Relu, Sigmoid, Tanh] {
        check(&params(&PAIR), |tape, params| {
            let [a, b] = pair(tape, params);
            let mask = tape.activate(b, activation);
            let masked = tape.multiply(a, mask);
            tape.multiply(masked, masked)
        });
    }
}

#[test]
fn blended_weights() {
    let params = params(&[
        ("a.w", [3, 4]),
        ("a.b", [1, 4]),
        ("l", [3 * 4, 5]),
        ("c", [3, 1]),
        ("c.b", [1, 5]),
        ("d.w", [5, 2]),
        ("d.b", [1, 2]),
    ]);
    check(&params, |tape, params| {
        let x = tape.input(&draws(ROWS * 3, "x"), 3);
        let h = layer(tape, params, x, "a", Activation::Tanh);
        let weight = tape.blend(params, id(params, "l"), id(params, "c"));
        let biased = Some((id(params, "c.b"), Activation::Tanh));
        let (y, z) =
            (tape.product(params, h, weight, None), tape.product(params, h, weight, biased));
        let y = tape.add(y, z);
        layer(tape, params, y, "d", Activation::Tanh)
    });
}

#[test]
fn dropout_keeps_the_mean() {
    let mut tape = Tape::<f64>::new();
    let x = tape.input(&vec![1.0; 20_000], 1);
    let y = tape.dropout(x, 0.25, &mut Seed(5).stream("dropout", "", 0));
    let mean = tape.value(y).iter().sum::<f64>() / 20_000.0;
    assert!((mean - 1.0).abs() < 0.02, "{mean}");
    assert!(tape.value(y).iter().all(|y| *y == 0.0 || (y - 4.0 / 3.0).abs() < 1e-12));
}

/// Losses of every kind on heads of their own, with missing labels, over a shared trunk.
fn record_heads(tape: &mut Tape<f64>, params: &Params<f64>) {
    tape.clear();
    let x = tape.input(&draws(ROWS * 4, "x"), 4);
    let h = layer(tape, params, x, "a", Activation::Tanh);
    let y = layer(tape, params, h, "h", Activation::Identity);
    let mut numbers = draws(ROWS, "y");
    numbers[2] = f64::NAN;
    let binary = [0.0, 1.0, f64::NAN, 1.0, 0.0, 0.0, f64::NAN];
    let classes = [0.0, 2.0, 1.0, f64::NAN, 1.0, 2.0, 0.0];
    let weights = [1.0, 0.5, 2.0, 1.0, 1.0, 3.0, 1.0];
    tape.loss(y, 0..1, &LossSpec::new(LossKind::Huber { delta: 0.5 }, &numbers));
    let kind = LossKind::BinaryCrossEntropy;
    tape.loss(y, 1..2, &LossSpec { class_weights: &[1.0, 2.0], ..LossSpec::new(kind, &binary) });
    let kind = LossKind::SoftmaxCrossEntropy;
    tape.loss(y, 2..5, &LossSpec { row_weights: &weights, ..LossSpec::new(kind, &classes) });
}

#[test]
fn heads_side_by_side_are_their_tasks_own() {
    let params = params(&[("a.w", [4, 6]), ("a.b", [1, 6]), ("h.w", [6, 5]), ("h.b", [1, 5])]);
    let mut tape = Tape::new();
    let trunk = 4 * 6 + 6;
    let mut rows = vec![vec![0.0; params.len()]; 3];
    record_heads(&mut tape, &params);
    for (t, row) in rows.iter_mut().enumerate() {
        let mut weights = [0.0; 3];
        weights[t] = 1.0;
        tape.backward(&params, &weights, row);
    }
    let step = 1e-5;
    for at in 0..params.len() {
        let mut moved = params.clone();
        let mut at_value = |by: f64| {
            moved.values_mut()[at] = params.values()[at] + by;
            record_heads(&mut tape, &moved);
            tape.losses().to_vec()
        };
        let (up, down) = (at_value(step), at_value(-step));
        for (row, (up, down)) in rows.iter().zip(up.iter().zip(&down)) {
            near(&[row[at]], &[(up - down) / (2.0 * step)], 1e-7);
        }
    }
    record_heads(&mut tape, &params);
    let mut jacobian = Jacobian::new();
    tape.jacobian(&params, &mut jacobian);
    assert_eq!(jacobian.n_shared(), trunk, "heads are not shared");
    let mut shared = Vec::new();
    jacobian.rows(&mut shared);
    for (t, row) in rows.iter().enumerate() {
        near(&shared[t * trunk..][..trunk], &row[..trunk], 1e-12);
    }
    let mut gradient = vec![0.0; params.len()];
    jacobian.combine(&[2.0, 0.0, 0.0], HeadGradient::Own, &mut gradient);
    let own: Vec<f64> = (trunk..params.len()).map(|at| rows.iter().map(|r| r[at]).sum()).collect();
    near(&gradient[trunk..], &own, 1e-12);
    jacobian.combine(&[2.0, 0.5, -1.0], HeadGradient::Weighted, &mut gradient);
    let mut expected = vec![0.0; params.len()];
    tape.backward(&params, &[2.0, 0.5, -1.0], &mut expected);
    near(&gradient, &expected, 1e-12);
}

#[test]
fn groups_share_one_walk_back() {
    let params = params(&[
        ("a.w", [4, 6]),
        ("a.b", [1, 6]),
        ("c.w", [6, 1]),
        ("c.b", [1, 1]),
        ("g.w", [18, 1]),
        ("g.b", [3, 1]),
    ]);
    let groups = [0, 0, 0, 1, 1, 2, 2];
    let mut tape = Tape::new();
    let x = tape.input(&draws(ROWS * 4, "x"), 4);
    let h = layer(&mut tape, &params, x, "a", Activation::Tanh);
    let common = layer(&mut tape, &params, h, "c", Activation::Identity);
    let own = tape.grouped_linear(&params, h, id(&params, "g.w"), id(&params, "g.b"), &groups);
    let y = tape.add(common, own);
    let targets = draws(ROWS, "y");
    let spec = LossSpec {
        groups: Some(Groups { of_row: &groups, n: 3 }),
        ..LossSpec::new(LossKind::Squared, &targets)
    };
    tape.loss(y, 0..1, &spec);
    assert_eq!(tape.losses().len(), 3);
    let mut jacobian = Jacobian::new();
    tape.jacobian(&params, &mut jacobian);
    let n_shared = 4 * 6 + 6 + 6 + 1;
    assert_eq!(jacobian.n_shared(), n_shared, "each group's own head is not shared");
    let mut rows = Vec::new();
    jacobian.rows(&mut rows);
    let mut gradient = vec![0.0; params.len()];
    for t in 0..3 {
        let mut weights = [0.0; 3];
        weights[t] = 1.0;
        tape.backward(&params, &weights, &mut gradient);
        near(&rows[t * n_shared..][..n_shared], &gradient[..n_shared], 1e-12);
    }
    let weights = [0.3, 1.0, -2.0];
    tape.backward(&params, &weights, &mut gradient);
    let mut combined = vec![0.0; params.len()];
    jacobian.combine(&weights, HeadGradient::Weighted, &mut combined);
    near(&combined, &gradient, 1e-12);
}

#[test]
fn an_extra_loss_is_no_task() {
    let params = params(&[("a.w", [4, 1]), ("a.b", [1, 1])]);
    let record = |tape: &mut Tape<f64>, params: &Params<f64>| {
        let x = tape.input(&draws(ROWS * 4, "x"), 4);
        layer(tape, params, x, "a", Activation::Identity)
    };
    let mut tape = Tape::new();
    let y = record(&mut tape, &params);
    let (targets, prior) = (draws(ROWS, "y"), vec![0.0; ROWS]);
    tape.loss(y, 0..1, &LossSpec::new(LossKind::Squared, &targets));
    let role = Role::Extra { weight: 0.25 };
    tape.loss(y, 0..1, &LossSpec { role, ..LossSpec::new(LossKind::Squared, &prior) });
    assert_eq!(tape.losses().len(), 1);
    let mut gradient = vec![0.0; params.len()];
    tape.backward(&params, &[2.0], &mut gradient);
    let mut jacobian = Jacobian::new();
    tape.jacobian(&params, &mut jacobian);
    assert_eq!((jacobian.n_losses(), jacobian.n_shared()), (1, 0));

    let mut both = Tape::new();
    let y = record(&mut both, &params);
    both.loss(y, 0..1, &LossSpec::new(LossKind::Squared, &targets));
    both.loss(y, 0..1, &LossSpec::new(LossKind::Squared, &prior));
    let mut expected = vec![0.0; params.len()];
    both.backward(&params, &[2.0, 0.25], &mut expected);
    near(&gradient, &expected, 1e-12);
}

#[test]
fn single_precision_rows_equal_separate_walks() {
    let mut params = Params::<f32>::new(Seed(2));
    for (name, shape) in [("a", [16, 64]), ("b", [64, 64]), ("h", [64, 8])] {
        let init = Init::Normal { sd: 1.0 / (shape[0] as f64).sqrt() };
        params.add(format!("{name}.w"), shape, init);
        params.add(format!("{name}.b"), [1, shape[1]], init);
    }
    let mut tape = Tape::new();
    let single = |values: Vec<f64>| values.into_iter().map(f32::from_f64).collect::<Vec<f32>>();
    let mut h = tape.input(&single(draws(50 * 16, "x")), 16);
    for (name, activation) in
        [("a", Activation::Relu), ("b", Activation::Relu), ("h", Activation::Identity)]
    {
        let find = |end| params.find(&format!("{name}.{end}")).unwrap();
        h = tape.linear(&params, h, find("w"), find("b"), activation);
    }
    for t in 0..8 {
        let targets = single(draws(50, &format!("y{t}")));
        tape.loss(h, t..t + 1, &LossSpec::new(LossKind::Squared, &targets));
    }
    let mut jacobian = Jacobian::new();
    tape.jacobian(&params, &mut jacobian);
    let mut rows = Vec::new();
    jacobian.rows(&mut rows);
    let n_shared = jacobian.n_shared();
    let mut gradient = vec![0.0; params.len()];
    for t in 0..8 {
        let mut weights = [0.0; 8];
        weights[t] = 1.0;
        tape.backward(&params, &weights, &mut gradient);
        let norm = |v: &[f32]| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let row = &rows[t * n_shared..][..n_shared];
        let difference: Vec<f32> = row.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let relative = norm(&difference) / norm(&gradient[..n_shared]);
        assert!(relative < 1e-6, "task {t}: {relative}");
    }
}
