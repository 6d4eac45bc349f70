//! Which devices there are.

use std::sync::{Mutex, PoisonError};

use opencl3::device::{CL_DEVICE_TYPE_ACCELERATOR, CL_DEVICE_TYPE_ALL, CL_DEVICE_TYPE_CPU, CL_DEVICE_TYPE_GPU, Device};
use opencl3::platform::get_platforms;

use super::error::{OrFailed, error};
use crate::processor::{ProcessorError, ProcessorErrorKind};

/// What a device computes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// Cores of this machine.
    Cpu,
    /// A graphics processor.
    Gpu,
    /// Another accelerator.
    Accelerator,
}

/// A device that OpenCL offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Name and version of its platform.
    pub platform: String,
    /// Its name.
    pub name: String,
    /// Version of its driver.
    pub driver_version: String,
    /// What it computes on.
    pub kind: DeviceKind,
    /// Compute units: cores of a CPU.
    pub compute_units: u32,
    /// Memory in all.
    pub global_memory_bytes: u64,
    /// Largest single buffer.
    pub maximum_allocation_bytes: u64,
    /// Windows into a buffer begin at multiples of so many bytes.
    pub window_alignment_bytes: usize,
    /// Whether it computes in half precision.
    pub has_half_precision: bool,
    /// Whether it reads images.
    pub has_images: bool,
    /// Width and height of the largest two-dimensional image, in texels; 0 where there are none.
    pub largest_image: [usize; 2],
}

/// All devices of all platforms, in the order in which [`super::OpenClProcessor::open`] counts them.
pub fn devices() -> Result<Vec<DeviceInfo>, ProcessorError> {
    found()?.iter().map(|device| info(*device)).collect()
}

/// All devices.
pub(super) fn found() -> Result<Vec<Device>, ProcessorError> {
    // Two threads that make the first call at once crash PoCL 3.1 in its initialisation.
    static FIRST_CALL: Mutex<()> = Mutex::new(());
    let _guard = FIRST_CALL.lock().unwrap_or_else(PoisonError::into_inner);
    let mut devices = Vec::new();
    for platform in get_platforms().or_failed("listing platforms")? {
        match platform.get_devices(CL_DEVICE_TYPE_ALL) {
            Ok(ids) => devices.extend(ids.into_iter().map(Device::new)),
            // A platform without devices is no failure of the others.
            Err(code) if code.0 == -1 => {}
            Err(code) => return Err(super::error::failed("listing devices", code.0)),
        }
    }
    if devices.is_empty() {
        return Err(error(
            ProcessorErrorKind::Missing,
            "no platform has a device (Debian: pocl-opencl-icd offers the CPU as one)",
        ));
    }
    Ok(devices)
}

/// What a device says about itself.
pub(super) fn info(device: Device) -> Result<DeviceInfo, ProcessorError> {
    const WHAT: &str = "asking a device about itself";
    let kind = match device.dev_type().or_failed(WHAT)? {
        kind if kind & CL_DEVICE_TYPE_GPU != 0 => DeviceKind::Gpu,
        kind if kind & CL_DEVICE_TYPE_CPU != 0 => DeviceKind::Cpu,
        kind if kind & CL_DEVICE_TYPE_ACCELERATOR != 0 => DeviceKind::Accelerator,
        _ => DeviceKind::Gpu,
    };
    let platform = opencl3::platform::Platform::new(device.platform().or_failed(WHAT)?);
    let has_images = device.image_support().or_failed(WHAT)?;
    let largest_image = if has_images {
        [device.image2d_max_width().or_failed(WHAT)?, device.image2d_max_height().or_failed(WHAT)?]
    } else {
        [0, 0]
    };
    Ok(DeviceInfo {
        platform: format!("{} ({})", platform.name().or_failed(WHAT)?, platform.version().or_failed(WHAT)?.trim()),
        name: device.name().or_failed(WHAT)?.trim().to_owned(),
        driver_version: device.driver_version().or_failed(WHAT)?.trim().to_owned(),
        kind,
        compute_units: device.max_compute_units().or_failed(WHAT)?,
        global_memory_bytes: device.global_mem_size().or_failed(WHAT)?,
        maximum_allocation_bytes: device.max_mem_alloc_size().or_failed(WHAT)?,
        // Given in bits.
        window_alignment_bytes: (device.mem_base_addr_align().or_failed(WHAT)? / 8).max(1) as usize,
        has_half_precision: device.extensions().or_failed(WHAT)?.split(' ').any(|name| name == "cl_khr_fp16"),
        has_images,
        largest_image,
    })
}
