//! Whether a stream settled: the warm-up to leave out, and whether its queue grows.

use serde::{Deserialize, Serialize};

/// Values of a batch.
const BATCH: usize = 5;

/// Fewest batches of which a warm-up can be told.
const LEAST_BATCHES: usize = 10;

/// Pieces of the run whose mean queues are compared.
const PIECES: usize = 20;

/// Fewest requests of which a verdict can be told.
const LEAST_REQUESTS: usize = 40;

/// One-sided normal quantile of 0.001.
const SIGNIFICANT: f64 = 3.09;

/// Whether the queue of a stream grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// No growth to be seen.
    Stable,
    /// It grew from beginning to end: requests arrive faster than they are served.
    Backlogged,
    /// Too few requests to tell.
    Undecided,
}

/// Values to leave out at the beginning of a series, by MSER-5 (White, *Simulation* 69(6), 1997): of the means of batches of five, as many as make
/// the squared standard error of the rest least, `sum (y - mean)^2 / n^2` over the `n` left, of the first half at most.
///
/// `None` where there are fewer than 50 values, or the least is at the end of the first half: the series has not settled.
pub fn warm_up(values: &[f64]) -> Option<usize> {
    let batches: Vec<f64> = values.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    if batches.len() < LEAST_BATCHES {
        return None;
    }
    // Sums of what is left, from the end; about the mean of all, so that they do not cancel.
    let centre = batches.iter().sum::<f64>() / batches.len() as f64;
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    let mut errors = vec![0.0; batches.len()];
    for (error, batch) in errors.iter_mut().zip(&batches).rev() {
        let value = batch - centre;
        (sum, squares, count) = (sum + value, squares + value * value, count + 1.0);
        *error = f64::max(squares - sum * sum / count, 0.0) / (count * count);
    }
    let half = batches.len() / 2;
    // Of equal ones the first.
    let least = (0..half).fold(0, |least, index| if errors[index] < errors[least] { index } else { least });
    (least + 1 < half).then_some(least * BATCH)
}

/// Whether the number of requests in the system grew, from `(arrived, ended)` of each.
///
/// The time up to the last arrival is cut into 20 pieces of equal length, and the mean number in the system taken of each. The verdict is
/// `BACKLOGGED` if these rise by the test of Mann and Kendall (one-sided, 0.001) and the mean of the last five is at least twice that of the
/// first five and at least one request more.
pub fn verdict(spans: &[(u64, u64)]) -> Verdict {
    let last_ns = spans.iter().map(|&(arrived_ns, _)| arrived_ns).max().unwrap_or(0);
    if spans.len() < LEAST_REQUESTS || last_ns < PIECES as u64 {
        return Verdict::Undecided;
    }
    let piece_ns = last_ns as f64 / PIECES as f64;
    let mut lengths = [0.0_f64; PIECES];
    for &(arrived_ns, ended_ns) in spans {
        let (from, to) = (arrived_ns as f64 / piece_ns, ended_ns as f64 / piece_ns);
        for (piece, length) in lengths.iter_mut().enumerate().skip(from as usize) {
            if piece as f64 >= to {
                break;
            }
            *length += (to.min(piece as f64 + 1.0) - from.max(piece as f64)).max(0.0);
        }
    }
    let mut concordant = 0_i64;
    for (index, length) in lengths.iter().enumerate() {
        for before in &lengths[..index] {
            concordant += i64::from(length > before) - i64::from(length < before);
        }
    }
    let count = PIECES as f64;
    let deviation = libm::sqrt(count * (count - 1.0) * (2.0 * count + 5.0) / 18.0);
    let rises = (concordant - 1) as f64 / deviation > SIGNIFICANT;
    let mean = |pieces: &[f64]| pieces.iter().sum::<f64>() / pieces.len() as f64;
    let (first, last) = (mean(&lengths[..5]), mean(&lengths[PIECES - 5..]));
    if rises && last >= 2.0 * first && last >= first + 1.0 { Verdict::Backlogged } else { Verdict::Stable }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warm_up_ends_where_the_level_is_reached() {
        let level = |index: usize| if index.is_multiple_of(2) { 9.0 } else { 11.0 };
        let check = |ramp: usize, expected: Option<usize>| {
            let values: Vec<f64> = (0..400).map(|index| if index < ramp { 100.0 - index as f64 } else { level(index) }).collect();
            assert_eq!(warm_up(&values), expected, "{ramp}");
        };
        check(0, Some(0));
        check(20, Some(20));
        check(83, Some(85));
        assert_eq!(warm_up(&[1.0; 49]), None);
        assert_eq!(warm_up(&[1.0; 50]), Some(0));
        // A series that rises all the time has not settled.
        assert_eq!(warm_up(&(0..400).map(f64::from).collect::<Vec<_>>()), None);
    }

    #[test]
    fn queues_that_grow_are_told_from_queues_that_do_not() {
        let served = |service_ns: u64, count: u64| {
            let mut free_ns = 0;
            let one = |index: u64| {
                let arrived_ns = index * 1_000;
                free_ns = arrived_ns.max(free_ns) + service_ns;
                (arrived_ns, free_ns)
            };
            (0..count).map(one).collect::<Vec<_>>()
        };
        assert_eq!(verdict(&served(900, 1_000)), Verdict::Stable);
        assert_eq!(verdict(&served(1_000, 1_000)), Verdict::Stable);
        assert_eq!(verdict(&served(1_100, 1_000)), Verdict::Backlogged);
        assert_eq!(verdict(&served(5_000, 39)), Verdict::Undecided);
        // A burst at the beginning that is worked off.
        let burst: Vec<(u64, u64)> =
            (0..500).map(|index| (if index < 100 { 0 } else { index * 1_000 }, index * 1_000 + 500)).collect();
        assert_eq!(verdict(&burst), Verdict::Stable);
    }
}
