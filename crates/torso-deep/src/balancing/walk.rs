//! Walking back with a gradient for each task as far as a method must see it, and on with one.

use torso_balance::{Balancer, Gramian, Rows, Sees, Status};
use torso_tape::{HeadGradient, Tape, Var};

use super::{Balancing, Pass, Rotations};
use crate::network::Cuts;
use crate::settings::TaskGradients;

/// How far the walk back has come.
#[derive(Clone, Copy)]
pub(super) enum Walk {
    Nowhere,
    /// A gradient for each task down to a cut.
    To(Var),
    /// A gradient for each task all the way.
    Whole,
}

impl Balancing {
    /// Walks back as far as the method must see, and gives the Gramian of the tasks in view;
    /// `None` where the weights need no new one.
    pub(super) fn gramian(
        &mut self,
        pass: &Pass,
        tape: &mut Tape<f32>,
        cuts: Option<&Cuts>,
    ) -> (Walk, Option<Gramian>) {
        let params = &pass.network.params;
        let mut all = Vec::new();
        let trunk = || cuts.expect("refused where there is no trunk");
        let walk = match self.sees {
            Sees::Losses | Sees::LossesAfter if !self.equal_norm => {
                if self.log.looks_at(pass.step) {
                    self.look_at_conflict(pass, tape);
                }
                return (Walk::Nowhere, None);
            }
            Sees::LastLayerGramian => {
                let cut = trunk().last_layer;
                tape.jacobian_above(params, cut, &mut self.jacobian);
                self.jacobian.gramian(&mut all);
                Walk::To(cut)
            }
            Sees::Rotated => {
                let cuts = trunk();
                tape.jacobian_above(params, cuts.representation, &mut self.jacobian);
                tape.gramian_at(params, cuts.representation, &mut all);
                self.turn(tape, cuts);
                Walk::To(cuts.representation)
            }
            _ => match self.gradients {
                TaskGradients::Steps if !pass.step.is_multiple_of(self.gradient_steps) => {
                    return (Walk::Nowhere, None);
                }
                TaskGradients::Exact | TaskGradients::Steps => {
                    tape.task_gradients(params, &mut self.jacobian);
                    tape.gramian(&self.jacobian, &mut all);
                    Walk::Whole
                }
                TaskGradients::Representation => {
                    let cut = trunk().representation;
                    tape.jacobian_above(params, cut, &mut self.jacobian);
                    tape.gramian_at(params, cut, &mut all);
                    Walk::To(cut)
                }
                TaskGradients::Rows => {
                    self.sample.gramian(pass, &mut all);
                    Walk::Nowhere
                }
            },
        };
        if self.sees == Sees::IndependentBatches {
            let cross = self.sample.cross(pass);
            select(&cross, self.weights.len(), &self.seen.tasks, &mut self.seen.cross);
        }
        let mut own = Vec::new();
        select(&all, self.weights.len(), &self.seen.tasks, &mut own);
        let gramian = Gramian::new(self.seen.tasks.len(), own);
        if self.weights.len() < 2 || (matches!(walk, Walk::Whole) && self.jacobian.n_shared() == 0)
        {
            self.nothing_shared();
            return (walk, None);
        }
        self.log.see(&self.seen.tasks, &gramian);
        (walk, Some(gramian))
    }

    /// Notes how the tasks' gradients lie to each other, for the record alone: the step is the same.
    fn look_at_conflict(&mut self, pass: &Pass, tape: &mut Tape<f32>) {
        let (mut all, mut own) = (Vec::new(), Vec::new());
        tape.task_gradients(&pass.network.params, &mut self.jacobian);
        if self.jacobian.n_shared() > 0 {
            tape.gramian(&self.jacobian, &mut all);
            select(&all, self.weights.len(), &self.seen.tasks, &mut own);
            self.log.see(&self.seen.tasks, &Gramian::new(self.seen.tasks.len(), own));
        }
    }

    /// Turns the rotations by what the tasks' gradients of the representation ask for.
    fn turn(&mut self, tape: &Tape<f32>, cuts: &Cuts) {
        let Balancer::Weighting(method) = &self.balancer else { return };
        let [_, width] = tape.shape(cuts.representation);
        let new = || Rotations::new(self.weights.len(), width, method.rotation_rate());
        let rotations = self.rotations.get_or_insert_with(new);
        rotations.turn(tape, cuts.representation, &cuts.rotated);
    }

    fn nothing_shared(&mut self) {
        self.log.note(Status::NoSolution {
            why: "nothing is shared",
            instead: "every task followed its own gradient",
        });
    }

    /// Combines the tasks' gradients by the weights, and goes on below the cut.
    pub(super) fn combine(
        &mut self,
        walk: Walk,
        pass: &Pass,
        tape: &mut Tape<f32>,
        cuts: Option<&Cuts>,
        gradient: &mut [f32],
    ) {
        #[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
        let weights: Vec<f32> = self.weights.iter().map(|w| *w as f32).collect();
        let params = &pass.network.params;
        let (walk, cut) = match (walk, cuts) {
            (Walk::Nowhere, _) if self.heads == HeadGradient::Weighted => {
                tape.backward(params, &weights, gradient);
                return;
            }
            (Walk::Nowhere, Some(cuts)) => {
                tape.jacobian_above(params, cuts.representation, &mut self.jacobian);
                (walk, Some(cuts.representation))
            }
            (Walk::Nowhere, None) => {
                tape.task_gradients(params, &mut self.jacobian);
                (Walk::Whole, None)
            }
            (Walk::To(cut), _) => (walk, Some(cut)),
            (Walk::Whole, _) => (walk, None),
        };
        match walk {
            Walk::Whole => tape.combine(params, &self.jacobian, &weights, self.heads, gradient),
            _ => self.jacobian.combine(&weights, self.heads, gradient),
        }
        for &rotation in pass.network.rotations() {
            gradient[params.range(rotation).span()].fill(0.0);
        }
        if let Some(cut) = cut {
            tape.backward_below(params, cut, &weights, gradient);
        }
    }

    /// A method that makes its direction of the gradients themselves.
    pub(super) fn aggregate(&mut self, pass: &Pass, tape: &mut Tape<f32>, gradient: &mut [f32]) {
        let Balancer::Aggregator(method) = &mut self.balancer else { return };
        tape.jacobian(&pass.network.params, &mut self.jacobian);
        let width = self.jacobian.n_shared();
        if width == 0 || self.seen.tasks.is_empty() {
            self.jacobian.place(&vec![0.0; width], gradient);
            self.nothing_shared();
            return;
        }
        let mut all = Vec::new();
        self.jacobian.rows(&mut all);
        let row = |task: &usize| all[task * width..][..width].iter().map(|g| f64::from(*g));
        let rows: Vec<f64> = self.seen.tasks.iter().flat_map(row).collect();
        let rows = Rows::new(self.seen.tasks.len(), &rows);
        let mut direction = vec![0.0; width];
        let status = method.aggregate(rows, &self.seen.view(), &mut direction);
        self.log.note(status);
        self.weights.fill(f64::NAN);
        let gramian = rows.gramian();
        self.log.see(&self.seen.tasks, &gramian);
        self.jacobian.place(&direction, gradient);
        if self.equal_norm {
            let norm = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
            self.equalize(&gramian, norm, gradient);
        }
    }

    /// Gives the shared part of the gradient the norm that a sum of orthogonal task gradients of
    /// these lengths has, so that one learning rate fits all methods.
    pub(super) fn equalize(&self, gramian: &Gramian, norm: f64, gradient: &mut [f32]) {
        let target = gramian.trace().sqrt();
        if norm > 1e-9 * target {
            #[expect(clippy::cast_possible_truncation, reason = "the tape runs in f32")]
            self.jacobian.scale_shared((target / norm) as f32, gradient);
        }
    }
}

/// Some rows and columns of a matrix `[n, n]`.
fn select(all: &[f64], n: usize, tasks: &[usize], own: &mut Vec<f64>) {
    own.clear();
    for i in tasks {
        own.extend(tasks.iter().map(|j| all[i * n + j]));
    }
}
