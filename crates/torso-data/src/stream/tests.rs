use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::*;
use crate::Table;

/// A source that gives few bytes at a time.
struct Drops(io::Cursor<Vec<u8>>, usize);

impl Read for Drops {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(self.1);
        self.0.read(&mut into[..most])
    }
}

fn stream(file: &str, bytes: &[u8], drop: usize) -> Result<Stream, TableError> {
    let source = Drops(io::Cursor::new(bytes.to_vec()), drop);
    Stream::new(file, source, &ReadOptions::default())
}

/// All cells with the line of each row, the header first.
type Content = Vec<(u32, Vec<String>)>;

fn streamed(file: &str, bytes: &[u8], block_bytes: usize) -> Result<Content, TableError> {
    let mut stream = stream(file, bytes, 7)?.with_block_bytes(block_bytes);
    let mut content = vec![(0, stream.header().to_vec())];
    while let Some(block) = stream.next_block()? {
        let BlockRows::Text(block) = block.0 else { panic!("no images are read here") };
        let mut cursor = Cursor::new(&block.text, stream.delimiter(), false);
        while let Some(start) = cursor.record() {
            let mut row = Vec::new();
            loop {
                let (cell, is_last) = cursor.cell();
                row.push(cell.to_owned());
                if is_last {
                    break;
                }
            }
            if row.len() != stream.header().len() {
                return Err(TableError::HeaderOnly { file: "ragged".into() });
            }
            content.push((block.line_at(start), row));
        }
    }
    Ok(content)
}

fn whole(file: &str, bytes: &[u8]) -> Result<Content, TableError> {
    let table = Table::from_bytes(file, bytes, &ReadOptions::default())?;
    let row = |row| {
        let cells = (0..table.header().len()).map(|column| table.cell(row, column).to_owned());
        (table.line(row).unwrap(), cells.collect())
    };
    let header = std::iter::once((0, table.header().to_vec()));
    Ok(header.chain((0..table.n_rows()).map(row)).collect())
}

/// The stream gives what the whole table is, or is refused where it is, for any block size.
fn assert_alike(bytes: &[u8]) {
    let expected = whole("t.csv", bytes).map_err(|_| ());
    for block_bytes in [1, 2, 3, 5, 16, 1 << 18] {
        let found = streamed("t.csv", bytes, block_bytes).map_err(|_| ());
        assert_eq!(found, expected, "{:?} by {block_bytes}", String::from_utf8_lossy(bytes));
    }
}

const HOSTILE: [&str; 40] = [
    "a,b\n1,x y\n2,\n",
    "a,b\n1,x y\n2,",
    "a;b\r\n1;x y\r\n2;\r\n",
    "a\tb\n1\tx y\n2\t\n",
    "a|b\r1|x y\r2|\r",
    "\u{feff}a,b\n1,x y\n2,\n",
    "\u{feff}\u{feff}a,b\n1,2\n",
    "a,b\n\u{feff}1,2\n\u{feff}3,4\n",
    "\n\na,b\n\n1,x y\n\r\n2,\n\n",
    "\r\r\na,b\r\r\n1,2\r\n\r\r3,4\r\r",
    "\"a\",\"b\"\n\"1\",\"x y\"\n\"2\",\"\"\n",
    " a , b \n 1 ,\tx y\n2,  \n",
    "a,b\n\"x,y\nz\",\"say \"\"hi\"\"\"\n1,2\n",
    "a,b\n\"x\r\ny\",2\r\n3,\"\r\"\r\n",
    "a,b\n5\" pipe,\"6\"\" pipe\"\n1,2\n",
    "a,b\n\"1\"x,\"2\"\"\"y\"z\n1,2\n",
    "a,b\n\"\",\"\"\"\"\n1,2\n",
    "a,b\n \"1\",2 \"x\n3,4\n",
    "a,b\n1,\"2\n\"\"3\"\"\"\n",
    "a,b\n1,\"2\n3\",\n",
    "a,b\n1,\"2\n3\n",
    "a,b\n1,\"2",
    "a,b\n1,\"2\n",
    "a,b\n1,\"\"\"",
    "a,b\n1,\"2\"\"\n",
    "a,b\n\"x\ny\",5\"",
    "a,b\n\"x\ny\",5\"\n",
    "a,\"b\n1,2\n",
    "\"a\nb\",c\n1,2\n",
    "\"a\nb\",\"c",
    "a\n\n1\n \n\"\"\n2",
    ",b,\n1,2,3\n",
    "",
    "\n\r\n",
    "a,b\n\n",
    "a,b",
    "\na,b, a\n1,2,3\n",
    "a,b\n1,2\n\n3\n",
    "a,b\n1,2,3\n",
    "é,ü\n\u{2003}ß\u{a0},日本\n\u{85}x,\0\n",
];

#[test]
fn a_streamed_table_is_the_whole_table() {
    for text in HOSTILE {
        assert_alike(text.as_bytes());
    }
    let bad: [&[u8]; 4] =
        [b"a,b\n1,caf\xe9\n", b"\xff\xfea\0,\0", b"a,\xe6\x97\n1,2\n", b"a,b\n1,2\xe6\x97"];
    for bytes in bad {
        assert_alike(bytes);
    }
    let penguins = include_bytes!("../../data/penguins.csv");
    assert_eq!(streamed("p.csv", penguins, 100).unwrap(), whole("p.csv", penguins).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn any_text_is_streamed_as_it_is_read(text in "[ab1,;\"\\n\\r \u{feff}é]{0,40}") {
        assert_alike(text.as_bytes());
    }

    #[test]
    fn tables_of_any_cells_are_streamed_as_they_are_read(
        rows in prop::collection::vec(("[a1,\"\\n\\r ]{0,5}", "[a1,\"\\n\\r ]{0,5}"), 1..6),
        line_break in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
        let row = |(a, b): &(String, String)| format!("{},{}{line_break}", quoted(a), quoted(b));
        let text: String = rows.iter().map(row).collect();
        assert_alike(format!("x,y{line_break}{text}").as_bytes());
    }

    #[test]
    fn a_number_is_the_number_that_its_text_is(text in "[-+0-9.eEinfa_ x]{1,12}") {
        let mut cursor = Cursor::new(&text, b',', true);
        if let Some((value, is_last)) = cursor.number() {
            prop_assert!(is_last);
            let expected: f64 = text.parse().unwrap();
            prop_assert_eq!(value.to_bits(), (expected + 0.0).to_bits());
        }
    }

    #[test]
    fn numbers_are_read_to_the_last_bit(value in prop::num::f64::NORMAL, digits in 0..20usize) {
        for text in [format!("{value}"), format!("{value:e}"), format!("{value:.digits$e}")] {
            let found = Cursor::new(&text, b',', true).number().map(|(value, _)| value);
            let expected: f64 = text.parse().unwrap();
            if expected.is_finite() {
                prop_assert_eq!(found.map(f64::to_bits), Some(expected.to_bits()));
            }
        }
    }
}

#[test]
fn numbers_are_not_read_over_delimiters() {
    for (text, delimiter) in [("1.5", b'.'), ("1-5", b'-'), ("1e5", b'e'), ("125", b'2')] {
        let mut cursor = Cursor::new(text, delimiter, true);
        assert_eq!(cursor.number(), None, "{text}");
        assert_eq!(cursor.cell(), ("1", false));
    }
    assert_eq!(Cursor::new("1.5;2", b';', true).number(), Some((1.5, false)));
    assert_eq!(Cursor::new("-0\r", b';', true).number().unwrap().0.to_bits(), 0);
}

#[test]
fn compressed_tables_are_streamed() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let packed = [gzip(b"a,b\n1,2\n"), gzip(b"3,4\n")].concat();
    for file in ["t.csv.gz", "t.csv"] {
        assert_eq!(streamed(file, &packed, 3).unwrap(), whole(file, &packed).unwrap());
    }
    for (file, bytes) in [
        ("t.csv.gz", &packed[..packed.len() - 4]),
        ("t.csv.gz", b"a,b\n1,2\n"),
        ("t.csv.gz", b""),
        ("t.csv", &packed[..2]),
    ] {
        let said = |error: TableError| error.to_string();
        let (found, expected) = (streamed(file, bytes, 3), whole(file, bytes));
        assert_eq!(found.map_err(said).unwrap_err(), expected.map_err(said).unwrap_err());
    }
}

#[test]
fn what_is_wrong_is_said_as_for_a_whole_table() {
    for text in HOSTILE {
        let (found, expected) =
            (streamed("t.csv", text.as_bytes(), 4), whole("t.csv", text.as_bytes()));
        if let (Err(found), Err(expected)) = (found, expected)
            && !matches!(expected, TableError::Ragged { .. })
        {
            assert_eq!(found.to_string(), expected.to_string(), "{text:?}");
        }
    }
    let latin = b"\xef\xbb\xbfa,b\n1,2\n3,caf\xe9\n";
    let message = streamed("t.csv", latin, 4).unwrap_err().to_string();
    assert_eq!(message, whole("t.csv", latin).unwrap_err().to_string());
}

#[test]
fn the_delimiter_is_that_of_the_whole_table() {
    // Far more than is sniffed, and the first of it misleads.
    for row in ["1,5;2,5\n", "1,5;2\r\n", "é,5;2\n"] {
        let text = format!("a;b\n{}", row.repeat(60_000));
        let stream = stream("t.csv", text.as_bytes(), 1 << 16).unwrap();
        assert_eq!((stream.delimiter(), stream.header().len()), (b';', 2));
    }
}

#[test]
fn a_row_without_an_end_is_refused_in_little_memory() {
    let source = io::Cursor::new(b"a,b\n1,2\n3,\"".to_vec()).chain(io::repeat(b'x'));
    let mut stream = Stream::new("t.csv", source, &ReadOptions::default()).unwrap();
    let block = stream.next_block().unwrap().unwrap();
    assert!(matches!(block.0, BlockRows::Text(block) if block.text == "1,2\n"));
    let error = stream.next_block().unwrap_err();
    assert!(matches!(error, TableError::RowTooLong { .. }));
    assert_eq!(error.place().unwrap().line, Some(3));
    assert!(stream.rest.capacity() <= 2 * MOST_ROW_BYTES);

    let endless_header = io::repeat(b'x');
    let error = Stream::new("t.csv", endless_header, &ReadOptions::default()).err().unwrap();
    assert!(matches!(error, TableError::RowTooLong { .. }));
}

#[test]
fn a_row_longer_than_a_block_is_one_row() {
    let long = "x".repeat(1 << 20);
    let text = format!("a,b\n1,{long}\n2,\"{long}\n\"\n");
    let content = streamed("t.csv", text.as_bytes(), 1 << 10).unwrap();
    assert_eq!(content, whole("t.csv", text.as_bytes()).unwrap());
}

#[test]
fn a_file_that_fails_is_told() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no more"))
        }
    }
    let source = io::Cursor::new(b"a,b\n1,2\n".to_vec()).chain(Fails);
    let error = Stream::new("t.csv", source, &ReadOptions::default()).err().unwrap();
    assert!(error.to_string().contains("no more"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| Stream::open(path, &ReadOptions::default()).err().unwrap();
    assert!(matches!(open(folder.path()), TableError::Directory { .. }));
    assert!(matches!(open(&folder.path().join("no.csv")), TableError::NotFound { .. }));
}
