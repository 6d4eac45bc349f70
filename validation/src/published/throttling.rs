//! Heat: ADMS on a phone that infers without a pause.

use crate::published::run::Library;
use crate::published::{Cell, PublishedError, Standing, table};
use crate::section::Section;

pub(super) fn section() -> Result<Section, PublishedError> {
    let library = Library::open("adms-throttling")?;
    let report = library.one("cpu")?;
    let device = report.device.as_ref();
    let onset_s = device.and_then(|device| device.throttled_from_ns).map_or(f64::NAN, |ns| ns as f64 * 1e-9);
    let sustained = device.and_then(|device| device.sustained.first());
    let slower = sustained.and_then(|it| Some(it.last_minute_ns? / it.first_minute_ns?)).unwrap_or(f64::NAN);
    let clock = device.and_then(|device| device.clocks.first());
    let (mean_ghz, end_ghz) = clock.map_or((f64::NAN, f64::NAN), |it| (it.mean_khz * 1e-6, it.end_khz * 1e-6));
    let latency = report.models.first().and_then(|model| model.latency);
    let worst = latency.map_or(f64::NAN, |it| it.p99_ns / it.min_ns as f64);
    let heated_k = device.and_then(|it| it.temperatures.first()).map_or(f64::NAN, |node| node.most_celsius - node.start_celsius);
    let cells = vec![
        Cell::new("onset of throttling, s", "about 150", format!("{onset_s:.0}"), Standing::Fitted),
        Cell::new("temperature gained, K", "18", format!("{heated_k:.0}"), Standing::Fitted),
        Cell::new(
            "clock of the large core, GHz",
            "3 → 1",
            format!("2.8 → {end_ghz:.1} (mean {mean_ghz:.1})"),
            Standing::Predicted,
        ),
        Cell::new(
            "slowdown of inference",
            "up to 4.3 times",
            format!("{slower:.2} (last minute over first), {worst:.2} (p99 over the fastest)"),
            Standing::Predicted,
        ),
    ];
    Ok(Section {
        title: "Throttling".to_owned(),
        text: vec![
            "Scenario `adms-throttling` (ADMS, arXiv 2503.21109): inference without a pause. Its phone is not in the library; a Snapdragon 888 stands for it."
                .to_owned(),
        ],
        tables: vec![table("Ten minutes of inference on the CPU.", cells)],
        comparisons: Vec::new(),
        findings: vec![
            "Ours throttles less far than was published. Unexplained: onset and temperature gained are fitted, and what is published does not tell a \
             vendor's policy that falls below what the trip point asks for from a phone that sheds less heat than ours."
                .to_owned(),
        ],
    })
}
