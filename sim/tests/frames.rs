//! Laws of frames of the user interface.

mod small;

use proptest::prelude::*;
use sim::engine::{Options, StopReason};
use sim::environment::{Environment, FrameWork, Interface, Load, Precedence, Presence, Slicing, Takes};
use sim::identifiers::ProcessorId;
use sim::metrics::InterfaceReport;
use sim::record::{FrameOutcome, FrameRecord, Record};
use sim::task::KernelCost;
use small::kernels::{GPU, Ran, TWO_OF_BIG, clusters, run};

const MS: u64 = 1_000_000;
/// A beat of 10 ms: numbers by hand.
const PERIOD: u64 = 10 * MS;

/// The kernels of a model that nobody asks for.
const NOTHING: &[KernelCost] = &[KernelCost::of_duration(1)];

fn interface(cpu_ns: u64, gpu_ns: u64) -> Interface {
    Interface {
        period_ns: PERIOD,
        cpu: ProcessorId(0),
        gpu: ProcessorId(2),
        work: FrameWork::Fixed { cpu_ns, gpu_ns },
        buffers: 3,
        deadline_ns: PERIOD,
        precedence: Precedence::High,
        slicing: None,
    }
}

fn runs(interface: Interface, kernels: &[KernelCost], arrivals: Vec<u64>, horizon_ns: u64) -> Ran {
    let environment = Environment { interface: Some(interface), ..Environment::default() };
    let options = Options { environment, horizon_ns: Some(horizon_ns), ..Options::default() };
    run(&clusters(0.0), GPU, kernels, arrivals, &options)
}

fn frames(records: &[Record]) -> Vec<FrameRecord> {
    records.iter().filter_map(|record| if let Record::Frame(it) = record { Some(*it) } else { None }).collect()
}

fn report(ran: &Ran) -> InterfaceReport {
    ran.report.interface.clone().expect("there are frames")
}

/// Frames of 3 ms on the CPU and 4 ms on the GPU, alone: each is shown at the beat after its own.
#[test]
fn alone_every_frame_is_shown() {
    let ran = runs(interface(3 * MS, 4 * MS), NOTHING, vec![], 995 * MS);
    assert_eq!(ran.summary.stop, StopReason::Horizon);
    let report = report(&ran);
    assert_eq!((report.beats, report.shown, report.skipped, report.unfinished), (100, 99, 0, 1));
    assert_eq!((report.deadline_missed, report.slow, report.frozen, report.stuffed), (0, 0, 0, 0));
    let times = report.frame_time.expect("frames were shown");
    assert_eq!((times.min_ns, times.max_ns), (7 * MS, 7 * MS));
    assert!((report.gpu_utilization.expect("a run") - 0.4).abs() < 0.005);
    assert!((report.cpu_utilization.expect("a run") - 0.3).abs() < 0.005);
    for (frame, beat) in frames(&ran.records).iter().zip(0..) {
        assert_eq!((frame.begun_ns, frame.gpu_start_ns), (beat * PERIOD, beat * PERIOD + 3 * MS));
    }
}

/// 12 ms on the GPU for a beat of 10: with three buffers the GPU never rests and shows a frame each 12 ms; with two a frame takes two beats.
#[test]
fn buffers_decide_how_much_overlaps() {
    for (buffers, shown_each_ns) in [(2, 2 * PERIOD), (3, 12 * MS)] {
        let ran = runs(Interface { buffers, ..interface(MS, 12 * MS) }, NOTHING, vec![], 6_000 * MS);
        let report = report(&ran);
        let expected = 6_000 * MS / shown_each_ns;
        assert!(report.shown.abs_diff(expected) <= 2, "{buffers} buffers: {} shown for {expected}", report.shown);
        assert_eq!(report.shown + report.skipped + report.unfinished, report.beats);
        assert!(report.deadline_missed + 1 >= report.shown);
    }
}

/// A kernel of 200 ms that starts at 12 ms, as one frame is on the CPU: that frame waits until 212 ms, buffers fill, nothing else begins.
#[test]
fn a_long_kernel_freezes_the_display() {
    let ran = runs(interface(3 * MS, 4 * MS), &[KernelCost::of_duration(200 * MS)], vec![12 * MS], 400 * MS);
    let all = frames(&ran.records);
    let stuck = all.iter().find(|frame| frame.begun_ns == PERIOD).expect("a frame at the beat of 10 ms");
    assert_eq!((stuck.gpu_start_ns, stuck.gpu_end_ns, stuck.ended_ns), (212 * MS, 216 * MS, 220 * MS));
    let shown: Vec<u64> =
        all.iter().filter(|frame| frame.outcome == FrameOutcome::Shown).map(|frame| frame.ended_ns / MS).collect();
    // After the jam the second frame was ready with the first, and is shown a beat later.
    assert_eq!(shown[..4], [10, 220, 230, 240]);
    assert_eq!(all.iter().filter(|frame| frame.outcome == FrameOutcome::Skipped).count(), 19);
    assert_eq!(report(&ran).frozen, 0);
    let longer = runs(interface(3 * MS, 4 * MS), &[KernelCost::of_duration(800 * MS)], vec![12 * MS], 1_000 * MS);
    assert_eq!(report(&longer).frozen, 2);
}

/// Ten kernels of 4 ms in one segment from 11 ms on, beside frames that come to the GPU at 13, 23, ...: by hand.
#[test]
fn a_context_of_higher_priority_comes_between_kernels() {
    let kernels = vec![KernelCost::of_duration(4 * MS); 10];
    let starts = |precedence| {
        let ran = runs(Interface { precedence, ..interface(3 * MS, 2 * MS) }, &kernels, vec![11 * MS], 200 * MS);
        let all = frames(&ran.records);
        let drawn = all.iter().filter(|frame| frame.outcome == FrameOutcome::Shown);
        let begun: Vec<u64> = drawn.take(4).map(|frame| frame.gpu_start_ns / MS).collect();
        let last = ran.kernels().last().expect("kernels ran").end_ns;
        (begun, last / MS)
    };
    // At 15 behind the kernel from 11, done at 17; kernels from 17 and 21; at 25 the next; kernels from 27 and 31; ...
    assert_eq!(starts(Precedence::High).0, [3, 15, 25, 35]);
    // Frames at 15, 25, 35, 45, 55 before the last kernel: 40 ms of kernels and 10 ms of frames.
    assert_eq!(starts(Precedence::High).1, 61);
    // In one queue, everything submitted before goes first; buffers are full meanwhile.
    assert_eq!(starts(Precedence::Same).1, 51);
    assert_eq!(starts(Precedence::Same).0[..2], [3, 51]);
}

/// A kernel of 40 ms cut into slices of 5 ms and 1 ms more each: a frame waits for one slice at most, the kernel pays for all.
#[test]
fn slices_let_frames_between() {
    let slicing = Some(Slicing { slice_ns: 5 * MS, overhead_ns: MS });
    let cut = Interface { slicing, ..interface(3 * MS, 2 * MS) };
    for memory_bytes in [0, 8_000_000] {
        let kernel = KernelCost { duration_ns: 40 * MS, memory_bytes };
        let ran = runs(cut.clone(), &[kernel], vec![11 * MS], 200 * MS);
        let all = frames(&ran.records);
        assert!(all.iter().all(|frame| frame.gpu_start_ns - frame.cpu_end_ns <= 6 * MS), "{all:?}");
        assert_eq!(report(&ran).skipped, 0);
        // Eight slices of 6 ms from 11 ms on, and the frames of 13, 23, 33, 43 and 53 ms between them; that of 33 comes as a slice begins.
        let kernels = ran.kernels();
        assert_eq!(kernels.len(), 1);
        assert_eq!((kernels[0].start_ns, kernels[0].end_ns), (11 * MS, (11 + 48 + 5 * 2) * MS));
        let of_requests = report(&ran).gpu_utilization_of_requests.expect("a run");
        assert!((of_requests - 48.0 / 200.0).abs() < 1e-9, "{of_requests}");
    }
}

/// The thread of the interface takes a core: a gang on all cores of its cluster slows down by the fair share, and only then.
#[test]
fn frames_take_a_core() {
    let environment = Environment { interface: Some(interface(5 * MS, 0)), ..Environment::default() };
    let options = Options { environment, ..Options::default() };
    let ran = run(&clusters(0.0), TWO_OF_BIG, &[KernelCost::of_duration(100 * MS)], vec![0], &options);
    // Half of the time two of three parts: 5/6 of the speed.
    assert_eq!(ran.summary.end_ns, 120 * MS);
}

/// Frames are drawn at the clock of their processors, and background load stands behind them.
#[test]
fn load_does_not_slow_frames() {
    let presence = Presence::ALWAYS;
    let loads = vec![Load { processor: ProcessorId(2), takes: Takes::Share(0.5), presence, migration: None }];
    let environment = Environment { loads, interface: Some(interface(3 * MS, 4 * MS)), ..Environment::default() };
    let options = Options { environment, horizon_ns: Some(100 * MS), ..Options::default() };
    let ran = run(&clusters(0.0), GPU, NOTHING, vec![], &options);
    assert_eq!(report(&ran).frame_time.expect("frames were shown").max_ns, 7 * MS);
}

/// The published frames alone: what is late is what the histogram has above the beat, 100 of 987 above 16 ms.
#[test]
fn the_published_sample_alone_janks_by_its_tail() {
    let play = Interface { work: FrameWork::play_store(), period_ns: 16_666_667, deadline_ns: 16_666_667, ..interface(0, 0) };
    let ran = runs(play, NOTHING, vec![], 300_000 * MS);
    let report = report(&ran);
    let rate = report.jank_rate.expect("frames were shown");
    assert!((rate - 119.0 / 987.0).abs() < 0.01, "{rate}");
    let times = report.frame_time.expect("frames were shown");
    assert!((times.p50_ns - 6e6).abs() < 1.5e6 && (times.p90_ns - 18e6).abs() < 1.5e6, "{times:?}");
}

#[test]
fn interfaces_out_of_range_are_refused() {
    let device = clusters(0.0);
    let check = |interface: Interface| {
        Environment { interface: Some(interface), ..Environment::default() }.check(&device).expect_err("out of range").to_string()
    };
    let right = interface(MS, MS);
    assert_eq!(
        check(Interface { cpu: ProcessorId(7), ..right.clone() }),
        "the user interface names processor 7, but the device has 3"
    );
    assert_eq!(
        check(Interface { gpu: ProcessorId(1), ..right.clone() }),
        "processor of frames is little: must be no CPU cluster"
    );
    assert_eq!(check(Interface { buffers: 1, ..right.clone() }), "buffers of frames is 1: must be at least 2");
    let work = FrameWork::Histogram { buckets: vec![(1, 1)], gpu_share: 1.5 };
    assert_eq!(check(Interface { work, ..right }), "share of the GPU in a frame is 1.5: must be from 0 to 1");
}

proptest! {
    /// Whatever runs, as long as frames leave some of the GPU: each beat has its frame, frames and kernels do not overlap on the GPU, requests end once, all is repeatable.
    #[test]
    fn frames_and_kernels_take_turns(
        seed in 0u64..500,
        same in any::<bool>(),
        cpu_ns in 0u64..30_000,
        (gpu_ns, period_ns) in (0u64..30_000, 0u64..60_000).prop_map(|(gpu_ns, pause_ns)| (gpu_ns, gpu_ns + pause_ns + 1_000)),
        buffers in 2u32..4,
    ) {
        let size = small::Size { seed, models: 2, tasks: 6, requests: 5 };
        let precedence = if same { Precedence::Same } else { Precedence::High };
        let work = FrameWork::Fixed { cpu_ns, gpu_ns };
        let interface =
            Interface { period_ns, deadline_ns: period_ns, work, buffers, precedence, ..interface(0, 0) };
        let environment = Environment { interface: Some(interface), ..Environment::default() };
        let (one, other) = (small::case_in(size, environment.clone()), small::case_in(size, environment));
        prop_assert_eq!(&one.records, &other.records);
        prop_assert!(matches!(one.summary.stop, StopReason::Drained | StopReason::Horizon), "{:?}", one.summary.stop);
        let mut beats: Vec<u32> = frames(&one.records).iter().map(|frame| frame.beat).collect();
        beats.sort_unstable();
        prop_assert_eq!(&beats, &(0..beats.len() as u32).collect::<Vec<_>>());
        let mut busy: Vec<(u64, u64)> = one.records.iter().filter_map(|record| match record {
            Record::Kernel(it) if it.worker == GPU => Some((it.start_ns, it.end_ns)),
            Record::Invocation(it) if it.worker == GPU => Some((it.start_ns, it.end_ns)),
            Record::Copy(it) if one.device.link(it.link).blocks == Some(GPU) => Some((it.start_ns, it.end_ns)),
            Record::Frame(it) => Some((it.gpu_start_ns, it.gpu_end_ns)),
            _ => None,
        }).filter(|(from_ns, to_ns)| from_ns < to_ns).collect();
        busy.sort_unstable();
        for pair in busy.windows(2) {
            prop_assert!(pair[0].1 <= pair[1].0, "{:?} overlaps {:?}", pair[0], pair[1]);
        }
        let ended = one.records.iter().filter(|record| matches!(record, Record::Request(_))).count();
        prop_assert_eq!(ended as u64, one.summary.arrived);
    }
}
