//! Every balancing method beside tuned fixed weights, on one table: the comparison of `torso
//! compare`, with `hard+tuned` for its baseline. Prints a Markdown table.
//!
//! `cargo run --release -p torso-study --example balance_table -- penguins`
//! `... -- sarcos FOLDER`, `emotions` and `school` likewise; FOLDER holds the data sets.
//! `--seeds N`, `--trials N`, `--epochs N`, and `--set key=value` for the networks.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints its findings")]

use std::error::Error;
use std::path::Path;

use torso_core::data::TaskData;
use torso_core::estimator::{Batch, Budget};
use torso_core::record::{ArmResult, Verdict};
use torso_core::split::{SplitOptions, SplitRule};
use torso_data::{PreprocessOptions, ReadOptions, Roles, Table, Targets, read_splits, task_data};
use torso_study::arm::{ArmSettings, BASELINE, parse_all};
use torso_study::compare::{CompareOptions, compare};
use torso_study::runner::NoStore;

const TUNED: &str = "hard+tuned";

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse(std::env::args().skip(1))?;
    let (data, rule) = load(&options)?;
    let mut ids = vec![TUNED.to_string()];
    for entry in torso_balance::methods() {
        let id = format!("hard+{}", entry.method.id);
        let wanted =
            options.only.is_empty() || options.only.iter().any(|only| only == entry.method.id);
        if id != TUNED && wanted {
            ids.push(id);
        }
    }
    let settings = ArmSettings::parse(&options.settings)?;
    let mut arms = parse_all(&ids, data.layout(), &settings)?;
    arms.retain(|arm| {
        let refused = arm.estimator.check(&data);
        if let Err(error) = &refused {
            println!("Left out: {error}.");
        }
        arm.id != BASELINE && refused.is_ok()
    });
    let compare_options = CompareOptions {
        rule,
        split: SplitOptions { repeats: options.seeds, ..SplitOptions::default() },
        budget: Budget { trials: options.trials, epochs: options.epochs, batch: Batch::Auto },
        preprocess: PreprocessOptions::default(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let compared =
        compare(&data, &arms, &compare_options, &NoStore, &|progress| eprint!("\r{progress:?}"))?;
    eprintln!();
    let comparison = compared.comparison;
    println!(
        "{}: {} tasks, {} repeats of {} folds, {} trials, {:.0} s\n",
        options.name,
        data.n_tasks(),
        comparison.seeds,
        comparison.folds,
        options.trials,
        comparison.seconds
    );
    println!(
        "| method | gain over `{TUNED}` in loss (95% interval) | p | overall | tasks helped / harmed |"
    );
    println!("|---|---|---|---|---|");
    let mut others: Vec<&ArmResult> = comparison.arms[1..].iter().collect();
    others.sort_by(|a, b| b.overall.loss_gain.total_cmp(&a.overall.loss_gain));
    for arm in &others {
        let said = |word| arm.tasks.iter().filter(|task| task.verdict == word).count();
        let of = &arm.overall;
        println!(
            "| {} | {:+.4} ({:+.4} to {:+.4}) | {:.3} | {} | {} / {} |",
            arm.name.trim_start_matches("hard+"),
            of.loss_gain,
            of.low,
            of.high,
            of.p,
            of.verdict.word(),
            said(Verdict::Helps),
            said(Verdict::Harms)
        );
    }
    let counted = |word| others.iter().filter(|arm| arm.overall.verdict == word).count();
    println!(
        "\n{} of {} methods are better overall, {} worse.",
        counted(Verdict::Helps),
        others.len(),
        counted(Verdict::Harms)
    );
    for note in compared.notes.iter().filter(|note| note.starts_with("hard+")) {
        println!("- {note}");
    }
    Ok(())
}

struct Options {
    name: String,
    folder: Option<String>,
    seeds: usize,
    trials: usize,
    epochs: usize,
    only: Vec<String>,
    settings: Vec<(String, serde_json::Value)>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let name = arguments.next().ok_or("expected penguins, sarcos, emotions or school")?;
        let mut options = Self {
            name,
            folder: None,
            seeds: 10,
            trials: 4,
            epochs: 200,
            only: Vec::new(),
            settings: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} expects a value"));
            match argument.as_str() {
                "--seeds" => options.seeds = value()?.parse()?,
                "--trials" => options.trials = value()?.parse()?,
                "--epochs" => options.epochs = value()?.parse()?,
                "--only" => options.only = value()?.split(',').map(String::from).collect(),
                "--set" => {
                    let pair = value()?;
                    let (key, value) = pair.split_once('=').ok_or("--set expects key=value")?;
                    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
                    options.settings.push((key.to_string(), value));
                }
                _ => options.folder = Some(argument),
            }
        }
        Ok(options)
    }
}

fn load(options: &Options) -> Result<(TaskData, SplitRule), Box<dyn Error>> {
    if options.name == "penguins" {
        let roles = Table::penguins_roles();
        return Ok((task_data(&Table::penguins(), &roles)?.data, SplitRule::Random));
    }
    let folder = Path::new(options.folder.as_deref().ok_or("expected a folder")?);
    let file = match options.name.as_str() {
        "sarcos" => "sarcos/sarcos_test.csv.gz",
        "emotions" => "mulan_ml/emotions.csv.gz",
        "school" => "school/school.csv.gz",
        other => return Err(format!("no data set `{other}`").into()),
    };
    let table = Table::read(&folder.join(file), &ReadOptions::default())?;
    let targets = if options.name == "school" {
        Targets::Groups { group: "task".to_string(), target: "y_score".to_string() }
    } else {
        let is_target = |name: &&String| name.starts_with("y_");
        Targets::Columns(table.header().iter().filter(is_target).cloned().collect())
    };
    let mut roles = Roles::new(targets);
    roles.ignore = table.header().iter().filter(|name| *name == "split").cloned().collect();
    let data = task_data(&table, &roles)?.data;
    let rule = match options.name.as_str() {
        "school" => read_splits(&folder.join("splits/school.csv.gz"), data.n_rows())?,
        _ => SplitRule::Random,
    };
    Ok((data, rule))
}
