//! Encoders turn features into a representation.

pub mod mlp;

use torso_core::method::Method;

/// Every encoder, by id.
pub fn methods() -> &'static [&'static Method] {
    static METHODS: [&Method; 1] = [&mlp::METHOD];
    &METHODS
}
