//! Workloads as they are written: what they mean, and what is said of those that mean nothing.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Repetition, Type as PhysicalType};
use parquet::data_type::DoubleType;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use scenarios::Scenario;
use scenarios::scenario::{Arrivals, StreamsRun};
use sim::workload::{Count, DeadlineFrom, Jitter, QueueRule, WhenFull};

const HEAD: &str =
    "schema_version = 1\nname = 'x'\ndevice = 'pixel4'\nstrategies = ['cpu']\nstreams_run = 'together'\nhorizon = '10s'\n";

fn read(streams: &str, folder: &Path) -> Result<Scenario, String> {
    Scenario::parse("s.toml", &format!("{HEAD}{streams}"), folder).map_err(|errors| {
        errors.diagnostics.iter().fold(String::new(), |mut text, diagnostic| {
            let (line, column) = errors.position(diagnostic);
            let hint = diagnostic.hint.as_deref().unwrap_or("-");
            // Lines of the head are not counted.
            writeln!(text, "{}:{column} {} / {hint}", line - 6, diagnostic.message).unwrap();
            text
        })
    })
}

fn check(streams: &str, expected: &str) {
    assert_eq!(read(streams, Path::new("")).unwrap_err(), expected, "{streams}");
}

#[test]
fn every_kind_of_arrival_reads() {
    let scenario = read(
        "[[stream]]
name = 'camera'
model = 'mobilenet_v2'
arrivals.periodic = { period = '33ms', phase = '1ms', jitter = { normal = '2ms' } }
deadline = '33ms'
queue = { bound = 1, when_full = 'drop_oldest', drop_late = true }

[[stream]]
model = 'mobilenet_v2'
arrivals.after = { stream = 'camera', probability = 0.25, count = { histogram = [0.5, 0.25, 0.25] }, delay = '1ms' }
deadline = '50ms'
deadline_from = 'origin'

[[stream]]
model = 'bert_tiny_4x312'
arrivals.modulated = { states = [{ rate_per_second = 20.0, mean_stay = '1s' }, { rate_per_second = 0, mean_stay = '3s' }] }

[[stream]]
model = 'bert_tiny_4x312'
arrivals.daily = { day = '60s', points = [{ hour = 3, rate_per_second = 0 }, { hour = 15, rate_per_second = 2 }] }

[[stream]]
model = 'resnet18'
arrivals.closed_loop = { clients = 2, think = '1s', think_distribution = 'exponential' }

[[stream]]
model = 'resnet18'
arrivals.recorded = { times = ['1ms', '5ms'], scale = 0.5 }
",
        Path::new(""),
    )
    .unwrap();
    assert_eq!(scenario.streams_run, StreamsRun::Together);
    let [camera, follower, bursts, days, clients, recorded] = scenario.streams.as_slice() else { panic!("six streams") };
    let jitter = Some(Jitter::Normal { deviation_ns: 2_000_000 });
    assert_eq!(camera.arrivals, Arrivals::Periodic { period_ns: 33_000_000, phase_ns: 1_000_000, jitter });
    let rule = QueueRule { in_flight: 1, bound: Some(1), when_full: WhenFull::DropOldest, drop_late: true };
    assert_eq!((camera.queue, camera.deadline_from), (Some(rule), DeadlineFrom::Arrival));
    let count = Count::Histogram(vec![(0, 0.5), (1, 0.25), (2, 0.25)]);
    assert_eq!(follower.arrivals, Arrivals::After { stream: 0, probability: 0.25, count, delay_ns: 1_000_000 });
    assert_eq!((follower.deadline_from, follower.name.as_deref()), (DeadlineFrom::Origin, None));
    let Arrivals::Modulated(modulated) = &bursts.arrivals else { panic!("bursts") };
    assert!((modulated.mean_rate_per_second() - 5.0).abs() < 1e-12);
    let Arrivals::Daily(daily) = &days.arrivals else { panic!("days") };
    assert!((daily.mean_rate_per_second() - 1.0).abs() < 1e-12);
    assert_eq!(clients.arrivals, Arrivals::ClosedLoop { clients: 2, think_ns: 1_000_000_000, exponential: true });
    assert_eq!(recorded.arrivals, Arrivals::Recorded { times_ns: vec![500_000, 2_500_000], trace: None });
}

#[test]
fn arrivals_that_mean_nothing() {
    check(
        "[[stream]]
model = 'resnet18'
arrivals.periodic = { period = '10ms', jitter = { uniform = '6ms' } }
[[stream]]
model = 'resnet18'
arrivals.periodic = { period = '10ms', jitter = { triangular = '6ms' } }
[[stream]]
model = 'resnet18'
arrivals.modulated = { states = [{ rate_per_second = 0, mean_stay = '1s' }, { rate_per_second = 0, mean_stay = '1us' }] }
[[stream]]
model = 'resnet18'
arrivals.modulated = { states = [{ rate_per_second = 1, mean_stay = '1s' }] }
[[stream]]
model = 'resnet18'
arrivals.daily = { points = [{ hour = 5, rate_per_second = 1 }, { hour = 5, rate_per_second = 2 }] }
[[stream]]
model = 'resnet18'
arrivals.daily = { points = [{ hour = 24, rate_per_second = 1 }] }
[[stream]]
model = 'resnet18'
arrivals.daily = { points = [{ hour = 1, rate_per_second = 0 }] }
[[stream]]
model = 'resnet18'
arrivals.recorded = { times = ['1ms'], file = 'x.csv' }
[[stream]]
model = 'resnet18'
arrivals.closed_loop = { think_distribution = 'normal' }
",
        "3:49 a jitter of `6ms` is out of range / must be at most half the period: arrivals do not overtake each other
6:51 unknown choice `triangular` / known: `uniform`, `normal`
9:33 nothing ever arrives / a state must have a `rate_per_second` above 0; the mean over time must be at least 0.000001
9:112 `1us` is out of range / must be at least 1ms
12:33 too few entries: 1 of at least 2 / write e.g. [{ mean_stay = \"500ms\", rate_per_second = 30.0 }, { mean_stay = \"2s\", rate_per_second = 0.0 }]
15:65 hour 5 is not later than the one before it / hours must ascend
18:39 `24` is out of range / must be below 24
21:29 nothing ever arrives / a point must have a `rate_per_second` above 0; the mean over a day must be at least 0.000001
24:1 recorded arrivals need times, or a file and a column / write either `times = [\"0ms\", \"33ms\"]`, or `file = \"trace.csv\"` and `column = \"arrival_ms\"`
27:47 unknown value `normal` / known: `constant`, `exponential`
",
    );
}

#[test]
fn streams_follow_streams_that_are_there_and_not_themselves() {
    let stream = |name: &str, of: &str| {
        format!("[[stream]]\nname = '{name}'\nmodel = 'resnet18'\narrivals.after = {{ stream = '{of}' }}\n")
    };
    let head = "[[stream]]\nname = 'head'\nmodel = 'resnet18'\nrequests = 1\n";
    check(&format!("{head}{}", stream("b", "haed")), "8:29 unknown stream `haed` / did you mean `head`?\n");
    check(
        &stream("a", "a"),
        "4:1 the stream follows itself, through the streams that it follows / let one of them arrive by itself\n",
    );
    let cycle = "the stream follows itself, through the streams that it follows / let one of them arrive by itself\n";
    check(&format!("{}{}", stream("a", "b"), stream("b", "a")), &format!("4:1 {cycle}8:1 {cycle}"));
    check(&format!("{head}{head}"), "6:8 duplicate stream `head` / names must be unique\n");
    let apart = HEAD.replace("together", "separately");
    let errors = Scenario::parse("s.toml", &format!("{apart}{head}{}", stream("b", "head")), Path::new("")).unwrap_err();
    assert_eq!(errors.diagnostics.len(), 1, "{errors}");
    assert!(errors.to_string().contains("a stream that follows another needs it in its run"), "{errors}");
    let counts =
        "[[stream]]\nname = 'f'\nmodel = 'resnet18'\narrivals.after = { stream = 'head', count = { histogram = [0, 0] } }\n";
    check(&format!("{head}{counts}"), "8:45 no weight is above 0 / write e.g. [0.2, 0.5, 0.3]\n");
}

#[test]
fn queues_and_work_that_mean_nothing() {
    check(
        "[[stream]]
model = 'resnet18'
queue = { bound = 3 }
[[stream]]
model = 'resnet18'
arrivals.poisson = { rate_per_second = 3 }
queue = { in_flight = 0, bound = -1, when_full = 'drop_all', drop_late = true }
work = { dimension = 'batch', values = [1, 2, 1], weights = [1.0, 0.0] }
dimensions = { batch = 3 }
",
        "3:9 a closed loop has no queue / the number of `clients` bounds it already
7:23 `0` is out of range / must be at least 1
7:34 `-1` is out of range / must be at least 0
7:50 unknown value `drop_all` / known: `drop_newest`, `drop_oldest`
7:74 nothing is late without a deadline / add `deadline = \"33ms\"`
8:22 dimension `batch` has a size already / remove it from `dimensions`
8:47 duplicate size `1` / sizes must be unique
8:61 2 weights for 3 values / write one for each
",
    );
}

fn trace(file: &str, column: &str) -> String {
    format!("[[stream]]\nmodel = 'resnet18'\narrivals.recorded = {{ file = '{file}', column = '{column}', scale = 0.5 }}\n")
}

fn times(streams: &str, folder: &Path) -> (Vec<u64>, String) {
    let scenario = read(streams, folder).unwrap();
    let Arrivals::Recorded { times_ns, trace: Some(trace) } = &scenario.streams[0].arrivals else { panic!("a trace") };
    (times_ns.clone(), trace.name.clone())
}

#[test]
fn traces_in_csv() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("t.csv"), text).unwrap();
    write("user,arrival_ms\n# recorded on a Monday\na,0\nb,1.5\nc,1.5\nd,20e3\n");
    let expected = (vec![0, 750_000, 750_000, 10_000_000_000], "t.csv".to_owned());
    assert_eq!(times(&trace("t.csv", "arrival_ms"), folder.path()), expected);
    let check = |text: &str, column: &str, expected: &str| {
        write(text);
        let path = folder.path().join("t.csv").display().to_string();
        let error = read(&trace("t.csv", column), folder.path()).unwrap_err();
        assert_eq!(error.replace(&path, "t.csv"), format!("3:30 {expected}\n"), "{text}");
    };
    check(
        "arrival_ms\n1\nsoon\n",
        "arrival_ms",
        "trace `t.csv`, line 3: `soon` is not a number / `arrival_ms` holds arrival times",
    );
    check(
        "arrival_ms\n1\nnan\n",
        "arrival_ms",
        "trace `t.csv`, line 3: `nan` is not a number / `arrival_ms` holds arrival times",
    );
    check("a_s\n-1\n", "a_s", "trace `t.csv`, line 2: `-1` is out of range / must be from 0 to 1000000s (about 11 days)");
    check(
        "a_s\n1\n\n0.5\n",
        "a_s",
        "trace `t.csv`, line 4: arrival `0.5` is earlier than the one before it / arrival times must ascend",
    );
    check("a_s\n", "a_s", "trace `t.csv` has 0 arrivals / a trace has 1 to 10000000 arrivals");
    check("arrival_ms\n1\n", "arival_ms", "trace `t.csv` has no column `arival_ms` / did you mean `arrival_ms`?");
    let hint = "its name must end in `_ns`, `_us`, `_ms` or `_s`, e.g. `arrival_ms`";
    check("arrival\n1\n", "arrival", &format!("column `arrival` has no unit / {hint}"));
    let missing = read(&trace("none.csv", "a_s"), folder.path()).unwrap_err();
    assert!(missing.contains("cannot read trace"), "{missing}");
}

#[test]
fn traces_in_parquet() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
        let column = Type::primitive_type_builder("arrival_ms", PhysicalType::DOUBLE).with_repetition(Repetition::REQUIRED);
        let fields = vec![Arc::new(column.build().unwrap())];
        let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build().unwrap());
        let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
        let file = std::fs::File::create(folder.path().join("t.parquet")).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut values = group.next_column().unwrap().unwrap();
        values.typed::<DoubleType>().write_batch(&[0.0, 33.3, 1e3], None, None).unwrap();
        values.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        let (times, name) = times(&trace("t.parquet", "arrival_ms"), folder.path());
        assert_eq!((times, name.as_str()), (vec![0, 16_650_000, 500_000_000], "t.parquet"));
        let error = read(&trace("t.parquet", "arrival_s"), folder.path()).unwrap_err();
        assert!(error.contains("has no column `arrival_s` / did you mean `arrival_ms`?"), "{error}");
    }
}
