//! `torso train`: one model, scored on rows that it did not see.

mod coef;

use std::time::{Duration, Instant};

use serde_json::json;
use torso_core::data::{Layout, Task, TaskData};
use torso_core::estimator::FitError;
use torso_core::journal::Signal;
use torso_core::record::{DataSummary, TRAIN_RUN_SCHEMA, TaskSummary, TrainRecord, TrainedTask};
use torso_data::Prepared;
use torso_study::arm::{Arm, has_coefficients, parse};
use torso_study::saved::{MODEL_SCHEMA, ModelCard, SavedLayout, SavedModel, TaskCard};
use torso_study::train::{TrainError, TrainOptions, Trained, train};

use crate::cli::TrainArgs;
use crate::config::{Config, check_use};
use crate::error::{CliError, Kind};
use crate::input;
use crate::output::{self, to_json};
use crate::progress::EpochWatch;
use crate::run::begin::Run;
use crate::run::directory::{RECORD, RunDirectory};
use crate::run::journal::DiskJournal;
use crate::run::limits::Limits;

pub(crate) fn run(options: &TrainArgs) -> Result<String, CliError> {
    let started = Instant::now();
    let every = Duration::try_from_secs_f64(options.checkpoint_every).map_err(|_| {
        CliError::new(Kind::Usage, "expected --checkpoint-every as seconds, at least 0")
    })?;
    let mut run = begin(options)?;
    let has_checkpoint = directory(&run)?.file("checkpoint").is_dir();
    if let Some(record) = run.finished(|_: &TrainRecord| !has_checkpoint)? {
        return end(options, directory(&run)?, &record);
    }
    match learn(&mut run, every, started) {
        Ok(record) => end(options, directory(&run)?, &record),
        Err(error) => Err(run.failed(error)),
    }
}

fn learn(run: &mut Run, every: Duration, started: Instant) -> Result<TrainRecord, CliError> {
    let limits = Limits::start(run.config.training.time_limit.map(|limit| limit.0));
    let (table, prepared) = input::load(&run.config)?;
    run.table_read(prepared.data.blake3())?;
    let data = &prepared.data;
    let arm = parse(run.config.train.method(), data.layout(), &run.settings)?;
    let options = TrainOptions {
        rule: input::rule(&run.config, &table, data)?,
        split: run.config.split.options(),
        all_rows: run.config.train.all_rows,
        budget: run.config.training.budget(),
        preprocess: run.config.training.preprocess(),
    };
    input::describe(&prepared);

    let directory = directory(run)?;
    let names: Vec<String> = data.tasks().iter().map(|task| task.name.clone()).collect();
    let watch = EpochWatch::new(options.budget.epochs);
    let journal = DiskJournal::open(directory, &names, every, limits, watch)?;
    let outcome = train(data, &arm, &options, &journal);
    if let Some(failure) = journal.failure() {
        return Err(failure);
    }
    let trained = outcome.map_err(|error| match error {
        TrainError::Fit(FitError::Stopped) => run.stopped("stopped; what was learned is kept"),
        error => error.into(),
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let record = record(run, &arm, data, &trained, &prepared.notes, seconds);
    finish(directory, &saved(run, &arm, &prepared, trained), &record)?;
    let is_whole = limits.signal() != Signal::Finish || record.epochs == 0;
    if is_whole {
        directory.remove("checkpoint")?; // nothing is left to go on from
    }
    Ok(record)
}

fn begin(options: &TrainArgs) -> Result<Run, CliError> {
    let mut flags = options.config.flags();
    flags.train = options.train.clone();
    if let Some(path) = &options.resume {
        let run = Run::resume("train", flags, path)?;
        check_coef(options, run.config.train.method())?;
        return Ok(run);
    }
    let mut config = Config::resolve(flags, options.config.config.as_deref())?;
    config.train.method = Some(config.train.method().to_string());
    check_flags(options, config.train.method())?;
    check_coef(options, config.train.method())?;
    Run::new("train", config, Some(&options.out))
}

fn check_coef(options: &TrainArgs, method: &str) -> Result<(), CliError> {
    options.coef.as_ref().map_or(Ok(()), |path| coef::check(path, method))
}

/// Refuses flags that the method cannot use. A file may hold what is for other methods.
fn check_flags(options: &TrainArgs, method: &str) -> Result<(), CliError> {
    check_use(method, &options.config.settings)?;
    if options.config.training.no_intercept && !has_coefficients(method) {
        let message = format!("--no-intercept is for linear methods, and `{method}` is none");
        return Err(CliError::new(Kind::Usage, message).hint("`torso list linear` shows these"));
    }
    Ok(())
}

fn directory(run: &Run) -> Result<&RunDirectory, CliError> {
    let none = || CliError::new(Kind::Usage, "a training needs a directory: --out DIR");
    run.directory.as_ref().ok_or_else(none)
}

/// Writes what was learned; the record last, since it says that the run is finished.
fn finish(
    directory: &RunDirectory,
    saved: &SavedModel,
    record: &TrainRecord,
) -> Result<(), CliError> {
    directory.write("model.safetensors", &saved.to_bytes())?;
    let page = output::page(torso_report::train_html(record))?;
    directory.write("report.html", page.as_bytes())?;
    directory.write(RECORD, to_json(record)?.as_bytes())
}

/// Writes the coefficients, and says how it went.
fn end(
    options: &TrainArgs,
    directory: &RunDirectory,
    record: &TrainRecord,
) -> Result<String, CliError> {
    if let Some(path) = &options.coef {
        coef::write(path, &directory.file("model.safetensors"))?;
    }
    Ok(say(options, directory, record))
}

fn say(options: &TrainArgs, directory: &RunDirectory, record: &TrainRecord) -> String {
    let model = directory.file("model.safetensors");
    if !options.json {
        let text = torso_report::train_terminal(record, output::width(), output::color());
        let report = output::report_line(Some(&directory.file("report.html")));
        let coef = options.coef.as_ref();
        let coef = coef.map_or_else(String::new, |path| format!("coef: {}\n", path.display()));
        return format!("{text}\nmodel: {}\n{coef}{report}", model.display());
    }
    let certificate = record.certificate;
    let object = json!({
        "schema": "torso.train/1",
        "method": record.method,
        "status": record.status,
        "seconds": record.seconds,
        "tasks": record.tasks,
        "epochs": record.epochs,
        "best_epoch": (record.epochs > 0).then_some(record.best_epoch),
        "objective": certificate.map(|certificate| certificate.objective),
        "residual": certificate.map(|certificate| certificate.residual),
        "iterations": certificate.map(|certificate| certificate.iterations),
        "model": model.display().to_string(),
    });
    format!("{object}\n")
}

fn record(
    run: &Run,
    arm: &Arm,
    data: &TaskData,
    trained: &Trained,
    notes: &[String],
    seconds: f64,
) -> TrainRecord {
    let method = [("method".to_string(), arm.id.clone())];
    let n_rows = [
        ("training rows", trained.parts.train.len()),
        ("validation rows", trained.parts.validation.len()),
        ("test rows", trained.parts.test.len()),
    ];
    let n_rows = n_rows.map(|(name, n)| (name.to_string(), n.to_string()));
    TrainRecord {
        schema: TRAIN_RUN_SCHEMA.to_string(),
        torso: env!("CARGO_PKG_VERSION").to_string(),
        command: run.command_line(),
        options: method
            .into_iter()
            .chain(n_rows)
            .chain(output::options(run, std::slice::from_ref(arm)))
            .collect(),
        data: DataSummary::of(data),
        method: arm.id.clone(),
        about: arm.about.clone(),
        status: trained.status.word().to_string(),
        seconds,
        best_epoch: trained.best_epoch,
        epochs: trained.epochs,
        parameters: trained.model.n_parameters(),
        tasks: data.tasks().iter().zip(&trained.tests).map(trained_task).collect(),
        curves: trained.curves.clone(),
        balance: trained.balance.clone(),
        diagnostics: trained.diagnostics.clone(),
        certificate: trained.certificate,
        chosen: trained.chosen.clone(),
        findings: trained.findings.clone(),
        notes: notes.iter().chain(&trained.notes).cloned().collect(),
    }
}

fn trained_task((task, test): (&Task, &torso_study::train::TaskTest)) -> TrainedTask {
    TrainedTask {
        task: TaskSummary::of(task),
        n_test: test.scores.as_ref().map_or(0, |scores| scores.n),
        score: test.scores.as_ref().map(|scores| scores.score),
        constant: test.constant,
        auc: test.scores.as_ref().and_then(|scores| scores.auc).map(|auc| auc.mean),
    }
}

fn saved(run: &Run, arm: &Arm, prepared: &Prepared, trained: Trained) -> SavedModel {
    let data = &prepared.data;
    let of = &run.config.data;
    let layout = match (data.layout(), &of.group, &of.target) {
        (Layout::Groups, Some(group), Some(target)) => {
            SavedLayout::Groups { group: group.clone(), target: target.clone() }
        }
        _ => SavedLayout::Columns,
    };
    let card = |task: &Task| TaskCard { name: task.name.clone(), kind: task.kind.clone() };
    SavedModel {
        card: ModelCard {
            schema: MODEL_SCHEMA.to_string(),
            torso: env!("CARGO_PKG_VERSION").to_string(),
            method: arm.id.clone(),
            layout,
            tasks: data.tasks().iter().map(card).collect(),
            preprocessor: trained.preprocessor,
            missing: of.missing.clone(),
            data: data.name().to_string(),
            blake3: data.blake3().to_string(),
        },
        model: trained.model,
    }
}
