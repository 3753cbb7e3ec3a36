use serde_json::json;
use torso_math::SymmetricEigen;

use super::*;
use crate::online::{FirstOrder, Interaction, OnlineLearner};
use crate::testing::streams::{around_one, mistakes, stream, tasks};

const RULES: [RelationRule; 4] =
    [RelationRule::LogDet, RelationRule::VonNeumann, RelationRule::Covariance, RelationRule::Batch];

/// The same for related and for unrelated tasks.
const RATE: f64 = 0.001;

/// Two blocks of tasks that point opposite ways.
const SIGNS: [f64; 10] = [1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0];

/// The share of pairs of tasks whose interaction has the sign of their true relation, and the mean
/// size of interactions, as correlations.
fn pairs(learner: &Learned) -> (f64, f64) {
    let found = correlations(&learner.interaction().to_owned());
    let pairs = (0..10).flat_map(|s| (0..s).map(move |t| (s, t)));
    let agree = |(s, t): &(usize, usize)| found[(*s, *t)] * SIGNS[*s] * SIGNS[*t] > 0.0;
    let size: f64 = pairs.clone().map(|pair| found[pair].abs()).sum();
    (pairs.filter(agree).count() as f64 / 45.0, size / 45.0)
}

#[test]
fn opposite_blocks_are_found_and_save_mistakes_whatever_the_rule() {
    for rule in RULES {
        let (mut learned, mut fixed, mut alone) = (0, 0, 0);
        for seed in 40..45 {
            let truth = around_one(20, &SIGNS, 0.2, Seed(seed));
            let rounds = stream(truth.as_ref(), 2000, 0.0, Seed(seed));
            let mut learner = Learned::new(20, 10, rule, RATE, 500);
            learned += mistakes(&mut learner, &rounds);
            let of = |interaction| mistakes(&mut FirstOrder::new(20, interaction), &rounds);
            fixed += of(Interaction::complete(10, 1.0));
            alone += of(Interaction::independent(10));
            let (agree, _) = pairs(&learner);
            assert!(agree >= 0.95, "{rule:?} {seed}: signs {agree}");
        }
        assert!(learned < fixed && learned < alone, "{rule:?}: {learned} {fixed} {alone}");
    }
}

#[test]
fn unrelated_tasks_stay_nearly_apart() {
    for rule in [RelationRule::LogDet, RelationRule::VonNeumann] {
        let truth = around_one(100, &[0.0; 10], 1.0, Seed(50));
        let rounds = stream(truth.as_ref(), 2000, 0.0, Seed(50));
        let mut learner = Learned::new(100, 10, rule, RATE, 500);
        mistakes(&mut learner, &rounds);
        let (_, size) = pairs(&learner);
        assert!(size < 0.1, "{rule:?}: {size}");
    }
}

#[test]
fn the_interaction_stays_positive_semidefinite_of_trace_t_and_follows_the_coefficients() {
    for rule in RULES {
        let truth = around_one(6, &SIGNS, 0.5, Seed(60));
        let mut learner = Learned::new(6, 10, rule, 0.05, 20);
        for round in stream(truth.as_ref(), 400, 0.1, Seed(60)) {
            learner.partial_fit(&round.x, round.task, round.y);
            let eigen = SymmetricEigen::of(learner.interaction());
            assert!(eigen.values[0] > -1e-10, "{rule:?}: {}", eigen.values[0]);
            assert!((eigen.values.iter().sum::<f64>() - 10.0).abs() < 1e-9);
        }
        // A^-1, not A, goes with w_s'w_t.
        let w = learner.weights();
        let mut together = 0.0;
        for s in 0..10 {
            for t in 0..s {
                together += learner.interaction()[(s, t)] * (w.col(s).transpose() * w.col(t));
            }
        }
        assert!(together > 0.0, "{rule:?}: {together}");
    }
}

#[test]
fn steps_of_both_divergences_solve_their_optimality_conditions() {
    // grad phi(A_new) = grad phi(A_old) - rate M, up to the scale of A^-1: phi' = -A^-1 for LogDet
    // and log A for von Neumann.
    for rule in [RelationRule::LogDet, RelationRule::VonNeumann] {
        let truth = around_one(5, &[1.0, -1.0, 1.0], 0.5, Seed(70));
        let mut learner = Learned::new(5, 3, rule, 0.2, 0);
        let mut before = learner.interaction().to_owned();
        let mut steps = 0;
        for round in stream(truth.as_ref(), 30, 0.0, Seed(70)) {
            if learner.partial_fit(&round.x, round.task, round.y) {
                let w = learner.weights();
                let gram = w.transpose() * w;
                let trace: f64 = (0..3).map(|t| gram[(t, t)]).sum();
                let m = faer::Scale(3.0 / trace) * gram;
                let derivative = |b: &Mat<f64>| {
                    if rule == RelationRule::LogDet {
                        faer::Scale(-1.0) * b
                    } else {
                        SymmetricEigen::of(b.as_ref()).map(|value| -value.ln())
                    }
                };
                let after = learner.interaction().to_owned();
                let (new, old) = (derivative(&after), derivative(&before));
                let expected = &old - faer::Scale(0.2) * &m;
                // The scale is a factor of A^-1, and a multiple of the identity in its logarithm.
                let difference = if rule == RelationRule::LogDet {
                    faer::Scale(1.2) * &new - &expected
                } else {
                    let shift = new[(0, 0)] - expected[(0, 0)];
                    &new - &expected - faer::Scale(shift) * Mat::<f64>::identity(3, 3)
                };
                assert!(difference.norm_max() < 1e-9, "{rule:?}: {difference:?}");
                before = after;
                steps += 1;
            }
        }
        assert!(steps > 3);
    }
}

#[test]
fn in_the_priming_rounds_tasks_learn_apart_to_the_bit() {
    let truth = around_one(8, &[1.0; 4], 0.5, Seed(80));
    let rounds = stream(truth.as_ref(), 300, 0.0, Seed(80));
    let mut learner = Learned::new(8, 4, RelationRule::LogDet, 0.1, 300);
    let mut alone = FirstOrder::new(8, Interaction::independent(4));
    assert_eq!(mistakes(&mut learner, &rounds), mistakes(&mut alone, &rounds));
    assert_eq!(learner.weights(), alone.weights());
    // The round after is the first that relates tasks.
    let wrong = -learner.margin(&rounds[0].x, 0).signum();
    learner.partial_fit(&rounds[0].x, 0, wrong);
    assert!(learner.interaction()[(0, 1)] != 0.0);
}

#[test]
fn fits_are_pictures_and_bad_parameters_are_refused() {
    let truth = around_one(8, &SIGNS, 0.2, Seed(90));
    let tasks = tasks(&stream(truth.as_ref(), 600, 0.0, Seed(90)), 10);
    let build = |given: serde_json::Value| (METHOD.build)(given.as_object().unwrap());
    let names = Names {
        features: (0..8).map(|i| format!("x{i}")).collect(),
        tasks: (0..10).map(|t| format!("y{t}")).collect(),
    };
    for rule in ["log-det", "von-neumann", "covariance", "batch"] {
        let method = build(json!({ "rule": rule, "rate": 0.01 })).unwrap();
        let solution = method.fit(&tasks, None, Effort::default(), Seed(0)).unwrap();
        assert!(solution.residual < 0.15, "{rule}: {}", solution.residual);
        let findings = method.findings(&solution, &names);
        let [Finding::Matrix { values, .. }] = findings.as_slice() else {
            panic!("one picture");
        };
        assert!(values[1] > 0.0 && values[9] < 0.0, "{rule}: {values:?}");
    }
    assert_eq!(build(json!({})).unwrap().paths(&tasks, 30)[0].len(), RATES.len());
    assert_eq!(build(json!({ "rule": "batch" })).unwrap().paths(&tasks, 30)[0].len(), 1);
    for given in [json!({ "rate": 0 }), json!({ "priming": 1.5 }), json!({ "rule": "none" })] {
        assert!(build(given.clone()).is_err(), "{given}");
    }
}
