//! Finds the library of ONNX Runtime and loads it once.

#![allow(unsafe_code, reason = "asks a library that may be any for its version before it is used")]

use std::ffi::{CStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::arena;
use super::error::missing;
use crate::processor::ProcessorError;

/// First minor version of ONNX Runtime 1 that works: 1.22 has the model editor, but does not know its own CPU provider as a device.
const MINIMUM_MINOR: u32 = 23;

/// How to get the library.
const REMEDY: &str = "run `pip install onnxruntime`, or set ORT_DYLIB_PATH to a `libonnxruntime.so`";

/// The library in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryInfo {
    /// Its file, or its bare name where the system's loader finds it.
    pub path: PathBuf,
    /// Its version, e.g. `1.31.1`.
    pub version: String,
}

struct Loaded {
    info: LibraryInfo,
    environment: Environment,
}

/// The library of ONNX Runtime, loaded by the first call for the rest of the process.
///
/// Looked for, in this order: the file that `ORT_DYLIB_PATH` names, and no other if it is set; the `onnxruntime` package of
/// `$PYTHON` and of `python3`; `libonnxruntime.so` where the system's loader looks. The answer, an error of kind `Missing`
/// included, stays the same for the rest of the process.
pub fn library() -> Result<LibraryInfo, ProcessorError> {
    loaded().map(|loaded| loaded.info.clone())
}

/// The environment that all sessions share.
pub(super) fn environment() -> Result<&'static Environment, ProcessorError> {
    loaded().map(|loaded| &loaded.environment)
}

fn loaded() -> Result<&'static Loaded, ProcessorError> {
    static LOADED: OnceLock<Result<Loaded, ProcessorError>> = OnceLock::new();
    let load_first = || load(&candidates(|name| std::env::var_os(name), python_package));
    LOADED.get_or_init(load_first).as_ref().map_err(Clone::clone)
}

/// Where to look, best first.
fn candidates(variable: impl Fn(&str) -> Option<OsString>, package: impl Fn(&Path) -> Option<PathBuf>) -> Vec<PathBuf> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = variable("ORT_DYLIB_PATH") {
        return vec![path];
    }
    let interpreters = variable("PYTHON").into_iter().chain([PathBuf::from("python3")]);
    let mut candidates: Vec<PathBuf> = interpreters.filter_map(|python| package(&python)).collect();
    candidates.push(PathBuf::from(format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)));
    candidates
}

/// The library inside a Python interpreter's `onnxruntime` package, which is not imported.
fn python_package(interpreter: &Path) -> Option<PathBuf> {
    const QUESTION: &str =
        "import importlib.util as u; s = u.find_spec('onnxruntime'); print(s.submodule_search_locations[0] if s else '')";
    let answer = Command::new(interpreter).args(["-c", QUESTION]).output().ok().filter(|answer| answer.status.success())?;
    let package = String::from_utf8(answer.stdout).ok()?;
    library_in(&Path::new(package.trim_end()).join("capi"))
}

/// The library in a folder: `libonnxruntime.so`, with or without a version behind.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let stem = format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let names_it = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.strip_prefix(&stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            || (name.starts_with("libonnxruntime.") && name.ends_with(std::env::consts::DLL_SUFFIX))
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).filter(names_it).collect();
    found.sort();
    found.pop()
}

/// Loads the first candidate that is fit.
fn load(candidates: &[PathBuf]) -> Result<Loaded, ProcessorError> {
    let mut refusals = Vec::new();
    for path in candidates {
        match version_of(path) {
            Ok(version) => return start(path, &version),
            Err(why) => refusals.push(format!("{}: {why}", path.display())),
        }
    }
    Err(missing(format!("no usable library is found ({}); {REMEDY}", refusals.join("; "))))
}

/// The version of a library, if it is an ONNX Runtime that is fit. It stays loaded: some builds do not survive unloading.
fn version_of(path: &Path) -> Result<String, String> {
    // SAFETY: initialisers of an arbitrary library run; the user named or installed it.
    let library = unsafe { libloading::Library::new(path) }.map_err(|error| error.to_string())?;
    let library = Box::leak(Box::new(library));
    // SAFETY: the type is that of `OrtGetApiBase` in every version of the C interface.
    let base = unsafe { library.get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase") };
    let base = base.map_err(|_| "it is no ONNX Runtime: it has no `OrtGetApiBase`".to_owned())?;
    // SAFETY: as above; the result points to a static table or is null.
    let Some(base) = (unsafe { base().as_ref() }) else { return Err("`OrtGetApiBase` returns nothing".to_owned()) };
    // SAFETY: the table's functions; the version is a static string.
    let version = unsafe { CStr::from_ptr((base.GetVersionString)()) }.to_string_lossy().into_owned();
    if !is_recent(&version) {
        return Err(format!("it is ONNX Runtime {version}, but at least 1.{MINIMUM_MINOR} is needed"));
    }
    // SAFETY: as above; an unknown version gives null.
    let table = unsafe { (base.GetApi)(ort::sys::ORT_API_VERSION) };
    if table.is_null() {
        return Err(format!("ONNX Runtime {version} does not offer version {} of its C interface", ort::sys::ORT_API_VERSION));
    }
    Ok(version)
}

fn is_recent(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    let (major, minor) = (numbers.next().flatten(), numbers.next().flatten());
    matches!((major, minor), (Some(1), Some(minor)) if minor >= MINIMUM_MINOR)
}

fn start(path: &Path, version: &str) -> Result<Loaded, ProcessorError> {
    let described = |why: String| missing(format!("{} (ONNX Runtime {version}) does not start: {why}", path.display()));
    let builder = ort::init_from(path).map_err(|error| described(error.to_string()))?;
    let builder = builder.with_name("socrates").with_telemetry(false);
    let environment = builder.build().map_err(|error| described(error.to_string()))?;
    // What it would log comes back as errors. `ORT_LOG` is the variable of the `ort` crate.
    if std::env::var_os("ORT_LOG").is_none() {
        environment.set_log_level(LogLevel::Fatal);
    }
    if let Err(error) = ort::editor::editor_api() {
        return Err(described(format!("it was built without the model editor ({error})")));
    }
    arena::share(&environment).map_err(|error| described(error.to_string()))?;
    Ok(Loaded { info: LibraryInfo { path: path.to_owned(), version: version.to_owned() }, environment })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_wins_then_python_then_the_loader() {
        let check = |variables: &[(&str, &str)], packages: &[(&str, &str)], expected: &[&str]| {
            let find = |pairs: &[(&str, &str)], key: &str| {
                pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned())
            };
            let found = candidates(
                |name| find(variables, name).map(OsString::from),
                |python| find(packages, &python.to_string_lossy()).map(PathBuf::from),
            );
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(found, expected);
        };
        let packages = [("python3", "/a/libonnxruntime.so.1.30.0"), ("/venv/python", "/b/libonnxruntime.so.1.31.0")];
        check(&[("ORT_DYLIB_PATH", "/c.so")], &packages, &["/c.so"]);
        check(&[("ORT_DYLIB_PATH", "")], &packages, &["/a/libonnxruntime.so.1.30.0", "libonnxruntime.so"]);
        let both = ["/b/libonnxruntime.so.1.31.0", "/a/libonnxruntime.so.1.30.0", "libonnxruntime.so"];
        check(&[("PYTHON", "/venv/python")], &packages, &both);
        check(&[], &[], &["libonnxruntime.so"]);
    }

    #[test]
    fn libraries_that_are_not_fit_are_named_with_what_to_do() {
        let check = |path: &str, expected: &str| {
            let error = load(&[PathBuf::from(path)]).err().expect("not fit");
            assert_eq!(error.kind, crate::ProcessorErrorKind::Missing);
            let error = error.to_string();
            assert!(error.contains(expected) && error.contains("pip install onnxruntime"), "{error}");
        };
        check("/nonexistent/libonnxruntime.so", "/nonexistent/libonnxruntime.so: ");
        // Any other library that is surely there.
        check("libc.so.6", "it is no ONNX Runtime: it has no `OrtGetApiBase`");
    }

    #[test]
    fn versions_are_compared_by_number() {
        for (version, expected) in
            [("1.23.0", true), ("1.31.1", true), ("1.9.0", false), ("1.22.1", false), ("2.0.0", false), ("", false)]
        {
            assert_eq!(is_recent(version), expected, "{version}");
        }
    }
}
