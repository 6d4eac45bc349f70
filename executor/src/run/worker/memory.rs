//! Where the tensors of a request lie for a worker's processor: at their places in arenas, or apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use sim::identifiers::DataId;

use crate::buffer::{HostBuffer, Region};
use crate::processor::{BufferId, Operand, ProcessorError, Transfer};
use crate::run::blocks::{ArenaKey, BlockKey, POISON, poison};
use crate::run::layout::{Layout, Space, Thing};
use crate::run::meter::Use;
use crate::run::schedule::Output;
use crate::run::version::Version;
use crate::run::worker::{Driver, OfRequest};
use crate::tensor::Tensor;

/// Bytes that are written to a new arena at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Memory as a processor knows it.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// By slot, model and number of the plan: windows of the plan's layout.
    windows: BTreeMap<(u32, u32, u32), Vec<Option<BufferId>>>,
    /// Arenas in memory of the processor's own, with their sizes.
    arenas: BTreeMap<(Space, ArenaKey), (BufferId, usize)>,
    apart: BTreeMap<BlockKey, BufferId>,
}

impl Driver<'_> {
    /// New memory, all zeros.
    pub(super) fn zeros(&mut self, bytes: usize) -> Result<BufferId, ProcessorError> {
        let zeros = HostBuffer::zeroed(bytes);
        if self.is_in_host_memory() {
            return self.processor.share(&zeros);
        }
        let buffer = self.processor.allocate(bytes)?;
        // Whole elements: some processors copy nothing else.
        let bytes = if self.access.transfer == Transfer::Copy { bytes / 4 * 4 } else { bytes };
        self.processor.upload(&zeros, Region::whole(bytes), buffer, Region::whole(bytes))?;
        Ok(buffer)
    }

    /// Makes all windows of a plan for a slot, so that the first request need not.
    pub(in crate::run) fn make_windows(&mut self, slot: u32, version: &Version) -> Result<(), ProcessorError> {
        let Some(layout) = version.layout() else { return Ok(()) };
        for (index, window) in (0..).zip(&layout.windows) {
            if window.space.worker().map_or(self.is_in_host_memory(), |worker| worker == self.worker) {
                self.window(slot, version, layout, index)?;
            }
        }
        Ok(())
    }

    /// A window of this worker's space.
    fn window(&mut self, slot: u32, version: &Version, layout: &Layout, index: u32) -> Result<BufferId, ProcessorError> {
        let key = (slot, version.model.0, version.number);
        let known = self.buffers.windows.get(&key);
        if let Some(buffer) = known.and_then(|windows| windows[index as usize]) {
            return Ok(buffer);
        }
        if known.is_none() {
            self.forget_before(slot, version);
            self.buffers.windows.insert(key, vec![None; layout.windows.len()]);
        }
        let window = layout.windows[index as usize];
        let buffer = if window.space == Space::HOST {
            let window = self.host.window(slot, version, layout, window);
            self.processor.share(&window)?
        } else {
            let arena = self.arena(slot, version, layout, window.space)?;
            self.processor.window(arena, window.offset_bytes, window.bytes)?
        };
        if let Some(windows) = self.buffers.windows.get_mut(&key) {
            windows[index as usize] = Some(buffer);
        }
        Ok(buffer)
    }

    /// The arena of a slot in a space of the processor's own memory.
    fn arena(&mut self, slot: u32, version: &Version, layout: &Layout, space: Space) -> Result<BufferId, ProcessorError> {
        let (key, bytes) = self.host.arena_of(slot, version, layout, space);
        if let Some(&(arena, _)) = self.buffers.arenas.get(&(space, key)) {
            return Ok(arena);
        }
        let arena = self.processor.allocate(bytes)?;
        self.host.meter.add(space, Use::Arena, bytes);
        // Drivers find memory when it is first written to.
        let zeros = HostBuffer::zeroed(CHUNK_BYTES.min(bytes));
        for offset_bytes in (0..bytes).step_by(CHUNK_BYTES) {
            let chunk = Region::whole(CHUNK_BYTES.min(bytes - offset_bytes));
            self.processor.upload(&zeros, chunk, arena, Region { offset_bytes, ..chunk })?;
        }
        self.buffers.arenas.insert((space, key), (arena, bytes));
        Ok(arena)
    }

    /// Forgets what plans before this one, made during the run, had in a slot: no request will follow them there any more.
    fn forget_before(&mut self, slot: u32, version: &Version) {
        if version.is_prepared() {
            return;
        }
        self.host.forget_before(slot, version);
        let (processor, meter) = (&mut self.processor, &self.host.meter);
        self.buffers.windows.retain(|&(of, model, number), windows| {
            let stays = !version.replaces(model, number) || of != slot;
            if !stays {
                windows.iter().flatten().for_each(|&window| processor.release(window));
            }
            stays
        });
        self.buffers.arenas.retain(|&(space, key), &mut (arena, bytes)| {
            let stays = !matches!(key, ArenaKey::Plan(of, model, number) if of == slot && version.replaces(model, number));
            if !stays {
                processor.release(arena);
                meter.subtract(space, Use::Arena, bytes);
            }
            stays
        });
    }

    const fn space_of(&self, thing: Thing) -> Space {
        Space::of(self.worker, self.access.transfer, thing)
    }

    /// A thing of a request as this worker's processor knows it.
    fn thing_buffer(
        &mut self,
        request: &OfRequest,
        (thing, bytes): (Thing, usize),
        key: BlockKey,
    ) -> Result<BufferId, ProcessorError> {
        if let Some(layout) = request.version.layout()
            && let Some(window) = layout.window(self.space_of(thing), thing)
        {
            return self.window(request.slot, &request.version, layout, window);
        }
        if let Some(&buffer) = self.buffers.apart.get(&key) {
            return Ok(buffer);
        }
        let buffer = if self.access.transfer == Transfer::Copy {
            self.host.meter.add(self.space_of(thing), Use::Apart, bytes);
            self.processor.allocate(bytes)?
        } else {
            let block = self.host_thing(request, (thing, bytes), key);
            self.processor.share(&block)?
        };
        self.buffers.apart.insert(key, buffer);
        Ok(buffer)
    }

    /// A thing of a request in host memory.
    fn host_thing(&self, request: &OfRequest, (thing, bytes): (Thing, usize), key: BlockKey) -> Arc<HostBuffer> {
        if let Some(layout) = request.version.layout()
            && let Some(window) = layout.window(Space::HOST, thing)
        {
            return self.host.window(request.slot, &request.version, layout, layout.windows[window as usize]);
        }
        let initial = match thing {
            Thing::Data(data) => self.inputs[request.model.index()].get(&data),
            Thing::Part(_) => None,
        };
        self.host.apart(key, bytes, initial.map(Tensor::bytes))
    }

    fn data(&self, request: &OfRequest, data: DataId) -> ((Thing, usize), BlockKey) {
        let bytes = self.models[request.model.index()].lowered.tasks.bytes(data) as usize;
        ((Thing::Data(data), bytes), BlockKey::Data(request.slot, request.model.0, data.0))
    }

    fn part(request: &OfRequest, fragment: u32, bytes: usize) -> ((Thing, usize), BlockKey) {
        ((Thing::Part(fragment), bytes), BlockKey::Part(request.slot, request.version.number, fragment))
    }

    /// A data item in host memory.
    pub(super) fn host_data(&self, request: &OfRequest, data: DataId) -> Arc<HostBuffer> {
        let (thing, key) = self.data(request, data);
        self.host_thing(request, thing, key)
    }

    /// A part in host memory.
    pub(super) fn host_part(&self, request: &OfRequest, fragment: u32, bytes: usize) -> Arc<HostBuffer> {
        let (thing, key) = Self::part(request, fragment, bytes);
        self.host_thing(request, thing, key)
    }

    /// A data item where this worker computes.
    pub(super) fn data_buffer(&mut self, request: &OfRequest, data: DataId) -> Result<BufferId, ProcessorError> {
        let (thing, key) = self.data(request, data);
        self.thing_buffer(request, thing, key)
    }

    /// A part where this worker computes.
    pub(super) fn part_buffer(&mut self, request: &OfRequest, fragment: u32, bytes: usize) -> Result<BufferId, ProcessorError> {
        let (thing, key) = Self::part(request, fragment, bytes);
        self.thing_buffer(request, thing, key)
    }

    /// Where a launch writes an output.
    pub(super) fn output_operand(&mut self, request: &OfRequest, output: &Output) -> Result<Operand, ProcessorError> {
        Ok(match output.region {
            None => self.data_buffer(request, output.data)?.into(),
            Some(region) if self.access.is_in_place(region) => {
                Operand { buffer: self.data_buffer(request, output.data)?, offset_bytes: region.offset_bytes }
            }
            Some(region) => self.part_buffer(request, output.fragment, region.bytes())?.into(),
        })
    }

    /// Windows were touched: those that nobody touches any more are filled with what no kernel can make sense of.
    pub(super) fn touched(&mut self, request: &OfRequest, layout: &Layout, windows: &[u32]) -> Result<(), ProcessorError> {
        for &index in windows {
            let window = layout.windows[index as usize];
            if !self.host.touched(request.slot, &request.version, index) || window.is_kept {
                continue;
            }
            if window.space == Space::HOST {
                let place = self.host.window(request.slot, &request.version, layout, window);
                // SAFETY: by the layout, all that touches the window has ended, and what lies there next begins after this has.
                unsafe { poison(&place) };
            } else {
                let buffer = self.window(request.slot, &request.version, layout, index)?;
                let bytes = Region::whole(window.bytes);
                self.processor.upload(&HostBuffer::from_bytes(&vec![POISON; window.bytes]), bytes, buffer, bytes)?;
            }
        }
        Ok(())
    }
}
