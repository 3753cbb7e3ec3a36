//! `MultiMNIST` of the four files of MNIST: two digits in one image, a task for each.
//!
//! `cargo run --release -p torso-data --example multi_mnist -- FOLDER OUT [TRAIN TEST SEED]` writes
//! `images.idx3-ubyte`, `left.idx1-ubyte`, `right.idx1-ubyte` and `splits.csv` to the folder OUT:
//! TRAIN pairs (20,000) of the training files, every tenth of which validates, and TEST pairs
//! (5,000) of the `t10k` files, which test.
#![expect(clippy::print_stdout, reason = "an example says what it wrote")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use torso_core::seed::Seed;
use torso_data::generate::{MultiDigit, multi_digit};
use torso_data::{Idx, IdxKind, TableError};

const USAGE: &str = "expected FOLDER OUT [TRAIN TEST SEED]";
/// One of so many training pairs validates.
const VALIDATION: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, numbers @ ..] = arguments.as_slice() else { return Err(USAGE.into()) };
    let mut sizes = [20_000, 5_000, 0];
    if numbers.len() > sizes.len() {
        return Err(USAGE.into());
    }
    for (size, text) in sizes.iter_mut().zip(numbers) {
        *size = text.parse().map_err(|_| USAGE)?;
    }
    let [n_train, n_test, seed] = sizes;

    let (folder, seed) = (Path::new(folder), Seed(seed as u64));
    let train = pairs(folder, "train", n_train, seed.derive("train", 0))?;
    let test = pairs(folder, "t10k", n_test, seed.derive("test", 0))?;
    let made = train.followed_by(&test);
    fs::create_dir_all(out)?;
    let write = |name: &str, bytes: &[u8]| fs::write(Path::new(out).join(name), bytes);
    write("images.idx3-ubyte", &made.images.to_bytes())?;
    write("left.idx1-ubyte", &made.left.to_bytes())?;
    write("right.idx1-ubyte", &made.right.to_bytes())?;
    write("splits.csv", splits(n_train, n_test).as_bytes())?;
    println!("{out}: {n_train} pairs to learn from, {n_test} to test on");
    Ok(())
}

/// Pairs of the digits in two of the files.
fn pairs(folder: &Path, files: &str, n: usize, seed: Seed) -> Result<MultiDigit, TableError> {
    let path = |of: &str| file(folder, &format!("{files}-{of}-ubyte"));
    let (of_images, of_labels) = (path("images-idx3"), path("labels-idx1"));
    let images = Idx::read(&of_images, IdxKind::Images)?;
    let labels = Idx::read(&of_labels, IdxKind::Labels)?;
    if labels.sizes[0] != images.sizes[0] {
        return Err(TableError::LabelCount {
            file: of_labels.display().to_string(),
            images: of_images.display().to_string(),
            expected: images.sizes[0],
            found: labels.sizes[0],
        });
    }
    Ok(multi_digit(&images, &labels, n, seed))
}

/// A file as it is, or packed.
fn file(folder: &Path, name: &str) -> PathBuf {
    let plain = folder.join(name);
    if plain.is_file() { plain } else { folder.join(format!("{name}.gz")) }
}

/// The part of each row, training pairs first.
fn splits(n_train: usize, n_test: usize) -> String {
    let mut text = String::from("row,rep,part\n");
    for row in 0..n_train + n_test {
        let part = match row {
            row if row >= n_train => "test",
            row if row % VALIDATION == VALIDATION - 1 => "validation",
            _ => "train",
        };
        let _ = writeln!(text, "{row},0,{part}");
    }
    text
}
