//! Which launches and copies touch what, as this executor carries them out.

use std::collections::{BTreeMap, BTreeSet};

use sim::identifiers::WorkerId;
use sim::memory::Order;
use sim::plan::{NO_SEGMENT, OUTPUT, Program};
use sim::platform::Device;
use sim::task::TaskGraph;

use crate::processor::Transfer;
use crate::run::layout::{Access, Space, Thing};
use crate::run::schedule::{Output, Schedule};

/// Whether a part, made by a worker in a memory, is put in its place in the whole there: where another segment, or this one if it
/// `goes_on`, reads it in this memory.
pub(in crate::run) fn is_merged(program: &Program, device: &Device, worker: WorkerId, output: &Output, goes_on: bool) -> bool {
    let own = device.worker(worker).memory;
    // Copies from the host's memory take the whole, those from another memory the part.
    let is_read_here = |reader: u32| {
        let reads = || program.worker(reader).is_none_or(|worker| device.worker(worker).memory == own);
        own == device.host() || (reader != OUTPUT && reads())
    };
    goes_on || program.readers(output.fragment).iter().any(|&reader| is_read_here(reader))
}

/// Which launches and copies touch what.
pub(super) struct Touches<'a> {
    pub(super) program: &'a Program,
    pub(super) schedule: &'a Schedule,
    pub(super) device: &'a Device,
    pub(super) workers: &'a [Access],
    pub(super) of: BTreeMap<(Space, Thing), Vec<u32>>,
}

impl Touches<'_> {
    fn add(&mut self, worker: WorkerId, thing: Thing, node: u32) {
        self.add_in(Space::of(worker, self.workers[worker.index()].transfer, thing), thing, node);
    }

    fn add_in(&mut self, space: Space, thing: Thing, node: u32) {
        let nodes = self.of.entry((space, thing)).or_default();
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }

    /// Launches: what they read and write, and the merges behind them.
    pub(super) fn add_launches(&mut self, placed: &[WorkerId], first_launch: &[u32]) {
        for ((&worker, &first), steps) in placed.iter().zip(first_launch).zip(&self.schedule.segments) {
            let access = self.workers[worker.index()];
            for (index, step) in steps.iter().enumerate() {
                let node = first + index as u32;
                step.inputs.iter().for_each(|&data| self.add(worker, Thing::Data(data), node));
                for output in &step.outputs {
                    if output.region.is_none_or(|region| access.is_in_place(region)) {
                        self.add(worker, Thing::Data(output.data), node);
                        continue;
                    }
                    self.add(worker, Thing::Part(output.fragment), node);
                    if is_merged(self.program, self.device, worker, output, index + 1 < steps.len()) {
                        self.add(worker, Thing::Data(output.data), node);
                    }
                }
            }
        }
    }

    /// Copies, at both ends.
    pub(super) fn add_copies(&mut self, placed: &[WorkerId], order: &Order) {
        for (node, &(fragment, to)) in (order.launches()..).zip(order.copies()) {
            let made = self.program.fragments()[fragment as usize];
            let whole = Thing::Data(made.data);
            self.add_in(Space::HOST, whole, node);
            if to != self.device.host().0 {
                // By every worker of that memory, of which there is one.
                for worker in self.device.worker_ids().filter(|&worker| self.device.worker(worker).memory.0 == to) {
                    self.add(worker, whole, node);
                }
                continue;
            }
            if made.maker == NO_SEGMENT {
                continue;
            }
            let worker = placed[made.maker as usize];
            let access = self.workers[worker.index()];
            let region = self.schedule.regions[fragment as usize].filter(|&region| !access.is_in_place(region));
            let source = if region.is_some() { Thing::Part(fragment) } else { whole };
            self.add(worker, source, node);
            if access.transfer == Transfer::Map {
                // The host reads the part where it is.
                self.add_in(Space::HOST, source, node);
            }
        }
    }

    /// What lies in memory of its own: what comes with a request, as it is the same for every request of a slot; what the host and a
    /// processor share by mapping; and what lies where windows are not given.
    pub(super) fn leave_apart(&mut self, tasks: &TaskGraph) {
        let workers = self.workers;
        let access = |space: Space| space.worker().map(|worker| workers[worker.index()]);
        let mut spaces_of: BTreeMap<Thing, BTreeSet<Space>> = BTreeMap::new();
        for &(space, thing) in self.of.keys() {
            spaces_of.entry(thing).or_default().insert(space);
        }
        let is_shared = |thing: Thing| {
            let spaces = &spaces_of[&thing];
            let is_mapped = |space: &Space| access(*space).is_some_and(|access| access.transfer == Transfer::Map);
            spaces.len() > 1 && spaces.iter().any(is_mapped)
        };
        self.of.retain(|&(space, thing), _| {
            let is_given = space == Space::HOST && matches!(thing, Thing::Data(data) if tasks.producer(data).is_none());
            let gives_windows = access(space).is_none_or(|access| access.window_alignment_bytes.is_some());
            !is_given && gives_windows && !is_shared(thing)
        });
    }
}
