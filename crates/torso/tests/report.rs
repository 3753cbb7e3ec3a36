//! `torso report` tells a recorded run again, and writes over nothing of somebody else's.
#![expect(clippy::unwrap_used, reason = "tests may fail anywhere")]

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use tempfile::TempDir;

/// A directory with a comparison in `compared` and a training in `trained`.
fn runs() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let short = ["--seeds", "2", "--trials", "1", "--epochs", "3", "--out"];
    let compare = [&["compare", "--arms", "hard"][..], &short, &["compared"]].concat();
    let train = ["train", "--trials", "1", "--epochs", "3", "--out", "trained"];
    for arguments in [&compare[..], &train] {
        succeeds(directory.path(), arguments);
    }
    directory
}

fn torso(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("torso").unwrap();
    command.current_dir(directory).args(arguments).output().unwrap()
}

/// Runs, expects success, and gives stdout.
#[track_caller]
fn succeeds(directory: &Path, arguments: &[&str]) -> String {
    let output = torso(directory, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs, expects the exit code, and gives stderr.
#[track_caller]
fn fails(directory: &Path, arguments: &[&str], code: i32) -> String {
    let output = torso(directory, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains("hint: ") && !stderr.contains("panicked"), "{stderr}");
    stderr
}

#[test]
fn runs_are_told_in_every_form() {
    let runs = runs();
    let path = runs.path();
    for (run, schema) in [("compared", "torso.run/1"), ("trained", "torso.train-run/1")] {
        let record = fs::read_to_string(path.join(run).join("run.json")).unwrap();
        let page = fs::read(path.join(run).join("report.html")).unwrap();
        // By the directory, and by the record in it.
        for run in [run, &format!("{run}/run.json")] {
            assert_eq!(succeeds(path, &["report", run]), "report: report.html\n");
            assert_eq!(fs::read(path.join("report.html")).unwrap(), page);
            let json = succeeds(path, &["report", run, "--json"]);
            assert_eq!(json.trim_end(), record.trim_end());
            assert!(json.contains(schema));
            let markdown = succeeds(path, &["report", run, "--markdown"]);
            assert!(markdown.contains("\n# ") && markdown.contains("| species"), "{markdown}");
            let options = ["report", run, "--markdown", "-o", "report.md"];
            assert_eq!(succeeds(path, &options), "report: report.md\n");
            assert_eq!(fs::read_to_string(path.join("report.md")).unwrap(), markdown);
            assert_eq!(
                succeeds(path, &["report", run, "--json", "-o", "a.json"]),
                "report: a.json\n"
            );
            assert_eq!(fs::read_to_string(path.join("a.json")).unwrap(), json);
        }
        fs::remove_file(path.join("report.html")).unwrap();
    }
}

#[test]
fn pictures_are_files_that_are_made_again() {
    let runs = runs();
    let path = runs.path();
    for run in ["compared", "trained"] {
        let directory = format!("pictures/{run}");
        let options = ["report", run, "--png", &directory];
        let said = succeeds(path, &options);
        let read = || -> Vec<(String, Vec<u8>)> {
            let mut files: Vec<_> = fs::read_dir(path.join(&directory))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|file| (file.display().to_string(), fs::read(&file).unwrap()))
                .collect();
            files.sort();
            files
        };
        let files = read();
        assert!(files.len() > 3);
        assert_eq!(said, format!("pictures: {} in {directory}\n", files.len()));
        assert!(files.iter().all(|(name, bytes)| {
            Path::new(name).extension().is_some_and(|e| e == "png") && bytes.starts_with(b"\x89PNG")
        }));
        assert!(!path.join("report.html").exists(), "only pictures were asked for");
        assert_eq!(succeeds(path, &options), said);
        assert_eq!(read(), files, "the same bytes again");
    }
    let both = succeeds(path, &["report", "trained", "--png", "p", "-o", "page.html"]);
    assert!(both.starts_with("report: page.html\npictures: "), "{both}");
    let json = succeeds(path, &["report", "trained", "--png", "p", "--json"]);
    assert!(json.starts_with('{') && json.ends_with("}\n"), "nothing but JSON on stdout");
}

#[test]
fn files_of_others_are_left_alone() {
    let runs = runs();
    let path = runs.path();
    fs::create_dir(path.join("png")).unwrap();
    for (file, options) in [
        ("mine.html", &["-o", "mine.html"][..]),
        ("mine.md", &["--markdown", "-o", "mine.md"]),
        ("mine.json", &["--json", "-o", "mine.json"]),
        ("png/curves-species.png", &["--png", "png"]),
    ] {
        let mine = "<!-- mine --> {\"schema\": \"torso.run/1\"}";
        fs::write(path.join(file), mine).unwrap();
        let stderr = fails(path, &[&["report", "compared"], options].concat(), 1);
        assert!(stderr.contains(&format!("`{file}` was not written by Torso")), "{stderr}");
        assert_eq!(fs::read_to_string(path.join(file)).unwrap(), mine);
    }
    let pictures = fs::read_dir(path.join("png")).unwrap().count();
    assert_eq!(pictures, 1, "no picture was written beside the other one");
    fails(path, &["report", "compared", "--png", "mine.html"], 1);
    fails(path, &["report", "compared", "-o", "no/such/place.html"], 1);
}

#[test]
fn what_is_no_run_is_refused() {
    let runs = runs();
    let path = runs.path();
    fs::create_dir(path.join("stopped")).unwrap();
    fs::write(path.join("stopped/run.toml"), "").unwrap();
    let record = fs::read_to_string(path.join("compared/run.json")).unwrap();
    fs::write(path.join("cut.json"), &record[..record.len() / 2]).unwrap();
    fs::write(path.join("table.csv"), "a,b\n1,2\n").unwrap();
    fs::write(path.join("other.json"), r#"{"schema": "torso.compare/1"}"#).unwrap();
    fs::write(path.join("empty.json"), r#"{"schema": "torso.run/1"}"#).unwrap();
    fs::write(path.join("bytes.json"), b"\xff\xfe\0").unwrap();
    for (run, words) in [
        ("none", "No such file"),
        ("stopped", "the run is not finished; go on with --resume stopped"),
        ("cut.json", "EOF while parsing"),
        ("table.csv", "expected value at line 1"),
        ("other.json", "its schema is `torso.compare/1`, expected `torso.run/1`"),
        ("empty.json", "missing field"),
        ("bytes.json", "UTF-8"),
    ] {
        let stderr = fails(path, &["report", run], 3);
        assert!(stderr.contains(words) && stderr.contains(run), "{stderr}");
        assert!(!path.join("report.html").exists());
    }
    let stderr = fails(path, &["report", "none", "--json"], 3);
    assert!(stderr.starts_with("error: cannot read the run `none`: "), "{stderr}");
    let both = torso(path, &["report", "compared", "--json", "--markdown"]);
    assert_eq!(both.status.code(), Some(2));
}
