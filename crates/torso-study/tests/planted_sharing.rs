//! Fast versions of `just sharing-truth`: a few seeds, none of those that the tables report, of the
//! systems whose effects are large. Each has what was planted, nothing planted, and permuted labels.

#![expect(dead_code, reason = "the experiments have more than is run here")]

use std::ops::Range;

#[path = "../examples/sharing_truth/fully_adaptive.rs"]
mod fully_adaptive;
#[path = "../examples/sharing_truth/hard.rs"]
mod hard;
#[path = "../examples/sharing_truth/kit.rs"]
mod kit;
#[path = "../examples/sharing_truth/mixtures.rs"]
mod mixtures;
#[path = "../examples/sharing_truth/mmoe.rs"]
mod mmoe;
#[path = "../examples/sharing_truth/relationship.rs"]
mod relationship;
#[path = "../examples/sharing_truth/row.rs"]
mod row;
#[path = "../examples/sharing_truth/soft_trace.rs"]
mod soft_trace;

pub(crate) use row::Row;

const SEEDS: Range<u64> = 9000..9003;

fn mean(of: impl Fn(u64) -> f64) -> f64 {
    SEEDS.map(of).sum::<f64>() / (SEEDS.end - SEEDS.start) as f64
}

#[test]
fn hard_sharing_gains_from_common_features_alone() {
    let common: Vec<hard::Cut> = SEEDS.map(|seed| hard::cut(1.0, true, seed)).collect();
    for cut in &common {
        assert!(cut.mean > 5.0, "common features: {}", cut.mean);
        assert!(cut.shuffled < 0.0, "permuted labels: {}", cut.shuffled);
    }
    let unrelated = mean(|seed| hard::cut(0.0, false, seed).mean);
    assert!(unrelated < 5.0, "features of their own: {unrelated}");
}

#[test]
fn relationships_of_opposed_tasks_have_their_sign() {
    let runs: Vec<[f64; 2]> = SEEDS.map(|seed| relationship::figures(true, seed).1).collect();
    let of = |k: usize| runs.iter().map(|run| run[k]).sum::<f64>() / runs.len() as f64;
    let (pairs, others) = (of(0), of(1));
    assert!(pairs < -0.15 && others.abs() < 0.15, "pairs {pairs}, others {others}");
    let noise = mean(relationship::cut_beside_noise);
    assert!(noise < 2.0, "permuted labels: {noise}");
}

#[test]
fn trace_norms_find_that_layers_are_mixtures() {
    let mixed: Vec<_> = SEEDS.map(|seed| soft_trace::figures(true, seed)).collect();
    let of = |value: fn(&soft_trace::Figures) -> f64| -> f64 {
        mixed.iter().map(value).sum::<f64>() / mixed.len() as f64
    };
    let (rank, alone, cut) = (of(|f| f.rank), of(|f| f.rank_alone), of(|f| f.cuts[0]));
    assert!(rank < alone - 1.5 && cut > 0.0, "rank {rank}, alone {alone}, cut {cut}");
    let own = mean(|seed| soft_trace::figures(false, seed).cuts[0]);
    assert!(own < 5.0, "layers of their own: {own}");
    let noise = mean(soft_trace::cut_beside_noise);
    assert!(noise < 0.0, "permuted labels: {noise}");
}

#[test]
fn trees_grow_along_planted_groups() {
    let index = |common, mix| mean(|seed| fully_adaptive::draw(common, mix, seed).rand_index);
    let (groups, common) = (index(false, false), index(true, false));
    assert!(groups > 0.9, "groups: {groups}");
    assert!(common < 0.5, "common features: {common}");
    let noise = index(false, true);
    assert!(noise < 0.3, "permuted labels: {noise}");
}

#[test]
fn gates_of_tasks_that_differ_differ() {
    let of = |p: f64| {
        mean(|seed| {
            let planted = mixtures::correlated(p, seed, mmoe::PARTS.total()).planted(mmoe::PARTS);
            mmoe::divergence(&mmoe::experts(&planted, seed))
        })
    };
    let (half, same) = (of(0.5), of(1.0));
    assert!(half > 0.1 && half > same, "correlation 0.5: {half}, 1: {same}");
}
