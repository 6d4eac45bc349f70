//! Measured mappings of the RK3399Pro: errors within stated bounds, splits kept, bad tables refused.

use hwcal::rk3399pro::{Campaign, Features, Fitting, MeasuredMapping, Measurements, TrainingRow, fit_campaign};
use hwcal::table::Source;
use validation::mappings::{HeldOut, Judge, Report, Units};

const BUILT_IN: Source<'static> = Source { file: "mappings.csv", text: include_str!("../../hwcal/data/rk3399pro/mappings.csv") };

/// The rows of the built-in table that a filter on their text lets through.
fn some(keep: impl Fn(&str) -> bool) -> String {
    let (header, rows) = BUILT_IN.text.split_once('\n').expect("a header");
    let rows: Vec<&str> = rows.lines().filter(|row| keep(row)).collect();
    format!("{header}\n{}\n", rows.join("\n"))
}

fn judge(held_out: HeldOut, text: &str) -> Result<Report, String> {
    let measurements = Measurements::built_in().expect("built in");
    let judge = Judge::new(&measurements, held_out).expect("built in");
    let (judged, refused) = judge.judge(Source { file: "table.csv", text }, Units::Checked).map_err(|error| error.to_string())?;
    Ok(Report::of(&judged, &refused).expect("rows"))
}

#[test]
fn errors_with_networks_held_out() {
    let report = judge(HeldOut::Networks, &some(|row| row.starts_with("lw,"))).expect("rows");
    assert_eq!((report.rows, report.judged, report.held_out), (1460, 1460, 1460));
    // Measured: 2.3 %, 2.3 %, 0.978.
    assert!(report.latency_mape < 2.5, "{}", report.latency_mape);
    assert!(report.energy_mape.is_some_and(|mape| mape < 2.5), "{:?}", report.energy_mape);
    assert!(report.rank_within_network.is_some_and(|rank| rank > 0.975), "{:?}", report.rank_within_network);
}

#[test]
fn errors_with_strings_held_out() {
    let report = judge(HeldOut::Strings, BUILT_IN.text).expect("rows");
    assert_eq!(report.rows, 1675);
    assert_eq!(report.judged + report.refused.values().sum::<usize>(), 1675);
    let npu = &report.networks["YOLOv3"].campaigns["coup"];
    // Measured: 4.0 %, rank 0.82.
    assert!(npu.latency.mape_percent < 6.0, "{}", npu.latency.mape_percent);
    let lw: Vec<f64> = report.networks.values().filter_map(|it| Some(it.campaigns.get("lw")?.latency.mape_percent)).collect();
    assert_eq!(lw.len(), 5);
    assert!(lw.iter().all(|mape| *mape < 3.5), "{lw:?}");
}

#[test]
fn a_fit_does_not_depend_on_what_is_held_out() {
    let measurements = Measurements::built_in().expect("built in");
    let fitting = Fitting::built_in(&measurements, Campaign::Lw).expect("built in");
    let is_seen = |row: &MeasuredMapping| row.mapping.network != "AlexNet";
    let fitted = fitting.fit(&is_seen).expect("rows");
    let spoiled = Fitting::of_rows(&measurements, Campaign::Lw, |row| {
        if row.mapping.network == "AlexNet" {
            row.task_ms *= 7.0;
        }
    });
    let spoiled = spoiled.expect("built in");
    assert_eq!(spoiled.fit(&is_seen).expect("rows"), fitted);
    assert_ne!(spoiled.fit(&|_| true).expect("rows"), fitting.fit(&|_| true).expect("rows"));
}

#[test]
fn a_fit_finds_the_parameters_that_made_its_rows() {
    let row = |base_ms: f64, one: f64, two: f64| TrainingRow {
        features: Features { base_ms, slopes_ms: vec![one, two] },
        task_ms: base_ms + 0.5 * one + 2.0 * two,
    };
    let rows: Vec<TrainingRow> = (1..60).map(|it| row(100.0, f64::from(it % 7) * 20.0, f64::from(it % 5) * 10.0)).collect();
    let values = fit_campaign(&rows).expect("regular");
    assert!((values[0] - 0.5).abs() < 0.05 && (values[1] - 2.0).abs() < 0.2, "{values:?}");
}

#[test]
fn bad_tables_are_refused() {
    let check = |text: &str, message: &str| {
        let refused = judge(HeldOut::Strings, text).expect_err("refused");
        assert!(refused.contains(message), "{refused}");
    };
    let header = "src,model,proc_per_block,freq_idx_per_block,input_ms,task_ms,task_mj,total_mj\n";
    let row = |row: &str| format!("{header}{row}\n");
    check("src,model\nlw,AlexNet\n", "table.csv:1: column `proc_per_block` is missing");
    check(header, "table.csv: no rows");
    check(&row("other,AlexNet,LLLLLLLL,max,1,2,3,4"), "table.csv:2: src is `other`: must be `lw` or `coup`");
    check(&row("lw,AlexNet,LLLLLLLX,max,1,2,3,4"), "table.csv:2: proc_per_block is `LLLLLLLX`");
    check(&row("lw,AlexNet,LLLLLLLG,5|5|5|5|5|5|5|5,1,2,3,4"), "table.csv:2: freq_idx_per_block is");
    check(&row("lw,AlexNet,LLLLLLLL,5|5,1,2,3,4"), "table.csv:2: freq_idx_per_block is `5|5`");
    check(&row("lw,AlexNet,LLLLLLLL,max,1,fast,3,4"), "table.csv:2: task_ms is `fast`: must be a finite number above 0");
    check(&row("lw,Unknown,LLLLLLLL,max,1,2,3,4"), "none of 1 rows can be judged: 1 rows: no block of Unknown was measured");
    check(&row("lw,AlexNet,LLL,max,1,2,3,4"), "AlexNet has 8 blocks, the mapping places 3");
    check(&row("coup,AlexNet,NNNNNNNN,max,1,2,3,4"), "no block of AlexNet was measured on the NPU");
}

#[test]
fn units_wrong_by_a_thousand_are_told() {
    let rescaled = |name: &str, factor: f64| {
        let text = some(|row| row.starts_with("lw,MobileNetV1"));
        let column = text.lines().next().and_then(|header| header.split(',').position(|it| it == name)).expect("a column");
        let mut rows: Vec<String> = Vec::new();
        for (index, row) in text.lines().enumerate() {
            let mut cells: Vec<String> = row.split(',').map(str::to_owned).collect();
            if index > 0 {
                cells[column] = (cells[column].parse::<f64>().expect("a number") * factor).to_string();
            }
            rows.push(cells.join(","));
        }
        judge(HeldOut::Strings, &rows.join("\n")).expect_err("refused")
    };
    let slow = rescaled("task_ms", 1000.0);
    assert!(slow.starts_with("table.csv: task_ms is ") && slow.ends_with("must be in ms"), "{slow}");
    let weak = rescaled("task_mj", 0.001);
    assert!(weak.starts_with("table.csv: task_mj is 1/") && weak.ends_with("must be in mJ"), "{weak}");
}
