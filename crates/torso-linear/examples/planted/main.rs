//! Every linear method on data whose truth is known: does it find what was planted, and does it
//! leave alone what was not? Prints a table in Markdown; `just planted` writes it into the book.
//!
//! `planted [GROUP...]` runs some groups of methods.
#![expect(clippy::print_stdout, reason = "an experiment")]

mod block_sparse;
mod online;
mod relations;
mod subspaces;

/// One bar of a test on planted truth.
pub struct Row {
    /// The method or the pair of methods.
    pub system: &'static str,
    /// What was planted, and what is measured.
    pub condition: String,
    /// The figure.
    pub measured: String,
    /// What it had to be.
    pub bar: &'static str,
    /// Whether it is.
    pub met: bool,
}

type Group = (&'static str, fn() -> Vec<Row>);

const GROUPS: &[Group] = &[
    ("block_sparse", block_sparse::rows),
    ("online", online::rows),
    ("relations", || relations::rows(20)),
    ("subspaces", subspaces::rows),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    println!("| system | condition | measured | bar | met |\n|---|---|---|---|---|");
    for (name, rows) in GROUPS {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        for row in rows() {
            let met = if row.met { "yes" } else { "**no**" };
            println!(
                "| {} | {} | {} | {} | {met} |",
                row.system, row.condition, row.measured, row.bar
            );
        }
    }
}
