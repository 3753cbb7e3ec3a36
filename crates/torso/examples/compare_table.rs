//! A whole comparison from Rust: the tasks of a table, learned apart and together.
//!
//! `cargo run --release --example compare_table`
#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use std::error::Error;

use torso::core::estimator::{Batch, Budget};
use torso::core::split::{SplitOptions, SplitRule};
use torso::data::{PreprocessOptions, Table, task_data};
use torso::study::arm::{ArmSettings, parse_all};
use torso::study::compare::{CompareOptions, compare};
use torso::study::runner::NoStore;

fn main() -> Result<(), Box<dyn Error>> {
    // A table of your own: `Table::read(path, &ReadOptions::default())` and `Roles::columns`.
    let prepared = task_data(&Table::penguins(), &Table::penguins_roles())?;
    let data = &prepared.data;

    let arms = parse_all(&["hard+equal".to_string()], data.layout(), &ArmSettings::default())?;
    let options = CompareOptions {
        rule: SplitRule::Random,
        split: SplitOptions { repeats: 5, ..SplitOptions::default() },
        budget: Budget { trials: 1, epochs: 60, batch: Batch::Auto },
        preprocess: PreprocessOptions::default(),
        threads: 2,
    };
    let compared = compare(data, &arms, &options, &NoStore, &|_| ())?;
    for arm in &compared.comparison.arms[1..] {
        for task in &arm.tasks {
            let (low, high) = (task.low, task.high);
            println!(
                "{} in {}: gain {:.4} [{low:.4}, {high:.4}], {}",
                task.task,
                arm.name,
                task.gain,
                task.verdict.word()
            );
        }
    }
    Ok(())
}
