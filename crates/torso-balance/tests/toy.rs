//! Whole descents: the toy of Liu et al. 2021 with two valleys, and quadratics whose Pareto
//! set is known.

use serde_json::{Value, json};
use torso_balance::{
    BalanceMethod, Balancer, Claim, LossForm, Rows, Setup, StepView, find, methods,
};
use torso_core::seed::{Seed, normal};

/// A method at work on all of its tasks.
struct Descent {
    balancer: Balancer,
    n: usize,
    step: usize,
}

impl Descent {
    fn new(entry: &BalanceMethod, n: usize, settings: &Value) -> Self {
        let settings = settings.as_object().cloned().unwrap_or_default();
        let forms = vec![LossForm::Squared; n];
        let setup = Setup { forms: &forms, settings: &settings, trial: 0, seed: Seed(3) };
        let balancer = (entry.build)(&setup).unwrap_or_else(|error| panic!("{error}"));
        Self { balancer, n, step: 0 }
    }

    /// The direction at gradients `[n, width]` and losses `[n]`.
    fn direction(&mut self, losses: &[f64], jacobian: &[f64]) -> Vec<f64> {
        let rows = Rows::new(self.n, jacobian);
        let gramian = rows.gramian();
        let tasks: Vec<usize> = (0..self.n).collect();
        // Without noise every batch is the same.
        let cross = gramian.data();
        let view = StepView { tasks: &tasks, losses, cross, step: self.step, epoch: 0 };
        let mut weights = vec![f64::NAN; self.n];
        let mut direction = vec![f64::NAN; rows.width()];
        match &mut self.balancer {
            Balancer::Scalarizer(method) => method.weigh(&view, &mut weights),
            Balancer::Weighting(method) => method.weigh(&gramian, &view, &mut weights),
            Balancer::Aggregator(method) => {
                method.aggregate(rows, &view, &mut direction);
                return direction;
            }
        };
        rows.combine(&weights, &mut direction);
        direction
    }

    /// Ends a step: some methods learn from its losses.
    fn after(&mut self, before: &[f64], after: &[f64]) {
        let tasks: Vec<usize> = (0..self.n).collect();
        let view =
            StepView { tasks: &tasks, losses: before, cross: &[], step: self.step, epoch: 0 };
        if let Balancer::Scalarizer(method) = &mut self.balancer {
            method.after_step(&view, after);
        }
        self.step += 1;
    }
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>())
}

mod two_valleys {
    use super::*;

    const STARTS: [[f64; 2]; 5] = [[-8.5, 7.5], [0.0, 0.0], [9.0, 9.0], [-7.5, -0.5], [9.0, -1.0]];
    const FLOOR: f64 = 5e-6;
    /// As many as the literature takes.
    const STEPS: i32 = 35_000;

    /// `max(tanh(x / 2), 0)` and its slope; half a slope at the kink.
    fn gate(x: f64) -> (f64, f64) {
        let tanh = (0.5 * x).tanh();
        let slope = 0.5 * (1.0 - tanh * tanh);
        if x == 0.0 {
            (0.0, 0.5 * slope)
        } else if x > 0.0 {
            (tanh, slope)
        } else {
            (0.0, 0.0)
        }
    }

    /// The losses at `x`, and their gradients `[2, 2]`: above, two narrow valleys of `log |u|`;
    /// below, two bowls around `(7, -8)` and `(-7, -8)`.
    pub(super) fn losses(x: [f64; 2]) -> ([f64; 2], [f64; 4]) {
        let [x1, x2] = x;
        let tanh = x2.tanh();
        let bend = 1.0 - tanh * tanh;
        let ((above, above_slope), (below, below_slope)) = (gate(x2), gate(-x2));
        let task = |u: f64, u_slope: f64, center: f64| {
            let valley = u.abs().max(FLOOR).ln() + 6.0;
            let inverse = if u.abs() > FLOOR { 1.0 / u } else { 0.0 };
            let bowl = ((x1 - center).powi(2) + 0.1 * (x2 + 8.0).powi(2)) / 10.0 - 20.0;
            let loss = valley * above + bowl * below;
            let by_x1 = above * inverse * -0.5 + below * (x1 - center) / 5.0;
            let by_x2 =
                above * inverse * u_slope + valley * above_slope + below * (x2 + 8.0) / 50.0
                    - bowl * below_slope;
            (loss, [by_x1, by_x2])
        };
        let (first, first_slope) = task(0.5 * (-x1 - 7.0) + tanh, bend, 7.0);
        let (second, second_slope) = task(0.5 * (-x1 + 3.0) - tanh + 2.0, -bend, -7.0);
        let jacobian = [first_slope[0], first_slope[1], second_slope[0], second_slope[1]];
        ([first, second], jacobian)
    }

    /// The Pareto front: the weighted sums' smallest points, `n` of them.
    ///
    /// Below `x2 = 0` both losses have the factor `tanh(-x2 / 2)` and the same term in `x2`, so
    /// that `s F1 + (1 - s) F2` is smallest at `x1 = 7 (2 s - 1)`, and along `x2` it has one
    /// minimum, a little below -8, found by golden sections. Above, both losses are at least
    /// `log(5e-6) + 6 = -6.2`, and the front's middle, where both are -15.1, dominates all.
    fn front(n: usize) -> Vec<[f64; 2]> {
        let at = |i: usize| {
            let s = i as f64 / (n - 1) as f64;
            let x1 = 7.0 * (2.0 * s - 1.0);
            let sum = |x2: f64| {
                let ([first, second], _) = losses([x1, x2]);
                s * first + (1.0 - s) * second
            };
            let (mut low, mut high) = (-20.0, -2.0);
            while high - low > 1e-9 {
                let (a, b) = (low + 0.382 * (high - low), high - 0.382 * (high - low));
                if sum(a) < sum(b) { high = b } else { low = a }
            }
            losses([x1, low]).0
        };
        (0..n).map(at).collect()
    }

    /// FAMO's own settings for this problem, in its authors' code: bounds below the bowls, as the
    /// losses are negative there, and no decay.
    fn settings(id: &str, scale: f64) -> Value {
        match id {
            "famo" => json!({"lower-bounds": [-21.0 * scale, -21.0], "decay": 0}),
            _ => json!({}),
        }
    }

    /// Where Adam ends on the losses, the first scaled by `scale`.
    fn descend(id: &str, start: [f64; 2], scale: f64, steps: i32) -> [f64; 2] {
        let entry = find(id).unwrap_or_else(|| panic!("no method `{id}`"));
        let mut descent = Descent::new(entry, 2, &settings(id, scale));
        let scaled = |x: [f64; 2]| {
            let ([first, second], [a, b, c, d]) = losses(x);
            ([scale * first, second], [scale * a, scale * b, c, d])
        };
        let (mut x, mut m, mut v) = (start, [0.0; 2], [0.0; 2]);
        for step in 1..=steps {
            let (before, jacobian) = scaled(x);
            let d = descent.direction(&before, &jacobian);
            for j in 0..2 {
                m[j] = 0.9 * m[j] + 0.1 * d[j];
                v[j] = 0.999 * v[j] + 0.001 * d[j] * d[j];
                let mean = m[j] / (1.0 - 0.9_f64.powi(step));
                let square: f64 = v[j] / (1.0 - 0.999_f64.powi(step));
                x[j] -= 1e-3 * mean / (square.sqrt() + 1e-8);
            }
            descent.after(&before, &scaled(x).0);
        }
        x
    }

    /// Where a method ends from the five starts, and how far the losses there are from the front
    /// (both unscaled).
    fn ends(id: &str, scale: f64, steps: i32) -> Vec<([f64; 2], f64)> {
        let front = front(2_001);
        let end = |start: &[f64; 2]| {
            let x = descend(id, *start, scale, steps);
            let end = losses(x).0;
            let off = front.iter().map(|point| distance(point, &end)).fold(f64::INFINITY, f64::min);
            (x, off)
        };
        STARTS.iter().map(end).collect()
    }

    /// How many ends are on the front.
    fn reached(ends: &[([f64; 2], f64)]) -> usize {
        ends.iter().filter(|(_, off)| *off < 0.5).count()
    }

    #[test]
    fn gradients_are_those_of_the_losses() {
        for x in [[-8.5, 7.5], [9.0, 9.0], [-7.5, -0.5], [9.0, -1.0], [0.3, 0.2], [2.0, -8.0]] {
            let (_, jacobian) = losses(x);
            for j in 0..2 {
                let moved = |by: f64| {
                    let mut x = x;
                    x[j] += by;
                    losses(x).0
                };
                let (up, down) = (moved(1e-6), moved(-1e-6));
                for t in 0..2 {
                    let slope = (up[t] - down[t]) / 2e-6;
                    assert!((slope - jacobian[2 * t + j]).abs() < 1e-6, "{x:?}, {t}, {j}");
                }
            }
        }
    }

    #[test]
    fn nothing_dominates_the_front() {
        let front = front(101);
        assert!(front.windows(2).all(|pair| pair[0][0] > pair[1][0] && pair[0][1] < pair[1][1]));
        for i in 0..=480 {
            for j in 0..=480 {
                let x = [-12.0 + 0.05 * f64::from(i), -12.0 + 0.05 * f64::from(j)];
                let (found, _) = losses(x);
                for point in &front {
                    let better = (point[0] - found[0]).min(point[1] - found[1]);
                    assert!(better < 1e-6, "{x:?}: {found:?} dominates {point:?}");
                }
            }
        }
    }

    #[test]
    fn nash_mtl_reaches_the_front_and_does_not_feel_a_scale() {
        let (plain, scaled) = (ends("nash-mtl", 1.0, STEPS), ends("nash-mtl", 0.1, STEPS));
        assert_eq!((reached(&plain), reached(&scaled)), (5, 5), "{plain:?}, {scaled:?}");
        for ((plain, _), (scaled, _)) in plain.iter().zip(&scaled) {
            assert!(distance(plain, scaled) < 0.05, "{plain:?}, {scaled:?}");
            assert!(plain[0].abs() < 5.0, "{plain:?}");
        }
    }

    #[test]
    fn famo_reaches_the_front_and_its_middle() {
        for scale in [1.0, 0.1] {
            let ends = ends("famo", scale, STEPS);
            assert_eq!(reached(&ends), 5, "{ends:?}");
            assert!(ends.iter().all(|(x, _)| x[0].abs() < 3.0), "{ends:?}");
        }
    }

    #[test]
    fn imtl_g_reaches_the_front() {
        for scale in [1.0, 0.1] {
            let ends = ends("imtl-g", scale, STEPS);
            assert_eq!(reached(&ends), 5, "{ends:?}");
        }
    }

    #[test]
    fn mgda_reaches_the_front_on_the_side_of_the_small_loss() {
        assert_eq!(reached(&ends("mgda", 1.0, STEPS)), 5);
        let scaled = ends("mgda", 0.1, STEPS);
        assert_eq!(reached(&scaled), 5, "{scaled:?}");
        // The first loss alone is smallest at `x1 = 7`.
        let sided = scaled.iter().filter(|(x, _)| x[0] > 6.0).count();
        assert_eq!(sided, 3, "{scaled:?}");
    }

    /// They do not stop in the valleys, but follow them so slowly that the 35,000 steps of the
    /// literature end on the way.
    #[test]
    fn methods_that_project_or_stay_near_the_mean_leave_the_valleys_late() {
        for id in ["upgrad", "cagrad", "pcgrad"] {
            assert_eq!(reached(&ends(id, 1.0, STEPS)), 3, "{id}");
            assert_eq!(reached(&ends(id, 1.0, 80_000)), 5, "{id}");
        }
    }

    #[test]
    fn the_mean_stays_in_the_valleys() {
        let ends = ends("equal", 1.0, 80_000);
        assert_eq!(reached(&ends), 3);
        for at in [0, 2] {
            let (x, off) = ends[at];
            assert!(off > 20.0 && x[1] > 1.0, "{x:?} after {:?}", STARTS[at]);
        }
    }
}

mod quadratics {
    use super::*;

    /// The distance of `x` to the hull of up to three points: the least over the faces onto whose
    /// inside it projects, corners, edges and the triangle.
    fn off_hull(x: &[f64], corners: &[Vec<f64>]) -> f64 {
        let minus =
            |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut least = f64::INFINITY;
        for a in corners {
            least = least.min(distance(x, a));
            for b in corners {
                let (edge, to) = (minus(b, a), minus(x, a));
                let s = dot(&edge, &to) / dot(&edge, &edge);
                if (0.0..=1.0).contains(&s) {
                    let point: Vec<f64> = a.iter().zip(&edge).map(|(a, e)| a + s * e).collect();
                    least = least.min(distance(x, &point));
                }
            }
        }
        if let [a, b, c] = corners {
            let (u, v, to) = (minus(b, a), minus(c, a), minus(x, a));
            let (uu, uv, vv) = (dot(&u, &u), dot(&u, &v), dot(&v, &v));
            let (tu, tv) = (dot(&to, &u), dot(&to, &v));
            let determinant = uu * vv - uv * uv;
            let (s, r) = ((vv * tu - uv * tv) / determinant, (uu * tv - uv * tu) / determinant);
            if s >= 0.0 && r >= 0.0 && s + r <= 1.0 {
                let inside = |j: usize| a[j] + s * u[j] + r * v[j];
                let point: Vec<f64> = (0..x.len()).map(inside).collect();
                least = least.min(distance(x, &point));
            }
        }
        least
    }

    /// The losses `1/2 |x - c_t|^2` at `x`, and their gradients.
    fn losses(x: &[f64], corners: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
        let gradients: Vec<f64> =
            corners.iter().flat_map(|c| x.iter().zip(c).map(|(x, c)| x - c)).collect();
        let losses = gradients.chunks(x.len()).map(|g| 0.5 * norm(g).powi(2)).collect();
        (losses, gradients)
    }

    /// Where gradient descent ends, with steps that shrink, and the length of the last direction.
    fn descend(
        entry: &BalanceMethod,
        mut x: Vec<f64>,
        corners: &[Vec<f64>],
        steps: i32,
    ) -> (Vec<f64>, f64) {
        let mut descent = Descent::new(entry, corners.len(), &json!({}));
        let mut length = f64::NAN;
        for step in 0..steps {
            let (before, jacobian) = losses(&x, corners);
            let d = descent.direction(&before, &jacobian);
            let lr = 0.05 / (1.0 + f64::from(step) / 50.0);
            length = norm(&d);
            x.iter_mut().zip(d).for_each(|(x, d)| *x -= lr * d);
            descent.after(&before, &losses(&x, corners).0);
        }
        (x, length)
    }

    fn random(n: usize, width: usize, scale: f64, at: u64) -> Vec<Vec<f64>> {
        let mut stream = Seed(9).stream("test", "", at);
        let mut point = || (0..width).map(|_| scale * normal(&mut stream)).collect();
        (0..n).map(|_| point()).collect()
    }

    #[test]
    fn the_distance_to_a_hull_is_right() {
        let corners = [vec![0.0, 0.0, 0.0], vec![4.0, 0.0, 0.0], vec![0.0, 3.0, 0.0]];
        for (x, expected) in [
            ([1.0, 1.0, 2.0], 2.0),
            ([-3.0, -4.0, 0.0], 5.0),
            ([1.0, -2.0, 0.0], 2.0),
            ([5.0, 5.0, 0.0], 4.6), // (3 * 5 + 4 * 5 - 12) / 5
            ([7.0, 0.0, 4.0], 5.0),
        ] {
            assert!((off_hull(&x, &corners) - expected).abs() < 1e-12, "{x:?}");
        }
    }

    /// With unit curvature the Pareto set is the hull of the centers.
    #[test]
    fn who_claims_not_to_harm_or_to_stop_ends_in_the_hull() {
        let mut ran = 0;
        for entry in methods() {
            let claims = |claim| entry.claims.contains(&claim);
            if !(claims(Claim::NonConflicting) || claims(Claim::ParetoStationary)) {
                continue;
            }
            let id = entry.method.id;
            for (n, width) in [(2, 2), (3, 3), (3, 2)] {
                if id == "imtl-g" && n == 3 {
                    continue; // see below
                }
                for at in 0..4 {
                    let corners = random(n, width, 1.0, at);
                    let start = random(1, width, 3.0, 100 + at).concat();
                    assert!(off_hull(&start, &corners) > 0.5);
                    let (end, _) = descend(entry, start, &corners, 20_000);
                    let off = off_hull(&end, &corners);
                    println!("{id}, {n} tasks, {width} parameters: off by {off:.1e}");
                    assert!(off < 1e-3, "{id}, {n} tasks, {width} parameters: off by {off}");
                }
            }
            ran += 1;
        }
        assert!(ran >= 6, "{ran} methods");
    }

    /// IMTL-G's weights have sum 1 but may be negative: its direction is 0 wherever the gradients
    /// are affinely dependent, on the whole plane through the centers and not on their hull alone.
    #[test]
    fn imtl_g_stops_outside_the_hull() {
        let corners = random(3, 3, 1.0, 0);
        let start = random(1, 3, 3.0, 100).concat();
        let entry = find("imtl-g").expect("a method");
        let (end, length) = descend(entry, start, &corners, 5_000);
        assert!(off_hull(&end, &corners) > 0.4 && length < 1e-3, "{end:?}, {length}");
        let plane = |at: usize| -> Vec<f64> {
            corners[at].iter().zip(&corners[0]).map(|(c, a)| c - a).collect()
        };
        let (u, v) = (plane(1), plane(2));
        let normal = [0, 1, 2].map(|j| {
            let (k, l) = ((j + 1) % 3, (j + 2) % 3);
            u[k] * v[l] - u[l] * v[k]
        });
        let height: f64 = (0..3).map(|j| normal[j] * (end[j] - corners[0][j])).sum();
        assert!(height.abs() < 1e-3 * norm(&normal), "{height}");
    }

    #[test]
    fn who_claims_it_stops_at_once_inside_the_hull() {
        let mut ran = 0;
        for entry in methods() {
            if !entry.claims.contains(&Claim::ParetoStationary) {
                continue;
            }
            for at in 0..4 {
                let corners = random(3, 2, 1.0, at);
                let inside = [0.2, 0.5, 0.3];
                let mix = |j: usize| corners.iter().zip(inside).map(|(c, w)| w * c[j]).sum();
                let x: Vec<f64> = (0..2).map(mix).collect();
                let (end, length) = descend(entry, x.clone(), &corners, 100);
                assert!(length < 1e-12, "{}: {length}", entry.method.id);
                assert!(distance(&end, &x) < 1e-12, "{}: {x:?} to {end:?}", entry.method.id);
            }
            ran += 1;
        }
        assert!(ran >= 1, "MGDA claims it");
    }
}
