//! `socrates validate mappings`.

use std::fmt::Write as _;
use std::fs;

use anyhow::Context;
use hwcal::rk3399pro::Measurements;
use hwcal::table::Source;
use validation::mappings::{HeldOut, Judge, Refused, Report, Units, tables};

use crate::arguments::{HeldOutKind, MappedDevice, MappingsArguments};
use crate::failure::{Failure, Outcome, Status};
use crate::output::print;
use crate::table::{Align, Table};

pub(crate) fn mappings(arguments: &MappingsArguments) -> Outcome {
    let MappedDevice::Rk3399pro = arguments.device;
    let file = arguments.file.display().to_string();
    let text = fs::read_to_string(&arguments.file).with_context(|| format!("cannot read `{file}`")).map_err(Failure::input)?;
    let held_out = match arguments.held_out {
        HeldOutKind::Strings => HeldOut::Strings,
        HeldOutKind::Networks => HeldOut::Networks,
    };
    let measurements = Measurements::built_in().map_err(Failure::input)?;
    let judge = Judge::new(&measurements, held_out).map_err(Failure::input)?;
    let (judged, refused) = judge.judge(Source { file: &file, text: &text }, Units::Checked).map_err(Failure::input)?;
    let report = Report::of(&judged, &refused).map_err(Failure::input)?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&report).map_err(Failure::output)?;
        print(&format!("{json}\n"))?;
    } else {
        print(&words(&report, &refused))?;
    }
    Ok(Status::Done)
}

fn words(report: &Report, refused: &[Refused]) -> String {
    let mut text = String::new();
    for shown in tables(report) {
        let columns: Vec<(&str, Align)> = shown
            .header
            .iter()
            .enumerate()
            .map(|(index, name)| (name.as_str(), if index == 0 { Align::Left } else { Align::Right }))
            .collect();
        let mut table = Table::new(&columns);
        for row in shown.rows {
            table.row(row);
        }
        let _ = writeln!(text, "{}\n\n{}", shown.caption, table.render());
    }
    let shown = |value: Option<f64>, digits: usize| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"));
    let _ = writeln!(
        text,
        "{} of {} rows judged: latency {:.2} %, energy {} %, rank within network {}; with reading the image {} % and {} %.",
        report.judged,
        report.rows,
        report.latency_mape,
        shown(report.energy_mape, 2),
        shown(report.rank_within_network, 3),
        shown(report.total_latency_mape, 2),
        shown(report.total_energy_mape, 2),
    );
    let _ = writeln!(
        text,
        "{} rows were seen by the shipped profile and are predicted by fits that have not seen them. Plain linear models reach 3.3 % (rank 0.972) on \
         campaign lw with networks held out, 4.4 % (0.77) on YOLOv3 with the NPU; repeated measurements scatter by 0.5 to 3.3 %.",
        report.held_out
    );
    for Refused { why, lines } in refused {
        let first: Vec<String> = lines.iter().take(5).map(u64::to_string).collect();
        let more = if lines.len() > first.len() { ", ..." } else { "" };
        let _ = writeln!(text, "{} rows not judged: {why} (lines {}{more})", lines.len(), first.join(", "));
    }
    text
}
