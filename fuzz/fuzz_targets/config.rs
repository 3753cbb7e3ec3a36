//! `cases/config.rs` on any text.

#![no_main]
#![allow(dead_code, unused_imports, reason = "of the binary's modules, only the config is run")]

#[path = "../cases/config.rs"]
mod case;

/// The modules of the binary, which has no library to reach them through.
#[path = "../../crates/torso/src"]
mod binary {
    pub(crate) mod cli;
    pub(crate) mod commands;
    pub(crate) mod config;
    pub(crate) mod error;
    pub(crate) mod files;
    pub(crate) mod input;
    pub(crate) mod output;
    pub(crate) mod progress;
    pub(crate) mod require;
    pub(crate) mod run;
}

use binary::{cli, commands, config, error, files, input, output, progress, require, run};

libfuzzer_sys::fuzz_target!(|text: &str| case::check(text));
