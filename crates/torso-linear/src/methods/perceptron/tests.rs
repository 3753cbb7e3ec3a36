use serde_json::{Map, json};
use torso_core::estimator::{Batch, Budget, Estimator, Problem};
use torso_core::journal::NoJournal;
use torso_core::seed::Seed;
use torso_math::{SymmetricEigen, singular_values};

use super::*;
use crate::tasks::product;
use crate::testing::streams::{Round, around_one, mistakes, stream};
use crate::{FitSettings, Linear};

/// The learner's margins, one for each round before it learns from it.
fn margins(learner: &mut dyn OnlineLearner, rounds: &[Round]) -> Vec<f64> {
    let margin = |round: &Round| {
        let margin = learner.margin(&round.x, round.task);
        learner.partial_fit(&round.x, round.task, round.y);
        margin
    };
    rounds.iter().map(margin).collect()
}

/// `sum_k y_k B_(i, i_k) x_k'x` over the mistakes so far.
fn kernel_margins(interaction: &Interaction, rounds: &[Round]) -> Vec<f64> {
    let mut mistakes: Vec<&Round> = Vec::new();
    let mut margins = Vec::new();
    for round in rounds {
        let of = |old: &&Round| {
            let inner: f64 = old.x.iter().zip(&round.x).map(|(a, b)| a * b).sum();
            old.y * interaction.matrix()[(round.task, old.task)] * inner
        };
        let margin: f64 = mistakes.iter().map(of).sum();
        if round.y * margin <= 0.0 {
            mistakes.push(round);
        }
        margins.push(margin);
    }
    margins
}

#[test]
fn steps_of_coefficients_are_the_kernel_perceptron_to_the_bit() {
    // Three tasks: A^-1 = (I + 11') / 4, and whole numbers as features; no step is rounded.
    let interaction = Interaction::complete(3, 1.0);
    let truth = around_one(6, &[1.0; 3], 0.5, Seed(1));
    let mut rounds = stream(truth.as_ref(), 2000, 0.1, Seed(1));
    for round in &mut rounds {
        round.x.iter_mut().for_each(|x| *x = (3.0 * *x).round());
    }
    let primal = margins(&mut FirstOrder::new(6, interaction.clone()), &rounds);
    let kernel = kernel_margins(&interaction, &rounds);
    assert!(primal.iter().zip(&kernel).all(|(p, k)| p.to_bits() == (k + 0.0).to_bits()));
}

#[test]
fn any_graph_gives_the_kernel_perceptron() {
    let interaction = Interaction::of_graph(4, &[(0, 1, 1.4), (1, 2, 0.35), (0, 3, 0.7)]);
    let truth = around_one(5, &[1.0; 4], 0.5, Seed(2));
    let rounds = stream(truth.as_ref(), 500, 0.1, Seed(2));
    let primal = margins(&mut FirstOrder::new(5, interaction.clone()), &rounds);
    for (p, k) in primal.iter().zip(kernel_margins(&interaction, &rounds)) {
        assert!((p - k).abs() < 1e-9 * (1.0 + k.abs()), "{p} {k}");
    }
}

#[test]
fn the_complete_graph_is_the_graph_of_all_pairs_and_inverts_its_precision() {
    for coupling in [0.0, 0.3, 1.0, 20.0] {
        let closed = Interaction::complete(3, coupling);
        let pairs = [(0, 1, coupling), (0, 2, coupling), (1, 2, coupling)];
        let graph = Interaction::of_graph(3, &pairs);
        assert!((closed.matrix() - graph.matrix()).norm_max() < 1e-14);
        let own = |s, t| if s == t { 1.0 + 2.0 * coupling } else { -coupling };
        let a = faer::Mat::from_fn(3, 3, own);
        let identity = faer::Mat::<f64>::identity(3, 3);
        assert!((product(a.as_ref(), closed.matrix()) - identity).norm_max() < 1e-13);
    }
    // The paper's: 2 / (T + 1) for the task itself, 1 / (T + 1) for the others.
    let paper = Interaction::complete(3, 1.0);
    assert!(
        (paper.matrix()[(1, 1)] - 0.5).abs() < 1e-15
            && (paper.matrix()[(0, 1)] - 0.25).abs() < 1e-15
    );
}

#[test]
fn without_coupling_tasks_learn_as_if_alone_to_the_bit() {
    let truth = around_one(8, &[1.0; 4], 1.0, Seed(3));
    let rounds = stream(truth.as_ref(), 1000, 0.05, Seed(3));
    let mut together = FirstOrder::new(8, Interaction::complete(4, 0.0));
    let mut alone: Vec<FirstOrder> =
        (0..4).map(|_| FirstOrder::new(8, Interaction::independent(1))).collect();
    for round in &rounds {
        let own = alone[round.task].partial_fit(&round.x, 0, round.y);
        assert_eq!(together.partial_fit(&round.x, round.task, round.y), own);
    }
    for (t, alone) in alone.iter().enumerate() {
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
        assert!(together.weights().col(t).iter().zip(alone.weights().col(0).iter()).all(same));
    }
}

/// Streams with their own sizes, relations and noise, and comparison vectors of any scale.
fn streams(n: usize) -> impl Iterator<Item = (faer::Mat<f64>, Vec<Round>, usize)> {
    (0..n).map(|s| {
        let seed = Seed(100 + s as u64);
        let n_tasks = 1 + s % 7;
        let signs: Vec<f64> =
            (0..n_tasks).map(|t| if (s + t).is_multiple_of(3) { -1.0 } else { 1.0 }).collect();
        let truth = around_one(2 + s % 9, &signs, (s % 5) as f64 * 0.3, seed);
        let rounds = stream(truth.as_ref(), 120, (s % 4) as f64 * 0.1, seed);
        (truth, rounds, s)
    })
}

fn hinge(u: &faer::Mat<f64>, rounds: &[Round]) -> f64 {
    let of = |round: &Round| {
        let f: f64 = u.col(round.task).iter().zip(&round.x).map(|(u, x)| u * x).sum();
        (1.0 - round.y * f).max(0.0)
    };
    rounds.iter().map(of).sum()
}

fn radius(rounds: &[Round]) -> f64 {
    let norm = |round: &Round| round.x.iter().map(|x| x * x).sum::<f64>().sqrt();
    rounds.iter().map(norm).fold(0.0, f64::max)
}

/// `h + z + sqrt(z h)` for the least favorable of some comparison vectors.
fn bound(truth: &faer::Mat<f64>, rounds: &[Round], size: impl Fn(&faer::Mat<f64>) -> f64) -> f64 {
    let at = |scale: f64| {
        let u = faer::Scale(scale) * truth;
        let (h, z) = (hinge(&u, rounds), size(&u));
        h + z + (z * h).sqrt()
    };
    [0.0, 0.01, 0.03, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]
        .into_iter()
        .map(at)
        .fold(f64::INFINITY, f64::min)
}

#[test]
fn mistakes_are_within_the_bound_in_a_thousand_streams() {
    let mut tightest = f64::INFINITY;
    for (truth, rounds, s) in streams(1000) {
        let coupling = [0.0, 0.1, 1.0, 10.0][s % 4];
        let n_tasks = truth.ncols();
        let interaction = Interaction::complete(n_tasks, coupling);
        let diagonal = interaction.matrix()[(0, 0)];
        let own = |s, t| (if s == t { 1.0 + coupling * n_tasks as f64 } else { 0.0 }) - coupling;
        let a = faer::Mat::from_fn(n_tasks, n_tasks, own);
        let size = |u: &faer::Mat<f64>| {
            let norm = crate::tasks::inner(product(u.as_ref(), a.as_ref()).as_ref(), u.as_ref());
            radius(&rounds).powi(2) * diagonal * norm
        };
        let most = bound(&truth, &rounds, size);
        let made = mistakes(&mut FirstOrder::new(truth.nrows(), interaction), &rounds) as f64;
        assert!(made <= most, "{s}: {made} mistakes, bound {most}");
        tightest = tightest.min(most / made);
    }
    // The bound says something: somewhere it is within a small factor.
    assert!(tightest < 2.0, "{tightest}");
}

#[test]
fn mistakes_of_the_p_norm_are_within_its_bound() {
    for (truth, rounds, s) in streams(300) {
        let p = 1 + s % 4;
        let order = 2.0 * p as f64 / (2.0 * p as f64 - 1.0);
        let size = |u: &faer::Mat<f64>| {
            let powers: f64 = singular_values(u.as_ref()).iter().map(|s| s.powf(order)).sum();
            let norm = powers.powf(1.0 / order);
            (2.0 * p as f64 - 1.0) * (radius(&rounds) * norm).powi(2)
        };
        let most = bound(&truth, &rounds, size);
        let mut learner = PNorm::new(truth.nrows(), truth.ncols(), p);
        let made = mistakes(&mut learner, &rounds) as f64;
        assert!(made <= most, "{s}: {made} mistakes, bound {most}");
    }
}

#[test]
fn coefficients_of_the_p_norm_are_the_gradient_of_half_the_squared_norm() {
    for (d, n_tasks, p) in [(4, 6, 3), (6, 3, 2), (5, 5, 1)] {
        let truth = around_one(d, &vec![1.0; n_tasks], 1.0, Seed(4));
        let rounds = stream(truth.as_ref(), 60, 0.0, Seed(4));
        let mut learner = PNorm::new(d, n_tasks, p);
        let mut sum = faer::Mat::zeros(d, n_tasks);
        for round in &rounds {
            if learner.partial_fit(&round.x, round.task, round.y) {
                let own = sum.col_as_slice_mut(round.task);
                own.iter_mut().zip(&round.x).for_each(|(v, x)| *v += round.y * x);
            }
        }
        let half_square = |v: &faer::Mat<f64>| {
            let order = 2.0 * p as f64;
            let powers: f64 = singular_values(v.as_ref()).iter().map(|s| s.powf(order)).sum();
            0.5 * powers.powf(2.0 / order)
        };
        for i in 0..d {
            for t in 0..n_tasks {
                let at = |h: f64| {
                    let mut moved = sum.clone();
                    moved[(i, t)] += h;
                    half_square(&moved)
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((learner.weights()[(i, t)] - slope).abs() < 1e-6, "{p} {i} {t}");
            }
        }
    }
}

#[test]
fn the_second_order_is_a_ridge_regression_of_its_mistakes() {
    let (d, n_tasks) = (4, 3);
    let interaction = Interaction::of_graph(n_tasks, &[(0, 1, 2.0), (1, 2, 1.0)]);
    let truth = around_one(d, &[1.0, -1.0, 1.0], 0.5, Seed(5));
    let rounds = stream(truth.as_ref(), 300, 0.1, Seed(5));
    let mut learner = SecondOrder::new(d, &interaction);
    let a = SymmetricEigen::of(interaction.matrix()).map(|value| 1.0 / value);
    let size = d * n_tasks;
    let penalty = |i: usize, j: usize| if i % d == j % d { a[(i / d, j / d)] } else { 0.0 };
    let mut hessian = faer::Mat::from_fn(size, size, penalty);
    let mut moments = faer::Mat::<f64>::zeros(size, 1);
    for round in &rounds {
        if learner.partial_fit(&round.x, round.task, round.y) {
            for i in 0..d {
                moments[(round.task * d + i, 0)] += round.y * round.x[i];
                for j in 0..d {
                    hessian[(round.task * d + i, round.task * d + j)] += round.x[i] * round.x[j];
                }
            }
        }
    }
    let inverse = SymmetricEigen::of(hessian.as_ref()).map(|value| 1.0 / value);
    let expected = product(inverse.as_ref(), moments.as_ref());
    for at in 0..size {
        let found = learner.weights()[(at % d, at / d)];
        assert!((found - expected[(at, 0)]).abs() < 1e-9, "{at}: {found}");
    }
}

#[test]
fn related_tasks_need_fewer_mistakes_and_a_wrong_relation_more() {
    let (mut related, mut alone, mut wrong, mut wrong_alone) = (0, 0, 0, 0);
    for seed in 20..30 {
        let truth = around_one(20, &[1.0; 10], 0.2, Seed(seed));
        let opposed: Vec<f64> = (0..10).map(|t| if t % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let anti = around_one(20, &opposed, 0.2, Seed(seed));
        for (truth, coupled, apart) in
            [(&truth, &mut related, &mut alone), (&anti, &mut wrong, &mut wrong_alone)]
        {
            let rounds = stream(truth.as_ref(), 2000, 0.0, Seed(seed));
            let of = |coupling| {
                let interaction = Interaction::complete(10, coupling);
                mistakes(&mut FirstOrder::new(20, interaction), &rounds)
            };
            *coupled += of(1.0);
            *apart += of(0.0);
        }
    }
    println!("related {related} of {alone}, anti-related {wrong} of {wrong_alone}");
    assert!(f64::from(u32::try_from(related).unwrap()) <= 0.8 * alone as f64);
    assert!(wrong >= wrong_alone);
}

#[test]
fn a_low_rank_favors_the_p_norm_and_the_second_order_forgets_scales() {
    let (mut p_norm, mut alone, mut second, mut first) = (0, 0, 0, 0);
    for seed in 30..35 {
        // Thirty tasks along one direction, with either sign: no graph of positive edges helps.
        let signs: Vec<f64> = (0..30).map(|t| if t % 3 == 0 { -1.0 } else { 1.0 }).collect();
        let truth = around_one(30, &signs, 0.1, Seed(seed));
        let rounds = stream(truth.as_ref(), 3000, 0.0, Seed(seed));
        p_norm += mistakes(&mut PNorm::new(30, 30, 4), &rounds);
        alone += mistakes(&mut FirstOrder::new(30, Interaction::independent(30)), &rounds);
        // Features of unequal scales.
        let truth = around_one(10, &[1.0; 4], 0.2, Seed(seed));
        let mut rounds = stream(truth.as_ref(), 1500, 0.05, Seed(seed));
        for round in &mut rounds {
            round.x.iter_mut().enumerate().for_each(|(i, x)| *x *= 1.0 + 3.0 * i as f64);
        }
        let interaction = Interaction::complete(4, 1.0);
        second += mistakes(&mut SecondOrder::new(10, &interaction), &rounds);
        first += mistakes(&mut FirstOrder::new(10, interaction), &rounds);
    }
    println!("p-norm {p_norm} of {alone}, second order {second} of {first}");
    assert!(4 * p_norm < 3 * alone && second < first);
}

fn build(given: &serde_json::Value) -> Result<Box<dyn LinearMethod>, crate::SettingError> {
    let given: Map<_, _> = given.as_object().unwrap().clone();
    (METHOD.build)(&given)
}

#[test]
fn passes_separate_what_can_be_separated_whatever_the_variant() {
    let truth = around_one(6, &[1.0; 3], 0.2, Seed(6));
    let rounds = stream(truth.as_ref(), 300, 0.0, Seed(6));
    let tasks = crate::testing::streams::tasks(&rounds, 3);
    for variant in ["first", "second", "p-norm"] {
        let method = build(&json!({ "variant": variant, "coupling": 1, "epochs": 300 })).unwrap();
        let solution = method.fit(&tasks, None, Effort::default(), Seed(0)).unwrap();
        let again = method.fit(&tasks, None, Effort::default(), Seed(0)).unwrap();
        assert_eq!(solution.w, again.w);
        let right = |round: &&Round| {
            let w = solution.w.col(round.task);
            round.y * w.iter().zip(&round.x).map(|(w, x)| w * x).sum::<f64>() > 0.0
        };
        let share = rounds.iter().filter(right).count() as f64 / 300.0;
        assert!(share > 0.97, "{variant}: {share}");
        // The factor is that of least squares: the residual is orthogonal to the margins.
        let gradient = tasks.gradient(solution.w.as_ref());
        assert!(crate::tasks::inner(gradient.as_ref(), solution.w.as_ref()).abs() < 1e-8);
    }
}

#[test]
fn edges_are_by_name_and_what_does_not_fit_is_refused() {
    let rounds = stream(around_one(4, &[1.0; 3], 0.2, Seed(7)).as_ref(), 60, 0.0, Seed(7));
    let tasks = crate::testing::streams::tasks(&rounds, 3);
    let fit = |given: &serde_json::Value| {
        build(given).unwrap().fit(&tasks, None, Effort::default(), Seed(0))
    };
    let pairs = json!([["y0", "y1"], ["y0", "y2", 1.0], ["y1", "y2"]]);
    let some = fit(&json!({ "coupling": 1, "edges": pairs })).unwrap();
    let all = fit(&json!({ "coupling": 1 })).unwrap();
    assert!((&some.w - &all.w).norm_max() < 1e-9);
    let refused = fit(&json!({ "coupling": 1, "edges": [["y0", "y9"]] })).unwrap_err();
    assert!(matches!(refused, LinearError::Unsuitable { .. }), "{refused:?}");
    let bad = [
        json!({ "coupling": -1 }),
        json!({ "p": 0 }),
        json!({ "epochs": 0 }),
        json!({ "variant": "third" }),
        json!({ "edges": [["a"]] }),
        json!({ "edges": [["y0", "y1", -1.0]] }),
        json!({ "strength": 1 }),
    ];
    for given in bad {
        assert!(build(&given).is_err(), "{given}");
    }
}

#[test]
fn nothing_to_learn_gives_zeros_and_large_second_order_problems_are_refused() {
    let nothing = crate::testing::streams::tasks(&[], 2);
    for variant in ["first", "second", "p-norm"] {
        let method = build(&json!({ "variant": variant, "coupling": 1 })).unwrap();
        let solution = method.fit(&nothing, None, Effort::default(), Seed(0)).unwrap();
        assert!(solution.w.norm_max() == 0.0);
        assert!(solution.penalty == 0.0 && solution.residual == 0.0);
    }
    let rounds = vec![Round { x: vec![1.0; 2001], task: 1, y: 1.0 }];
    let wide = crate::testing::streams::tasks(&rounds, 2);
    let method = build(&json!({ "variant": "second", "coupling": 1 })).unwrap();
    assert!(method.fit(&wide, None, Effort::default(), Seed(0)).is_err());
}

#[test]
fn an_estimator_of_it_learns_classes_and_a_task_of_one_class_is_a_constant() {
    let (data, design) = crate::testing::families::families(12, 4, 40, 0.6, Seed(8));
    // The first 80 rows are the first task's; without its second class it has nothing to learn.
    let is_left = |row: &u32| *row >= 80 || row.is_multiple_of(2);
    let rows: Vec<u32> = data.labeled_rows().into_iter().filter(is_left).collect();
    let problem = Problem {
        data: &data,
        design: &design,
        train: &rows,
        validation: &[],
        seed: Seed(8),
        budget: Budget { trials: 1, epochs: 1, batch: Batch::Auto },
        journal: &NoJournal,
    };
    for variant in ["first", "second", "p-norm"] {
        let given = json!({ "variant": variant });
        let settings = FitSettings::default();
        let linear = Linear::new(&METHOD, given.as_object().unwrap(), settings).unwrap();
        let model = linear.fit(&problem).unwrap();
        let own: Vec<u32> = (80..160).collect();
        let found = model.predict(&design, 1, &own);
        let is_right = |(i, p): &(usize, &f64)| (**p > 0.5) != i.is_multiple_of(2);
        let right = found.iter().enumerate().filter(is_right).count();
        assert!(right > 72, "{variant}: {right} of 80");
        let constant = model.predict(&design, 0, &own);
        assert!(constant.iter().all(|p| p.to_bits() == constant[0].to_bits() && *p < 0.1));
    }
}
