//! Predictions as a Parquet file (with the feature `parquet`): texts as strings, numbers as doubles,
//! an empty cell as null.
//!
//! Rows come as CSV, which says already what is in each cell, and are gathered into row groups.

use std::fs::File;
use std::io;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::errors::Result;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

/// Rows in a row group: bounds what is held in memory.
const ROWS: usize = 1 << 16;

/// A Parquet file that is being written.
pub(crate) struct ParquetFile {
    writer: SerializedFileWriter<File>,
    columns: Vec<Column>,
    n_rows: usize,
}

/// The cells of a column in the row group to come.
enum Column {
    Texts(Vec<Option<ByteArray>>),
    Numbers(Vec<Option<f64>>),
}

impl ParquetFile {
    /// A file with columns of these names, each of texts or of numbers.
    pub(crate) fn new(file: File, columns: &[(String, bool)]) -> io::Result<Self> {
        let fields = columns.iter().map(|(name, is_text)| field(name, *is_text));
        let schema = Type::group_type_builder("predictions")
            .with_fields(fields.collect::<Result<_>>()?)
            .build()?;
        let empty = |(_, is_text): &(String, bool)| {
            if *is_text { Column::Texts(Vec::new()) } else { Column::Numbers(Vec::new()) }
        };
        Ok(Self {
            writer: SerializedFileWriter::new(file, Arc::new(schema), Arc::default())?,
            columns: columns.iter().map(empty).collect(),
            n_rows: 0,
        })
    }

    /// Adds rows, as lines of CSV.
    pub(crate) fn push(&mut self, rows: &[u8]) -> io::Result<()> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(rows);
        for row in reader.records() {
            let row = row?;
            for (column, cell) in self.columns.iter_mut().zip(&row) {
                column.push(cell);
            }
            self.n_rows += 1;
            if self.n_rows == ROWS {
                self.write_group()?;
            }
        }
        Ok(())
    }

    /// Writes what is left, and the end of the file.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.write_group()?;
        self.writer.close()?;
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        if self.n_rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column()? else { break };
            match column {
                Column::Texts(cells) => {
                    let (levels, values) = observed(cells);
                    let writer = writer.typed::<ByteArrayType>();
                    writer.write_batch(&values, Some(&levels), None)?;
                }
                Column::Numbers(cells) => {
                    let (levels, values) = observed(cells);
                    let writer = writer.typed::<DoubleType>();
                    writer.write_batch(&values, Some(&levels), None)?;
                }
            }
            writer.close()?;
        }
        group.close()?;
        self.n_rows = 0;
        Ok(())
    }
}

impl Column {
    fn push(&mut self, cell: &str) {
        let is_null = cell.is_empty();
        match self {
            Self::Texts(cells) => cells.push((!is_null).then(|| cell.into())),
            Self::Numbers(cells) => cells.push(cell.parse().ok()),
        }
    }
}

/// Takes the cells: which are there (1) and which are null (0), and the values of the former.
fn observed<T>(cells: &mut Vec<Option<T>>) -> (Vec<i16>, Vec<T>) {
    let levels = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    (levels, cells.drain(..).flatten().collect())
}

fn field(name: &str, is_text: bool) -> Result<TypePtr> {
    let (physical, logical) = if is_text {
        (PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
    } else {
        (PhysicalType::DOUBLE, None)
    };
    let field = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    #[test]
    fn a_file_holds_every_cell_over_several_row_groups() {
        let file = tempfile::tempfile().unwrap();
        let columns = [("id".to_string(), true), ("mass, g".to_string(), false)];
        let mut writer = ParquetFile::new(file.try_clone().unwrap(), &columns).unwrap();
        let n_rows = ROWS + 10;
        for start in (0..n_rows).step_by(1000) {
            let row = |i: usize| match i % 3 {
                0 => format!("\"a, {i}\",{i}.5\n"),
                1 => format!(",{i}e-3\n"),
                _ => format!("b{i},\n"),
            };
            let rows: String = (start..n_rows.min(start + 1000)).map(row).collect();
            writer.push(rows.as_bytes()).unwrap();
        }
        writer.finish().unwrap();

        let reader = SerializedFileReader::new(file).unwrap();
        assert_eq!(reader.num_row_groups(), 2);
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(rows.len(), n_rows);
        for (i, row) in rows.iter().enumerate() {
            let cells: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
            let expected = match i % 3 {
                0 => [Field::Str(format!("a, {i}")), Field::Double(i as f64 + 0.5)],
                1 => [Field::Null, Field::Double(format!("{i}e-3").parse().unwrap())],
                _ => [Field::Str(format!("b{i}")), Field::Null],
            };
            assert_eq!(cells, expected.iter().collect::<Vec<_>>(), "row {i}");
        }
    }
}
