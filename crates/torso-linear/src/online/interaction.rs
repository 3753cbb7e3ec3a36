//! The interaction matrix of tasks: how much a mistake of one task teaches another.

use faer::{Mat, MatRef};
use torso_math::SymmetricEigen;

/// `A^-1 [n_tasks, n_tasks]`, where `A` is the matrix of the penalty `1/2 tr(W A W')`.
#[derive(Debug, Clone)]
pub struct Interaction(Mat<f64>);

impl Interaction {
    /// `A = I`: no task teaches another.
    pub fn independent(n_tasks: usize) -> Self {
        Self(Mat::identity(n_tasks, n_tasks))
    }

    /// `A = I + coupling L` with the Laplacian `L = T I - 11'` of the complete graph, in closed
    /// form: `A^-1 = (I + coupling 11') / (1 + coupling T)`.
    ///
    /// # Panics
    /// If the coupling is negative or not finite.
    pub fn complete(n_tasks: usize, coupling: f64) -> Self {
        assert_weight(coupling);
        let share = 1.0 / (1.0 + coupling * n_tasks as f64);
        let own = |s: usize, t: usize| f64::from(u8::from(s == t));
        Self(Mat::from_fn(n_tasks, n_tasks, |s, t| share * (own(s, t) + coupling)))
    }

    /// `A = I + L` with the Laplacian of a graph, whose edges are (task, task, weight).
    ///
    /// # Panics
    /// If there is no such task, or a weight is negative or not finite.
    pub fn of_graph(n_tasks: usize, edges: &[(usize, usize, f64)]) -> Self {
        let mut a = Mat::<f64>::identity(n_tasks, n_tasks);
        for &(s, t, weight) in edges {
            assert_weight(weight);
            for (i, j, sign) in [(s, s, 1.0), (t, t, 1.0), (s, t, -1.0), (t, s, -1.0)] {
                a[(i, j)] += sign * weight;
            }
        }
        // Eigenvalues of A are at least 1, but for rounding.
        Self(SymmetricEigen::of(a.as_ref()).map(|value| 1.0 / value.max(1.0)))
    }

    /// `A^-1`.
    pub fn matrix(&self) -> MatRef<'_, f64> {
        self.0.as_ref()
    }

    /// The number of tasks.
    pub fn n_tasks(&self) -> usize {
        self.0.nrows()
    }
}

fn assert_weight(weight: f64) {
    assert!(weight.is_finite() && weight >= 0.0, "a weight is finite and not negative");
}
