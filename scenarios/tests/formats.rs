//! Laws of the formats: what is written reads back, nothing that is read panics, the published schemas are fresh.

use std::path::Path;

use proptest::prelude::*;
use scenarios::text::FileErrors;
use scenarios::{Profile, Scenario, Sweep, library, schema};

const PHONE: &str = include_str!("phone.toml");
const SOLO: &str = include_str!("../library/pixel4-solo.toml");
const TOGETHER: &str = include_str!("../library/pixel4-together.toml");
const RATES: &str = include_str!("../../examples/sweep/rates.toml");

#[test]
fn the_phone_is_a_device_and_reads_back() {
    let phone = Profile::parse("phone.toml", PHONE).unwrap();
    let device = phone.device().unwrap();
    assert_eq!(device.workers().len(), 3);
    assert_eq!(device.decision_ns(), 2_000);
    assert_eq!(device.processors()[0].frequencies_khz, [710_400, 1_800_000, 2_841_600]);
    let gpu = &phone.costs["gpu"];
    assert!((gpu.alone_ns() - 7000.0).abs() < 1e-9 && (gpu.fused()["HardSwish"].element_ns - 0.25).abs() < 1e-9);
    assert_eq!(gpu.operators().len(), 1);
    assert_eq!(phone.workers[2].opens.as_deref(), Some("opencl[device=1]"));
    let text = phone.to_toml().unwrap();
    assert_eq!(Profile::parse("again.toml", &text).unwrap(), phone, "{text}");
    assert_eq!(Profile::parse("again.toml", &text).unwrap().to_toml().unwrap(), text);
}

#[test]
fn the_library_reads() {
    for entry in library::devices() {
        let profile = Profile::parse(entry.name, entry.text).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(profile.name, entry.name);
        profile.device().unwrap();
        assert!(Profile::parse("again.toml", &profile.to_toml().unwrap()).unwrap() == profile, "{}", entry.name);
    }
    for entry in library::scenarios() {
        let scenario = Scenario::parse(entry.name, entry.text, Path::new("")).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(scenario.name, entry.name);
    }
}

#[test]
fn schemas_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema");
    for (name, text) in [("scenario", schema::scenario()), ("profile", schema::profile()), ("sweep", schema::sweep())] {
        let path = folder.join(format!("{name}.json"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "docs/schema/{name}.json is stale: run `UPDATE=1 cargo test`");
    }
}

/// Every diagnostic points into the text, and the report can be drawn.
fn assert_located(errors: &FileErrors, text: &str) {
    assert!(!errors.diagnostics.is_empty());
    for diagnostic in &errors.diagnostics {
        let (line, column) = errors.position(diagnostic);
        assert!(line <= text.matches('\n').count() + 1 && column >= 1, "{diagnostic:?}");
    }
    assert!(errors.render(true).contains("error"));
}

fn read_all(text: &str) {
    if let Err(errors) = Scenario::parse("any.toml", text, Path::new("")) {
        assert_located(&errors, text);
    }
    if let Err(errors) = Profile::parse("any.toml", text) {
        assert_located(&errors, text);
    }
    if let Err(errors) = Sweep::parse("any.toml", text, Path::new("")) {
        assert_located(&errors, text);
    }
}

/// Pieces that mean something to a reader of TOML or of numbers.
const PIECES: &[&str] = &[
    "",
    "\"",
    "'",
    "=",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    ",",
    ".",
    "\n",
    "\r\n",
    "#",
    "nan",
    "inf",
    "-1",
    "0",
    "1e999",
    "99999999999999999999999",
    "0x7f",
    "true",
    "1979-05-27",
    "\"33\"",
    "\"-3ms\"",
    "\"\\uD800\"",
    "é",
    "\u{0}",
    "a.b.c",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        read_all(&text);
    }

    #[test]
    fn any_mutation_is_answered(
        base in prop::sample::select(vec![PHONE, SOLO, TOGETHER, RATES]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(PIECES)), 1..6),
    ) {
        let mut letters: Vec<char> = base.chars().collect();
        for (place, removed, piece) in edits {
            let start = place.index(letters.len() + 1);
            let end = (start + removed).min(letters.len());
            letters.splice(start..end, piece.chars());
        }
        read_all(&letters.into_iter().collect::<String>());
    }

    #[test]
    fn any_profile_reads_back(
        durations in prop::collection::vec(any::<u64>(), 4),
        rates in prop::collection::vec(1e-3_f64..1e15, 3),
        factors in prop::collection::vec(1e-12_f64..1e6, 2),
        cores in 1_u32..64,
        name in "[^\\p{C}]{1,12}",
    ) {
        let mut profile = Profile::parse("phone.toml", PHONE).unwrap();
        profile.name = name.clone();
        profile.description = name;
        profile.decision_ns = durations[0];
        profile.links[0].fixed_ns = durations[1];
        profile.links[1].synchronization_ns = durations[2];
        profile.workers[0].invocation_ns = durations[3];
        profile.channels[0].bytes_per_second = rates[0];
        profile.links[0].bytes_per_second = Some(rates[1]);
        profile.links[1].bytes_per_second = Some(rates[2]);
        profile.links[1].ns_per_byte = factors[0];
        profile.links[0].channels[0].1 = factors[1];
        profile.processors[1].cores = cores.max(3);
        let text = profile.to_toml().unwrap();
        prop_assert_eq!(Profile::parse("again.toml", &text).map_err(|errors| errors.to_string()), Ok(profile));
    }
}
