//! `torso man`: the manual's page of the program, or of one command.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::{Cli, ManArgs};
use crate::error::{CliError, Kind, nearest};

pub(crate) fn run(options: &ManArgs) -> Result<String, CliError> {
    // A page for `torso help` would say nothing.
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let command = match &options.command {
        Some(name) => program.find_subcommand(name).ok_or_else(|| unknown(name, &program))?,
        None => &program,
    };
    let failed = |why: String| CliError::new(Kind::Run, format!("cannot write the page: {why}"));
    let page = page(command.clone()).map_err(|error| failed(error.to_string()))?;
    String::from_utf8(page).map_err(|error| failed(error.to_string()))
}

fn page(command: Command) -> io::Result<Vec<u8>> {
    let details = command.get_after_help().map(ToString::to_string);
    let mut page = Vec::new();
    Man::new(command.after_help(None))
        .date(" ") // none, so that pages repeat; an empty one would put the next part in its place
        .source(concat!("torso ", env!("CARGO_PKG_VERSION")))
        .manual("Torso Manual")
        .render(&mut page)?;
    if let Some(details) = details {
        // Its columns are laid out by hand, so lines stay as they are.
        let mut roff = Roff::new();
        roff.control("SH", ["NOTES"]).control("nf", []);
        for line in details.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
        roff.to_writer(&mut page)?;
    }
    Ok(page)
}

fn unknown(name: &str, program: &Command) -> CliError {
    let known: Vec<String> =
        program.get_subcommands().map(|command| command.get_name().to_string()).collect();
    let hint = match nearest(name, &known) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("commands are {}", known.join(", ")),
    };
    CliError::new(Kind::Usage, format!("no such command: `{name}`")).hint(hint)
}
