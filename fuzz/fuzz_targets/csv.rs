//! `cases/csv.rs` on any bytes.

#![no_main]

#[path = "../cases/csv.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| case::check(bytes));
