//! The study's hypotheses, each held against scenarios of `examples/hypotheses`: effects with intervals over replicates, and what was found.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::Value;

use crate::folder::Folder;

/// What an effect must be for the finding to stand: its whole interval is beyond the bound.
#[derive(Clone, Copy, Debug)]
enum Finding {
    /// At most this.
    Below(f64),
    /// At least this.
    Above(f64),
    /// Within this of nothing.
    Within(f64),
}

/// One strategy against another, the first of its scenario.
struct Contrast {
    /// File in `examples/hypotheses`.
    scenario: &'static str,
    case: &'static str,
    strategy: &'static str,
    figure: &'static str,
    finding: Finding,
}

const fn contrast(
    scenario: &'static str,
    case: &'static str,
    strategy: &'static str,
    figure: &'static str,
    finding: Finding,
) -> Contrast {
    Contrast { scenario, case, strategy, figure, finding }
}

struct Hypothesis {
    name: &'static str,
    claim: &'static str,
    /// What the contrasts together say.
    verdict: &'static str,
    contrasts: &'static [Contrast],
}

const LATENCY: &str = "latency.p50_ns";
const ENERGY: &str = "per_inference_j";

#[rustfmt::skip]
const HYPOTHESES: &[Hypothesis] = &[
    Hypothesis {
        name: "H1",
        claim: "Which strategy is best changes with model and device.",
        verdict: "Confirmed: sharing operators loses on one phone and wins on another with the same model, and the GPU wins with one model and loses with another.",
        contrasts: &[
            contrast("h1-pixel4", "resnet50", "split", LATENCY, Finding::Above(0.5)),
            contrast("h1-xiaomi9", "resnet50", "split", LATENCY, Finding::Below(0.0)),
            contrast("h1-pixel4", "resnet50", "cpu[worker=cpu.3medium]", LATENCY, Finding::Above(1.0)),
            contrast("h1-pixel4", "shufflenet_v2_x1_0", "cpu[worker=cpu.3medium]", LATENCY, Finding::Below(-0.4)),
        ],
    },
    Hypothesis {
        name: "H2",
        claim: "Falling back often can make an accelerator slower than the CPU alone.",
        verdict: "Confirmed where many operators fall back (32 tasks of ShuffleNet, 59 of BERT); where none does, the GPU is three times as fast.",
        contrasts: &[
            contrast("h2", "shufflenet_v2_x1_0", "gpu[fallback=operator]", LATENCY, Finding::Above(1.0)),
            contrast("h2", "bert_tiny_4x312", "gpu[fallback=operator]", LATENCY, Finding::Above(0.2)),
            contrast("h2", "resnet50", "gpu[fallback=operator]", LATENCY, Finding::Below(-0.5)),
        ],
    },
    Hypothesis {
        name: "H3",
        claim: "Networks of small operators do not gain from sharing operators.",
        verdict: "Confirmed: CoDL's planner leaves them on one processor, and sharing greedily loses; a network of large operators gains much.",
        contrasts: &[
            contrast("h3", "mobilenet_v2", "codl[sync_us=auto]", LATENCY, Finding::Within(0.01)),
            contrast("h3", "mobilenet_v2", "split", LATENCY, Finding::Above(0.05)),
            contrast("h3", "vgg16", "codl[sync_us=auto]", LATENCY, Finding::Below(-0.3)),
        ],
    },
    Hypothesis {
        name: "H4",
        claim: "Load makes a split that was chosen beforehand mis-balanced, worse than the best single processor beyond some load.",
        verdict: "Confirmed at three busy threads on each large core: CoDL's split, 44 % faster than the GPU on the idle phone (H3), takes twice as long as the GPU.",
        contrasts: &[
            contrast("h4", "vgg16", "codl[sync_us=auto]", LATENCY, Finding::Above(0.5)),
            contrast("h4", "vgg16", "socrates[adapt=off]", LATENCY, Finding::Above(0.5)),
            contrast("h4", "resnet50", "socrates[adapt=off]", LATENCY, Finding::Above(0.5)),
        ],
    },
    Hypothesis {
        name: "H5",
        claim: "Planning again with live latencies recovers most of the loss.",
        verdict: "Confirmed: with adaptation the same strategy is level with the best single processor or better in the median. Its first requests still pay: see p99.",
        contrasts: &[
            contrast("h4", "vgg16", "socrates", LATENCY, Finding::Below(0.0)),
            contrast("h4", "resnet50", "socrates", LATENCY, Finding::Within(0.01)),
            contrast("h4", "vgg16", "socrates", "latency.p99_ns", Finding::Above(0.2)),
        ],
    },
    Hypothesis {
        name: "H6",
        claim: "Sharing operators raises power and memory even where it lowers latency; energy may go up.",
        verdict: "Confirmed: twice the power for two fifths less latency, a quarter to a third more energy for an inference, 7 % more memory.",
        contrasts: &[
            contrast("h6", "vgg16", "codl[sync_us=auto]", LATENCY, Finding::Below(-0.3)),
            contrast("h6", "vgg16", "codl[sync_us=auto]", "device.energy.mean_power_w", Finding::Above(0.1)),
            contrast("h6", "vgg16", "codl[sync_us=auto]", ENERGY, Finding::Above(0.0)),
            contrast("h6", "vgg16", "codl[sync_us=auto]", "peak_memory_bytes", Finding::Above(0.01)),
            contrast("h6", "yolov2", "codl[sync_us=auto]", ENERGY, Finding::Above(0.0)),
        ],
    },
    Hypothesis {
        name: "H7",
        claim: "Inference on the GPU delays frames of the user interface.",
        verdict: "Confirmed: five classifications a second on the GPU instead of the CPU double the share of janky frames and their 95th percentile.",
        contrasts: &[
            contrast("h7", "resnet50", "gpu[fallback=operator]", "interface.jank_rate", Finding::Above(0.5)),
            contrast("h7", "resnet50", "gpu[fallback=operator]", "interface.frame_time.p95_ns", Finding::Above(0.5)),
            contrast("h7", "resnet50", "gpu[fallback=operator]", "interface.frames_per_second", Finding::Below(-0.03)),
        ],
    },
    Hypothesis {
        name: "H8",
        claim: "Keeping data where they are (chains) is worth as much as sharing operators itself.",
        verdict: "Refuted on this profile: chains take 3 % (VGG-16) and 6 % (YOLOv2) off what sharing operators one by one leaves; sharing itself took off 38 and 26 %.",
        contrasts: &[
            contrast("h8", "vgg16", "codl[sync_us=auto]", LATENCY, Finding::Within(0.1)),
            contrast("h8", "vgg16", "gpu[fallback=operator]", LATENCY, Finding::Above(0.4)),
            contrast("h8", "yolov2", "codl[sync_us=auto]", LATENCY, Finding::Within(0.1)),
            contrast("h8", "yolov2", "gpu[fallback=operator]", LATENCY, Finding::Above(0.3)),
        ],
    },
];

/// Mean effect of a strategy over the first of its scenario, as a share, with its 95 % interval from paired differences.
fn effect(replicates: &Value, contrast: &Contrast) -> (f64, f64, f64, String) {
    let is_it = |entry: &Value| {
        let figure = entry["figure"].as_str().unwrap_or_default();
        entry["case"] == contrast.case && (figure.ends_with(contrast.figure) && !figure.starts_with("streams"))
    };
    let of = |list: &str, strategy: &str| {
        let entries = replicates[list].as_array().expect("a list");
        let found = entries.iter().find(|entry| is_it(entry) && entry["strategy"] == strategy);
        found
            .unwrap_or_else(|| panic!("{} of {strategy} in {}: no such figure in {list}", contrast.figure, contrast.scenario))
            .clone()
    };
    let difference = of("differences", contrast.strategy);
    let baseline = difference["baseline"].as_str().expect("a name").to_owned();
    let base = of("figures", &baseline)["summary"]["mean"].as_f64().expect("a mean");
    let share = |end: &str| difference["summary"][end].as_f64().expect("an interval") / base;
    (share("mean"), share("low"), share("high"), baseline)
}

#[test]
fn what_the_hypotheses_come_to() {
    let folder = Folder::new();
    let mut text = String::from(HEADER);
    let mut wrong = Vec::new();
    for hypothesis in HYPOTHESES {
        let _ = write!(text, "\n## {}\n\n{}\n\n", hypothesis.name, hypothesis.claim);
        text.push_str(
            "| scenario | model | strategy | against | figure | effect | 95 % interval |\n|---|---|---|---|---|---:|---|\n",
        );
        for contrast in hypothesis.contrasts {
            let output = folder.path().join(contrast.scenario);
            if !output.exists() {
                let scenario = repository().join("examples/hypotheses").join(format!("{}.toml", contrast.scenario));
                let ran = folder.socrates(&["run", &scenario.display().to_string(), "--output", contrast.scenario, "--quiet"]);
                assert_eq!(ran.status, Some(0), "{}", ran.stderr);
            }
            let replicates = std::fs::read_to_string(output.join("replicates.json")).expect("replicates");
            let replicates: Value = serde_json::from_str(&replicates).expect("JSON");
            let (mean, low, high, baseline) = effect(&replicates, contrast);
            let stands = match contrast.finding {
                Finding::Below(bound) => high <= bound,
                Finding::Above(bound) => low >= bound,
                Finding::Within(bound) => -bound <= low && high <= bound,
            };
            if !stands {
                wrong.push(format!(
                    "{}: {} {} {} against {baseline}: {mean:+.4} [{low:+.4}, {high:+.4}], expected {:?}",
                    hypothesis.name, contrast.scenario, contrast.case, contrast.strategy, contrast.finding
                ));
            }
            let percent = |share: f64| format!("{:+.1}", 100.0 * share);
            let _ = writeln!(
                text,
                "| `{}` | {} | `{}` | `{baseline}` | {} | {} % | {} to {} |",
                contrast.scenario,
                contrast.case,
                contrast.strategy,
                told(contrast.figure),
                percent(mean),
                percent(low),
                percent(high)
            );
        }
        let _ = write!(text, "\n{}\n", hypothesis.verdict);
    }
    assert!(wrong.is_empty(), "findings that do not stand:\n{}", wrong.join("\n"));
    let page = repository().join("docs/hypotheses.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&page, &text).expect("written");
    }
    let committed = std::fs::read_to_string(&page).unwrap_or_default();
    let stale = committed.lines().zip(text.lines()).find(|(before, now)| before != now);
    assert!(committed == text, "docs/hypotheses.md differs: rewrite it by `UPDATE=1 cargo test`: {stale:?}");
}

/// A figure in words.
fn told(figure: &str) -> &'static str {
    const WORDS: &[(&str, &str)] = &[
        ("latency.p50_ns", "median latency"),
        ("latency.p99_ns", "p99 latency"),
        ("per_inference_j", "energy of an inference"),
        ("device.energy.mean_power_w", "mean power"),
        ("peak_memory_bytes", "peak memory"),
        ("interface.jank_rate", "janky frames"),
        ("interface.frame_time.p95_ns", "p95 frame time"),
        ("interface.frames_per_second", "frames per second"),
    ];
    WORDS.iter().find(|(name, _)| *name == figure).map_or("?", |(_, words)| words)
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

const HEADER: &str = "# The study's hypotheses

Each hypothesis is a scenario of `examples/hypotheses`, run by `socrates run`, and a test (`cargo test -p socrates --test command_line
hypotheses`) that asserts what was found and writes this page. Effects are differences of means over 30 replicates, paired by seed, as
shares of the strategy compared with; intervals are 95 %, Student's, and hold what the cost models are wrong by (`variation =
\"model_error_and_noise\"`), not what a profile leaves out. All are simulated; which profiles rest on what is in
`docs/calibration.md`.
";
