//! `cases/gramian.rs` on any bytes.

#![no_main]

#[path = "../cases/gramian.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| case::check(bytes));
