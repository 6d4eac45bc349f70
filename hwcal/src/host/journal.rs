//! What has been measured so far, in a file that survives being killed: a header, then a line for each result.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::host::sample::{Refusal, Sample};

/// Version of the format.
const FORMAT: u32 = 1;

/// Why a journal cannot be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("journal `{file}`: {error}")]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It was begun on another machine, or by another design.
    #[error(
        "journal `{file}` is of another {what}: it says {found}, but this run has {expected}; name another file, or delete it"
    )]
    Other {
        /// The file.
        file: PathBuf,
        /// `machine`, `workers` or `design`.
        what: &'static str,
        /// What the file says.
        found: String,
        /// What it would have to say.
        expected: String,
    },
    /// A line in the middle is no result.
    #[error("journal `{file}`, line {line}: {error}")]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        error: String,
    },
}

/// First line: what the results belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub journal: u32,
    /// Kernel, CPU and microcode.
    pub machine: String,
    /// Names, cores, libraries and drivers of the workers.
    pub workers: String,
    /// Hash over the keys of all experiments.
    pub design: String,
}

impl Header {
    /// A header of this format.
    pub(crate) fn new(machine: String, workers: String, design: u64) -> Self {
        Self { journal: FORMAT, machine, workers, design: format!("{design:016x}") }
    }
}

/// One result, with the time of day at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was measured, in milliseconds since 1970.
    pub unix_ms: u64,
    /// What came out.
    #[serde(flatten)]
    pub result: Measured,
}

/// What came out of a measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "nearly all are samples")]
pub enum Measured {
    /// A sample.
    Sample(Sample),
    /// The worker cannot do it.
    Refusal(Refusal),
}

impl Entry {
    /// Key of the sample, or the one it would have had.
    pub fn key(&self) -> &str {
        match &self.result {
            Measured::Sample(sample) => &sample.key,
            Measured::Refusal(refusal) => &refusal.key,
        }
    }
}

/// A journal, open for appending; or none, which forgets everything.
#[derive(Debug, Default)]
pub struct Journal {
    file: Option<(PathBuf, File)>,
}

impl Journal {
    /// A journal that is written nowhere.
    pub fn none() -> Self {
        Self::default()
    }

    /// Opens a journal, begins one where there is none, and gives back what it holds.
    ///
    /// A last line without its end was being written when the run was killed: it is cut off. Of entries of one key the last counts.
    pub fn open(path: &Path, header: &Header) -> Result<(Self, Vec<Entry>), JournalError> {
        let io_error = |error| JournalError::Io { file: path.to_owned(), error };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(io_error(error)),
        };
        let whole_bytes = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let entries = read(path, &text[..whole_bytes], header)?;
        let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(io_error)?;
        file.set_len(whole_bytes as u64).map_err(io_error)?;
        if whole_bytes == 0 {
            write_line(&mut file, header).map_err(io_error)?;
        }
        Ok((Self { file: Some((path.to_owned(), file)) }, entries))
    }

    /// Appends a result, whole or (if killed) torn; never two results in one line.
    pub fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        match &mut self.file {
            None => Ok(()),
            Some((path, file)) => write_line(file, entry).map_err(|error| JournalError::Io { file: path.clone(), error }),
        }
    }
}

fn write_line(file: &mut File, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}

fn read(path: &Path, text: &[u8], header: &Header) -> Result<Vec<Entry>, JournalError> {
    let file = || path.to_owned();
    let invalid = |line: usize, error: String| JournalError::Invalid { file: file(), line, error };
    let lines = text.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    let mut entries: Vec<Entry> = Vec::new();
    let mut known = BTreeMap::new();
    for (index, line) in lines {
        if index == 0 {
            let found: Header = serde_json::from_slice(line).map_err(|error| invalid(1, format!("no header: {error}")))?;
            let pairs = [
                ("format", found.journal.to_string(), header.journal.to_string()),
                ("machine", found.machine, header.machine.clone()),
                ("set of workers", found.workers, header.workers.clone()),
                ("design", found.design, header.design.clone()),
            ];
            for (what, found, expected) in pairs {
                if found != expected {
                    return Err(JournalError::Other { file: file(), what, found, expected });
                }
            }
            continue;
        }
        let entry: Entry = serde_json::from_slice(line).map_err(|error| invalid(index + 1, error.to_string()))?;
        // Later entries of a key hold the earlier ones.
        match known.entry(entry.key().to_owned()) {
            Place::Occupied(place) => entries[*place.get()] = entry,
            Place::Vacant(place) => {
                place.insert(entries.len());
                entries.push(entry);
            }
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::sample::{Experiment, RefusalKind, Timing};

    fn header() -> Header {
        Header::new("machine".to_owned(), "cpu".to_owned(), 7)
    }

    fn entries() -> Vec<Entry> {
        let timing = Timing {
            p10_ns: 9,
            median_ns: 10,
            samples: 15,
            spread: 0.1234,
            stolen: 0,
            interval_ns: [9, 10],
            busy_p10_ns: None,
            turn_ns: None,
            prepared_ns: None,
            visits_ns: Vec::new(),
            batches_ms: Vec::new(),
        };
        let sample = |key: &str| Sample {
            key: key.to_owned(),
            worker: "cpu".to_owned(),
            experiment: Experiment::WakeUp,
            timing: timing.clone(),
        };
        let refusal = Refusal {
            key: "no".to_owned(),
            worker: "cpu".to_owned(),
            why: RefusalKind::Unsupported,
            op_type: "Conv".to_owned(),
            work: None,
            message: "one\nline".to_owned(),
        };
        let results = [Measured::Sample(sample("one")), Measured::Refusal(refusal), Measured::Sample(sample("two"))];
        results.into_iter().enumerate().map(|(index, result)| Entry { unix_ms: index as u64, result }).collect()
    }

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("hwcal-journal-{}-{name}", std::process::id()))
    }

    /// Killed at any byte: what is kept and what is measured again are all, and nothing is there twice.
    #[test]
    fn a_journal_cut_anywhere_resumes_to_the_same() {
        let path = path("cut");
        let _ = std::fs::remove_file(&path);
        let (mut journal, kept) = Journal::open(&path, &header()).expect("new");
        assert!(kept.is_empty());
        for entry in &entries() {
            journal.append(entry).expect("written");
        }
        let whole = std::fs::read(&path).expect("there");
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).expect("cut");
            let (mut journal, kept) = Journal::open(&path, &header()).expect("resumes");
            assert_eq!(kept, entries()[..kept.len()], "{length}");
            for entry in &entries()[kept.len()..] {
                journal.append(entry).expect("written");
            }
            assert_eq!(std::fs::read(&path).expect("there"), whole, "{length}");
        }
        std::fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn a_journal_of_something_else_is_refused() {
        let path = path("other");
        let _ = std::fs::remove_file(&path);
        Journal::open(&path, &header()).expect("new");
        let check = |header: &Header, expected: &str| {
            let error = Journal::open(&path, header).expect_err("another").to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(
            &Header::new("else".to_owned(), "cpu".to_owned(), 7),
            "of another machine: it says machine, but this run has else;",
        );
        check(&Header::new("machine".to_owned(), "gpu".to_owned(), 7), "of another set of workers: it says cpu");
        check(&Header::new("machine".to_owned(), "cpu".to_owned(), 8), "of another design: it says 0000000000000007");
        std::fs::write(&path, "{}\n").expect("written");
        check(&header(), "line 1: no header: missing field `journal`");
        std::fs::write(&path, format!("{}\nnonsense\n", serde_json::to_string(&header()).expect("text"))).expect("written");
        check(&header(), "line 2: expected");
        std::fs::remove_file(&path).expect("removed");
        check_directory(&std::env::temp_dir());
    }

    fn check_directory(path: &Path) {
        assert!(matches!(Journal::open(path, &header()), Err(JournalError::Io { .. })));
    }
}
