//! The README shows what the main command prints.

use crate::folder::Folder;

#[test]
fn the_table_in_the_readme_is_what_the_main_command_prints() {
    let folder = Folder::new();
    let ran = folder.socrates(&[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let printed: Vec<&str> = ran.stdout.lines().map(str::trim_end).collect();
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let block = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a text block");
    let shown: Vec<&str> = block.lines().filter(|line| *line != "..." && !line.is_empty()).collect();
    assert!(shown.len() > 20, "the README shows {} lines of the table", shown.len());
    for line in shown {
        assert!(printed.contains(&line), "the README shows a line that the main command does not print:\n{line}");
    }
}
