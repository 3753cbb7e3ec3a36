//! Named streams of randomness: one seed, as many independent streams as there are purposes.
//!
//! A stream is keyed by the seed, what it is for, a name (of a parameter, a task, an arm) and a
//! step. Adding a task or an arm therefore changes no other draw, and two architectures that hold
//! a parameter of the same name start it at the same value.

use rand::{RngExt, SeedableRng};

/// The generator behind every stream: portable, and the same in every version.
pub type Stream = rand_chacha::ChaCha8Rng;

/// The root of all randomness of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream for one `purpose` (`"init"`, `"batches"`), `name` and `step`.
    pub fn stream(self, purpose: &str, name: &str, step: u64) -> Stream {
        let mut hash = blake3::Hasher::new();
        hash.update(&self.0.to_le_bytes());
        for part in [purpose, name] {
            // The length keeps ("ab", "c") apart from ("a", "bc").
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(&step.to_le_bytes());
        Stream::from_seed(*hash.finalize().as_bytes())
    }

    /// A seed derived from this one, for a part of the run that has streams of its own.
    pub fn derive(self, purpose: &str, index: u64) -> Seed {
        Seed(self.stream(purpose, "", index).random())
    }
}

/// Shuffles in place (Fisher and Yates).
pub fn shuffle<T>(items: &mut [T], stream: &mut Stream) {
    for last in (1..items.len()).rev() {
        items.swap(last, stream.random_range(0..=last));
    }
}

/// One draw from the standard normal distribution (Box and Muller).
pub fn normal(stream: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - stream.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * stream.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ_by_every_part_of_the_key() {
        let draw = |seed: u64, purpose, name, step| -> u64 {
            Seed(seed).stream(purpose, name, step).random()
        };
        let reference = draw(1, "init", "trunk", 0);
        assert_eq!(reference, draw(1, "init", "trunk", 0));
        for other in [
            draw(2, "init", "trunk", 0),
            draw(1, "drop", "trunk", 0),
            draw(1, "init", "head", 0),
            draw(1, "init", "trunk", 1),
            draw(1, "initt", "runk", 0),
        ] {
            assert_ne!(reference, other);
        }
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut items: Vec<u32> = (0..100).collect();
        shuffle(&mut items, &mut Seed(3).stream("test", "", 0));
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn normal_draws_have_the_moments_of_a_normal() {
        let mut stream = Seed(5).stream("test", "", 0);
        let draws: Vec<f64> = (0..100_000).map(|_| normal(&mut stream)).collect();
        let moment = |k: i32| draws.iter().map(|x| x.powi(k)).sum::<f64>() / 1e5;
        assert!(moment(1).abs() < 0.02, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.03, "variance {}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.15, "fourth moment {}", moment(4));
    }
}
