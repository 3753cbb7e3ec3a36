//! Settings of arms, as `--set key=value` gives them, and which arm reads which.
//!
//! A key without a dot reaches every arm that has it: the networks, and each linear method; that of
//! a sharing architecture, a balancing or a linear method alone is `METHOD.key`, which goes before.

use serde::de::Error as _;
use serde_json::{Map, Value};
use torso_core::estimator::Estimator;
use torso_deep::settings::NetworkSettings;
use torso_linear::FitSettings;

use super::ArmError;
use super::linear::LinearArm;

/// The key that networks (a regression's loss) and linear methods (its scale) both have; the value
/// tells which is meant.
const LOSS: &str = "loss";
const LOSSES: &[&str] = &["squared", "huber", "sum", "mean"];

/// The settings of all arms of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmSettings {
    /// Settings of the networks.
    pub network: NetworkSettings,
    /// Whether linear models have intercepts.
    pub intercept: bool,
    /// Whether linear methods divide the labels of regressions by their standard deviation.
    pub standardize: bool,
    /// Settings of all linear methods that have them.
    linear: Map<String, Value>,
    /// An object for each method with settings of its own.
    own: Map<String, Value>,
}

impl Default for ArmSettings {
    fn default() -> Self {
        let (network, linear, own) = (NetworkSettings::default(), Map::new(), Map::new());
        Self { network, intercept: true, standardize: true, linear, own }
    }
}

impl ArmSettings {
    /// Reads settings given as (key, value).
    pub fn parse(pairs: &[(String, Value)]) -> Result<Self, ArmError> {
        let mut settings = Self::default();
        let (mut network, mut fit) = (Map::new(), Map::new());
        for (key, value) in pairs {
            if let Some((method, name)) = key.split_once('.') {
                settings.put_own(method, name, value)?;
                continue;
            }
            let (is_network, is_linear) = readers(key, value)?;
            let put = |map: &mut Map<String, Value>| map.insert(key.clone(), value.clone());
            if is_network {
                put(&mut network);
            }
            if is_linear {
                put(&mut settings.linear);
            }
            if is_linear && LinearArm::all().any(|arm| arm.has_fit_setting(key)) {
                put(&mut fit);
            }
        }
        FitSettings::parse(&fit)?;
        settings.network =
            serde_json::from_value(Value::Object(network)).map_err(ArmError::Settings)?;
        settings.network.check()?;
        Ok(settings)
    }

    fn put_own(&mut self, method: &str, name: &str, value: &Value) -> Result<(), ArmError> {
        let is_known = torso_balance::find(method).is_some()
            || torso_deep::sharing::find(method).is_some()
            || LinearArm::find(method).is_some();
        if !is_known {
            return Err(ArmError::UnknownSetting { key: format!("{method}.{name}") });
        }
        let own = self.own.entry(method).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(own) = own {
            own.insert(name.to_string(), value.clone());
        }
        Ok(())
    }

    /// Whether a setting with this value is one of linear methods.
    pub fn is_for_linear(&self, key: &str, value: &Value) -> bool {
        match key.split_once('.') {
            Some((method, _)) => LinearArm::find(method).is_some(),
            None => self.linear.get(key) == Some(value),
        }
    }

    /// The parameters of a sharing architecture or a balancing method.
    pub(super) fn of_method(&self, id: &str) -> Map<String, Value> {
        self.own.get(id).and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// A linear method with its settings.
    pub(super) fn linear(&self, arm: LinearArm) -> Result<Box<dyn Estimator>, ArmError> {
        let for_all = self.linear.iter().filter(|(key, _)| arm.reads(key));
        let own = self.own.get(arm.method().id).and_then(Value::as_object);
        let (mut parameters, mut fit) = (Map::new(), Map::new());
        for (key, value) in for_all.chain(own.into_iter().flatten()) {
            let map = if arm.has_fit_setting(key) { &mut fit } else { &mut parameters };
            map.insert(key.clone(), value.clone());
        }
        let (intercept, standardize) = (self.intercept, self.standardize);
        let fit = FitSettings { intercept, standardize, ..FitSettings::parse(&fit)? };
        Ok(arm.build(&parameters, fit)?)
    }
}

/// Refuses a setting that the arm `id` cannot use. Settings of sharing architectures and balancing
/// methods pass for every network.
pub fn check_use(id: &str, key: &str, value: &Value) -> Result<(), ArmError> {
    let linear = LinearArm::find(id);
    let can_use = match (linear, key.split_once('.')) {
        (Some(arm), None) => arm.reads(key),
        (Some(arm), Some((method, name))) => method == id && arm.reads(name),
        (None, None) => network_keys().iter().any(|known| known == key),
        (None, Some((method, _))) => LinearArm::find(method).is_none(),
    };
    if !can_use {
        let known = linear.map_or_else(network_keys, LinearArm::keys);
        return Err(ArmError::Unusable { id: id.to_string(), key: key.to_string(), known });
    }
    let (of_networks, of_linear) = LOSSES.split_at(2);
    let losses = if linear.is_some() { of_linear } else { of_networks };
    if key == LOSS && !losses.iter().any(|known| value == known) {
        return Err(unknown_loss(value, losses));
    }
    Ok(())
}

/// Every key without a dot: of networks and of linear methods.
pub fn known_keys() -> Vec<String> {
    let mut keys = network_keys();
    keys.extend(LinearArm::all().flat_map(LinearArm::keys));
    keys.sort();
    keys.dedup();
    keys
}

/// Whether networks and whether linear methods read a key with this value.
fn readers(key: &str, value: &Value) -> Result<(bool, bool), ArmError> {
    if key == LOSS {
        return match LOSSES.iter().position(|known| value == known) {
            Some(at) => Ok((at < 2, at >= 2)),
            None => Err(unknown_loss(value, LOSSES)),
        };
    }
    let is_network = network_keys().iter().any(|known| known == key);
    let is_linear = LinearArm::all().any(|arm| arm.reads(key));
    if is_network || is_linear {
        return Ok((is_network, is_linear));
    }
    Err(ArmError::UnknownKey { key: key.to_string() })
}

fn unknown_loss(value: &Value, known: &'static [&'static str]) -> ArmError {
    let found = value.as_str().map_or_else(|| value.to_string(), String::from);
    ArmError::Settings(serde_json::Error::unknown_variant(&found, known))
}

fn network_keys() -> Vec<String> {
    let written = serde_json::to_value(NetworkSettings::default()).unwrap_or_default();
    written.as_object().map(|keys| keys.keys().cloned().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
