use super::*;

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("n{i}")).collect()
}

/// The strokes of each color, as (class, opacity, path).
fn strokes(picture: &str) -> Vec<(String, f64, String)> {
    let attribute = |part: &str, name: &str| -> String {
        let (_, value) = part.split_once(&format!("{name}=\"")).unwrap();
        value.split('"').next().unwrap().to_string()
    };
    let paths = picture.split("<path").skip(1);
    let stroke = |path| {
        let opacity = attribute(path, "stroke-opacity").parse().unwrap();
        (attribute(path, "class"), opacity, attribute(path, " d"))
    };
    paths.map(stroke).collect()
}

fn picture(rows: usize, columns: usize, values: &[f64], most: usize) -> String {
    Heat::new(&names(rows), &names(columns), values).unwrap().picture(most, "t")
}

#[test]
fn sign_is_hue_and_size_is_strength() {
    // So many columns have no numbers, and colors of full strength.
    let mut values = vec![0.0; 13];
    values[..4].copy_from_slice(&[2.0, -1.0, 1e-12, f64::NAN]);
    let strokes = strokes(&picture(1, 13, &values, 99));
    let expected = [("above".into(), 1.0, "M0 0h1".into()), ("below".into(), 0.5, "M1 0h1".into())];
    assert_eq!(strokes, expected);
}

#[test]
fn what_is_not_zero_has_a_color() {
    let (rows, columns, values) = (names(1), names(2), [1.0, 0.001]);
    let heat = Heat::new(&rows, &columns, &values).unwrap();
    let levels =
        [1.0, 0.1, 0.11, 0.001, -0.001, 0.0, f64::NAN, f64::INFINITY].map(|v| heat.level(v).1);
    assert_eq!(levels, [10, 1, 2, 1, 1, 0, 0, 0]);
    assert!(heat.level(-0.5).0 && !heat.level(0.5).0);
    let zeros = [0.0; 2];
    assert_eq!(Heat::new(&rows, &columns, &zeros).unwrap().level(0.0), (false, 0));
}

#[test]
fn neighbors_of_one_color_are_one_stroke() {
    let values: Vec<f64> = (0..40 * 40).map(|i| if i % 40 < 20 { 1.0 } else { -1.0 }).collect();
    let strokes = strokes(&picture(40, 40, &values, 99));
    assert_eq!(strokes.len(), 2);
    assert_eq!(strokes[0].2.matches("h20").count(), 40);
    assert!(strokes[1].2.starts_with("M20 0h20M20 1h20"));
}

#[test]
fn a_coarse_cell_shows_the_number_farthest_from_zero() {
    let mut values = vec![0.0; 100 * 6];
    (values[6 * 57 + 2], values[6 * 58 + 2]) = (1.0, -3.0);
    let picture = picture(100, 6, &values, 10);
    let strokes = strokes(&picture);
    assert_eq!(strokes, [("below".into(), 1.0, "M2 5h1".into())]);
    assert!(picture.contains("<title>n50 to n59, n2: −3.00</title>"), "{picture}");
    let (rows, columns) = (names(100), names(6));
    assert_eq!(Heat::new(&rows, &columns, &values).unwrap().lines_of_cell(10), (10, 1));
}

#[test]
fn small_tables_have_names_and_numbers_and_cells_have_words() {
    let picture = picture(2, 3, &[0.5, -0.25, 0.0, 1.0, f64::NAN, 0.1], 99);
    assert_eq!(picture.matches("class=\"number\"").count(), 6);
    for text in [">n1</text>", ">−0.25</text>", ">–</text>", "<title>n0, n1: −0.25</title>"] {
        assert!(picture.contains(text), "{text} in {picture}");
    }
    assert!(strokes(&picture).iter().all(|(_, opacity, _)| *opacity <= 0.5), "to read numbers on");
}

#[test]
fn rows_of_many_cells_say_their_ends_but_not_themselves() {
    let values: Vec<f64> = (0..139 * 139)
        .map(|i| match (i / 139, i % 139) {
            (a, b) if a == b => 1.0,
            (a, b) if a + b == 5 => 0.8,
            (a, b) if a + b == 7 => -0.4,
            _ => 0.0,
        })
        .collect();
    let picture = picture(139, 139, &values, 160);
    assert!(picture.contains("<title>n1: from −0.40 (n6) to 0.80 (n4)</title>"));
    assert_eq!(picture.matches("<title>").count(), 140);
    assert!(!picture.contains("<text"));
}

#[test]
fn tables_that_do_not_fit_are_none() {
    let (one, two) = (names(1), names(2));
    assert!(Heat::new(&one, &two, &[1.0]).is_none());
    assert!(Heat::new(&[], &[], &[]).is_none());
    assert!(Heat::new(&one, &two, &[f64::NAN, f64::INFINITY]).is_none());
}
