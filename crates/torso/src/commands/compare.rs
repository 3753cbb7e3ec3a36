//! `torso compare`: the main job.

use std::io::IsTerminal;
use std::path::PathBuf;

use torso_core::data::{Layout, TaskData};
use torso_core::estimator::{Batch, Budget};
use torso_core::record::{RUN_SCHEMA, RunRecord};
use torso_core::split::{SplitOptions, SplitRule};
use torso_data::{
    Prepared, ReadOptions, Roles, SplitSpec, Table, Targets, read_splits, split_rule, task_data,
};
use torso_study::arm::{Arm, ArmSettings, default_ids, parse_all};
use torso_study::compare::{CompareOptions, compare};

use crate::cli::{CompareArgs, DataArgs};
use crate::error::{CliError, Kind};
use crate::files;
use crate::progress::Watch;
use crate::require::{check_requirements, parse_requirements};

pub(crate) fn run(options: &CompareArgs) -> Result<String, CliError> {
    let settings = ArmSettings::parse(&options.budget.settings)?;
    let requirements = parse_requirements(&options.require)?;
    let outputs = Outputs::prepare(options)?;
    let (table, prepared) = load(options)?;
    let data = &prepared.data;
    let ids =
        if options.arms.is_empty() { default_ids(data.layout()) } else { options.arms.clone() };
    let arms = parse_all(&ids, data.layout(), &settings)?;
    let compare_options = compare_options(options, &table, data)?;
    describe(&prepared);

    let watch = Watch::new(compare_options.threads);
    let outcome = compare(data, &arms, &compare_options, &|progress| watch.on(progress));
    watch.finish();
    let outcome = outcome?;

    let record = RunRecord {
        schema: RUN_SCHEMA.to_string(),
        torso: env!("CARGO_PKG_VERSION").to_string(),
        command: command_line(),
        options: option_list(options, &arms, &settings),
        about_arms: arms.iter().map(|arm| (arm.id.clone(), arm.about.clone())).collect(),
        comparison: outcome.comparison,
        curves: outcome.curves,
        balance: outcome.balance,
        notes: prepared.notes.iter().cloned().chain(outcome.notes).collect(),
    };
    outputs.write(&record)?;
    check_requirements(&requirements, &record.comparison)?;
    if options.json {
        return Ok(format!("{}\n", to_json(&record.comparison)?));
    }
    let color = std::io::stdout().is_terminal() && no_color().is_none();
    let text = torso_report::terminal(&record, terminal_width(), color);
    Ok(format!("{text}\n{}", outputs.said()))
}

/// Reads the table and makes its tasks; without a file, the penguins.
fn load(options: &CompareArgs) -> Result<(Table, Prepared), CliError> {
    let args = &options.data;
    let reserved = match options.split.split.split_once(':') {
        Some((_, column)) => vec![column.to_string()],
        None => Vec::new(),
    };
    let (table, mut roles) = match &args.data {
        None => (Table::penguins(), roles(args).unwrap_or_else(Table::penguins_roles)),
        Some(path) => {
            let read = ReadOptions { delimiter: args.delimiter, missing: args.missing.clone() };
            let table = Table::read(path, &read)?;
            let roles = roles(args).ok_or_else(|| {
                CliError::new(Kind::Usage, "expected --targets, or --group with --target")
                    .hint(format!("the columns are {}", table.header().join(", ")))
            })?;
            (table, roles)
        }
    };
    roles.reserved = reserved;
    let prepared = task_data(&table, &roles)?;
    Ok((table, prepared))
}

fn roles(args: &DataArgs) -> Option<Roles> {
    let targets = match (&args.group, &args.target) {
        (Some(group), Some(target)) => {
            Targets::Groups { group: group.clone(), target: target.clone() }
        }
        _ if args.targets.is_empty() => return None,
        _ => Targets::Columns(args.targets.clone()),
    };
    let mut roles = Roles::new(targets);
    roles.features = (!args.features.is_empty()).then(|| args.features.clone());
    roles.ignore.clone_from(&args.ignore);
    roles.weight.clone_from(&args.weight);
    roles.kinds = args.kinds.iter().cloned().collect();
    Some(roles)
}

fn compare_options(
    options: &CompareArgs,
    table: &Table,
    data: &TaskData,
) -> Result<CompareOptions, CliError> {
    let rule: SplitRule = if let Some(path) = &options.split.splits {
        read_splits(path, data.n_rows())?
    } else {
        let spec: SplitSpec = options.split.split.parse()?;
        split_rule(table, data, &spec)?
    };
    let budget = &options.budget;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok(CompareOptions {
        rule,
        split: SplitOptions {
            repeats: options.split.seeds as usize,
            folds: options.split.folds as usize,
            seed: options.split.seed,
            train_rows: options.split.train_rows.map(|rows| rows as usize),
            ..SplitOptions::default()
        },
        budget: Budget {
            trials: budget.trials as usize,
            epochs: budget.epochs as usize,
            batch: budget.batch,
        },
        threads: budget.threads.map_or_else(cores, |threads| threads as usize),
    })
}

/// Says on stderr what was read: rows kept, and the labels of each task.
fn describe(prepared: &Prepared) {
    let data = &prepared.data;
    let n_rows = data.n_rows();
    eprintln!("{}: {n_rows} rows, {} with a label", data.name(), data.labeled_rows().len());
    match data.layout() {
        Layout::Columns => {
            for task in data.tasks() {
                let labels = task.labels.len();
                let missing = 100.0 * (1.0 - labels as f64 / n_rows as f64);
                eprintln!(
                    "  {} ({}): {labels} labels, {missing:.1}% missing",
                    task.name,
                    task.kind.name()
                );
            }
        }
        Layout::Groups => {
            let sizes = || data.tasks().iter().map(|task| task.labels.len());
            let (least, most) = (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0));
            eprintln!("  {} groups of {least} to {most} labels", data.n_tasks());
        }
    }
    for note in &prepared.notes {
        eprintln!("note: {note}");
    }
}

/// The files that a run writes.
struct Outputs {
    report: Option<PathBuf>,
    directory: Option<PathBuf>,
}

impl Outputs {
    /// Checks, before any work, that every file can be written.
    fn prepare(options: &CompareArgs) -> Result<Self, CliError> {
        let report = match (&options.report, &options.out) {
            (Some(path), _) => Some(path.clone()),
            (None, Some(directory)) => Some(directory.join("report.html")),
            (None, None) if options.json => None,
            (None, None) => Some(PathBuf::from("report.html")),
        };
        if let Some(directory) = &options.out {
            std::fs::create_dir_all(directory)
                .map_err(|error| CliError::cannot_write(directory, &error))?;
            files::check_writable(&directory.join("run.json"), files::is_own_record)?;
        }
        if let Some(path) = &report {
            files::check_writable(path, torso_report::is_own)?;
        }
        Ok(Self { report, directory: options.out.clone() })
    }

    fn write(&self, record: &RunRecord) -> Result<(), CliError> {
        if let Some(directory) = &self.directory {
            files::write(&directory.join("run.json"), to_json(record)?.as_bytes())?;
        }
        if let Some(path) = &self.report {
            let html = torso_report::html(record)
                .map_err(|error| CliError::new(Kind::Run, error.to_string()))?;
            files::write(path, html.as_bytes())?;
        }
        Ok(())
    }

    fn said(&self) -> String {
        self.report
            .as_ref()
            .map_or_else(String::new, |path| format!("report: {}\n", path.display()))
    }
}

fn to_json(value: &impl serde::Serialize) -> Result<String, CliError> {
    serde_json::to_string(value).map_err(|error| CliError::new(Kind::Run, error.to_string()))
}

fn option_list(
    options: &CompareArgs,
    arms: &[Arm],
    settings: &ArmSettings,
) -> Vec<(String, String)> {
    let pair = |name: &str, value: String| (name.to_string(), value);
    let network = &settings.network;
    let ids: Vec<&str> = arms.iter().map(|arm| arm.id.as_str()).collect();
    let split = match &options.split.splits {
        Some(path) => path.display().to_string(),
        None => options.split.split.clone(),
    };
    let batch = match options.budget.batch {
        Batch::Rows(rows) => rows.to_string(),
        Batch::Full => "full".to_string(),
        Batch::Auto => "auto".to_string(),
    };
    let train_rows = options.split.train_rows.map_or("all".to_string(), |rows| rows.to_string());
    vec![
        pair("arms", ids.join(", ")),
        pair("seeds", format!("{} from {}", options.split.seeds, options.split.seed)),
        pair("folds", options.split.folds.to_string()),
        pair("split", split),
        pair("train-rows", train_rows),
        pair("trials", options.budget.trials.to_string()),
        pair("epochs", format!("at most {}", options.budget.epochs)),
        pair("batch", batch),
        pair("hidden", format!("{:?}", network.hidden)),
        pair("lr", network.lr.to_string()),
        pair("weight-decay", network.weight_decay.to_string()),
        pair("dropout", network.dropout.to_string()),
        pair("patience", network.patience.to_string()),
        pair("heads", network.heads.map_or("as the method has it".to_string(), named)),
        pair("task-gradients", named(network.task_gradients)),
        pair("equal-norm", network.equal_norm.to_string()),
    ]
}

/// A choice by the name that `--set` has for it.
fn named(choice: impl serde::Serialize) -> String {
    let json = serde_json::to_value(choice).unwrap_or_default();
    json.as_str().unwrap_or_default().to_string()
}

/// The command line, for repeating the run.
fn command_line() -> String {
    let quote = |argument: String| {
        let plain = |c: char| c.is_alphanumeric() || "-_=+,./:".contains(c);
        if !argument.is_empty() && argument.chars().all(plain) {
            argument
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    };
    let arguments: Vec<String> = std::env::args().skip(1).map(quote).collect();
    format!("torso {}", arguments.join(" "))
}

#[expect(clippy::disallowed_methods, reason = "the binary is where the environment is read")]
fn no_color() -> Option<String> {
    std::env::var("NO_COLOR").ok().filter(|value| !value.is_empty())
}

fn terminal_width() -> usize {
    let table = comfy_table::Table::new();
    table.width().map_or(100, usize::from)
}
