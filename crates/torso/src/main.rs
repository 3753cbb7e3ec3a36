//! The `torso` command: parse, run, and turn errors into messages and exit codes.

mod cli;
mod commands;
mod config;
mod error;
mod files;
mod input;
mod output;
mod progress;
mod require;
mod run;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use error::{CliError, Kind};

fn main() -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() || !json => error.exit(),
        Err(error) => return CliError::from(error).report(json),
    };
    let outcome = match cli.command {
        Command::Compare(options) => commands::compare::run(&options),
        Command::Train(options) => commands::train::run(&options),
        Command::Predict(options) => commands::predict::run(&options),
        Command::Evaluate(options) => commands::evaluate::run(&options),
        Command::Init(options) => commands::init::run(&options),
        Command::Check(options) => commands::check::run(&options),
        Command::List(options) => commands::list::run(&options),
        Command::Explain(options) => commands::explain::run(&options),
        Command::Balance(options) => commands::balance::run(&options),
        Command::Report(options) => commands::report::run(&options),
        Command::Completions(options) => commands::completions::run(&options),
        Command::Man(options) => commands::man::run(&options),
    };
    match outcome.and_then(|text| print(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(json),
    }
}

/// Prints to stdout; a reader that went away (`torso ... | head`) is no error.
fn print(text: &str) -> Result<(), CliError> {
    use std::io::{ErrorKind, Write};
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CliError::new(Kind::Run, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}
