//! How a run begins, or goes on: its options, its directory and its `run.toml`.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;
use torso_study::arm::{ArmSettings, is_linear};

use super::directory::{RECORD, RunDirectory};
use crate::config::{Config, Count, RunInfo, TrainingConfig};
use crate::error::{CliError, Kind};

/// A run with its options.
pub(crate) struct Run {
    pub(crate) config: Config,
    pub(crate) settings: ArmSettings,
    pub(crate) directory: Option<RunDirectory>,
    is_resumed: bool,
}

impl Run {
    /// Begins a run, in a directory if one is named.
    pub(crate) fn new(command: &str, config: Config, out: Option<&Path>) -> Result<Self, CliError> {
        let settings = config.arm_settings()?;
        let directory = out.map(RunDirectory::create).transpose()?;
        let mut config = config;
        config.complete();
        // A comparison has a network always: the baseline.
        if command == "compare" || !is_linear(config.train.method()) {
            config.complete_network(&settings.network)?;
        }
        config.run = Some(RunInfo {
            torso: env!("CARGO_PKG_VERSION").to_string(),
            command: command.to_string(),
            command_line: command_line(),
            blake3: None,
        });
        let run = Self { config, settings, directory, is_resumed: false };
        run.write()?;
        Ok(run)
    }

    /// Goes on with the run of a directory. Of the options, only the number of threads and the time
    /// limit can be given anew.
    pub(crate) fn resume(command: &str, flags: Config, path: &Path) -> Result<Self, CliError> {
        let allowed = TrainingConfig {
            threads: flags.training.threads,
            time_limit: flags.training.time_limit,
            ..TrainingConfig::default()
        };
        if flags != (Config { training: allowed, ..Config::default() }) {
            let message = "--resume goes on with the options that the run began with";
            return Err(CliError::new(Kind::Usage, message)
                .hint("leave all but --threads and --time-limit out"));
        }
        let directory = RunDirectory::open(path)?;
        let config = flags.over(Config::read(&directory.file("run.toml"))?);
        let found = config.run.as_ref().map_or("", |run| run.command.as_str());
        if found != command {
            let message = format!("`{}` holds a run of `torso {found}`", path.display());
            let hint = format!("go on with it by `torso {found} --resume {}`", path.display());
            return Err(CliError::new(Kind::Usage, message).hint(hint));
        }
        let settings = config.arm_settings()?;
        Ok(Self { config, settings, directory: Some(directory), is_resumed: true })
    }

    /// The record of a run that is finished, if it is: there is nothing to go on with. One that a
    /// time limit ended goes on.
    pub(crate) fn finished<R: DeserializeOwned>(
        &self,
        is_whole: impl Fn(&R) -> bool,
    ) -> Result<Option<R>, CliError> {
        let Some(directory) = &self.directory else { return Ok(None) };
        let Ok(text) = std::fs::read_to_string(directory.file(RECORD)) else { return Ok(None) };
        match serde_json::from_str(&text) {
            Ok(record) if is_whole(&record) => Ok(Some(record)),
            _ => directory.remove(RECORD).map(|()| None),
        }
    }

    /// Notes the hash of the table; refuses another table than the run began with.
    pub(crate) fn table_read(&mut self, blake3: &str) -> Result<(), CliError> {
        let Some(run) = &mut self.config.run else { return Ok(()) };
        match &run.blake3 {
            Some(known) if known != blake3 => {
                let message = "the table is not the one that the run began with";
                Err(CliError::new(Kind::Data, message)
                    .hint("put the old table back, or begin anew with another --out"))
            }
            Some(_) => Ok(()),
            None => {
                run.blake3 = Some(blake3.to_string());
                self.write()
            }
        }
    }

    /// The command line that began the run.
    pub(crate) fn command_line(&self) -> String {
        self.config.run.as_ref().map_or_else(command_line, |run| run.command_line.clone())
    }

    /// Takes back a new run that failed for a reason that would be there again: nothing is left of
    /// it. What was learned before another failure, such as a full disk, is kept.
    pub(crate) fn failed(self, error: CliError) -> CliError {
        let fails_again = matches!(error.kind, Kind::Usage | Kind::Config | Kind::Data | Kind::Fit);
        if let (Some(directory), true, false) = (self.directory, fails_again, self.is_resumed) {
            directory.discard();
        }
        error
    }

    /// What to say when the run was stopped.
    pub(crate) fn stopped(&self, what: &str) -> CliError {
        let hint = match &self.directory {
            Some(directory) => {
                let command = self.config.run.as_ref().map_or("", |run| run.command.as_str());
                format!("go on with: torso {command} --resume {}", directory.path().display())
            }
            None => "with --out DIR, what is done is kept, and --resume DIR goes on".to_string(),
        };
        CliError::new(Kind::Interrupted, what).hint(hint)
    }

    fn write(&self) -> Result<(), CliError> {
        let Some(directory) = &self.directory else { return Ok(()) };
        // These belong to a session, not to the run.
        let training = TrainingConfig { threads: None, time_limit: None, ..self.config.training };
        let mut kept = Config { training, ..self.config.clone() };
        // The run may go on from another folder than it began in.
        for path in kept.paths_mut() {
            *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
        }
        let head = "# Written by torso. It goes on from here with --resume.\n\n";
        directory.write("run.toml", format!("{head}{}", kept.to_toml()?).as_bytes())
    }
}

impl Config {
    /// Writes every default out.
    fn complete(&mut self) {
        let options = self.split.options();
        let budget = self.training.budget();
        self.split.seeds = Count::new(options.repeats as u64);
        self.split.seed = Count::new(options.seed);
        self.split.folds = Count::new(options.folds as u64);
        if self.split.splits.is_none() {
            self.split.split = self.split.rule().parse().ok();
        }
        self.training.trials = Count::new(budget.trials as u64);
        self.training.epochs = Count::new(budget.epochs as u64);
        self.training.batch = Some(crate::config::BatchRows(budget.batch));
    }

    /// Writes the defaults of the networks out.
    fn complete_network(&mut self, network: &impl serde::Serialize) -> Result<(), CliError> {
        let network = serde_json::to_value(network)
            .map_err(|error| CliError::new(Kind::Run, error.to_string()))?;
        if let Value::Object(network) = network {
            // What is not given has no form in TOML, and is the default.
            for (key, value) in network.into_iter().filter(|(_, value)| !value.is_null()) {
                self.set.entry(key).or_insert(value);
            }
        }
        Ok(())
    }
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
    let arguments = std::env::args_os().skip(1);
    let arguments: Vec<String> =
        arguments.map(|argument| quote(argument.to_string_lossy().into_owned())).collect();
    format!("torso {}", arguments.join(" "))
}
