//! Whether a comparison finds helps, nothing and harms where that is the truth.
//!
//! `cargo run --release -p torso-study --example verdict_truth -- --sets 10`: so many data sets of
//! each kind, with the words that were said of their tasks.
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::error::Error;

use torso_core::data::{Layout, TaskData};
use torso_core::estimator::{Batch, Budget};
use torso_core::record::Verdict;
use torso_core::seed::Seed;
use torso_core::split::{SplitOptions, SplitRule};
use torso_data::PreprocessOptions;
use torso_data::generate::{conflict, shared_features};
use torso_study::arm::{ArmSettings, parse_all};
use torso_study::compare::{CompareOptions, compare};
use torso_study::runner::NoStore;

/// Data of one kind, and the truth about it.
struct Kind {
    name: &'static str,
    truth: &'static str,
    data: fn(Seed) -> TaskData,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "twelve tasks of the same hidden features, 300 rows",
        truth: "helps",
        data: |seed| shared_features(300, 10, 4, 12, 1.0, 0.3, seed),
    },
    Kind {
        name: "twelve tasks of unrelated features, 300 rows",
        truth: "no help",
        data: |seed| shared_features(300, 10, 4, 12, 0.0, 0.3, seed),
    },
    Kind {
        name: "sixteen tasks that compete for 32 units, 400 rows",
        truth: "harms",
        data: |seed| conflict(400, 16, seed),
    },
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let sets: u64 = match (arguments.next().as_deref(), arguments.next()) {
        (None, None) => 10,
        (Some("--sets"), Some(n)) => n.parse()?,
        _ => return Err("expected --sets N".into()),
    };
    println!(
        "| data ({sets} sets of each) | truth | overall: helps / harms / no difference shown | tasks |"
    );
    println!("|---|---|---|---|");
    for kind in &KINDS {
        let (mut overall, mut tasks) = ([0; 3], [0; 3]);
        for set in 0..sets {
            let result = words(&(kind.data)(Seed(set)), set)?;
            count(&mut overall, result.0);
            result.1.into_iter().for_each(|word| count(&mut tasks, word));
        }
        let [helps, harms, none] = overall;
        let of_tasks = tasks.map(|n: usize| n.to_string()).join(" / ");
        println!("| {} | {} | {helps} / {harms} / {none} | {of_tasks} |", kind.name, kind.truth);
    }
    Ok(())
}

fn count(counts: &mut [usize; 3], word: Verdict) {
    let at = match word {
        Verdict::Helps => 0,
        Verdict::Harms => 1,
        _ => 2,
    };
    counts[at] += 1;
}

/// What is said of `hard+equal`: overall, and of each task.
fn words(data: &TaskData, seed: u64) -> Result<(Verdict, Vec<Verdict>), Box<dyn Error>> {
    let settings = ArmSettings::parse(&[("hidden".to_string(), vec![32].into())])?;
    let arms = parse_all(&["hard+equal".to_string()], Layout::Columns, &settings)?;
    let options = CompareOptions {
        rule: SplitRule::Random,
        split: SplitOptions { repeats: 5, seed, ..SplitOptions::default() },
        budget: Budget { trials: 1, epochs: 300, batch: Batch::Auto },
        preprocess: PreprocessOptions::default(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let compared = compare(data, &arms, &options, &NoStore, &|_| ())?;
    let arm = &compared.comparison.arms[1];
    Ok((arm.overall.verdict, arm.tasks.iter().map(|task| task.verdict).collect()))
}
