//! `torso report`: what was recorded of a run, again, as a page, Markdown, JSON or pictures.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use torso_core::record::{RUN_SCHEMA, RunRecord, TRAIN_RUN_SCHEMA, TrainRecord};
use torso_report::{Picture, ReportError};

use crate::cli::ReportArgs;
use crate::error::{CliError, Kind};
use crate::files;

/// How a Markdown file begins, which readers of Markdown do not see; one without it is not ours.
const MARKDOWN_MARK: &str = "<!-- made by torso report -->\n";

/// What a run is told in, and how to know a file of this form that Torso wrote.
struct Document {
    text: String,
    is_own: fn(&[u8]) -> bool,
}

/// A file to write, and how to know one that Torso wrote there before.
struct File {
    path: PathBuf,
    bytes: Vec<u8>,
    is_own: fn(&[u8]) -> bool,
}

pub(crate) fn run(options: &ReportArgs) -> Result<String, CliError> {
    let (record, text) = read(&options.run)?;
    let (mut said, mut files) = (String::new(), Vec::new());
    match (document(options, &record, &text)?, &options.output) {
        (None, _) => {}
        (Some(document), None) if options.markdown || options.json => said = document.text,
        (Some(Document { text, is_own }), output) => {
            let path = output.clone().unwrap_or_else(|| PathBuf::from("report.html"));
            said = format!("report: {}\n", path.display());
            files.push(File { path, bytes: text.into_bytes(), is_own });
        }
    }
    if let Some(directory) = &options.png {
        let pictures = draw(&record, directory)?;
        // What is printed for programs stays as it is.
        if !files.is_empty() || said.is_empty() {
            let _ = writeln!(said, "pictures: {} in {}", pictures.len(), directory.display());
        }
        files.extend(pictures);
    }
    write(&files, options.png.as_deref())?;
    Ok(said)
}

/// What `run` holds, and its text.
fn read(run: &Path) -> Result<(Record, String), CliError> {
    let path = if run.is_dir() { run.join("run.json") } else { run.to_path_buf() };
    let bad = |why: String, hint: String| {
        CliError::new(Kind::Data, format!("cannot read the run `{}`: {why}", path.display()))
            .place(path.display().to_string())
            .hint(hint)
    };
    let hint = || {
        if run.join("run.toml").is_file() {
            format!("the run is not finished; go on with --resume {}", run.display())
        } else {
            "give the directory that was named with --out, or the run.json in it".to_string()
        }
    };
    let text = std::fs::read_to_string(&path).map_err(|error| bad(error.to_string(), hint()))?;
    let record = Record::parse(&text).map_err(|why| bad(why, hint()))?;
    Ok((record, text))
}

/// A record of any kind.
enum Record {
    Comparison(Box<RunRecord>),
    Training(Box<TrainRecord>),
}

impl Record {
    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            schema: String,
        }
        let said = |error: serde_json::Error| error.to_string();
        let form: Form = serde_json::from_str(text).map_err(said)?;
        match form.schema.as_str() {
            RUN_SCHEMA => serde_json::from_str(text).map(Self::Comparison).map_err(said),
            TRAIN_RUN_SCHEMA => serde_json::from_str(text).map(Self::Training).map_err(said),
            other => Err(format!(
                "its schema is `{other}`, expected `{RUN_SCHEMA}` or `{TRAIN_RUN_SCHEMA}`"
            )),
        }
    }

    fn html(&self) -> Result<String, ReportError> {
        match self {
            Self::Comparison(record) => torso_report::html(record),
            Self::Training(record) => torso_report::train_html(record),
        }
    }

    fn markdown(&self) -> String {
        match self {
            Self::Comparison(record) => torso_report::markdown(record),
            Self::Training(record) => torso_report::train_markdown(record),
        }
    }

    fn pictures(&self) -> Result<Vec<Picture>, ReportError> {
        match self {
            Self::Comparison(record) => torso_report::pictures(record),
            Self::Training(record) => torso_report::train_pictures(record),
        }
    }
}

/// The form that was asked for; none where only pictures were.
fn document(
    options: &ReportArgs,
    record: &Record,
    json: &str,
) -> Result<Option<Document>, CliError> {
    Ok(if options.json {
        Some(Document { text: format!("{}\n", json.trim_end()), is_own: is_own_record })
    } else if options.markdown {
        let text = format!("{MARKDOWN_MARK}{}", record.markdown());
        Some(Document { text, is_own: is_own_markdown })
    } else if options.png.is_some() && options.output.is_none() {
        None
    } else {
        let text = record.html().map_err(|error| failed(&error))?;
        Some(Document { text, is_own: torso_report::is_own })
    })
}

fn is_own_record(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes).map(Record::parse), Ok(Ok(_)))
}

fn is_own_markdown(bytes: &[u8]) -> bool {
    bytes.starts_with(MARKDOWN_MARK.as_bytes())
}

/// The pictures, to go into this directory.
fn draw(record: &Record, directory: &Path) -> Result<Vec<File>, CliError> {
    let file = |picture: &Picture| {
        let path = directory.join(format!("{}.png", picture.name()));
        let bytes = torso_report::png(picture).map_err(|error| failed(&error))?;
        Ok(File { path, bytes, is_own: torso_report::is_own_png })
    };
    record.pictures().map_err(|error| failed(&error))?.iter().map(file).collect()
}

/// Writes all files, or none where one of them is not ours.
fn write(files: &[File], directory: Option<&Path>) -> Result<(), CliError> {
    let hint = |error: CliError| error.hint("name another place with --output or --png");
    if let Some(directory) = directory {
        std::fs::create_dir_all(directory)
            .map_err(|error| hint(CliError::cannot_write(directory, &error)))?;
    }
    for file in files {
        files::check_writable(&file.path, file.is_own).map_err(hint)?;
    }
    for file in files {
        files::write(&file.path, &file.bytes).map_err(hint)?;
    }
    Ok(())
}

fn failed(error: &ReportError) -> CliError {
    CliError::new(Kind::Run, error.to_string())
}
