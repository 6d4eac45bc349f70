//! Content addresses: the SHA-256 of the canonical text of everything that decides a result.
//!
//! The text of the scenario is made once, with holes where axes put their values: the key of a point costs a hash and no parsing.

use std::cmp::Ordering;
use std::fmt::Write;
use std::path::Path;

use results::{InputEntry, sha256_hex};
use runner::Loader;
use scenarios::model;
use scenarios::sweep::{Setting, Step, Sweep};
use scenarios::{Reference, Sweep as SweepDefinition};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::SweepError;

/// An address.
pub(crate) type Key = [u8; 32];

/// Version of what is hashed and what is kept.
const ENTRY_VERSION: u32 = 1;

/// Fields of a scenario that decide nothing about a run, or stand in its key by themselves.
const LEFT_OUT: [&str; 6] = ["description", "replicates", "schema_version", "score", "seed", "strategies"];

/// Makes keys.
pub(crate) struct Keyer {
    /// Text before, between and behind the holes.
    pieces: Vec<String>,
    /// Which value of which axis fills each hole.
    holes: Vec<(usize, usize)>,
    /// Canonical texts of listed values, by axis, setting and path.
    listed: Vec<Vec<(Setting, Vec<String>)>>,
    /// The axis that sets the seed, and the seed otherwise.
    seed: (Option<usize>, u64),
}

/// A mark that stands for a value until the text is cut there. No TOML text holds this character unescaped.
fn mark(axis: usize, path: usize) -> String {
    format!("\u{1}{axis}:{path}\u{1}")
}

impl Keyer {
    /// Reads every file that the sweep refers to; adds them to `inputs`.
    pub(crate) fn new(sweep: &SweepDefinition, loader: &Loader, inputs: &mut Vec<InputEntry>) -> Result<Self, SweepError> {
        let mut canonical = Canonical { folder: &sweep.base.folder, loader, inputs };
        let marks: Vec<Setting> = sweep
            .axes
            .iter()
            .enumerate()
            .map(|(axis, of)| (0..of.paths.len()).map(|path| Value::String(mark(axis, path))).collect())
            .collect();
        let mut table = sweep.table(&marks).map_err(SweepError::Input)?;
        for name in LEFT_OUT {
            table.remove(name);
        }
        let mut text = format!("socrates {} entry {ENTRY_VERSION}\n", env!("SOCRATES_SOURCE_DIGEST"));
        for figure in &sweep.figures {
            let _ = writeln!(text, "figure {figure}");
        }
        canonical.put(&Value::Table(table), &mut Vec::new(), &mut text)?;
        let mut of_profile = Vec::new();
        for (axis, of) in sweep.axes.iter().enumerate() {
            for (index, path) in of.paths.iter().enumerate().filter(|(_, path)| is_of_profile(path)) {
                of_profile.push(format!("\n{} = {}", path.text, mark(axis, index)));
            }
        }
        // By their paths: the order of axes says nothing about a run.
        of_profile.sort_unstable();
        text.push_str(&of_profile.concat());
        let (pieces, holes) = cut(&text);
        let mut listed = Vec::new();
        for axis in &sweep.axes {
            let mut texts = Vec::new();
            for setting in &axis.settings {
                let mut of_setting = Vec::new();
                for (path, value) in axis.paths.iter().zip(setting) {
                    let mut location: Vec<&str> = path.steps.iter().map(location_of).collect();
                    let mut text = String::new();
                    canonical.put(value, &mut location, &mut text)?;
                    of_setting.push(text);
                }
                texts.push((setting.clone(), of_setting));
            }
            // Found by their value.
            texts.sort_by(|(one, _), (other, _)| order(one, other));
            listed.push(texts);
        }
        let is_seed = |path: &scenarios::sweep::Path| path.steps == [Step::Key("seed".to_owned())];
        let axis = sweep.axes.iter().position(|axis| axis.paths.iter().any(is_seed));
        let seed = sweep.base.table.get("seed").and_then(Value::as_integer).unwrap_or(0);
        Ok(Self { pieces, holes, listed, seed: (axis, seed.cast_unsigned()) })
    }

    /// The text that points have in common, and the values of axes: identifies the sweep.
    pub(crate) fn digest(&self, sweep: &Sweep) -> String {
        let mut text = self.pieces.join("\u{1}");
        let _ = write!(text, "\n{} {:?} {:?} {} {:?}", sweep.name, sweep.design, sweep.strategies, sweep.replicates, self.seed);
        for (axis, listed) in sweep.axes.iter().zip(&self.listed) {
            let _ = write!(text, "\n{:?} {:?} {:?} {listed:?}", axis.columns, axis.range, axis.settings);
        }
        sha256_hex(text.as_bytes())
    }

    /// The address of everything about a point but strategy and seed.
    pub(crate) fn point(&self, settings: &[Setting]) -> Key {
        let mut hash = Sha256::new();
        let texts: Vec<Option<&Vec<String>>> = settings
            .iter()
            .zip(&self.listed)
            .map(|(setting, listed)| {
                let found = listed.binary_search_by(|(known, _)| order(known, setting)).ok();
                found.map(|index| &listed[index].1)
            })
            .collect();
        for (index, piece) in self.pieces.iter().enumerate() {
            hash.update(piece.as_bytes());
            let Some(&(axis, path)) = self.holes.get(index) else { continue };
            match texts.get(axis).copied().flatten() {
                Some(texts) => hash.update(texts[path].as_bytes()),
                // Of a range: a plain number or quantity, which refers to nothing.
                None => hash.update(settings[axis][path].to_string().as_bytes()),
            }
        }
        hash.finalize().into()
    }

    /// The seed of a point.
    pub(crate) fn seed(&self, sweep: &Sweep, settings: &[Setting]) -> u64 {
        let of_axis = self.seed.0.and_then(|axis| {
            let path = sweep.axes[axis].paths.iter().position(|path| path.text == "seed")?;
            settings[axis][path].as_integer()
        });
        of_axis.map_or(self.seed.1, i64::cast_unsigned)
    }
}

/// The address of one run.
pub(crate) fn run(point: &Key, strategy: &str, seed: u64) -> Key {
    let mut hash = Sha256::new();
    hash.update(point);
    hash.update(seed.to_le_bytes());
    hash.update(strategy.as_bytes());
    hash.finalize().into()
}

fn is_of_profile(path: &scenarios::sweep::Path) -> bool {
    path.steps.first() == Some(&Step::Key("profile".to_owned()))
}

fn location_of(step: &Step) -> &str {
    match step {
        Step::Key(key) => key,
        Step::Index(_) | Step::Name(_) | Step::All => "*",
    }
}

/// Some order of settings: TOML values have none.
fn order(one: &Setting, other: &Setting) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Integer(_) => 0,
        Value::Float(_) => 1,
        Value::String(_) => 2,
        _ => 3,
    };
    let of_values = |(one, other): (&Value, &Value)| match (one, other) {
        (Value::Integer(one), Value::Integer(other)) => one.cmp(other),
        (Value::Float(one), Value::Float(other)) => one.total_cmp(other),
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (one, other) => rank(one).cmp(&rank(other)).then_with(|| one.to_string().cmp(&other.to_string())),
    };
    one.iter().zip(other).map(of_values).find(|order| order.is_ne()).unwrap_or_else(|| one.len().cmp(&other.len()))
}

/// Cuts a text at its marks.
fn cut(text: &str) -> (Vec<String>, Vec<(usize, usize)>) {
    let (mut pieces, mut holes) = (Vec::new(), Vec::new());
    for (index, part) in text.split('\u{1}').enumerate() {
        if index % 2 == 0 {
            pieces.push(part.to_owned());
        } else if let Some((axis, path)) =
            part.split_once(':').and_then(|(axis, path)| Some((axis.parse().ok()?, path.parse().ok()?)))
        {
            holes.push((axis, path));
        }
    }
    (pieces, holes)
}

/// Writes values so that equal ones have one text, and files stand as what they hold.
struct Canonical<'a> {
    folder: &'a Path,
    loader: &'a Loader,
    inputs: &'a mut Vec<InputEntry>,
}

impl Canonical<'_> {
    fn put<'v>(&mut self, value: &'v Value, location: &mut Vec<&'v str>, text: &mut String) -> Result<(), SweepError> {
        match value {
            Value::String(word) if word.starts_with('\u{1}') => text.push_str(word),
            Value::String(word) => match self.file(word, location)? {
                Some(file) => {
                    let _ = write!(text, "file({:?}, {})", file.name, file.sha256);
                    if !self.inputs.contains(&file) {
                        self.inputs.push(file);
                    }
                }
                None => {
                    let _ = write!(text, "{}", Value::String(word.clone()));
                }
            },
            Value::Array(entries) => {
                text.push('[');
                for entry in entries {
                    location.push("*");
                    self.put(entry, location, text)?;
                    location.pop();
                    text.push(',');
                }
                text.push(']');
            }
            Value::Table(table) => self.put_table(table, location, text)?,
            other => {
                let _ = write!(text, "{other}");
            }
        }
        Ok(())
    }

    fn put_table<'v>(&mut self, table: &'v Table, location: &mut Vec<&'v str>, text: &mut String) -> Result<(), SweepError> {
        let mut entries: Vec<(&String, &Value)> = table.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        text.push('{');
        for (key, value) in entries {
            let _ = write!(text, "{key:?}=");
            location.push(key);
            self.put(value, location, text)?;
            location.pop();
            text.push(',');
        }
        text.push('}');
        Ok(())
    }

    /// The file that a text refers to, where it stands.
    fn file(&self, word: &str, location: &[&str]) -> Result<Option<InputEntry>, SweepError> {
        Ok(match location {
            ["device"] => {
                let profile = self.loader.profile(&Reference::of(word, self.folder))?;
                Some(InputEntry::of("profile", profile.name.clone(), profile.text.as_bytes()))
            }
            ["stream", "*", "model"] => {
                let (name, bytes, sha256) = model::identify(&Reference::of(word, self.folder))?;
                Some(InputEntry { role: "model".to_owned(), name, bytes, sha256 })
            }
            ["stream", "*", "arrivals", "recorded", "file"] => {
                let path = self.folder.join(word);
                let contents = std::fs::read(&path)
                    .map_err(|error| SweepError::Input(format!("cannot read trace `{}`: {error}", path.display())))?;
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Some(InputEntry::of("trace", name, &contents))
            }
            _ => None,
        })
    }
}
