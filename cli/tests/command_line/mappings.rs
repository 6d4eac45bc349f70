//! `validate mappings`.

use crate::folder::Folder;

const TABLE: &str = "\
src,model,proc_per_block,host_pair,freq_idx_per_block,input_ms,task_ms,output_ms,total_ms,input_mj,task_mj,total_mj
lw,AlexNet,LBLBGLGL,,5|1|1|3|3-1|1|3-7|1,35.9638,233.832,,269.795,127.2910,978.521,1105.810
lw,AlexNet,GBLBLLGL,,3-5|4|2|4|2|4|4-4|0,17.7710,179.432,,197.203,73.7730,848.503,922.276
lw,AlexNet,BBBBGGGG,,7|7|7|7|4-7|4-7|4-7|4-7,15,120,,135,,,
coup,AlexNet,NNNNNNNN,BB,max,14.3414,15.4833,,29.8247,,70.1273,
";

fn validate(folder: &Folder, table: &str, more: &[&str]) -> crate::folder::Ran {
    folder.write("table.csv", table);
    folder.socrates(&[&["validate", "mappings", "table.csv", "--device", "rk3399pro"], more].concat())
}

#[test]
fn json_has_the_figures_asked_for() {
    let ran = validate(&Folder::new(), TABLE, &["--json"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(report["unit"], "percent");
    assert_eq!((&report["rows"], &report["judged"]), (&4.into(), &3.into()));
    for of in [&report, &report["networks"]["AlexNet"]] {
        let mape = |key: &str| of[key].as_f64().expect("a number");
        assert!((0.0..30.0).contains(&mape("latency_mape")) && (0.0..30.0).contains(&mape("energy_mape")), "{of}");
        assert!(of["rank_within_network"].is_null(), "three rows are too few to rank");
    }
    let refused = report["refused"].as_object().expect("an object");
    assert_eq!(refused.values().collect::<Vec<_>>(), [&serde_json::Value::from(1)]);
}

#[test]
fn text_has_a_row_for_each_network_and_names_what_is_left_out() {
    let ran = validate(&Folder::new(), TABLE, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    for word in [
        "Campaign `lw`",
        "AlexNet",
        "3 of 4 rows judged",
        "no block of AlexNet was measured on the NPU in campaign coup (lines 5)",
    ] {
        assert!(ran.stdout.contains(word), "{word}\n{}", ran.stdout);
    }
}

#[test]
fn bad_tables_end_with_status_2() {
    let folder = Folder::new();
    let check = |table: &str, word: &str| {
        let ran = validate(&folder, table, &["--json"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(word), "{word}\n{}", ran.stderr);
    };
    check(&TABLE.replace("task_ms", "time"), "table.csv:1: column `task_ms` is missing");
    check(&TABLE.replace("233.832", "-"), "table.csv:2: task_ms is `-`");
    check(TABLE.lines().next().expect("a header"), "table.csv: no rows");
    check(&TABLE.replace("233.832", "233832").replace("179.432", "179432"), "must be in ms");
    let missing = folder.socrates(&["validate", "mappings", "nowhere.csv", "--device", "rk3399pro"]);
    assert_eq!(missing.status, Some(2));
    assert!(missing.stderr.contains("cannot read `nowhere.csv`"), "{}", missing.stderr);
}
