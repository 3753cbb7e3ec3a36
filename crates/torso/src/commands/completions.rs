//! `torso completions`: what a shell needs to complete commands and options.

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::error::{CliError, Kind};

pub(crate) fn run(options: &CompletionsArgs) -> Result<String, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "torso", &mut script);
    String::from_utf8(script).map_err(|error| CliError::new(Kind::Run, error.to_string()))
}
