//! Parts of the study that are made quickly: figure, data, text, errors.

use crate::folder::Folder;

fn read(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).expect("the file was written")
}

#[test]
fn parts_come_out_alike_on_any_number_of_threads() {
    let folder = Folder::new();
    for (threads, file) in [("1", "one"), ("3", "three")] {
        for ending in ["svg", "csv", "md"] {
            let output = format!("{file}.{ending}");
            let ran = folder.socrates(&["figure", "fig1", "-o", &output, "--threads", threads, "--quiet"]);
            assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
            assert!(ran.stdout.starts_with(&format!("{output}: ")), "{}", ran.stdout);
        }
    }
    for ending in ["svg", "csv", "md"] {
        assert_eq!(read(&folder, &format!("one.{ending}")), read(&folder, &format!("three.{ending}")), "{ending}");
    }
    let csv = read(&folder, "one.csv");
    assert!(csv.starts_with("on,task,kind,start_us,end_us\n") && csv.lines().count() > 30, "{csv}");
    let page = read(&folder, "one.md");
    for part in ["## Figure 1: ", "What it says:", "socrates run study-fig1", "deterministic"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn tables_name_every_strategy_and_device() {
    let folder = Folder::new();
    for (table, listed, rows) in [("table1", "strategies", 19), ("table2", "devices", 17)] {
        let ran = folder.socrates(&["figure", table, "--quiet"]);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
        let page = read(&folder, &format!("{table}.md"));
        let known = folder.socrates(&["list", listed]).stdout;
        let names: Vec<&str> = known
            .lines()
            .skip(1)
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert!(names.len() >= rows, "{names:?}");
        for name in names {
            assert!(page.contains(&format!("\n| {name} |")), "{name} is not in {page}");
        }
    }
}

#[test]
fn wrong_figures_are_told() {
    let folder = Folder::new();
    let cases: [(&[&str], &str); 5] = [
        (&["timeline"], "`timeline` is drawn from results: name them, `socrates figure timeline runs/pixel4-solo`"),
        (&["table2", "runs/x"], "`table2` is a part of the study and runs what it needs: leave `runs/x` away"),
        (&["table2", "-o", "x.pdf"], "`x.pdf` is neither .svg, .png, .csv nor .md"),
        (&["table2", "-o", "x.svg"], "`table2` has no figure: name a file that ends in .md or .csv"),
        (&["fig99"], "fig9"),
    ];
    for (arguments, expected) in cases {
        let ran = folder.socrates(&[&["figure"], arguments].concat());
        assert_eq!(ran.status, Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
    }
    let ran = folder.socrates(&["study", "--check", "--full"]);
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
}
