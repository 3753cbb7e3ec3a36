//! Tensor factorization, last axis flattened: every task mixes a few shared layers.
//!
//! # Formula
//! `W_t = sum_k S_kt L_k`, `h_t = relu(h W_t + b_t)`: the parts `L_k [inputs, outputs]`, `K` of
//! them, are shared in each layer; the factors `S [K, T]` and biases `b_t` are the tasks' own. With
//! `S = I` it is the tasks alone, with one row of ones hard sharing (but for the biases).
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `eps` | 0.1 | above 0 and below 1 | the paper's: the SVD may leave out 10% of the norm |
//! | `init` | single-task | single-task, random | the paper's; random works too, it says |
//! | `ranks` | none | `[K]` | from `eps` |
//! | `pretrain` | 10 | at least 1 | ours |
//!
//! # Cost
//! Columns: per task and step one blend of `K` weights and a pass. Groups: `K` passes for all rows.
//! Once: an SVD of `[inputs * outputs, T]` for each layer.
//!
//! # Claims
//! Where the tasks' layers lie in a space of `K < T` dimensions it finds that space, also where
//! their mean tells nothing (a case in which pulling towards the mean must fail).
//!
//! # Differences
//! The single-task networks start from the same draws, so that their units correspond. Parts carry
//! the singular values and `S` has rows of mean square 1, where the paper's code has orthonormal
//! parts: the same weights, but parts that learn at the rate of weights. Sharing strength is told
//! from the cosines of the weights `W_t`, which are those of the paper's factors at its scaling and
//! do not depend on how a scale is split. The hinge loss is not offered.
//!
//! # References
//! Yang, Hospedales, *Deep Multi-task Representation Learning: A Tensor Factorisation Approach*
//! (2017).

use torso_core::method::{Cite, Family, Method};

use super::SharingMethod;
use super::factor::{self, Form};

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "factor-laf",
        family: Family::Sharing,
        title: "tensor factorization, last axis flattened",
        section: "6.7",
        formula: "W_t = sum_k S_kt L_k, h_t = relu(h W_t + b_t)",
        parameters: factor::PARAMETERS,
        cost: "a pass for each task and the blending of its weights; groups: a pass for each part",
        cite: Cite {
            authors: "Yang, Hospedales",
            title: "Deep Multi-task Representation Learning: A Tensor Factorisation Approach",
            venue: "ICLR",
            year: 2017,
        },
    },
    has_trunk: false,
    tuned: &[],
    check: |context| factor::check(context, Form::Laf),
    declare: |layout| factor::declare(layout, Form::Laf),
};
