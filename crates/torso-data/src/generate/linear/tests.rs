use std::collections::BTreeSet;
use std::panic::catch_unwind;

use super::*;
use crate::generate::tests::{column as input, labels as labels_of, rank};

const BLOCKS: &[&[i8]] = &[&[1, 1, -1], &[1, -1]];

/// Every structure, with a number of tasks that suits it.
const ALL: [(Structure, usize); 15] = [
    (Structure::RowSparse { support: 3 }, 6),
    (Structure::RowSparseSigns { support: 3 }, 6),
    (Structure::Overlap { support: 4, shared: 0.5 }, 2),
    (Structure::Dirty { support: 3, private: 2 }, 6),
    (Structure::SubtreeSparse { support: 6 }, 6),
    (Structure::Chain { support: 6, pieces: 3 }, 6),
    (Structure::Cluster { clusters: 2, between: 3.0, within: 0.1 }, 6),
    (Structure::Graph { within: 0.3 }, 6),
    (Structure::Tree { decay: 0.5 }, 6),
    (Structure::Outlier { unrelated: 2, within: 0.3 }, 6),
    (Structure::Covariance { blocks: BLOCKS, rho: 0.9 }, 6),
    (Structure::LowRank { rank: 2 }, 6),
    (Structure::Subspaces { groups: 2, rank: 2 }, 6),
    (Structure::Basis, 6),
    (Structure::Unrelated, 6),
];

/// Inputs of tests that look at zeros, signs and ranks.
const D: usize = 12;

fn weights(structure: Structure, d: usize, n_tasks: usize, seed: u64) -> Vec<f64> {
    linear(structure, 1, d, n_tasks, 0.0, Seed(seed)).weights
}

fn is_zero(weight: f64) -> bool {
    weight.abs() < f64::MIN_POSITIVE
}

fn is_sign(weight: f64) -> bool {
    (weight.abs() - 1.0).abs() < f64::EPSILON
}

/// The inputs that a task uses.
fn support(weights: &[f64], n_tasks: usize, task: usize) -> BTreeSet<usize> {
    let own = column(weights, n_tasks, task);
    (0..own.len()).filter(|&input| !is_zero(own[input])).collect()
}

/// The products of the tasks' coefficients, averaged over 40,000 inputs, against what is expected.
fn assert_moments(structure: Structure, n_tasks: usize, expected: impl Fn(usize, usize) -> f64) {
    let d = 40_000;
    let found = weights(structure, d, n_tasks, 3);
    for (a, b) in (0..n_tasks).flat_map(|a| (0..=a).map(move |b| (a, b))) {
        let moment = dot(&column(&found, n_tasks, a), &column(&found, n_tasks, b)) / d as f64;
        let error = (moment - expected(a, b)).abs();
        assert!(error < 0.06, "{structure:?} {a} {b}: {moment}, not {}", expected(a, b));
    }
}

#[test]
fn equal_seeds_give_equal_tasks_and_hashes_tell_them_apart() {
    let mut hashes = BTreeSet::new();
    for (structure, n_tasks) in ALL {
        for make in [linear, linear_own_rows] {
            let draw = |seed| make(structure, 5, D, n_tasks, 0.1, Seed(seed));
            let (truth, other) = (draw(1), draw(2));
            assert_eq!(truth, draw(1));
            assert_ne!(truth.weights, other.weights);
            for truth in [truth, other] {
                assert!(hashes.insert(truth.data.blake3().to_owned()), "{structure:?}");
                assert_eq!(truth.weights.len(), D * n_tasks);
                assert!(truth.weights.iter().all(|weight| weight.is_finite()));
                assert!(truth.groups.is_none_or(|groups| groups.len() == n_tasks));
            }
        }
    }
}

#[test]
fn draws_of_a_seed_stay_what_they_were() {
    let pinned = [
        (Structure::RowSparse { support: 3 }, 37.019_470_738_660_12, 0.314_412_813_370_167_2),
        (
            Structure::Cluster { clusters: 2, between: 3.0, within: 0.1 },
            171.909_981_790_065_76,
            0.153_367_966_176_957_94,
        ),
        (Structure::LowRank { rank: 2 }, -33.349_429_238_970_53, -0.795_770_376_227_366_2),
    ];
    for (structure, weighted_sum, label) in pinned {
        let truth = linear(structure, 20, 5, 3, 0.1, Seed(1));
        let found: f64 = (1..).zip(&truth.weights).map(|(at, w)| f64::from(at) * w).sum();
        assert!((found - weighted_sum).abs() < 1e-10, "{structure:?}: {found}");
        let found = labels_of(&truth.data)[2][19];
        assert!((found - label).abs() < 1e-10, "{structure:?}: {found}");
    }
}

#[test]
fn another_task_changes_no_other() {
    let structures = [
        (Structure::RowSparseSigns { support: 3 }, Structure::RowSparseSigns { support: 3 }),
        (Structure::Dirty { support: 3, private: 2 }, Structure::Dirty { support: 3, private: 2 }),
        (
            Structure::Outlier { unrelated: 1, within: 0.3 },
            Structure::Outlier { unrelated: 2, within: 0.3 },
        ),
        (
            Structure::Covariance { blocks: BLOCKS, rho: 0.9 },
            Structure::Covariance { blocks: BLOCKS, rho: 0.9 },
        ),
        (Structure::Subspaces { groups: 2, rank: 2 }, Structure::Subspaces { groups: 2, rank: 2 }),
        (Structure::Basis, Structure::Basis),
        (Structure::Unrelated, Structure::Unrelated),
    ];
    for (structure, with_one_more) in structures {
        let six = linear_own_rows(structure, 4, D, 6, 0.5, Seed(1));
        let seven = linear_own_rows(with_one_more, 4, D, 7, 0.5, Seed(1));
        for task in 0..6 {
            assert_eq!(column(&six.weights, 6, task), column(&seven.weights, 7, task));
        }
        assert_eq!(six.data.tasks(), &seven.data.tasks()[..6], "{structure:?}");
        assert_eq!(input(&six.data, 3), &input(&seven.data, 3)[..24]);
        assert_eq!(six.groups, seven.groups.map(|groups| groups[..6].to_vec()));
    }
}

#[test]
fn tasks_with_rows_of_their_own_have_the_same_coefficients() {
    let n = 3000;
    for (structure, n_tasks) in ALL {
        let truth = linear_own_rows(structure, n, D, n_tasks, 0.5, Seed(1));
        let shared = linear(structure, 2, D, n_tasks, 0.5, Seed(1));
        assert_eq!((&truth.weights, &truth.groups), (&shared.weights, &shared.groups));
        let data = &truth.data;
        assert_eq!((data.layout(), data.n_rows()), (Layout::Groups, n * n_tasks));
        for (task, labeled) in data.tasks().iter().enumerate() {
            let rows = task * n..(task + 1) * n;
            assert!(labeled.labels.rows().iter().map(|&row| row as usize).eq(rows.clone()));
            let mut errors = labeled.labels.values().to_vec();
            for (index, weight) in column(&truth.weights, n_tasks, task).into_iter().enumerate() {
                let x = &input(data, index)[rows.clone()];
                errors.iter_mut().zip(x).for_each(|(error, x)| *error -= weight * x);
            }
            let sd = (dot(&errors, &errors) / n as f64).sqrt();
            assert!((sd - 0.5).abs() < 0.03, "{structure:?}: noise {sd}");
        }
        let (first, second) = input(data, 0)[..2 * n].split_at(n);
        assert!((dot(first, second) / n as f64).abs() < 0.08, "tasks have different rows");
    }
}

#[test]
fn the_excess_risk_is_the_squared_error_on_new_rows_above_the_noise() {
    let truth = linear(Structure::Unrelated, 60_000, 4, 3, 0.5, Seed(1));
    let guess = vec![0.3; 12];
    let risks = truth.excess_risks(&guess);
    for (risk, labels) in risks.iter().zip(labels_of(&truth.data)) {
        let predicted = |row: usize| (0..4).map(|x| 0.3 * input(&truth.data, x)[row]).sum::<f64>();
        let errors = labels.iter().enumerate().map(|(row, y)| (y - predicted(row)).powi(2));
        let measured = errors.sum::<f64>() / 60_000.0 - 0.25;
        assert!((measured / risk - 1.0).abs() < 0.03, "{measured}, not {risk}");
    }
    assert!((truth.excess_risk(&guess) - risks.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    assert!(truth.excess_risk(&truth.weights).abs() < f64::MIN_POSITIVE);
}

#[test]
fn signs_are_the_same_inputs_with_1_or_minus_1() {
    let found = weights(Structure::RowSparseSigns { support: 3 }, D, 40, 1);
    assert_eq!(support(&found, 40, 0).len(), 3);
    assert!((1..40).all(|task| support(&found, 40, task) == support(&found, 40, 0)));
    assert!(found.iter().all(|&weight| is_zero(weight) || is_sign(weight)));
    let positive = found.iter().filter(|weight| **weight > 0.0).count();
    assert!((40..=80).contains(&positive), "{positive} of 120 are positive");
}

#[test]
fn two_supports_overlap_in_the_share_asked_for() {
    for (size, shared, common) in [(13, 0.3, 4), (13, 2.0 / 3.0, 9), (5, 1.0, 5), (5, 0.0, 0)] {
        let found = weights(Structure::Overlap { support: size, shared }, 128, 2, 7);
        let (first, second) = (support(&found, 2, 0), support(&found, 2, 1));
        assert_eq!((first.len(), second.len()), (size, size));
        assert_eq!(first.intersection(&second).count(), common);
        assert!(found.iter().all(|&weight| is_zero(weight) || is_sign(weight)));
    }
    let full = weights(Structure::Overlap { support: 30, shared: 1.0 }, 30, 2, 1);
    let alike = full.chunks_exact(2).filter(|row| (row[0] - row[1]).abs() < 1.0).count();
    assert!((5..=25).contains(&alike), "the tasks' signs are independent: {alike} of 30 alike");
}

#[test]
fn a_dirty_model_has_shared_rows_and_private_entries() {
    let found = weights(Structure::Dirty { support: 3, private: 2 }, 40, 10, 1);
    let supports: Vec<_> = (0..10).map(|task| support(&found, 10, task)).collect();
    let shared = supports[1..].iter().fold(supports[0].clone(), |all, own| &all & own);
    assert_eq!(shared.len(), 3);
    assert!(supports.iter().all(|own| own.len() == 5));
    let private: BTreeSet<usize> = supports.iter().flat_map(|own| own - &shared).collect();
    assert!(private.len() > 10, "private inputs differ: {private:?}");
}

#[test]
fn inputs_are_in_use_for_whole_subtrees() {
    let n_tasks = 8;
    let found = weights(Structure::SubtreeSparse { support: 300 }, 320, n_tasks, 1);
    let nodes = balanced_tree(n_tasks).concat();
    let mut sizes = BTreeSet::new();
    let mut in_use = 0;
    for row in found.chunks_exact(n_tasks) {
        let used: Vec<usize> = (0..n_tasks).filter(|&task| !is_zero(row[task])).collect();
        assert!(used.iter().all(|&task| is_sign(row[task])));
        if used.is_empty() {
            continue;
        }
        in_use += 1;
        sizes.insert(used.len());
        assert!(nodes.iter().any(|node| used.iter().copied().eq(node.clone())), "{used:?}");
    }
    assert_eq!(in_use, 300);
    assert!(sizes.into_iter().eq([2, 4, 8]), "every inner level comes, no single task");
}

#[test]
fn rows_of_a_chain_have_as_many_pieces_as_asked_for() {
    let n_tasks = 20;
    let found = weights(Structure::Chain { support: 30, pieces: 4 }, 40, n_tasks, 1);
    let mut places = BTreeSet::new();
    let mut in_use = 0;
    for row in found.chunks_exact(n_tasks).filter(|row| row.iter().any(|&w| !is_zero(w))) {
        in_use += 1;
        let jumps: Vec<usize> = (1..n_tasks).filter(|&t| !is_zero(row[t] - row[t - 1])).collect();
        assert_eq!(jumps.len(), 3);
        places.extend(jumps);
    }
    assert_eq!(in_use, 30);
    assert_eq!(places.len(), n_tasks - 1, "rows jump anywhere");
    let constant = weights(Structure::Chain { support: 1, pieces: 1 }, 1, 5, 1);
    assert!(constant.iter().all(|&weight| is_zero(weight - constant[0])));
}

#[test]
fn a_balanced_tree_halves_its_tasks() {
    let level = |tasks: &[(usize, usize)]| tasks.iter().map(|&(a, b)| a..b).collect::<Vec<_>>();
    let expected = vec![
        level(&[(0, 5)]),
        level(&[(0, 3), (3, 5)]),
        level(&[(0, 2), (2, 3), (3, 4), (4, 5)]),
        level(&[(0, 1), (1, 2)]),
    ];
    assert_eq!(balanced_tree(5), expected);
    assert_eq!(balanced_tree(1), [level(&[(0, 1)])]);
    assert_eq!(
        balanced_tree(64).iter().map(Vec::len).collect::<Vec<_>>(),
        [1, 2, 4, 8, 16, 32, 64]
    );
}

#[test]
fn a_tree_shares_what_lies_above_both_tasks() {
    let levels = balanced_tree(6);
    let above = |node: &std::ops::Range<usize>, a, b| node.contains(&a) && node.contains(&b);
    assert_moments(Structure::Tree { decay: 0.5 }, 6, |a, b| {
        let with_both = levels.iter().zip([1.0, 0.5, 0.25, 0.125]);
        let with_both = with_both.filter(|(level, _)| level.iter().any(|node| above(node, a, b)));
        with_both.map(|(_, variance)| variance).sum()
    });
}

#[test]
fn a_graph_has_two_cliques_and_an_outlier_no_relation() {
    let own = |a: usize, b: usize| if a == b { 0.09 } else { 0.0 };
    assert_moments(Structure::Graph { within: 0.3 }, 5, |a, b| {
        own(a, b) + f64::from((a < 3) == (b < 3))
    });
    let truth = linear(Structure::Graph { within: 0.3 }, 1, 1, 5, 0.0, Seed(1));
    assert_eq!(truth.groups, Some(vec![0, 0, 0, 1, 1]));

    let outlier = Structure::Outlier { unrelated: 2, within: 0.3 };
    assert_moments(outlier, 5, |a, b| match (a < 3, b < 3) {
        (true, true) => 1.0 + own(a, b),
        _ => f64::from(a == b),
    });
    assert_eq!(linear(outlier, 1, 1, 5, 0.0, Seed(1)).groups, Some(vec![0, 0, 0, 1, 2]));
}

#[test]
fn rows_have_the_covariance_asked_for() {
    let omega = block_correlation(BLOCKS, 0.9, 7);
    let expected = [[1.0, 0.9, -0.9], [0.9, 1.0, -0.9], [-0.9, -0.9, 1.0]];
    for (a, b) in (0..7).flat_map(|a| (0..7).map(move |b| (a, b))) {
        let expected = match (a, b) {
            (0..3, 0..3) => expected[a][b],
            (3, 4) | (4, 3) => -0.9,
            _ => f64::from(a == b),
        };
        assert!((omega[a * 7 + b] - expected).abs() < 1e-12, "{a} {b}");
    }
    let structure = Structure::Covariance { blocks: BLOCKS, rho: 0.9 };
    assert_moments(structure, 7, |a, b| omega[a * 7 + b]);
    let truth = linear(structure, 1, 1, 7, 0.0, Seed(1));
    assert_eq!(truth.groups, Some(vec![0, 0, 0, 1, 1, 2, 3]));
    assert_moments(Structure::Covariance { blocks: &[&[1, -1]], rho: 1.0 }, 2, |a, b| {
        if a == b { 1.0 } else { -1.0 }
    });
}

#[test]
fn unrelated_tasks_have_nothing_in_common() {
    assert_moments(Structure::Unrelated, 4, |a, b| f64::from(a == b));
    let truth = linear(Structure::Unrelated, 1, 1, 3, 0.0, Seed(1));
    assert_eq!(truth.groups, Some(vec![0, 1, 2]));
}

/// The rank of the coefficients of some groups' tasks.
fn rank_of(truth: &LinearTruth, wanted: &[usize]) -> usize {
    let groups = truth.groups.as_ref().unwrap();
    let tasks: Vec<usize> = (0..groups.len()).filter(|&t| wanted.contains(&groups[t])).collect();
    let rows = truth.weights.chunks_exact(groups.len());
    let matrix: Vec<f64> = rows.flat_map(|row| tasks.iter().map(|&task| row[task])).collect();
    rank(&matrix, tasks.len())
}

#[test]
fn groups_of_tasks_span_their_own_subspaces() {
    let truth = linear(Structure::Subspaces { groups: 3, rank: 3 }, 1, 30, 30, 0.0, Seed(1));
    assert_eq!(truth.groups.as_ref().unwrap()[..4], [0, 1, 2, 0]);
    assert_eq!([0, 1, 2].map(|group| rank_of(&truth, &[group])), [3, 3, 3]);
    assert_eq!((rank_of(&truth, &[0, 2]), rank_of(&truth, &[0, 1, 2])), (6, 9));
    // Over enough inputs each task's variance is ||s||^2 / rank: 1 on average.
    let large = weights(Structure::Subspaces { groups: 2, rank: 4 }, 300, 400, 1);
    let variance = dot(&large, &large) / large.len() as f64;
    assert!((variance - 1.0).abs() < 0.15, "variance {variance}");
}

#[test]
fn neighboring_groups_of_a_basis_share_a_vector() {
    let truth = linear(Structure::Basis, 1, 20, 30, 0.0, Seed(1));
    assert_eq!([0, 1, 2].map(|group| rank_of(&truth, &[group])), [2, 2, 2]);
    assert_eq!((rank_of(&truth, &[0, 1]), rank_of(&truth, &[1, 2])), (3, 3));
    assert_eq!((rank_of(&truth, &[0, 2]), rank_of(&truth, &[0, 1, 2])), (4, 4));
    let large = weights(Structure::Basis, 300, 600, 1);
    let variance = dot(&large, &large) / large.len() as f64;
    assert!((variance / (13.0 / 6.0) - 1.0).abs() < 0.15, "variance {variance}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let misfits = [
        (Structure::RowSparse { support: 13 }, 6),
        (Structure::RowSparseSigns { support: 13 }, 6),
        (Structure::Overlap { support: 3, shared: 0.5 }, 3),
        (Structure::Overlap { support: 3, shared: 1.1 }, 2),
        (Structure::Overlap { support: 7, shared: 0.0 }, 2),
        (Structure::Dirty { support: 10, private: 3 }, 6),
        (Structure::SubtreeSparse { support: 3 }, 1),
        (Structure::Chain { support: 3, pieces: 0 }, 6),
        (Structure::Chain { support: 3, pieces: 7 }, 6),
        (Structure::Cluster { clusters: 0, between: 1.0, within: 1.0 }, 6),
        (Structure::Graph { within: -0.1 }, 6),
        (Structure::Tree { decay: 1.5 }, 6),
        (Structure::Outlier { unrelated: 6, within: 0.1 }, 6),
        (Structure::Outlier { unrelated: 1, within: f64::NAN }, 6),
        (Structure::Covariance { blocks: BLOCKS, rho: 0.9 }, 4),
        (Structure::Covariance { blocks: BLOCKS, rho: 1.1 }, 6),
        (Structure::Covariance { blocks: &[&[1, 0]], rho: 0.9 }, 6),
        (Structure::LowRank { rank: 0 }, 6),
        (Structure::Subspaces { groups: 0, rank: 2 }, 6),
        (Structure::Subspaces { groups: 2, rank: 0 }, 6),
    ];
    for (structure, n_tasks) in misfits {
        let refused = catch_unwind(|| linear(structure, 1, D, n_tasks, 0.0, Seed(1)));
        assert!(refused.is_err(), "{structure:?} with {n_tasks} tasks");
    }
}
