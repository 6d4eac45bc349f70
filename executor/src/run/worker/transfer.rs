//! Moving tensors: copies between memories, and parts to their places in the whole.

use sim::identifiers::LinkId;
use sim::plan::NO_SEGMENT;
use sim::record::{CopyRecord, Record, StepKind};

use crate::buffer::Region;
use crate::processor::{ProcessorError, Transfer};
use crate::run::layout::is_merged;
use crate::run::schedule::Output;
use crate::run::worker::{Driver, OfRequest};

impl Driver<'_> {
    /// Puts a part in its place in the whole, where somebody reads it in this memory: another segment, or this one if it `goes_on`.
    pub(super) fn merge(
        &mut self,
        request: &OfRequest,
        segment: u32,
        output: &Output,
        goes_on: bool,
        records: &mut Vec<Record>,
    ) -> Result<(), ProcessorError> {
        let Some(region) = output.region.filter(|&region| !self.access.is_in_place(region)) else { return Ok(()) };
        if !is_merged(&request.version.program, self.device, self.worker, output, goes_on) {
            return Ok(());
        }
        let start_ns = self.now_ns();
        let part = self.part_buffer(request, output.fragment, region.bytes())?;
        let whole = self.data_buffer(request, output.data)?;
        if self.is_in_host_memory() {
            self.copy_on_host(request, output, region);
        } else {
            self.processor.copy(part, Region::whole(region.bytes()), whole, region)?;
        }
        records.push(self.step_record(request, segment, StepKind::Merge, start_ns, self.now_ns()));
        Ok(())
    }

    /// Copies a part into the whole, both in host memory.
    fn copy_on_host(&self, request: &OfRequest, output: &Output, region: Region) {
        let whole = self.host_data(request, output.data);
        let part = self.host_part(request, output.fragment, region.bytes());
        // SAFETY: this thread alone made the part and has ended; of the whole, nobody else writes to this part's rows (parts
        // cover it, which compiling the plan checked; of rows that two have, a copy moves those that the first lacks, and the first
        // is the host's, which `overlap` checked), and nobody reads them before this segment has ended.
        unsafe { whole.write_region(part.bytes(), region) };
    }

    /// Carries out a copy from or to this worker's memory.
    pub(in crate::run) fn copy(
        &mut self,
        request: &OfRequest,
        fragment: u32,
        link: LinkId,
        requested_ns: u64,
    ) -> Result<Record, ProcessorError> {
        let start_ns = self.now_ns();
        let of_link = self.device.link(link);
        let program = &request.version.program;
        let made = program.fragments()[fragment as usize];
        let whole_bytes = self.models[request.model.index()].lowered.tasks.bytes(made.data) as usize;
        let region = request.version.schedule.regions[fragment as usize];
        let own = self.device.worker(self.worker).memory;
        let host = self.host_data(request, made.data);
        // Mapping moves nothing: there all of the fragment is put in its place.
        let copied = request.version.schedule.copied[fragment as usize].filter(|_| self.access.transfer == Transfer::Copy);
        let place = copied.map(|(place, _)| place).or(region).unwrap_or(Region::whole(whole_bytes));
        if of_link.to == own {
            let whole = self.data_buffer(request, made.data)?;
            match self.access.transfer {
                Transfer::Copy => self.processor.upload(&host, place, whole, place)?,
                _ => self.processor.unmap(whole)?,
            }
        } else {
            // A part that was made here lies by itself.
            let part = region.filter(|&region| made.maker != NO_SEGMENT && !self.access.is_in_place(region));
            let (source, from) = match part {
                Some(region) => {
                    let from = copied.map_or(Region::whole(region.bytes()), |(_, within)| within);
                    (self.part_buffer(request, fragment, region.bytes())?, from)
                }
                None => (self.data_buffer(request, made.data)?, place),
            };
            if self.access.transfer == Transfer::Copy {
                self.processor.download(source, from, &host, place)?;
            } else {
                self.processor.map(source)?;
                if part.is_some() {
                    let output = Output { data: made.data, fragment, region };
                    self.copy_on_host(request, &output, place);
                }
            }
        }
        let record = Record::Copy(CopyRecord {
            request: request.id,
            model: request.model,
            data: made.data,
            bytes: program.copied_bytes(fragment),
            link,
            requested_ns: requested_ns.min(start_ns),
            start_ns,
            end_ns: self.now_ns(),
            solo_ns: of_link.solo_ns(program.copied_bytes(fragment)),
        });
        if self.host.poisons()
            && let Some(layout) = request.version.layout()
        {
            self.touched(request, layout, layout.touched_by_copy(fragment, of_link.to.0))?;
        }
        Ok(record)
    }
}
