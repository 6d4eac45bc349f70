//! What the study found, as far as its abstract and summaries tell, and what can be tested of it.

use serde::Serialize;

/// A claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// Its name: `F1` for a finding that summaries report, `H1` for a hypothesis that follows from them.
    pub name: &'static str,
    /// In our words.
    pub claim: &'static str,
}

const fn claim(name: &'static str, claim: &'static str) -> Claim {
    Claim { name, claim }
}

/// All claims, in the order of the page.
pub const CLAIMS: &[Claim] = &[
    claim("F1", "No strategy wins in every context of model, device and load."),
    claim("F2", "Operators that a processor does not support occur often and force fallback."),
    claim("F3", "Large gains need cross-level optimisation and adaptive scheduling."),
    claim("F4", "Latencies must be profiled at run time."),
    claim("F5", "The backend should be aware of the reuse of data."),
    claim("F6", "Running in parallel can speed inference up, but balance is hard to keep when load changes."),
    claim(
        "F7",
        "The ranking of parallel strategies changes with model, device, runtime and contention; one processor alone can win.",
    ),
    claim("H1", "Which strategy is best changes with model, device and load."),
    claim("H2", "Falling back often can make an accelerator slower than the CPU alone."),
    claim("H3", "Networks of small operators do not gain from sharing operators between processors."),
    claim("H4", "Load makes a split that was chosen beforehand worse than the best single processor, beyond some load."),
    claim("H5", "Planning again with live latencies recovers most of that loss."),
    claim("H6", "Sharing operators raises power and memory even where it lowers latency; energy may go up."),
    claim("H7", "Inference on the GPU delays frames of the user interface."),
    claim("H8", "Keeping data where they are is worth as much as sharing operators itself."),
];
