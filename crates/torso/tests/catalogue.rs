//! The catalogue of bad inputs (`catalogue.toml`): each gives the message that is written there, with
//! its place, hint and exit code; nothing panics and no file is left.
//!
//! A case runs in a folder of its own that holds its `files` and, besides, `good.csv` (80 rows with a
//! regression `price` and the classes `sold`), `run/` (a training on it) and `model.safetensors` (its
//! model, changed as `model` says).

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// What becomes of the model.
    #[serde(default)]
    model: Option<Change>,
    /// The arguments, as a shell would split them at spaces.
    run: String,
    code: i32,
    message: String,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    CutInTheMiddle,
    CutInTheHeader,
    Empty,
    Text,
    OneBitOfAWeight,
    OneLetterOfTheHeader,
    HeaderThatIsLongerThanTheFile,
    OtherSafetensors,
    TwoGigabytes,
    AFolder,
}

#[test]
fn every_bad_input_gets_its_message() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalogue.toml"));
    let catalogue: Catalogue = toml::from_str(&text.unwrap()).unwrap();
    assert!(catalogue.case.len() >= 60, "{} cases", catalogue.case.len());
    let fixture = tempfile::tempdir().unwrap();
    prepare(fixture.path());
    let failures: Vec<String> =
        catalogue.case.iter().filter_map(|case| case.failure(fixture.path())).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn good() -> String {
    let row = |i: usize| {
        format!("{}.5,{},{},{}\n", i % 7, (i * i) % 11, (i * 3) % 13, ["no", "yes"][i % 2])
    };
    format!("width,height,price,sold\n{}", (0..80).map(row).collect::<String>())
}

fn prepare(folder: &Path) {
    fs::write(folder.join("good.csv"), good()).unwrap();
    let arguments = "train good.csv --targets price,sold --trials 1 --epochs 2";
    let output = torso(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn torso(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torso"));
    command.current_dir(folder).args(arguments.split(' ').filter(|word| !word.is_empty()));
    command
}

impl Case {
    /// What is wrong with the outcome, if anything is.
    fn failure(&self, fixture: &Path) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        copy(fixture, folder.path());
        for (name, content) in &self.files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let model = folder.path().join("model.safetensors");
        if let Some(change) = &self.model {
            change.write(&model, &fs::read(folder.path().join("run/model.safetensors")).unwrap());
        }
        let before = listing(folder.path());
        let mut command = torso(folder.path(), &self.run);
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();

        let said = |key: &str| {
            let lines = stderr.lines().map(str::trim);
            lines.rev().find_map(|line| line.strip_prefix(key)).map(String::from)
        };
        let found = (output.status.code(), said("error: "), said("at: "), said("hint: "));
        let expected =
            (Some(self.code), Some(self.message.clone()), self.at.clone(), self.hint.clone());
        let same_files = before == listing(folder.path());
        (found != expected || !same_files || stderr.contains("panicked")).then(|| {
            format!(
                "{}: torso {}\nexpected {expected:?}\n   found {found:?}\nfiles {}\n{stderr}",
                self.name,
                self.run,
                if same_files { "as before" } else { "changed" },
            )
        })
    }
}

impl Change {
    fn write(&self, path: &Path, bytes: &[u8]) {
        let changed = |at: usize, bit: u8| {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= bit;
            bytes
        };
        let content = match self {
            Self::CutInTheMiddle => bytes[..bytes.len() / 2].to_vec(),
            Self::CutInTheHeader => bytes[..100].to_vec(),
            Self::Empty => Vec::new(),
            Self::Text => b"width,height\n1,2\n".to_vec(),
            Self::OneBitOfAWeight => changed(bytes.len() - 3, 1),
            Self::OneLetterOfTheHeader => {
                let at = bytes.windows(5).position(|window| window == b"width").unwrap();
                changed(at, 1)
            }
            Self::HeaderThatIsLongerThanTheFile => {
                [&(1_u64 << 20).to_le_bytes(), &bytes[8..]].concat()
            }
            Self::OtherSafetensors => b"\x02\0\0\0\0\0\0\0{}".to_vec(),
            Self::TwoGigabytes => {
                // A sparse file: it takes no place.
                return fs::File::create(path).unwrap().set_len((2 << 30) + 1).unwrap();
            }
            Self::AFolder => return fs::create_dir(path).unwrap(),
        };
        fs::write(path, content).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a folder, with its size.
fn listing(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            files.extend(listing(&entry.path()));
        }
        files.push((entry.path(), entry.metadata().unwrap().len()));
    }
    files.sort();
    files
}
