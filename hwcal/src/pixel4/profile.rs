//! The device profile of the Pixel 4 from a fit.

use std::collections::BTreeMap;

use scenarios::profile::{Channel, Link, Origin, Processor, ProcessorKind, Profile, Provenance, Source, Worker};

use crate::pixel4::fit::FittedWorker;
use crate::pixel4::measurements::{CORE_SETS, Measurements};
use crate::pixel4::{FitError, support};
use crate::power::{self, PowerFacts};

const DESCRIPTION: &str = "Google Pixel 4: Snapdragon 855 (1 large, 3 medium and 4 small cores), Adreno 640. \
    TFLite, fp32 on the CPU (XNNPACK), fp16 on the GPU (GPU delegate, OpenCL). Power fitted and assumed, heat assumed: see their origins. No NPU.";

/// The text of the profile.
pub(super) fn text(measured: &Measurements, fitted: &[FittedWorker]) -> Result<String, FitError> {
    let power = PowerFacts::built_in()?.of("sd855", &["large", "medium", "small"]);
    let profile = Profile {
        name: "pixel4".to_owned(),
        description: DESCRIPTION.to_owned(),
        host: "host".to_owned(),
        dram: Some("dram".to_owned()),
        decision_ns: 0,
        memory_limit_bytes: None,
        thermal: power.as_ref().map(power::thermal),
        power,
        provenance: provenance(measured),
        processors: processors(measured),
        memories: vec!["host".to_owned(), "gpu".to_owned()],
        channels: vec![Channel {
            name: "dram".to_owned(),
            bytes_per_second: measured.published.dram_bytes_per_second,
            origin: Some(Origin::Published),
        }],
        links: links(measured),
        workers: fitted.iter().map(worker).collect(),
        support: BTreeMap::from([("gpu".to_owned(), support::gpu())]),
        costs: fitted.iter().map(|worker| (worker.name.to_owned(), worker.costs.clone())).collect(),
    };
    profile.to_toml().map_err(|error| FitError::Write(error.to_string()))
}

fn provenance(measured: &Measurements) -> Provenance {
    let source = |name: &str, licence: &str, location: &str, note: &str| Source {
        name: name.to_owned(),
        licence: licence.to_owned(),
        location: Some(location.to_owned()),
        note: Some(note.to_owned()),
    };
    Provenance {
        machine: BTreeMap::new(),
        samples: BTreeMap::new(),
        noise_floor_percent: None,
        common_error_percent: None,
        refinements: Vec::new(),
        tool: Some(format!("socrates {}", env!("CARGO_PKG_VERSION"))),
        command: Some("socrates calibrate fit --device pixel4".to_owned()),
        fitted_on: Some(format!(
            "{} models on 9 core sets and the GPU, {} operators on the GPU",
            measured.models.len(),
            measured.operators.len()
        )),
        sources: vec![
            source(
                "qed-usc/mobile-ml-benchmark",
                "MIT",
                "https://github.com/qed-usc/mobile-ml-benchmark, commit c864a331be636b71a1b01ad64e4186956cd47392",
                "latencies of operators and models; see hwcal/data/README.md",
            ),
            source(
                "CoDL, MobiSys 2022",
                "facts from a publication",
                "https://doi.org/10.1145/3498361.3538932",
                "costs of sharing data between CPU and GPU on a Snapdragon 855 (Fig. 14), read off the figure",
            ),
            source(
                "microsoft/ArchProbe",
                "MIT",
                "https://github.com/microsoft/ArchProbe, commit 53aff57fb49ffd7a5df45359d4b4867c06f4ee8b",
                "bandwidth beyond the caches of the Adreno 640",
            ),
        ]
        .into_iter()
        .chain(power::sources())
        .collect(),
    }
}

fn processors(measured: &Measurements) -> Vec<Processor> {
    let [large, medium, small, gpu] = measured.published.frequencies_khz.clone();
    let processor = |name: &str, kind, cores, frequencies_khz| Processor {
        name: name.to_owned(),
        kind,
        cores,
        frequencies_khz,
        origin: Some(Origin::Published),
    };
    vec![
        processor("large", ProcessorKind::Cpu, 1, large),
        processor("medium", ProcessorKind::Cpu, 3, medium),
        processor("small", ProcessorKind::Cpu, 4, small),
        processor("gpu", ProcessorKind::Gpu, 1, gpu),
    ]
}

/// Both ways map a buffer and transform its layout. On the way back the host first waits for the queue to drain.
///
/// Layouts are transformed by a kernel of the GPU's in-order queue, so the way there occupies the GPU. The wait on the way back is
/// most of its duration, and the queue is free meanwhile: it occupies nothing.
fn links(measured: &Measurements) -> Vec<Link> {
    let published = &measured.published;
    let link = |name: &str, from: &str, to: &str, synchronization: f64, blocks: Option<&str>| Link {
        name: name.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        fixed_ns: libm::round(published.map_fixed_ns) as u64,
        synchronization_ns: libm::round(synchronization) as u64,
        ns_per_byte: crate::pixel4::round::significant(published.ns_per_byte(), 9),
        bytes_per_second: None,
        channels: Vec::new(),
        blocks: blocks.map(str::to_owned),
        origin: Some(Origin::Published),
    };
    vec![
        link("host_to_gpu", "host", "gpu", 0.0, Some("gpu")),
        link("gpu_to_host", "gpu", "host", published.synchronization_ns, None),
    ]
}

fn worker(fitted: &FittedWorker) -> Worker {
    let core_set = CORE_SETS.iter().find(|set| set.1 == fitted.name);
    let cores = match core_set {
        Some((_, _, counts)) => {
            let named = ["large", "medium", "small"].into_iter().zip(*counts);
            named.filter(|&(_, count)| count > 0).map(|(name, count)| (name.to_owned(), count)).collect()
        }
        None => BTreeMap::from([("gpu".to_owned(), 1)]),
    };
    let is_gpu = core_set.is_none();
    Worker {
        name: fitted.name.to_owned(),
        cores,
        memory: if is_gpu { "gpu" } else { "host" }.to_owned(),
        invocation_ns: fitted.invocation_ns,
        support: is_gpu.then(|| "gpu".to_owned()),
        slowdown: None,
        memory_share: power::MEMORY_SHARE,
        repacks_weights: false,
        fuses: None,
        opens: None,
        hardware: None,
        kernels: None,
        driver: None,
        origin: Some(Origin::Fitted),
    }
}
