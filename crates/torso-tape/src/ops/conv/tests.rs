use torso_core::seed::Seed;

use super::ConvShape;
use crate::{Activation, Init, LossKind, LossSpec, Params, Scalar, Tape};

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
    [cell_y, cell_x, filter]: [usize; 3],
) -> (f64, Vec<[usize; 2]>) {
    let ConvShape { width, channels, filters, kernel, pool, .. } = *shape;
    let mut best = (0.0, Vec::new());
    for (dy, dx) in (0..pool).flat_map(|dy| (0..pool).map(move |dx| (dy, dx))) {
        let mut reads = Vec::new();
        for ky in 0..kernel {
            for kx in 0..kernel {
                for channel in 0..channels {
                    let (y, x) = (cell_y * pool + dy + ky, cell_x * pool + dx + kx);
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
    for at in 0..n_outputs {
        let (cell, filter) = (at / shape.filters, at % shape.filters);
        let place = [cell / shape.out_width(), cell % shape.out_width(), filter];
        let (value, reads) = output(shape, &images, &weight, &bias, place);
        values.push(value);
        let s = slope * heads[at];
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
