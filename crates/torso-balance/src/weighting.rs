//! Methods that see the Gramian of the tasks' gradients and give weights.

use torso_math::{Gramian, QpFailure};

use crate::{BalanceMethod, State, Status, StepView};

pub mod aligned_mtl;
pub mod cagrad;
pub mod config;
pub mod cr_mogm;
pub mod dualproj;
pub mod fairgrad;
pub mod gradnorm;
pub mod gradvac;
pub mod imtl_g;
pub mod krum;
pub mod mgda;
pub mod modo;
pub mod nash_mtl;
pub mod pcgrad;
pub mod rotograd;
pub mod sdmgrad;
pub mod upgrad;

/// Every weighting, by id.
pub(crate) const METHODS: &[&BalanceMethod] = &[
    &aligned_mtl::METHOD,
    &cagrad::METHOD,
    &config::METHOD,
    &cr_mogm::METHOD,
    &dualproj::METHOD,
    &fairgrad::METHOD,
    &gradnorm::METHOD,
    &gradvac::METHOD,
    &imtl_g::METHOD,
    &krum::METHOD,
    &mgda::METHOD,
    &modo::METHOD,
    &nash_mtl::METHOD,
    &pcgrad::METHOD,
    &rotograd::METHOD,
    &sdmgrad::METHOD,
    &upgrad::METHOD,
];

/// Weighs the tasks' gradients: the direction is `d = J' weights`.
pub trait Weighting: State + Send {
    /// Writes the weight of each task in view, `[n]`; `gramian` is `[n, n]`.
    fn weigh(&mut self, gramian: &Gramian, view: &StepView, weights: &mut [f64]) -> Status;

    /// How far the rotations of a method that asks for them with
    /// [`Sees::Rotated`](crate::Sees::Rotated) turn in a step, in radians.
    fn rotation_rate(&self) -> f64 {
        0.0
    }
}

/// The preferences of the tasks in view, scaled to sum 1.
fn of_view(preference: &[f64], view: &StepView) -> Vec<f64> {
    let own = view.tasks.iter().map(|&task| preference[task]);
    let sum: f64 = own.clone().sum();
    own.map(|p| if sum > 0.0 { p / sum } else { 0.0 }).collect()
}

/// `G + epsilon trace(G) I`.
fn regularized(gramian: &Gramian, epsilon: f64) -> Gramian {
    let (n, more) = (gramian.n(), epsilon * gramian.trace());
    let mut data = gramian.data().to_vec();
    data.iter_mut().step_by(n + 1).for_each(|diagonal| *diagonal += more);
    Gramian::new(n, data)
}

/// What a failed quadratic program means for a projection, which always has an answer.
fn unsolved(failure: QpFailure) -> Status {
    match failure {
        QpFailure::Unbounded => Status::NoSolution {
            why: "rounding hides the projection",
            instead: "the task's own gradient was left out",
        },
        QpFailure::NotConverged => Status::NotConverged { residual: f64::NAN },
    }
}

/// A direction in the tests: `J d` of the weights' direction.
#[cfg(test)]
pub(crate) mod testing {
    use serde_json::{Map, Value};
    use torso_core::seed::{Seed, Stream, normal};

    use super::*;
    use crate::{Balancer, LossForm, Setup};

    /// The golden Jacobian `[[-4, 1, 1], [6, 1, 1]]`.
    pub(crate) const J2: [f64; 6] = [-4.0, 1.0, 1.0, 6.0, 1.0, 1.0];

    /// A weighting at work, with settings as JSON.
    pub(crate) fn build(entry: &BalanceMethod, n: usize, settings: &str) -> Box<dyn Weighting> {
        let settings: Map<String, Value> = serde_json::from_str(settings).unwrap();
        let forms = vec![LossForm::Squared; n];
        let setup = Setup { forms: &forms, settings: &settings, trial: 0, seed: Seed(1) };
        match (entry.build)(&setup) {
            Ok(Balancer::Weighting(method)) => method,
            Ok(_) => panic!("`{}` is no weighting", entry.method.id),
            Err(error) => panic!("{error}"),
        }
    }

    /// The weights of a first step on `jacobian [n, width]` with losses of 1, and the status.
    pub(crate) fn weigh(
        entry: &BalanceMethod,
        n: usize,
        jacobian: &[f64],
        settings: &str,
    ) -> (Vec<f64>, Status) {
        let (tasks, losses): (Vec<usize>, Vec<f64>) = (0..n).map(|t| (t, 1.0)).unzip();
        let view = StepView { tasks: &tasks, losses: &losses, cross: &[], step: 0, epoch: 0 };
        let mut weights = vec![f64::NAN; n];
        let gramian = Gramian::of_rows(n, jacobian);
        let status = build(entry, n, settings).weigh(&gramian, &view, &mut weights);
        (weights, status)
    }

    /// `J' w`.
    pub(crate) fn direction(jacobian: &[f64], w: &[f64]) -> Vec<f64> {
        let mut direction = vec![0.0; jacobian.len() / w.len()];
        crate::Rows::new(w.len(), jacobian).combine(w, &mut direction);
        direction
    }

    /// A random Jacobian `[n, width]` of the given rank, its rows leaning to one side by `lean`.
    pub(crate) fn random_jacobian(
        n: usize,
        width: usize,
        rank: usize,
        lean: f64,
        stream: &mut Stream,
    ) -> Vec<f64> {
        let left: Vec<f64> = (0..n * rank).map(|_| normal(stream) + lean).collect();
        let right: Vec<f64> = (0..rank * width).map(|_| normal(stream)).collect();
        let at = |i: usize, j: usize| -> f64 {
            (0..rank).map(|k| left[i * rank + k] * right[k * width + j]).sum()
        };
        (0..n * width).map(|at_| at(at_ / width, at_ % width)).collect()
    }

    /// Fails unless the numbers agree to `tolerance`.
    #[track_caller]
    pub(crate) fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= tolerance, "found {found:?}, expected {expected:?}");
        }
    }
}
