//! The command line: commands, options and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;
use torso_core::estimator::Batch;
use torso_data::KindOverride;

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
    /// List the methods that Torso knows
    List(ListArgs),
    /// Say all about one method: formula, parameters, cost, reference
    Explain(ExplainArgs),
    /// Run one balancing method on a Jacobian, a Gramian or losses, given as JSON on stdin
    #[command(after_help = BALANCE_INPUT)]
    Balance(BalanceArgs),
    /// Write the report of a recorded run again
    Report(ReportArgs),
}

/// What to learn from.
#[derive(Args)]
pub(crate) struct DataArgs {
    /// A table: .csv, .tsv or .csv.gz; without one, the penguins that come with Torso
    pub(crate) data: Option<PathBuf>,
    /// Columns to predict, one task each
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS", conflicts_with_all = ["group", "target"])]
    pub(crate) targets: Vec<String>,
    /// Column whose every value is a task of its own (with --target)
    #[arg(long, value_name = "COLUMN", requires = "target")]
    pub(crate) group: Option<String>,
    /// Column to predict in every group
    #[arg(long, value_name = "COLUMN", requires = "group")]
    pub(crate) target: Option<String>,
    /// Columns to predict from; all others but the targets if not given
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) features: Vec<String>,
    /// Columns to leave out
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) ignore: Vec<String>,
    /// What a column is where it would be taken for something else: COLUMN=class, COLUMN=number
    #[arg(long = "kind", value_delimiter = ',', value_name = "COLUMN=KIND", value_parser = parse_kind)]
    pub(crate) kinds: Vec<(String, KindOverride)>,
    /// Column with a weight for every row in the learning; scores are not weighted
    #[arg(long, value_name = "COLUMN")]
    pub(crate) weight: Option<String>,
    /// Further spellings of a missing cell, beside the empty one, NA, NaN, null and the like
    #[arg(long, value_delimiter = ',', value_name = "TEXTS")]
    pub(crate) missing: Vec<String>,
    /// The character between cells; found out if not given
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter)]
    pub(crate) delimiter: Option<u8>,
}

/// How rows are split and how often.
#[derive(Args)]
pub(crate) struct SplitArgs {
    /// Repeats, each with its own seed
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) seeds: u32,
    /// The seed of the first repeat
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub(crate) seed: u64,
    /// Folds of each repeat
    #[arg(long, default_value_t = 5, value_name = "K", value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub(crate) folds: u32,
    /// random, group:COLUMN (whole groups to one side), time:COLUMN (test on the last),
    /// column:COLUMN (parts named in the column)
    #[arg(long, default_value = "random", value_name = "RULE", conflicts_with = "splits")]
    pub(crate) split: String,
    /// A file with columns row, rep, part: the splits to use
    #[arg(long, value_name = "FILE")]
    pub(crate) splits: Option<PathBuf>,
    /// At most so many rows for learning, validation included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) train_rows: Option<u32>,
}

/// What each training may spend.
#[derive(Args)]
pub(crate) struct BudgetArgs {
    /// Tuning trials of every arm, on validation rows; the first takes the defaults
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) trials: u32,
    /// The most passes over the training rows; validation rows stop earlier
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) epochs: u32,
    /// Rows in a step: a number, full or auto
    #[arg(long, default_value = "auto", value_name = "N", value_parser = parse_batch)]
    pub(crate) batch: Batch,
    /// A setting of the networks (lr=0.01) or of a method (uncertainty.lr=0.1); repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub(crate) settings: Vec<(String, Value)>,
    /// Trainings side by side; all cores if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
}

#[derive(Args)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Arms to compare with learning apart, such as hard+equal or pooled
    #[arg(long, value_delimiter = ',', value_name = "ARMS", help_heading = "Arms")]
    pub(crate) arms: Vec<String>,
    #[command(flatten, next_help_heading = "Splits")]
    pub(crate) split: SplitArgs,
    #[command(flatten, next_help_heading = "Training")]
    pub(crate) budget: BudgetArgs,
    /// Where the report goes [default: report.html; none with --json]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) report: Option<PathBuf>,
    /// A directory for the record of the run and its report
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Print one JSON object instead of tables
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Fail unless every arm (or ARM/) says this of the task: [ARM/]TASK:helps
    #[arg(long, value_name = "TASK:VERDICT", help_heading = "Output")]
    pub(crate) require: Vec<String>,
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
    /// Where the page goes
    #[arg(short, long, default_value = "report.html", value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Print the record as one JSON object and write no page
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_kind(text: &str) -> Result<(String, KindOverride), String> {
    let (column, kind) = text.rsplit_once('=').ok_or("expected COLUMN=class or COLUMN=number")?;
    let kind = kind.parse().map_err(|error: torso_data::TableError| error.to_string())?;
    Ok((column.to_string(), kind))
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'"' => Ok(*byte),
        b"tab" | b"\\t" => Ok(b'\t'),
        _ => Err("expected one character such as `;` or `tab`".to_string()),
    }
}

fn parse_batch(text: &str) -> Result<Batch, String> {
    match text {
        "full" => Ok(Batch::Full),
        "auto" => Ok(Batch::Auto),
        _ => match text.parse() {
            Ok(rows) if rows > 0 => Ok(Batch::Rows(rows)),
            _ => Err("expected a number of rows, `full` or `auto`".to_string()),
        },
    }
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
        assert_eq!((parse_delimiter(";"), parse_delimiter("tab")), (Ok(b';'), Ok(b'\t')));
        assert!(parse_delimiter("ab").is_err() && parse_delimiter("a").is_err());
        assert_eq!(parse_kind("a=b=class"), Ok(("a=b".to_string(), KindOverride::Class)));
        assert!(parse_kind("a=text").is_err() && parse_kind("a").is_err());
        assert!(parse_batch("0").is_err() && parse_batch("all").is_err());
    }
}
