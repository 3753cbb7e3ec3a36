use std::fs;
use std::io::{Cursor, Write};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;
use torso_core::data::TaskKind;
use torso_core::features::FeatureValues;

use super::*;
use crate::roles::Roles;
use crate::{Prepared, Preprocessor, Schema, Stream, file_hash, suggest, task_data};

/// Seven images of 2 x 3 pixels: 0, 1, 2 and so on.
fn images() -> Idx {
    Idx { sizes: vec![7, 2, 3], bytes: (0..42).collect() }
}

fn labels(bytes: &[u8]) -> Idx {
    Idx { sizes: vec![bytes.len()], bytes: bytes.to_vec() }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder with images and two files of labels, one of them packed.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("digits.idx3-ubyte", &images().to_bytes());
    write("left.idx1-ubyte", &labels(&[3, 10, 3, 10, 3, 9, 9]).to_bytes());
    write("right-labels-idx1-ubyte.gz", &gzip(&labels(&[0, 1, 0, 1, 1, 0, 0]).to_bytes()));
    folder
}

fn options(folder: &TempDir, labels: &[&str]) -> ReadOptions {
    let of = |text: &&str| {
        let label_file: LabelFile = text.parse().unwrap();
        LabelFile { path: folder.path().join(&label_file.path), ..label_file }
    };
    ReadOptions { labels: labels.iter().map(of).collect(), ..ReadOptions::default() }
}

const BOTH: [&str; 2] = ["left.idx1-ubyte", "right=right-labels-idx1-ubyte.gz"];

fn read_both(folder: &TempDir) -> Table {
    Table::read(&folder.path().join("digits.idx3-ubyte"), &options(folder, &BOTH)).unwrap()
}

/// What is said of a file of images.
fn refused(bytes: &[u8]) -> (String, String) {
    said(&Table::from_bytes("i", bytes, &ReadOptions::default()).unwrap_err())
}

fn said(error: &TableError) -> (String, String) {
    assert!(error.place().is_some(), "{error}");
    (error.to_string(), error.hint().unwrap_or_default())
}

#[test]
fn images_are_rows_and_labels_are_columns() {
    let folder = folder();
    let table = read_both(&folder);
    assert_eq!((table.name(), table.n_rows()), ("digits", 7));
    let pixels = ["pixel_0_0", "pixel_0_1", "pixel_0_2", "pixel_1_0", "pixel_1_1", "pixel_1_2"];
    assert_eq!(table.header()[..6], pixels);
    assert_eq!(table.label_columns(), ["left", "right"]);
    assert_eq!(table.image(), Some(ImageShape { height: 2, width: 3, channels: 1 }));
    assert_eq!(table.cells(4).collect::<Vec<_>>(), ["4", "10", "16", "22", "28", "34", "40"]);
    assert_eq!(table.cells(6).collect::<Vec<_>>(), ["3", "10", "3", "10", "3", "9", "9"]);
    assert_eq!(table.line(0), None);
    let place = table.place_of_cell(5, 6).to_string();
    assert!(place.ends_with("left.idx1-ubyte, row 5, column `left`"), "{place}");

    let path = folder.path().join("digits.idx3-ubyte");
    let labels = options(&folder, &BOTH).labels;
    assert_eq!(file_hash(&path, &labels).unwrap(), table.blake3());
    assert_ne!(file_hash(&path, &labels[..1]).unwrap(), table.blake3());
}

#[test]
fn packed_images_are_the_same_whatever_their_name() {
    let plain = images().to_bytes();
    let read = |bytes: &[u8]| Table::from_bytes("i.csv", bytes, &ReadOptions::default()).unwrap();
    assert_eq!(read(&gzip(&plain)).columns, read(&plain).columns);
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let right = Idx::read(&path("right-labels-idx1-ubyte.gz"), IdxKind::Labels).unwrap();
    assert_eq!(right, labels(&[0, 1, 0, 1, 1, 0, 0]));
    assert_eq!(Idx::read(&path("digits.idx3-ubyte"), IdxKind::Images).unwrap(), images());
}

#[test]
fn labels_are_classes_and_pixels_one_image() {
    let folder = folder();
    let table = read_both(&folder);
    let Prepared { data, columns, notes } =
        task_data(&table, &Roles::columns(["left", "right"])).unwrap();
    let kinds: Vec<TaskKind> = data.tasks().iter().map(|task| task.kind.clone()).collect();
    let classes = |of: &[&str]| of.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(kinds[0], TaskKind::Multiclass { classes: classes(&["3", "9", "10"]) });
    assert_eq!(kinds[1].classes(), ["0", "1"]);
    assert_eq!(data.tasks()[0].labels.values(), [0.0, 2.0, 0.0, 2.0, 0.0, 1.0, 1.0]);
    assert_eq!((data.features().image, data.features().columns.len()), (table.image(), 6));
    let FeatureValues::Numeric(pixel) = &data.features().columns[4].values else { panic!() };
    assert_eq!(*pixel, [4.0, 10.0, 16.0, 22.0, 28.0, 34.0, 40.0]);
    assert_eq!((columns.len(), notes), (8, Vec::<String>::new()));

    // Labels that are not predicted are no features; some of the pixels are no image.
    let one = task_data(&table, &Roles::columns(["left"])).unwrap();
    assert_eq!((one.data.n_tasks(), one.data.features().columns.len()), (1, 6));
    let roles = Roles { ignore: vec!["pixel_0_0".into()], ..Roles::columns(["left"]) };
    let some = task_data(&table, &roles).unwrap();
    assert_eq!((some.data.features().image, some.data.features().columns.len()), (None, 5));
    assert!(some.notes.iter().any(|note| note.contains("taken as no image")), "{:?}", some.notes);

    let suggested = suggest(&table, &Roles::columns([""]).kinds).unwrap();
    let targets: Vec<String> = suggested.targets.into_iter().map(|r| r.column).collect();
    assert_eq!((targets.as_slice(), suggested.ignore), (table.label_columns(), Vec::new()));
}

#[test]
fn streamed_images_give_the_design_and_labels_of_the_whole_file() {
    let folder = folder();
    let table = read_both(&folder);
    let data = task_data(&table, &Roles::columns(["left", "right"])).unwrap().data;
    let preprocessor = Preprocessor::fit(data.features(), &[0, 1, 4]);
    let whole = preprocessor.transform(data.features());
    let kind = &data.tasks()[0].kind;
    let packed = gzip(&images().to_bytes());
    for (missing, block_bytes) in [(None, 1), (None, 20), (None, 1 << 18), (Some("7"), 20)] {
        // A spelling of a missing cell takes the way over texts.
        let options = ReadOptions {
            missing: missing.map(String::from).into_iter().collect(),
            ..options(&folder, &BOTH)
        };
        let mut stream = Stream::new("i", Cursor::new(packed.clone()), &options)
            .unwrap()
            .with_block_bytes(block_bytes);
        let schema = Schema::new(&preprocessor, &["left".to_owned()], &stream).unwrap();
        let (mut values, mut found) = (Vec::new(), Vec::new());
        while let Some(block) = stream.next_block().unwrap() {
            let mut rows = schema.rows(&block);
            while let Some(chunk) = rows.next_chunk(2).unwrap() {
                assert_eq!(chunk.design.image(), table.image());
                values.extend_from_slice(chunk.design.values());
                let labels = schema.labels(kind, 0, &chunk, &block).unwrap();
                assert_eq!(labels.unknown.len(), 0);
                found.extend(labels.values);
            }
        }
        assert_eq!(found, data.tasks()[0].labels.values());
        if missing.is_some() {
            assert!(values[7].abs() < 1e-12, "a missing pixel is the mean");
            values[7] = whole.values()[7];
        }
        assert_eq!(values, whole.values(), "{block_bytes}");
    }
}

#[test]
fn labels_that_a_model_does_not_know_are_told_with_their_row() {
    let folder = folder();
    let table = read_both(&folder);
    let data = task_data(&table, &Roles::columns(["left"])).unwrap().data;
    let preprocessor = Preprocessor::fit(data.features(), &[0, 1, 2]);
    let path = folder.path().join("digits.idx3-ubyte");
    let mut stream = Stream::open(&path, &options(&folder, &BOTH)).unwrap();
    let schema = Schema::new(&preprocessor, &["left".to_owned()], &stream).unwrap();
    let block = stream.next_block().unwrap().unwrap();
    let chunk = schema.rows(&block).next_chunk(10).unwrap().unwrap();
    let kind = TaskKind::Binary { classes: ["3".into(), "10".into()] };
    let labels = schema.labels(&kind, 0, &chunk, &block).unwrap();
    let unknown = &labels.unknown["9"];
    assert_eq!((unknown.cells, unknown.place.row), (2, Some(5)));
    assert!(unknown.place.file.ends_with("left.idx1-ubyte"));

    // Images of another shape are refused, larger ones too.
    let larger = Idx { sizes: vec![1, 3, 3], bytes: vec![0; 9] }.to_bytes();
    let stream = Stream::new("i", Cursor::new(larger), &ReadOptions::default()).unwrap();
    let error = Schema::new(&preprocessor, &[], &stream).err().unwrap();
    assert_eq!(error.to_string(), "i: expected images of `2x3`, found images of `3x3`");
}

#[test]
fn what_is_no_file_of_images_is_told_why() {
    let header = |element: u8, sizes: &[u32]| {
        let mut bytes = vec![0, 0, element, u8::try_from(sizes.len()).unwrap()];
        bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
        bytes
    };
    let again = "copy or download the file again";
    let magic = "i: expected IDX images (first bytes `00000803`), found ";
    for (bytes, message, hint) in [
        (
            header(8, &[7]),
            format!("{magic}`00000801`"),
            "these are labels: name the images, and these as their labels",
        ),
        (
            header(8, &[7, 2, 3, 3]),
            format!("{magic}`00000804`"),
            "images have one channel here; write colors as pixel columns of a CSV file",
        ),
        (
            header(8, &[7, 2]),
            format!("{magic}`00000802`"),
            "images have the dimensions n, height, width; labels have n",
        ),
        (
            header(0x0d, &[7, 2, 3]),
            format!("{magic}`00000D03`"),
            "write the numbers as unsigned bytes, type 08",
        ),
        (
            vec![0, 0, 8],
            "i: expected an IDX file with a header of `16` bytes, found 3".into(),
            again,
        ),
        (
            images().to_bytes()[..15].to_vec(),
            "i: expected an IDX file with a header of `16` bytes, found 15".into(),
            again,
        ),
        (
            images().to_bytes()[..57].to_vec(),
            "i: expected `42` bytes behind the header, which says 7 x 2 x 3, found 41".into(),
            again,
        ),
        (
            [images().to_bytes(), vec![0]].concat(),
            "i: expected `42` bytes behind the header, which says 7 x 2 x 3, found 43".into(),
            again,
        ),
        (
            header(8, &[u32::MAX; 3]),
            "i: expected `79228162458924105385300197375` bytes behind the header, which says \
             4294967295 x 4294967295 x 4294967295, found 0"
                .into(),
            again,
        ),
        (
            header(8, &[0, 28, 28]),
            "i: expected no dimension of size `0`, found 0 x 28 x 28".into(),
            "there is nothing to learn from: name another file",
        ),
    ] {
        assert_eq!(refused(&bytes), (message, hint.to_owned()));
        assert_eq!(refused(&gzip(&bytes)), refused(&bytes), "packed");
        let streamed = Stream::new("i", Cursor::new(bytes.clone()), &ReadOptions::default());
        assert_eq!(said(&streamed.err().unwrap()), refused(&bytes), "streamed");
    }
}

#[test]
fn labels_that_do_not_belong_to_the_images_are_refused() {
    let folder = folder();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("images", &images().to_bytes());
    write("few", &labels(&[1, 2]).to_bytes());
    write("table.csv", b"a\n1\n");
    let refused = |labels: &[&str]| {
        let path = folder.path().join("images");
        let error = Table::read(&path, &options(&folder, labels)).unwrap_err();
        (error.to_string(), error.hint().unwrap_or_default())
    };
    let (message, hint) = refused(&["few"]);
    assert!(message.contains("few: expected `7` labels, one for each image of "), "{message}");
    assert!(message.ends_with("images, found 2"), "{message}");
    assert_eq!(hint, "name the labels that belong to these images");
    let (message, hint) = refused(&["y=images"]);
    assert!(message.contains("expected IDX labels (first bytes `00000801`), found `00000803`"));
    assert_eq!(hint, "these are images: name the labels that belong to them");
    let (message, hint) = refused(&["y=table.csv"]);
    assert!(message.ends_with("found `610A310A`"), "{message}");
    assert_eq!(hint, "labels are an IDX file of their own, as MNIST has them");
    let (message, _) = refused(&["y=left.idx1-ubyte", "y=left.idx1-ubyte"]);
    assert_eq!(message, "expected column `y` once, found it twice as target");
    let (message, _) = refused(&["y=none"]);
    assert!(message.ends_with("none: expected a file, found nothing"), "{message}");

    let path = folder.path().join("table.csv");
    let error = Table::read(&path, &options(&folder, &BOTH)).unwrap_err();
    assert!(matches!(error, TableError::LabelsOfTable { .. }), "{error}");
}

#[test]
fn a_file_of_labels_is_named_by_its_text() {
    let parse = |text: &str| text.parse::<LabelFile>().map(|file| file.to_string());
    assert_eq!(parse("left=a/b=c.gz").unwrap(), "left=a/b=c.gz");
    assert_eq!(parse("a/left.idx1-ubyte.gz").unwrap(), "left=a/left.idx1-ubyte.gz");
    let long = parse("t10k-labels-idx1-ubyte").unwrap();
    assert_eq!(long, "t10k-labels=t10k-labels-idx1-ubyte");
    for wrong in ["", "=a", "a="] {
        assert!(matches!(parse(wrong), Err(TableError::LabelFile { .. })), "{wrong}");
    }
}
