//! A folder, the command in it, and what came of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The profile of a phone made up for tests.
pub(crate) const PHONE: &str = include_str!("../../../scenarios/tests/phone.toml");

/// A temporary folder with `phone.toml` in it.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    /// A fresh folder.
    pub(crate) fn new() -> Self {
        let folder = Self { folder: tempfile::tempdir().unwrap() };
        folder.write("phone.toml", PHONE);
        folder
    }

    /// Writes a file and returns the folder, for chains.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path().join(name), contents).unwrap();
        self
    }

    /// Where the folder is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the command in the folder.
    pub(crate) fn socrates(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran::of(&output)
    }

    /// The command, to be run in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_socrates"));
        command.args(arguments).current_dir(self.path());
        command
    }

    /// Every file below a folder, with its contents.
    pub(crate) fn contents(&self, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.path().join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|path| (path.file_name().unwrap().into(), fs::read(&path).unwrap())).collect()
    }
}

/// What came of a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    /// Exit status.
    pub(crate) status: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// From the output of a process.
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A scenario of one small model on the phone, with `more` at its end.
pub(crate) fn scenario(more: &str) -> String {
    format!(
        "schema_version = 1\nname = \"small\"\ndevice = \"./phone.toml\"\nstrategies = [\"cpu\", \"gpu\", \"heft\"]\n\n\
         [[stream]]\nmodel = \"squeezenet1_1\"\nrequests = 3\n{more}"
    )
}
