//! Where predictions of mappings are wrong, and what the errors go with.

use std::collections::BTreeMap;

use hwcal::rk3399pro::{Campaign, Processor};

use crate::mappings::{Judged, Refused};

/// Fewer mappings with a block on a processor, or without, say nothing about it.
const LEAST: usize = 20;

/// Of each network of `lw` the string of processors that is predicted worst, the block whose place goes with errors most, and what is known of causes.
pub(super) fn findings(by_network: &[Judged], by_string: &[Judged], refused: &[Refused]) -> Vec<String> {
    let mut networks: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
    for it in by_network.iter().filter(|it| it.row.mapping.campaign == Campaign::Lw) {
        networks.entry(&it.row.mapping.network).or_default().push(it);
    }
    let mut findings = Vec::new();
    for (network, rows) in &networks {
        findings.extend(worst(network, rows));
        findings.extend(Place::telling_most(rows).map(|place| place.finding(network, rows)));
    }
    findings.extend(npu_alone(by_string));
    findings.push(
        "Measured transfers between processors improve nothing on `lw` once hand-overs are fitted: added in full they raise the error with networks held \
         out. Block times of that campaign already seem to hold what moving their input costs."
            .to_owned(),
    );
    findings.push(
        "Taking a clock change as a stop of the processor halves the error of the parts and worsens their ranking: the gap is about that large on \
         average, but it is not where the clocks change. Late changes are what images read after a frame with other clocks show."
            .to_owned(),
    );
    for refused in refused {
        findings.push(format!("{} rows not judged: {}.", refused.lines.len(), refused.why));
    }
    findings
}

/// Why networks on the NPU alone are predicted badly by fits that have not seen them: what the host does for an inference differs between networks,
/// and two networks tell of it.
fn npu_alone(by_string: &[Judged]) -> Option<String> {
    let alone = by_string.iter().filter(|it| it.row.mapping.places.iter().all(|place| place.processor == Processor::Npu));
    let mut networks: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
    for it in alone {
        networks.entry(&it.row.mapping.network).or_default().push(it);
    }
    let highest = Processor::Npu.settings() - 1;
    let of = |(network, rows): (&&str, &Vec<&Judged>)| {
        let at = |point: usize| rows.iter().find(|it| it.row.mapping.places.iter().all(|place| place.point == point));
        let (slow, fast) = (at(0)?, at(highest)?);
        let per_ghz = Processor::Npu.cpu_ghz(0).recip() - Processor::Npu.cpu_ghz(highest).recip();
        let host_ms_ghz = (slow.row.task_ms - fast.row.task_ms) / per_ghz;
        let (off, count) = mean(rows.iter().map(|it| error(it)));
        Some(format!("{network} {host_ms_ghz:.1} ms GHz ({off:+.0} % off in the mean of {count} rows)"))
    };
    let parts: Vec<String> = networks.iter().filter_map(of).collect();
    (parts.len() > 1).then(|| {
        format!(
            "On the NPU alone, from the lowest to the highest clock of the host, what the host does for an inference is measured as {}. A fit with one \
             of these strings held out has only the other network's to go by.",
            parts.join(" and ")
        )
    })
}

/// In percent of what was measured.
fn error(it: &Judged) -> f64 {
    100.0 * (it.task_ms / it.row.task_ms - 1.0)
}

fn mean(errors: impl Iterator<Item = f64>) -> (f64, usize) {
    let (sum, count) = errors.fold((0.0, 0), |(sum, count), error| (sum + error, count + 1));
    (sum / count.max(1) as f64, count)
}

/// The mapping predicted worst, beside others of its string of processors: whether it is the string or the clocks.
fn worst(network: &str, rows: &[&Judged]) -> Option<String> {
    let worst = rows.iter().max_by(|one, other| error(one).abs().total_cmp(&error(other).abs()))?;
    let letters = worst.row.mapping.letters();
    let of_string: Vec<f64> = rows.iter().filter(|it| it.row.mapping.letters() == letters).map(|it| error(it)).collect();
    let least = of_string.iter().copied().fold(f64::INFINITY, f64::min);
    let most = of_string.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(format!(
        "{network}, `{letters}`: {:+.0} %, {:.0} ms measured; at the {} settings of the clocks that were measured of it, {least:+.0} to {most:+.0} %.",
        error(worst),
        worst.row.task_ms,
        of_string.len()
    ))
}

/// A block on a processor.
#[derive(Clone, Copy)]
struct Place {
    block: usize,
    processor: Processor,
    /// Mean errors of mappings with the block there, and of the others, in percent.
    there: f64,
    elsewhere: f64,
    /// Mean absolute error without that difference, in percent.
    without: f64,
}

impl Place {
    /// The one whose difference, taken away from the mappings that have it, lowers the mean absolute error most.
    fn telling_most(rows: &[&Judged]) -> Option<Self> {
        let blocks = rows.first()?.row.mapping.places.len();
        let places = (0..blocks).flat_map(|block| [Processor::Little, Processor::Big, Processor::Gpu].map(|it| (block, it)));
        let of = |(block, processor): (usize, Processor)| {
            let is_there = |it: &&&Judged| it.row.mapping.places[block].processor == processor;
            let (there, count) = mean(rows.iter().filter(is_there).map(|it| error(it)));
            let (elsewhere, others) = mean(rows.iter().filter(|it| !is_there(it)).map(|it| error(it)));
            let corrected = |it: &&Judged| (error(it) - if is_there(&it) { there - elsewhere } else { 0.0 }).abs();
            let without = mean(rows.iter().map(corrected)).0;
            (count.min(others) >= LEAST).then_some(Self { block, processor, there, elsewhere, without })
        };
        places.filter_map(of).min_by(|one, other| one.without.total_cmp(&other.without))
    }

    fn finding(&self, network: &str, rows: &[&Judged]) -> String {
        let all = mean(rows.iter().map(|it| error(it).abs())).0;
        format!(
            "{network}: mappings with block {} (of 0 to {}) on {} are {:+.1} % off in the mean, the others {:+.1} %; without that difference the mean absolute \
             error would be {:.2} instead of {all:.2} %. Found by looking at all blocks and processors; why that block is not known.",
            self.block,
            rows[0].row.mapping.places.len() - 1,
            self.processor.letter(),
            self.there,
            self.elsewhere,
            self.without
        )
    }
}

#[cfg(test)]
mod tests {
    use hwcal::rk3399pro::{Mapping, MeasuredMapping, Placement};

    use super::*;

    fn row(letters: &str, task_ms: f64, predicted_ms: f64) -> Judged {
        let place = |letter| Placement { processor: Processor::of(letter).expect("a letter"), point: 0, host: 0 };
        let mapping = Mapping { campaign: Campaign::Lw, network: "net".to_owned(), places: letters.chars().map(place).collect() };
        let row = MeasuredMapping { mapping, line: 1, input_ms: None, task_ms, task_mj: None, total_mj: None };
        Judged { row, input_ms: 0.0, task_ms: predicted_ms, task_mj: None, total_mj: None, was_seen: false }
    }

    #[test]
    fn the_block_that_is_slower_than_predicted_is_named() {
        let mut rows = Vec::new();
        for index in 0..90_usize {
            let letters: String = (0..3).map(|block| ['L', 'B', 'G'][(index / 3_usize.pow(block)) % 3]).collect();
            let slow = if letters.as_bytes()[1] == b'B' { 1.25 } else { 1.0 };
            rows.push(row(&letters, 10.0 * slow, 10.0));
        }
        let rows: Vec<&Judged> = rows.iter().collect();
        let place = Place::telling_most(&rows).expect("enough rows");
        assert_eq!((place.block, place.processor), (1, Processor::Big));
        assert!((place.there + 20.0).abs() < 1e-9 && place.elsewhere.abs() < 1e-9 && place.without.abs() < 1e-9);
        assert!(Place::telling_most(&rows[..10]).is_none(), "too few");
        let text = worst("net", &rows).expect("rows");
        assert!(text.contains("-20 %, 12 ms measured") || text.contains("-20 %, 13 ms measured"), "{text}");
    }
}
