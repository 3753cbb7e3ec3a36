//! Tensor factorization after Tucker: shared bases of inputs and outputs, a core mixed by task.
//!
//! # Formula
//! `W_t = D (sum_k S_kt C_k) U`, `h_t = relu(h W_t + b_t)`: the bases `D [inputs, r1]` and
//! `U [r2, outputs]` and the core `C [K, r1, r2]` are shared in each layer; the factors `S [K, T]`
//! and the biases are the tasks' own.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `eps` | 0.1 | above 0 and below 1 | the paper's: each SVD may leave out 10% of the norm |
//! | `init` | single-task | single-task, random | the paper's; random works too, it says |
//! | `ranks` | none | `[r1, r2, K]` | from `eps` |
//! | `pretrain` | 10 | at least 1 | ours |
//!
//! # Cost
//! Columns: per task and step one blend and three products, `inputs r1 + r1 r2 + r2 outputs` a row:
//! less than `inputs outputs` where ranks are low. Groups: `K` products of the core for all rows.
//! Once: three SVDs for each layer.
//!
//! # Claims
//! As [`factor_laf`](super::factor_laf), and it shares what inputs are looked at and what outputs
//! are made of even where the tasks' mixing has full rank.
//!
//! # Differences
//! Those of [`factor_laf`](super::factor_laf): common draws, and cores that carry the scale.
//!
//! # References
//! Yang, Hospedales, *Deep Multi-task Representation Learning: A Tensor Factorisation Approach*
//! (2017). Tucker, *Some Mathematical Notes on Three-Mode Factor Analysis* (1966).

use torso_core::method::{Cite, Family, Method};

use super::SharingMethod;
use super::factor::{self, Form};

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "factor-tucker",
        family: Family::Sharing,
        title: "tensor factorization after Tucker",
        section: "6.7",
        formula: "W_t = D (sum_k S_kt C_k) U, h_t = relu(h W_t + b_t)",
        parameters: factor::PARAMETERS,
        cost: "three thin products for each task; groups: a product of the core for each part",
        cite: Cite {
            authors: "Yang, Hospedales",
            title: "Deep Multi-task Representation Learning: A Tensor Factorisation Approach",
            venue: "ICLR",
            year: 2017,
        },
    },
    has_trunk: false,
    tuned: &[],
    check: |context| factor::check(context, Form::Tucker),
    declare: |layout| factor::declare(layout, Form::Tucker),
};
