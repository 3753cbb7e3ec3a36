//! How the command behaves beside others: help, completions, the manual, pipes, colors, exit codes.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of a test")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "powershell", "elvish"];
const ESCAPE: u8 = 0x1b;

/// The command, with nothing in the environment that changes how it writes.
fn torso() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torso"));
    for name in ["COLUMNS", "NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "TERM"] {
        command.env_remove(name);
    }
    command
}

/// Runs it with nothing on stdin.
fn run(arguments: &[&str]) -> Output {
    torso().args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Its stdout, which must come with exit code 0 and nothing on stderr.
#[track_caller]
fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = stdout(&["--help"]);
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.map_while(|line| line.strip_prefix("  "));
    let words = names.filter(|line| !line.starts_with(' ')).map(|line| line.split(' ').next());
    let commands: Vec<String> = words.map(|word| word.unwrap().to_string()).collect();
    for known in ["compare", "predict", "completions", "man", "help"] {
        assert!(commands.iter().any(|command| command == known), "{known} is not in {commands:?}");
    }
    commands
}

/// Runs another program on a text; none where it is not installed, with a line that says so.
fn pipe_to(program: &str, arguments: &[&str], text: &str) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("skipped: no {program}");
        return None;
    };
    let (mut stdin, text) = (child.stdin.take().unwrap(), text.to_string());
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    Some(output)
}

#[test]
fn every_command_has_help_of_at_most_100_columns() {
    let has_options = |command: &String| command != "help";
    for command in commands().into_iter().filter(has_options) {
        for width in ["", "300"] {
            let mut help = torso();
            help.args([&command, "--help"]).env("COLUMNS", width);
            let output = help.output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{command}");
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.contains("Usage: torso"), "{text}");
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{command}: {line}");
            }
        }
    }
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(stdout(&["--version"]), concat!("torso ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn completions_hold_every_command() {
    let commands = commands();
    for shell in SHELLS {
        let script = stdout(&["completions", shell]);
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell}: no {command}");
        }
        assert!(script.contains("overwrite"), "{shell}: no option of `predict`");
    }
}

#[test]
fn shells_accept_their_completions() {
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = stdout(&["completions", shell]);
        let Some(output) = pipe_to(shell, &[check], &script) else { continue };
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.is_empty(), "{shell}: {stderr}");
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    let mut script = stdout(&["completions", "bash"]);
    // What the shell does when Tab is pressed after these words.
    script.push_str(
        r#"
        complete_after() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _torso torso "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            echo "${COMPREPLY[*]}"
        }
        complete_after torso comp
        complete_after torso predict --over
        complete_after torso completions z
        "#,
    );
    let Some(output) = pipe_to("bash", &["--norc"], &script) else { return };
    let completed = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(completed, "compare completions\n--overwrite\nzsh\n", "{stderr}");
}

#[test]
fn the_manual_has_a_page_for_the_program_and_each_command() {
    let commands = commands();
    let program = stdout(&["man"]);
    for command in commands.iter().filter(|command| *command != "help") {
        assert!(program.contains(&format!("torso\\-{command}(1)")), "{command} is not on the page");
        let page = stdout(&["man", command]);
        let title = format!(".TH torso-{command} 1 \" \" \"torso ");
        assert!(page.contains(&title), "{page}");
        check_page(command, &page);
    }
    check_page("torso", &program);
}

/// The formatter has nothing to complain of, and shows the page.
fn check_page(name: &str, page: &str) {
    let arguments = ["-man", "-ww", "-Tutf8", "-P-cbu", "-rLL=100n"];
    let Some(output) = pipe_to("groff", &arguments, page) else { return };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{name}: {stderr}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("SYNOPSIS") && text.contains("OPTIONS"), "{name}: {text}");
}

#[test]
fn notes_of_the_manual_keep_their_lines() {
    let page = stdout(&["man", "balance"]);
    let Some(output) = pipe_to("groff", &["-man", "-Tascii", "-P-cbu", "-rLL=100n"], &page) else {
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let line = r#"{"jacobian": [[-4, 1, 1], [6, 1, 1]]}   a row for each task, or"#;
    assert!(text.lines().any(|shown| shown.trim_start() == line), "{text}");
}

#[test]
fn typing_errors_name_the_nearest() {
    for (arguments, nearest) in [
        (vec!["compar"], "'compare'"),
        (vec!["compare", "--tragets", "a"], "'--targets'"),
        (vec!["completions", "bsh"], "'bash'"),
        (vec!["man", "evalute"], "`evaluate`"),
        (vec!["explain", "upgrda"], "`upgrad`"),
    ] {
        let output = run(&arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(nearest), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn exit_codes_say_what_is_wrong_and_json_errors_go_to_stdout_too() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("no/such/report.html");
    let report = report.to_str().unwrap();
    for (arguments, code, kind) in [
        (vec!["compar"], 2, "usage"),
        (vec!["compare", "--seeds", "many"], 2, "usage"),
        (vec!["compare", "--arms", "hard+nothing"], 2, "usage"),
        (vec!["explain", "nothing"], 2, "usage"),
        (vec!["compare", "--set", "lr=-1"], 2, "config"),
        (vec!["compare", "no-such.csv", "--targets", "a"], 3, "data"),
        (vec!["report", "no-such-run"], 3, "data"),
        (vec!["compare", "--report", report], 1, "run"),
    ] {
        let plain = run(&arguments);
        let with_json = run(&[&arguments[..], &["--json"]].concat());
        assert_eq!(plain.status.code(), Some(code), "{arguments:?}");
        assert!(plain.stdout.is_empty(), "{arguments:?}");
        assert_eq!(with_json.status.code(), Some(code), "{arguments:?}");
        let error: Value = serde_json::from_slice(&with_json.stdout).unwrap();
        assert_eq!((&error["schema"], &error["kind"]), (&"torso.error/1".into(), &kind.into()));
        let message = error["message"].as_str().unwrap();
        let points_on = error["hint"].is_string() || error["where"].is_string();
        assert!(!message.is_empty() && points_on, "{error}");
        for output in [plain, with_json] {
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(stderr.starts_with("error: ") && !stderr.contains("panicked"), "{stderr}");
        }
    }
    assert_eq!(run(&[]).status.code(), Some(2), "a command is needed");
}

#[test]
fn nothing_that_is_piped_has_escape_codes() {
    let compare = ["compare", "--seeds", "1", "--folds", "2", "--trials", "1", "--epochs", "2"];
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        vec!["--help"],
        vec!["list"],
        vec!["explain", "upgrad"],
        vec!["compare", "--tragets", "a"],
        compare.to_vec(),
    ] {
        let mut command = torso();
        command.args(&arguments).current_dir(folder.path()).env("TERM", "xterm");
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(!said.is_empty() && !said.contains(&ESCAPE), "{arguments:?}");
        assert!(!said.contains(&b'\r'), "{arguments:?}: a progress bar");
    }
}

/// On a terminal, which `script` is to the program that it runs.
#[test]
#[cfg(target_os = "linux")]
fn a_terminal_is_colored_but_not_with_no_color() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.html");
    let options = "--seeds 1 --folds 2 --trials 1 --epochs 2 2>&-";
    let torso = env!("CARGO_BIN_EXE_torso");
    let compare = format!("{torso} compare {options} --report {}", report.display());
    for command in [format!("{torso} --help"), compare] {
        for (no_color, is_colored) in [("", true), ("1", false)] {
            let mut script = Command::new("script");
            script.args(["-qec", &command, "/dev/null"]).stdin(Stdio::null());
            let script = script.env("TERM", "xterm-256color").env("NO_COLOR", no_color);
            let Ok(output) = script.output() else {
                eprintln!("skipped: no script");
                return;
            };
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{text}");
            assert_eq!(output.stdout.contains(&ESCAPE), is_colored, "NO_COLOR={no_color}: {text}");
        }
    }
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    for arguments in [
        vec!["--help"],
        vec!["list", "--json"],
        vec!["man", "compare"],
        vec!["completions", "bash"],
    ] {
        let mut command = torso();
        command.args(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.is_empty(), "{arguments:?}: {stderr}");
    }
}

/// A disk that is full, on the other hand, loses what was asked for.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = torso().arg("list").stdout(full).stderr(Stdio::piped()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("stdout"), "{stderr}");
}

#[test]
#[cfg(unix)]
fn a_name_that_is_no_text_is_a_name_like_others() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let mut command = torso();
    command.arg("report").arg(OsStr::from_bytes(b"\xff.json"));
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
}
