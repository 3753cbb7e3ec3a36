//! The rotations through which tasks read a representation, turned as a method asks for it.

use torso_math::Rotation;
use torso_tape::{ParamId, Params, Tape, Var};

/// One rotation for each task, in double precision; the network reads them in single.
pub(crate) struct Rotations {
    of_task: Vec<Rotation>,
    rate: f64,
}

impl Rotations {
    /// Rotations of `width` numbers that turn nothing yet.
    pub(crate) fn new(n_tasks: usize, width: usize, rate: f64) -> Self {
        Self { of_task: vec![Rotation::identity(width); n_tasks], rate }
    }

    /// Rotations as they were kept, `[n_tasks][width * width]`.
    pub(crate) fn resumed(matrices: Vec<Vec<f64>>, width: usize, rate: f64) -> Self {
        let rotation = |data| Rotation::from_data(width, data);
        Self { of_task: matrices.into_iter().map(rotation).collect(), rate }
    }

    /// All rotations, row-major.
    pub(crate) fn matrices(&self) -> impl Iterator<Item = &[f64]> {
        self.of_task.iter().map(Rotation::data)
    }

    /// Turns every rotation by a step, such that the tasks' gradients of the representation come
    /// nearer to their mean at one length; after a walk back to the representation.
    pub(crate) fn turn(&mut self, tape: &Tape<f32>, representation: Var, rotated: &[Var]) {
        let at = |var: Var, task: usize| {
            let mut gradient = Vec::new();
            tape.gradient_at(var, task, &mut gradient);
            gradient
        };
        let gradients = (0..rotated.len()).map(|task| at(representation, task));
        let reference = reference(&gradients.collect::<Vec<_>>());
        for (task, (rotation, &var)) in self.of_task.iter_mut().zip(rotated).enumerate() {
            rotation.turn(&reference, &at(var, task), self.rate);
        }
    }

    /// Writes the rotations into the network's parameters.
    pub(crate) fn write(&self, params: &mut Params<f32>, ids: &[ParamId]) {
        for (rotation, &id) in self.of_task.iter().zip(ids) {
            for (param, value) in params.get_mut(id).iter_mut().zip(rotation.data()) {
                #[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
                let value = *value as f32;
                *param = value;
            }
        }
    }
}

/// The sum of the gradients at length 1; the first one where they cancel out.
fn reference(gradients: &[Vec<f64>]) -> Vec<f64> {
    let norm = |v: &[f64]| v.iter().map(|g| g * g).sum::<f64>().sqrt();
    let mut sum = vec![0.0; gradients.first().map_or(0, Vec::len)];
    let mut first: Option<Vec<f64>> = None;
    for gradient in gradients {
        let length = norm(gradient);
        if length > 0.0 {
            sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g / length);
            first = first.or_else(|| Some(gradient.clone()));
        }
    }
    let cancelled = norm(&sum) < 1e-6;
    first.filter(|_| cancelled).unwrap_or(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_the_mean_at_one_length_or_the_first() {
        let sum = reference(&[vec![3.0, 0.0], vec![0.0, 0.0], vec![0.0, 0.5]]);
        assert!((sum[0] - 1.0).abs() < 1e-15 && (sum[1] - 1.0).abs() < 1e-15);
        assert_eq!(reference(&[vec![2.0, 1.0], vec![-4.0, -2.0]]), [2.0, 1.0]);
    }
}
