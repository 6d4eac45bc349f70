//! `CoDL` (`MobiSys` 2022): two processors together, from each alone.

use hwcal::power::PowerFacts;
use hwcal::published::{COLUMNS, Prediction, Published, PublishedData, SYSTEMS, Summary as Cells};

use crate::published::{PublishedError, comparison};
use crate::section::{Pair, Section, Table};

/// What the publication calls the columns that it has.
const PUBLISHED: [(&str, &str); 6] = [
    ("mulayer", "µLayer-like"),
    ("cpu", "CPU"),
    ("gpu", "GPU"),
    ("codl_buffer", "CoDL, buffers"),
    ("codl", "CoDL"),
    ("ideal", "ideal"),
];

/// Power of the phone without either processor, as published: Fig. 21's bars rest on it.
const BASE_W: f64 = 1.4;

fn percent(value: f64) -> String {
    format!("{value:+.0} %")
}

/// Latencies.
pub(super) fn latency() -> Result<Section, PublishedError> {
    let published = Published::read(PublishedData::built_in())?;
    let mut cells: Vec<Prediction> = Vec::new();
    for system in &SYSTEMS {
        cells.extend(published.predict(system, &published.calibrate(system)?)?);
    }
    let summary = Cells { predictions: &cells };
    let mut rows = Vec::new();
    for ideal in cells.iter().filter(|cell| cell.column == "ideal") {
        let mut row = vec![format!("{} {}", ideal.system, ideal.model)];
        for (column, _) in PUBLISHED {
            let same = |cell: &&Prediction| (cell.system, &cell.model, cell.column) == (ideal.system, &ideal.model, column);
            row.push(cells.iter().find(same).map_or_else(String::new, |cell| {
                let ours = format!("{:.0}", cell.predicted_ms);
                match (cell.published_ms, cell.error_percent()) {
                    (Some(published_ms), Some(error)) => format!("{published_ms:.0} → {ours} ({})", percent(error)),
                    _ => format!("? → {ours}"),
                }
            }));
        }
        rows.push(row);
    }
    let header = std::iter::once("system, network").chain(PUBLISHED.iter().map(|(_, name)| *name)).map(str::to_owned).collect();
    let (solo, solo_count) = summary.mean_error_percent(&["cpu", "gpu"]);
    let (both, both_count) = summary.mean_error_percent(&["mulayer", "codl_buffer", "codl", "ideal"]);
    let (mulayer, _) = summary.mean_error_percent(&["mulayer"]);
    let (after, _) = summary.mean_error_percent(&["mulayer_image"]);
    let (codl, _) = summary.mean_error_percent(&["codl"]);
    let rankings = summary.rankings(&["mulayer", "cpu", "gpu", "codl_buffer", "codl"]);
    let right = rankings.iter().filter(|ranking| ranking.2).count();
    let compared = |cell: &Prediction| {
        let is_known = COLUMNS.iter().any(|(column, _)| *column == cell.column) && !["cpu", "gpu"].contains(&cell.column);
        let published = cell.published_ms.filter(|_| is_known)?;
        let label = format!("{} {} {}", cell.system, cell.model, cell.column);
        Some(Pair { label, group: cell.column.to_owned(), predicted: cell.predicted_ms, measured: published })
    };
    Ok(Section {
        title: "CoDL: two processors together, predicted from each alone".to_owned(),
        text: vec![
            "Profiles of four phones are fitted to the published latencies of the CPU alone and of the GPU alone; nothing is fitted to a column in \
             which both compute. Where a cell was not at hand, the prediction stands alone."
                .to_owned(),
            format!(
                "Mean absolute error: {solo:.1} % over the {solo_count} cells fitted to, {codl:.1} % over CoDL's column, {both:.1} % over all \
                 {both_count} cells predicted. The fastest of five strategies is named right in {right} of {} cases.",
                rankings.len()
            ),
        ],
        tables: vec![Table {
            caption: "Milliseconds, published → ours (error). Fig. 15 and 16 of CoDL, read off to about 1 % of the axis.".to_owned(),
            header,
            rows,
        }],
        comparisons: vec![comparison(
            "codl-latency",
            "CoDL's columns in which both processors compute, four phones, five networks. Nothing was fitted to them.",
            "ms",
            cells.iter().filter_map(compared).collect(),
        )],
        findings: vec![format!(
            "The µLayer-like baseline is predicted {mulayer:.0} % off, too fast in every cell. If it plans for images and runs on buffers, which the \
             publication does not say and which was tried after its column had been seen, it is {after:.0} % off."
        )],
    })
}

/// Power and energy.
pub(super) fn power() -> Result<Section, PublishedError> {
    let facts = PowerFacts::built_in()?;
    let published = Published::read(PublishedData::built_in())?;
    let cells = published.energy(&SYSTEMS[0], &published.calibrate(&SYSTEMS[0])?, &facts)?;
    let error = |ours: f64, published: f64| percent(100.0 * (ours / published - 1.0));
    let rows = cells.iter().map(|cell| {
        vec![
            format!("{} {}", cell.model, cell.column),
            format!("{:.2}", cell.published_w),
            format!("{:.2}", cell.predicted_w),
            error(cell.predicted_w, cell.published_w),
            format!("{:.2}", cell.published_j),
            format!("{:.2}", cell.predicted_j),
            error(cell.predicted_j, cell.published_j),
            if ["cpu", "gpu"].contains(&cell.column.as_str()) { "fitted" } else { "predicted" }.to_owned(),
        ]
    });
    let mean = |column: &str, of: fn(&hwcal::published::EnergyPrediction) -> f64| {
        let all: Vec<f64> = cells.iter().filter(|cell| cell.column == column).map(of).collect();
        all.iter().sum::<f64>() / all.len().max(1) as f64
    };
    let bars: Vec<String> = ["cpu", "gpu", "codl"]
        .iter()
        .map(|column| {
            format!("{column} {:.2} W ({:.2})", mean(column, |cell| cell.predicted_w), mean(column, |cell| cell.published_w))
        })
        .collect();
    let busy_w = mean("cpu", |cell| cell.predicted_w) + mean("gpu", |cell| cell.predicted_w) - BASE_W;
    let of_both: Vec<Pair> = cells
        .iter()
        .filter(|cell| !["cpu", "gpu"].contains(&cell.column.as_str()))
        .map(|cell| Pair {
            label: format!("{} {}", cell.model, cell.column),
            group: cell.column.clone(),
            predicted: cell.predicted_j,
            measured: cell.published_j,
        })
        .collect();
    Ok(Section {
        title: "Power and energy of a Snapdragon 855".to_owned(),
        text: vec![format!(
            "One factor on the measured power of a core and one power of the GPU are fitted to the mean bars of the CPU alone and of the GPU alone. The \
             published bars are additive (base 1.4 W, CPU 4.7 W, GPU 2.3 W make 8.4 of CoDL's 8.5 W); so are ours: {}, published in brackets.",
            bars.join(", ")
        )],
        tables: vec![Table {
            caption: "Power of the whole phone and energy of an inference (CoDL Fig. 21 and 22).".to_owned(),
            header: ["network, method", "W published", "ours", "error", "J published", "ours", "error", "ours is"]
                .map(str::to_owned)
                .into(),
            rows: rows.collect(),
        }],
        comparisons: vec![comparison(
            "codl-energy",
            "Energy of an inference on both processors. Nothing was fitted to it.",
            "J",
            of_both,
        )],
        findings: vec![format!(
            "Power of both together comes out {} off. Counted as busy from the first operator to the last, waiting for each other included, CPU and \
             GPU draw {busy_w:.2} W in ours, which is {} off: what is missing is power while waiting, and every published bar of CoDL lies at that sum, \
             however well the network splits. Whether cores spin or never wait that long is not published.",
            error(mean("codl", |cell| cell.predicted_w), mean("codl", |cell| cell.published_w)),
            error(busy_w, mean("codl", |cell| cell.published_w)),
        )],
    })
}
