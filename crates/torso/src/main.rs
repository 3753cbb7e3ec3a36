//! The `torso` command: parse, run, and turn errors into messages and exit codes.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod cli;
mod commands;
mod error;
mod files;
mod progress;
mod require;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use error::CliError;

fn main() -> ExitCode {
    let json = std::env::args().any(|argument| argument == "--json");
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() || !json => error.exit(),
        Err(error) => return CliError::from(error).report(json),
    };
    let outcome = match cli.command {
        Command::Compare(options) => commands::compare::run(&options),
        Command::List(options) => commands::list::run(&options),
        Command::Explain(options) => commands::explain::run(&options),
        Command::Balance(options) => commands::balance::run(&options),
        Command::Report(options) => commands::report::run(&options),
    };
    match outcome {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => error.report(json),
    }
}

/// Prints to stdout; a reader that went away (`torso ... | head`) is no error.
fn print(text: &str) {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
