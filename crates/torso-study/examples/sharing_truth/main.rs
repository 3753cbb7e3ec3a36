//! Every sharing architecture on data whose truth is known: does it find what was planted, and does
//! it leave alone what was not? Prints a table in Markdown; `just sharing-truth`.
//!
//! `sharing_truth [SYSTEM...]` runs some systems.
#![expect(clippy::print_stdout, reason = "an experiment")]

mod baxter;
mod cross_stitch;
mod hard;
mod kit;
mod low_supervision;
mod peaks;
mod sluice;

/// One bar of a test on planted truth.
pub struct Row {
    /// The architecture.
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
    ("baxter", baxter::rows),
    ("cross-stitch", cross_stitch::rows),
    ("hard", hard::rows),
    ("low-supervision", low_supervision::rows),
    ("peaks", peaks::rows),
    ("sluice", sluice::rows),
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
