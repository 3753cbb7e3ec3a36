//! `torso report`: the page of a recorded run, again.

use torso_core::record::RunRecord;

use crate::cli::ReportArgs;
use crate::error::{CliError, Kind};
use crate::files;

pub(crate) fn run(options: &ReportArgs) -> Result<String, CliError> {
    let path =
        if options.run.is_dir() { options.run.join("run.json") } else { options.run.clone() };
    let bad = |why: String| {
        CliError::new(Kind::Data, format!("cannot read the run `{}`: {why}", path.display()))
            .place(path.display().to_string())
            .hint("give the directory that was named with `torso compare --out DIR`")
    };
    let text = std::fs::read_to_string(&path).map_err(|error| bad(error.to_string()))?;
    let record: RunRecord = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    if options.json {
        return Ok(text);
    }
    files::check_writable(&options.output, torso_report::is_own)?;
    let html =
        torso_report::html(&record).map_err(|error| CliError::new(Kind::Run, error.to_string()))?;
    files::write(&options.output, html.as_bytes())?;
    Ok(format!("report: {}\n", options.output.display()))
}
