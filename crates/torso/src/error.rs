//! Errors as a user meets them: what, where, a hint, and an exit code.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use torso_core::data::DataError;
use torso_core::estimator::FitError;
use torso_core::split::SplitError;
use torso_data::TableError;
use torso_linear::SettingError;
use torso_study::arm::{ArmError, is_linear, known_ids};
use torso_study::compare::CompareError;
use torso_study::train::TrainError;

use crate::output::tell;
use crate::run::limits::INTERRUPTED_EXIT;

/// What kind of thing went wrong; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Usage,
    Config,
    Data,
    Run,
    /// A training failed, and would fail again.
    Fit,
    /// Ctrl-C; what is done is kept.
    Interrupted,
}

/// An error with everything that is said about it.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) place: Option<String>,
    pub(crate) hint: Option<String>,
}

impl CliError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: None, hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn place(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    pub(crate) fn cannot_write(path: &Path, error: &std::io::Error) -> Self {
        Self::new(Kind::Run, format!("cannot write `{}`: {error}", path.display()))
            .place(path.display().to_string())
            .hint("name a place that exists and can be written with --report or --out")
    }

    pub(crate) fn foreign_file(path: &Path) -> Self {
        let message = format!("`{}` was not written by Torso and is left alone", path.display());
        Self::new(Kind::Run, message)
            .place(path.display().to_string())
            .hint("name another file with --report, or move this one away")
    }

    pub(crate) fn foreign_directory(path: &Path) -> Self {
        let message = format!("`{}` holds files of somebody else, and no run", path.display());
        Self::new(Kind::Run, message)
            .place(path.display().to_string())
            .hint("name a directory of its own with --out")
    }

    /// Says it (on stderr, or as JSON on stdout too) and gives the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        let mut text = format!("error: {}", self.message);
        if let Some(place) = &self.place {
            let _ = write!(text, "\n  at: {place}");
        }
        if let Some(hint) = &self.hint {
            let _ = write!(text, "\nhint: {hint}");
        }
        tell(&text);
        let (kind, code) = match self.kind {
            Kind::Usage => ("usage", 2),
            Kind::Config => ("config", 2),
            Kind::Data => ("data", 3),
            Kind::Run | Kind::Fit => ("run", 1),
            Kind::Interrupted => ("interrupted", INTERRUPTED_EXIT),
        };
        if json {
            let object = json!({
                "schema": "torso.error/1",
                "kind": kind,
                "message": self.message,
                "hint": self.hint,
                "where": self.place,
            });
            let _ = writeln!(std::io::stdout().lock(), "{object}");
        }
        ExitCode::from(code)
    }
}

impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        let text = error.to_string();
        let message = text.strip_prefix("error: ").unwrap_or(&text);
        let (message, rest) = message.split_once("\n\n").unwrap_or((message, ""));
        let tip = rest.lines().find_map(|line| line.trim().strip_prefix("tip: "));
        Self::new(Kind::Usage, message.trim())
            .hint(tip.unwrap_or("`torso --help` shows what there is"))
    }
}

impl From<TableError> for CliError {
    fn from(error: TableError) -> Self {
        let kind = match &error {
            TableError::SplitSpec { .. }
            | TableError::TwoRoles { .. }
            | TableError::ListedTwice { .. }
            | TableError::LabelFile { .. }
            | TableError::NoTargets => Kind::Usage,
            _ => Kind::Data,
        };
        // Messages begin with the place, which is said on a line of its own here.
        let (text, place) = (error.to_string(), error.place().map(|place| place.to_string()));
        let prefix = place.as_ref().map(|place| format!("{place}: "));
        let short = prefix.as_deref().and_then(|prefix| text.strip_prefix(prefix));
        let message = short.unwrap_or(&text);
        Self { hint: error.hint(), place, ..Self::new(kind, message) }
    }
}

impl From<DataError> for CliError {
    fn from(error: DataError) -> Self {
        Self::new(Kind::Data, error.to_string())
    }
}

impl From<SplitError> for CliError {
    fn from(error: SplitError) -> Self {
        let hint = match &error {
            SplitError::TooFewRows { .. } => "use fewer --folds, or more rows",
            SplitError::TooFewGroups { .. } => "use fewer --folds",
            SplitError::NoLabels { .. } => {
                "use fewer --folds, another --split, or leave this task out of --targets"
            }
            _ => "see `torso compare --help` for other ways to split",
        };
        Self::new(Kind::Data, error.to_string()).hint(hint)
    }
}

impl From<ArmError> for CliError {
    fn from(error: ArmError) -> Self {
        let message = error.to_string();
        match error {
            ArmError::Unknown { id } => {
                let hint = nearest(&id, &known_ids()).map_or_else(
                    || {
                        "an arm is apart, pooled, SHARING+BALANCE or a linear method: `torso list` \
                         shows them"
                            .to_string()
                    },
                    |known| format!("did you mean `{known}`?"),
                );
                Self::new(Kind::Usage, message).hint(hint)
            }
            ArmError::Unusable { known, .. } => Self::new(Kind::Config, message)
                .hint(format!("its settings are {}", known.join(", "))),
            ArmError::Linear(
                SettingError::Form { method, .. } | SettingError::Range { method, .. },
            ) if is_linear(method) => Self::new(Kind::Config, message)
                .hint(format!("`torso explain {method}` shows its parameters")),
            ArmError::Twice { .. } => Self::new(Kind::Usage, message).hint("name each arm once"),
            ArmError::PooledColumns => Self::new(Kind::Usage, message)
                .hint("give --group and --target, or leave `pooled` out of --arms"),
            _ => Self::new(Kind::Config, message)
                .hint("`torso compare --help` shows the form of --set"),
        }
    }
}

impl From<CompareError> for CliError {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Split(error) => error.into(),
            CompareError::Refused { ref source, .. } => {
                refused_or_failed(source, error.to_string())
            }
            CompareError::Run(ref failed) => refused_or_failed(&failed.source, error.to_string()),
            error => Self::new(Kind::Run, error.to_string()),
        }
    }
}

impl From<TrainError> for CliError {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Split(error) => error.into(),
            TrainError::Fit(error) => refused_or_failed(&error, error.to_string()),
            error => Self::new(Kind::Run, error.to_string()),
        }
    }
}

/// A fit that its settings forbid, or one that went wrong.
fn refused_or_failed(source: &FitError, message: String) -> CliError {
    match source {
        FitError::Settings { method, .. } => CliError::new(Kind::Config, message)
            .hint(format!("`torso explain {method}` shows its parameters")),
        FitError::Unsuitable { .. } => {
            CliError::new(Kind::Config, message).hint("take another arm, or change --set")
        }
        _ => CliError::new(Kind::Fit, message)
            .hint("a smaller learning rate may help: --set lr=0.001"),
    }
}

/// The known name that is most like `name`, if one is like it at all.
pub(crate) fn nearest(name: &str, known: &[String]) -> Option<String> {
    let like = |other: &String| strsim::jaro_winkler(name, other);
    let best = known.iter().max_by(|a, b| like(a).total_cmp(&like(b)))?;
    (like(best) > 0.75).then(|| best.clone())
}
