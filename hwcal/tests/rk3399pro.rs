//! The profile of the RK3399Pro is what the fit makes of the tables that come with it.

use hwcal::rk3399pro::{Board, Campaign, Clocking, Knowledge, Mapping, Measurements, Placement, Processor, Profile, fit_profile};

#[test]
fn the_shipped_profile_is_the_fitted_one() {
    let measurements = Measurements::built_in().expect("built in");
    let (profile, text) = fit_profile(&measurements).expect("built in");
    assert!(
        text == Profile::built_in_text(),
        "run `socrates calibrate fit --device rk3399pro --output hwcal/data/rk3399pro/profile.json`"
    );
    assert_eq!(Profile::built_in().expect("built in"), profile);
}

#[test]
fn a_run_on_one_processor_is_the_sum_of_its_blocks() {
    let measurements = Measurements::built_in().expect("built in");
    for ((campaign, network), tables) in &measurements.networks {
        let board = Board::new(&measurements, *campaign, Knowledge::parts(true, Clocking::Late)).expect("fits");
        for processor in [Processor::Little, Processor::Big, Processor::Gpu] {
            let (point, host) = (processor.clocks_mhz().len() - 1, Processor::Big.clocks_mhz().len() - 1);
            let place = Placement { processor, point, host };
            let places = vec![place; tables.blocks.len()];
            let replay = board.replay(&Mapping { campaign: *campaign, network: network.clone(), places }).expect("measured");
            let sum_ms: f64 = tables.blocks.iter().filter_map(|block| block[processor as usize].task_ms.last()).sum();
            assert!((replay.task_ms - sum_ms).abs() < 1e-3, "{network} on {processor:?}: {} is not {sum_ms}", replay.task_ms);
        }
    }
}

#[test]
fn energy_is_power_times_time() {
    let measurements = Measurements::built_in().expect("built in");
    let board = Board::new(&measurements, Campaign::Lw, Knowledge::parts(false, Clocking::AtOnce)).expect("fits");
    let place = Placement { processor: Processor::Little, point: 5, host: 5 };
    let mapping = Mapping { campaign: Campaign::Lw, network: "AlexNet".into(), places: vec![place; 8] };
    let replay = board.replay(&mapping).expect("measured");
    let tables = measurements.network(Campaign::Lw, "AlexNet").expect("measured");
    let block = |block: &[hwcal::rk3399pro::BlockTimes; 4]| block[0].task_ms[5] * block[0].task_w[5];
    let expected_mj: f64 = tables.blocks.iter().map(block).sum();
    let energy_mj = board.energy_mj(&mapping, &replay, 0.0, false).expect("power is known");
    assert!((energy_mj - expected_mj).abs() < 0.01, "{energy_mj} is not {expected_mj}");
}
