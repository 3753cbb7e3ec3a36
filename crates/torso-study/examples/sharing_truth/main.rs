//! Every sharing architecture on data whose truth is known: does it find what was planted, and does
//! it leave alone what was not? Prints a table in Markdown; `just sharing-truth`.
//!
//! `sharing_truth [SYSTEM...]` runs some systems.
#![expect(clippy::print_stdout, reason = "an experiment")]

mod baxter;
mod cgc;
mod cross_stitch;
mod dselect_k;
mod factor;
mod fully_adaptive;
mod hard;
mod kit;
mod low_supervision;
mod mixtures;
mod mmoe;
mod mtan;
mod peaks;
mod ple;
mod relationship;
mod row;
mod sluice;
mod soft_l2;
mod soft_trace;

pub(crate) use row::Row;

type Group = (&'static str, fn() -> Vec<Row>);

const GROUPS: &[Group] = &[
    ("baxter", baxter::rows),
    ("cgc", cgc::rows),
    ("cross-stitch", cross_stitch::rows),
    ("dselect-k", dselect_k::rows),
    ("factor", factor::rows),
    ("fully-adaptive", fully_adaptive::rows),
    ("hard", hard::rows),
    ("low-supervision", low_supervision::rows),
    ("mmoe", mmoe::rows),
    ("mtan", mtan::rows),
    ("peaks", peaks::rows),
    ("ple", ple::rows),
    ("relationship", relationship::rows),
    ("sluice", sluice::rows),
    ("soft-l2", soft_l2::rows),
    ("soft-trace", soft_trace::rows),
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
