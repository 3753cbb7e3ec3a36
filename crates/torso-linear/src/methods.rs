//! The linear methods, one file each.

pub mod aso;
pub mod caso;
pub mod clustered;
pub mod dirty;
pub mod dsml;
pub mod go_mtl;
pub mod graph;
pub mod graph_lasso;
pub mod kang;
pub mod l1;
pub mod l1_inf;
pub mod l21;
pub mod mean_regularized;
pub mod mtfl;
pub mod mtrl;
pub mod perceptron;
pub mod perceptron_learned;
pub mod ridge;
pub mod robust;
pub mod shared_hypotheses;
pub mod sparse_low_rank;
pub mod trace;
pub mod tree_lasso;

use crate::method::LinearEntry;

/// All methods, by id.
pub fn methods() -> &'static [&'static LinearEntry] {
    static METHODS: &[&LinearEntry] = &[
        &aso::METHOD,
        &caso::METHOD,
        &clustered::METHOD,
        &dirty::METHOD,
        &dsml::METHOD,
        &go_mtl::METHOD,
        &graph::METHOD,
        &graph_lasso::METHOD,
        &kang::METHOD,
        &l1::METHOD,
        &l1_inf::METHOD,
        &l21::METHOD,
        &mean_regularized::METHOD,
        &mtfl::METHOD,
        &mtrl::METHOD,
        &perceptron::METHOD,
        &perceptron_learned::METHOD,
        &ridge::METHOD,
        &robust::METHOD,
        &shared_hypotheses::METHOD,
        &sparse_low_rank::METHOD,
        &trace::METHOD,
        &tree_lasso::METHOD,
    ];
    METHODS
}

/// The method with this id.
pub fn find(id: &str) -> Option<&'static LinearEntry> {
    methods().iter().find(|entry| entry.method.id == id).copied()
}
