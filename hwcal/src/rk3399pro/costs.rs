//! From parts and mechanisms to what the simulator runs: tasks, and costs at each setting of the clocks.

use sim::identifiers::ProcessorId;
use sim::task::settings::{EntryCosts, NEVER_NS, SettableClock, TakeOver};
use sim::task::{CostTable, KernelCost, Settings, TaskGraph, TaskGraphBuilder};

use crate::rk3399pro::mechanisms::{CoupValues, LwValues};
use crate::rk3399pro::{BoardError, Campaign, Measurements, NetworkTables, Processor};

/// How a change of clock acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocking {
    /// At once.
    AtOnce,
    /// After the measured delay, until which the old clock holds.
    Late,
    /// The same for the big cluster, at once for others: what times of reading images show, the only ones in which nothing comes between.
    LateOnBig,
    /// After the measured delay, during which the processor stands still.
    Stalls,
}

/// What a prediction is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knowledge<'a> {
    /// Values of the campaign's mechanisms; `None` for the parts as they were measured.
    pub parameters: Option<&'a [f64]>,
    /// Without parameters: whether measured transfers are added.
    pub transfers: bool,
    /// How a change of clock acts.
    pub clocking: Clocking,
}

impl<'a> Knowledge<'a> {
    /// Parts with fitted mechanisms.
    pub const fn fitted(parameters: &'a [f64]) -> Self {
        Self { parameters: Some(parameters), transfers: false, clocking: Clocking::LateOnBig }
    }

    /// Parts only.
    pub const fn parts(transfers: bool, clocking: Clocking) -> Self {
        Self { parameters: None, transfers, clocking }
    }
}

/// Parts of `lw` alone: no mechanism.
const LW_PARTS: [f64; 13] = [0.0; 13];

/// Parts of `coup` alone: what was measured of the NPU counts as it is, each block a graph that is loaded already.
const COUP_PARTS: [f64; 11] = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0];

/// Tasks of a network, and their costs on the board: reading the image, then a task for each block.
pub(super) fn model(
    measurements: &Measurements,
    campaign: Campaign,
    tables: &NetworkTables,
    knowledge: Knowledge<'_>,
) -> Result<(TaskGraph, CostTable), BoardError> {
    let tasks = chain(tables.blocks.len() + 1)?;
    let parts: &[f64] = if campaign == Campaign::Lw { &LW_PARTS } else { &COUP_PARTS };
    let mut values = knowledge.parameters.unwrap_or(parts).to_vec();
    if knowledge.parameters.is_none() && campaign == Campaign::Coup && knowledge.transfers {
        (values[9], values[10]) = (1.0, 1.0);
    }
    let lw_transfers = knowledge.parameters.is_none() && campaign == Campaign::Lw && knowledge.transfers;
    let costing = Costing { tables, campaign, values: &values, lw_transfers };
    let durations_ns = costing.durations_ns();
    let clocks = Processor::ALL.map(|processor| SettableClock {
        frequencies_khz: processor.clocks_mhz().iter().map(|&mhz| u64::from(mhz) * 1000).collect(),
        switch_ns: match knowledge.clocking {
            Clocking::LateOnBig if processor == Processor::Big => measurements.switch_ns[processor as usize].clone(),
            Clocking::AtOnce | Clocking::LateOnBig => vec![0; measurements.switch_ns[processor as usize].len()],
            Clocking::Late | Clocking::Stalls => measurements.switch_ns[processor as usize].clone(),
        },
        stalls: knowledge.clocking == Clocking::Stalls,
    });
    let named = Processor::ALL.map(|processor| processor.clocks().iter().map(|clock| clock.id()).collect::<Vec<ProcessorId>>());
    let highest = costs_at_highest(tasks.task_count(), &durations_ns);
    let settings = Settings::new(clocks.into(), named.into(), tasks.task_count(), durations_ns, costing.entry());
    let settings = settings.map_err(|error| BoardError::Replay(error.to_string()))?;
    Ok((tasks, CostTable::new(Processor::ALL.len(), highest).with_settings(settings)))
}

/// A chain of so many tasks. Sizes of data do not matter: all processors share one memory.
fn chain(tasks: usize) -> Result<TaskGraph, BoardError> {
    let mut builder = TaskGraphBuilder::new();
    let mut data = builder.request_input(1);
    for _ in 0..tasks {
        (_, data) = builder.task(&[data], &[1]);
    }
    builder.output(data);
    builder.build().map_err(|error| BoardError::Replay(error.to_string()))
}

fn costs_at_highest(tasks: usize, durations_ns: &[u64]) -> Vec<Option<KernelCost>> {
    let settings: usize = Processor::ALL.iter().map(|processor| processor.settings()).sum();
    let mut costs = Vec::with_capacity(tasks * Processor::ALL.len());
    for task in 0..tasks {
        let mut end = task * settings;
        for processor in Processor::ALL {
            end += processor.settings();
            let highest = KernelCost::of_duration(durations_ns[end - 1]);
            costs.push((highest.duration_ns != NEVER_NS).then_some(highest));
        }
    }
    costs
}

struct Costing<'a> {
    tables: &'a NetworkTables,
    campaign: Campaign,
    values: &'a [f64],
    lw_transfers: bool,
}

impl Costing<'_> {
    fn durations_ns(&self) -> Vec<u64> {
        let mut all = Vec::new();
        for task in 0..=self.tables.blocks.len() {
            for processor in Processor::ALL {
                for setting in 0..processor.settings() {
                    let duration_ms = match task.checked_sub(1) {
                        None => self.tables.blocks[0][processor as usize].input_ms.get(setting).copied(),
                        Some(block) => self.block_ms(block, processor, setting),
                    };
                    all.push(duration_ms.map_or(NEVER_NS, nanoseconds));
                }
            }
        }
        all
    }

    fn block_ms(&self, block: usize, processor: Processor, setting: usize) -> Option<f64> {
        let slot = &self.tables.blocks[block][processor as usize];
        let &alone_ms = slot.task_ms.get(setting)?;
        let is_last = block + 1 == self.tables.blocks.len();
        let ghz = processor.cpu_ghz(setting);
        let unit = processor as usize;
        Some(match self.campaign {
            Campaign::Lw => {
                let values = LwValues(self.values);
                let last = if is_last { values.last(unit) } else { 0.0 };
                let arithmetic_ms = values.arithmetic(unit) * self.tables.giga_macs[block] / ghz;
                alone_ms * (1.0 + values.slower(unit) + last) + arithmetic_ms
            }
            Campaign::Coup if processor == Processor::Npu => {
                let values = CoupValues(self.values);
                let fetch_ms = if is_last { slot.run_and_fetch_ms.get(setting)? - alone_ms } else { 0.0 };
                let host_ms = values.npu_host() / self.tables.blocks.len() as f64 / ghz;
                values.npu_fused() * alone_ms + values.npu_final_fetch() * fetch_ms.max(0.0) + host_ms
            }
            Campaign::Coup => alone_ms,
        })
    }

    fn entry(&self) -> EntryCosts {
        let (tasks, workers) = (self.tables.blocks.len() + 1, Processor::ALL.len());
        let mut entry = EntryCosts { hand_over_ns: vec![0; tasks * workers * workers], ..EntryCosts::default() };
        for block in 1..self.tables.blocks.len() {
            for from in Processor::ALL {
                for to in Processor::ALL.into_iter().filter(|to| *to != from) {
                    let row = ((block + 1) * workers + from as usize) * workers + to as usize;
                    entry.hand_over_ns[row] = nanoseconds(self.hand_over_ms(block, from, to));
                }
            }
        }
        match self.campaign {
            Campaign::Lw => {
                let values = LwValues(self.values);
                entry.segment_ns = (0..workers).map(|unit| nanoseconds(values.segment_ms(unit))).collect();
                let cycles = |ms_ghz: f64| (ms_ghz * 1e6) as u64;
                let leave = |to: Processor| TakeOver {
                    from: Some(Processor::Gpu.worker()),
                    to: to.worker(),
                    processor: Processor::Big.id(),
                    as_before: true,
                    cycles: cycles(values.leave_gpu()),
                };
                let enter = TakeOver {
                    from: None,
                    to: Processor::Little.worker(),
                    processor: Processor::Little.id(),
                    as_before: false,
                    cycles: cycles(values.enter_little()),
                };
                entry.take_over = vec![leave(Processor::Little), leave(Processor::Big), enter];
            }
            Campaign::Coup => {
                entry.load_ns = vec![0; tasks * workers];
                for (block, slots) in self.tables.blocks.iter().enumerate() {
                    let npu = Processor::Npu as usize;
                    let load_ms = slots[npu].load_ms.last().copied().unwrap_or(0.0);
                    entry.load_ns[(block + 1) * workers + npu] = nanoseconds(CoupValues(self.values).npu_load() * load_ms);
                }
            }
        }
        entry
    }

    /// At the highest clocks, at which transfers and conversions were measured or nearly always used.
    fn hand_over_ms(&self, block: usize, from: Processor, to: Processor) -> f64 {
        let transfer_ms = self.tables.transfers_ms[block][from as usize][to as usize];
        if self.campaign == Campaign::Lw {
            let transfer_ms = if self.lw_transfers { transfer_ms } else { 0.0 };
            return LwValues(self.values).cold(to as usize) * self.tables.giga_macs[block] + transfer_ms;
        }
        let values = CoupValues(self.values);
        let slot = &self.tables.blocks[block][to as usize];
        let highest = |times: &[f64]| times.last().copied().unwrap_or(0.0);
        let npu = Processor::Npu;
        let before = &self.tables.blocks[block - 1][npu as usize];
        let fill_ms = if to == npu { values.npu_fill() * highest(&slot.fill_ms) } else { 0.0 };
        let fetched_ms = (highest(&before.run_and_fetch_ms) - highest(&before.task_ms)).max(0.0);
        let fetch_ms = if from == npu { values.npu_fetch() * fetched_ms } else { 0.0 };
        let cold_ms = values.cold(to as usize) * highest(&slot.task_ms);
        cold_ms + fill_ms + fetch_ms + values.transfer(from as usize, to as usize) * transfer_ms
    }
}

fn nanoseconds(ms: f64) -> u64 {
    libm::round(ms * 1e6) as u64
}
