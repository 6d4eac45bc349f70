//! Writes a results directory of small random runs, for the checks in Python: `cargo run --example small_run -- DIRECTORY`.

#[path = "../tests/common/mod.rs"]
mod common;

use results::{Content, RunWriter};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target = std::env::args().nth(1).ok_or("name the directory to write to")?;
    let mut writer = RunWriter::begin(target, common::provenance(), &Content::ALL)?;
    for seed in 0..8 {
        let case = common::small::case(common::small::Size { seed, models: 2, tasks: 8, requests: 10 });
        let infos = common::infos(&case);
        let report = common::report_of(&case, &infos);
        writer.add(&common::run(&case, &infos, &report, &format!("seed {seed}"), "scattered"))?;
    }
    writer.commit()?;
    Ok(())
}
