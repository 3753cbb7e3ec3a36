use super::*;

const NAN: f64 = f64::NAN;

/// The losses of `outputs` `[rows, width]`, and the tape.
fn losses(outputs: &[f64], width: usize, spec: &LossSpec<f64>) -> (Vec<f64>, Vec<u32>) {
    let mut tape = Tape::new();
    let x = tape.input(outputs, width);
    tape.loss(x, 0..width, spec);
    (tape.losses().to_vec(), tape.observed().to_vec())
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
}

#[test]
fn a_loss_is_the_mean_over_observed_labels() {
    let (loss, observed) =
        losses(&[1.0, 5.0, 2.0], 1, &LossSpec::new(LossKind::Squared, &[0.0, NAN, 5.0]));
    close(loss[0], f64::midpoint(1.0, 9.0));
    assert_eq!(observed, [2]);
    let (loss, observed) = losses(&[1.0, 2.0], 1, &LossSpec::new(LossKind::Squared, &[NAN, NAN]));
    assert_eq!((loss[0], observed[0]), (0.0, 0));
}

#[test]
fn each_kind_follows_its_formula() {
    let one = |kind, z: &[f64], y: f64| losses(z, z.len(), &LossSpec::new(kind, &[y])).0[0];
    close(one(LossKind::Huber { delta: 1.0 }, &[0.5], 0.0), 0.25);
    close(one(LossKind::Huber { delta: 1.0 }, &[-3.0], 0.0), 5.0);
    close(one(LossKind::BinaryCrossEntropy, &[0.3], 1.0), -(1.0 / (1.0 + (-0.3f64).exp())).ln());
    close(one(LossKind::BinaryCrossEntropy, &[800.0], 0.0), 800.0);
    let z = [0.2, -1.0, 0.7];
    let total: f64 = z.iter().map(|z: &f64| z.exp()).sum();
    close(one(LossKind::SoftmaxCrossEntropy, &z, 2.0), -(0.7f64.exp() / total).ln());
    close(one(LossKind::SoftmaxCrossEntropy, &[900.0, 0.0], 1.0), 900.0);
}

#[test]
fn weights_of_rows_and_classes_make_a_weighted_mean() {
    let spec = LossSpec {
        row_weights: &[1.0, 2.0, 0.0],
        class_weights: &[1.0, 3.0],
        ..LossSpec::new(LossKind::BinaryCrossEntropy, &[0.0, 1.0, 1.0])
    };
    let (loss, observed) = losses(&[0.0, 1.0, 9.0], 1, &spec);
    let of = |z: f64, y: f64| (1.0 + z.exp()).ln() - y * z;
    close(loss[0], (of(0.0, 0.0) + 6.0 * of(1.0, 1.0)) / 7.0);
    assert_eq!(observed, [2], "a row of weight 0 is not observed");
}

#[test]
fn groups_have_losses_of_their_own() {
    let groups = Some(Groups { of_row: &[2, 0, 2, u32::MAX], n: 3 });
    let spec = LossSpec { groups, ..LossSpec::new(LossKind::Squared, &[0.0, 0.0, 0.0, 0.0]) };
    let (loss, observed) = losses(&[1.0, 2.0, 3.0, 9.0], 1, &spec);
    assert_eq!(observed, [1, 0, 2]);
    [4.0, 0.0, 5.0].into_iter().zip(loss).for_each(|(expected, found)| close(found, expected));
}
