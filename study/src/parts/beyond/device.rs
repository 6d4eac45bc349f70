//! Moving a scenario to another device.

use std::path::Path;

use scenarios::profile::ProcessorKind;
use scenarios::{Profile, Reference, Scenario};
use sim::environment::{Presence, Takes};

use crate::StudyError;

/// Phones with published costs of crossing between processors. The boards of the library are left out: nothing is known of what crossing
/// costs on them.
pub(super) const PHONES: [&str; 10] = [
    "pixel4",
    "s10",
    "iphonexs",
    "a03s",
    "xiaomi9_sd855",
    "redmi_k30_pro_sd865",
    "xiaomi11_pro_sd888",
    "honor_v30_pro_kirin990",
    "iphone7",
    "mi8se",
];

/// Those taken if not all are.
pub(super) const FEWER_PHONES: usize = 8;

/// Busy threads for each core where the CPU is loaded.
const THREADS_PER_CORE: u32 = 2;

/// The scenario on another device: load goes to all its CPU clusters, two threads a core, frames to its first cluster and its GPU.
pub(super) fn on(scenario: &Scenario, device: &str) -> Result<Scenario, StudyError> {
    let mut moved = scenario.clone();
    moved.device = Reference::of(device, Path::new(""));
    let others = &mut moved.environment.others;
    if others.loads.is_empty() && others.interface.is_none() {
        return Ok(moved);
    }
    let profile = Profile::open(&moved.device)?.value;
    let clusters = || profile.processors.iter().filter(|processor| processor.kind == ProcessorKind::Cpu);
    if !others.loads.is_empty() {
        let always = Presence::During { from_ns: 0, until_ns: None };
        let load = |cluster: &scenarios::profile::Processor| {
            (cluster.name.clone(), Takes::Threads(THREADS_PER_CORE * cluster.cores), always, None)
        };
        others.loads = clusters().map(load).collect();
    }
    let gpu = profile.processors.iter().find(|processor| processor.kind == ProcessorKind::Gpu);
    others.interface =
        others.interface.take().and_then(|(.., interface)| Some((clusters().next()?.name.clone(), gpu?.name.clone(), interface)));
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_goes_to_every_cluster_and_frames_to_the_gpu() {
        let open = |name: &str| Scenario::open(&Reference::BuiltIn(name.to_owned())).expect("of the library").value;
        for device in PHONES {
            let profile = Profile::open(&Reference::BuiltIn(device.to_owned())).expect("of the library").value;
            let busy = on(&open("study-best-cpu"), device).expect("it can be moved").environment.others.loads;
            let threads: u32 = profile.processors.iter().filter(|it| it.kind == ProcessorKind::Cpu).map(|it| 2 * it.cores).sum();
            let given = busy.iter().map(|(_, takes, ..)| if let Takes::Threads(threads) = takes { *threads } else { 0 });
            assert_eq!(given.sum::<u32>(), threads, "{device}");
            let interface = on(&open("study-best-interface"), device).expect("it can be moved").environment.others.interface;
            let (cpu, gpu, _) = interface.expect("it stays");
            let kind = |name: &str| profile.processors.iter().find(|it| it.name == name).map(|it| it.kind);
            assert_eq!((kind(&cpu), kind(&gpu)), (Some(ProcessorKind::Cpu), Some(ProcessorKind::Gpu)), "{device}");
        }
        let moved = on(&open("study-best-cpu"), "pixel4").expect("it can be moved");
        assert_eq!(moved, open("study-best-cpu"), "the scenario is what the part makes of it for its own device");
    }
}
