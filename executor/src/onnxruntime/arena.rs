//! The arena that all sessions of processors take intermediate results from.

#![allow(unsafe_code, reason = "registers an allocator and asks for its counts, which the `ort` crate has no calls for")]

use std::ffi::CStr;

use ort::AsPointer;
use ort::environment::Environment;
use ort::session::Session;

/// Most bytes that sessions ever held of the arena at once: tensors inside of units, and constants in layouts of the library's own.
/// `None` where the library does not count.
pub(super) fn most_in_use_bytes(session: &Session) -> Option<u64> {
    let counted = with_description(|info| {
        let (mut allocator, mut counts) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the session is alive; the out pointer is valid.
        let status = unsafe { (ort::api().CreateAllocator)(session.ptr(), info, &raw mut allocator) };
        // SAFETY: a status is given back once.
        unsafe { ort::Error::result_from_status(status) }?;
        // SAFETY: made above; the out pointer is valid.
        let status = unsafe { (ort::api().AllocatorGetStats)(allocator, &raw mut counts) };
        // SAFETY: a status is given back once.
        let result = unsafe { ort::Error::result_from_status(status) };
        // SAFETY: made above, freed once.
        unsafe { (ort::api().ReleaseAllocator)(allocator) };
        result?;
        // SAFETY: the pairs are alive, the key is a string; a value is a string that lives as long as they, or null.
        let value = unsafe { (ort::api().GetKeyValue)(counts, c"MaxInUse".as_ptr()) };
        // SAFETY: as above.
        let text = (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned());
        // SAFETY: made above, freed once.
        unsafe { (ort::api().ReleaseKeyValuePairs)(counts) };
        Ok(text)
    });
    counted.ok().flatten()?.parse().ok()
}

/// Makes the arena: it stays as large as all that ever ran at once needed, where an arena for each session would be as large as all
/// units together, and colder in the caches.
pub(super) fn share(environment: &Environment) -> Result<(), ort::Error> {
    with_description(|info| {
        // SAFETY: the environment lives as long as the process; no configuration means the default one.
        let status = unsafe { (ort::api().CreateAndRegisterAllocator)(environment.ptr().cast_mut(), info, std::ptr::null()) };
        // SAFETY: a status is given back once.
        unsafe { ort::Error::result_from_status(status) }
    })
}

/// Calls with the description of memory by which the library knows the arena.
fn with_description<T>(call: impl FnOnce(*const ort::sys::OrtMemoryInfo) -> Result<T, ort::Error>) -> Result<T, ort::Error> {
    let (allocator, kind) = (ort::sys::OrtAllocatorType::OrtArenaAllocator, ort::sys::OrtMemType::OrtMemTypeDefault);
    let mut info = std::ptr::null_mut();
    // SAFETY: the out pointer is valid; a status is given back once.
    unsafe { ort::Error::result_from_status((ort::api().CreateCpuMemoryInfo)(allocator, kind, &raw mut info)) }?;
    let result = call(info);
    // SAFETY: made above, copied by the library where it keeps it, freed once.
    unsafe { (ort::api().ReleaseMemoryInfo)(info) };
    result
}
