//! `torso train`: one model, scored on rows that it did not see.

use std::time::{Duration, Instant};

use serde_json::json;
use torso_core::data::{Layout, Task, TaskData};
use torso_core::estimator::FitError;
use torso_core::journal::Signal;
use torso_core::record::{DataSummary, TRAIN_RUN_SCHEMA, TaskSummary, TrainRecord, TrainedTask};
use torso_data::Prepared;
use torso_study::arm::{Arm, parse};
use torso_study::saved::{MODEL_SCHEMA, ModelCard, SavedLayout, SavedModel, TaskCard};
use torso_study::train::{TrainError, TrainOptions, Trained, train};

use crate::cli::TrainArgs;
use crate::config::Config;
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
        return Ok(say(options, directory(&run)?, &record));
    }
    match learn(&mut run, every, started) {
        Ok(record) => Ok(say(options, directory(&run)?, &record)),
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
    if limits.signal() != Signal::Finish {
        directory.remove("checkpoint")?; // nothing is left to go on from
    }
    Ok(record)
}

fn begin(options: &TrainArgs) -> Result<Run, CliError> {
    let mut flags = options.config.flags();
    flags.train = options.train.clone();
    if let Some(path) = &options.resume {
        return Run::resume("train", flags, path);
    }
    let mut config = Config::resolve(flags, options.config.config.as_deref())?;
    config.train.method = Some(config.train.method().to_string());
    Run::new("train", config, Some(&options.out))
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

fn say(options: &TrainArgs, directory: &RunDirectory, record: &TrainRecord) -> String {
    let model = directory.file("model.safetensors");
    if !options.json {
        let text = torso_report::train_terminal(record, output::width(), output::color());
        let report = output::report_line(Some(&directory.file("report.html")));
        return format!("{text}\nmodel: {}\n{report}", model.display());
    }
    let object = json!({
        "schema": "torso.train/1",
        "method": record.method,
        "status": record.status,
        "seconds": record.seconds,
        "tasks": record.tasks,
        "epochs": record.epochs,
        "best_epoch": record.best_epoch,
        "objective": null, // for methods with an objective to converge on
        "residual": null,
        "iterations": null,
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
        options: method.into_iter().chain(n_rows).chain(output::options(run)).collect(),
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
