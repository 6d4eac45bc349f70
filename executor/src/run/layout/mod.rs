//! Where everything lies that a request needs between launches: places in one arena of each address space.
//!
//! The planner is the simulator's ([`sim::memory`]): the same partial order, the same packing. Its nodes are what this executor does:
//! launches, each with the merges behind it, and copies. A launch reads and writes in any order, so that all it touches is alive
//! throughout; what only one launch knows lies in the processor's own scratch memory and has no place here.

mod touches;

use std::collections::BTreeMap;

use sim::identifiers::{DataId, WorkerId};
use sim::memory::{Item, Order, pack};
use sim::plan::Program;
use sim::platform::Device;
use sim::task::TaskGraph;

use crate::buffer::Region;
use crate::processor::{Description, Transfer};
use crate::run::schedule::Schedule;
use touches::Touches;

pub(super) use touches::is_merged;

/// Places begin on cache lines at least.
const ALIGNMENT_BYTES: usize = 64;

/// No window.
const NONE: u32 = u32::MAX;

/// A part of an address space that has an arena of its own: the host's memory, or in the memory of one worker's processor that for
/// whole data items or that for parts. Two, because devices do not copy rows at different distances within one piece of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Space(u32);

impl Space {
    /// The host's memory.
    pub(super) const HOST: Self = Self(0);

    /// Where a worker computes with a thing.
    pub(super) const fn of(worker: WorkerId, transfer: Transfer, thing: Thing) -> Self {
        match (transfer, thing) {
            (Transfer::None, _) => Self::HOST,
            (_, Thing::Data(_)) => Self(2 * worker.0 + 1),
            (_, Thing::Part(_)) => Self(2 * worker.0 + 2),
        }
    }

    /// The worker in whose processor's memory it lies.
    pub(super) const fn worker(self) -> Option<WorkerId> {
        if self.0 == 0 { None } else { Some(WorkerId((self.0 - 1) / 2)) }
    }

    /// As an index.
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Number of spaces.
    pub(super) const fn count(workers: usize) -> usize {
        2 * workers + 1
    }
}

/// What has a place: a whole data item, or a part of one, dense, before it is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    Data(DataId),
    /// By its fragment.
    Part(u32),
}

/// How a worker's processor gets at memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) transfer: Transfer,
    pub(super) offsets: bool,
    pub(super) window_alignment_bytes: Option<usize>,
}

impl Access {
    pub(super) const fn of(description: &Description) -> Self {
        let Description { transfer, offsets, window_alignment_bytes, .. } = *description;
        Self { transfer, offsets, window_alignment_bytes }
    }

    /// Whether a part is written to its place in the whole at once.
    pub(super) const fn is_in_place(self, region: Region) -> bool {
        self.offsets && region.is_contiguous()
    }
}

/// A place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) space: Space,
    pub(super) offset_bytes: usize,
    pub(super) bytes: usize,
    /// Launches and copies that touch it.
    pub(super) touches: u32,
    /// Whether the requester wants it: it stays until the request has ended.
    pub(super) is_kept: bool,
}

/// The arena of one space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arena {
    pub(super) bytes: usize,
    pub(super) lower_bound_bytes: usize,
    pub(super) separate_bytes: usize,
}

/// The places of one program.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) windows: Vec<Window>,
    /// By space.
    pub(super) arenas: Vec<Arena>,
    /// `of_data[space * data_count + data]`: index of the window.
    of_data: Vec<u32>,
    data_count: usize,
    /// Index of the window of each fragment that is a part.
    of_part: Vec<u32>,
    order: Order,
    /// First launch of each segment.
    first_launch: Vec<u32>,
    /// Windows that each launch and copy touches.
    touched: Vec<Vec<u32>>,
}

impl Layout {
    /// Lays out a program. `None` where it leaves a segment open: what lies where is not known before the run.
    pub(super) fn of(
        program: &Program,
        schedule: &Schedule,
        tasks: &TaskGraph,
        device: &Device,
        workers: &[Access],
    ) -> Option<Self> {
        let placed: Vec<WorkerId> = program.workers().collect::<Option<_>>()?;
        let memories: Vec<u32> = placed.iter().map(|&worker| device.worker(worker).memory.0).collect();
        let mut launch_of: Vec<u32> = Vec::with_capacity(program.kernel_count());
        let mut first_launch = Vec::with_capacity(placed.len());
        let mut launches = 0;
        for steps in &schedule.segments {
            first_launch.push(launches);
            for step in steps {
                launch_of.extend(std::iter::repeat_n(launches, step.kernels.len()));
                launches += 1;
            }
        }
        let order = Order::of(program, &memories, device.host().0, |kernel| launch_of[kernel as usize]);
        let mut touches = Touches { program, schedule, device, workers, of: BTreeMap::new() };
        touches.add_launches(&placed, &first_launch);
        touches.add_copies(&placed, &order);
        touches.leave_apart(tasks);
        let mut layout = Self {
            windows: Vec::new(),
            arenas: vec![Arena::default(); Space::count(workers.len())],
            of_data: vec![NONE; Space::count(workers.len()) * tasks.data_count()],
            data_count: tasks.data_count(),
            of_part: vec![NONE; program.fragments().len()],
            touched: vec![Vec::new(); order.nodes() as usize],
            order,
            first_launch,
        };
        let all = touches.of;
        layout.place(all, program, schedule, tasks, workers);
        Some(layout)
    }

    /// The window of a thing in a space; `None` where it lies apart.
    pub(super) fn window(&self, space: Space, thing: Thing) -> Option<u32> {
        let window = match thing {
            Thing::Data(data) => self.of_data[space.index() * self.data_count + data.index()],
            Thing::Part(fragment) => self.of_part[fragment as usize],
        };
        (window != NONE && self.windows[window as usize].space == space).then_some(window)
    }

    /// Windows that the launch of a segment's step touches.
    pub(super) fn touched_by_launch(&self, segment: u32, step: usize) -> &[u32] {
        &self.touched[self.first_launch[segment as usize] as usize + step]
    }

    /// Windows that a copy of a fragment to a memory touches.
    pub(super) fn touched_by_copy(&self, fragment: u32, memory: u32) -> &[u32] {
        self.order.copy(fragment, memory).map_or(&[], |node| &self.touched[node as usize])
    }

    fn place(
        &mut self,
        all: BTreeMap<(Space, Thing), Vec<u32>>,
        program: &Program,
        schedule: &Schedule,
        tasks: &TaskGraph,
        workers: &[Access],
    ) {
        let things: Vec<((Space, Thing), Vec<u32>)> = all.into_iter().collect();
        for of_space in things.chunk_by(|one, next| one.0.0 == next.0.0) {
            let space = of_space[0].0.0;
            let alignment = space
                .worker()
                .and_then(|worker| workers[worker.index()].window_alignment_bytes)
                .map_or(ALIGNMENT_BYTES, |bytes| bytes.max(ALIGNMENT_BYTES));
            let bytes_of = |thing: Thing| match thing {
                Thing::Data(data) => tasks.bytes(data) as usize,
                Thing::Part(fragment) => schedule.regions[fragment as usize].map_or(0, |region| region.bytes()),
            };
            let is_kept = |thing: Thing| {
                let is_output = |data| tasks.is_output(data) && program.output_count() > 0;
                space == Space::HOST && matches!(thing, Thing::Data(data) if is_output(data))
            };
            let lives: Vec<Life<'_>> = of_space
                .iter()
                .map(|((_, thing), nodes)| Life {
                    bytes: bytes_of(*thing).max(1).next_multiple_of(alignment),
                    nodes,
                    is_kept: is_kept(*thing),
                })
                .collect();
            let items: Vec<Item> = lives.iter().map(|life| Item { bytes: life.bytes as u64 }).collect();
            let packing = pack(&items, &|one, other| lives[one].conflicts(&lives[other], &self.order));
            self.arenas[space.index()] = Arena {
                bytes: packing.bytes as usize,
                lower_bound_bytes: lower_bound(&lives, &self.order),
                separate_bytes: lives.iter().map(|life| life.bytes).sum(),
            };
            for ((((_, thing), nodes), life), &offset) in of_space.iter().zip(&lives).zip(&packing.offsets) {
                let window = self.windows.len() as u32;
                match *thing {
                    Thing::Data(data) => self.of_data[space.index() * self.data_count + data.index()] = window,
                    Thing::Part(fragment) => self.of_part[fragment as usize] = window,
                }
                for &node in nodes {
                    self.touched[node as usize].push(window);
                }
                self.windows.push(Window {
                    space,
                    offset_bytes: offset as usize,
                    bytes: bytes_of(*thing),
                    touches: nodes.len() as u32,
                    is_kept: life.is_kept,
                });
            }
        }
    }
}

/// Something that lies in an arena from the first node that touches it to the last.
struct Life<'a> {
    /// Rounded up to the alignment.
    bytes: usize,
    nodes: &'a [u32],
    is_kept: bool,
}

impl Life<'_> {
    fn conflicts(&self, other: &Self, order: &Order) -> bool {
        !self.is_done_before(other, order) && !other.is_done_before(self, order)
    }

    fn is_done_before(&self, other: &Self, order: &Order) -> bool {
        let is_before_all = |node: u32| other.nodes.iter().all(|&later| order.is_before(node, later));
        !self.is_kept && self.nodes.iter().all(|&node| is_before_all(node))
    }
}

/// The most bytes that are alive at one node in every execution, over all nodes.
fn lower_bound(lives: &[Life<'_>], order: &Order) -> usize {
    let alive = |node: u32| {
        let is_alive = |life: &&Life<'_>| {
            let has_begun = life.nodes.iter().any(|&touch| touch == node || order.is_before(touch, node));
            let is_needed = life.is_kept || life.nodes.iter().any(|&touch| touch == node || order.is_before(node, touch));
            has_begun && is_needed
        };
        lives.iter().filter(is_alive).map(|life| life.bytes).sum::<usize>()
    };
    (0..order.nodes()).map(alive).max().unwrap_or(0)
}
