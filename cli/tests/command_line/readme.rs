//! What the README and the examples show is what the program prints. `UPDATE=1` rewrites the examples' expected output.

use std::fs;
use std::path::Path;

use crate::folder::Folder;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn the_table_in_the_readme_is_what_the_command_prints() {
    let folder = Folder::new();
    let ran = folder.socrates(&["run", "pixel4-solo"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let printed: Vec<&str> = ran.stdout.lines().map(str::trim_end).collect();
    let readme = fs::read_to_string(format!("{REPOSITORY}/README.md")).unwrap();
    let block = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a text block");
    let shown: Vec<&str> = block.lines().filter(|line| *line != "..." && !line.is_empty()).collect();
    assert!(shown.len() > 20, "the README shows {} lines of the table", shown.len());
    for line in shown {
        assert!(printed.contains(&line), "the README shows a line that the command does not print:\n{line}");
    }
}

#[test]
fn every_example_prints_what_stands_beside_it() {
    let mut examples: Vec<_> =
        fs::read_dir(Path::new(REPOSITORY).join("examples")).unwrap().map(|it| it.unwrap().path()).collect();
    // Those of the hypotheses and of sweeps have tests of their own.
    examples.retain(|example| !example.ends_with("hypotheses") && !example.ends_with("sweep"));
    examples.sort();
    assert!(!examples.is_empty());
    for example in examples {
        let folder = Folder::new();
        let scenario = example.join("scenario.toml");
        if fs::read_to_string(&scenario).unwrap().contains("device = \"host\"") {
            // Its output is measured: the recipe `host` executes it.
            let ran = folder.socrates(&["run", scenario.to_str().unwrap()]);
            assert_eq!(ran.status, Some(2), "{}", ran.stderr);
            assert!(ran.stderr.contains("there is no profile of this machine"), "{}", ran.stderr);
            continue;
        }
        let ran = folder.socrates(&["run", scenario.to_str().unwrap()]);
        assert_eq!(ran.status, Some(0), "{}: {}", example.display(), ran.stderr);
        let expected = example.join("expected.txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &ran.stdout).unwrap();
        }
        let text = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(ran.stdout, text, "{} differs: rewrite it by `UPDATE=1 cargo test`", expected.display());
    }
}
