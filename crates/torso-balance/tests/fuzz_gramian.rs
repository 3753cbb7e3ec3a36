//! What fuzzing begins with, and what it has found, on every run of the tests (`docs/fuzzing.md`).

#[path = "../../../fuzz/cases/gramian.rs"]
mod case;

#[test]
fn every_seed_has_finite_answers() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/gramian");
    let seeds = std::fs::read_dir(seeds).expect("the seeds are part of the repository");
    let mut paths: Vec<_> = seeds.map(|seed| seed.expect("it can be listed").path()).collect();
    paths.sort();
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        println!("{}", path.display());
        case::check(&std::fs::read(path).expect("it can be read"));
    }
}
