use super::*;
use torso_core::record::{Interval, LossTest, Overall, TaskResult, Verdict};

/// Arms with these scores, `[arm][task]`, and the mean ranks that follow from them.
fn arms(scores: &[&[f64]]) -> Vec<ArmResult> {
    let rank = |arm: usize, task: usize| {
        let of = |score: f64| scores.iter().filter(move |other| other[task] < score).count() as f64;
        let equal = scores.iter().filter(|other| other[task] <= scores[arm][task]).count() as f64;
        f64::midpoint(of(scores[arm][task]) + 1.0, equal)
    };
    let result = |score: f64| TaskResult {
        task: String::new(),
        score,
        gain: 0.0,
        gain_percent: None,
        low: 0.0,
        high: 0.0,
        test: LossTest {
            loss: String::new(),
            mean: 0.0,
            low: 0.0,
            high: 0.0,
            df: 1.0,
            p: 1.0,
            p_holm: 1.0,
        },
        verdict: Verdict::NoDifference,
        auc: None,
    };
    let arm = |(a, own): (usize, &&[f64])| ArmResult {
        name: format!("arm {a}"),
        family: String::new(),
        delta_m: Interval { mean: 0.0, low: 0.0, high: 0.0 },
        mean_rank: (0..own.len()).map(|task| rank(a, task)).sum::<f64>() / own.len() as f64,
        overall: Overall {
            loss_gain: 0.0,
            low: 0.0,
            high: 0.0,
            p: 1.0,
            verdict: Verdict::NoDifference,
        },
        tasks: own.iter().map(|score| result(*score)).collect(),
        explained_variance: None,
    };
    scores.iter().enumerate().map(arm).collect()
}

#[test]
fn quantiles_are_those_of_the_published_table() {
    // Demsar 2006, table 5(a), at 5%.
    let table = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164];
    for (k, expected) in (2..).zip(table) {
        assert!((nemenyi(k) - expected).abs() < 1e-3, "{k}: {} and {expected}", nemenyi(k));
    }
    assert!((nemenyi(2) - 1.959_964).abs() < 1e-6, "two arms: the normal quantile");
    // Of 20 groups the studentized range has the tabulated quantile 5.01.
    assert!((nemenyi(20) * std::f64::consts::SQRT_2 - 5.01).abs() < 0.006);
}

#[test]
fn the_range_of_two_normal_values_has_a_known_distribution() {
    // The difference of two is normal with variance 2.
    let normal = Normal::standard();
    for q in [0.1, 1.0, 2.5, 6.0] {
        let expected = 2.0 * normal.cdf(q / std::f64::consts::SQRT_2) - 1.0;
        assert!((range_cdf(q, 2) - expected).abs() < 1e-9, "{q}");
    }
}

#[test]
fn ranks_without_ties_give_the_usual_statistic() {
    // Ranks 1 2 3 in four tasks and 2 1 3 in a fifth and sixth.
    let scores: [&[f64]; 3] = [
        &[0.1, 0.2, 0.1, 0.3, 0.5, 0.5],
        &[0.2, 0.3, 0.4, 0.4, 0.4, 0.1],
        &[0.9, 0.8, 0.7, 0.6, 0.6, 0.7],
    ];
    let ranks = ranks(&arms(&scores)).unwrap();
    let means = [8.0 / 6.0, 10.0 / 6.0, 3.0];
    for ((name, rank), (expected, mean)) in
        ranks.arms.iter().zip([("arm 0", means[0]), ("arm 1", means[1]), ("arm 2", means[2])])
    {
        assert!(name == expected && (rank - mean).abs() < 1e-12);
    }
    let usual = 12.0 * 6.0 / 12.0 * (means.iter().map(|m| m * m).sum::<f64>() - 12.0);
    assert!((ranks.friedman.statistic - usual).abs() < 1e-9);
    assert_eq!((ranks.tasks, ranks.friedman.df), (6, 2));
    // With two degrees of freedom the tail is exponential.
    assert!((ranks.friedman.p - (-usual / 2.0).exp()).abs() < 1e-12);
    assert!((ranks.critical_difference - 2.343 * (12.0f64 / 36.0).sqrt()).abs() < 1e-3);
    assert_eq!(ranks.groups, [["arm 0", "arm 1"], ["arm 1", "arm 2"]]);
}

#[test]
fn ties_are_corrected_for() {
    // Ranks 1.5 1 1.5 1 1, 1.5 2.5 1.5 2.5 3 and 3 2.5 3 2.5 2: sums 6, 11 and 13 where 10 each are
    // expected, and four tasks with a pair of ties.
    let scores: [&[f64]; 3] =
        [&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0, 3.0, 3.0, 5.0, 6.0], &[2.0, 3.0, 4.0, 5.0, 5.5]];
    let ranks = ranks(&arms(&scores)).unwrap();
    let expected = 2.0 * (16.0 + 1.0 + 9.0) / (10.0 - 2.0);
    assert!((ranks.friedman.statistic - expected).abs() < 1e-9, "{:?}", ranks.friedman);
}

#[test]
fn equal_arms_are_one_group() {
    let scores: [&[f64]; 3] = [&[0.5; 6]; 3];
    let equal = ranks(&arms(&scores)).unwrap();
    assert!(equal.friedman.statistic.abs() < 1e-12 && (equal.friedman.p - 1.0).abs() < 1e-12);
    assert_eq!(equal.groups.len(), 1);
    assert_eq!(equal.groups[0].len(), 3);
}

#[test]
fn friedmans_test_comes_first() {
    // The first and the last are further apart than the critical difference, 1.10.
    let scores: [&[f64]; 3] = [
        &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0],
        &[2.0, 2.0, 2.0, 2.0, 2.0, 3.0, 1.0, 3.0, 1.0],
        &[3.0, 3.0, 3.0, 3.0, 3.0, 2.0, 3.0, 1.0, 2.0],
    ];
    let ranks = ranks(&arms(&scores)).unwrap();
    assert!(ranks.arms[2].1 - ranks.arms[0].1 > ranks.critical_difference);
    assert!((0.05..0.07).contains(&ranks.friedman.p));
    assert_eq!(ranks.groups, [["arm 0", "arm 1", "arm 2"]]);
}

#[test]
fn groups_are_the_largest_and_none_lies_in_another() {
    let sorted: Vec<(String, f64)> = [("a", 1.0), ("b", 1.5), ("c", 2.4), ("d", 2.6), ("e", 4.5)]
        .map(|(name, rank)| (name.to_string(), rank))
        .to_vec();
    assert_eq!(groups(&sorted, 1.5), [vec!["a", "b", "c"], vec!["b", "c", "d"]]);
    assert_eq!(groups(&sorted, 1.2), [vec!["a", "b"], vec!["b", "c", "d"]]);
    assert_eq!(groups(&sorted, 9.0), [vec!["a", "b", "c", "d", "e"]]);
    assert!(groups(&sorted, 0.1).is_empty());
}

#[test]
fn few_tasks_or_arms_have_no_ranks() {
    let scores: [&[f64]; 3] = [&[0.1, 0.2, 0.3, 0.4, 0.5]; 3];
    assert!(ranks(&arms(&scores)).is_some());
    assert!(ranks(&arms(&scores[..2])).is_none());
    assert!(ranks(&arms(&[&scores[0][..4]; 3])).is_none());
    assert!(ranks(&[]).is_none());
}
