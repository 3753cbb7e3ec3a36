//! Real tables, where they are at hand: every row kept, labels counted, types as they should be.
//! The expected figures were counted apart from this crate.

use std::path::PathBuf;

use torso_core::features::{FeatureValues, ImageShape};
use torso_core::metric::class_index;
use torso_core::seed::Seed;
use torso_core::split::{Part, SplitOptions, SplitRule, plan};
use torso_data::generate::multi_digit;
use torso_data::{
    Idx, IdxKind, Prepared, Preprocessor, ReadOptions, Roles, SplitSpec, Table, read_splits,
    split_rule, task_data,
};

/// The folder of real data: `$TORSO_DATA`, or `shared/data` beside the project.
#[expect(clippy::disallowed_methods, reason = "a test may look where the data are")]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn folder() -> Option<PathBuf> {
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var("TORSO_DATA").map_or(project.join("../shared/data"), PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: no real data (set TORSO_DATA)");
        return None;
    }
    Some(folder)
}

fn table(path: &str) -> Option<Table> {
    let path = folder()?.join(path);
    Some(Table::read(&path, &ReadOptions::default()).expect("real tables are valid"))
}

/// Columns `y_*` are targets, and every other column a feature.
fn by_name(table: &Table) -> Roles {
    Roles::columns(table.header().iter().filter(|name| name.starts_with("y_")))
}

fn labels(prepared: &Prepared) -> Vec<usize> {
    prepared.data.tasks().iter().map(|task| task.labels.len()).collect()
}

fn kinds(prepared: &Prepared) -> Vec<&'static str> {
    prepared.data.tasks().iter().map(|task| task.kind.name()).collect()
}

/// Features, features with missing cells, missing cells.
fn features(prepared: &Prepared) -> [usize; 3] {
    let columns = &prepared.data.features().columns;
    let missing: Vec<usize> = columns.iter().map(|column| column.values.missing()).collect();
    let with_holes = missing.iter().filter(|&&cells| cells > 0).count();
    [columns.len(), with_holes, missing.iter().sum()]
}

#[test]
fn tables_of_numbers_keep_every_row_and_label() {
    for (path, rows, tasks, of_features) in [
        ("mulan_mtr/osales.csv.gz", 639, 12, [401, 25, 10_012]),
        ("mulan_mtr/scpf.csv", 1137, 3, [23, 15, 9255]),
        ("rf1/rf1.csv.gz", 9125, 8, [64, 56, 3264]),
        ("sarcos/sarcos_test.csv.gz", 4449, 7, [21, 0, 0]),
    ] {
        let Some(table) = table(path) else { return };
        let prepared = task_data(&table, &by_name(&table)).unwrap();
        assert_eq!(prepared.data.n_rows(), rows, "{path}");
        assert_eq!(labels(&prepared), vec![rows; tasks], "{path}");
        assert_eq!(kinds(&prepared), vec!["regression"; tasks], "{path}");
        assert_eq!(features(&prepared), of_features, "{path}");
    }
}

#[test]
fn schools_are_tasks_and_their_splits_are_read() {
    let (Some(table), Some(folder)) = (table("school/school.csv.gz"), folder()) else { return };
    let prepared = task_data(&table, &Roles::groups("task", "y_score")).unwrap();
    let data = &prepared.data;
    assert_eq!((data.n_rows(), data.n_tasks()), (15_362, 139));
    let labels = labels(&prepared);
    assert_eq!(labels[..4], [200, 91, 95, 212]);
    let (least, most) = (labels.iter().min().unwrap(), labels.iter().max().unwrap());
    assert_eq!((labels.iter().sum::<usize>(), *least, *most), (15_362, 22, 251));
    assert!(kinds(&prepared).iter().all(|&kind| kind == "regression"));
    assert_eq!(features(&prepared), [28, 0, 0]);

    let rule = read_splits(&folder.join("splits/school.csv.gz"), data.n_rows()).unwrap();
    let SplitRule::Given(repetitions) = &rule else { panic!("a file gives the parts") };
    assert_eq!(repetitions.len(), 5);
    for parts in repetitions {
        let count = |part| parts.iter().filter(|&&found| found == Some(part)).count();
        assert_eq!((count(Part::Train), count(Part::Test)), (11_517, 3845));
    }
    let options = SplitOptions { repeats: 1, ..SplitOptions::default() };
    let fold = &plan(data, &rule, &options).unwrap()[0].folds[0];
    assert_eq!((fold.train.len() + fold.validation.len(), fold.test.len()), (11_517, 3845));

    let preprocessor = Preprocessor::fit(data.features(), &fold.train);
    assert_eq!(preprocessor.notes, ["`x_27` is dropped: it is constant in the training rows"]);
    assert_eq!(preprocessor.transform(data.features()).n_columns(), 27);
}

#[test]
fn splits_of_ten_folds_test_every_row_once() {
    let Some(folder) = folder() else { return };
    let rule = read_splits(&folder.join("splits/osales.csv"), 639).unwrap();
    let SplitRule::Given(repetitions) = rule else { panic!("a file gives the parts") };
    assert_eq!(repetitions.len(), 10);
    for row in 0..639 {
        let tested = repetitions.iter().filter(|parts| parts[row] == Some(Part::Test)).count();
        assert_eq!(tested, 1, "row {row}");
    }
}

#[test]
fn emotions_are_binary_and_split_by_a_column() {
    let Some(table) = table("mulan_ml/emotions.csv.gz") else { return };
    let spec: SplitSpec = "column:split".parse().unwrap();
    let reserved = spec.column().map(String::from).into_iter().collect();
    let prepared = task_data(&table, &Roles { reserved, ..by_name(&table) }).unwrap();
    assert_eq!(labels(&prepared), [593; 6]);
    assert_eq!(kinds(&prepared), ["binary"; 6]);
    assert_eq!(features(&prepared), [72, 0, 0]);
    let SplitRule::Given(parts) = split_rule(&table, &prepared.data, &spec).unwrap() else {
        panic!("a column gives the parts")
    };
    let count = |part| parts[0].iter().filter(|&&found| found == Some(part)).count();
    assert_eq!((parts.len(), count(Part::Train), count(Part::Test)), (1, 391, 202));

    // Where the column stays a feature, a note says so.
    let careless = task_data(&table, &by_name(&table)).unwrap();
    assert!(careless.notes[0].contains("`split` names the parts of a split"));
}

#[test]
fn sensors_that_fail_cost_labels_and_no_row() {
    let Some(table) = table("airquality/airquality.csv.gz") else { return };
    let targets = ["CO_GT", "NMHC_GT", "C6H6_GT", "NOx_GT", "NO2_GT"];
    let prepared = task_data(&table, &Roles::columns(targets)).unwrap();
    assert_eq!(prepared.data.n_rows(), 9357);
    assert_eq!(labels(&prepared), [7674, 914, 8991, 7718, 7715]);
    assert_eq!(kinds(&prepared), ["regression"; 5]);
    // `Date` (10/03/2004) is no feature, `Time` (18:00:00) is one of 24 categories, and eight
    // sensors are numbers with 366 missing cells each.
    assert_eq!(features(&prepared), [9, 8, 8 * 366]);
    assert!(matches!(
        &prepared.data.features().columns[0].values,
        FeatureValues::Categorical { levels, .. } if levels.len() == 24
    ));
    assert!(prepared.notes.iter().any(|note| note.starts_with("feature `Date` is left out")));
}

#[test]
fn rows_without_a_station_or_a_label_are_kept() {
    let Some(table) = table("bias_ucl/bias_ucl.csv.gz") else { return };
    let spec: SplitSpec = "time:Date".parse().unwrap();
    let ignore = vec!["y_Next_Tmax".to_owned()];
    let roles =
        Roles { ignore, reserved: vec!["Date".into()], ..Roles::groups("station", "y_Next_Tmin") };
    let prepared = task_data(&table, &roles).unwrap();
    let data = &prepared.data;
    assert_eq!((data.n_rows(), data.n_tasks(), data.labeled_rows().len()), (7752, 25, 7723));
    let names: Vec<&str> = data.tasks().iter().map(|task| task.name.as_str()).collect();
    assert_eq!((names[1], names[24]), ("2", "25"), "stations come as numbers");
    assert_eq!(labels(&prepared)[4..8], [305, 306, 306, 307]);
    assert!(prepared.notes.contains(&"2 rows without a `station`: kept, without a task".into()));
    let SplitRule::Time(times) = split_rule(&table, data, &spec).unwrap() else {
        panic!("dates give times")
    };
    assert_eq!(times.iter().filter(|time| time.is_nan()).count(), 2);
}

#[test]
fn targets_of_mixed_kinds_lie_side_by_side() {
    let Some(students) = table("student/student_mat.csv") else { return };
    let roles = Roles::columns(["y_G3", "x_sex", "x_Mjob"]);
    let prepared = task_data(&students, &roles).unwrap();
    assert_eq!(labels(&prepared), [395; 3]);
    assert_eq!(kinds(&prepared), ["regression", "binary", "multiclass"]);
    assert_eq!(prepared.data.tasks()[2].kind.width(), 5);
    assert_eq!(features(&prepared), [30, 0, 0], "33 columns but for 3 targets");

    let Some(flares) = table("mulan_mtr/sf1.csv") else { return };
    let prepared = task_data(&flares, &by_name(&flares)).unwrap();
    assert_eq!(labels(&prepared), [323; 3]);
    assert_eq!(kinds(&prepared), ["regression", "regression", "binary"]);
    assert!(prepared.notes.iter().any(|note| note.starts_with("few distinct integers")));
}

#[test]
fn a_weighted_census_keeps_its_weights() {
    let Some(table) = table("census_kdd/census_20k.csv.gz") else { return };
    let roles = Roles { weight: Some("instance_weight".into()), ..by_name(&table) };
    let prepared = task_data(&table, &roles).unwrap();
    assert_eq!(labels(&prepared), [20_000; 2]);
    assert_eq!(kinds(&prepared), ["binary"; 2]);
    assert_eq!(features(&prepared), [39, 1, 89]);
    let first: f64 = table.cell(0, table.column("instance_weight").unwrap()).parse().unwrap();
    let weights = prepared.data.row_weights().unwrap();
    assert!((weights[0] - first).abs() < 1e-9 && weights.len() == 20_000);
}

#[test]
fn mnist_has_its_published_mean_and_counts() {
    let Some(folder) = folder() else { return };
    let path = |name: &str| folder.join("mnist").join(name);
    let images = Idx::read(&path("train-images-idx3-ubyte.gz"), IdxKind::Images).unwrap();
    assert_eq!(images.sizes, [60_000, 28, 28]);
    // 0.1307 and 0.3081 are what everybody normalizes with.
    let n = images.bytes.len() as f64;
    let moment = |k: i32| images.bytes.iter().map(|&p| (f64::from(p) / 255.0).powi(k)).sum::<f64>();
    let mean = moment(1) / n;
    let sd = (moment(2) / n - mean * mean).sqrt();
    assert!((mean - 0.1307).abs() < 5e-5 && (sd - 0.3081).abs() < 5e-5, "{mean} {sd}");

    let labels = [format!("digit={}", path("t10k-labels-idx1-ubyte.gz").display())];
    let labels = labels.map(|text| text.parse().unwrap()).to_vec();
    let options = ReadOptions { labels, ..ReadOptions::default() };
    let table = Table::read(&path("t10k-images-idx3-ubyte.gz"), &options).unwrap();
    let data = task_data(&table, &Roles::columns(["digit"])).unwrap().data;
    assert_eq!(data.features().image, Some(ImageShape { height: 28, width: 28, channels: 1 }));
    let mut counts = [0; 10];
    for &class in data.tasks()[0].labels.values() {
        counts[class_index(class)] += 1;
    }
    assert_eq!(counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
}

#[test]
fn a_pair_of_digits_shows_both() {
    let Some(folder) = folder() else { return };
    let path = |name: &str| folder.join("mnist").join(name);
    let images = Idx::read(&path("t10k-images-idx3-ubyte.gz"), IdxKind::Images).unwrap();
    let labels = Idx::read(&path("t10k-labels-idx1-ubyte.gz"), IdxKind::Labels).unwrap();
    let made = multi_digit(&images, &labels, 100, Seed(0));
    assert_eq!(made.images.sizes, [100, 36, 36]);
    for (pair, canvas) in made.images.bytes.chunks_exact(36 * 36).enumerate() {
        // A canvas is the brighter of two of the images with its labels: none is brighter anywhere.
        for (of, shift) in [(&made.left, 0), (&made.right, 8)] {
            let fits = images.bytes.chunks_exact(784).zip(&labels.bytes).any(|(image, &label)| {
                let below = |(at, &pixel): (usize, &u8)| {
                    pixel <= canvas[(at / 28 + shift) * 36 + at % 28 + shift]
                };
                label == of.bytes[pair] && image.iter().enumerate().all(below)
            });
            assert!(fits, "pair {pair}");
        }
    }
}
