//! A user interface beside inference: Heimdall's contention, and a frozen animation.

use sim::metrics::{InterfaceReport, Report};

use crate::published::run::Library;
use crate::published::{Cell, PublishedError, Standing, table};
use crate::section::Section;

pub(super) fn section() -> Result<Section, PublishedError> {
    let crowd = Library::open("four-models-one-gpu")?;
    let together = crowd.one("gpu")?;
    let alone: Vec<f64> = crowd.alone("gpu")?.iter().filter_map(|(_, report)| median_ms(report)).collect();
    let most = |values: &[f64]| values.iter().copied().fold(f64::NAN, f64::max);
    let least = |values: &[f64]| values.iter().copied().fold(f64::NAN, f64::min);
    let slowest_ms: Vec<f64> = together.models.iter().filter_map(|model| model.latency).map(|it| it.p50_ns * 1e-6).collect();
    let frames = |report: &Report| report.interface.as_ref().and_then(|interface| interface.frames_per_second).unwrap_or(0.0);
    let frozen = Library::open("ui-frozen-by-inference")?.one("gpu")?;
    let of_frames = |of: fn(&InterfaceReport) -> f64| frozen.interface.as_ref().map_or(f64::NAN, of);
    let longest_ms = of_frames(|it| it.frame_time.map_or(f64::NAN, |time| time.max_ns as f64 * 1e-6));
    let cells = vec![
        Cell::new(
            "Heimdall: latency alone, ms",
            "59.9 (one model)",
            format!("{:.0} to {:.0} (four models)", least(&alone), most(&alone)),
            Standing::Predicted,
        ),
        Cell::new(
            "Heimdall: latency together, ms",
            "up to 1181",
            format!("{:.0} (median of the slowest)", most(&slowest_ms)),
            Standing::Predicted,
        ),
        Cell::new(
            "Heimdall: renderer, frames a second",
            "30 → 12",
            format!("30 → {:.0}", frames(&together)),
            Standing::Predicted,
        ),
        Cell::new(
            "run of a model on the GPU, ms",
            "about 200",
            format!("{:.0}", median_ms(&frozen).unwrap_or(f64::NAN)),
            Standing::Fitted,
        ),
        Cell::new("longest frame beside it, ms", "as long as the run", format!("{longest_ms:.0}"), Standing::Predicted),
    ];
    Ok(Section {
        title: "A user interface beside inference".to_owned(),
        text: vec![
            "Scenarios `four-models-one-gpu` (Heimdall, MobiCom 2020, an LG V50 with the same system on chip; our models are the nearest of the zoo) and \
             `ui-frozen-by-inference` (TensorFlow issue 43073; our model was chosen for its length)."
                .to_owned(),
        ],
        tables: vec![table("Responsiveness.", cells)],
        comparisons: Vec::new(),
        findings: vec![
            "The renderer is predicted to lose more frames than was published: a run of a model is one segment that no frame comes between, where \
             the real command queue lets some through. With `precedence = \"high\"` frames come between kernels and none is lost."
                .to_owned(),
        ],
    })
}

fn median_ms(report: &Report) -> Option<f64> {
    report.models.first().and_then(|model| model.latency).map(|latency| latency.p50_ns * 1e-6)
}
