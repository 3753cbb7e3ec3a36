//! What a config file says that is well formed and yet wrong: keys that contradict each other, arms
//! and settings that do not exist.

use serde_json::{Map, Value};
use torso_balance::{BalanceError, LossForm, Setup};
use torso_core::data::Layout;
use torso_core::method::{Family, Method};
use torso_core::seed::Seed;
use torso_linear::SettingError;
use torso_study::arm::{self, ArmError, ArmSettings, known_keys};

use super::source::{Complaint, SEE_DOCS};
use super::{Config, is_config};
use crate::error::{CliError, Kind, nearest};

/// What is wrong, and the key where it stands.
pub(super) struct Fault {
    pub(super) path: Vec<String>,
    pub(super) error: CliError,
}

impl Fault {
    fn new(path: &[&str], message: String, hint: impl Into<String>) -> Self {
        let path = path.iter().map(ToString::to_string).collect();
        Self { path, error: CliError::new(Kind::Config, message).hint(hint) }
    }

    /// The first fault of a config.
    pub(super) fn of(config: &Config) -> Option<Self> {
        contradiction(config).or_else(|| unknown_arm(config)).or_else(|| wrong_setting(config))
    }
}

fn contradiction(config: &Config) -> Option<Fault> {
    let (data, split) = (&config.data, &config.split);
    let both = |table: &str, one: &str, other: &str| {
        let message = format!("`{one}` and `{other}` contradict each other");
        Some(Fault::new(&[table, other], message, "leave one of them out"))
    };
    let alone = |one: &str, other: &str| {
        let message = format!("expected `{other}` beside `{one}`");
        let hint = format!("add {other} = \"COLUMN\" to [data]");
        Some(Fault::new(&["data", one], message, hint))
    };
    if let Some(path) = data.path.as_deref().filter(|path| is_config(path)) {
        let message = format!("expected `data.path` to be a table, found `{}`", path.display());
        return Some(Fault::new(&["data", "path"], message, "name a .csv, .tsv or .csv.gz file"));
    }
    match (&data.group, &data.target) {
        (Some(_), _) if !data.targets.is_empty() => return both("data", "targets", "group"),
        (_, Some(_)) if !data.targets.is_empty() => return both("data", "targets", "target"),
        (Some(_), None) => return alone("group", "target"),
        (None, Some(_)) => return alone("target", "group"),
        _ => {}
    }
    if split.split.is_some() && split.splits.is_some() {
        return both("split", "split", "splits");
    }
    None
}

fn unknown_arm(config: &Config) -> Option<Fault> {
    let arms = config.compare.arms.iter().map(|id| (["compare", "arms"], id));
    let method = config.train.method.iter().map(|id| (["train", "method"], id));
    let settings = ArmSettings::default();
    arms.chain(method).find_map(|(path, id)| {
        // With groups every arm exists.
        let error = arm::parse(id, Layout::Groups, &settings).err()?;
        let error = CliError { kind: Kind::Config, ..error.into() };
        Some(Fault { path: path.map(String::from).to_vec(), error })
    })
}

fn wrong_setting(config: &Config) -> Option<Fault> {
    let settings = config.settings();
    let alone = |(key, value): &(String, Value)| {
        let path: Vec<&str> = std::iter::once("set").chain(key.splitn(2, '.')).collect();
        match ArmSettings::parse(&[(key.clone(), value.clone())]) {
            Err(error) => Some(refused(&path, value, error)),
            Ok(_) => of_method(&path, value),
        }
    };
    settings.iter().find_map(alone).or_else(|| {
        let error = ArmSettings::parse(&settings).err()?;
        Some(Fault::new(&["set"], error.to_string(), "leave one of them out"))
    })
}

/// Refuses settings that an arm, the only one of a run, cannot use.
pub(crate) fn check_use(id: &str, settings: &[(String, Value)]) -> Result<(), CliError> {
    settings.iter().try_for_each(|(key, value)| {
        arm::check_use(id, key, value)
            .map_err(|error| refused(&["set", key.as_str()], value, error).error)
    })
}

fn refused(path: &[&str], value: &Value, error: ArmError) -> Fault {
    match error {
        ArmError::Unusable { .. } => {
            let path = path.iter().map(ToString::to_string).collect();
            Fault { path, error: error.into() }
        }
        ArmError::UnknownKey { key } => {
            let message = format!("there is no `{key}` in [set]");
            Fault::new(path, message, did_you_mean(&key, &known_keys(), SEE_DOCS))
        }
        ArmError::UnknownSetting { .. } => {
            let has_settings = |m: &&Method| matches!(m.family, Family::Balance | Family::Linear);
            let methods = arm::methods().into_iter().filter(has_settings);
            let ids: Vec<String> = methods.map(|method| method.id.to_string()).collect();
            let hint = did_you_mean(path[1], &ids, "`torso list` shows the methods");
            Fault::new(&path[..2], format!("there is no method `{}`", path[1]), hint)
        }
        ArmError::Settings(error) => complaint(path, value, &error.to_string(), SEE_DOCS),
        ArmError::Linear(error) => of_linear(path, value, &error, SEE_DOCS),
        other => Fault::new(path, other.to_string(), SEE_DOCS),
    }
}

/// What a method says of one of its parameters.
fn of_method(path: &[&str], value: &Value) -> Option<Fault> {
    let &[_, method, key] = path else { return None };
    let see = format!("`torso explain {method}` shows its parameters");
    if arm::is_linear(method) {
        let settings = ArmSettings::parse(&[(format!("{method}.{key}"), value.clone())]).ok()?;
        return match arm::parse(method, Layout::Groups, &settings) {
            Err(ArmError::Linear(error)) => Some(of_linear(path, value, &error, &see)),
            _ => None,
        };
    }
    let entry = torso_balance::find(method)?;
    let own = Map::from_iter([(key.to_string(), value.clone())]);
    let forms = [LossForm::Squared; 2];
    let setup = Setup { forms: &forms, settings: &own, trial: 0, seed: Seed(0) };
    match (entry.build)(&setup).err()? {
        BalanceError::Settings { source, .. } => {
            Some(complaint(path, value, &source.to_string(), &see))
        }
        error @ BalanceError::OutOfRange { .. } => Some(Fault::new(path, error.to_string(), see)),
        // Whether it fits together is seen where the tasks and all parameters are known.
        _ => None,
    }
}

/// What a linear method says of a setting.
fn of_linear(path: &[&str], value: &Value, error: &SettingError, see: &str) -> Fault {
    match error {
        SettingError::Form { message, .. } => complaint(path, value, message, see),
        other => Fault::new(path, other.to_string(), see),
    }
}

/// A message of serde in our words.
fn complaint(path: &[&str], value: &Value, message: &str, see: &str) -> Fault {
    match Complaint::of(message) {
        Complaint::UnknownKey { key, known } => {
            let table = path[..path.len() - 1].join(".");
            let message = format!("there is no `{key}` in [{table}]");
            Fault::new(path, message, did_you_mean(&key, &known, see))
        }
        Complaint::Expected { what, near } => {
            let key = path.join(".");
            let message = format!("expected `{key}` to be {what}, found {value}");
            Fault::new(path, message, near.unwrap_or_else(|| see.to_string()))
        }
        Complaint::Other(message) => Fault::new(path, message, see),
    }
}

fn did_you_mean(name: &str, known: &[String], otherwise: &str) -> String {
    nearest(name, known)
        .map_or_else(|| otherwise.to_string(), |name| format!("did you mean `{name}`?"))
}
