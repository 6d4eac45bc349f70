//! The reason for a placement, as far as support, expected costs and copies tell it.

use serde::{Deserialize, Serialize};
use sim::identifiers::WorkerId;

use crate::placement::WorkerOption;

/// Why a task ran where it ran. The first reason that holds, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It never ran.
    NeverRan,
    /// Its parts ran side by side on these workers.
    Split(Vec<String>),
    /// Different requests ran it on different workers: the strategy decided at run time.
    Dynamic(Vec<String>),
    /// No primary worker can run it.
    Fallback {
        /// The primary worker.
        primary: String,
        /// Why it cannot.
        refusal: String,
    },
    /// No other worker can run it.
    OnlyWorker,
    /// No other worker is expected to run it faster.
    Fastest,
    /// Another worker is expected to run it faster, but not with the copies it would need.
    FastestWithCopies {
        /// The worker with the fastest kernel.
        faster: String,
        /// How much faster, kernel alone.
        kernel_gain_ns: u64,
    },
    /// The strategy's choice, for reasons of its own: queues, pipelines, chains. Another worker is expected to be faster.
    Choice {
        /// The worker expected to be the fastest, copies included.
        faster: String,
        /// How much faster.
        gain_ns: u64,
    },
}

impl Why {
    /// The reason of a task that ran whole, always on `chosen`.
    pub(super) fn of(chosen: WorkerId, primary: &[WorkerId], options: &[WorkerOption]) -> Self {
        let refused = |worker: &&WorkerId| options[worker.index()].refusal.is_some();
        if !primary.is_empty() && !primary.contains(&chosen) && primary.iter().all(|worker| refused(&worker)) {
            let option = &options[primary[0].index()];
            let refusal = option.refusal.clone().unwrap_or_default();
            return Self::Fallback { primary: option.worker.clone(), refusal };
        }
        let possible: Vec<&WorkerOption> = options.iter().filter(|option| option.total_ns().is_some()).collect();
        let own = &options[chosen.index()];
        if possible.iter().all(|option| option.worker == own.worker) {
            return Self::OnlyWorker;
        }
        let best = |key: fn(&WorkerOption) -> Option<u64>| {
            let own_ns = key(own).unwrap_or(u64::MAX);
            let fastest = possible.iter().filter_map(|option| key(option).map(|ns| (ns, *option))).min_by_key(|(ns, _)| *ns);
            fastest.filter(|(ns, _)| *ns < own_ns).map(|(ns, option)| (option.worker.clone(), own_ns - ns))
        };
        match (best(|option| option.expected_ns), best(WorkerOption::total_ns)) {
            (None, _) => Self::Fastest,
            (Some((faster, kernel_gain_ns)), None) => Self::FastestWithCopies { faster, kernel_gain_ns },
            (Some(_), Some((faster, gain_ns))) => Self::Choice { faster, gain_ns },
        }
    }

    /// One line for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::NeverRan => "never ran".to_owned(),
            Self::Split(workers) => format!("split over {}", workers.join(" and ")),
            Self::Dynamic(workers) => format!("placed at run time on {}", workers.join(", ")),
            Self::Fallback { primary, refusal } => format!("fallback: {primary} cannot run it ({refusal})"),
            Self::OnlyWorker => "the only worker that can run it".to_owned(),
            Self::Fastest => "fastest".to_owned(),
            Self::FastestWithCopies { faster, kernel_gain_ns } => {
                format!("fastest with copies ({faster}: kernel {:.3} ms faster, copies eat it up)", milliseconds(*kernel_gain_ns))
            }
            Self::Choice { faster, gain_ns } => {
                format!("the strategy's choice ({faster}: {:.3} ms faster when idle)", milliseconds(*gain_ns))
            }
        }
    }
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 * 1e-6
}
