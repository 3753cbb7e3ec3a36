//! `torso compare`: the main job.

use std::path::{Path, PathBuf};

use torso_core::record::{RUN_SCHEMA, RunRecord};
use torso_study::arm::{Arm, default_ids, parse_all};
use torso_study::compare::{CompareError, CompareOptions, Compared, compare};

use crate::cli::CompareArgs;
use crate::config::Config;
use crate::error::CliError;
use crate::files;
use crate::input;
use crate::output::{self, to_json};
use crate::progress::Watch;
use crate::require::{check_requirements, parse_requirements};
use crate::run::Kept;
use crate::run::begin::Run;
use crate::run::directory::RECORD;
use crate::run::limits::Limits;
use crate::run::store::Fits;

pub(crate) fn run(options: &CompareArgs) -> Result<String, CliError> {
    let requirements = parse_requirements(&options.require)?;
    let mut run = begin(options)?;
    let report = report_path(options, &run)?;
    let n_repeats = run.config.split.options().repeats;
    let is_whole = |record: &RunRecord| record.comparison.seeds >= n_repeats;
    if let Some(record) = run.finished(is_whole)? {
        check_requirements(&requirements, &record.comparison)?;
        return say(options, &record, report.as_deref());
    }
    match learn(&mut run, report.as_deref()) {
        Ok(record) => {
            check_requirements(&requirements, &record.comparison)?;
            say(options, &record, report.as_deref())
        }
        Err(error) => Err(run.failed(error)),
    }
}

fn learn(run: &mut Run, report: Option<&Path>) -> Result<RunRecord, CliError> {
    let limits = Limits::start(run.config.training.time_limit.map(|limit| limit.0));
    let (table, prepared) = input::load(&run.config)?;
    let data = &prepared.data;
    if run.config.compare.arms.is_empty() {
        run.config.compare.arms = default_ids(data.layout());
    }
    let arms = parse_all(&run.config.compare.arms, data.layout(), &run.settings)?;
    run.table_read(data.blake3())?;
    let options = CompareOptions {
        rule: input::rule(&run.config, &table, data)?,
        split: run.config.split.options(),
        budget: run.config.training.budget(),
        preprocess: run.config.training.preprocess(),
        threads: run.config.training.threads(),
    };
    input::describe(&prepared);

    let kept = run.directory.as_ref().map(|directory| Kept::open(directory.file("fits")));
    let fits = Fits::new(kept.transpose()?, limits);
    let watch = Watch::new(options.threads);
    let outcome = compare(data, &arms, &options, &fits, &|progress| watch.on(progress));
    watch.finish();
    if let Some(failure) = fits.failure() {
        return Err(failure);
    }
    let outcome = outcome.map_err(|error| match error {
        CompareError::Stopped { .. } => run.stopped(&error.to_string()),
        error => error.into(),
    })?;

    let record = record(run, &arms, outcome, &prepared.notes);
    if let Some(path) = report {
        files::write(path, output::page(torso_report::html(&record))?.as_bytes())?;
    }
    if let Some(directory) = &run.directory {
        directory.write(RECORD, to_json(&record)?.as_bytes())?; // last: the run is finished
    }
    Ok(record)
}

fn say(
    options: &CompareArgs,
    record: &RunRecord,
    report: Option<&Path>,
) -> Result<String, CliError> {
    if options.json {
        return Ok(format!("{}\n", to_json(&record.comparison)?));
    }
    let text = torso_report::terminal(record, output::width(), output::color());
    Ok(format!("{text}\n{}", output::report_line(report)))
}

fn begin(options: &CompareArgs) -> Result<Run, CliError> {
    let mut flags = options.config.flags();
    flags.compare = options.compare.clone();
    if let Some(path) = &options.resume {
        return Run::resume("compare", flags, path);
    }
    let config = Config::resolve(flags, options.config.config.as_deref())?;
    if let (Some(path), None) = (&options.report, &options.out) {
        files::check_writable(path, torso_report::is_own)?;
    }
    Run::new("compare", config, options.out.as_deref())
}

/// Where the page goes; checked, before any work, that it can be written.
fn report_path(options: &CompareArgs, run: &Run) -> Result<Option<PathBuf>, CliError> {
    let path = match (&options.report, &run.directory) {
        (Some(path), _) => path.clone(),
        (None, Some(directory)) => directory.file("report.html"),
        (None, None) if options.json => return Ok(None),
        (None, None) => PathBuf::from("report.html"),
    };
    files::check_writable(&path, torso_report::is_own)?;
    Ok(Some(path))
}

fn record(run: &Run, arms: &[Arm], outcome: Compared, notes: &[String]) -> RunRecord {
    let ids: Vec<&str> = arms.iter().map(|arm| arm.id.as_str()).collect();
    let arm_list = [("arms".to_string(), ids.join(", "))];
    RunRecord {
        schema: RUN_SCHEMA.to_string(),
        torso: env!("CARGO_PKG_VERSION").to_string(),
        command: run.command_line(),
        options: arm_list.into_iter().chain(output::options(run, arms)).collect(),
        about_arms: arms.iter().map(|arm| (arm.id.clone(), arm.about.clone())).collect(),
        comparison: outcome.comparison,
        curves: outcome.curves,
        balance: outcome.balance,
        diagnostics: outcome.diagnostics,
        findings: outcome.findings,
        ranks: outcome.ranks,
        notes: notes.iter().cloned().chain(outcome.notes).collect(),
    }
}
