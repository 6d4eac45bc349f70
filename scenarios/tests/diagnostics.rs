//! What is wrong with a file, as the user sees it: all of it at once, each with its place and a hint.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write;
use std::path::Path;

use scenarios::text::FileErrors;
use scenarios::{Profile, Scenario};

/// One line a diagnostic: `line:column message / hint`.
fn short(errors: &FileErrors) -> String {
    errors.diagnostics.iter().fold(String::new(), |mut text, diagnostic| {
        let (line, column) = errors.position(diagnostic);
        let hint = diagnostic.hint.as_deref().unwrap_or("-");
        writeln!(text, "{line}:{column} {} / {hint}", diagnostic.message).unwrap();
        text
    })
}

fn check_scenario(text: &str, expected: &str) {
    let errors = Scenario::parse("wrong.toml", text, Path::new("")).unwrap_err();
    assert_eq!(short(&errors), expected, "\n{errors}");
}

fn check_profile(text: &str, expected: &str) {
    let errors = Profile::parse("wrong.toml", text).unwrap_err();
    assert_eq!(short(&errors), expected, "\n{errors}");
}

#[test]
fn everything_wrong_with_a_scenario() {
    check_scenario(
        r#"schema_version = 1
name = "../x"
devise = "pixel4"
strategies = ["cpu", "hefd", "cpu[workr=a]", "cpu", "gpu[fallback", "gpu[fallback=never]"]
streams_run = "together!"
horizon = 33
seed = -1

[[stream]]
model = "mobilnet_v2"
arrivals.periodic = { period = "0ms" }
deadline = "33"
requests = 0
dimensions = { seq = 0 }
priority = "high"

[[stream]]
model = "./missing.onnx"
arrivals.poison = { rate_per_second = nan }

[[stream]]
model = "resnet50"
arrivals = { poisson = { rate_per_second = nan }, periodic = { period = "33ms" } }

[[stream]]
model = "resnet50"
arrivals.recorded = { times = ["1ms", "-2ms", "3"] }

[[stream]]
model = "resnet50"
arrivals.periodic = { period = "999ns", phase = "1000001s" }
requests = 10_000_001

[[stream]]
model = "resnet50"
arrivals.poisson = { rate_per_second = 1e10 }

[[stream]]
model = "resnet50"
arrivals.poisson = { rate_per_second = 1e-9 }
"#,
        "1:1 missing key `device` / add e.g. `device = \"pixel4\"`
2:8 `../x` cannot be a name: results stand in a folder of that name / use letters, digits, `.`, `_` and `-`, and not dots alone
3:1 unknown key `devise` / did you mean `device`?
4:22 unknown strategy `hefd` / did you mean `heft`?
4:30 strategy `cpu` has no parameter `workr` / it has `worker`
4:46 duplicate strategy `cpu` / names must be unique
4:53 cannot read strategy `gpu[fallback` / write `name` or `name[parameter=value, ...]`
4:69 parameter `fallback` of strategy `gpu` cannot be `never` / must be `partitions` or `operator`
5:15 unknown value `together!` / did you mean `together`?
6:11 a duration needs a unit / write e.g. \"33ms\"
7:8 `-1` is out of range / must be at least 0
10:9 unknown model `mobilnet_v2` / did you mean `mobilenet_v2`?
11:32 `0ms` is out of range / must be above 0
12:12 `33` has no unit / write e.g. \"33ms\" (units: ns, us, ms, s)
13:12 `0` is out of range / must be at least 1
14:22 `0` is out of range / must be at least 1
15:12 expected a whole number, found a text / -
18:9 model file `./missing.onnx` does not exist / paths are relative to the folder of this file
19:10 unknown choice `poison` / did you mean `poisson`?
23:44 `nan` is out of range / must be a finite number
23:51 `periodic` is a second choice where one is allowed / keep one of the choices
27:39 `-2ms` is negative / write e.g. \"33ms\" (units: ns, us, ms, s)
27:47 `3` has no unit / write e.g. \"33ms\" (units: ns, us, ms, s)
31:32 `999ns` is out of range / must be at least 1us
31:49 `1000001s` is out of range / must be at most 1000000s (about 11 days)
32:12 `10000001` is out of range / must be at most 10000000
36:40 `1e10` is out of range / must be at most 1000000000
40:40 `1e-9` is out of range / must be at least 0.000001
",
    );
}

#[test]
fn a_report_shows_the_line_and_the_caret() {
    let errors = Scenario::parse("s.toml", "schema_version = 1\nname = 3\n", Path::new("")).unwrap_err();
    let report = errors.to_string();
    let expected = "error: expected a text in quotes, found a whole number
 --> s.toml:2:8
  |
2 | name = 3
  |        ^
  |
  = hint: write e.g. \"pixel4-solo\"";
    assert!(report.ends_with(expected), "{report}");
}

#[test]
fn names_stay_in_their_folder() {
    for name in ["", ".", "..", "a/../b", "../../x", "/tmp", "a\\\\b", "a b", "ä", "a\\u0000"] {
        let text = format!("schema_version = 1\nname = \"{name}\"\ndevice = 'pixel4'\nstrategies = ['cpu']\n");
        let text = format!("{text}[[stream]]\nmodel = 'resnet50'\nrequests = 1\n");
        let errors = Scenario::parse("s.toml", &text, Path::new("")).unwrap_err();
        assert!(errors.diagnostics.iter().any(|diagnostic| errors.position(diagnostic) == (2, 8)), "{name}: {errors}");
        for right in ["...a", "pixel4-solo_2.1"] {
            Scenario::parse("s.toml", &text.replacen(&format!("\"{name}\""), &format!("'{right}'"), 1), Path::new("")).unwrap();
        }
    }
}

#[test]
fn a_file_of_another_version_says_only_that() {
    check_scenario(
        "name = 3\nschema_version = 7\nnovelty = true\n",
        "2:18 the file is of version 7, this program reads 1 / `socrates schema` prints the format of this version\n",
    );
    check_profile(
        "schema_version = 0\n",
        "1:18 the file is of version 0, this program reads 1 / `socrates schema` prints the format of this version\n",
    );
}

#[test]
fn empty_and_endless_scenarios() {
    check_scenario(
        "",
        "1:1 missing key `schema_version` / add e.g. `schema_version = 1`
1:1 missing key `name` / add e.g. `name = \"pixel4-solo\"`
1:1 missing key `device` / add e.g. `device = \"pixel4\"`
1:1 missing key `strategies` / add e.g. `strategies = [\"cpu\", \"gpu\", \"heft\"]`
1:1 missing key `stream` / add e.g. `stream = [{ model = \"mobilenet_v2\", requests = 20 }]`
",
    );
    let head = format!("schema_version = 1\nname = 'x'\ndevice = '{}/tests/phone.toml'\n", env!("CARGO_MANIFEST_DIR"));
    check_scenario(
        &format!("{head}strategies = []\nstream = []\n"),
        "4:14 too few entries: 0 of at least 1 / write e.g. [\"cpu\", \"gpu\", \"heft\"]\n\
         5:10 too few entries: 0 of at least 1 / write e.g. [{ model = \"mobilenet_v2\", requests = 20 }]\n",
    );
    check_scenario(
        &format!("{head}strategies = ['cpu']\n[[stream]]\nmodel = 'resnet50'\n"),
        "5:1 the stream never ends / add `requests = 20` to the stream, or `horizon = \"10s\"` to the scenario\n",
    );
}

#[test]
fn text_that_is_not_toml() {
    check_scenario("name = 'x\n[a", "1:10 invalid literal string, expected `'` / -\n2:3 unclosed table, expected `]` / -\n");
}

#[test]
fn everything_wrong_with_a_profile() {
    check_profile(
        r#"schema_version = 1
name = "phone"
host = "cpus"
dram = "dramm"

[provenance]
source = [{ name = "x" }]

[[processor]]
name = "large"
kind = "cpuu"
frequencies = ["2GHz", "1GHz", "3"]

[[memory]]
name = "cpu"

[[memory]]
name = "cpu"

[[channel]]
name = "dram"
bandwidth = "0GB/s"

[[link]]
name = "up"
from = "cpu"
to = "gpu"
fixed = 3.5
ns_per_byte = -1.0
bandwidth = "4GB"
channels = [{ channel = "drum", bytes_per_byte = 0 }]
blocks = "worker"

[[worker]]
name = "w"
cores = { lrage = 1 }
memory = "cpu"
support = "nothing"

[support.some]
default = 1

[[support.some.rule]]
kind = "konvolution"
supported = false

[cost.v]
element_bytes = 9
otherwise = { mac = 1.0, launch = -1.0 }

[[cost.v.class]]
name = "convolutions"
provenance = "fitted"
coefficients = { }
fit_range = { in_size = [2.0, 1.0], out = [1.0, 2.0] }
trees = ["0:1 2", "1:x 2 3"]
shapes = ["1 2 3 4 5 6 = 7", "1 2 3 4 5 6 7 = 8 s"]
"#,
        "3:8 unknown memory `cpus` / did you mean `cpu`?
4:8 unknown channel `dramm` / did you mean `dram`?
7:11 missing key `licence` / add e.g. `licence = \"MIT\"`
11:8 unknown value `cpuu` / did you mean `cpu`?
12:24 frequency `1GHz` is not above the one before it / frequencies must ascend, in steps of 1kHz or more
12:32 `3` has no unit / write e.g. \"2841.6MHz\" (units: Hz, kHz, MHz, GHz)
18:8 duplicate memory `cpu` / names must be unique
22:13 `0GB/s` is out of range / must be above 0
27:6 unknown memory `gpu` / did you mean `cpu`?
28:9 a duration needs a unit / write e.g. \"33ms\"
29:15 `-1.0` is out of range / must be at least 0
30:13 `GB` is not a unit of bandwidth / write e.g. \"14.2GB/s\" (units: B/s, kB/s, MB/s, GB/s)
31:25 unknown channel `drum` / did you mean `dram`?
31:50 `0` is out of range / must be above 0
32:10 unknown worker `worker` / known: `w`
35:8 worker `w` has no cost models / add a table `[cost.\"w\"]`
36:11 unknown processor `lrage` / did you mean `large`?
38:11 unknown support rules `nothing` / known: `some`
41:11 expected `true` or `false`, found a whole number / write e.g. true
43:1 a rule that refuses without a reason / add `reason = \"...\"`
44:8 unknown value `konvolution` / did you mean `convolution`?
47:7 unknown worker `v` / did you mean `w`?
48:17 `9` is out of range / must be at most 8
49:15 unknown feature `mac` / did you mean `macs`?
49:35 `-1.0` is out of range / must be at least 0
52:8 unknown value `convolutions` / did you mean `convolution`?
55:13 the fit range lacks `in_channels` / all dimensions are needed
55:25 `in_size` is not a range / write the smallest and the largest value, e.g. [1.0, 224.0]
55:37 unknown dimension `out` / known: `in_size`, `in_channels`, `out_size`, `out_channels`, `kernel`, `stride`, `group_channels`
56:19 `1:x` is neither a split nor a leaf / write `feature:threshold` with a feature below 64, or a number
57:11 `1 2 3 4 5 6 = 7` is not a measured shape / write e.g. \"112 32 112 64 1 1 32 = 812500\"
57:30 `1 2 3 4 5 6 7 = 8 s` is not a measured shape / write e.g. \"112 32 112 64 1 1 32 = 812500\"
",
    );
}

#[test]
fn a_profile_that_makes_no_device() {
    let phone = include_str!("phone.toml");
    check_profile(
        &phone.replace("to = \"cpu\"", "to = \"gpu\""),
        "36:8 no link from memory `gpu` to memory `cpu` / add one, or put their workers in one memory
55:8 destination of `gpu-to-cpu` is gpu / must be another memory than the source
",
    );
    check_profile(
        &phone.replace("cores = { large = 1 }", "cores = { large = 2 }"),
        "63:8 number of cores of `cpu.1large` is 2 / must be from 1 to the processor's cores\n",
    );
}

#[test]
fn a_worker_falls_back_to_another_one_of_a_cpu() {
    let phone = include_str!("phone.toml");
    let with =
        |name: &str| phone.replace("support = \"mobile_gpu\"", &format!("support = \"mobile_gpu\"\nfalls_back_to = \"{name}\""));
    let profile = Profile::parse("phone.toml", &with("cpu.1large")).unwrap();
    assert_eq!(Profile::parse("phone.toml", &profile.to_toml().unwrap()).unwrap(), profile);
    let device = profile.device().unwrap();
    let worker = |name: &str| device.worker_named(name).unwrap();
    assert_eq!(device.falls_back_to(worker("gpu")), Some(worker("cpu.1large")));
    assert_eq!(device.falls_back_to(worker("cpu.1large")), None);
    check_profile(&with("cpu.1lagre"), "79:17 unknown worker `cpu.1lagre` / did you mean `cpu.1large`?\n");
    check_profile(&with("gpu"), "74:8 worker to fall back to of `gpu` is gpu / must be another one, of a CPU\n");
}

#[test]
fn everything_wrong_with_an_environment() {
    check_scenario(
        r#"schema_version = 1
name = "x"
device = "pixel4"
strategies = ["cpu"]

[environment]
governor = "ondemand"
ambient_celsius = 30.0
battery_mwh = 0.0

[environment.governors]
large = { schedutil = { period = "1us" } }
medium = { fixed = { frequency = "1.0" } }
gpu = { trace = { times = ["2s", "1s", "3s"], frequencies = ["585MHz", "345MHz"] } }

[[stream]]
model = "resnet50"
requests = 1
"#,
        "7:12 unknown value `ondemand` / known: `performance`, `powersave`, `schedutil`, `fixed`, `trace`
8:19 a temperature, but temperatures are not modelled / add `thermal = true`
9:15 `0.0` is out of range / must be above 0
12:34 `1us` is out of range / must be at least 10us
13:34 `1.0` has no unit / write e.g. \"2841.6MHz\" (units: Hz, kHz, MHz, GHz)
14:34 time `1s` is earlier than the one before it / times must ascend
14:61 3 times, but 2 frequencies / write one frequency for each time
",
    );
}

#[test]
fn everything_wrong_with_slowdowns() {
    let check = |points: &str, expected: &str| {
        let phone = include_str!("phone.toml");
        check_profile(&phone.replacen("opens = ", &format!("slowdown = {points}\nopens = "), 1), expected);
    };
    check("[]", "80:12 too few entries: 0 of at least 1 / write e.g. [[0.0, 1.0], [1.0, 0.5]]\n");
    check(
        "[[0.5, 1.0], [0.4, 0.9]]",
        "80:12 share 0.4 of a slowdown curve / must be 0 or more, and not less than the one before it\n",
    );
    check("[[0.0, 0.0]]", "80:12 speed 0 of a slowdown curve / must be above 0 and at most 1\n");
    let unnamed = include_str!("phone.toml").replacen("dram = \"dram\"\n", "", 1);
    check_profile(
        &unnamed.replacen("opens = ", "slowdown = [[0.0, 1.0]]\nopens = ", 1),
        "73:8 worker `gpu` slows down with the load on `dram`, which the device does not name / name the channel that all kernels share\n",
    );
}

#[test]
fn everything_wrong_with_power_and_heat() {
    let wrong = r#"
[power]
base_mw = -1.0

[[power.clock]]
processor = "lrage"
point = [{ frequency = "2GHz", active_mw = 900.0 }, { frequency = "1GHz", active_mw = 300.0 }]

[[power.clock]]
processor = "large"
switch = "1"
point = [{ frequency = "10Hz" }]

[thermal]
polling = "0s"
node = [{ name = "soc", capacity_j_per_k = 0.0, heated_by = ["larg", "memory", "base"] }]
resistance = [{ from = "soc", to = "soc", k_per_w = 3.0 }, { from = "soc", to = "skin", k_per_w = 3.0 }]
trip = [{ node = "sco", at_celsius = 40.0, cap = [{ processor = "gqu", floor = "1GHz" }] }]
"#;
    check_profile(
        &format!("{}{wrong}", include_str!("phone.toml")),
        "141:11 `-1.0` is out of range / must be at least 0
144:13 unknown processor `lrage` / did you mean `large`?
145:67 frequency `1GHz` is not above the one before it / frequencies must ascend, in steps of 1kHz or more
149:10 `1` has no unit / write e.g. \"33ms\" (units: ns, us, ms, s)
150:10 missing key `active_mw` / add e.g. `active_mw = 845.0`
150:24 `10Hz` is out of range / must be at least 1kHz
150:24 frequency `10Hz` is not above the one before it / frequencies must ascend, in steps of 1kHz or more
153:11 `0s` is out of range / must be above 0
154:44 `0.0` is out of range / must be above 0
154:62 unknown source of heat `larg` / did you mean `large`?
155:36 a resistance from a node to itself / name two nodes
155:81 unknown thermal node `skin` / known: `soc`
156:18 unknown thermal node `sco` / did you mean `soc`?
156:65 unknown processor `gqu` / did you mean `gpu`?
",
    );
}
