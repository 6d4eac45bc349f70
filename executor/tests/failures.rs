//! What goes wrong on real machines, one case each: told clearly, with what had happened until then.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use executor::builtin::BuiltInProcessor;
use executor::weights::Weights;
use executor::{
    BufferId, Completion, Description, ExecuteError, Executed, HostBuffer, ModelToRun, Opener, Operand, PreparedId, Processor,
    ProcessorError, ProcessorErrorKind, Region, Settings, Unit, execute,
};
use sim::engine::StopReason;
use sim::graph::{Attributes, DataType, DeclaredType, Graph, RawGraph};
use sim::identifiers::ModelId;
use sim::platform::ProcessorKind;
use sim::record::{Outcome, Record};
use sim::strategy::registry;
use sim::task::LoweredModel;
use sim::workload::{Arrivals, Stream};

use support::device;

/// The built-in processor, which fails at the given launch with an error of the given kind, and from then on if it is lost.
struct Failing {
    inner: BuiltInProcessor,
    launches_left: u32,
    kind: ProcessorErrorKind,
}

impl Failing {
    fn error(&self) -> ProcessorError {
        ProcessorError::new(self.kind, "test device", "as the test wants it")
    }
}

impl Processor for Failing {
    fn description(&self) -> &Description {
        self.inner.description()
    }

    fn support(&self, graph: &Graph) -> Result<(), ProcessorError> {
        self.inner.support(graph)
    }

    fn prepare(&mut self, unit: &Unit) -> Result<PreparedId, ProcessorError> {
        self.inner.prepare(unit)
    }

    fn discard(&mut self, prepared: PreparedId) {
        self.inner.discard(prepared);
    }

    fn allocate(&mut self, bytes: usize) -> Result<BufferId, ProcessorError> {
        self.inner.allocate(bytes)
    }

    fn share(&mut self, buffer: &Arc<HostBuffer>) -> Result<BufferId, ProcessorError> {
        self.inner.share(buffer)
    }

    fn release(&mut self, buffer: BufferId) {
        self.inner.release(buffer);
    }

    fn upload(&mut self, source: &HostBuffer, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        self.inner.upload(source, from, target, to)
    }

    fn download(&mut self, source: BufferId, from: Region, target: &HostBuffer, to: Region) -> Result<(), ProcessorError> {
        self.inner.download(source, from, target, to)
    }

    fn copy(&mut self, source: BufferId, from: Region, target: BufferId, to: Region) -> Result<(), ProcessorError> {
        self.inner.copy(source, from, target, to)
    }

    fn map(&mut self, buffer: BufferId) -> Result<(), ProcessorError> {
        self.inner.map(buffer)
    }

    fn unmap(&mut self, buffer: BufferId) -> Result<(), ProcessorError> {
        self.inner.unmap(buffer)
    }

    fn launch(&mut self, prepared: PreparedId, inputs: &[Operand], outputs: &[Operand]) -> Result<(), ProcessorError> {
        if self.launches_left == 0 {
            return Err(self.error());
        }
        self.launches_left -= 1;
        self.inner.launch(prepared, inputs, outputs)
    }

    fn wait(&mut self) -> Result<Completion, ProcessorError> {
        self.inner.wait()
    }
}

fn graph(op_type: &str) -> Graph {
    let mut raw = RawGraph::new("small")
        .with_input("x", &[1, 8, 6, 6])
        .with_weight("w", &[8, 8, 3, 3])
        .with_operator("Conv", &["x", "w"], &["y"], Attributes::new())
        .with_operator(op_type, &["y"], &["z"], Attributes::new())
        .with_output("z");
    raw.opset_version = Some(16);
    // For operators whose shapes cannot be inferred.
    raw.declared.insert("z".to_owned(), DeclaredType { data_type: DataType::Float32, shape: vec![1, 8] });
    raw.build().expect("valid")
}

fn run(graph: &Graph, requests: u64, opener: Opener<'_>) -> Result<Executed, ExecuteError> {
    let device = device(&[("cpu0", ProcessorKind::CpuCluster, false)]);
    let lowered = LoweredModel::of(graph, &device);
    let weights = Weights::drawn();
    let models = [ModelToRun { name: "small", graph, lowered: &lowered, weights: &weights }];
    let streams = vec![Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 1, think_ns: 0 }, Some(requests))];
    let settings = Settings { warm_up: 0, ..Settings::default() };
    let mut strategy = registry::build("cpu").expect("known");
    execute(&device, &models, streams, strategy.as_mut(), vec![opener], &settings, &AtomicBool::new(false))
}

fn failing(launches_left: u32, kind: ProcessorErrorKind) -> Opener<'static> {
    Box::new(move || {
        let inner = BuiltInProcessor::open(&[0])?;
        Ok(Box::new(Failing { inner, launches_left, kind }) as Box<dyn Processor>)
    })
}

#[test]
fn a_device_that_fails_during_a_run_stops_it_and_what_happened_is_kept() {
    for kind in [ProcessorErrorKind::Lost, ProcessorErrorKind::OutOfMemory, ProcessorErrorKind::Failed] {
        let executed = run(&graph("Relu"), 10, failing(3, kind)).expect("the run began");
        let StopReason::Failed(why) = &executed.summary.stop else { panic!("{:?}", executed.summary.stop) };
        assert_eq!(why, "worker `cpu0`: test device: as the test wants it");
        assert_eq!((executed.summary.arrived, executed.summary.completed), (4, 3));
        let outcomes: Vec<Outcome> = executed
            .records
            .iter()
            .filter_map(|record| if let Record::Request(it) = record { Some(it.outcome) } else { None })
            .collect();
        assert_eq!(outcomes, [Outcome::Completed, Outcome::Completed, Outcome::Completed, Outcome::Unfinished]);
    }
}

#[test]
fn a_processor_that_cannot_be_opened_is_told_before_anything_runs() {
    let missing = || ProcessorError::new(ProcessorErrorKind::Missing, "OpenCL", "no driver: install one");
    let error = run(&graph("Relu"), 1, Box::new(move || Err(missing()))).expect_err("no processor");
    assert_eq!(error.to_string(), "worker `cpu0`: OpenCL: no driver: install one");
}

#[test]
fn an_operator_that_the_processor_refuses_is_named() {
    let opener: Opener<'_> = Box::new(|| Ok(Box::new(BuiltInProcessor::open(&[0])?)));
    let error = run(&graph("Det"), 1, opener).expect_err("no kernel for determinants").to_string();
    assert!(error.contains("worker `cpu0`") && error.contains("Det"), "{error}");
}

#[test]
fn a_run_that_is_asked_to_stop_stops() {
    let graph = graph("Relu");
    let device = device(&[("cpu0", ProcessorKind::CpuCluster, false)]);
    let lowered = LoweredModel::of(&graph, &device);
    let weights = Weights::drawn();
    let models = [ModelToRun { name: "small", graph: &graph, lowered: &lowered, weights: &weights }];
    let endless = vec![Stream::new(ModelId(0), Arrivals::Periodic { period_ns: 1_000_000, phase_ns: 0 }, None)];
    let settings = Settings { warm_up: 0, horizon_ns: Some(30_000_000), ..Settings::default() };
    let run = |interrupt: bool, streams| {
        let mut strategy = registry::build("cpu").expect("known");
        let opener: Opener<'_> = Box::new(|| Ok(Box::new(BuiltInProcessor::open(&[0])?)));
        let flag = AtomicBool::new(interrupt);
        execute(&device, &models, streams, strategy.as_mut(), vec![opener], &settings, &flag).expect("runs").summary
    };
    let at_the_horizon = run(false, endless);
    assert_eq!(at_the_horizon.stop, StopReason::Horizon);
    assert!((25..=31).contains(&at_the_horizon.arrived), "{}", at_the_horizon.arrived);
    let endless = vec![Stream::new(ModelId(0), Arrivals::Periodic { period_ns: 1_000_000, phase_ns: 0 }, None)];
    assert_eq!(run(true, endless).stop, StopReason::Interrupted);
}
