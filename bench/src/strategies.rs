//! What strategies cost: planning every model of the zoo, and deciding at run time.

use std::fmt::Write as _;
use std::time::Instant;

use scenarios::onnx::ReadOptions;
use scenarios::{Profile, zoo};
use sim::engine::{Model, Options, simulate};
use sim::identifiers::ModelId;
use sim::plan::{Plan, PlanError};
use sim::platform::Device;
use sim::record::{NoRecorder, Record};
use sim::strategy::registry::{STRATEGIES, build};
use sim::strategy::{Decisions, DeviceView, Interest, Job, Strategy, System};
use sim::task::LoweredModel;
use sim::workload::{Arrivals, Stream};

/// What to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Times that everything is measured, in turn.
    pub rounds: usize,
    /// A device of the library.
    pub device: String,
    /// Models of the zoo; all where none is named.
    pub models: Vec<String>,
    /// Strategies with their parameters; all with their defaults where none is named.
    pub strategies: Vec<String>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { rounds: 5, device: "pixel4".to_owned(), models: Vec::new(), strategies: Vec::new() }
    }
}

pub(crate) fn library_device(name: &str) -> Result<Device, String> {
    let entry = scenarios::devices().iter().find(|entry| entry.name == name);
    let entry = entry.ok_or_else(|| format!("the library has no device `{name}`"))?;
    let profile = Profile::parse(entry.name, entry.text).map_err(|error| format!("device `{name}`: {error:?}"))?;
    profile.device().map_err(|errors| format!("device `{name}`: {errors:?}"))
}

pub(crate) fn lowered(name: &str, device: &Device) -> Result<LoweredModel, String> {
    let graph = zoo::load(name, &ReadOptions::default()).ok_or_else(|| format!("the zoo has no model `{name}`"))?;
    let graph = graph.map_err(|error| format!("model `{name}`: {error}"))?;
    Ok(LoweredModel::of(&graph, device))
}

pub(crate) fn names(wanted: &Wanted) -> Vec<String> {
    if wanted.models.is_empty() { zoo::names().map(str::to_owned).collect() } else { wanted.models.clone() }
}

/// Planning time of each strategy for each model alone: median, least and most over rounds in turn, as a table in Markdown.
///
/// # Errors
/// If a device, model or strategy is not there.
pub fn planning(wanted: &Wanted) -> Result<String, String> {
    let device = library_device(&wanted.device)?;
    let names = names(wanted);
    let strategies: Vec<String> = match wanted.strategies[..] {
        [] => STRATEGIES.iter().map(|entry| entry.name.to_owned()).collect(),
        _ => wanted.strategies.clone(),
    };
    let models = names.iter().map(|name| lowered(name, &device)).collect::<Result<Vec<_>, _>>()?;
    let mut times_ms: Vec<Vec<Vec<f64>>> = vec![vec![Vec::new(); models.len()]; strategies.len()];
    for _ in 0..wanted.rounds {
        for (strategy, times_ms) in strategies.iter().zip(&mut times_ms) {
            for ((name, model), times_ms) in names.iter().zip(&models).zip(times_ms) {
                let mut strategy = build(strategy).map_err(|error| error.to_string())?;
                let job = Job { model: ModelId(0), name, tasks: &model.tasks, costs: &model.costs };
                let view = DeviceView { device: &device, jobs: &[job], seed: 0 };
                let begin = Instant::now();
                if strategy.plan(&job, &view).is_ok() {
                    times_ms.push(begin.elapsed().as_secs_f64() * 1e3);
                }
            }
        }
    }
    let mut text =
        format!("Planning time in ms on {}: median (least..most) of {} rounds in turn.\n\n", device.name(), wanted.rounds);
    let _ = writeln!(text, "| model | tasks | {} |", strategies.join(" | "));
    let _ = writeln!(text, "| --- | ---: |{}", " ---: |".repeat(strategies.len()));
    for (index, name) in names.iter().enumerate() {
        let _ = write!(text, "| {name} | {} |", models[index].tasks.task_count());
        for times_ms in &mut times_ms {
            let _ = write!(text, " {} |", spread(&mut times_ms[index]));
        }
        text.push('\n');
    }
    Ok(text)
}

/// Median, least and most; a dash where there is nothing.
pub(crate) fn spread(values: &mut [f64]) -> String {
    values.sort_by(f64::total_cmp);
    match *values {
        [] => "-".to_owned(),
        [least, .., most] => format!("{:.2} ({least:.2}..{most:.2})", values[values.len() / 2]),
        [only] => format!("{only:.2}"),
    }
}

/// Passes everything on, and keeps what each call of `dispatch` took and how many requests waited.
struct Timed {
    strategy: Box<dyn Strategy>,
    calls: Vec<(usize, f64)>,
}

impl Strategy for Timed {
    fn plan(&mut self, job: &Job<'_>, view: &DeviceView<'_>) -> Result<Plan, PlanError> {
        self.strategy.plan(job, view)
    }

    fn interest(&self) -> Interest {
        self.strategy.interest()
    }

    fn dispatch(&mut self, system: &dyn System, decisions: &mut Decisions) {
        let mut waiting: Vec<u32> = system.ready().iter().map(|ready| ready.request.0).collect();
        waiting.sort_unstable();
        waiting.dedup();
        let begin = Instant::now();
        self.strategy.dispatch(system, decisions);
        self.calls.push((waiting.len(), begin.elapsed().as_secs_f64() * 1e6));
    }

    fn observe(&mut self, record: &Record) {
        self.strategy.observe(record);
    }
}

/// Ten models of different size and support.
const TOGETHER: [&str; 10] = [
    "mobilenet_v1",
    "mobilenet_v2",
    "bert_tiny_4x312",
    "squeezenet1_1",
    "resnet18",
    "efficientnet_b0",
    "mobilenet_v3_large",
    "shufflenet_v2_x1_0",
    "swin_t",
    "googlenet",
];

/// What a decision takes at run time while ten requests or more wait, one or more of each of ten models, as a table in Markdown.
///
/// # Errors
/// If a device, model or strategy is not there, or a run fails.
pub fn decisions(wanted: &Wanted) -> Result<String, String> {
    let device = library_device(&wanted.device)?;
    let lowered = TOGETHER.iter().map(|name| lowered(name, &device)).collect::<Result<Vec<_>, _>>()?;
    let models: Vec<Model<'_>> = TOGETHER
        .iter()
        .zip(&lowered)
        .map(|(name, lowered)| Model { name, tasks: &lowered.tasks, costs: &lowered.costs })
        .collect();
    let schedulers = ["fixed", "round_robin", "shortest_expected_latency", "heft", "heft_reserved", "least_slack"];
    let band = |minimum: u32| {
        schedulers.map(move |scheduler| format!("band[scheduler={scheduler}, window=10, minimum_subgraph_size={minimum}]"))
    };
    let strategies: Vec<String> =
        band(7).into_iter().chain(band(1)).chain(["adms", "blastnet", "dart"].map(str::to_owned)).collect();
    let mut text = format!("Decisions in us on {} with 10 or more requests of 10 models waiting.\n\n", device.name());
    text.push_str("| strategy | decisions | median | p90 | p99 | most |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
    for strategy in strategies {
        let mut timed = Timed { strategy: build(&strategy).map_err(|error| error.to_string())?, calls: Vec::new() };
        for _ in 0..wanted.rounds {
            let stream = |model: usize| {
                let arrivals = Arrivals::ClosedLoop { clients: 2, think_ns: 0 };
                Stream::new(ModelId::from_index(model), arrivals, Some(20))
            };
            let streams = (0..models.len()).map(stream).collect();
            simulate(&device, &models, streams, &mut timed, &Options::default(), &mut NoRecorder)
                .map_err(|error| format!("{strategy}: {error}"))?;
        }
        let mut full: Vec<f64> = timed.calls.iter().filter(|call| call.0 >= 10).map(|call| call.1).collect();
        full.sort_by(f64::total_cmp);
        let at = |share: f64| full.get(((full.len() as f64 * share) as usize).min(full.len().saturating_sub(1))).copied();
        let [median, p90, p99, most] =
            [0.5, 0.9, 0.99, 1.0].map(|share| at(share).map_or("-".to_owned(), |us| format!("{us:.1}")));
        let _ = writeln!(text, "| {strategy} | {} | {median} | {p90} | {p99} | {most} |", full.len());
    }
    Ok(text)
}
