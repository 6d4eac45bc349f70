//! The greedy search for operator chains.

use crate::identifiers::TaskId;
use crate::plan::cut_chain;
use crate::strategy::co_execution::{Pair, TENTHS};

use super::Decision;
use super::operators::Predictor;

/// Most operators of a chain.
const LONGEST: usize = 30;
/// How far ratios are searched around the first operator's, in tenths.
const NEAR: u32 = 3;

impl Predictor<'_> {
    /// The chain from the task at `first` on that gains most over its tasks one by one, with its length; `None` where none gains.
    ///
    /// For each ratio a chain grows as long as it is not slower than its tasks one by one.
    pub(super) fn best_chain(
        &self,
        tasks: &[TaskId],
        alone: &[Decision],
        first: usize,
        near: bool,
        pair: Pair,
    ) -> Option<(usize, Decision)> {
        let is_tried = |tenths: &u32| !near || tenths.abs_diff(alone[first].tenths) <= NEAR;
        let mut best: Option<(u64, usize, Decision)> = None;
        for tenths in TENTHS.filter(is_tried) {
            let mut alone_ns = alone[first].latency_ns;
            for end in first + 2..=tasks.len().min(first + LONGEST) {
                let chain = &tasks[first..end];
                alone_ns = alone_ns.saturating_add(alone[end - 1].latency_ns);
                let Some(decision) = self.chain(chain, tenths, pair) else { break };
                let Some(gain_ns) = alone_ns.checked_sub(decision.latency_ns) else { break };
                if gain_ns > best.as_ref().map_or(0, |known| known.0) {
                    best = Some((gain_ns, chain.len(), decision));
                }
            }
        }
        best.map(|(_, length, decision)| (length, decision))
    }

    fn chain(&self, chain: &[TaskId], tenths: u32, pair: Pair) -> Option<Decision> {
        match tenths {
            0 => self.whole(chain, false),
            10 if self.can_run(chain, pair.accelerator) => self.whole(chain, true),
            10 => None,
            _ if !self.can_run(chain, pair.accelerator) => None,
            _ => self.shared(cut_chain(self.job.tasks, chain, f64::from(tenths) / 10.0)?, tenths),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::strategy::registry;

    #[test]
    fn parameters_are_read_or_refused() {
        for (text, is_right) in [
            ("codl", true),
            ("codl[workers=cpu+gpu, by=rows, chains=off, ratios=near, sync_us=auto, planned_for=gpu]", true),
            ("codl[sync_us=0]", true),
            ("codl[sync_us=-1]", false),
            ("codl[by=columns]", false),
            ("codl[planned_for=a+b]", false),
        ] {
            assert_eq!(registry::build(text).is_ok(), is_right, "{text}");
        }
    }
}
