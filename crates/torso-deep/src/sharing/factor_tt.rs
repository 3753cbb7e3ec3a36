//! Tensor factorization by a tensor train: a shared basis of inputs, then parts mixed by task.
//!
//! # Formula
//! `W_t = D (sum_k S_kt G_k)`, `h_t = relu(h W_t + b_t)`: the basis `D [inputs, r1]` and the parts
//! `G_k [r1, outputs]` are shared in each layer; the factors `S [K, T]` and the biases are the
//! tasks' own.
//!
//! # Parameters
//! | name | default | range | source |
//! |---|---|---|---|
//! | `eps` | 0.1 | above 0 and below 1 | the paper's: each SVD may leave out 10% of the norm |
//! | `init` | single-task | single-task, random | the paper's; random works too, it says |
//! | `ranks` | none | `[r1, K]` | from `eps` |
//! | `pretrain` | 10 | at least 1 | ours |
//!
//! # Cost
//! Columns: per task and step one blend and two products, `inputs r1 + r1 outputs` a row. Groups:
//! `K` products for all rows. Once: two SVDs for each layer.
//!
//! # Claims
//! Those of [`factor_tucker`](super::factor_tucker), without a basis of outputs.
//!
//! # Differences
//! Those of [`factor_laf`](super::factor_laf): common draws, and parts that carry the scale.
//!
//! # References
//! Yang, Hospedales, *Deep Multi-task Representation Learning: A Tensor Factorisation Approach*
//! (2017). Oseledets, *Tensor-Train Decomposition* (2011).

use torso_core::method::{Cite, Family, Method};

use super::SharingMethod;
use super::factor::{self, Form};

/// The method.
pub static METHOD: SharingMethod = SharingMethod {
    method: Method {
        id: "factor-tt",
        family: Family::Sharing,
        title: "tensor factorization by a tensor train",
        section: "6.7",
        formula: "W_t = D (sum_k S_kt G_k), h_t = relu(h W_t + b_t)",
        parameters: factor::PARAMETERS,
        cost: "two thin products for each task; groups: a product for each part",
        cite: Cite {
            authors: "Yang, Hospedales",
            title: "Deep Multi-task Representation Learning: A Tensor Factorisation Approach",
            venue: "ICLR",
            year: 2017,
        },
    },
    has_trunk: false,
    tuned: &[],
    check: |context| factor::check(context, Form::Tt),
    declare: |layout| factor::declare(layout, Form::Tt),
};
