//! Tuning: a few trials around the given settings, chosen among on validation rows.

use rand::RngExt;
use torso_core::estimator::FitError;
use torso_core::seed::Seed;

use crate::settings::NetworkSettings;
use crate::trainer::{Recipe, Trained};

/// The recipe of a trial: the given one first, then draws around it. Every arm draws the same, so
/// that what an arm gains is not luck in the draw.
pub(crate) fn trial_recipe(given: &Recipe, seed: Seed, trial: usize) -> Recipe {
    if trial == 0 {
        return given.clone();
    }
    let mut stream = seed.stream("trial", "", trial as u64);
    let mut factor = |spread: f64| spread.powf(stream.random_range(-1.0..1.0));
    let (lr, weight_decay, deviation) = (factor(3.0), factor(10.0), factor(10.0));
    let settings = &given.settings;
    let dropout = [settings.dropout, 0.1, 0.25][stream.random_range(0..3)];
    let settings = NetworkSettings {
        lr: settings.lr * lr,
        weight_decay: settings.weight_decay * weight_decay,
        deviation: settings.deviation * deviation,
        dropout,
        ..settings.clone()
    };
    let mut own = given.own.clone();
    for &(name, spread) in given.sharing.tuned {
        let mut stream = seed.stream("trial", name, trial as u64);
        let factor = spread.powf(stream.random_range(-1.0..1.0));
        own.insert(name.to_string(), (own_number(given, name) * factor).into());
    }
    Recipe { own, settings, ..given.clone() }
}

/// A numeric setting of the architecture, or its default.
pub(crate) fn own_number(recipe: &Recipe, name: &str) -> f64 {
    let given = recipe.own.get(name).and_then(serde_json::Value::as_f64);
    let parameters = recipe.sharing.method.parameters.iter();
    let default = || parameters.clone().find(|p| p.name == name)?.default.parse().ok();
    given.or_else(default).expect("what is tuned is a parameter with a number as its default")
}

/// Runs every trial and keeps the one with the best validation loss. A trial that diverges is
/// passed over, unless all do.
pub(crate) fn best_of(
    trials: usize,
    mut train: impl FnMut(usize) -> Result<Trained, FitError>,
) -> Result<Trained, FitError> {
    let mut best: Option<Trained> = None;
    let mut failure = None;
    let mut is_cut = false;
    for trial in 0..trials.max(1) {
        match train(trial) {
            Ok(mut trained) => {
                trained.trace.best_trial = trial;
                is_cut = trained.is_cut;
                if best.as_ref().is_none_or(|best| trained.validation < best.validation) {
                    best = Some(trained);
                }
            }
            Err(FitError::Stopped) => return Err(FitError::Stopped),
            Err(error) => failure = Some(error),
        }
        if is_cut {
            break; // the time is up for further trials too
        }
    }
    match (best, failure) {
        (Some(best), _) => Ok(best),
        (None, Some(failure)) => Err(failure),
        (None, None) => unreachable!("there is at least one trial"),
    }
}
