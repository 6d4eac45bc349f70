//! Copies between host memory and buffers, through staging buffers that are kept.

use wgpu::{BufferUsages, MapMode};

use super::context::Context;
use super::error;
use crate::buffer::Region;
use crate::processor::{ProcessorError, ProcessorErrorKind};

/// Copies of buffers start at and take multiples of this.
const GRANULE: usize = wgpu::COPY_BUFFER_ALIGNMENT as usize;

/// Host memory that the device reads or writes.
#[derive(Debug, Default)]
pub(super) struct Staging {
    upload: Option<wgpu::Buffer>,
    download: Option<wgpu::Buffer>,
}

/// That a region lies in so many bytes, and that its rows can be copied.
pub(super) fn check_region(region: Region, bytes: usize, what: &str) -> Result<(), ProcessorError> {
    let misuse = |message: String| Err(error(ProcessorErrorKind::Misuse, message));
    if region.end() > bytes {
        return misuse(format!("{what}: region {region:?} ends at {}, but there are only {bytes} bytes", region.end()));
    }
    let is_aligned = rows(region).all(|(at, length)| at % GRANULE == 0 && length % GRANULE == 0);
    if !is_aligned {
        return misuse(format!("{what}: region {region:?} is not made of whole elements of {GRANULE} bytes"));
    }
    Ok(())
}

/// That two regions can be copied onto each other.
pub(super) fn check_pair(from: Region, to: Region) -> Result<(), ProcessorError> {
    let fit = from.bytes() == to.bytes() && (from.is_contiguous() || to.is_contiguous() || from.row_bytes == to.row_bytes);
    let message = || format!("regions {from:?} and {to:?} differ in size or in the length of their rows");
    if fit { Ok(()) } else { Err(error(ProcessorErrorKind::Misuse, message())) }
}

/// Begin and length of each row; of a contiguous region, of all.
fn rows(region: Region) -> impl Iterator<Item = (usize, usize)> {
    let (count, length) =
        if region.is_contiguous() { (usize::from(region.bytes() > 0), region.bytes()) } else { (region.rows, region.row_bytes) };
    (0..count).map(move |row| (region.offset_bytes + row * region.pitch_bytes, length))
}

/// Begins in both regions and length of pieces that are contiguous in both.
fn pieces(from: Region, to: Region) -> impl Iterator<Item = (usize, usize, usize)> {
    // The contiguous one, if any, is cut into rows of the other.
    let cut = |region: Region, other: Region| {
        let pitch = if region.is_contiguous() { other.row_bytes } else { region.pitch_bytes };
        (region.offset_bytes, pitch)
    };
    let both = from.is_contiguous() && to.is_contiguous();
    let (rows, length) = match (both, from.is_contiguous()) {
        (true, _) => (usize::from(from.bytes() > 0), from.bytes()),
        (false, true) => (to.rows, to.row_bytes),
        (false, false) => (from.rows, from.row_bytes),
    };
    let ((from_at, from_pitch), (to_at, to_pitch)) = (cut(from, to), cut(to, from));
    (0..rows).map(move |row| (from_at + row * from_pitch, to_at + row * to_pitch, length))
}

impl Staging {
    /// Copies bytes to a buffer and waits.
    pub(super) fn upload(
        &mut self,
        context: &Context,
        source: &[u8],
        from: Region,
        target: &wgpu::Buffer,
        to: Region,
    ) -> Result<(), ProcessorError> {
        let bytes = from.bytes();
        if bytes == 0 {
            return Ok(());
        }
        let usage = BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC;
        let staging = ensure(&mut self.upload, context, bytes, usage)?;
        map(context, staging, bytes, MapMode::Write)?;
        context
            .check("upload", || -> Result<(), wgpu::MapRangeError> {
                let mut view = staging.get_mapped_range_mut(..bytes as u64)?;
                for (at, put, length) in pieces(from, Region::whole(bytes)) {
                    view.slice(put..put + length).copy_from_slice(&source[at..at + length]);
                }
                drop(view);
                staging.unmap();
                Ok(())
            })?
            .map_err(|problem| error(ProcessorErrorKind::Failed, format!("upload: {problem}")))?;
        copy(context, staging, Region::whole(bytes), target, to)
    }

    /// Copies bytes of a buffer and waits.
    pub(super) fn download(
        &mut self,
        context: &Context,
        source: &wgpu::Buffer,
        from: Region,
        target: &mut [u8],
        to: Region,
    ) -> Result<(), ProcessorError> {
        let bytes = from.bytes();
        if bytes == 0 {
            return Ok(());
        }
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let staging = ensure(&mut self.download, context, bytes, usage)?;
        copy(context, source, from, staging, Region::whole(bytes))?;
        map(context, staging, bytes, MapMode::Read)?;
        context
            .check("download", || -> Result<(), wgpu::MapRangeError> {
                let view = staging.get_mapped_range(..bytes as u64)?;
                for (at, put, length) in pieces(Region::whole(bytes), to) {
                    target[put..put + length].copy_from_slice(&view[at..at + length]);
                }
                drop(view);
                staging.unmap();
                Ok(())
            })?
            .map_err(|problem| error(ProcessorErrorKind::Failed, format!("download: {problem}")))
    }
}

/// Copies between two buffers and waits.
pub(super) fn copy(
    context: &Context,
    source: &wgpu::Buffer,
    from: Region,
    target: &wgpu::Buffer,
    to: Region,
) -> Result<(), ProcessorError> {
    let mut commands = context.commands();
    for (at, put, length) in pieces(from, to) {
        commands.copy_buffer_to_buffer(source, at as u64, target, put as u64, length as u64);
    }
    context.submit("copy", commands)?;
    context.wait()
}

/// A kept buffer, replaced by a larger one if it is too small.
fn ensure<'a>(
    kept: &'a mut Option<wgpu::Buffer>,
    context: &Context,
    bytes: usize,
    usage: BufferUsages,
) -> Result<&'a wgpu::Buffer, ProcessorError> {
    if kept.as_ref().is_some_and(|buffer| buffer.size() < bytes as u64) {
        *kept = None;
    }
    match kept {
        Some(buffer) => Ok(buffer),
        None => Ok(kept.insert(context.buffer("a staging buffer", bytes, usage)?)),
    }
}

/// Makes a staging buffer accessible to this process.
fn map(context: &Context, buffer: &wgpu::Buffer, bytes: usize, mode: MapMode) -> Result<(), ProcessorError> {
    let (sender, receiver) = std::sync::mpsc::channel();
    context.check("map", || {
        buffer.map_async(mode, ..bytes as u64, move |result| {
            // Nobody listens any more if the wait failed.
            let _ = sender.send(result);
        });
    })?;
    context.wait()?;
    match receiver.try_recv() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(problem)) => Err(error(ProcessorErrorKind::Failed, format!("map: {problem}"))),
        Err(_) => Err(error(ProcessorErrorKind::Failed, "map: the driver did not answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_copied_in_pieces_that_are_contiguous_in_both() {
        let strided = Region { offset_bytes: 8, row_bytes: 4, pitch_bytes: 16, rows: 3 };
        let check = |from, to, expected: &[(usize, usize, usize)]| {
            assert!(check_pair(from, to).is_ok());
            assert_eq!(pieces(from, to).collect::<Vec<_>>(), expected);
        };
        check(strided, Region::whole(12), &[(8, 0, 4), (24, 4, 4), (40, 8, 4)]);
        check(Region::whole(12), strided, &[(0, 8, 4), (4, 24, 4), (8, 40, 4)]);
        check(strided, strided, &[(8, 8, 4), (24, 24, 4), (40, 40, 4)]);
        check(Region::whole(12), Region::whole(12), &[(0, 0, 12)]);
        check(Region::whole(0), Region::whole(0), &[]);
        assert!(check_pair(strided, Region::whole(8)).is_err());
        assert!(check_region(strided, 44, "test").is_ok());
        assert!(check_region(strided, 43, "test").is_err());
        assert!(check_region(Region { offset_bytes: 2, ..strided }, 64, "test").is_err());
    }
}
