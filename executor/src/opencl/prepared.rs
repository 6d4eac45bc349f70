//! Units made ready: kernels with their arguments set, memory for what passes between them.

use std::collections::BTreeMap;

use opencl3::kernel::Kernel;

use super::error::{OrFailed, error};
use super::lowering::{Argument, Lowered, SLACK_BYTES, Storage, StorageId};
use super::memory::Memory;
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
    #[expect(dead_code, reason = "keeps the memory alive")]
    pub(super) memory: Vec<Memory>,
}

/// First and last step that uses each storage.
fn lifetimes(lowered: &Lowered) -> BTreeMap<StorageId, (usize, usize)> {
    let mut lifetimes = BTreeMap::new();
    for (index, step) in lowered.steps.iter().enumerate() {
        for argument in &step.arguments {
            if let Argument::Storage(storage) = *argument {
                lifetimes.entry(storage).or_insert((index, index)).1 = index;
            }
        }
    }
    lifetimes
}

/// Which of a few pieces of memory each temporary storage lies in, and the size of each piece.
///
/// Greedy in the order of first use: the smallest free piece that is large enough, else the largest free one grown, else a new
/// one.
pub(super) fn assign(lowered: &Lowered) -> (BTreeMap<StorageId, usize>, Vec<usize>) {
    let lifetimes = lifetimes(lowered);
    let mut order: Vec<(usize, usize, StorageId, usize)> = Vec::new();
    for (&storage, &(first, last)) in &lifetimes {
        if let Storage::Temporary(bytes) = lowered.storages[storage] {
            order.push((first, last, storage, bytes));
        }
    }
    order.sort_unstable();
    let mut pieces: Vec<(usize, Option<usize>)> = Vec::new();
    let mut places = BTreeMap::new();
    for (first, last, storage, bytes) in order {
        let is_free = |piece: &(usize, Option<usize>)| piece.1.is_none_or(|busy_until| busy_until < first);
        let free = || pieces.iter().enumerate().filter(|(_, piece)| is_free(piece));
        let fitting = free().filter(|(_, piece)| piece.0 >= bytes).min_by_key(|(_, piece)| piece.0);
        let chosen = fitting.or_else(|| free().max_by_key(|(_, piece)| piece.0)).map(|(index, _)| index);
        let index = chosen.unwrap_or_else(|| {
            pieces.push((0, None));
            pieces.len() - 1
        });
        pieces[index] = (pieces[index].0.max(bytes), Some(last));
        places.insert(storage, index);
    }
    (places, pieces.into_iter().map(|(bytes, _)| bytes).collect())
}

/// Puts storages into memory and sets the arguments of kernels.
pub(super) fn bind(
    lowered: &Lowered,
    mut allocate: impl FnMut(usize, Option<&[u8]>) -> Result<Memory, ProcessorError>,
    mut kernel: impl FnMut(&super::lowering::Step) -> Result<Kernel, ProcessorError>,
) -> Result<(Vec<Ready>, Vec<Memory>), ProcessorError> {
    let (places, pieces) = assign(lowered);
    let mut memory = pieces.into_iter().map(|bytes| allocate(bytes + SLACK_BYTES, None)).collect::<Result<Vec<_>, _>>()?;
    let mut known: BTreeMap<StorageId, usize> = places;
    for storage in lifetimes(lowered).into_keys() {
        if let Storage::Constant(bytes) = &lowered.storages[storage] {
            known.insert(storage, memory.len());
            memory.push(allocate(bytes.len() + SLACK_BYTES, Some(bytes))?);
        }
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
                        let place = known.get(&storage).ok_or_else(|| {
                            error(
                                ProcessorErrorKind::Failed,
                                format!("kernel `{}` reads memory that was not planned", step.kernel),
                            )
                        })?;
                        set(&kernel, step.kernel, index, &memory[*place].handle())?;
                    }
                },
            }
        }
        steps.push(Ready { operator: step.operator, kernel, global: step.global, local: step.local, externals });
    }
    Ok((steps, memory))
}

/// Sets one argument of a kernel.
pub(super) fn set<T>(kernel: &Kernel, name: &str, index: u32, value: &T) -> Result<(), ProcessorError> {
    // SAFETY: the lowering gives each kernel its arguments in order and of the kernel's types; memory outlives the kernel.
    unsafe { kernel.set_arg(index, value) }.or_failed(&format!("setting argument {index} of kernel `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::super::lowering::{Source, Step};
    use super::*;

    #[test]
    fn temporaries_share_memory_only_when_they_do_not_live_together() {
        let step = |storages: &[StorageId]| Step {
            operator: 0,
            source: Source::Stage,
            kernel: "test",
            options: String::new(),
            arguments: storages.iter().map(|&storage| Argument::Storage(storage)).collect(),
            global: [1; 3],
            local: None,
        };
        let storages = vec![
            Storage::Input(0),
            Storage::Temporary(100),
            Storage::Temporary(300),
            Storage::Temporary(80),
            Storage::Temporary(400),
            Storage::Output(0),
        ];
        // A chain: 0 -> 1 -> 2 -> 3 -> 4 -> 5, with 1 read again by the last.
        let steps = vec![step(&[0, 1]), step(&[1, 2]), step(&[2, 3]), step(&[3, 4]), step(&[4, 1, 5])];
        let (places, pieces) = assign(&Lowered { storages, steps });
        assert_eq!(places, BTreeMap::from([(1, 0), (2, 1), (3, 2), (4, 1)]));
        assert_eq!(pieces, [100, 400, 80]);
    }
}
