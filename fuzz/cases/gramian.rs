//! Gradients of any length, with zero, repeated and opposed rows, through every solver and every
//! balancing method, for three steps.
//!
//! Besides not panicking: answers are finite, a solver's answer fulfills the conditions of its
//! problem, and a method that promises to harm no task harms none where it says that it has an
//! answer.

use serde_json::Map;
use torso_balance::{
    BalanceMethod, Balancer, Claim, LossForm, Rows, Setup, Status, StepView, methods,
};
use torso_core::seed::Seed;
use torso_math::{
    DualCone, Gramian, NonnegativeQp, Rotation, min_norm, minimize_barrier, project_onto_simplex,
};

/// A Gramian does not hold what two rows differ by below the square root of rounding.
const HIDDEN: f64 = 1e-6;

/// The bytes of an input, one by one, and zeros behind them.
struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    /// A number from 1 to `most`.
    fn size(&mut self, most: u8) -> usize {
        usize::from(self.next() % most) + 1
    }

    /// A number from `-limit` to `limit`.
    fn signed(&mut self, limit: i8) -> i32 {
        i32::from(self.next().cast_signed() % (limit + 1))
    }

    /// A power of ten from 1e-30 to 1e30.
    fn scale(&mut self) -> f64 {
        10f64.powi(self.signed(30))
    }
}

/// What the methods see of a step.
struct Step {
    tasks: Vec<usize>,
    losses: Vec<f64>,
    jacobian: Vec<f64>,
    /// `J1 J2'` of two further batches.
    cross: Vec<f64>,
}

impl Step {
    fn read(bytes: &mut Bytes, n_tasks: usize, width: usize) -> Self {
        let present = bytes.next();
        let mut tasks: Vec<usize> = (0..n_tasks).filter(|task| present >> task & 1 == 0).collect();
        if tasks.is_empty() {
            tasks.push(0);
        }
        let n = tasks.len();
        let losses = (0..n).map(|_| f64::from(bytes.next() % 4) * bytes.scale()).collect();
        let jacobian = rows(bytes, n, width);
        let other = rows(bytes, n, width);
        let row = |of: &[f64], i: usize| of[i * width..][..width].to_vec();
        let product = |at: usize| {
            let (a, b) = (row(&jacobian, at / n), row(&other, at % n));
            a.iter().zip(&b).map(|(a, b)| a * b).sum()
        };
        let cross = (0..n * n).map(product).collect();
        Self { tasks, losses, jacobian, cross }
    }

    fn view(&self, step: usize) -> StepView<'_> {
        let Self { tasks, losses, cross, .. } = self;
        StepView { tasks, losses, cross, step, epoch: step }
    }
}

/// Rows of small whole numbers, so that some are equal, opposed or dependent, each times a power of
/// ten.
fn rows(bytes: &mut Bytes, n: usize, width: usize) -> Vec<f64> {
    let mut rows = Vec::with_capacity(n * width);
    for _ in 0..n {
        let scale = bytes.scale();
        rows.extend((0..width).map(|_| f64::from(bytes.signed(3)) * scale));
    }
    rows
}

pub(crate) fn check(bytes: &[u8]) {
    let mut bytes = Bytes(bytes.iter());
    let chosen = usize::from(bytes.next() % 64);
    let (n_tasks, width) = (bytes.size(8), bytes.size(10));
    let steps: Vec<Step> = (0..3).map(|_| Step::read(&mut bytes, n_tasks, width)).collect();
    match methods().get(chosen) {
        Some(entry) => check_method(entry, n_tasks, &steps),
        None => steps.iter().for_each(|step| check_solvers(step, &mut bytes)),
    }
}

fn check_method(entry: &BalanceMethod, n_tasks: usize, steps: &[Step]) {
    let forms = [LossForm::Squared, LossForm::CrossEntropy];
    let forms: Vec<LossForm> = (0..n_tasks).map(|task| forms[task % 2]).collect();
    let setup = Setup { forms: &forms, settings: &Map::new(), trial: 1, seed: Seed(1) };
    let mut balancer = (entry.build)(&setup).unwrap_or_else(|error| panic!("{error}"));
    for (number, step) in steps.iter().enumerate() {
        let (n, view) = (step.tasks.len(), step.view(number));
        let rows = Rows::new(n, &step.jacobian);
        let gramian = rows.gramian();
        let (mut weights, mut direction) = (vec![f64::NAN; n], vec![f64::NAN; rows.width()]);
        let status = match &mut balancer {
            Balancer::Scalarizer(method) => {
                let status = method.weigh(&view, &mut weights);
                method.after_step(&view, &step.losses.iter().map(|l| 0.9 * l).collect::<Vec<_>>());
                status
            }
            Balancer::Weighting(method) => method.weigh(&gramian, &view, &mut weights),
            Balancer::Aggregator(method) => method.aggregate(rows, &view, &mut direction),
        };
        let answer =
            if matches!(balancer, Balancer::Aggregator(_)) { &direction } else { &weights };
        let finite = answer.iter().all(|value| value.is_finite());
        assert!(finite, "{}, step {number}: {answer:?}, {status}", entry.method.id);
        let kept = balancer.state().concat();
        assert!(kept.iter().all(|value| !value.is_nan()), "{}: {kept:?}", entry.method.id);
        if entry.claims.contains(&Claim::NonConflicting) && status == Status::Solved {
            assert_no_harm(&gramian, &weights, &weights, entry.method.id);
        }
    }
}

/// `J d >= 0`, beside the sizes of the `terms` that made the weights.
fn assert_no_harm(gramian: &Gramian, weights: &[f64], terms: &[f64], id: &str) {
    let norms: Vec<f64> = gramian.diagonal().map(f64::sqrt).collect();
    let size: f64 = norms.iter().zip(terms).map(|(norm, term)| norm * term.abs()).sum();
    for (reach, norm) in gramian.times(weights).iter().zip(&norms) {
        assert!(*reach >= -HIDDEN * norm * size, "{id}: {reach:e} {gramian:?} {weights:?}");
    }
}

fn check_solvers(step: &Step, bytes: &mut Bytes) {
    let n = step.tasks.len();
    let gramian = Gramian::of_rows(n, &step.jacobian);
    let wanted: Vec<f64> = (0..n).map(|_| f64::from(bytes.signed(3))).collect();
    check_nonnegative_qp(&gramian, &wanted);
    if let Ok(weights) = DualCone::new(&gramian).project(&wanted, 0.0) {
        // The weights are `wanted + z`, of which little may be left.
        let terms: Vec<f64> = weights.iter().zip(&wanted).map(|(w, u)| w.abs() + u.abs()).collect();
        assert_no_harm(&gramian, &weights, &terms, "dual cone");
    }
    check_min_norm(&gramian);
    check_barrier(&gramian);
    check_eigen(&gramian);
    check_simplex(&step.losses);
    check_rotation(&step.jacobian, bytes);
}

/// `z >= 0`, `G z - b >= 0`, and 0 where `z > 0`.
fn check_nonnegative_qp(gramian: &Gramian, wanted: &[f64]) {
    let b = gramian.times(wanted);
    let mut z = vec![0.0; b.len()];
    if NonnegativeQp::new(gramian).solve(&b, &mut z).is_err() {
        return;
    }
    let norms: Vec<f64> = gramian.diagonal().map(f64::sqrt).collect();
    let reach: f64 =
        norms.iter().zip(z.iter().zip(wanted)).map(|(g, (z, u))| g * (z + u.abs())).sum();
    for (i, product) in gramian.times(&z).iter().enumerate() {
        assert!(z[i] >= 0.0 && z[i].is_finite(), "{z:?}");
        let slope = product - b[i];
        let broken = if z[i] > 0.0 { slope.abs() } else { -slope };
        assert!(broken <= HIDDEN * norms[i] * reach, "{broken:e}: {gramian:?} {wanted:?} {z:?}");
    }
}

/// On the simplex, and every row reaches at least the squared norm.
fn check_min_norm(gramian: &Gramian) {
    let weights = min_norm(gramian).unwrap_or_else(|failure| panic!("{failure:?}: {gramian:?}"));
    assert!(weights.iter().all(|w| *w >= 0.0), "{weights:?}");
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{weights:?}");
    let square = gramian.squared_norm(&weights);
    let largest = gramian.diagonal().fold(0.0, f64::max);
    for reach in gramian.times(&weights) {
        assert!(reach - square >= -HIDDEN * largest, "{gramian:?} {weights:?}");
    }
}

/// `a > 0` and `a_i (G a)_i = 1`, beside the terms of these sums.
fn check_barrier(gramian: &Gramian) {
    if gramian.diagonal().any(|square| square <= 0.0) {
        return;
    }
    match minimize_barrier(gramian, &vec![1.0; gramian.n()], 1.0) {
        Ok(a) => {
            for (i, own) in a.iter().enumerate() {
                let terms = || gramian.row(i).iter().zip(&a).map(|(g, a)| own * g * a);
                let (sum, size): (f64, f64) = (terms().sum(), terms().map(f64::abs).sum());
                let solved = (sum - 1.0).abs() < 1e-6 + 1e-14 * size;
                assert!(*own > 0.0 && solved, "{gramian:?} {a:?} {sum:e}");
            }
        }
        Err(failure) => assert!(!failure.residual.is_nan(), "{gramian:?} {failure:?}"),
    }
}

/// `G v = lambda v`.
fn check_eigen(gramian: &Gramian) {
    let eigen = gramian.eigen().expect("a finite matrix has eigenvalues");
    let largest = gramian.trace();
    for (k, value) in eigen.values.iter().enumerate() {
        let vector = eigen.vector(k);
        for (product, v) in gramian.times(vector).iter().zip(vector) {
            assert!((product - value * v).abs() <= 1e-9 * largest, "{gramian:?} {eigen:?}");
        }
    }
}

fn check_simplex(values: &[f64]) {
    let mut weights = values.to_vec();
    project_onto_simplex(&mut weights);
    assert!(weights.iter().all(|w| *w >= 0.0), "{values:?} {weights:?}");
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{values:?} {weights:?}");
}

/// `R' R = I` after a turn.
fn check_rotation(from: &[f64], bytes: &mut Bytes) {
    let k = (1..5).rev().find(|k| from.len().is_multiple_of(*k)).unwrap_or(1);
    let to = rows(bytes, from.len() / k, k);
    let mut rotation = Rotation::identity(k);
    rotation.turn(from, &to, 0.5);
    rotation.turn(from, &to, 0.5);
    let columns = |i: usize| rotation.data().iter().skip(i).step_by(k);
    for at in 0..k * k {
        let product: f64 = columns(at / k).zip(columns(at % k)).map(|(a, b)| a * b).sum();
        let expected = if at / k == at % k { 1.0 } else { 0.0 };
        assert!((product - expected).abs() < 1e-9, "{from:?} {to:?} {rotation:?}");
    }
}
