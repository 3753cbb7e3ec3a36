use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::*;

fn read(text: &str) -> Result<Table, TableError> {
    Table::from_bytes("t.csv", text.as_bytes(), &ReadOptions::default())
}

/// Header and rows, cell by cell.
fn cells(table: &Table) -> Vec<Vec<&str>> {
    let header = table.header().iter().map(String::as_str).collect();
    let width = table.header().len();
    let row = |row| (0..width).map(|column| table.cell(row, column)).collect();
    std::iter::once(header).chain((0..table.n_rows()).map(row)).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What is said, and the hint.
fn said(error: &TableError) -> (String, String) {
    (error.to_string(), error.hint().unwrap_or_default())
}

#[test]
fn every_form_of_a_table_is_read_alike() {
    let expected = vec![vec!["a", "b"], vec!["1", "x y"], vec!["2", ""]];
    for text in [
        "a,b\n1,x y\n2,\n",
        "a,b\n1,x y\n2,",
        "a;b\r\n1;x y\r\n2;\r\n",
        "a\tb\n1\tx y\n2\t\n",
        "a|b\r1|x y\r2|\r",
        "\u{feff}a,b\n1,x y\n2,\n",
        "\n\na,b\n\n1,x y\n\r\n2,\n\n",
        "\"a\",\"b\"\n\"1\",\"x y\"\n\"2\",\"\"\n",
        " a , b \n 1 ,\tx y\n2,  \n",
    ] {
        assert_eq!(cells(&read(text).unwrap()), expected, "{text:?}");
    }
}

#[test]
fn quotes_hold_delimiters_line_breaks_and_quotes() {
    let table = read("a,b\n\"x,y\nz\",\"say \"\"hi\"\"\"\n1,2\n").unwrap();
    assert_eq!(cells(&table)[1..], [["x,y\nz", "say \"hi\""], ["1", "2"]]);
    assert_eq!((table.line(0), table.line(1)), (Some(2), Some(4)), "the first row takes two lines");
}

#[test]
fn lines_are_counted_past_every_kind_of_break() {
    for text in
        ["a,b\n\n1,2\n\n\n3,4\n", "a,b\r\n\r\n1,2\r\n\r\n\r\n3,4\r\n", "a,b\r\r1,2\r\r\r3,4"]
    {
        let table = read(text).unwrap();
        assert_eq!((table.line(0), table.line(1)), (Some(3), Some(6)), "{text:?}");
    }
}

#[test]
fn the_delimiter_is_found_or_told() {
    // Decimal commas cut no row into more cells than the header.
    assert_eq!(cells(&read("a;b\n1,5;2,5\n").unwrap())[1], ["1,5", "2,5"]);
    // The delimiter that fits all records wins over one that only fits the header.
    assert_eq!(read("a,b;c,d;e\n1;2;3\n4;5;6\n").unwrap().header(), ["a,b", "c,d", "e"]);
    let told = ReadOptions { delimiter: Some(b':'), ..ReadOptions::default() };
    let table = Table::from_bytes("t.csv", b"a,x:b,y\n1:2\n", &told).unwrap();
    assert_eq!(cells(&table), [["a,x", "b,y"], ["1", "2"]]);
    // The name of a file decides too.
    let table = Table::from_bytes("t.tsv", b"a,b\tc\n1,2\t3\n", &ReadOptions::default()).unwrap();
    assert_eq!(table.header(), ["a,b", "c"]);
}

#[test]
fn a_long_text_is_sniffed_at_its_beginning() {
    let mut text = "a;b\n".to_owned();
    while text.len() <= 2 * SNIFFED_BYTES {
        text.push_str("1,5;2,5\n");
    }
    assert!(sample(&text).len() <= SNIFFED_BYTES && text[..].starts_with(sample(&text)));
    assert_eq!(read(&text).unwrap().header(), ["a", "b"]);
}

#[test]
fn columns_without_a_name_get_their_position() {
    assert_eq!(read(",b,\n1,2,3\n").unwrap().header(), ["column 1", "b", "column 3"]);
}

#[test]
fn missing_cells_have_many_spellings() {
    let options = ReadOptions { missing: vec!["-999".into()], ..ReadOptions::default() };
    let table = Table::from_bytes("t.csv", b"a,b\n1,2\n", &options).unwrap();
    for cell in
        ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "-999"]
    {
        assert!(table.is_missing(cell), "{cell}");
    }
    for cell in ["0", "?", "-", ".", "none", "na", "missing", "-99"] {
        assert!(!table.is_missing(cell), "{cell}");
    }
}

#[test]
fn compressed_tables_are_told_by_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.table.csv.gz");
    let packed = gzip(b"a,b\n1,2\n");
    std::fs::write(&path, &packed).unwrap();
    let table = Table::read(&path, &ReadOptions::default()).unwrap();
    assert_eq!(cells(&table), [["a", "b"], ["1", "2"]]);
    assert_eq!(table.name(), "some.table");
    assert_eq!(table.blake3(), blake3::hash(&packed).to_hex().as_str(), "of the bytes on disk");
    // Two compressed parts, one behind the other, under a name that says nothing.
    let parts = [packed, gzip(b"3,4\n")].concat();
    let table = Table::from_bytes("t.csv", &parts, &ReadOptions::default()).unwrap();
    assert_eq!(cells(&table).len(), 3);
}

#[test]
fn a_damaged_file_is_refused() {
    let from = |file, bytes: &[u8]| {
        said(&Table::from_bytes(file, bytes, &ReadOptions::default()).unwrap_err())
    };
    let packed = gzip(b"a,b\n1,2\n");
    let (message, hint) = from("t.csv.gz", &packed[..packed.len() - 4]);
    assert!(message.starts_with("t.csv.gz: expected whole `gzip` data, found: "), "{message}");
    assert_eq!(hint, "copy or download the file again");
    let mut flipped = packed.clone();
    flipped[packed.len() - 8] ^= 1; // the check sum
    assert!(from("t.csv.gz", &flipped).0.contains("expected whole `gzip` data"));

    let (message, hint) = from("t.csv.gz", b"a,b\n1,2\n");
    assert_eq!(message, "t.csv.gz: expected `gzip` data, as the name says, found none");
    assert_eq!(hint, "rename the file without `.gz`");

    let (message, hint) = from("t.csv", b"a,b\n1,caf\xe9\n");
    assert_eq!(message, "t.csv, line 2: expected `UTF-8` text, found byte 0xE9 at byte position 9");
    assert!(hint.contains("Latin-1"), "{hint}");
    assert!(from("t.csv", b"\xff\xfea\0,\0").1.contains("UTF-16"));
}

#[test]
fn a_table_of_the_wrong_shape_is_refused() {
    let rows_of_lines = "a table is a line of column names, and a line per row";
    let ragged = "quote fields that hold the delimiter, or tell which delimiter it is";
    let unclosed = "close it; within a quoted field, a quote is written as two (`\"\"`)";
    for (text, message, hint) in [
        ("", ": expected a header line, found an empty file", rows_of_lines),
        ("\n\r\n", ": expected a header line, found an empty file", rows_of_lines),
        ("a,b\n\n", ": expected rows below the header line, found none", rows_of_lines),
        (
            "\na,b, a\n1,2,3\n",
            ", line 2, column `a`: expected each name once, found it at positions 1 and 3",
            "rename one of the two columns",
        ),
        ("a,b\n1,2\n\n3\n", ", line 4: expected `2` fields, as in the header, found 1", ragged),
        (
            "a,b\n\"1\n1\",2\n3,4,5\n",
            ", line 4: expected `2` fields, as in the header, found 3",
            ragged,
        ),
        (
            "a,b\n1,2\n\"3,4\n5,6\n",
            ", line 3: expected `2` fields, as in the header, found 1",
            "a quote that opens in this row may never close",
        ),
        (
            "a,b\n1,2\n3,\"4\n5,6\n",
            ", line 3: expected a closing quote, found the end of the file",
            unclosed,
        ),
        ("a,\"b\n1,2\n", ", line 1: expected a closing quote, found the end of the file", unclosed),
    ] {
        let found = said(&read(text).unwrap_err());
        assert_eq!(found, (format!("t.csv{message}"), hint.to_owned()), "{text:?}");
    }
    // Quotes that close in the last row are no error, even where they hold line breaks.
    assert_eq!(read("a,b\n1,\"2\n\"\"3\"\"\"\n").unwrap().cell(0, 1), "2\n\"3\"");
}

#[test]
fn a_file_that_is_not_there_is_named_with_its_neighbor() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("school.csv"), "a,b\n1,2\n").unwrap();
    let error = |path: &Path| Table::read(path, &ReadOptions::default()).unwrap_err();

    let path = folder.path().join("scool.csv");
    let (message, hint) = said(&error(&path));
    assert_eq!(message, format!("{}: expected a file, found nothing", path.display()));
    assert_eq!(hint, format!("did you mean `{}`?", folder.path().join("school.csv").display()));
    assert_eq!(error(&path).place().unwrap().file, path.to_string_lossy());

    assert_eq!(error(&folder.path().join("penguins.csv")).hint(), None);
    assert_eq!(error(&folder.path().join("nowhere/a.csv")).hint(), None);
    assert!(matches!(error(folder.path()), TableError::Directory { .. }));
}

#[test]
fn rows_are_numbered_by_32_bits() {
    assert!(check_row_count("t.csv", u64::from(u32::MAX)).is_ok());
    assert!(matches!(
        check_row_count("t.csv", u64::from(u32::MAX) + 1),
        Err(TableError::TooManyRows { .. })
    ));
}

#[test]
fn the_penguins_are_all_there() {
    let table = Table::penguins();
    assert_eq!((table.name(), table.n_rows(), table.header().len()), ("penguins", 344, 8));
    let missing = |column| table.cells(column).filter(|cell| table.is_missing(cell)).count();
    assert_eq!((0..8).map(missing).collect::<Vec<_>>(), [0, 0, 2, 2, 2, 2, 11, 0]);
    let hash = blake3::hash(include_bytes!("../../data/penguins.csv"));
    assert_eq!(table.blake3(), hash.to_hex().as_str());
}

#[test]
fn a_column_is_found_by_name_or_the_nearest_is_told() {
    let table = Table::penguins();
    assert_eq!(table.column("sex").unwrap(), 6);
    let (message, hint) = said(&table.column("body_mas_g").unwrap_err());
    assert!(message.starts_with("penguins.csv: expected a column `body_mas_g`, found: `species`"));
    assert_eq!(hint, "did you mean `body_mass_g`?");
    assert_eq!(table.column("humidity").unwrap_err().hint(), None);
}
