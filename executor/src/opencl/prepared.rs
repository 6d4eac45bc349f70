//! Units made ready: kernels with their arguments set, memory for what passes between them.

use std::collections::BTreeMap;

use opencl3::kernel::Kernel;
use opencl3::types::cl_mem;

use super::error::{OrFailed, error};
use super::image_memory::ImageMemory;
use super::memory::Memory;
use super::planning::{assign, assign_images, lifetimes};
use super::step::{Argument, ImageSize, Lowered, SLACK_BYTES, Step, Storage, StorageId};
use crate::processor::{ProcessorError, ProcessorErrorKind};

/// Where an argument comes from at launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum External {
    Input(usize),
    Output(usize),
}

/// A kernel ready but for the unit's inputs and outputs.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) operator: usize,
    pub(super) kernel: Kernel,
    pub(super) global: [usize; 3],
    pub(super) local: Option<[usize; 3]>,
    pub(super) externals: Vec<(u32, External)>,
}

/// A unit ready to run.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) name: String,
    pub(super) steps: Vec<Ready>,
    /// Bytes of each input and output.
    pub(super) inputs: Vec<usize>,
    pub(super) outputs: Vec<usize>,
    /// Kept for the kernels, which hold them as arguments.
    pub(super) memory: Pieces,
}

/// Memory of a unit's own.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    buffers: Vec<Memory>,
    images: Vec<ImageMemory>,
    constant_bytes: u64,
    scratch_bytes: u64,
}

impl Pieces {
    /// Bytes of constants, and of what lives between kernels.
    pub(super) const fn bytes(&self) -> (u64, u64) {
        (self.constant_bytes, self.scratch_bytes)
    }

    fn buffer(&mut self, made: Result<Memory, ProcessorError>) -> Result<cl_mem, ProcessorError> {
        let buffer = made?;
        let handle = buffer.handle();
        self.buffers.push(buffer);
        Ok(handle)
    }

    fn image(&mut self, made: Result<ImageMemory, ProcessorError>) -> Result<cl_mem, ProcessorError> {
        let image = made?;
        let handle = image.handle();
        self.images.push(image);
        Ok(handle)
    }
}

/// Puts storages into memory and sets the arguments of kernels.
pub(super) fn bind(
    lowered: &Lowered,
    mut allocate: impl FnMut(usize, Option<&[u8]>) -> Result<Memory, ProcessorError>,
    mut image: impl FnMut(ImageSize, Option<&[f32]>) -> Result<ImageMemory, ProcessorError>,
    mut kernel: impl FnMut(&Step) -> Result<Kernel, ProcessorError>,
) -> Result<(Vec<Ready>, Pieces), ProcessorError> {
    let mut pieces = Pieces::default();
    let mut known: BTreeMap<StorageId, cl_mem> = BTreeMap::new();
    let (places, sizes) = assign(lowered);
    pieces.scratch_bytes += sizes.iter().map(|bytes| (bytes + SLACK_BYTES) as u64).sum::<u64>();
    let handles =
        sizes.into_iter().map(|bytes| pieces.buffer(allocate(bytes + SLACK_BYTES, None))).collect::<Result<Vec<_>, _>>()?;
    known.extend(places.into_iter().map(|(storage, place)| (storage, handles[place])));
    let (places, sizes) = assign_images(lowered);
    pieces.scratch_bytes += sizes.iter().map(|size| size.bytes()).sum::<u64>();
    let handles = sizes.into_iter().map(|size| pieces.image(image(size, None))).collect::<Result<Vec<_>, _>>()?;
    known.extend(places.into_iter().map(|(storage, place)| (storage, handles[place])));
    for storage in lifetimes(lowered).into_keys() {
        pieces.constant_bytes += match &lowered.storages[storage] {
            Storage::Constant(bytes) => (bytes.len() + SLACK_BYTES) as u64,
            Storage::ConstantImage(size, _) => size.bytes(),
            _ => 0,
        };
        let handle = match &lowered.storages[storage] {
            Storage::Constant(bytes) => pieces.buffer(allocate(bytes.len() + SLACK_BYTES, Some(bytes)))?,
            Storage::ConstantImage(size, texels) => pieces.image(image(*size, Some(texels)))?,
            _ => continue,
        };
        known.insert(storage, handle);
    }
    let mut steps = Vec::with_capacity(lowered.steps.len());
    for step in &lowered.steps {
        let kernel = kernel(step)?;
        let mut externals = Vec::new();
        for (index, argument) in (0_u32..).zip(&step.arguments) {
            match *argument {
                Argument::Integer(value) => set(&kernel, step.kernel, index, &value)?,
                Argument::Float(value) => set(&kernel, step.kernel, index, &value)?,
                Argument::Local(bytes) => {
                    // SAFETY: the kernel takes a pointer to local memory here.
                    unsafe { kernel.set_arg_local_buffer(index, bytes) }
                        .or_failed(&format!("giving kernel `{}` {bytes} bytes of local memory", step.kernel))?;
                }
                Argument::Storage(storage) => match lowered.storages[storage] {
                    Storage::Input(input) => externals.push((index, External::Input(input))),
                    Storage::Output(output) => externals.push((index, External::Output(output))),
                    _ => {
                        let handle = known.get(&storage).ok_or_else(|| {
                            error(
                                ProcessorErrorKind::Failed,
                                format!("kernel `{}` reads memory that was not planned", step.kernel),
                            )
                        })?;
                        set(&kernel, step.kernel, index, handle)?;
                    }
                },
            }
        }
        steps.push(Ready { operator: step.operator, kernel, global: step.global, local: step.local, externals });
    }
    Ok((steps, pieces))
}

/// Sets one argument of a kernel.
pub(super) fn set<T>(kernel: &Kernel, name: &str, index: u32, value: &T) -> Result<(), ProcessorError> {
    // SAFETY: the lowering gives each kernel its arguments in order and of the kernel's types; memory outlives the kernel.
    unsafe { kernel.set_arg(index, value) }.or_failed(&format!("setting argument {index} of kernel `{name}`"))
}
