use torso_core::seed::Seed;

use super::*;

pub(super) fn column(data: &TaskData, index: usize) -> &[f64] {
    match &data.features().columns[index].values {
        FeatureValues::Numeric(values) => values,
        FeatureValues::Categorical { .. } => panic!("generators make numbers"),
    }
}

pub(super) fn labels(data: &TaskData) -> Vec<&[f64]> {
    data.tasks().iter().map(|task| task.labels.values()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let centered = |values: &[f64]| -> Vec<f64> {
        let mean = mean(values);
        values.iter().map(|value| value - mean).collect()
    };
    let (a, b) = (centered(a), centered(b));
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

/// The rank of a row-major `[n, m]` matrix, by elimination with the largest pivot.
pub(super) fn rank(matrix: &[f64], m: usize) -> usize {
    let mut rows: Vec<Vec<f64>> = matrix.chunks_exact(m).map(<[f64]>::to_vec).collect();
    for rank in 0..m.min(rows.len()) {
        let at = |rows: &[Vec<f64>], (r, c): (usize, usize)| rows[r][c].abs();
        let cells = (rank..rows.len()).flat_map(|r| (0..m).map(move |c| (r, c)));
        let (r, c) = cells.reduce(|a, b| if at(&rows, b) > at(&rows, a) { b } else { a }).unwrap();
        if at(&rows, (r, c)) < 1e-9 {
            return rank;
        }
        rows.swap(rank, r);
        let pivot = rows[rank].clone();
        for row in &mut rows[rank + 1..] {
            let factor = row[c] / pivot[c];
            row.iter_mut().zip(&pivot).for_each(|(x, p)| *x -= factor * p);
        }
    }
    m.min(rows.len())
}

const STRUCTURES: [Structure; 3] = [
    Structure::RowSparse { support: 3 },
    Structure::Cluster { clusters: 2, between: 3.0, within: 0.1 },
    Structure::LowRank { rank: 2 },
];

#[test]
fn equal_seeds_give_equal_data_and_hashes() {
    let makers: [&dyn Fn(Seed) -> TaskData; 7] = [
        &|seed| linear(STRUCTURES[0], 20, 5, 3, 0.1, seed).data,
        &|seed| linear(STRUCTURES[1], 20, 5, 3, 0.1, seed).data,
        &|seed| linear(STRUCTURES[2], 20, 5, 3, 0.1, seed).data,
        &|seed| shared_features(20, 4, 3, 3, 0.5, 0.1, seed),
        &|seed| conflict(20, 3, seed),
        &|seed| missing(&conflict(20, 3, Seed(0)), 0.5, seed),
        &|seed| one_task_per_row(&conflict(20, 3, Seed(0)), seed),
    ];
    let mut hashes = std::collections::BTreeSet::new();
    for make in makers {
        let data = make(Seed(1));
        assert_eq!(data, make(Seed(1)));
        let other = make(Seed(2));
        assert_ne!(data.tasks(), other.tasks());
        for data in [data, other] {
            assert_eq!(data.blake3().len(), 64);
            assert!(hashes.insert(data.blake3().to_owned()), "{}: a hash comes twice", data.name());
        }
    }
    let hash = |noise| linear(STRUCTURES[0], 20, 5, 3, noise, Seed(1)).data.blake3().to_owned();
    assert_ne!(hash(0.1), hash(0.2), "the hash tells parameters apart");
}

#[test]
fn another_task_changes_no_other() {
    let two = shared_features(30, 4, 3, 2, 0.5, 0.1, Seed(1));
    let three = shared_features(30, 4, 3, 3, 0.5, 0.1, Seed(1));
    assert_eq!(two.features(), three.features());
    assert_eq!(two.tasks(), &three.tasks()[..2]);
    let dropped = missing(&three, 0.3, Seed(5));
    assert_eq!(missing(&two, 0.3, Seed(5)).tasks(), &dropped.tasks()[..2]);
}

#[test]
fn inputs_are_standard_normal_and_independent() {
    let data = linear(STRUCTURES[0], 20_000, 4, 1, 0.0, Seed(3)).data;
    for index in 0..4 {
        let x = column(&data, index);
        assert!(mean(x).abs() < 0.03, "mean {}", mean(x));
        assert!((dot(x, x) / 20_000.0 - 1.0).abs() < 0.05);
        let next = column(&data, (index + 1) % 4);
        assert!(correlation(x, next).abs() < 0.03);
    }
}

#[test]
fn linear_labels_follow_the_true_coefficients() {
    let (n, d, n_tasks) = (4000, 5, 3);
    for structure in STRUCTURES {
        let truth = linear(structure, n, d, n_tasks, 0.5, Seed(1));
        for (task, labels) in labels(&truth.data).into_iter().enumerate() {
            let mut errors = labels.to_vec();
            for input in 0..d {
                let weight = truth.weights[input * n_tasks + task];
                errors
                    .iter_mut()
                    .zip(column(&truth.data, input))
                    .for_each(|(e, x)| *e -= weight * x);
            }
            let sd = (dot(&errors, &errors) / n as f64).sqrt();
            assert!((sd - 0.5).abs() < 0.025, "{structure:?}: noise {sd}");
            assert!(correlation(&errors, column(&truth.data, 0)).abs() < 0.06);
        }
    }
}

#[test]
fn coefficients_have_the_structure_that_was_asked_for() {
    let (d, n_tasks) = (12, 6);
    let weights = |structure| linear(structure, 2, d, n_tasks, 0.0, Seed(4)).weights;

    let sparse = weights(STRUCTURES[0]);
    let zeros = |row: &&[f64]| row.iter().all(|w| w.abs() < f64::MIN_POSITIVE);
    assert_eq!(sparse.chunks_exact(n_tasks).filter(zeros).count(), d - 3);
    let nonzero = sparse.iter().filter(|w| w.abs() > 0.0).count();
    assert_eq!(nonzero, 3 * n_tasks, "all tasks use the same inputs");

    let clustered = weights(STRUCTURES[1]);
    let own = |task: usize| -> Vec<f64> {
        clustered.iter().skip(task).step_by(n_tasks).copied().collect()
    };
    let distance = |a, b| {
        let squares = own(a).iter().zip(own(b)).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        (squares / d as f64).sqrt()
    };
    for (a, b) in (0..n_tasks).flat_map(|a| (0..a).map(move |b| (a, b))) {
        let near = distance(a, b) < 0.5;
        assert_eq!(near, a % 2 == b % 2, "tasks {a} and {b} are {} apart", distance(a, b));
    }

    let low = weights(STRUCTURES[2]);
    assert_eq!(rank(&low, n_tasks), 2);
    assert_eq!(rank(&weights(Structure::LowRank { rank: 5 }), n_tasks), 5);
    let large = linear(STRUCTURES[2], 1, 200, 200, 0.0, Seed(1)).weights;
    let variance = dot(&large, &large) / large.len() as f64;
    assert!((variance - 1.0).abs() < 0.25, "variance {variance}");
}

#[test]
fn shared_features_are_shared_as_far_as_rho_says() {
    // Without noise and with one feature each, a signal is nearly the sign of a projection; of
    // directions with cosine c, signs correlate by 2/pi asin(c): 1/3 for c = 1/2.
    let alike = |rho| {
        let data = shared_features(1000, 400, 1, 8, rho, 0.0, Seed(2));
        let labels = labels(&data);
        let pairs = (0..8).flat_map(|a| (0..a).map(move |b| (a, b)));
        let found: Vec<f64> = pairs.map(|(a, b)| correlation(labels[a], labels[b]).abs()).collect();
        mean(&found)
    };
    let (none, half, all) = (alike(0.0), alike(0.5), alike(1.0));
    assert!(all > 1.0 - 1e-9, "{all}");
    assert!(none < 0.15 && (half - 1.0 / 3.0).abs() < 0.07, "{none}, {half}");
}

#[test]
fn teachers_make_signals_of_variance_1_and_the_noise_asked_for() {
    for noise in [0.0, 0.5] {
        let data = shared_features(20_000, 5, 4, 2, 0.5, noise, Seed(1));
        for y in labels(&data) {
            let expected = 1.0 + noise * noise;
            assert!(mean(y).abs() < 0.02 && (dot(y, y) / 20_000.0 - expected).abs() < 0.03);
        }
    }
    // Waves are even: their labels are hardly correlated, with each other or with an input.
    let data = conflict(20_000, 3, Seed(1));
    let labels = labels(&data);
    for (task, y) in labels.iter().enumerate() {
        assert!((dot(y, y) / 20_000.0 - 1.04).abs() < 0.03);
        assert!(correlation(y, labels[(task + 1) % 3]).abs() < 0.3);
        assert!((0..4).all(|input| correlation(y, column(&data, input)).abs() < 0.03));
    }
}

#[test]
fn labels_go_missing_in_the_share_asked_for() {
    let data = conflict(10_000, 2, Seed(1));
    let holes = missing(&data, 0.3, Seed(9));
    assert_eq!(holes.n_rows(), 10_000);
    let kept: Vec<usize> = holes.tasks().iter().map(|task| task.labels.len()).collect();
    assert!(kept.iter().all(|&kept| kept.abs_diff(7000) < 150), "{kept:?}");
    let both = |row: &&u32| holes.tasks()[1].labels.get(**row).is_some();
    let both = holes.tasks()[0].labels.rows().iter().filter(both).count();
    assert!(both.abs_diff(4900) < 150, "tasks lose labels independently: {both}");
    for (task, whole) in holes.tasks().iter().zip(data.tasks()) {
        let same = |(&row, &value): (&u32, &f64)| whole.labels.get(row) == Some(value);
        assert!(task.labels.rows().iter().zip(task.labels.values()).all(same));
    }
    assert_eq!(missing(&data, 0.0, Seed(9)).tasks(), data.tasks());
    assert!(missing(&data, 1.0, Seed(9)).labeled_rows().is_empty());
}

#[test]
fn classes_are_of_equal_size_and_in_order() {
    let data = conflict(90, 2, Seed(1));
    for (n, kind) in [(2, "binary"), (3, "multiclass")] {
        let changed = classes(&data, 1, n);
        let task = &changed.tasks()[1];
        assert_eq!(changed.tasks()[0], data.tasks()[0]);
        assert_eq!((task.kind.name(), task.kind.classes()[0].as_str()), (kind, "c0"));
        let values = data.tasks()[1].labels.values();
        let mut top = f64::NEG_INFINITY;
        for class in 0..n {
            let of_class = task.labels.values().iter().zip(values);
            let of_class = of_class.filter(|(c, _)| (*c - class as f64).abs() < 0.5);
            let of_class: Vec<f64> = of_class.map(|(_, y)| *y).collect();
            assert_eq!(of_class.len(), 90 / n);
            assert!(of_class.iter().all(|&y| y > top), "class {class} lies above the one before");
            top = of_class.iter().copied().fold(top, f64::max);
        }
    }
}

#[test]
fn one_task_per_row_deals_every_row_once() {
    let data = conflict(3000, 3, Seed(1));
    let dealt = one_task_per_row(&data, Seed(2));
    assert_eq!(dealt.layout(), Layout::Groups);
    let sizes: Vec<usize> = dealt.tasks().iter().map(|task| task.labels.len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 3000);
    assert_eq!(dealt.labeled_rows().len(), 3000);
    assert!(sizes.iter().all(|&size| size.abs_diff(1000) < 100), "{sizes:?}");
    for (task, whole) in dealt.tasks().iter().zip(data.tasks()) {
        assert!(
            task.labels.among(task.labels.rows()).all(|(row, y)| whole.labels.get(row) == Some(y))
        );
    }
}

#[test]
fn row_weights_stay_with_the_rows() {
    let data = conflict(4, 2, Seed(1)).with_row_weights(vec![1.0, 0.0, 2.0, 1.0]).unwrap();
    let changed = one_task_per_row(&missing(&data, 0.5, Seed(1)), Seed(1));
    assert_eq!(changed.row_weights(), Some(&[1.0, 0.0, 2.0, 1.0][..]));
}
