//! Queues of which theory knows the mean, as scenarios: text in, times out.
//!
//! Each check runs replicates of seeds fixed here. Their mean must be within three standard errors of what theory says, and the standard error
//! small enough for that to mean something.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write;
use std::path::Path;

use scenarios::onnx::ReadOptions;
use scenarios::{Profile, Scenario, model};
use sim::engine::{self, StopReason};
use sim::identifiers::ModelId;
use sim::record::{Outcome, Record, RequestRecord};
use sim::statistics::{mean, sample_deviation};
use sim::strategy::registry;
use sim::task::LoweredModel;

/// Replicates of a check.
const REPLICATES: u32 = 40;

/// Largest standard error of a mean, relative to it.
const LARGEST_ERROR: f64 = 0.012;

/// Requests left out at the start of a run: queues start empty.
const WARM_UP: usize = 2_000;

/// Mean service time of all servers.
const SERVICE_MS: f64 = 1.0;

/// A device of equal workers, whose kernels take 1 us for each element that they make.
fn servers(count: usize) -> String {
    let mut text = "schema_version = 1\nname = 'servers'\nhost = 'memory'\nprovenance = { fitted_on = 'made up' }\n\
                    [[memory]]\nname = 'memory'\n"
        .to_owned();
    for server in 0..count {
        writeln!(text, "[[processor]]\nname = 'p{server}'\nkind = 'cpu'").unwrap();
        writeln!(text, "[[worker]]\nname = 'w{server}'\ncores = {{ p{server} = 1 }}\nmemory = 'memory'").unwrap();
        writeln!(text, "[cost.w{server}]\nelement_bytes = 4\notherwise = {{ output_elements = 1000.0 }}").unwrap();
    }
    text
}

/// A device whose GPU costs nothing, behind a link through a channel that carries 4 MB/s: a processor-sharing server.
fn shared_channel() -> String {
    "schema_version = 1
name = 'shared'
host = 'memory'
provenance = { fitted_on = 'made up' }
memory = [{ name = 'memory' }, { name = 'gpu' }]
processor = [{ name = 'gpu', kind = 'gpu' }]
channel = [{ name = 'bus', bandwidth = '4MB/s' }]
link = [
    { name = 'up', from = 'memory', to = 'gpu', bandwidth = '4MB/s', channels = [{ channel = 'bus' }] },
    { name = 'down', from = 'gpu', to = 'memory' },
]
worker = [{ name = 'gpu', cores = { gpu = 1 }, memory = 'gpu' }]
[cost.gpu]
element_bytes = 4
otherwise = { launch = 0.0 }
"
    .to_owned()
}

/// An ONNX file of one `Relu` on `n` elements: a kernel of `n` us on the servers, `4 n` bytes on the channel.
fn write_model(folder: &Path) {
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut field = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        field.extend_from_slice(bytes);
        field
    }
    fn integer(number: u8, value: u8) -> Vec<u8> {
        vec![number << 3, value]
    }
    let value = |name: &str| {
        let shape = field(2, &field(1, &field(2, b"n")));
        let tensor = [integer(1, 1), shape].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    };
    let node = [field(1, b"x"), field(2, b"y"), field(3, b"serve"), field(4, b"Relu")].concat();
    let graph = [field(1, &node), field(2, b"server"), field(11, &value("x")), field(12, &value("y"))].concat();
    let opset = field(8, &integer(2, 16));
    std::fs::write(folder.join("serve.onnx"), [integer(1, 8), field(7, &graph), opset].concat()).unwrap();
}

/// A run of a scenario: its requests in order of arrival.
struct Run {
    stop: StopReason,
    end_ns: u64,
    requests: Vec<RequestRecord>,
}

/// Runs the replicates of a scenario. `text` is what follows its head.
fn replicates(profile: &str, text: &str) -> Vec<Run> {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path());
    std::fs::write(folder.path().join("device.toml"), profile).unwrap();
    let text = format!(
        "schema_version = 1\nname = 'queue'\ndevice = './device.toml'\nstreams_run = 'together'\nseed = 100\nreplicates = {REPLICATES}\n{text}"
    );
    let scenario = Scenario::parse("queue.toml", &text, folder.path()).unwrap_or_else(|errors| panic!("{errors}"));
    let profile = Profile::open(&scenario.device).unwrap_or_else(|error| panic!("{error}"));
    let device = profile.value.device().unwrap();
    let mut names: Vec<String> = Vec::new();
    let mut lowered: Vec<LoweredModel> = Vec::new();
    let mut models_of: Vec<Vec<ModelId>> = Vec::new();
    for stream in &scenario.streams {
        let load = |dimensions: Vec<(String, u64)>| {
            let options = ReadOptions { dimensions: dimensions.into_iter().collect(), ..ReadOptions::default() };
            let graph = model::load(&stream.model, &options).unwrap().graph;
            names.push(graph.name.clone());
            lowered.push(LoweredModel::of(&graph, &device));
            ModelId::from_index(lowered.len() - 1)
        };
        models_of.push(stream.variants().into_iter().map(load).collect());
    }
    let models: Vec<engine::Model<'_>> = names
        .iter()
        .zip(&lowered)
        .map(|(name, lowered)| engine::Model { name, tasks: &lowered.tasks, costs: &lowered.costs })
        .collect();
    let run = |replicate: u32| {
        let streams = scenario.streams.iter().zip(&models_of).map(|(stream, models)| stream.stream(models)).collect();
        let options = engine::Options { seed: scenario.replicate_seed(replicate), ..scenario.options(&device).unwrap() };
        let mut strategy = registry::build(&scenario.strategies[0]).unwrap();
        let mut records: Vec<Record> = Vec::new();
        let summary = engine::simulate(&device, &models, streams, strategy.as_mut(), &options, &mut records).unwrap();
        let requests = records.iter().filter_map(|record| if let Record::Request(it) = record { Some(*it) } else { None });
        let mut requests: Vec<RequestRecord> = requests.collect();
        requests.sort_by_key(|it| it.request);
        Run { stop: summary.stop, end_ns: summary.end_ns, requests }
    };
    (0..scenario.replicates).map(run).collect()
}

/// Mean time in system, in mean service times, of the completed requests of a stream behind the warm-up.
fn sojourn(run: &Run, stream: u32) -> f64 {
    let of = run.requests.iter().skip(WARM_UP).filter(|it| it.stream.0 == stream && it.outcome == Outcome::Completed);
    let times: Vec<f64> = of.map(|it| (it.ended_ns - it.arrived_ns) as f64 * 1e-6 / SERVICE_MS).collect();
    mean(&times).unwrap()
}

/// The mean over replicates is what theory says.
fn check(what: &str, values: &[f64], expected: f64) {
    let found = mean(values).unwrap();
    let error = sample_deviation(values).unwrap() / (values.len() as f64).sqrt();

    assert!((found - expected).abs() < 3.0 * error, "{what}: {found} for {expected}, standard error {error}");
    assert!(error < LARGEST_ERROR * expected, "{what}: standard error {error} of {expected} says little");
}

/// Poisson arrivals of single-size work at `load` of `servers` servers.
fn poisson(load: f64, servers: usize, requests: u64) -> String {
    let rate = load * servers as f64 * 1e3 / SERVICE_MS;
    format!(
        "[[stream]]\nmodel = './serve.onnx'\ndimensions = {{ n = 1000 }}\nrequests = {requests}\narrivals.poisson = {{ rate_per_second = {rate} }}\n"
    )
}

const ONE_WORKER: &str = "strategies = ['cpu[worker=w0]']\n";

#[test]
fn single_server_exponential() {
    for load in [0.5, 0.8] {
        let text = format!("{ONE_WORKER}variation = 'exponential'\n{}", poisson(load, 1, 60_000));
        let runs = replicates(&servers(1), &text);
        assert!(runs.iter().all(|run| run.stop == StopReason::Drained && run.requests.len() == 60_000));
        let values: Vec<f64> = runs.iter().map(|run| sojourn(run, 0)).collect();
        check(&format!("M/M/1 at {load}"), &values, 1.0 / (1.0 - load));
    }
}

/// Pollaczek-Khinchine: `E[T] = E[S] + rate E[S^2] / (2 (1 - load))`.
#[test]
fn single_server_deterministic() {
    for load in [0.5, 0.8] {
        let runs = replicates(&servers(1), &format!("{ONE_WORKER}{}", poisson(load, 1, 60_000)));
        let values: Vec<f64> = runs.iter().map(|run| sojourn(run, 0)).collect();
        check(&format!("M/D/1 at {load}"), &values, 1.0 + load / (2.0 * (1.0 - load)));
    }
}

/// Work of two sizes, 0.5 with probability 0.8 and 3 with 0.2: mean 1, second moment 2.
#[test]
fn single_server_general() {
    let load = 0.7;
    let stream = poisson(load, 1, 100_000)
        .replace("dimensions = { n = 1000 }", "work = { dimension = 'n', values = [500, 3000], weights = [8.0, 2.0] }");
    let runs = replicates(&servers(1), &format!("{ONE_WORKER}{stream}"));
    let values: Vec<f64> = runs.iter().map(|run| sojourn(run, 0)).collect();
    check("M/G/1", &values, 1.0 + load * 2.0 / (2.0 * (1.0 - load)));
}

/// Erlang's C: the probability of waiting, `C / (c (1 - load))` the mean wait in mean service times.
#[test]
fn several_servers() {
    let (count, load) = (3_usize, 0.8);
    let text = format!(
        "strategies = ['band[scheduler=round_robin, window=1000, minimum_subgraph_size=1]']\nvariation = 'exponential'\n{}",
        poisson(load, count, 40_000)
    );
    let runs = replicates(&servers(count), &text);
    let values: Vec<f64> = runs.iter().map(|run| sojourn(run, 0)).collect();
    let offered = load * count as f64;
    let terms: Vec<f64> = (0..=count)
        .scan(1.0, |term, k| {
            if k > 0 {
                *term *= offered / k as f64;
            }
            Some(*term)
        })
        .collect();
    let waits = terms[count] / (1.0 - load) / (terms[..count].iter().sum::<f64>() + terms[count] / (1.0 - load));
    check("M/M/3", &values, 1.0 + waits / (count as f64 * (1.0 - load)));
}

/// Cobham (1954): with classes of loads `a` (urgent) and `b` of exponential work of mean 1, waits are `W / (1 - a)` and
/// `W / ((1 - a) (1 - a - b))`, where `W = a + b` is the mean of what remains of the work in service.
#[test]
fn two_priorities() {
    let (urgent, patient) = (0.3, 0.5);
    let text = format!(
        "{ONE_WORKER}variation = 'exponential'\n{}priority = 1\n{}",
        poisson(urgent, 1, 60_000 * 3 / 8 * 2),
        poisson(patient, 1, 60_000 * 5 / 8 * 2)
    );
    let runs = replicates(&servers(1), &text);
    let remaining = urgent + patient;
    let times = |stream| runs.iter().map(|run| sojourn(run, stream)).collect::<Vec<f64>>();
    check("urgent class", &times(0), 1.0 + remaining / (1.0 - urgent));
    check("patient class", &times(1), 1.0 + remaining / ((1.0 - urgent) * (1.0 - urgent - patient)));
}

/// The machine-repair model: `N` machines run for exponential times of mean `Z` and queue for one repair of mean 1. With `p0` the share
/// of time without a broken machine, `1 / p0 = sum over k of N! / (N - k)! Z^-k`; repairs happen at rate `1 - p0`, and a machine is
/// away for `N / (1 - p0) - Z`.
#[test]
fn machines_and_one_repair_shop() {
    let (machines, think) = (6_u32, 8.0);
    let text = format!(
        "{ONE_WORKER}variation = 'exponential'\n[[stream]]\nmodel = './serve.onnx'\ndimensions = {{ n = 1000 }}\nrequests = 40000\n\
         arrivals.closed_loop = {{ clients = {machines}, think = '8ms', think_distribution = 'exponential' }}\n"
    );
    let runs = replicates(&servers(1), &text);
    let terms = (0..=machines).scan(1.0, |term, k| {
        if k > 0 {
            *term *= f64::from(machines - k + 1) / think;
        }
        Some(*term)
    });
    let busy = 1.0 - 1.0 / terms.sum::<f64>();
    let values: Vec<f64> = runs.iter().map(|run| sojourn(run, 0)).collect();
    check("machine repair, time away", &values, f64::from(machines) / busy - think);
    let rates: Vec<f64> = runs.iter().map(|run| run.requests.len() as f64 / (run.end_ns as f64 * 1e-6)).collect();
    check("machine repair, rate", &rates, busy);
}

/// Processor sharing: the mean time in system is `E[S] / (1 - load)` whatever the distribution of the work, and grows in proportion
/// to the work. Copies that share a channel are such a server, whose work is bytes.
#[test]
fn a_shared_channel_is_a_processor_sharing_queue() {
    let load = 0.7;
    let on_gpu = "strategies = ['heft']\n";
    let runs = replicates(&shared_channel(), &format!("{on_gpu}{}", poisson(load, 1, 60_000)));
    let values: Vec<f64> = runs.iter().map(|run| sojourn(run, 0)).collect();
    check("M/D/1-PS", &values, 1.0 / (1.0 - load));
    let two = poisson(load, 1, 100_000)
        .replace("dimensions = { n = 1000 }", "work = { dimension = 'n', values = [500, 3000], weights = [8.0, 2.0] }");
    let runs = replicates(&shared_channel(), &format!("{on_gpu}{two}"));
    let values: Vec<f64> = runs.iter().map(|run| sojourn(run, 0)).collect();
    check("M/G/1-PS", &values, 1.0 / (1.0 - load));
    let of_size = |model: u32| {
        let of = |run: &Run| {
            let of = run.requests.iter().skip(WARM_UP).filter(|it| it.model.0 == model);
            let times: Vec<f64> = of.map(|it| (it.ended_ns - it.arrived_ns) as f64 * 1e-6).collect();
            mean(&times).unwrap()
        };
        runs.iter().map(of).collect::<Vec<f64>>()
    };
    check("M/G/1-PS, short work", &of_size(0), 0.5 / (1.0 - load));
    check("M/G/1-PS, long work", &of_size(1), 3.0 / (1.0 - load));
}

/// Erlang's loss formula: of `c` servers without a queue, offered `a`, the share lost is `B(c, a)`.
#[test]
fn a_loss_system_loses_what_erlang_says() {
    let (count, offered) = (3_usize, 2.0);
    let text = format!(
        "strategies = ['band[scheduler=round_robin, minimum_subgraph_size=1]']\nvariation = 'exponential'\n{}queue = {{ in_flight = {count}, bound = 0 }}\n",
        poisson(offered / count as f64, count, 60_000)
    );
    let runs = replicates(&servers(count), &text);
    let lost = |run: &Run| run.requests.iter().filter(|it| it.outcome == Outcome::Dropped).count() as f64 / 60_000.0;
    let blocked = (1..=count).fold(1.0, |blocked, k| offered * blocked / (k as f64 + offered * blocked));
    check("Erlang B", &runs.iter().map(lost).collect::<Vec<f64>>(), blocked);
}
