//! The device profile of a phone from a fit.

use std::collections::BTreeMap;

use scenarios::profile::{Channel, Link, Origin, Processor, ProcessorKind, Profile, Provenance, Source, Worker};

use crate::power::{self, PowerFacts};
use crate::usc::fit::FittedWorker;
use crate::usc::measurements::Measurements;
use crate::usc::{CLUSTERS, Campaign, FitError, support};

/// Whose kernels were measured.
const FRAMEWORK: &str = "TFLite 2.10 and 2.15";

/// The text of the profile.
pub(super) fn text(measured: &Measurements, fitted: &[FittedWorker]) -> Result<String, FitError> {
    let campaign = measured.campaign;
    let facts = PowerFacts::built_in()?;
    let power = campaign.power.and_then(|system| facts.of(system, &CLUSTERS));
    let profile = Profile {
        name: campaign.device.to_owned(),
        description: campaign.description.to_owned(),
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
            origin: Some(links_origin(campaign)),
        }],
        links: links(measured),
        workers: fitted.iter().map(|fitted| worker(campaign, fitted)).collect(),
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
        command: Some(format!("socrates calibrate fit --device {}", measured.campaign.device)),
        fitted_on: Some(format!(
            "{} models on {} core sets and the GPU, {} operators on the GPU",
            measured.models.len(),
            measured.campaign.core_sets.len(),
            measured.operators.len()
        )),
        sources: sources(measured.campaign, source),
    }
}

fn sources(campaign: &Campaign, source: impl Fn(&str, &str, &str, &str) -> Source) -> Vec<Source> {
    let mut sources = vec![
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
    ];
    if campaign.links_measured {
        sources.push(source(
            "microsoft/ArchProbe",
            "MIT",
            "https://github.com/microsoft/ArchProbe, commit 53aff57fb49ffd7a5df45359d4b4867c06f4ee8b",
            "bandwidth beyond the caches of the Adreno 640",
        ));
    } else {
        sources.push(source(
            "vendor specifications",
            "facts",
            "hwcal/data/phones_published.csv",
            "highest clocks, peak bandwidth of memory; the share of it that is reachable is assumed",
        ));
    }
    if campaign.power.is_some() {
        sources.extend(power::sources());
    }
    sources
}

/// Published of the device whose system on chip was measured; taken over by all others.
fn links_origin(campaign: &Campaign) -> Origin {
    if campaign.links_measured { Origin::Published } else { Origin::Assumed }
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
    let clusters = CLUSTERS.into_iter().zip(measured.campaign.cluster_cores).zip([large, medium, small]);
    let mut processors: Vec<Processor> = clusters
        .filter(|&((_, cores), _)| cores > 0)
        .map(|((name, cores), frequencies)| processor(name, ProcessorKind::Cpu, cores, frequencies))
        .collect();
    processors.push(processor("gpu", ProcessorKind::Gpu, 1, gpu));
    processors
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
        ns_per_byte: crate::usc::round::significant(published.ns_per_byte(), 9),
        bytes_per_second: None,
        channels: Vec::new(),
        blocks: blocks.map(str::to_owned),
        origin: Some(links_origin(measured.campaign)),
    };
    vec![
        link("host_to_gpu", "host", "gpu", 0.0, Some("gpu")),
        link("gpu_to_host", "gpu", "host", published.synchronization_ns, None),
    ]
}

fn worker(campaign: &Campaign, fitted: &FittedWorker) -> Worker {
    let core_set = campaign.core_sets.iter().find(|set| set.worker == fitted.name);
    let cores = match core_set {
        Some(set) => {
            let named = CLUSTERS.into_iter().zip(set.cores);
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
        model_errors: fitted.model_errors,
        memory_share: power::MEMORY_SHARE,
        repacks_weights: false,
        falls_back_to: None,
        fuses: None,
        opens: None,
        hardware: None,
        kernels: Some(FRAMEWORK.to_owned()),
        driver: None,
        origin: Some(Origin::Fitted),
    }
}
