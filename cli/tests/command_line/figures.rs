//! `figure` and `report`: from results to pictures and pages.

use crate::folder::{Folder, scenario};

fn folder_with_results() -> Folder {
    let folder = Folder::new();
    folder.write("scenario.toml", scenario(""));
    let ran = folder.socrates(&["run", "scenario.toml", "--quiet"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    folder
}

fn read(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).expect("the file was written")
}

#[test]
fn figures_are_drawn_alike_each_time() {
    let folder = folder_with_results();
    for (name, label) in [("timeline", "time, ms"), ("graph", "conv"), ("latencies", "latency, ms")] {
        let mut drawn = Vec::new();
        for file in ["one.svg", "two.svg"] {
            let ran = folder.socrates(&["figure", name, "runs/small", "--strategy", "gpu", "-o", file]);
            assert_eq!(ran.status, Some(0), "{}", ran.stderr);
            assert!(ran.stdout.starts_with(&format!("{file}: ")), "{}", ran.stdout);
            drawn.push(read(&folder, file));
        }
        assert!(drawn[0].contains(&format!("aria-label=\"{label}\"")), "{name}");
        assert_eq!(drawn[0], drawn[1], "{name}");
    }
    let ran = folder.socrates(&["figure", "graph", "runs/small", "-o", "graph.png", "--dpi", "72"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("more runs are in `runs/small`: choose by --case and --strategy"), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let folder = folder_with_results();
    let cases: [(&[&str], &str); 6] = [
        (&["timeline", "runs/small", "--strategy", "gpv"], "nothing of strategy `gpv`: there is `cpu`, `gpu`, `heft`"),
        (&["graph", "runs/small", "--model", "resnet"], "nothing of model `resnet`: there is"),
        (&["clocks", "runs/small"], "the run has no clocks, temperatures or power of that kind"),
        (&["graph", "nowhere"], "nowhere"),
        (&["graph", "runs/small", "-o", "graph.pdf"], "`graph.pdf` is neither .svg nor .png"),
        (&["comparison", "scenario.toml"], "`scenario.toml` is no comparison of predictions with measurements"),
    ];
    for (arguments, expected) in cases {
        let ran = folder.socrates(&[&["figure"], arguments].concat());
        assert_eq!(ran.status, Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn comparisons_are_three_figures() {
    let folder = Folder::new();
    let pair = r#"{"label": "a", "group": "gpu", "predicted": 2.0, "measured": 2.1}"#;
    folder.write(
        "pairs.json",
        format!(r#"{{"name": "pairs", "caption": "Two.", "unit": "latency, ms", "pairs": [{pair}, {pair}]}}"#),
    );
    let ran = folder.socrates(&["figure", "comparison", "pairs.json", "-o", "pairs.svg"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    for kind in ["scatter", "errors", "boxes"] {
        assert!(read(&folder, &format!("pairs-{kind}.svg")).contains("<title>Two.</title>"), "{kind}");
    }
}

#[test]
fn reports_hold_all_they_need() {
    let folder = folder_with_results();
    let ran = folder.socrates(&["report", "runs/small", "-o", "page.html"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let page = read(&folder, "page.html");
    for part in ["default-src 'none'", "\"strategy\":\"heft\"", "\"reads\":[0]", "</html>"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("src=\"") && !page.contains("@import") && !page.contains("/*DATA*/"));
    let ran = folder.socrates(&["report", "nowhere"]);
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
}
