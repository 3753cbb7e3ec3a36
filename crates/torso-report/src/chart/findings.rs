//! What was found out about tasks and features: a file for each kind of picture.
//!
//! Groups are a list, not a picture, and have none.

pub(crate) mod bars;
pub(crate) mod heat;
pub(crate) mod path;
