//! Own statistics against those of `SciPy`, where the interpreter `$PYTHON` (or `python3`) has it.

use std::io::Write;
use std::process::{Command, Stdio};

use sim::random::{Purpose, Stream};
use validation::statistics::{kolmogorov_smirnov, ranking, share_interval};

/// Reads samples from standard input, writes what `SciPy` makes of each pair.
const SCRIPT: &str = "
import json, sys
import scipy.stats as s
out = []
for one, other in json.load(sys.stdin)['pairs']:
    out.append([s.ks_2samp(one, other).statistic, s.kendalltau(one[:len(other)], other[:len(one)]).statistic])
shares = []
for inside, count in [[0, 9], [3, 9], [9, 9], [180, 200], [47, 54]]:
    interval = s.binomtest(inside, count).proportion_ci(0.95, method='exact')
    shares.append([inside, count, interval.low, interval.high])
json.dump({'pairs': out, 'shares': shares}, sys.stdout)
";

fn scipy(input: &str) -> Option<serde_json::Value> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let spawned =
        Command::new(python).args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.ok()?;
    child.stdin.take()?.write_all(input.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    if output.status.success() { serde_json::from_slice(&output.stdout).ok() } else { None }
}

/// Samples with ties, of several sizes.
fn samples() -> Vec<(Vec<f64>, Vec<f64>)> {
    let sample = |seed: u64, which: u64, count: usize, scale: f64| -> Vec<f64> {
        let mut random = Stream::new(seed, Purpose::Resampling, which, 0);
        (0..count).map(|_| (20.0 * scale * random.exponential(1.0)).round() / 4.0).collect()
    };
    [(7, 7), (30, 30), (12, 40), (101, 36)]
        .iter()
        .enumerate()
        .map(|(seed, &(one, other))| (sample(seed as u64, 0, one, 1.0), sample(seed as u64, 1, other, 1.3)))
        .collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "what is skipped is said")]
fn statistics_are_those_of_scipy() {
    let pairs = samples();
    let input = serde_json::json!({ "pairs": pairs }).to_string();
    let Some(expected) = scipy(&input) else {
        assert!(std::env::var_os("SOCRATES_REQUIRE_SCIPY").is_none(), "SciPy is required, but `$PYTHON` does not have it");
        eprintln!("skipped: `$PYTHON` has no SciPy");
        return;
    };
    let number = |value: &serde_json::Value| value.as_f64().expect("a number");
    for ((one, other), expected) in pairs.iter().zip(expected["pairs"].as_array().expect("a list")) {
        let distance = kolmogorov_smirnov(one, other).expect("samples");
        assert!((distance - number(&expected[0])).abs() < 1e-12, "{distance} is not {}", expected[0]);
        let count = one.len().min(other.len());
        let tau = ranking(&one[..count], &other[..count]).map(|it| it.tau);
        // The least of a sample rounded to quarters may be 0, of which there is no regret.
        if let Ok(tau) = tau {
            let tau = tau.expect("ranks vary");
            assert!((tau - number(&expected[1])).abs() < 1e-12, "{tau} is not {}", expected[1]);
        }
    }
    for expected in expected["shares"].as_array().expect("a list") {
        let (inside, count) = (expected[0].as_u64().expect("whole") as usize, expected[1].as_u64().expect("whole") as usize);
        let interval = share_interval(inside, count, 0.95).expect("trials");
        let off = (interval.low - number(&expected[2])).abs().max((interval.high - number(&expected[3])).abs());
        assert!(off < 1e-6, "{inside} of {count}: {interval:?} is not {expected}");
    }
}
