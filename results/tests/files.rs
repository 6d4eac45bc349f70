//! Files: whole or not at all, equal bytes for equal inputs, read back as written.

mod common;

use std::fs;
use std::path::Path;

use common::small::Size;
use proptest::prelude::*;
use results::placement::read_placements;
use results::tables::{CopyRow, OperatorRow, RequestRow, read_table};
use results::{Content, ResultsDir, ResultsError, RunFile, RunWriter, read_run, write_atomic};
use sim::record::Record;

fn write(target: &Path, size: Size, contents: &[Content]) -> (RunFile, common::Case) {
    let case = common::small::case(size);
    let infos = common::infos(&case);
    let report = common::report_of(&case, &infos);
    let mut writer = RunWriter::begin(target, common::provenance(), contents).expect("a fresh directory");
    for strategy in ["gpu", "band[window=10]"] {
        writer.add(&common::run(&case, &infos, &report, "small", strategy)).expect("consistent");
    }
    let (path, file) = writer.commit().expect("a fresh directory");
    assert_eq!(path, target);
    drop(infos);
    (file, case)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

const SIZE: Size = Size { seed: 3, models: 2, tasks: 7, requests: 6 };

#[test]
fn equal_inputs_give_equal_bytes() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let [one, two] = ["one", "two"].map(|name| parent.path().join(name));
    write(&one, SIZE, &Content::ALL);
    write(&two, SIZE, &Content::ALL);
    let expected = [
        "copies.parquet",
        "frames.parquet",
        "operators.parquet",
        "placement.json",
        "requests.parquet",
        "run.json",
        "states.parquet",
        "trace.pftrace",
    ];
    assert_eq!(names(&one), expected);
    for name in expected {
        let [first, second] = [&one, &two].map(|path| fs::read(path.join(name)).expect("a file"));
        assert!(first == second, "{name} differs");
    }
    assert_eq!(names(parent.path()), ["one", "two"]);
}

#[test]
fn only_what_is_wanted_is_written() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let target = parent.path().join("deep/below/run");
    write(&target, SIZE, &[Content::Requests]);
    assert_eq!(names(&target), ["requests.parquet", "run.json"]);
}

#[test]
fn results_are_replaced_and_nothing_else_is() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let target = parent.path().join("run");
    write(&target, SIZE, &Content::ALL);
    let (file, _) = write(&target, Size { seed: 4, ..SIZE }, &[Content::Trace]);
    assert_eq!(read_run(&target).expect("results"), file);
    assert_eq!(names(&target), ["run.json", "trace.pftrace"]);
    assert_eq!(names(parent.path()), ["run"]);

    let precious = parent.path().join("precious");
    fs::create_dir(&precious).expect("a directory");
    fs::write(precious.join("thesis.tex"), "x").expect("a file");
    let file = parent.path().join("file");
    fs::write(&file, "x").expect("a file");
    let other = parent.path().join("other");
    fs::create_dir(&other).expect("a directory");
    fs::write(other.join("run.json"), "{\"schema_version\": 4, \"jobs\": []}").expect("a file");
    for (path, why) in [
        (precious, "it has no run.json"),
        (file, "it is no directory"),
        (other, "its run.json is of something else: missing field `files` at line 1 column 33"),
    ] {
        let error = ResultsDir::begin(&path).expect_err("not results");
        let expected =
            format!("`{}` exists and is not a results directory ({why}): choose another path, or remove it", path.display());
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(names(parent.path()), ["file", "other", "precious", "run"]);
}

#[test]
fn files_that_are_no_results_are_never_lost() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let target = parent.path().join("run");
    write(&target, SIZE, &[Content::Requests]);
    let check = |error: ResultsError, name: &str| {
        assert!(error.to_string().starts_with(&format!("`{}` holds `{name}`, which is not", target.display())), "{error}");
        assert!(target.join(name).exists() && target.join("run.json").exists(), "{name} is gone");
    };
    // There before the run begins, or made while it runs; a file, or a folder with the name of a result.
    fs::write(target.join("notes.md"), "x").expect("a file");
    check(ResultsDir::begin(&target).expect_err("a file of the user's"), "notes.md");
    fs::remove_file(target.join("notes.md")).expect("a file");
    let directory = ResultsDir::begin(&target).expect("results");
    fs::write(target.join("figure.png"), "x").expect("a file");
    check(directory.commit().expect_err("a file of the user's"), "figure.png");
    fs::remove_file(target.join("figure.png")).expect("a file");
    fs::remove_file(target.join("requests.parquet")).expect("a file");
    fs::create_dir(target.join("requests.parquet")).expect("a directory");
    check(ResultsDir::begin(&target).expect_err("a folder of the user's"), "requests.parquet");
    assert_eq!(names(parent.path()), ["run"]);
}

#[test]
fn empty_directories_are_filled() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let target = parent.path().join("run");
    fs::create_dir(&target).expect("a directory");
    write(&target, SIZE, &[]);
    assert_eq!((names(&target), names(parent.path())), (vec!["run.json".to_owned()], vec!["run".to_owned()]));
}

#[cfg(unix)]
#[test]
fn links_are_followed() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let [disk, link, nowhere] = ["disk", "link", "nowhere"].map(|name| parent.path().join(name));
    fs::create_dir(&disk).expect("a directory");
    std::os::unix::fs::symlink(&disk, &link).expect("a link");
    std::os::unix::fs::symlink("missing", &nowhere).expect("a link");
    write(&link, SIZE, &[]);
    write(&link, SIZE, &[Content::Trace]);
    assert!(link.is_symlink());
    assert_eq!(names(&disk), ["run.json", "trace.pftrace"]);
    let error = ResultsDir::begin(&nowhere).expect_err("a link to nothing").to_string();
    assert!(error.starts_with(&format!("cannot follow `{}`", nowhere.display())), "{error}");
    assert_eq!(names(parent.path()), ["disk", "link", "nowhere"]);
}

#[test]
fn what_is_not_committed_vanishes() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let target = parent.path().join("run");
    write(&target, SIZE, &[]);
    let before = fs::read(target.join("run.json")).expect("a file");
    let writer = RunWriter::begin(&target, common::provenance(), &Content::ALL).expect("results may be replaced");
    assert_eq!(names(parent.path()).len(), 2);
    drop(writer);
    assert_eq!(names(parent.path()), ["run"]);
    assert_eq!(fs::read(target.join("run.json")).expect("a file"), before);
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let path = parent.path().join("file");
    for contents in ["first", "second, longer", ""] {
        write_atomic(&path, contents.as_bytes()).expect("writable");
        assert_eq!(fs::read_to_string(&path).expect("a file"), contents);
    }
    assert_eq!(names(parent.path()), ["file"]);
    // A directory stands where the file should: the rename fails, the temporary file goes.
    let occupied = parent.path().join("occupied");
    fs::create_dir_all(occupied.join("inner")).expect("a directory");
    for path in [occupied, parent.path().join("missing/file"), parent.path().join("file/below")] {
        let error = write_atomic(&path, b"x").expect_err("cannot be written");
        assert!(error.to_string().starts_with(&format!("cannot write `{}`", path.display())), "{error}");
    }
    assert_eq!(names(parent.path()), ["file", "occupied"]);
}

#[test]
fn what_is_no_results_directory_is_refused() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let run = parent.path().join("run");
    let check = |directory: &Path, expected: &str| {
        let error = read_run(directory).expect_err(expected).to_string();
        let expected = expected.replace("RUN", &run.display().to_string());
        assert!(error.starts_with(&expected), "{error}\nexpected {expected}");
    };
    check(&run, "results directory `RUN` does not exist");
    fs::create_dir(&run).expect("a directory");
    check(&run, "`RUN` is not a results directory: it has no run.json");
    for (text, expected) in [
        ("", "`RUN/run.json` cannot be understood: EOF"),
        ("{\"cases\": []}", "`RUN/run.json` cannot be understood: missing field `schema_version`"),
        ("{\"schema_version\": 99}", "`RUN/run.json` has schema version 99, this version reads 4: run the simulation again"),
        ("{\"schema_version\": 4, \"x\": 2}", "`RUN/run.json` cannot be understood: unknown field `x`"),
    ] {
        fs::write(run.join("run.json"), text).expect("a file");
        check(&run, expected);
    }
    let error = read_table::<RequestRow>(&run).expect_err("no table").to_string();
    assert!(error.starts_with(&format!("cannot read `{}/requests.parquet`", run.display())), "{error}");
    fs::write(run.join("requests.parquet"), "not parquet").expect("a file");
    let error = read_table::<RequestRow>(&run).expect_err("no table").to_string();
    assert!(error.starts_with(&format!("`{}/requests.parquet` cannot be understood: ", run.display())), "{error}");
}

#[test]
fn a_changed_file_is_noticed() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let target = parent.path().join("run");
    let (file, _) = write(&target, SIZE, &Content::ALL);
    file.verify(&target).expect("as written");
    fs::write(target.join("trace.pftrace"), "x").expect("a file");
    let error = file.verify(&target).expect_err("changed");
    assert!(matches!(&error, ResultsError::Changed { path, .. } if path.ends_with("trace.pftrace")), "{error}");
}

#[test]
fn one_run_of_each_name() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let case = common::small::case(SIZE);
    let infos = common::infos(&case);
    let report = common::report_of(&case, &infos);
    let mut writer = RunWriter::begin(parent.path().join("run"), common::provenance(), &[]).expect("a fresh directory");
    let run = common::run(&case, &infos, &report, "small", "gpu");
    writer.add(&run).expect("the first");
    let error = writer.add(&run).expect_err("the second").to_string();
    assert_eq!(error, "case `small` under strategy `gpu` was added twice: each pair is one run");
    let error = writer.add(&results::RunResult { strategy: "cpu", models: &[], ..run }).expect_err("no models").to_string();
    assert_eq!(error, "case `small` under strategy `cpu`: record 0 names model 0, but there are 0");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_written_is_read(seed in any::<u64>(), models in 1..3usize, tasks in 1..9usize, requests in 0..8u64) {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let target = parent.path().join("run");
        let (file, case) = write(&target, Size { seed, models, tasks, requests }, &Content::ALL);
        prop_assert_eq!(&read_run(&target).expect("results"), &file);
        prop_assert_eq!(read_placements(&target).expect("results").len(), 2 * models);

        let rows = read_table::<RequestRow>(&target).expect("results");
        let records: Vec<_> = case.records.iter().filter_map(|record| match record {
            Record::Request(request) => Some(request),
            _ => None,
        }).collect();
        prop_assert_eq!(rows.len(), 2 * records.len());
        for (row, record) in rows.iter().zip(&records) {
            prop_assert_eq!((row.request, row.arrived_ns, row.ended_ns), (record.request.0.into(), record.arrived_ns, record.ended_ns));
            prop_assert_eq!(row.deadline_ns, record.deadline_ns);
            prop_assert_eq!(&row.model, &case.names[record.model.index()]);
        }

        let rows = read_table::<OperatorRow>(&target).expect("results");
        let records: Vec<_> = case.records.iter().filter_map(|record| match record {
            Record::Kernel(kernel) => Some(kernel),
            _ => None,
        }).collect();
        prop_assert_eq!(rows.len(), 2 * records.len());
        for (row, record) in rows.iter().zip(&records) {
            prop_assert_eq!((row.ready_ns, row.start_ns, row.end_ns, row.solo_ns), (record.ready_ns, record.start_ns, record.end_ns, record.solo_ns));
            let (begin, end, of) = record.part.range();
            prop_assert_eq!((row.part_begin, row.part_end, row.part_of), (begin.into(), end.into(), of.into()));
            prop_assert_eq!(&row.worker, &case.device.worker(record.worker).name);
            prop_assert_eq!(&row.name, &format!("layer {}", record.task.0));
        }

        let rows = read_table::<CopyRow>(&target).expect("results");
        let bytes: u64 = rows.iter().map(|row| row.size_bytes).sum();
        prop_assert_eq!(bytes, 2 * file.cases[0].report.totals.copy_bytes);
    }
}
