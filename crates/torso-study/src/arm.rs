//! Arms by their ids: `apart`, `pooled`, `SHARING+BALANCE`, a sharing id alone, or a linear method.

mod linear;
mod settings;

use torso_core::data::Layout;
use torso_core::estimator::Estimator;
use torso_core::method::{Family, Method};
use torso_deep::arms::{Apart, Joint, Pooled};
use torso_deep::settings::SettingsError;
use torso_deep::{encoder, sharing};
use torso_linear::SettingError;

use linear::LinearArm;

pub use settings::{ArmSettings, check_use, known_keys};

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
    ids.extend(LinearArm::all().map(|arm| arm.method().id.to_string()));
    ids
}

/// Whether this is the id of a linear method: such an arm has no network and no epochs.
pub fn is_linear(id: &str) -> bool {
    LinearArm::find(id).is_some()
}

/// Whether this is the id of a method whose models have coefficients.
pub fn has_coefficients(id: &str) -> bool {
    LinearArm::find(id).is_some_and(LinearArm::has_coefficients)
}

/// Every method that there is, by family and id.
pub fn methods() -> Vec<&'static Method> {
    let mut methods: Vec<&'static Method> = encoder::methods().to_vec();
    methods.extend(sharing::methods().iter().map(|entry| &entry.method));
    methods.extend(torso_balance::methods().iter().map(|entry| &entry.method));
    methods.extend(LinearArm::all().map(LinearArm::method));
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
    if let Some(arm) = LinearArm::find(id) {
        return Ok(Arm {
            id: id.to_string(),
            family: Family::Linear,
            about: format!("linear models: {}", arm.method().title),
            estimator: settings.linear(arm)?,
        });
    }
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
            let own = |id| settings.of_method(id);
            let about = format!(
                "one network for all tasks: {}, {}",
                sharing.method.title, balance.method.title
            );
            let (sharing, balance) = ((sharing, own(sharing_id)), (balance, own(balance_id)));
            let joint = Joint::new(sharing, balance, network);
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
    /// A setting that no arm has.
    #[error("there is no setting `{key}`")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A setting that the one arm to be trained has not.
    #[error("`{id}` has no setting `{key}`")]
    Unusable {
        /// The arm.
        id: String,
        /// The key.
        key: String,
        /// The keys that it has.
        known: Vec<String>,
    },
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
    /// What a linear method says of its settings.
    #[error(transparent)]
    Linear(#[from] SettingError),
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn every_id_is_listed_once() {
        let mut ids: Vec<&str> = methods().iter().map(|method| method.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    }
}
