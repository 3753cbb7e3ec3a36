use super::*;

fn numeric(name: &str, values: &[f64]) -> Feature {
    Feature { name: name.into(), values: FeatureValues::Numeric(values.to_vec()) }
}

/// A feature of these cells, `""` where one is missing.
fn categorical(name: &str, cells: &[&str]) -> Feature {
    let mut levels: Vec<String> =
        cells.iter().filter(|cell| !cell.is_empty()).map(ToString::to_string).collect();
    levels.sort();
    levels.dedup();
    let code = |cell: &&str| levels.iter().position(|level| level == cell);
    let codes = cells.iter().map(|cell| code(cell).map(torso_core::data::row_index)).collect();
    Feature { name: name.into(), values: FeatureValues::Categorical { levels, codes } }
}

/// The design of one feature, fitted on the first `n_train` rows: its columns by name.
fn design(feature: Feature, n_train: u32, options: PreprocessOptions) -> Vec<(String, Vec<f64>)> {
    let features = Features::new(vec![feature]);
    let train: Vec<u32> = (0..n_train).collect();
    columns(&Preprocessor::fit_with(&features, &train, options).transform(&features))
}

fn columns(design: &Design) -> Vec<(String, Vec<f64>)> {
    let width = design.n_columns();
    let column = |at: usize| design.values().iter().skip(at).step_by(width).copied().collect();
    design.names().iter().enumerate().map(|(at, name)| (name.clone(), column(at))).collect()
}

fn named(columns: &[(&str, &[f64])]) -> Vec<(String, Vec<f64>)> {
    columns.iter().map(|(name, values)| ((*name).to_owned(), values.to_vec())).collect()
}

const NAN: f64 = f64::NAN;
const RAW: PreprocessOptions = PreprocessOptions { standardize: false, keep_constant: false };
const ALL: PreprocessOptions = PreprocessOptions { standardize: false, keep_constant: true };

#[test]
fn numbers_are_standardized_by_training_rows() {
    let standard = PreprocessOptions::default();
    let found = design(numeric("x", &[1.0, 3.0, 7.0, NAN]), 2, standard);
    assert_eq!(found, named(&[("x", &[-1.0, 1.0, 5.0, 0.0])]), "mean 2, deviation 1");
    let found = design(numeric("x", &[1.0, NAN, 3.0, NAN]), 3, standard);
    let flags: &[f64] = &[0.0, 1.0, 0.0, 1.0];
    assert_eq!(found, named(&[("x", &[-1.0, 0.0, 1.0, 0.0]), ("x (missing)", flags)]));
    let found = design(numeric("x", &[1.0, NAN, 3.0, NAN]), 3, RAW);
    assert_eq!(found, named(&[("x", &[1.0, 2.0, 3.0, 2.0]), ("x (missing)", flags)]));
}

#[test]
fn huge_and_tiny_numbers_are_standardized_too() {
    for scale in [1e-300, 1.0, 1e154, 8e307] {
        let found = design(numeric("x", &[scale, -scale]), 2, PreprocessOptions::default());
        assert_eq!(found, named(&[("x", &[1.0, -1.0])]), "{scale}");
    }
}

#[test]
fn categories_become_columns_of_training_levels() {
    // `d` is not among the training rows.
    let cells = ["b", "a", "c", "d", ""];
    let found = design(categorical("g", &cells), 3, RAW);
    let a: &[f64] = &[0.0, 1.0, 0.0, 0.0, 0.0];
    let b: &[f64] = &[1.0, 0.0, 0.0, 0.0, 0.0];
    let c: &[f64] = &[0.0, 0.0, 1.0, 0.0, 0.0];
    assert_eq!(found, named(&[("g=a", a), ("g=b", b), ("g=c", c)]));
    // Of two levels, the second has a column; a missing cell is flagged apart.
    let found = design(categorical("g", &["b", "a", "", "z"]), 3, RAW);
    let flag: &[f64] = &[0.0, 0.0, 1.0, 0.0];
    assert_eq!(found, named(&[("g=b", &[1.0, 0.0, 0.0, 0.0]), ("g (missing)", flag)]));
}

#[test]
fn levels_in_any_order_find_their_column() {
    let levels = ["9", "10", "-1"].map(String::from).to_vec();
    let codes = vec![Some(0), Some(1), Some(2)];
    let values = FeatureValues::Categorical { levels, codes };
    let found = design(Feature { name: "g".into(), values }, 3, RAW);
    let (last, second, first): (&[f64], &[f64], &[f64]) =
        (&[0.0, 0.0, 1.0], &[0.0, 1.0, 0.0], &[1.0, 0.0, 0.0]);
    assert_eq!(found, named(&[("g=-1", last), ("g=10", second), ("g=9", first)]));
}

#[test]
fn only_the_most_frequent_of_many_levels_get_a_column() {
    // Levels 000 to 119, twice each but for the first 20, which come once.
    let cells: Vec<String> =
        (0..220).map(|at| format!("{:03}", if at < 120 { at } else { at - 100 })).collect();
    let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
    let features = Features::new(vec![categorical("g", &cells)]);
    let fitted = Preprocessor::fit(&features, &(0..220).collect::<Vec<_>>());
    assert_eq!(fitted.notes, ["`g` has 120 levels: the 100 most frequent get a column"]);
    let design = fitted.transform(&features);
    assert_eq!((design.names()[0].as_str(), design.n_columns()), ("g=020", 100));
    assert!(design.values()[..100].iter().all(|&value| value <= 0.0), "row 0 shows a rare level");
}

#[test]
fn what_is_constant_in_training_rows_is_dropped_with_a_note() {
    let constant = "is dropped: it is constant in the training rows";
    let empty = "is dropped: it has no value in the training rows";
    for (feature, note) in [
        (numeric("x", &[2.0, 2.0, 5.0]), constant),
        (numeric("x", &[0.1 + 0.2, 0.3, 5.0]), constant), // but for rounding
        (categorical("x", &["a", "a", "b"]), constant),
        (numeric("x", &[NAN, NAN, 5.0]), empty),
        (categorical("x", &["", "", "b"]), empty),
    ] {
        let features = Features::new(vec![feature, numeric("z", &[1.0, 2.0, 3.0])]);
        let fitted = Preprocessor::fit(&features, &[0, 1]);
        assert_eq!(fitted.notes, [format!("`x` {note}")]);
        assert_eq!(fitted.transform(&features).names(), ["z"]);
    }
    let features = Features::new(vec![numeric("x", &[2.0, 2.0, 5.0])]);
    let fitted = Preprocessor::fit(&features, &[0, 1]);
    assert_eq!(fitted.notes[1], "no feature varies in the training rows");
    assert_eq!(fitted.transform(&features), Design::new(Vec::new(), 3, Vec::new()));
    // Whether the cell is missing can still say something.
    let found = design(numeric("x", &[2.0, NAN, 5.0]), 2, RAW);
    assert_eq!(found, named(&[("x (missing)", &[0.0, 1.0, 0.0])]));
}

#[test]
fn constants_are_kept_on_request() {
    let found = design(numeric("x", &[2.0, 2.0, 5.0, NAN]), 2, ALL);
    assert_eq!(found, named(&[("x", &[2.0, 2.0, 5.0, 2.0])]));
    let found = design(categorical("x", &["a", "a", "b"]), 2, ALL);
    assert_eq!(found, named(&[("x=a", &[1.0, 1.0, 0.0])]));
}

#[test]
fn rows_outside_training_change_nothing_that_is_fitted() {
    let features = |x: f64, g: &'static str| {
        Features::new(vec![
            numeric("x", &[1.0, NAN, 4.0, x, x]),
            categorical("g", &["a", "b", "c", g, "b"]),
        ])
    };
    let train = [0, 1, 2];
    let fitted = Preprocessor::fit(&features(2.0, "a"), &train);
    for (x, g) in [(1e9, "a"), (NAN, "new"), (-3.0, "")] {
        let other = features(x, g);
        assert_eq!(Preprocessor::fit(&other, &train), fitted, "{x}, {g}");
        // The training rows are encoded alike, too.
        let width = fitted.transform(&other).n_columns();
        assert_eq!(
            fitted.transform(&other).values()[..3 * width],
            fitted.transform(&features(2.0, "a")).values()[..3 * width]
        );
    }
    let moved = Features::new(vec![numeric("x", &[1.0, NAN, 4.5, 2.0, 2.0])]);
    assert_ne!(Preprocessor::fit(&moved, &train).columns[0], fitted.columns[0]);
}

#[test]
fn a_fit_is_applied_to_other_rows_by_the_names_of_columns() {
    let fitted = Preprocessor::fit(
        &Features::new(vec![numeric("x", &[1.0, 3.0]), categorical("g", &["a", "b"])]),
        &[0, 1],
    );
    let text = serde_json::to_string(&fitted).unwrap();
    let restored: Preprocessor = serde_json::from_str(&text).unwrap();
    assert_eq!(restored, fitted);
    let other = Features::new(vec![categorical("g", &["b", "q"]), numeric("x", &[5.0, 2.0])]);
    let found = columns(&restored.transform(&other));
    assert_eq!(found, named(&[("x", &[3.0, 0.0]), ("g=b", &[1.0, 0.0])]));
}

/// Rows of an image of 1 x 2 pixels.
fn image(left: &[f64], right: &[f64]) -> Features {
    let image = Some(ImageShape { height: 1, width: 2, channels: 1 });
    Features { image, ..Features::new(vec![numeric("p", left), numeric("q", right)]) }
}

#[test]
fn pixels_share_one_scale_and_none_is_dropped() {
    // The training pixels are 0, 0, 2 and 6: their mean is 2, and their variance 24 / 4. The first
    // pixel is the same in both training rows, and one cell of the others is missing.
    let features = image(&[0.0, 0.0, NAN], &[2.0, 6.0, 100.0]);
    let fitted = Preprocessor::fit(&features, &[0, 1]);
    let sd = 6f64.sqrt();
    let found = columns(&fitted.transform(&features));
    let p: &[f64] = &[-2.0 / sd, -2.0 / sd, 0.0];
    assert_eq!(found, named(&[("p", p), ("q", &[0.0, 4.0 / sd, 98.0 / sd])]));
    assert_eq!(fitted.transform(&features).image(), features.image);
    assert_eq!(fitted.notes, Vec::<String>::new());

    let unscaled = PreprocessOptions { standardize: false, ..PreprocessOptions::default() };
    let fitted = Preprocessor::fit_with(&features, &[0, 1], unscaled);
    let found = columns(&fitted.transform(&features));
    assert_eq!(found, named(&[("p", &[0.0, 0.0, 2.0]), ("q", &[2.0, 6.0, 100.0])]));
}

#[test]
fn pixels_that_are_all_alike_or_all_missing_are_kept() {
    for (pixel, expected) in [(3.0, 3.0), (NAN, 0.0)] {
        let features = image(&[pixel; 2], &[pixel; 2]);
        let design = Preprocessor::fit(&features, &[0, 1]).transform(&features);
        assert_eq!(design.values(), [expected; 4], "{pixel}");
    }
}

#[test]
fn an_image_survives_its_file_and_old_files_have_none() {
    let fitted = Preprocessor::fit(&image(&[0.0, 1.0], &[1.0, 3.0]), &[0, 1]);
    let text = serde_json::to_string(&fitted).unwrap();
    assert_eq!(serde_json::from_str::<Preprocessor>(&text).unwrap(), fitted);
    let old: Preprocessor = serde_json::from_str(r#"{"columns": [], "notes": []}"#).unwrap();
    assert_eq!(old.image, None);
}
