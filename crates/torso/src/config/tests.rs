//! Files and flags: every fault has its place, and what is written is read again.

use std::path::PathBuf;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::json;
use torso_core::estimator::Batch;

use super::*;

/// What is wrong, where, and what to do.
fn fault(text: &str) -> (String, String, String) {
    let error = Config::parse(text, "torso.toml").unwrap_err();
    assert_eq!(error.kind, Kind::Config, "{text}");
    (error.message, error.place.unwrap_or_default(), error.hint.unwrap_or_default())
}

const SEEDS: &str = "`seeds`: Repeats of a comparison, each with its own seed [default: 10]";
const BATCH: &str = "`batch`: Rows in a step: a number, full or auto [default: auto]";
const DOCS: &str = "docs/config.md shows every key";
const NO_TOML: &str = "a line is a [table], or key = value; texts stand in quotes";

/// (text, message, line and column, hint).
#[rustfmt::skip]
const FAULTS: [(&str, &str, &str, &str); 50] = [
    // Keys and tables that do not exist.
    ("[data]\ntargts = [\"a\"]", "there is no `targts` in [data]", "2, column 1", "did you mean `targets`?"),
    ("targets = [\"a\"]", "there is no `targets` in the file", "1, column 1", "`targets` belongs in [data]"),
    ("[training]\n\n  seeds = 3", "there is no `seeds` in [training]", "3, column 3", "`seeds` belongs in [split]"),
    ("[split]\ntrain_rows = 9", "there is no `train_rows` in [split]", "2, column 1", "did you mean `train-rows`?"),
    ("[dta]\npath = \"a.csv\"", "there is no `dta` in the file", "1, column 2", "did you mean `data`?"),
    ("[compare]\nzzz = 1", "there is no `zzz` in [compare]", "2, column 1", "what there is: arms"),
    ("[run]\ntorso = \"1\"", "missing field `command`", "1, column 1", DOCS),
    // Numbers.
    ("[split]\nseeds = 0", "expected `split.seeds` to be a whole number from 1 to 1000, found 0", "2, column 9", SEEDS),
    ("[split]\nseeds = 1001", "expected `split.seeds` to be a whole number from 1 to 1000, found 1001", "2, column 9", SEEDS),
    ("[split]\nseeds = -1", "expected `split.seeds` to be a whole number from 1 to 1000, found -1", "2, column 9", SEEDS),
    ("[split]\nseeds = 2.5", "expected `split.seeds` to be a whole number from 1 to 1000, found 2.5", "2, column 9", SEEDS),
    ("split.seeds = \"ten\"", "expected `split.seeds` to be a whole number from 1 to 1000, found \"ten\"", "1, column 15", SEEDS),
    ("split = { folds = 1 }", "expected `split.folds` to be a whole number from 2 to 1000, found 1", "1, column 19", "`folds`: Folds of each repeat [default: 5]"),
    ("[split]\ntrain-rows = 1", "expected `split.train-rows` to be a whole number of at least 2, found 1", "2, column 14", "`train-rows`: At most so many rows for learning, validation included"),
    ("[split]\nseed = 99999999999999999999", "expected `split.seed` to be a whole number of at least 0, found 99999999999999999999", "2, column 8", "`seed`: The seed of the first repeat [default: 0]"),
    ("[training]\nthreads = 0", "expected `training.threads` to be a whole number from 1 to 1024, found 0", "2, column 11", "`threads`: Trainings side by side; all cores if not given"),
    ("[training]\nbatch = 0", "expected `training.batch` to be a number of rows from 1, \"full\" or \"auto\", found 0", "2, column 9", BATCH),
    ("[training]\nbatch = \"half\"", "expected `training.batch` to be a number of rows from 1, \"full\" or \"auto\", found \"half\"", "2, column 9", BATCH),
    ("[training]\nbatch = true", "expected `training.batch` to be a number of rows from 1, \"full\" or \"auto\", found true", "2, column 9", BATCH),
    // Texts and lists.
    ("[data]\ntargets = \"a,b\"", "expected `data.targets` to be a list, found \"a,b\"", "2, column 11", "write a list, such as targets = [\"a\", \"b\"]"),
    ("[data]\ntargets = [\"a\", 3]", "expected `data.targets` to be a text, found 3", "2, column 17", "texts stand in quotes; `targets`: Columns to predict, one task each; all --labels if not given"),
    ("[data]\npath = [\n1,\n2]", "expected `data.path` to be a text, found [...", "2, column 8", "texts stand in quotes; `path`: A table (.csv, .tsv, .csv.gz), IDX images, or a torso.toml; without one, the penguins that come with Torso"),
    ("data = 3", "expected `data` to be a table, found 3", "1, column 8", "write [data] on a line, and its keys below"),
    ("[data.kinds]\nyear = \"clas\"", "expected `data.kinds.year` to be \"number\" or \"class\", found \"clas\"", "2, column 8", "did you mean \"class\"?"),
    ("[data]\nkinds = [\"a=class\"]", "expected `data.kinds` to be a table, found [\"a=class\"]", "2, column 9", "`kinds`: What a column is where it would be taken for something else: COLUMN=class, COLUMN=number"),
    ("[data]\ndelimiter = \"ab\"", "expected `data.delimiter` to be one character such as ; or the word tab, found \"ab\"", "2, column 13", "`delimiter`: The character between cells; found out if not given"),
    ("[data]\nlabels = [\"y=\"]", "expected `data.labels` to be NAME=FILE or a file of labels, found [\"y=\"]", "2, column 10", "`labels`: Labels of IDX images, an IDX file: a column of classes, named as the file if without NAME=; repeatable"),
    ("[data]\nimage = \"28\"", "expected `data.image` to be HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS, each below 10000, found \"28\"", "2, column 9", "`image`: The features, in their order, are the pixels of one image, such as 28x28 or 32x32x3: row by row, the channels of a pixel side by side"),
    ("[split]\nsplit = \"time\"", "expected `split.split` to be random, group:COLUMN, time:COLUMN or column:COLUMN, found \"time\"", "2, column 9", "`split`: random, group:COLUMN (whole groups to one side), time:COLUMN (test on the last), column:COLUMN (parts named in the column) [default: random]"),
    ("[training]\ntime-limit = \"ninety\"", "expected `training.time-limit` to be a time such as 90s, 10m or 2h, found \"ninety\"", "2, column 14", "`time-limit`: End after this time, such as 90s, 10m or 2h, with what is learned by then"),
    ("[train]\nall-rows = \"yes\"", "expected `train.all-rows` to be true or false, found \"yes\"", "2, column 12", "`all-rows`: Leave no rows for a test: all learn or stop the learning"),
    ("[data]\npath = \"torso.toml\"", "expected `data.path` to be a table, found `torso.toml`", "2, column 1", "name a .csv, .tsv or .csv.gz file"),
    // Contradictions.
    ("[data]\ntargets = [\"a\"]\ngroup = \"b\"\ntarget = \"c\"", "`targets` and `group` contradict each other", "3, column 1", "leave one of them out"),
    ("[data]\ntargets = [\"a\"]\ntarget = \"c\"", "`targets` and `target` contradict each other", "3, column 1", "leave one of them out"),
    ("[data]\ngroup = \"b\"", "expected `target` beside `group`", "2, column 1", "add target = \"COLUMN\" to [data]"),
    ("[split]\nsplits = \"a.csv\"\nsplit = \"random\"", "`split` and `splits` contradict each other", "2, column 1", "leave one of them out"),
    // Arms and settings.
    ("[compare]\narms = [\"apart\", \"hrad+equal\"]", "no such arm: `hrad+equal`", "2, column 1", "did you mean `hard+equal`?"),
    ("[train]\nmethod = \"hard+equl\"", "no such arm: `hard+equl`", "2, column 1", "did you mean `hard+equal`?"),
    ("[set]\nlrr = 0.1", "there is no `lrr` in [set]", "2, column 1", "did you mean `lr`?"),
    ("[set]\nlr = \"fast\"", "expected `set.lr` to be a number, found \"fast\"", "2, column 1", DOCS),
    ("[set]\nlr = nan", "expected `set.lr` to be a number, found null", "2, column 1", DOCS),
    ("[set]\ndropout = 0.1\nlr = -1.0", "expected `lr` above 0, found -1", "3, column 1", DOCS),
    ("[set]\nhidden = [32, 0]", "expected `hidden` as widths from 1 to 65536, found 0", "2, column 1", DOCS),
    ("[set]\nhead = \"seperate\"", "expected `set.head` to be \"deviation\" or \"separate\", found \"seperate\"", "2, column 1", "did you mean \"separate\"?"),
    ("[set.uncertanty]\nlr = 0.1", "there is no method `uncertanty`", "1, column 6", "did you mean `uncertainty`?"),
    ("[set.uncertainty]\nlrr = 0.1", "there is no `lrr` in [set.uncertainty]", "2, column 1", "did you mean `lr`?"),
    ("[set]\nuncertainty.lr = -0.1", "`uncertainty` expects `lr` above 0, found -0.1", "2, column 13", "`torso explain uncertainty` shows its parameters"),
    // No TOML at all.
    ("[data\n", "this is no TOML: unclosed table, expected `]`", "1, column 6", NO_TOML),
    ("[data]\nweight = w", "this is no TOML: string values must be quoted, expected literal string", "2, column 10", NO_TOML),
    ("[data]\nweight = \"v\"\nweight = \"w\"", "this is no TOML: duplicate key", "3, column 1", NO_TOML),
];

#[test]
fn every_fault_has_its_message_place_and_hint() {
    for (text, message, place, hint) in FAULTS {
        let expected = (message.to_string(), format!("torso.toml, line {place}"), hint.to_string());
        assert_eq!(fault(text), expected, "{text}");
    }
}

#[test]
fn columns_are_counted_in_letters() {
    let (_, place, _) = fault("[data]\nweight = \"größe\" x");
    assert_eq!(place, "torso.toml, line 2, column 18");
}

#[test]
fn hostile_texts_are_faults_not_panics() {
    let deep = format!("[set]\nlr = {}1{}", "[".repeat(5000), "]".repeat(5000));
    let keys = format!("{} = 1", vec!["a"; 5000].join("."));
    for text in
        [deep.as_str(), &keys, "\u{0}", "[[data]]", "data.path.x = 1\ndata.path = 2", "\u{feff}="]
    {
        assert!(Config::parse(text, "f").is_err(), "{}", &text[..text.len().min(40)]);
    }
    assert_eq!(Config::parse("", "f").unwrap(), Config::default());
    assert_eq!(Config::parse("\u{feff}[data]\r\n", "f").unwrap(), Config::default());
}

#[test]
fn flags_go_before_the_file_and_the_file_before_defaults() {
    let parse = |text| Config::parse(text, "f").unwrap();
    let file = parse(
        "data = { targets = [\"a\"], weight = \"w\" }\nsplit = { seeds = 3, split = \"time:t\" }\n\
         [set]\nlr = 0.1\ndropout = 0.2\n[set.famo]\nlr = 0.3",
    );
    let flags = parse(
        "data = { group = \"g\", target = \"t\" }\nsplit = { seeds = 7, splits = \"s.csv\" }\n\
         [set]\nlr = 0.5\n[set.famo]\ndecay = 0.4",
    );
    let config = flags.over(file);
    assert_eq!((config.data.group.as_deref(), config.data.targets.len()), (Some("g"), 0));
    assert_eq!(config.data.weight.as_deref(), Some("w"));
    let split = config.split.options();
    assert_eq!((split.repeats, split.folds, config.split.rule()), (7, 5, "random"));
    assert_eq!(config.split.splits.as_deref(), Some(Path::new("s.csv")));
    assert_eq!(
        Value::Object(config.set.clone()),
        json!({"lr": 0.5, "dropout": 0.2, "famo": {"lr": 0.3, "decay": 0.4}})
    );
    let mut settings: Vec<String> = config.settings().into_iter().map(|(key, _)| key).collect();
    settings.sort();
    assert_eq!(settings, ["dropout", "famo.decay", "famo.lr", "lr"]);
    assert_eq!((config.training.budget().trials, config.train.method()), (4, "hard+equal"));
}

#[test]
fn paths_are_relative_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("torso.toml");
    std::fs::write(
        &path,
        "[data]\npath = \"a/b.csv\"\nlabels = [\"y=l\"]\n[split]\nsplits = \"s.csv\"",
    )
    .unwrap();
    let config = Config::read(&path).unwrap();
    assert_eq!(config.data.labels[0].0.path, folder.path().join("l"));
    assert_eq!(config.data.path.unwrap(), folder.path().join("a/b.csv"));
    assert_eq!(config.split.splits.unwrap(), folder.path().join("s.csv"));

    std::fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    let error = Config::read(&path).unwrap_err();
    assert_eq!(
        error.message,
        "cannot read this config: expected less than 1 MiB, found 2097152 bytes"
    );
    std::fs::write(&path, b"\xff").unwrap();
    assert!(Config::read(&path).unwrap_err().message.contains("UTF-8"));
}

/// Any text that a column can be called.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z_]{1,8}",
        1 => any::<String>().prop_map(|text| text.replace('\0', "")).prop_filter("no name", |t| !t.is_empty()),
        1 => Just("\"quoted\" \\ # = [x]\nsecond line".to_string()),
    ]
}

fn count<const LOW: u64, const HIGH: u64>() -> impl Strategy<Value = Option<Count<LOW, HIGH>>> {
    option::of((LOW..=HIGH).prop_map(|n| Count::new(n).unwrap()))
}

fn data() -> impl Strategy<Value = DataConfig> {
    let said = prop_oneof![
        vec(name(), 0..4).prop_map(|targets| (targets, None, None)),
        (name(), name()).prop_map(|(group, target)| (Vec::new(), Some(group), Some(target))),
    ];
    let kind =
        prop_oneof![Just(torso_data::KindOverride::Class), Just(torso_data::KindOverride::Number)];
    let kinds = btree_map(name(), kind, 0..3).prop_map(|kinds| {
        kinds.into_iter().map(|(column, kind)| KindOf { column, kind }).collect::<Vec<_>>()
    });
    let delimiter = option::of(prop_oneof![Just(b'\t'), Just(b';'), Just(b'|'), Just(b'\\')]);
    let lists = (vec(name(), 0..3), vec(name(), 0..3), vec(name(), 0..3));
    let labels = ("[a-z ]{0,3}[a-z]", name()).prop_map(|(name, path)| format!("{name}={path}"));
    let labels = vec(labels.prop_map(|text| text.parse().unwrap()), 0..3);
    let shape = prop_oneof![Just("28x28"), Just("1x9999x3")].prop_map(|s| s.parse().unwrap());
    let images = (labels, option::of(shape));
    (option::of(name()), said, lists, kinds, option::of(name()), delimiter, images).prop_map(
        |(path, said, (features, ignore, missing), kind, weight, delimiter, (labels, image))| {
            let (targets, group, target) = said;
            let (path, delimiter) = (path.map(PathBuf::from), delimiter.map(Delimiter));
            DataConfig {
                path,
                targets,
                group,
                target,
                features,
                ignore,
                weight,
                missing,
                delimiter,
                kind,
                labels,
                image,
            }
        },
    )
}

fn split() -> impl Strategy<Value = SplitConfig> {
    let rule = prop_oneof![
        Just("random".to_string()),
        name().prop_map(|column| format!("group:{column}")),
        name().prop_map(|column| format!("time:{column}")),
    ];
    let how = prop_oneof![
        Just((None, None)),
        rule.prop_map(|rule| (Some(rule.parse().unwrap()), None)),
        name().prop_map(|path| (None, Some(PathBuf::from(path)))),
    ];
    (count(), count(), count(), how, count()).prop_map(
        |(seeds, seed, folds, (split, splits), train_rows)| SplitConfig {
            seeds,
            seed,
            folds,
            split,
            splits,
            train_rows,
        },
    )
}

fn training() -> impl Strategy<Value = TrainingConfig> {
    let batch = prop_oneof![
        Just(Batch::Full),
        Just(Batch::Auto),
        (1_usize..1 << 40).prop_map(Batch::Rows),
    ];
    let limit =
        (0_u64..1 << 40, 0_u32..1_000_000_000).prop_map(|(s, n)| std::time::Duration::new(s, n));
    let batch = option::of(batch.prop_map(BatchRows));
    let are_off = (any::<bool>(), any::<bool>());
    (count(), count(), batch, count(), option::of(limit.prop_map(Limit)), are_off).prop_map(
        |(trials, epochs, batch, threads, time_limit, (no_standardize, no_intercept))| {
            TrainingConfig {
                trials,
                epochs,
                batch,
                threads,
                time_limit,
                no_standardize,
                no_intercept,
            }
        },
    )
}

fn settings() -> impl Strategy<Value = Map<String, Value>> {
    let lr = option::of(1e-12..1e3_f64).prop_map(|lr| lr.map(|lr| ("lr".into(), json!(lr))));
    let hidden = option::of(vec(1_usize..1000, 1..4));
    let hidden = hidden.prop_map(|hidden| hidden.map(|widths| ("hidden".into(), json!(widths))));
    let own = option::of(1e-6..1.0_f64);
    let own = own.prop_map(|lr| lr.map(|lr| ("uncertainty".into(), json!({"lr": lr}))));
    (lr, hidden, own)
        .prop_map(|(lr, hidden, own)| lr.into_iter().chain(hidden).chain(own).collect())
}

fn config() -> impl Strategy<Value = Config> {
    let arms =
        prop_oneof![Just(Vec::new()), Just(vec!["pooled".to_string(), "hard+upgrad".to_string()]),];
    let method = option::of(Just("hard+tuned".to_string()));
    let run = option::of((name(), option::of(name())).prop_map(|(command_line, blake3)| RunInfo {
        torso: "0.1.0".to_string(),
        command: "train".to_string(),
        command_line,
        blake3,
    }));
    let learned = (arms, method, any::<bool>());
    (data(), split(), training(), learned, settings(), run).prop_map(
        |(data, split, training, (arms, method, all_rows), set, run)| {
            let (compare, train) = (CompareConfig { arms }, TrainConfig { method, all_rows });
            Config { data, split, training, compare, train, set, run }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_is_read_again(config in config()) {
        let text = config.to_toml().unwrap();
        let read = Config::parse(&text, "f").map_err(|error| error.message);
        prop_assert_eq!(read, Ok(config), "{}", text);
    }

    #[test]
    fn any_text_is_a_config_or_a_fault_with_a_place(text in "[\\[\\]a-z=\"'. \n{}0-9,#-]{0,80}") {
        if let Err(error) = Config::parse(&text, "f") {
            prop_assert!(error.place.is_some() && error.hint.is_some(), "{}", error.message);
        }
    }
}

#[path = "../../../../fuzz/cases/config.rs"]
mod case;

/// What fuzzing begins with, and what it has found (`docs/fuzzing.md`).
#[test]
fn every_seed_is_a_config_or_a_fault() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/config");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(seeds).unwrap().map(|seed| seed.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        println!("{}", path.display());
        case::check(&std::fs::read_to_string(path).unwrap());
    }
}
