//! Published figures beside ours, held to what was found; `docs/validation.md` tells them all.

#![allow(clippy::print_stdout, reason = "tables to look at")]

use validation::published;

#[test]
fn every_section_has_cells_and_says_where_it_is_wrong() {
    let sections = published::sections().expect("everything built in reads");
    for section in &sections {
        println!("{}", section.markdown());
        assert!(!section.findings.is_empty(), "{}", section.title);
        assert!(section.tables.iter().all(|table| table.rows.iter().all(|row| row.len() == table.header.len())));
        assert!(!section.markdown().contains("NaN"), "{}", section.markdown());
    }
    let row = |title: &str, what: &str| -> f64 {
        let section = sections.iter().find(|section| section.title.contains(title)).expect("it is there");
        let row = section.tables.iter().flat_map(|table| &table.rows).find(|row| row[0].contains(what)).expect("it is there");
        let number = row[2].split(|letter: char| !(letter.is_ascii_digit() || letter == '.')).find(|part| !part.is_empty());
        number.and_then(|number| number.parse().ok()).expect("it starts with a number")
    };
    // GoogLeNet and the ResNet of the script: 1.72 + 5.45 ms on the GPU; the search is as good as the best whole placement.
    assert!((row("Contention", "both on the GPU") - 7.2).abs() < 0.05);
    assert!(row("Contention", "`haxconn`") < 1.02 * row("Contention", "ResNet on the GPU"));
    // Four models together take many times as long as alone; the frames of a long run wait for it.
    assert!(row("interface", "latency together") > 300.0);
    assert!(row("interface", "longest frame") > row("interface", "run of a model"));
    assert!((row("Throttling", "onset") - 150.0).abs() <= 2.0);
}
