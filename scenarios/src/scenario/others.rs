//! Who else uses the device, and when parts of it are away: as written, as validated, and as the simulator takes it.

mod raw;

use sim::environment::{
    self, Absence, BandwidthHog, EnvironmentError, FrameWork, GPU_SHARE, Migration, OnOutage, PLAY_STORE_FRAMES, Precedence,
    Presence, Slicing, Takes,
};
use sim::identifiers::ProcessorId;
use sim::platform::Device;

use crate::scenario::environment::RawEnvironment;
use crate::scenario::watchdog::watchdog;
use crate::text::{At, Bandwidth, Diagnostics, Duration};

pub use raw::{
    RawBursts, RawFixedFrame, RawFrameWork, RawHog, RawInterface, RawLoad, RawOnOutage, RawOutage, RawPrecedence, RawRandomOutage,
};

/// Load: the processor, what it takes, when, and where it moves with the mean time between moves in nanoseconds.
pub type NamedLoad = (String, Takes, Presence, Option<(Vec<String>, f64)>);

/// Who else uses the device; processors by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Others {
    /// Load.
    pub loads: Vec<NamedLoad>,
    /// Others that take bandwidth.
    pub hogs: Vec<BandwidthHog>,
    /// When processors are away.
    pub outages: Vec<(String, Absence)>,
    /// What becomes of work there.
    pub on_outage: OnOutage,
    /// Processors whose driver ends kernels: the limit, and the time of a reset, in nanoseconds.
    pub watchdogs: Vec<(String, u64, u64)>,
    /// The user interface: its CPU, its GPU, and the rest, whose processors mean nothing.
    pub interface: Option<(String, String, environment::Interface)>,
}

impl Others {
    /// Puts them into an environment.
    ///
    /// # Errors
    /// If the device lacks a processor.
    pub(super) fn join(&self, device: &Device, environment: &mut environment::Environment) -> Result<(), EnvironmentError> {
        let processor = |name: &String| {
            let position = device.processors().iter().position(|processor| processor.name == *name);
            position.map(ProcessorId::from_index).ok_or_else(|| EnvironmentError::NoProcessor {
                device: device.name().to_owned(),
                name: name.clone(),
                known: device.processors().iter().map(|processor| processor.name.clone()).collect(),
            })
        };
        for (name, takes, presence, migration) in &self.loads {
            let migration = match migration {
                Some((names, mean_stay_ns)) => Some(Migration {
                    others: names.iter().map(processor).collect::<Result<_, _>>()?,
                    mean_stay_ns: *mean_stay_ns,
                }),
                None => None,
            };
            let (processor, takes, presence) = (processor(name)?, *takes, *presence);
            environment.loads.push(environment::Load { processor, takes, presence, migration });
        }
        environment.hogs.clone_from(&self.hogs);
        for (name, absence) in &self.outages {
            environment.outages.push(environment::Outage { processor: processor(name)?, absence: *absence });
        }
        environment.on_outage = self.on_outage;
        for &(ref name, limit_ns, reset_ns) in &self.watchdogs {
            environment.watchdogs.push(environment::Watchdog { processor: processor(name)?, limit_ns, reset_ns });
        }
        if let Some((cpu, gpu, interface)) = &self.interface {
            let (cpu, gpu) = (processor(cpu)?, processor(gpu)?);
            environment.interface = Some(environment::Interface { cpu, gpu, ..interface.clone() });
        }
        Ok(())
    }
}

/// Shortest time between two changes: shorter ones only fill the event queue.
const SHORTEST_STAY_NS: u64 = 10_000;
/// Mean time between two moves of a load, if none is given.
const STAY_NS: f64 = 1e9;

/// Validates who else uses the device.
pub(super) fn others(raw: &RawEnvironment, diagnostics: &mut Diagnostics) -> Others {
    let items = |list: &Option<At<Vec<At<RawLoad>>>>| list.iter().flat_map(|at| at.value.clone()).collect::<Vec<_>>();
    let loads = items(&raw.load).iter().filter_map(|at| load(at, diagnostics)).collect();
    let hogs = raw.hog.iter().flat_map(|at| &at.value).filter_map(|at| hog(at, diagnostics)).collect();
    let outages = raw.outage.iter().flat_map(|at| &at.value).filter_map(|at| outage(at, diagnostics)).collect();
    let on_outage = match raw.on_outage.unwrap_or_default() {
        RawOnOutage::Wait => OnOutage::Wait,
        RawOnOutage::Restart => OnOutage::Restart,
        RawOnOutage::Drop => OnOutage::Drop,
    };
    let watchdogs = raw.watchdog.iter().flat_map(|at| &at.value).filter_map(|at| watchdog(at, diagnostics)).collect();
    Others {
        loads,
        hogs,
        outages,
        on_outage,
        watchdogs,
        interface: raw.interface.as_ref().and_then(|raw| interface(raw, diagnostics)),
    }
}

fn duration(at: &At<Duration>, diagnostics: &mut Diagnostics) -> Option<u64> {
    diagnostics.quantity(at, at.value.parse(), Duration::hint)
}

/// A mean time between changes.
fn stay(at: Option<&At<Duration>>, diagnostics: &mut Diagnostics) -> Option<f64> {
    let at = at?;
    let duration_ns = duration(at, diagnostics)?;
    if duration_ns < SHORTEST_STAY_NS {
        diagnostics.error(at.span.clone(), format!("`{}` is out of range", at.value.0)).hint("must be at least 10us");
        return None;
    }
    Some(duration_ns as f64)
}

/// A time from until.
fn window(
    from: Option<&At<Duration>>,
    until: Option<&At<Duration>>,
    diagnostics: &mut Diagnostics,
) -> Option<(u64, Option<u64>)> {
    let from_ns = from.map_or(Some(0), |at| duration(at, diagnostics))?;
    let Some(at) = until else {
        return Some((from_ns, None));
    };
    let until_ns = duration(at, diagnostics)?;
    if until_ns <= from_ns {
        let message = format!("`{}` is not after the beginning", at.value.0);
        diagnostics.error(at.span.clone(), message).hint("`until` must be later than `from`, which is 0s if absent");
        return None;
    }
    Some((from_ns, Some(until_ns)))
}

/// Something at given times and something at random are two things.
fn exclusive(given: &[Option<&At<Duration>>], other: bool, name: &str, diagnostics: &mut Diagnostics) {
    for at in given.iter().flatten().filter(|_| other) {
        let hint = format!("keep `from` and `until`, or `{name}`");
        diagnostics.error(at.span.clone(), format!("a given time beside `{name}`")).hint(hint);
    }
}

fn presence(
    (from, until): (Option<&At<Duration>>, Option<&At<Duration>>),
    bursts: Option<&RawBursts>,
    diagnostics: &mut Diagnostics,
) -> Option<Presence> {
    exclusive(&[from, until], bursts.is_some(), "bursts", diagnostics);
    if let Some(bursts) = bursts {
        let (on, off) = (stay(bursts.on.as_ref(), diagnostics), stay(bursts.off.as_ref(), diagnostics));
        return Some(Presence::Bursts { mean_on_ns: on?, mean_off_ns: off? });
    }
    let (from_ns, until_ns) = window(from, until, diagnostics)?;
    Some(Presence::During { from_ns, until_ns })
}

fn load(at: &At<RawLoad>, diagnostics: &mut Diagnostics) -> Option<NamedLoad> {
    let raw = &at.value;
    let takes = match (&raw.share, &raw.threads) {
        (Some(share), None) => Some(Takes::Share(share.value)),
        (None, Some(threads)) => Some(Takes::Threads(threads.value)),
        (Some(_), Some(threads)) => {
            diagnostics.error(threads.span.clone(), "`threads` beside `share`").hint("write two loads, or keep one of the two");
            None
        }
        // Where a value was dropped, its absence means nothing.
        (None, None) if !diagnostics.is_empty() => None,
        (None, None) => {
            diagnostics.error(at.span.clone(), "a load that takes nothing").hint("add e.g. `share = 0.3` or `threads = 2`");
            None
        }
    };
    let presence = presence((raw.from.as_ref(), raw.until.as_ref()), raw.bursts.as_ref(), diagnostics);
    let stay_ns = raw.stay.as_ref().map_or(Some(STAY_NS), |at| stay(Some(at), diagnostics));
    if let Some(stay) = raw.stay.as_ref().filter(|_| raw.moves_to.is_none()) {
        diagnostics.error(stay.span.clone(), "a time between moves of a load that does not move").hint("add `moves_to`");
    }
    let names = raw.moves_to.as_ref().map(|list| list.value.iter().map(|name| name.value.clone()).collect());
    let migration = match names {
        Some(names) => Some((names, stay_ns?)),
        None => None,
    };
    Some((raw.processor.as_ref()?.value.clone(), takes?, presence?, migration))
}

fn hog(at: &At<RawHog>, diagnostics: &mut Diagnostics) -> Option<BandwidthHog> {
    let raw = &at.value;
    let presence = presence((raw.from.as_ref(), raw.until.as_ref()), raw.bursts.as_ref(), diagnostics);
    let bandwidth = raw.bandwidth.as_ref()?;
    let bytes_per_second = diagnostics.quantity(bandwidth, bandwidth.value.parse(), Bandwidth::hint)?;
    Some(BandwidthHog { bytes_per_second, presence: presence? })
}

fn outage(at: &At<RawOutage>, diagnostics: &mut Diagnostics) -> Option<(String, Absence)> {
    let raw = &at.value;
    exclusive(&[raw.from.as_ref(), raw.until.as_ref()], raw.random.is_some(), "random", diagnostics);
    let absence = if let Some(random) = &raw.random {
        let (up, down) = (stay(random.up.as_ref(), diagnostics), stay(random.down.as_ref(), diagnostics));
        Absence::Random { mean_up_ns: up?, mean_down_ns: down? }
    } else {
        let (from_ns, until_ns) = window(raw.from.as_ref(), raw.until.as_ref(), diagnostics)?;
        Absence::During { from_ns, until_ns }
    };
    Some((raw.processor.as_ref()?.value.clone(), absence))
}

fn interface(raw: &RawInterface, diagnostics: &mut Diagnostics) -> Option<(String, String, environment::Interface)> {
    let period_ns = raw.refresh_hz.as_ref().map(|at| 1_000_000_000 / u64::from(at.value.max(1)));
    let gpu_share = raw.gpu_share.as_ref().map_or(GPU_SHARE, |at| at.value);
    let work = match &raw.work {
        None | Some(RawFrameWork::PlayStore) => Some(FrameWork::Histogram { buckets: PLAY_STORE_FRAMES.to_vec(), gpu_share }),
        Some(RawFrameWork::Fixed(fixed)) => {
            if let Some(share) = &raw.gpu_share {
                diagnostics.error(share.span.clone(), "a share of frames whose parts are given").hint("remove `gpu_share`");
            }
            let (cpu, gpu) = (fixed.cpu.as_ref()?, fixed.gpu.as_ref()?);
            let (cpu_ns, gpu_ns) = (duration(cpu, diagnostics), duration(gpu, diagnostics));
            cpu_ns.zip(gpu_ns).map(|(cpu_ns, gpu_ns)| FrameWork::Fixed { cpu_ns, gpu_ns })
        }
    };
    let deadline_ns = raw.deadline.as_ref().map(|at| duration(at, diagnostics));
    let overhead_ns = raw.slice_overhead.as_ref().map_or(Some(0), |at| duration(at, diagnostics));
    if let Some(overhead) = raw.slice_overhead.as_ref().filter(|_| raw.slice.is_none()) {
        diagnostics.error(overhead.span.clone(), "an overhead of slices, but kernels are not cut").hint("add `slice = \"1ms\"`");
    }
    let slicing = match &raw.slice {
        Some(at) => {
            let slice_ns = stay(Some(at), diagnostics)? as u64;
            Some(Slicing { slice_ns, overhead_ns: overhead_ns? })
        }
        None => None,
    };
    let period_ns = period_ns?;
    let interface = environment::Interface {
        period_ns,
        cpu: ProcessorId(0),
        gpu: ProcessorId(0),
        work: work?,
        buffers: raw.buffers.as_ref().map_or(3, |at| at.value),
        deadline_ns: deadline_ns.unwrap_or(Some(period_ns))?,
        precedence: match raw.precedence.unwrap_or_default() {
            RawPrecedence::High => Precedence::High,
            RawPrecedence::Same => Precedence::Same,
        },
        slicing,
    };
    Some((raw.cpu.as_ref()?.value.clone(), raw.gpu.as_ref()?.value.clone(), interface))
}
