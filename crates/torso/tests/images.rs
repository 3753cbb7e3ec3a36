//! Images as data, from IDX files and from pixel columns: they are learned from, predicted, scored,
//! and the two are the same.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const SIDE: usize = 5;
const LABELS: &str = "--labels row.idx1-ubyte --labels column=columns.gz";
const SHORT: &str = "--trials 1 --epochs 30 --batch 32 --seed 3";

/// The file of images or labels.
fn idx(sizes: &[usize], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, u8::try_from(sizes.len()).unwrap()];
    file.extend(sizes.iter().flat_map(|&size| u32::try_from(size).unwrap().to_be_bytes()));
    file.extend(bytes);
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Pixels, and the bright row and column, of an image. The corner at the bottom right is dark.
fn image(i: usize) -> ([u8; SIDE * SIDE], [usize; 2]) {
    let (row, column) = (i % 4, (i / 4 + i) % 3);
    let pixel = |at: usize| match (at / SIDE, at % SIDE) {
        (4, 4) => 0,
        (r, c) if r == row || c == column => 200 + (i * (at + 3)) % 50,
        _ => (i * (at + 7)) % 60,
    };
    (std::array::from_fn(|at| u8::try_from(pixel(at)).unwrap()), [row, column])
}

/// `n` images with two labels as IDX files, and the same as `table.csv`.
fn folder(n: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let images: Vec<_> = (0..n).map(image).collect();
    let pixels: Vec<u8> = images.iter().flat_map(|(pixels, _)| *pixels).collect();
    let labels = |k: usize| -> Vec<u8> {
        idx(&[n], &images.iter().map(|(_, of)| u8::try_from(of[k]).unwrap()).collect::<Vec<_>>())
    };
    let names = (0..SIDE * SIDE).map(|at| format!("pixel_{}_{}", at / SIDE, at % SIDE));
    let mut table = names.collect::<Vec<_>>().join(",") + ",row,column\n";
    for (pixels, labels) in &images {
        for pixel in pixels {
            write!(table, "{pixel},").unwrap();
        }
        writeln!(table, "{},{}", labels[0], labels[1]).unwrap();
    }
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("images.gz", &gzip(&idx(&[n, SIDE, SIDE], &pixels)));
    write("row.idx1-ubyte", &labels(0));
    write("columns.gz", &gzip(&labels(1)));
    write("table.csv", table.as_bytes());
    folder
}

/// Runs what must succeed, and gives its stdout and stderr.
#[track_caller]
fn done(folder: &Path, arguments: &str) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torso"));
    let output = command.current_dir(folder).args(arguments.split(' ')).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(0), "torso {arguments}: {stderr}");
    (stdout, stderr)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn images_are_learned_predicted_and_scored() {
    let folder = folder(240);
    let path = folder.path();
    let (trained, said) = done(path, &format!("train images.gz {LABELS} {SHORT} --json"));
    assert!(said.contains("images: 240 rows, 240 with a label\n  images of 5x5\n"), "{said}");
    assert!(said.contains("  row (multiclass): 240 labels, 0.0% missing"), "{said}");
    let trained = json(&trained);
    let names: Vec<&Value> =
        trained["tasks"].as_array().unwrap().iter().map(|t| &t["task"]["name"]).collect();
    assert_eq!(names, ["row", "column"]);

    // Predictions need no labels, and are those of the same pixels in a table, or of stdin.
    done(path, "predict run images.gz -o a.csv");
    let read = |name: &str| fs::read_to_string(path.join(name)).unwrap();
    let without = |line: &str| line.split_once(',').unwrap().1.to_string() + "\n";
    assert_eq!(read("a.csv").lines().count(), 241);
    let kept = done(path, "predict run table.csv --keep pixel_0_0").0;
    assert_eq!(kept.lines().map(without).collect::<String>(), read("a.csv"));

    let scored = done(path, &format!("evaluate run images.gz {LABELS} --json"));
    assert!(scored.1.contains("the model learned from rows of this very table"), "{}", scored.1);
    let scored = json(&scored.0);
    for task in scored["tasks"].as_array().unwrap() {
        assert_eq!(task["n"], 240);
        let wrong = task["score"]["mean"].as_f64().unwrap();
        assert!(wrong < 0.3, "a guess is wrong in two of three: {task}");
    }
    let one = done(path, "evaluate run images.gz --labels row.idx1-ubyte --json");
    assert_eq!(json(&one.0)["tasks"][0], scored["tasks"][0]);
}

#[test]
fn pixel_columns_are_the_same_image() {
    let folder = folder(120);
    let path = folder.path();
    let method = format!("--method apart {SHORT}");
    done(path, &format!("train images.gz {LABELS} {method} --out idx"));
    let table = "table.csv --image 5x5 --targets row,column --kind row=class,column=class";
    let (_, said) = done(path, &format!("train {table} {method} --out csv"));
    assert!(said.contains("  images of 5x5\n"), "{said}");
    let predictions = |model: &str| done(path, &format!("predict {model} images.gz")).0;
    assert_eq!(predictions("idx"), predictions("csv"));
    // Without the shape, each pixel is scaled by itself, and the dark corner is dropped.
    let table = table.replace("--image 5x5 ", "");
    let (_, said) = done(path, &format!("train {table} {method} --out plain"));
    assert!(!said.contains("images of"), "{said}");
    assert_ne!(done(path, "predict plain table.csv").0, predictions("csv"));
}

#[test]
fn a_comparison_goes_by_given_splits_and_goes_on_elsewhere() {
    let folder = folder(120);
    let path = folder.path();
    let part = |row: usize| ["train", "train", "train", "validation", "test"][row % 5];
    let mut splits = String::from("row,rep,part\n");
    for row in 0..120 {
        writeln!(splits, "{row},0,{}", part(row)).unwrap();
    }
    fs::write(path.join("splits.csv"), splits).unwrap();
    let few = "--seeds 2 --trials 1 --epochs 3 --arms hard --splits splits.csv --json";
    let (said, _) = done(path, &format!("compare images.gz {LABELS} {few} --out runs"));
    let said = json(&said);
    assert_eq!(
        (&said["folds"], said["data"]["features"].as_array().unwrap().len()),
        (&Value::from(1), 25)
    );
    let names: Vec<&Value> =
        said["arms"].as_array().unwrap().iter().map(|arm| &arm["name"]).collect();
    assert_eq!(names, ["apart", "hard+equal"]);

    // All its files are found from another folder, and it is the same run.
    let other = path.join("other");
    fs::create_dir(&other).unwrap();
    fs::remove_file(path.join("runs/run.json")).unwrap();
    let (again, _) = done(&other, "compare --resume ../runs --json");
    let arms = |said: &Value| said["arms"].clone();
    assert_eq!(arms(&json(&again)), arms(&said));
}

#[test]
fn a_config_names_labels_and_shapes() {
    let folder = folder(120);
    let path = folder.path();
    let (said, _) = done(path, &format!("init images.gz {LABELS}"));
    assert!(said.contains("targets\n  row     asked for\n  column  asked for\n"), "{said}");
    let text = fs::read_to_string(path.join("torso.toml")).unwrap();
    let labels = "labels = [\"row=row.idx1-ubyte\", \"column=columns.gz\"]\n";
    assert!(text.contains(labels), "{text}");
    let pixels = "#   pixel_0_0 to pixel_4_4  feature  pixels     25 numbers, an image of 5x5\n";
    assert!(text.contains(pixels), "{text}");
    let other = path.join("other");
    fs::create_dir(&other).unwrap();
    let checked = json(&done(&other, "check ../torso.toml --json").0);
    assert_eq!(checked["image"], "5x5");
    // The pixels of a drawn line tell its place, and that they do is said; that the corner is dark
    // in every image is not.
    let warnings = checked["warnings"].as_array().unwrap();
    assert!(warnings.iter().all(|warning| warning["kind"] == "leak"), "{warnings:?}");

    fs::remove_file(path.join("torso.toml")).unwrap();
    let of_table = "init table.csv --image 5x5 --targets row,column --kind row=class,column=class";
    done(path, of_table);
    let text = fs::read_to_string(path.join("torso.toml")).unwrap();
    assert!(text.contains("image = \"5x5\"\n") && !text.contains("\nignore"), "{text}");
    assert_eq!(json(&done(path, "check torso.toml --json").0)["image"], "5x5");
}
