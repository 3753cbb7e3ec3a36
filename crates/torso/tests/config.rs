//! The schema of config files: as committed, true to the examples, and told in the docs.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::{Value, json};

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn committed() -> Value {
    let path = crate_folder().join("../../docs/config.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn examples() -> Vec<PathBuf> {
    let entries = fs::read_dir(crate_folder().join("examples/configs")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 3, "{paths:?}");
    paths
}

fn torso(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torso"));
    let output = command.current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Judges texts by the committed schema.
struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.set_default_draft(Draft::V2020_12);
        let schema = committed();
        let url = schema["$id"].as_str().unwrap().to_string();
        compiler.add_resource(&url, schema).unwrap();
        let index = compiler.compile(&url, &mut schemas).unwrap();
        Self { schemas, index }
    }

    /// What is wrong with a TOML text, if anything is.
    fn fault(&self, text: &str) -> Option<String> {
        let value: toml::Table = toml::from_str(text).unwrap();
        let value = serde_json::to_value(value).unwrap();
        self.schemas.validate(&value, self.index).err().map(|error| error.to_string())
    }
}

#[test]
fn the_committed_schema_is_that_of_the_code() {
    let (code, stdout, stderr) = torso(crate_folder(), &["check", "--schema"]);
    assert_eq!(code, Some(0), "{stderr}");
    let path = crate_folder().join("../../docs/config.schema.json");
    let hint = "cargo run --release -- check --schema > docs/config.schema.json";
    assert_eq!(stdout, fs::read_to_string(path).unwrap(), "write it again: {hint}");
    assert_eq!(committed()["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn every_example_follows_the_schema_and_is_read() {
    let judge = Judge::new();
    for path in examples() {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(judge.fault(&text), None, "{}", path.display());
        let url = committed()["$id"].as_str().unwrap().to_string();
        assert_eq!(text.lines().next().unwrap(), format!("#:schema {url}"), "{}", path.display());
        // It is read, and then a table is looked for, or the embedded one is checked.
        let (code, _, stderr) = torso(crate_folder(), &["check", path.to_str().unwrap()]);
        match code {
            Some(0) => {}
            code => {
                assert_eq!(code, Some(3), "{}: {stderr}", path.display());
                assert!(stderr.contains("expected a file, found nothing"), "{stderr}");
            }
        }
    }
}

#[test]
fn the_schema_refuses_what_the_code_refuses() {
    let judge = Judge::new();
    let folder = tempfile::tempdir().unwrap();
    for text in [
        "[data]\ntargts = [\"a\"]",
        "[data]\ntargets = \"a\"",
        "[data]\ntargets = [1]",
        "[data]\ndelimiter = \"ab\"",
        "[data]\nkinds = { a = \"text\" }",
        "[data]\nlabels = \"y=a\"",
        "[data]\nlabels = [\"y=\"]",
        "[data]\nlabels = [\" =y\"]",
        "[data]\nimage = \"28\"",
        "[data]\nimage = \"0x28\"",
        "[data]\nimage = \"28x28x3x1\"",
        "[split]\nseeds = 0",
        "[split]\nseeds = 1001",
        "[split]\nseeds = 1.5",
        "[split]\nfolds = 1",
        "[split]\ntrain-rows = 1",
        "[split]\nsplit = \"randomly\"",
        "[training]\nbatch = 0",
        "[training]\nbatch = \"half\"",
        "[training]\nbatch = -4",
        "[training]\nthreads = 0",
        "[training]\ntrials = 10001",
        "[training]\nepochs = true",
        "[train]\nall-rows = 1",
        "[compare]\narms = \"hard\"",
        "[run]\ntorso = \"1\"",
        "[settings]\nlr = 0.1",
    ] {
        assert!(judge.fault(text).is_some(), "the schema lets through: {text}");
        fs::write(folder.path().join("torso.toml"), text).unwrap();
        let (code, stdout, stderr) = torso(folder.path(), &["compare", "torso.toml", "--json"]);
        assert_eq!(code, Some(2), "{text}: {stderr}");
        assert!(stderr.contains("\n  at: torso.toml, line "), "{stderr}");
        assert!(stderr.contains("\nhint: "), "{stderr}");
        let error: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!((&error["schema"], &error["kind"]), (&json!("torso.error/1"), &json!("config")));
    }
}

/// The keys of a schema's tables, as `table.key`, but for those that Torso writes.
fn keys() -> Vec<(String, String)> {
    let schema = committed();
    let tables = schema["properties"].as_object().unwrap();
    let mut keys = Vec::new();
    for (table, schema) in tables.iter().filter(|(table, _)| *table != "run") {
        let properties = schema["properties"].as_object();
        keys.extend(properties.into_iter().flatten().map(|(key, _)| (table.clone(), key.clone())));
    }
    assert!(keys.len() > 20, "{keys:?}");
    keys
}

#[test]
fn every_key_is_in_an_example_and_in_the_docs() {
    let docs = fs::read_to_string(crate_folder().join("../../docs/config.md")).unwrap();
    let texts = examples().into_iter().map(|path| fs::read_to_string(path).unwrap());
    let tables: Vec<toml::Table> = texts.map(|text| toml::from_str(&text).unwrap()).collect();
    for (table, key) in keys() {
        assert!(
            docs.contains(&format!("| `{key}` |")),
            "docs/config.md lacks `{key}` of [{table}]"
        );
        let is_in = |file: &toml::Table| file.get(&table).is_some_and(|t| t.get(&key).is_some());
        assert!(key == "splits" || tables.iter().any(is_in), "no example has {table}.{key}");
    }
    let settings = tables.iter().filter_map(|file| file.get("set")?.as_table());
    // A table is a method's.
    for (key, _) in settings.flatten().filter(|(_, value)| !value.is_table()) {
        assert!(docs.contains(&format!("| `{key}` |")), "docs/config.md lacks the setting `{key}`");
    }
}

#[test]
fn what_a_run_notes_is_a_config_that_follows_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let run =
        "compare --seeds 2 --folds 2 --trials 1 --epochs 1 --set uncertainty.lr=0.2 --out run";
    let (code, _, stderr) = torso(folder.path(), &run.split(' ').collect::<Vec<_>>());
    assert_eq!(code, Some(0), "{stderr}");
    let text = fs::read_to_string(folder.path().join("run/run.toml")).unwrap();
    assert_eq!(Judge::new().fault(&text), None, "{text}");
    assert!(text.contains("[set.uncertainty]\nlr = 0.2\n"), "{text}");
    let (code, _, stderr) = torso(folder.path(), &["check", "--config", "run/run.toml"]);
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn a_config_says_what_flags_say() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[data]\ntargets = [\"species\", \"body_mass_g\"]\nignore = [\"year\"]\n\
                [split]\nseeds = 2\nseed = 3\nfolds = 3\n[training]\ntrials = 1\nepochs = 3\nbatch = 32\n\
                [compare]\narms = [\"hard+equal\"]\n[set]\nhidden = [8]\nlr = 0.01";
    fs::write(folder.path().join("torso.toml"), text).unwrap();
    let flags = "compare --targets species,body_mass_g --ignore year --seeds 2 --seed 3 --folds 3 \
                 --trials 1 --epochs 3 --batch 32 --arms hard+equal --set hidden=8 --set lr=0.01 --json";
    let result = |arguments: &str| {
        let (code, stdout, stderr) =
            torso(folder.path(), &arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(code, Some(0), "{stderr}");
        let mut result: Value = serde_json::from_str(&stdout).unwrap();
        result["seconds"] = Value::Null;
        result
    };
    let by_flags = result(flags);
    assert_eq!(result("compare torso.toml --json"), by_flags);
    assert_eq!(result("compare --config torso.toml --json"), by_flags);
    // A flag goes before the file.
    assert_eq!(
        result("compare torso.toml --seed 4 --json"),
        result(&flags.replace("--seed 3", "--seed 4"))
    );
    assert_ne!(result("compare torso.toml --seed 4 --json"), by_flags);
}
