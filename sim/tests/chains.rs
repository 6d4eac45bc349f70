//! Chains: parts by rows that recompute their halo. What a kernel reads is in its worker's memory when it starts.

mod common;

use proptest::prelude::*;
use sim::engine::{Model, Options, StopReason, simulate_programs};
use sim::identifiers::{DataId, ModelId, TaskId, WorkerId};
use sim::plan::{Launch, NO_SEGMENT, Part, Piece, Plan, PlanError, Program, cut_chain};
use sim::platform::ProcessorKind;
use sim::record::Record;
use sim::task::{CostTable, KernelCost, RowAccess, Splits, TaskGraph, TaskGraphBuilder};
use sim::workload::{Arrivals, Stream};

/// Rows of every data item: windows keep them, as convolutions with padding do.
const ROWS: u32 = 24;
const BYTES_OF_ROW: u64 = 10;

/// A network of tasks that each read the one before through a window, and some an earlier one row by row.
fn network(windows: &[(u32, Option<usize>)]) -> TaskGraph {
    let mut builder = TaskGraphBuilder::new();
    let mut data = vec![builder.request_input(u64::from(ROWS) * BYTES_OF_ROW)];
    builder.rows(data[0], ROWS);
    for &(extent, also) in windows {
        let last = *data.last().expect("the input");
        let earlier = also.map(|back| data[data.len().saturating_sub(back + 2)]).filter(|&earlier| earlier != last);
        let reads: Vec<DataId> = std::iter::once(last).chain(earlier).collect();
        let (task, made) = builder.task(&reads, &[u64::from(ROWS) * BYTES_OF_ROW]);
        builder.splits(task, Splits { rows: ROWS, channels: 0 });
        builder.row_access(task, last, RowAccess::Window { stride: 1, extent, pad_top: extent / 2 });
        if let Some(earlier) = earlier {
            builder.row_access(task, earlier, RowAccess::SAME);
        }
        builder.rows(made, ROWS);
        data.push(made);
    }
    builder.output(*data.last().expect("the input"));
    builder.build().expect("topological order")
}

/// Chains of random lengths and shares over two workers, whole tasks and cuts without chains between them.
fn plan(tasks: &TaskGraph, choices: &[(usize, u32, u8)]) -> Plan {
    let mut plan = Plan::new();
    let all: Vec<TaskId> = tasks.tasks().collect();
    let mut at = 0;
    for &(length, tenths, kind) in choices.iter().cycle() {
        let chain = &all[at..(at + length).min(all.len())];
        let (one, other) = (WorkerId(u32::from(kind % 2)), WorkerId(u32::from(1 - kind % 2)));
        match (kind / 2, cut_chain(tasks, chain, f64::from(tenths) / 10.0)) {
            (0, _) | (_, None) => {
                plan.segment(Some(one), chain.iter().copied());
            }
            (1, Some(halves)) => {
                for (worker, half) in [one, other].into_iter().zip(halves) {
                    plan.segment_of_pieces(Some(worker), half);
                }
            }
            _ => {
                for &task in chain {
                    let [first, second] = cut_chain(tasks, &[task], f64::from(tenths) / 10.0).expect("rows");
                    plan.segment_of_pieces(Some(one), first);
                    plan.segment_of_pieces(Some(other), second);
                }
            }
        }
        at += chain.len();
        if at == all.len() {
            break;
        }
    }
    plan
}

fn row_range(part: Part) -> std::ops::Range<u32> {
    match part {
        Part::Whole => 0..ROWS,
        Part::Rows { begin, end, of } => begin * ROWS / of..end * ROWS / of,
        Part::Channels { .. } => panic!("none here"),
    }
}

/// Rows of an input that a part reads, tap by tap.
fn taps(access: RowAccess, part: Part) -> Vec<u32> {
    let RowAccess::Window { stride, extent, pad_top } = access else { return (0..ROWS).collect() };
    let tap =
        move |row: u32| (0..extent).filter_map(move |tap| (row * stride + tap).checked_sub(pad_top)).filter(|&row| row < ROWS);
    row_range(part).flat_map(tap).collect()
}

/// What each kernel reads is made by its segment before it, or by what its segment waits for: in its worker's memory or copied.
fn check_presence(program: &Program, tasks: &TaskGraph) -> Result<(), TestCaseError> {
    let part_of = |fragment: u32| {
        let made = program.fragments()[fragment as usize];
        let kernels = (0..program.kernel_count() as u32).map(|kernel| program.kernel(kernel));
        let mut parts = kernels.filter(|piece| tasks.made(piece.task).contains(&made.data)).map(|piece| piece.part);
        let earlier = program.fragments()[..fragment as usize].iter().filter(|other| other.data == made.data).count();
        if made.maker == NO_SEGMENT { Part::Whole } else { parts.nth(earlier).expect("its maker") }
    };
    for segment in 0..program.segment_count() as u32 {
        let mut present = vec![vec![false; ROWS as usize]; tasks.data_count()];
        for &need in program.needs(segment) {
            let made = program.fragments()[need as usize];
            let is_here = made.maker != NO_SEGMENT && program.worker(made.maker) == program.worker(segment);
            let moved = program.copied_rows(need).filter(|_| !is_here);
            let rows = moved.map_or_else(|| row_range(part_of(need)), |rows| rows.0..rows.1);
            prop_assert!(is_here || program.copied_bytes(need) == u64::from(rows.end - rows.start) * BYTES_OF_ROW);
            for row in rows {
                present[made.data.index()][row as usize] = true;
            }
        }
        for kernel in program.kernel_range(segment) {
            let piece = program.kernel(kernel);
            for (position, &data) in tasks.inputs(piece.task).iter().enumerate() {
                for row in taps(tasks.row_access(piece.task, position), piece.part) {
                    prop_assert!(present[data.index()][row as usize], "segment {segment} {piece:?} reads row {row} of {data:?}");
                }
            }
            for &data in tasks.made(piece.task) {
                row_range(piece.part).for_each(|row| present[data.index()][row as usize] = true);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_a_kernel_reads_is_there_when_it_starts(
        windows in prop::collection::vec((0_u32..4, prop::option::of(0_usize..4)), 1..12),
        choices in prop::collection::vec((1_usize..6, 1_u32..10, 0_u8..6), 1..8),
    ) {
        let windows: Vec<(u32, Option<usize>)> = windows.into_iter().map(|(half, also)| (2 * half + 1, also)).collect();
        let tasks = network(&windows);
        let count = tasks.task_count();
        let costs = CostTable::new(2, vec![Some(KernelCost::of_duration(240)); 2 * count]);
        let plan = plan(&tasks, &choices);
        let program = Program::compile(&plan, &tasks, &costs).expect("valid");
        check_presence(&program, &tasks)?;
        let device = common::simple_device(&[ProcessorKind::CpuCluster, ProcessorKind::Gpu], 7, 1e9);
        let models = [Model { name: "network", tasks: &tasks, costs: &costs }];
        let stream = Stream::new(ModelId(0), Arrivals::ClosedLoop { clients: 2, think_ns: 0 }, Some(3));
        let mut records: Vec<Record> = Vec::new();
        let options = Options::default();
        let summary =
            simulate_programs(&device, &models, vec![program.clone()], vec![stream], None, &options, &mut records).expect("runs");
        prop_assert_eq!(summary.stop, StopReason::Drained);
        let kernels = records.iter().filter(|record| matches!(record, Record::Kernel(_))).count();
        prop_assert_eq!(kernels, 3 * program.kernel_count());
    }
}

/// Three 3x3 windows in one chain: each half recomputes two rows, one row, none, and reads nothing in between.
#[test]
fn a_chain_recomputes_its_halo_and_exchanges_nothing() {
    let tasks = network(&[(3, None); 3]);
    let chain: Vec<TaskId> = tasks.tasks().collect();
    let [first, second] = cut_chain(&tasks, &chain, 0.5).expect("rows");
    let ranges = |half: &[Piece]| half.iter().map(|piece| row_range(piece.part)).collect::<Vec<_>>();
    assert_eq!(ranges(&first), [0..14, 0..13, 0..12]);
    assert_eq!(ranges(&second), [10..24, 11..24, 12..24]);
    let mut plan = Plan::new();
    plan.segment_of_pieces(Some(WorkerId(0)), first);
    plan.segment_of_pieces(Some(WorkerId(1)), second);
    let costs = CostTable::new(2, vec![Some(KernelCost::of_duration(2400)); 6]).with_segments(vec![1200; 6], vec![500; 2]);
    let program = Program::compile(&plan, &tasks, &costs).expect("valid");
    // Only the request's input is read, and of it the rows that the first kernels need: the copy carries those of both halves.
    assert_eq!((program.needs(0), program.needs(1)), (&[0][..], &[0][..]));
    assert_eq!(program.copied_rows(0), None);
    // The launch is paid once; each kernel costs its rows' share of what it takes in a segment.
    let launches: Vec<Launch> = program.kernel_range(0).map(|kernel| program.launch(kernel)).collect();
    assert_eq!(launches, [Launch::First, Launch::Joined, Launch::Joined]);
    let durations: Vec<u64> =
        program.kernel_range(0).map(|kernel| program.planned_cost(kernel).expect("placed").duration_ns).collect();
    assert_eq!(durations, [500 + 700, 650, 600]);
}

#[test]
fn parts_cover_rows_and_tile_channels() {
    let tasks = network(&[(1, None)]);
    let costs = CostTable::new(1, vec![Some(KernelCost::of_duration(1))]);
    let check = |parts: &[(u32, u32)], rows: bool, expected: bool| {
        let mut plan = Plan::new();
        for &(begin, end) in parts {
            let part = if rows { Part::Rows { begin, end, of: 8 } } else { Part::Channels { begin, end, of: 8 } };
            plan.segment_of_pieces(Some(WorkerId(0)), [Piece { task: TaskId(0), part }]);
        }
        let compiled = Program::compile(&plan, &tasks, &costs);
        assert_eq!(compiled.is_ok(), expected, "{parts:?} {rows}");
        assert!(expected || compiled == Err(PlanError::NotCovered { task: 0 }));
    };
    for rows in [true, false] {
        check(&[(0, 4), (4, 8)], rows, true);
        check(&[(4, 8), (0, 4)], rows, true);
        check(&[(0, 5), (4, 8)], rows, rows);
        check(&[(0, 8), (2, 4)], rows, rows);
        check(&[(0, 3), (4, 8)], rows, false);
        check(&[(0, 4)], rows, false);
        check(&[(0, 9)], rows, false);
        check(&[(0, 4), (4, 4), (4, 8)], rows, false);
    }
}

/// A reader on another worker waits for the rows that it needs, from those who make them.
#[test]
fn a_copy_moves_the_rows_that_are_needed() {
    let tasks = network(&[(3, None), (3, None)]);
    let (first, second) = (TaskId(0), TaskId(1));
    let rows = |task, begin, end| Piece { task, part: Part::Rows { begin, end, of: ROWS } };
    let mut plan = Plan::new();
    for (worker, piece) in
        [(0, rows(first, 0, 12)), (1, rows(first, 12, 24)), (0, rows(second, 0, 12)), (1, rows(second, 12, 24))]
    {
        plan.segment_of_pieces(Some(WorkerId(worker)), [piece]);
    }
    let costs = CostTable::new(2, vec![Some(KernelCost::of_duration(1)); 4]);
    let program = Program::compile(&plan, &tasks, &costs).expect("valid");
    // Fragment 0 is the request's; 1 and 2 are the halves of the first task, of which the other side needs one row.
    assert_eq!((program.needs(2), program.needs(3)), (&[1, 2][..], &[2, 1][..]));
    assert_eq!((program.copied_rows(1), program.copied_rows(2)), (Some((11, 12)), Some((12, 13))));
    assert_eq!((program.copied_bytes(1), program.copied_bytes(2)), (BYTES_OF_ROW, BYTES_OF_ROW));
    assert_eq!(program.copied_bytes(3), 12 * BYTES_OF_ROW, "the requester wants all of an output");
}
