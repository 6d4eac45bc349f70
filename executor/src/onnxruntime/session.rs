//! Sessions: threads, optimisation, execution provider.

use ort::environment::Environment;
use ort::ep::ExecutionProviderDispatch;
use ort::session::Session;
use ort::session::builder::{AutoDevicePolicy, GraphOptimizationLevel, SessionBuilder};
use sim::graph::Graph;
use sim::identifiers::TensorId;

use super::error::error;
use super::library::environment;
use super::model;
use crate::processor::ProcessorError;
use crate::unit::Constants;

/// What sessions of a processor have in common.
#[derive(Clone, Default)]
pub(super) struct SessionSettings {
    /// Cores, one thread on each; the first is the calling thread's.
    pub(super) cores: Vec<usize>,
    /// Execution provider; that of the CPU if `None`.
    pub(super) provider: Option<ExecutionProviderDispatch>,
    /// Whether the CPU may run what the provider does not take; otherwise it fails.
    pub(super) may_fall_back: bool,
    /// Only to learn whether there are kernels: no optimisation.
    pub(super) is_trial: bool,
    /// File to write a profile to, without its extension.
    pub(super) profile: Option<std::path::PathBuf>,
}

impl SessionSettings {
    /// A session for a graph. The constants must outlive it.
    pub(super) fn session(&self, graph: &Graph, constants: &Constants, outputs: &[TensorId]) -> Result<Session, ProcessorError> {
        let builder =
            self.builder(environment()?).map_err(|cause| error("cannot configure a session for", &graph.name, &cause))?;
        let model = model::build(graph, constants, outputs)?;
        model.into_session(&builder).map_err(|cause| error("cannot prepare", &graph.name, &cause))
    }

    /// A builder that a session comes out of by whatever way.
    fn builder(&self, environment: &Environment) -> Result<SessionBuilder, ort::Error> {
        let level =
            if self.is_trial && self.provider.is_none() { GraphOptimizationLevel::Disable } else { GraphOptimizationLevel::All };
        // Providers have threads of their own.
        let threads = if self.is_trial || self.provider.is_some() { 1 } else { self.cores.len().max(1) };
        // The `ort` crate lets the library choose a provider, by default another than the CPU's where there is one.
        let mut builder = SessionBuilder::new(environment)?
            .with_auto_device(AutoDevicePolicy::PreferCPU)?
            .with_optimization_level(level)?
            .with_parallel_execution(false)?
            .with_inter_threads(1)?
            .with_intra_threads(threads)?
            .with_env_allocators()?;
        if threads > 1 {
            // Threads spin inside a run and sleep between runs: spinning on, as is the default, they would keep the cores from the
            // threads of the next unit, which are others.
            builder = builder
                .with_intra_op_spinning(true)?
                .with_config_entry("session.force_spinning_stop", "1")?
                .with_config_entry("session.intra_op_thread_affinities", affinities(&self.cores))?;
        }
        if let Some(provider) = &self.provider {
            builder = builder.with_execution_providers([provider.clone().error_on_failure()])?;
            if !self.may_fall_back {
                builder = builder.with_disable_cpu_fallback()?;
            }
        }
        if let Some(profile) = &self.profile {
            builder = builder.with_profiling(profile)?;
        }
        Ok(builder)
    }
}

/// A session of ONNX Runtime for the bytes of an ONNX file, with as many threads as cores, on those cores, and everything else as
/// the library has it by default: what a processor of this crate is compared with.
pub fn session_of_file(file: &[u8], cores: &[usize]) -> Result<Session, ProcessorError> {
    let environment = environment()?;
    let made = || -> Result<Session, ort::Error> {
        let mut builder = SessionBuilder::new(environment)?.with_intra_threads(cores.len().max(1))?;
        if cores.len() > 1 {
            builder = builder.with_config_entry("session.intra_op_thread_affinities", affinities(cores))?;
        }
        builder.commit_from_memory(file)
    };
    made().map_err(|cause| error("cannot prepare", "ONNX file", &cause))
}

/// Cores of all threads but the calling one, counted from 1 as ONNX Runtime does: `2;3`.
fn affinities(cores: &[usize]) -> String {
    let others: Vec<String> = cores.iter().skip(1).map(|core| (core + 1).to_string()).collect();
    others.join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calling_thread_has_no_affinity_of_its_own() {
        assert_eq!(affinities(&[0, 1, 5]), "2;6");
        assert_eq!(affinities(&[3]), "");
    }
}
