//! `torso predict`: a trained model on the rows of a table of any length.

pub(crate) mod forecast;
pub(crate) mod form;
mod output;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "predict/no_parquet.rs"]
mod parquet;
pub(crate) mod pipeline;

use std::path::Path;

use serde_json::json;
use torso_core::journal::Signal;
use torso_data::{Block, LabelFile, ReadOptions, Schema, Stream, TableError};
use torso_study::saved::SavedModel;

use crate::cli::{PredictArgs, StreamArgs};
use crate::error::{CliError, Kind, nearest};
use crate::output::tell;
use crate::run::limits::Limits;
use forecast::{Forecaster, Tally, chunk_rows, read_model, threads};
use form::{Form, Format};
use output::Output;
use pipeline::{Flow, in_order};

/// The form of the summary.
const SCHEMA: &str = "torso.predict/1";

pub(crate) fn run(options: &PredictArgs) -> Result<String, CliError> {
    if options.json && options.output.is_none() {
        let message = "--json prints a summary on stdout: the predictions need another place";
        return Err(CliError::new(Kind::Usage, message).hint("name a file with -o"));
    }
    let saved = read_model(&options.model)?;
    let forecaster = Forecaster::new(&saved);
    let targets = forecaster.targets();
    check_kept(&options.keep, &forecaster)?;
    let stream = open(&options.data, &options.stream, Vec::new(), &saved)?;
    find_kept(&options.keep, &stream)?;
    let format = options.format.unwrap_or_else(|| format_of(options.output.as_deref()));
    if format == Format::Parquet && !cfg!(feature = "parquet") {
        let message = "this torso was built without the feature `parquet`";
        return Err(CliError::new(Kind::Usage, message)
            .hint("build it with --features parquet, or name a .csv or .jsonl file"));
    }
    let form = Form::new(format, &options.keep, &targets);
    let mut texts = options.keep.clone();
    texts.extend(forecaster.group_column().map(String::from));
    let schema = Schema::new(&saved.card.preprocessor, &texts, &stream)?;

    let output = Output::open(options.output.as_deref(), options.overwrite, &form)?;
    let job = Job { forecaster: &forecaster, schema: &schema, form: &form };
    let tally = job.run(stream, output, threads(options.stream.threads))?;
    for note in tally.notes(forecaster.group_column()) {
        tell(&format!("note: {note}"));
    }
    let Some(path) = &options.output else { return Ok(String::new()) };
    if !options.json {
        return Ok(format!("predictions: {} ({} rows)\n", path.display(), tally.rows));
    }
    let summary = json!({
        "schema": SCHEMA,
        "method": saved.card.method,
        "output": path.display().to_string(),
        "rows": tally.rows,
        "columns": form.columns(),
        "unknown_groups": tally.unknown_groups,
        "unseen_levels": tally.unseen_levels(),
        "not_finite": tally.not_finite,
    });
    Ok(format!("{summary}\n"))
}

/// Opens a table for a model: cells that were missing in training are missing here.
pub(crate) fn open(
    data: &Path,
    options: &StreamArgs,
    labels: Vec<LabelFile>,
    saved: &SavedModel,
) -> Result<Stream, CliError> {
    let missing = saved.card.missing.iter().chain(&options.missing).cloned().collect();
    let delimiter = options.delimiter.map(|delimiter| delimiter.0);
    let read = ReadOptions { delimiter, missing, labels };
    Ok(Stream::open(data, &read)?)
}

fn format_of(output: Option<&Path>) -> Format {
    let extension = output.and_then(Path::extension).unwrap_or_default();
    match extension.to_ascii_lowercase().to_str() {
        Some("jsonl") => Format::Jsonl,
        Some("parquet") => Format::Parquet,
        _ => Format::Csv,
    }
}

/// Refuses kept columns that are not in the table.
fn find_kept(keep: &[String], stream: &Stream) -> Result<(), TableError> {
    match keep.iter().find(|name| !stream.header().contains(name)) {
        None => Ok(()),
        Some(column) => Err(TableError::NoSuchColumn {
            file: stream.file().to_string(),
            column: column.clone(),
            near: nearest(column, stream.header()),
            columns: stream.header().to_vec(),
        }),
    }
}

/// Refuses kept columns that would stand twice in the output.
fn check_kept(keep: &[String], forecaster: &Forecaster) -> Result<(), CliError> {
    let predicted = Form::new(Format::Csv, &[], &forecaster.targets());
    for (at, name) in keep.iter().enumerate() {
        if keep[..at].contains(name) {
            let message = format!("expected `{name}` once in --keep, found it twice");
            return Err(CliError::new(Kind::Usage, message).hint("name each column once"));
        }
        if predicted.columns().contains(name) {
            let message = format!("--keep: `{name}` is the name of a column of predictions");
            return Err(CliError::new(Kind::Usage, message)
                .hint("`torso evaluate` compares predictions with labels"));
        }
    }
    Ok(())
}

/// What is done with each block.
struct Job<'a> {
    forecaster: &'a Forecaster<'a>,
    schema: &'a Schema,
    form: &'a Form,
}

impl Job<'_> {
    fn run(&self, stream: Stream, mut output: Output, threads: usize) -> Result<Tally, CliError> {
        // Without a file there is nothing to clean up, and Ctrl-C may just end it.
        let limits = matches!(output, Output::File(_)).then(|| Limits::start(None));
        let mut tally = Tally::default();
        if output.write(&self.form.header())? == Flow::Continue {
            let take = |(bytes, of_block): (Vec<u8>, Tally)| {
                if limits.is_some_and(|limits| limits.signal() == Signal::Stop) {
                    let message = "interrupted: nothing was written";
                    return Err(CliError::new(Kind::Interrupted, message));
                }
                tally.add(of_block);
                output.write(&bytes)
            };
            in_order(stream, threads, |block| self.predict(block), take)?;
        }
        output.finish()?;
        Ok(tally)
    }

    fn predict(&self, block: &Block) -> Result<(Vec<u8>, Tally), CliError> {
        let (mut bytes, mut tally) = (Vec::new(), Tally::default());
        let mut rows = self.schema.rows(block);
        while let Some(mut chunk) = rows.next_chunk(chunk_rows(self.schema))? {
            let forecast = self.forecaster.predict(&chunk, self.form.n_kept());
            self.form.write(&chunk, &forecast, &mut bytes);
            tally.add(Tally::of(&mut chunk, &forecast, self.form.n_kept()));
        }
        Ok((bytes, tally))
    }
}

#[cfg(test)]
mod tests;
