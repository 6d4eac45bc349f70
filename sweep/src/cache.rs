//! The cache: what was simulated before, by address.
//!
//! A folder of segments. Every process that has something to keep makes a segment of its own and only appends to it, so that several may
//! work at once, and a process that is killed loses at most what it had not handed to the operating system. Every entry has a checksum:
//! one that is damaged is skipped, and told.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::SweepError;
use crate::key::Key;

/// First bytes of a segment.
const HEADER: &[u8; 16] = b"socrates cache 1";

/// First bytes of an entry.
const MAGIC: [u8; 4] = [0xC5, 0x0C, 0xA7, 0xE5];

/// Bytes of an entry before its contents: magic, length, key.
const BEFORE: usize = 4 + 4 + 32;

/// Bytes of an entry behind its contents: the checksum.
const BEHIND: usize = 8;

/// Bytes that are collected before they are written.
const BATCH_BYTES: usize = 1 << 16;

/// Time after which they are written all the same.
const BATCH_TIME: Duration = Duration::from_millis(500);

/// Contents of an entry, within the segment that holds it.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    segment: Arc<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Payload {
    /// Of an entry that was just made.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        Self { segment: Arc::new(bytes), start: 0, end }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.segment[self.start..self.end]
    }
}

/// What a folder held when it was opened, and a segment to add to.
pub(crate) struct Cache {
    folder: PathBuf,
    known: HashMap<Key, Payload>,
    /// Places in segments where entries are damaged, as text.
    pub(crate) damaged: Vec<String>,
    segment: Mutex<Option<Segment<File>>>,
}

impl Cache {
    /// Reads what there is. The folder is made where there is none.
    pub(crate) fn open(folder: &Path) -> Result<Self, SweepError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| SweepError::Cache { action, path, source }
        };
        fs::create_dir_all(folder).map_err(failed("make", folder))?;
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed("look at", folder))? {
            let path = entry.map_err(failed("look at", folder))?.path();
            if path.extension().is_some_and(|ending| ending == "segment") {
                files.push(path);
            }
        }
        files.sort();
        let read = |path: &PathBuf| -> Result<(Vec<Found>, Option<String>), SweepError> {
            let segment = Arc::new(fs::read(path).map_err(failed("read", path))?);
            let Scan { found, damaged } = scan(&segment);
            let named = path.file_name().unwrap_or_default().to_string_lossy();
            let told = (damaged > 0).then(|| format!("`{named}`: {damaged} damaged"));
            let payload = |(key, start, end)| (key, Payload { segment: Arc::clone(&segment), start, end });
            Ok((found.into_iter().map(payload).collect(), told))
        };
        let read: Vec<(Vec<Found>, Option<String>)> = files.par_iter().map(read).collect::<Result<_, _>>()?;
        let mut known = HashMap::with_capacity(read.iter().map(|(found, _)| found.len()).sum());
        let mut damaged = Vec::new();
        for (found, told) in read {
            known.extend(found);
            damaged.extend(told);
        }
        Ok(Self { folder: folder.to_owned(), known, damaged, segment: Mutex::new(None) })
    }

    /// What was kept under a key before.
    pub(crate) fn get(&self, key: &Key) -> Option<Payload> {
        self.known.get(key).cloned()
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// Where it cannot be written; what was written before stays.
    pub(crate) fn add(&self, key: &Key, contents: &[u8]) -> Result<(), SweepError> {
        let mut guard = self.segment.lock().unwrap_or_else(PoisonError::into_inner);
        let segment = match &mut *guard {
            Some(segment) => segment,
            empty => empty.insert(self.begin()?),
        };
        segment.add(key, contents).map_err(|source| self.unwritten(source))
    }

    /// Writes what is left, and makes it durable.
    pub(crate) fn finish(&self) -> Result<(), SweepError> {
        let mut guard = self.segment.lock().unwrap_or_else(PoisonError::into_inner);
        match guard.take() {
            Some(mut segment) => segment.flush().and_then(|()| segment.file.sync_all()).map_err(|source| self.unwritten(source)),
            None => Ok(()),
        }
    }

    fn unwritten(&self, source: io::Error) -> SweepError {
        SweepError::Cache { action: "write to", path: self.folder.clone(), source }
    }

    /// A segment of this process alone.
    fn begin(&self) -> Result<Segment<File>, SweepError> {
        let process = std::process::id();
        for number in 0_u32.. {
            let path = self.folder.join(format!("{process}-{number}.segment"));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => return Segment::begin(file).map_err(|source| self.unwritten(source)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(source) => return Err(self.unwritten(source)),
            }
        }
        Err(self.unwritten(io::Error::from(ErrorKind::AlreadyExists)))
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // After an error that one is told, not this.
        let _ = self.finish();
    }
}

/// A segment that is being written.
struct Segment<W> {
    file: W,
    pending: Vec<u8>,
    written: Instant,
}

impl<W: Write> Segment<W> {
    fn begin(file: W) -> io::Result<Self> {
        let mut segment = Self { file, pending: HEADER.to_vec(), written: Instant::now() };
        segment.flush()?;
        Ok(segment)
    }

    fn add(&mut self, key: &Key, contents: &[u8]) -> io::Result<()> {
        let length = u32::try_from(contents.len()).map_err(io::Error::other)?;
        let start = self.pending.len();
        self.pending.extend(MAGIC);
        self.pending.extend(length.to_le_bytes());
        self.pending.extend(key);
        self.pending.extend(contents);
        let sum = checksum(&self.pending[start + 4..]);
        self.pending.extend(sum.to_le_bytes());
        if self.pending.len() >= BATCH_BYTES || self.written.elapsed() >= BATCH_TIME { self.flush() } else { Ok(()) }
    }

    /// Hands over what is pending. A part that cannot be is dropped: readers skip what is cut short.
    fn flush(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.written = Instant::now();
        self.file.write_all(&pending)
    }
}

/// An entry: its key and its contents.
type Found = (Key, Payload);

struct Scan {
    found: Vec<(Key, usize, usize)>,
    damaged: u64,
}

/// Finds the entries of a segment. What is cut short at its end was being written when its process ended, or is being written now.
fn scan(segment: &[u8]) -> Scan {
    let mut scan = Scan { found: Vec::new(), damaged: 0 };
    if !segment.starts_with(HEADER) {
        scan.damaged = u64::from(segment.len() >= HEADER.len());
        return scan;
    }
    let mut at = HEADER.len();
    while at < segment.len() {
        match entry(segment, at) {
            Entry::Whole(key, start, end) => {
                scan.found.push((key, start, end));
                at = end + BEHIND;
            }
            Entry::Short if next(segment, at + 1).is_none() => break,
            Entry::Short | Entry::Damaged => {
                scan.damaged += 1;
                let Some(found) = next(segment, at + 1) else { break };
                at = found;
            }
        }
    }
    scan
}

enum Entry {
    Whole(Key, usize, usize),
    Short,
    Damaged,
}

fn entry(segment: &[u8], at: usize) -> Entry {
    let Some(before) = segment.get(at..at + BEFORE) else { return Entry::Short };
    if before[..4] != MAGIC {
        return Entry::Damaged;
    }
    let (Ok(length), Ok(key)) = (before[4..8].try_into(), Key::try_from(&before[8..])) else { return Entry::Damaged };
    let (start, end) = (at + BEFORE, at + BEFORE + u32::from_le_bytes(length) as usize);
    let Some(sum) = segment.get(end..end + BEHIND) else { return Entry::Short };
    if checksum(&segment[at + 4..end]).to_le_bytes() == sum { Entry::Whole(key, start, end) } else { Entry::Damaged }
}

/// The next place where an entry is whole.
fn next(segment: &[u8], from: usize) -> Option<usize> {
    let candidates = segment.get(from..)?.windows(4).enumerate().filter(|(_, bytes)| *bytes == MAGIC);
    candidates.map(|(offset, _)| from + offset).find(|&at| matches!(entry(segment, at), Entry::Whole(..)))
}

/// Words of eight bytes mixed by multiplication: any changed byte changes it.
fn checksum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let mix = |sum: u64, word: &[u8; 8]| (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    let sum = words.iter().chain([&last]).fold(bytes.len() as u64, mix);
    (sum ^ sum >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(entries: &[Vec<u8>]) -> Vec<u8> {
        let mut segment = Segment::begin(Vec::new()).expect("memory");
        for (index, contents) in entries.iter().enumerate() {
            segment.add(&[index as u8; 32], contents).expect("memory");
        }
        segment.flush().expect("memory");
        segment.file
    }

    proptest! {
        /// Cut anywhere, a segment gives every entry before the cut, and nothing is called damaged.
        #[test]
        fn a_segment_that_is_cut_short_gives_what_is_whole(entries in prop::collection::vec(any::<Vec<u8>>(), 1..8), cut: prop::sample::Index) {
            let bytes = segment(&entries);
            let cut = cut.index(bytes.len() + 1);
            let scan = scan(&bytes[..cut]);
            prop_assert_eq!(scan.damaged, 0);
            let mut end = HEADER.len();
            let whole = entries.iter().take_while(|entry| { end += BEFORE + entry.len() + BEHIND; end <= cut }).count();
            prop_assert_eq!(scan.found.len(), whole);
        }

        /// Whichever byte is changed, the entry that holds it is lost and told, and all others are found as they were.
        #[test]
        fn a_damaged_entry_is_skipped_and_told(
            entries in prop::collection::vec(any::<Vec<u8>>(), 1..8), place: prop::sample::Index, change in 1_u8..,
        ) {
            let mut bytes = segment(&entries);
            let at = HEADER.len() + place.index(bytes.len() - HEADER.len());
            bytes[at] ^= change;
            let scan = scan(&bytes);
            let mut end = HEADER.len();
            let hit = entries.iter().position(|entry| { end += BEFORE + entry.len() + BEHIND; at < end }).expect("within");
            let found: Vec<(u8, &[u8])> = scan.found.iter().map(|(key, start, end)| (key[0], &bytes[*start..*end])).collect();
            let expected: Vec<(u8, &[u8])> =
                entries.iter().enumerate().filter(|(index, _)| *index != hit).map(|(index, entry)| (index as u8, entry.as_slice())).collect();
            prop_assert_eq!(found, expected);
            // A length that points behind the end cannot be told from an entry that is being written, at the end of the segment.
            prop_assert!(scan.damaged == 1 || hit + 1 == entries.len());
        }
    }

    /// A disk that takes some bytes and then no more.
    struct FullDisk(usize);

    impl Write for FullDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told() {
        let mut segment = Segment::begin(FullDisk(100)).expect("room for the header");
        segment.add(&[0; 32], &[1; 200]).expect("kept in memory");
        assert_eq!(segment.flush().map_err(|error| error.kind()), Err(ErrorKind::StorageFull));
    }
}
