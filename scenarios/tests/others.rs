//! Who else uses the device: what is written comes out, what is wrong is told where it stands.

use std::path::Path;

use scenarios::Scenario;
use sim::environment::{Absence, FrameWork, OnOutage, Precedence, Presence, Slicing, Takes};

const HEAD: &str =
    "schema_version = 1\nname = 's'\ndevice = 'pixel4'\nstrategies = ['gpu']\nstream = [{ model = 'resnet50', requests = 1 }]\n";

fn read(environment: &str) -> Result<Scenario, String> {
    let text = format!("{HEAD}{environment}");
    Scenario::parse("s.toml", &text, Path::new("")).map_err(|errors| {
        let line = |diagnostic| {
            let (line, column) = errors.position(diagnostic);
            let hint = diagnostic.hint.as_deref().unwrap_or("-");
            format!("{}:{column} {} / {hint}\n", line - HEAD.lines().count(), diagnostic.message)
        };
        errors.diagnostics.iter().map(line).collect()
    })
}

#[test]
fn what_is_written_comes_out() {
    let scenario = read(
        r#"[environment]
on_outage = "drop"
[[environment.load]]
processor = "large"
share = 0.25
from = "1s"
until = "2s"
[[environment.load]]
processor = "small"
threads = 3
bursts = { on = "1ms", off = "2ms" }
moves_to = ["medium"]
[[environment.hog]]
bandwidth = "2GB/s"
[[environment.outage]]
processor = "gpu"
random = { up = "3s", down = "1s" }
[environment.interface]
refresh_hz = 120
cpu = "large"
gpu = "gpu"
precedence = "same"
slice = "1ms"
slice_overhead = "50us"
"#,
    )
    .expect("all is right");
    let others = &scenario.environment.others;
    let (name, takes, presence, _) = &others.loads[0];
    assert_eq!((name.as_str(), takes), ("large", &Takes::Share(0.25)));
    assert_eq!(*presence, Presence::During { from_ns: 1_000_000_000, until_ns: Some(2_000_000_000) });
    assert_eq!(others.loads[1].2, Presence::Bursts { mean_on_ns: 1e6, mean_off_ns: 2e6 });
    assert_eq!(others.loads[1].3, Some((vec!["medium".to_owned()], 1e9)));
    assert!((others.hogs[0].bytes_per_second - 2e9).abs() < 1.0);
    assert_eq!(others.outages[0], ("gpu".to_owned(), Absence::Random { mean_up_ns: 3e9, mean_down_ns: 1e9 }));
    assert_eq!(others.on_outage, OnOutage::Drop);
    let (_, _, interface) = others.interface.as_ref().expect("it was written");
    assert_eq!((interface.period_ns, interface.buffers, interface.deadline_ns), (8_333_333, 3, 8_333_333));
    assert_eq!((interface.precedence, &interface.work), (Precedence::Same, &FrameWork::play_store()));
    assert_eq!(interface.slicing, Some(Slicing { slice_ns: 1_000_000, overhead_ns: 50_000 }));
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    for (environment, expected) in [
        (
            "[[environment.load]]\nprocessor = 'gpu'\n",
            "1:1 a load that takes nothing / add e.g. `share = 0.3` or `threads = 2`\n",
        ),
        (
            "[[environment.load]]\nprocessor = 'gpu'\nshare = 0.1\nthreads = 2\n",
            "4:11 `threads` beside `share` / write two loads, or keep one of the two\n",
        ),
        ("[[environment.load]]\nprocessor = 'gpu'\nshare = 1.5\n", "3:9 `1.5` is out of range / must be at most 0.999\n"),
        ("[[environment.load]]\nshare = 0.1\n", "1:1 missing key `processor` / add e.g. `processor = \"gpu\"`\n"),
        (
            "[[environment.load]]\nprocessor = 'gpu'\nshare = 0.1\nfrom = '2s'\nuntil = '1s'\n",
            "5:9 `1s` is not after the beginning / `until` must be later than `from`, which is 0s if absent\n",
        ),
        (
            "[[environment.load]]\nprocessor = 'gpu'\nshare = 0.1\nfrom = '2s'\nbursts = { on = '1ms', off = '1us' }\n",
            "4:8 a given time beside `bursts` / keep `from` and `until`, or `bursts`\n5:30 `1us` is out of range / must be at least 10us\n",
        ),
        (
            "[[environment.load]]\nprocessor = 'gpu'\nshare = 0.1\nstay = '2s'\n",
            "4:8 a time between moves of a load that does not move / add `moves_to`\n",
        ),
        (
            "[[environment.hog]]\nbandwidth = '5'\n",
            "2:13 `5` has no unit / write e.g. \"14.2GB/s\" (units: B/s, kB/s, MB/s, GB/s)\n",
        ),
        (
            "[[environment.outage]]\nprocessor = 'gpu'\nfrom = '1s'\nrandom = { up = '1s', down = '1s' }\n",
            "3:8 a given time beside `random` / keep `from` and `until`, or `random`\n",
        ),
        (
            "[environment.interface]\nrefresh_hz = 60\ncpu = 'large'\ngpu = 'gpu'\nslice_overhead = '1us'\n",
            "5:18 an overhead of slices, but kernels are not cut / add `slice = \"1ms\"`\n",
        ),
        (
            "[environment.interface]\nrefresh_hz = 60\ncpu = 'large'\ngpu = 'gpu'\nbuffers = 1\nprecedence = 'low'\n",
            "5:11 `1` is out of range / must be at least 2\n6:14 unknown value `low` / known: `high`, `same`\n",
        ),
    ] {
        assert_eq!(read(environment).expect_err("something is wrong"), expected, "{environment}");
    }
}

/// Names are looked up in the device.
#[test]
fn an_unknown_processor_is_told() {
    let scenario = read("[[environment.load]]\nprocessor = 'big'\nshare = 0.1\n").expect("the text is right");
    let entry = scenarios::devices().iter().find(|entry| entry.name == "pixel4").expect("in the library");
    let device = scenarios::Profile::parse(entry.name, entry.text).expect("right").device().expect("right");
    let error = scenario.options(&device).expect_err("there is no such processor").to_string();
    assert_eq!(error, "device `pixel4` has no processor `big`: it has large, medium, small, gpu");
}
