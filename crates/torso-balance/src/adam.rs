//! Adam (Kingma and Ba 2015, with its defaults) for the numbers that a method learns, one a task.

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The moments of each task's number.
pub(crate) struct Adam {
    lr: f64,
    first: Vec<f64>,
    second: Vec<f64>,
    /// Steps so far, each task's own: a task that is not in view is not stepped.
    steps: Vec<f64>,
}

impl Adam {
    /// For `n_tasks` numbers.
    pub(crate) fn new(n_tasks: usize, lr: f64) -> Self {
        Self {
            lr,
            first: vec![0.0; n_tasks],
            second: vec![0.0; n_tasks],
            steps: vec![0.0; n_tasks],
        }
    }

    /// What to add to a task's number, given the slope of the objective along it.
    pub(crate) fn step(&mut self, task: usize, slope: f64) -> f64 {
        let (first, second) = (&mut self.first[task], &mut self.second[task]);
        self.steps[task] += 1.0;
        *first = BETA_1 * *first + (1.0 - BETA_1) * slope;
        *second = BETA_2 * *second + (1.0 - BETA_2) * slope * slope;
        let first = *first / (1.0 - BETA_1.powf(self.steps[task]));
        let second = *second / (1.0 - BETA_2.powf(self.steps[task]));
        -self.lr * first / (second.sqrt() + EPSILON)
    }

    /// Visits the state.
    pub(crate) fn visit(&mut self, visitor: &mut dyn FnMut(&mut Vec<f64>)) {
        visitor(&mut self.first);
        visitor(&mut self.second);
        visitor(&mut self.steps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_has_the_length_of_the_learning_rate() {
        let mut adam = Adam::new(2, 0.1);
        assert!((adam.step(1, -300.0) - 0.1).abs() < 1e-10);
        assert!((adam.step(0, 1e-3) + 0.1).abs() < 1e-5);
        assert_eq!(adam.steps, [1.0, 1.0]);
    }
}
