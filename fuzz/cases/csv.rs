//! Any bytes as a table or as images, and all that is made of one: tasks, preprocessing, splits, a streamed
//! design. The first byte chooses the options.
//!
//! Besides not panicking: a table that is written and read again has the same cells, and so has one
//! that is streamed; designs are finite, and those of a streamed table are the same to the bit; no
//! row is dropped or in two parts; an error says where, and has its message.

use std::io::Cursor;

use torso_core::data::TaskData;
use torso_core::features::Design;
use torso_core::split::{Fold, SplitOptions, plan};
use torso_data::{
    Checkup, Preprocessor, ReadOptions, Roles, Schema, SplitSpec, Stream, Table, TableError,
    read_splits, split_rule, suggest, task_data,
};

type Cells = Vec<Vec<String>>;

pub(crate) fn check(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let delimiter = [None, Some(b','), Some(b';'), Some(b'\t')][usize::from(choice & 3)];
    let options = ReadOptions { delimiter, missing: vec!["?".to_string()], labels: Vec::new() };
    let file = if choice & 4 == 0 { "table.csv" } else { "table.csv.gz" };
    let table = Table::from_bytes(file, bytes, &options);
    let whole = table.as_ref().ok().map(cells);
    assert_eq!(streamed(file, bytes, &options).ok(), whole, "a streamed table is the whole one");
    let Some(table) = passed(table) else { return };
    check_cells(&table);
    passed(suggest(&table, &Roles::columns([""]).kinds));
    if table.header().iter().any(|name| name == "row") {
        check_splits_file(bytes, table.n_rows());
    }
    let Some(prepared) = passed(task_data(&table, &roles(&table, choice))) else { return };
    let data = &prepared.data;
    assert_eq!(data.n_rows(), table.n_rows(), "no row is dropped");
    assert_eq!(prepared.columns.len(), table.header().len(), "each column has its report");
    check_design(file, bytes, &options, data);
    Checkup::of(data, &folds(&table, data, choice));
}

/// Some columns as targets, or the first as groups.
fn roles(table: &Table, choice: u8) -> Roles {
    let header = table.header();
    match choice & 8 {
        0 => Roles::columns(header.iter().step_by(3)),
        _ => Roles::groups(&header[0], header.get(1).unwrap_or(&header[0])),
    }
}

/// The value, or else what is wrong, with its place.
fn passed<T>(result: Result<T, TableError>) -> Option<T> {
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    let needs_no_place = matches!(
        error,
        TableError::NoTargets
            | TableError::ListedTwice { .. }
            | TableError::TwoRoles { .. }
            | TableError::Data(_)
    );
    assert!(needs_no_place || error.place().is_some(), "{error:?}");
    assert!(!error.to_string().is_empty());
    assert!(error.hint().is_none_or(|hint| !hint.is_empty()));
    None
}

/// The header and all rows.
fn cells(table: &Table) -> Cells {
    let row =
        |row| (0..table.header().len()).map(|column| table.cell(row, column).into()).collect();
    std::iter::once(table.header().to_vec()).chain((0..table.n_rows()).map(row)).collect()
}

/// The same, read in blocks of a few bytes.
fn streamed(file: &str, bytes: &[u8], options: &ReadOptions) -> Result<Cells, TableError> {
    let mut stream = Stream::new(file, Cursor::new(bytes.to_vec()), options)?.with_block_bytes(9);
    let mut cells = vec![stream.header().to_vec()];
    let nothing = Preprocessor { columns: Vec::new(), notes: Vec::new(), image: None };
    let schema = Schema::new(&nothing, &cells[0], &stream)?;
    while let Some(block) = stream.next_block()? {
        let mut rows = schema.rows(&block);
        while let Some(chunk) = rows.next_chunk(2)? {
            let row =
                |row| (0..cells[0].len()).map(|column| chunk.text(column, row).into()).collect();
            let rows: Cells = (0..chunk.n_rows()).map(row).collect();
            cells.extend(rows);
        }
    }
    Ok(cells)
}

/// Written with every cell in quotes, the table is read again as it was.
fn check_cells(table: &Table) {
    let cells = cells(table);
    for (row, cells) in cells.iter().enumerate() {
        assert_eq!(cells.len(), table.header().len());
        let line = |row: usize| table.line(row).unwrap_or(0);
        assert!(row == 0 || (line(row - 1) > 0) == table.image().is_none());
    }
    let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n";
    let text: String = cells.iter().map(line).collect();
    let comma = ReadOptions { delimiter: Some(b','), ..ReadOptions::default() };
    let again = Table::from_bytes("again.csv", text.as_bytes(), &comma).expect("it is a table");
    assert_eq!(self::cells(&again), cells, "{text}");
}

/// The design of every other row's preprocessing: finite, and the same from a stream.
fn check_design(file: &str, bytes: &[u8], options: &ReadOptions, data: &TaskData) {
    let some: Vec<u32> = data.labeled_rows().into_iter().step_by(2).collect();
    let preprocessor = Preprocessor::fit(data.features(), &some);
    let design = preprocessor.transform(data.features());
    assert!(design.values().iter().all(|value| value.is_finite()));
    let found = streamed_design(file, bytes, options, &preprocessor).expect("it was read whole");
    let equal = found.iter().flat_map(Design::values).eq(design.values());
    assert!(equal, "{found:?}, expected {design:?}");
}

fn streamed_design(
    file: &str,
    bytes: &[u8],
    options: &ReadOptions,
    preprocessor: &Preprocessor,
) -> Result<Vec<Design>, TableError> {
    let mut stream = Stream::new(file, Cursor::new(bytes.to_vec()), options)?.with_block_bytes(64);
    let schema = Schema::new(preprocessor, &[], &stream)?;
    let mut designs = Vec::new();
    while let Some(block) = stream.next_block()? {
        let mut rows = schema.rows(&block);
        while let Some(chunk) = rows.next_chunk(3)? {
            designs.push(chunk.design);
        }
    }
    Ok(designs)
}

/// The folds by a rule over the last column; none where it cannot deal the rows.
fn folds(table: &Table, data: &TaskData, choice: u8) -> Vec<Fold> {
    let last = table.header().last().cloned().unwrap_or_default();
    let spec = match choice >> 4 & 3 {
        0 => SplitSpec::Random,
        1 => SplitSpec::Group(last),
        2 => SplitSpec::Time(last),
        _ => SplitSpec::Column(last),
    };
    let Some(rule) = passed(split_rule(table, data, &spec)) else { return Vec::new() };
    let options = SplitOptions { repeats: 1, folds: 2, ..SplitOptions::default() };
    let Ok(mut repeats) = plan(data, &rule, &options) else { return Vec::new() };
    let folds = repeats.remove(0).folds;
    for Fold { train, validation, test } in &folds {
        let mut rows = [train.as_slice(), validation, test].concat();
        let all = rows.len();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), all, "a row is in two parts");
        assert!(rows.last().is_none_or(|&row| (row as usize) < data.n_rows()));
    }
    folds
}

/// The table as a file of splits.
fn check_splits_file(bytes: &[u8], n_rows: usize) {
    let path = std::env::temp_dir().join(format!("torso-fuzz-{}.csv", std::process::id()));
    std::fs::write(&path, bytes).expect("the directory for temporary files can be written");
    passed(read_splits(&path, n_rows));
    std::fs::remove_file(&path).expect("it was just written");
}
