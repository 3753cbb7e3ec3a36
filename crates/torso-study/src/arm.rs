//! Arms by their ids: `apart`, `pooled`, `SHARING+BALANCE`, or a sharing id alone.

use serde_json::{Map, Value};
use torso_core::data::Layout;
use torso_core::estimator::Estimator;
use torso_core::method::{Family, Method};
use torso_deep::arms::{Apart, Joint, Pooled};
use torso_deep::settings::{NetworkSettings, SettingsError};
use torso_deep::{encoder, sharing};

/// One way to learn, ready to be fitted.
pub struct Arm {
    /// The id in records.
    pub id: String,
    /// The family in records.
    pub family: Family,
    /// What it is, in a sentence.
    pub about: String,
    /// What learns.
    pub estimator: Box<dyn Estimator>,
}

/// The baseline's id.
pub const BASELINE: &str = "apart";

/// The settings that `--set key=value` gave: a network's own, and those of balancing methods as
/// `METHOD.key`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArmSettings {
    /// Settings of the networks.
    pub network: NetworkSettings,
    balance: Map<String, Value>,
}

impl ArmSettings {
    /// Reads settings given as (key, value).
    pub fn parse(pairs: &[(String, Value)]) -> Result<Self, ArmError> {
        let mut network = Map::new();
        let mut balance = Map::new();
        for (key, value) in pairs {
            match key.split_once('.') {
                None => {
                    network.insert(key.clone(), value.clone());
                }
                Some((method, name)) => {
                    if torso_balance::find(method).is_none() {
                        return Err(ArmError::UnknownSetting { key: key.clone() });
                    }
                    let own = balance.entry(method).or_insert_with(|| Value::Object(Map::new()));
                    if let Value::Object(own) = own {
                        own.insert(name.to_string(), value.clone());
                    }
                }
            }
        }
        let network: NetworkSettings =
            serde_json::from_value(Value::Object(network)).map_err(ArmError::Settings)?;
        network.check()?;
        Ok(Self { network, balance })
    }

    fn of_balance(&self, id: &str) -> Map<String, Value> {
        self.balance.get(id).and_then(Value::as_object).cloned().unwrap_or_default()
    }
}

/// The arms that a comparison runs when none are named.
pub fn default_ids(layout: Layout) -> Vec<String> {
    let ids: &[&str] = match layout {
        Layout::Columns => &["apart", "hard+equal", "hard+tuned", "hard+uncertainty"],
        Layout::Groups => &["apart", "pooled", "hard+equal", "hard+tuned", "hard+uncertainty"],
    };
    ids.iter().map(ToString::to_string).collect()
}

/// Every id that `parse` knows, for lists and hints.
pub fn known_ids() -> Vec<String> {
    let mut ids = vec!["apart".to_string(), "pooled".to_string()];
    for sharing in sharing::methods() {
        for balance in torso_balance::methods() {
            ids.push(format!("{}+{}", sharing.method.id, balance.method.id));
        }
    }
    ids
}

/// Every method that there is, by family and id.
pub fn methods() -> Vec<&'static Method> {
    let mut methods: Vec<&'static Method> = encoder::methods().to_vec();
    methods.extend(sharing::methods().iter().map(|entry| &entry.method));
    methods.extend(torso_balance::methods().iter().map(|entry| &entry.method));
    methods.sort_by_key(|method| (method.family, method.id));
    methods
}

/// The arms with these ids; the baseline comes first, and is added where it is not named.
pub fn parse_all(
    ids: &[String],
    layout: Layout,
    settings: &ArmSettings,
) -> Result<Vec<Arm>, ArmError> {
    let mut arms = vec![parse(BASELINE, layout, settings)?];
    for id in ids {
        let arm = parse(id, layout, settings)?;
        if arm.id == BASELINE {
            continue;
        }
        if arms.iter().any(|other| other.id == arm.id) {
            return Err(ArmError::Twice { id: arm.id });
        }
        arms.push(arm);
    }
    Ok(arms)
}

/// The arm with this id.
pub fn parse(id: &str, layout: Layout, settings: &ArmSettings) -> Result<Arm, ArmError> {
    let network = settings.network.clone();
    match id {
        "apart" => Ok(Arm {
            id: id.to_string(),
            family: Family::Baseline,
            about: "a network for each task, which sees no other task".to_string(),
            estimator: Box::new(Apart::new(network)),
        }),
        "pooled" if layout == Layout::Columns => Err(ArmError::PooledColumns),
        "pooled" => Ok(Arm {
            id: id.to_string(),
            family: Family::Baseline,
            about: "one network with one head for the rows of all groups, \
                    which does not know the group"
                .to_string(),
            estimator: Box::new(Pooled::new(network)),
        }),
        _ => {
            let (sharing_id, balance_id) = id.split_once('+').unwrap_or((id, "equal"));
            let unknown = || ArmError::Unknown { id: id.to_string() };
            let sharing = sharing::find(sharing_id).ok_or_else(unknown)?;
            let balance = torso_balance::find(balance_id).ok_or_else(unknown)?;
            let own = settings.of_balance(balance_id);
            let about = format!(
                "one network for all tasks: {}, {}",
                sharing.method.title, balance.method.title
            );
            let joint = Joint::new(sharing, balance, own, network);
            let estimator: Box<dyn Estimator> = Box::new(joint);
            Ok(Arm { id: estimator.id(), family: Family::Sharing, about, estimator })
        }
    }
}

/// Why arms could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArmError {
    /// No such arm.
    #[error("no such arm: `{id}`")]
    Unknown {
        /// What was asked for.
        id: String,
    },
    /// The same arm more than once.
    #[error("arm `{id}` is named twice")]
    Twice {
        /// The arm.
        id: String,
    },
    /// Pooling needs groups.
    #[error("`pooled` needs tasks that share one target: groups of rows")]
    PooledColumns,
    /// A setting of an unknown method.
    #[error("no method for the setting `{key}`")]
    UnknownSetting {
        /// The key.
        key: String,
    },
    /// A setting that is unknown or has the wrong form.
    #[error("settings: {0}")]
    Settings(serde_json::Error),
    /// A setting out of its range.
    #[error(transparent)]
    Range(#[from] SettingsError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ids(given: &[&str], layout: Layout) -> Result<Vec<String>, ArmError> {
        let given: Vec<String> = given.iter().map(ToString::to_string).collect();
        let arms = parse_all(&given, layout, &ArmSettings::default())?;
        Ok(arms.into_iter().map(|arm| arm.id).collect())
    }

    #[test]
    fn the_baseline_comes_first_and_a_sharing_id_alone_means_equal_weights() {
        assert_eq!(ids(&["hard"], Layout::Columns).unwrap(), ["apart", "hard+equal"]);
        let given = ["hard+uncertainty", "apart"];
        assert_eq!(ids(&given, Layout::Columns).unwrap(), ["apart", "hard+uncertainty"]);
        for layout in [Layout::Columns, Layout::Groups] {
            let defaults = default_ids(layout);
            let parsed = parse_all(&defaults, layout, &ArmSettings::default()).unwrap();
            assert_eq!(parsed.len(), defaults.len());
        }
    }

    #[test]
    fn what_is_no_arm_is_refused() {
        assert!(matches!(ids(&["hrad"], Layout::Columns), Err(ArmError::Unknown { .. })));
        assert!(matches!(ids(&["hard+eq"], Layout::Columns), Err(ArmError::Unknown { .. })));
        assert!(matches!(ids(&["pooled"], Layout::Columns), Err(ArmError::PooledColumns)));
        let twice = ids(&["hard", "hard+equal"], Layout::Columns);
        assert!(matches!(twice, Err(ArmError::Twice { .. })));
    }

    #[test]
    fn settings_reach_the_network_and_the_balancing_method() {
        let pair = |key: &str, value: Value| (key.to_string(), value);
        let settings =
            ArmSettings::parse(&[pair("lr", json!(0.5)), pair("uncertainty.init", json!(1))])
                .unwrap();
        assert!((settings.network.lr - 0.5).abs() < 1e-12);
        assert_eq!(settings.of_balance("uncertainty")["init"], json!(1));
        assert!(ArmSettings::parse(&[pair("lrr", json!(0.5))]).is_err());
        assert!(ArmSettings::parse(&[pair("no-method.lr", json!(0.5))]).is_err());
        assert!(ArmSettings::parse(&[pair("lr", json!(-1))]).is_err());
    }

    #[test]
    fn every_id_is_listed_once() {
        let mut ids: Vec<&str> = methods().iter().map(|method| method.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    }
}
