//! The board's part of the validation page, and tables for the command line.

use hwcal::rk3399pro::{Board, Campaign, Clocking, Knowledge, Measurements, Profile, mechanisms};
use hwcal::table::Source;

use crate::mappings::{HeldOut, Judge, Judged, MappingsError, Refused, Report, Units, findings};
use crate::{Comparison, Pair, Section, Table};

/// The measured mappings that come with the program.
const MAPPINGS: Source<'static> =
    Source { file: "mappings.csv", text: include_str!("../../../hwcal/data/rk3399pro/mappings.csv") };

fn words<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

/// A table per campaign, a row per network, and what was left out.
pub fn tables(report: &Report) -> Vec<Table> {
    let header =
        ["network", "n", "MAPE %", "95 % interval", "p90 %", "bias %", "rank", "n energy", "energy MAPE %", "repeats differ %"];
    let mut tables = Vec::new();
    for campaign in Campaign::ALL {
        let mut rows = Vec::new();
        for (network, of_network) in &report.networks {
            let Some(cell) = of_network.campaigns.get(campaign.name()) else {
                continue;
            };
            let latency = cell.latency;
            rows.push(vec![
                network.clone(),
                latency.count.to_string(),
                format!("{:.2}", latency.mape_percent),
                format!("{:.2} to {:.2}", latency.mape_low_percent, latency.mape_high_percent),
                format!("{:.1}", latency.p90_percent),
                format!("{:+.1}", latency.bias_percent),
                cell.rank.map_or_else(|| "-".to_owned(), |rank| format!("{rank:.3}")),
                cell.energy.map_or(0, |energy| energy.count).to_string(),
                cell.energy.map_or_else(|| "-".to_owned(), |energy| format!("{:.2}", energy.mape_percent)),
                cell.repeats.map_or_else(|| "-".to_owned(), |(median, pairs)| format!("{median:.1} ({pairs} pairs)")),
            ]);
        }
        if !rows.is_empty() {
            let caption = format!("Campaign `{}`: time of all blocks, and its energy.", campaign.name());
            tables.push(Table { caption, header: words(header), rows });
        }
    }
    tables
}

/// The whole part: what parts alone explain, what is left with networks and with strings of processors held out, and what was fitted.
///
/// # Errors
/// If the built-in data are refused.
pub fn section() -> Result<Section, MappingsError> {
    let measurements = Measurements::built_in()?;
    let by_network = Judge::new(&measurements, HeldOut::Networks)?.judge(MAPPINGS, Units::Checked)?;
    let by_string = Judge::new(&measurements, HeldOut::Strings)?.judge(MAPPINGS, Units::Checked)?;
    let (networks, strings) = (Report::of(&by_network.0, &by_network.1)?, Report::of(&by_string.0, &by_string.1)?);
    let mut all_tables = vec![ladder(&measurements, &by_network, &by_string)?];
    for (report, held_out) in [(&networks, "networks"), (&strings, "strings of processors")] {
        for mut table in tables(report) {
            table.caption = format!("{} Fitted with {held_out} held out.", table.caption);
            all_tables.push(table);
        }
    }
    all_tables.push(parameters()?);
    Ok(Section {
        title: "RK3399Pro: measured mappings".to_owned(),
        text: text(&networks, &strings),
        tables: all_tables,
        comparisons: comparisons(&by_network.0, &by_string.0),
        findings: findings::findings(&by_network.0, &by_string.0, &by_string.1),
    })
}

fn text(networks: &Report, strings: &Report) -> Vec<String> {
    vec![
        "Six networks on a board with two CPU clusters (`L`, `B`), a GPU (`G`) and an NPU (`N`): each block's time and power was measured on each \
         processor at each clock, and whole mappings of blocks to processors and clocks were measured from end to end. Each mapping is replayed by \
         the strategy `fixed-mapping`, clock changes included, and the second of two frames is compared, so that clocks carry over from the \
         frame before. Two campaigns with different runtimes, `lw` and `coup`, have parameters of their own and are never mixed. The rank is Spearman's \
         correlation within a network and campaign."
            .to_owned(),
        format!(
            "With networks held out the mean error over {} mappings is {:.2} %, of energy {} %; with strings of processors held out {:.2} % and {} %. \
             Of {} rows {} cannot be judged: no block of their network was measured on the NPU.",
            networks.judged,
            networks.latency_mape,
            percent(networks.energy_mape),
            strings.latency_mape,
            percent(strings.energy_mape),
            networks.rows,
            networks.rows - networks.judged,
        ),
    ]
}

/// MAPE and mean rank of one campaign's mixed mappings.
fn row(name: &str, campaign: Campaign, judged: &[Judged]) -> Result<Vec<String>, MappingsError> {
    let is_mixed = |it: &&Judged| it.row.mapping.places.windows(2).any(|pair| pair[0].processor != pair[1].processor);
    let of_campaign = judged.iter().filter(|it| it.row.mapping.campaign == campaign).filter(is_mixed).cloned();
    let report = Report::of(&of_campaign.collect::<Vec<_>>(), &[])?;
    let mut cells = vec![name.to_owned(), format!("{:.2}", report.latency_mape)];
    cells.push(report.rank_within_network.map_or_else(|| "-".to_owned(), |rank| format!("{rank:.3}")));
    cells.push(report.energy_mape.map_or_else(|| "-".to_owned(), |energy| format!("{energy:.2}")));
    Ok(cells)
}

type Both = (Vec<Judged>, Vec<Refused>);

/// What each kind of knowledge adds.
fn ladder(measurements: &Measurements, by_network: &Both, by_string: &Both) -> Result<Table, MappingsError> {
    let mut rows = Vec::new();
    let steps = [
        ("blocks", Knowledge::parts(false, Clocking::AtOnce)),
        ("blocks, transfers", Knowledge::parts(true, Clocking::AtOnce)),
        ("parts: blocks, transfers, clocks change late", Knowledge::parts(true, Clocking::Late)),
        ("the same, processors stand still meanwhile", Knowledge::parts(true, Clocking::Stalls)),
    ];
    for campaign in Campaign::ALL {
        for (name, knowledge) in steps {
            let board = Board::new(measurements, campaign, knowledge)?;
            let of_campaign = by_string.0.iter().filter(|it| it.row.mapping.campaign == campaign);
            let judged: Vec<Judged> = of_campaign.filter_map(|it| again(&board, it)).collect();
            rows.push(row(&format!("{}: {name}", campaign.name()), campaign, &judged)?);
        }
        for (name, both) in [("networks held out", by_network), ("strings held out", by_string)] {
            rows.push(row(&format!("{}: mechanisms fitted, {name}", campaign.name()), campaign, &both.0)?);
        }
    }
    let caption = "Mappings over several processors: what each kind of knowledge explains. Above the fitted rows nothing is fitted. A plain linear model \
                   of nine constants reaches 3.3 % (rank 0.972) on all of `lw` with networks held out, and 4.4 % (rank 0.77) on YOLOv3 by cross-validation.";
    let header = words(["knowledge", "MAPE %", "rank within network", "energy MAPE %"]);
    Ok(Table { caption: caption.to_owned(), header, rows })
}

/// The same row, predicted by another board.
fn again(board: &Board<'_>, it: &Judged) -> Option<Judged> {
    let replay = board.replay(&it.row.mapping).ok()?;
    // The power of a hand-over to the NPU is a fitted one; parts know only the power of what runs next.
    let energy = |input| board.energy_mj(&it.row.mapping, &replay, 0.0, input);
    let (task_mj, total_mj) = if it.row.mapping.uses_npu() { (None, None) } else { (energy(false), energy(true)) };
    Some(Judged { input_ms: replay.input_ms, task_ms: replay.task_ms, task_mj, total_mj, ..it.clone() })
}

fn parameters() -> Result<Table, MappingsError> {
    let profile = Profile::built_in()?;
    let mut rows = Vec::new();
    for campaign in Campaign::ALL {
        let Some(parameters) = profile.of(campaign) else {
            continue;
        };
        for (mechanism, value) in mechanisms(campaign).iter().zip(&parameters.values) {
            rows.push(vec![
                format!("{} {}: {}", campaign.name(), mechanism.name, mechanism.meaning),
                format!("{value}"),
                mechanism.unit.to_owned(),
            ]);
        }
    }
    let caption = "The mechanisms, as fitted to all mappings for the shipped profile.".to_owned();
    Ok(Table { caption, header: words(["mechanism", "value", "unit"]), rows })
}

fn comparisons(by_network: &[Judged], by_string: &[Judged]) -> Vec<Comparison> {
    let pair = |it: &Judged, predicted: f64, measured: f64| Pair {
        label: it.row.mapping.letters(),
        group: it.row.mapping.network.clone(),
        predicted,
        measured,
    };
    let lw: Vec<&Judged> = by_network.iter().filter(|it| it.row.mapping.campaign == Campaign::Lw).collect();
    let coup: Vec<&Judged> = by_string.iter().filter(|it| it.row.mapping.campaign == Campaign::Coup).collect();
    let comparison = |name: &str, caption: &str, unit: &str, pairs| Comparison {
        name: name.to_owned(),
        caption: caption.to_owned(),
        unit: unit.to_owned(),
        pairs,
    };
    vec![
        comparison(
            "rk3399pro-latency",
            "Time of all blocks, campaign `lw`; fitted with networks held out.",
            "ms",
            lw.iter().map(|it| pair(it, it.task_ms, it.row.task_ms)).collect(),
        ),
        comparison(
            "rk3399pro-energy",
            "Energy of all blocks, campaign `lw`; fitted with networks held out.",
            "mJ",
            lw.iter().filter_map(|it| Some(pair(it, it.task_mj?, it.row.task_mj?))).collect(),
        ),
        comparison(
            "rk3399pro-npu",
            "Time of all blocks, campaign `coup`; fitted with strings of processors held out.",
            "ms",
            coup.iter().map(|it| pair(it, it.task_ms, it.row.task_ms)).collect(),
        ),
    ]
}
