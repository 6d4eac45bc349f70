//! A unit or a copy on a processor, prepared to be repeated.

use std::sync::Arc;

use executor::unit::UnitError;
use executor::weights::Weights;
use executor::{
    BufferId, HostBuffer, Operand, PreparedId, Processor, ProcessorError, ProcessorErrorKind, Region, Transfer, Unit,
};
use sim::identifiers::TensorId;

use crate::host::clock::Clock;
use crate::host::design::Source;
use crate::host::sample::CopyDirection;

/// A thread that was ready for so long without running, in one repetition, was disturbed. Waking up takes a few microseconds.
const WAITED_NS: u64 = 50_000;
/// And for such a share of the repetition, one in so many.
const WAITED_SHARE: u64 = 20;

/// What is repeated.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// Launches of a unit.
    Unit(Source),
    /// Copies or mappings of so many bytes.
    Copy(CopyDirection, u64),
}

/// One repetition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repetition {
    /// Mean duration of a launch.
    pub(crate) duration_ns: u64,
    /// Mean by the device's clock, if it has one.
    pub(crate) busy_ns: Option<u64>,
    /// Whether the thread had to wait for its core meanwhile.
    pub(crate) has_waited: bool,
}

/// What is prepared of a subject.
#[derive(Debug, Default)]
pub(crate) struct Bench {
    prepared: Option<PreparedId>,
    /// What cutting it out of its model and preparing it took.
    pub(crate) prepared_ns: u64,
    copy: Option<(CopyDirection, usize)>,
    inputs: Vec<Operand>,
    outputs: Vec<Operand>,
    buffers: Vec<BufferId>,
    /// Memory that is shared, or the host's side of a copy.
    hosts: Vec<Arc<HostBuffer>>,
}

impl Bench {
    /// Prepares a unit, whose inputs are drawn, or two buffers to copy between.
    pub(crate) fn new(processor: &mut dyn Processor, clock: &dyn Clock, subject: &Subject) -> Result<Self, ProcessorError> {
        let mut bench = Self::default();
        let filled = match subject {
            Subject::Unit(source) => bench.fill(processor, clock, source),
            &Subject::Copy(direction, bytes) => bench.fill_copy(processor, direction, bytes as usize),
        };
        match filled {
            Ok(()) => Ok(bench),
            Err(error) => {
                bench.discard(processor);
                Err(error)
            }
        }
    }

    fn fill(&mut self, processor: &mut dyn Processor, clock: &dyn Clock, source: &Source) -> Result<(), ProcessorError> {
        let unsupported = |message: String| ProcessorError::new(ProcessorErrorKind::Unsupported, "hwcal", message);
        let begin_ns = clock.now_ns();
        let unit = source.unit().map_err(|error: UnitError| unsupported(error.to_string()))?;
        processor.support(&unit.graph)?;
        self.prepared = Some(processor.prepare(&unit)?);
        self.prepared_ns = clock.now_ns() - begin_ns;
        for &input in unit.graph.inputs() {
            let tensor = Weights::drawn().input(&unit.graph, input, 0).map_err(|error| unsupported(error.to_string()))?;
            let buffer = self.memory(processor, tensor.bytes().len(), Some(tensor.bytes()))?;
            self.inputs.push(buffer.into());
        }
        for &output in unit.graph.outputs() {
            let buffer = self.memory(processor, bytes_of(&unit, output), None)?;
            self.outputs.push(buffer.into());
        }
        Ok(())
    }

    /// Two buffers of the processor, and the host's bytes of the first.
    fn fill_copy(&mut self, processor: &mut dyn Processor, direction: CopyDirection, bytes: usize) -> Result<(), ProcessorError> {
        let zeros = vec![0; bytes];
        self.memory(processor, bytes, Some(&zeros))?;
        self.memory(processor, bytes, Some(&zeros))?;
        self.hosts.push(HostBuffer::zeroed(bytes));
        self.copy = Some((direction, bytes));
        Ok(())
    }

    /// Memory that the processor can use, with some values.
    fn memory(&mut self, processor: &mut dyn Processor, bytes: usize, values: Option<&[u8]>) -> Result<BufferId, ProcessorError> {
        let host = values.map_or_else(|| HostBuffer::zeroed(bytes), HostBuffer::from_bytes);
        let transfer = processor.description().transfer;
        let buffer = match transfer {
            Transfer::Copy => processor.allocate(bytes)?,
            Transfer::None | Transfer::Map => processor.share(&host)?,
        };
        self.buffers.push(buffer);
        match (transfer, values) {
            (Transfer::Copy, Some(_)) => processor.upload(&host, Region::whole(bytes), buffer, Region::whole(bytes))?,
            (Transfer::Map, Some(_)) => processor.unmap(buffer)?,
            _ => {}
        }
        if transfer != Transfer::Copy {
            self.hosts.push(host);
        }
        Ok(buffer)
    }

    /// Whether it is a unit, not a copy.
    pub(crate) const fn is_unit(&self) -> bool {
        self.prepared.is_some()
    }

    /// Launches or copies several times, waiting for each.
    pub(crate) fn repeat(
        &self,
        processor: &mut dyn Processor,
        clock: &dyn Clock,
        launches: u32,
    ) -> Result<Repetition, ProcessorError> {
        let waited_ns = clock.waited_ns();
        let mut busy_ns = None;
        let whole_ns = match (self.prepared, self.copy) {
            (Some(prepared), _) => {
                let begin_ns = clock.now_ns();
                busy_ns = Some(0);
                for _ in 0..launches {
                    processor.launch(prepared, &self.inputs, &self.outputs)?;
                    let completion = processor.wait()?;
                    busy_ns = busy_ns.zip(completion.busy_ns).map(|(sum, one)| sum + one);
                }
                clock.now_ns() - begin_ns
            }
            (None, Some((direction, bytes))) => {
                let mut sum_ns = 0;
                for _ in 0..launches {
                    sum_ns += self.copy(processor, clock, direction, bytes)?;
                }
                sum_ns
            }
            (None, None) => 0,
        };
        let waited_ns = clock.waited_ns().zip(waited_ns).map_or(0, |(after, before)| after.saturating_sub(before));
        let each = |sum: u64| (sum + u64::from(launches) / 2) / u64::from(launches.max(1));
        Ok(Repetition {
            duration_ns: each(whole_ns),
            busy_ns: busy_ns.map(each),
            has_waited: waited_ns > WAITED_NS && waited_ns > whole_ns / WAITED_SHARE,
        })
    }

    /// One copy or mapping; what has to be done before and after is not timed.
    fn copy(
        &self,
        processor: &mut dyn Processor,
        clock: &dyn Clock,
        direction: CopyDirection,
        bytes: usize,
    ) -> Result<u64, ProcessorError> {
        let whole = Region::whole(bytes);
        let (one, other) = (self.buffers[0], self.buffers[1]);
        let host = &self.hosts[self.hosts.len() - 1];
        match direction {
            // The device writes what the host will see.
            CopyDirection::Map => processor.copy(other, whole, one, whole)?,
            // The host writes what the device will see.
            CopyDirection::Unmap => {
                processor.map(one)?;
                processor.download(other, whole, &self.hosts[0], whole)?;
            }
            CopyDirection::Upload | CopyDirection::Download | CopyDirection::Within => {}
        }
        let begin_ns = clock.now_ns();
        match direction {
            CopyDirection::Upload => processor.upload(host, whole, one, whole)?,
            CopyDirection::Download => processor.download(one, whole, host, whole)?,
            CopyDirection::Map => processor.map(one)?,
            CopyDirection::Unmap => processor.unmap(one)?,
            CopyDirection::Within => processor.copy(one, whole, other, whole)?,
        }
        let duration_ns = clock.now_ns() - begin_ns;
        if direction == CopyDirection::Map {
            processor.unmap(one)?;
        }
        Ok(duration_ns)
    }

    /// Gives everything back.
    pub(crate) fn discard(self, processor: &mut dyn Processor) {
        if let Some(prepared) = self.prepared {
            processor.discard(prepared);
        }
        for buffer in self.buffers {
            processor.release(buffer);
        }
    }
}

fn bytes_of(unit: &Unit, tensor: TensorId) -> usize {
    unit.graph.tensor(tensor).bytes() as usize
}
