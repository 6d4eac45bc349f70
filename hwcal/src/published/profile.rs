//! The device profile of a system on chip from a fit.

use std::collections::BTreeMap;

use scenarios::profile::power::{Power, Thermal};
use scenarios::profile::{Channel, Link, Origin, Processor, ProcessorKind, Profile, Provenance, Source, Worker};
use sim::platform::{SupportRule, SupportRules};

use crate::power::{self, PowerFacts};
use crate::published::{Published, PublishedError, System, costs};

/// Mapping: once, and for each fp32 element. Transformation between layouts, for each element. `CoDL`, Fig. 14.
const MAP_FIXED_NS: u64 = 11_800;
const MAP_NS_PER_BYTE: f64 = 0.215 / 4.0;
const TRANSFORMATION_NS_PER_BYTE: f64 = 0.33 / 4.0;
/// Wait of the CPU for the GPU: the mean of 1561 samples, of the same figure.
const SYNCHRONIZATION_NS: u64 = 544_000;
/// How much longer a convolution takes on buffers than on images. `CoDL`, section 3 (2.7 to 4 over sizes).
const BUFFER_FACTOR: f64 = 3.5;
/// Share of the memory's peak that can be reached: what `ArchProbe` finds on a Snapdragon 855.
const REACHABLE: f64 = 0.88;
/// Operators that MACE does not run on a GPU.
const REFUSED: [&str; 13] =
    ["ArgMax", "Cast", "Expand", "MatMul", "Shape", "Transpose", "Squeeze", "Unsqueeze", "LSTM", "GRU", "RNN", "Gather", "Split"];

pub(super) fn of(published: &Published, system: &System) -> Result<Profile, PublishedError> {
    let refuse = |why: String| PublishedError::Profile { system: system.name.to_owned(), why };
    let latencies = |column: &str| -> Result<Vec<f64>, PublishedError> {
        let of_network = |network: &sim::graph::Graph| {
            let known = published.latency_ms(system.name, &network.name, column);
            known.map(|ms| ms * 1e6).ok_or_else(|| refuse(format!("no `{column}` latency of `{}`", network.name)))
        };
        published.networks.iter().map(of_network).collect()
    };
    let cpu = costs::cpu(system.cpu_gmacs(), system.dram_gb_per_s);
    let gpu = costs::gpu(system.gpu_gmacs, system.dram_gb_per_s);
    let host = costs::fit(&cpu, &published.networks, &latencies("cpu")?)?;
    let graphics = costs::fit(&gpu, &published.networks, &latencies(if system.has_images { "gpu" } else { "gpu_buffer" })?)?;
    let model = |shape, fitted: &[_], factor| costs::models(shape, fitted, factor).map_err(|error| refuse(error.to_string()));
    let mut costs =
        BTreeMap::from([("cpu".to_owned(), model(&cpu, &host, 1.0)?), ("gpu".to_owned(), model(&gpu, &graphics, 1.0)?)]);
    let mut memories = vec!["host".to_owned(), "gpu".to_owned()];
    let mut links = pair_of_links("gpu", system.has_images);
    let mut workers = vec![worker("cpu", system), worker("gpu", system)];
    if system.has_images {
        costs.insert("gpu_buffer".to_owned(), model(&gpu, &graphics, BUFFER_FACTOR)?);
        memories.push("gpu_buffer".to_owned());
        links.extend(pair_of_links("gpu_buffer", false));
        links.push(link("image_to_buffer", ["gpu", "gpu_buffer"], 0, TRANSFORMATION_NS_PER_BYTE, "gpu"));
        links.push(link("buffer_to_image", ["gpu_buffer", "gpu"], 0, TRANSFORMATION_NS_PER_BYTE, "gpu"));
        workers.push(worker("gpu_buffer", system));
    }
    let processor = |name: &str, kind, cores, ghz: f64| Processor {
        name: name.to_owned(),
        kind,
        cores,
        frequencies_khz: if ghz > 0.0 { vec![(ghz * 1e6) as u64] } else { Vec::new() },
        origin: Some(Origin::Published),
    };
    let names: Vec<&str> = system.clusters.iter().map(|&(name, ..)| name).collect();
    let power = PowerFacts::built_in()?.of(system.name, &names);
    let clusters = system.clusters.iter().map(|&(name, cores, ghz, _)| processor(name, ProcessorKind::Cpu, cores, ghz));
    Ok(Profile {
        name: system.profile.to_owned(),
        description: format!(
            "{}. MACE, fp32. Fitted to five networks on the CPU alone and on the GPU alone, as published; costs of sharing are \
             those published for a Snapdragon 855. Power fitted and assumed, heat assumed: see their origins. No NPU, no little cores.",
            system.description
        ),
        host: "host".to_owned(),
        dram: Some("dram".to_owned()),
        decision_ns: 0,
        memory_limit_bytes: None,
        thermal: power.as_ref().map(|power| heat(system, power)),
        power,
        provenance: provenance(),
        processors: clusters.chain([processor("gpu", ProcessorKind::Gpu, 1, 0.0)]).collect(),
        memories,
        channels: vec![Channel {
            name: "dram".to_owned(),
            bytes_per_second: libm::round(system.dram_gb_per_s * REACHABLE * 100.0) * 1e7,
            origin: Some(Origin::Assumed),
        }],
        links,
        workers,
        support: BTreeMap::from([("gpu".to_owned(), support())]),
        costs,
    })
}

/// ADMS measured a phone of the year after: the newest here stands for it.
fn heat(system: &System, power: &Power) -> Thermal {
    let cores: Vec<(&str, u32)> = system.clusters.iter().map(|&(name, cores, ..)| (name, cores)).collect();
    if system.name == "sd888" { power::thermal_of_adms(power, &cores) } else { power::thermal(power) }
}

/// Both ways between the host's memory and the GPU's. They occupy the GPU: the publication's latencies add up as sharing plus computing.
fn pair_of_links(memory: &str, transforms: bool) -> Vec<Link> {
    let per_byte = MAP_NS_PER_BYTE + if transforms { TRANSFORMATION_NS_PER_BYTE } else { 0.0 };
    vec![
        link(&format!("host_to_{memory}"), ["host", memory], 0, per_byte, memory),
        link(&format!("{memory}_to_host"), [memory, "host"], SYNCHRONIZATION_NS, per_byte, memory),
    ]
}

fn link(name: &str, [from, to]: [&str; 2], synchronization_ns: u64, ns_per_byte: f64, blocks: &str) -> Link {
    Link {
        name: name.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        fixed_ns: MAP_FIXED_NS,
        synchronization_ns,
        ns_per_byte,
        bytes_per_second: None,
        channels: Vec::new(),
        blocks: Some(blocks.to_owned()),
        origin: Some(Origin::Published),
    }
}

fn worker(name: &str, system: &System) -> Worker {
    let is_cpu = name == "cpu";
    let clusters = system.clusters.iter().map(|&(cluster, cores, ..)| (cluster.to_owned(), cores));
    Worker {
        name: name.to_owned(),
        cores: if is_cpu { clusters.collect() } else { BTreeMap::from([("gpu".to_owned(), 1)]) },
        memory: if is_cpu { "host" } else { name }.to_owned(),
        invocation_ns: 0,
        // MACE transforms filters once, into copies of its own.
        slowdown: None,
        memory_share: power::MEMORY_SHARE,
        model_errors: None,
        repacks_weights: true,
        falls_back_to: None,
        fuses: None,
        support: (!is_cpu).then(|| "gpu".to_owned()),
        opens: None,
        hardware: None,
        kernels: None,
        driver: None,
        origin: Some(Origin::Fitted),
    }
}

fn support() -> SupportRules {
    let refuse = |name: &&str| SupportRule {
        op_type: Some((*name).to_owned()),
        kind: None,
        maximum_rank: None,
        supported: false,
        reason: "MACE runs it on the CPU only".to_owned(),
    };
    SupportRules { rules: REFUSED.iter().map(refuse).collect(), default_supported: true }
}

fn provenance() -> Provenance {
    Provenance {
        tool: Some(format!("socrates {}", env!("CARGO_PKG_VERSION"))),
        command: Some("cargo run --release -p socrates-hwcal --example codl_published -- --write".to_owned()),
        fitted_on: Some("5 networks on the CPU alone and 5 on the GPU alone".to_owned()),
        sources: std::iter::once(Source {
            name: "CoDL, MobiSys 2022".to_owned(),
            licence: "facts from a publication".to_owned(),
            location: Some("https://doi.org/10.1145/3498361.3538932".to_owned()),
            note: Some("latencies on one processor alone; what sharing costs (Fig. 14); operators of the networks".to_owned()),
        })
        .chain(power::sources())
        .collect(),
        ..Provenance::default()
    }
}
