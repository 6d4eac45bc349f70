//! Mappings of blocks to processors and clocks, and tables of measured ones.

use crate::rk3399pro::Processor;
use crate::table::{Source, Table, TableError, TableRow};

/// A measuring campaign. Their runtimes and boards differ; they are never mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Campaign {
    /// ARM-CO-UP, mostly whole networks on one processor, and YOLOv3 over all four.
    Coup,
    /// Layer-wise clocks, random mappings over `L`, `B` and `G`.
    Lw,
}

impl Campaign {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Lw, Self::Coup];

    /// Its name in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Coup => "coup",
            Self::Lw => "lw",
        }
    }

    /// The campaign of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|campaign| campaign.name() == name)
    }
}

/// Where one block runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// On which processor.
    pub processor: Processor,
    /// At which point of its own clock; of the host's for the NPU.
    pub point: usize,
    /// At which point of the host's clock; that of `B` for the GPU, else the same as `point`.
    pub host: usize,
}

/// Where each block of a network runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The campaign.
    pub campaign: Campaign,
    /// The network.
    pub network: String,
    /// For each block, where.
    pub places: Vec<Placement>,
}

/// A mapping and what was measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredMapping {
    /// The mapping.
    pub mapping: Mapping,
    /// Reading the image, in ms.
    pub input_ms: Option<f64>,
    /// All blocks with everything between them, in ms.
    pub task_ms: f64,
    /// Energy of that, in mJ.
    pub task_mj: Option<f64>,
    /// Energy with reading the image, in mJ.
    pub total_mj: Option<f64>,
    /// Line of the table.
    pub line: u64,
}

/// Columns that a table of measured mappings must have; others are ignored.
pub const MEASURED_COLUMNS: [&str; 8] =
    ["src", "model", "proc_per_block", "freq_idx_per_block", "input_ms", "task_ms", "task_mj", "total_mj"];

impl Mapping {
    /// The letters of the processors, block after block.
    pub fn letters(&self) -> String {
        self.places.iter().map(|place| place.processor.letter()).collect()
    }

    /// Whether any block is on the NPU.
    pub fn uses_npu(&self) -> bool {
        self.places.iter().any(|place| place.processor == Processor::Npu)
    }
}

/// Reads a table of measured mappings.
///
/// # Errors
/// If columns are missing, there is no row, or a cell cannot be read: file, line, column and what would be right.
pub fn read_mappings(source: Source<'_>) -> Result<Vec<MeasuredMapping>, TableError> {
    Table::read(source, &MEASURED_COLUMNS)?.rows().map(measured).collect()
}

fn measured(row: TableRow<'_>) -> Result<MeasuredMapping, TableError> {
    let campaign = Campaign::of(row.text("src")?).ok_or_else(|| row.refuse("src", "`lw` or `coup`"))?;
    let optional = |column| if row.text(column).is_err() { Ok(None) } else { row.positive(column).map(Some) };
    Ok(MeasuredMapping {
        mapping: Mapping { campaign, network: row.text("model")?.to_owned(), places: places(row)? },
        input_ms: optional("input_ms")?,
        task_ms: row.positive("task_ms")?,
        task_mj: optional("task_mj")?,
        total_mj: optional("total_mj")?,
        line: row.line(),
    })
}

fn places(row: TableRow<'_>) -> Result<Vec<Placement>, TableError> {
    let letters = row.text("proc_per_block")?.chars().map(Processor::of);
    let processors: Option<Vec<Processor>> = letters.collect();
    let processors =
        processors.ok_or_else(|| row.refuse("proc_per_block", "a string of `L`, `B`, `G` and `N`, one for each block"))?;
    let text = row.text("freq_idx_per_block")?.trim_start_matches('{').trim_end_matches('}');
    let right = "`max`, `min`, or a clock for each block joined by `|`: an index for L, B and N, `gpu-host` for G";
    let refuse = || row.refuse("freq_idx_per_block", right);
    let mut places = match text {
        "max" => processors.iter().map(|&processor| at(processor, highest(processor))).collect(),
        "min" => processors.iter().map(|&processor| at(processor, (0, 0))).collect(),
        each => {
            let entries: Vec<&str> = each.split('|').collect();
            if entries.len() != processors.len() {
                return Err(refuse());
            }
            let place = |(&processor, entry): (&Processor, &&str)| clock(processor, entry).map(|clock| at(processor, clock));
            processors.iter().zip(&entries).map(place).collect::<Option<Vec<_>>>().ok_or_else(refuse)?
        }
    };
    fuse_npu(&mut places);
    Ok(places)
}

/// Adjacent blocks on the NPU run as one graph: the host's clock cannot change between them, and the first entry holds.
fn fuse_npu(places: &mut [Placement]) {
    for index in 1..places.len() {
        if places[index].processor == Processor::Npu && places[index - 1].processor == Processor::Npu {
            places[index] = places[index - 1];
        }
    }
}

const fn at(processor: Processor, (point, host): (usize, usize)) -> Placement {
    Placement { processor, point, host }
}

fn highest(processor: Processor) -> (usize, usize) {
    let host = Processor::Big.clocks_mhz().len() - 1;
    match processor {
        Processor::Npu => (host, host),
        Processor::Gpu => (processor.clocks_mhz().len() - 1, host),
        Processor::Little | Processor::Big => (processor.clocks_mhz().len() - 1, processor.clocks_mhz().len() - 1),
    }
}

fn clock(processor: Processor, entry: &str) -> Option<(usize, usize)> {
    let below = |text: &str, end: usize| text.trim().parse::<usize>().ok().filter(|&index| index < end);
    let (own, host) = (highest(processor).0 + 1, highest(processor).1 + 1);
    if processor == Processor::Gpu {
        let (gpu, big) = entry.split_once('-')?;
        return Some((below(gpu, own)?, below(big, host)?));
    }
    below(entry, own).map(|point| (point, point))
}
