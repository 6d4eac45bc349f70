//! The device: found, opened, asked for memory, waited for; every failure of `wgpu` as an error.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};

use wgpu::{Backends, BufferUsages, Features};

use super::error;
use super::plan::Limits;
use crate::processor::{ProcessorError, ProcessorErrorKind};

/// What a Vulkan device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// A GPU with memory of its own.
    DiscreteGpu,
    /// A GPU that shares the memory of the CPU.
    IntegratedGpu,
    /// A GPU of another machine, or of the host of a virtual machine.
    VirtualGpu,
    /// Software, run by the CPU.
    Cpu,
    /// The driver does not say.
    Other,
}

/// A Vulkan device of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Name of the hardware, as the driver gives it.
    pub name: String,
    /// Driver and its version.
    pub driver: String,
    /// What it is.
    pub kind: DeviceKind,
}

impl DeviceInfo {
    fn of(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu,
            wgpu::DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu,
            wgpu::DeviceType::VirtualGpu => DeviceKind::VirtualGpu,
            wgpu::DeviceType::Cpu => DeviceKind::Cpu,
            wgpu::DeviceType::Other => DeviceKind::Other,
        };
        Self { name: info.name, driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(), kind }
    }
}

/// All Vulkan devices of this machine, in the order of the loader; none where there is no loader or no driver.
pub fn devices() -> Vec<DeviceInfo> {
    adapters().iter().map(DeviceInfo::of).collect()
}

fn adapters() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = Backends::VULKAN;
    // No validation layers: wgpu checks what it is asked for by itself.
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    resolved(instance.enumerate_adapters(Backends::VULKAN)).unwrap_or_default()
}

/// The result of a future of `wgpu`, which outside of browsers are ready at once.
fn resolved<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// What `wgpu` reported since somebody last looked.
#[derive(Debug, Default)]
struct Failures {
    /// First error that no call returned.
    first: Option<(ProcessorErrorKind, String)>,
    /// Why the device is lost.
    lost: Option<String>,
}

/// An open device.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) info: DeviceInfo,
    /// Nanoseconds of a tick of the device's clock; `None` if it has none.
    pub(super) tick_ns: Option<f64>,
    limits: wgpu::Limits,
    failures: Arc<Mutex<Failures>>,
}

impl Context {
    /// Opens the device of that index in [`devices`].
    pub(super) fn open(index: usize) -> Result<Self, ProcessorError> {
        let missing = |message: String| error(ProcessorErrorKind::Missing, message);
        let adapters = adapters();
        let adapter = adapters.get(index).ok_or_else(|| match adapters.len() {
            0 => {
                missing("no device: neither a GPU's driver nor Lavapipe (Debian: `mesa-vulkan-drivers`) is installed".to_owned())
            }
            count => missing(format!("no device {index}: there are {count}, counted from 0")),
        })?;
        let info = DeviceInfo::of(adapter);
        let features = adapter.features() & Features::TIMESTAMP_QUERY;
        let limits = adapter.limits();
        let descriptor =
            wgpu::DeviceDescriptor { required_features: features, required_limits: limits.clone(), ..Default::default() };
        let opened = resolved(adapter.request_device(&descriptor));
        let (device, queue) = match opened {
            Some(Ok(opened)) => opened,
            Some(Err(problem)) => return Err(missing(format!("device {index} ({}) cannot be opened: {problem}", info.name))),
            None => return Err(missing(format!("device {index} ({}) does not open", info.name))),
        };
        let failures = Arc::new(Mutex::new(Failures::default()));
        let sink = Arc::clone(&failures);
        device.on_uncaptured_error(Arc::new(move |problem: wgpu::Error| {
            let kind = match problem {
                wgpu::Error::OutOfMemory { .. } => ProcessorErrorKind::OutOfMemory,
                wgpu::Error::Validation { .. } | wgpu::Error::Internal { .. } => ProcessorErrorKind::Failed,
            };
            let mut failures = sink.lock().unwrap_or_else(PoisonError::into_inner);
            failures.first.get_or_insert_with(|| (kind, problem.to_string()));
        }));
        let sink = Arc::clone(&failures);
        device.set_device_lost_callback(move |_, reason| {
            sink.lock().unwrap_or_else(PoisonError::into_inner).lost.get_or_insert(reason);
        });
        let tick_ns = features.contains(Features::TIMESTAMP_QUERY).then(|| f64::from(queue.get_timestamp_period()));
        Ok(Self { device, queue, info, tick_ns, limits, failures })
    }

    /// What plans must keep to.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            binding_bytes: self.limits.max_storage_buffer_binding_size,
            groups: u64::from(self.limits.max_compute_workgroups_per_dimension),
        }
    }

    /// Distance of parameter blocks in a uniform buffer.
    pub(super) fn uniform_alignment(&self) -> u64 {
        u64::from(self.limits.min_uniform_buffer_offset_alignment)
    }

    /// Runs calls of `wgpu` and gives what they report as an error. `what` names what they do.
    pub(super) fn check<T>(&self, what: &str, calls: impl FnOnce() -> T) -> Result<T, ProcessorError> {
        self.check_lost()?;
        let result = calls();
        self.check_lost()?;
        let first = self.lock().first.take();
        match first {
            None => Ok(result),
            Some((kind, message)) => Err(error(kind, format!("{what}: {message}"))),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_lost(&self) -> Result<(), ProcessorError> {
        match &self.lock().lost {
            None => Ok(()),
            Some(reason) => {
                Err(error(ProcessorErrorKind::Lost, format!("device `{}` is lost: {}", self.info.name, reason.trim())))
            }
        }
    }

    /// Memory for at least one element; `bytes` is rounded up to whole elements.
    pub(super) fn buffer(&self, what: &str, bytes: usize, usage: BufferUsages) -> Result<wgpu::Buffer, ProcessorError> {
        let size = (bytes as u64).next_multiple_of(wgpu::COPY_BUFFER_ALIGNMENT).max(wgpu::COPY_BUFFER_ALIGNMENT);
        let most = self.limits.max_buffer_size;
        if size > most {
            let why = format!("{what} of {bytes} bytes: a buffer of device `{}` may have {most}", self.info.name);
            return Err(error(ProcessorErrorKind::OutOfMemory, why));
        }
        self.check(&format!("{what} of {bytes} bytes"), || {
            self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
        })
    }

    /// Runs commands.
    pub(super) fn submit(&self, what: &str, commands: wgpu::CommandEncoder) -> Result<(), ProcessorError> {
        self.check(what, || self.queue.submit([commands.finish()])).map(drop)
    }

    /// Waits until all that was submitted has ended, and runs what waits for it.
    pub(super) fn wait(&self) -> Result<(), ProcessorError> {
        let wait = || {
            // Of all calls, `wgpu` lets only this one panic where the driver fails. Afterwards nothing is used any more.
            catch_unwind(AssertUnwindSafe(|| self.device.poll(wgpu::PollType::wait_indefinitely())))
        };
        match self.check("wait", wait)? {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(problem)) => Err(error(ProcessorErrorKind::Failed, format!("wait: {problem}"))),
            Err(_) => {
                self.lock().lost.get_or_insert_with(|| "its driver failed while it was waited for".to_owned());
                self.check_lost()
            }
        }
    }

    /// An empty list of commands.
    pub(super) fn commands(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }
}
