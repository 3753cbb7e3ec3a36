use super::*;
use crate::ReadOptions;

/// The column `x` of these cells, one per line.
fn table(cells: &[&str]) -> Table {
    let rows: Vec<String> = cells.iter().map(|cell| format!("\"{cell}\",1")).collect();
    let text = format!("x,one\n{}", rows.join("\n"));
    Table::from_bytes("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap()
}

fn inferred(cells: &[&str], told: Option<KindOverride>) -> Result<Column, TableError> {
    infer(&table(cells), 0, told)
}

/// A number per cell, `None` where it is missing.
fn numbers(column: &Column) -> Option<Vec<Option<f64>>> {
    match &column.content {
        Content::Numbers(values) => {
            Some(values.iter().map(|value| (!value.is_nan()).then_some(*value)).collect())
        }
        _ => None,
    }
}

/// A text per cell, `None` where it is missing.
fn words(column: &Column) -> Option<Vec<Option<&str>>> {
    match &column.content {
        Content::Texts(Categories { levels, codes }) => {
            Some(codes.iter().map(|code| code.map(|code| levels[code as usize].as_str())).collect())
        }
        _ => None,
    }
}

#[test]
fn numbers_in_every_spelling_are_numbers() {
    let cells = ["1", "-2.5", "+3", ".5", "1e3", "-0", "NA", "?", "-", ".", "NAN", ""];
    let column = inferred(&cells, None).unwrap();
    let expected = [1.0, -2.5, 3.0, 0.5, 1000.0, 0.0].map(Some);
    let found = numbers(&column).unwrap();
    assert_eq!(found[..6], expected);
    assert!(found[5].unwrap().is_sign_positive(), "-0 is 0");
    assert_eq!(found[6..], [None; 6]);
    assert_eq!(
        column.numbers_reason(),
        "6 of 12 cells are numbers, 6 are missing (`-`, `.`, `?`, `NA`, `NAN`)"
    );
    assert_eq!(inferred(&["1", "2"], None).unwrap().numbers_reason(), "all 2 cells are numbers");
}

#[test]
fn texts_keep_what_would_be_missing_among_numbers() {
    let column = inferred(&["b", "?", "", "a", "-", "b", "7"], None).unwrap();
    let expected = [Some("b"), Some("?"), None, Some("a"), Some("-"), Some("b"), Some("7")];
    assert_eq!(words(&column).unwrap(), expected);
    assert_eq!((column.observed(), column.missing, column.numbers), (6, 1, 1));
    assert_eq!(column.texts_reason(), ", 1 is a number, 1 is missing");
}

#[test]
fn a_column_without_a_value_holds_nothing() {
    for cells in [["", "NA"], ["?", "-"], ["NAN", ""]] {
        for told in [None, Some(KindOverride::Number), Some(KindOverride::Class)] {
            let column = inferred(&cells, told).unwrap();
            assert_eq!((column.content, column.missing), (Content::Nothing, 2), "{cells:?}");
        }
    }
}

#[test]
fn a_few_texts_among_numbers_are_an_error_and_many_are_texts() {
    let mut cells = vec!["1.5"; 18];
    cells.extend(["oops", "", "2,5"]);
    let error = inferred(&cells, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "t.csv, line 20, column `x`: expected a number, as in 18 other cells, found `oops`"
    );
    assert_eq!(
        error.hint().unwrap(),
        "correct this cell and 1 more, or, if it means a missing value, add \
         `--missing oops`, or leave column `x` out"
    );
    cells.push("far");
    assert!(words(&inferred(&cells, None).unwrap()).is_some(), "3 texts for 18 numbers");

    cells.truncate(18);
    cells.push("2,5");
    let hint = inferred(&cells, None).unwrap_err().hint();
    assert_eq!(hint.unwrap(), "write `2,5` with a decimal point");
}

#[test]
fn infinite_values_are_refused() {
    for cell in ["inf", "-Infinity", "1e999"] {
        let error = inferred(&["1", cell, "2"], None).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("t.csv, line 3, column `x`: expected a finite number, found `{cell}`")
        );
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_type_that_is_told_is_taken() {
    let class = Some(KindOverride::Class);
    let column = inferred(&["10", "9", "", "10.0", "-1"], class).unwrap();
    assert_eq!(words(&column).unwrap(), [Some("10"), Some("9"), None, Some("10"), Some("-1")]);
    let Content::Texts(Categories { levels, .. }) = &column.content else { panic!() };
    assert_eq!(levels, &["-1", "9", "10"], "in the order of the numbers");
    assert_eq!(column.texts_reason(), ", 1 is missing");
    let column = inferred(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "9+"], class).unwrap();
    assert_eq!(words(&column).unwrap()[9], Some("9+"), "a class, not a typing error");

    let error = inferred(&["a", "b", "1"], Some(KindOverride::Number)).unwrap_err();
    assert!(matches!(error, TableError::TextInNumbers { texts: 2, numbers: 1, .. }));
}

#[test]
fn distinct_numbers_are_sorted_and_limited() {
    let values = [3.0, f64::NAN, 1.0, 3.0, -0.0, 0.0, 2.0];
    assert_eq!(distinct_numbers(&values, 9), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(distinct_numbers(&values, 2).len(), 2);
    assert_eq!(distinct_numbers(&[f64::NAN], 2), [0.0; 0]);
}
