use torso_core::seed::{Seed, normal};

use super::*;
use crate::{Activation, Groups, HeadGradient, Init, Jacobian, LossKind, LossSpec};

/// Odd and even sides, all kinds of pools, a rest that fills no window, and widths below, at and
/// above those of vectors.
const SHAPES: [ConvShape; 6] = [
    ConvShape { height: 7, width: 6, channels: 1, filters: 3, kernel: 3, pool: 2 },
    ConvShape { height: 4, width: 7, channels: 3, filters: 2, kernel: 2, pool: 1 },
    ConvShape { height: 9, width: 8, channels: 2, filters: 9, kernel: 1, pool: 3 },
    ConvShape { height: 5, width: 5, channels: 1, filters: 1, kernel: 4, pool: 1 },
    ConvShape { height: 8, width: 9, channels: 10, filters: 20, kernel: 5, pool: 2 },
    ConvShape { height: 6, width: 6, channels: 17, filters: 33, kernel: 3, pool: 4 },
];

fn params<T: Scalar>(shape: &ConvShape) -> Params<T> {
    let mut params = Params::new(Seed(9));
    let fan_in = shape.kernel * shape.kernel * shape.channels;
    let init = Init::Normal { sd: 1.0 / (fan_in as f64).sqrt() };
    params.add("w", [fan_in, shape.filters], init);
    params.add("b", [1, shape.filters], Init::Normal { sd: 0.3 });
    params
}

/// The output written out, with the image's place and the weight's row of every product.
fn output(
    shape: &ConvShape,
    image: &[f64],
    weight: &[f64],
    bias: &[f64],
    [window_y, window_x, filter]: [usize; 3],
) -> (f64, Vec<[usize; 2]>) {
    let ConvShape { width, channels, filters, kernel, pool, .. } = *shape;
    let mut best = (0.0, Vec::new());
    for (dy, dx) in (0..pool).flat_map(|dy| (0..pool).map(move |dx| (dy, dx))) {
        let mut reads = Vec::new();
        for ky in 0..kernel {
            for kx in 0..kernel {
                for channel in 0..channels {
                    let (y, x) = (window_y * pool + dy + ky, window_x * pool + dx + kx);
                    let row = (ky * kernel + kx) * channels + channel;
                    reads.push([(y * width + x) * channels + channel, row]);
                }
            }
        }
        let products = reads.iter().map(|[at, row]| image[*at] * weight[row * filters + filter]);
        let sum = bias[filter] + products.sum::<f64>();
        if sum > best.0 {
            best = (sum, reads);
        }
    }
    best
}

#[track_caller]
fn near<T: Scalar>(found: &[T], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0, |scale: f64, x| scale.max(x.abs()));
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let found = found.double();
        let difference = (found - expected).abs();
        assert!(difference < tolerance * scale, "at {at}: {found}, not {expected}");
    }
}

/// Compares the value and the gradients of the parameters and of a layer below with the sums
/// written out.
fn check_sums<T: Scalar>(shape: &ConvShape, tolerance: f64) {
    let n_outputs = shape.n_outputs();
    let mut params = params::<T>(shape);
    // The image is a bias, so that its gradient shows the cotangent of the op's input.
    let image = params.add("image", [1, shape.n_inputs()], Init::Normal { sd: 1.0 });
    let zero = params.add("zero", [1, shape.n_inputs()], Init::Zeros);
    let heads = params.add("heads", [n_outputs, 1], Init::Normal { sd: 1.0 });
    let none = params.add("none", [1, 1], Init::Zeros);
    let [w, b] = ["w", "b"].map(|name| params.find(name).unwrap());
    let mut tape = Tape::new();
    let one = tape.input(&[T::ONE], 1);
    let x = tape.linear(&params, one, zero, image, Activation::Identity);
    let y = tape.conv(&params, x, w, b, *shape);
    let sum = tape.linear(&params, y, heads, none, Activation::Identity);
    // The slope of this loss is the sum itself.
    tape.loss(sum, 0..1, &LossSpec::new(LossKind::Squared, &[T::ZERO]));
    let mut gradient = vec![T::ZERO; params.len()];
    tape.backward(&params, &[T::ONE], &mut gradient);

    let double = |id| params.get(id).iter().map(|x| x.double()).collect::<Vec<f64>>();
    let (images, weight, bias, heads) = (double(image), double(w), double(b), double(heads));
    let slope = 2.0 * tape.value(sum)[0].double();
    let (mut values, mut of_image) = (Vec::new(), vec![0.0; images.len()]);
    let (mut of_weight, mut of_bias) = (vec![0.0; weight.len()], vec![0.0; bias.len()]);
    for (at, head) in heads.iter().enumerate() {
        let (window, filter) = (at / shape.filters, at % shape.filters);
        let place = [window / shape.out_width(), window % shape.out_width(), filter];
        let (value, reads) = output(shape, &images, &weight, &bias, place);
        values.push(value);
        let s = slope * head;
        of_bias[filter] += if reads.is_empty() { 0.0 } else { s };
        for [at, row] in reads {
            of_image[at] += s * weight[row * shape.filters + filter];
            of_weight[row * shape.filters + filter] += s * images[at];
        }
    }
    assert!(values.iter().any(|y| *y > 0.0), "{shape:?} tests something");
    near(tape.value(y), &values, tolerance);
    for (id, expected) in [(w, of_weight), (b, of_bias), (image, of_image)] {
        near(&gradient[params.range(id).span()], &expected, tolerance);
    }
}

#[test]
fn values_and_gradients_are_the_sums_written_out() {
    for shape in &SHAPES {
        check_sums::<f64>(shape, 1e-12);
        check_sums::<f32>(shape, 1e-5);
    }
}

#[test]
fn sides_of_outputs() {
    let shape = ConvShape { height: 36, width: 17, channels: 3, filters: 4, kernel: 5, pool: 2 };
    assert_eq!([shape.out_height(), shape.out_width(), shape.n_outputs()], [16, 6, 384]);
    assert!(shape.is_valid());
    let fits = |kernel, pool| ConvShape { kernel, pool, ..shape }.is_valid();
    assert!(fits(17, 1) && !fits(18, 1), "the kernel lies inside");
    assert!(fits(12, 6) && !fits(13, 6), "one window of the pool does");
    assert!(!fits(0, 2) && !fits(5, 0));
}

#[test]
fn multiply_adds_are_counted() {
    let shape = ConvShape { height: 7, width: 6, channels: 2, filters: 3, kernel: 3, pool: 2 };
    let params = params::<f64>(&shape);
    let [w, b] = ["w", "b"].map(|name| params.find(name).unwrap());
    let mut tape = Tape::new();
    let x = tape.input(&vec![0.5; 4 * shape.n_inputs()], shape.n_inputs());
    let y = tape.conv(&params, x, w, b, shape);
    // 4 images, 2 x 2 windows of 4 pixels, 3 filters of 3 x 3 x 2.
    assert_eq!(tape.multiply_adds(), 4 * 16 * 3 * 18);
    tape.loss(y, 0..1, &LossSpec::new(LossKind::Squared, &[0.0; 4]));
    tape.backward(&params, &[1.0], &mut vec![0.0; params.len()]);
    assert_eq!(tape.multiply_adds(), 4 * (16 + 4) * 3 * 18, "images want no gradient");
}

#[test]
#[should_panic(expected = "a convolution has an output")]
fn a_kernel_larger_than_the_image_is_refused() {
    let shape = ConvShape { height: 3, width: 3, channels: 1, filters: 1, kernel: 4, pool: 1 };
    let params = params::<f64>(&shape);
    let [w, b] = ["w", "b"].map(|name| params.find(name).unwrap());
    let mut tape = Tape::new();
    let x = tape.input(&[0.0; 9], 9);
    tape.conv(&params, x, w, b, shape);
}

/// Two convolutions and heads for three tasks, who may own the rows.
struct Net {
    params: Params<f32>,
    shapes: [ConvShape; 2],
    images: Vec<f32>,
    targets: Vec<f32>,
    owners: Vec<u32>,
}

impl Net {
    const TASKS: usize = 3;

    fn new(n_rows: usize) -> Self {
        let first =
            ConvShape { height: 20, width: 19, channels: 1, filters: 6, kernel: 3, pool: 2 };
        let second =
            ConvShape { height: 9, width: 8, channels: 6, filters: 12, kernel: 3, pool: 2 };
        assert_eq!([first.out_height(), first.out_width()], [second.height, second.width]);
        let mut params = Params::new(Seed(4));
        let mut layer = |name: &str, fan_in: usize, width: usize| {
            let init = Init::Normal { sd: 1.0 / (fan_in as f64).sqrt() };
            params.add(format!("{name}.w"), [fan_in, width], init);
            params.add(format!("{name}.b"), [1, width], init);
        };
        layer("0", 9, 6);
        layer("1", 54, 12);
        layer("heads", second.n_outputs(), Self::TASKS);
        let mut stream = Seed(3).stream("test", "images", 0);
        let mut draws =
            |n: usize| -> Vec<f32> { (0..n).map(|_| f32::from_f64(normal(&mut stream))).collect() };
        let (images, targets) = (draws(n_rows * first.n_inputs()), draws(n_rows));
        // Runs of unequal length, the first owner twice.
        let owner = |row: usize| [0, 1, 1, 2, 0][row * 5 / n_rows];
        let owners = (0..n_rows).map(owner).collect();
        Self { params, shapes: [first, second], images, targets, owners }
    }

    fn record(&self, tape: &mut Tape<f32>, owned: bool) {
        tape.clear();
        let find = |name: &str, end: &str| self.params.find(&format!("{name}.{end}")).unwrap();
        let mut h = tape.input(&self.images, self.shapes[0].n_inputs());
        for (shape, name) in self.shapes.into_iter().zip(["0", "1"]) {
            h = tape.conv(&self.params, h, find(name, "w"), find(name, "b"), shape);
        }
        let (w, b) = (find("heads", "w"), find("heads", "b"));
        let y = tape.linear(&self.params, h, w, b, Activation::Identity);
        if owned {
            let groups = Some(Groups { of_row: &self.owners, n: Self::TASKS });
            let spec = LossSpec::new(LossKind::Squared, &self.targets);
            tape.loss(y, 0..1, &LossSpec { groups, ..spec });
        } else {
            for task in 0..Self::TASKS {
                let spec = LossSpec::new(LossKind::Squared, &self.targets);
                tape.loss(y, task..task + 1, &spec);
            }
        }
    }
}

#[test]
fn rows_of_the_jacobian_are_single_walks_back() {
    let net = Net::new(40);
    for owned in [false, true] {
        let mut tape = Tape::new();
        net.record(&mut tape, owned);
        let (mut jacobian, mut rows) = (Jacobian::new(), Vec::new());
        tape.jacobian(&net.params, &mut jacobian);
        jacobian.rows(&mut rows);
        let n_shared = jacobian.n_shared();
        assert!(n_shared >= 60 + 660, "the convolutions are shared");
        let mut gradient = vec![0.0; net.params.len()];
        for task in 0..Net::TASKS {
            let mut weights = [0.0; Net::TASKS];
            weights[task] = 1.0;
            tape.backward(&net.params, &weights, &mut gradient);
            let single: Vec<f64> = gradient[..n_shared].iter().map(|g| g.double()).collect();
            assert!(single.iter().any(|g| g.abs() > 1e-3), "a test of something");
            near(&rows[task * n_shared..][..n_shared], &single, 2e-6);
        }
        let weights = [0.5, -2.0, 1.5];
        tape.backward(&net.params, &weights, &mut gradient);
        let expected: Vec<f64> = gradient.iter().map(|g| g.double()).collect();
        jacobian.combine(&weights, HeadGradient::Weighted, &mut gradient);
        near(&gradient, &expected, 2e-6);
    }
}

#[test]
fn threads_change_no_bit() {
    // More images than chunks, the last of which is smaller, and fewer.
    for n_rows in [1, 5, 100] {
        let net = Net::new(n_rows);
        let run = |n_threads: usize| {
            let mut tape = Tape::with_threads(n_threads);
            net.record(&mut tape, false);
            let (mut jacobian, mut rows) = (Jacobian::new(), Vec::new());
            tape.jacobian(&net.params, &mut jacobian);
            jacobian.rows(&mut rows);
            let mut gradient = vec![0.0; net.params.len()];
            tape.backward(&net.params, &[1.0; Net::TASKS], &mut gradient);
            (tape.losses().to_vec(), gradient, rows)
        };
        let one = run(1);
        assert!(one.1.iter().any(|g| *g != 0.0));
        for n_threads in [2, 3, 8] {
            assert!(run(n_threads) == one, "{n_rows} images, {n_threads} threads");
        }
    }
}

#[test]
fn rows_of_nobody_have_no_gradient() {
    let mut net = Net::new(6);
    net.owners.fill(9);
    let mut tape = Tape::new();
    net.record(&mut tape, true);
    let (mut jacobian, mut rows) = (Jacobian::new(), Vec::new());
    tape.jacobian(&net.params, &mut jacobian);
    jacobian.rows(&mut rows);
    assert!(!rows.is_empty() && rows.iter().all(|row| *row == 0.0));
}

/// A value and both gradients on the given vector unit.
#[cfg(target_arch = "x86_64")]
fn on<S: pulp::Simd>(simd: S, shape: &ConvShape) -> [Vec<f32>; 3] {
    let (n_inputs, n_outputs) = (shape.n_inputs(), shape.n_outputs());
    let single = |n: usize, name: &str| -> Vec<f32> {
        let mut stream = Seed(3).stream("test", name, 0);
        (0..2 * n).map(|_| f32::from_f64(normal(&mut stream))).collect()
    };
    let (images, stack) = (single(n_inputs, "images"), single(n_outputs, "stack"));
    let params = params::<f32>(shape);
    let [w, b] = ["w", "b"].map(|name| params.get(params.find(name).unwrap()));
    let mut buffers = Buffers::default();
    buffers.prepare(shape, [w, b], 1);
    let (mut values, mut codes) = (vec![0.0; 2 * n_outputs], vec![0; 2 * n_outputs]);
    let Buffers { weight, bias, places, rows, .. } = &mut buffers;
    simd.vectorize(Forward {
        shape: *shape,
        images: &images,
        weight,
        bias,
        places,
        values: &mut values,
        codes: &mut codes,
        buffers: &mut rows[0],
    });
    let mut sums = WeightSums::default();
    sums.clear(shape, 1, padding::<f32>());
    simd.vectorize(weights::WeightGradient {
        shape: *shape,
        images: &images,
        codes: &codes,
        stack: &stack,
        slots: &[0, 0],
        places,
        sums: &mut sums,
    });
    let run = shape.patch().run;
    let runs = sums.weight.chunks_exact(run.next_multiple_of(padding::<f32>()));
    let of_weight = runs.flat_map(|padded| padded[..run].to_vec()).collect();
    let mut of_images = vec![0.0; 2 * n_inputs];
    let mut table = Table::default();
    table.fill(shape, w, padding::<f32>());
    let mut input = InputBuffers::default();
    input.clear(shape, padding::<f32>());
    simd.vectorize(inputs::InputGradient {
        shape: *shape,
        table: &table,
        windows: &places.windows,
        codes: &codes,
        stack: &stack,
        into: &mut of_images,
        layers: &[0],
        input_layers: 1,
        add: false,
        buffers: &mut input,
    });
    [values, of_weight, of_images]
}

#[cfg(target_arch = "x86_64")]
#[test]
fn every_vector_unit_gives_the_same_sums() {
    let Some(narrow) = pulp::x86::V3::try_new() else { return };
    for shape in &SHAPES {
        let sums = on(narrow, shape);
        for (sums, plain) in sums.iter().zip(on(pulp::Scalar, shape)) {
            let plain: Vec<f64> = plain.iter().map(|sum| sum.double()).collect();
            near(sums, &plain, 1e-5);
        }
        if let Some(wide) = pulp::x86::V4::try_new() {
            // Both fuse, so not a bit differs.
            assert_eq!(sums, on(wide, shape), "{shape:?}");
        }
    }
}
