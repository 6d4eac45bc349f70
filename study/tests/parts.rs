//! What holds of every part, and of parts that are made quickly.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::collections::BTreeSet;

use rayon::ThreadPoolBuilder;
use runner::Unwatched;
use study::{CLAIMS, Context, Kind, PARTS, PartData, Value, part};

fn made(name: &str, threads: usize) -> PartData {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let context = Context::new(false, &Unwatched);
    pool.install(|| (part(name).unwrap().make)(&context)).unwrap()
}

/// What must hold of the data of any part.
fn check(name: &str, data: &PartData) {
    assert!(data.caption.ends_with('.'), "{name}: {}", data.caption);
    let tables: BTreeSet<&str> = data.tables.iter().map(|table| table.name.as_str()).collect();
    let figures: BTreeSet<&str> = data.figures.iter().map(|figure| figure.name.as_str()).collect();
    assert_eq!(tables.len(), data.tables.len(), "{name}: tables with the same name");
    assert_eq!(figures.len(), data.figures.len(), "{name}: figures with the same name");
    for table in &data.tables {
        assert!(!table.rows.is_empty(), "{name}: table `{}` is empty", table.name);
        for (index, column) in table.columns.iter().enumerate().filter(|(_, column)| column.kind == Kind::Number) {
            let known = table.rows.iter().any(|row| row[index] != Value::Missing);
            assert!(known, "{name}: nothing in column `{}` of table `{}`", column.name, table.name);
        }
        assert!(
            table.columns.iter().all(|column| column.unit.is_empty() || column.kind != Kind::Text),
            "{name}: words have no unit"
        );
        for (at, column) in table.columns.iter().enumerate() {
            let is_missing = |row: &Vec<Value>| row[at] == Value::Missing;
            // Where every run succeeds there is no failure to tell of.
            let may_be_empty = column.name == "failure";
            assert!(
                may_be_empty || !table.rows.iter().all(is_missing),
                "{name}: table `{}` has nothing in column `{}`",
                table.name,
                column.name
            );
        }
    }
    for figure in &data.figures {
        assert!(!figure.panels.is_empty() && figure.caption.ends_with('.'), "{name}: figure `{}`", figure.name);
        // What is not finite would be read back as nothing.
        let text = serde_json::to_string(&figure.panels).unwrap();
        assert!(!text.contains("\"y\":null") && !text.contains("\"value\":null"), "{name}: figure `{}`", figure.name);
    }
    for verdict in &data.verdicts {
        assert!(CLAIMS.iter().any(|claim| claim.name == verdict.claim), "{name}: no claim `{}`", verdict.claim);
    }
}

#[test]
fn names_are_unique_and_scenarios_exist() {
    let names: BTreeSet<&str> = PARTS.iter().map(|part| part.name).collect();
    assert_eq!(names.len(), PARTS.len());
    let known: BTreeSet<&str> = scenarios::scenarios().iter().map(|entry| entry.name).collect();
    for part in PARTS {
        for scenario in part.scenarios {
            assert!(known.contains(scenario), "{}: no scenario `{scenario}`", part.name);
        }
    }
}

#[test]
fn quick_parts_are_sound_and_do_not_depend_on_threads() {
    for name in ["fig1", "table1", "table2", "table4", "tradeoffs"] {
        let one = made(name, 1);
        check(name, &one);
        assert_eq!(one, made(name, 3), "{name}");
    }
}

/// Shares are shares, and lifting the rules of support never adds operators.
#[test]
fn support_is_a_share() {
    let data = made("fig3", 2);
    check("fig3", &data);
    let table = &data.tables[0];
    let at = |name: &str| table.columns.iter().position(|column| column.name == name).unwrap();
    let number = |row: &[Value], name: &str| match &row[at(name)] {
        Value::Number(number) => *number,
        Value::Count(count) => *count as f64,
        other => panic!("{name}: {other:?}"),
    };
    assert!(table.rows.len() >= 40);
    for row in &table.rows {
        assert!(
            (0.0..=1.0).contains(&number(row, "operator_share")) && (0.0..=1.0).contains(&number(row, "mac_share")),
            "{row:?}"
        );
        assert!(number(row, "supported") <= number(row, "operators"), "{row:?}");
        if number(row, "supported") < number(row, "operators") {
            assert!(row[at("refused")] != Value::Text(String::new()), "{row:?}");
        } else {
            // Nothing falls back: the rules cost nothing, and the GPU is entered once.
            assert!((number(row, "cost_of_fallback") - 1.0).abs() < 1e-12, "{row:?}");
            assert!((number(row, "partitions") - 1.0).abs() < 1e-12, "{row:?}");
        }
    }
}

/// Everything, as `socrates study` makes it; minutes without optimisation.
#[test]
#[ignore = "minutes; `cargo test --release -p socrates-study -- --ignored`"]
fn all_parts_are_sound() {
    for part in PARTS {
        let data = made(part.name, 2);
        check(part.name, &data);
        let over_best = data.tables.iter().flat_map(|table| {
            let at = table.columns.iter().position(|column| column.name == "over_best");
            table.rows.iter().filter_map(move |row| row.get(at?))
        });
        for ratio in over_best {
            assert!(!matches!(ratio, Value::Number(ratio) if *ratio < 1.0), "{}: {ratio:?}", part.name);
        }
    }
}
