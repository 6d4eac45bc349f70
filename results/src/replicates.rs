//! `replicates.json`: every reported figure over the replicates of a run, with its interval, and paired differences between strategies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sim::metrics::Report;
use sim::statistics::{mean, sample_deviation};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Name of the file.
pub const REPLICATES_FILE: &str = "replicates.json";

/// Probability with which an interval holds the true mean, if figures are normal.
pub const CONFIDENCE: f64 = 0.95;

/// The contents of `replicates.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicatesFile {
    /// Version of the layout of all files of the directory.
    pub schema_version: u32,
    /// Probability that an interval holds the mean.
    pub confidence: f64,
    /// Seed of each replicate; the first is that of `run.json`.
    pub seeds: Vec<u64>,
    /// Figures, run by run.
    pub figures: Vec<Figure>,
    /// Differences of a run from that of the first strategy of its case, replicate by replicate.
    pub differences: Vec<Difference>,
}

/// One figure over the replicates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The case.
    pub case: String,
    /// The strategy.
    pub strategy: String,
    /// Where it stands in the report of a case in `run.json`, `models[resnet18].latency.p50_ns`: what has a name is told by it, the rest by number.
    pub figure: String,
    /// Its value in each replicate; `null` where it does not exist.
    pub values: Vec<Option<f64>>,
    /// What they amount to.
    pub summary: Interval,
}

/// The difference of a figure between two strategies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The case.
    pub case: String,
    /// The strategy.
    pub strategy: String,
    /// The strategy that it is compared with.
    pub baseline: String,
    /// The figure.
    pub figure: String,
    /// Of the differences `strategy - baseline` in the replicates in which both exist.
    pub summary: Interval,
}

/// A mean with Student's interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Values.
    pub count: u64,
    /// Their mean; `None` of none.
    pub mean: Option<f64>,
    /// Lower end: mean less `t(count - 1) x deviation / sqrt(count)`; `None` of fewer than two.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl Interval {
    /// Of some values.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as u64;
        let mean = mean(values).ok();
        let half = sample_deviation(values).ok().and_then(|deviation| {
            let student = StudentsT::new(0.0, 1.0, count as f64 - 1.0).ok()?;
            Some(student.inverse_cdf(0.5 + 0.5 * CONFIDENCE) * deviation / (count as f64).sqrt())
        });
        let end = |sign: f64| Some(mean? + sign * half?);
        Self { count, mean, low: end(-1.0), high: end(1.0) }
    }

    /// Half its width.
    pub fn half_width(&self) -> Option<f64> {
        Some((self.high? - self.low?) * 0.5)
    }
}

/// The figures of a report by where they stand.
pub type Figures = BTreeMap<String, f64>;

/// Every number of a report.
pub fn figures(report: &Report) -> Figures {
    let mut figures = Figures::new();
    // A report is plain data: it always serialises.
    if let Ok(value) = serde_json::to_value(report) {
        collect(&value, "", &mut figures);
    }
    figures
}

fn collect(value: &Value, path: &str, figures: &mut Figures) {
    match value {
        Value::Number(number) => {
            if let Some(number) = number.as_f64() {
                figures.insert(path.to_owned(), number);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect(member, &path, figures);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let name = item["name"].as_str().filter(|name| items.iter().filter(|other| other["name"] == **name).count() == 1);
                let name = name.map_or_else(|| index.to_string(), str::to_owned);
                collect(item, &format!("{path}[{name}]"), figures);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

impl ReplicatesFile {
    /// A file without figures.
    pub fn new(schema_version: u32, seeds: Vec<u64>) -> Self {
        Self { schema_version, confidence: CONFIDENCE, seeds, figures: Vec::new(), differences: Vec::new() }
    }

    /// Adds a run: its figures in each replicate. They are compared with those of the first run that was added of the case.
    pub fn add(&mut self, case: &str, strategy: &str, replicates: &[Figures]) {
        let mut paths: Vec<&String> = replicates.iter().flat_map(BTreeMap::keys).collect();
        paths.sort_unstable();
        paths.dedup();
        let baseline = self.figures.iter().find(|figure| figure.case == case).map(|figure| figure.strategy.clone());
        let mut added = Vec::new();
        for path in paths {
            let values: Vec<Option<f64>> = replicates.iter().map(|figures| figures.get(path).copied()).collect();
            let known: Vec<f64> = values.iter().flatten().copied().collect();
            let (case, strategy, figure) = (case.to_owned(), strategy.to_owned(), path.clone());
            added.push(Figure { case, strategy, figure, values, summary: Interval::of(&known) });
        }
        if let Some(baseline) = baseline.filter(|baseline| baseline != strategy) {
            let of_baseline: BTreeMap<&str, &Figure> = self
                .figures
                .iter()
                .filter(|figure| figure.case == case && figure.strategy == baseline)
                .map(|figure| (figure.figure.as_str(), figure))
                .collect();
            for figure in &added {
                let Some(other) = of_baseline.get(figure.figure.as_str()) else { continue };
                let pairs = figure.values.iter().zip(&other.values);
                let differences: Vec<f64> = pairs.filter_map(|(one, other)| Some((*one)? - (*other)?)).collect();
                self.differences.push(Difference {
                    case: case.to_owned(),
                    strategy: strategy.to_owned(),
                    baseline: baseline.clone(),
                    figure: figure.figure.clone(),
                    summary: Interval::of(&differences),
                });
            }
        }
        self.figures.extend(added);
    }

    /// A figure of a run.
    pub fn figure(&self, case: &str, strategy: &str, figure: &str) -> Option<&Interval> {
        let is_it = |one: &&Figure| one.case == case && one.strategy == strategy && one.figure == figure;
        self.figures.iter().find(is_it).map(|figure| &figure.summary)
    }

    /// A difference of a run from the first of its case.
    pub fn difference(&self, case: &str, strategy: &str, figure: &str) -> Option<&Interval> {
        let is_it = |one: &&Difference| one.case == case && one.strategy == strategy && one.figure == figure;
        self.differences.iter().find(is_it).map(|difference| &difference.summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of Student's t from tables: 2.262 at 9 degrees of freedom, 12.706 at 1.
    #[test]
    fn intervals_are_students() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let interval = Interval::of(&values);
        let deviation = (82.5_f64 / 9.0).sqrt();
        let half = 2.262_157 * deviation / 10_f64.sqrt();
        assert_eq!((interval.count, interval.mean), (10, Some(5.5)));
        assert!((interval.half_width().expect("ten values") - half).abs() < 1e-5, "{interval:?}");
        let two = Interval::of(&[1.0, 3.0]);
        assert!((two.half_width().expect("two values") - 12.706_205).abs() < 1e-4, "{two:?}");
        assert_eq!(Interval::of(&[4.0]), Interval { count: 1, mean: Some(4.0), low: None, high: None });
        assert_eq!(Interval::of(&[]).mean, None);
    }

    #[test]
    fn strategies_are_compared_replicate_by_replicate() {
        let figures = |values: &[(&str, f64)]| values.iter().map(|&(name, value)| (name.to_owned(), value)).collect::<Figures>();
        let mut file = ReplicatesFile::new(1, vec![0, 1, 2]);
        file.add("a", "cpu", &[figures(&[("x", 1.0)]), figures(&[("x", 2.0), ("y", 5.0)]), figures(&[("x", 4.0)])]);
        file.add("a", "gpu", &[figures(&[("x", 2.0)]), figures(&[("x", 3.0)]), figures(&[("x", 5.0), ("z", 1.0)])]);
        file.add("b", "gpu", &[figures(&[("x", 2.0)])]);
        assert_eq!(file.figures.iter().filter(|it| it.case == "a").count(), 4);
        assert_eq!(file.figure("a", "cpu", "y").map(|it| (it.count, it.mean)), Some((1, Some(5.0))));
        let difference = file.difference("a", "gpu", "x").expect("both have it");
        assert_eq!((difference.mean, difference.low, difference.high), (Some(1.0), Some(1.0), Some(1.0)));
        assert_eq!(file.differences.len(), 1);
    }
}
