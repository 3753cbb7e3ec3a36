//! The command line: commands, options and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::commands::predict::form::Format;
use crate::config::{
    CompareConfig, Config, DataConfig, Delimiter, Labels, SplitConfig, TrainConfig, TrainingConfig,
    nested,
};

/// Learn several tasks together, and see, task by task, whether it helped.
#[derive(Parser)]
#[command(version, about, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Learn the tasks apart and together, and say whether together was better
    Compare(Box<CompareArgs>),
    /// Train one model, and score it on rows that it did not see
    Train(Box<TrainArgs>),
    /// Predict the rows of a table with a trained model; labels are not needed
    #[command(after_help = PREDICT_OUTPUT)]
    Predict(PredictArgs),
    /// Score a trained model on a table with labels
    Evaluate(EvaluateArgs),
    /// Write a first torso.toml for a table, with types, likely targets and the reasons
    Init(Box<InitArgs>),
    /// Check a table, and a config with it: labels, overlap, duplicates, leaks
    Check(Box<CheckArgs>),
    /// List the methods that Torso knows
    List(ListArgs),
    /// Say all about one method: formula, parameters, cost, reference
    Explain(ExplainArgs),
    /// Run one balancing method on a Jacobian, a Gramian or losses, given as JSON on stdin
    #[command(after_help = BALANCE_INPUT)]
    Balance(BalanceArgs),
    /// Write the report of a recorded run again: a page, Markdown, JSON or pictures
    Report(ReportArgs),
    /// Print what a shell needs to complete commands and options
    #[command(after_help = COMPLETIONS_INSTALL)]
    Completions(CompletionsArgs),
    /// Print the page of the manual for Torso or for one command
    #[command(after_help = MAN_INSTALL)]
    Man(ManArgs),
}

/// What the commands that learn take: a file, and flags over it.
#[derive(Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub(crate) data: DataConfig,
    /// A file with these options, as `torso init` writes it; flags go before it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Splits")]
    pub(crate) split: SplitConfig,
    #[command(flatten, next_help_heading = "Training")]
    pub(crate) training: TrainingConfig,
    /// A setting of networks (lr=0.01), of linear methods (lambda=400), or of one method
    /// (uncertainty.lr=0.1); repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub(crate) settings: Vec<(String, Value)>,
}

impl ConfigArgs {
    /// What the flags say, without the file.
    pub(crate) fn flags(&self) -> Config {
        Config {
            data: self.data.clone(),
            split: self.split.clone(),
            training: self.training,
            set: nested(&self.settings),
            ..Config::default()
        }
    }
}

#[derive(Args)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten, next_help_heading = "Arms")]
    pub(crate) compare: CompareConfig,
    /// Where the report goes [default: report.html; none with --json]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) report: Option<PathBuf>,
    /// A directory for the record of the run and its report; a stopped run goes on from it
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Go on with a run that was stopped, with its options
    #[arg(long, value_name = "DIR", help_heading = "Output", conflicts_with_all = ["out", "config"])]
    pub(crate) resume: Option<PathBuf>,
    /// Print one JSON object instead of tables
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Fail unless every arm (or ARM/) says this of the task: [ARM/]TASK:helps
    #[arg(long, value_name = "TASK:VERDICT", help_heading = "Output")]
    pub(crate) require: Vec<String>,
}

#[derive(Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten, next_help_heading = "Model")]
    pub(crate) train: TrainConfig,
    /// A directory for the model, its record and its report
    #[arg(long, value_name = "DIR", default_value = "run", help_heading = "Output")]
    pub(crate) out: PathBuf,
    /// Go on with a training that was stopped, with its options
    #[arg(long, value_name = "DIR", help_heading = "Output", conflicts_with_all = ["out", "config"])]
    pub(crate) resume: Option<PathBuf>,
    /// A file for the coefficients of a linear model, in the units of the table
    #[arg(long, value_name = "FILE.csv", help_heading = "Output")]
    pub(crate) coef: Option<PathBuf>,
    /// Seconds between two checkpoints; 0: after every epoch
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, help_heading = "Output")]
    pub(crate) checkpoint_every: f64,
    /// Print one JSON object instead of a table
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// What `torso predict` writes.
const PREDICT_OUTPUT: &str = "\
Output: a row for each row of the table, in its order
  regression   TASK: the prediction, in the unit of the labels
  classes      TASK: the likeliest class; TASK=CLASS: the probability of each class
  groups       a column named after the target; where the model does not know the group, the
               prediction of the mean of its tasks if it has one, else empty
Columns of the table come first where --keep names them; none if it is not given. Numbers have at
most 12 significant digits, of which a network knows about 7. With .jsonl, a row is a JSON object.";

#[derive(Args)]
pub(crate) struct PredictArgs {
    /// A trained model: the directory given to `torso train --out`, or its model.safetensors
    pub(crate) model: PathBuf,
    /// A table (.csv, .tsv or .csv.gz) or IDX images, or - for stdin
    pub(crate) data: PathBuf,
    /// Where the predictions go; stdout if not given
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The form of the output; follows from the file's extension if not given
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Columns of the table that are copied, such as an id
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) keep: Vec<String>,
    /// Replace a file that is there already
    #[arg(long, requires = "output")]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) stream: StreamArgs,
    /// Print a summary as one JSON object (with -o)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct EvaluateArgs {
    /// A trained model: the directory given to `torso train --out`, or its model.safetensors
    pub(crate) model: PathBuf,
    /// A table with labels (.csv, .tsv or .csv.gz) or IDX images, or - for stdin
    pub(crate) data: PathBuf,
    /// Labels of IDX images, an IDX file; named as the file if without NAME=; repeatable
    #[arg(long, value_name = "NAME=FILE")]
    pub(crate) labels: Vec<Labels>,
    /// Keys the resamples behind the intervals
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) stream: StreamArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a table is read for a model.
#[derive(Args)]
pub(crate) struct StreamArgs {
    /// Further spellings of a missing cell, beside those that the model was trained with
    #[arg(long, value_delimiter = ',', value_name = "TEXTS")]
    pub(crate) missing: Vec<String>,
    /// The character between cells; found out if not given
    #[arg(long, value_name = "CHARACTER")]
    pub(crate) delimiter: Option<Delimiter>,
    /// Threads; all cores if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
}

#[derive(Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) data: DataConfig,
    /// Where the config goes; another file that is there is left alone
    #[arg(short, long, value_name = "FILE", default_value = "torso.toml")]
    pub(crate) output: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten, next_help_heading = "Arms")]
    pub(crate) compare: CompareConfig,
    #[command(flatten, next_help_heading = "Model")]
    pub(crate) train: TrainConfig,
    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print the JSON Schema of torso.toml, and check nothing
    #[arg(long, help_heading = "Output")]
    pub(crate) schema: bool,
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// Only this family
    #[arg(value_parser = ["encoder", "sharing", "balance", "linear", "bayes", "auxiliary", "affinity"])]
    pub(crate) family: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ExplainArgs {
    /// The method's id
    pub(crate) method: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `torso balance` reads.
const BALANCE_INPUT: &str = "\
Input, as JSON on stdin: an object, or a list of them as {\"steps\": [...]}
  {\"jacobian\": [[-4, 1, 1], [6, 1, 1]]}   a row for each task, or
  {\"gramian\": [[18, -22], [-22, 38]]}     the products of these rows, or
  {\"losses\": [0.3, 1.2]}                  1 if not given beside gradients; null is a task
                                          without a label in the step
and besides, for methods that ask for it
  \"losses_after\": [...]   the losses after the step
  \"cross\": [[...]]        products of the gradients of two independent batches
  \"epoch\": 0              the number of the step if not given";

#[derive(Args)]
pub(crate) struct BalanceArgs {
    /// The method's id
    pub(crate) method: String,
    /// A parameter of the method; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub(crate) settings: Vec<(String, Value)>,
    /// Keys the draws of random methods
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub(crate) seed: u64,
    /// Print JSON: an object, or a list of them for steps
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ReportArgs {
    /// A run: the directory given to --out, or its run.json
    pub(crate) run: PathBuf,
    /// Where it goes [default: report.html for a page; Markdown and JSON are printed]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Tell it as Markdown instead of a page
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// Give the record as one JSON object instead of a page
    #[arg(long)]
    pub(crate) json: bool,
    /// A directory for the page's pictures as PNG files; the page itself only with --output
    #[arg(long, value_name = "DIR")]
    pub(crate) png: Option<PathBuf>,
}

/// Where shells look for completions.
const COMPLETIONS_INSTALL: &str = "\
Where shells look for it
  bash         torso completions bash > ~/.local/share/bash-completion/completions/torso
  zsh          torso completions zsh > ~/.zfunc/_torso    with `fpath+=~/.zfunc` before compinit
  fish         torso completions fish > ~/.config/fish/completions/torso.fish
  powershell   torso completions powershell | Out-String | Invoke-Expression    in $PROFILE";

#[derive(Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Where `man` looks for pages.
const MAN_INSTALL: &str = "\
To read a page       torso man compare | man -l -
To install one       torso man > ~/.local/share/man/man1/torso.1";

#[derive(Args)]
pub(crate) struct ManArgs {
    /// A command; the whole program if not given
    pub(crate) command: Option<String>,
}

/// `key=value`; a value that is no JSON is a text, and numbers with commas are a list.
fn parse_setting(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let parsed = serde_json::from_str(value)
        .or_else(|_| serde_json::from_str(&format!("[{value}]")))
        .unwrap_or_else(|_| Value::String(value.to_string()));
    let is_list = key == "hidden" && parsed.is_number();
    Ok((key.to_string(), if is_list { Value::Array(vec![parsed]) } else { parsed }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_are_numbers_lists_or_texts() {
        let value = |text| parse_setting(text).unwrap().1;
        assert_eq!(value("lr=0.1"), serde_json::json!(0.1));
        assert_eq!(value("hidden=32,16"), serde_json::json!([32, 16]));
        assert_eq!(value("hidden=32"), serde_json::json!([32]));
        assert_eq!(value("head=separate"), serde_json::json!("separate"));
        assert!(parse_setting("lr").is_err());
    }
}
