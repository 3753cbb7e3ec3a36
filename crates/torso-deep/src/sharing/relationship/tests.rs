use serde_json::{Map, Value, json};
use torso_core::seed::{Seed, normal};

use super::*;
use crate::arms::tests::{columns, groups};
use crate::layout::Context;
use crate::network::Network;
use crate::settings::NetworkSettings;
use crate::sharing::contract::network;
use crate::sharing::soft_l2::tests::{assert_is_apart, complete};
use crate::supervision::Outputs;

fn own(settings: &Value) -> Map<String, Value> {
    settings.as_object().unwrap().clone()
}

/// The ranges under priors.
fn is_under_prior(name: &str, heads: bool) -> bool {
    name.ends_with("weight") && (name.starts_with("own.") || (heads && name.starts_with("heads.")))
}

#[test]
fn with_strength_0_and_no_trunk_it_is_the_tasks_alone() {
    assert_is_apart(&METHOD, &json!({ "strength": 0, "own-layers": 2 }));
}

#[test]
#[expect(clippy::float_cmp, reason = "the same product")]
fn before_anything_is_learned_it_is_weight_decay() {
    for ((data, _), heads) in [(columns(), false), (groups(), true)] {
        let network = network(&METHOD, &data, own(&json!({ "strength": 0.5 })));
        let mut gradient = vec![0.0; network.params.len()];
        let penalty = network.penalty(&mut gradient);
        let mut squares = 0.0;
        for range in network.params.ranges() {
            let strength = if is_under_prior(range.name(), heads) { 0.5 } else { 0.0 };
            for at in range.span() {
                let value = network.params.values()[at];
                assert_eq!(gradient[at], strength * value, "{}", range.name());
                squares += f64::from(strength) / 2.0 * f64::from(value).powi(2);
            }
        }
        assert!((penalty / squares - 1.0).abs() < 1e-9);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "draws")]
fn shake(network: &mut Network, purpose: &str) {
    let mut stream = Seed(9).stream("test", purpose, 0);
    network.params.values_mut().iter_mut().for_each(|v| *v += 0.3 * normal(&mut stream) as f32);
}

#[test]
fn learned_priors_have_the_gradient_they_say_and_are_kept() {
    for (data, _) in [complete(), groups()] {
        for (layers, covariances) in [(1, "all"), (2, "all"), (1, "tasks")] {
            let settings =
                own(&json!({ "strength": 0.5, "own-layers": layers, "covariances": covariances }));
            let mut network = network(&METHOD, &data, settings.clone());
            for epoch in 0..3 {
                shake(&mut network, &format!("epoch {epoch}"));
                network.epoch_done();
            }
            let n = network.params.len();
            let mut gradient = vec![0.0; n];
            let penalty = network.penalty(&mut gradient);
            let unit = gradient.iter().map(|g| g.abs()).fold(0.0, f32::max);
            for at in (0..n).step_by(5) {
                let start = network.params.values()[at];
                let mut moved = |step: f32| {
                    network.params.values_mut()[at] = start + step;
                    network.penalty(&mut vec![0.0; n])
                };
                let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                network.params.values_mut()[at] = start;
                assert!((slope - f64::from(gradient[at])).abs() < 1e-3 * f64::from(unit), "{at}");
            }
            let kept = network.sharing().0.snapshot();
            let mut other = self::network(&METHOD, &data, settings);
            other.params.values_mut().copy_from_slice(network.params.values());
            let fresh = other.penalty(&mut vec![0.0; n]);
            other.sharing().0.resume(&kept).unwrap();
            let resumed = other.penalty(&mut vec![0.0; n]);
            assert!(resumed.to_bits() == penalty.to_bits() && fresh.to_bits() != penalty.to_bits());
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let settings = NetworkSettings { hidden: vec![12, 8], ..NetworkSettings::default() };
    let check = |data: &torso_core::data::TaskData, given: &Value| {
        let (outputs, own) = (Outputs::of(data), own(given));
        (METHOD.check)(&Context { outputs: &outputs, settings: &settings, own: &own })
    };
    let (mixed, _) = columns();
    assert_eq!(check(&groups().0, &json!({ "own-layers": 0 })), Ok(()));
    let error = check(&mixed, &json!({ "own-layers": 0 })).unwrap_err();
    assert!(matches!(error, LayoutError::Unsuitable { .. }), "{error}");
    let error = check(&mixed, &json!({ "own-layers": 3 })).unwrap_err().to_string();
    assert!(error.contains("at most 2") && error.contains("found 3"), "{error}");
    let error = check(&mixed, &json!({ "ridge": 0 })).unwrap_err().to_string();
    assert!(error.contains("found 0"), "{error}");
}
