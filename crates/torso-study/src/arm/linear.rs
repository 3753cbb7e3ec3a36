//! The linear methods as arms: those of the registry of `torso-linear`, which have coefficients, and
//! its nearest neighbors of task clusters, which have none.

use serde_json::{Map, Value};
use torso_core::estimator::Estimator;
use torso_core::method::Method;
use torso_linear::tc::{self, Tc};
use torso_linear::{FIT_SETTINGS, FitSettings, Linear, LinearEntry, SettingError, methods};

/// A linear method.
#[derive(Clone, Copy)]
pub(super) enum LinearArm {
    /// With coefficients.
    Entry(&'static LinearEntry),
    /// Nearest neighbors.
    Neighbors,
}

impl LinearArm {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        methods::methods().iter().map(|entry| Self::Entry(entry)).chain([Self::Neighbors])
    }

    pub(super) fn find(id: &str) -> Option<Self> {
        Self::all().find(|arm| arm.method().id == id)
    }

    pub(super) fn method(self) -> &'static Method {
        match self {
            Self::Entry(entry) => &entry.method,
            Self::Neighbors => &tc::METHOD,
        }
    }

    pub(super) fn has_coefficients(self) -> bool {
        matches!(self, Self::Entry(_))
    }

    /// Whether `key` is a parameter of the method itself.
    pub(super) fn has_parameter(self, key: &str) -> bool {
        self.method().parameters.iter().any(|parameter| parameter.name == key)
    }

    /// Whether `key` is a setting of its fit, which it shares with others.
    pub(super) fn has_fit_setting(self, key: &str) -> bool {
        self.has_coefficients() && !self.has_parameter(key) && FIT_SETTINGS.contains(&key)
    }

    /// Whether it reads a setting.
    pub(super) fn reads(self, key: &str) -> bool {
        self.has_parameter(key) || self.has_fit_setting(key)
    }

    /// Its settings, its own parameters first.
    pub(super) fn keys(self) -> Vec<String> {
        let own = self.method().parameters.iter().map(|parameter| parameter.name);
        let fit = FIT_SETTINGS.into_iter().filter(|key| self.has_fit_setting(key));
        own.chain(fit).map(String::from).collect()
    }

    pub(super) fn build(
        self,
        parameters: &Map<String, Value>,
        fit: FitSettings,
    ) -> Result<Box<dyn Estimator>, SettingError> {
        Ok(match self {
            Self::Entry(entry) => Box::new(Linear::new(entry, parameters, fit)?),
            Self::Neighbors => Box::new(Tc::new(parameters)?),
        })
    }
}
