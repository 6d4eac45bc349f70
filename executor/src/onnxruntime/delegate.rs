//! Delegates: whole sub-graphs on an execution provider of ONNX Runtime.

use ort::ep::ExecutionProviderDispatch;
use ort::session::builder::SessionBuilder;

use super::error::missing;
use super::library::{environment, library};
use super::processor::OnnxRuntimeProcessor;
use super::session::SessionSettings;
use crate::processor::ProcessorError;

/// Opens delegates.
///
/// A delegate takes a unit as a whole or refuses it: sessions are made without fallback to the CPU. Which operators it supports
/// is asked from the provider itself, by sessions of one operator, whose answers are kept.
#[derive(Clone, Copy, Debug)]
pub struct DelegateProcessor;

impl DelegateProcessor {
    /// A processor on an execution provider, named in lower case as its cargo feature; `cores` are those of the thread that
    /// drives it, which whoever opens it has pinned.
    ///
    /// Fails with kind `Missing` if the program was built without the feature, or the library without the provider, or if the
    /// provider finds no device.
    pub fn open(provider: &str, cores: &[usize]) -> Result<OnnxRuntimeProcessor, ProcessorError> {
        let Some(dispatch) = dispatch(provider, cores.len().max(1)) else {
            let built = built_in();
            let built = if built.is_empty() { "none".to_owned() } else { built.join(", ") };
            return Err(missing(format!(
                "execution provider `{provider}` is not built in: build with `--features executor/{provider}` (built in: {built})"
            )));
        };
        let library = library()?;
        // Registers it for nothing, to learn whether it is there.
        let registered = SessionBuilder::new(environment()?)
            .and_then(|builder| Ok(builder.with_execution_providers([dispatch.clone().error_on_failure()])?));
        if let Err(cause) = registered {
            let path = library.path.display();
            return Err(missing(format!("execution provider `{provider}` cannot be used by {path}: {cause}")));
        }
        let settings = SessionSettings { cores: cores.to_vec(), provider: Some(dispatch), ..SessionSettings::default() };
        OnnxRuntimeProcessor::with_settings(settings, provider.to_owned())
    }
}

/// The execution provider of a name, if it is built in; `threads` for those that compute on the CPU.
#[cfg_attr(not(any(feature = "openvino", feature = "xnnpack")), expect(unused_variables, reason = "for CPU providers"))]
fn dispatch(provider: &str, threads: usize) -> Option<ExecutionProviderDispatch> {
    match provider {
        #[cfg(feature = "coreml")]
        "coreml" => Some(ort::ep::CoreML::default().build()),
        #[cfg(feature = "cuda")]
        "cuda" => Some(ort::ep::CUDA::default().build()),
        #[cfg(feature = "nnapi")]
        "nnapi" => Some(ort::ep::NNAPI::default().build()),
        #[cfg(feature = "openvino")]
        "openvino" => Some(ort::ep::OpenVINO::default().with_device_type("CPU").with_num_threads(threads).build()),
        #[cfg(feature = "qnn")]
        "qnn" => Some(ort::ep::QNN::default().build()),
        #[cfg(feature = "webgpu")]
        "webgpu" => Some(ort::ep::WebGPU::default().build()),
        #[cfg(feature = "xnnpack")]
        "xnnpack" => Some(ort::ep::XNNPACK::default().with_intra_op_num_threads(std::num::NonZeroUsize::new(threads)?).build()),
        _ => None,
    }
}

/// Names of the providers that are built in.
fn built_in() -> Vec<&'static str> {
    ["coreml", "cuda", "nnapi", "openvino", "qnn", "webgpu", "xnnpack"]
        .into_iter()
        .filter(|name| dispatch(name, 1).is_some())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_that_are_not_built_in_are_named() {
        let error = DelegateProcessor::open("abacus", &[]).err().expect("no such provider");
        assert_eq!(error.kind, crate::ProcessorErrorKind::Missing);
        assert!(error.to_string().contains("execution provider `abacus` is not built in"), "{error}");
    }
}
