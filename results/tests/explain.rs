//! `explain`: a chain on the GPU with one operator that falls back to the CPU, by hand.

mod common;

use results::explain::{Explanation, Selection, render, select};
use results::placement::{Placement, Why, placements};
use results::{Choice, ModelInfo, Origin, RunResult, TaskInfo, report};
use sim::engine::{Model, Options, simulate};
use sim::identifiers::{ModelId, TaskId, WorkerId};
use sim::plan::{Part, Piece, Plan, PlanError};
use sim::record::Record;
use sim::strategy::{DeviceView, Job, Strategy};
use sim::task::{CostTable, KernelCost, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

const BIG: WorkerId = WorkerId(1);
const GPU: WorkerId = WorkerId(3);

/// `input -> conv -> nms -> sort -> dense`, where the GPU runs neither `nms` nor `sort`; `dense` is split.
struct Chain;

impl Strategy for Chain {
    fn plan(&mut self, _: &Job<'_>, _: &DeviceView<'_>) -> Result<Plan, PlanError> {
        let mut plan = Plan::new();
        plan.segment(Some(GPU), [TaskId(0)]);
        plan.segment(Some(BIG), [TaskId(1), TaskId(2)]);
        let half = |begin, end| Piece { task: TaskId(3), part: Part::Channels { begin, end, of: 4 } };
        plan.segment_of_pieces(Some(GPU), [half(0, 3)]);
        plan.segment_of_pieces(Some(BIG), [half(3, 4)]);
        Ok(plan)
    }
}

fn graph() -> TaskGraph {
    let mut builder = TaskGraphBuilder::new();
    let input = builder.request_input(4_000);
    let (_, conv) = builder.task(&[input], &[10_000]);
    let (_, nms) = builder.task(&[conv], &[2_000]);
    let (_, sort) = builder.task(&[nms], &[2_000]);
    let (_, dense) = builder.task(&[sort], &[400]);
    builder.output(dense);
    builder.build().expect("a chain")
}

fn costs() -> CostTable {
    let rows: [[Option<u64>; 5]; 4] = [
        [Some(900_000), Some(500_000), Some(400_000), Some(100_000), Some(50_000)],
        [Some(40_000), Some(30_000), Some(60_000), None, None],
        [Some(30_000), Some(20_000), Some(15_000), None, None],
        [Some(90_000), Some(60_000), Some(50_000), Some(20_000), None],
    ];
    CostTable::new(5, rows.into_iter().flatten().map(|cost| cost.map(KernelCost::of_duration)).collect())
}

fn task(name: &str, gpu: Option<&str>, gpu_ns: Option<u64>, costs: &CostTable, index: u32) -> TaskInfo {
    let choices = (0..5).map(WorkerId).map(|worker| {
        let expected_ns = costs.duration_ns(TaskId(index), worker);
        match (expected_ns, worker) {
            (None, GPU) => Choice { refusal: gpu.map(str::to_owned), expected_ns: gpu_ns, extrapolated: false },
            (None, _) => Choice { refusal: Some("not in its list".into()), expected_ns: None, extrapolated: false },
            _ => Choice { refusal: None, expected_ns, extrapolated: worker.0 == 4 },
        }
    });
    TaskInfo { name: name.into(), operators: vec![format!("/{name}")], kind: name.to_uppercase(), choices: choices.collect() }
}

fn placement() -> Placement {
    let (device, tasks, costs) = (common::small::device(), graph(), costs());
    let model = Model { name: "detector", tasks: &tasks, costs: &costs };
    let infos = [ModelInfo {
        model,
        tasks: vec![
            task("conv", None, None, &costs, 0),
            task("nms", Some("dynamic shape"), Some(25_000), &costs, 1),
            task("sort", Some("no such kernel"), Some(5_000), &costs, 2),
            task("dense", None, None, &costs, 3),
        ],
        primary: vec![GPU],
    }];
    let mut records: Vec<Record> = Vec::new();
    let arrivals = Arrivals::ClosedLoop { clients: 1, think_ns: 0 };
    let streams = vec![Stream::new(ModelId(0), arrivals, Some(4))];
    let models = [model];
    let summary = simulate(&device, &models, streams, &mut Chain, &Options::default(), &mut records).expect("a valid plan");
    let report = report(&device, &infos, &records, summary.end_ns).expect("consistent");
    let run = RunResult {
        case: "demo",
        strategy: "gpu",
        origin: Origin::Simulated,
        seed: 0,
        device: &device,
        models: &infos,
        records: &records,
        summary: &summary,
        report: &report,
    };
    placements(&run).remove(0)
}

#[test]
fn why_each_task_ran_where_it_ran() {
    let placement = placement();
    let why: Vec<&Why> = placement.tasks.iter().map(|task| &task.why).collect();
    let fallback = |refusal: &str| Why::Fallback { primary: "gpu".into(), refusal: refusal.into() };
    // GPU: 100 us and copies of 3,340 and 6,234 ns. NPU: 50 us and copies of 340 and 9,400 ns.
    let choice = Why::Choice { faster: "npu".into(), gain_ns: 49_834 };
    let split = Why::Split(vec!["big.2".into(), "gpu".into()]);
    assert_eq!(why, [&choice, &fallback("dynamic shape"), &fallback("no such kernel"), &split]);
    assert_eq!(placement.requests, 4);
}

#[test]
fn what_fallback_cost() {
    let placement = placement();
    let [_, nms, sort, dense] = placement.tasks.as_slice() else { panic!("four tasks") };
    let copy_ns = |from: usize, to: usize, bytes: u64| {
        let device = common::small::device();
        let [from, to] =
            [from, to].map(|memory| device.memories().iter().position(|it| it.name == ["host", "gpu memory"][memory]));
        let id = |index: Option<usize>| sim::identifiers::MemoryId::from_index(index.expect("a memory"));
        device.copy_ns(id(from), id(to), bytes) as f64
    };
    // The result of conv comes from the GPU to nms; the result of sort goes back.
    let [nms_cost, sort_cost, dense_cost] = [nms, sort, dense].map(|task| task.fallback.expect("it fell back"));
    assert!((nms_cost.copies.copy_ns - copy_ns(1, 0, 10_000)).abs() < 2.0, "{nms_cost:?}");
    assert!((sort_cost.copies.copy_ns - copy_ns(0, 1, 2_000)).abs() < 2.0, "{sort_cost:?}");
    assert!(dense_cost.copies.copy_ns.abs() < 1e-9, "{dense_cost:?}");
    // One invocation of `big.2` for the two of them: it is the first one's.
    assert!((nms_cost.invocation_ns - 700.0).abs() < 1e-9 && sort_cost.invocation_ns.abs() < 1e-9);
    assert_eq!([nms_cost, sort_cost].map(|cost| cost.slower_ns), [Some(5_000.0), Some(15_000.0)]);
    // A quarter of dense: 15 us on `big.2`, 5 us on the GPU.
    assert_eq!(dense_cost.slower_ns, Some(10_000.0));
    let all = placement.fallback.expect("some fell back");
    assert_eq!((all.tasks, all.slower_ns), (3, Some(30_000.0)));
}

#[test]
fn text_for_people() {
    let explanation = select(vec![placement()], &Selection::default()).expect("everything");
    let expected = "\
model detector | case demo | strategy gpu
simulated | 4 requests | meant to run on: gpu
task  name   kind   ran on                      run ms  alone ms  queued ms  invoked ms  copies in ms  why
0     conv   CONV   gpu                          0.100     0.100      0.000       0.005         0.003  the strategy's choice (npu: 0.050 ms faster when idle)
1     nms    NMS    big.2                        0.030     0.030      0.000       0.001         0.006  fallback: gpu cannot run it (dynamic shape)
2     sort   SORT   big.2                        0.020     0.020      0.000       0.000         0.000  fallback: gpu cannot run it (no such kernel)
3     dense  DENSE  big.2 (channels 3..4 of 4)   0.015     0.015      0.000       0.000         0.003  split over big.2 and gpu
                    gpu (channels 0..3 of 4)     0.015     0.015      0.000       0.005
request: 0.191 ms = kernels 0.180 + invocations 0.011 + copies in 0.012 + output copies 0.003 - 0.015 at the same time
fallback: 3 tasks; for each request 0.040 ms = 2.0 copies 0.009 ms (12000 bytes), invocations 0.001 ms, kernels +0.030 ms against the primary worker
";
    let found = render(&explanation);
    assert_eq!(found, expected, "found\n{found}");
}

#[test]
fn selections() {
    let select_task = |task: &str| select(vec![placement()], &Selection { task: Some(task.into()), ..Selection::default() });
    let Explanation { placements, detailed } = select_task("/nms").expect("an operator");
    assert!(detailed && placements[0].tasks.len() == 1 && placements[0].tasks[0].task == 1);
    let text = render(&Explanation { placements, detailed });
    assert!(text.contains("gpu             no: dynamic shape       0.025"), "{text}");
    let error = select(Vec::new(), &Selection::default()).expect_err("no runs").to_string();
    assert_eq!(error, "the results are of no runs: there is nothing to explain");
    let error = select_task("pool").expect_err("no such task").to_string();
    assert_eq!(error, "nothing of task `pool`: there is `conv`, `dense`, `nms`, `sort`");
    let selection = Selection { strategy: Some("heft".into()), ..Selection::default() };
    let error = select(vec![placement()], &selection).expect_err("no such strategy").to_string();
    assert_eq!(error, "nothing of strategy `heft`: there is `gpu`");
}
