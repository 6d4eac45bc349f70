//! Identifies the program by its source: results that a cache keeps are those of one program.

use std::path::{Path, PathBuf};

/// Folders whose contents decide results.
const FOLDERS: [&str; 5] = ["../sim/src", "../scenarios/src", "../results/src", "../runner/src", "src"];

fn main() {
    let mut files = Vec::new();
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        collect(Path::new(folder), &mut files);
    }
    // Versions of what they depend on.
    println!("cargo::rerun-if-changed=../Cargo.lock");
    files.push(PathBuf::from("../Cargo.lock"));
    files.sort();
    let mut digest: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        digest = fnv(digest, name.as_bytes());
        digest = fnv(digest, &std::fs::read(&file).unwrap_or_default());
    }
    println!("cargo::rustc-env=SOCRATES_SOURCE_DIGEST={digest:032x}");
}

/// FNV-1a of 128 bits (Fowler, Noll and Vo): enough to tell versions of a source apart.
fn fnv(digest: u128, bytes: &[u8]) -> u128 {
    bytes.iter().fold(digest, |digest, &byte| (digest ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}
