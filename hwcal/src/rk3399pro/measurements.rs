//! The measured parts: blocks at each clock, transfers, delays of clock changes.

use std::collections::BTreeMap;

use crate::rk3399pro::{Campaign, Processor};
use crate::table::{Source, Table, TableError, TableRow};

/// The built-in tables.
const BLOCKS: Source<'static> = Source { file: "blocks.csv", text: include_str!("../../data/rk3399pro/blocks.csv") };
const TRANSFERS: Source<'static> = Source { file: "transfers.csv", text: include_str!("../../data/rk3399pro/transfers.csv") };
const SWITCHES: Source<'static> = Source { file: "switches.csv", text: include_str!("../../data/rk3399pro/switches.csv") };
const WORK: Source<'static> = Source { file: "work.csv", text: include_str!("../../data/rk3399pro/work.csv") };

/// What was measured of one block on one processor. Each list is empty, or holds a number for each setting of the processor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlockTimes {
    /// Computing, in ms.
    pub task_ms: Vec<f64>,
    /// Power of the board meanwhile, in W; NaN where it was not measured.
    pub task_w: Vec<f64>,
    /// Reading the image, in ms; of block 0 only.
    pub input_ms: Vec<f64>,
    /// Power of the board meanwhile, in W; NaN where it was not measured.
    pub input_w: Vec<f64>,
    /// NPU: loading the block as a graph, in ms.
    pub load_ms: Vec<f64>,
    /// NPU: computing and fetching the output, in ms.
    pub run_and_fetch_ms: Vec<f64>,
    /// NPU: converting the input, in ms.
    pub fill_ms: Vec<f64>,
}

/// What was measured of one network in one campaign.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkTables {
    /// For each block, what was measured on each processor, in the order of [`Processor::ALL`].
    pub blocks: Vec<[BlockTimes; 4]>,
    /// `transfers_ms[block][from][to]`: moving what block `block` reads, all clocks at their highest; 0 where nothing was measured.
    pub transfers_ms: Vec<[[f64; 4]; 4]>,
    /// Multiply-accumulates of each block, in units of 10^9; derived from the architecture.
    pub giga_macs: Vec<f64>,
}

/// All parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurements {
    /// By campaign and network.
    pub networks: BTreeMap<(Campaign, String), NetworkTables>,
    /// For each processor, `switch_ns[from * points + to]`: from asking for a clock until it is in force; 0 on the diagonal.
    pub switch_ns: [Vec<u64>; 4],
}

impl Measurements {
    /// The tables in `hwcal/data/rk3399pro`.
    pub fn built_in() -> Result<Self, TableError> {
        let mut all = Self { switch_ns: read_switches()?, ..Self::default() };
        all.read_blocks()?;
        all.read_transfers()?;
        all.read_work()?;
        Ok(all)
    }

    /// The tables of a network in a campaign.
    pub fn network(&self, campaign: Campaign, network: &str) -> Option<&NetworkTables> {
        self.networks.get(&(campaign, network.to_owned()))
    }

    fn read_blocks(&mut self) -> Result<(), TableError> {
        let columns = ["campaign", "network", "block", "processor", "metric", "times_ms", "board_powers_mw"];
        for row in Table::read(BLOCKS, &columns)?.rows() {
            let block = row.index("block")? as usize;
            let processor = processor(row, "processor")?;
            let tables = self.networks.entry((campaign(row)?, row.text("network")?.to_owned())).or_default();
            if tables.blocks.len() <= block {
                tables.blocks.resize(block + 1, <[BlockTimes; 4]>::default());
            }
            let times_ms = numbers(row, "times_ms", processor.settings())?;
            let powers_w: Vec<f64> =
                numbers(row, "board_powers_mw", processor.settings())?.into_iter().map(|mw| mw * 1e-3).collect();
            let slot = &mut tables.blocks[block][processor as usize];
            match row.text("metric")? {
                "task" => (slot.task_ms, slot.task_w) = (times_ms, powers_w),
                "in" => (slot.input_ms, slot.input_w) = (times_ms, powers_w),
                "NPU_load" => slot.load_ms = times_ms,
                "NPU_run_get" => slot.run_and_fetch_ms = times_ms,
                "NPU_fill_tensor" => slot.fill_ms = times_ms,
                _ => return Err(row.refuse("metric", "`task`, `in`, `NPU_load`, `NPU_run_get` or `NPU_fill_tensor`")),
            }
        }
        Ok(())
    }

    fn read_transfers(&mut self) -> Result<(), TableError> {
        for row in Table::read(TRANSFERS, &["campaign", "network", "block", "from", "to", "time_ms"])?.rows() {
            let key = (campaign(row)?, row.text("network")?.to_owned());
            let Some(tables) = self.networks.get_mut(&key) else {
                return Err(row.refuse("network", "a network whose blocks were measured"));
            };
            tables.transfers_ms.resize(tables.blocks.len(), [[0.0; 4]; 4]);
            let block = row.index("block")? as usize;
            let (from, to) = (processor(row, "from")?, processor(row, "to")?);
            let Some(slot) = tables.transfers_ms.get_mut(block) else {
                return Err(row.refuse("block", "a block of the network"));
            };
            slot[from as usize][to as usize] = row.not_negative("time_ms")?;
        }
        Ok(())
    }

    fn read_work(&mut self) -> Result<(), TableError> {
        for row in Table::read(WORK, &["network", "block", "mmacs", "mmacs_lw"])?.rows() {
            for (campaign, column) in [(Campaign::Coup, "mmacs"), (Campaign::Lw, "mmacs_lw")] {
                if let Some(tables) = self.networks.get_mut(&(campaign, row.text("network")?.to_owned())) {
                    tables.giga_macs.push(row.not_negative(column)? * 1e-3);
                }
            }
        }
        Ok(())
    }
}

fn read_switches() -> Result<[Vec<u64>; 4], TableError> {
    let mut all = Processor::ALL.map(|processor| vec![0; processor.clocks_mhz().len().pow(2)]);
    for row in Table::read(SWITCHES, &["processor", "from", "to", "time_ns"])?.rows() {
        let processor = processor(row, "processor")?;
        let points = processor.clocks_mhz().len() as u64;
        let (from, to) = (row.index("from")?, row.index("to")?);
        if from >= points || to >= points {
            return Err(row.refuse("to", "an operating point of the processor"));
        }
        // The diagonal is the floor of the measurement.
        if from != to {
            all[processor as usize][(from * points + to) as usize] = row.not_negative("time_ns")? as u64;
        }
    }
    Ok(all)
}

fn campaign(row: TableRow<'_>) -> Result<Campaign, TableError> {
    Campaign::of(row.text("campaign")?).ok_or_else(|| row.refuse("campaign", "`lw` or `coup`"))
}

fn processor(row: TableRow<'_>, column: &'static str) -> Result<Processor, TableError> {
    let mut letters = row.text(column)?.chars();
    let named = letters.next().and_then(Processor::of).filter(|_| letters.next().is_none());
    named.ok_or_else(|| row.refuse(column, "`L`, `B`, `G` or `N`"))
}

/// Numbers joined by `|`: none, or one for each setting; NaN where one is missing.
fn numbers(row: TableRow<'_>, column: &'static str, count: usize) -> Result<Vec<f64>, TableError> {
    let text = row.text(column).unwrap_or_default();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let number = |text: &str| match text {
        "" => Some(f64::NAN),
        text => text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0),
    };
    let all: Option<Vec<f64>> = text.split('|').map(number).collect();
    all.filter(|all| all.len() == count)
        .ok_or_else(|| row.refuse(column, "a number for each setting of the clocks, joined by `|`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_complete_but_for_the_npu() {
        let all = Measurements::built_in().expect("built in");
        assert_eq!(all.networks.len(), 5 + 6);
        for ((campaign, network), tables) in &all.networks {
            assert_eq!(tables.giga_macs.len(), tables.blocks.len(), "{network}");
            assert_eq!(tables.transfers_ms.len(), tables.blocks.len(), "{network}");
            for processor in [Processor::Little, Processor::Big, Processor::Gpu] {
                for block in &tables.blocks {
                    assert_eq!(block[processor as usize].task_ms.len(), processor.settings(), "{network} {processor:?}");
                }
            }
            let has_npu = tables.blocks.iter().all(|block| !block[Processor::Npu as usize].task_ms.is_empty());
            let measured = *campaign == Campaign::Coup && ["MobileNetV1", "YOLOv3"].contains(&network.as_str());
            assert_eq!(has_npu, measured, "{network}");
        }
        // DVFS-Delay, Perf2: B from point 0 to 7, and back.
        assert_eq!((all.switch_ns[1][7], all.switch_ns[1][56]), (3_671_770, 110_396));
    }
}
