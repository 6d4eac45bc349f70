//! Outcomes that nobody here computed: published schedules and closed forms.

mod common;

use proptest::prelude::*;
use sim::engine::{Due, Model, Options, Sharing, StopReason, Variation, simulate};
use sim::identifiers::{DataId, ModelId, TaskId, WorkerId};
use sim::plan::{Plan, PlanError};
use sim::platform::ProcessorKind;
use sim::record::{NoRecorder, Record};
use sim::strategy::{Cpop, DeviceView, Heft, Job, Peft, Strategy};
use sim::task::{CostTable, KernelCost, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

struct Given(Plan);

impl Strategy for Given {
    fn plan(&mut self, _job: &Job<'_>, _view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        Ok(self.0.clone())
    }
}

/// Simulated length of a strategy's schedule of tasks with one data item an edge `(from, to, ns)` on three processors.
fn length(strategy: &mut dyn Strategy, costs: &[[u64; 3]], edges: &[(usize, usize, u64)]) -> u64 {
    // One byte takes one nanosecond; each edge is a data item of its own.
    let device = common::simple_device(&[ProcessorKind::CpuCluster; 3], 0, 1e9);
    let mut builder = TaskGraphBuilder::new();
    let mut item: Vec<DataId> = Vec::new();
    for task in 0..costs.len() {
        let reads: Vec<DataId> = edges.iter().zip(&item).filter(|(edge, _)| edge.1 == task).map(|(_, &data)| data).collect();
        let makes: Vec<u64> = edges.iter().filter(|edge| edge.0 == task).map(|edge| edge.2).collect();
        let (_, first) = builder.task(&reads, &makes);
        item.extend((0..makes.len()).map(|offset| DataId::from_index(first.index() + offset)));
    }
    let tasks = builder.build().expect("topological order");
    let table = costs.iter().flatten().map(|&ns| Some(KernelCost::of_duration(ns))).collect();
    let costs = CostTable::new(3, table);
    let models = [Model { name: "published", tasks: &tasks, costs: &costs }];
    let stream = Stream::new(ModelId(0), Arrivals::Recorded(vec![0]), Some(1));
    simulate(&device, &models, vec![stream], strategy, &Options::default(), &mut NoRecorder).expect("plans").end_ns
}

/// The worked example of Topcuoglu, Hariri and Wu (2002): ten tasks, three processors; HEFT's length is 80, CPOP's 86.
#[test]
fn heft_and_cpop_reach_the_published_schedule_lengths() {
    let costs = [
        [14, 16, 9],
        [13, 19, 18],
        [11, 13, 19],
        [13, 8, 17],
        [12, 13, 10],
        [13, 16, 9],
        [7, 15, 11],
        [5, 11, 14],
        [18, 12, 20],
        [21, 7, 16],
    ];
    let edges = [
        (0, 1, 18),
        (0, 2, 12),
        (0, 3, 9),
        (0, 4, 11),
        (0, 5, 14),
        (1, 7, 19),
        (1, 8, 16),
        (2, 6, 23),
        (3, 7, 27),
        (3, 8, 23),
        (4, 8, 13),
        (5, 7, 15),
        (6, 9, 17),
        (7, 9, 11),
        (8, 9, 13),
    ];
    assert_eq!(length(&mut Heft::default(), &costs, &edges), 80);
    assert_eq!(length(&mut Cpop::default(), &costs, &edges), 86);
}

/// The worked example of Arabnejad and Barbosa (2014): PEFT's length is 122, HEFT's 133.
#[test]
fn peft_reaches_the_published_schedule_length() {
    let costs = [
        [22, 21, 36],
        [22, 18, 18],
        [32, 27, 43],
        [7, 10, 4],
        [29, 27, 35],
        [26, 17, 24],
        [14, 25, 30],
        [29, 23, 36],
        [15, 21, 8],
        [13, 16, 33],
    ];
    let edges = [
        (0, 1, 17),
        (0, 2, 31),
        (0, 3, 29),
        (0, 4, 13),
        (0, 5, 7),
        (1, 7, 3),
        (1, 8, 30),
        (2, 6, 16),
        (3, 7, 11),
        (3, 8, 7),
        (4, 8, 57),
        (5, 7, 5),
        (6, 9, 9),
        (7, 9, 42),
        (8, 9, 7),
    ];
    assert_eq!(length(&mut Peft::default(), &costs, &edges), 122);
    assert_eq!(length(&mut Heft::default(), &costs, &edges), 133);
}

/// Mean time in system of a single server at the given load, in mean service times, over some seeds.
fn mean_time_in_system(load: f64, variation: Variation) -> f64 {
    const SEEDS: u64 = 8;
    (0..SEEDS).map(|seed| mean_time_of_one_run(load, variation, seed)).sum::<f64>() / SEEDS as f64
}

fn mean_time_of_one_run(load: f64, variation: Variation, seed: u64) -> f64 {
    let device = common::simple_device(&[ProcessorKind::CpuCluster], 0, 1e9);
    let mut builder = TaskGraphBuilder::new();
    let (task, _) = builder.task(&[], &[]);
    let tasks = builder.build().expect("one task");
    let costs = CostTable::new(1, vec![Some(KernelCost::of_duration(1_000_000))]);
    let mut plan = Plan::new();
    plan.segment(Some(WorkerId(0)), [task]);
    let models = [Model { name: "customer", tasks: &tasks, costs: &costs }];
    let arrivals = Arrivals::Poisson { mean_gap_ns: 1e6 / load };
    let options = Options { seed, variation, ..Options::default() };
    let mut records: Vec<Record> = Vec::new();
    let customers = 200_000;
    let stream = Stream::new(ModelId(0), arrivals, Some(customers));
    simulate(&device, &models, vec![stream], &mut Given(plan), &options, &mut records).expect("plans");
    let total: u64 =
        records.iter().filter_map(|it| if let Record::Request(it) = it { Some(it.ended_ns - it.arrived_ns) } else { None }).sum();
    total as f64 / customers as f64 / 1e6
}

/// M/M/1: 1 / (1 - load). M/D/1 (Pollaczek-Khinchine): 1 + load / (2 (1 - load)).
///
/// At load 0.8 the means of 40 single runs of this length deviate by 1.8 % (M/M/1) and 1.1 % (M/D/1), so that the mean of eight has a
/// standard error of 0.6 %: three per cent are nearly five of these.
#[test]
fn single_server_queues_follow_pollaczek_and_khinchine() {
    for load in [0.3, 0.6, 0.8] {
        let exponential = mean_time_in_system(load, Variation::Exponential);
        assert!((exponential * (1.0 - load) - 1.0).abs() < 0.03, "M/M/1 at {load}: {exponential}");
        let deterministic = mean_time_in_system(load, Variation::None);
        let expected = 1.0 + load / (2.0 * (1.0 - load));
        assert!((deterministic / expected - 1.0).abs() < 0.03, "M/D/1 at {load}: {deterministic} instead of {expected}");
    }
}

/// Times at the end of the range stop a run; they do not wrap.
#[test]
fn the_end_of_time_is_a_horizon() {
    let device = common::simple_device(&[ProcessorKind::CpuCluster], 0, 1e9);
    let mut builder = TaskGraphBuilder::new();
    let (task, _) = builder.task(&[], &[]);
    let tasks = builder.build().expect("one task");
    let costs = CostTable::new(1, vec![Some(KernelCost::of_duration(u64::MAX - 1))]);
    let mut plan = Plan::new();
    plan.segment(Some(WorkerId(0)), [task]);
    let models = [Model { name: "long", tasks: &tasks, costs: &costs }];
    let arrivals = [
        Arrivals::Recorded(vec![0, u64::MAX - 5]),
        Arrivals::Periodic { period_ns: u64::MAX, phase_ns: 7 },
        Arrivals::ClosedLoop { clients: 2, think_ns: u64::MAX },
        Arrivals::Poisson { mean_gap_ns: 1e300 },
    ];
    for arrivals in arrivals {
        let stream = Stream::new(ModelId(0), arrivals, Some(3));
        let options = Options::default();
        let mut strategy = Given(plan.clone());
        let summary = simulate(&device, &models, vec![stream], &mut strategy, &options, &mut NoRecorder).expect("plans");
        assert_eq!((summary.stop, summary.completed), (StopReason::Horizon, 0));
    }
}

/// Two copies over one link of a shared channel, by hand: the first alone until the second comes, then half each.
#[test]
fn two_flows_share_a_channel_by_halves() {
    let mut sharing: Sharing<char> = Sharing::new(vec![1e9]);
    let mut due: Vec<Due<char>> = Vec::new();
    sharing.join(0, 'a', 100.0, (1e9, 100), [(0, 1.0)].into_iter());
    sharing.settle(0, |it| due.push(it));
    assert_eq!((due[0].key, due[0].at_ns), ('a', 100));
    sharing.join(40, 'b', 100.0, (1e9, 100), [(0, 1.0)].into_iter());
    due.clear();
    sharing.settle(40, |it| due.push(it));
    // 60 bytes left at half the rate: 120 ns more. The other would take 200 ns at that rate.
    assert_eq!(due.iter().map(|it| (it.key, it.at_ns)).collect::<Vec<_>>(), [('a', 160), ('b', 240)]);
    sharing.leave('a');
    due.clear();
    sharing.settle(160, |it| due.push(it));
    assert_eq!((due[0].key, due[0].at_ns), ('b', 200));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// The characterisation of max-min fairness: feasible, and each member is at its own limit or uses a full channel on
    /// which nobody has more.
    #[test]
    fn allocations_are_max_min_fair(
        capacity in prop::collection::vec(1..100u32, 1..4),
        members in prop::collection::vec((1..100u32, prop::collection::btree_set(0..4u32, 1..4)), 1..8),
    ) {
        let capacity: Vec<f64> = capacity.into_iter().map(f64::from).collect();
        let mut sharing: Sharing<usize> = Sharing::new(capacity.clone());
        for (key, (limit, channels)) in members.iter().enumerate() {
            let mut uses: Vec<u32> = channels.iter().map(|channel| channel % capacity.len() as u32).collect();
            uses.sort_unstable();
            uses.dedup();
            sharing.join(0, key, 1e3, (f64::from(*limit), 1), uses.into_iter().map(|channel| (channel, 1.0)));
        }
        sharing.settle(0, |_| {});
        let rates: Vec<(usize, f64, Vec<u32>)> =
            sharing.rates().map(|(key, rate, uses)| (key, rate, uses.iter().map(|it| it.0).collect())).collect();
        let load = |channel: u32| rates.iter().filter(|it| it.2.contains(&channel)).map(|it| it.1).sum::<f64>();
        for (channel, capacity) in capacity.iter().enumerate() {
            prop_assert!(load(channel as u32) <= capacity * (1.0 + 1e-9));
        }
        for (key, rate, uses) in &rates {
            let limit = f64::from(members[*key].0);
            prop_assert!(*rate <= limit && *rate > 0.0);
            let bottleneck = uses.iter().any(|&channel| {
                load(channel) >= capacity[channel as usize] * (1.0 - 1e-9)
                    && rates.iter().all(|other| !other.2.contains(&channel) || other.1 <= rate * (1.0 + 1e-9))
            });
            prop_assert!(*rate >= limit || bottleneck, "{key} gets {rate} of {limit} without a bottleneck");
        }
    }

    /// HEFT's own schedule, on a device without contention, is what the engine then simulates: as early or earlier.
    #[test]
    fn simulated_heft_is_a_valid_schedule((device, tasks, costs) in common::system()) {
        let job = Job { model: ModelId(0), name: "random", tasks: &tasks, costs: &costs };
        let view = DeviceView { device: &device, jobs: &[job], seed: 0 };
        match Heft::default().plan(&job, &view) {
            Ok(plan) => {
                let program = sim::plan::Program::compile(&plan, &tasks, &costs);
                prop_assert!(program.is_ok(), "{program:?}");
                let placed: Vec<TaskId> = plan.all_pieces().iter().map(|piece| piece.task).collect();
                prop_assert_eq!(placed.len(), tasks.task_count());
            }
            Err(PlanError::Unplaceable { .. }) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
