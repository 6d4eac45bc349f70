//! Which operators have kernels: asked from ONNX Runtime itself, one operator at a time, and remembered.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;

use sim::graph::{DataType, Graph, Operator, RawGraph};

use super::error::unsupported;
use super::model;
use super::session::SessionSettings;
use crate::processor::{ProcessorError, ProcessorErrorKind};
use crate::tensor::Tensor;
use crate::unit::{Constants, cut_out};

/// Answers so far.
pub(super) struct Trials {
    settings: SessionSettings,
    answers: RefCell<BTreeMap<String, Result<(), ProcessorError>>>,
}

impl Trials {
    pub(super) fn new(settings: &SessionSettings) -> Self {
        let settings = SessionSettings { is_trial: true, ..settings.clone() };
        Self { settings, answers: RefCell::default() }
    }

    /// Refuses a graph with an operator that has no kernel; names the first.
    pub(super) fn support(&self, graph: &Graph) -> Result<(), ProcessorError> {
        model::check(graph)?;
        graph.operators().iter().try_for_each(|operator| self.operator(graph, operator))
    }

    fn operator(&self, graph: &Graph, operator: &Operator) -> Result<(), ProcessorError> {
        let key = self.key(graph, operator);
        if let Some(answer) = self.answers.borrow().get(&key) {
            return answer.clone();
        }
        let answer = self.ask(graph, operator);
        self.answers.borrow_mut().insert(key, answer.clone());
        answer
    }

    /// All that the answer depends on. Kernels of the CPU are chosen by type, operator set, element types and attributes,
    /// never by sizes; other providers may look at anything.
    fn key(&self, graph: &Graph, operator: &Operator) -> String {
        let mut key = format!("{}.{} {:?} {:?}", operator.domain, operator.op_type, graph.opset_version, operator.attributes);
        for id in operator.inputs.iter().map(Option::as_ref).chain(operator.outputs.iter().map(Some)) {
            let Some(tensor) = id.map(|&id| graph.tensor(id)) else {
                key.push_str(" -");
                continue;
            };
            let shape = if self.settings.provider.is_some() { tensor.shape.as_slice() } else { &[] };
            let data = tensor.data.as_ref().filter(|_| self.settings.provider.is_some());
            let _ = write!(key, " {} {} {shape:?} {data:?}", tensor.data_type, tensor.shape.len());
        }
        key
    }

    fn ask(&self, graph: &Graph, operator: &Operator) -> Result<(), ProcessorError> {
        let raw = cut_out(graph, &[operator.id], &operator.outputs);
        let (name, op_type) = (&operator.name, &operator.op_type);
        let refused = |why: &str| unsupported(format!("operator `{name}` of type {op_type}: {why}"));
        let (raw, mut values) = self.with_constants(raw);
        let cut = raw.build().map_err(|cause| refused(&cause.to_string()))?;
        let constants: Constants =
            cut.tensors().iter().filter_map(|tensor| Some((tensor.id, values.remove(&tensor.name)?))).collect();
        match self.settings.session(&cut, &constants, cut.outputs()) {
            Ok(_) => Ok(()),
            Err(error) if error.kind == ProcessorErrorKind::OutOfMemory => Err(error),
            Err(error) => Err(refused(&error.message)),
        }
    }

    /// Constants with known values keep them. The CPU takes the others as inputs, so that nothing large is made; other
    /// providers insist on constants, and get zeros.
    fn with_constants(&self, mut raw: RawGraph) -> (RawGraph, BTreeMap<String, Tensor>) {
        let mut values = BTreeMap::new();
        for tensor in std::mem::take(&mut raw.initializers) {
            let known = tensor.data.as_ref().and_then(|data| Tensor::from_constant(tensor.data_type, &tensor.shape, data));
            let zeros = || Tensor::zeros(tensor.data_type, &tensor.shape);
            let is_wanted = self.settings.provider.is_some() && tensor.data_type != DataType::String;
            match known.or_else(|| is_wanted.then(zeros)) {
                Some(value) => {
                    values.insert(tensor.name.clone(), value);
                    raw.initializers.push(tensor);
                }
                None => raw.inputs.push(tensor),
            }
        }
        (raw, values)
    }
}
