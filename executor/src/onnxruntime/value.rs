//! Tensors of ONNX Runtime over memory that is not its own.

#![allow(unsafe_code, reason = "hands host memory to ONNX Runtime by pointer, so that nothing is copied")]

use std::ptr::NonNull;

use ort::value::TensorElementType;
use sim::graph::DataType;

/// A tensor over host memory.
#[derive(Debug)]
pub(super) struct Value(NonNull<ort::sys::OrtValue>);

impl Value {
    /// A tensor over `bytes` bytes from `memory` on; `None` for a type that ONNX Runtime has no plain tensors of.
    ///
    /// # Safety
    /// The memory lives as long as the value and whatever it is given to, and nobody else writes to it while a session runs on it.
    pub(super) unsafe fn over(
        memory: *mut u8,
        bytes: usize,
        data_type: DataType,
        shape: &[u64],
    ) -> Option<Result<Self, ort::Error>> {
        let element_type = element_type(data_type)?;
        // SAFETY: as the caller promises.
        Some(unsafe { Self::of_type(memory, bytes, element_type, shape) })
    }

    /// # Safety
    /// As for [`Self::over`].
    unsafe fn of_type(memory: *mut u8, bytes: usize, ty: TensorElementType, shape: &[u64]) -> Result<Self, ort::Error> {
        let shape: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
        let (mut info, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        let (allocator, kind) = (ort::sys::OrtAllocatorType::OrtDeviceAllocator, ort::sys::OrtMemType::OrtMemTypeDefault);
        let api = ort::api();
        // SAFETY: the out pointer is valid; a status is given back once.
        unsafe { ort::Error::result_from_status((api.CreateCpuMemoryInfo)(allocator, kind, &raw mut info)) }?;
        let (data, sizes, rank) = (memory.cast(), shape.as_ptr(), shape.len());
        // SAFETY: the caller promises the memory; the library copies the shape and the description of the memory.
        let status = unsafe { (api.CreateTensorWithDataAsOrtValue)(info, data, bytes, sizes, rank, ty.into(), &raw mut value) };
        // SAFETY: made above, freed once.
        unsafe { (api.ReleaseMemoryInfo)(info) };
        // SAFETY: a status is given back once.
        unsafe { ort::Error::result_from_status(status) }?;
        NonNull::new(value).map(Self).ok_or_else(|| ort::Error::new("no tensor was made"))
    }

    pub(super) const fn pointer(&self) -> *mut ort::sys::OrtValue {
        self.0.as_ptr()
    }

    /// Gives it to somebody who frees it.
    pub(super) fn into_raw(self) -> *mut ort::sys::OrtValue {
        let pointer = self.pointer();
        std::mem::forget(self);
        pointer
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: owned, and freed once.
        unsafe { (ort::api().ReleaseValue)(self.pointer()) };
    }
}

/// The element type as ONNX Runtime calls it; `None` for text, complex numbers and types of less than a byte.
pub(super) const fn element_type(data_type: DataType) -> Option<TensorElementType> {
    Some(match data_type {
        DataType::Float32 => TensorElementType::Float32,
        DataType::Float64 => TensorElementType::Float64,
        DataType::Float16 => TensorElementType::Float16,
        DataType::BFloat16 => TensorElementType::Bfloat16,
        DataType::Int8 => TensorElementType::Int8,
        DataType::Int16 => TensorElementType::Int16,
        DataType::Int32 => TensorElementType::Int32,
        DataType::Int64 => TensorElementType::Int64,
        DataType::Uint8 => TensorElementType::Uint8,
        DataType::Uint16 => TensorElementType::Uint16,
        DataType::Uint32 => TensorElementType::Uint32,
        DataType::Uint64 => TensorElementType::Uint64,
        DataType::Bool => TensorElementType::Bool,
        DataType::Float8E4m3Fn => TensorElementType::Float8E4M3FN,
        DataType::Float8E4m3Fnuz => TensorElementType::Float8E4M3FNUZ,
        DataType::Float8E5m2 => TensorElementType::Float8E5M2,
        DataType::Float8E5m2Fnuz => TensorElementType::Float8E5M2FNUZ,
        _ => return None,
    })
}
