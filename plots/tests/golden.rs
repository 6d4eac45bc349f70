//! Two figures to the byte, each with what must hold of it. `UPDATE=1 cargo test -p socrates-plots --test golden` writes them anew: look at
//! them before they are committed.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fs;
use std::path::PathBuf;

use plots::charts::{Pair, Scatter, Span, Timeline};
use plots::style::Width;
use plots::{Rectangle, Scene};

/// Compares a figure with the committed one, or replaces that.
fn check(name: &str, scene: &Scene) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let drawn = scene.svg();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert!(drawn == expected, "{name} is not what it was; if that is meant, UPDATE=1 writes it anew");
}

/// What shapes with hints cover, by their hints.
fn places(scene: &Scene) -> Vec<(&str, Rectangle)> {
    let shapes = scene.shapes.iter().filter(|shape| !shape.hint.is_empty());
    shapes.map(|shape| (shape.hint.as_str(), shape.path.bounds().unwrap())).collect()
}

#[test]
fn scatter() {
    let pair =
        |label: &str, group: &str, predicted, measured| Pair { label: label.into(), group: group.into(), predicted, measured };
    let pairs = vec![
        pair("a", "cpu.3medium", 1.0, 1.0),
        pair("b", "gpu", 10.0, 10.0),
        pair("c", "gpu", 120.0, 100.0),
        pair("d", "cpu.3medium", 0.0, 3.0),
    ];
    let scene = Scatter { title: "Four pairs".into(), quantity: "latency, ms".into(), pairs, width: Width::Single }.draw();
    check("scatter.svg", &scene);
    // Equal ratios are equally long, on both axes alike; too high a prediction lies above the line through the others.
    let centres: Vec<_> = places(&scene).iter().map(|(_, place)| place.centre()).collect();
    let [a, b, c] = centres[..] else { panic!("three of four pairs are drawn") };
    let near = |one: f64, other: f64| assert!((one - other).abs() < 0.01, "{one} is not {other}");
    near(b.x - a.x, a.y - b.y);
    near(b.x - a.x, c.x - b.x);
    near((b.y - c.y) / (c.x - b.x), 12.0_f64.log10());
}

#[test]
fn timeline() {
    let span = |row, start, end, group: &str| Span {
        row,
        start,
        end,
        group: group.into(),
        label: "conv".into(),
        hint: format!("{start}"),
    };
    let spans = vec![span(0, 0.0, 2.0, "a"), span(1, 2.0, 6.0, "b"), span(0, 6.0, 7.0, "a"), span(1, 9.0, 30.0, "b")];
    let rows = ["cpu.1large", "gpu"].map(str::to_owned).to_vec();
    let scene = Timeline {
        title: "Spans".into(),
        unit: "ms".into(),
        rows,
        spans,
        arrivals: vec![0.0],
        window: (0.0, 10.0),
        ..Timeline::default()
    }
    .draw();
    check("timeline.svg", &scene);
    let places: Vec<Rectangle> =
        places(&scene).iter().filter(|(hint, _)| !hint.starts_with("a request")).map(|it| it.1).collect();
    let [first, second, third, cut] = places[..] else { panic!("four bars") };
    assert!((second.width() / first.width() - 2.0).abs() < 0.02, "twice as long");
    assert!((third.width() / first.width() - 0.5).abs() < 0.02, "half as long");
    assert!((cut.width() / third.width() - 1.0).abs() < 0.02, "cut at the end of the window");
    assert!(first.bottom < second.top && (second.left - first.right).abs() < 0.5, "one row below the other, one after the other");
}
