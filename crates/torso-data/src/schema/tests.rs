use std::io;

use torso_core::features::{Feature, FeatureValues, Features};

use super::*;
use crate::read::ReadOptions;
use crate::roles::{KindOverride, Roles};
use crate::{Table, task_data};

fn stream(text: &str, options: &ReadOptions) -> Stream {
    Stream::new("t.csv", io::Cursor::new(text.as_bytes().to_vec()), options).unwrap()
}

/// Everything that a stream gives: the design's bits, the further columns, unseen levels.
type Streamed = (Vec<u64>, Vec<Vec<String>>, Vec<UnseenLevels>);

fn read(
    preprocessor: &Preprocessor,
    texts: &[&str],
    text: &str,
    (block_bytes, most): (usize, usize),
) -> Result<Streamed, TableError> {
    let mut stream = stream(text, &ReadOptions::default()).with_block_bytes(block_bytes);
    let names: Vec<String> = texts.iter().map(ToString::to_string).collect();
    let schema = Schema::new(preprocessor, &names, &stream)?;
    let (mut bits, mut kept, mut unseen) = (Vec::new(), vec![Vec::new(); texts.len()], Vec::new());
    while let Some(block) = stream.next_block()? {
        let mut rows = schema.rows(&block);
        while let Some(chunk) = rows.next_chunk(most)? {
            assert!(chunk.n_rows() <= most);
            bits.extend(chunk.design.values().iter().map(|value| value.to_bits()));
            for (column, kept) in kept.iter_mut().enumerate() {
                kept.extend((0..chunk.n_rows()).map(|row| chunk.text(column, row).to_owned()));
            }
            unseen.extend(chunk.unseen);
        }
    }
    Ok((bits, kept, unseen))
}

/// A preprocessor for a number `x`, and categories `g` of two and `h` of three levels.
fn fitted() -> Preprocessor {
    let categories = |levels: &[&str], codes: &[Option<u32>]| FeatureValues::Categorical {
        levels: levels.iter().map(ToString::to_string).collect(),
        codes: codes.to_vec(),
    };
    let feature = |name: &str, values| Feature { name: name.into(), values };
    let features = Features::new(vec![
        feature("x", FeatureValues::Numeric(vec![1.0, 3.0, 5.0, f64::NAN])),
        feature("g", categories(&["a", "b"], &[Some(0), Some(1), Some(0), Some(0)])),
        feature("constant", FeatureValues::Numeric(vec![1.0; 4])),
        feature("h", categories(&["1", "10", "2"], &[Some(0), Some(1), Some(2), None])),
    ]);
    Preprocessor::fit(&features, &[0, 1, 2, 3])
}

fn rows(preprocessor: &Preprocessor, text: &str) -> Result<Vec<Vec<f64>>, TableError> {
    let (bits, _, _) = read(preprocessor, &[], text, (1 << 18, 1000))?;
    let width: usize = preprocessor.columns.iter().map(|column| column.names().len()).sum();
    let values: Vec<f64> = bits.into_iter().map(f64::from_bits).collect();
    Ok(values.chunks_exact(width).map(<[f64]>::to_vec).collect())
}

#[test]
fn a_streamed_design_is_that_of_the_whole_table() {
    let text = include_str!("../../data/penguins.csv");
    let table = Table::penguins();
    let roles = Roles {
        features: None,
        kinds: [("year".to_owned(), KindOverride::Class)].into(),
        ..Roles::columns(["body_mass_g"])
    };
    let features = task_data(&table, &roles).unwrap().data.features().clone();
    let train: Vec<u32> = (0..344).step_by(3).collect();
    let preprocessor = Preprocessor::fit(&features, &train);
    let design = preprocessor.transform(&features);
    let expected: Vec<u64> = design.values().iter().map(|value| value.to_bits()).collect();
    let species: Vec<String> = table.cells(0).map(String::from).collect();
    for size in [(1, 1), (100, 3), (1000, 7), (1 << 18, 4096)] {
        let (bits, kept, unseen) = read(&preprocessor, &["species", "sex"], text, size).unwrap();
        assert_eq!(bits, expected, "{size:?}");
        assert_eq!(kept[0], species, "also where the column is a feature");
        assert_eq!(unseen, [], "all levels are in the training rows");
    }
}

#[test]
fn cells_mean_what_they_meant_in_training() {
    let p = fitted();
    assert_eq!(p.columns[1].names(), ["g=b"]);
    assert_eq!(p.columns[3].names(), ["h=1", "h=10", "h=2", "h (missing)"]);
    let sd = (8f64 / 3.0).sqrt();
    let text = "h,other,x,g\n1,?,3,a\n2.0,,1e0,\"b\"\n1e1,,NA,\n?,,?,?\n,-, +5 ,a\n";
    let h = |h: [f64; 4], x: f64, missing: f64, g: f64| {
        vec![x / sd, missing, g, h[0], h[1], h[2], h[3]]
    };
    assert_eq!(
        rows(&p, text).unwrap(),
        [
            h([1.0, 0.0, 0.0, 0.0], 0.0, 0.0, 0.0),
            h([0.0, 0.0, 1.0, 0.0], -2.0, 0.0, 1.0),
            h([0.0, 1.0, 0.0, 0.0], 0.0, 1.0, 0.0),
            h([0.0, 0.0, 0.0, 1.0], 0.0, 1.0, 0.0),
            h([0.0, 0.0, 0.0, 1.0], 2.0, 0.0, 0.0),
        ]
    );
}

#[test]
fn levels_that_training_did_not_show_are_counted() {
    let text = "x,g,h\n1,a,1\n1,?,3\n1,c,1.5\n1,,x\n1,c,2\n";
    let (_, _, unseen) = read(&fitted(), &[], text, (1 << 18, 100)).unwrap();
    let of = |column: &str, cells, example: &str| UnseenLevels {
        column: column.into(),
        cells,
        example: example.into(),
    };
    assert_eq!(unseen, [of("g", 3, "?"), of("h", 3, "3")]);
}

#[test]
fn a_text_is_one_though_training_rows_show_only_numbers() {
    // The column of texts has texts below the training rows alone: `.` is then one of them, and
    // `1.0` another level than `1`.
    let text = "y,size\n1,1\n2,2\n3,1\n4,\n5,.\n6,1.0\n7,big\n";
    let table = Table::from_bytes("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap();
    let features = task_data(&table, &Roles::columns(["y"])).unwrap().data.features().clone();
    let preprocessor = Preprocessor::fit(&features, &[0, 1, 2, 3]);
    let design = preprocessor.transform(&features);
    assert_eq!(design.names(), ["size=2", "size (missing)"]);
    let (bits, _, unseen) = read(&preprocessor, &[], text, (1 << 18, 100)).unwrap();
    let streamed: Vec<f64> = bits.into_iter().map(f64::from_bits).collect();
    assert_eq!(streamed, design.values());
    assert_eq!(streamed[8..], [0.0; 6], "neither 2 nor missing");
    assert_eq!(unseen[0].cells, 3);
}

#[test]
fn a_spelling_of_missing_cells_may_be_a_number() {
    let p = fitted();
    let missing = vec!["-999".into(), "x".into()];
    let options = ReadOptions { missing, ..ReadOptions::default() };
    let mut stream = stream("x,g,h\n-999,a,1\n-999.0,x,-999\n", &options);
    let schema = Schema::new(&p, &[], &stream).unwrap();
    let block = stream.next_block().unwrap().unwrap();
    let chunk = schema.rows(&block).next_chunk(10).unwrap().unwrap();
    let values = chunk.design.values();
    assert_eq!((values[1], values[8]), (1.0, 0.0), "x is missing in the first row only");
    assert_eq!((values[6], values[13]), (0.0, 1.0), "h in the second");
    assert_eq!(chunk.unseen, []);
}

#[test]
fn missing_columns_are_all_named() {
    let names = ["id".to_owned(), "x".to_owned()];
    let error =
        Schema::new(&fitted(), &names, &stream("X,gg,other\n1,2,3\n", &ReadOptions::default()))
            .err()
            .unwrap();
    assert_eq!(
        error.to_string(),
        "t.csv: expected the columns `x`, `g`, `h`, `id`, found: `X`, `gg`, `other`"
    );
    assert_eq!(error.hint().unwrap(), "perhaps rename `X` to `x`, `gg` to `g`");
    // A needed column is not offered for another one.
    let error = Schema::new(
        &fitted(),
        &["xx".to_owned()],
        &stream("x,g,h\n1,2,3\n", &ReadOptions::default()),
    )
    .err()
    .unwrap();
    assert!(error.hint().unwrap().starts_with("the model learned from these columns"));
}

#[test]
fn bad_cells_are_told_with_their_place() {
    for (row, message) in [
        ("cheap,a,1", "t.csv, line 4, column `x`: expected a number, found `cheap`"),
        ("\"1,5\",a,1", "t.csv, line 4, column `x`: expected a number, found `1,5`"),
        ("inf,a,1", "t.csv, line 4, column `x`: expected a finite number, found `inf`"),
        ("1e999,a,1", "t.csv, line 4, column `x`: expected a finite number, found `1e999`"),
        ("1,a", "t.csv, line 4: expected `3` fields, as in the header, found 2"),
        ("1,a,1,\"\",", "t.csv, line 4: expected `3` fields, as in the header, found 5"),
        ("1", "t.csv, line 4: expected `3` fields, as in the header, found 1"),
    ] {
        let text = format!("x,g,h\n1,\"b\nb\",2\n{row}\n1,a,1\n");
        for size in [(1, 1), (1 << 18, 100)] {
            let error = read(&fitted(), &[], &text, size).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.hint().is_some(), "{message}");
        }
    }
    let hint = |row: &str| rows(&fitted(), &format!("x;g;h\n{row}\n")).unwrap_err().hint().unwrap();
    assert_eq!(hint("1,5;a;1"), "write `1,5` with a decimal point");
    let missing =
        "correct or empty this cell, or, if it means a missing value, add `--missing none`";
    assert_eq!(hint("none;a;1"), missing);
}

#[test]
fn columns_that_are_not_needed_may_hold_anything() {
    let text = "g,junk,x,constant,h\na,\"x,\ny\"\"\",3,text,1\nb,5\",3,,2\n";
    assert_eq!(rows(&fitted(), text).unwrap().len(), 2);
    // Nor need the constant column be there.
    assert_eq!(rows(&fitted(), "h,x,g\n1,3,a\n").unwrap().len(), 1);
}

#[test]
fn labels_are_read_as_in_training() {
    let text =
        "x,g,h,y,size,code\n1,a,1,2.5,big,1\n1,a,1,NA,huge,0.0\n1,a,1,?,,?\n1,a,1,-1,big,2\n";
    let mut stream = stream(text, &ReadOptions::default()).with_block_bytes(40);
    let names = ["y", "size", "code"].map(String::from);
    let schema = Schema::new(&fitted(), &names, &stream).unwrap();
    let size = TaskKind::Binary { classes: ["big".into(), "small".into()] };
    let code = TaskKind::Binary { classes: ["0".into(), "1".into()] };
    let mut found = vec![Vec::new(); 3];
    let mut unknown = Vec::new();
    while let Some(block) = stream.next_block().unwrap() {
        let mut rows = schema.rows(&block);
        while let Some(chunk) = rows.next_chunk(2).unwrap() {
            for (at, kind) in [&TaskKind::Regression, &size, &code].into_iter().enumerate() {
                let labels = schema.labels(kind, at, &chunk, &block).unwrap();
                found[at].extend(labels.values);
                unknown.extend(labels.unknown);
            }
        }
    }
    let shown = |values: &[f64]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(shown(&found[0]), ["2.5", "NaN", "NaN", "-1"]);
    assert_eq!(shown(&found[1]), ["0", "NaN", "NaN", "0"]);
    assert_eq!(shown(&found[2]), ["1", "0", "NaN", "NaN"]);
    let unknown: Vec<(String, String, u64)> =
        unknown.into_iter().map(|(text, at)| (text, at.place.to_string(), at.cells)).collect();
    assert_eq!(
        unknown,
        [
            ("huge".to_owned(), "t.csv, line 3, column `size`".to_owned(), 1),
            ("2".to_owned(), "t.csv, line 5, column `code`".to_owned(), 1),
        ]
    );
}
