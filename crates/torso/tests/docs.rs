//! Every command in the README and the book runs.
//!
//! Sessions (```` ```console ````) are run as they stand by `trycmd`. All other commands, in blocks and
//! within the text, are run on stand-ins for the tables that they name, with fewer epochs and trials
//! where they do not say how many.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|name| name == "md")).collect();
    pages.push(root().join("README.md"));
    pages.sort();
    pages
}

#[test]
fn sessions_go_as_the_book_shows_them() {
    // In a folder of their own: what a session writes is no part of the book.
    let folder = tempfile::tempdir().unwrap();
    for page in pages() {
        let name = page.file_stem().unwrap().to_string_lossy().into_owned();
        let input = folder.path().join(format!("{name}.in"));
        fs::create_dir_all(&input).unwrap();
        stand_ins(&input);
        fs::copy(&page, folder.path().join(format!("{name}.md"))).unwrap();
    }
    trycmd::TestCases::new().case(folder.path().join("*.md"));
}

#[test]
fn every_command_runs() {
    let folder = tempfile::tempdir().unwrap();
    stand_ins(folder.path());
    let mut commands = BTreeSet::new();
    for page in pages() {
        commands.extend(commands_of(&fs::read_to_string(page).unwrap()));
    }
    assert!(commands.len() >= 12, "{commands:?}");
    // What reads a run comes after what makes it.
    let mut commands: Vec<String> = commands.into_iter().collect();
    let words = ["init", "compare", "train"];
    let order = |command: &String| {
        let word = command.split(' ').nth(1).unwrap_or_default();
        let resumes = command.contains("--resume");
        (resumes, words.iter().position(|known| *known == word).unwrap_or(words.len()))
    };
    commands.sort_by_key(order);
    let failures: Vec<String> =
        commands.iter().filter_map(|command| failure(command, folder.path())).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The commands of a page outside its sessions: lines of blocks, and code within the text.
fn commands_of(page: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut block: Option<&str> = None;
    for line in page.lines() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            block = if block.is_some() { None } else { Some(kind) };
        } else if block == Some("console") {
        } else if block.is_some() {
            let command = line.split(" #").next().unwrap_or_default().trim();
            commands.push(command.rsplit("| ").next().unwrap_or_default().to_string());
        } else {
            commands.extend(line.split('`').skip(1).step_by(2).map(String::from));
        }
    }
    // Capitals stand for something: a pattern, not a command.
    let is_pattern = |command: &str| {
        let name = |word: &str| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase());
        command.split([' ', '/', '=']).any(name) || command.contains("...")
    };
    commands.retain(|command| {
        command.starts_with("torso ") && command.split(' ').count() > 2 && !is_pattern(command)
    });
    commands
}

fn failure(command: &str, folder: &Path) -> Option<String> {
    let mut arguments: Vec<String> = command
        .split(" < ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .skip(1)
        .filter(|word| !word.is_empty())
        .map(|word| word.trim_matches('\'').to_string())
        .collect();
    let learns = ["compare", "train"].contains(&arguments[0].as_str());
    if learns && !arguments.contains(&"--resume".to_string()) {
        for (option, few) in [("--epochs", "2"), ("--trials", "1"), ("--seeds", "2")] {
            if !arguments.iter().any(|argument| argument == option) {
                arguments.extend([option.to_string(), few.to_string()]);
            }
        }
    }
    let mut process = Command::new(env!("CARGO_BIN_EXE_torso"));
    process.current_dir(folder).args(&arguments);
    process.stdin(fs::File::open(folder.join("in.json")).unwrap());
    let output = process.output().unwrap();
    (!output.status.success())
        .then(|| format!("{command}\n{}", String::from_utf8_lossy(&output.stderr)))
}

/// Small images with two labels, and their splits.
fn digits(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let write = |name: &str, sizes: &[u8], bytes: Vec<u8>| {
        let n = u8::try_from(sizes.len()).unwrap();
        let sizes = sizes.iter().flat_map(|&size| u32::from(size).to_be_bytes());
        let file: Vec<u8> = [0, 0, 8, n].into_iter().chain(sizes).chain(bytes).collect();
        fs::write(folder.join(name), file).unwrap();
    };
    let labels = |k: u8| (0..120).map(|i: u8| (i / k) % 3).collect::<Vec<u8>>();
    let image = |i: u8| (0..9).map(move |at: u8| 80 * u8::from(at % 3 == i % 3) + i);
    write("images.idx3-ubyte", &[120, 3, 3], (0..120).flat_map(image).collect());
    write("left.idx1-ubyte", &[120], labels(1));
    write("right.idx1-ubyte", &[120], labels(5));
}

/// Small tables with the names and columns that the book uses.
fn stand_ins(folder: &Path) {
    digits(&folder.join("digits"));
    let penguins = root().join("crates/torso-data/data/penguins.csv");
    fs::copy(penguins, folder.join("birds.csv")).unwrap();
    fs::write(folder.join("in.json"), r#"{"jacobian": [[-4, 1, 1], [6, 1, 1]]}"#).unwrap();
    let mut exams = String::from("school,task,score,y_score,age,hours\n");
    let mut splits = String::from("row,rep,part\n");
    let mut air = String::from("Date,Time,CO_GT,NMHC_GT,C6H6_GT,NOx_GT,NO2_GT,T,RH\n");
    for i in 0..120 {
        let (school, score) = (i % 3, (i * 7) % 41);
        writeln!(exams, "s{school},s{school},{score},{score},{},{}", i % 5, i % 11).unwrap();
        for rep in 0..5 {
            let part = if (i / 3 + rep) % 4 == 0 { "test" } else { "train" };
            writeln!(splits, "{i},{rep},{part}").unwrap();
        }
        let gas = |k: usize| match (i + k) % 9 {
            0 => "-200".to_string(),
            _ => ((i * (k + 3)) % 37).to_string(),
        };
        let gases: Vec<String> = (0..5).map(gas).collect();
        writeln!(air, "d{i},t{i},{},{},{}", gases.join(","), i % 13, i % 17).unwrap();
    }
    for (name, text) in [
        ("exams.csv", &exams),
        ("school.csv", &exams),
        ("splits.csv", &splits),
        ("digits/splits.csv", &splits),
        ("airquality.csv", &air),
    ] {
        fs::write(folder.join(name), text).unwrap();
        let file = fs::File::create(folder.join(format!("{name}.gz"))).unwrap();
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
        packed.finish().unwrap();
    }
}
