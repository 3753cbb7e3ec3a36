//! `metrics.jsonl`: what a training learned in each epoch, a JSON object per line.
//!
//! A line holds no time, so that a training which was stopped and resumed ends with the same file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Serialize, Serializer};
use torso_core::estimator::Epoch;

/// The file, open at its end.
#[derive(Debug)]
pub struct MetricsLog {
    file: File,
}

/// An epoch as it is written; what is not finite becomes `null`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    part: &'a str,
    epoch: usize,
    train: ByTask<'a>,
    validation: ByTask<'a>,
    weights: ByTask<'a>,
    cosine: f64,
}

/// An object with a value for each task, in the order of the tasks.
#[derive(Debug)]
struct ByTask<'a> {
    tasks: &'a [String],
    values: &'a [f64],
}

impl MetricsLog {
    /// Opens a file, new or not, and keeps of it the first `n_lines` lines that are whole: a resumed
    /// training writes the rest again. A file that holds fewer goes on from what there is.
    pub fn resume(path: &Path, n_lines: usize) -> io::Result<Self> {
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let kept = length_of_lines(&mut BufReader::new(&file), n_lines)?;
        // One call to the system, so that a kill leaves the file as it was or as it is to be.
        file.set_len(kept)?;
        file.seek(SeekFrom::Start(kept))?;
        Ok(Self { file })
    }

    /// Writes the line of an epoch, numbered from 0 and written from 1, of one part of a training.
    pub fn write(
        &mut self,
        part: &str,
        number: usize,
        tasks: &[String],
        epoch: &Epoch,
    ) -> io::Result<()> {
        let line = Line {
            part,
            epoch: number + 1,
            train: ByTask { tasks, values: &epoch.train },
            validation: ByTask { tasks, values: &epoch.validation },
            weights: ByTask { tasks, values: &epoch.weights },
            cosine: epoch.cosine,
        };
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        // One call for the whole line: a reader never sees half of it, short of a kill.
        self.file.write_all(&bytes)
    }
}

/// The length in bytes of the first `n_lines` lines, or of all lines that end with a line break.
fn length_of_lines(reader: &mut impl BufRead, n_lines: usize) -> io::Result<u64> {
    let (mut length, mut line) = (0, Vec::new());
    for _ in 0..n_lines {
        line.clear();
        reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            break;
        }
        length += line.len() as u64;
    }
    Ok(length)
}

impl Serialize for ByTask<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.tasks.iter().zip(self.values))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tasks() -> Vec<String> {
        vec!["z \"quoted\"\nname".to_string(), "b".to_string()]
    }

    fn epoch(number: usize) -> Epoch {
        let x = number as f64;
        Epoch {
            train: vec![x, f64::NAN],
            validation: vec![x / 3.0, f64::INFINITY],
            weights: Vec::new(),
            cosine: -x,
        }
    }

    fn write(log: &mut MetricsLog, numbers: std::ops::Range<usize>) {
        for number in numbers {
            log.write("joint, trial 0", number, &tasks(), &epoch(number)).unwrap();
        }
    }

    #[test]
    fn a_line_is_an_object_with_the_tasks_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        write(&mut MetricsLog::resume(&path, 0).unwrap(), 1..2);
        let expected = concat!(
            r#"{"part":"joint, trial 0","epoch":2,"train":{"z \"quoted\"\nname":1.0,"b":null},"#,
            r#""validation":{"z \"quoted\"\nname":0.3333333333333333,"b":null},"#,
            r#""weights":{},"cosine":-1.0}"#,
            "\n"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }

    #[test]
    fn a_resumed_log_ends_as_one_that_was_never_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        write(&mut MetricsLog::resume(&path, 0).unwrap(), 0..4);
        let whole = fs::read(&path).unwrap();
        // Killed at any byte: the lines that are whole count, and no more than the checkpoint knows.
        for stop in 0..=whole.len() {
            fs::write(&path, &whole[..stop]).unwrap();
            let n_whole = whole[..stop].split(|byte| *byte == b'\n').count() - 1;
            for n_known in 0..=n_whole {
                fs::write(&path, &whole[..stop]).unwrap();
                write(&mut MetricsLog::resume(&path, n_known).unwrap(), n_known..4);
                assert_eq!(fs::read(&path).unwrap(), whole, "stopped at {stop}, {n_known} known");
            }
        }
    }

    #[test]
    fn what_is_lost_is_no_reason_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        write(&mut MetricsLog::resume(&path, 0).unwrap(), 0..3);
        let mut torn = fs::read(&path).unwrap();
        torn.truncate(torn.len() - 1);
        fs::write(&path, &torn).unwrap();
        write(&mut MetricsLog::resume(&path, 7).unwrap(), 7..8);
        let lines: Vec<serde_json::Value> = fs::read_to_string(&path)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let epochs: Vec<u64> = lines.iter().map(|line| line["epoch"].as_u64().unwrap()).collect();
        assert_eq!(epochs, [1, 2, 8]);
        assert!(MetricsLog::resume(&folder.path().join("no/such/metrics.jsonl"), 0).is_err());
    }
}
