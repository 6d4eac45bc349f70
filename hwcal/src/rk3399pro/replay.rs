//! Running a mapping through the simulator.

use std::collections::BTreeMap;

use sim::engine::{Model, Options, simulate};
use sim::identifiers::ModelId;
use sim::platform::Device;
use sim::record::Record;
use sim::strategy::FixedMapping;
use sim::task::{CostTable, TaskGraph};
use sim::workload::{Arrivals, Stream};

use crate::rk3399pro::{BoardError, Campaign, Knowledge, Mapping, Measurements, Placement, Processor, board, costs};

/// Frames that are run; the last one counts: its clocks are what the frame before has left.
const FRAMES: u64 = 2;

/// The board as one campaign saw it, as far as something is known of it.
#[derive(Debug)]
pub struct Board<'a> {
    campaign: Campaign,
    device: Device,
    measurements: &'a Measurements,
    models: BTreeMap<String, (TaskGraph, CostTable)>,
}

/// What a frame takes, as simulated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// Reading the image, in ms.
    pub input_ms: f64,
    /// From the start of the first block to the end of the last, in ms.
    pub task_ms: f64,
    /// For each block, computing it, in ms.
    pub blocks_ms: Vec<f64>,
    /// For each block, what comes before it and after the block before, in ms.
    pub entries_ms: Vec<f64>,
}

impl<'a> Board<'a> {
    /// All networks of a campaign.
    ///
    /// # Errors
    /// If the costs of a network do not fit together.
    pub fn new(measurements: &'a Measurements, campaign: Campaign, knowledge: Knowledge<'_>) -> Result<Self, BoardError> {
        let mut models = BTreeMap::new();
        for ((of, network), tables) in &measurements.networks {
            if *of == campaign {
                models.insert(network.clone(), costs::model(measurements, campaign, tables, knowledge)?);
            }
        }
        Ok(Self { campaign, device: board::device(), measurements, models })
    }

    /// Runs a mapping.
    ///
    /// # Errors
    /// If the network was not measured, or not on one of the processors, or has another number of blocks.
    pub fn replay(&self, mapping: &Mapping) -> Result<Replay, BoardError> {
        let network = mapping.network.as_str();
        let Some((tasks, costs)) = self.models.get(network).filter(|_| mapping.campaign == self.campaign) else {
            let campaign = mapping.campaign.name();
            return Err(BoardError::Replay(format!("no block of {network} was measured in campaign {campaign}")));
        };
        let (blocks, places) = (tasks.task_count() - 1, mapping.places.len());
        if blocks != places {
            return Err(BoardError::Replay(format!("{network} has {blocks} blocks, the mapping places {places}")));
        }
        if mapping.uses_npu() && self.measurements.network(self.campaign, network).is_none_or(|tables| !tables.is_on_npu()) {
            let campaign = mapping.campaign.name();
            return Err(BoardError::Replay(format!("no block of {network} was measured on the NPU in campaign {campaign}")));
        }
        let mut strategy = strategy(&mapping.places)?;
        let models = [Model { name: network, tasks, costs }];
        let stream = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(FRAMES));
        let options = Options::default();
        let mut records: Vec<Record> = Vec::new();
        simulate(&self.device, &models, vec![stream], &mut strategy, &options, &mut records)
            .map_err(|error| BoardError::Replay(format!("{network}: {error}")))?;
        Ok(last_frame(&records, blocks))
    }

    /// Energy of a replayed frame, in mJ: what was measured of the board while each block ran, times how long it runs. Hand-overs to and from the
    /// NPU draw `npu_entry_w`, others what the blocks before and after them draw in the mean. With `input`, reading the image is counted too.
    pub fn energy_mj(&self, mapping: &Mapping, replay: &Replay, npu_entry_w: f64, input: bool) -> Option<f64> {
        let tables = self.measurements.network(self.campaign, &mapping.network)?;
        let mut energy_mj = 0.0;
        let mut before_w = None;
        for (block, place) in mapping.places.iter().enumerate() {
            let power_w = tables.power_w(block, *place)?;
            let is_npu = |index: usize| mapping.places[index].processor == Processor::Npu;
            let by_npu = is_npu(block) || (block > 0 && is_npu(block - 1));
            let entry_w = if by_npu { npu_entry_w } else { 0.5 * (power_w + before_w.unwrap_or(power_w)) };
            before_w = Some(power_w);
            energy_mj += replay.blocks_ms[block] * power_w + replay.entries_ms[block] * entry_w;
        }
        if input {
            let first = mapping.places.first()?;
            let power_w = tables.blocks[0][first.processor as usize].input_w.get(setting(*first)).copied();
            energy_mj += replay.input_ms * power_w.filter(|power_w| power_w.is_finite())?;
        }
        Some(energy_mj)
    }
}

/// Index of the setting that a placement asks for.
fn setting(place: Placement) -> usize {
    if place.processor == Processor::Gpu { place.point * Processor::Big.clocks_mhz().len() + place.host } else { place.point }
}

impl crate::rk3399pro::NetworkTables {
    /// Whether all blocks were measured on the NPU.
    pub fn is_on_npu(&self) -> bool {
        self.blocks.iter().all(|block| !block[Processor::Npu as usize].task_ms.is_empty())
    }

    /// Power of the board while a block runs; where that was not measured, the median of the processor's other blocks at that setting.
    fn power_w(&self, block: usize, place: Placement) -> Option<f64> {
        let of = |block: &[super::BlockTimes; 4]| {
            block[place.processor as usize].task_w.get(setting(place)).copied().filter(|power_w| power_w.is_finite())
        };
        of(&self.blocks[block]).or_else(|| {
            let others: Vec<f64> = self.blocks.iter().filter_map(of).collect();
            sim::statistics::median(&others).ok()
        })
    }
}

/// Reading the image is on the processor of the first block, at its clock.
fn strategy(places: &[Placement]) -> Result<FixedMapping, BoardError> {
    let all = || places.first().into_iter().chain(places);
    let letters: String = all().map(|place| place.processor.letter()).collect();
    let clock = |place: &Placement| match place.processor {
        Processor::Gpu => format!("{}-{}", place.point, place.host),
        Processor::Little | Processor::Big | Processor::Npu => place.point.to_string(),
    };
    let clocks: Vec<String> = all().map(clock).collect();
    FixedMapping::new(&letters, &clocks.join("|")).map_err(BoardError::Replay)
}

fn last_frame(records: &[Record], blocks: usize) -> Replay {
    let mut replay = Replay { blocks_ms: vec![0.0; blocks], entries_ms: vec![0.0; blocks], ..Replay::default() };
    let milliseconds = |from_ns: u64, to_ns: u64| (to_ns - from_ns) as f64 * 1e-6;
    let mut before_ns = 0;
    for record in records {
        let Record::Kernel(kernel) = record else {
            continue;
        };
        if u64::from(kernel.request.0) + 1 != FRAMES {
            continue;
        }
        let duration_ms = milliseconds(kernel.start_ns, kernel.end_ns);
        match kernel.task.index().checked_sub(1) {
            None => replay.input_ms = duration_ms,
            Some(block) => {
                replay.blocks_ms[block] = duration_ms;
                replay.entries_ms[block] = milliseconds(before_ns, kernel.start_ns);
                replay.task_ms += duration_ms + replay.entries_ms[block];
            }
        }
        before_ns = kernel.end_ns;
    }
    replay
}
